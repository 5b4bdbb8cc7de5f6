/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver: its table, its transactions.
 *
 * A connection is made by the first begin() and made again by the next one after it was lost. BEGIN
 * travels with the first statement, ROLLBACK behind the last; neither is waited for. A transaction
 * that changed nothing is not committed but rolled back: there is nothing to wait for. */
#include "store/postgres_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

/* After this many transactions in a row that moved, the next waits a moment first: somebody else
 * wants the same rows. */
#define MOVES_FREE 2
#define MOVES_WAIT_US 500

/* Both see one moment: what a unit refuses, no guard of a statement looks at again. */
static const struct store_stmt begin_write = { "BEGIN", STORE_REFERENCE,
	"BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE" };
static const struct store_stmt begin_read = { "BEGIN", STORE_REFERENCE,
	"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };
static const struct store_stmt say_commit = { "COMMIT", STORE_REFERENCE, "COMMIT" };
static const struct store_stmt say_rollback = { "ROLLBACK", STORE_REFERENCE, "ROLLBACK" };

/* ---- the engine ---- */

static int pg_tellers(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN) * PG_TELLERS_PER_CORE;
	return cores < PG_TELLERS_MIN    ? PG_TELLERS_MIN
		: cores > PG_TELLERS_MAX ? PG_TELLERS_MAX
					 : (int)cores;
}

static int pg_open(const struct store_options *options, enum open_how how,
	struct store_engine **ret, struct err *err)
{
	struct pg_engine *engine = calloc(1, sizeof(*engine));
	if (!engine)
		return err_set(err, ERR_NO_MEMORY, "no memory for a store");
	engine->read_only = options->read_only;
	engine->answer_ms = PG_ANSWER_MS;
	engine->commit_ms = PG_COMMIT_MS;
	int rc = pg_options_read(engine, options->url, err);
	if (rc) {
		pg_options_free(engine);
		free(engine);
		return rc;
	}
	pthread_mutex_init(&engine->bytes_lock, NULL);
	*ret = (struct store_engine *)engine;
	return 0;
}

static int pg_connect(struct store_engine *engine, enum conn_use use, struct store_conn **ret,
	struct err *err)
{
	struct pg_conn *conn = calloc(1, sizeof(*conn));
	if (!conn)
		return err_set(err, ERR_NO_MEMORY, "no memory for a connection");
	conn->conn.driver = &postgres_driver;
	conn->engine = (struct pg_engine *)engine;
	conn->use = use;
	*ret = &conn->conn;
	return 0;
}

static void pg_disconnect(struct store_conn *base)
{
	struct pg_conn *conn = pg_of(base);
	pg_rows_drop(base);
	PQfinish(conn->pg);
	pg_stmts_free(conn);
	free(conn->sent);
	free(conn);
}

static void pg_close(struct store_engine *base)
{
	struct pg_engine *engine = (struct pg_engine *)base;
	if (engine->tender)
		pg_disconnect(engine->tender);
	pg_options_free(engine);
	pthread_mutex_destroy(&engine->bytes_lock);
	free(engine);
}

static bool pg_is_fleeting(const struct store_engine *engine)
{
	return false;
}

/* ---- transactions ---- */

static bool pg_is_open(struct store_conn *conn)
{
	return pg_of(conn)->open;
}

static void wait_a_moment(const struct pg_conn *conn)
{
	int most = conn->moves - MOVES_FREE;
	if (most <= 0)
		return;
	int64_t us = MOVES_WAIT_US << (most > 6 ? 6 : most);
	us = us / 2 + clock_random32(clock_system()) % (us / 2);
	nanosleep(&(struct timespec) { 0, us * 1000 }, NULL);
}

static int pg_begin(struct store_conn *base, struct err *err)
{
	struct pg_conn *conn = pg_of(base);
	const struct pg_sent sent = { PG_DONE, "BEGIN" };
	wait_a_moment(conn);
	pg_look(conn);
	int rc = pg_come_back(conn, err);
	if (rc)
		return rc;
	conn->tx++;
	conn->fault = 0;
	conn->open = true;
	rc = pg_send(conn, conn->use == CONN_WRITE ? &begin_write : &begin_read, NO_ARGS, &sent,
		err);
	conn->wrote = false;
	if (rc) /* lost while sending: the first statement will say so, and the unit is run again */
		conn->open = conn->pg != NULL;
	return rc < 0 ? rc : 0;
}

/* The transaction is over here; what the server still says about it is nobody's (P3). */
static void end(struct pg_conn *conn)
{
	conn->moves = conn->fault == STORE_MOVED ? conn->moves + 1 : 0;
	conn->open = false;
	conn->tx++;
	conn->fault = 0;
}

static void pg_rollback(struct store_conn *base)
{
	struct pg_conn *conn = pg_of(base);
	const struct pg_sent sent = { PG_DONE, "ROLLBACK" };
	struct err err;
	bool broken = conn->fault || conn->sent_count;
	bool there = conn->open && conn->pg;
	end(conn);
	if (!there)
		return;
	if (broken)
		pg_sync(conn);
	if (conn->pg && pg_send(conn, &say_rollback, NO_ARGS, &sent, &err) && conn->pg)
		pg_lose(conn, err.text);
	pg_sync(conn);
	if (conn->pg && PQflush(conn->pg) < 0)
		pg_lose(conn, PQerrorMessage(conn->pg));
}

