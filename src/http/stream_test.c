/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams, and stopping, against the real server over loopback. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http_impl.h"
#include "http/test_client.h"

#define STREAMS 200
#define EVENTS 300

/* What the server's side of one stream knows. */
struct source {
	struct http_stream *stream; /* under lock; NULL once closed */
	pthread_mutex_t lock;
	_Atomic int made;  /* events there are */
	_Atomic int fills; /* calls of fill() */
	int told;          /* events filled; the server thread's */
	int end_after;     /* fill() says that there is no more after so many; 0: never */
	size_t size;       /* bytes of padding in each event */
	int keep_alive_s;
	_Atomic int opened, closed;
};

static struct fixture *f; /* a new one for each test: a failed one may still be running */
static struct client c;
static struct response r;
static struct source sources[STREAMS];
static _Atomic int source_count;

static bool fill(void *user, struct buf *buf)
{
	struct source *source = user;
	int made = atomic_load(&source->made);
	atomic_fetch_add(&source->fills, 1);
	while (source->told < made) {
		buf_printf(buf, "data: %d", ++source->told);
		char *padding = source->size ? buf_room(buf, source->size) : NULL;
		if (padding)
			memset(padding, ' ', source->size);
		buf_cstr(buf, "\n\n");
	}
	return !source->end_after || source->told < source->end_after;
}

static void closed(void *user)
{
	struct source *source = user;
	pthread_mutex_lock(&source->lock);
	source->stream = NULL;
	pthread_mutex_unlock(&source->lock);
	atomic_fetch_add(&source->closed, 1);
}

static void open_stream(struct fixture *fixture, struct http_exchange *x)
{
	static const struct http_stream_hooks hooks = { fill, closed };
	struct source *source = &sources[atomic_fetch_add(&source_count, 1) % STREAMS];
	pthread_mutex_lock(&source->lock);
	source->stream = http_stream_open(x, &hooks, source, source->keep_alive_s);
	pthread_mutex_unlock(&source->lock);
	atomic_fetch_add(&source->opened, 1);
}

static void make_event(struct source *source, bool wake)
{
	atomic_fetch_add(&source->made, 1);
	if (!wake)
		return;
	pthread_mutex_lock(&source->lock);
	if (source->stream)
		http_stream_wake(source->stream);
	pthread_mutex_unlock(&source->lock);
}

/* Every stream gets this pattern. */
static void begin(struct source pattern, const struct http_options *options)
{
	for (int i = 0; i < STREAMS; i++) {
		sources[i] = pattern;
		pthread_mutex_init(&sources[i].lock, NULL);
	}
	source_count = 0;
	f = calloc(1, sizeof *f);
	f->stream = open_stream;
	fixture_start(f, options);
}

static void check_closed_once(int count)
{
	assert_int_equal(atomic_load(&source_count), count);
	for (int i = 0; i < count; i++)
		assert_int_equal(atomic_load(&sources[i].closed), 1);
}

static void end(int streams)
{
	fixture_stop(f, 10);
	free(f);
	check_closed_once(streams);
}

static void open_events(struct client *client)
{
	client_open(client, f->port);
	client_text(client, "GET /events HTTP/1.1\r\nHost: z\r\n\r\n");
	client_read(client, &r, false);
	assert_int_equal(r.status, 200);
}

/* Takes one chunk's payload out of the client's buffer; -1: it is not whole, 0: the last one. */
static ssize_t take_chunk(struct client *client, char *out, size_t max)
{
	char *line = memmem(client->buf, client->len, "\r\n", 2);
	if (!line)
		return -1;
	size_t size = strtoul(client->buf, NULL, 16), head = (size_t)(line - client->buf) + 2;
	assert_true(size < max);
	if (client->len < head + size + 2)
		return -1;
	memcpy(out, client->buf + head, size);
	out[size] = '\0';
	client_take(client, head + size + 2);
	return (ssize_t)size;
}

static ssize_t read_chunk(struct client *client, char *out, size_t max)
{
	ssize_t size;
	while ((size = take_chunk(client, out, max)) < 0)
		assert_true(client_fill(client));
	return size;
}

/* ---- sending ---- */

