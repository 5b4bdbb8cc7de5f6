/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. Layer: between http.h and libmicrohttpd.
 *
 *   server.c    start, stop, settings, figures
 *   listener.c  the listening socket and the TLS files
 *   keeper.c    one thread: accepts connections and watches over them
 *   exchange.c  one request and its reply
 *   head.c      the head of a request, and what a handler asks of it
 *   stream.c    event streams
 *   url.c, router.c  addresses; no socket
 *
 * A *worker* is one of libmicrohttpd's daemons with one thread, and the connections it serves. A
 * *peer* is one connection of a client. libmicrohttpd serves one request of a connection at a time,
 * so the peer holds the one exchange, used again for each request.
 *
 * Who touches what
 * H1  An exchange belongs to the thread of its worker, except while DEFERRED: then to whoever will
 *     reply.
 * H2  A peer is in its worker's list from the connection's start to its end; the keeper and
 *     http_stop() look at it under the worker's lock only: a socket is not closed while they do.
 * H3  Locks are taken in the order worker, stream, libmicrohttpd's own; hooks and handlers are
 *     called with none of them held.
 * H4  A connection is resumed once for each time it was suspended: by the one who moves its
 *     exchange out of DEFERRED, or its stream out of parked. */
#ifndef HTTP_HTTP_IMPL_H
#define HTTP_HTTP_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "http/http.h"

/* Memory of one request and its reply, beside twice the largest body (a chunked one grows by
 * doubling). */
#define HTTP_ARENA_MAX ((size_t)22 << 20)
/* A body longer than body_max is read to its end and thrown away up to here; then the connection
 * ends. */
#define HTTP_DISCARD_MAX ((uint64_t)64 << 20)
/* The part of an announced body that gets memory before it is there. */
#define HTTP_BODY_AHEAD ((size_t)64 << 10)
/* libmicrohttpd's memory for one connection: a head of up to 8 kB fits, a longer one gets a 431 or
 * a 414; 10,000 idle event streams stay under 200 MB (README.md has the figures). */
#define HTTP_CONNECTION_MEMORY ((size_t)10 << 10)
#define HTTP_WORKERS_MAX 64
/* Parameters of one query; no call has a third of it. */
#define HTTP_QUERY_MAX 32
/* A sent byte that nobody acknowledges for so long ends its connection. */
#define HTTP_DEAD_AFTER_MS 30000

/*   NONE -> READING -> HANDLING -> REPLIED --------> SENDING -> NONE
 *                       |  \----> DEFERRED -> REPLIED -^
 *                       |              \----> ABANDONED   (the server stopped first: 503)
 *                       \-------> STREAMING -> NONE */
enum exchange_state {
	EXCHANGE_NONE,      /* between two requests */
	EXCHANGE_READING,   /* the head is there, the body is arriving */
	EXCHANGE_HANDLING,  /* whole; in the handler */
	EXCHANGE_DEFERRED,  /* suspended; whoever took it will reply */
	EXCHANGE_REPLIED,   /* `reply` is set; the worker will send it */
	EXCHANGE_SENDING,   /* libmicrohttpd has the reply */
	EXCHANGE_STREAMING, /* `stream` is set */
	EXCHANGE_ABANDONED, /* http_stop() waits no longer; the late http_reply() frees the peer */
};

struct http_exchange {
	struct http_server *server;
	struct MHD_Connection *connection;
	_Atomic int state; /* enum exchange_state; moved by exchange_move(), or as X3 says */
	bool deferred;     /* http_defer() was called; the worker's own memory of it */
	enum http_method method;
	struct arena *arena;
	struct str path;
	struct http_param *query;
	int query_count;
	struct buf body;
	uint64_t received; /* bytes of body so far */
	bool body_too_large;
	const struct http_reply *refusal; /* the server's own answer instead of the handler's */
	struct http_reply reply;
	struct http_stream *stream; /* set and cleared under the worker's lock */
};

/* What the keeper may do to a connection, in one word so that it is read whole: the low two bits
 * are a `enum watch`, the rest is its argument. */
enum watch {
	WATCH_OFF,      /* leave it alone */
	WATCH_IDLE,     /* waits for a head; argument: requests served so far */
	WATCH_ARRIVING, /* its body is arriving; argument: milliseconds by which it must be there */
};
#define WATCH(phase, argument) ((uint64_t)(argument) << 2 | (phase))
#define WATCH_PHASE(word) ((enum watch)((word)&3))
#define WATCH_ARGUMENT(word) ((int64_t)((word) >> 2))