static int pg_settle(struct store_conn *base, struct err *err)
{
	pg_drain(pg_of(base));
	return pg_faulty(pg_of(base), err);
}

/* Sends COMMIT and waits for what it comes to (P2, P5). */
static int commit(struct pg_conn *conn, struct err *err)
{
	const struct pg_sent sent = { PG_COMMIT, "COMMIT" };
	conn->committing = true;
	conn->noticed = false;
	conn->committed = ERR_UNCERTAIN;
	int rc = pg_send(conn, &say_commit, NO_ARGS, &sent, err);
	pg_sync(conn);
	pg_drain(conn);
	conn->committing = false;
	if (unexpected(rc < 0 && conn->pg))
		pg_lose(conn, "COMMIT could not be sent");
	if (conn->committed == 0 && conn->noticed)
		return err_set(err, ERR_UNCERTAIN, "the commit came with a notice: %s",
			conn->notice);
	if (conn->committed && err)
		*err = conn->why;
	return conn->committed;
}

static int pg_commit(struct store_conn *base, struct err *err)
{
	struct pg_conn *conn = pg_of(base);
	/* A connection that is gone by now is known to have committed nothing. */
	pg_drain(conn);
	pg_look(conn);
	int rc = pg_faulty(conn, err);
	if (rc || !conn->wrote) {
		pg_rollback(base);
		return rc;
	}
	rc = commit(conn, err);
	conn->fault = rc == STORE_MOVED ? rc : 0;
	end(conn);
	return rc;
}

static int pg_ddl(struct store_conn *base, const char *sql, struct err *err)
{
	struct pg_conn *conn = pg_of(base);
	const struct pg_sent sent = { PG_DONE, "schema", .long_work = true };
	conn->wrote = true;
	int rc = pg_send_once(conn, sql, NO_ARGS, &sent, err);
	return rc ? rc : pg_settle(base, err);
}

/* ---- figures ---- */

static const struct store_stmt sum_bytes = {
	"store.sum_bytes", STORE_SWEEP,
	"SELECT SUM(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n"
	" ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'm')"
};

static int64_t ask_bytes(struct store_conn *conn)
{
	struct store_rows *rows = NULL;
	struct err err;
	bool wrote = false;
	int64_t bytes = -1;
	if (pg_begin(conn, &err))
		return bytes;
	if (!pg_query(conn, &sum_bytes, NO_ARGS, &wrote, &rows, &err) && pg_next(rows, &err) == 1)
		bytes = pg_row_int(rows, 0);
	pg_rows_drop(conn);
	pg_rollback(conn);
	return bytes;
}

/* On a connection of its own, now and then: a writer has better things to do. */
static int64_t pg_bytes(struct store_engine *base)
{
	struct pg_engine *engine = (struct pg_engine *)base;
	struct err err;
	pthread_mutex_lock(&engine->bytes_lock);
	int64_t now = clock_ticks_ns();
	bool old =
		!engine->bytes_at_ns || now - engine->bytes_at_ns > PG_BYTES_MS * INT64_C(1000000);
	if (old && (engine->tender || !pg_connect(base, CONN_TEND, &engine->tender, &err))) {
		int64_t bytes = ask_bytes(engine->tender);
		engine->bytes = bytes < 0 ? engine->bytes : bytes;
		engine->bytes_at_ns = now;
	}
	int64_t bytes = engine->bytes;
	pthread_mutex_unlock(&engine->bytes_lock);
	return bytes;
}

static int pg_backup(struct store_engine *engine, const char *path, struct err *err)
{
	return err_set(err, ERR_STORE,
		"PostgreSQL has tools of its own for that: pg_basebackup with the archived log for "
		"a point in time, pg_dump for one moment");
}

const struct store_driver postgres_driver = {
	.name = "postgresql",
	.tellers = pg_tellers,
	.tellers_max = PG_TELLERS_MAX,
	.groups = false,
	.shared = true,
	.words = { .blob = "BYTEA", .rows = "", .by_month = true, .time_first = false },
	.find_table = "SELECT tablename FROM pg_catalog.pg_tables"
		      " WHERE schemaname = ANY (current_schemas(false)) AND tablename = $1",
	.leases = true,
	.open = pg_open,
	.close = pg_close,
	.is_fleeting = pg_is_fleeting,
	.connect = pg_connect,
	.disconnect = pg_disconnect,
	.begin = pg_begin,
	.settle = pg_settle,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.is_open = pg_is_open,
	.query = pg_query,
	.next = pg_next,
	.rows_done = pg_rows_done,
	.rows_drop = pg_rows_drop,
	.row_int = pg_row_int,
	.row_bytes = pg_row_bytes,
	.row_is_null = pg_row_is_null,
	.write = pg_write,
	.ddl = pg_ddl,
	.copy = pg_copy,
	.spread = pg_spread,
	.analyze = "ANALYZE ",
	.backup = pg_backup,
	.bytes = pg_bytes,
};
