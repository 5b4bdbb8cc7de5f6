/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its reply; head.c reads its head. The states are in http_impl.h.
 *
 * libmicrohttpd calls exchange_access() for the head, for each part of the body and, once, when the
 * request is whole; after a deferred reply it calls it again. All on the thread of the worker.
 *
 * Deferring and replying race: the reply of another thread may come before the handler has
 * returned. So the connection is suspended inside http_defer(), before anybody else knows of the
 * exchange; a resume after that is kept by libmicrohttpd until its thread comes round. The worker
 * remembers in x->deferred that it gave the exchange away, and looks at nothing else of it until it
 * is called again.
 *
 * Invariants
 * X1  The handler is called once for a request, and only when its body has been read to the end.
 * X2  The arena lives from the head to the end of sending; of an ABANDONED exchange, to the late
 *     reply; of a stream, to its start.
 * X3  x->state leaves DEFERRED by one compare-and-exchange: the reply's or http_stop()'s. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "http/http_impl.h"

#define PROBLEM(status, name, detail) \
	STR_INIT("{\"type\":\"urn:zegel:error:" name "\",\"title\":\"" detail \
		 "\",\"status\":" #status ",\"detail\":\"" detail "\"}")
#define PROBLEM_TYPE "application/problem+json"

static const struct http_reply bad_address = {
	.status = 400,
	.content_type = PROBLEM_TYPE,
	.body = PROBLEM(400, "unreadable",
		"The address is not encoded well, or has too many parameters"),
};
static const struct http_reply bad_framing = {
	.status = 400,
	.content_type = PROBLEM_TYPE,
	.body = PROBLEM(400, "unreadable", "It is not clear how long the request is"),
};
static const struct http_reply far_too_large = {
	.status = 413,
	.content_type = PROBLEM_TYPE,
	.body = PROBLEM(413, "too-large", "The request is too large to be read"),
};
static const struct http_reply no_answer = {
	.status = 500,
	.content_type = PROBLEM_TYPE,
	.body = PROBLEM(500, "internal", "Something broke on our side"),
};
static const struct http_reply no_memory = {
	.status = 503,
	.content_type = PROBLEM_TYPE,
	.body = PROBLEM(503, "no-memory", "Out of memory for this request"),
	.retry_after_s = 1,
};
static const struct http_reply stopping = {
	.status = 503,
	.content_type = PROBLEM_TYPE,
	.body = PROBLEM(503, "busy", "The server is stopping"),
	.retry_after_s = 5,
};

static const struct http_reply *const refusals[] = {
	[HEAD_FINE] = NULL,
	[HEAD_BAD_ADDRESS] = &bad_address,
	[HEAD_BAD_FRAMING] = &bad_framing,
	[HEAD_FAR_TOO_LARGE] = &far_too_large,
	[HEAD_NO_MEMORY] = &no_memory,
};

struct http_peer *exchange_peer(struct http_exchange *x)
{
	return (struct http_peer *)((char *)x - offsetof(struct http_peer, exchange));
}

void exchange_move(struct http_exchange *x, enum exchange_state from, enum exchange_state to)
{
	require(atomic_load_explicit(&x->state, memory_order_relaxed) == (int)from);
	atomic_store_explicit(&x->state, (int)to, memory_order_release);
}

static enum exchange_state state_of(struct http_exchange *x)
{
	return (enum exchange_state)atomic_load_explicit(&x->state, memory_order_acquire);
}

static void watch(struct http_exchange *x, enum watch phase, uint64_t argument)
{
	atomic_store_explicit(&exchange_peer(x)->watch, WATCH(phase, argument),
		memory_order_release);
}

/* ---- the head ---- */

/* When must the request be there? Its time began with its first byte, if the keeper saw that. */
static int64_t due(struct http_exchange *x)
{
	struct http_peer *peer = exchange_peer(x);
	uint64_t head_due = atomic_load_explicit(&peer->head_due, memory_order_relaxed);
	uint64_t served = atomic_load_explicit(&peer->served, memory_order_relaxed);
	if (head_due && (head_due & 0xFFFF) == (served & 0xFFFF))
		return (int64_t)(head_due >> 16);
	return atomic_load_explicit(&x->server->now_ms, memory_order_relaxed) +
		x->server->arrive_ms + x->server->round_ms;
}

static enum MHD_Result refuse(struct http_exchange *x, const struct http_reply *reply);

static enum MHD_Result begin(struct http_exchange *x, const char *url, const char *method)
{
	exchange_move(x, EXCHANGE_NONE, EXCHANGE_READING);
	watch(x, WATCH_ARRIVING, (uint64_t)due(x));
	x->deferred = false;
	x->received = 0;
	x->arena = arena_new(HTTP_ARENA_MAX + 2 * x->server->body_max);
	if (!x->arena)
		return MHD_NO;
	enum head_fault fault = head_read(x, url, method);
	x->refusal = refusals[fault];
	/* A reply before the body: libmicrohttpd closes the connection after it. */
	if (fault == HEAD_BAD_FRAMING || fault == HEAD_FAR_TOO_LARGE)
		return refuse(x, x->refusal);
	return MHD_YES;
}

/* ---- the body ---- */

static enum MHD_Result take(struct http_exchange *x, const char *data, size_t *size)
{
	x->received += *size;
	if (x->received > HTTP_DISCARD_MAX) {
		atomic_fetch_add(&x->server->refused, 1);
		return MHD_NO;
	}
	if (x->received > x->server->body_max)
		x->body_too_large = true;
	if (!x->body_too_large)
		buf_add(&x->body, str_bytes(data, *size));
	*size = 0;
	return MHD_YES;
}

/* ---- the reply ---- */

static bool has_header(const struct http_reply *reply, const char *name)
{
	for (const char *const *pair = reply->headers; pair && pair[0]; pair += 2)
		if (strcasecmp(pair[0], name) == 0)
			return true;
	return false;
}

/* Answers of the interface are not kept by anybody, unless they say otherwise. */
static bool wants_no_store(const struct http_exchange *x, const struct http_reply *reply)
{
	return str_starts(x->path, "/v1/") && !has_header(reply, MHD_HTTP_HEADER_CACHE_CONTROL);
}

static bool add_headers(struct http_exchange *x, const struct http_reply *reply,
	struct MHD_Response *response)
{
	bool ok = true;
	char seconds[16];
	if (reply->content_type)
		ok &= MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
			reply->content_type);
	if (wants_no_store(x, reply))
		ok &= MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (reply->retry_after_s > 0) {
		snprintf(seconds, sizeof seconds, "%d", reply->retry_after_s);
		ok &= MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
	for (const char *const *pair = reply->headers; pair && pair[0]; pair += 2)
		ok &= MHD_add_response_header(response, pair[0], pair[1]);
	if (atomic_load_explicit(&x->server->stopping, memory_order_relaxed))
		ok &= MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	return ok;
}

/* MHD_NO ends the connection. */
static enum MHD_Result queue_reply(struct http_exchange *x, const struct http_reply *reply)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(reply->body.len,
		(void *)(uintptr_t)reply->body.ptr, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	enum MHD_Result result = MHD_NO;
	if (add_headers(x, reply, response))
		result = MHD_queue_response(x->connection, (unsigned)reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct http_exchange *x, const struct http_reply *reply)
{
	atomic_fetch_add(&x->server->refused, 1);
	exchange_move(x, EXCHANGE_READING, EXCHANGE_SENDING);
	return queue_reply(x, reply);
}

/* The request is whole: the handler decides. */
static enum MHD_Result handle(struct http_exchange *x)
{
	struct http_server *server = x->server;
	struct http_peer *peer = exchange_peer(x);
	watch(x, WATCH_OFF, 0);
	atomic_store_explicit(&peer->served,
		atomic_load_explicit(&peer->served, memory_order_relaxed) + 1,
		memory_order_relaxed);
	if (atomic_load(&server->stopping))
		return refuse(x, &stopping);
	if (x->refusal)
		return refuse(x, x->refusal);
	if (x->body.failed && !x->body_too_large)
		return refuse(x, &no_memory);
	exchange_move(x, EXCHANGE_READING, EXCHANGE_HANDLING);
	server->handle(server->user, x);
	if (x->deferred)
		return MHD_YES;
	if (state_of(x) == EXCHANGE_STREAMING)
		return stream_queue(x);
	if (unexpected(state_of(x) != EXCHANGE_REPLIED))
		http_reply(x, &no_answer);
	exchange_move(x, EXCHANGE_REPLIED, EXCHANGE_SENDING);
	return queue_reply(x, &x->reply);
}

/* It was deferred, and its connection was resumed. */
static enum MHD_Result finish(struct http_exchange *x)
{
	if (state_of(x) == EXCHANGE_ABANDONED)
		return queue_reply(x, &stopping);
	exchange_move(x, EXCHANGE_REPLIED, EXCHANGE_SENDING);
	return queue_reply(x, &x->reply);
}

enum MHD_Result exchange_access(void *worker, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **state)
{
	struct http_exchange *x = *state;
	if (!x) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		struct http_peer *peer = info->socket_context;
		if (!peer)
			return MHD_NO; /* there was no memory for it */
		*state = &peer->exchange;
		return begin(&peer->exchange, url, method);
	}
	if (*size)
		return take(x, data, size);
	return x->deferred ? finish(x) : handle(x);
}

void exchange_completed(void *worker, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct http_exchange *x = *state;
	*state = NULL;
	if (!x)
		return;
	if (x->stream)
		stream_closed(x);
	/* Its connection closes as well, for the server is stopping. */
	if (state_of(x) == EXCHANGE_ABANDONED)
		return;
	arena_free(&x->arena);
	atomic_store_explicit(&x->state, EXCHANGE_NONE, memory_order_release);
	watch(x, WATCH_IDLE, atomic_load_explicit(&exchange_peer(x)->served, memory_order_relaxed));
}

/* Headers may stand on the replier's stack. */
static bool keep_headers(struct http_exchange *x)
{
	size_t count = 0;
	while (x->reply.headers[count])
		count++;
	const char **copy = arena_array(x->arena, count + 1, sizeof *copy);
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = arena_str(x->arena, str_of(x->reply.headers[i])).ptr;
		if (!copy[i])
			return false;
	}
	x->reply.headers = copy;
	return copy != NULL;
}

