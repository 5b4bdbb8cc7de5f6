/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a server of the http room in this process. */
#include "app/client.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/http.h"
#include "tests/support/test.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static struct http_server *server;
static atomic_int busy_left; /* so many times 503 */
static struct http_exchange *held;

/* Says back what it was told: "METHOD path key body". */
static void handle(void *user, struct http_exchange *x)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "?" };
	struct str key = http_header(x, "Authorization");
	struct http_reply reply = { .status = 200, .content_type = "text/plain" };

	if (str_is(http_path(x), "/held")) {
		http_defer(x);
		held = x;
		return;
	}
	if (str_is(http_path(x), "/busy") && atomic_fetch_sub(&busy_left, 1) > 0) {
		reply.status = 503;
		reply.retry_after_s = 7;
	}
	reply.body = arena_printf(http_arena(x), "%s %.*s %.*s %.*s", methods[http_method(x)],
		STR_ARG(http_path(x)), STR_ARG(key), STR_ARG(http_body(x)));
	http_reply(x, &reply);
}

static struct client *open_client(int connections, int64_t timeout_ms)
{
	struct http_options http = { .listen = "127.0.0.1:0", .handle = handle, .threads = 2 };
	struct client_options options = { .connections = connections, .timeout_ms = timeout_ms };
	struct client *client;
	struct err err;
	char url[64];

	assert_ok(http_start(&http, &server, &err), &err);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_port(server));
	options.url = url;
	assert_ok(client_open(&options, &client, &err), &err);
	return client;
}

static void close_all(struct client *client)
{
	client_close(&client);
	assert_null(client);
	http_stop(&server, 1);
}

static void each_method_says_what_it_is_told(void **state)
{
	static const struct {
		enum client_method method;
		const char *path, *key, *body, *echo;
	} rows[] = {
		{ CLIENT_GET, "/a", NULL, "", "GET /a  " },
		{ CLIENT_PUT, "/b?x=1", "k1", "{}", "PUT /b Bearer k1 {}" },
		{ CLIENT_GET, "/a", "k2", "", "GET /a Bearer k2 " },
		{ CLIENT_POST, "/%2F", "k", "{\"a\":1}", "POST /%2F Bearer k {\"a\":1}" },
		{ CLIENT_DELETE, "/c", "k", "", "DELETE /c Bearer k " },
		{ CLIENT_POST, "/d", NULL, "", "POST /d  " },
		{ CLIENT_PUT, "/e", NULL, "x", "PUT /e  x" },
	};
	struct client *client = open_client(1, 0);
	struct buf body BUF_AUTO;
	struct err err;

	buf_init(&body, NULL, 4096);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int status = client_call(client, rows[i].method, rows[i].path, rows[i].key,
			str_of(rows[i].body), &body, &err);
		assert_int_equal(status, 200);
		assert_str(buf_str(&body), rows[i].echo);
	}
	close_all(client);
}

struct flood {
	struct client *client;
	int sent, answered, most;
	char bodies[8][16];
};

static void send_one(struct flood *f);

static void on_flood(void *user, const struct client_answer *answer)
{
	struct flood *f = user;

	assert_int_equal(answer->status, 200);
	assert_true(answer->latency_ns > 0);
	assert_true(str_starts(answer->body, "PUT /flood Bearer key"));
	f->answered++;
	if (f->sent < 2000)
		send_one(f);
}

static void send_one(struct flood *f)
{
	struct client_request request = { .method = CLIENT_PUT,
		.path = "/flood",
		.key = "key",
		.body = STR("0123456789"),
		.answered = on_flood,
		.user = f };
	struct err err;

	assert_ok(client_send(f->client, &request, &err), &err);
	f->sent++;
	if (client_busy(f->client) > f->most)
		f->most = client_busy(f->client);
}

static void many_at_the_same_time(void **state)
{
	struct flood f = { .client = open_client(8, 0) };
	struct err err;

	while (client_idle(f.client) > 0)
		send_one(&f);
	while (client_busy(f.client) > 0)
		assert_true(client_run(f.client, -1, &err) >= 0);
	assert_int_equal(f.answered, 2000);
	assert_int_equal(f.most, 8);
	assert_int_equal(client_run(f.client, -1, &err), 0);
	close_all(f.client);
}

