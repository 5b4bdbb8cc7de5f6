/* SPDX-License-Identifier: Apache-2.0 */
/* Statements on SQLite: kept prepared per connection, found by their address.
 *
 * `$N` is a name to SQLite, numbered by first appearance; it is rewritten to `?N`, which is a
 * number. What a write binds is used before it returns, so it is bound without a copy; what a query
 * binds may be looked at for each row, when the caller's bytes may be gone, so SQLite copies it.
 *
 * Invariants
 *   Q1 a kept statement that is not open is reset
 *   Q2 every open row object is on its connection's list, and open_rows is the list's length */
#include "store/sqlite_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- preparing ---- */

/* Copies sql with ?N for $N outside quotes. */
static bool rewrite(const char *sql, char *out, size_t max)
{
	bool quoted = false;
	size_t i = 0;
	for (; sql[i]; i++) {
		if (i + 1 >= max)
			return false;
		if (sql[i] == '\'')
			quoted = !quoted;
		bool parameter = !quoted && sql[i] == '$' && sql[i + 1] >= '1' && sql[i + 1] <= '9';
		out[i] = parameter ? '?' : sql[i];
	}
	out[i] = '\0';
	return true;
}

static int prepare(struct sqlite_conn *conn, const struct store_stmt *key, bool keep,
	struct sqlite_rows *rows, struct err *err)
{
	char sql[SQLITE_SQL_MAX];
	const char *rest = "";
	if (!rewrite(key->sql, sql, sizeof(sql)))
		return err_set(err, ERR_INTERNAL, "%s: the statement is too long", key->name);
	int rc = sqlite3_prepare_v3(conn->db, sql, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0,
		&rows->stmt, &rest);
	if (rc)
		return sqlite_error(conn, key->name, err);
	if (!rows->stmt || *rest)
		return err_set(err, ERR_INTERNAL, "%s: not one statement", key->name);
	rows->rows.conn = &conn->conn;
	rows->key = key;
	rows->sql = key->sql;
	rows->params = sqlite3_bind_parameter_count(rows->stmt);
	rows->columns = sqlite3_column_count(rows->stmt);
	rows->read_only = sqlite3_stmt_readonly(rows->stmt);
	rows->spare = !keep;
	return 0;
}

static int make(struct sqlite_conn *conn, const struct store_stmt *key, bool keep,
	struct sqlite_rows **ret, struct err *err)
{
	struct sqlite_rows *rows = calloc(1, sizeof(*rows));
	if (!rows)
		return err_set(err, ERR_NO_MEMORY, "%s: no memory", key->name);
	int rc = prepare(conn, key, keep, rows, err);
	if (rc) {
		sqlite3_finalize(rows->stmt);
		free(rows);
		return rc;
	}
	*ret = rows;
	return 0;
}

static void unmake(struct sqlite_rows *rows)
{
	sqlite3_finalize(rows->stmt);
	free(rows);
}

/* ---- the table of kept statements ---- */

static int keep(struct sqlite_conn *conn, const struct store_stmt *key, struct sqlite_rows **ret,
	struct err *err)
{
	int rc = make(conn, key, true, ret, err);
	if (rc)
		return rc;
	rc = stmt_table_put(&conn->stmts, key, *ret, err);
	if (rc)
		unmake(*ret);
	return rc;
}

/* A statement that is ready to be bound. */
static int find(struct sqlite_conn *conn, const struct store_stmt *key, struct sqlite_rows **ret,
	struct err *err)
{
	struct sqlite_rows *kept = stmt_table_find(&conn->stmts, key);
	if (kept && kept->open)
		return make(conn, key, false, ret, err);
	if (kept && kept->sql == key->sql) {
		*ret = kept;
		return 0;
	}
	/* The address is kept but its text is another: a statement on a stack, in tests. */
	int rc = keep(conn, key, ret, err);
	if (!rc && kept)
		unmake(kept);
	return rc;
}