static void has_the_headers_of_a_stream(void **state)
{
	begin((struct source) { 0 }, NULL);
	open_events(&c); /* answered although there is nothing to send */
	assert_true(r.chunked);
	assert_non_null(strstr(r.head, "Content-Type: text/event-stream\r\n"));
	assert_non_null(strstr(r.head, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(r.head, "X-Accel-Buffering: no\r\n"));
	assert_int_equal(fixture_stats(f).streams, 1);
	client_close(&c);
	end(1);
}

static void ends_when_there_is_no_more(void **state)
{
	char text[256];
	begin((struct source) { .end_after = 2 }, NULL);
	open_events(&c);
	make_event(&sources[0], true);
	assert_int_equal(read_chunk(&c, text, sizeof text), 9);
	assert_string_equal(text, "data: 1\n\n");
	make_event(&sources[0], true);
	read_chunk(&c, text, sizeof text);
	assert_string_equal(text, "data: 2\n\n");
	assert_int_equal(read_chunk(&c, text, sizeof text), 0);
	assert_int_equal(client_get(&c, "GET", "/after", &r), 200);
	client_close(&c);
	end(1);
}

static void sends_a_large_event_in_pieces(void **state)
{
	static char text[65536];
	size_t got = 0;
	ssize_t n;
	begin((struct source) { .end_after = 3, .size = 300000, .made = 3 }, NULL);
	open_events(&c);
	while ((n = read_chunk(&c, text, sizeof text)) > 0)
		got += (size_t)n;
	assert_int_equal(got, 3 * (300000 + strlen("data: 1\n\n")));
	client_close(&c);
	end(1);
}

static void ends_a_stream_with_too_much_at_once(void **state)
{
	static char text[65536];
	begin((struct source) { .size = 2 << 20, .made = 1 }, NULL);
	open_events(&c);
	assert_int_equal(read_chunk(&c, text, sizeof text), 0);
	client_close(&c);
	end(1);
}

static void serves_old_clients_until_it_closes(void **state)
{
	begin((struct source) { .end_after = 1, .made = 1, .size = 2000 }, NULL);
	client_open(&c, f->port);
	client_text(&c, "GET /events HTTP/1.0\r\n\r\n");
	while (client_fill(&c))
		;
	assert_null(memmem(c.buf, c.len, "chunked", 7));
	assert_non_null(memmem(c.buf, c.len, "data: 1  ", 9));
	client_close(&c);
	end(1);
}

static bool first_closed(void *user)
{
	return atomic_load(&sources[0].closed) == 1;
}

static void a_head_of_a_stream_is_closed_at_once(void **state)
{
	begin((struct source) { 0 }, NULL);
	client_open(&c, f->port);
	assert_int_equal(client_get(&c, "HEAD", "/events", &r), 200);
	wait_until(first_closed, NULL, "the end of a HEAD");
	assert_int_equal(client_get(&c, "GET", "/next", &r), 200);
	client_close(&c);
	end(1);
}

static void says_that_it_is_alive(void **state)
{
	char text[64];
	begin((struct source) { .keep_alive_s = 1 },
		&(struct http_options) { .arrive_timeout_s = 1 });
	open_events(&c);
	for (int i = 0; i < 2; i++) {
		read_chunk(&c, text, sizeof text);
		assert_string_equal(text, ":\n\n");
	}
	assert_int_equal(atomic_load(&sources[0].fills), 1); /* nobody woke it */
	client_close(&c);
	end(1);
}

static void finds_peers_that_are_gone(void **state)
{
	begin((struct source) { .keep_alive_s = 1 },
		&(struct http_options) { .arrive_timeout_s = 1 });
	open_events(&c);
	client_close(&c);
	wait_until(first_closed, NULL, "a stream whose client is gone");
	assert_int_equal(fixture_stats(f).streams, 0);
	end(1);
}

/* ---- many, with wakes from two threads ---- */

/* Makes every second event of every stream; some without a wake of their own. */
static void *produce(void *user)
{
	unsigned seed = (unsigned)(uintptr_t)user;
	for (int i = 0; i < EVENTS / 2; i++)
		for (int s = 0; s < STREAMS; s++)
			make_event(&sources[s], i == EVENTS / 2 - 1 || rand_r(&seed) % 4 != 0);
	return NULL;
}

/* Counts the events of a text that must go on after `last`; they may be cut anywhere. */
struct reading {
	char line[64];
	size_t len;
	int last;
};

static void read_events(struct reading *reading, const char *text, ssize_t len)
{
	for (ssize_t i = 0; i < len; i++) {
		if (text[i] != '\n') {
			assert_true(reading->len < sizeof reading->line - 1);
			reading->line[reading->len++] = text[i];
			continue;
		}
		reading->line[reading->len] = '\0';
		if (reading->len > 0)
			assert_int_equal(strtol(reading->line + strlen("data: "), NULL, 10),
				++reading->last);
		reading->len = 0;
	}
}

static void keeps_the_order_of_many_streams(void **state)
{
	struct client *clients = calloc(STREAMS, sizeof *clients);
	struct reading *readings = calloc(STREAMS, sizeof *readings);
	struct pollfd *fds = calloc(STREAMS, sizeof *fds);
	static char text[65536];
	pthread_t threads[2];
	begin((struct source) { 0 }, NULL);
	for (int i = 0; i < STREAMS; i++) {
		open_events(&clients[i]);
		fds[i] = (struct pollfd) { .fd = clients[i].fd, .events = POLLIN };
	}
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce, (void *)(i + 1)), 0);
	for (int left = STREAMS; left > 0;) {
		assert_true(poll(fds, STREAMS, CLIENT_WAIT_S * 1000) > 0);
		for (int i = 0; i < STREAMS; i++) {
			ssize_t n;
			if (!fds[i].revents)
				continue;
			assert_true(client_fill(&clients[i]));
			while ((n = take_chunk(&clients[i], text, sizeof text)) > 0)
				read_events(&readings[i], text, n);
			if (readings[i].last < EVENTS)
				continue;
			fds[i].fd = -1;
			left--;
		}
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < STREAMS; i++)
		client_close(&clients[i]);
	end(STREAMS);
	free(clients);
	free(readings);
	free(fds);
}

