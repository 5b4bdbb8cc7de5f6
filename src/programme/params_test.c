/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/params_impl.h"
#include "tests/support/test.h"

#include <string.h>

static const struct local_text title_list[] = { { STR_INIT("en"), STR_INIT("T") } };
static const struct str choice_list[] = { STR_INIT("one"), STR_INIT("two") };
#define TITLE \
	{ \
		title_list, 1 \
	}

static const struct param params[] = {
	{ .name = STR_INIT("i"),
		.type = PARAM_INTEGER,
		.required = true,
		.min = -5,
		.max = 5,
		.title = TITLE },
	{ .name = STR_INIT("m"),
		.type = PARAM_MONEY,
		.has_default = true,
		.default_json = STR_INIT("100"),
		.max = 1000,
		.title = TITLE },
	{ .name = STR_INIT("b"), .type = PARAM_BOOLEAN, .title = TITLE },
	{ .name = STR_INIT("t"), .type = PARAM_TEXT, .min = 1, .max = 10, .title = TITLE },
	{ .name = STR_INIT("w"), .type = PARAM_WORDS, .title = TITLE },
	{ .name = STR_INIT("c"),
		.type = PARAM_CHOICE,
		.choices = choice_list,
		.choice_count = 2,
		.title = TITLE },
	{ .name = STR_INIT("x"),
		.type = PARAM_MULTIPLIERS,
		.max = PARAMS_WEIGHT_MAX,
		.title = TITLE },
	{ .name = STR_INIT("r"), .type = PARAM_REWARD, .needs = STR_INIT("b"), .title = TITLE },
};
static const struct script_info info = { .name = STR_INIT("s"),
	.unit = STR_INIT("u"),
	.title = TITLE,
	.params = params,
	.param_count = sizeof params / sizeof *params };