void sqlite_forget(struct sqlite_conn *conn)
{
	sqlite_rows_drop(&conn->conn);
	for (size_t i = 0; i < conn->stmts.size; i++) {
		if (conn->stmts.slots[i].key)
			unmake(conn->stmts.slots[i].kept);
	}
	stmt_table_free(&conn->stmts);
}

/* ---- binding ---- */

/* A NULL pointer would bind NULL; an empty text is not NULL. */
static const char *not_null(struct str s)
{
	return s.ptr ? s.ptr : "";
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct store_val *val,
	sqlite3_destructor_type copy)
{
	switch (val->type) {
	case STORE_INT:
		return sqlite3_bind_int64(stmt, at, val->integer);
	case STORE_TEXT:
		return sqlite3_bind_text64(stmt, at, not_null(val->bytes), val->bytes.len, copy,
			SQLITE_UTF8);
	case STORE_BLOB:
		return sqlite3_bind_blob64(stmt, at, not_null(val->bytes), val->bytes.len, copy);
	case STORE_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, at);
}

static int bind(struct sqlite_conn *conn, struct sqlite_rows *rows, struct store_args args,
	sqlite3_destructor_type copy, struct err *err)
{
	if (unexpected(args.count != (size_t)rows->params))
		return err_set(err, ERR_INTERNAL, "%s: %zu values for %d parameters",
			rows->key->name, args.count, rows->params);
	for (int i = 0; i < rows->params; i++) {
		if (bind_one(rows->stmt, i + 1, &args.vals[i], copy))
			return sqlite_error(conn, rows->key->name, err);
	}
	return 0;
}

static int find_and_bind(struct sqlite_conn *conn, const struct store_stmt *stmt,
	struct store_args args, sqlite3_destructor_type copy, struct sqlite_rows **ret,
	struct err *err)
{
	struct sqlite_rows *rows;
	int rc = find(conn, stmt, &rows, err);
	if (rc)
		return rc;
	rc = bind(conn, rows, args, copy, err);
	if (rc && rows->spare)
		unmake(rows);
	if (!rc)
		*ret = rows;
	return rc;
}

/* ---- running ---- */

/* A step failed: what that means, and the statement is reset (Q1). */
static int step_failed(struct sqlite_rows *rows, struct err *err)
{
	struct sqlite_conn *conn = sqlite_of(rows->rows.conn);
	int code = sqlite3_extended_errcode(conn->db);
	bool taken = code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ||
		code == SQLITE_CONSTRAINT_ROWID;
	int rc = sqlite_error(conn, rows->key->name, err);
	sqlite3_reset(rows->stmt);
	return taken ? STORE_MOVED : rc;
}

static void rows_open(struct sqlite_conn *conn, struct sqlite_rows *rows)
{
	rows->open = true;
	rows->stands = rows->at_end = false;
	rows->next_open = conn->open;
	rows->prev_open = &conn->open;
	if (conn->open)
		conn->open->prev_open = &rows->next_open;
	conn->open = rows;
	conn->conn.open_rows++;
}

void sqlite_rows_done(struct store_rows *base)
{
	struct sqlite_rows *rows = (struct sqlite_rows *)base;
	struct sqlite_conn *conn = sqlite_of(base->conn);
	require(rows->open && conn->conn.open_rows > 0);
	sqlite3_reset(rows->stmt);
	rows->open = false;
	*rows->prev_open = rows->next_open;
	if (rows->next_open)
		rows->next_open->prev_open = rows->prev_open;
	conn->conn.open_rows--;
	if (rows->spare)
		unmake(rows);
}

void sqlite_rows_drop(struct store_conn *conn)
{
	while (sqlite_of(conn)->open)
		sqlite_rows_done(&sqlite_of(conn)->open->rows);
}

/* Has so much been written beside this reading that it must end? */
static bool lasted_too_long(const struct sqlite_conn *conn)
{
	int64_t grown =
		(int64_t)atomic_load_explicit(&conn->engine->wal_pages, memory_order_relaxed) -
		conn->wal_at_begin;
	return conn->use == CONN_READ && grown > conn->engine->marks.reading;
}

