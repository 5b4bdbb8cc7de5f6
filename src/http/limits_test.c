/* SPDX-License-Identifier: Apache-2.0 */
/* Long bodies, long heads, slow and vanishing clients. */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "base/clock.h"
#include "http/test_client.h"

static struct fixture *f; /* a new one for each test: a failed one may still be running */
static struct client c;
static struct response r;

static void begin(const struct http_options *options)
{
	f = calloc(1, sizeof *f);
	fixture_start(f, options);
	client_open(&c, f->port);
}

static void end(void)
{
	client_close(&c);
	fixture_stop(f, 10);
	free(f);
}

static void request(const char *method, const char *path, struct str body)
{
	char head[512];
	snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: z\r\nContent-Length: %zu\r\n\r\n",
		method, path, body.len);
	client_text(&c, head);
	client_send(&c, body);
}

/* ---- bodies ---- */

static void put_length(size_t size, bool chunked)
{
	char head[256], *body = calloc(1, size + 1);
	memset(body, 'x', size);
	if (chunked)
		snprintf(head, sizeof head,
			"PUT /length HTTP/1.1\r\nHost: z\r\n"
			"Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
			size);
	else
		snprintf(head, sizeof head,
			"PUT /length HTTP/1.1\r\nHost: z\r\nContent-Length: %zu\r\n\r\n", size);
	client_text(&c, head);
	client_send(&c, str_bytes(body, size));
	if (chunked)
		client_text(&c, "\r\n0\r\n\r\n");
	client_read(&c, &r, false);
	free(body);
}

static void reads_a_long_body_and_throws_it_away(void **state)
{
	static const struct {
		size_t size;
		int status;
	} rows[] = {
		{ 1, 200 },
		{ 65535, 200 },
		{ 65536, 200 },
		{ 65537, 200 },
		{ (1 << 20) - 1, 200 },
		{ 1 << 20, 200 },
		{ (1 << 20) + 1, 413 },
		{ 2 << 20, 413 },
		{ 20 << 20, 413 },
		{ 9, 200 },
	};
	begin(NULL);
	for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
		char expected[32];
		snprintf(expected, sizeof expected, "%zu", rows[i / 2].size);
		put_length(rows[i / 2].size, i % 2);
		assert_row(expected, r.status == rows[i / 2].status);
		assert_row(expected, strcmp(r.body, r.status == 413 ? "too large" : expected) == 0);
	}
	assert_int_equal(fixture_stats(f).connections, 1);
	end();
}

static void does_not_read_a_far_too_long_body(void **state)
{
	char *part = calloc(1, 1 << 20);
	begin(NULL);
	client_text(&c, "PUT /length HTTP/1.1\r\nHost: z\r\nContent-Length: 999999999\r\n\r\n");
	client_read(&c, &r, false);
	assert_int_equal(r.status, 413);
	assert_true(client_ended(&c));
	client_close(&c);
	client_open(&c, f->port);
	client_text(&c, "PUT /length HTTP/1.1\r\nHost: z\r\nTransfer-Encoding: chunked\r\n\r\n");
	int parts = 0;
	for (; parts < 100; parts++) {
		if (send(c.fd, "100000\r\n", 8, MSG_NOSIGNAL) != 8)
			break;
		if (send(c.fd, part, 1 << 20, MSG_NOSIGNAL) != 1 << 20)
			break;
		if (send(c.fd, "\r\n", 2, MSG_NOSIGNAL) != 2)
			break;
	}
	assert_in_range(parts, 60, 99);
	assert_int_equal(fixture_stats(f).refused, 2);
	assert_int_equal(f->handled, 0);
	free(part);
	end();
}

static void answers_a_long_head(void **state)
{
	begin(NULL);
	char *head = malloc(40000);
	for (size_t len = 1000; len <= 32000; len *= 2) {
		int n = snprintf(head, 40000, "GET /echo HTTP/1.1\r\nHost: z\r\nX-Long: ");
		memset(head + n, 'x', len);
		memcpy(head + n + len, "\r\n\r\n", 5);
		client_text(&c, head);
		client_read(&c, &r, false);
		assert_int_equal(r.status, len <= 8000 ? 200 : 431);
		if (len > 8000) {
			client_close(&c);
			client_open(&c, f->port);
		}
	}
	free(head);
	assert_int_equal(client_get(&c, "GET", "/still-there", &r), 200);
	end();
}

/* ---- slow and vanishing clients ---- */

static const struct http_options quick = { .arrive_timeout_s = 1 };

/* Sends a byte of text every 50 ms until the server ends the connection; returns after how many ms.
 */
