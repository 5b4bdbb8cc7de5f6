/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and replies, against the real server over loopback. */
#include <stdlib.h>
#include <time.h>

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

static void serves_every_kind_of_request(void **state)
{
	static const struct {
		const char *name, *sent;
		int status;
		const char *body;
	} rows[] = {
		{ "get", "GET /echo HTTP/1.1\r\nHost: z\r\n\r\n", 200, "" },
		{ "post", "POST /echo HTTP/1.1\r\nHost: z\r\nContent-Length: 3\r\n\r\nabc", 200,
			"abc" },
		{ "empty body", "PUT /echo HTTP/1.1\r\nHost: z\r\nContent-Length: 0\r\n\r\n", 200,
			"" },
		{ "chunked",
			"PUT /echo HTTP/1.1\r\nHost: z\r\nTransfer-Encoding: chunked\r\n\r\n"
			"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
			200, "abcdefg" },
		{ "deferred", "DELETE /later HTTP/1.1\r\nHost: z\r\nContent-Length: 2\r\n\r\nhi",
			200, "hi" },
		{ "raw path", "GET /a%2Fb?x=1 HTTP/1.1\r\nHost: z\r\n\r\n", 200, "/a%2Fb" },
		{ "whole address", "GET http://z/abs?x HTTP/1.1\r\nHost: z\r\n\r\n", 200, "/abs" },
		{ "no path", "GET http://z HTTP/1.1\r\nHost: z\r\n\r\n", 200, "/" },
		{ "query", "GET /query?name=a%20b+c%2B&name=2 HTTP/1.1\r\nHost: z\r\n\r\n", 200,
			"a b c+" },
		{ "encoded name", "GET /query?x=1&%6eame=y HTTP/1.1\r\nHost: z\r\n\r\n", 200, "y" },
		{ "no value", "GET /query?name HTTP/1.1\r\nHost: z\r\n\r\n", 200, "" },
		{ "empty value", "GET /query?name= HTTP/1.1\r\nHost: z\r\n\r\n", 200, "" },
		{ "absent", "GET /query?nam=1 HTTP/1.1\r\nHost: z\r\n\r\n", 404, "" },
		{ "names", "GET /names?a=1&b&c%2Fd= HTTP/1.1\r\nHost: z\r\n\r\n", 200, "a,b,c/d," },
		{ "header", "GET /agent HTTP/1.1\r\nHost: z\r\nUSER-AGENT: till\r\n\r\n", 200,
			"till" },
		{ "other method", "PATCH /echo HTTP/1.1\r\nHost: z\r\n\r\n", 200, "" },
	};
	begin(NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		client_text(&c, rows[i].sent);
		client_read(&c, &r, false);
		assert_row(rows[i].name, r.status == rows[i].status);
		assert_row(rows[i].name, strcmp(r.body, rows[i].body) == 0);
	}
	assert_int_equal(fixture_stats(f).requests, sizeof rows / sizeof *rows);
	assert_int_equal(fixture_stats(f).refused, 0);
	end();
}

static void refuses_a_bad_address(void **state)
{
	static const char *const rows[] = { "/a%00b", "/%zz", "/%4", "/x?y=%00", "/x?%zz",
		"/x?a=1&b=%f" };
	begin(NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_row(rows[i], client_get(&c, "GET", rows[i], &r) == 400);
		assert_row(rows[i], strstr(r.body, "urn:zegel:error:unreadable") != NULL);
		assert_row(rows[i], strstr(r.head, "application/problem+json") != NULL);
	}
	assert_int_equal(f->handled, 0);
	assert_int_equal(fixture_stats(f).refused, sizeof rows / sizeof *rows);
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
		snprintf(head, sizeof head, "PUT /echo HTTP/1.1\r\nHost: z\r\n%s\r\nabc",
			rows[i].headers);
		client_text(&c, head);
		client_read(&c, &r, false);
		assert_row(rows[i].headers, r.status == rows[i].status);
		assert_row(rows[i].headers, client_ended(&c));
		client_close(&c);
		client_open(&c, f->port);
	}
	assert_int_equal(f->handled, 0);
	assert_int_equal(client_get(&c, "GET", "/still-there", &r), 200);
	end();
}

static void limits_the_parameters(void **state)
{
	char path[512] = "/names?a=1";
	size_t len = strlen(path);
	begin(NULL);
	for (int i = 1; i < 32; i++)
		len += (size_t)snprintf(path + len, sizeof path - len, "&b=2");
	assert_int_equal(client_get(&c, "GET", path, &r), 200);
	assert_int_equal(strlen(r.body), 32 * 2);
	snprintf(path + len, sizeof path - len, "&c");
	assert_int_equal(client_get(&c, "GET", path, &r), 400);
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
	client_text(&c,
		"PUT /echo HTTP/1.1\r\nHost: z\r\nContent-Length: 5\r\n"
		"Expect: 100-continue\r\n\r\n");
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
	assert_int_equal(fixture_stats(f).connections, 1);
	assert_int_equal(fixture_stats(f).requests, 1000);
	end();
}

static void answers_pipelined_requests_in_order(void **state)
{
	begin(NULL);
	for (int i = 0; i < 50; i++)
		request("POST", i % 3 ? "/later" : "/echo",
			str_first(STR("0123456789"), (size_t)i % 10));
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
	static const char sent[] =
		"PUT /later?a=1 HTTP/1.1\r\nHost: z\r\nContent-Length: 4\r\n\r\nbody";
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
	client_open(mine, f->port);
	for (int i = 0; i < EACH; i++) {
		snprintf(text, sizeof text,
			"POST /later HTTP/1.1\r\nHost: z\r\nContent-Length: 8\r\n\r\n%08d",
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
	assert_int_equal(fixture_stats(f).requests, MANY * EACH);
	assert_int_equal(fixture_stats(f).deferred, 0);
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

int main(void)
{
	return TEST_MAIN(test(serves_every_kind_of_request), test(refuses_a_bad_address),
		test(refuses_an_unclear_length), test(limits_the_parameters),
		test(says_so_without_memory), test(sends_headers), test(head_has_no_body),
		test(waits_for_continue), test(keeps_a_connection_for_1000_requests),
		test(answers_pipelined_requests_in_order), test(reads_in_pieces),
		test(defers_64_connections), test(a_handler_must_reply));
}
