/* SPDX-License-Identifier: Apache-2.0 */
/* From a value that was presented to the token that is kept; see member.h. */
#include "base/check.h"
#include "member/member.h"

const char *const identifier_kind_words[] = {
#define IDENTIFIER_KIND(code, word, handed_out) word,
#include "member/identifier_kinds.def"
#undef IDENTIFIER_KIND
	NULL,
};

bool identifier_handed_out(enum identifier_kind kind)
{
	static const bool handed_out[] = {
#define IDENTIFIER_KIND(code, word, handed_out) handed_out,
#include "member/identifier_kinds.def"
#undef IDENTIFIER_KIND
	};

	require(kind < IDENTIFIER_KIND_COUNT);
	return handed_out[kind];
}

void identifier_ring_of(const struct identifier_ring *master, id_t64 merchant,
	struct identifier_ring *ret)
{
	require(master->count >= 1 && master->count <= IDENTIFIER_KEYS_MAX);
	ret->count = master->count;
	for (size_t i = 0; i < master->count; i++) {
		ret->keys[i].id = master->keys[i].id;
		secret_derive(&master->keys[i].secret, "identifier",
			str_bytes(&merchant, sizeof(merchant)), &ret->keys[i].secret);
	}
}

uint16_t identifier_bucket(const struct identifier *identifier)
{
	const unsigned char *token = identifier->tokens[0].token;

	return (uint16_t)(token[0] << 8 | token[1]);
}

static bool is_filler(char c)
{
	return c == ' ' || c == '.' || c == '-' || c == '(' || c == ')' || c == '/';
}

/* Writes what counts of a value; returns its length. */
static size_t normalise(enum identifier_kind kind, struct str value, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (kind == IDENTIFIER_PHONE && is_filler(c))
			continue;
		if (kind == IDENTIFIER_EMAIL && c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		out[len++] = c;
	}
	return len;
}

/* A keypad slip or a till's placeholder must not be everybody. */
static bool says_something(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t')
			return true;
	return false;
}

static bool has_digit(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] >= '0' && text[i] <= '9')
			return true;
	return false;
}

bool identifier_make(const struct identifier_ring *ring, enum identifier_kind kind,
	struct str value, struct identifier *ret)
{
	char text[32 + IDENTIFIER_VALUE_MAX];
	size_t word = strlen(identifier_kind_words[kind]);
	size_t len;

	require(value.len <= IDENTIFIER_VALUE_MAX && word < 31);
	memcpy(text, identifier_kind_words[kind], word + 1); /* the NUL parts word and value */
	len = normalise(kind, value, text + word + 1);
	if (!says_something(text + word + 1, len) ||
		(kind == IDENTIFIER_PHONE && !has_digit(text + word + 1, len)))
		return false;
	len += word + 1;
	ret->kind = kind;
	ret->count = (uint32_t)ring->count;
	for (size_t i = 0; i < ring->count; i++) {
		ret->tokens[i].key_id = ring->keys[i].id;
		hash_hmac_sha256(&ring->keys[i].secret, str_bytes(text, len), ret->tokens[i].token);
	}
	secret_wipe_bytes(text, sizeof(text));
	return true;
}
