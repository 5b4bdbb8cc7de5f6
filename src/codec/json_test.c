/* SPDX-License-Identifier: Apache-2.0 */
/* The tree and its hash. What is taken and refused stands in json_vectors_test.c. */
#include "codec/json.h"

#include "base/buf.h"
#include "tests/support/test.h"

static struct json *parsed(struct arena *arena, struct str text)
{
	struct json *tree = NULL;
	struct err err;
	assert_ok(json_parse(arena, text, &tree, &err), &err);
	return tree;
}

static void a_tree(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	char text[] =
		"{\"t\":\"a\\n\\u00e9\",\"n\":-5,\"d\":2.5,\"b\":true,\"z\":null,\"l\":[1,[],{}]}";
	const struct json *tree = parsed(arena, str_of(text));
	memset(text, 'x', sizeof text); /* the tree must not point into it */
	assert_int_equal(tree->type, JSON_OBJECT);
	assert_int_equal(tree->count, 6);
	assert_str(tree->first->name, "t");
	assert_str(json_get(tree, "t")->string, "a\n\xC3\xA9");
	assert_int_equal(json_get(tree, "n")->integer, -5);
	assert_int_equal(json_get(tree, "d")->type, JSON_DOUBLE);
	assert_true(json_get(tree, "d")->number == 2.5);
	assert_true(json_get(tree, "b")->boolean);
	assert_int_equal(json_get(tree, "z")->type, JSON_NULL);
	const struct json *list = json_get(tree, "l");
	assert_int_equal(list->count, 3);
	assert_int_equal(list->first->integer, 1);
	assert_int_equal(list->first->next->type, JSON_ARRAY);
	assert_int_equal(list->first->next->next->type, JSON_OBJECT);
	assert_null(list->first->next->next->next);
	assert_null(list->next);
}

static void absent(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	assert_null(json_get(parsed(arena, STR("{\"a\":1}")), "b"));
	assert_null(json_get(parsed(arena, STR("{\"a\":1}")), ""));
	assert_null(json_get(parsed(arena, STR("[1]")), "a"));
	assert_null(json_get(NULL, "a"));
}

static struct str object_of(struct arena *arena, int members, int step)
{
	struct buf buf;
	buf_init(&buf, arena, 4 << 20);
	buf_char(&buf, '{');
	for (int i = 0, n = 0; i < members; i++, n = (n + step) % members)
		buf_printf(&buf, "%s\"k%d\":%d", i ? "," : "", n, n);
	buf_char(&buf, '}');
	assert_false(buf.failed);
	return buf_str(&buf);
}

/* Around where the sorted index starts, and far past it. */
static void objects_of_many_members(void **state)
{
	static const int sizes[] = { 1, 15, 16, 17, 18, 128, 10000 };
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const struct json *tree = parsed(arena, object_of(arena, sizes[i], 1));
		assert_int_equal(tree->count, sizes[i]);
		for (int n = 0; n < sizes[i]; n += 7) {
			char name[16];
			snprintf(name, sizeof name, "k%d", n);
			assert_int_equal(json_get(tree, name)->integer, n);
		}
		assert_null(json_get(tree, "k"));
		assert_null(json_get(tree, "k99999"));
		arena_reset(arena);
	}
}

/* A name twice among many, far apart: found, at the second. */
static void twice_among_many(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	for (int n = 10; n <= 10000; n *= 10) {
		struct buf buf;
		struct json *tree;
		struct err err;
		char place[40];
		buf_init(&buf, arena, 1 << 20);
		buf_add(&buf, object_of(arena, n, 1));
		buf.len--;
		snprintf(place, sizeof place, "offset %zu", buf.len + 1);
		buf_printf(&buf, ",\"k%d\":0}", n / 2);
		assert_int_equal(json_parse(arena, buf_str(&buf), &tree, &err), ERR_UNREADABLE);
		assert_string_equal(err.at, place);
		arena_reset(arena);
	}
}

static void a_large_text_leaves_small_ones_alone(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	size_t len = 2 << 20;
	char *text = arena_alloc(arena, len);
	memset(text, 'x', len);
	text[0] = text[len - 1] = '"';
	assert_int_equal(parsed(arena, str_bytes(text, len))->string.len, len - 2);
	assert_int_equal(parsed(arena, STR("[1]"))->count, 1);
}

/* Without memory it says so, wherever it ran out; nothing is written to *ret. */
static void every_allocation_fails(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	struct str text = object_of(arena, 200, 1);
	for (size_t n = 1;; n++) {
		struct json *tree = NULL;
		struct err err;
		arena_fail_nth(n);
		int rc = json_parse(arena, text, &tree, &err);
		if (arena_fail_nth(0) < n) {
			assert_ok(rc, &err);
			assert_true(n > 8);
			return;
		}
		assert_int_equal(rc, ERR_NO_MEMORY);
		assert_null(tree);
	}
}

