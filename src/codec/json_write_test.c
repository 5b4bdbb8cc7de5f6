/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_write.h"

#include "base/check.h"
#include "tests/support/test.h"

static void shapes(void **state)
{
	struct buf buf BUF_AUTO;
	struct json_out out;
	buf_init(&buf, NULL, 1000);
	json_out_init(&out, &buf);
	json_out_object(&out, NULL);
	json_out_text(&out, "t", STR("a"));
	json_out_cstr(&out, "c", "b");
	json_out_array(&out, "l");
	json_out_int(&out, NULL, INT64_MIN);
	json_out_array(&out, NULL);
	json_out_array_end(&out);
	json_out_object(&out, NULL);
	json_out_object_end(&out);
	json_out_bool(&out, NULL, false);
	json_out_array_end(&out);
	json_out_null(&out, "n");
	json_out_bool(&out, "b", true);
	json_out_raw(&out, "r", STR("[1]"));
	json_out_name(&out, STR("x\"y"));
	json_out_int(&out, NULL, 5);
	json_out_name(&out, STR("o"));
	json_out_object(&out, NULL);
	json_out_int(&out, "i", 1);
	json_out_object_end(&out);
	json_out_int(&out, "z", 2);
	json_out_object_end(&out);
	assert_str(buf_str(&buf),
		"{\"t\":\"a\",\"c\":\"b\",\"l\":[-9223372036854775808,[],{},false],"
		"\"n\":null,\"b\":true,\"r\":[1],\"x\\\"y\":5,\"o\":{\"i\":1},\"z\":2}");
	assert_int_equal(out.depth, 0);
}

static void texts(void **state)
{
	static const struct {
		struct str text;
		const char *json;
	} rows[] = {
		{ STR_INIT(""), "\"\"" },
		{ { NULL, 0 }, "\"\"" },
		{ STR_INIT("plain"), "\"plain\"" },
		{ STR_INIT("\""), "\"\\\"\"" },
		{ STR_INIT("a\\b"), "\"a\\\\b\"" },
		{ STR_INIT("/"), "\"/\"" },
		{ STR_INIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ STR_INIT("\0\1\x1F\x7F"), "\"\\u0000\\u0001\\u001f\x7F\"" },
		{ STR_INIT("</script>&"), "\"\\u003c/script\\u003e\\u0026\"" },
		{ STR_INIT("'"), "\"'\"" },
		{ STR_INIT("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"),
			"\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"" },
		{ STR_INIT("a\xE2\x80\xA8"
			   "b\xE2\x80\xA9"),
			"\"a\\u2028b\\u2029\"" },
		{ STR_INIT("\xE2\x80\xA7\xE2\x80\xAA"), "\"\xE2\x80\xA7\xE2\x80\xAA\"" },
		{ STR_INIT("\xE2\x80"), "\"\xE2\x80\"" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf buf BUF_AUTO;
		struct json_out out;
		buf_init(&buf, NULL, 1000);
		json_out_init(&out, &buf);
		json_out_text(&out, NULL, rows[i].text);
		assert_str(buf_str(&buf), rows[i].json);
	}
}

/* Written back compact and in its own order; parsed again it hashes the same. */
static void parsed_values(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "{ \"b\" : [ 1 , 2.50 ] , \"a\" : null }", "{\"b\":[1,2.5],\"a\":null}" },
		{ "[true,false,\"x\",{},[]]", "[true,false,\"x\",{},[]]" },
		{ "{\"<\":1}", "{\"\\u003c\":1}" },
		{ "1.0", "1.0" },
		{ "-0.0", "-0.0" },
		{ "0.1", "0.1" },
		{ "0.30000000000000004", "0.30000000000000004" },
		{ "123456789.125", "123456789.125" },
		{ "1e300", "1e+300" },
		{ "1e-999", "0.0" },
		{ "5e-324", "4.94065645841247e-324" },
		{ "1.7976931348623157e308", "1.7976931348623157e+308" },
		{ "2.2250738585072014e-308", "2.2250738585072014e-308" },
		{ "9007199254740993.0", "9007199254740992.0" },
	};
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json *tree;
		struct err err;
		struct buf buf;
		struct json_out out;
		assert_ok(json_parse(arena, str_of(rows[i].in), &tree, &err), &err);
		buf_init(&buf, arena, 1000);
		json_out_init(&out, &buf);
		json_out_value(&out, NULL, tree);
		assert_str(buf_str(&buf), rows[i].out);
	}
}

static void a_named_value(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct json *tree;
	struct err err;
	struct buf buf;
	struct json_out out;
	assert_ok(json_parse(arena, STR("[1]"), &tree, &err), &err);
	buf_init(&buf, arena, 1000);
	json_out_init(&out, &buf);
	json_out_object(&out, NULL);
	json_out_value(&out, "a", tree);
	json_out_value(&out, "b", tree);
	json_out_object_end(&out);
	assert_str(buf_str(&buf), "{\"a\":[1],\"b\":[1]}");
}

static void a_full_buffer_is_not_overrun(void **state)
{
	for (size_t max = 0; max < 30; max++) {
		struct buf buf BUF_AUTO;
		struct json_out out;
		buf_init(&buf, NULL, max);
		json_out_init(&out, &buf);
		json_out_object(&out, NULL);
		json_out_text(&out, "name", STR("a<b\n"));
		json_out_object_end(&out);
		assert_int_equal(buf.failed, max < 21);
	}
}

static jmp_buf escape;

static void leap(const char *what, const char *file, int line)
{
	longjmp(escape, 1);
}

static void balance_is_required(void **state)
{
	struct buf buf BUF_AUTO;
	struct json_out out;
	buf_init(&buf, NULL, 1000);
	json_out_init(&out, &buf);
	check_set_require_hook(leap);
	if (setjmp(escape) == 0) {
		json_out_array_end(&out);
		fail_msg("an end without a begin was taken");
	}
}

int main(void)
{
	return TEST_MAIN(test(shapes), test(texts), test(parsed_values), test(a_named_value),
		test(a_full_buffer_is_not_overrun), test(balance_is_required));
}
