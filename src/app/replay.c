/* SPDX-License-Identifier: Apache-2.0 */
/* zegel replay: a file of real invoices through the public contract, as a shop's tills would have
 * sent them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/local_server.h"
#include "app/replay_impl.h"
#include "codec/json_write.h"

#define ANSWER_MAX (1 << 20)

struct replay {
	const struct settings *settings;
	struct replay_file file;
	struct replay_plan plan;
	struct local_server *local;
	struct replay_target target;
	struct replay_totals totals;
	struct buf answer;
	bool sent;     /* the totals are whole */
	bool verified; /* and the ledger agrees */
};

/* ---- setting up ---- */

/* One call of the office; 404 is an outcome (1). */
static int call(struct replay *r, enum client_method method, const char *path, struct str body,
	struct err *err)
{
	int status = client_call(r->target.client, method, path, r->target.admin_key, body,
		&r->answer, err);

	if (status < 0)
		return status;
	if (status == 200)
		return 0;
	if (status == 404)
		return 1;
	if (status == 401 || status == 403)
		return err_set(err, ERR_FORBIDDEN,
			"the server does not take --key (%d): it must be an admin key; "
			"zegel key new --role admin makes one",
			status);
	return err_set(err, ERR_INVALID, "the server answered %s with %d: %.*s", path, status,
		STR_ARG(str_first(buf_str(&r->answer), 120)));
}

/* Copies a text member of the answer. */
static int take_text(struct replay *r, const char *name, char *out, size_t size, struct err *err)
{
	struct arena *arena ARENA_AUTO = arena_new(ANSWER_MAX * 2);
	const struct json *value;
	struct json *answer;
	int rc = arena ? json_parse(arena, buf_str(&r->answer), &answer, err)
		       : err_set(err, ERR_NO_MEMORY, "no memory for an answer");

	if (rc < 0)
		return rc;
	value = json_get(answer, name);
	if (!value || value->type != JSON_STRING || value->string.len >= size)
		return err_set(err, ERR_INVALID, "the server's answer has no %s: is it a Zegel?",
			name);
	snprintf(out, size, "%.*s", STR_ARG(value->string));
	return 0;
}

static int post(struct replay *r, const char *path, struct str body, struct err *err)
{
	int rc = call(r, CLIENT_POST, path, body, err);

	return rc > 0 ? err_set(err, ERR_NOT_FOUND, "the server knows no %s: is it a Zegel?", path)
		      : rc;
}

static int make_till(struct replay *r, const char *shop, int n, struct err *err)
{
	char body[256];
	int rc;

	snprintf(body, sizeof(body),
		"{\"id\":\"replay-till-%d\",\"shop\":\"%s\",\"kind\":\"till\","
		"\"name\":\"Replay till %d\"}",
		n + 1, shop, n + 1);
	rc = post(r, "/v1/devices", str_of(body), err);
	return rc < 0
		? rc
		: take_text(r, "key", r->target.till_keys[n], sizeof(r->target.till_keys[n]), err);
}

static int make_shop(struct replay *r, struct err *err)
{
	char shop[64];
	int rc = post(r, "/v1/shops", STR("{\"id\":\"replay-shop\",\"name\":\"Replay\"}"), err);

	if (rc == 0)
		rc = take_text(r, "id", shop, sizeof(shop), err);
	for (int n = 0; n < REPLAY_TILLS && rc == 0; n++)
		rc = make_till(r, shop, n, err);
	return rc;
}

/* Puts a programme of the template of its own name, unless one of that code is there. */
static int make_programme(struct replay *r, const char *code, const char *parameters,
	struct err *err)
{
	char path[64], body[512];
	int rc;

	snprintf(path, sizeof(path), "/v1/programmes/%s", code);
	snprintf(body, sizeof(body),
		"{\"template\":\"%s\",\"name\":{\"en\":\"Replay\"},\"starts\":\"2000-01-01\","
		"\"joining\":\"auto\",\"state\":\"running\",\"parameters\":%s}",
		code, parameters);
	rc = call(r, CLIENT_GET, path, STR(""), err);
	if (rc > 0)
		rc = call(r, CLIENT_PUT, path, str_of(body), err);
	return rc > 0 ? err_set(err, ERR_NOT_FOUND, "the server knows no %s: is it a Zegel?", path)
		      : rc;
}

/* A point for each full pound; a stamp for ten. Nobody fills a card of a thousand stamps. */
static int make_programmes(struct replay *r, struct err *err)
{
	int rc = make_programme(r, "points", "{\"per\":100}", err);

	if (rc < 0)
		return rc;
	return make_programme(r, "stamps",
		"{\"minimum\":1000,\"needed\":1000,"
		"\"reward\":{\"code\":\"none\",\"name\":{\"en\":\"nothing\"}}}",
		err);
}

/* ---- the server ---- */

static int start_local(struct replay *r, struct err *err)
{
	static const char *const init_args[] = { "--name", "Replay", "--country", "GB",
		"--currency", "GBP", "--languages", "en", "--time-zone", "Europe/London", NULL };
	struct local_server_options options = { .init_args = init_args };
	int rc = local_server_make(&options, &r->local, err);

	if (rc == 0)
		rc = local_server_start(r->local, err);
	if (rc == 0)
		r->target.admin_key = local_server_key(r->local);
	return rc;
}

