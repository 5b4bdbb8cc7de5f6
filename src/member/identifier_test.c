/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "member/member.h"
#include "tests/support/test.h"

static bool make(uint8_t master, id_t64 merchant, enum identifier_kind kind, const char *value,
	struct identifier *ret)
{
	struct identifier_ring installation = { .count = 1 }, ring;

	installation.keys[0].id = 1;
	memset(installation.keys[0].secret.bytes, master, 32);
	identifier_ring_of(&installation, merchant, &ring);
	return identifier_make(&ring, kind, str_of(value), ret);
}

/* Which values are the same identifier, and which are not. */
static void the_same_and_not_the_same(void **state)
{
	static const struct {
		const char *name;
		int master_a, master_b;
		id_t64 merchant_a, merchant_b;
		enum identifier_kind kind_a, kind_b;
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "the same", 1, 1, 5, 5, IDENTIFIER_CARD, IDENTIFIER_CARD, "x", "x", true },
		{ "another installation", 1, 2, 5, 5, IDENTIFIER_CARD, IDENTIFIER_CARD, "x", "x",
			false },
		{ "another merchant", 1, 1, 5, 6, IDENTIFIER_CARD, IDENTIFIER_CARD, "x", "x",
			false },
		{ "another kind", 1, 1, 5, 5, IDENTIFIER_CARD, IDENTIFIER_PAR, "x", "x", false },
		{ "a card's case counts", 1, 1, 5, 5, IDENTIFIER_CARD, IDENTIFIER_CARD, "x", "X",
			false },
		{ "a phone's blanks do not", 1, 1, 5, 5, IDENTIFIER_PHONE, IDENTIFIER_PHONE,
			"+32 470 12.34-56", "+32470123456", true },
		{ "an address's case does not", 1, 1, 5, 5, IDENTIFIER_EMAIL, IDENTIFIER_EMAIL,
			"An@Example.BE", "an@example.be", true },
		{ "kind and value do not run together", 1, 1, 5, 5, IDENTIFIER_CARD,
			IDENTIFIER_CARD, "\2", "\1\2", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct identifier a, b;
		assert_row(rows[i].name,
			make((uint8_t)rows[i].master_a, rows[i].merchant_a, rows[i].kind_a,
				rows[i].a, &a));
		assert_row(rows[i].name,
			make((uint8_t)rows[i].master_b, rows[i].merchant_b, rows[i].kind_b,
				rows[i].b, &b));
		assert_row(rows[i].name,
			(memcmp(a.tokens[0].token, b.tokens[0].token, HASH_LEN) == 0) ==
				rows[i].same);
	}
}

/* What is left of a slip would be everybody's. */
static void what_says_nothing_is_nobodys(void **state)
{
	static const struct {
		const char *name;
		enum identifier_kind kind;
		const char *value;
		bool says;
	} rows[] = {
		{ "dots for a phone", IDENTIFIER_PHONE, "...", false },
		{ "a dash for a phone", IDENTIFIER_PHONE, "-", false },
		{ "a plus for a phone", IDENTIFIER_PHONE, "+", false },
		{ "a digit for a phone", IDENTIFIER_PHONE, "(0)", true },
		{ "a blank for a card", IDENTIFIER_LOYALTY_CARD, " ", false },
		{ "blanks and tabs", IDENTIFIER_CODE, " \t ", false },
		{ "a dash for a card", IDENTIFIER_LOYALTY_CARD, "-", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct identifier made;
		assert_row(rows[i].name,
			make(1, 5, rows[i].kind, rows[i].value, &made) == rows[i].says);
	}
}

static void only_three_kinds_are_handed_out(void **state)
{
	int n = 0;
	for (int k = 0; k < IDENTIFIER_KIND_COUNT; k++)
		n += identifier_handed_out((enum identifier_kind)k);
	assert_int_equal(n, 3);
	assert_true(identifier_handed_out(IDENTIFIER_LOYALTY_CARD));
	assert_false(identifier_handed_out(IDENTIFIER_CARD));
}

int main(void)
{
	return TEST_MAIN(test(the_same_and_not_the_same), test(what_says_nothing_is_nobodys),
		test(only_three_kinds_are_handed_out));
}
