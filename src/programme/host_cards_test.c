/* SPDX-License-Identifier: Apache-2.0 */
/* Kept cards: a card is what its script would say now, whoever was shown one before. */
#include <string.h>

#include "programme/host_fixture_impl.h"
#include "programme/host_impl.h"

/* Reads more of a standing the further it goes: nothing but `available`, then another field. */
static const char winding[] =
	"return { api = 1, unit = 'x', title = { en = 'T' }, parameters = {},\n"
	"ask = function(p) return { title = p.title, text = p.title } end,\n"
	"sale = function() end,\n"
	"card = function(s, p)\n"
	"  local a, more = s.available, ''\n"
	"  if a == 0 then return nil end\n"
	"  if a == 2 then more = s.debt end\n"
	"  if a == 3 then more = s.joined_day or 'never' end\n"
	"  if a == 4 then more = s.entries .. ',' .. s.held .. ',' .. s.balance end\n"
	"  if a == 5 then more = s.language or 'none' end\n"
	"  if a == 6 then more = ('x'):reverse() for i = 1, 8 do more = more .. more end end\n"
	"  return { title = p.title, text = { en = a .. ':' .. more, nl = 'n' .. a } }\n"
	"end }";

static struct str expected(const struct standing *s, struct arena *arena)
{
	switch (s->available) {
	case 2:
		return arena_printf(arena, "2:%d", (int)s->debt);
	case 3:
		return arena_printf(arena, "3:%s", s->joined_day[0] ? s->joined_day : "never");
	case 4:
		return arena_printf(arena, "4:%d,%d,%d", (int)s->entries, (int)s->held,
			(int)s->balance);
	case 5:
		return arena_printf(arena, "5:%.*s",
			STR_ARG(s->language.len ? s->language : STR("none")));
	case 6:
		return arena_printf(arena, "6:%0256d", 0);
	default:
		return arena_printf(arena, "%d:", (int)s->available);
	}
}

static struct standing any_standing(uint32_t *seed)
{
	static const char *const days[] = { "", "2026-01-31", "2026-02-01" };
	static const char *const languages[] = { "", "nl", "en", "nl-BE",
		"a-language-of-more-than-15-bytes" };
	struct standing s = { 0 };
	int64_t *numbers[] = { &s.available, &s.debt, &s.entries, &s.held, &s.balance };

	for (size_t i = 0; i < 7; i++) {
		*seed = *seed * 1664525 + 1013904223;
		uint32_t drawn = *seed >> 16;
		if (i < 5)
			*numbers[i] = drawn % (i == 0 ? 8 : 3);
		else if (i == 5)
			snprintf(s.joined_day, sizeof s.joined_day, "%s", days[drawn % 3]);
		else
			s.language = str_of(languages[drawn % 5]);
	}
	return s;
}

static void check_card(struct fixture *f, struct host_programme *programme,
	const struct standing *standing, int n)
{
	struct card card;
	int rc = host_card(f->host, programme, standing, f->arena, &card, &f->err);

	if (standing->available == 0) {
		assert_int_equal(rc, 1);
		return;
	}
	assert_ok(rc, &f->err);
	struct str said = texts_pick(&card.text, STR("en"), STR(""));
	struct str wanted = expected(standing, f->arena);
	if (standing->available == 6)
		assert_int_equal(said.len, wanted.len);
	else if (!str_eq(said, wanted))
		fail_msg("card %d: %.*s, not %.*s", n, STR_ARG(said), STR_ARG(wanted));
	assert_int_equal(card.text.count, 2);
	assert_str(card.text.list[1].language, "nl");
	assert_str(texts_pick(&card.title, STR("en"), STR("")), "Mug campaign");
}

static void each_says_what_its_script_would(void **state)
{
	struct fixture f;
	uint32_t seed = 20261121;

	fixture_init(&f, NULL);
	struct host_programme *programmes[] = { fixture_new(&f, "winding", winding),
		fixture_programme(&f, "winding", "{}") };
	for (int n = 0; n < 20000; n++) {
		struct standing standing = any_standing(&seed);
		check_card(&f, programmes[n % 2], &standing, n);
		if (n % 100 == 0)
			arena_reset(f.arena);
	}
	fixture_done(&f);
}

#define CARD(text) \
	"return { api = 1, unit = 'x', title = { en = 'T' }, parameters = {}, ask = function() end,\n" \
	"sale = function() end, card = function(s, p) return { title = p.title, text = { en = " text \
	" } } end }"

static struct str card_of(struct fixture *f, struct host_programme *programme)
{
	struct card card = { 0 };

	assert_ok(host_card(f->host, programme, &f->standing, f->arena, &card, &f->err), &f->err);
	return texts_pick(&card.text, STR("en"), STR(""));
}

static void another_script_says_another(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *p = fixture_new(&f, "s", CARD("'one'"));
	assert_str(card_of(&f, p), "one");
	for (int i = 0; i < 4; i++) {
		assert_ok(fixture_load(&f, "s", i % 2 ? CARD("'one'") : CARD("'two'")), &f.err);
		assert_str(card_of(&f, p), i % 2 ? "one" : "two");
		assert_str(card_of(&f, p), i % 2 ? "one" : "two");
	}
	fixture_done(&f);
}

/* Kept means not asked again: what a card costs twice is next to nothing. */
static void the_second_is_not_written(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *p = fixture_new(&f, "s", CARD("'for ' .. s.available"));
	assert_str(card_of(&f, p), "for 5");
	(void)host_fail_allocation(f.host, 0, false);
	f.standing.entries++; /* which it does not read */
	f.standing.language = STR("fr");
	assert_str(card_of(&f, p), "for 5");
	assert_int_equal(host_fail_allocation(f.host, 0, false), 0);
	f.standing.available++;
	assert_str(card_of(&f, p), "for 6");
	assert_true(host_fail_allocation(f.host, 0, false) > 0);
	fixture_done(&f);
}

int main(void)
{
	return TEST_MAIN(test(each_says_what_its_script_would), test(another_script_says_another),
		test(the_second_is_not_written));
}
