/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/host_fixture_impl.h"

#include <string.h>

static const struct {
	const char *result, *error;
} results[] = {
	{ "1", "s: sale()'s result must be a table, not a number" },
	{ "{ type = 'earn', amount = 1 }",
		"s: sale()'s result must be a list of effects and nothing else" },
	{ "{ 1 }", "s: sale(), effect 1 must be a table, not a number" },
	{ "{ {} }", "s: sale(), effect 1: type must be \"earn\" or \"message\"" },
	{ "{ { type = 'gift' } }", "s: sale(), effect 1: type must be \"earn\" or \"message\"" },
	{ "{ { type = 'earn' } }", "s: sale(), effect 1: amount must be from 1 to 100000000000" },
	{ "{ { type = 'earn', amount = 0 } }",
		"s: sale(), effect 1: amount must be from 1 to 100000000000" },
	{ "{ { type = 'earn', amount = -1 } }",
		"s: sale(), effect 1: amount must be from 1 to 100000000000" },
	{ "{ { type = 'earn', amount = 100000000001 } }",
		"s: sale(), effect 1: amount must be from 1 to 100000000000" },
	{ "{ { type = 'earn', amount = 1.0 } }",
		"s: sale(), effect 1: amount must be a whole number (divide by //)" },
	{ "{ { type = 'earn', amount = '1' } }",
		"s: sale(), effect 1: amount must be a whole number (divide by //)" },
	{ "{ { type = 'earn', amount = 1, expires_days = -1 } }",
		"s: sale(), effect 1: expires_days must be from 0 to 36525" },
	{ "{ { type = 'earn', amount = 1, expires = 1 } }",
		"s: sale(), effect 1 has a field 'expires' that is not known" },
	{ "{ { type = 'message', text = { en = 'x' } } }",
		"s: sale(), effect 1: to must be \"customer\" or \"cashier\"" },
	{ "{ { type = 'message', to = 'cashier' } }",
		"s: sale(), effect 1 must be a table, not a nil" },
	{ "{ { type = 'earn', amount = 1 }, { type = 'message', to = 'cashier', text = {} } }",
		"s: sale(), effect 2 must have a text in 1 to 32 languages" },
	{ "(function() local t = {} for i = 1, 17 do t[i] = { type = 'earn', amount = 1 } end return t end)()",
		"s: sale() returned more than 16 effects" },
};

static void checks_what_comes_back(void **state)
{
	struct fixture f;
	char body[1024];

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
		snprintf(body, sizeof body, "return %s", results[i].result);
		assert_int_equal(fixture_earns(&f, fixture_new(&f, "s", fixture_sale(body))),
			ERR_SCRIPT);
		if (strcmp(f.err.text, results[i].error) != 0)
			fail_msg("row \"%s\": %s", results[i].result, f.err.text);
	}
	fixture_done(&f);
}

static void reads_effects(void **state)
{
	struct fixture f;
	struct effects effects;

	fixture_init(&f, NULL);
	struct host_programme *programme = fixture_new(&f, "s",
		fixture_sale(
			"return { { type = 'earn', amount = 3, expires_days = 30 },\n"
			"{ type = 'message', to = 'cashier', text = { nl = 'Dag', ['fr-BE'] = 'Salut', en = 'Hi' } },\n"
			"{ type = 'message', to = 'customer', text = p.title } }"));
	assert_ok(host_sale(f.host, programme, &f.basket, &f.standing, f.arena, &effects, &f.err),
		&f.err);
	assert_int_equal(effects.count, 3);
	assert_int_equal(effects.list[0].type, EFFECT_EARN);
	assert_int_equal(effects.list[0].amount, 3);
	assert_int_equal(effects.list[0].expires_days, 30);
	assert_int_equal(effects.list[1].type, EFFECT_MESSAGE);
	assert_int_equal(effects.list[1].who, EFFECT_FOR_CASHIER);
	assert_int_equal(effects.list[1].text.count, 3);
	assert_str(effects.list[1].text.list[0].language, "en");
	assert_str(effects.list[1].text.list[1].text, "Salut");
	assert_str(effects.list[1].text.list[2].text, "Dag");
	assert_int_equal(effects.list[2].who, EFFECT_FOR_CUSTOMER);
	assert_str(effects.list[2].text.list[1].text, "Mokkenactie");
	fixture_done(&f);
}

#define WHOLE(hooks) \
	"return { api = 1, unit = 'x', title = { en = 'T' }, parameters = {}, sale = function() end, " hooks \
	" }"

