/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a visit, one by one, through a whole shop (tests/support/house.h). */
#include <string.h>

#include "tests/support/house.h"
#include "tests/support/test.h"

static void open_shop(struct house *h, const char *joining, const char *more)
{
	char parameters[512];

	snprintf(parameters, sizeof(parameters),
		"{\"minimum\":500,\"needed\":2,\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}%s}",
		more);
	house_open(h, NULL, 7);
	house_programme(h, "mug", "stamps", joining, parameters);
}

static int sell(struct house *h, const char *id, const char *touch, const char *kind,
	const char *value)
{
	struct house_sale sale = { .id = id,
		.state = SALE_PAID,
		.count = 1,
		.lines = { { "1", 2, 1000 } },
		.at = HOUSE_START,
		.touch = touch,
		.kind = kind,
		.value = value };

	return house_sale(h, &sale);
}

static void join(struct house *h, const char *card)
{
	assert_ok(house_touch(h, card, "card", card), &h->err);
	assert_ok(house_answer(h, card, "join", "join:mug", "yes"), &h->err);
	assert_int_equal(house_balance(h, "mug"), 0);
}

/* ---- who it is ---- */

static void a_nee_leaves_no_trace(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	assert_ok(house_touch(&h, "t", "card", "A"), &h.err);
	assert_ok(house_answer(&h, "t", "a", "join:mug", "no"), &h.err);
	assert_int_equal(json_get(h.answer, "member")->type, JSON_NULL);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), -1);
	house_close(&h);
}

static int steps_now(struct house *h, const char *id, const char *card)
{
	assert_ok(house_touch(h, id, "card", card), &h->err);
	return (int)json_get(h->answer, "steps")->count;
}

static void a_members_nee_is_kept_for_thirty_days(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	house_programme(&h, "points", "points", "ask", "{\"per\":100}");
	join(&h, "A");
	assert_int_equal(steps_now(&h, "t1", "A"), 2); /* the mug's card, points' question */
	assert_ok(house_answer(&h, "t1", "n", "join:points", "no"), &h.err);
	assert_int_equal(steps_now(&h, "t2", "A"), 1);
	house_pass(&h, 29 * CLOCK_DAY);
	assert_int_equal(steps_now(&h, "t3", "A"), 1);
	house_pass(&h, 2 * CLOCK_DAY);
	assert_int_equal(steps_now(&h, "t4", "A"), 2);
	assert_ok(house_answer(&h, "t4", "o", "join:points", "timeout"), &h.err);
	assert_int_equal(steps_now(&h, "t5", "A"), 2); /* silence is no nee */
	house_close(&h);
}

/* What may make a member without a question. */
static void only_what_was_handed_out_joins_by_itself(void **state)
{
	static const struct {
		const char *kind;
		bool makes;
	} rows[] = { { "card", false }, { "par", false }, { "alias", false }, { "eid", false },
		{ "phone", false }, { "email", false }, { "loyalty_card", true }, { "pass", true },
		{ "code", true } };
	struct house h;
	open_shop(&h, "auto", "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char id[16];
		snprintf(id, sizeof(id), "s%zu", i);
		assert_ok(sell(&h, id, NULL, rows[i].kind, "V1"), &h.err);
		assert_row(rows[i].kind,
			(house_effect(&h, "earned", "mug") != NULL) == rows[i].makes);
		assert_row(rows[i].kind,
			(house_stored(&h, rows[i].kind, "V1", "mug", NULL) == 1) == rows[i].makes);
	}
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

static void what_was_carried_is_blanked(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	assert_ok(house_touch(&h, "t", "card", "A"), &h.err);
	house_pass(&h, 16 * CLOCK_MINUTE);
	assert_int_equal(house_answer(&h, "t", "a", "join:mug", "yes"), ERR_CONFLICT);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), -1);
	house_close(&h);
}

/* ---- whose sale ---- */

