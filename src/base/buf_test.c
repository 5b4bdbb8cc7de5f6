/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <inttypes.h>

#include "tests/support/test.h"

static void add_everything(struct buf *buf)
{
	buf_cstr(buf, "a");
	buf_add(buf, STR("bc"));
	buf_add(buf, (struct str) { NULL, 0 });
	buf_char(buf, '-');
	buf_int(buf, -42);
	buf_char(buf, ' ');
	buf_uint(buf, UINT64_MAX);
	buf_printf(buf, "%s%03d", "!", 7);
	char *room = buf_room(buf, 2);
	if (room)
		memcpy(room, "zz", 2);
}
#define EVERYTHING "abc--42 18446744073709551615!007zz"

static void builds_on_heap_and_in_arena(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct arena *where[] = { NULL, arena };
	for (int i = 0; i < 2; i++) {
		struct buf buf BUF_AUTO;
		buf_init(&buf, where[i], 1000);
		add_everything(&buf);
		assert_false(buf.failed);
		assert_str(buf_str(&buf), EVERYTHING);
		buf_reset(&buf);
		assert_int_equal(buf_str(&buf).len, 0);
		add_everything(&buf);
		assert_str(buf_str(&buf), EVERYTHING);
	}
}

static void integers(void **state)
{
	static const int64_t values[] = { 0, 1, -1, 9, 10, 99, 100, -100, INT64_MAX, INT64_MIN };
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		char expected[32];
		snprintf(expected, sizeof expected, "%" PRId64, values[i]);
		struct buf buf BUF_AUTO;
		buf_init(&buf, NULL, 100);
		buf_int(&buf, values[i]);
		assert_str(buf_str(&buf), expected);
	}
}

/* Whatever the maximum, the buffer holds a prefix of whole writes and says that it failed. */
static void every_maximum(void **state)
{
	for (size_t max = 0; max < sizeof EVERYTHING + 1; max++) {
		struct buf buf BUF_AUTO;
		buf_init(&buf, NULL, max);
		add_everything(&buf);
		assert_true(buf.len <= max && buf.cap <= max);
		assert_int_equal(buf.failed, max < sizeof EVERYTHING - 1);
		if (buf.len)
			assert_memory_equal(buf.ptr, EVERYTHING, buf.len);
	}
}

static void failure_is_sticky(void **state)
{
	struct buf buf BUF_AUTO;
	buf_init(&buf, NULL, 4);
	buf_cstr(&buf, "abc");
	buf_cstr(&buf, "de");
	assert_true(buf.failed);
	buf_cstr(&buf, "d");
	buf_char(&buf, 'd');
	assert_null(buf_room(&buf, 1));
	assert_str(buf_str(&buf), "abc");
	buf_reset(&buf);
	buf_cstr(&buf, "abcd");
	assert_false(buf.failed);
}

static void fails_with_its_arena(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (size_t n = 1; n < 10; n++) {
		struct buf buf;
		buf_init(&buf, arena, 1 << 20);
		arena_fail_nth(n);
		for (int i = 0; i < 2000; i++)
			buf_cstr(&buf, "0123456789");
		assert_int_equal(buf.failed, arena_fail_nth(0) == n);
		if (!buf.failed)
			assert_int_equal(buf.len, 20000);
	}
}

static void grows_over_many_writes(void **state)
{
	struct buf buf BUF_AUTO;
	buf_init(&buf, NULL, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_char(&buf, (char)('a' + i % 26));
	assert_int_equal(buf.len, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf.ptr[i], 'a' + i % 26);
}

int main(void)
{
	return TEST_MAIN(test(builds_on_heap_and_in_arena), test(integers), test(every_maximum),
		test(failure_is_sticky), test(fails_with_its_arena), test(grows_over_many_writes));
}
