/* SPDX-License-Identifier: Apache-2.0 */
/* Text to build: a growing buffer with a maximum. Failure is sticky: once a write did not fit,
 * `failed` stays set and later writes do nothing, so that a writer checks once, at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct buf {
	char *ptr;
	size_t len;
	size_t cap;
	size_t max;
	struct arena *arena; /* NULL: the heap, freed by buf_done() */
	bool failed;
};

/* A buffer of at most max bytes; arena NULL takes the heap. Nothing is allocated yet. */
void buf_init(struct buf *buf, struct arena *arena, size_t max);
/* Frees what is on the heap. A buffer in an arena goes with its arena. */
void buf_done(struct buf *buf);
void buf_reset(struct buf *buf);
void buf_add(struct buf *buf, struct str s);
void buf_cstr(struct buf *buf, const char *s);
void buf_char(struct buf *buf, char c);
void buf_int(struct buf *buf, int64_t value);
void buf_uint(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes: returns where to write them and counts them in; NULL if they do not
 * fit. */
char *buf_room(struct buf *buf, size_t n);
/* What was built; valid until the next write. */
struct str buf_str(const struct buf *buf);

#define BUF_AUTO __attribute__((cleanup(buf_done)))

#endif
