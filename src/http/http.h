/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP, by libmicrohttpd: requests in, replies out, event streams; knows no operation of Zegel.
 *
 * One handler gets every request, whole (head and body read). It replies at once, or calls
 * http_defer() and replies later from any thread, once. Every request has a deadline for arriving,
 * a maximum of head and of body: a longer body is read to its end and thrown away, then the handler
 * sees body_too_large.
 *
 * States of an exchange:  READING -> HANDLING -> (DEFERRED ->) REPLIED -> gone
 *                                            \-> STREAMING -> gone
 * Stopping: no new requests; deferred ones are awaited; streams are ended; then the daemon stops
 * (libmicrohttpd aborts if it is stopped with a suspended connection). */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct http_server;
struct http_exchange;
struct http_stream;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OTHER };

struct http_options {
	const char *listen;   /* "127.0.0.1:8080", "[::1]:8080", "127.0.0.1:0" picks a port */
	const char *tls_cert; /* PEM files; both or none */
	const char *tls_key;
	size_t body_max;      /* default 1 MiB */
	int threads;          /* default 16, see DESIGN.md D2 */
	int connections_max;  /* default 20,000, or what the process may open */
	int arrive_timeout_s; /* a request must be there whole within (default 15) */
	int idle_timeout_s;   /* a connection without a request (default 75) */
	void (*handle)(void *user, struct http_exchange *x);
	void *user;
};

/* Starts serving. ERR_IO names the address and the reason, ERR_INVALID what the options lack. Its
 * threads inherit the signal mask: block what main() waits for before calling it. */
int http_start(const struct http_options *options, struct http_server **ret,
	struct err *err) must_check;
/* The port it listens on. */
int http_port(const struct http_server *server);
/* As described above; at most wait_s seconds for what is deferred. What is unanswered then gets a
 * 503; its http_reply() may still come, and does nothing. closed() of every stream was called when
 * this returns. Sets *server to NULL. */
void http_stop(struct http_server **server, int wait_s);

/* ---- a request; everything is valid until the reply ---- */

enum http_method http_method(const struct http_exchange *x);
/* As it was sent: percent-encoded, without the query. An escape that is none, %00 and control bytes
 * were refused before (400). route_find() decodes what it finds; url.h decodes the rest. */
struct str http_path(const struct http_exchange *x);
/* A query parameter, decoded; ptr NULL if absent. Only the first of a name counts. */
struct str http_query(const struct http_exchange *x, const char *name);
struct str http_header(const struct http_exchange *x, const char *name);
struct str http_body(const struct http_exchange *x);
bool http_body_too_large(const struct http_exchange *x);
/* Lives until the reply is sent; for a stream, until the handler returns. */
struct arena *http_arena(struct http_exchange *x);
/* Calls each for every query parameter's name. */
void http_query_names(struct http_exchange *x, void (*each)(void *user, struct str name),
	void *user);

/* ---- a reply ---- */

struct http_reply {
	int status;
	const char *content_type;   /* NULL: none */
	struct str body;            /* in the exchange's arena or static, as content_type */
	int retry_after_s;          /* 0: no such header */
	const char *const *headers; /* pairs name, value; NULL-terminated; may be NULL; copied */
};
/* Below /v1/ a reply has Cache-Control: no-store, unless its headers say otherwise. */

/* The reply will come later. Call it inside the handler, before handing the exchange to another
 * thread. */
void http_defer(struct http_exchange *x);
/* Replies, once. From the handler, or from any thread after http_defer(). The exchange may be gone
 * when this returns. */
void http_reply(struct http_exchange *x, const struct http_reply *reply);

/* ---- event streams (server-sent events, HTML Living Standard 9.2) ---- */

struct http_stream_hooks {
	/* Adds what there is to send now; leaving the buffer empty means: nothing, wait to be
	 * woken. false ends the stream. Called on a server thread, never by two at a time for one
	 * stream. */
	bool (*fill)(void *user, struct buf *buf);
	/* The client or the server is gone: last call. */
	void (*closed)(void *user);
};

/* Answers with text/event-stream and keeps the connection. Call it in the handler instead of
 * http_reply(). A comment line is sent when it was silent for keep_alive_s (0: 20), so that dead
 * peers are found. The stream is valid until closed() was called; waking it inside or after
 * closed() is not allowed. NULL: out of memory; no hook will be called, reply instead. */
struct http_stream *http_stream_open(struct http_exchange *x, const struct http_stream_hooks *hooks,
	void *user, int keep_alive_s);
/* There may be something to send. Any thread; cheap; many wakes before a fill are one. */
void http_stream_wake(struct http_stream *stream);

/* ---- figures ---- */

struct http_stats {
	int64_t connections, streams, deferred;
	uint64_t requests, refused;
};
void http_stats(struct http_server *server, struct http_stats *ret);

#endif