static void offers_and_cards(void **state)
{
	struct fixture f;
	struct offer offer = { .cost = 99 };
	struct card card;

	fixture_init(&f, NULL);
	struct host_programme *none = fixture_new(&f, "none", WHOLE("ask = function() end"));
	assert_int_equal(host_due(f.host, none, &f.standing, f.arena, &offer, &f.err), 1);
	assert_int_equal(host_card(f.host, none, &f.standing, f.arena, &card, &f.err), 1);
	assert_int_equal(host_ask(f.host, none, f.arena, &card, &f.err), ERR_SCRIPT);
	assert_string_equal(f.err.text, "none: ask() must return a title and a text");
	struct host_programme *all = fixture_new(&f, "all",
		WHOLE("due = function(s, p) if s.available > 4 then return { cost = s.available, reward = { code = 'r', "
		      "name = p.title } } end end,"
		      "card = function(s, p) if s.available > 4 then return { title = p.title, text = { nl = s.joined_day "
		      "} } end end,"
		      "ask = function(p) return { title = p.title, text = { en = p.code } } end"));
	assert_ok(host_due(f.host, all, &f.standing, f.arena, &offer, &f.err), &f.err);
	assert_int_equal(offer.cost, 5);
	assert_str(offer.code, "r");
	assert_str(offer.name.list[0].text, "Mug campaign");
	assert_ok(host_card(f.host, all, &f.standing, f.arena, &card, &f.err), &f.err);
	assert_str(card.title.list[1].text, "Mokkenactie");
	assert_str(card.text.list[0].text, "2026-01-31");
	assert_ok(host_ask(f.host, all, f.arena, &card, &f.err), &f.err);
	assert_str(card.text.list[0].text, "mug");
	f.standing.available = 4;
	assert_int_equal(host_due(f.host, all, &f.standing, f.arena, &offer, &f.err), 1);
	assert_int_equal(host_card(f.host, all, &f.standing, f.arena, &card, &f.err), 1);
	assert_int_equal(offer.cost, 5);
	fixture_done(&f);
}

static const struct {
	const char *due, *error;
} offers[] = {
	{ "1", "s: due()'s result must be a table, not a number" },
	{ "{ cost = 1 }", "s: due(): reward must be a table, not a nil" },
	{ "{ reward = {} }", "s: due(): cost must be from 1 to 100000000000" },
	{ "{ cost = 1, reward = {} }", "s: due(): code must be 1 to 64 of a-z, 0-9, - and _" },
	{ "{ cost = 1, reward = { code = 'A' } }",
		"s: due(): code must be 1 to 64 of a-z, 0-9, - and _" },
	{ "{ cost = 1, reward = { code = 'a' } }", "s: due(): name must be a table, not a nil" },
	{ "{ cost = 1, reward = { code = 'a', name = { en = 'x' }, x = 1 } }",
		"s: due(): reward has a field 'x' that is not known" },
	{ "{ cost = 1, x = 1 }", "s: due()'s result has a field 'x' that is not known" },
};

static void checks_offers(void **state)
{
	struct fixture f;
	struct offer offer;
	char source[1024];

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
		snprintf(source, sizeof source,
			WHOLE("ask = function() end, due = function() return %s end"),
			offers[i].due);
		struct host_programme *programme = fixture_new(&f, "s", source);
		assert_int_equal(host_due(f.host, programme, &f.standing, f.arena, &offer, &f.err),
			ERR_SCRIPT);
		if (strcmp(f.err.text, offers[i].error) != 0)
			fail_msg("row \"%s\": %s", offers[i].due, f.err.text);
	}
	fixture_done(&f);
}

static void an_arena_that_is_full(void **state)
{
	struct fixture f;
	struct effects effects;
	int rc, n = 0;

	fixture_init(&f, NULL);
	struct host_programme *programme = fixture_new(&f, "s",
		fixture_sale("return { { type = 'message', to = 'cashier', text = p.title } }"));
	do {
		arena_fail_nth((size_t)++n);
		rc = host_sale(f.host, programme, &f.basket, &f.standing, f.arena, &effects,
			&f.err);
		arena_fail_nth(0);
		assert_true(rc == 0 || rc == ERR_NO_MEMORY);
	} while (rc < 0);
	assert_true(n > 4);
	assert_int_equal(host_faults(f.host), 0);
	fixture_done(&f);
}

int main(void)
{
	return TEST_MAIN(test(checks_what_comes_back), test(reads_effects), test(offers_and_cards),
		test(checks_offers), test(an_arena_that_is_full));
}
