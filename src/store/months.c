/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions by month, and spreading tables over nodes: what treats all tables alike.
 *
 * A table made with {rows by month TIME} has, on PostgreSQL, no place of its own: each month has a
 * partition, "receipts_2026_11", and there is none for whatever else comes: a row of a month that
 * nobody foresaw is an error that shows, not a heap that cannot be dropped. So the months to come
 * are made early: by store_migrate(), and by store_tend() of every server, three months ahead. Two
 * that make the same one meet at its name, and the later is run again and finds it. */
#include <stdio.h>

#include "base/check.h"
#include "codec/date.h"
#include "store/store_impl.h"
#include "store/tables.h"

#define US_A_MS 1000
#define MONTHS_AHEAD 3
/* Of one table: a hundred years. */
#define MONTHS_MAX 1200

/* ---- months ---- */

/* The month `n` after the one that begins at `from`. */
static struct date month_after(struct date from, int n)
{
	int months = from.year * 12 + from.month - 1 + n;

	return (struct date) { .year = months / 12, .month = months % 12 + 1, .day = 1 };
}

static int64_t start_us(struct date month)
{
	return date_days(month) * CLOCK_DAY;
}

static struct date month_of(int64_t us)
{
	struct date day = date_of_days(us / CLOCK_DAY);

	day.day = 1;
	return day;
}

void months_around(int64_t now_us, int64_t *ret_from_us, int64_t *ret_to_us)
{
	struct date now = month_of(now_us);

	*ret_from_us = start_us(month_after(now, -1)); /* a server whose clock is behind */
	*ret_to_us = start_us(month_after(now, MONTHS_AHEAD));
}

/* ---- making ---- */

static int make_one(struct store_tx *tx, const struct table *table, struct date month,
	void (*each)(void *user, const char *name, const char *sql), void *user, struct err *err)
{
	char name[128], sql[512];

	snprintf(name, sizeof(name), "%s_%04d_%02d", table->name, month.year, month.month);
	snprintf(sql, sizeof(sql),
		"CREATE TABLE IF NOT EXISTS %s PARTITION OF %s FOR VALUES FROM (%lld) TO (%lld)",
		name, table->name, (long long)(start_us(month) / US_A_MS),
		(long long)(start_us(month_after(month, 1)) / US_A_MS));
	int rc = migrate_find_table(tx, name, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (each)
		each(user, name, sql);
	return tx->conn->driver->ddl(tx->conn, sql, err);
}

int months_make(struct store_tx *tx, const struct tables *tables, int64_t from_us, int64_t to_us,
	void (*each)(void *user, const char *name, const char *sql), void *user, struct err *err)
{
	struct date first = month_of(from_us);
	int rc = 0;

	if (!tx->conn->driver->words.by_month)
		return 0;
	for (size_t i = 0; i < tables->count; i++) {
		struct date month = first;
		if (tables->list[i].month < 0)
			continue;
		for (int n = 0; rc == 0 && n < MONTHS_MAX && start_us(month) <= to_us; n++) {
			rc = make_one(tx, &tables->list[i], month, each, user, err);
			month = month_after(first, n + 1);
		}
	}
	return rc;
}

/* ---- while it is served ---- */

struct tending {
	struct unit unit;
	struct tables tables;
};

static int run_tend(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct tending *tending = (struct tending *)unit;
	int64_t from, to;

	months_around(now, &from, &to);
	return months_make(tx, &tending->tables, from, to, NULL, NULL, err);
}

int store_tend(struct store *store, struct err *err)
{
	struct tending tending = { .unit = { .run = run_tend } };
	int64_t from, to;

	months_around(clock_now(store->clock), &from, &to);
	if (!store->driver->words.by_month || atomic_load(&store->months_made) >= to)
		return 0;
	int rc = tables_read(store->options.rooms, store->options.room_count, &tending.tables, err);
	if (rc)
		return rc;
	rc = store_run(store, &tending.unit);
	tables_done(&tending.tables);
	if (rc)
		*err = tending.unit.err;
	else
		atomic_store(&store->months_made, to);
	return rc;
}

/* ---- over nodes ---- */

static int spread_table(struct store_tx *tx, const struct table *table, const char *first,
	bool dry_run, struct buf *sql, struct err *err)
{
	int rc = tx_begin(tx, err);

	if (rc)
		return rc == STORE_AWAY ? ERR_STORE : rc;
	tx_reset(tx);
	rc = tx->conn->driver->spread(tx, table, first, dry_run, sql, err);
	if (rc == 0 && !dry_run)
		return tx_commit(tx, err);
	tx_rollback(tx);
	return rc;
}

static int spread_all(struct store_tx *tx, const struct tables *tables, bool dry_run,
	void (*each)(void *user, const char *name, const char *sql), void *user, struct err *err)
{
	/* the store's own, which no room has */
	static const struct table own[] = { { .name = "schema_steps", .bucket = -1 },
		{ .name = "schema_lease", .bucket = -1 } };
	struct buf sql BUF_AUTO;
	const char *first = "";
	int rc = 0;

	buf_init(&sql, NULL, 4096);
	for (size_t i = 0; i < 2 && rc >= 0; i++) {
		rc = spread_table(tx, &own[i], first, dry_run, &sql, err);
		if (rc == 0 && each)
			each(user, own[i].name, sql.ptr);
		buf_reset(&sql);
	}
	for (size_t i = 0; i < tables->count && rc >= 0; i++) {
		const struct table *table = &tables->list[i];
		buf_reset(&sql);
		rc = spread_table(tx, table, first, dry_run, &sql, err);
		if (rc == 0 && each)
			each(user, table->name, sql.ptr);
		if (table->bucket >= 0 && !first[0])
			first = table->name;
	}
	return rc < 0 ? rc : 0;
}

int store_spread(const struct store_options *options, bool dry_run,
	void (*each)(void *user, const char *name, const char *sql), void *user, struct err *err)
{
	struct tables tables;
	struct store *store;
	int rc = store_attach(options, OPEN_EXISTING, &store, err);

	if (rc)
		return rc;
	if (!store->driver->spread) {
		rc = err_set(err, ERR_STORE,
			"only a PostgreSQL store with the extension citus can be spread, not %s",
			store->driver->name);
		store_close(&store);
		return rc;
	}
	rc = tables_read(options->rooms, options->room_count, &tables, err);
	if (rc == 0) {
		rc = spread_all(&store->writers[0].tx, &tables, dry_run, each, user, err);
		tables_done(&tables);
	}
	store_close(&store);
	return rc;
}
