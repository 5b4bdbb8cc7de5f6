/* SPDX-License-Identifier: Apache-2.0 */
/* A day in a shop, seeded: thousands of touches, answers, sales, returns, hand-outs, duplicates and
 * late requests in a random order, against the model. Every answer that was given is asked for
 * again later and must be the same bytes; every hundred steps all positions are compared and L1 to
 * L9 are proved. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "tests/support/house.h"
#include "tests/support/test.h"

#define STEPS 4000
#define STEPS_ON_POSTGRES 1000 /* each costs round trips and a commit on disk */
#define PROVE_EVERY 400

struct remembered {
	bool paid, void_too;
	struct house_sale sale;
	char id[16], value[16], line_ids[MODEL_LINES][4];
	char *bytes;
	size_t len;
};
struct day {
	struct house house;
	struct model model;
	struct remembered *kept;
	uint64_t random;
	int touches, answers;
	char offered[64]; /* the last reward offered, held or given */
	int offered_to;
	enum model_programme offered_in;
	bool held;
	int touched; /* who stands at the reader; -1 nobody */
};

static const char *const codes[] = { "mug", "points" };
static const int64_t costs[] = { 3, 200 };

static uint32_t draw(struct day *d, uint32_t below)
{
	d->random = d->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(d->random >> 33) % below;
}

static void card_of(int customer, char out[16])
{
	snprintf(out, 16, "card-%d", customer);
}

/* ---- what can happen ---- */

static void join_questions(struct day *d, int customer, const char *touch)
{
	for (int p = 0; p < MODEL_PROGRAMMES; p++) {
		static const char *const values[] = { "yes", "no", "timeout", "yes" };
		const char *value = values[draw(d, 4)];
		char step[32], id[16];
		if (d->model.joined[customer][p])
			continue;
		snprintf(step, sizeof(step), "join:%s", codes[p]);
		snprintf(id, sizeof(id), "a%d", d->answers++);
		assert_int_equal(house_answer(&d->house, touch, id, step, value), 0);
		if (strcmp(value, "yes") == 0)
			d->model.joined[customer][p] = true;
	}
}

static void touch(struct day *d)
{
	char id[16], card[16];
	int customer = (int)draw(d, MODEL_CUSTOMERS);

	card_of(customer, card);
	snprintf(id, sizeof(id), "t%d", d->touches++);
	assert_ok(house_touch(&d->house, id, "card", card), &d->house.err);
	d->touched = customer;
	if (draw(d, 2))
		join_questions(d, customer, id);
	if (draw(d, 8) == 0) {
		assert_ok(house_clear(&d->house, id), &d->house.err);
		d->touched = -1;
	}
}

static void remember_offer(struct day *d, int customer)
{
	for (int p = 0; p < MODEL_PROGRAMMES; p++) {
		const struct json *offer = house_effect(&d->house, "offer", codes[p]);
		if (!offer || d->held)
			continue;
		snprintf(d->offered, sizeof(d->offered), "%s",
			house_text(&d->house, offer, "reward"));
		d->offered_to = customer;
		d->offered_in = (enum model_programme)p;
	}
}

static void keep_answer(struct day *d, struct remembered *r)
{
	free(r->bytes);
	r->len = d->house.bytes.len;
	r->bytes = malloc(r->len + 1);
	assert_non_null(r->bytes);
	memcpy(r->bytes, d->house.bytes.ptr, r->len);
}