static void a_touch_serves_one_sale(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	join(&h, "A");
	assert_ok(sell(&h, "s1", "", NULL, NULL), &h.err);
	assert_int_equal(house_balance(&h, "mug"), 1);
	assert_ok(sell(&h, "s2", "", NULL, NULL), &h.err);
	assert_int_equal(house_balance(&h, "mug"), -1);
	assert_int_equal(sell(&h, "s3", "A", NULL, NULL), ERR_CONFLICT);
	house_close(&h);
}

static void a_touch_lapses(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	join(&h, "A");
	house_pass(&h, 11 * CLOCK_MINUTE);
	assert_ok(sell(&h, "s1", "", NULL, NULL), &h.err);
	assert_int_equal(house_balance(&h, "mug"), -1);
	assert_int_equal(sell(&h, "s2", "A", NULL, NULL), ERR_CONFLICT);
	house_close(&h);
}

static void touches_before_the_last_sale_are_over(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	join(&h, "A");
	assert_ok(sell(&h, "s1", NULL, NULL, NULL),
		&h.err); /* somebody else's, expressly nobody's */
	assert_ok(sell(&h, "s2", "", NULL, NULL), &h.err);
	assert_int_equal(house_balance(&h, "mug"), -1);
	assert_ok(house_attach(&h, "s2", "x", "A", NULL, NULL),
		&h.err); /* tapped late, given afterwards */
	assert_int_equal(house_balance(&h, "mug"), 1);
	assert_int_equal(house_attach(&h, "s2", "y", NULL, "card", "A"), ERR_CONFLICT);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

static void a_cleared_touch_is_nobodys(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	join(&h, "A");
	assert_ok(house_clear(&h, "A"), &h.err);
	assert_ok(house_clear(&h, "A"), &h.err);
	assert_ok(sell(&h, "s1", "", NULL, NULL), &h.err);
	assert_int_equal(house_balance(&h, "mug"), -1);
	house_close(&h);
}

/* ---- states of a sale ---- */

/* From the state on the left, said again as open (other basket), paid, void: what happens. */
static void states_of_a_sale(void **state)
{
	static const struct {
		const char *name;
		int first; /* 0: nothing was said */
		int then;
		int rc;
	} rows[] = {
		{ "open", 0, SALE_OPEN, 0 },
		{ "paid", 0, SALE_PAID, 0 },
		{ "void", 0, SALE_VOID, 0 },
		{ "open, open", SALE_OPEN, SALE_OPEN, 0 },
		{ "open, paid", SALE_OPEN, SALE_PAID, 0 },
		{ "open, void", SALE_OPEN, SALE_VOID, 0 },
		{ "paid, open", SALE_PAID, SALE_OPEN, ERR_CONFLICT },
		{ "paid, other paid", SALE_PAID, SALE_PAID, ERR_ID_REUSED },
		{ "paid, void", SALE_PAID, SALE_VOID, 0 },
		{ "void, open", SALE_VOID, SALE_OPEN, ERR_CONFLICT },
		{ "void, paid", SALE_VOID, SALE_PAID, ERR_CONFLICT },
		{ "void, other void", SALE_VOID, SALE_VOID, ERR_ID_REUSED },
	};
	struct house h;
	open_shop(&h, "ask", "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct house_sale sale = { .id = rows[i].name,
			.count = 1,
			.lines = { { "1", 1, 700 } },
			.at = HOUSE_START };
		sale.state = (enum visit_sale_state)rows[i].first;
		if (rows[i].first)
			assert_ok(house_sale(&h, &sale), &h.err);
		sale.state = (enum visit_sale_state)rows[i].then;
		sale.at++;
		assert_row(rows[i].name, house_sale(&h, &sale) == rows[i].rc);
		assert_row(rows[i].name, house_sale(&h, &sale) == rows[i].rc);
	}
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

static void an_open_answer_is_kept_after_it_was_paid(void **state)
{
	struct house_sale sale = { .id = "s",
		.state = SALE_OPEN,
		.count = 1,
		.lines = { { "1", 1, 700 } },
		.at = HOUSE_START };
	struct house h;
	char bytes[1024];
	open_shop(&h, "ask", "");
	assert_ok(house_sale(&h, &sale), &h.err);
	snprintf(bytes, sizeof(bytes), "%.*s", STR_ARG(h.bytes));
	sale.state = SALE_PAID;
	assert_ok(house_sale(&h, &sale), &h.err);
	sale.state = SALE_OPEN;
	assert_ok(house_sale(&h, &sale), &h.err);
	assert_str(h.bytes, bytes);
	house_close(&h);
}

static void a_dry_run_changes_nothing(void **state)
{
	struct house_sale sale = { .id = "s",
		.state = SALE_PAID,
		.count = 1,
		.lines = { { "1", 1, 700 } },
		.at = HOUSE_START,
		.touch = NULL,
		.kind = "card",
		.value = "A",
		.dry_run = true };
	struct house h;
	open_shop(&h, "ask", "");
	join(&h, "A");
	assert_ok(house_sale(&h, &sale), &h.err);
	assert_int_equal(house_balance(&h, "mug"), 1);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 0);
	sale.dry_run = false;
	assert_ok(house_sale(&h, &sale), &h.err);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 1);
	house_close(&h);
}

