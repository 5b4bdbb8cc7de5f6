/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions by month, and what spreads a store over nodes (on one that has no Citus). */
#include "base/id.h"
#include "store/fixture_relay.h"
#include "store/postgres_impl.h"
#include "store/tables.h"

static const struct engine *const postgres = &fixture_engines[2];

static const char *const migrations[] = {
	"CREATE TABLE notes (made_ms BIGINT NOT NULL, bucket INTEGER NOT NULL, note BIGINT NOT NULL, "
	"{grow made_ms | bucket, note}) {rows by month made_ms}",
	"CREATE TABLE places (id BIGINT NOT NULL PRIMARY KEY) {rows}",
	"CREATE TABLE more (bucket INTEGER NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (bucket, id)) {rows}",
};
static const struct store_stmt add_note = { "months.add", STORE_ONE,
	"INSERT INTO notes (made_ms, bucket, note) VALUES ($1, $2, $3)" };
static const struct store_room room = { .name = "months",
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations) };
static const struct store_room *const rooms[] = { &room };

static void open_months(struct fixture *fixture, const struct engine *engine)
{
	struct err err;
	fixture_init_empty(fixture, engine);
	fixture->options.rooms = rooms;
	fixture->options.room_count = 1;
	assert_ok(store_migrate(&fixture->options, false, NULL, NULL, &err), &err);
	fixture_open(fixture);
}

static int add(struct job *job, struct store_tx *tx, struct err *err)
{
	return store_write(tx, &add_note, ARGS(V_INT(job->in / 1000), V_INT(1), V_INT(job->in)), 1,
		err);
}

static int add_at(struct fixture *fixture, int64_t us)
{
	struct job job = { .work = add, .in = us };
	return run_job(fixture, &job);
}

#define MONTH (31 * CLOCK_DAY)

/* The months around now are there; a year ahead is an error until time has come nearer. */
static void months_come_in_time(void **state)
{
	struct fixture fixture;
	struct err err;
	open_months(&fixture, postgres);
	for (int n = -1; n <= 3; n++)
		assert_int_equal(add_at(&fixture, FIXTURE_NOW + n * 28 * CLOCK_DAY), 0);
	assert_int_equal(add_at(&fixture, FIXTURE_NOW + 12 * MONTH), ERR_STORE);
	assert_ok(store_tend(fixture.store, &err), &err);
	assert_ok(store_tend(fixture.store, &err), &err);
	clock_fake_advance(&fixture.clock, 10 * MONTH);
	assert_int_equal(add_at(&fixture, FIXTURE_NOW + 10 * MONTH), ERR_STORE);
	assert_ok(store_tend(fixture.store, &err), &err);
	assert_int_equal(add_at(&fixture, FIXTURE_NOW + 10 * MONTH), 0);
	assert_int_equal(add_at(&fixture, FIXTURE_NOW + 12 * MONTH), 0);
	fixture_done(&fixture);
}

/* What is to be filled with old rows has a place for all that our ids can be. */
static void a_filled_store_has_all_months(void **state)
{
	struct fixture fixture;
	struct err err;
	open_months(&fixture, postgres);
	assert_int_equal(add_at(&fixture, ID_EPOCH_US), ERR_STORE);
	fixture_close(&fixture);
	fixture.options.filling = true;
	assert_ok(store_migrate(&fixture.options, false, NULL, NULL, &err), &err);
	fixture_open(&fixture);
	assert_int_equal(add_at(&fixture, ID_EPOCH_US), 0);
	assert_int_equal(add_at(&fixture, ID_EPOCH_US + 40 * CLOCK_DAY), 0);
	fixture_done(&fixture);
}

static void sqlite_has_no_months(void **state)
{
	struct fixture fixture;
	struct err err;
	open_months(&fixture, &fixture_engines[0]);
	assert_int_equal(add_at(&fixture, ID_EPOCH_US), 0);
	assert_ok(store_tend(fixture.store, &err), &err);
	fixture_done(&fixture);
}

/* ---- nodes ---- */

static void how_tables_are_spread(void **state)
{
	static const struct {
		const char *table, *first, *sql;
	} rows[] = {
		{ "notes", "", "SELECT create_distributed_table('notes', 'bucket')" },
		{ "places", "notes", "SELECT create_reference_table('places')" },
		{ "more", "notes",
			"SELECT create_distributed_table('more', 'bucket', colocate_with => 'notes')" },
	};
	struct tables tables;
	struct err err;
	assert_ok(tables_read(rooms, 1, &tables, &err), &err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf buf BUF_AUTO;
		buf_init(&buf, NULL, 4096);
		pg_spread_sql(tables_find(&tables, str_of(rows[i].table)), rows[i].first, &buf);
		assert_string_equal(buf.ptr, rows[i].sql);
	}
	tables_done(&tables);
}

static void without_citus_it_says_so(void **state)
{
	struct fixture fixture;
	struct err err;
	open_months(&fixture, postgres);
	assert_int_equal(store_spread(&fixture.options, false, NULL, NULL, &err), ERR_STORE);
	assert_non_null(strstr(err.text, "CREATE EXTENSION citus"));
	fixture_done(&fixture);
	open_months(&fixture, &fixture_engines[0]);
	assert_int_equal(store_spread(&fixture.options, false, NULL, NULL, &err), ERR_STORE);
	assert_non_null(strstr(err.text, "sqlite"));
	fixture_done(&fixture);
}

int main(void)
{
	if (!fixture_can(postgres)) {
		puts("1..0 # skip there is no PostgreSQL (ZEGEL_TEST_POSTGRES)");
		return 0;
	}
	return TEST_MAIN(test(sqlite_has_no_months), test(how_tables_are_spread),
		test(months_come_in_time), test(a_filled_store_has_all_months),
		test(without_citus_it_says_so));
}
