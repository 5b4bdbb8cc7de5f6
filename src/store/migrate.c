/* SPDX-License-Identifier: Apache-2.0 */
/* Schema steps: which a store has, and making the missing ones.
 *
 * The store remembers each step by its name, "room-number", in schema_steps. A step is one
 * statement in one transaction together with its row, so a program that dies half-way leaves whole
 * steps, and two that migrate at once take turns: each step is looked up inside the transaction
 * that would make it. Where begin() does not shut the other out, who migrates holds a lease: a row
 * with his name and its end, which he renews in each step's transaction and which anybody may take
 * once it has ended. */
#include "store/store_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/id.h"
#include "store/tables.h"

/* Steps of all rooms together, ever. */
#define STEPS_MAX 1000

static const char make_table[] =
	"CREATE TABLE IF NOT EXISTS schema_steps ("
	"name TEXT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (name)) {rows}";

/* How long a lease runs beyond a step's beginning. Its row is locked while a step is made, so a
 * step may take longer. */
#define LEASE_US CLOCK_MINUTE
/* Between two looks whether the other is done. */
#define LEASE_NAP_NS 50000000L

static const char make_lease[] =
	"CREATE TABLE IF NOT EXISTS schema_lease (name TEXT NOT NULL, holder TEXT NOT NULL,"
	" ends_at BIGINT NOT NULL, PRIMARY KEY (name)) {rows}";
static const struct store_stmt take_lease = { "store.take_lease", STORE_REFERENCE,
	"INSERT INTO schema_lease (name, holder, ends_at) VALUES ('schema', $1, $2)"
	" ON CONFLICT (name) DO UPDATE SET holder = $1, ends_at = $2"
	" WHERE schema_lease.ends_at <= $3 RETURNING holder" };
static const struct store_stmt find_lease = { "store.find_lease", STORE_REFERENCE,
	"SELECT holder, ends_at FROM schema_lease WHERE name = 'schema'" };
static const struct store_stmt renew_lease = { "store.renew_lease", STORE_REFERENCE,
	"UPDATE schema_lease SET ends_at = $2 WHERE name = 'schema' AND holder = $1" };

static const struct store_stmt list_steps = { "store.list_steps", STORE_REFERENCE,
	"SELECT name FROM schema_steps ORDER BY name" };
static const struct store_stmt find_step = { "store.find_step", STORE_REFERENCE,
	"SELECT applied_at FROM schema_steps WHERE name = $1" };
static const struct store_stmt add_step = { "store.add_step", STORE_REFERENCE,
	"INSERT INTO schema_steps (name, applied_at) VALUES ($1, $2)" };

/* One step of one room. */
struct step {
	char name[STORE_STEP_MAX];
	const char *sql;
};

struct migration {
	const struct store_options *options;
	struct store_tx *tx;
	struct buf *sql;
	bool dry_run;
	void (*each)(void *user, const char *name, const char *sql);
	void *user;
	char holder[96]; /* of the lease: this program */
	bool leased;
};

size_t store_step_count(const struct store_options *options)
{
	size_t count = 0;
	for (size_t i = 0; i < options->room_count; i++)
		count += options->rooms[i]->migration_count;
	return count;
}

/* The n-th step of all rooms, in their order. */
static void step_at(const struct store_options *options, size_t n, struct step *ret)
{
	size_t room = 0;
	while (n >= options->rooms[room]->migration_count)
		n -= options->rooms[room++]->migration_count;
	snprintf(ret->name, sizeof(ret->name), "%s-%zu", options->rooms[room]->name, n + 1);
	ret->sql = options->rooms[room]->migrations[n];
}

void store_step_name(const struct store_options *options, size_t n, char ret[STORE_STEP_MAX])
{
	struct step step;
	step_at(options, n, &step);
	memcpy(ret, step.name, STORE_STEP_MAX);
}

static bool step_known(const struct store_options *options, struct str name)
{
	struct step step;
	for (size_t i = 0; i < store_step_count(options); i++) {
		step_at(options, i, &step);
		if (str_is(name, step.name))
			return true;
	}
	return false;
}

/* ---- looking ---- */

int migrate_find_table(struct store_tx *tx, const char *name, struct err *err)
{
	const struct store_stmt find = { "store.find_table", STORE_REFERENCE,
		tx->conn->driver->find_table };
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &find, ARGS(V_TEXT(str_of(name))), &rows, err);
	return rc ? rc : store_next(rows, err);
}

