/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and replies, against the real server over loopback. */
#include <curl/curl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/test_client.h"

static struct fixture f;
static struct client c;
static struct response r;

static void begin(const struct http_options *options)
{
	f = (struct fixture) { 0 };
	fixture_start(&f, options);
	client_open(&c, f.port);
}

static void end(void)
{
	client_close(&c);
	fixture_stop(&f, 10);
}

static void request(const char *method, const char *path, struct str body)
{
	char head[512];
	snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: z\r\nContent-Length: %zu\r\n\r\n", method, path,
		body.len);
	client_text(&c, head);
	client_send(&c, body);
}

static void serves_every_kind_of_request(void **state)
{
	static const struct {
		const char *name, *sent;
		int status;
		const char *body;
	} rows[] = {
		{ "get", "GET /echo HTTP/1.1\r\nHost: z\r\n\r\n", 200, "" },
		{ "post", "POST /echo HTTP/1.1\r\nHost: z\r\nContent-Length: 3\r\n\r\nabc", 200, "abc" },
		{ "empty body", "PUT /echo HTTP/1.1\r\nHost: z\r\nContent-Length: 0\r\n\r\n", 200, "" },
		{ "chunked", "PUT /echo HTTP/1.1\r\nHost: z\r\nTransfer-Encoding: chunked\r\n\r\n"
			"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n", 200, "abcdefg" },
		{ "deferred", "DELETE /later HTTP/1.1\r\nHost: z\r\nContent-Length: 2\r\n\r\nhi", 200, "hi" },
		{ "raw path", "GET /a%2Fb?x=1 HTTP/1.1\r\nHost: z\r\n\r\n", 200, "/a%2Fb" },
		{ "whole address", "GET http://z/abs?x HTTP/1.1\r\nHost: z\r\n\r\n", 200, "/abs" },
		{ "no path", "GET http://z HTTP/1.1\r\nHost: z\r\n\r\n", 200, "/" },
		{ "query", "GET /query?name=a%20b+c%2B&name=2 HTTP/1.1\r\nHost: z\r\n\r\n", 200, "a b c+" },
		{ "encoded name", "GET /query?x=1&%6eame=y HTTP/1.1\r\nHost: z\r\n\r\n", 200, "y" },
		{ "no value", "GET /query?name HTTP/1.1\r\nHost: z\r\n\r\n", 200, "" },
		{ "empty value", "GET /query?name= HTTP/1.1\r\nHost: z\r\n\r\n", 200, "" },
		{ "absent", "GET /query?nam=1 HTTP/1.1\r\nHost: z\r\n\r\n", 404, "" },
		{ "names", "GET /names?a=1&b&c%2Fd= HTTP/1.1\r\nHost: z\r\n\r\n", 200, "a,b,c/d," },
		{ "header", "GET /agent HTTP/1.1\r\nHost: z\r\nUSER-AGENT: till\r\n\r\n", 200, "till" },
		{ "other method", "PATCH /echo HTTP/1.1\r\nHost: z\r\n\r\n", 200, "" },
	};
	begin(NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		client_text(&c, rows[i].sent);
		client_read(&c, &r, false);
		assert_row(rows[i].name, r.status == rows[i].status);
		assert_row(rows[i].name, strcmp(r.body, rows[i].body) == 0);
	}
	assert_int_equal(fixture_stats(&f).requests, sizeof rows / sizeof *rows);
	assert_int_equal(fixture_stats(&f).refused, 0);
	end();
}

static void refuses_a_bad_address(void **state)
{
	static const char *const rows[] = { "/a%00b", "/%zz", "/%4", "/x?y=%00", "/x?%zz", "/x?a=1&b=%f" };
	begin(NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_row(rows[i], client_get(&c, "GET", rows[i], &r) == 400);
		assert_row(rows[i], strstr(r.body, "urn:zegel:error:unreadable") != NULL);
		assert_row(rows[i], strstr(r.head, "application/problem+json") != NULL);
	}
	assert_int_equal(f.handled, 0);
	assert_int_equal(fixture_stats(&f).refused, sizeof rows / sizeof *rows);
	assert_int_equal(client_get(&c, "GET", "/fine", &r), 200);
	end();
}