static int connect_server(struct replay *r, struct err *err)
{
	struct client_options options = { .url = r->settings->server,
		.connections = (int)num_min(r->settings->connections, CLIENT_CONNECTIONS_MAX + 1) };
	int rc = 0;

	if (r->settings->server[0])
		r->target.admin_key = r->settings->key;
	else
		rc = start_local(r, err);
	if (rc < 0)
		return rc;
	if (r->local)
		options.url = local_server_url(r->local);
	r->target.connections = options.connections;
	r->target.rate = r->settings->rate;
	return client_open(&options, &r->target.client, err);
}

/* Of a server of our own: its ledger proves itself. */
static int verify_local(struct replay *r, struct err *err)
{
	static const char *const more[] = { "--json", NULL };
	char out[1024];
	int rc = local_server_stop(r->local, err);

	if (rc < 0)
		return rc;
	rc = local_server_run(r->local, "verify", more, out, sizeof(out), err);
	r->verified = rc == 0;
	return rc > 0 ? err_set(err, ERR_BROKEN, "zegel verify found the store wrong: see above")
		      : rc;
}

/* ---- the whole ---- */

static void print_ms(struct json_out *out, const char *name, int64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%.3f", (double)ns / 1e6);
	json_out_raw(out, name, str_of(text));
}

static void print_seconds(struct json_out *out, const struct replay_totals *t)
{
	double seconds = (double)t->duration_ns / 1e9;
	char text[32];

	snprintf(text, sizeof(text), "%.3f", seconds);
	json_out_raw(out, "seconds", str_of(text));
	snprintf(text, sizeof(text), "%.0f", seconds > 0 ? (double)t->sales / seconds : 0.0);
	json_out_raw(out, "sales_per_s", str_of(text));
}

static void write_totals(const struct replay *r, struct json_out *out)
{
	const struct replay_totals *t = &r->totals;
	const struct replay_plan *p = &r->plan;

	json_out_int(out, "sales", t->sales);
	json_out_int(out, "sales_anonymous", t->sales_anonymous);
	json_out_int(out, "sales_empty", p->sales_empty);
	json_out_int(out, "adjustments", p->adjustments);
	json_out_int(out, "lines", t->lines);
	json_out_int(out, "lines_refused", p->lines_refused);
	json_out_int(out, "total_minor", t->total_minor);
	json_out_int(out, "members", t->members);
	json_out_int(out, "returns_posted", t->returns_posted);
	json_out_int(out, "return_quantity", t->return_quantity);
	json_out_int(out, "return_quantity_unmatched", p->return_quantity_unmatched);
	json_out_int(out, "returned_minor", t->returned_minor);
	json_out_int(out, "points", t->points);
	json_out_int(out, "stamps", t->stamps);
	print_seconds(out, t);
	print_ms(out, "p50_ms", t->p50_ns);
	print_ms(out, "p99_ms", t->p99_ns);
}

/* `verified` is null for a server that is not ours to verify. */
static void print_totals(const struct replay *r)
{
	struct buf buf BUF_AUTO;
	struct json_out out;

	buf_init(&buf, NULL, 4096);
	json_out_init(&out, &buf);
	json_out_object(&out, NULL);
	write_totals(r, &out);
	if (r->local)
		json_out_bool(&out, "verified", r->verified);
	else
		json_out_null(&out, "verified");
	json_out_object_end(&out);
	printf("%.*s\n", STR_ARG(buf_str(&buf)));
}

static int run(struct replay *r, struct err *err)
{
	int rc = replay_file_read(r->settings->args[0], &r->file, err);

	if (rc == 0)
		rc = replay_plan_make(&r->file, &r->plan, err);
	if (rc == 0)
		rc = connect_server(r, err);
	if (rc == 0)
		rc = make_shop(r, err);
	if (rc == 0)
		rc = make_programmes(r, err);
	if (rc == 0)
		rc = replay_send(&r->file, &r->plan, &r->target, &r->totals, err);
	client_close(&r->target.client);
	r->sent = rc == 0;
	if (rc == 0 && r->local)
		rc = verify_local(r, err);
	return rc;
}

static bool usable(const struct settings *s)
{
	const char *why = s->server[0] && !s->key[0]
		? "--server needs --key, an admin key of that server"
		: s->connections < 1 ? "--connections is 1 to 4096"
				     : NULL;

	if (why)
		fprintf(stderr, "zegel replay: %s\n", why);
	return !why;
}

int cmd_replay(const struct settings *settings)
{
	struct replay r = { .settings = settings };
	struct err err;
	int rc;

	if (!usable(settings))
		return EXIT_USAGE;
	buf_init(&r.answer, NULL, ANSWER_MAX);
	rc = run(&r, &err);
	if (r.sent)
		print_totals(&r);
	local_server_free(&r.local);
	replay_plan_done(&r.plan);
	replay_file_done(&r.file);
	buf_done(&r.answer);
	return rc < 0 ? complain(settings, &err) : EXIT_DONE;
}
