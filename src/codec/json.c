/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing: simdjson says yes or no and builds the tree; a no is looked at again by the slow walk,
 * which says where. The two must agree; json_fuzz.c sees to that.
 *
 * Hashing: a canonical form (type tags, lengths in front, members sorted by name) goes into the
 * hash. It is gathered in pieces, because one call a value would cost more than the hashing. */
#include "codec/json.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "codec/json_impl.h"

/* Does an escape stand in it, or what looks like one, that the slow walk must judge? simdjson lets
 * \u0000 through, and its versions differ in which surrogates they refuse (\uD8.. to \uDF..: emoji
 * from a client that escapes all but ASCII). */
static bool has_delicate_escape(struct str bytes)
{
	struct str rest = bytes;
	for (;;) {
		str_cut(&rest, '\\');
		if (rest.len < 2)
			return false;
		if (str_starts(rest, "u0000") || str_starts(rest, "ud") || str_starts(rest, "uD"))
			return true;
	}
}

int json_parse(struct arena *arena, struct str bytes, struct json **ret, struct err *err)
{
	struct json *tree = NULL;
	enum json_verdict verdict = JSON_REFUSED;
	/* Later versions of simdjson skip a byte-order mark. */
	if (!str_starts(bytes, "\xEF\xBB\xBF"))
		verdict = json_simdjson(arena, bytes, &tree);
	if (verdict == JSON_FULL)
		return err_set(err, ERR_NO_MEMORY, "no memory left for this JSON");
	if (verdict != JSON_FINE || has_delicate_escape(bytes)) {
		int rc = json_walk(bytes, err);
		if (rc < 0)
			return rc;
	}
	if (unexpected(verdict == JSON_REFUSED))
		return err_at(err, ERR_UNREADABLE, "offset 0", "this could not be parsed");
	*ret = tree;
	return 0;
}

/* ---- members by name ---- */

static int by_name(const void *a, const void *b)
{
	const struct json *const *left = a, *const *right = b;
	return str_cmp((*left)->name, (*right)->name);
}

/* One bit of 64 for a name: two names of different bits differ. */
static uint64_t name_bit(struct str name)
{
	if (name.len == 0)
		return 1;
	unsigned char first = (unsigned char)name.ptr[0];
	unsigned char last = (unsigned char)name.ptr[name.len - 1];
	return UINT64_C(1) << ((first * 7u + last * 3u + name.len) & 63);
}

static bool stands_before(const struct json *object, const struct json *member)
{
	for (const struct json *other = object->first; other != member; other = other->next)
		if (str_eq(other->name, member->name))
			return true;
	return false;
}

static enum json_verdict seal_small(const struct json *object)
{
	uint64_t bits = 0;
	for (const struct json *member = object->first; member; member = member->next) {
		uint64_t bit = name_bit(member->name);
		if ((bits & bit) && stands_before(object, member))
			return JSON_REFUSED;
		bits |= bit;
	}
	return JSON_FINE;
}

enum json_verdict json_seal(struct arena *arena, struct json *object)
{
	if (object->count <= JSON_SORT_FROM)
		return seal_small(object);
	const struct json **sorted = arena_array(arena, object->count, sizeof *sorted);
	if (!sorted)
		return JSON_FULL;
	size_t n = 0;
	for (const struct json *member = object->first; member; member = member->next)
		sorted[n++] = member;
	qsort(sorted, n, sizeof *sorted, by_name);
	for (size_t i = 1; i < n; i++)
		if (str_eq(sorted[i - 1]->name, sorted[i]->name))
			return JSON_REFUSED;
	object->sorted = sorted;
	return JSON_FINE;
}

static const struct json *find_sorted(const struct json *object, struct str name)
{
	const struct json wanted = { .name = name }, *key = &wanted;
	const struct json **found =
		bsearch(&key, object->sorted, object->count, sizeof *object->sorted, by_name);
	return found ? *found : NULL;
}

