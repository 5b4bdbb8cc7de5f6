/* SPDX-License-Identifier: Apache-2.0 */
/* What was sent and is not yet answered, and what an answer means.
 *
 * The list is read from its head: one answer for each thing sent, whoever it is for. A bad answer
 * becomes the fault of its transaction; the server then leaves out everything up to the next mark
 * (PG_SYNC), and libpq says so for each.
 *
 * To add an error that means something of its own: a row in `meanings`. */
#include "store/postgres_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/num.h"

/* ---- faults ---- */

void pg_first_line(const char *text, char out[PG_TEXT_MAX])
{
	if (!text || !*text)
		text = "the connection was lost";
	snprintf(out, PG_TEXT_MAX, "%.*s", (int)strcspn(text, "\n"), text);
}

int pg_fault(struct pg_conn *conn, int rc, const char *fmt, ...)
{
	char text[sizeof(conn->why.text)];
	va_list args;
	if (conn->fault)
		return conn->fault;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_set(&conn->why, rc < 0 ? rc : ERR_STORE, "%s", text);
	conn->fault = rc;
	return rc;
}

int pg_faulty(const struct pg_conn *conn, struct err *err)
{
	if (conn->fault && err)
		*err = conn->why;
	return conn->fault;
}

static struct pg_sent *head(struct pg_conn *conn)
{
	return &conn->sent[conn->sent_first];
}

static void pop(struct pg_conn *conn)
{
	conn->sent_first = (conn->sent_first + 1) % conn->sent_size;
	conn->sent_count--;
}

void pg_lose(struct pg_conn *conn, const char *why)
{
	char text[PG_TEXT_MAX];
	pg_first_line(why, text);
	if (conn->open)
		pg_fault(conn, STORE_MOVED, "%s", text);
	for (; conn->sent_count; pop(conn)) {
		if (head(conn)->rows)
			head(conn)->rows->arrived = true;
	}
	if (conn->committing && conn->committed == ERR_UNCERTAIN)
		err_set(&conn->why, ERR_UNCERTAIN, "the answer to a commit was lost: %s", text);
	pg_forget(conn);
	conn->open = false;
	PQfinish(conn->pg);
	conn->pg = NULL;
}

/* ---- what an error means ---- */

enum meaning {
	MEANS_FAILED, /* ERR_STORE */
	MEANS_MOVED,  /* run the unit again */
	MEANS_LOST,   /* on a new connection */
	MEANS_STALE,  /* what is prepared is no longer good */
};

static const struct {
	const char *state; /* its beginning */
	enum meaning meaning;
} meanings[] = {
	{ "23505", MEANS_MOVED }, /* a unique key is taken */
	{ "40001", MEANS_MOVED }, /* could not serialize */
	{ "40P01", MEANS_MOVED }, /* deadlock */
	{ "42710", MEANS_MOVED }, /* CREATE ... IF NOT EXISTS by two at once */
	{ "42P07", MEANS_MOVED }, /* the same */
	{ "26000", MEANS_STALE }, /* no such prepared statement: a pool between us and the server */
	{ "08", MEANS_LOST },     /* connection */
	{ "57P0", MEANS_LOST },   /* shut down, crashed, starting */
	{ "53300", MEANS_LOST },  /* too many connections */
	{ "25006", MEANS_LOST },  /* a primary that has become a standby */
	{ "25P0", MEANS_LOST },   /* a transaction that was idle for too long */
};

static const char *field(const PGresult *result, int code)
{
	const char *text = PQresultErrorField(result, code);
	return text ? text : "";
}

static enum meaning meaning_of(const struct pg_conn *conn, const PGresult *result)
{
	const char *state = field(result, PG_DIAG_SQLSTATE);
	const char *severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (!*state || !strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"))
		return MEANS_LOST;
	/* "cached plan must not change result type": a schema step came between */
	if (!strcmp(state, "0A000") &&
		!strcmp(field(result, PG_DIAG_SOURCE_FUNCTION), "RevalidateCachedQuery"))
		return MEANS_STALE;
	if (!strcmp(state, "25006") && conn->use != CONN_WRITE)
		return MEANS_FAILED;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!strncmp(state, meanings[i].state, strlen(meanings[i].state)))
			return meanings[i].meaning;
	}
	return MEANS_FAILED;
}

static void describe(const PGresult *result, const char *name, char out[PG_TEXT_MAX])
{
	char line[PG_TEXT_MAX];
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	pg_first_line(message ? message : PQresultErrorMessage(result), line);
	snprintf(out, PG_TEXT_MAX, "%s: %.140s (%.5s)", name, line,
		field(result, PG_DIAG_SQLSTATE));
}

