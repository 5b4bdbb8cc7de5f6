/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams: text/event-stream, sent piece by piece as libmicrohttpd asks for it.
 *
 *     RUNNING --nothing to send, nobody woke--> PARKED (suspended)
 *        ^------------- wake, end --------------'
 *
 * A wake must not be lost between fill() finding nothing and the connection being suspended. So
 * every wake leaves a mark, the mark is taken away before fill() is asked, and the connection is
 * suspended only under the lock and only while there is no mark. fill() is asked after a wake, and
 * until it has nothing; not for a comment line.
 *
 * What fill() gave is kept until it has been sent, in the pieces libmicrohttpd has room for; a
 * stream with nothing to send keeps no buffer.
 *
 * Invariants
 * S1  `parked` is true exactly while the connection is suspended; who sets it to false resumes.
 * S2  fill() is called by the worker's thread only, without any lock held.
 * S3  Once `ending` is set the stream never parks again. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "http/http_impl.h"

#define COMMENT ":\n\n"
/* What one fill() may add. */
#define FILL_MAX ((size_t)1 << 20)
/* libmicrohttpd's buffer for clients that do not speak HTTP/1.1; others do without. */
#define BLOCK_SIZE 512
#define KEEP_ALIVE_DEFAULT_S 20

struct http_stream {
	pthread_mutex_t lock;
	struct MHD_Connection *connection;
	struct http_server *server;
	void (*closed)(void *user);
	bool (*fill)(void *user, struct buf *buf);
	void *user;
	int64_t keep_alive_ms;
	_Atomic int64_t comment_at; /* by the keeper's clock */
	/* Under the lock. */
	bool parked, woken, comment_due, ending;
	/* The worker's. */
	bool more; /* the last fill() added something: ask again */
	bool last; /* fill() said that there is no more */
	struct buf pending;
	size_t sent; /* of pending */
};

/* ---- waking, from any thread ---- */

/* Under the lock. */
static void unpark(struct http_stream *stream)
{
	if (!stream->parked)
		return;
	stream->parked = false;
	MHD_resume_connection(stream->connection);
}

static void mark(struct http_stream *stream, bool *which)
{
	pthread_mutex_lock(&stream->lock);
	*which = true;
	unpark(stream);
	pthread_mutex_unlock(&stream->lock);
}

void http_stream_wake(struct http_stream *stream)
{
	mark(stream, &stream->woken);
}

void stream_end(struct http_stream *stream)
{
	mark(stream, &stream->ending);
}

void stream_keep_alive(struct http_stream *stream, int64_t now_ms)
{
	if (atomic_load_explicit(&stream->comment_at, memory_order_relaxed) > now_ms)
		return;
	atomic_store_explicit(&stream->comment_at, now_ms + stream->keep_alive_ms,
		memory_order_relaxed);
	mark(stream, &stream->comment_due);
}

/* ---- sending, on the worker's thread ---- */

struct marks {
	bool woken, comment_due, ending;
};

/* Reads the marks and takes them away. */
static struct marks take_marks(struct http_stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	struct marks marks = { stream->woken, stream->comment_due,
		stream->ending || atomic_load(&stream->server->stopping) };
	stream->woken = stream->comment_due = false;
	pthread_mutex_unlock(&stream->lock);
	return marks;
}

/* Asks for what there is to send; false if it is more than can be. */
static bool refill(struct http_stream *stream)
{
	buf_init(&stream->pending, NULL, FILL_MAX);
	stream->sent = 0;
	stream->last = !stream->fill(stream->user, &stream->pending);
	stream->more = stream->pending.len > 0;
	if (!stream->pending.failed)
		return true;
	log_warn("http: a stream was ended: it had more than %zu bytes to send at once", FILL_MAX);
	return false;
}

/* Makes something to send out of the marks; false if the stream is over. */
static bool prepare(struct http_stream *stream, struct marks marks)
{
	if (marks.ending || stream->last)
		return false;
	if ((marks.woken || stream->more) && !refill(stream))
		return false;
	if (marks.comment_due && !stream->pending.len) {
		stream->sent = 0;
		buf_cstr(&stream->pending, COMMENT);
	}
	return true;
}

