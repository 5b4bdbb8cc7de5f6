/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of schema steps. tests/tidy/lint_test.c holds what it reads of the rooms' own steps
 * against what SQLite makes of them. */
#include "store/tables.h"

#include "base/buf.h"
#include "store/store_lint.h"
#include "tests/support/test.h"

#define STEPS_MAX 4

static int read_steps(const char *const *steps, struct tables *ret, struct err *err)
{
	struct store_room room = { .name = "room", .migrations = steps };
	const struct store_room *rooms[] = { &room };
	while (room.migration_count < STEPS_MAX && steps[room.migration_count])
		room.migration_count++;
	return tables_read(rooms, 1, ret, err);
}

/* "name(column TYPE?, ...) key(a, b) grows bucket" */
static void describe(const struct table *table, struct buf *out)
{
	buf_printf(out, "%s(", table->name);
	for (int i = 0; i < table->column_count; i++)
		buf_printf(out, "%s%s %s%s", i ? ", " : "", table->columns[i].name,
			column_type_name(table->columns[i].type),
			table->columns[i].nullable ? "?" : "");
	buf_cstr(out, ") key(");
	for (int i = 0; i < table->key_count; i++)
		buf_printf(out, "%s%s", i ? ", " : "", table->columns[table->key[i]].name);
	buf_printf(out, ")%s%s", table->grows ? " grows" : "", table->bucket >= 0 ? " bucket" : "");
	if (table->month >= 0)
		buf_printf(out, " by month of %s", table->columns[table->month].name);
}

/* ---- what is understood ---- */

static const struct {
	const char *steps[STEPS_MAX];
	const char *tables;
} good[] = {
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY) {rows}" }, "t(a BIGINT) key(a)" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL, PRIMARY KEY (a))" }, "t(a BIGINT) key(a)" },
	{ { "CREATE TABLE t (bucket INTEGER NOT NULL, a {blob} NOT NULL, b TEXT, c {blob},"
	    " PRIMARY KEY (bucket, a)) {rows}" },
		"t(bucket INTEGER, a BLOB, b TEXT?, c BLOB?) key(bucket, a) bucket" },
	{ { "CREATE TABLE t (at BIGINT NOT NULL, bucket INTEGER NOT NULL, a BIGINT NOT NULL,"
	    " {grow at | bucket, a}) {rows}" },
		"t(at BIGINT, bucket INTEGER, a BIGINT) key(bucket, a, at) grows bucket" },
	{ { "CREATE TABLE t (at BIGINT NOT NULL, bucket INTEGER NOT NULL, a BIGINT NOT NULL,"
	    " {grow at | bucket, a}) {rows by month at}" },
		"t(at BIGINT, bucket INTEGER, a BIGINT) key(bucket, a, at) grows bucket by month of at" },
	{ { "CREATE TABLE t (b TEXT NOT NULL, a BIGINT NOT NULL, PRIMARY KEY (b, a)) {rows}",
		  "ALTER TABLE t ADD COLUMN more {blob}",
		  "ALTER TABLE t ADD COLUMN n INTEGER NOT NULL DEFAULT 0" },
		"t(b TEXT, a BIGINT, more BLOB?, n INTEGER) key(b, a)" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL, s TEXT NOT NULL DEFAULT 'x, y) (',"
	    " n BIGINT DEFAULT -1, PRIMARY KEY (a))" },
		"t(a BIGINT, s TEXT, n BIGINT?) key(a)" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY) {rows}",
		  "CREATE INDEX i ON t (a, b) WHERE c > 0", "CREATE UNIQUE INDEX j ON t (a)",
		  "DROP INDEX i" },
		"t(a BIGINT) key(a)" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY) {rows}",
		  "CREATE TABLE u2_x (  a\n\tBIGINT NOT NULL PRIMARY KEY  )" },
		"t(a BIGINT) key(a); u2_x(a BIGINT) key(a)" },
};

static void it_reads(void **state)
{
	struct tables tables;
	struct err err;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct buf text BUF_AUTO;
		buf_init(&text, NULL, 4096);
		assert_ok(read_steps(good[i].steps, &tables, &err), &err);
		for (size_t k = 0; k < tables.count; k++) {
			buf_cstr(&text, k ? "; " : "");
			describe(&tables.list[k], &text);
		}
		assert_str(buf_str(&text), good[i].tables);
		tables_done(&tables);
	}
}

/* ---- what is not ---- */

#define T "CREATE TABLE t (bucket INTEGER NOT NULL, a BIGINT NOT NULL, b BIGINT, "

