/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a tree with places. Members are looked up along the list: most objects have fewer than
 * twelve, and decoders ask about in their order.
 *
 * To add a type: a required reader that looks up by need() and refuses by json_refuse(), and its
 * _opt twin that asks json_has() first.
 *
 * Invariants
 * R1  rc is 0 or the first fault; err is written only when rc goes from 0 to <0.
 * R2  bit i of seen: the i-th member was asked for. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "codec/json.h"

#define MEMBERS_MAX 128 /* the bits of seen */

/* ---- places ---- */

static size_t escaped_len(struct str name)
{
	size_t len = name.len;
	for (size_t i = 0; i < name.len; i++)
		len += name.ptr[i] == '~' || name.ptr[i] == '/';
	return len;
}

/* RFC 6901, 3: '~' becomes "~0", '/' becomes "~1". */
static char *add_escaped(char *to, struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool escape = c == '~' || c == '/';
		*to++ = escape ? '~' : c;
		if (escape)
			*to++ = c == '~' ? '0' : '1';
	}
	return to;
}

/* The pointer of a member, with a tail behind it. */
static struct str pointer(struct json_reader *r, struct str name, struct str tail)
{
	size_t len = r->at.len + 1 + escaped_len(name) + tail.len;
	char *text = arena_alloc(r->arena, len + 1);
	if (!text) {
		if (r->rc == 0)
			r->rc = err_set(r->err, ERR_NO_MEMORY, "no memory left to read this");
		return (struct str) { NULL, 0 };
	}
	char *to = text;
	if (r->at.len)
		memcpy(to, r->at.ptr, r->at.len);
	to += r->at.len;
	*to++ = '/';
	to = add_escaped(to, name);
	if (tail.len)
		memcpy(to, tail.ptr, tail.len);
	return (struct str) { text, len };
}

struct str json_at(struct json_reader *r, const char *name)
{
	return pointer(r, str_of(name), (struct str) { NULL, 0 });
}

struct str json_at_index(struct json_reader *r, const char *name, uint32_t index)
{
	char tail[11];
	size_t at = sizeof tail;
	do
		tail[--at] = (char)('0' + index % 10);
	while ((index /= 10) > 0);
	tail[--at] = '/';
	return pointer(r, str_of(name), str_bytes(tail + at, sizeof tail - at));
}

/* ---- faults ---- */

static int refuse_at(struct json_reader *r, int code, struct str at, const char *text)
{
	if (r->rc != 0)
		return r->rc;
	char where[sizeof r->err->at];
	snprintf(where, sizeof where, "%.*s", STR_ARG(at));
	return r->rc = err_at(r->err, code, where, "%s", text);
}

int json_refuse(struct json_reader *r, const char *name, const char *fmt, ...)
{
	if (r->rc != 0)
		return r->rc;
	char text[sizeof r->err->text];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return refuse_at(r, ERR_INVALID, name ? json_at(r, name) : r->at, text);
}

void json_begin(struct json_reader *r, struct arena *arena, const struct json *value, struct str at,
	struct err *err)
{
	*r = (struct json_reader) { .object = value, .err = err, .arena = arena, .at = at };
	if (!value)
		r->rc = ERR_INVALID;
	else if (value->type != JSON_OBJECT)
		json_refuse(r, NULL, "must be an object");
	else if (value->count > MEMBERS_MAX)
		json_refuse(r, NULL, "must have at most %d members", MEMBERS_MAX);
}

int json_end(struct json_reader *r)
{
	if (r->rc != 0)
		return r->rc;
	uint32_t i = 0;
	for (const struct json *member = r->object->first; member; member = member->next, i++)
		if (!(r->seen[i / 64] >> (i % 64) & 1))
			return refuse_at(r, ERR_UNKNOWN_FIELD,
				pointer(r, member->name, (struct str) { NULL, 0 }),
				"is not a known field");
	return 0;
}

/* ---- looking up ---- */

/* The member, marked as asked for; NULL if absent or if the reader has failed. */
static const struct json *look(struct json_reader *r, const char *name)
{
	if (r->rc != 0)
		return NULL;
	struct str wanted = str_of(name);
	uint32_t i = 0;
	for (const struct json *member = r->object->first; member; member = member->next, i++) {
		if (!str_eq(member->name, wanted))
			continue;
		r->seen[i / 64] |= UINT64_C(1) << (i % 64);
		return member;
	}
	return NULL;
}

