/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of a visit that hold while terms change: what was offered stays as it was offered, what a
 * sale earned follows from the sale alone, what has expired is nobody's; and what is kept beside a
 * sale (settlement.c). */
#include <string.h>

#include "tests/support/house.h"
#include "tests/support/test.h"
#include "visit/visit_impl.h"

#define MUG "\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}"
#define TOWEL "\"reward\":{\"code\":\"towel\",\"name\":{\"nl\":\"een handdoek\"}}"

static int sell_at(struct house *h, const char *id, int64_t amount, int64_t at)
{
	struct house_sale sale = { .id = id,
		.state = SALE_PAID,
		.count = 1,
		.lines = { { "1", 2, amount } },
		.at = at,
		.kind = "loyalty_card",
		.value = "A" };

	return house_sale(h, &sale);
}

static void keep_reward(struct house *h, char reward[64])
{
	snprintf(reward, 64, "%s", house_text(h, house_effect(h, "offer", "p"), "reward"));
	assert_string_not_equal(reward, "");
}

/* The touch's offer, or NULL. */
static const struct json *offer_step(struct house *h, const char *touch)
{
	assert_ok(house_touch(h, touch, "loyalty_card", "A"), &h->err);
	const struct json *steps = json_get(h->answer, "steps");
	for (const struct json *v = steps->first; v; v = v->next)
		if (str_starts(json_get(v, "id")->string, "offer:"))
			return v;
	return NULL;
}

/* ---- offers ---- */

static void an_offer_stands_as_it_was_offered(void **state)
{
	struct house h;
	char reward[64], step[80];
	house_open(&h, NULL, 7);
	house_programme(&h, "p", "points", "auto", "{\"per\":100,\"needed\":10," MUG "}");
	assert_ok(sell_at(&h, "s1", 1000, HOUSE_START), &h.err);
	keep_reward(&h, reward);
	house_programme(&h, "p", "points", "auto", "{\"per\":100,\"needed\":20," TOWEL "}");
	const struct json *offer = offer_step(&h, "t1");
	assert_non_null(offer);
	assert_non_null(strstr(house_text(&h, offer, "text"), "een mok"));
	snprintf(step, sizeof(step), "offer:%s", reward);
	assert_ok(house_answer(&h, "t1", "a", step, "yes"), &h.err);
	assert_string_equal(house_text(&h, house_effect(&h, "reward_held", "p"), "name"),
		"een mok");
	house_close(&h);
}