/* ok: the canonical form. Otherwise the place and text of the refusal. */
static const struct {
	const char *given, *ok, *at, *refused;
} rows[] = {
	{ "{\"i\":1}", "{\"i\":1,\"m\":100}", NULL, NULL },
	{ "{\"m\":5,\"i\":-5}", "{\"i\":-5,\"m\":5}", NULL, NULL },
	{ "{\"i\":5,\"m\":null,\"b\":null}", "{\"i\":5,\"m\":100}", NULL, NULL },
	{ "{\"i\":1,\"b\":true,\"t\":\"\\u00e9\"}",
		"{\"i\":1,\"m\":100,\"b\":true,\"t\":\"\xc3\xa9\"}", NULL, NULL },
	{ "{\"i\":1,\"w\":[]}", "{\"i\":1,\"m\":100,\"w\":[]}", NULL, NULL },
	{ "{\"i\":1,\"w\":[\"b\",\"a\",\"b\"]}", "{\"i\":1,\"m\":100,\"w\":[\"b\",\"a\",\"b\"]}",
		NULL, NULL },
	{ "{\"i\":1,\"c\":\"two\"}", "{\"i\":1,\"m\":100,\"c\":\"two\"}", NULL, NULL },
	{ "{\"i\":1,\"x\":{}}", "{\"i\":1,\"m\":100,\"x\":{}}", NULL, NULL },
	{ "{\"i\":1,\"x\":{\"b\":10000,\"a\":0,\"a/b\":1}}",
		"{\"i\":1,\"m\":100,\"x\":{\"a\":0,\"a/b\":1,\"b\":10000}}", NULL, NULL },
	{ "{\"i\":1,\"b\":false,\"r\":{\"name\":{\"nl\":\"mok\",\"en\":\"mug\"},\"code\":\"mug-1\"}}",
		"{\"i\":1,\"m\":100,\"b\":false,\"r\":{\"code\":\"mug-1\",\"name\":{\"en\":\"mug\",\"nl\":\"mok\"}}}",
		NULL, NULL },

	{ "{}", NULL, "/p/i", "is required" },
	{ "{\"i\":null}", NULL, "/p/i", "is required" },
	{ "[]", NULL, "/p", "must be an object" },
	{ "{\"i\":1,\"z\":1}", NULL, "/p/z", "is not a known field" },
	{ "{\"i\":6}", NULL, "/p/i", "must be a whole number from -5 to 5" },
	{ "{\"i\":1.0}", NULL, "/p/i", "must be a whole number from -5 to 5" },
	{ "{\"i\":\"1\"}", NULL, "/p/i", "must be a whole number from -5 to 5" },
	{ "{\"i\":1,\"m\":1001}", NULL, "/p/m", "must be a whole number from 0 to 1000" },
	{ "{\"i\":1,\"b\":0}", NULL, "/p/b", "must be true or false" },
	{ "{\"i\":1,\"t\":\"\"}", NULL, "/p/t", "must be a text of 1 to 10 bytes" },
	{ "{\"i\":1,\"t\":\"12345678901\"}", NULL, "/p/t", "must be a text of 1 to 10 bytes" },
	{ "{\"i\":1,\"w\":{}}", NULL, "/p/w", "must be an array of 0 to 1000 elements" },
	{ "{\"i\":1,\"w\":[\"a\",1]}", NULL, "/p/w/1", "must be a text of 1 to 200 bytes" },
	{ "{\"i\":1,\"w\":[\"\"]}", NULL, "/p/w/0", "must be a text of 1 to 200 bytes" },
	{ "{\"i\":1,\"c\":\"three\"}", NULL, "/p/c", "must be one of one, two" },
	{ "{\"i\":1,\"c\":1}", NULL, "/p/c", "must be a text of 1 to 200 bytes" },
	{ "{\"i\":1,\"x\":[]}", NULL, "/p/x", "must be an object" },
	{ "{\"i\":1,\"x\":{\"a\":10001}}", NULL, "/p/x/a",
		"must be a weight in hundredths within its range" },
	{ "{\"i\":1,\"x\":{\"a/b\":-1}}", NULL, "/p/x/a~1b",
		"must be a weight in hundredths within its range" },
	{ "{\"i\":1,\"x\":{\"a\":1.5}}", NULL, "/p/x/a",
		"must be a weight in hundredths within its range" },
	{ "{\"i\":1,\"x\":{\"\":1}}", NULL, "/p/x/", "must have a name of 1 to 200 bytes" },
	{ "{\"i\":1,\"r\":{\"code\":\"a\",\"name\":{\"nl\":\"x\"}}}", NULL, "/p/r",
		"makes sense only with b" },
	{ "{\"i\":1,\"b\":true,\"r\":1}", NULL, "/p/r", "must be an object" },
	{ "{\"i\":1,\"b\":true,\"r\":{}}", NULL, "/p/r/code", "is required" },
	{ "{\"i\":1,\"b\":true,\"r\":{\"code\":\"A\",\"name\":{\"nl\":\"x\"}}}", NULL, "/p/r/code",
		"must be of a-z, 0-9, - and _" },
	{ "{\"i\":1,\"b\":true,\"r\":{\"code\":\"\",\"name\":{\"nl\":\"x\"}}}", NULL, "/p/r/code",
		"must be a text of 1 to 64 bytes" },
	{ "{\"i\":1,\"b\":true,\"r\":{\"code\":\"a\"}}", NULL, "/p/r/name", "is required" },
	{ "{\"i\":1,\"b\":true,\"r\":{\"code\":\"a\",\"name\":\"x\"}}", NULL, "/p/r/name",
		"must be an object" },
	{ "{\"i\":1,\"b\":true,\"r\":{\"code\":\"a\",\"name\":{}}}", NULL, "/p/r/name",
		"must have a text in 1 to 32 languages" },
	{ "{\"i\":1,\"b\":true,\"r\":{\"code\":\"a\",\"name\":{\"dutch\":\"x\"}}}", NULL,
		"/p/r/name/dutch", "is not a language as in \"nl\" or \"nl-BE\"" },
	{ "{\"i\":1,\"b\":true,\"r\":{\"code\":\"a\",\"name\":{\"nl\":\"\"}}}", NULL,
		"/p/r/name/nl", "must be a text of 1 to 200 bytes" },
	{ "{\"i\":1,\"b\":true,\"r\":{\"code\":\"a\",\"name\":{\"nl\":\"x\"},\"cost\":5}}", NULL,
		"/p/r/cost", "is not a known field" },
	{ "{\"i\":\"x\",\"m\":\"x\",\"z\":1}", NULL, "/p/i",
		"must be a whole number from -5 to 5" },
};