/* The member, which must be there. */
static const struct json *need(struct json_reader *r, const char *name)
{
	const struct json *member = look(r, name);
	if (!member)
		json_refuse(r, name, "is required");
	return member;
}

bool json_has(struct json_reader *r, const char *name)
{
	const struct json *member = look(r, name);
	return member && member->type != JSON_NULL;
}

bool json_is_null(struct json_reader *r, const char *name)
{
	const struct json *member = look(r, name);
	return member && member->type == JSON_NULL;
}

const struct json *json_any(struct json_reader *r, const char *name)
{
	return look(r, name);
}

/* ---- required ---- */

struct str json_text(struct json_reader *r, const char *name, size_t min, size_t max)
{
	const struct json *member = need(r, name);
	if (!member)
		return (struct str) { NULL, 0 };
	if (member->type == JSON_STRING && member->string.len >= min && member->string.len <= max)
		return member->string;
	if (min == max)
		json_refuse(r, name, "must be a text of %zu bytes", min);
	else
		json_refuse(r, name, "must be a text of %zu to %zu bytes", min, max);
	return (struct str) { NULL, 0 };
}

int64_t json_int(struct json_reader *r, const char *name, int64_t min, int64_t max)
{
	const struct json *member = need(r, name);
	if (!member)
		return 0;
	if (member->type == JSON_INT && member->integer >= min && member->integer <= max)
		return member->integer;
	json_refuse(r, name, "must be a whole number from %" PRId64 " to %" PRId64, min, max);
	return 0;
}

bool json_bool(struct json_reader *r, const char *name)
{
	const struct json *member = need(r, name);
	if (member && member->type != JSON_BOOL)
		json_refuse(r, name, "must be true or false");
	return member && member->type == JSON_BOOL && member->boolean;
}

/* "must be one of "open", "paid", "void"", as far as it fits. */
static void refuse_word(struct json_reader *r, const char *name, const char *const *words)
{
	char list[sizeof r->err->text] = "";
	struct buf text = { .ptr = list, .cap = sizeof list - 1, .max = sizeof list - 1 };
	for (const char *const *word = words; *word; word++)
		buf_printf(&text, "%s\"%s\"", word == words ? "" : ", ", *word);
	json_refuse(r, name, "must be one of %.*s", STR_ARG(buf_str(&text)));
}

int json_word(struct json_reader *r, const char *name, const char *const *words)
{
	const struct json *member = need(r, name);
	if (!member)
		return 0;
	for (int i = 0; words[i] && member->type == JSON_STRING; i++)
		if (str_is(member->string, words[i]))
			return i;
	refuse_word(r, name, words);
	return 0;
}

const struct json *json_array(struct json_reader *r, const char *name, uint32_t min, uint32_t max)
{
	const struct json *member = need(r, name);
	if (!member || (member->type == JSON_ARRAY && member->count >= min && member->count <= max))
		return member;
	json_refuse(r, name, "must be an array of %" PRIu32 " to %" PRIu32 " elements", min, max);
	return NULL;
}

const struct json *json_object(struct json_reader *r, const char *name)
{
	const struct json *member = need(r, name);
	if (!member || member->type == JSON_OBJECT)
		return member;
	json_refuse(r, name, "must be an object");
	return NULL;
}

/* ---- optional ---- */

struct str json_text_opt(struct json_reader *r, const char *name, size_t min, size_t max)
{
	return json_has(r, name) ? json_text(r, name, min, max) : (struct str) { NULL, 0 };
}

int64_t json_int_opt(struct json_reader *r, const char *name, int64_t min, int64_t max,
	int64_t otherwise)
{
	return json_has(r, name) ? json_int(r, name, min, max) : otherwise;
}

const struct json *json_array_opt(struct json_reader *r, const char *name, uint32_t max)
{
	return json_has(r, name) ? json_array(r, name, 0, max) : NULL;
}

const struct json *json_object_opt(struct json_reader *r, const char *name)
{
	return json_has(r, name) ? json_object(r, name) : NULL;
}