/* A statement failed. */
static void on_error(struct pg_conn *conn, const struct pg_sent *sent, const PGresult *result)
{
	char text[PG_TEXT_MAX];
	enum meaning meaning = meaning_of(conn, result);
	describe(result, sent->name, text);
	if (sent->tx == conn->tx && conn->open) /* P3 */
		pg_fault(conn, meaning == MEANS_FAILED ? ERR_STORE : STORE_MOVED, "%s", text);
	if (meaning == MEANS_STALE)
		pg_forget(conn);
	if (meaning == MEANS_LOST)
		pg_lose(conn, text);
}

void pg_on_refusal(struct pg_conn *conn, const char *name, const PGresult *result)
{
	on_error(conn, &(struct pg_sent) { PG_DONE, name, .tx = conn->tx }, result);
}

/* Is it known that a COMMIT which was answered by this error did nothing? On Citus some other node
 * may have committed its part. */
static bool undid(const struct pg_conn *conn, const PGresult *result)
{
	const char *state = field(result, PG_DIAG_SQLSTATE);
	return !conn->citus && (!strncmp(state, "40", 2) || !strncmp(state, "23", 2)) &&
		meaning_of(conn, result) != MEANS_LOST;
}

static void on_commit_error(struct pg_conn *conn, const PGresult *result)
{
	char text[PG_TEXT_MAX];
	describe(result, "COMMIT", text);
	conn->committed = ERR_UNCERTAIN;
	if (undid(conn, result))
		conn->committed = meaning_of(conn, result) == MEANS_MOVED ? STORE_MOVED : ERR_STORE;
	err_set(&conn->why, conn->committed < 0 ? conn->committed : ERR_STORE, "%s", text);
	if (PQstatus(conn->pg) != CONNECTION_OK || meaning_of(conn, result) == MEANS_LOST)
		pg_lose(conn, text);
}

static void on_commit(struct pg_conn *conn, const PGresult *result)
{
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		on_commit_error(conn, result);
		return;
	}
	conn->committed = 0;
	if (!strcmp(PQcmdStatus((PGresult *)result), "COMMIT"))
		return;
	conn->committed = STORE_MOVED;
	err_set(&conn->why, ERR_STORE, "the server rolled back instead of committing");
}

void pg_on_notice(void *user, const PGresult *result)
{
	struct pg_conn *conn = user;
	if (!strcmp(field(result, PG_DIAG_SEVERITY_NONLOCALIZED), "FATAL"))
		conn->farewell = true;
	else if (!conn->committing)
		return;
	conn->noticed = true;
	pg_first_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), conn->notice);
}

/* ---- what a good answer means ---- */

static void on_write(struct pg_conn *conn, const struct pg_sent *sent, PGresult *result)
{
	int64_t changed = 0;
	if (sent->tx != conn->tx || sent->expect == STORE_ANY)
		return;
	if (!num_parse(str_of(PQcmdTuples(result)), &changed))
		changed = 0;
	if (changed != sent->expect)
		pg_fault(conn, STORE_MOVED, "%s: changed %lld rows, not %lld", sent->name,
			(long long)changed, (long long)sent->expect);
}

/* Left out because something before it failed. */
static void on_left_out(struct pg_conn *conn, const struct pg_sent *sent)
{
	if (sent->kind == PG_PREPARE && sent->stmt->name == sent->version)
		sent->stmt->sent = false;
	if (sent->tx == conn->tx && conn->open)
		pg_fault(conn, STORE_MOVED, "%s: left out", sent->name);
}

/* One answer. The rows take the result over; else it is cleared here. */
static void on_answer(struct pg_conn *conn, const struct pg_sent *sent, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	if (sent->rows)
		sent->rows->arrived = true;
	if (sent->kind == PG_COMMIT)
		on_commit(conn, result);
	else if (status == PGRES_PIPELINE_ABORTED)
		on_left_out(conn, sent);
	else if (!good && sent->kind == PG_PREPARE && sent->stmt->name == sent->version)
		sent->stmt->sent = false;
	if (!good && sent->kind != PG_COMMIT && status != PGRES_PIPELINE_ABORTED)
		on_error(conn, sent, result);
	else if (good && sent->kind == PG_WRITE)
		on_write(conn, sent, result);
	if (good && sent->rows) {
		sent->rows->result = result;
		sent->rows->count = PQntuples(result);
		sent->rows->at = -1;
		return;
	}
	PQclear(result);
}

/* ---- waiting ---- */

static int64_t patience_ms(const struct pg_conn *conn, const struct pg_sent *sent)
{
	if (sent->kind == PG_COMMIT)
		return conn->engine->commit_ms;
	return sent->long_work ? PG_SWEEP_MS : conn->engine->answer_ms;
}

