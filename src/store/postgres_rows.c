/* SPDX-License-Identifier: Apache-2.0 */
/* Queries, writes, rows and their columns on PostgreSQL.
 *
 * A query's rows come all at once, with its answer. Only a sweep in a reading, which may walk
 * millions, comes through a cursor, PG_SWEEP_ROWS at a time, while other queries go on in between.
 *
 * Columns come in binary; BIGINT sums come as NUMERIC and are read as whole numbers.
 *
 * Invariant
 *   R1 every open row object is on its connection's list, and open_rows is the list's length */
#include "store/postgres_impl.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- life ---- */

static int rows_open(struct pg_conn *conn, const struct store_stmt *key, struct pg_rows **ret,
	struct err *err)
{
	struct pg_rows *rows = calloc(1, sizeof(*rows));
	if (!rows)
		return err_set(err, ERR_NO_MEMORY, "%s: no memory", key->name);
	rows->rows.conn = &conn->conn;
	rows->key = key;
	rows->at = -1;
	rows->next_open = conn->rows;
	rows->prev_open = &conn->rows;
	if (conn->rows)
		conn->rows->prev_open = &rows->next_open;
	conn->rows = rows;
	conn->conn.open_rows++;
	*ret = rows;
	return 0;
}

/* Nobody waits for its answer any more. */
static void let_go(struct pg_conn *conn, const struct pg_rows *rows)
{
	for (size_t i = 0; i < conn->sent_count; i++) {
		struct pg_sent *sent = &conn->sent[(conn->sent_first + i) % conn->sent_size];
		if (sent->rows == rows)
			sent->rows = NULL;
	}
}

static void close_cursor(struct pg_conn *conn, const struct pg_rows *rows)
{
	char sql[48];
	const struct pg_sent sent = { PG_DONE, rows->key->name };
	if (!conn->open || conn->fault)
		return;
	snprintf(sql, sizeof(sql), "CLOSE z%u", rows->cursor);
	if (pg_send_once(conn, sql, NO_ARGS, &sent, NULL))
		return; /* the fault stands on the connection */
}

void pg_rows_done(struct store_rows *base)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	struct pg_conn *conn = pg_of(base->conn);
	require(conn->conn.open_rows > 0);
	if (!rows->arrived)
		let_go(conn, rows);
	if (rows->cursor)
		close_cursor(conn, rows);
	*rows->prev_open = rows->next_open;
	if (rows->next_open)
		rows->next_open->prev_open = rows->prev_open;
	conn->conn.open_rows--;
	PQclear(rows->result);
	free(rows);
}

void pg_rows_drop(struct store_conn *conn)
{
	while (pg_of(conn)->rows)
		pg_rows_done(&pg_of(conn)->rows->rows);
}

/* ---- queries ---- */

static int fetch(struct pg_conn *conn, struct pg_rows *rows, struct err *err)
{
	char sql[48];
	const struct pg_sent sent = { PG_ROWS, rows->key->name, .rows = rows, .long_work = true };
	snprintf(sql, sizeof(sql), "FETCH %d FROM z%u", PG_SWEEP_ROWS, rows->cursor);
	PQclear(rows->result);
	rows->result = NULL;
	rows->arrived = false;
	return pg_send_once(conn, sql, NO_ARGS, &sent, err);
}

static int sweep(struct pg_conn *conn, struct store_args args, struct pg_rows *rows,
	struct err *err)
{
	const struct pg_sent sent = { PG_DONE, rows->key->name, .long_work = true };
	struct buf sql BUF_AUTO;
	buf_init(&sql, NULL, STORE_DDL_MAX);
	rows->cursor = ++conn->names;
	buf_printf(&sql, "DECLARE z%u NO SCROLL CURSOR FOR %s", rows->cursor, rows->key->sql);
	buf_char(&sql, '\0');
	if (sql.failed)
		return err_set(err, ERR_INTERNAL, "%s: the statement is too long", rows->key->name);
	int rc = pg_send_once(conn, sql.ptr, args, &sent, err);
	return rc ? rc : fetch(conn, rows, err);
}

int pg_query(struct store_conn *base, const struct store_stmt *stmt, struct store_args args,
	bool *ret_wrote, struct store_rows **ret, struct err *err)
{
	struct pg_conn *conn = pg_of(base);
	struct pg_rows *rows = NULL;
	int rc = rows_open(conn, stmt, &rows, err);
	if (rc)
		return rc;
	const struct pg_sent sent = { PG_ROWS, stmt->name, .rows = rows };
	if (conn->use == CONN_READ && stmt->reach == STORE_SWEEP)
		rc = sweep(conn, args, rows, err);
	else
		rc = pg_send(conn, stmt, args, &sent, err);
	*ret_wrote |= conn->wrote;
	if (rc) {
		pg_rows_done(&rows->rows);
		return rc;
	}
	*ret = &rows->rows;
	return 0;
}

