/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "codec/json.h"
#include "codec/pack_impl.h"
#include "tests/support/test.h"

static struct str receipt_of(struct arena *arena, int lines)
{
	struct buf buf;
	buf_init(&buf, arena, 1 << 20);
	buf_cstr(&buf,
		"{\"number\":\"2026-004711\",\"at\":\"2026-11-21T19:03:12Z\",\"currency\":\"EUR\","
		"\"lines\":[");
	for (int i = 0; i < lines; i++)
		buf_printf(&buf,
			"%s{\"id\":\"%d\",\"gtin\":\"054001%08d\",\"description\":\"artikel %d\","
			"\"category\":\"dairy\",\"quantity\":\"%d\",\"unit_price\":%d,\"amount\":%"
			"d,"
			"\"vat_rate\":\"6\"}",
			i ? "," : "", i + 1, i * 7919, i * 31, i % 3 + 1, 100 + i,
			(i % 3 + 1) * (100 + i));
	buf_cstr(&buf, "],\"payments\":[{\"kind\":\"card\",\"amount\":5000}],\"total\":5000}");
	assert_false(buf.failed);
	return buf_str(&buf);
}

static void there_and_back(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	struct str texts[] = { STR(""), STR("x"), STR("{}"), receipt_of(arena, 1),
		receipt_of(arena, 20), receipt_of(arena, 2000), str_bytes("\0\1\2\xFF\0", 5) };
	for (int dict = 0; dict < PACK_DICT_COUNT; dict++)
		for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
			struct str packed, back;
			struct err err;
			assert_ok(pack(arena, texts[i], (enum pack_dict)dict, &packed, &err), &err);
			assert_ok(unpack(arena, packed, texts[i].len, &back, &err), &err);
			assert_true(str_eq(back, texts[i]));
		}
}

static void a_receipt_becomes_small(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct str text = receipt_of(arena, 14), with, without;
	struct err err;
	assert_ok(pack(arena, text, PACK_RECEIPT, &with, &err), &err);
	assert_ok(pack(arena, text, PACK_PLAIN, &without, &err), &err);
	assert_true(with.len < text.len / 4);
	assert_true(with.len < without.len - 100);
}

/* Cut, or with one bit turned, it is refused: never other bytes, never a crash. */
static void damage_is_found(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	struct str text = receipt_of(arena, 3), packed, back;
	struct err err;
	assert_ok(pack(arena, text, PACK_RECEIPT, &packed, &err), &err);
	char *bytes = arena_alloc(arena, packed.len + 1);
	memcpy(bytes, packed.ptr, packed.len);
	for (size_t n = 0; n <= packed.len + 1; n++)
		if (n != packed.len)
			assert_int_equal(unpack(arena, str_bytes(bytes, n), 10000, &back, &err),
				ERR_BROKEN);
	for (size_t bit = 0; bit < packed.len * 8; bit++) {
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		int rc = unpack(arena, str_bytes(bytes, packed.len), 10000, &back, &err);
		assert_true(rc == ERR_BROKEN || (rc == 0 && str_eq(back, text)));
		bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
}

static void another_dictionary_or_too_long(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct str text = receipt_of(arena, 3), packed, back = STR("kept");
	struct err err;
	assert_ok(pack(arena, text, PACK_RECEIPT, &packed, &err), &err);
	struct str other = arena_str(arena, packed);
	((char *)(uintptr_t)other.ptr)[5] ^= 0x40; /* Dictionary_ID, RFC 8878 3.1.1.1.3 */
	assert_int_equal(unpack(arena, other, 10000, &back, &err), ERR_BROKEN);
	assert_int_equal(unpack(arena, packed, text.len - 1, &back, &err), ERR_BROKEN);
	assert_str(back, "kept");
	assert_ok(unpack(arena, packed, text.len, &back, &err), &err);
}

static void no_memory(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct str packed, back;
	struct err err;
	arena_fail_nth(1);
	assert_int_equal(pack(arena, STR("abc"), PACK_PLAIN, &packed, &err), ERR_NO_MEMORY);
	assert_ok(pack(arena, STR("abc"), PACK_PLAIN, &packed, &err), &err);
	arena_fail_nth(1);
	assert_int_equal(unpack(arena, packed, 10, &back, &err), ERR_NO_MEMORY);
}

/* Released dictionaries never change. A new one adds a row. */
static void dictionaries_stand(void **state)
{
	static const struct {
		enum pack_dict dict;
		const char *sha256; /* its first eight bytes */
	} rows[] = {
		{ PACK_RECEIPT, "f30d16247ed00a53" },
		{ PACK_ANSWER, "03ab22ec4bedc446" },
	};
	assert_int_equal(sizeof rows / sizeof rows[0], PACK_DICT_COUNT - 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned char hash[HASH_LEN];
		char text[17];
		hash_sha256(pack_dict_bytes(rows[i].dict), hash);
		for (int b = 0; b < 8; b++)
			snprintf(text + 2 * b, 3, "%02x", hash[b]);
		assert_string_equal(text, rows[i].sha256);
	}
}

static void *pack_in_a_thread(void *result)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	for (int i = 0; i < 200; i++) {
		struct str text = receipt_of(arena, i % 20), packed, back;
		if (pack(arena, text, PACK_RECEIPT, &packed, NULL) != 0 ||
			unpack(arena, packed, text.len, &back, NULL) != 0 || !str_eq(text, back))
			return NULL;
		arena_reset(arena);
	}
	return result;
}

static void any_thread(void **state)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pack_in_a_thread, threads), 0);
	for (int i = 0; i < 4; i++) {
		void *result = NULL;
		pthread_join(threads[i], &result);
		assert_ptr_equal(result, threads);
	}
}

int main(void)
{
	return TEST_MAIN(test(there_and_back), test(a_receipt_becomes_small), test(damage_is_found),
		test(another_dictionary_or_too_long), test(no_memory), test(dictionaries_stand),
		test(any_thread));
}
