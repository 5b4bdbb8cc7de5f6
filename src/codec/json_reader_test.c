/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <inttypes.h>

#include "base/buf.h"
#include "tests/support/test.h"

static const char *const words[] = { "open", "paid", "void", NULL };

static struct json *parsed(struct arena *arena, const char *text)
{
	struct json *tree = NULL;
	struct err err;
	assert_ok(json_parse(arena, str_of(text), &tree, &err), &err);
	return tree;
}

/* One reader a row of the table below; what it read, as a text. */
static struct str text(struct json_reader *r)
{
	return json_text(r, "x", 1, 4);
}

static struct str exact(struct json_reader *r)
{
	return json_text(r, "x", 2, 2);
}

static struct str text_opt(struct json_reader *r)
{
	struct str s = json_text_opt(r, "x", 1, 4);
	return s.ptr ? s : STR("none");
}

static struct str integer(struct json_reader *r)
{
	return arena_printf(r->arena, "%" PRId64, json_int(r, "x", -5, 5));
}

static struct str integer_opt(struct json_reader *r)
{
	return arena_printf(r->arena, "%" PRId64, json_int_opt(r, "x", -5, 5, 99));
}

static struct str boolean(struct json_reader *r)
{
	return str_of(json_bool(r, "x") ? "true" : "false");
}

static struct str word(struct json_reader *r)
{
	return str_of(words[json_word(r, "x", words)]);
}

static struct str list(struct json_reader *r)
{
	const struct json *array = json_array(r, "x", 1, 2);
	return array ? arena_printf(r->arena, "%d", (int)array->count) : STR("NULL");
}

static struct str list_opt(struct json_reader *r)
{
	const struct json *array = json_array_opt(r, "x", 2);
	return array ? arena_printf(r->arena, "%d", (int)array->count) : STR("NULL");
}

static struct str object(struct json_reader *r)
{
	return str_of(json_object(r, "x") ? "object" : "NULL");
}

static struct str object_opt(struct json_reader *r)
{
	return str_of(json_object_opt(r, "x") ? "object" : "NULL");
}

static struct str any(struct json_reader *r)
{
	return str_of(json_any(r, "x") ? "something" : "NULL");
}

static struct str has(struct json_reader *r)
{
	bool null = json_is_null(r, "x");
	return str_of(json_has(r, "x") ? "has" : null ? "null" : "absent");
}

#define TEXT "must be a text of 1 to 4 bytes"
#define INTEGER "must be a whole number from -5 to 5"
#define LIST "must be an array of 1 to 2 elements"
#define WORD "must be one of \"open\", \"paid\", \"void\""

