/* SPDX-License-Identifier: Apache-2.0 */
/* One line per fault, on standard error, without personal data: no names, addresses, identifiers,
 * bodies. Only the edge logs (app, http's workers, jobs); rooms return errors. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

typedef void log_sink(enum log_level level, const char *line);

/* Lines above this level are not written. The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
/* Where lines go; NULL is standard error with an RFC 3339 time in front. Tests count errors
 * here. */
void log_set_sink(log_sink *sink);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
