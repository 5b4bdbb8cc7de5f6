/* SPDX-License-Identifier: Apache-2.0 */
/* Text to build. The buffer doubles; in an arena the newest allocation grows where it stands, so
 * that one buffer built at a time costs no copies.
 *
 * Invariants: len <= cap <= max; failed never goes back to false except by buf_init() and
 * buf_reset(). */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena_impl.h"

#define FIRST_CAP 256

void buf_init(struct buf *buf, struct arena *arena, size_t max)
{
	*buf = (struct buf) { .max = max, .arena = arena };
}

void buf_done(struct buf *buf)
{
	if (!buf->arena)
		free(buf->ptr);
	buf_init(buf, buf->arena, buf->max);
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

/* Makes room for n more bytes, or fails for good. */
static bool reserve(struct buf *buf, size_t n)
{
	if (buf->failed || n > buf->max - buf->len)
		return !(buf->failed = true);
	size_t need = buf->len + n;
	if (need <= buf->cap)
		return true;
	size_t cap = buf->cap > buf->max / 2 ? buf->max : buf->cap * 2;
	if (cap < FIRST_CAP)
		cap = FIRST_CAP < buf->max ? FIRST_CAP : buf->max;
	if (cap < need)
		cap = need;
	char *ptr = buf->arena ? arena_grow(buf->arena, buf->ptr, buf->cap, cap)
			       : realloc(buf->ptr, cap);
	if (!ptr)
		return !(buf->failed = true);
	buf->ptr = ptr;
	buf->cap = cap;
	return true;
}

char *buf_room(struct buf *buf, size_t n)
{
	if (!reserve(buf, n))
		return NULL;
	char *at = buf->ptr + buf->len;
	buf->len += n;
	return at;
}

void buf_add(struct buf *buf, struct str s)
{
	char *at = s.len ? buf_room(buf, s.len) : NULL;
	if (at)
		memcpy(at, s.ptr, s.len);
}

void buf_cstr(struct buf *buf, const char *s)
{
	buf_add(buf, str_of(s));
}

void buf_char(struct buf *buf, char c)
{
	if (!buf->failed && buf->len < buf->cap)
		buf->ptr[buf->len++] = c;
	else if (reserve(buf, 1))
		buf->ptr[buf->len++] = c;
}

void buf_uint(struct buf *buf, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	buf_add(buf, str_bytes(digits + at, sizeof digits - at));
}

void buf_int(struct buf *buf, int64_t value)
{
	if (value < 0)
		buf_char(buf, '-');
	buf_uint(buf, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	/* One byte more for the NUL that vsnprintf() insists on. */
	if (len < 0)
		buf->failed = true;
	else if ((size_t)len < buf->max - buf->len && reserve(buf, (size_t)len + 1))
		buf->len += (size_t)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, again);
	else
		buf->failed = true;
	va_end(again);
	va_end(args);
}

struct str buf_str(const struct buf *buf)
{
	return (struct str) { buf->ptr, buf->len };
}
