/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and stopping the server, and its figures.
 *
 * There are several daemons of one thread each instead of one with a pool, and none has a listening
 * socket: the keeper accepts, chooses a worker and hands the connection over. What a resume costs
 * grows with the number of suspended connections of its thread, so streams must spread; what a wake
 * costs is shared by the connections found ready, so a few busy connections must not spread (16
 * threads for 64 connections cost a third more than 4). Also no herd of threads wakes for each new
 * connection, and stopping to accept needs no MHD_quiesce_daemon(), which in 0.9.75 can race with a
 * worker and abort.
 *
 * Stopping, in this order (libmicrohttpd aborts when it is stopped with a suspended connection):
 *   1 `stopping` is set: requests that come now get a 503, every reply closes its connection;
 *   2 the keeper ends, and with it the listening socket;
 *   3 until all is answered, or wait_s have passed: wait;
 *   4 what is still deferred is abandoned: a 503, and its exchange is left to the late replier;
 *   5 streams are ended;
 *   6 until no thread is between taking an exchange out of DEFERRED and having resumed it: wait;
 *   7 libmicrohttpd stops. Every closed() hook has been called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "http/http_impl.h"

#define BODY_MAX_DEFAULT ((size_t)1 << 20)
#define THREADS_DEFAULT 16
#define CONNECTIONS_DEFAULT 20000
#define FILES_FOR_OTHERS 64 /* descriptors that are not connections */
#define ARRIVE_DEFAULT_S 15
#define IDLE_DEFAULT_S 75
#define BUSY_WORKERS_PACK 32 /* divided by the processors, up to 8: connections a worker */
#define STREAMS_GRACE_MS 1000
#define POLL_NS 1000000
#define ROUND_MAX_MS 1000
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

int64_t http_now_ms(void)
{
	return clock_ticks_ns() / 1000000;
}

void http_server_release(struct http_server *server)
{
	if (atomic_fetch_sub(&server->owners, 1) > 1)
		return;
	for (int i = 0; i < server->worker_count; i++)
		pthread_mutex_destroy(&server->workers[i].lock);
	free(server);
}

/* ---- starting ---- */

/* The names in libmicrohttpd's messages are not ours to repeat: an address may hold a caller's id.
 * So a message is logged as its format, unfilled. */
static void on_message(void *user, const char *fmt, va_list args)
{
	struct http_server *server = user;
	size_t len = strlen(fmt);
	while (len && (fmt[len - 1] == '\n' || fmt[len - 1] == '.'))
		len--;
	if (server->starting)
		vsnprintf(server->start_text, sizeof server->start_text, fmt, args);
	else
		log_debug("http: %.*s", (int)len, fmt);
}

static size_t keep_escapes(void *user, struct MHD_Connection *connection, char *s)
{
	return strlen(s);
}

static int default_of(int value, int fallback)
{
	return value > 0 ? value : fallback;
}

/* Never more than the process may open. */
static int connections_max(int wanted)
{
	struct rlimit files;
	int max = default_of(wanted, CONNECTIONS_DEFAULT);
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
		return max;
	rlim_t room = files.rlim_cur > 2 * FILES_FOR_OTHERS ? files.rlim_cur - FILES_FOR_OTHERS
							    : FILES_FOR_OTHERS;
	return room < (rlim_t)max ? (int)room : max;
}

/* 16 connections a worker on two processors, 4 on eight and more. */
static int pack_size(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	return BUSY_WORKERS_PACK / (processors < 1 ? 1 : processors > 8 ? 8 : (int)processors);
}

