/* SPDX-License-Identifier: Apache-2.0 */
/* Text to read. UTF-8 is checked by Unicode's table 3-7 (well-formed byte sequences); runs of ASCII
 * go eight bytes at a time, because nearly all text that arrives is ASCII. */
#include "base/str.h"

struct str str_of(const char *cstr)
{
	return (struct str) { cstr, cstr ? strlen(cstr) : 0 };
}

struct str str_bytes(const void *ptr, size_t len)
{
	return (struct str) { ptr, len };
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_is(struct str s, const char *cstr)
{
	return str_eq(s, str_of(cstr));
}

int str_cmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str s, const char *prefix)
{
	size_t len = strlen(prefix);
	return s.len >= len && (len == 0 || memcmp(s.ptr, prefix, len) == 0);
}

struct str str_cut(struct str *rest, char sep)
{
	struct str whole = *rest;
	const char *at = whole.len ? memchr(whole.ptr, sep, whole.len) : NULL;
	size_t len = at ? (size_t)(at - whole.ptr) : whole.len;
	*rest = str_from(whole, at ? len + 1 : len);
	return str_first(whole, len);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.len && is_space(s.ptr[0]))
		s = str_from(s, 1);
	while (s.len && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct str str_from(struct str s, size_t n)
{
	if (n == 0)
		return s;
	if (n > s.len)
		n = s.len;
	return (struct str) { s.ptr + n, s.len - n };
}

struct str str_first(struct str s, size_t n)
{
	return (struct str) { s.ptr, n < s.len ? n : s.len };
}

static bool is_tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* The length of the well-formed sequence at p with n bytes left; 0 if it is not one, or U+0000. */
static size_t sequence(const unsigned char *p, size_t n)
{
	unsigned char c = p[0];
	if (c < 0x80)
		return c != 0;
	if (c < 0xC2 || n < 2 || !is_tail(p[1]))
		return 0;
	if (c < 0xE0)
		return 2;
	if (n < 3 || !is_tail(p[2]))
		return 0;
	if (c < 0xF0)
		return (c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) ? 0 : 3;
	if (c > 0xF4 || n < 4 || !is_tail(p[3]))
		return 0;
	return (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F) ? 0 : 4;
}

/* Are the eight bytes at p ASCII and none of them zero? */
static bool plain_word(const unsigned char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	uint64_t high = UINT64_C(0x8080808080808080), ones = UINT64_C(0x0101010101010101);
	return ((word | (word - ones)) & high) == 0;
}

bool str_utf8(struct str s, size_t *ret_at)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	for (size_t i = 0; i < s.len;) {
		if (s.len - i >= 8 && plain_word(p + i)) {
			i += 8;
			continue;
		}
		size_t step = sequence(p + i, s.len - i);
		if (step == 0) {
			if (ret_at)
				*ret_at = i;
			return false;
		}
		i += step;
	}
	return true;
}

size_t str_codepoints(struct str s)
{
	size_t count = 0;
	for (size_t i = 0; i < s.len; i++)
		count += !is_tail((unsigned char)s.ptr[i]);
	return count;
}
