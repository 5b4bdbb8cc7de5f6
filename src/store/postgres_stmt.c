/* SPDX-License-Identifier: Apache-2.0 */
/* Statements on PostgreSQL: kept prepared per connection, found by their address, prepared when
 * first sent, in the same pipeline.
 *
 * Parameters have the type of what is bound: BIGINT, TEXT, BYTEA, sent in binary. Left to guess,
 * the server would take the type of a column beside it (an INTEGER, of 4 bytes) or TEXT where there
 * is none. NULL has no type: as long as nothing else was bound there the server guesses, and the
 * statement is prepared again under another name when the first value comes. */
#include "store/postgres_impl.h"

#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- what a text says ---- */

bool pg_writes(const char *sql)
{
	return strncasecmp(sql + strspn(sql, " \t\n"), "SELECT", 6) != 0;
}

/* The highest N of $N outside quotes. */
static int count_params(const char *sql)
{
	bool quoted = false;
	long most = 0;
	for (; *sql; sql++) {
		if (*sql == '\'')
			quoted = !quoted;
		if (quoted || *sql != '$' || !isdigit((unsigned char)sql[1]))
			continue;
		long n = strtol(sql + 1, NULL, 10);
		most = n > most ? n : most;
	}
	return most > PG_PARAMS_MAX ? PG_PARAMS_MAX + 1 : (int)most;
}

/* ---- the table of kept statements ---- */

/* Another text may have come to the address: a statement on a stack, in tests. */
static void set_text(struct pg_stmt *stmt, const struct store_stmt *key)
{
	*stmt = (struct pg_stmt) {
		.key = key,
		.sql = key->sql,
		.params = count_params(key->sql),
		.writes = pg_writes(key->sql),
	};
}

static int find(struct pg_conn *conn, const struct store_stmt *key, struct pg_stmt **ret,
	struct err *err)
{
	struct pg_stmt *kept = stmt_table_find(&conn->stmts, key);
	if (!kept) {
		kept = calloc(1, sizeof(*kept));
		if (!kept)
			return err_set(err, ERR_NO_MEMORY, "%s: no memory", key->name);
		int rc = stmt_table_put(&conn->stmts, key, kept, err);
		if (rc) {
			free(kept);
			return rc;
		}
	}
	if (kept->sql != key->sql)
		set_text(kept, key);
	*ret = kept;
	return 0;
}

void pg_forget(struct pg_conn *conn)
{
	for (size_t i = 0; i < conn->stmts.size; i++) {
		struct pg_stmt *kept = conn->stmts.slots[i].kept;
		if (kept)
			kept->sent = false;
	}
}

void pg_stmts_free(struct pg_conn *conn)
{
	for (size_t i = 0; i < conn->stmts.size; i++)
		free(conn->stmts.slots[i].kept);
	stmt_table_free(&conn->stmts);
}

/* ---- binding ---- */

static Oid type_of(const struct store_val *val)
{
	static const Oid types[] = {
		[STORE_NULL] = PG_UNKNOWN,
		[STORE_INT] = PG_INT8,
		[STORE_TEXT] = PG_TEXT,
		[STORE_BLOB] = PG_BYTEA,
	};
	return types[val->type];
}

/* What libpq takes. */
struct bound {
	int count;
	Oid types[PG_PARAMS_MAX];
	int64_t ints[PG_PARAMS_MAX]; /* in the order of the network */
	const char *values[PG_PARAMS_MAX];
	int lengths[PG_PARAMS_MAX], formats[PG_PARAMS_MAX];
};

