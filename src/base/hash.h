/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed hashes, by libsodium. A `struct secret` is key material: it is wiped when done, and there
 * is no function that prints one. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/str.h"

#define HASH_LEN 32

struct secret {
	unsigned char bytes[32];
};

void secret_wipe(struct secret *secret);
/* Wipes any memory that held something secret; never optimised away. */
void secret_wipe_bytes(void *ptr, size_t len);
/* A key for another purpose, made from a master key (BLAKE2b keyed with it over label and
 * extra). */
void secret_derive(const struct secret *master, const char *label, struct str extra,
	struct secret *ret);

/* Keyed BLAKE2b-256 (RFC 7693), in parts. */
struct hash {
	alignas(64) unsigned char state[384];
};
void hash_init(struct hash *hash, const struct secret *key);
void hash_add(struct hash *hash, const void *ptr, size_t len);
/* A length in front, so that ("ab","c") and ("a","bc") differ. */
void hash_str(struct hash *hash, struct str s);
/* Eight bytes, big-endian. */
void hash_int(struct hash *hash, int64_t value);
void hash_done(struct hash *hash, unsigned char out[HASH_LEN]);
/* The first 16 bytes of the result. */
struct key hash_done_key(struct hash *hash);

/* SipHash-2-4 (Aumasson and Bernstein, 2012): 64 bits, for sums and tables over many short texts;
 * too few for a proof. */
uint64_t hash_sip(const struct key *key, struct str message);

/* HMAC-SHA-256 (RFC 2104, FIPS 198-1): for identifiers, as DESIGN.md's D12 asks. */
void hash_hmac_sha256(const struct secret *key, struct str message, unsigned char out[HASH_LEN]);
/* Plain SHA-256 (FIPS 180-4), for what is already random (access keys). */
void hash_sha256(struct str message, unsigned char out[HASH_LEN]);
/* Compares in a time that does not depend on the content. */
bool hash_eq(const void *a, const void *b, size_t len);

#endif
