/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding. Addresses stay as they came until somebody wants one piece of them: a slash or
 * a question mark that a caller encoded is part of a name, not of the address. */
#include "http/url.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The byte that the escape at s[at] stands for; -1 if it is none. */
static int escaped(struct str s, size_t at)
{
	if (s.len - at < 3)
		return -1;
	int high = hex(s.ptr[at + 1]), low = hex(s.ptr[at + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool url_valid(struct str raw)
{
	for (size_t i = 0; i < raw.len; i++) {
		unsigned char c = (unsigned char)raw.ptr[i];
		if (c <= ' ' || c == 0x7F || (c == '%' && escaped(raw, i) <= 0))
			return false;
	}
	return true;
}

struct str url_decode(struct str raw, struct arena *arena)
{
	if (!raw.len || !memchr(raw.ptr, '%', raw.len))
		return raw;
	struct str copy = arena_str(arena, raw);
	if (!copy.ptr)
		return copy;
	char *to = (char *)copy.ptr; /* made above */
	size_t len = 0;
	for (size_t i = 0; i < raw.len; i++) {
		int byte = raw.ptr[i] == '%' ? escaped(raw, i) : -1;
		to[len++] = byte < 0 ? raw.ptr[i] : (char)byte;
		i += byte < 0 ? 0 : 2;
	}
	to[len] = '\0';
	return (struct str) { to, len };
}