static void bind_one(struct bound *bound, int i, const struct store_val *val)
{
	bound->types[i] = type_of(val);
	bound->formats[i] = 1;
	bound->values[i] = NULL;
	bound->lengths[i] = 0;
	if (val->type == STORE_INT) {
		bound->ints[i] = (int64_t)htobe64((uint64_t)val->integer);
		bound->values[i] = (const char *)&bound->ints[i];
		bound->lengths[i] = sizeof(bound->ints[i]);
	} else if (val->type != STORE_NULL) {
		/* A NULL pointer would be NULL; an empty text is not. */
		bound->values[i] = val->bytes.ptr ? val->bytes.ptr : "";
		bound->lengths[i] = (int)val->bytes.len;
	}
}

static int bind(struct bound *bound, const char *name, int params, struct store_args args,
	struct err *err)
{
	if (unexpected(args.count != (size_t)params || params > PG_PARAMS_MAX))
		return err_set(err, ERR_INTERNAL, "%s: %zu values for %d parameters", name,
			args.count, params);
	bound->count = params;
	for (int i = 0; i < params; i++) {
		if (args.vals[i].bytes.len > INT32_MAX)
			return err_set(err, ERR_INTERNAL, "%s: a value is too long", name);
		bind_one(bound, i, &args.vals[i]);
	}
	return 0;
}

/* Joins the types that are bound with those it was prepared with. */
static int join_types(struct pg_stmt *stmt, const struct bound *bound, struct err *err)
{
	for (int i = 0; i < bound->count; i++) {
		if (!bound->types[i] || bound->types[i] == stmt->types[i])
			continue;
		if (unexpected(stmt->types[i] != PG_UNKNOWN))
			return err_set(err, ERR_INTERNAL, "%s: $%d has two types", stmt->key->name,
				i + 1);
		stmt->types[i] = bound->types[i];
		stmt->sent = false; /* under another name, with this type */
	}
	return 0;
}

/* ---- sending ---- */

static void prepare(struct pg_conn *conn, struct pg_stmt *stmt)
{
	char name[16];
	stmt->name = ++conn->names;
	snprintf(name, sizeof(name), "z%u", stmt->name);
	int ok = PQsendPrepare(conn->pg, name, stmt->sql, stmt->params, stmt->types);
	stmt->sent = ok;
	pg_push(conn, ok,
		&(struct pg_sent) { PG_PREPARE, stmt->key->name, .stmt = stmt,
			.version = stmt->name });
}

static int ready(struct pg_conn *conn, struct err *err)
{
	pg_make_room(conn);
	if (conn->fault)
		return pg_faulty(conn, err);
	return unexpected(!conn->pg) ? err_set(err, ERR_INTERNAL, "not connected") : 0;
}

int pg_send(struct pg_conn *conn, const struct store_stmt *key, struct store_args args,
	const struct pg_sent *sent, struct err *err)
{
	struct bound bound;
	struct pg_stmt *stmt = NULL;
	char name[16];
	int rc = find(conn, key, &stmt, err);
	if (!rc)
		rc = bind(&bound, key->name, stmt->params, args, err);
	if (!rc)
		rc = join_types(stmt, &bound, err);
	if (!rc)
		rc = ready(conn, err);
	if (rc)
		return rc;
	if (!stmt->sent)
		prepare(conn, stmt);
	if (!conn->pg)
		return pg_faulty(conn, err);
	snprintf(name, sizeof(name), "z%u", stmt->name);
	conn->wrote |= stmt->writes;
	pg_push(conn,
		PQsendQueryPrepared(conn->pg, name, bound.count, bound.values, bound.lengths,
			bound.formats, 1),
		sent);
	return pg_faulty(conn, err);
}

int pg_send_once(struct pg_conn *conn, const char *sql, struct store_args args,
	const struct pg_sent *sent, struct err *err)
{
	struct bound bound;
	int rc = bind(&bound, sent->name, count_params(sql), args, err);
	if (!rc)
		rc = ready(conn, err);
	if (rc)
		return rc;
	pg_push(conn,
		PQsendQueryParams(conn->pg, sql, bound.count, bound.types, bound.values,
			bound.lengths, bound.formats, 1),
		sent);
	return pg_faulty(conn, err);
}
