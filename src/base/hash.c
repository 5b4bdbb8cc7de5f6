/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed hashes, by libsodium. This file knows the library, its callers do not. */
#include "base/hash.h"

#include <pthread.h>

#include "base/check.h"
#include "base/sodium_impl.h"

_Static_assert(sizeof(((struct hash *)0)->state) >= sizeof(crypto_generichash_state), "state fits");
_Static_assert(_Alignof(struct hash) >= _Alignof(crypto_generichash_state), "state is aligned");
_Static_assert(sizeof(struct secret) == crypto_auth_hmacsha256_KEYBYTES, "one key length");
_Static_assert(HASH_LEN == crypto_auth_hmacsha256_BYTES, "one hash length");
_Static_assert(HASH_LEN == crypto_hash_sha256_BYTES, "one hash length");
_Static_assert(sizeof(struct key) == crypto_shorthash_KEYBYTES, "a key is a key");
_Static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES, "64 bits");

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void)
{
	require(sodium_init() >= 0);
}

void sodium_ready(void)
{
	pthread_once(&started, start);
}

static crypto_generichash_state *state_of(struct hash *hash)
{
	return (crypto_generichash_state *)(void *)hash->state;
}

void secret_wipe_bytes(void *ptr, size_t len)
{
	sodium_memzero(ptr, len);
}

void secret_wipe(struct secret *secret)
{
	sodium_memzero(secret, sizeof *secret);
}

void secret_derive(const struct secret *master, const char *label, struct str extra,
	struct secret *ret)
{
	struct hash hash;
	hash_init(&hash, master);
	hash_str(&hash, str_of(label));
	hash_str(&hash, extra);
	hash_done(&hash, ret->bytes);
}

void hash_init(struct hash *hash, const struct secret *key)
{
	sodium_ready();
	crypto_generichash_init(state_of(hash), key->bytes, sizeof key->bytes, HASH_LEN);
}

void hash_add(struct hash *hash, const void *ptr, size_t len)
{
	crypto_generichash_update(state_of(hash), ptr, len);
}

void hash_str(struct hash *hash, struct str s)
{
	hash_int(hash, (int64_t)s.len);
	hash_add(hash, s.ptr, s.len);
}

void hash_int(struct hash *hash, int64_t value)
{
	unsigned char bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
	hash_add(hash, bytes, sizeof bytes);
}

void hash_done(struct hash *hash, unsigned char out[HASH_LEN])
{
	crypto_generichash_final(state_of(hash), out, HASH_LEN);
	sodium_memzero(hash, sizeof *hash);
}

struct key hash_done_key(struct hash *hash)
{
	unsigned char whole[HASH_LEN];
	struct key key;
	hash_done(hash, whole);
	memcpy(key.bytes, whole, sizeof key.bytes);
	sodium_memzero(whole, sizeof whole);
	return key;
}

uint64_t hash_sip(const struct key *key, struct str message)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t value = 0;
	crypto_shorthash(out, (const unsigned char *)message.ptr, message.len, key->bytes);
	for (size_t i = sizeof out; i-- > 0;)
		value = value << 8 | out[i];
	return value;
}

void hash_hmac_sha256(const struct secret *key, struct str message, unsigned char out[HASH_LEN])
{
	sodium_ready();
	crypto_auth_hmacsha256(out, (const unsigned char *)message.ptr, message.len, key->bytes);
}

void hash_sha256(struct str message, unsigned char out[HASH_LEN])
{
	sodium_ready();
	crypto_hash_sha256(out, (const unsigned char *)message.ptr, message.len);
}

bool hash_eq(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}
