/* SPDX-License-Identifier: Apache-2.0 */
/* Two asserts, on in production.
 *   require(x)            a programmer's promise: if it does not hold the program ends, through a
 *                         hook that tests can catch.
 *   if (unexpected(x))    something that cannot happen has happened: it is reported once per place
 *                         and the caller recovers (returns ERR_INTERNAL or ERR_BROKEN). */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stdbool.h>

typedef void check_hook(const char *what, const char *file, int line);

/* Called by a failed require(), before abort(); a test's hook may longjmp away. NULL sets the
 * default. */
void check_set_require_hook(check_hook *hook);
/* Called by unexpected(); the default logs an error. NULL sets the default. */
void check_set_unexpected_hook(check_hook *hook);

void check_require_failed(const char *what, const char *file, int line);
bool check_unexpected(const char *what, const char *file, int line);

#define require(x) ((x) ? (void)0 : check_require_failed(#x, __FILE__, __LINE__))
#define unexpected(x) (__builtin_expect(!!(x), 0) && check_unexpected(#x, __FILE__, __LINE__))

#endif