/* What two readers may read in two ways. */
static void refuses_an_unclear_length(void **state)
{
	static const struct {
		const char *headers;
		int status;
	} rows[] = {
		{ "Content-Length: 3\r\nContent-Length: 3\r\n", 400 },
		{ "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400 },
		{ "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400 },
		{ "Transfer-Encoding: gzip\r\n", 400 },
		{ "Transfer-Encoding: gzip, chunked\r\n", 400 },
		{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400 },
		{ "Content-Length: -3\r\n", 400 },
		{ "Content-Length: 3x\r\n", 400 },
		{ "Content-Length: \r\n", 400 },
		{ "Content-Length: 99999999999999999999\r\n", 413 },
	};
	begin(NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char head[256];
		snprintf(head, sizeof head, "PUT /echo HTTP/1.1\r\nHost: z\r\n%s\r\nabc", rows[i].headers);
		client_text(&c, head);
		client_read(&c, &r, false);
		assert_row(rows[i].headers, r.status == rows[i].status);
		assert_row(rows[i].headers, client_ended(&c));
		client_close(&c);
		client_open(&c, f.port);
	}
	assert_int_equal(f.handled, 0);
	end();
}

static void limits_the_parameters(void **state)
{
	char path[512] = "/names?a=1";
	begin(NULL);
	for (int i = 1; i < 32; i++)
		strcat(path, "&b=2");
	assert_int_equal(client_get(&c, "GET", path, &r), 200);
	assert_int_equal(strlen(r.body), 32 * 2);
	assert_int_equal(client_get(&c, "GET", strcat(path, "&c"), &r), 400);
	end();
}

static void says_so_without_memory(void **state)
{
	begin(NULL);
	assert_int_equal(client_get(&c, "GET", "/poor", &r), 503);
	assert_non_null(strstr(r.body, "urn:zegel:error:no-memory"));
	assert_non_null(strstr(r.head, "Retry-After: 1\r\n"));
	end();
}

static void sends_headers(void **state)
{
	begin(NULL);
	assert_int_equal(client_get(&c, "GET", "/v1/headers", &r), 429);
	assert_non_null(strstr(r.head, "X-One: one\r\n"));
	assert_non_null(strstr(r.head, "Retry-After: 7\r\n"));
	assert_non_null(strstr(r.head, "Cache-Control: max-age=60\r\n"));
	assert_null(strstr(r.head, "no-store"));
	client_get(&c, "GET", "/v1/x", &r);
	assert_non_null(strstr(r.head, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(r.head, "Content-Type: text/plain\r\n"));
	client_get(&c, "GET", "/page", &r);
	assert_null(strstr(r.head, "Cache-Control"));
	end();
}

static void head_has_no_body(void **state)
{
	begin(NULL);
	assert_int_equal(client_get(&c, "HEAD", "/0123456789", &r), 200);
	assert_non_null(strstr(r.head, "Content-Length: 11\r\n"));
	assert_int_equal(client_get(&c, "GET", "/next", &r), 200);
	assert_string_equal(r.body, "/next");
	end();
}

static void waits_for_continue(void **state)
{
	begin(NULL);
	client_text(&c, "PUT /echo HTTP/1.1\r\nHost: z\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	client_read(&c, &r, true);
	assert_int_equal(r.status, 100);
	client_text(&c, "hello");
	client_read(&c, &r, false);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "hello");
	end();
}

static void keeps_a_connection_for_1000_requests(void **state)
{
	begin(NULL);
	for (int i = 0; i < 1000; i++) {
		char body[16];
		snprintf(body, sizeof body, "%d", i);
		request("POST", i % 2 ? "/later" : "/echo", str_of(body));
		client_read(&c, &r, false);
		assert_int_equal(r.status, 200);
		assert_string_equal(r.body, body);
	}
	assert_int_equal(fixture_stats(&f).connections, 1);
	assert_int_equal(fixture_stats(&f).requests, 1000);
	end();
}

static void answers_pipelined_requests_in_order(void **state)
{
	begin(NULL);
	for (int i = 0; i < 50; i++)
		request("POST", i % 3 ? "/later" : "/echo", str_first(STR("0123456789"), (size_t)i % 10));
	for (int i = 0; i < 50; i++) {
		client_read(&c, &r, false);
		assert_int_equal(r.status, 200);
		assert_int_equal(r.length, i % 10);
	}
	end();
}

/* Every request cut at every byte. */
static void reads_in_pieces(void **state)
{
	static const char sent[] = "PUT /later?a=1 HTTP/1.1\r\nHost: z\r\nContent-Length: 4\r\n\r\nbody";
	begin(NULL);
	for (size_t cut = 1; cut < sizeof sent - 1; cut++) {
		client_send(&c, str_bytes(sent, cut));
		nanosleep(&(struct timespec) { .tv_nsec = 200000 }, NULL);
		client_send(&c, str_bytes(sent + cut, sizeof sent - 1 - cut));
		client_read(&c, &r, false);
		assert_int_equal(r.status, 200);
		assert_string_equal(r.body, "body");
	}
	end();
}

/* ---- many at once ---- */

#define MANY 64
#define EACH 50

static void *ask_many(void *user)
{
	struct client *mine = malloc(sizeof *mine);
	struct response *got = malloc(sizeof *got);
	char text[128];
	client_open(mine, f.port);
	for (int i = 0; i < EACH; i++) {
		snprintf(text, sizeof text, "POST /later HTTP/1.1\r\nHost: z\r\nContent-Length: 8\r\n\r\n%08d",
			(int)(intptr_t)user * 1000 + i);
		client_text(mine, text);
		client_read(mine, got, false);
		if (got->status != 200 || strcmp(got->body, text + strlen(text) - 8) != 0)
			break;
		*(int *)got->head = i + 1;
	}
	intptr_t done = *(int *)got->head;
	client_close(mine);
	free(mine);
	free(got);
	return (void *)done;
}

static void defers_64_connections(void **state)
{
	pthread_t threads[MANY];
	begin(NULL);
	for (intptr_t i = 0; i < MANY; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_many, (void *)i), 0);
	for (int i = 0; i < MANY; i++) {
		void *done;
		pthread_join(threads[i], &done);
		assert_int_equal((intptr_t)done, EACH);
	}
	assert_int_equal(fixture_stats(&f).requests, MANY * EACH);
	assert_int_equal(fixture_stats(&f).deferred, 0);
	end();
}

/* ---- bodies ---- */

static void put_length(size_t size, bool chunked)
{
	char head[256], *body = calloc(1, size + 1);
	memset(body, 'x', size);
	if (chunked)
		snprintf(head, sizeof head, "PUT /length HTTP/1.1\r\nHost: z\r\n"
			"Transfer-Encoding: chunked\r\n\r\n%zx\r\n", size);
	else
		snprintf(head, sizeof head, "PUT /length HTTP/1.1\r\nHost: z\r\nContent-Length: %zu\r\n\r\n",
			size);
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
		{ 1, 200 }, { 65535, 200 }, { 65536, 200 }, { 65537, 200 }, { (1 << 20) - 1, 200 },
		{ 1 << 20, 200 }, { (1 << 20) + 1, 413 }, { 2 << 20, 413 }, { 20 << 20, 413 }, { 9, 200 },
	};
	begin(NULL);
	for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
		char expected[32];
		snprintf(expected, sizeof expected, "%zu", rows[i / 2].size);
		put_length(rows[i / 2].size, i % 2);
		assert_row(expected, r.status == rows[i / 2].status);
		assert_row(expected, strcmp(r.body, r.status == 413 ? "too large" : expected) == 0);
	}
	assert_int_equal(fixture_stats(&f).connections, 1);
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
	client_open(&c, f.port);
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
	assert_int_equal(fixture_stats(&f).refused, 2);
	assert_int_equal(f.handled, 0);
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
		strcpy(head + n + len, "\r\n\r\n");
		client_text(&c, head);
		client_read(&c, &r, false);
		assert_int_equal(r.status, len <= 8000 ? 200 : 431);
		if (len > 8000) {
			client_close(&c);
			client_open(&c, f.port);
		}
	}
	free(head);
	end();
}

