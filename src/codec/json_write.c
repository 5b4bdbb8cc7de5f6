/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to build. Texts are copied in runs: a table of 256 says which bytes need a look, all others
 * go as they are.
 *
 * Invariant: bit `depth` of `has` says whether a comma must stand before the next value of this
 * level. A name written by json_out_name() clears it, so that its value follows without one. */
#include "codec/json_write.h"

#include <glib.h>

#include "base/check.h"

#define DEPTH_MAX 63 /* the bits of has */

void json_out_init(struct json_out *out, struct buf *buf)
{
	*out = (struct json_out) { .buf = buf };
}

/* ---- texts ---- */

/* What a byte becomes: 0 itself, 'u' \u00XX, 'E' perhaps U+2028 or U+2029, else a backslash and
 * this. */
static const char escapes[256] = {
	[0x00] = 'u',
	[0x01] = 'u',
	[0x02] = 'u',
	[0x03] = 'u',
	[0x04] = 'u',
	[0x05] = 'u',
	[0x06] = 'u',
	[0x07] = 'u',
	['\b'] = 'b',
	['\t'] = 't',
	['\n'] = 'n',
	[0x0B] = 'u',
	['\f'] = 'f',
	['\r'] = 'r',
	[0x0E] = 'u',
	[0x0F] = 'u',
	[0x10] = 'u',
	[0x11] = 'u',
	[0x12] = 'u',
	[0x13] = 'u',
	[0x14] = 'u',
	[0x15] = 'u',
	[0x16] = 'u',
	[0x17] = 'u',
	[0x18] = 'u',
	[0x19] = 'u',
	[0x1A] = 'u',
	[0x1B] = 'u',
	[0x1C] = 'u',
	[0x1D] = 'u',
	[0x1E] = 'u',
	[0x1F] = 'u',
	['"'] = '"',
	['\\'] = '\\',
	['<'] = 'u',
	['>'] = 'u',
	['&'] = 'u',
	[0xE2] = 'E',
};

static size_t plain_run(struct str s)
{
	size_t n = 0;
	while (n < s.len && !escapes[(unsigned char)s.ptr[n]])
		n++;
	return n;
}

static void add_unit(struct buf *buf, unsigned unit)
{
	static const char hex[] = "0123456789abcdef";
	char *to = buf_room(buf, 6);
	if (!to)
		return;
	to[0] = '\\';
	to[1] = 'u';
	for (int i = 0; i < 4; i++)
		to[2 + i] = hex[unit >> (12 - 4 * i) & 15];
}

/* Writes what stands at the front of s, which is not plain; returns how many bytes that was. */
static size_t add_special(struct buf *buf, struct str s)
{
	char c = s.ptr[0], escape = escapes[(unsigned char)c];
	if (escape == 'E') {
		bool separator = str_starts(s, "\xE2\x80\xA8") || str_starts(s, "\xE2\x80\xA9");
		if (separator)
			add_unit(buf, 0x2000u | ((unsigned char)s.ptr[2] - 0x80u));
		else
			buf_char(buf, c);
		return separator ? 3 : 1;
	}
	if (escape == 'u') {
		add_unit(buf, (unsigned char)c);
	} else {
		buf_char(buf, '\\');
		buf_char(buf, escape);
	}
	return 1;
}

/* A text without anything special, as nearly all are: one piece. */
static void add_plain(struct buf *buf, struct str s)
{
	char *to = buf_room(buf, s.len + 2);
	if (!to)
		return;
	to[0] = '"';
	if (s.len)
		memcpy(to + 1, s.ptr, s.len);
	to[s.len + 1] = '"';
}

static void add_text(struct buf *buf, struct str s)
{
	if (plain_run(s) == s.len) {
		add_plain(buf, s);
		return;
	}
	buf_char(buf, '"');
	while (s.len > 0) {
		size_t n = plain_run(s);
		buf_add(buf, str_first(s, n));
		s = str_from(s, n);
		if (s.len > 0)
			s = str_from(s, add_special(buf, s));
	}
	buf_char(buf, '"');
}

