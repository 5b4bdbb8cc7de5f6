/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include "tests/support/test.h"

static jmp_buf escape;
static const char *caught;
static int caught_count;

static void leap(const char *what, const char *file, int line)
{
	caught = what;
	longjmp(escape, 1);
}

static void count(const char *what, const char *file, int line)
{
	caught_count++;
}

static void require_calls_its_hook(void **state)
{
	check_set_require_hook(leap);
	volatile int one = 1;
	require(one == 1);
	if (setjmp(escape) == 0) {
		require(one == 2);
		fail_msg("require() let 1 == 2 pass");
	}
	assert_string_equal(caught, "one == 2");
}

static bool recovers(int n)
{
	return unexpected(n == 3);
}

static void unexpected_reports_and_goes_on(void **state)
{
	caught_count = 0;
	check_set_unexpected_hook(count);
	assert_false(recovers(2));
	assert_true(recovers(3));
	assert_true(recovers(3));
	assert_int_equal(caught_count, 2);
}

static void a_place_is_logged_once(void **state)
{
	test_expect_errors(1);
	for (int i = 0; i < 5; i++)
		assert_true(recovers(3));
}

int main(void)
{
	return TEST_MAIN(test(require_calls_its_hook), test(unexpected_reports_and_goes_on),
		test(a_place_is_logged_once));
}