/* ---- slow and vanishing clients ---- */

static const struct http_options quick = { .arrive_timeout_s = 1 };

/* Sends a byte of text every 50 ms until the server ends the connection; returns after how many ms. */
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
	assert_in_range(drip("x"), 900, 5000);
	assert_int_equal(fixture_stats(&f).refused, 1);
	assert_int_equal(f.handled, 0);
	end();
}

static void cuts_a_dripping_head(void **state)
{
	begin(&quick);
	client_text(&c, "GET /echo HTTP/1.1\r\nX: ");
	assert_in_range(drip("y"), 900, 5000);
	assert_int_equal(fixture_stats(&f).refused, 1);
	end();
}

static void cuts_a_dripping_head_of_a_used_connection(void **state)
{
	begin(&quick);
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	assert_in_range(drip("GET "), 900, 5000);
	assert_int_equal(fixture_stats(&f).refused, 1);
	end();
}

/* A connection without a request has the idle timeout, not that of a request. */
static void leaves_a_silent_connection_alone(void **state)
{
	static struct client silent;
	begin(&quick);
	client_open(&silent, f.port);
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	nanosleep(&(struct timespec) { .tv_sec = 2 }, NULL);
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	assert_int_equal(client_get(&silent, "GET", "/echo", &r), 200);
	assert_int_equal(fixture_stats(&f).refused, 0);
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
	fixture_wait_held(&f, 1);
	nanosleep(&(struct timespec) { .tv_sec = 2 }, NULL);
	fixture_release(&f);
	client_read(&c, &r, false);
	assert_string_equal(r.body, "late");
	end();
}