static const struct {
	struct str (*read)(struct json_reader *r);
	const char *json;
	const char *result; /* what it read; NULL: refused */
	const char *fault;
} rows[] = {
	{ text, "{\"x\":\"a\"}", "a", NULL },
	{ text, "{\"x\":\"abcd\"}", "abcd", NULL },
	{ text, "{\"x\":\"\"}", NULL, TEXT },
	{ text, "{\"x\":\"abcde\"}", NULL, TEXT },
	{ text, "{\"x\":1}", NULL, TEXT },
	{ text, "{\"x\":null}", NULL, TEXT },
	{ text, "{}", NULL, "is required" },
	{ exact, "{\"x\":\"a\"}", NULL, "must be a text of 2 bytes" },
	{ text_opt, "{\"x\":\"abc\"}", "abc", NULL },
	{ text_opt, "{\"x\":null}", "none", NULL },
	{ text_opt, "{}", "none", NULL },
	{ text_opt, "{\"x\":\"abcde\"}", NULL, TEXT },
	{ integer, "{\"x\":-5}", "-5", NULL },
	{ integer, "{\"x\":5}", "5", NULL },
	{ integer, "{\"x\":6}", NULL, INTEGER },
	{ integer, "{\"x\":-6}", NULL, INTEGER },
	{ integer, "{\"x\":1.0}", NULL, INTEGER },
	{ integer, "{\"x\":\"1\"}", NULL, INTEGER },
	{ integer, "{}", NULL, "is required" },
	{ integer_opt, "{\"x\":5}", "5", NULL },
	{ integer_opt, "{\"x\":null}", "99", NULL },
	{ integer_opt, "{}", "99", NULL },
	{ integer_opt, "{\"x\":99}", NULL, INTEGER },
	{ boolean, "{\"x\":true}", "true", NULL },
	{ boolean, "{\"x\":false}", "false", NULL },
	{ boolean, "{\"x\":1}", NULL, "must be true or false" },
	{ boolean, "{}", NULL, "is required" },
	{ word, "{\"x\":\"open\"}", "open", NULL },
	{ word, "{\"x\":\"void\"}", "void", NULL },
	{ word, "{\"x\":\"ope\"}", NULL, WORD },
	{ word, "{\"x\":7}", NULL, WORD },
	{ word, "{}", NULL, "is required" },
	{ list, "{\"x\":[1]}", "1", NULL },
	{ list, "{\"x\":[1,2]}", "2", NULL },
	{ list, "{\"x\":[]}", NULL, LIST },
	{ list, "{\"x\":[1,2,3]}", NULL, LIST },
	{ list, "{\"x\":{}}", NULL, LIST },
	{ list, "{}", NULL, "is required" },
	{ list_opt, "{\"x\":[]}", "0", NULL },
	{ list_opt, "{}", "NULL", NULL },
	{ list_opt, "{\"x\":1}", NULL, "must be an array of 0 to 2 elements" },
	{ object, "{\"x\":{}}", "object", NULL },
	{ object, "{\"x\":[]}", NULL, "must be an object" },
	{ object, "{}", NULL, "is required" },
	{ object_opt, "{\"x\":null}", "NULL", NULL },
	{ object_opt, "{\"x\":1}", NULL, "must be an object" },
	{ any, "{\"x\":null}", "something", NULL },
	{ any, "{}", "NULL", NULL },
	{ has, "{\"x\":0}", "has", NULL },
	{ has, "{\"x\":null}", "null", NULL },
	{ has, "{}", "absent", NULL },
};

static void every_reader(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_reader r;
		struct err err;
		json_begin(&r, arena, parsed(arena, rows[i].json), STR("/top"), &err);
		struct str result = rows[i].read(&r);
		int rc = json_end(&r);
		assert_row(rows[i].json, rc == (rows[i].result ? 0 : ERR_INVALID));
		if (rows[i].result) {
			assert_str(result, rows[i].result);
		} else {
			assert_string_equal(err.text, rows[i].fault);
			assert_string_equal(err.at, "/top/x");
		}
	}
}

static void the_root(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	static const char *const bad[] = { "[]", "1", "null", "\"a\"" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct json_reader r;
		struct err err;
		json_begin(&r, arena, parsed(arena, bad[i]), STR(""), &err);
		assert_false(json_has(&r, "a"));
		assert_row(bad[i], json_end(&r) == ERR_INVALID);
		assert_string_equal(err.text, "must be an object");
		assert_string_equal(err.at, "");
	}
}

static void unknown_fields(void **state)
{
	static const struct {
		const char *json, *at; /* at NULL: fine */
	} cases[] = {
		{ "{\"a\":1}", NULL },
		{ "{}", NULL },
		{ "{\"b\":1}", "/b" },
		{ "{\"a\":1,\"c\":2,\"b\":3}", "/c" },
		{ "{\"\":1}", "/" },
		{ "{\"x/y\":1}", "/x~1y" },
		{ "{\"~\":1}", "/~0" },
		{ "{\"~1/~0\":1}", "/~01~1~00" },
		{ "{\"A\":1}", "/A" },
	};
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json_reader r;
		struct err err = { .at = "" };
		json_begin(&r, arena, parsed(arena, cases[i].json), STR(""), &err);
		json_int_opt(&r, "a", 0, 9, 0);
		assert_row(cases[i].json, json_end(&r) == (cases[i].at ? ERR_UNKNOWN_FIELD : 0));
		assert_string_equal(err.at, cases[i].at ? cases[i].at : "");
	}
}