/* ---- returns ---- */

static void reach_the_mug(struct house *h, char reward[64])
{
	join(h, "A");
	assert_ok(sell(h, "s1", NULL, "card", "A"), &h->err);
	assert_ok(sell(h, "s2", NULL, "card", "A"), &h->err);
	snprintf(reward, 64, "%s", house_text(h, house_effect(h, "offer", "mug"), "reward"));
	assert_string_not_equal(reward, "");
}

/* What a return after the hand-out leaves, by policy. */
static void returns_after_the_reward_was_given(void **state)
{
	static const struct {
		const char *more;
		int64_t balance, debt, after_next;
	} rows[] = { { "", 0, 1, 0 }, { ",\"after_return\":\"debt\"", 0, 1, 0 },
		{ ",\"after_return\":\"forgive\"", 0, 0, 1 },
		{ ",\"after_return\":\"negative\"", -1, 0, 0 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct house_line line = { "1", 2, 1000 };
		char reward[64];
		int64_t debt = 0;
		struct house h;
		open_shop(&h, "ask", rows[i].more);
		reach_the_mug(&h, reward);
		assert_ok(house_reward(&h, ACT_HOLD, reward, "h"), &h.err);
		assert_ok(house_reward(&h, ACT_GIVE, reward, "g"), &h.err);
		assert_ok(house_return(&h, "s2", "r", &line, 1), &h.err);
		assert_int_equal(house_int(house_effect(&h, "clawed_back", "mug"), "amount"), 1);
		assert_row(rows[i].more,
			house_stored(&h, "card", "A", "mug", &debt) == rows[i].balance);
		assert_row(rows[i].more, debt == rows[i].debt);
		assert_ok(sell(&h, "s3", NULL, "card", "A"), &h.err);
		assert_row(rows[i].more,
			house_stored(&h, "card", "A", "mug", &debt) == rows[i].after_next);
		assert_int_equal(house_verify(&h), 0);
		house_close(&h);
	}
}

static void more_than_was_sold_does_not_come_back(void **state)
{
	static const struct {
		const char *name;
		struct house_line line;
		int rc;
	} rows[] = { { "three of two", { "1", 3, 1000 }, ERR_INVALID },
		{ "another line", { "9", 1, 500 }, ERR_INVALID },
		{ "too much money", { "1", 1, 1001 }, ERR_INVALID },
		{ "negative", { "1", -1, 500 }, ERR_INVALID }, { "one of two", { "1", 1, 500 }, 0 },
		{ "two more", { "1", 2, 500 }, ERR_INVALID }, { "the other", { "1", 1, 500 }, 0 },
		{ "nothing is left", { "1", 1, 1 }, ERR_INVALID } };
	struct house h;
	open_shop(&h, "ask", "");
	join(&h, "A");
	assert_ok(sell(&h, "s", NULL, "card", "A"), &h.err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_row(rows[i].name,
			house_return(&h, "s", rows[i].name, &rows[i].line, 1) == rows[i].rc);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 0);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

/* ---- rewards ---- */

static void an_offer_without_points_is_withdrawn(void **state)
{
	struct house_line line = { "1", 2, 1000 };
	char reward[64];
	struct house h;
	open_shop(&h, "ask", "");
	reach_the_mug(&h, reward);
	assert_ok(house_return(&h, "s1", "r", &line, 1), &h.err);
	assert_int_equal(house_reward(&h, ACT_HOLD, reward, "h"), ERR_CONFLICT);
	house_close(&h);
}

static void a_hold_runs_out_and_the_reward_is_still_due(void **state)
{
	char reward[64];
	struct house h;
	open_shop(&h, "ask", "");
	reach_the_mug(&h, reward);
	assert_ok(house_reward(&h, ACT_HOLD, reward, "h"), &h.err);
	house_pass(&h, 11 * CLOCK_MINUTE);
	assert_int_equal(house_reward(&h, ACT_GIVE, reward, "g"), ERR_CONFLICT);
	assert_int_equal(steps_now(&h, "t9", "A"), 2); /* card and offer */
	assert_ok(house_reward(&h, ACT_HOLD, reward, "h2"), &h.err);
	assert_ok(house_reward(&h, ACT_GIVE, reward, "g2"), &h.err);
	assert_int_equal(house_reward(&h, ACT_GIVE, reward, "g3"), ERR_CONFLICT);
	assert_ok(house_reward(&h, ACT_GIVE, reward, "g2"),
		&h.err); /* the same id, the same answer */
	assert_ok(house_reward(&h, ACT_REVERSE, reward, "u"), &h.err);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 2);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

/* ---- points expire ---- */

static void stamps_expire_at_the_end_of_their_day(void **state)
{
	struct house h;
	open_shop(&h, "ask", ",\"expires_days\":10");
	join(&h, "A");
	assert_ok(sell(&h, "s", NULL, "card", "A"), &h.err);
	house_pass(&h, 10 * CLOCK_DAY);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 1);
	house_pass(&h, CLOCK_DAY);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 0);
	struct house_line line = { "1", 2, 1000 }; /* what expired counts as taken */
	int64_t debt = 9;
	assert_ok(house_return(&h, "s", "r", &line, 1), &h.err);
	assert_int_equal(house_stored(&h, "card", "A", "mug", &debt), 0);
	assert_int_equal(debt, 0);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

/* ---- what fresh eyes found ---- */

/* Looking at a balance posts what has expired: whoever looks must save it, the sweep or not. */
static void expiry_is_saved_by_whoever_looks(void **state)
{
	struct house_sale open = { .id = "o",
		.state = SALE_OPEN,
		.count = 1,
		.lines = { { "1", 1, 700 } },
		.at = HOUSE_START,
		.kind = "card",
		.value = "A" };
	char reward[64];
	struct house h;
	open_shop(&h, "ask", ",\"expires_days\":10");
	reach_the_mug(&h, reward);
	assert_ok(house_reward(&h, ACT_HOLD, reward, "h"), &h.err);
	assert_ok(house_reward(&h, ACT_GIVE, reward, "g"), &h.err);
	assert_ok(sell(&h, "s3", NULL, "card", "A"), &h.err);
	clock_fake_advance(&h.clock, 12 * CLOCK_DAY); /* and no sweep */
	assert_ok(house_reward(&h, ACT_GIVE, reward, "g"), &h.err);
	assert_ok(house_sale(&h, &open), &h.err);
	assert_int_equal(house_balance(&h, "mug"), 0);
	assert_int_equal(house_verify(&h), 0);
	assert_ok(sell(&h, "s4", NULL, "card", "A"), &h.err);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

static void ok_is_no_ja(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	assert_ok(house_touch(&h, "t", "card", "A"), &h.err);
	assert_int_equal(house_answer(&h, "t", "a", "join:mug", "ok"), ERR_INVALID);
	assert_int_equal(house_answer(&h, "t", "b", "card:mug", "yes"), ERR_INVALID);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), -1);
	house_close(&h);
}