/* Sells to who touched, to somebody by their card, or to nobody. */
static void sell(struct day *d)
{
	struct model *m = &d->model;
	struct remembered *r = &d->kept[m->sale_count];
	struct model_sale *sale = &m->sales[m->sale_count];
	int how = (int)draw(d, 3);

	if (m->sale_count == MODEL_SALES)
		return;
	snprintf(r->id, sizeof(r->id), "s%d", m->sale_count++);
	r->sale = (struct house_sale) { .id = r->id, .state = SALE_PAID, .count = MODEL_LINES };
	sale->customer = how == 0 ? d->touched : how == 1 ? (int)draw(d, MODEL_CUSTOMERS) : -1;
	r->sale.touch = how == 0 ? "" : NULL;
	if (how == 1) {
		card_of(sale->customer, r->value);
		r->sale.kind = "card";
		r->sale.value = r->value;
	}
	for (int l = 0; l < MODEL_LINES; l++) {
		snprintf(r->line_ids[l], sizeof(r->line_ids[l]), "%d", l);
		sale->quantity[l] = 1 + (int)draw(d, 3);
		sale->amount[l] = sale->quantity[l] * (int64_t)draw(d, 700);
		r->sale.lines[l] =
			(struct house_line) { r->line_ids[l], sale->quantity[l], sale->amount[l] };
	}
	r->sale.at = d->house.clock.now;
	assert_ok(house_sale(&d->house, &r->sale), &d->house.err);
	keep_answer(d, r);
	r->paid = true;
	d->touched = -1; /* whatever touched before this sale is over */
	for (int p = 0; sale->customer >= 0 && p < MODEL_PROGRAMMES; p++)
		sale->joined[p] = m->joined[sale->customer][p];
	if (sale->customer >= 0)
		remember_offer(d, sale->customer);
}

/* The same again, late: the same bytes, and nothing changes. */
static void ask_again(struct day *d)
{
	struct remembered *r =
		d->model.sale_count ? &d->kept[draw(d, (uint32_t)d->model.sale_count)] : NULL;

	if (!r || !r->paid)
		return;
	assert_ok(house_sale(&d->house, &r->sale), &d->house.err);
	assert_int_equal(d->house.bytes.len, r->len);
	assert_memory_equal(d->house.bytes.ptr, r->bytes, r->len);
	struct house_sale other = r->sale;
	other.lines[0].amount++;
	assert_int_equal(house_sale(&d->house, &other), ERR_ID_REUSED);
}

static void bring_back(struct day *d)
{
	struct model *m = &d->model;
	int n = m->sale_count ? (int)draw(d, (uint32_t)m->sale_count) : -1;
	int l = (int)draw(d, MODEL_LINES);
	char id[16];

	if (n < 0 || m->sales[n].over)
		return;
	struct model_sale *sale = &m->sales[n];
	snprintf(id, sizeof(id), "r%u", draw(d, 1000000000));
	if (sale->quantity[l] == 0) {
		struct house_line line = { d->kept[n].line_ids[l], 1, 0 };
		assert_int_equal(house_return(&d->house, d->kept[n].id, id, &line, 1), ERR_INVALID);
		return;
	}
	int quantity = 1 + (int)draw(d, (uint32_t)sale->quantity[l]);
	int64_t amount = sale->amount[l] * quantity / sale->quantity[l];
	struct house_line line = { d->kept[n].line_ids[l], quantity, amount };
	assert_ok(house_return(&d->house, d->kept[n].id, id, &line, 1), &d->house.err);
	sale->quantity[l] -= quantity;
	sale->amount[l] -= amount;
	assert_ok(house_return(&d->house, d->kept[n].id, id, &line, 1), &d->house.err);
}

static void make_void(struct day *d)
{
	struct model *m = &d->model;
	int n = m->sale_count ? (int)draw(d, (uint32_t)m->sale_count) : -1;

	if (n < 0)
		return;
	struct house_sale gone = { .id = d->kept[n].id, .state = SALE_VOID, .touch = NULL };
	bool touched = false;
	for (int l = 0; l < MODEL_LINES; l++)
		touched |= m->sales[n].quantity[l] != d->kept[n].sale.lines[l].quantity;
	assert_int_equal(house_sale(&d->house, &gone), touched ? ERR_CONFLICT : 0);
	m->sales[n].over |= !touched;
}

