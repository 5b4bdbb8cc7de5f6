/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include "base/check.h"
#include "tests/support/test.h"

#define EPOCH_US INT64_C(1704067200000000)

static void parts(void **state)
{
	static const struct {
		const char *row;
		uint16_t bucket;
		int64_t now_us;
		uint32_t random;
		int64_t time_ms;
	} rows[] = {
		{ "plain", 7, EPOCH_US + 5000, 3, EPOCH_US / 1000 + 5 },
		{ "top bucket", 65535, EPOCH_US + 123456789000, 127, EPOCH_US / 1000 + 123456789 },
		{ "random is cut to seven bits", 0, EPOCH_US + 1000, UINT32_MAX,
			EPOCH_US / 1000 + 1 },
		{ "never zero", 0, EPOCH_US, 0, EPOCH_US / 1000 + 1 },
		{ "before the epoch", 1, 0, 0, EPOCH_US / 1000 + 1 },
		{ "long before", 1, INT64_MIN, 0, EPOCH_US / 1000 + 1 },
		{ "past the end", 1, INT64_MAX, 0, EPOCH_US / 1000 + (INT64_C(1) << 41) - 1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		id_t64 id = id_new(rows[i].bucket, rows[i].now_us, rows[i].random);
		assert_row(rows[i].row, id != 0);
		assert_row(rows[i].row, id_bucket(id) == rows[i].bucket);
		assert_row(rows[i].row, id_time_ms(id) == rows[i].time_ms);
		assert_row(rows[i].row, (id & 127) == (rows[i].random & 127));
	}
}

static void texts(void **state)
{
	static const struct {
		id_t64 id;
		const char *text;
	} rows[] = {
		{ 1, "m_0000000000002" },
		{ -1, "m_zzzzzzzzzzzzy" },
		{ INT64_MAX, "m_fzzzzzzzzzzzy" },
		{ INT64_MIN, "m_g000000000000" },
		{ INT64_C(0x0123456789abcdef), "m_04hmasw9nf6yy" },
	};
	char text[ID_TEXT_MAX];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		id_t64 back = 0;
		assert_string_equal(id_text(rows[i].id, "m", text), rows[i].text);
		assert_row(rows[i].text, id_parse(str_of(text), "m", &back) && back == rows[i].id);
	}
}

static void refused(void **state)
{
	static const char *const rows[] = {
		"",
		"m",
		"m_",
		"m_000000000000",
		"m_00000000000020",
		"r_0000000000002",
		"m-0000000000002",
		"m_0000000000001",
		"m_0000000000000",
		"M_0000000000002",
		"m_Z000000000002",
		"m_i000000000002",
		"m_l000000000002",
		"m_o000000000002",
		"m_u000000000002",
		" m_0000000000002",
		"mm_0000000000002",
		"m_0000000000002 ",
		"m_000000\xC3\xA9X0002",
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		id_t64 id = 77;
		assert_row(rows[i], !id_parse(str_of(rows[i]), "m", &id) && id == 77);
	}
	id_t64 id = 77;
	assert_false(id_parse(str_bytes("m_000000\0000002", 15), "m", &id));
}

/* Any one character changed gives another id or none. */
static void one_text_one_id(void **state)
{
	char text[ID_TEXT_MAX];
	id_t64 id = id_new(0xBEEF, EPOCH_US + INT64_C(987654321000), 55), other;
	id_text(id, "abc", text);
	for (size_t at = 0; text[at]; at++) {
		char kept = text[at];
		for (int c = 0; c < 256; c++) {
			text[at] = (char)c;
			bool same = text[at] == kept;
			if (id_parse(str_bytes(text, 17), "abc", &other))
				assert_int_equal(other == id, same);
			else
				assert_false(same);
		}
		text[at] = kept;
	}
}

static jmp_buf escape;

static void leap(const char *what, const char *file, int line)
{
	longjmp(escape, 1);
}

static void long_prefixes_are_a_mistake(void **state)
{
	char text[ID_TEXT_MAX];
	assert_string_equal(id_text(1, "ninechars", text), "ninechars_0000000000002");
	check_set_require_hook(leap);
	if (setjmp(escape) == 0) {
		id_text(1, "tenletters", text);
		fail_msg("a prefix of ten characters was taken");
	}
}

int main(void)
{
	return TEST_MAIN(test(parts), test(texts), test(refused), test(one_text_one_id),
		test(long_prefixes_are_a_mistake));
}
