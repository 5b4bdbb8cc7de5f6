/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "tests/support/test.h"

static const char *hex(const unsigned char *bytes, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return out;
}

/* FIPS 180-4 and RFC 4231 (its case 2 with the key padded to 32 bytes, which HMAC does not see). */
static void known_answers(void **state)
{
	unsigned char out[HASH_LEN];
	char text[2 * HASH_LEN + 1];
	hash_sha256(STR("abc"), out);
	assert_string_equal(hex(out, HASH_LEN, text),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256((struct str) { NULL, 0 }, out);
	assert_string_equal(hex(out, HASH_LEN, text),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	struct secret jefe = { "Jefe" };
	hash_hmac_sha256(&jefe, STR("what do ya want for nothing?"), out);
	assert_string_equal(hex(out, HASH_LEN, text),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* BLAKE2b-256, key 00 01 .. 1f, message 00 01 .. 0f: computed with Python's hashlib. */
static void keyed_blake2b(void **state)
{
	struct secret key;
	unsigned char message[16], out[HASH_LEN];
	char text[2 * HASH_LEN + 1];
	for (int i = 0; i < 32; i++)
		key.bytes[i] = (unsigned char)i;
	for (int i = 0; i < 16; i++)
		message[i] = (unsigned char)i;
	struct hash hash;
	hash_init(&hash, &key);
	hash_add(&hash, message, 7);
	hash_add(&hash, message + 7, 9);
	hash_done(&hash, out);
	assert_string_equal(hex(out, HASH_LEN, text),
		"ce33db4739a80e3f3c29403576152dfec9bd8c3ba0d1a4c2a65a2cbdbfaa67f0");
}

/* The first and the last of the vectors in the reference code: key 00 01 .. 0f, messages "" and
 * 00 01 .. 3e. */
static void sip_hash(void **state)
{
	struct key key;
	char message[63];
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (char)i;
	memcpy(key.bytes, message, sizeof key.bytes);
	assert_true(hash_sip(&key, STR("")) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(hash_sip(&key, str_bytes(message, 15)) == UINT64_C(0xa129ca6149be45e5));
	assert_true(hash_sip(&key, str_bytes(message, 63)) == UINT64_C(0x958a324ceb064572));
}

static struct key key_of(struct str a, struct str b, int64_t n)
{
	struct secret secret = { { 1 } };
	struct hash hash;
	hash_init(&hash, &secret);
	hash_str(&hash, a);
	hash_str(&hash, b);
	hash_int(&hash, n);
	return hash_done_key(&hash);
}

static void parts_do_not_run_together(void **state)
{
	struct key base = key_of(STR("ab"), STR("c"), 0);
	struct key same = key_of(STR("ab"), STR("c"), 0);
	struct key moved = key_of(STR("a"), STR("bc"), 0);
	struct key other = key_of(STR("ab"), STR("c"), -1);
	assert_true(key_eq(&base, &same));
	assert_false(key_eq(&base, &moved));
	assert_false(key_eq(&base, &other));
	assert_int_equal(key_bucket(&base), base.bytes[0] * 256 + base.bytes[1]);
	assert_int_equal(key_str(&base).len, 16);
}

static void derived_keys_differ(void **state)
{
	struct secret master = { { 9 } }, a, b, c, again;
	secret_derive(&master, "identifier", STR("merchant 1"), &a);
	secret_derive(&master, "identifier", STR("merchant 2"), &b);
	secret_derive(&master, "identifie", STR("rmerchant 1"), &c);
	secret_derive(&master, "identifier", STR("merchant 1"), &again);
	assert_true(hash_eq(&a, &again, sizeof a));
	assert_false(hash_eq(&a, &b, sizeof a));
	assert_false(hash_eq(&a, &c, sizeof a));
	secret_wipe(&a);
	struct secret zero = { { 0 } };
	assert_memory_equal(&a, &zero, sizeof a);
}

int main(void)
{
	return TEST_MAIN(test(known_answers), test(keyed_blake2b), test(sip_hash),
		test(parts_do_not_run_together), test(derived_keys_differ));
}