/* ---- which worker gets a connection ---- */

#define SPREAD 40

static void spreads_streams_and_packs_requests(void **state)
{
	struct client *streams = calloc(SPREAD, sizeof *streams);
	struct client *others = calloc(SPREAD, sizeof *others);
	begin((struct source) { 0 }, NULL);
	int pack = f->server->pack, workers = f->server->worker_count;
	assert_in_range(pack + 1, 1, SPREAD);
	for (int i = 0; i < SPREAD; i++)
		open_events(&streams[i]);
	for (int i = 0; i <= pack; i++) {
		client_open(&others[i], f->port);
		assert_int_equal(client_get(&others[i], "GET", "/x", &r), 200);
	}
	for (int i = 0; i < workers; i++) {
		struct http_worker *worker = &f->server->workers[i];
		assert_int_equal(atomic_load(&worker->streams), SPREAD / workers);
		assert_int_equal(atomic_load(&worker->load), i == 0 ? pack : i == 1 ? 1 : 0);
	}
	for (int i = 0; i < SPREAD; i++)
		client_close(&streams[i]);
	for (int i = 0; i <= pack; i++)
		client_close(&others[i]);
	end(SPREAD);
	free(streams);
	free(others);
}

/* ---- stopping ---- */

static void *release_soon(void *user)
{
	nanosleep(&(struct timespec) { .tv_nsec = 300000000 }, NULL);
	fixture_release(f);
	return NULL;
}

static void stopping_waits_for_what_is_deferred(void **state)
{
	pthread_t thread;
	begin((struct source) { 0 }, NULL);
	client_open(&c, f->port);
	client_text(&c, "POST /held HTTP/1.1\r\nHost: z\r\nContent-Length: 4\r\n\r\nlate");
	fixture_wait_held(f, 1);
	assert_int_equal(pthread_create(&thread, NULL, release_soon, NULL), 0);
	fixture_stop_server(f, CLIENT_WAIT_S);
	client_read(&c, &r, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "late");
	assert_non_null(strstr(r.head, "Connection: close\r\n"));
	assert_true(client_ended(&c));
	client_close(&c);
	pthread_join(thread, NULL);
	fixture_stop_worker(f);
	free(f);
}

#define STOPPED 50

