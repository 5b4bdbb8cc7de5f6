/* SPDX-License-Identifier: Apache-2.0 */
/* G1: what a hook says follows from basket, standing, parameters and its text. A script reads all
 * it can see and earns a number made of it; the number is the same wherever, whenever and after
 * whatever it is asked, and another one as soon as any one thing is another. */
#include <string.h>

#include "programme/host_fixture_impl.h"

#define PARAMS "{\"a\":1,\"words\":[\"x\",\"y\"],\"weights\":{\"x\":1,\"y\":2}}"

static const char everything[] =
	"local seen = {}\n"
	"local function see(s, v) return s .. '|' .. tostring(v) end\n"
	"local function hash(s)\n"
	"  local h = 7\n"
	"  for i = 1, #s do h = (h * 31 + s:byte(i)) % 1000000007 end\n"
	"  return h + 1\n"
	"end\n"
	"return { api = 1, unit = 'x', title = { en = 'T' }, parameters = {},\n"
	"ask = function(p) return { title = p.title, text = p.title } end,\n"
	"sale = function(basket, standing, p)\n"
	"  local s = ''\n"
	"  for i, f in ipairs({ 'total', 'currency', 'count', 'at', 'day', 'weekday', 'hour' }) do\n"
	"    s = see(s, basket[f])\n"
	"  end\n"
	"  for i, line in ipairs(basket.lines) do\n"
	"    for k, f in ipairs({ 'id', 'gtin', 'sku', 'category', 'description', 'quantity',\n"
	"        'unit_price', 'amount' }) do s = see(s, line[f]) end\n"
	"  end\n"
	"  for i, f in ipairs({ 'balance', 'available', 'held', 'debt', 'entries', 'joined_day',\n"
	"      'language' }) do s = see(s, standing[f]) end\n"
	"  for k, v in pairs(p) do\n"
	"    s = see(see(s, k), v)\n"
	"    if type(v) == 'table' then for a, b in pairs(v) do s = see(see(s, a), b) end end\n"
	"  end\n"
	"  s = s .. tostring(seen) .. tostring(see) .. string.format('%s %g', seen, 1 / 3)\n"
	"  return { { type = 'earn', amount = hash(s) } }\n"
	"end }";

static int64_t ask(struct fixture *f, const char *params)
{
	int64_t value;

	assert_ok(fixture_load(f, "everything", everything), &f->err);
	value = fixture_earns(f, fixture_programme(f, "everything", params));
	if (value <= 0)
		fail_msg("%s", f->err.text);
	return value;
}

/* What is kept of a standing beside a sale, and read again a month later. */
static struct standing kept(struct fixture *f)
{
	static char language[16];
	const struct standing *s = &f->standing;
	struct standing ret;

	memset(&ret, 0xa5, sizeof ret);
	snprintf(language, sizeof language, "%.*s", STR_ARG(s->language));
	ret.balance = s->balance;
	ret.available = s->available;
	ret.held = s->held;
	ret.debt = s->debt;
	ret.entries = s->entries;
	memset(ret.joined_day, 'z', sizeof ret.joined_day);
	snprintf(ret.joined_day, sizeof ret.joined_day, "%s", s->joined_day);
	ret.language = str_of(language);
	return ret;
}

/* A host with a past: other scripts and programmes, mistakes, faults, other baskets. */
static void live(struct fixture *f, int round)
{
	struct basket other = f->basket;
	char name[16];

	for (int i = 0; i <= round; i++) {
		snprintf(name, sizeof name, "past-%d", i);
		(void)fixture_earns(f, fixture_new(f, name, fixture_earning("#basket.lines + 1")));
		(void)fixture_earns(f, fixture_new(f, name, fixture_earning("nil + 1")));
		(void)fixture_earns(f,
			fixture_new(f, name, fixture_script("local n = 0", "n = n + 1")));
		if (i % 2)
			(void)fixture_earns(f,
				fixture_new(f, name, fixture_sale("while true do end")));
	}
	f->basket.count = 1;
	f->basket.total = round;
	(void)ask(f, "{}");
	f->basket = other;
}

static void the_same_wherever_it_is_asked(void **state)
{
	struct fixture f;
	int64_t first;

	fixture_init(&f, NULL);
	first = ask(&f, PARAMS);
	assert_int_equal(ask(&f, PARAMS), first);
	fixture_done(&f);
	for (int round = 0; round < 6; round++) {
		fixture_init(&f, NULL);
		live(&f, round);
		assert_int_equal(ask(&f, PARAMS), first);
		f.standing = kept(&f);
		assert_int_equal(ask(&f, PARAMS), first);
		fixture_done(&f);
	}
}

static void another_as_soon_as_one_thing_is_another(void **state)
{
	enum { FIELDS = 23 };
	int64_t seen[FIELDS + 1];

	for (int what = 0; what <= FIELDS; what++) {
		struct fixture f;
		fixture_init(&f, NULL);
		int64_t *numbers[] = { &f.basket.total, &f.basket.at, &f.standing.balance,
			&f.standing.available, &f.standing.held, &f.standing.debt,
			&f.standing.entries, &f.lines[2].quantity, &f.lines[2].unit_price,
			&f.lines[2].amount };
		struct str *texts[] = { &f.basket.currency, &f.standing.language, &f.lines[2].id,
			&f.lines[2].gtin, &f.lines[2].sku, &f.lines[2].category,
			&f.lines[2].description };
		if (what < 10)
			++*numbers[what];
		else if (what < 17)
			*texts[what - 10] = STR("other");
		else if (what == 17)
			f.basket.day[9] = '2';
		else if (what == 18)
			f.basket.weekday++;
		else if (what == 19)
			f.basket.hour++;
		else if (what == 20)
			f.basket.count--;
		else if (what == 21)
			f.standing.joined_day[9] = '0';
		seen[what] = ask(&f, what == 22 ? "{\"words\":[\"x\",\"z\"]}" : PARAMS);
		for (int before = 0; before < what; before++)
			assert_true(seen[before] != seen[what]);
		fixture_done(&f);
	}
}

int main(void)
{
	return TEST_MAIN(test(the_same_wherever_it_is_asked),
		test(another_as_soon_as_one_thing_is_another));
}
