/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base32.h"

#include "tests/support/test.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void both_ways(void **state)
{
	static const struct {
		struct str bytes;
		const char *text;
	} rows[] = {
		{ STR_INIT(""), "" },
		{ STR_INIT("\0"), "00" },
		{ STR_INIT("\xFF"), "zw" },
		{ STR_INIT("f"), "cr" },
		{ STR_INIT("fo"), "csqg" },
		{ STR_INIT("foo"), "csqpy" },
		{ STR_INIT("foob"), "csqpyrg" },
		{ STR_INIT("fooba"), "csqpyrk1" },
		{ STR_INIT("foobar"), "csqpyrk1e8" },
		{ STR_INIT("\x01\x23\x45\x67\x89\xAB\xCD\xEF"), "04hmasw9nf6yy" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[40], back[40];
		base32_write(rows[i].bytes.ptr, rows[i].bytes.len, text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(strlen(text), BASE32_LEN(rows[i].bytes.len));
		assert_row(rows[i].text, base32_read(str_of(text), back, rows[i].bytes.len));
		assert_memory_equal(back, rows[i].bytes.ptr, rows[i].bytes.len);
	}
}

static void what_people_type(void **state)
{
	char bytes[6];
	assert_true(base32_read(STR("CSQPYRK1E8"), bytes, 6));
	assert_memory_equal(bytes, "foobar", 6);
	assert_true(base32_read(STR("csqpyrkLe8"), bytes, 6));
	assert_memory_equal(bytes, "foobar", 6);
	assert_true(base32_read(STR("csqpyrkie8"), bytes, 6));
	assert_memory_equal(bytes, "foobar", 6);
	assert_true(base32_read(STR("oO"), bytes, 1));
	assert_int_equal(bytes[0], 0);
}

static void refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "0", 1 },
		{ "000", 1 },
		{ "", 1 },
		{ "00", 0 },
		{ "01", 1 },
		{ "zx", 1 },
		{ "zz", 1 },
		{ "u0", 1 },
		{ "0-", 1 },
		{ " 0", 1 },
		{ "0=", 1 },
		{ "\xC3\xA9", 1 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char bytes[4] = "abc";
		assert_row(rows[i].text, !base32_read(str_of(rows[i].text), bytes, rows[i].len));
		assert_row(rows[i].text, strcmp(bytes, "abc") == 0);
	}
	char byte;
	assert_false(base32_read(str_bytes("0\0", 2), &byte, 1));
}

int main(void)
{
	return TEST_MAIN(test(both_ways), test(what_people_type), test(refused));
}
