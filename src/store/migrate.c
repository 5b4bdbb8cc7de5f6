/* SPDX-License-Identifier: Apache-2.0 */
/* Schema steps: which a store has, and making the missing ones.
 *
 * The store remembers each step by its name, "room-number", in schema_steps. A step is one
 * statement in one transaction together with its row, so a program that dies half-way leaves whole
 * steps, and two that migrate at once take turns: each step is looked up inside the transaction
 * that would make it. (An engine where begin() does not shut others out needs a lease around
 * run_all().) */
#include "store/store_impl.h"

#include <stdio.h>

#include "base/check.h"

#define STEP_NAME_MAX 64
/* Steps of all rooms together, ever. */
#define STEPS_MAX 1000

static const char make_table[] =
	"CREATE TABLE IF NOT EXISTS schema_steps ("
	"name TEXT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (name)) {rows}";

static const struct store_stmt list_steps = { "store.list_steps", STORE_REFERENCE,
	"SELECT name FROM schema_steps ORDER BY name" };
static const struct store_stmt find_step = { "store.find_step", STORE_REFERENCE,
	"SELECT applied_at FROM schema_steps WHERE name = $1" };
static const struct store_stmt add_step = { "store.add_step", STORE_REFERENCE,
	"INSERT INTO schema_steps (name, applied_at) VALUES ($1, $2)" };

/* One step of one room. */
struct step {
	char name[STEP_NAME_MAX];
	const char *sql;
};

struct migration {
	const struct store_options *options;
	struct store_tx *tx;
	struct buf *sql;
	bool dry_run;
	void (*each)(void *user, const char *name, const char *sql);
	void *user;
};

static size_t step_count(const struct store_options *options)
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

static bool step_known(const struct store_options *options, struct str name)
{
	struct step step;
	for (size_t i = 0; i < step_count(options); i++) {
		step_at(options, i, &step);
		if (str_is(name, step.name))
			return true;
	}
	return false;
}

/* ---- looking ---- */

/* 1: there is a table of that name. */
static int table_there(struct store_tx *tx, const char *name, struct err *err)
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
	int rc = table_there(tx, "schema_steps", err);
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
	size_t count = 0, wanted = step_count(options);
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

/* The table of steps, and a look whether the schema is one this program may touch. */
static int steps_ready(struct migration *migration, struct err *err)
{
	const struct store_driver *driver = migration->tx->conn->driver;
	size_t count;
	buf_reset(migration->sql);
	int rc = ddl_fill(&driver->words, make_table, migration->sql, err);
	if (!rc)
		rc = driver->ddl(migration->tx->conn, migration->sql->ptr, err);
	return rc ? rc : count_applied(migration->options, migration->tx, &count, err);
}

/* One transaction: step NULL readies the table of steps. */
static int run_one(struct migration *migration, const struct step *step, struct err *err)
{
	int rc = tx_begin(migration->tx, err);
	if (rc)
		return rc;
	tx_reset(migration->tx);
	rc = step ? step_make(migration, step, err) : steps_ready(migration, err);
	if (!rc)
		return tx_commit(migration->tx, err);
	tx_rollback(migration->tx);
	return rc;
}

static int run_all(struct migration *migration, struct err *err)
{
	struct step step;
	int rc = run_one(migration, NULL, err);
	for (size_t i = 0; i < step_count(migration->options) && !rc; i++) {
		step_at(migration->options, i, &step);
		rc = run_one(migration, &step, err);
	}
	return rc;
}

/* Looks at every step in one transaction and takes it all back. */
static int rehearse(struct migration *migration, struct err *err)
{
	struct step step;
	int rc = tx_begin(migration->tx, err);
	if (rc)
		return rc;
	tx_reset(migration->tx);
	rc = steps_ready(migration, err);
	for (size_t i = 0; i < step_count(migration->options) && !rc; i++) {
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
	struct migration migration = { options, &store->writers[0].tx, &sql, dry_run, each, user };
	require(step_count(options) <= STEPS_MAX);
	return dry_run ? rehearse(&migration, err) : run_all(&migration, err);
}
