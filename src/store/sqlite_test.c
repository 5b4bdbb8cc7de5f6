/* SPDX-License-Identifier: Apache-2.0 */
/* What is SQLite's own: the file, its settings, its statements; and the tokens of schema steps. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/fixture_impl.h"
#include "store/sqlite_impl.h"

static const struct engine *const on_disk = &fixture_engines[0];

/* ---- opening ---- */

static const struct {
	const char *url, *says;
} not_opened[] = {
	{ "sqlite:%s/none", "zegel init" },
	{ "sqlite:%s/none/none", "No such file" },
	{ "sqlite:%s/empty", "zegel migrate" },
	{ "sqlite:%s/noise", "not a database" },
	{ "sqlite:%s", "unable to open" },
	{ "sqlite:", "path of a file" },
	{ "mysql://host/base", "sqlite:/path/to/file" },
	{ "", "sqlite:/path/to/file" },
};

static void make_file(const struct fixture *fixture, const char *name, const char *content)
{
	char path[100];
	snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void opening(void **state)
{
	struct fixture fixture;
	struct err err;
	fixture_init_empty(&fixture, on_disk);
	make_file(&fixture, "empty", "");
	make_file(&fixture, "noise",
		"This is not what a store looks like, whatever its name says.");
	for (size_t i = 0; i < sizeof(not_opened) / sizeof(not_opened[0]); i++) {
		snprintf(fixture.url, sizeof(fixture.url), not_opened[i].url, fixture.dir);
		fixture.options.url = str_of(fixture.url);
		int rc = store_open(&fixture.options, &fixture.store, &err);
		assert_row(not_opened[i].url, rc == ERR_STORE);
		if (!strstr(err.text, not_opened[i].says))
			fail_msg("%s: %s", not_opened[i].url, err.text);
		assert_null(fixture.store);
	}
	fixture_done(&fixture);
}

/* Looking what would be made makes nothing. */
static void rehearsal(void **state)
{
	struct fixture fixture;
	struct err err;
	fixture_init_empty(&fixture, on_disk);
	assert_ok(store_migrate(&fixture.options, true, NULL, NULL, &err), &err);
	assert_int_not_equal(access(fixture.url + strlen("sqlite:"), F_OK), 0);
	fixture_done(&fixture);
}

static int64_t setting(struct store_conn *conn, const char *name)
{
	char sql[64];
	sqlite3_stmt *stmt;
	snprintf(sql, sizeof(sql), "PRAGMA %s", name);
	assert_int_equal(sqlite3_prepare_v2(sqlite_of(conn)->db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

/* A commit is on disk, and the file is its owner's alone. */
static void settings(void **state)
{
	static const struct {
		const char *name;
		int64_t value;
	} rows[] = {
		{ "page_size", 8192 },
		{ "synchronous", 2 },
		{ "foreign_keys", 0 },
		{ "temp_store", 2 },
		{ "wal_autocheckpoint", 0 },
		{ "cache_size", -49152 },
	};
	struct fixture fixture;
	struct stat st;
	fixture_init(&fixture, on_disk);
	struct store_conn *conn = fixture.store->writers[0].tx.conn;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_row(rows[i].name, setting(conn, rows[i].name) == rows[i].value);
	assert_int_equal(stat(fixture.url + strlen("sqlite:"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fixture_done(&fixture);
}

/* A store that nobody else has open. */
static void read_only(void **state)
{
	struct fixture fixture;
	fixture_init(&fixture, on_disk);
	make_account(&fixture, 1, 5);
	fixture_close(&fixture);
	fixture.options.read_only = true;
	fixture_open(&fixture);
	assert_int_equal(balance_of(&fixture, 1), 5);
	fixture_done(&fixture);
}

/* ---- statements ---- */

#define MANY 700

static int many_statements(struct job *job, struct store_tx *tx, struct err *err)
{
	static struct store_stmt stmts[MANY];
	static char sql[MANY][40];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++) {
			struct store_rows *rows ROWS_AUTO = NULL;
			snprintf(sql[i], sizeof(sql[i]), "SELECT %d + $1", i);
			stmts[i] = (struct store_stmt) { "test.many", STORE_REFERENCE, sql[i] };
			int rc = store_query(tx, &stmts[i], ARGS(V_INT(1)), &rows, err);
			if (rc || store_next(rows, err) != 1 || store_int(rows, 0) != i + 1)
				return ERR_STORE;
		}
	}
	return 0;
}

/* The table of kept statements grows and finds all of them again. */
static void many_kept(void **state)
{
	struct fixture fixture;
	fixture_init(&fixture, on_disk);
	assert_int_equal(do_job(&fixture, many_statements), 0);
	fixture_done(&fixture);
}

static int one_address(struct job *job, struct store_tx *tx, struct err *err)
{
	static const char *const texts[] = { "SELECT 1", "SELECT 2", "SELECT 3" };
	struct store_stmt stmt = { "test.moves", STORE_REFERENCE, NULL };
	for (int i = 0; i < 3; i++) {
		struct store_rows *rows ROWS_AUTO = NULL;
		stmt.sql = texts[i];
		int rc = store_query(tx, &stmt, NO_ARGS, &rows, err);
		if (rc || store_next(rows, err) != 1 || store_int(rows, 0) != i + 1)
			return ERR_STORE;
	}
	return 0;
}

/* Another text at the address of a kept one. */
static void replaced(void **state)
{
	struct fixture fixture;
	fixture_init(&fixture, on_disk);
	assert_int_equal(do_job(&fixture, one_address), 0);
	fixture_done(&fixture);
}

/* ---- tokens ---- */

static const struct {
	const char *step, *filled, *other; /* other: where the time comes last; NULL: refused */
} steps[] = {
	{ "no tokens", "no tokens", "no tokens" },
	{ "{blob}", "BLOB", "BYTEA" },
	{ "a {blob} NOT NULL, b {blob}", "a BLOB NOT NULL, b BLOB", "a BYTEA NOT NULL, b BYTEA" },
	{ ") {rows}", ") WITHOUT ROWID", ") " },
	{ "{grow at | bucket, id}", "PRIMARY KEY (at, bucket, id)",
		"PRIMARY KEY (bucket, id, at)" },
	{ "{grow at|bucket}", "PRIMARY KEY (at, bucket)", "PRIMARY KEY (bucket, at)" },
	{ "{grow at}", NULL, NULL },
	{ "{grow | bucket}", NULL, NULL },
	{ "{grow at | }", NULL, NULL },
	{ "{bolb}", NULL, NULL },
	{ "{}", NULL, NULL },
	{ "{blob", NULL, NULL },
	{ "", "", "" },
};

static void assert_filled(const struct ddl_words *words, const char *step, const char *filled)
{
	struct buf out BUF_AUTO;
	struct err err;
	buf_init(&out, NULL, 100);
	int rc = ddl_fill(words, step, &out, &err);
	assert_row(step, rc == (filled ? 0 : ERR_INTERNAL));
	if (filled)
		assert_string_equal(out.ptr, filled);
}

static void tokens(void **state)
{
	const struct ddl_words other = { "BYTEA", "", false };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_filled(&sqlite_driver.words, steps[i].step, steps[i].filled);
		assert_filled(&other, steps[i].step, steps[i].other);
	}
}

static void too_long(void **state)
{
	struct buf out BUF_AUTO;
	struct err err;
	buf_init(&out, NULL, 8);
	assert_int_equal(ddl_fill(&sqlite_driver.words, "CREATE TABLE", &out, &err), ERR_INTERNAL);
}

int main(void)
{
	return TEST_MAIN(test(opening), test(rehearsal), test(settings), test(read_only),
		test(many_kept), test(replaced), test(tokens), test(too_long));
}
