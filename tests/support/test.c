/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that knows cmocka's runner. Every test starts with the default hooks and a log that
 * counts errors; nothing here writes to standard output, which belongs to the test protocol. */
#include "test.h"

#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"

static atomic_int logged;     /* error lines since the start of the test */
static atomic_int expected;   /* how many there may be at its end */
static atomic_bool surprised; /* a line came before it was announced */

static void count_errors(enum log_level level, const char *line)
{
	if (level == LOG_LEVEL_ERROR && atomic_fetch_add(&logged, 1) >= atomic_load(&expected))
		fprintf(stderr, "logged: %s\n", line);
}

void test_expect_errors(int n)
{
	int so_far = atomic_load(&logged);
	if (so_far != atomic_load(&expected))
		atomic_store(&surprised, true);
	atomic_store(&expected, so_far + n);
}

int test_begin(void **state)
{
	atomic_store(&logged, 0);
	atomic_store(&expected, 0);
	atomic_store(&surprised, false);
	log_set_sink(count_errors);
	return 0;
}

int test_end(void **state)
{
	log_set_sink(NULL);
	log_set_level(LOG_LEVEL_INFO);
	check_set_require_hook(NULL);
	check_set_unexpected_hook(NULL);
	arena_fail_nth(0);
	if (atomic_load(&logged) == atomic_load(&expected) && !atomic_load(&surprised))
		return 0;
	fprintf(stderr, "%d error lines were logged, %d expected%s\n", atomic_load(&logged),
		atomic_load(&expected),
		atomic_load(&surprised) ? ", one before it was announced" : "");
	return -1;
}

/* "src/base/arena_test.c" is the group "arena_test". */
static const char *group_name(const char *file, char *out, size_t size)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;
	snprintf(out, size, "%.*s", (int)strcspn(name, "."), name);
	return out;
}

int test_main(const struct CMUnitTest *tests, size_t count, const char *file)
{
	char name[80];
	return _cmocka_run_group_tests(group_name(file, name, sizeof name), tests, count, NULL,
		NULL);
}

void test_assert_ok(int rc, const struct err *err, const char *file, int line)
{
	if (rc == 0)
		return;
	if (rc > 0)
		print_error("expected 0, but it is outcome %d\n", rc);
	else
		print_error("expected 0, but it is %d %s: %s%s%s\n", rc, err_name(rc),
			err ? err->text : "", err && err->at[0] ? " at " : "", err ? err->at : "");
	_fail(file, line);
}

void test_assert_str(struct str s, const char *expected_text, const char *file, int line)
{
	if (str_is(s, expected_text))
		return;
	print_error("\"%.*s\" is not \"%s\"\n", STR_ARG(s), expected_text);
	_fail(file, line);
}