struct http_peer {
	struct http_worker *worker;
	struct http_peer *prev, *next; /* in the worker's list */
	struct http_exchange exchange;
	int fd;
	_Atomic uint64_t watch;
	/* By when a head that has begun must be there, with the low 16 bits of the number of
	 * requests served before it; 0: not known to have begun. Written by the keeper. */
	_Atomic uint64_t head_due;
	_Atomic uint64_t served; /* requests; written by the worker */
	_Atomic int owners;      /* the connection, and whoever holds an ABANDONED exchange */
	/* The keeper's own. */
	uint64_t seen_watch;
	uint64_t seen_bytes;
};

struct http_worker {
	struct http_server *server;
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock; /* of the list */
	struct http_peer *first;
	_Atomic int load; /* connections that are no streams; the keeper counts them in */
	_Atomic int streams;
};

struct http_server {
	void (*handle)(void *user, struct http_exchange *x);
	void *user;
	size_t body_max;
	int64_t arrive_ms;
	int64_t round_ms; /* the keeper sees each peer once in a round */
	int idle_timeout_s;
	int connections_max;
	int pack; /* connections that share a worker before the next one gets any */
	int listen_fd, wake_fd, port;
	char *tls_cert, *tls_key; /* contents */
	pthread_t keeper;
	_Atomic bool stopping;
	_Atomic bool abandoning; /* what is deferred from now on gets no reply but a 503 */
	_Atomic int64_t now_ms;  /* the keeper's coarse clock, milliseconds since some moment */
	_Atomic int64_t connections;
	_Atomic uint64_t served_before; /* requests of connections that are gone */
	_Atomic uint64_t refused;
	_Atomic uint64_t stream_count; /* ever */
	_Atomic int repliers;          /* threads inside http_reply() of a deferred exchange */
	_Atomic int owners;            /* http_start()'s caller and the ABANDONED exchanges */
	bool starting;
	char start_text[160]; /* what libmicrohttpd said while starting */
	int worker_count;
	struct http_worker workers[];
};

/* ---- server.c ---- */

int64_t http_now_ms(void);
/* Gives up one claim on the server's memory. */
void http_server_release(struct http_server *server);

/* ---- listener.c ---- */

/* Opens the socket that `listen` names; the real port in *ret_port. */
int listener_open(const char *listen, int *ret_fd, int *ret_port, struct err *err) must_check;
/* Reads a PEM file into memory from malloc(). */
int listener_read_pem(const char *what, const char *path, char **ret, struct err *err) must_check;

/* ---- keeper.c ---- */

int keeper_start(struct http_server *server, struct err *err) must_check;
/* Ends the thread and closes the listening socket. */
void keeper_stop(struct http_server *server);
/* libmicrohttpd: a connection starts, ends (MHD_NotifyConnectionCallback). */
void keeper_notify(void *worker, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code);
/* Gives up one claim on the peer's memory. */
void keeper_release(struct http_peer *peer);

/* ---- exchange.c ---- */

/* libmicrohttpd: a head, a part of a body, a whole request (MHD_AccessHandlerCallback). */
enum MHD_Result exchange_access(void *worker, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **state);
/* libmicrohttpd: the request is over (MHD_RequestCompletedCallback). */
void exchange_completed(void *worker, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code);
/* Answers a deferred exchange with 503 if nobody has replied yet; true if it did. Under the
 * worker's lock, or on its thread. */
bool exchange_abandon(struct http_exchange *x);
void exchange_move(struct http_exchange *x, enum exchange_state from, enum exchange_state to);
struct http_peer *exchange_peer(struct http_exchange *x);

/* ---- head.c ---- */

enum head_fault {
	HEAD_FINE,
	HEAD_BAD_ADDRESS,
	HEAD_BAD_FRAMING,   /* the body cannot be read: the connection must end */
	HEAD_FAR_TOO_LARGE, /* the body will not be read: the connection must end */
	HEAD_NO_MEMORY,
};

/* Fills method, path, query and body of x, whose arena is new. */
enum head_fault head_read(struct http_exchange *x, const char *url, const char *method) must_check;

/* ---- stream.c ---- */

/* Hands the stream to libmicrohttpd. */
enum MHD_Result stream_queue(struct http_exchange *x);
/* The request is over: the last call of the hooks, and the end of the stream. */
void stream_closed(struct http_exchange *x);
/* Ends the stream soon. Under the worker's lock. */
void stream_end(struct http_stream *stream);
/* Sends a comment line if keep_alive_s have passed since the last byte. Under the worker's lock. */
void stream_keep_alive(struct http_stream *stream, int64_t now_ms);

#endif