static void check_row(struct arena *arena, size_t row)
{
	struct json *given;
	struct str canonical = { NULL, 0 }, again;
	struct err err = { 0 };

	assert_ok(json_parse(arena, str_of(rows[row].given), &given, &err), &err);
	int rc = params_check(arena, &info, given, STR("/p"), &canonical, &err);
	if (rows[row].refused) {
		bool unknown = strcmp(rows[row].refused, "is not a known field") == 0;
		assert_row(rows[row].given, rc == (unknown ? ERR_UNKNOWN_FIELD : ERR_INVALID));
		assert_row(rows[row].given, canonical.ptr == NULL);
		if (strcmp(err.at, rows[row].at) != 0 || strcmp(err.text, rows[row].refused) != 0)
			fail_msg("row \"%s\": at %s: %s", rows[row].given, err.at, err.text);
		return;
	}
	if (rc < 0 || !str_is(canonical, rows[row].ok))
		fail_msg("row \"%s\": %.*s %s %s", rows[row].given, STR_ARG(canonical), err.at,
			err.text);
	assert_ok(json_parse(arena, canonical, &given, &err), &err);
	assert_ok(params_check(arena, &info, given, STR(""), &again, &err), &err);
	assert_row(rows[row].given, str_eq(again, canonical));
}

static void checks_and_canonicalizes(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(arena, i);
}

static void nothing_given_is_an_empty_object(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct script_info two = info;
	struct str canonical;
	struct err err = { 0 };

	assert_int_equal(params_check(arena, &info, NULL, STR(""), &canonical, &err), ERR_INVALID);
	assert_string_equal(err.at, "/i");
	two.params = params + 1;
	two.param_count = 2;
	assert_ok(params_check(arena, &two, NULL, STR(""), &canonical, &err), &err);
	assert_str(canonical, "{\"m\":100}");
}

/* Lists and tables of categories have a limit, and just below it they pass. */
static void has_maxima(void **state)
{
	static const struct {
		const char *open, *item, *close;
		int most;
		const char *refused;
	} lists[] = {
		{ "{\"i\":1,\"w\":[", "\"%d\"", "]}", 1000,
			"/w must be an array of 0 to 1000 elements" },
		{ "{\"i\":1,\"x\":{", "\"%d\":1", "}}", 1000, "/x must have at most 1000 members" },
	};
	struct arena *arena ARENA_AUTO = arena_new(16 << 20);

	for (size_t l = 0; l < 2; l++) {
		for (int more = 0; more < 2; more++) {
			struct json *given;
			struct str canonical;
			struct buf buf;
			struct err err = { 0 };
			char said[400];
			buf_init(&buf, arena, 1 << 20);
			buf_cstr(&buf, lists[l].open);
			for (int i = 0; i < lists[l].most + more; i++) {
				buf_cstr(&buf, i ? "," : "");
				buf_printf(&buf, lists[l].item, i);
			}
			buf_cstr(&buf, lists[l].close);
			assert_ok(json_parse(arena, buf_str(&buf), &given, &err), &err);
			assert_int_equal(
				params_check(arena, &info, given, STR(""), &canonical, &err),
				more ? ERR_INVALID : 0);
			snprintf(said, sizeof said, "%s %s", err.at, err.text);
			if (more)
				assert_string_equal(said, lists[l].refused);
		}
	}
}

/* Every allocation fails in turn: no memory, never another answer. */
static void failing_allocations(void **state)
{
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		int rc;
		size_t n = 0;
		do {
			struct arena *arena ARENA_AUTO = arena_new(1 << 20);
			struct json *given;
			struct str canonical;
			struct err err = { 0 };
			assert_ok(json_parse(arena, str_of(rows[row].given), &given, &err), &err);
			arena_fail_nth(++n);
			rc = params_check(arena, &info, given, STR("/p"), &canonical, &err);
			arena_fail_nth(0);
			if (rc == 0)
				assert_row(rows[row].given,
					rows[row].ok && str_is(canonical, rows[row].ok));
		} while (rc == ERR_NO_MEMORY);
		assert_row(rows[row].given, rows[row].ok ? rc == 0 : rc < 0);
	}
}

int main(void)
{
	return TEST_MAIN(test(checks_and_canonicalizes), test(nothing_given_is_an_empty_object),
		test(has_maxima), test(failing_allocations));
}
