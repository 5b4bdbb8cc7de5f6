/* SPDX-License-Identifier: Apache-2.0 */
/* The server and the client of this room's tests; see test_client.h. */
#include "http/test_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- the server ---- */

static void reply_text(struct http_exchange *x, int status, struct str text)
{
	http_reply(x,
		&(struct http_reply) { .status = status,
			.content_type = "text/plain",
			.body = text });
}

static void enqueue(struct fixture *f, struct http_exchange *x, bool held)
{
	http_defer(x);
	pthread_mutex_lock(&f->lock);
	if (held) /* to the back, where the worker does not look */
		f->queue[FIXTURE_QUEUE - ++f->held] = x;
	else
		f->queue[f->queued++] = x;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static void *work(void *user)
{
	struct fixture *f = user;
	pthread_mutex_lock(&f->lock);
	while (!f->quitting || f->queued > 0) {
		if (!f->queued) {
			pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		struct http_exchange *x = f->queue[--f->queued];
		pthread_mutex_unlock(&f->lock);
		reply_text(x, 200, http_body(x));
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void reply_length(struct http_exchange *x)
{
	struct str text = http_body_too_large(x)
		? STR("too large")
		: arena_printf(http_arena(x), "%zu", http_body(x).len);
	reply_text(x, http_body_too_large(x) ? 413 : 200, text);
}

static void reply_headers(struct http_exchange *x)
{
	char value[] = "one";
	const char *headers[] = { "X-One", value, "Cache-Control", "max-age=60", NULL };
	http_reply(x,
		&(struct http_reply) { .status = 429, .retry_after_s = 7, .headers = headers });
	memset(value, '-', sizeof value - 1); /* it was copied */
}

static void add_name(void *user, struct str name)
{
	buf_add(user, name);
	buf_char(user, ',');
}

static void reply_names(struct http_exchange *x)
{
	struct buf buf;
	buf_init(&buf, http_arena(x), 1024);
	http_query_names(x, add_name, &buf);
	reply_text(x, 200, buf_str(&buf));
}

static void handle(void *user, struct http_exchange *x)
{
	struct fixture *f = user;
	struct str path = http_path(x);
	__atomic_add_fetch(&f->handled, 1, __ATOMIC_RELAXED);
	if (str_is(path, "/later"))
		enqueue(f, x, false);
	else if (str_is(path, "/held"))
		enqueue(f, x, true);
	else if (str_is(path, "/echo"))
		reply_text(x, 200, http_body(x));
	else if (str_is(path, "/length"))
		reply_length(x);
	else if (str_is(path, "/query"))
		reply_text(x, http_query(x, "name").ptr ? 200 : 404, http_query(x, "name"));
	else if (str_is(path, "/names"))
		reply_names(x);
	else if (str_is(path, "/agent"))
		reply_text(x, 200, http_header(x, "user-agent"));
	else if (str_is(path, "/v1/headers"))
		reply_headers(x);
	else if (str_is(path, "/poor")) {
		arena_fail_nth(1); /* in this thread: the copy of the headers */
		reply_headers(x);
	} else if (str_is(path, "/events"))
		f->stream(f, x);
	else if (!str_is(path, "/nothing"))
		reply_text(x, 200, path);
}

void fixture_start(struct fixture *f, const struct http_options *given)
{
	struct http_options options = given ? *given : (struct http_options) { 0 };
	struct err err = { 0 };
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	if (!options.listen)
		options.listen = "127.0.0.1:0";
	options.threads = options.threads ? options.threads : 4;
	options.handle = handle;
	options.user = f;
	assert_ok(http_start(&options, &f->server, &err), &err);
	f->port = http_port(f->server);
	assert_int_equal(pthread_create(&f->worker, NULL, work, f), 0);
}

void fixture_stop_server(struct fixture *f, int wait_s)
{
	http_stop(&f->server, wait_s);
	assert_null(f->server);
}

void fixture_stop_worker(struct fixture *f)
{
	fixture_release(f);
	pthread_mutex_lock(&f->lock);
	f->quitting = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->worker, NULL);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
}

void fixture_stop(struct fixture *f, int wait_s)
{
	fixture_release(f);
	fixture_stop_server(f, wait_s);
	fixture_stop_worker(f);
}

void fixture_release(struct fixture *f)
{
	pthread_mutex_lock(&f->lock);
	for (; f->held > 0; f->held--)
		f->queue[f->queued++] = f->queue[FIXTURE_QUEUE - f->held];
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void fixture_wait_held(struct fixture *f, int count)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLIENT_WAIT_S;
	pthread_mutex_lock(&f->lock);
	int rc = 0;
	while (f->held < count && rc == 0)
		rc = pthread_cond_timedwait(&f->changed, &f->lock, &until);
	pthread_mutex_unlock(&f->lock);
	assert_int_equal(rc, 0);
}

void wait_until(bool (*each)(void *user), void *user, const char *what)
{
	int64_t until = clock_ticks_ns() + CLIENT_WAIT_S * INT64_C(1000000000);
	while (!each(user)) {
		if (clock_ticks_ns() > until)
			fail_msg("waited %d s in vain: %s", CLIENT_WAIT_S, what);
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	}
}

struct http_stats fixture_stats(struct fixture *f)
{
	struct http_stats stats;
	http_stats(f->server, &stats);
	return stats;
}

/* ---- the client ---- */

void client_open(struct client *c, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval wait = { .tv_sec = CLIENT_WAIT_S };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->len = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
	assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
}

void client_close(struct client *c)
{
	close(c->fd);
	c->fd = -1;
}

void client_send(struct client *c, struct str bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		assert_true(n > 0);
		bytes = str_from(bytes, (size_t)n);
	}
}

void client_text(struct client *c, const char *text)
{
	client_send(c, str_of(text));
}

bool client_fill(struct client *c)
{
	assert_true(c->len < sizeof c->buf);
	ssize_t n = recv(c->fd, c->buf + c->len, sizeof c->buf - c->len, 0);
	if (n < 0 && errno != ECONNRESET)
		fail_msg("no answer within %d s", CLIENT_WAIT_S);
	c->len += n > 0 ? (size_t)n : 0;
	return n > 0;
}

void client_take(struct client *c, size_t n)
{
	memmove(c->buf, c->buf + n, c->len - n);
	c->len -= n;
}

static void read_head(struct client *c, struct response *ret)
{
	char *end;
	while (!(end = memmem(c->buf, c->len, "\r\n\r\n", 4)))
		assert_true(client_fill(c));
	size_t len = (size_t)(end - c->buf) + 4;
	assert_true(len < sizeof ret->head);
	memcpy(ret->head, c->buf, len);
	ret->head[len] = '\0';
	client_take(c, len);
}

void client_read(struct client *c, struct response *ret, bool head)
{
	read_head(c, ret);
	ret->status = (int)strtol(ret->head + strlen("HTTP/1.1 "), NULL, 10);
	const char *length = strcasestr(ret->head, "\r\nContent-Length:");
	ret->chunked = strcasestr(ret->head, "\r\nTransfer-Encoding: chunked") != NULL;
	ret->length = length && !head ? strtoul(strchr(length, ':') + 1, NULL, 10) : 0;
	assert_true(ret->length < sizeof ret->body);
	while (c->len < ret->length)
		assert_true(client_fill(c));
	memcpy(ret->body, c->buf, ret->length);
	ret->body[ret->length] = '\0';
	client_take(c, ret->length);
}

int client_get(struct client *c, const char *method, const char *path, struct response *ret)
{
	char request[2048];
	snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: zegel\r\n\r\n", method, path);
	client_text(c, request);
	client_read(c, ret, strcmp(method, "HEAD") == 0);
	return ret->status;
}

bool client_ended(struct client *c)
{
	do
		c->len = 0;
	while (client_fill(c));
	return true;
}