static struct http_server *server_new(const struct http_options *options)
{
	int workers = default_of(options->threads, THREADS_DEFAULT);
	workers = workers < HTTP_WORKERS_MAX ? workers : HTTP_WORKERS_MAX;
	struct http_server *server =
		calloc(1, sizeof *server + (size_t)workers * sizeof *server->workers);
	if (!server)
		return NULL;
	server->worker_count = workers;
	for (int i = 0; i < workers; i++) {
		server->workers[i].server = server;
		pthread_mutex_init(&server->workers[i].lock, NULL);
	}
	server->pack = pack_size();
	server->idle_timeout_s = default_of(options->idle_timeout_s, IDLE_DEFAULT_S);
	server->handle = options->handle;
	server->user = options->user;
	server->body_max = options->body_max ? options->body_max : BODY_MAX_DEFAULT;
	server->arrive_ms = default_of(options->arrive_timeout_s, ARRIVE_DEFAULT_S) * INT64_C(1000);
	server->round_ms = num_min(server->arrive_ms / 8, ROUND_MAX_MS);
	server->connections_max = connections_max(options->connections_max);
	server->listen_fd = server->wake_fd = -1;
	atomic_init(&server->owners, 1);
	atomic_init(&server->now_ms, http_now_ms());
	return server;
}

static void forget_key(struct http_server *server)
{
	if (server->tls_key)
		explicit_bzero(server->tls_key, strlen(server->tls_key));
	free(server->tls_key);
	free(server->tls_cert);
	server->tls_key = server->tls_cert = NULL;
}

static int read_tls(struct http_server *server, const struct http_options *options, struct err *err)
{
	if (!options->tls_cert && !options->tls_key)
		return 0;
	if (!options->tls_cert || !options->tls_key)
		return err_set(err, ERR_INVALID,
			"TLS needs both files: a certificate (with its chain) and its key");
	if (MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_NO)
		return err_set(err, ERR_INVALID,
			"this libmicrohttpd was built without TLS: put a proxy "
			"in front, or install the distribution's libmicrohttpd");
	int rc = listener_read_pem("certificate", options->tls_cert, &server->tls_cert, err);
	return rc < 0 ? rc : listener_read_pem("key", options->tls_key, &server->tls_key, err);
}

static int daemon_error(const struct http_server *server, struct err *err)
{
	int len = (int)strcspn(server->start_text, "\n");
	if (server->tls_key)
		return err_set(err, ERR_IO,
			"the HTTPS server did not start: %.*s. Are the certificate "
			"and the key PEM files that belong together?",
			len, server->start_text);
	return err_set(err, ERR_IO, "the HTTP server did not start: %.*s", len, server->start_text);
}

static struct MHD_Daemon *start_daemon(struct http_server *server, struct http_worker *worker)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
		MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls_key },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, server->tls_cert },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	/* The keeper counts connections; libmicrohttpd's own limit is only a fence. */
	return MHD_start_daemon(server->tls_key ? flags | MHD_USE_TLS : flags, 0, NULL, NULL,
		exchange_access, worker, MHD_OPTION_EXTERNAL_LOGGER, on_message, server,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->connections_max + 1000,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)server->idle_timeout_s,
		MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, worker,
		MHD_OPTION_NOTIFY_CONNECTION, keeper_notify, worker, MHD_OPTION_UNESCAPE_CALLBACK,
		keep_escapes, NULL, MHD_OPTION_ARRAY, server->tls_key ? tls : &tls[3],
		MHD_OPTION_END);
}

static int start_workers(struct http_server *server, struct err *err)
{
	int started = 0;
	server->starting = true;
	for (int i = 0; i < server->worker_count; i++) {
		server->workers[i].daemon = start_daemon(server, &server->workers[i]);
		started += server->workers[i].daemon != NULL;
	}
	server->starting = false;
	return started == server->worker_count ? 0 : daemon_error(server, err);
}

static void stop_workers(struct http_server *server)
{
	for (int i = 0; i < server->worker_count; i++)
		if (server->workers[i].daemon)
			MHD_stop_daemon(server->workers[i].daemon);
}

static void undo_start(struct http_server *server)
{
	stop_workers(server);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	forget_key(server);
	http_server_release(server);
}

