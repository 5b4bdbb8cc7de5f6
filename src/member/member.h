/* SPDX-License-Identifier: Apache-2.0 */
/* Members and how they are recognised.
 *
 * A *member* is a customer a merchant knows; there may be no name at all. An *identifier* is stored
 * only as a token, HMAC-SHA-256 under a key of the merchant's own, so two merchants cannot join
 * their customers (D12); its first 16 bits are the bucket of its row. A member's bucket is that of
 * the first identifier it was made with, so tap and checkout meet in one shard (D7).
 *
 * Keys rotate: each identifier row names the key it was made with, and a look-up tries the newest
 * first. */
#ifndef MEMBER_MEMBER_H
#define MEMBER_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/str.h"
#include "store/store.h"

/* An identifier presented; the reason for a maximum: more than a few at one touch is a reader gone
 * mad. */
#define IDENTIFIERS_MAX 10
#define IDENTIFIER_VALUE_MAX 200
#define IDENTIFIER_KEYS_MAX 2

enum identifier_kind {
#define IDENTIFIER_KIND(code, word, handed_out) IDENTIFIER_##code,
#include "member/identifier_kinds.def"
#undef IDENTIFIER_KIND
	IDENTIFIER_KIND_COUNT
};
/* Words of the contract in the order of the enum, NULL-terminated. */
extern const char *const identifier_kind_words[];
/* Did the merchant hand it out (loyalty card, pass, code)? */
bool identifier_handed_out(enum identifier_kind kind);

/* The keys identifiers are made with, newest first. */
struct identifier_ring {
	struct {
		int32_t id;
		struct secret secret;
	} keys[IDENTIFIER_KEYS_MAX];
	size_t count;
};
/* A merchant's own ring, derived from the installation's. */
void identifier_ring_of(const struct identifier_ring *master, id_t64 merchant,
	struct identifier_ring *ret);

/* What is left of an identifier once it has arrived: one token a key of the ring. */
struct identifier {
	enum identifier_kind kind;
	uint32_t count;
	struct {
		int32_t key_id;
		unsigned char token[HASH_LEN];
	} tokens[IDENTIFIER_KEYS_MAX];
};
uint16_t identifier_bucket(const struct identifier *identifier);
/* Phones lose blanks, dots, dashes and brackets, e-mail addresses are read in lower case; the rest
 * counts as it is. false: nothing is left of it (a phone without a digit, blanks), so that it would
 * be everybody's. */
bool identifier_make(const struct identifier_ring *ring, enum identifier_kind kind,
	struct str value, struct identifier *ret) must_check;

struct member {
	id_t64 id, merchant;
	struct str language; /* in the arena */
	int64_t created_at;
};

/* Whose identifiers these are. *ret_member is the member of the first one that is known (0: none
 * is); *ret_other another member that a later one belongs to (0: none). owners[i] is whose the i-th
 * is. */
int member_find(struct store_tx *tx, const struct identifier *identifiers, size_t count,
	id_t64 *ret_member, id_t64 *ret_other, id_t64 *owners, struct err *err) must_check;
/* 0 found; 1 there is no such member at this merchant. Asking and taking are apart, so that what
 * else is asked of a member travels with it: *ret of the first is the caller's to close. */
int member_ask(struct store_tx *tx, id_t64 id, struct store_rows **ret, struct err *err) must_check;
int member_take(struct store_rows *rows, id_t64 merchant, id_t64 id, struct arena *arena,
	struct member *ret, struct err *err) must_check;
int member_get(struct store_tx *tx, id_t64 merchant, id_t64 id, struct arena *arena,
	struct member *ret, struct err *err) must_check;
/* Makes a member whose id the caller made in the bucket of its first identifier. */
int member_add(struct store_tx *tx, const struct member *member, struct err *err) must_check;
/* Ties an identifier nobody has to a member. STORE_MOVED if somebody has it by now. */
int member_add_identifier(struct store_tx *tx, id_t64 merchant, id_t64 member,
	const struct identifier *identifier, int64_t now, struct err *err) must_check;

extern const struct store_room member_room;

#endif
