/* SPDX-License-Identifier: Apache-2.0 */
/* What the linter must refuse, and what it must let pass. */
#include "store/fixture_impl.h"
#include "store/store_lint.h"

static const struct {
	const char *sql, *why; /* why NULL: it passes */
	enum store_reach reach;
} statements[] = {
	{ "SELECT a FROM t WHERE bucket = $1", NULL, STORE_ONE },
	{ "SELECT t.a FROM t WHERE t.bucket=$1 AND a = 'x;::--?'", NULL, STORE_ONE },
	{ "INSERT INTO t (at, bucket, a) VALUES ($1, $2, $3)", NULL, STORE_ONE },
	{ "INSERT INTO t (bucket, a) VALUES ($1, $2) ON CONFLICT (bucket) DO UPDATE SET a = $2 * 2",
		NULL, STORE_ONE },
	{ "UPDATE t SET a = a - $2 WHERE bucket = $1 AND a >= $2 RETURNING a", NULL, STORE_ONE },
	{ "SELECT COUNT(*), sum(a), COALESCE(max(b), 0) FROM t WHERE bucket = $1", NULL,
		STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 ORDER BY a LIMIT 1", NULL, STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND a IN($2, $3)", NULL, STORE_ONE },
	{ "SELECT a FROM t", NULL, STORE_SWEEP },
	{ "SELECT a FROM t WHERE id = $1", NULL, STORE_REFERENCE },
	{ "SELECT a FROM t WHERE bucket = $2 AND c = $1", NULL, STORE_ONE },

	{ "SELECT a FROM t WHERE id = $1", "names no bucket", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket >= $1", "names no bucket", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = 5", "names no bucket", STORE_ONE },
	{ "SELECT bucket FROM t", "names no bucket", STORE_ONE },
	{ "INSERT INTO t (a) VALUES ($1)", "names no bucket", STORE_ONE },
	{ "UPDATE t SET bucket = $1 WHERE a = $2", "never changes", STORE_SWEEP },
	{ "UPDATE t SET a = $1, bucket = $2 WHERE bucket = $3", "never changes", STORE_ONE },
	{ "SELECT a::text FROM t WHERE bucket = $1", "no casts", STORE_ONE },
	{ "SELECT CAST(a AS TEXT) FROM t WHERE bucket = $1", "no casts", STORE_ONE },
	{ "SELECT * FROM t WHERE bucket = $1", "name the columns", STORE_ONE },
	{ "select t.* from t where bucket = $1", "name the columns", STORE_ONE },
	{ "DELETE FROM t WHERE bucket = $1 RETURNING *", "name the columns", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1;", "semicolon", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 LIMIT 1", "ORDER BY", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND b < CURRENT_TIMESTAMP", "time is bound",
		STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND b < now()", "only functions", STORE_ONE },
	{ "SELECT random() FROM t WHERE bucket = $1", "only functions", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND b < datetime('now')", "only functions",
		STORE_ONE },
	{ "SELECT ifnull(a, 0) FROM t WHERE bucket = $1", "only functions", STORE_ONE },
	{ "UPDATE t SET a = MAX(a - $2, 0) WHERE bucket = $1", "write CASE", STORE_ONE },
	{ "INSERT OR REPLACE INTO t (bucket) VALUES ($1)", "ON CONFLICT", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 FOR UPDATE", "guards", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND b == $2", "equal is =", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND b = TRUE", "truth is", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = ?1", "parameters are", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND b = $3", "left out", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND b = $0", "$1 to $64", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 AND b = $65", "$1 to $64", STORE_ONE },
	{ "SELECT \"a\" FROM t WHERE bucket = $1", "quoted", STORE_ONE },
	{ "SELECT a FROM t WHERE bucket = $1 -- why", "comments", STORE_ONE },
	{ "SELECT a /* why */ FROM t WHERE bucket = $1", "comments", STORE_ONE },
	{ "SELECT rowid FROM t WHERE bucket = $1", "one engine", STORE_ONE },
	{ "CREATE TABLE t (a BIGINT)", "schema belongs", STORE_REFERENCE },
	{ "SELECT {blob} FROM t WHERE bucket = $1", "tokens belong", STORE_ONE },
	{ "PRAGMA user_version", "one engine", STORE_REFERENCE },
	{ "BEGIN", "the store begins", STORE_REFERENCE },
};

static const struct {
	const char *sql, *why;
} migrations[] = {
	{ "CREATE TABLE t (bucket INTEGER NOT NULL, a {blob}, PRIMARY KEY (bucket, a)) {rows}",
		NULL },
	{ "CREATE TABLE t (at BIGINT, bucket INTEGER, {grow at | bucket, a}) {rows}", NULL },
	{ "CREATE TABLE shops (shop BIGINT NOT NULL, name TEXT, PRIMARY KEY (shop)) {rows}", NULL },
	{ "CREATE INDEX t_a ON t(a, bucket) WHERE a > 0", NULL },
	{ "ALTER TABLE t ADD COLUMN date BIGINT", NULL },
	{ "CREATE TABLE t (a BIGINT, bucket INTEGER, PRIMARY KEY (a, bucket)) {rows}",
		"starts with bucket" },
	{ "CREATE TABLE t (at BIGINT, bucket INTEGER, {grow at | a, bucket}) {rows}",
		"starts with bucket" },
	{ "CREATE TABLE t (bucket INTEGER) {rows}", "needs a primary key" },
	{ "CREATE TABLE t (a BLOB)", "types are" },
	{ "CREATE TABLE t (a BYTEA)", "types are" },
	{ "CREATE TABLE t (a VARCHAR(3))", "types are" },
	{ "CREATE TABLE t (a SERIAL)", "made in C" },
	{ "CREATE TABLE t (a BIGINT REFERENCES u)", "across shards" },
	{ "CREATE TABLE t (a BIGINT DEFAULT CURRENT_TIME)", "time is bound" },
	{ "CREATE TABLE t (a BIGINT); DROP TABLE u", "semicolon" },
	{ "CREATE TRIGGER g AFTER INSERT ON t", "no triggers" },
	{ "CREATE FUNCTION f", "no functions" },
	{ "DELETE FROM t WHERE a = $1", "no parameters" },
};

struct found {
	const char *name, *why;
	int count;
};

static void collect(void *user, const char *stmt, const char *why)
{
	struct found *found = user;
	found->count++;
	found->name = stmt;
	found->why = why;
}

static void assert_verdict(const struct store_room *room, const char *sql, const char *why)
{
	struct found found = { 0 };
	int n = store_lint(&room, 1, collect, &found);
	assert_int_equal(n, found.count);
	if (!why && n)
		fail_msg("row \"%s\": refused: %s", sql, found.why);
	if (why && n == 0)
		fail_msg("row \"%s\": passed", sql);
	if (why && n == 1 && !strstr(found.why, why))
		fail_msg("row \"%s\": refused because: %s", sql, found.why);
}

static void lint_statements(void **state)
{
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		struct store_stmt stmt = { "x.y", statements[i].reach, statements[i].sql };
		struct store_room room = { "x", &stmt, 1, NULL, 0 };
		assert_verdict(&room, statements[i].sql, statements[i].why);
	}
}

static void lint_migrations(void **state)
{
	for (size_t i = 0; i < sizeof(migrations) / sizeof(migrations[0]); i++) {
		struct store_room room = { "x", NULL, 0, &migrations[i].sql, 1 };
		assert_verdict(&room, migrations[i].sql, migrations[i].why);
	}
}

static void lint_names(void **state)
{
	static const struct store_stmt stmts[] = { { "x.a", STORE_REFERENCE, "SELECT 1" },
		{ NULL } };
	static const char *const steps[] = { "CREATE TABLE t (a BIGINT)",
		"CREATE TABLE u (a REAL)" };
	const struct store_room fine = { "fine", stmts, 1, steps, 1 };
	const struct store_room empty = { "empty", stmts, 2, NULL, 0 };
	const struct store_room step = { "step", NULL, 0, steps, 2 };
	const struct store_room *const rooms[] = { &fine, &empty, &step };
	struct found found = { 0 };
	assert_int_equal(store_lint(rooms, 1, collect, &found), 0);
	assert_int_equal(store_lint(rooms, 2, collect, &found), 1);
	assert_int_equal(store_lint(rooms, 3, collect, &found), 2);
}

/* Every text cut at every place: no fault is worth a crash. */
static void lint_cut_texts(void **state)
{
	struct found found = { 0 };
	char part[256];
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		for (size_t n = 0; n < strlen(statements[i].sql); n++) {
			snprintf(part, sizeof(part), "%.*s", (int)n, statements[i].sql);
			struct store_stmt stmt = { "x.y", STORE_ONE, part };
			struct store_room room = { "x", &stmt, 1, NULL, 0 };
			const struct store_room *rooms[] = { &room };
			store_lint(rooms, 1, collect, &found);
		}
	}
}

int main(void)
{
	return TEST_MAIN(test(lint_statements), test(lint_migrations), test(lint_names),
		test(lint_cut_texts));
}
