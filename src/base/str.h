/* SPDX-License-Identifier: Apache-2.0 */
/* Text to read: a pointer and a length. It may hold any byte and need not end in NUL; who made the
 * bytes owns them. Bytes (hashes, blobs) travel as struct str as well. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *ptr;
	size_t len;
};

/* A str of a string literal, usable in initialisers. */
#define STR_INIT(literal) \
	{ \
		(literal), sizeof(literal) - 1 \
	}
#define STR(literal) ((struct str)STR_INIT(literal))
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, (s).ptr

/* A str over a C string; NULL gives an empty str. */
struct str str_of(const char *cstr);
struct str str_bytes(const void *ptr, size_t len);
bool str_eq(struct str a, struct str b);
/* Is s the same as the C string? */
bool str_is(struct str s, const char *cstr);
/* <0, 0, >0 by bytes, then by length: one order on every machine. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, const char *prefix);
/* Splits at the first sep: returns what stands before it and leaves in *rest what stands after it
 * (empty when there was no sep). */
struct str str_cut(struct str *rest, char sep);
struct str str_trim(struct str s);
/* The n-th byte onwards / the first n bytes; n beyond the end gives an empty / the whole str. */
struct str str_from(struct str s, size_t n);
struct str str_first(struct str s, size_t n);
/* Valid UTF-8 without U+0000? *ret_at (may be NULL) is the offset of the first fault. */
bool str_utf8(struct str s, size_t *ret_at);
/* Number of code points of a valid UTF-8 text. */
size_t str_codepoints(struct str s);

#endif