/* Suspends the connection, unless there is a mark. */
static bool park(struct http_stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	bool parked = !stream->woken && !stream->comment_due && !stream->ending;
	stream->parked = parked;
	if (parked)
		MHD_suspend_connection(stream->connection);
	pthread_mutex_unlock(&stream->lock);
	return parked;
}

static size_t copy_out(struct http_stream *stream, char *out, size_t max)
{
	size_t len = stream->pending.len - stream->sent;
	if (len > max)
		len = max;
	memcpy(out, stream->pending.ptr + stream->sent, len);
	stream->sent += len;
	if (stream->sent == stream->pending.len)
		buf_done(&stream->pending);
	atomic_store_explicit(&stream->comment_at,
		atomic_load_explicit(&stream->server->now_ms, memory_order_relaxed) +
			stream->keep_alive_ms,
		memory_order_relaxed);
	return len;
}

/* libmicrohttpd asks for up to max bytes (MHD_ContentReaderCallback). */
static ssize_t read_stream(void *user, uint64_t pos, char *out, size_t max)
{
	struct http_stream *stream = user;
	while (!stream->pending.len) {
		if (!prepare(stream, take_marks(stream)))
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (!stream->pending.len && !stream->last && park(stream))
			return 0;
	}
	return (ssize_t)copy_out(stream, out, max);
}

/* ---- its life ---- */

/* The first comment comes after half to a whole period: streams opened together do not stay
 * together. */
static int64_t first_comment(struct http_server *server, int64_t keep_alive_ms)
{
	uint64_t nth = atomic_fetch_add(&server->stream_count, 1);
	uint32_t spread = (uint32_t)(nth * 2654435769u); /* 2^32 / the golden ratio */
	int64_t now = atomic_load_explicit(&server->now_ms, memory_order_relaxed);
	return now + keep_alive_ms / 2 + ((keep_alive_ms / 2 * (int64_t)(spread >> 16)) >> 16);
}

struct http_stream *http_stream_open(struct http_exchange *x, const struct http_stream_hooks *hooks,
	void *user, int keep_alive_s)
{
	struct http_stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return NULL;
	pthread_mutex_init(&stream->lock, NULL);
	stream->connection = x->connection;
	stream->server = x->server;
	stream->fill = hooks->fill;
	stream->closed = hooks->closed;
	stream->user = user;
	stream->woken = true; /* the first fill() */
	stream->keep_alive_ms =
		(keep_alive_s > 0 ? keep_alive_s : KEEP_ALIVE_DEFAULT_S) * INT64_C(1000);
	atomic_init(&stream->comment_at, first_comment(x->server, stream->keep_alive_ms));
	buf_init(&stream->pending, NULL, FILL_MAX);
	exchange_move(x, EXCHANGE_HANDLING, EXCHANGE_STREAMING);
	struct http_worker *worker = exchange_peer(x)->worker;
	pthread_mutex_lock(&worker->lock);
	x->stream = stream;
	pthread_mutex_unlock(&worker->lock);
	atomic_fetch_add(&worker->streams, 1);
	atomic_fetch_sub(&worker->load, 1);
	return stream;
}

enum MHD_Result stream_queue(struct http_exchange *x)
{
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
		BLOCK_SIZE, read_stream, x->stream, NULL);
	if (!response)
		return MHD_NO;
	enum MHD_Result result = MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream") &&
		MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") &&
		MHD_add_response_header(response, "X-Accel-Buffering", "no"))
		result = MHD_queue_response(x->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	arena_free(&x->arena);
	return result;
}

void stream_closed(struct http_exchange *x)
{
	struct http_stream *stream = x->stream;
	struct http_worker *worker = exchange_peer(x)->worker;
	pthread_mutex_lock(&worker->lock);
	x->stream = NULL;
	pthread_mutex_unlock(&worker->lock);
	stream->closed(stream->user);
	/* Nobody wakes it any more; who did has let go of the lock. */
	pthread_mutex_lock(&stream->lock);
	pthread_mutex_unlock(&stream->lock);
	pthread_mutex_destroy(&stream->lock);
	buf_done(&stream->pending);
	atomic_fetch_sub(&worker->streams, 1);
	atomic_fetch_add(&worker->load, 1);
	free(stream);
}