static int64_t drip(const char *text)
{
	int64_t start = clock_ticks_ns();
	struct timeval wait = { .tv_usec = 50000 };
	setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	for (size_t i = 0; i < 200; i++) {
		char byte;
		if (send(c.fd, text + i % strlen(text), 1, MSG_NOSIGNAL) != 1)
			break;
		if (recv(c.fd, &byte, 1, 0) >= 0)
			break;
	}
	return (clock_ticks_ns() - start) / 1000000;
}

static void cuts_a_dripping_body(void **state)
{
	begin(&quick);
	client_text(&c, "PUT /echo HTTP/1.1\r\nHost: z\r\nContent-Length: 1000\r\n\r\n");
	assert_in_range(drip("x"), 900, 9000);
	assert_int_equal(fixture_stats(f).refused, 1);
	assert_int_equal(f->handled, 0);
	end();
}

static void cuts_a_dripping_head(void **state)
{
	begin(&quick);
	client_text(&c, "GET /echo HTTP/1.1\r\nX: ");
	assert_in_range(drip("y"), 900, 9000);
	assert_int_equal(fixture_stats(f).refused, 1);
	end();
}

static void cuts_a_dripping_head_of_a_used_connection(void **state)
{
	begin(&quick);
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	assert_in_range(drip("GET "), 900, 9000);
	assert_int_equal(fixture_stats(f).refused, 1);
	end();
}

/* A connection without a request has the idle timeout, not that of a request. */
static void leaves_a_silent_connection_alone(void **state)
{
	static struct client silent;
	begin(&quick);
	client_open(&silent, f->port);
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	nanosleep(&(struct timespec) { .tv_sec = 2 }, NULL);
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	assert_int_equal(client_get(&silent, "GET", "/echo", &r), 200);
	assert_int_equal(fixture_stats(f).refused, 0);
	client_close(&silent);
	end();
}

static void ends_an_idle_connection(void **state)
{
	begin(&(struct http_options) { .idle_timeout_s = 1 });
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	assert_true(client_ended(&c));
	end();
}

/* The deadline is for arriving, not for being answered. */
static void gives_the_handler_its_time(void **state)
{
	begin(&quick);
	request("POST", "/held", STR("late"));
	fixture_wait_held(f, 1);
	nanosleep(&(struct timespec) { .tv_sec = 2 }, NULL);
	fixture_release(f);
	client_read(&c, &r, false);
	assert_string_equal(r.body, "late");
	end();
}

static void answers_a_half_closed_client(void **state)
{
	begin(NULL);
	request("POST", "/held", STR("half"));
	fixture_wait_held(f, 1);
	shutdown(c.fd, SHUT_WR);
	fixture_release(f);
	client_read(&c, &r, false);
	assert_string_equal(r.body, "half");
	assert_true(client_ended(&c));
	end();
}

static bool no_connections(void *user)
{
	return fixture_stats(user).connections == 0;
}

static void survives_clients_that_vanish(void **state)
{
	static struct client gone[32];
	struct linger reset = { .l_onoff = 1 };
	begin(NULL);
	client_close(&c);
	for (int i = 0; i < 32; i++) {
		client_open(&gone[i], f->port);
		client_text(&gone[i],
			"POST /held HTTP/1.1\r\nHost: z\r\nContent-Length: 3\r\n\r\nabc");
	}
	fixture_wait_held(f, 32);
	assert_int_equal(fixture_stats(f).deferred, 32);
	for (int i = 0; i < 32; i++) {
		if (i % 2)
			setsockopt(gone[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		client_close(&gone[i]);
	}
	fixture_release(f);
	wait_until(no_connections, f, "connections of clients that are gone");
	client_open(&c, f->port);
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	end();
}

static void waits_at_the_limit_of_connections(void **state)
{
	static struct client waiting;
	begin(&(struct http_options) { .connections_max = 1 });
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	client_open(&waiting, f->port);
	client_text(&waiting, "GET /echo HTTP/1.1\r\nHost: z\r\n\r\n");
	nanosleep(&(struct timespec) { .tv_nsec = 200000000 }, NULL);
	assert_int_equal(fixture_stats(f).connections, 1);
	client_close(&c);
	client_read(&waiting, &r, false);
	assert_int_equal(r.status, 200);
	c = waiting;
	end();
}

int main(void)
{
	return TEST_MAIN(test(reads_a_long_body_and_throws_it_away),
		test(does_not_read_a_far_too_long_body), test(answers_a_long_head),
		test(cuts_a_dripping_body), test(cuts_a_dripping_head),
		test(cuts_a_dripping_head_of_a_used_connection),
		test(leaves_a_silent_connection_alone), test(ends_an_idle_connection),
		test(gives_the_handler_its_time), test(answers_a_half_closed_client),
		test(survives_clients_that_vanish), test(waits_at_the_limit_of_connections));
}
