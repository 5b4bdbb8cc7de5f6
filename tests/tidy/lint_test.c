/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement and migration of every room, as one program opens them, is text that both engines
 * take (D8). The rules are store_lint's. */
#include <stdio.h>

#include "app/app.h"
#include "app/backup.h"
#include "store/store_lint.h"
#include "tests/support/test.h"

/* What the command line has and this test has not. */
int complain(const struct settings *settings, const struct err *err)
{
	return EXIT_FAILED;
}

static void print_fault(void *user, const char *stmt, const char *why)
{
	print_error("%s: %s\n", stmt, why);
}

static void the_rooms_of_the_contract(void **state)
{
	assert_true(api_room_count > 0);
	assert_int_equal(store_lint(api_rooms, api_room_count, print_fault, NULL), 0);
}

static void the_table_of_backups(void **state)
{
	const struct store_room *rooms[] = { &backup_room };

	assert_int_equal(store_lint(rooms, 1, print_fault, NULL), 0);
}

static void no_room_twice(void **state)
{
	for (size_t i = 0; i < api_room_count; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(api_rooms[i]->name, api_rooms[k]->name);
}

int main(void)
{
	return TEST_MAIN(test(the_rooms_of_the_contract), test(the_table_of_backups),
		test(no_room_twice));
}
