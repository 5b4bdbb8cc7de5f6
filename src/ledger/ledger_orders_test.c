/* SPDX-License-Identifier: Apache-2.0 */
/* L7 under LEDGER_FORGIVE: it does not matter when a reward is reversed or a hold let go, before
 * the returns or after them or between. Random stories of sales, returns and rewards are told
 * twice, on two accounts, with what is undone at other places: both must come to the same balance.
 *
 * And under all policies, one after the other: once everything was returned and everything undone,
 * in whatever order, nothing is there and nothing is owed. Nothing here knows how that is done; a
 * failure names its seed. */
#include "tests/support/test.h"

#include "ledger/fixture_impl.h"

#define SEEDS 120
#define EVENTS 24
#define STORY (3 * EVENTS)

enum what { SALE, RETURN, SPEND, HOLD, GIVE, UNDO };

struct event {
	enum what what;
	int64_t amount;
	int n;      /* GIVE, UNDO: the event that it gives or undoes; it stands somewhere behind */
	bool given; /* HOLD: will be given; undone it is reversed */
};

struct story {
	struct ledger_fixture *fixture;
	uint64_t state;
	struct event events[EVENTS]; /* without what is undone */
	bool undone[EVENTS];
	bool mixed; /* policies; and everything comes back */
	int programme;
	struct ledger_standing end;
};

static int64_t roll(struct story *s, int64_t below)
{
	s->state = s->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((s->state >> 33) % (uint64_t)below);
}

/* What is spent or held was earned a moment before: so it is there, whatever was undone (unless a
 * debt of another policy took it: then there is nothing to undo). */
static void invent(struct story *s)
{
	int64_t sold = 0;

	for (int i = 0; i < EVENTS; i++) {
		struct event *e = &s->events[i];
		*e = (struct event) { (enum what)roll(s, GIVE), roll(s, 20) + 1, i,
			roll(s, 2) == 0 };
		if (e->what == RETURN)
			e->amount = num_min(e->amount, sold);
		sold += e->what == RETURN ? -e->amount : e->what == SALE ? e->amount : 0;
		if (e->what == SPEND || e->what == HOLD)
			sold += e->amount;
		s->undone[i] =
			(e->what == SPEND || e->what == HOLD) && (s->mixed || roll(s, 4) > 0);
	}
	if (!s->mixed)
		return;
	struct event *last = &s->events[EVENTS - 1];
	sold += last->what == RETURN ? last->amount : -last->amount;
	*last = (struct event) { RETURN, sold, EVENTS - 1, false };
	s->undone[EVENTS - 1] = false;
}

static int64_t lot_of(const struct event *e)
{
	return e->n % 3 ? FIXTURE_NOW + e->n * CLOCK_DAY : LEDGER_NEVER;
}

static enum ledger_policy policy_of(const struct story *s, const struct event *e)
{
	static const enum ledger_policy policies[] = { LEDGER_FORGIVE, LEDGER_DEBT,
		LEDGER_NEGATIVE };

	return policies[s->mixed ? e->amount % 3 : 0];
}

static int tell_undo(const struct story *s, const struct ledger_env *env,
	struct ledger_account *account, id_t64 hold, const struct event *e,
	const struct ledger_ref *ref, struct err *err)
{
	struct ledger_restored restored;

	if (e->what == HOLD && !e->given)
		return ledger_hold_release(env, account, hold, false, ref, err);
	int rc = ledger_restore(env, account, ref, &restored, err);
	assert_true(rc || s->mixed || restored.given + restored.retaken == e->amount);
	return rc;
}

static int tell_one(const struct story *s, const struct ledger_env *env,
	struct ledger_account *account, const struct event *told, struct err *err)
{
	const struct event *e = &s->events[told->n];
	const struct ledger_ref sale = { LEDGER_REF_SALE, 1, FIXTURE_NOW };
	const struct ledger_ref reward = { LEDGER_REF_REWARD, e->n + 1, FIXTURE_NOW };
	id_t64 hold = fixture_id(fixture_member(1), s->programme * EVENTS + e->n + 1);
	struct ledger_clawed clawed;
	int rc = 0;