static const struct {
	const char *steps[STEPS_MAX];
	const char *why;
} bad[] = {
	{ { "" }, "room-1: no step" },
	{ { "INSERT INTO t (a) VALUES (1)" }, "room-1: no step" },
	{ { "DROP TABLE t" }, "no INDEX at \"TABLE\"" },
	{ { "ALTER TABLE t RENAME TO u" }, "no such table" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL)" }, "no key" },
	{ { "CREATE TABLE t (a BIGINT PRIMARY KEY)" }, "may be NULL" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY" }, "there is no )" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY) WITHOUT ROWID" }, "more than this" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY) {rows} {rows}" }, "more than this" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY) {rows by month b}" }, "no column" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY, b BIGINT NOT NULL)"
	    " {rows by month b}" },
		"not in the key" },
	{ { "CREATE TABLE IF NOT EXISTS t (a BIGINT NOT NULL PRIMARY KEY)" }, "there is no name" },
	{ { "CREATE TABLE T (a BIGINT NOT NULL PRIMARY KEY)" }, "there is no name" },
	{ { "CREATE TABLE t (a BYTEA NOT NULL PRIMARY KEY)" }, "there is no type at \"BYTEA\"" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL CHECK (a > 0), PRIMARY KEY (a))" },
		"there is no ) at \"CHECK\"" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL DEFAULT now, PRIMARY KEY (a))" }, "no constant" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL, a TEXT, PRIMARY KEY (a))" }, "twice" },
	{ { T "PRIMARY KEY (bucket, c))" }, "no column" },
	{ { T "PRIMARY KEY (bucket, bucket))" }, "twice" },
	{ { T "PRIMARY KEY (a, bucket))" }, "not first" },
	{ { T "PRIMARY KEY (bucket, b))" }, "may be NULL" },
	{ { T "PRIMARY KEY (bucket), PRIMARY KEY (bucket))" }, "second key" },
	{ { T "PRIMARY KEY ())" }, "there is no name" },
	{ { T "{grow a})" }, "there is no |" },
	{ { T "{grow a | })" }, "there is no name" },
	{ { T "{grow a | bucket, a})" }, "twice" },
	{ { T "{grow bucket | a})" }, "not first" },
	{ { T "{grow a | bucket" }, "there is no }" },
	{ { T "{grown a | bucket})" }, "there is no name" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY)",
		  "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY)" },
		"room-2: a table is made twice" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY)", "ALTER TABLE t DROP COLUMN a" },
		"there is no ADD" },
	{ { "CREATE TABLE t (a BIGINT NOT NULL PRIMARY KEY)",
		  "ALTER TABLE t ADD COLUMN b BIGINT, ADD COLUMN c BIGINT" },
		"more than this" },
};

static void it_refuses(void **state)
{
	struct tables tables;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = { 0 };
		int rc = read_steps(bad[i].steps, &tables, &err);
		if (rc != ERR_INTERNAL || !strstr(err.text, bad[i].why))
			fail_msg("row %zu, \"%s\": %d, %s", i, bad[i].why, rc, err.text);
	}
}

/* Cut anywhere, a step is refused, and never read as another. */
static void it_refuses_what_is_cut(void **state)
{
	static const char whole[] =
		"CREATE TABLE t (at BIGINT NOT NULL, bucket INTEGER NOT NULL, s TEXT DEFAULT 'x',"
		" {grow at | bucket})";
	struct tables tables;
	struct err err;
	char cut[sizeof(whole)];
	const char *steps[STEPS_MAX] = { cut };
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)n, whole);
		if (read_steps(steps, &tables, &err) != ERR_INTERNAL)
			fail_msg("cut at %zu it was read", n);
	}
}

/* ---- its statements ---- */

static void print_fault(void *user, const char *stmt, const char *why)
{
	print_error("%s: %s\n", stmt, why);
}

static void the_statements_are_those_of_the_house(void **state)
{
	static const char *const steps[] = {
		"CREATE TABLE t (at BIGINT NOT NULL, bucket INTEGER NOT NULL, a BIGINT NOT NULL,"
		" {grow at | bucket, a}) {rows}",
		"CREATE TABLE u (b TEXT NOT NULL, a BIGINT NOT NULL, PRIMARY KEY (b, a)) {rows}",
		NULL,
	};
	static const char *const sql[2][TABLE_STMT_COUNT] = {
		{ "SELECT at, bucket, a FROM t",
			"SELECT at, bucket, a FROM t ORDER BY bucket, a, at",
			"SELECT at, bucket, a FROM t ORDER BY at, bucket, a",
			"SELECT at, bucket, a FROM t ORDER BY bucket, a, at LIMIT 1",
			"INSERT INTO t (at, bucket, a) VALUES ($1, $2, $3)" },
		{ "SELECT b, a FROM u", "SELECT b, a FROM u ORDER BY b, a",
			"SELECT b, a FROM u ORDER BY b, a",
			"SELECT b, a FROM u ORDER BY b, a LIMIT 1",
			"INSERT INTO u (b, a) VALUES ($1, $2)" },
	};
	struct tables tables;
	struct err err;
	assert_ok(read_steps(steps, &tables, &err), &err);
	assert_int_equal(tables.count, 2);
	for (size_t i = 0; i < tables.count; i++) {
		const struct store_room room = { .name = "made",
			.statements = tables.list[i].stmts,
			.statement_count = TABLE_STMT_COUNT };
		const struct store_room *rooms[] = { &room };
		for (int k = 0; k < TABLE_STMT_COUNT; k++)
			assert_string_equal(tables.list[i].stmts[k].sql, sql[i][k]);
		assert_int_equal(store_lint(rooms, 1, print_fault, NULL), 0);
	}
	assert_ptr_equal(tables_find(&tables, STR("u")), &tables.list[1]);
	assert_null(tables_find(&tables, STR("v")));
	tables_done(&tables);
}

int main(void)
{
	return TEST_MAIN(test(it_reads), test(it_refuses), test(it_refuses_what_is_cut),
		test(the_statements_are_those_of_the_house));
}
