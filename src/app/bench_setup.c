/* SPDX-License-Identifier: Apache-2.0 */
/* What the bench needs before it can measure, made through the contract as an office would: a shop
 * whose tills sell, another shop where most of the programmes run, readers, devices that listen.
 * Five programmes of four kinds apply in the first shop, three more ask there, the others run
 * elsewhere. Members come with their first sale (bench.c). */
#include <stdio.h>
#include <string.h>

#include "app/bench_impl.h"
#include "base/clock.h"
#include "codec/json_write.h"

#define ASK_HERE 3
#define ANSWER_BYTES (1 << 20)

#define REWARD "\"reward\":{\"code\":\"mok\",\"name\":{\"nl\":\"een mok\",\"en\":\"a mug\"}}"
/* Thresholds nobody reaches while the bench runs: each sale costs the same. */
static const struct {
	const char *template, *parameters;
} kinds[] = {
	{ "points", "{\"per\":100}" },
	{ "stamps", "{\"minimum\":500,\"needed\":1000," REWARD "}" },
	{ "visits", "{\"needed\":1000," REWARD "}" },
	{ "spend", "{\"needed\":1000000000," REWARD "}" },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static int post(struct bench *b, enum client_method method, const char *path,
	const struct buf *body, struct arena *arena, struct json **ret, struct err *err)
{
	struct buf answer BUF_AUTO;
	int status;

	buf_init(&answer, NULL, ANSWER_BYTES);
	status = client_call(b->client, method, path, b->key, buf_str(body), &answer, err);
	if (status < 0)
		return status;
	if (status / 100 != 2)
		return err_set(err, ERR_IO, "%s was answered %d: %.*s", path, status,
			STR_ARG(str_first(buf_str(&answer), 200)));
	return json_parse(arena, buf_str(&answer), ret, err);
}

static int copy_text(const struct json *answer, const char *name, char *out, size_t size,
	struct err *err)
{
	const struct json *value = json_get(answer, name);

	if (!value || value->type != JSON_STRING || value->string.len >= size)
		return err_set(err, ERR_IO, "the server's answer has no %s", name);
	snprintf(out, size, "%.*s", STR_ARG(value->string));
	return 0;
}

static int add_shop(struct bench *b, const char *name, char id[ID_TEXT_MAX], struct err *err)
{
	struct arena *arena ARENA_AUTO = arena_new(ANSWER_BYTES);
	struct buf body BUF_AUTO;
	struct json *answer;
	int rc;

	buf_init(&body, NULL, 1024);
	buf_printf(&body, "{\"name\":\"%s %s\"}", name, b->shop.run);
	rc = post(b, CLIENT_POST, "/v1/shops", &body, arena, &answer, err);
	return rc < 0 ? rc : copy_text(answer, "id", id, ID_TEXT_MAX, err);
}

/* paired: of a till; "" none. ret_id may be NULL. */
static int add_device(struct bench *b, const char *shop, const char *kind, const char *paired,
	char *ret_id, char key[ACCESS_TEXT_MAX], struct err *err)
{
	struct arena *arena ARENA_AUTO = arena_new(ANSWER_BYTES);
	struct buf body BUF_AUTO;
	struct json *answer;
	int rc;

	buf_init(&body, NULL, 1024);
	buf_printf(&body, "{\"shop\":\"%s\",\"kind\":\"%s\",\"name\":\"bench %s\"", shop, kind,
		kind);
	if (paired[0])
		buf_printf(&body, ",\"paired_with\":\"%s\"", paired);
	buf_char(&body, '}');
	rc = post(b, CLIENT_POST, "/v1/devices", &body, arena, &answer, err);
	if (rc == 0 && ret_id)
		rc = copy_text(answer, "id", ret_id, ID_TEXT_MAX, err);
	return rc < 0 ? rc : copy_text(answer, "key", key, ACCESS_TEXT_MAX, err);
}

static int add_devices(struct bench *b, const char *shop, struct err *err)
{
	struct bench_shop *s = &b->shop;
	char till[ID_TEXT_MAX];
	int rc = 0;

	for (int i = 0; i < BENCH_TILLS && rc == 0; i++) {
		rc = add_device(b, shop, "till", "", till, s->tills[i], err);
		if (rc == 0)
			rc = add_device(b, shop, "reader", till, NULL, s->readers[i], err);
	}
	for (; rc == 0 && s->listener_count < BENCH_LISTENERS; s->listener_count++)
		rc = add_device(b, shop, "screen", "", NULL, s->listeners[s->listener_count], err);
	return rc;
}

static int add_programme(struct bench *b, int n, const char *shop, bool by_itself, struct err *err)
{
	struct arena *arena ARENA_AUTO = arena_new(ANSWER_BYTES);
	struct buf body BUF_AUTO;
	struct json *answer;
	char path[80];

	buf_init(&body, NULL, 4096);
	buf_printf(&body,
		"{\"template\":\"%s\",\"name\":{\"nl\":\"Actie %d\",\"en\":\"Campaign %d\"},"
		"\"starts\":\"2020-01-01\",\"shops\":[\"%s\"],\"joining\":\"%s\",\"parameters\":%s,"
		"\"state\":\"running\"}",
		kinds[(size_t)n % KINDS].template, n, n, shop, by_itself ? "auto" : "ask",
		kinds[(size_t)n % KINDS].parameters);
	snprintf(path, sizeof(path), "/v1/programmes/bench-%s-%02d", b->shop.run, n);
	return post(b, CLIENT_PUT, path, &body, arena, &answer, err);
}

static int add_programmes(struct bench *b, const char *here, const char *elsewhere, struct err *err)
{
	int rc = 0;

	for (int n = 0; n < BENCH_RUN && rc == 0; n++) {
		bool is_here = n < BENCH_APPLY + ASK_HERE;
		bool by_itself = n < BENCH_APPLY || (!is_here && n % 2);
		rc = add_programme(b, n, is_here ? here : elsewhere, by_itself, err);
	}
	return rc;
}

int bench_setup(struct bench *b, struct err *err)
{
	char here[ID_TEXT_MAX], elsewhere[ID_TEXT_MAX];
	int rc;

	snprintf(b->shop.run, sizeof(b->shop.run), "%07x",
		clock_random32(clock_system()) & 0xfffffff);
	rc = add_shop(b, "Bench", here, err);
	if (rc == 0)
		rc = add_shop(b, "Elsewhere", elsewhere, err);
	if (rc == 0)
		rc = add_devices(b, here, err);
	return rc < 0 ? rc : add_programmes(b, here, elsewhere, err);
}
