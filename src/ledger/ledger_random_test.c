/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger against a model of it, under thousands of random postings over a dozen accounts, one
 * to three in a unit. The model keeps points in piles, one an expiry, the last of them lasting: it
 * has no entries, versions, rows or laziness, only the rules. What it says, the ledger must say;
 * and the proof must pass every hundred units. A failure names its seed and unit. */
#include "tests/support/test.h"

#include "ledger/fixture_impl.h"

#define ACCOUNTS 12
#define PILES 9
#define LASTING (PILES - 1)
#define HOLDS 400
#define REFS 6
#define FORGIVINGS 400 /* an account; far more than there are */
#define UNITS 4000

/* ---- the model ---- */

struct model {
	int64_t pile[PILES], gone[PILES], debt; /* gone: expired, not yet counted */
	int64_t hold[HOLDS], held;              /* 0: not open */
	int64_t spent[REFS][PILES];             /* and not given back */
	int64_t forgiven[FORGIVINGS];           /* what is left of each, oldest first */
	int forgivings, retakes;
	int hold_since[HOLDS], spent_since[REFS]; /* how many there were when it left */
};

static int64_t expiry(int pile)
{
	return pile == LASTING ? LEDGER_NEVER : FIXTURE_NOW + (pile + 1) * 7 * CLOCK_DAY;
}

static int64_t model_balance(const struct model *m)
{
	int64_t sum = 0;
	for (int i = 0; i < PILES; i++)
		sum += m->pile[i];
	return sum;
}

static int64_t model_free(const struct model *m)
{
	return num_max(model_balance(m) - m->held, 0);
}

static void model_credit(struct model *m, int64_t amount, int pile)
{
	int64_t fill = num_min(amount, m->debt);
	m->debt -= fill;
	amount -= fill;
	fill = num_min(amount, num_max(-m->pile[LASTING], 0));
	m->pile[LASTING] += fill;
	m->pile[pile] += amount - fill;
}

static void model_take(struct model *m, int64_t amount, int64_t *took)
{
	for (int i = 0; i < PILES && amount; i++) {
		int64_t take = num_min(amount, num_max(m->pile[i], 0));
		m->pile[i] -= take;
		amount -= take;
		if (took)
			took[i] += take;
	}
}

static int64_t model_spent(const struct model *m, int ref)
{
	int64_t sum = 0;
	for (int i = 0; i < PILES; i++)
		sum += m->spent[ref][i];
	return sum;
}

static void model_spend(struct model *m, int64_t amount, int ref, int since)
{
	bool first = model_spent(m, ref) == 0;
	model_take(m, amount, m->spent[ref]);
	if (first || since < m->spent_since[ref])
		m->spent_since[ref] = since;
}

/* Of what comes back, what returns let go while it was away. */
static int64_t model_retake(struct model *m, int64_t amount, int since)
{
	int64_t taken = 0;
	for (int i = since; i < m->forgivings; i++) {
		int64_t part = num_min(amount - taken, m->forgiven[i]);
		m->forgiven[i] -= part;
		taken += part;
	}
	m->retakes += taken > 0;
	return taken;
}

static void model_end_hold(struct model *m, int hold)
{
	m->held -= m->hold[hold];
	m->hold[hold] = 0;
}

static void model_release(struct model *m, int hold)
{
	int64_t retake = model_retake(m, m->hold[hold], m->hold_since[hold]);
	model_end_hold(m, hold);
	model_take(m, retake, NULL);
	int64_t pay = num_min(m->debt, model_free(m));
	m->debt -= pay;
	model_take(m, pay, NULL);
}

static void model_claw(struct model *m, int64_t amount, int pile, enum ledger_policy policy,
	struct ledger_clawed *ret)
{
	ret->counted = pile == LASTING ? 0 : num_min(amount, m->gone[pile]);
	m->gone[pile] -= ret->counted;
	amount -= ret->counted;
	ret->taken = num_min(amount, model_free(m));
	int64_t own = num_min(ret->taken, num_max(m->pile[pile], 0));
	m->pile[pile] -= own;
	model_take(m, ret->taken - own, NULL);
	amount -= ret->taken;
	if (policy == LEDGER_FORGIVE) {
		ret->forgiven = amount;
		if (amount)
			m->forgiven[m->forgivings++] = amount;
	} else if (policy == LEDGER_NEGATIVE && m->held == 0) {
		ret->taken += amount;
		m->pile[LASTING] -= amount;
	} else {
		ret->owed = amount;
		m->debt += amount;
	}
}

static int64_t model_expire(struct model *m, int64_t now)
{
	int64_t sum = 0;
	for (int i = 0; i < LASTING && expiry(i) <= now; i++) {
		int64_t take = num_min(m->pile[i], model_free(m));
		m->pile[i] -= take;
		m->gone[i] += take;
		sum += take;
	}
	return sum;
}