static void a_nee_stands_when_a_programme_turns_auto(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	house_programme(&h, "points", "points", "ask", "{\"per\":100}");
	join(&h, "A");
	assert_ok(house_answer(&h, "A", "n", "join:points", "no"), &h.err);
	house_programme(&h, "points", "points", "auto", "{\"per\":100}");
	house_pass(&h, 31 * CLOCK_DAY);
	assert_ok(sell(&h, "s", NULL, "card", "A"), &h.err);
	assert_int_equal(house_balance(&h, "mug"), 1);
	assert_int_equal(house_balance(&h, "points"), -1);
	house_close(&h);
}

static void attaching_leaves_the_next_customers_touch(void **state)
{
	struct house h;
	open_shop(&h, "ask", "");
	join(&h, "A");
	join(&h, "B");
	assert_ok(sell(&h, "s1", NULL, NULL, NULL), &h.err);
	assert_ok(house_touch(&h, "t2", "card", "B"), &h.err);
	assert_ok(house_attach(&h, "s1", "x", NULL, "card", "A"), &h.err);
	assert_ok(sell(&h, "s2", "", NULL, NULL), &h.err);
	assert_int_equal(house_stored(&h, "card", "B", "mug", NULL), 1);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 1);
	house_close(&h);
}

/* ---- nothing is half done ---- */