static void a_full_arena(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(2000);
	struct json *tree = NULL;
	struct err err;
	assert_int_equal(json_parse(arena,
				 STR("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,"
				     "20,21,22,23,24,25,26,27,28,29]"),
				 &tree, &err),
		ERR_NO_MEMORY);
	assert_string_equal(err.at, "");
}

static struct key hash_of(struct arena *arena, struct str text)
{
	static const struct secret secret = { { 5 } };
	struct hash hash;
	hash_init(&hash, &secret);
	json_hash(parsed(arena, text), &hash);
	return hash_done_key(&hash);
}

/* Rows that are the same parsed JSON share a number; all others differ. */
static void equal_if_and_only_if_the_same(void **state)
{
	static const struct {
		int same;
		const char *text;
	} rows[] = {
		{ 1, "{\"a\":1,\"b\":[1,2]}" },
		{ 1, " { \"b\" : [1, 2],\n \"\\u0061\" : 1.0 } " },
		{ 1, "{\"b\":[1e0,20e-1],\"a\":1}" },
		{ 2, "{\"a\":1,\"b\":[2,1]}" },
		{ 3, "{\"a\":1,\"b\":[[1],2]}" },
		{ 4, "{\"a\":1,\"b\":[12]}" },
		{ 5, "{\"a\":1,\"b\":[1,\"2\"]}" },
		{ 6, "{\"a\":1,\"b\":[1,2,null]}" },
		{ 7, "{\"a\":1}" },
		{ 8, "{\"a\":1,\"b\":null}" },
		{ 9, "[\"a\",1]" },
		{ 10, "{}" },
		{ 11, "[]" },
		{ 12, "null" },
		{ 13, "\"\"" },
		{ 14, "false" },
		{ 15, "true" },
		{ 16, "0" },
		{ 16, "-0" },
		{ 16, "0.0" },
		{ 16, "-0.0" },
		{ 16, "0e5" },
		{ 16, "1e-999" },
		{ 17, "1" },
		{ 17, "1.0" },
		{ 17, "100e-2" },
		{ 18, "-1" },
		{ 18, "-1.0" },
		{ 19, "1.5" },
		{ 19, "15e-1" },
		{ 20, "1.25" },
		{ 21, "9223372036854775807" },
		{ 22, "9223372036854775806" },
		{ 23, "-9223372036854775808" },
		{ 23, "-9223372036854775808.0" },
		{ 24, "9223372036854775808.0" },
		{ 25, "1e300" },
		{ 26, "\"a\"" },
		{ 26, "\"\\u0061\"" },
		{ 27, "\"\\u00e9\"" },
		{ 27, "\"\xC3\xA9\"" },
		{ 28, "[\"a\"]" },
		{ 29, "[\"a\",\"\"]" },
		{ 30, "[\"\",\"a\"]" },
		{ 31, "[[],[]]" },
		{ 32, "[[[]]]" },
		{ 33, "{\"a\":{\"b\":1}}" },
		{ 34, "{\"a\":{},\"b\":1}" },
		{ 35, "\"n\"" },
		{ 36, "{\"ab\":\"c\"}" },
		{ 37, "{\"a\":\"bc\"}" },
	};
	enum { COUNT = sizeof rows / sizeof rows[0] };
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct key keys[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		keys[i] = hash_of(arena, str_of(rows[i].text));
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = 0; j < COUNT; j++)
			if (key_eq(&keys[i], &keys[j]) != (rows[i].same == rows[j].same))
				fail_msg("%s and %s", rows[i].text, rows[j].text);
}

static void order_of_many_members_does_not_count(void **state)
{
	static const int sizes[] = { 2, 11, 16, 17, 101, 1009 };
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct key up = hash_of(arena, object_of(arena, sizes[i], 1));
		struct key down = hash_of(arena, object_of(arena, sizes[i], sizes[i] - 1));
		struct key fewer = hash_of(arena, object_of(arena, sizes[i] - 1, 1));
		assert_true(key_eq(&up, &down));
		assert_false(key_eq(&up, &fewer));
	}
}

/* Pieces of any length reach the hash whole: a change anywhere changes it. */
static void long_texts_are_hashed_whole(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	char text[3000];
	for (size_t len = 480; len < 530; len++) {
		memset(text, 'x', len);
		text[0] = text[len - 1] = '"';
		struct key before = hash_of(arena, str_bytes(text, len));
		text[len - 2] = 'y';
		struct key last = hash_of(arena, str_bytes(text, len));
		text[1] = 'y';
		struct key first = hash_of(arena, str_bytes(text, len));
		assert_false(key_eq(&before, &last));
		assert_false(key_eq(&last, &first));
		arena_reset(arena);
	}
}

int main(void)
{
	return TEST_MAIN(test(a_tree), test(absent), test(objects_of_many_members),
		test(twice_among_many), test(a_large_text_leaves_small_ones_alone),
		test(every_allocation_fails), test(a_full_arena),
		test(equal_if_and_only_if_the_same), test(order_of_many_members_does_not_count),
		test(long_texts_are_hashed_whole));
}