static int64_t model_soonest(const struct model *m)
{
	for (int i = 0; i < LASTING; i++) {
		if (m->pile[i] > 0)
			return expiry(i);
	}
	return 0;
}

static struct ledger_restored model_restore(struct model *m, int ref)
{
	int64_t sum = model_spent(m, ref);
	int64_t keep = model_retake(m, sum, m->spent_since[ref]);
	struct ledger_restored restored = { sum - keep, keep };
	for (int i = 0; i < PILES; i++) {
		int64_t kept = num_min(keep, m->spent[ref][i]);
		keep -= kept;
		model_credit(m, m->spent[ref][i] - kept, i);
		m->spent[ref][i] = 0;
	}
	return restored;
}

/* ---- one random posting, in both ---- */

struct run {
	struct ledger_fixture fixture;
	struct model models[ACCOUNTS];
	uint64_t seed, state;
	int unit, which, holds;
	char what[64];
};

static int64_t roll(struct run *run, int64_t below)
{
	run->state = run->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((run->state >> 33) % (uint64_t)below);
}

static id_t64 member_of(int account)
{
	return fixture_member(account / 3 + 1);
}

#define agree(run, condition) \
	do { \
		if (!(condition)) \
			fail_msg("seed %llu unit %d account %d %s: %s", \
				(unsigned long long)(run)->seed, (run)->unit, (run)->which, \
				(run)->what, #condition); \
	} while (0)

/* Mostly one that is open, sometimes any. */
static int some_hold(struct run *run)
{
	const struct model *m = &run->models[run->which];
	int from = (int)roll(run, HOLDS);

	for (int i = 0; i < HOLDS && roll(run, 1000); i++) {
		if (m->hold[(from + i) % HOLDS])
			return (from + i) % HOLDS;
	}
	return from;
}

static int try_holds(struct run *run, const struct ledger_env *env, struct ledger_account *account,
	const struct ledger_ref *ref, struct err *err)
{
	struct model *m = &run->models[run->which];
	int how = (int)roll(run, 4);
	int hold = how == 0 ? run->holds++ % HOLDS : some_hold(run);
	id_t64 id = fixture_id(member_of(run->which), run->which * HOLDS + hold + 1);
	int64_t amount = roll(run, 30) + 1;
	bool again = run->holds > HOLDS, open = m->hold[hold] > 0;
	int rc;

	snprintf(run->what, sizeof(run->what), "hold %d how %d", hold, how);
	if (how == 0) {
		bool fits = amount <= model_free(m);
		rc = again ? 0 : ledger_hold(env, account, id, amount, expiry(LASTING), ref, err);
		agree(run, again || rc == (fits ? 0 : LEDGER_SHORT));
		if (!again && fits) {
			m->hold[hold] = amount;
			m->hold_since[hold] = m->forgivings;
			m->held += amount;
		}
		return rc < 0 ? rc : 0;
	}
	if (how == 1) {
		rc = ledger_hold_spend(env, account, id, ref, err);
		if (open) {
			int64_t take = m->hold[hold];
			model_end_hold(m, hold);
			model_spend(m, take, (int)ref->id, m->hold_since[hold]);
		}
	} else {
		rc = ledger_hold_release(env, account, id, how == 2, ref, err);
		if (open)
			model_release(m, hold);
	}
	agree(run, rc == (open ? 0 : LEDGER_ENDED));
	return rc < 0 ? rc : 0;
}

/* In every other run nearly always one: debts keep anything from being spent, and then nothing that
 * was spent is forgiven. */
static enum ledger_policy some_policy(struct run *run)
{
	bool mixed = run->seed % 2 || roll(run, 16) == 0;

	return mixed ? (enum ledger_policy)roll(run, 3) : LEDGER_FORGIVE;
}

static int try_claw(struct run *run, const struct ledger_env *env, struct ledger_account *account,
	const struct ledger_ref *ref, struct err *err)
{
	struct ledger_clawed model = { 0 }, ledger;
	int64_t amount = roll(run, 40) + 1;
	int pile = (int)roll(run, PILES);
	enum ledger_policy policy = some_policy(run);
	int rc = ledger_claw(env, account, amount, expiry(pile), policy, ref, &ledger, err);

	snprintf(run->what, sizeof(run->what), "claw %lld pile %d policy %d", (long long)amount,
		pile, policy);
	model_claw(&run->models[run->which], amount, pile, policy, &model);
	agree(run, rc == 0 && memcmp(&model, &ledger, sizeof(model)) == 0);
	agree(run, run->models[run->which].forgivings < FORGIVINGS);
	return rc;
}

static int try_spend(struct run *run, const struct ledger_env *env, struct ledger_account *account,
	const struct ledger_ref *ref, struct err *err)
{
	struct model *m = &run->models[run->which];
	int64_t amount = roll(run, 60) + 1;
	bool fits = amount <= model_free(m);
	int rc = ledger_spend(env, account, amount, ref, err);

	snprintf(run->what, sizeof(run->what), "spend %lld", (long long)amount);
	if (fits)
		model_spend(m, amount, (int)ref->id, m->forgivings);
	agree(run, rc == (fits ? 0 : LEDGER_SHORT));
	return rc < 0 ? rc : 0;
}

static int try_restore(struct run *run, const struct ledger_env *env,
	struct ledger_account *account, const struct ledger_ref *ref, struct err *err)
{
	struct ledger_restored model, ledger;
	int rc = ledger_restore(env, account, ref, &ledger, err);

	snprintf(run->what, sizeof(run->what), "restore %d", (int)ref->id);
	model = model_restore(&run->models[run->which], (int)ref->id);
	agree(run, rc == 0 && model.given == ledger.given && model.retaken == ledger.retaken);
	return rc;
}

static int try_one(struct run *run, const struct ledger_env *env, struct ledger_account *account,
	struct err *err)
{
	struct model *m = &run->models[run->which];
	struct ledger_ref ref = { LEDGER_REF_REWARD, roll(run, REFS), FIXTURE_NOW };
	int64_t amount = roll(run, 30) + 1, other = 0, model = 0;
	int kind = (int)roll(run, 20), pile = (int)roll(run, PILES), rc;

	if (kind < 5)
		return try_holds(run, env, account, &ref, err);
	if (kind < 8)
		return try_claw(run, env, account, &ref, err);
	if (kind < 11)
		return try_spend(run, env, account, &ref, err);
	if (kind < 13)
		return try_restore(run, env, account, &ref, err);
	snprintf(run->what, sizeof(run->what), "kind %d", kind);
	if (kind == 13) {
		rc = ledger_expire(env, account, &other, err);
		model = model_expire(m, env->now);
	} else {
		rc = ledger_earn(env, account, amount, expiry(pile), &ref, err);
		model_credit(m, amount, pile);
	}
	agree(run, rc == 0 && other == model);
	return rc;
}

static int compare(struct run *run, const struct ledger_env *env, struct ledger_account *account,
	struct err *err)
{
	const struct model *m = &run->models[run->which];
	const struct ledger_standing *now = ledger_standing(account);

	agree(run, now->balance == model_balance(m) && now->held == m->held);
	agree(run, now->debt == m->debt && now->lasting == m->pile[LASTING]);
	agree(run, now->soonest == model_soonest(m));
	for (int i = 0; i < LASTING; i++) {
		struct lot *lot;
		int rc = lots_get(env, account, expiry(i), &lot, err);
		if (rc < 0)
			return rc;
		agree(run, lot->remaining == m->pile[i] && lot->expired == m->gone[i]);
	}
	return 0;
}

static int one_unit(void *user, const struct ledger_env *env, struct err *err)
{
	struct run *run = user;
	struct ledger_account *account;
	int postings = (int)roll(run, 3) + 1;
	int rc;

	run->which = (int)roll(run, ACCOUNTS);
	rc = ledger_open(env, member_of(run->which), run->which % 3 + 1, &account, err);
	if (rc == 0 && run->unit % 5 == 0)
		rc = compare(run, env, account, err);
	for (int i = 0; rc == 0 && i < postings; i++)
		rc = try_one(run, env, account, err);
	if (rc == 0)
		rc = ledger_save(env, account, err);
	return rc ? rc : compare(run, env, account, err);
}

static void against_the_model(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct run run = { .seed = seed, .state = seed };
		struct err err = { 0 };
		fixture_init(&run.fixture, NULL);
		for (run.unit = 1; run.unit <= UNITS; run.unit++) {
			char row[32];
			clock_fake_advance(&run.fixture.clock, roll(&run, CLOCK_DAY / 30));
			assert_ok(fixture_run(&run.fixture, one_unit, &run, &err), &err);
			snprintf(row, sizeof(row), "seed %d unit %d", (int)seed, run.unit);
			if (run.unit % 100 == 0)
				fixture_assert_sound(&run.fixture, row);
		}
		int retakes = 0;
		for (int i = 0; i < ACCOUNTS; i++)
			retakes += run.models[i].retakes;
		assert_true(retakes > 20);
		fixture_done(&run.fixture);
	}
}

int main(void)
{
	return TEST_MAIN(test(against_the_model));
}
