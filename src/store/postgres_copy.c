/* SPDX-License-Identifier: Apache-2.0 */
/* Many rows at once: COPY ... FROM STDIN BINARY (PostgreSQL's manual, "COPY", "Binary Format").
 *
 * libpq allows no COPY in a pipeline, so the connection leaves it for as long as the rows go in:
 * everything sent before has been answered by then (P1), and the transaction goes on in between.
 * While the rows go in nothing measures how long an answer takes: a server that is gone is noticed
 * by its socket (postgres_connect.c sets when). */
#include "store/postgres_impl.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* Handed to libpq in pieces of about this size. */
#define PIECE_BYTES (128 * 1024)
/* A piece with its last row: rows of a store are far smaller. */
#define PIECE_MAX (64 * 1024 * 1024)
#define COPY_SQL_MAX 8192

/* ---- the format ---- */

static void put16(struct buf *out, int n)
{
	uint16_t big = htobe16((uint16_t)n);
	buf_add(out, str_bytes(&big, sizeof(big)));
}

static void put32(struct buf *out, int64_t n)
{
	uint32_t big = htobe32((uint32_t)n);
	buf_add(out, str_bytes(&big, sizeof(big)));
}

static void put64(struct buf *out, int64_t n)
{
	uint64_t big = htobe64((uint64_t)n);
	buf_add(out, str_bytes(&big, sizeof(big)));
}

static void put_head(struct buf *out)
{
	buf_add(out, STR("PGCOPY\n\377\r\n\0"));
	put32(out, 0); /* flags */
	put32(out, 0); /* no more of a head */
}

static void put_val(struct buf *out, enum column_type type, const struct store_val *val)
{
	if (val->type == STORE_NULL) {
		put32(out, -1);
	} else if (val->type != STORE_INT) {
		put32(out, (int64_t)val->bytes.len);
		buf_add(out, val->bytes);
	} else if (type == COLUMN_INTEGER) {
		put32(out, 4);
		put32(out, val->integer);
	} else {
		put32(out, 8);
		put64(out, val->integer);
	}
}

static bool fits(enum column_type type, const struct store_val *val)
{
	if (val->type == STORE_INT && type == COLUMN_INTEGER)
		return val->integer >= INT32_MIN && val->integer <= INT32_MAX;
	return val->bytes.len <= INT32_MAX;
}

static int put_row(struct buf *out, const struct table *table, const struct store_val *vals,
	struct err *err)
{
	put16(out, table->column_count);
	for (int i = 0; i < table->column_count; i++) {
		enum column_type type = table->columns[i].type;
		if (!fits(type, &vals[i]))
			return err_set(err, ERR_STORE, "%s: a value is too large for the %s %s",
				table->name, column_type_name(type), table->columns[i].name);
		put_val(out, type, &vals[i]);
	}
	return out->failed ? err_set(err, ERR_STORE, "%s: a row is too long", table->name) : 0;
}

/* ---- sending ---- */

/* What the server said no to, as a fault of the transaction. */
static int refused(struct pg_conn *conn, const char *name, PGresult *result, struct err *err)
{
	if (result)
		pg_on_refusal(conn, name, result);
	else
		pg_lose(conn, PQerrorMessage(conn->pg));
	PQclear(result);
	return pg_faulty(conn, err);
}

static int send_piece(struct pg_conn *conn, const char *name, struct buf *piece, struct err *err)
{
	if (PQputCopyData(conn->pg, piece->ptr, (int)piece->len) != 1) {
		pg_lose(conn, PQerrorMessage(conn->pg));
		return pg_faulty(conn, err);
	}
	buf_reset(piece);
	return 0;
}

static int send_rows(struct pg_conn *conn, const struct bulk_copy *copy, struct err *err)
{
	struct buf piece BUF_AUTO;
	const struct store_val *vals;
	int rc;
	buf_init(&piece, NULL, PIECE_MAX);
	put_head(&piece);
	while ((rc = copy->next(copy->user, &vals, err)) == 1) {
		rc = put_row(&piece, copy->table, vals, err);
		if (!rc && piece.len >= PIECE_BYTES)
			rc = send_piece(conn, copy->table->name, &piece, err);
		if (rc)
			return rc;
	}
	if (rc)
		return rc;
	put16(&piece, -1);
	return send_piece(conn, copy->table->name, &piece, err);
}

/* Ends it, whole or (rc) given up, and reads what it came to. */
static int copy_end(struct pg_conn *conn, const char *name, int rc, struct err *err)
{
	PGresult *result;
	if (!conn->pg)
		return rc;
	if (PQputCopyEnd(conn->pg, rc ? "given up" : NULL) != 1) {
		pg_lose(conn, PQerrorMessage(conn->pg));
		return rc ? rc : pg_faulty(conn, err);
	}
	while (conn->pg && (result = PQgetResult(conn->pg))) {
		bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
		if (!good && !rc)
			rc = refused(conn, name, result, err);
		else
			PQclear(result);
	}
	return rc;
}

static int copy_begin(struct pg_conn *conn, const struct table *table, struct err *err)
{
	char sql[COPY_SQL_MAX];
	int n = snprintf(sql, sizeof(sql), "COPY %s (", table->name);
	for (int i = 0; i < table->column_count; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, "%s%s", i ? ", " : "",
			table->columns[i].name); /* at most 64 names of 63 */
	snprintf(sql + n, sizeof(sql) - (size_t)n, ") FROM STDIN BINARY");
	PGresult *result = PQexec(conn->pg, sql);
	if (PQresultStatus(result) != PGRES_COPY_IN)
		return refused(conn, table->name, result, err);
	PQclear(result);
	return 0;
}

/* ---- the pipeline ---- */

static int leave_pipeline(struct pg_conn *conn, struct err *err)
{
	pg_sync(conn);
	pg_drain(conn);
	if (conn->fault)
		return pg_faulty(conn, err);
	if (PQexitPipelineMode(conn->pg) != 1 || PQsetnonblocking(conn->pg, 0))
		pg_lose(conn, PQerrorMessage(conn->pg));
	return pg_faulty(conn, err);
}

static int enter_pipeline(struct pg_conn *conn, int rc, struct err *err)
{
	if (!conn->pg)
		return rc;
	if (PQenterPipelineMode(conn->pg) != 1 || PQsetnonblocking(conn->pg, 1)) {
		pg_lose(conn, PQerrorMessage(conn->pg));
		return rc ? rc : pg_faulty(conn, err);
	}
	return rc;
}

int pg_copy(struct store_conn *base, const struct bulk_copy *copy, bool *ret_wrote, struct err *err)
{
	struct pg_conn *conn = pg_of(base);
	int rc = leave_pipeline(conn, err);
	if (rc)
		return rc;
	conn->wrote = *ret_wrote = true;
	rc = copy_begin(conn, copy->table, err);
	if (!rc)
		rc = copy_end(conn, copy->table->name, send_rows(conn, copy, err), err);
	return enter_pipeline(conn, rc, err);
}
