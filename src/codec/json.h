/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to read (RFC 8259): bytes in, a tree in the arena out. simdjson does the parsing behind one
 * C++ file; the tree is plain C. Strict: UTF-8, 64-bit integers, no duplicate keys, no U+0000, no
 * byte-order mark, nothing after the value, at most JSON_DEPTH_MAX levels. Where the parser gives
 * no position (its DOM does not) a second, slow walk finds the offset; it runs on failure only.
 *
 * Reading a tree: struct json_reader walks it with the JSON pointer (RFC 6901) of where it is, so
 * that every refusal names its place, and json_end() refuses fields nobody asked for. */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 32

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_DOUBLE,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* Objects of more members than this carry a sorted index, made by json_parse(). */
#define JSON_SORT_FROM 16

/* One value. Children of an array or object are a linked list in their order. */
struct json {
	enum json_type type;
	bool boolean;
	int64_t integer;
	double number;              /* JSON_DOUBLE only; never money */
	struct str string;          /* JSON_STRING: unescaped, valid UTF-8, without U+0000 */
	struct str name;            /* its key, if it stands in an object */
	struct json *first;         /* first child */
	struct json *next;          /* next sibling */
	uint32_t count;             /* number of children */
	const struct json **sorted; /* its members by name, if there are more than JSON_SORT_FROM */
};

/* Parses the whole of bytes. The tree and its strings live in the arena and do not point into
 * bytes. ERR_UNREADABLE with `at` "offset N" (0-based byte) for what is not JSON as above;
 * ERR_TOO_LARGE past JSON_DEPTH_MAX; ERR_NO_MEMORY. */
int json_parse(struct arena *arena, struct str bytes, struct json **ret,
	struct err *err) must_check;

/* The member of that name; NULL if absent or if object is not an object. */
const struct json *json_get(const struct json *object, const char *name);

/* Adds the value to a keyed hash so that two values are equal as parsed JSON exactly if they hash
 * the same: keys are sorted, white space and escapes do not count. */
void json_hash(const struct json *value, struct hash *hash);

/* ---- reading with places ---- */

/* Walks one object. `at` is its JSON pointer. The first fault is kept in err and makes later reads
 * do nothing, so that a decoder reads all its fields and checks once, by json_end(). */
struct json_reader {
	const struct json *object;
	struct err *err;
	int rc;
	struct arena *arena;
	struct str at;
	uint64_t seen[2]; /* which of the first 128 members were asked for */
};

/* value must be an object of at most 128 members, else the reader starts failed (ERR_INVALID). at
 * "" is the root. value NULL starts failed too and leaves err as it is: what was to be read did not
 * exist, and whoever looked for it (json_object()) has said so. */
void json_begin(struct json_reader *r, struct arena *arena, const struct json *value, struct str at,
	struct err *err);
/* Does the member stand there, and is it not null? Marks it as asked for. */
bool json_has(struct json_reader *r, const char *name);
/* Is it there as null? */
bool json_is_null(struct json_reader *r, const char *name);
/* Required members. Wrong type, length or range: ERR_INVALID at its pointer. Lengths are in
 * bytes. */
struct str json_text(struct json_reader *r, const char *name, size_t min, size_t max);
int64_t json_int(struct json_reader *r, const char *name, int64_t min, int64_t max);
bool json_bool(struct json_reader *r, const char *name);
/* One of the words of a NULL-terminated list; returns its index. */
int json_word(struct json_reader *r, const char *name, const char *const *words);
const struct json *json_array(struct json_reader *r, const char *name, uint32_t min, uint32_t max);
const struct json *json_object(struct json_reader *r, const char *name);
/* Optional members: the default (an empty str, NULL) if absent or null. */
struct str json_text_opt(struct json_reader *r, const char *name, size_t min, size_t max);
int64_t json_int_opt(struct json_reader *r, const char *name, int64_t min, int64_t max,
	int64_t otherwise);
const struct json *json_array_opt(struct json_reader *r, const char *name, uint32_t max);
const struct json *json_object_opt(struct json_reader *r, const char *name);
/* Any type; NULL if absent. */
const struct json *json_any(struct json_reader *r, const char *name);
/* The pointer of a member, and of the n-th element of one: "/lines/3". */
struct str json_at(struct json_reader *r, const char *name);
struct str json_at_index(struct json_reader *r, const char *name, uint32_t index);
/* Refuses at a member: for rules the reader does not know. Keeps the first fault. Returns its
 * code. */
int json_refuse(struct json_reader *r, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Refuses members nobody asked for (ERR_UNKNOWN_FIELD at their pointer) and returns 0 or the first
 * fault. */
int json_end(struct json_reader *r) must_check;

#endif
