/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <string.h>
#include <unistd.h>

#include "tests/support/test.h"

static char last[2000];
static int lines;

static void keep(enum log_level level, const char *line)
{
	lines++;
	snprintf(last, sizeof last, "%d %s", (int)level, line);
}

static void levels(void **state)
{
	log_set_sink(keep);
	lines = 0;
	log_debug("not written");
	assert_int_equal(lines, 0);
	log_info("%s %d", "x", 5);
	assert_string_equal(last, "2 x 5");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("not written");
	assert_int_equal(lines, 1);
	log_error("no");
	assert_string_equal(last, "0 no");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("yes");
	assert_string_equal(last, "3 yes");
}

static void a_line_is_one_line(void **state)
{
	log_set_sink(keep);
	log_info("a\nb\r\tc\x1b[0m\x7f");
	assert_string_equal(last, "2 a b  c [0m ");
	char text[5000];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	log_info("%s", text);
	assert_int_equal(strlen(last), 2 + 1023);
}

/* What the default sink writes to standard error. */
static void captured(char *out, size_t size, const char *text)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	int kept = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	log_warn("%s", text);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[1]);
	ssize_t len = read(ends[0], out, size - 1);
	close(ends[0]);
	assert_true(len >= 0);
	out[len] = '\0';
}

static void standard_error(void **state)
{
	char out[200];
	log_set_sink(NULL);
	captured(out, sizeof out, "hello\nthere");
	static const char pattern[] = "0000-00-00T00:00:00.000Z warning hello there\n";
	assert_int_equal(strlen(out), strlen(pattern));
	for (size_t i = 0; pattern[i]; i++)
		assert_true(
			pattern[i] == '0' ? out[i] >= '0' && out[i] <= '9' : out[i] == pattern[i]);
}

int main(void)
{
	return TEST_MAIN(test(levels), test(a_line_is_one_line), test(standard_error));
}