static void the_first_fault_is_kept(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct json_reader r, inner;
	struct err err;
	json_begin(&r, arena, parsed(arena, "{\"a\":\"x\",\"b\":2,\"c\":{\"d\":1}}"), STR(""),
		&err);
	assert_int_equal(json_int(&r, "a", 0, 9), 0);
	assert_int_equal(json_int(&r, "b", 0, 9), 0);
	assert_false(json_has(&r, "b"));
	assert_null(json_any(&r, "c"));
	assert_int_equal(json_refuse(&r, "b", "%s", "no"), ERR_INVALID);
	/* A reader of what could not be read does not speak over it. */
	json_begin(&inner, arena, json_object(&r, "c"), json_at(&r, "c"), &err);
	assert_int_equal(json_end(&inner), ERR_INVALID);
	assert_int_equal(json_end(&r), ERR_INVALID);
	assert_string_equal(err.at, "/a");
}

static void places(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct json_reader r, line;
	struct err err;
	json_begin(&r, arena, parsed(arena, "{\"lines\":[{\"q\":1}]}"), STR(""), &err);
	const struct json *lines = json_array(&r, "lines", 1, 5);
	assert_str(json_at(&r, "lines"), "/lines");
	assert_str(json_at_index(&r, "lines", 0), "/lines/0");
	assert_str(json_at_index(&r, "lines", 12), "/lines/12");
	assert_str(json_at_index(&r, "lines", UINT32_MAX), "/lines/4294967295");
	assert_str(json_at_index(&r, "a/b~c", 3), "/a~1b~0c/3");
	json_begin(&line, arena, lines->first, json_at_index(&r, "lines", 0), &err);
	assert_int_equal(json_refuse(&line, "q", "must be %d", 2), ERR_INVALID);
	assert_string_equal(err.text, "must be 2");
	assert_string_equal(err.at, "/lines/0/q");
	assert_int_equal(json_refuse(&r, NULL, "all of it"), ERR_INVALID);
	assert_string_equal(err.at, "");
}

static void many_members(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (int count = 63; count <= 130; count++) {
		struct buf buf;
		struct json_reader r;
		struct err err;
		buf_init(&buf, arena, 1 << 16);
		for (int i = 0; i < count; i++)
			buf_printf(&buf, "%c\"k%d\":%d", i ? ',' : '{', i, i);
		buf_cstr(&buf, "}");
		const char *text = arena_str(arena, buf_str(&buf)).ptr;
		json_begin(&r, arena, parsed(arena, text), STR(""), &err);
		for (int i = 0; i < count - 1; i++)
			json_any(&r, arena_printf(arena, "k%d", i).ptr);
		int rc = json_end(&r);
		assert_int_equal(rc, count > 128 ? ERR_INVALID : ERR_UNKNOWN_FIELD);
		if (rc == ERR_UNKNOWN_FIELD)
			assert_string_equal(err.at, arena_printf(arena, "/k%d", count - 1).ptr);
		arena_reset(arena);
	}
}

static void long_names_are_cut(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct json_reader r;
	struct err err;
	char name[600];
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	json_begin(&r, arena, parsed(arena, "{}"), STR(""), &err);
	json_int(&r, name, 0, 1);
	assert_int_equal(json_end(&r), ERR_INVALID);
	assert_int_equal(strlen(err.at), sizeof err.at - 1);
}

static void no_memory_for_a_place(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct json_reader r;
	struct err err;
	json_begin(&r, arena, parsed(arena, "{}"), STR(""), &err);
	arena_fail_nth(1);
	assert_null(json_at(&r, "a").ptr);
	assert_int_equal(json_end(&r), ERR_NO_MEMORY);
	json_begin(&r, arena, parsed(arena, "{\"a\":1}"), STR(""), &err);
	arena_fail_nth(1);
	assert_int_equal(json_end(&r), ERR_NO_MEMORY);
}

int main(void)
{
	return TEST_MAIN(test(every_reader), test(the_root), test(unknown_fields),
		test(the_first_fault_is_kept), test(places), test(many_members),
		test(long_names_are_cut), test(no_memory_for_a_place));
}