int pg_write(struct store_conn *base, const struct store_stmt *stmt, struct store_args args,
	int64_t expect, bool *ret_wrote, struct err *err)
{
	const struct pg_sent sent = { PG_WRITE, stmt->name, .expect = expect };
	*ret_wrote = true;
	return pg_send(pg_of(base), stmt, args, &sent, err);
}

/* ---- reading ---- */

/* Sums that do not fit are told before anybody reads them. */
static int check_sums(const struct pg_rows *rows, struct err *err)
{
	int64_t sum;
	for (int i = 0; i < PQnfields(rows->result); i++) {
		if (PQftype(rows->result, i) != PG_NUMERIC ||
			PQgetisnull(rows->result, rows->at, i))
			continue;
		if (!pg_numeric(PQgetvalue(rows->result, rows->at, i),
			    PQgetlength(rows->result, rows->at, i), &sum))
			return err_set(err, ERR_STORE, "%s: column %d is no whole number that fits",
				rows->key->name, i);
	}
	return 0;
}

/* The next chunk of a sweep, if there may be one. */
static int more(struct pg_conn *conn, struct pg_rows *rows, struct err *err)
{
	if (!rows->cursor || rows->count < PG_SWEEP_ROWS)
		return 0;
	int rc = fetch(conn, rows, err);
	if (rc)
		return rc;
	pg_drain_to(conn, rows);
	return pg_faulty(conn, err);
}

int pg_next(struct store_rows *base, struct err *err)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	struct pg_conn *conn = pg_of(base->conn);
	pg_drain_to(conn, rows);
	int rc = pg_faulty(conn, err);
	if (!rc && rows->at + 1 >= rows->count)
		rc = more(conn, rows, err);
	if (rc)
		return rc;
	if (rows->at + 1 >= rows->count)
		return 0;
	rows->at++;
	rc = check_sums(rows, err);
	return rc ? rc : 1;
}

/* ---- columns ---- */

/* The row that stands ready; NULL if the column is. */
static const char *value(const struct store_rows *base, int column, int *ret_len)
{
	const struct pg_rows *rows = (const struct pg_rows *)base;
	require(rows->result && rows->at >= 0 && rows->at < rows->count);
	require(column >= 0 && column < PQnfields(rows->result));
	if (PQgetisnull(rows->result, rows->at, column))
		return NULL;
	*ret_len = PQgetlength(rows->result, rows->at, column);
	return PQgetvalue(rows->result, rows->at, column);
}

static int16_t get16(const char *bytes)
{
	uint16_t n;
	memcpy(&n, bytes, sizeof(n));
	return (int16_t)be16toh(n);
}

static int64_t get32(const char *bytes)
{
	uint32_t n;
	memcpy(&n, bytes, sizeof(n));
	return (int32_t)be32toh(n);
}

static int64_t get64(const char *bytes)
{
	uint64_t n;
	memcpy(&n, bytes, sizeof(n));
	return (int64_t)be64toh(n);
}

/* Digits to the base of 10,000, the first of weight 10,000 to the `weight`. */
bool pg_numeric(const char *bytes, int len, int64_t *ret)
{
	int64_t sum = 0;
	if (len < 8)
		return false;
	int digits = get16(bytes), weight = get16(bytes + 2);
	uint16_t sign = (uint16_t)get16(bytes + 4);
	if (digits < 0 || len != 8 + 2 * digits || (sign != 0 && sign != 0x4000))
		return false;
	if (digits > weight + 1 || weight > 4)
		return false; /* a fraction, or too large */
	for (int i = 0; i <= weight; i++) {
		int digit = i < digits ? get16(bytes + 8 + 2 * i) : 0;
		if (__builtin_mul_overflow(sum, 10000, &sum) ||
			__builtin_sub_overflow(sum, digit, &sum)) /* down, for the smallest */
			return false;
	}
	if (sign == 0 && sum == INT64_MIN)
		return false;
	*ret = sign ? sum : -sum;
	return true;
}

int64_t pg_row_int(const struct store_rows *rows, int column)
{
	int len = 0;
	int64_t sum = 0;
	const char *bytes = value(rows, column, &len);
	if (!bytes)
		return 0;
	switch (PQftype(((const struct pg_rows *)rows)->result, column)) {
	case PG_BOOL:
		return bytes[0] != 0;
	case PG_INT2:
		return get16(bytes);
	case PG_INT4:
		return get32(bytes);
	case PG_INT8:
		return get64(bytes);
	case PG_NUMERIC:
		return pg_numeric(bytes, len, &sum) ? sum : 0;
	default:
		return 0;
	}
}

struct str pg_row_bytes(const struct store_rows *rows, int column)
{
	int len = 0;
	const char *bytes = value(rows, column, &len);
	return bytes ? str_bytes(bytes, (size_t)len) : (struct str) { NULL, 0 };
}

bool pg_row_is_null(const struct store_rows *rows, int column)
{
	int len;
	return value(rows, column, &len) == NULL;
}