/* How many steps the store has; ERR_STORE if one of them is not ours. */
static int count_applied(const struct store_options *options, struct store_tx *tx, size_t *ret,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	size_t count = 0;
	int rc = migrate_find_table(tx, "schema_steps", err);
	if (!rc)
		return err_set(err, ERR_STORE, "there is no schema: run `zegel migrate`");
	rc = rc < 0 ? rc : store_query(tx, &list_steps, NO_ARGS, &rows, err);
	while (!rc && (rc = store_next(rows, err)) == 1) {
		struct str name = store_bytes(rows, 0);
		if (!step_known(options, name))
			return err_set(err, ERR_STORE,
				"the schema is newer than this program (it has step %.*s): use the "
				"program that made it, or a later one",
				STR_ARG(name));
		if (++count > STEPS_MAX)
			return err_set(err, ERR_STORE, "more than %d schema steps", STEPS_MAX);
		rc = 0;
	}
	if (!rc)
		*ret = count;
	return rc;
}

int migrate_check(struct store_tx *tx, const struct store_options *options, struct err *err)
{
	size_t count = 0, wanted = store_step_count(options);
	int rc = count_applied(options, tx, &count, err);
	if (rc)
		return rc;
	if (count < wanted)
		return err_set(err, ERR_STORE, "%zu schema steps are missing: run `zegel migrate`",
			wanted - count);
	return 0;
}

/* 1: the step is there. */
static int step_applied(struct store_tx *tx, const struct step *step, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &find_step, ARGS(V_TEXT(str_of(step->name))), &rows, err);
	return rc ? rc : store_next(rows, err);
}

/* ---- making ---- */

/* The step and its row, unless it is there already. */
static int step_make(struct migration *migration, const struct step *step, struct err *err)
{
	struct store_tx *tx = migration->tx;
	const struct store_driver *driver = tx->conn->driver;
	int rc = step_applied(tx, step, err);
	if (rc)
		return rc < 0 ? rc : 0;
	buf_reset(migration->sql);
	rc = ddl_fill(&driver->words, step->sql, migration->sql, err);
	if (rc)
		return rc;
	if (migration->each)
		migration->each(migration->user, step->name, migration->sql->ptr);
	if (migration->dry_run)
		return 0;
	rc = driver->ddl(tx->conn, migration->sql->ptr, err);
	if (rc)
		return rc;
	return store_write(tx, &add_step,
		ARGS(V_TEXT(str_of(step->name)), V_INT(store_now(tx->store))), 1, err);
}

static int make(struct migration *migration, const char *table, struct err *err)
{
	const struct store_driver *driver = migration->tx->conn->driver;
	buf_reset(migration->sql);
	int rc = ddl_fill(&driver->words, table, migration->sql, err);
	return rc ? rc : driver->ddl(migration->tx->conn, migration->sql->ptr, err);
}

/* The tables of steps and of the lease, and a look whether the schema is one this program may
 * touch. */
static int steps_ready(struct migration *migration, struct err *err)
{
	size_t count;
	int rc = make(migration, make_table, err);
	if (!rc && migration->tx->conn->driver->leases)
		rc = make(migration, make_lease, err);
	return rc ? rc : count_applied(migration->options, migration->tx, &count, err);
}

/* ---- the lease ---- */

static int say_holder(struct store_tx *tx, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &find_lease, NO_ARGS, &rows, err);
	if (!rc)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return STORE_MOVED;
	int64_t left_s = (store_int(rows, 1) - store_now(tx->store)) / CLOCK_SECOND + 1;
	return err_set(err, ERR_BUSY,
		"%.*s is changing the schema: wait for it; if it is gone, its lease ends "
		"within %" PRId64 " s",
		STR_ARG(store_bytes(rows, 0)), left_s);
}

/* 0: we hold it. ERR_BUSY: somebody else does. */
static int lease_take(struct migration *migration, struct err *err)
{
	struct store_tx *tx = migration->tx;
	struct store_rows *rows ROWS_AUTO = NULL;
	int64_t now = store_now(tx->store);
	int rc = store_query(tx, &take_lease,
		ARGS(V_TEXT(str_of(migration->holder)), V_INT(now + LEASE_US), V_INT(now)), &rows,
		err);
	if (!rc)
		rc = store_next(rows, err);
	return rc == 1 ? 0 : rc < 0 ? rc : say_holder(tx, err);
}

static int lease_extend(struct migration *migration, struct err *err)
{
	return store_write(migration->tx, &renew_lease,
		ARGS(V_TEXT(str_of(migration->holder)),
			V_INT(store_now(migration->tx->store) + LEASE_US)),
		1, err);
}

static int lease_give(struct migration *migration, struct err *err)
{
	return store_write(migration->tx, &renew_lease,
		ARGS(V_TEXT(str_of(migration->holder)), V_INT(0)), STORE_ANY, err);
}

/* ---- partitions ---- */

/* Those of the months to come; in a store that is to be filled with old rows, of all that can be:
 * our ids begin in 2024. */