int sqlite_next(struct store_rows *base, struct err *err)
{
	struct sqlite_rows *rows = (struct sqlite_rows *)base;
	require(rows->open);
	if (lasted_too_long(sqlite_of(base->conn)))
		return err_set(err, ERR_STORE,
			"%s: too much was written during this reading: begin "
			"again, or read a backup",
			rows->key->name);
	if (rows->stands) {
		rows->stands = false;
		return 1;
	}
	if (rows->at_end)
		return 0;
	int rc = sqlite3_step(rows->stmt);
	rows->at_end = rc != SQLITE_ROW;
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sqlite_error(sqlite_of(base->conn), rows->key->name, err);
}

/* A statement that writes and gives rows writes at its first step: that step is made here, so that
 * it is made even if nobody asks for the rows. */
static int write_first(struct sqlite_rows *rows, bool *ret_wrote, struct err *err)
{
	int rc = sqlite3_step(rows->stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return step_failed(rows, err);
	rows->stands = rc == SQLITE_ROW;
	rows->at_end = rc == SQLITE_DONE;
	*ret_wrote = true;
	return 0;
}

int sqlite_query(struct store_conn *base, const struct store_stmt *stmt, struct store_args args,
	bool *ret_wrote, struct store_rows **ret, struct err *err)
{
	struct sqlite_conn *conn = sqlite_of(base);
	struct sqlite_rows *rows;
	int rc = find_and_bind(conn, stmt, args, SQLITE_TRANSIENT, &rows, err);
	if (rc)
		return rc;
	rows_open(conn, rows);
	rc = rows->read_only ? 0 : write_first(rows, ret_wrote, err);
	if (rc) {
		sqlite_rows_done(&rows->rows);
		return rc;
	}
	*ret = &rows->rows;
	return 0;
}

/* A write went through: did it change what it should? */
static int write_done(struct sqlite_rows *rows, int64_t expect, bool *ret_wrote, struct err *err)
{
	sqlite3 *db = sqlite_of(rows->rows.conn)->db;
	int64_t changed = rows->read_only ? 0 : sqlite3_changes64(db);
	*ret_wrote |= changed > 0;
	sqlite3_reset(rows->stmt);
	if (expect == STORE_ANY || changed == expect)
		return 0;
	err_set(err, ERR_STORE, "%s: changed %lld rows, not %lld", rows->key->name,
		(long long)changed, (long long)expect);
	return STORE_MOVED;
}

int sqlite_write(struct store_conn *base, const struct store_stmt *stmt, struct store_args args,
	int64_t expect, bool *ret_wrote, struct err *err)
{
	struct sqlite_conn *conn = sqlite_of(base);
	struct sqlite_rows *rows;
	int rc = find_and_bind(conn, stmt, args, SQLITE_STATIC, &rows, err);
	if (rc)
		return rc;
	do
		rc = sqlite3_step(rows->stmt);
	while (rc == SQLITE_ROW);
	rc = rc == SQLITE_DONE ? write_done(rows, expect, ret_wrote, err) : step_failed(rows, err);
	if (rows->spare)
		unmake(rows);
	return rc;
}

/* ---- columns ---- */

static sqlite3_stmt *row(const struct store_rows *base, int column)
{
	const struct sqlite_rows *rows = (const struct sqlite_rows *)base;
	require(rows->open && column >= 0 && column < rows->columns);
	return rows->stmt;
}

int64_t sqlite_row_int(const struct store_rows *rows, int column)
{
	return sqlite3_column_int64(row(rows, column), column);
}

struct str sqlite_row_bytes(const struct store_rows *rows, int column)
{
	sqlite3_stmt *stmt = row(rows, column);
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return (struct str) { NULL, 0 };
	const void *ptr = sqlite3_column_blob(stmt, column);
	int len = sqlite3_column_bytes(stmt, column);
	return str_bytes(ptr ? ptr : "", (size_t)len);
}

bool sqlite_row_is_null(const struct store_rows *rows, int column)
{
	return sqlite3_column_type(row(rows, column), column) == SQLITE_NULL;
}