/* A checkout whose n-th store step fails; until one succeeds. */
static void every_step_of_a_checkout_may_fail(void **state)
{
	struct house h;
	char id[16];
	int n = 0;
	open_shop(&h, "ask", "");
	join(&h, "A");
	do {
		snprintf(id, sizeof(id), "t%d", n);
		assert_ok(house_touch(&h, id, "card", "A"), &h.err);
		store_fail_nth(h.store, (size_t)++n);
	} while (sell(&h, "s", "", NULL, NULL) < 0);
	store_fail_nth(h.store, 0);
	assert_true(n > 10);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 1);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

static void every_allocation_of_a_checkout_may_fail(void **state)
{
	struct house_sale sale = { .id = "s",
		.state = SALE_PAID,
		.count = 1,
		.lines = { { "1", 2, 1000 } },
		.at = HOUSE_START,
		.touch = NULL,
		.kind = "card",
		.value = "A" };
	struct house h;
	int rc, n = 0;
	open_shop(&h, "ask", "");
	join(&h, "A");
	do {
		h.fail_allocation = (size_t)++n;
		rc = house_sale(&h, &sale);
		assert_true(rc == 0 || rc == ERR_NO_MEMORY);
	} while (rc < 0);
	assert_true(n > 10);
	assert_int_equal(house_stored(&h, "card", "A", "mug", NULL), 1);
	assert_int_equal(house_verify(&h), 0);
	house_close(&h);
}

int main(int argc, char **argv)
{
	if (!house_choose(argc, argv))
		return 0;
	return TEST_MAIN(test(a_nee_leaves_no_trace), test(a_members_nee_is_kept_for_thirty_days),
		test(only_what_was_handed_out_joins_by_itself), test(what_was_carried_is_blanked),
		test(a_touch_serves_one_sale), test(a_touch_lapses),
		test(touches_before_the_last_sale_are_over), test(a_cleared_touch_is_nobodys),
		test(states_of_a_sale), test(an_open_answer_is_kept_after_it_was_paid),
		test(a_dry_run_changes_nothing), test(returns_after_the_reward_was_given),
		test(more_than_was_sold_does_not_come_back),
		test(an_offer_without_points_is_withdrawn),
		test(a_hold_runs_out_and_the_reward_is_still_due),
		test(stamps_expire_at_the_end_of_their_day), test(expiry_is_saved_by_whoever_looks),
		test(ok_is_no_ja), test(a_nee_stands_when_a_programme_turns_auto),
		test(attaching_leaves_the_next_customers_touch),
		test(every_step_of_a_checkout_may_fail),
		test(every_allocation_of_a_checkout_may_fail));
}