const struct json *json_get(const struct json *object, const char *name)
{
	if (!object || object->type != JSON_OBJECT)
		return NULL;
	struct str wanted = str_of(name);
	if (object->sorted)
		return find_sorted(object, wanted);
	for (const struct json *member = object->first; member; member = member->next)
		if (str_eq(member->name, wanted))
			return member;
	return NULL;
}

/* ---- hashing ---- */

struct feed {
	struct hash *hash;
	size_t len;
	unsigned char bytes[512];
};

static void flush(struct feed *feed)
{
	hash_add(feed->hash, feed->bytes, feed->len);
	feed->len = 0;
}

static void feed_bytes(struct feed *feed, const void *ptr, size_t len)
{
	if (len > sizeof feed->bytes - feed->len)
		flush(feed);
	if (len > sizeof feed->bytes) {
		hash_add(feed->hash, ptr, len);
	} else if (len > 0) {
		memcpy(feed->bytes + feed->len, ptr, len);
		feed->len += len;
	}
}

/* A tag and a number, seven bits a byte, the last without the top bit: nothing can be read two
 * ways. */
static void feed_tagged(struct feed *feed, char tag, uint64_t value)
{
	unsigned char bytes[11] = { (unsigned char)tag };
	size_t len = 1;
	for (; value >= 0x80; value >>= 7)
		bytes[len++] = (unsigned char)(0x80 | (value & 0x7F));
	bytes[len++] = (unsigned char)value;
	feed_bytes(feed, bytes, len);
}

/* Below zero is a tag of its own, so that small numbers stay short. */
static void feed_integer(struct feed *feed, int64_t number)
{
	feed_tagged(feed, number < 0 ? 'm' : 'i', (uint64_t)(number < 0 ? ~number : number));
}

static void feed_text(struct feed *feed, char tag, struct str text)
{
	feed_tagged(feed, tag, text.len);
	feed_bytes(feed, text.ptr, text.len);
}

/* 1.0 is 1, and -0.0 is 0: the same number, hashed as an integer where it is one. */
static void feed_double(struct feed *feed, double number)
{
	uint64_t bits;
	if (number >= -0x1p63 && number < 0x1p63 && trunc(number) == number) {
		feed_integer(feed, (int64_t)number);
		return;
	}
	memcpy(&bits, &number, sizeof bits);
	feed_tagged(feed, 'd', bits);
}

static void feed_value(struct feed *feed, const struct json *value);

/* Puts the members of a small object in order; sorted has room for them. */
static void sort_members(const struct json *object, const struct json **sorted)
{
	size_t n = 0;
	for (const struct json *member = object->first; member; member = member->next) {
		size_t at = n++;
		for (; at > 0 && str_cmp(sorted[at - 1]->name, member->name) > 0; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = member;
	}
}

static void feed_object(struct feed *feed, const struct json *object)
{
	const struct json *few[JSON_SORT_FROM], **sorted = object->sorted;
	if (!sorted) {
		require(object->count <= JSON_SORT_FROM);
		sort_members(object, few);
		sorted = few;
	}
	feed_tagged(feed, 'o', object->count);
	for (uint32_t i = 0; i < object->count; i++) {
		feed_text(feed, 'k', sorted[i]->name);
		feed_value(feed, sorted[i]);
	}
}

static void feed_value(struct feed *feed, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		feed_bytes(feed, "n", 1);
		return;
	case JSON_BOOL:
		feed_bytes(feed, value->boolean ? "t" : "f", 1);
		return;
	case JSON_INT:
		feed_integer(feed, value->integer);
		return;
	case JSON_DOUBLE:
		feed_double(feed, value->number);
		return;
	case JSON_STRING:
		feed_text(feed, 's', value->string);
		return;
	case JSON_ARRAY:
		feed_tagged(feed, 'a', value->count);
		for (const struct json *item = value->first; item; item = item->next)
			feed_value(feed, item);
		return;
	case JSON_OBJECT:
		feed_object(feed, value);
		return;
	}
}

void json_hash(const struct json *value, struct hash *hash)
{
	struct feed feed;
	feed.hash = hash;
	feed.len = 0;
	feed_value(&feed, value);
	flush(&feed);
}