static void answers_a_half_closed_client(void **state)
{
	begin(NULL);
	request("POST", "/held", STR("half"));
	fixture_wait_held(&f, 1);
	shutdown(c.fd, SHUT_WR);
	fixture_release(&f);
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
		client_open(&gone[i], f.port);
		client_text(&gone[i], "POST /held HTTP/1.1\r\nHost: z\r\nContent-Length: 3\r\n\r\nabc");
	}
	fixture_wait_held(&f, 32);
	assert_int_equal(fixture_stats(&f).deferred, 32);
	for (int i = 0; i < 32; i++) {
		if (i % 2)
			setsockopt(gone[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		client_close(&gone[i]);
	}
	fixture_release(&f);
	wait_until(no_connections, &f, "connections of clients that are gone");
	client_open(&c, f.port);
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	end();
}

static void waits_at_the_limit_of_connections(void **state)
{
	static struct client waiting;
	begin(&(struct http_options) { .connections_max = 1 });
	assert_int_equal(client_get(&c, "GET", "/echo", &r), 200);
	client_open(&waiting, f.port);
	client_text(&waiting, "GET /echo HTTP/1.1\r\nHost: z\r\n\r\n");
	nanosleep(&(struct timespec) { .tv_nsec = 200000000 }, NULL);
	assert_int_equal(fixture_stats(&f).connections, 1);
	client_close(&c);
	client_read(&waiting, &r, false);
	assert_int_equal(r.status, 200);
	c = waiting;
	end();
}

/* ---- mistakes ---- */

static void a_handler_must_reply(void **state)
{
	begin(NULL);
	test_expect_errors(1);
	assert_int_equal(client_get(&c, "GET", "/nothing", &r), 500);
	end();
}

static void says_why_it_cannot_start(void **state)
{
	begin(NULL);
	char taken[32];
	snprintf(taken, sizeof taken, "127.0.0.1:%d", f.port);
	const struct {
		const char *listen, *cert, *key, *text;
	} rows[] = {
		{ taken, NULL, NULL, "in use" },
		{ "localhost:80", NULL, NULL, "such as 127.0.0.1:8080" },
		{ "127.0.0.1", NULL, NULL, "such as" },
		{ ":80", NULL, NULL, "such as" },
		{ "[::1:80", NULL, NULL, "such as" },
		{ "[]:80", NULL, NULL, "such as" },
		{ "127.0.0.1:65536", NULL, NULL, "such as" },
		{ "127.0.0.1:", NULL, NULL, "such as" },
		{ "192.0.2.1:0", NULL, NULL, "does not have that address" },
		{ "127.0.0.1:0", "/dev/null", NULL, "both files" },
		{ "127.0.0.1:0", "/nowhere/cert.pem", "/nowhere/key.pem", "/nowhere/cert.pem" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct http_options options = { .listen = rows[i].listen, .tls_cert = rows[i].cert,
			.tls_key = rows[i].key, .handle = (void (*)(void *, struct http_exchange *))abort };
		struct http_server *server = NULL;
		struct err err = { 0 };
		assert_row(rows[i].listen, http_start(&options, &server, &err) < 0 && !server);
		assert_row(rows[i].listen, strstr(err.text, rows[i].text) != NULL);
	}
	end();
}

static void listens_on_ipv6(void **state)
{
	struct http_options options = { .listen = "[::1]:0",
		.handle = (void (*)(void *, struct http_exchange *))abort };
	struct http_server *server = NULL;
	struct err err = { 0 };
	if (http_start(&options, &server, &err) < 0) {
		assert_non_null(strstr(err.text, "address")); /* a machine without IPv6 */
		skip();
	}
	assert_in_range(http_port(server), 1, 65535);
	http_stop(&server, 0);
}

/* ---- libcurl, TLS ---- */

static size_t append(char *data, size_t size, size_t count, void *user)
{
	buf_add(user, str_bytes(data, size * count));
	return size * count;
}

/* PUTs a body to the path; returns the status, 0 if the connection failed. */
static long curl_put(const char *scheme, const char *path, const char *body, const char *ca, struct buf *ret)
{
	char url[256];
	long status = 0;
	CURL *curl = curl_easy_init();
	snprintf(url, sizeof url, "%s://localhost:%d%s", scheme, f.port, path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CLIENT_WAIT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
	buf_reset(ret);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	return status;
}

static void serves_curl(void **state)
{
	struct buf got BUF_AUTO;
	buf_init(&got, NULL, 1 << 20);
	begin(NULL);
	char *body = calloc(1, 300001);
	memset(body, 'b', 300000);
	assert_int_equal(curl_put("http", "/later", body, NULL, &got), 200);
	assert_int_equal(got.len, 300000);
	free(body);
	end();
}

static char tls_dir[] = "/tmp/zegel-http-XXXXXX";

/* Makes a certificate for localhost with the openssl command; false if there is none. */
static bool make_certificate(char *cert, char *key, size_t size)
{
	char command[1024];
	assert_non_null(mkdtemp(tls_dir));
	snprintf(cert, size, "%s/cert.pem", tls_dir);
	snprintf(key, size, "%s/key.pem", tls_dir);
	snprintf(command, sizeof command, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		"-nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
		"-out %s -keyout %s 2>/dev/null", cert, key);
	return system(command) == 0;
}

static void remove_certificate(const char *cert, const char *key)
{
	unlink(cert);
	unlink(key);
	rmdir(tls_dir);
	memcpy(tls_dir + strlen(tls_dir) - 6, "XXXXXX", 6);
}

static void serves_tls(void **state)
{
	char cert[64], key[64];
	struct buf got BUF_AUTO;
	buf_init(&got, NULL, 1 << 20);
	if (!make_certificate(cert, key, sizeof cert)) {
		remove_certificate(cert, key);
		skip();
	}
	begin(&(struct http_options) { .tls_cert = cert, .tls_key = key });
	assert_int_equal(curl_put("https", "/echo", "sealed", cert, &got), 200);
	assert_str(buf_str(&got), "sealed");
	assert_int_equal(curl_put("https", "/later", "sealed later", cert, &got), 200);
	assert_str(buf_str(&got), "sealed later");
	assert_int_equal(curl_put("http", "/echo", "open", cert, &got), 0);
	end();
	struct http_server *server = NULL;
	struct err err = { 0 };
	struct http_options swapped = { .listen = "127.0.0.1:0", .tls_cert = key, .tls_key = cert,
		.handle = (void (*)(void *, struct http_exchange *))abort };
	assert_int_equal(http_start(&swapped, &server, &err), ERR_IO);
	assert_non_null(strstr(err.text, "belong together"));
	remove_certificate(cert, key);
}

int main(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int rc = TEST_MAIN(test(serves_every_kind_of_request), test(refuses_a_bad_address),
		test(refuses_an_unclear_length), test(limits_the_parameters), test(says_so_without_memory),
		test(sends_headers), test(head_has_no_body), test(waits_for_continue),
		test(keeps_a_connection_for_1000_requests), test(answers_pipelined_requests_in_order),
		test(reads_in_pieces), test(defers_64_connections), test(reads_a_long_body_and_throws_it_away),
		test(does_not_read_a_far_too_long_body), test(answers_a_long_head), test(cuts_a_dripping_body),
		test(cuts_a_dripping_head), test(cuts_a_dripping_head_of_a_used_connection),
		test(leaves_a_silent_connection_alone), test(ends_an_idle_connection),
		test(gives_the_handler_its_time), test(answers_a_half_closed_client),
		test(survives_clients_that_vanish), test(waits_at_the_limit_of_connections),
		test(a_handler_must_reply), test(says_why_it_cannot_start), test(listens_on_ipv6),
		test(serves_curl), test(serves_tls));
	curl_global_cleanup();
	return rc;
}
