/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "tests/support/test.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void equality_and_order(void **state)
{
	assert_true(str_eq(STR(""), (struct str) { NULL, 0 }));
	assert_true(str_eq(STR("ab"), STR("ab")));
	assert_false(str_eq(STR("ab"), STR("a")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_true(str_is(STR("ab"), "ab"));
	assert_true(str_is(STR(""), NULL));
	static const char *const order[] = { "", "a", "a ", "aa", "ab", "b", "\x7F", "\xC3\xA9",
		"\xFF" };
	for (size_t i = 0; i < COUNT(order); i++)
		for (size_t j = 0; j < COUNT(order); j++) {
			int cmp = str_cmp(str_of(order[i]), str_of(order[j]));
			assert_row(order[i], (cmp > 0) - (cmp < 0) == (i > j) - (i < j));
		}
}

static void cutting(void **state)
{
	static const struct {
		const char *text, *before, *after;
	} rows[] = {
		{ "a.b", "a", "b" },
		{ "a", "a", "" },
		{ "", "", "" },
		{ ".", "", "" },
		{ "a.", "a", "" },
		{ ".b", "", "b" },
		{ "a.b.c", "a", "b.c" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str rest = str_of(rows[i].text);
		assert_str(str_cut(&rest, '.'), rows[i].before);
		assert_str(rest, rows[i].after);
	}
	struct str none = { NULL, 0 };
	assert_int_equal(str_cut(&none, '.').len, 0);
}

static void parts(void **state)
{
	assert_str(str_trim(STR(" \t\r\n a b \v\f")), "a b");
	assert_str(str_trim(STR("   ")), "");
	assert_str(str_trim((struct str) { NULL, 0 }), "");
	assert_str(str_from(STR("abc"), 1), "bc");
	assert_str(str_from(STR("abc"), 3), "");
	assert_str(str_from(STR("abc"), 9), "");
	assert_str(str_first(STR("abc"), 2), "ab");
	assert_str(str_first(STR("abc"), 9), "abc");
	assert_str(str_first(STR("abc"), 0), "");
	assert_true(str_starts(STR("abc"), "ab") && str_starts(STR("abc"), ""));
	assert_false(str_starts(STR("ab"), "abc"));
	assert_int_equal(str_of(NULL).len, 0);
	assert_int_equal(str_codepoints(STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 4);
}

/* Unicode 15, table 3-7; bad sequences stand behind `at` good bytes. */
static void utf8(void **state)
{
	static const struct {
		const char *row;
		struct str text;
		int at; /* -1: good */
	} rows[] = {
		{ "empty", STR_INIT(""), -1 },
		{ "ASCII", STR_INIT("hello, world: 0123456789"), -1 },
		{ "U+0000 in the first word", STR_INIT("abc\0defg"), 3 },
		{ "U+0000 after it", STR_INIT("abcdefgh\0"), 8 },
		{ "U+0000 behind U+0001", STR_INIT("abcdef\1\0"), 7 },
		{ "control characters", STR_INIT("\1\2\3\4\5\6\7\x7F"), -1 },
		{ "U+0080", STR_INIT("\xC2\x80"), -1 },
		{ "U+07FF", STR_INIT("\xDF\xBF"), -1 },
		{ "U+0800", STR_INIT("\xE0\xA0\x80"), -1 },
		{ "U+D7FF", STR_INIT("\xED\x9F\xBF"), -1 },
		{ "U+E000", STR_INIT("\xEE\x80\x80"), -1 },
		{ "U+FFFF", STR_INIT("\xEF\xBF\xBF"), -1 },
		{ "U+10000", STR_INIT("\xF0\x90\x80\x80"), -1 },
		{ "U+10FFFF", STR_INIT("\xF4\x8F\xBF\xBF"), -1 },
		{ "lone tail", STR_INIT("a\x80"), 1 },
		{ "overlong 2", STR_INIT("\xC0\x80"), 0 },
		{ "overlong 2b", STR_INIT("\xC1\xBF"), 0 },
		{ "overlong 3", STR_INIT("\xE0\x9F\xBF"), 0 },
		{ "overlong 4", STR_INIT("\xF0\x8F\xBF\xBF"), 0 },
		{ "surrogate", STR_INIT("ok\xED\xA0\x80"), 2 },
		{ "low surrogate", STR_INIT("\xED\xBF\xBF"), 0 },
		{ "past U+10FFFF", STR_INIT("\xF4\x90\x80\x80"), 0 },
		{ "F5", STR_INIT("\xF5\x80\x80\x80"), 0 },
		{ "FF", STR_INIT("\xFF"), 0 },
		{ "cut 2", STR_INIT("0123456789\xC3"), 10 },
		{ "cut 3", STR_INIT("\xE2\x82"), 0 },
		{ "cut 4", STR_INIT("\xF0\x9F\x98"), 0 },
		{ "no tail 2",
			STR_INIT("\xC3"
				 "a"),
			0 },
		{ "no tail 3",
			STR_INIT("\xE2\x82"
				 "a"),
			0 },
		{ "no tail 4",
			STR_INIT("\xF0\x9F\x98"
				 "a"),
			0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t at = 99;
		bool good = str_utf8(rows[i].text, &at);
		assert_row(rows[i].row, good == (rows[i].at < 0));
		assert_row(rows[i].row, good ? at == 99 : at == (size_t)rows[i].at);
		assert_row(rows[i].row, str_utf8(rows[i].text, NULL) == good);
	}
}

/* Every code point, written by hand, is accepted, unless it is a surrogate. */
static void every_code_point(void **state)
{
	for (uint32_t c = 1; c < 0x110000; c++) {
		char p[4];
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		for (size_t i = n - 1; i > 0; i--)
			p[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3F));
		static const unsigned char heads[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
		p[0] = (char)(heads[n] | c >> (6 * (n - 1)));
		if (str_utf8(str_bytes(p, n), NULL) != !(c >= 0xD800 && c < 0xE000))
			fail_msg("U+%04X", (unsigned)c);
	}
}

int main(void)
{
	return TEST_MAIN(test(equality_and_order), test(cutting), test(parts), test(utf8),
		test(every_code_point));
}
