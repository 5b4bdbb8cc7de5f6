/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka behind one header, with the habits of our tests: table rows are named in the failure, and
 * an error log nobody announced fails the test. */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

/* int main() { return TEST_MAIN(test(a), test(b)); } */
#define test(function) cmocka_unit_test_setup_teardown(function, test_begin, test_end)
#define TEST_MAIN(...) \
	test_main((const struct CMUnitTest[]) { __VA_ARGS__ }, \
		sizeof((const struct CMUnitTest[]) { __VA_ARGS__ }) / sizeof(struct CMUnitTest), \
		__FILE__)

int test_begin(void **state);
int test_end(void **state);
int test_main(const struct CMUnitTest *tests, size_t count, const char *file);

/* n error lines will be logged from here to the end of this test; any other number fails it. */
void test_expect_errors(int n);

/* Fails naming the row. */
#define assert_row(row, condition) \
	do { \
		if (!(condition)) \
			fail_msg("row \"%s\": %s", (row), #condition); \
	} while (0)
/* rc is 0, or the error is printed. */
#define assert_ok(rc, err) test_assert_ok((rc), (err), __FILE__, __LINE__)
void test_assert_ok(int rc, const struct err *err, const char *file, int line);
/* A str equals a C string, both shown if not. */
#define assert_str(s, expected) test_assert_str((s), (expected), __FILE__, __LINE__)
void test_assert_str(struct str s, const char *expected, const char *file, int line);

#endif