/* ---- what stands before a value ---- */

static void comma(struct json_out *out)
{
	uint64_t bit = UINT64_C(1) << out->depth;
	if (out->has & bit)
		buf_char(out->buf, ',');
	out->has |= bit;
}

void json_out_name(struct json_out *out, struct str name)
{
	comma(out);
	add_text(out->buf, name);
	buf_char(out->buf, ':');
	out->has &= ~(UINT64_C(1) << out->depth);
}

static void before(struct json_out *out, const char *name)
{
	if (name)
		json_out_name(out, str_of(name));
	comma(out);
}

static void open_level(struct json_out *out, const char *name, char bracket)
{
	before(out, name);
	buf_char(out->buf, bracket);
	require(out->depth < DEPTH_MAX);
	out->depth++;
	out->has &= ~(UINT64_C(1) << out->depth);
}

static void close_level(struct json_out *out, char bracket)
{
	require(out->depth > 0);
	out->depth--;
	buf_char(out->buf, bracket);
}

/* ---- values ---- */

void json_out_object(struct json_out *out, const char *name)
{
	open_level(out, name, '{');
}

void json_out_object_end(struct json_out *out)
{
	close_level(out, '}');
}

void json_out_array(struct json_out *out, const char *name)
{
	open_level(out, name, '[');
}

void json_out_array_end(struct json_out *out)
{
	close_level(out, ']');
}

void json_out_text(struct json_out *out, const char *name, struct str value)
{
	before(out, name);
	add_text(out->buf, value);
}

void json_out_cstr(struct json_out *out, const char *name, const char *value)
{
	json_out_text(out, name, str_of(value));
}

void json_out_int(struct json_out *out, const char *name, int64_t value)
{
	before(out, name);
	buf_int(out->buf, value);
}

void json_out_bool(struct json_out *out, const char *name, bool value)
{
	before(out, name);
	buf_cstr(out->buf, value ? "true" : "false");
}

void json_out_null(struct json_out *out, const char *name)
{
	before(out, name);
	buf_cstr(out->buf, "null");
}

void json_out_raw(struct json_out *out, const char *name, struct str json)
{
	before(out, name);
	buf_add(out->buf, json);
}

/* The shortest text that reads back as the same double, and still as a double: 1.0, not 1. */
static void add_double(struct buf *buf, double number)
{
	static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
	char text[G_ASCII_DTOSTR_BUF_SIZE];
	for (size_t i = 0; i < 3; i++) {
		g_ascii_formatd(text, sizeof text, formats[i], number);
		if (g_ascii_strtod(text, NULL) == number)
			break;
	}
	buf_cstr(buf, text);
	if (!strpbrk(text, ".e"))
		buf_cstr(buf, ".0");
}

static void add_value(struct json_out *out, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		json_out_null(out, NULL);
		return;
	case JSON_BOOL:
		json_out_bool(out, NULL, value->boolean);
		return;
	case JSON_INT:
		json_out_int(out, NULL, value->integer);
		return;
	case JSON_DOUBLE:
		comma(out);
		add_double(out->buf, value->number);
		return;
	case JSON_STRING:
		json_out_text(out, NULL, value->string);
		return;
	case JSON_ARRAY:
		json_out_array(out, NULL);
		for (const struct json *item = value->first; item; item = item->next)
			add_value(out, item);
		json_out_array_end(out);
		return;
	case JSON_OBJECT:
		json_out_object(out, NULL);
		for (const struct json *member = value->first; member; member = member->next) {
			json_out_name(out, member->name);
			add_value(out, member);
		}
		json_out_object_end(out);
		return;
	}
}

void json_out_value(struct json_out *out, const char *name, const struct json *value)
{
	if (name)
		json_out_name(out, str_of(name));
	add_value(out, value);
}
