/* SPDX-License-Identifier: Apache-2.0 */
/* How a function says that it failed.
 *
 * What can fail returns int: 0 done, <0 one of `enum err_code` (negative), >0 an outcome the
 * function names itself ("not enough", "nothing there"). The last parameter is `struct err *`; it
 * is filled once, by the place that knows, and only when the result is <0. Rooms return errors;
 * only the edge logs them. Texts hold no personal data: they go to logs and to the caller.
 *
 * To add an error: one line in errors.def. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define must_check __attribute__((warn_unused_result))

enum err_index {
#define ERROR(code, name, status, title) ERR_INDEX_##code,
#include "base/errors.def"
#undef ERROR
	ERR_INDEX_COUNT
};

/* ERR_UNREADABLE = -1, ERR_UNAUTHORIZED = -2, ... in the order of errors.def. */
enum err_code {
#define ERROR(code, name, status, title) ERR_##code = -1 - (int)ERR_INDEX_##code,
#include "base/errors.def"
#undef ERROR
};

/* One failure. `at` is where in the input: a JSON pointer, "offset 12", "line 3"; empty if
 * nowhere. */
struct err {
	int code;
	char text[240];
	char at[120];
};

/* Fills *err (which may be NULL) and returns code, so that a caller writes `return
 * err_set(...)`. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same, with the place in the input. Longer texts are cut, never overrun. */
int err_at(struct err *err, int code, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* "unreadable" for ERR_UNREADABLE; the last part of urn:zegel:error:NAME. "unknown" for no
 * error. */
const char *err_name(int code);
/* The HTTP status the contract gives this error; 500 for what is not in the list. */
int err_status(int code);
/* One short English sentence without a full stop. */
const char *err_title(int code);

#endif