static void set_reply(struct http_exchange *x, const struct http_reply *reply)
{
	require(reply->status >= 200 && reply->status <= 599);
	x->reply = *reply;
	if (x->reply.headers && !keep_headers(x))
		x->reply = no_memory;
}

void http_defer(struct http_exchange *x)
{
	exchange_move(x, EXCHANGE_HANDLING, EXCHANGE_DEFERRED);
	x->deferred = true;
	MHD_suspend_connection(x->connection);
	if (atomic_load(&x->server->abandoning))
		exchange_abandon(x); /* http_stop() has been past here */
}

void http_reply(struct http_exchange *x, const struct http_reply *reply)
{
	struct http_server *server = x->server;
	struct MHD_Connection *connection = x->connection;
	int state = EXCHANGE_DEFERRED;
	set_reply(x, reply);
	if (state_of(x) == EXCHANGE_HANDLING) {
		exchange_move(x, EXCHANGE_HANDLING, EXCHANGE_REPLIED);
		return;
	}
	atomic_fetch_add(&server->repliers, 1);
	if (atomic_compare_exchange_strong(&x->state, &state, EXCHANGE_REPLIED)) {
		MHD_resume_connection(connection);
		atomic_fetch_sub(&server->repliers, 1);
		return;
	}
	atomic_fetch_sub(&server->repliers, 1);
	require(state == EXCHANGE_ABANDONED);
	keeper_release(exchange_peer(x));
	http_server_release(server);
}

bool exchange_abandon(struct http_exchange *x)
{
	int state = EXCHANGE_DEFERRED;
	/* The late replier's claims, before it can know. */
	atomic_fetch_add(&exchange_peer(x)->owners, 1);
	atomic_fetch_add(&x->server->owners, 1);
	if (atomic_compare_exchange_strong(&x->state, &state, EXCHANGE_ABANDONED)) {
		MHD_resume_connection(x->connection);
		return true;
	}
	atomic_fetch_sub(&exchange_peer(x)->owners, 1);
	atomic_fetch_sub(&x->server->owners, 1);
	return false;
}

/* ---- what a handler asks ---- */

struct str http_body(const struct http_exchange *x)
{
	return x->body_too_large ? STR("") : buf_str(&x->body);
}

bool http_body_too_large(const struct http_exchange *x)
{
	return x->body_too_large;
}

struct arena *http_arena(struct http_exchange *x)
{
	return x->arena;
}