/* One turn of the socket, at most until the deadline. */
static bool turn_socket(struct pg_conn *conn, int64_t deadline_ns)
{
	int unsent = PQflush(conn->pg);
	int64_t left_ms = (deadline_ns - clock_ticks_ns()) / 1000000;
	struct pollfd socket = { PQsocket(conn->pg), POLLIN, 0 };
	if (left_ms < 0 || unsent < 0)
		return false;
	if (unsent > 0)
		socket.events |= POLLOUT;
	int ready = poll(&socket, 1, left_ms < 60000 ? (int)left_ms + 1 : 60000);
	if (ready < 0)
		return errno == EINTR;
	if (socket.revents & (POLLIN | POLLHUP | POLLERR))
		return PQconsumeInput(conn->pg) == 1;
	return true;
}

/* Waits until the head's answer is whole. False: it never will be, and the connection is closed. */
static bool wait_for(struct pg_conn *conn, int64_t ms)
{
	int64_t deadline_ns = clock_ticks_ns() + ms * INT64_C(1000000);
	while (PQisBusy(conn->pg)) {
		if (turn_socket(conn, deadline_ns) || !PQisBusy(conn->pg))
			continue;
		if (clock_ticks_ns() < deadline_ns) {
			pg_lose(conn, PQerrorMessage(conn->pg));
			return false;
		}
		if (conn->open)
			pg_fault(conn, ERR_STORE, "%s: no answer within %lld ms", head(conn)->name,
				(long long)ms);
		pg_lose(conn, "no answer in time");
		return false;
	}
	return true;
}

/* The next result of the head; NULL: the connection is closed. */
static PGresult *get_result(struct pg_conn *conn)
{
	int64_t ms = patience_ms(conn, head(conn));
	/* Between two answers libpq may put a NULL. */
	for (int i = 0; i < 2; i++) {
		if (!wait_for(conn, ms))
			return NULL;
		PGresult *result = PQgetResult(conn->pg);
		if (result)
			return result;
	}
	pg_lose(conn, PQerrorMessage(conn->pg));
	return NULL;
}

static const char out_of_step[] = "the server's answers are out of step";

static void drain_one(struct pg_conn *conn)
{
	PGresult *result = get_result(conn);
	if (!result)
		return;
	struct pg_sent sent = *head(conn);
	if (sent.kind == PG_SYNC || PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
		bool right = sent.kind == PG_SYNC && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		PQclear(result);
		if (right)
			pop(conn);
		else
			pg_lose(conn, out_of_step);
		return;
	}
	pop(conn);
	on_answer(conn, &sent, result);
	result = conn->pg ? PQgetResult(conn->pg) : NULL; /* the end of this answer */
	if (result)
		pg_lose(conn, out_of_step);
	PQclear(result);
}

/* The server answers what it has, and keeps nothing back. */
static void ask_answers(struct pg_conn *conn)
{
	if (!conn->flushed && !PQsendFlushRequest(conn->pg))
		pg_lose(conn, PQerrorMessage(conn->pg));
	conn->flushed = true;
}

void pg_drain(struct pg_conn *conn)
{
	if (conn->sent_count)
		ask_answers(conn);
	while (conn->sent_count)
		drain_one(conn);
}

void pg_drain_to(struct pg_conn *conn, const struct pg_rows *rows)
{
	if (!rows->arrived && conn->pg)
		ask_answers(conn);
	while (!rows->arrived && conn->sent_count)
		drain_one(conn);
}

/* ---- sending ---- */

static bool grow(struct pg_conn *conn)
{
	size_t size = conn->sent_size ? conn->sent_size * 2 : 64;
	struct pg_sent *sent = calloc(size, sizeof(*sent));
	if (!sent)
		return false;
	for (size_t i = 0; i < conn->sent_count; i++)
		sent[i] = conn->sent[(conn->sent_first + i) % conn->sent_size];
	free(conn->sent);
	conn->sent = sent;
	conn->sent_first = 0;
	conn->sent_size = size;
	return true;
}

void pg_make_room(struct pg_conn *conn)
{
	if (conn->sent_count + 8 >= PG_SENT_MAX)
		pg_drain(conn);
}

void pg_push(struct pg_conn *conn, int ok, const struct pg_sent *sent)
{
	if (!ok || (conn->sent_count == conn->sent_size && !grow(conn))) {
		pg_lose(conn, ok ? "no memory" : PQerrorMessage(conn->pg));
		if (sent->rows)
			sent->rows->arrived = true;
		return;
	}
	require(conn->sent_count < PG_SENT_MAX);
	struct pg_sent *last = &conn->sent[(conn->sent_first + conn->sent_count) % conn->sent_size];
	*last = *sent;
	last->tx = conn->tx;
	conn->sent_count++;
	conn->flushed = sent->kind == PG_SYNC;
}

void pg_sync(struct pg_conn *conn)
{
	if (conn->pg)
		pg_push(conn, PQpipelineSync(conn->pg), &(struct pg_sent) { PG_SYNC, "sync" });
}