static void keep(void *user, const struct client_answer *answer)
{
	struct client_answer *kept = user;

	*kept = *answer;
	kept->why = answer->why[0] ? "said" : "";
}

static void a_server_that_is_busy_says_for_how_long(void **state)
{
	struct client_answer answer = { 0 };
	struct client_request request = { .path = "/busy", .answered = keep, .user = &answer };
	struct client *client = open_client(1, 0);
	struct err err;

	atomic_store(&busy_left, 1);
	assert_ok(client_send(client, &request, &err), &err);
	assert_int_equal(client_run(client, -1, &err), 1);
	assert_int_equal(answer.status, 503);
	assert_int_equal(answer.retry_after_s, 7);
	assert_ok(client_send(client, &request, &err), &err);
	assert_int_equal(client_run(client, -1, &err), 1);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.retry_after_s, 0);
	close_all(client);
}

static void an_answer_that_does_not_come(void **state)
{
	struct client_answer answer = { .status = 1 };
	struct client_request request = { .path = "/held", .answered = keep, .user = &answer };
	struct http_reply reply = { .status = 200 };
	struct client *client = open_client(1, 300);
	struct buf body BUF_AUTO;
	struct err err;

	buf_init(&body, NULL, 4096);
	assert_ok(client_send(client, &request, &err), &err);
	assert_int_equal(client_run(client, -1, &err), 1);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.why, "said");
	/* the connection is made anew, the next request is not answered by what came late */
	http_reply(held, &reply);
	assert_int_equal(client_call(client, CLIENT_GET, "/a", NULL, STR(""), &body, &err), 200);
	assert_str(buf_str(&body), "GET /a  ");
	close_all(client);
}

static void a_server_that_goes_and_comes_back(void **state)
{
	struct client *client = open_client(1, 0);
	struct http_options http = { .handle = handle, .threads = 2 };
	struct buf body BUF_AUTO;
	struct err err;
	char listen[64];

	buf_init(&body, NULL, 4096);
	snprintf(listen, sizeof(listen), "127.0.0.1:%d", http_port(server));
	http.listen = listen;
	assert_int_equal(client_call(client, CLIENT_GET, "/a", NULL, STR(""), &body, &err), 200);
	http_stop(&server, 1);
	assert_int_equal(client_run(client, 20, &err),
		0); /* sees the end of the idle connection, once */
	assert_int_equal(client_call(client, CLIENT_GET, "/a", NULL, STR(""), &body, &err), ERR_IO);
	assert_ok(http_start(&http, &server, &err), &err);
	assert_int_equal(client_call(client, CLIENT_GET, "/a", NULL, STR(""), &body, &err), 200);
	close_all(client);
}

static void a_run_is_a_clock(void **state)
{
	struct client *client = open_client(1, 0);
	int64_t begun = clock_ticks_ns();
	struct err err;

	assert_int_equal(client_run_until(client, begun + 30000000, &err), 0);
	assert_true(clock_ticks_ns() - begun >= 30000000);
	assert_int_equal(client_run(client, 0, &err), 0);
	close_all(client);
}

static void urls(void **state)
{
	static const struct {
		const char *url;
		int connections;
		int rc;
	} rows[] = {
		{ "http://127.0.0.1:1", 1, 0 },
		{ "https://bon.example/", 1, 0 },
		{ "127.0.0.1:1", 1, ERR_INVALID },
		{ "http://", 1, ERR_INVALID },
		{ "http:///", 1, ERR_INVALID },
		{ "ftp://x", 1, ERR_INVALID },
		{ "http://x/zegel", 1, ERR_INVALID },
		{ "http://x?y", 1, ERR_INVALID },
		{ "http://x", 0, ERR_INVALID },
		{ "http://x", CLIENT_CONNECTIONS_MAX + 1, ERR_INVALID },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct client_options options = { .url = rows[i].url,
			.connections = rows[i].connections };
		struct client *client = NULL;
		struct err err;
		assert_row(rows[i].url, client_open(&options, &client, &err) == rows[i].rc);
		client_close(&client);
	}
}

int main(void)
{
	return TEST_MAIN(test(each_method_says_what_it_is_told), test(many_at_the_same_time),
		test(a_server_that_is_busy_says_for_how_long), test(an_answer_that_does_not_come),
		test(a_server_that_goes_and_comes_back), test(a_run_is_a_clock), test(urls));
}
