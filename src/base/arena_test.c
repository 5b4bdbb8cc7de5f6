/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <string.h>

#include "base/arena_impl.h"
#include "tests/support/test.h"

/* Sizes around the alignment, the first block, the largest block. */
static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 8000, 8191, 8192, 16384, 100000, 1 << 20,
	3 << 20 };
#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])

static void memory_is_aligned_and_zero(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < SIZE_COUNT; i++) {
			unsigned char *ptr = arena_alloc(arena, sizes[i]);
			assert_non_null(ptr);
			assert_int_equal((uintptr_t)ptr % 16, 0);
			for (size_t n = 0; n < sizes[i]; n++)
				assert_int_equal(ptr[n], 0);
			memset(ptr, 0xA5, sizes[i]); /* dirt for the next round */
		}
		arena_reset(arena);
		assert_int_equal(arena_used(arena), 0);
	}
}

static void allocations_do_not_overlap(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	unsigned char *made[200];
	for (size_t i = 0; i < 200; i++) {
		made[i] = arena_alloc(arena, i * 37);
		memset(made[i], (int)i, i * 37);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t n = 0; n < i * 37; n++)
			assert_int_equal(made[i][n], i);
}

static void the_maximum_holds(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(100);
	assert_null(arena_alloc(arena, 101));
	assert_null(arena_alloc(arena, SIZE_MAX));
	assert_non_null(arena_alloc(arena, 100));
	assert_int_equal(arena_used(arena), 100);
	assert_null(arena_alloc(arena, 1));
	assert_null(arena_str(arena, STR("x")).ptr);
	assert_null(arena_printf(arena, "%d", 1).ptr);
	arena_reset(arena);
	assert_non_null(arena_alloc(arena, 60));
	assert_null(arena_alloc(arena, 60));
}

static void arrays_do_not_overflow(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	assert_null(arena_array(arena, SIZE_MAX / 8 + 2, 8));
	assert_null(arena_array(arena, SIZE_MAX, SIZE_MAX));
	assert_non_null(arena_array(arena, 10, 8));
	assert_int_equal(arena_used(arena), 80);
}

static void texts_end_in_nul(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct str copy = arena_str(arena, STR("a\0b"));
	assert_int_equal(copy.len, 3);
	assert_memory_equal(copy.ptr, "a\0b", 4);
	struct str empty = arena_str(arena, (struct str) { NULL, 0 });
	assert_non_null(empty.ptr);
	assert_int_equal(empty.len, 0);
	assert_str(arena_printf(arena, "%s=%d", "x", -5), "x=-5");
	assert_str(arena_printf(arena, "%3000d", 1 > 0 ? 7 : 0),
		arena_printf(arena, "%3000d", 7).ptr);
}

static void the_newest_grows_in_place(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	char *first = arena_take(arena, 20);
	memcpy(first, "0123456789abcdefghi", 20);
	assert_ptr_equal(arena_grow(arena, first, 20, 30), first);
	assert_ptr_equal(arena_grow(arena, first, 30, 400), first);
	assert_int_equal(arena_used(arena), 400);
	char *second = arena_take(arena, 16);
	assert_int_equal(second - first, 400);
	char *moved = arena_grow(arena, first, 400, 500);
	assert_ptr_not_equal(moved, first);
	assert_string_equal(moved, "0123456789abcdefghi");
	char *large = arena_grow(arena, moved, 500, 100000);
	assert_string_equal(large, "0123456789abcdefghi");
	assert_null(arena_grow(arena, large, 100000, 2 << 20));
}

static void the_nth_fails_once(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	arena_fail_nth(3);
	assert_non_null(arena_alloc(arena, 1));
	assert_non_null(arena_array(arena, 1, 1));
	assert_null(arena_str(arena, STR("x")).ptr);
	assert_non_null(arena_alloc(arena, 1));
	assert_int_equal(arena_fail_nth(1), 4);
	char *ptr = arena_take(arena, 16);
	assert_null(ptr);
	ptr = arena_take(arena, 16);
	arena_fail_nth(1);
	assert_null(arena_grow(arena, ptr, 16, 32));
	assert_ptr_equal(arena_grow(arena, ptr, 16, 32), ptr);
	assert_int_equal(arena_fail_nth(0), 2);
}

static void freeing_sets_null(void **state)
{
	struct arena *arena = arena_new(10);
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);
}

int main(void)
{
	return TEST_MAIN(test(memory_is_aligned_and_zero), test(allocations_do_not_overlap),
		test(the_maximum_holds), test(arrays_do_not_overflow), test(texts_end_in_nul),
		test(the_newest_grows_in_place), test(the_nth_fails_once), test(freeing_sets_null));
}
