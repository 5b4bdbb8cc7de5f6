/* SPDX-License-Identifier: Apache-2.0 */
#include "shop/table_impl.h"

#include "base/clock.h"
#include "tests/support/test.h"

#define IMPORTED 5000

/* The ids of one import: one instant, any bucket, seven bits of chance. */
static id_t64 imported(uint32_t i)
{
	return id_new((uint16_t)(i * 40503), INT64_C(1795291200000000), i);
}

static void finds_what_was_put(void **state)
{
	static int things[IMPORTED];
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct table table = { 0 };
	for (uint32_t i = 0; i < IMPORTED; i++)
		assert_int_equal(table_put(&table, arena, imported(i), &things[i]), 0);
	assert_int_equal(table.count, IMPORTED);
	assert_true(table.count * 2 <= table.size);
	for (uint32_t i = 0; i < IMPORTED; i++)
		assert_ptr_equal(table_find(&table, imported(i)), &things[i]);
	for (uint32_t i = IMPORTED; i < 2 * IMPORTED; i++)
		assert_null(table_find(&table, imported(i)));
}

/* A bad spread shows as a table that is as slow as a list. */
static void spreads_an_import(void **state)
{
	static const int thing;
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct table table = { 0 };
	size_t run = 0, longest = 0;
	for (uint32_t i = 0; i < IMPORTED; i++)
		assert_int_equal(table_put(&table, arena, imported(i), &thing), 0);
	for (size_t i = 0; i < table.size; i++) {
		run = table.slots[i].id ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	assert_true(longest < 40);
}

static void says_what_is_not_there(void **state)
{
	static const int one, other;
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct table table = { 0 };
	assert_null(table_find(&table, 7));
	assert_int_equal(table_put(&table, arena, -7, &one), 0);
	assert_int_equal(table_put(&table, arena, -7, &other), 1);
	assert_ptr_equal(table_find(&table, -7), &one);
	assert_null(table_find(&table, 7));
	assert_null(table_find(&table, 0));
}

static void has_no_memory(void **state)
{
	static const int thing;
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct table table = { 0 };
	arena_fail_nth(1);
	assert_int_equal(table_put(&table, arena, 1, &thing), ERR_NO_MEMORY);
	assert_null(table_find(&table, 1));
	assert_int_equal(table_put(&table, arena, 1, &thing), 0);
	assert_ptr_equal(table_find(&table, 1), &thing);
}

int main(void)
{
	return TEST_MAIN(test(finds_what_was_put), test(spreads_an_import),
		test(says_what_is_not_there), test(has_no_memory));
}