/* Holds, gives, releases, reverses the last reward that was offered. */
static void hand_out(struct day *d)
{
	static const char *const becomes[] = { "held", "given", "released", "reversed" };
	char id[16];
	enum visit_reward_act act = (enum visit_reward_act)draw(d, 4);

	if (!d->offered[0])
		return;
	snprintf(id, sizeof(id), "w%u", draw(d, 1000000000));
	int rc = house_reward(&d->house, act, d->offered, id);
	if (rc == ERR_CONFLICT)
		return;
	assert_ok(rc, &d->house.err);
	const char *state = house_text(&d->house, d->house.answer, "state");
	if (act == ACT_GIVE)
		d->model.given[d->offered_to][d->offered_in] += costs[d->offered_in];
	if (act == ACT_REVERSE)
		d->model.given[d->offered_to][d->offered_in] -= costs[d->offered_in];
	assert_string_equal(state, becomes[act]);
	d->held = act == ACT_HOLD;
}

static void pass(struct day *d)
{
	house_pass(&d->house, (1 + (int64_t)draw(d, 400)) * CLOCK_SECOND);
	d->touched = -1; /* may have lapsed: the model does not follow it */
	if (draw(d, 8) == 0) {
		house_pass(&d->house, 11 * CLOCK_MINUTE);
		d->held = false;
	}
	char card[16], id[16];
	card_of(0, card);
	snprintf(id, sizeof(id), "t%d", d->touches++);
	assert_ok(house_touch(&d->house, id, "card", card), &d->house.err);
	assert_ok(house_clear(&d->house, id), &d->house.err);
}

static void prove(struct day *d)
{
	for (int c = 0; c < MODEL_CUSTOMERS; c++)
		for (int p = 0; p < MODEL_PROGRAMMES; p++) {
			char card[16];
			int64_t debt = 0;
			card_of(c, card);
			int64_t balance = house_stored(&d->house, "card", card, codes[p], &debt);
			int64_t expected = model_position(&d->model, c, (enum model_programme)p);
			if (balance >= 0 && balance - debt != expected)
				fail_msg("%s in %s: %" PRId64 " - %" PRId64
					 ", the model says %" PRId64,
					card, codes[p], balance, debt, expected);
			if (balance < 0)
				assert_int_equal(expected, 0);
		}
	assert_int_equal(house_verify(&d->house), 0);
}

static void (*const happenings[])(struct day *d) = { touch, touch, sell, sell, sell, ask_again,
	bring_back, bring_back, make_void, hand_out, hand_out, hand_out, pass };

static void run_day(uint64_t seed)
{
	struct day *d = calloc(1, sizeof(*d));
	int steps = house_is_embedded() ? STEPS : STEPS_ON_POSTGRES;

	assert_non_null(d);
	d->kept = calloc(MODEL_SALES + 1, sizeof(*d->kept));
	d->random = seed;
	d->touched = -1;
	house_open(&d->house, NULL, seed);
	house_programme(&d->house, "mug", "stamps", "ask",
		"{\"minimum\":500,\"needed\":3,\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}");
	house_programme(&d->house, "points", "points", "ask",
		"{\"per\":100,\"needed\":200,\"reward\":{\"code\":\"bag\",\"name\":{\"nl\":\"een tas\"}}}");
	for (int step = 1; step <= steps; step++) {
		clock_fake_advance(&d->house.clock, CLOCK_SECOND);
		happenings[draw(d, sizeof(happenings) / sizeof(*happenings))](d);
		if (step % PROVE_EVERY == 0 || step == steps)
			prove(d);
	}
	house_close(&d->house);
	for (int i = 0; i < MODEL_SALES; i++)
		free(d->kept[i].bytes);
	free(d->kept);
	free(d);
}

static void day_with_seed_1(void **state)
{
	run_day(1);
}

static void day_with_seed_2(void **state)
{
	run_day(2);
}

static void day_with_seed_3(void **state)
{
	run_day(20261121);
}

int main(int argc, char **argv)
{
	if (!house_choose(argc, argv))
		return 0;
	return TEST_MAIN(test(day_with_seed_1), test(day_with_seed_2), test(day_with_seed_3));
}
