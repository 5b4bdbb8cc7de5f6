/* SPDX-License-Identifier: Apache-2.0 */
/* One line, one write(2): lines of several threads never mix. Control characters become blanks, so
 * that nothing that was sent to us can make up a line of its own. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024 /* longer lines are cut */

static _Atomic(log_sink *) current_sink;
static atomic_int current_level = LOG_LEVEL_INFO;

static const char *const level_names[] = { "error", "warning", "info", "debug" };

void log_set_level(enum log_level level)
{
	atomic_store(&current_level, (int)level);
}

void log_set_sink(log_sink *sink)
{
	atomic_store(&current_sink, sink);
}

static void to_stderr(enum log_level level, const char *line)
{
	struct timespec now;
	struct tm utc;
	char when[32], out[LINE_MAX_LEN + 64];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
	int len = snprintf(out, sizeof out, "%s.%03ldZ %s %s\n", when, now.tv_nsec / 1000000,
		level_names[level], line);
	if (len > 0 && write(STDERR_FILENO, out, (size_t)len) < 0)
		return; /* nowhere left to say so */
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if ((int)level > atomic_load_explicit(&current_level, memory_order_relaxed))
		return;
	char line[LINE_MAX_LEN];
	va_list args;
	va_start(args, fmt);
	if (vsnprintf(line, sizeof line, fmt, args) < 0)
		line[0] = '\0';
	va_end(args);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7F)
			*c = ' ';
	log_sink *sink = atomic_load(&current_sink);
	(sink ? sink : to_stderr)(level, line);
}