int http_start(const struct http_options *options, struct http_server **ret, struct err *err)
{
	require(options->handle && options->listen);
	struct http_server *server = server_new(options);
	if (!server)
		return err_set(err, ERR_NO_MEMORY, "no memory for the HTTP server");
	int rc = read_tls(server, options, err);
	if (rc == 0)
		rc = listener_open(options->listen, &server->listen_fd, &server->port, err);
	if (rc == 0)
		rc = start_workers(server, err);
	if (rc == 0)
		rc = keeper_start(server, err);
	if (rc < 0)
		undo_start(server);
	else
		*ret = server;
	return rc;
}

int http_port(const struct http_server *server)
{
	return server->port;
}

/* ---- stopping ---- */

/* Calls each for every peer, under its worker's lock; returns how many said true. */
static int count_peers(struct http_server *server, bool (*each)(struct http_peer *peer))
{
	int count = 0;
	for (int i = 0; i < server->worker_count; i++) {
		struct http_worker *worker = &server->workers[i];
		pthread_mutex_lock(&worker->lock);
		for (struct http_peer *peer = worker->first; peer; peer = peer->next)
			count += each(peer);
		pthread_mutex_unlock(&worker->lock);
	}
	return count;
}

static enum exchange_state state_of(const struct http_peer *peer)
{
	return (enum exchange_state)atomic_load(&peer->exchange.state);
}

/* Whole, and its reply is not sent yet. */
static bool is_unanswered(struct http_peer *peer)
{
	enum exchange_state state = state_of(peer);
	return state >= EXCHANGE_HANDLING && state <= EXCHANGE_SENDING;
}

static bool is_deferred(struct http_peer *peer)
{
	return state_of(peer) == EXCHANGE_DEFERRED;
}

static bool is_open(struct http_peer *peer)
{
	return state_of(peer) == EXCHANGE_STREAMING || state_of(peer) == EXCHANGE_ABANDONED ||
		is_unanswered(peer);
}

static bool abandon(struct http_peer *peer)
{
	return exchange_abandon(&peer->exchange);
}

static bool end_stream(struct http_peer *peer)
{
	if (peer->exchange.stream)
		stream_end(peer->exchange.stream);
	return peer->exchange.stream != NULL;
}

/* Waits until no peer is `each`, at most so long. */
static void wait_until_none(struct http_server *server, bool (*each)(struct http_peer *peer),
	int64_t at_most_ms)
{
	int64_t until = http_now_ms() + at_most_ms;
	while (count_peers(server, each) > 0 && http_now_ms() < until)
		nanosleep(&(struct timespec) { .tv_nsec = POLL_NS }, NULL);
}

void http_stop(struct http_server **server_ptr, int wait_s)
{
	struct http_server *server = *server_ptr;
	if (!server)
		return;
	*server_ptr = NULL;
	atomic_store(&server->stopping, true);
	keeper_stop(server);
	wait_until_none(server, is_unanswered, wait_s * INT64_C(1000));
	atomic_store(&server->abandoning, true);
	int unanswered = count_peers(server, abandon);
	if (unanswered > 0)
		log_warn("http: stopped with %d requests unanswered", unanswered);
	count_peers(server, end_stream);
	wait_until_none(server, is_open, STREAMS_GRACE_MS);
	while (atomic_load(&server->repliers) > 0)
		nanosleep(&(struct timespec) { .tv_nsec = POLL_NS }, NULL);
	stop_workers(server);
	forget_key(server);
	http_server_release(server);
}

/* ---- figures ---- */

void http_stats(struct http_server *server, struct http_stats *ret)
{
	struct http_stats stats = {
		.connections = atomic_load(&server->connections),
		.requests = atomic_load(&server->served_before),
		.refused = atomic_load(&server->refused),
	};
	for (int i = 0; i < server->worker_count; i++) {
		struct http_worker *worker = &server->workers[i];
		stats.streams += atomic_load(&worker->streams);
		pthread_mutex_lock(&worker->lock);
		for (struct http_peer *peer = worker->first; peer; peer = peer->next) {
			stats.requests += atomic_load_explicit(&peer->served, memory_order_relaxed);
			stats.deferred += is_deferred(peer);
		}
		pthread_mutex_unlock(&worker->lock);
	}
	*ret = stats;
}