	if (told->what == UNDO)
		return tell_undo(s, env, account, hold, e, &reward, err);
	if (told->what == GIVE)
		return ledger_hold_spend(env, account, hold, &reward, err);
	if (e->what == RETURN)
		return e->amount ? ledger_claw(env, account, e->amount, lot_of(e), policy_of(s, e),
					   &sale, &clawed, err)
				 : 0;
	rc = ledger_earn(env, account, e->amount, lot_of(e), &sale, err);
	if (rc == 0 && e->what == SPEND)
		rc = ledger_spend(env, account, e->amount, &reward, err);
	if (rc == 0 && e->what == HOLD)
		rc = ledger_hold(env, account, hold, e->amount, LEDGER_NEVER, &reward, err);
	return rc;
}

static int put(struct event *events, int count, int at, struct event event)
{
	memmove(events + at + 1, events + at, (size_t)(count - at) * sizeof(*events));
	events[at] = event;
	return count + 1;
}

/* The events in their order, each giving and each undo somewhere behind what it is about. */
static int shuffle(struct story *s, struct event *ret)
{
	int count = 0;

	for (int i = EVENTS; i-- > 0;) {
		const struct event *e = &s->events[i];
		int at = 0;
		count = put(ret, count, 0, *e);
		if (e->what == HOLD && e->given) {
			at = (int)roll(s, count) + 1;
			count = put(ret, count, at, (struct event) { .what = GIVE, .n = i });
		}
		if (s->undone[i])
			count = put(ret, count, at + 1 + (int)roll(s, count - at),
				(struct event) { .what = UNDO, .n = i });
	}
	return count;
}

static int tell(void *user, const struct ledger_env *env, struct err *err)
{
	struct story *s = user;
	struct ledger_account *account;
	struct event told[STORY];
	int count = shuffle(s, told);
	int rc = ledger_open(env, fixture_member(1), ++s->programme, &account, err);

	for (int i = 0; rc == 0 && i < count; i++) {
		rc = tell_one(s, env, account, &told[i], err);
		if (s->mixed && (rc == LEDGER_SHORT || rc == LEDGER_ENDED))
			rc = 0;
	}
	if (rc == 0)
		s->end = *ledger_standing(account);
	return rc ? rc : ledger_save(env, account, err);
}

static void the_orders_meet(void **state)
{
	struct ledger_fixture fixture;
	struct story s = { .fixture = &fixture };
	struct err err = { 0 };

	fixture_init(&fixture, NULL);
	for (int seed = 1; seed <= SEEDS; seed++) {
		s.state = (uint64_t)seed;
		invent(&s);
		assert_ok(fixture_run(&fixture, tell, &s, &err), &err);
		struct ledger_standing first = s.end;
		assert_ok(fixture_run(&fixture, tell, &s, &err), &err);
		if (s.end.balance != first.balance || s.end.held != first.held || s.end.debt)
			fail_msg(
				"seed %d: balance %lld held %lld, and in the other order %lld, %lld",
				seed, (long long)first.balance, (long long)first.held,
				(long long)s.end.balance, (long long)s.end.held);
	}
	fixture_assert_sound(&fixture, "all stories");
	fixture_done(&fixture);
}

static void everything_back_is_nothing(void **state)
{
	struct ledger_fixture fixture;
	struct story s = { .fixture = &fixture, .mixed = true };
	struct err err = { 0 };

	fixture_init(&fixture, NULL);
	for (int seed = 1; seed <= SEEDS; seed++) {
		s.state = (uint64_t)seed;
		invent(&s);
		assert_ok(fixture_run(&fixture, tell, &s, &err), &err);
		if (s.end.balance || s.end.held || s.end.debt)
			fail_msg("seed %d: balance %lld held %lld debt %lld", seed,
				(long long)s.end.balance, (long long)s.end.held,
				(long long)s.end.debt);
	}
	fixture_assert_sound(&fixture, "all stories");
	fixture_done(&fixture);
}

int main(void)
{
	return TEST_MAIN(test(the_orders_meet), test(everything_back_is_nothing));
}