static void stops_with_parked_connections_and_streams(void **state)
{
	struct client *held = calloc(STOPPED, sizeof *held),
		      *streams = calloc(STOPPED, sizeof *streams);
	begin((struct source) { .size = 100000 }, NULL);
	for (int i = 0; i < STOPPED; i++) {
		client_open(&held[i], f->port);
		client_text(&held[i],
			"POST /held HTTP/1.1\r\nHost: z\r\nContent-Length: 1\r\n\r\nx");
		open_events(&streams[i]);
	}
	/* Some have more to send than their clients read. */
	for (int i = 0; i < STOPPED; i += 5)
		for (int event = 0; event < 10; event++)
			make_event(&sources[i], true);
	fixture_wait_held(f, STOPPED);
	int64_t start = clock_ticks_ns();
	fixture_stop_server(f, 1);
	assert_in_range((clock_ticks_ns() - start) / 1000000, 900, 10000);
	check_closed_once(STOPPED);
	for (int i = 0; i < STOPPED; i++) {
		client_read(&held[i], &r, false);
		assert_int_equal(r.status, 503);
		assert_non_null(strstr(r.body, "stopping"));
		client_close(&held[i]);
		client_close(&streams[i]);
	}
	fixture_stop_worker(f); /* it replies to 50 exchanges of a server that is gone */
	free(f);
	free(held);
	free(streams);
}

static void *stop_server(void *user)
{
	fixture_stop_server(f, CLIENT_WAIT_S);
	return NULL;
}

static void refuses_requests_while_stopping(void **state)
{
	static struct client old;
	pthread_t thread;
	begin((struct source) { 0 }, NULL);
	client_open(&old, f->port);
	assert_int_equal(client_get(&old, "GET", "/x", &r), 200);
	client_open(&c, f->port);
	client_text(&c, "POST /held HTTP/1.1\r\nHost: z\r\nContent-Length: 1\r\n\r\nx");
	fixture_wait_held(f, 1);
	assert_int_equal(pthread_create(&thread, NULL, stop_server, NULL), 0);
	/* The kept connection learns of it as soon as the stop has begun. */
	int status = 200;
	for (int i = 0; i < CLIENT_WAIT_S * 100 && status == 200; i++) {
		status = client_get(&old, "GET", "/x", &r);
		nanosleep(&(struct timespec) { .tv_nsec = 10000000 }, NULL);
	}
	assert_int_equal(status, 503);
	assert_true(client_ended(&old));
	fixture_release(f);
	client_read(&c, &r, false);
	assert_int_equal(r.status, 200);
	pthread_join(thread, NULL);
	client_close(&old);
	client_close(&c);
	fixture_stop_worker(f);
	free(f);
}

/* ---- stopping in the middle of it ---- */

#define HAMMERS 8
#define STOPS 20

/* Asks for later replies and streams until the server is gone; returns how many were answered. */
static void *hammer(void *user)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)f->port) };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	char text[1024];
	intptr_t answered = 0;
	for (int i = 0;; i++) {
		const char *request = i % 4 ? "GET /later HTTP/1.1\r\nHost: z\r\n\r\n"
					    : "GET /events HTTP/1.1\r\nHost: z\r\n\r\n";
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct timeval wait = { .tv_sec = CLIENT_WAIT_S };
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
		bool up = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
		if (up && send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
			answered += recv(fd, text, sizeof text, 0) > 0;
		close(fd);
		if (!up)
			return (void *)answered;
	}
}

static void stops_in_the_middle_of_requests(void **state)
{
	for (int i = 0; i < STOPS; i++) {
		pthread_t threads[HAMMERS];
		begin((struct source) { .end_after = 1, .made = 1 }, NULL);
		for (int t = 0; t < HAMMERS; t++)
			assert_int_equal(pthread_create(&threads[t], NULL, hammer, NULL), 0);
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 * (i % 10) }, NULL);
		fixture_stop_server(f, i % 2);
		for (int t = 0; t < HAMMERS; t++)
			pthread_join(threads[t], NULL);
		for (int s = 0; s < atomic_load(&source_count); s++)
			assert_int_equal(atomic_load(&sources[s % STREAMS].closed),
				atomic_load(&sources[s % STREAMS].opened));
		fixture_stop_worker(f);
		free(f);
	}
}

int main(void)
{
	return TEST_MAIN(test(has_the_headers_of_a_stream), test(ends_when_there_is_no_more),
		test(sends_a_large_event_in_pieces), test(ends_a_stream_with_too_much_at_once),
		test(serves_old_clients_until_it_closes),
		test(a_head_of_a_stream_is_closed_at_once), test(says_that_it_is_alive),
		test(finds_peers_that_are_gone), test(keeps_the_order_of_many_streams),
		test(spreads_streams_and_packs_requests), test(stopping_waits_for_what_is_deferred),
		test(stops_with_parked_connections_and_streams),
		test(refuses_requests_while_stopping), test(stops_in_the_middle_of_requests));
}