/* Cheaper terms: what waited and is no longer covered makes room for the new offer. */
static void what_the_points_no_longer_carry_makes_room(void **state)
{
	struct house_line line = { "1", 2, 1000 };
	struct house h;
	char reward[64];
	house_open(&h, NULL, 7);
	house_programme(&h, "p", "points", "auto", "{\"per\":100,\"needed\":10," MUG "}");
	assert_ok(sell_at(&h, "s1", 600, HOUSE_START), &h.err);
	assert_ok(sell_at(&h, "s2", 1000, HOUSE_START), &h.err);
	keep_reward(&h, reward);
	assert_ok(house_return(&h, "s2", "r", &line, 1), &h.err);
	house_programme(&h, "p", "points", "auto", "{\"per\":100,\"needed\":5," TOWEL "}");
	const struct json *offer = offer_step(&h, "t1");
	assert_non_null(offer);
	assert_non_null(strstr(house_text(&h, offer, "text"), "een handdoek"));
	assert_int_equal(house_reward(&h, ACT_HOLD, reward, "h"), ERR_CONFLICT);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

/* However many programmes: what is due is among the steps. */
static void cards_leave_room_for_offers(void **state)
{
	struct house h;
	char code[16];
	int offers = 0;
	house_open(&h, NULL, 7);
	for (int i = 0; i < 45; i++) {
		snprintf(code, sizeof(code), "p%02d", i);
		house_programme(&h, code, "points", "auto",
			i % 9 ? "{\"per\":100}" : "{\"per\":100,\"needed\":10," MUG "}");
	}
	assert_ok(sell_at(&h, "s1", 1000, HOUSE_START), &h.err);
	assert_ok(house_touch(&h, "t", "loyalty_card", "A"), &h.err);
	const struct json *steps = json_get(h.answer, "steps");
	for (const struct json *v = steps->first; v; v = v->next)
		offers += str_starts(json_get(v, "id")->string, "offer:");
	assert_int_equal(steps->count, VISIT_STEPS_MAX);
	assert_int_equal(offers, 5);
	house_close(&h);
}

/* ---- expiry ---- */

static void a_late_sale_offers_nothing_that_has_expired(void **state)
{
	struct house h;
	house_open(&h, NULL, 7);
	house_programme(&h, "p", "points", "auto",
		"{\"per\":100,\"needed\":10,\"expires_days\":30," MUG "}");
	assert_ok(sell_at(&h, "s1", 1000, HOUSE_START - 40 * CLOCK_DAY), &h.err);
	assert_int_equal(house_int(house_effect(&h, "earned", "p"), "amount"), 10);
	assert_int_equal(house_int(house_effect(&h, "expired", "p"), "amount"), 10);
	assert_null(house_effect(&h, "offer", "p"));
	assert_int_equal(house_balance(&h, "p"), 0);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

static void an_offer_goes_with_the_points(void **state)
{
	struct house h;
	char reward[64];
	house_open(&h, NULL, 7);
	house_programme(&h, "p", "points", "auto",
		"{\"per\":100,\"needed\":10,\"expires_days\":30," MUG "}");
	assert_ok(sell_at(&h, "s1", 1000, HOUSE_START), &h.err);
	keep_reward(&h, reward);
	house_pass(&h, 40 * CLOCK_DAY);
	assert_int_equal(house_reward(&h, ACT_HOLD, reward, "h"), ERR_CONFLICT);
	assert_non_null(strstr(h.err.text, "reversed"));
	house_close(&h);
}

/* ---- open sales ---- */

static void a_late_repeat_of_an_open_basket_takes_nothing_back(void **state)
{
	struct house_sale a = { .id = "s",
		.state = SALE_OPEN,
		.count = 1,
		.lines = { { "1", 1, 100 } },
		.at = HOUSE_START };
	struct house_sale b = a;
	struct house h;
	char first[4096];
	house_open(&h, NULL, 7);
	house_programme(&h, "p", "points", "ask", "{\"per\":100}");
	assert_ok(house_sale(&h, &a), &h.err);
	snprintf(first, sizeof(first), "%.*s", STR_ARG(h.bytes));
	b.touch = "";
	assert_ok(house_touch(&h, "t", "card", "A"), &h.err);
	assert_ok(house_answer(&h, "t", "j", "join:p", "yes"), &h.err);
	assert_ok(house_sale(&h, &b), &h.err);
	assert_int_equal(house_balance(&h, "p"), 0);
	assert_ok(house_sale(&h, &a), &h.err);
	assert_str(h.bytes, first);
	house_close(&h);
}

/* ---- who it is ---- */

static void a_ja_ties_what_was_shown_beside_the_card(void **state)
{
	static const char *const both[] = { "loyalty_card", "A", "card", "bank" };
	struct house h;
	house_open(&h, NULL, 7);
	house_programme(&h, "p", "points", "auto", "{\"per\":100}");
	house_programme(&h, "q", "points", "ask", "{\"per\":100}");
	assert_ok(sell_at(&h, "s1", 1000, HOUSE_START), &h.err);
	assert_ok(house_touch_many(&h, "t", both, 2), &h.err);
	assert_int_equal(house_stored(&h, "card", "bank", "p", NULL), -1);
	assert_ok(house_answer(&h, "t", "n", "join:q", "timeout"), &h.err);
	assert_int_equal(house_stored(&h, "card", "bank", "p", NULL), -1);
	assert_ok(house_answer(&h, "t", "j", "join:q", "yes"), &h.err);
	assert_int_equal(house_stored(&h, "card", "bank", "p", NULL), 10);
	house_close(&h);
}

static void nobody_is_asked_to_join_what_joins_by_itself(void **state)
{
	struct house h;
	house_open(&h, NULL, 7);
	house_programme(&h, "p", "points", "auto", "{\"per\":100}");
	assert_ok(house_touch(&h, "t", "card", "A"), &h.err);
	assert_int_equal(house_answer(&h, "t", "a", "join:p", "yes"), ERR_INVALID);
	assert_int_equal(house_answer(&h, "t", "b", "card:nonsense", "ok"), ERR_INVALID);
	house_close(&h);
}

/* ---- lines without pieces ---- */

static void an_amount_without_pieces_comes_back(void **state)
{
	struct house_sale sale = { .id = "s",
		.state = SALE_PAID,
		.count = 2,
		.lines = { { "fee", 0, 500 }, { "1", 2, 1000 } },
		.at = HOUSE_START,
		.kind = "loyalty_card",
		.value = "A" };
	static const struct {
		const char *name;
		struct house_line line;
		int rc;
	} rows[] = { { "no pieces of a line that has some", { "1", 0, 500 }, ERR_INVALID },
		{ "nothing", { "fee", 0, 0 }, ERR_INVALID },
		{ "too much", { "fee", 0, 501 }, ERR_INVALID }, { "a part", { "fee", 0, 200 }, 0 },
		{ "the rest", { "fee", 0, 300 }, 0 }, { "again", { "fee", 0, 1 }, ERR_INVALID } };
	struct house h;
	house_open(&h, NULL, 7);
	house_programme(&h, "p", "points", "auto", "{\"per\":100}");
	assert_ok(house_sale(&h, &sale), &h.err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_row(rows[i].name,
			house_return(&h, "s", rows[i].name, &rows[i].line, 1) == rows[i].rc);
	assert_int_equal(house_stored(&h, "loyalty_card", "A", "p", NULL), 10);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

/* ---- what is kept beside a sale ---- */

static void fill(struct settled *s, struct settled_lot *lots)
{
	lots[0] = (struct settled_lot) { 12, LEDGER_NEVER };
	lots[1] = (struct settled_lot) { NUM_AMOUNT_MAX, INT64_C(1795000000000000) };
	*s = (struct settled) { .programme = INT64_MAX,
		.version = 7,
		.arm = -1,
		.lots = lots,
		.lot_count = 2,
		.seen = { .balance = -5,
			.available = 1 << 20,
			.debt = 3,
			.entries = 99,
			.joined_day = "2026-03-17",
			.language = STR("nl-BE") } };
}

static void a_settlement_reads_as_it_was_written(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct settled_lot lots[2];
	struct settled list[2];
	struct settlement written = { list, 2, 2 }, read;
	struct str bytes;
	struct err err;
	fill(&list[0], lots);
	list[1] = (struct settled) { .programme = 1 };
	assert_ok(settlement_pack(&written, arena, &bytes, &err), &err);
	assert_ok(settlement_read(bytes, arena, &read, &err), &err);
	assert_int_equal(read.count, 2);
	assert_int_equal(read.list[0].programme, INT64_MAX);
	assert_int_equal(read.list[0].arm, -1);
	assert_int_equal(read.list[0].seen.balance, -5);
	assert_int_equal(read.list[0].seen.entries, 99);
	assert_string_equal(read.list[0].seen.joined_day, "2026-03-17");
	assert_str(read.list[0].seen.language, "nl-BE");
	assert_int_equal(settled_total(&read.list[0]), NUM_AMOUNT_MAX + 12);
	assert_int_equal(read.list[0].lots[0].lot, LEDGER_NEVER);
	assert_string_equal(read.list[1].seen.joined_day, "");
	assert_int_equal(read.list[1].lot_count, 0);
}

/* Cut at each byte it is either shorter by whole programmes or broken, and never read past. */
static void a_cut_settlement_is_broken(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct settled_lot lots[2];
	struct settled list[1];
	struct settlement written = { list, 1, 1 }, read;
	struct str bytes;
	struct err err;
	fill(&list[0], lots);
	assert_ok(settlement_pack(&written, arena, &bytes, &err), &err);
	for (size_t n = 2; n < bytes.len; n++)
		assert_int_equal(settlement_read(str_first(bytes, n), arena, &read, &err),
			ERR_BROKEN);
	assert_int_equal(settlement_read(STR("\2abc"), arena, &read, &err), ERR_BROKEN);
	assert_ok(settlement_read(STR(""), arena, &read, &err), &err);
	assert_int_equal(read.count, 0);
}

int main(int argc, char **argv)
{
	if (!house_choose(argc, argv))
		return 0;
	return TEST_MAIN(test(an_offer_stands_as_it_was_offered),
		test(what_the_points_no_longer_carry_makes_room), test(cards_leave_room_for_offers),
		test(a_late_sale_offers_nothing_that_has_expired),
		test(an_offer_goes_with_the_points),
		test(a_late_repeat_of_an_open_basket_takes_nothing_back),
		test(a_ja_ties_what_was_shown_beside_the_card),
		test(nobody_is_asked_to_join_what_joins_by_itself),
		test(an_amount_without_pieces_comes_back),
		test(a_settlement_reads_as_it_was_written), test(a_cut_settlement_is_broken));
}
