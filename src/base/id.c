/* SPDX-License-Identifier: Apache-2.0 */
/* Ids. The text is the id's eight bytes, big-endian, in Crockford base32 (twelve characters of five
 * bits and one of four, padded with a zero bit): texts sort as ids do, unsigned. */
#include "base/id.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"

#define EPOCH_MS (ID_EPOCH_US / 1000)
#define TIME_BITS 41
#define RANDOM_BITS 7
#define TIME_MAX ((INT64_C(1) << TIME_BITS) - 1)
#define TEXT_LEN 13

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

id_t64 id_new(uint16_t bucket, int64_t now_us, uint32_t random)
{
	int64_t ms = now_us / 1000 - EPOCH_MS;
	/* A clock that stands before 2024 gives 1, not 0: an id is never 0. */
	ms = ms < 1 ? 1 : ms > TIME_MAX ? TIME_MAX : ms;
	return (id_t64)((uint64_t)bucket << 48 | (uint64_t)ms << RANDOM_BITS |
		(random & ((1u << RANDOM_BITS) - 1)));
}

uint16_t id_bucket(id_t64 id)
{
	return (uint16_t)((uint64_t)id >> 48);
}

int64_t id_time_ms(id_t64 id)
{
	return (int64_t)((uint64_t)id >> RANDOM_BITS & (uint64_t)TIME_MAX) + EPOCH_MS;
}

char *id_text(id_t64 id, const char *prefix, char out[ID_TEXT_MAX])
{
	size_t len = strlen(prefix);
	require(len + 1 + TEXT_LEN < ID_TEXT_MAX);
	memcpy(out, prefix, len);
	out[len++] = '_';
	for (int i = 0; i < TEXT_LEN - 1; i++)
		out[len++] = alphabet[(uint64_t)id >> (59 - 5 * i) & 31];
	out[len++] = alphabet[((uint64_t)id << 1) & 31];
	out[len] = '\0';
	return out;
}

/* The five bits a character stands for; -1 if none. */
static int digit(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

bool id_parse(struct str text, const char *prefix, id_t64 *ret)
{
	size_t len = strlen(prefix);
	if (text.len != len + 1 + TEXT_LEN || !str_starts(text, prefix) || text.ptr[len] != '_')
		return false;
	uint64_t id = 0;
	for (size_t i = len + 1; i < text.len; i++) {
		int value = digit(text.ptr[i]);
		bool last = i + 1 == text.len;
		if (value < 0 || (last && value % 2))
			return false;
		id = last ? id << 4 | (uint64_t)value >> 1 : id << 5 | (uint64_t)value;
	}
	if (id == 0)
		return false;
	*ret = (id_t64)id;
	return true;
}

uint16_t key_bucket(const struct key *key)
{
	return (uint16_t)(key->bytes[0] << 8 | key->bytes[1]);
}

struct str key_str(const struct key *key)
{
	return str_bytes(key->bytes, sizeof key->bytes);
}

bool key_eq(const struct key *a, const struct key *b)
{
	return hash_eq(a->bytes, b->bytes, sizeof a->bytes);
}