static int months(struct migration *migration, struct err *err)
{
	const struct store_options *options = migration->options;
	struct tables tables;
	int64_t from, to;
	int rc = tables_read(options->rooms, options->room_count, &tables, err);
	if (rc)
		return rc;
	months_around(clock_now(migration->tx->store->clock), &from, &to);
	if (options->filling && from > ID_EPOCH_US)
		from = ID_EPOCH_US;
	rc = months_make(migration->tx, &tables, from, to, migration->each, migration->user, err);
	tables_done(&tables);
	return rc;
}

/* ---- transactions ---- */

enum work { READY, TAKE, STEP, MONTHS, GIVE };

static int do_work(struct migration *migration, enum work work, const struct step *step,
	struct err *err)
{
	int rc = 0;
	switch (work) {
	case READY:
		return steps_ready(migration, err);
	case TAKE:
		return lease_take(migration, err);
	case GIVE:
		return lease_give(migration, err);
	case MONTHS:
		return months(migration, err);
	case STEP:
		if (migration->leased)
			rc = lease_extend(migration, err);
		return rc ? rc : step_make(migration, step, err);
	}
	return 0;
}

/* STORE_MOVED: it must be done again. */
static int run_once(struct migration *migration, enum work work, const struct step *step,
	struct err *err)
{
	struct store_tx *tx = migration->tx;
	int rc = tx_begin(tx, err);
	if (rc)
		return rc == STORE_AWAY ? ERR_STORE : rc;
	tx_reset(tx);
	rc = do_work(migration, work, step, err);
	if (!rc)
		return tx_commit(tx, err);
	tx_rollback(tx);
	return tx->moved ? STORE_MOVED : rc;
}

static int run_one(struct migration *migration, enum work work, const struct step *step,
	struct err *err)
{
	int rc = STORE_MOVED;
	for (int i = 0; i < UNIT_RUNS_MAX && rc == STORE_MOVED; i++)
		rc = run_once(migration, work, step, err);
	if (rc != STORE_MOVED)
		return rc;
	struct err why = *err;
	return err_set(err, ERR_BUSY, "somebody else is changing the schema (%.180s)", why.text);
}

static int lease_wait(struct migration *migration, struct err *err)
{
	int64_t end = clock_ticks_ns() + STORE_PATIENCE_MS * INT64_C(1000000);
	int rc = run_one(migration, TAKE, NULL, err);
	while (rc == ERR_BUSY && clock_ticks_ns() < end) {
		nanosleep(&(struct timespec) { 0, LEASE_NAP_NS }, NULL);
		rc = run_one(migration, TAKE, NULL, err);
	}
	migration->leased = !rc;
	return rc;
}

static int run_all(struct migration *migration, struct err *err)
{
	struct step step;
	struct err ignored;
	int rc = run_one(migration, READY, NULL, err);
	if (!rc && migration->tx->conn->driver->leases)
		rc = lease_wait(migration, err);
	for (size_t i = 0; i < store_step_count(migration->options) && !rc; i++) {
		step_at(migration->options, i, &step);
		rc = run_one(migration, STEP, &step, err);
	}
	if (!rc && migration->tx->conn->driver->words.by_month)
		rc = run_one(migration, MONTHS, NULL, err);
	if (migration->leased && run_one(migration, GIVE, NULL, &ignored))
		return rc; /* it ends by itself */
	return rc;
}

static void name_holder(struct migration *migration)
{
	char host[64] = "";
	gethostname(host, sizeof(host) - 1);
	snprintf(migration->holder, sizeof(migration->holder), "%s, process %ld, %08x", host,
		(long)getpid(), clock_random32(clock_system()));
}

/* Looks at every step in one transaction and takes it all back. */
static int rehearse(struct migration *migration, struct err *err)
{
	struct step step;
	int rc = tx_begin(migration->tx, err);
	if (rc)
		return rc == STORE_AWAY ? ERR_STORE : rc;
	tx_reset(migration->tx);
	rc = steps_ready(migration, err);
	for (size_t i = 0; i < store_step_count(migration->options) && !rc; i++) {
		step_at(migration->options, i, &step);
		rc = step_make(migration, &step, err);
	}
	tx_rollback(migration->tx);
	return rc;
}

int migrate_apply(struct store *store, const struct store_options *options, bool dry_run,
	void (*each)(void *user, const char *name, const char *sql), void *user, struct err *err)
{
	struct buf sql BUF_AUTO;
	buf_init(&sql, NULL, STORE_DDL_MAX);
	struct migration migration = { options, &store->writers[0].tx, &sql, dry_run, each, user,
		"", false };
	name_holder(&migration);
	require(store_step_count(options) <= STEPS_MAX);
	return dry_run ? rehearse(&migration, err) : run_all(&migration, err);
}
