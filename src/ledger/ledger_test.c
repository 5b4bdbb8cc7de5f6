/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the ledger, as text tables: one string a scenario, one line a unit, verified after
 * each. The line that fails is named.
 *
 *     earn 10 lot=day30 ref=s1     lot: never if none is given; ref: s sale, t return, r reward
 *     spend 4 -> short             after -> stands what it comes to; nothing there: 0
 *     hold h1 7 until=day1         give h1, release h1, lapse h1 (released by time) -> ended
 *     claw 10 lot=day30 debt -> taken 3 owed 7 forgiven 0 counted 0     zeros may be left out
 *     expire -> 5                  restore ref=r1 -> 4 retaken 2         given back 4
 *     earn 5 + spend 2             several postings in one unit
 *     balance 0 held 7 debt 7 lasting 0 entries 3     what stands in the store
 *     lot day30 5 expired 2        a lot's row
 *     history earned spent         the words of all entries, oldest first
 *     due lots 1 holds 0           what the sweeps find
 *     advance 31d                  the clock
 *     member 2, programme 2        another account from here on
 *
 * Every scenario runs three times: plain; with each unit's store steps made to fail one by one;
 * with its allocations made to fail one by one. After each failure nothing may be half done. */
#include "tests/support/test.h"

#include "ledger/fixture_impl.h"
#include "ledger/forgiven_scenarios_impl.h"
#include "ledger/scenarios_impl.h"

#define WORDS_MAX 32

#define FAILURES_MAX 1000 /* far more steps than any unit here takes */

enum fail_what { FAIL_NOTHING, FAIL_STORE, FAIL_MEMORY };

struct scenario {
	struct ledger_fixture *fixture;
	enum fail_what fail;
	const char *name;
	struct str line;
	id_t64 member, programme;
	struct str rest; /* of the posting that is read now */
	int failed;      /* the error the line was to come to, and did */
};

#define fail_line(s, ...) \
	do { \
		char fail_text[512]; \
		snprintf(fail_text, sizeof(fail_text), __VA_ARGS__); \
		fail_msg("%s: \"%.*s\": %s", (s)->name, STR_ARG((s)->line), fail_text); \
	} while (0)

/* ---- words ---- */

static struct str word(struct scenario *s)
{
	s->rest = str_trim(s->rest);
	struct str found = str_cut(&s->rest, ' ');
	return found;
}

static int64_t number(struct scenario *s, struct str text)
{
	int64_t value;

	if (!num_parse(text, &value))
		fail_line(s, "\"%.*s\" is not a number", STR_ARG(text));
	return value;
}

/* "day30", "never" */
static int64_t time_of(struct scenario *s, struct str text)
{
	if (str_is(text, "never"))
		return LEDGER_NEVER;
	if (!str_starts(text, "day"))
		fail_line(s, "\"%.*s\" is not a day", STR_ARG(text));
	return FIXTURE_NOW + number(s, str_from(text, 3)) * CLOCK_DAY;
}

/* The value of "name=value" in the posting, or otherwise. */
static struct str option(struct scenario *s, const char *name, const char *otherwise)
{
	struct str rest = s->rest;

	while (rest.len) {
		struct str value = str_cut(&rest, ' ');
		struct str key = str_cut(&value, '=');
		if (str_is(key, name) && value.len)
			return value;
	}
	return str_of(otherwise);
}

static struct ledger_ref ref_of(struct scenario *s)
{
	struct str text = option(s, "ref", "s1");
	char letter = text.ptr[0];
	enum ledger_ref_kind kind = letter == 't' ? LEDGER_REF_RETURN
		: letter == 'r'                   ? LEDGER_REF_REWARD
						  : LEDGER_REF_SALE;

	return (struct ledger_ref) { kind, number(s, str_from(text, 1)), FIXTURE_NOW };
}

static id_t64 hold_of(struct scenario *s, struct str text)
{
	return fixture_id(s->member, (int)number(s, str_from(text, 1)));
}

/* ---- postings ---- */

/* What a posting came to. */
struct outcome {
	int rc;
	int64_t amount;
	struct ledger_clawed clawed;
	struct ledger_restored restored;
};

static int do_claw(struct scenario *s, const struct ledger_env *env, struct ledger_account *account,
	int64_t amount, struct outcome *ret, struct err *err)
{
	struct ledger_ref ref = ref_of(s);
	int64_t lot = time_of(s, option(s, "lot", "never"));
	enum ledger_policy policy = LEDGER_DEBT;

	for (struct str each; (each = word(s)).len;)
		policy = str_is(each, "forgive")   ? LEDGER_FORGIVE
			: str_is(each, "negative") ? LEDGER_NEGATIVE
						   : policy;
	return ledger_claw(env, account, amount, lot, policy, &ref, &ret->clawed, err);
}

static int do_hold(struct scenario *s, const struct ledger_env *env, struct ledger_account *account,
	struct str verb, struct err *err)
{
	struct ledger_ref ref = ref_of(s);
	int64_t until = time_of(s, option(s, "until", "day1"));
	id_t64 hold = hold_of(s, word(s));

	if (str_is(verb, "hold"))
		return ledger_hold(env, account, hold, number(s, word(s)), until, &ref, err);
	if (str_is(verb, "give"))
		return ledger_hold_spend(env, account, hold, &ref, err);
	return ledger_hold_release(env, account, hold, str_is(verb, "lapse"), &ref, err);
}

static int do_posting(struct scenario *s, const struct ledger_env *env,
	struct ledger_account *account, struct outcome *ret, struct err *err)
{
	struct str verb = word(s);
	struct ledger_ref ref = ref_of(s);
	int64_t lot = time_of(s, option(s, "lot", "never"));

	if (str_is(verb, "earn"))
		return ledger_earn(env, account, number(s, word(s)), lot, &ref, err);
	if (str_is(verb, "spend"))
		return ledger_spend(env, account, number(s, word(s)), &ref, err);
	if (str_is(verb, "claw"))
		return do_claw(s, env, account, number(s, word(s)), ret, err);
	if (str_is(verb, "expire"))
		return ledger_expire(env, account, &ret->amount, err);
	if (str_is(verb, "restore"))
		return ledger_restore(env, account, &ref, &ret->restored, err);
	if (str_is(verb, "hold") || str_is(verb, "give") || str_is(verb, "release") ||
		str_is(verb, "lapse"))
		return do_hold(s, env, account, verb, err);
	fail_line(s, "\"%.*s\" is not a posting", STR_ARG(verb));
	return ERR_INTERNAL;
}

static void check_clawed(struct scenario *s, struct str expected,
	const struct ledger_clawed *clawed)
{
	struct ledger_clawed want = { 0 };

	s->rest = expected;
	for (struct str name; (name = word(s)).len;) {
		int64_t value = number(s, word(s));
		if (str_is(name, "taken"))
			want.taken = value;
		else if (str_is(name, "owed"))
			want.owed = value;
		else if (str_is(name, "forgiven"))
			want.forgiven = value;
		else
			want.counted = value;
	}
	if (memcmp(&want, clawed, sizeof(want)) != 0)
		fail_line(s, "taken %lld owed %lld forgiven %lld counted %lld",
			(long long)clawed->taken, (long long)clawed->owed,
			(long long)clawed->forgiven, (long long)clawed->counted);
}

/* "4 retaken 2", either part may be left out */
static void check_restored(struct scenario *s, struct str expected,
	const struct ledger_restored *restored)
{
	struct ledger_restored want = { 0 };

	s->rest = expected;
	for (struct str each; (each = word(s)).len;) {
		if (str_is(each, "retaken"))
			want.retaken = number(s, word(s));
		else
			want.given = number(s, each);
	}
	if (want.given != restored->given || want.retaken != restored->retaken)
		fail_line(s, "%lld retaken %lld", (long long)restored->given,
			(long long)restored->retaken);
}

static void check_outcome(struct scenario *s, struct str expected, const struct outcome *outcome,
	const struct err *err)
{
	static const struct {
		const char *word;
		int rc;
	} words[] = { { "short", LEDGER_SHORT }, { "ended", LEDGER_ENDED },
		{ "invalid", ERR_INVALID }, { "conflict", ERR_CONFLICT } };
	int rc = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		rc = str_is(expected, words[i].word) ? words[i].rc : rc;
	if (outcome->rc != rc)
		fail_line(s, "it is %d %s", outcome->rc, outcome->rc < 0 ? err->text : "");
	if (rc == 0 && str_starts(s->line, "claw"))
		check_clawed(s, expected, &outcome->clawed);
	else if (rc == 0 && str_starts(s->line, "restore"))
		check_restored(s, expected, &outcome->restored);
	else if (rc == 0 && outcome->amount != (expected.len ? number(s, expected) : 0))
		fail_line(s, "it is %lld", (long long)outcome->amount);
}

/* One line: postings joined by " + ", then saved. */
static int do_unit(void *user, const struct ledger_env *env, struct err *err)
{
	struct scenario *s = user;
	struct ledger_account *account;
	struct str postings = s->line;
	int rc = ledger_open(env, s->member, s->programme, &account, err);

	while (rc == 0 && postings.len) {
		struct outcome outcome = { 0 };
		struct str all = s->line;
		struct str expected = str_cut(&postings, '+');
		s->line = str_trim(str_cut(&expected, '>'));
		if (s->line.ptr[s->line.len - 1] == '-')
			s->line.len--;
		s->rest = s->line;
		struct ledger_standing before = *ledger_standing(account);
		rc = outcome.rc = do_posting(s, env, account, &outcome, err);
		if (s->fail && (rc == ERR_STORE || rc == ERR_NO_MEMORY)) {
			s->line = all;
			return rc;
		}
		check_outcome(s, str_trim(expected), &outcome, err);
		if (rc && memcmp(&before, ledger_standing(account), sizeof(before)) != 0)
			fail_line(s, "it was refused but changed the account");
		rc = rc > 0 && rc != STORE_MOVED ? 0 : rc;
		s->failed = rc;
		s->line = all;
		postings = str_trim(postings);
	}
	return rc ? rc : ledger_save(env, account, err);
}

/* ---- looking ---- */

static void look(struct scenario *s, fixture_work *work)
{
	struct err err = { 0 };
	assert_ok(fixture_run(s->fixture, work, s, &err), &err);
}

static int look_standing(void *user, const struct ledger_env *env, struct err *err)
{
	struct scenario *s = user;
	struct ledger_account *account;
	int rc = ledger_open(env, s->member, s->programme, &account, err);

	if (rc < 0)
		return rc;
	s->rest = s->line;
	const struct ledger_standing *now = ledger_standing(account);
	for (struct str name; (name = word(s)).len;) {
		int64_t want = number(s, word(s));
		int64_t is = str_is(name, "balance") ? now->balance
			: str_is(name, "held")       ? now->held
			: str_is(name, "debt")       ? now->debt
			: str_is(name, "lasting")    ? now->lasting
			: str_is(name, "entries")    ? now->entries
						     : INT64_MIN;
		if (is != want)
			fail_line(s, "%.*s is %lld", STR_ARG(name), (long long)is);
	}
	return 0;
}

static int look_lot(void *user, const struct ledger_env *env, struct err *err)
{
	struct scenario *s = user;
	struct ledger_account *account;
	struct lot *lot;
	int rc = ledger_open(env, s->member, s->programme, &account, err);

	s->rest = str_from(s->line, 4);
	if (rc == 0)
		rc = lots_get(env, account, time_of(s, word(s)), &lot, err);
	if (rc < 0)
		return rc;
	int64_t remaining = number(s, word(s));
	int64_t expired = word(s).len ? number(s, word(s)) : 0;
	if (lot->remaining != remaining || lot->expired != expired)
		fail_line(s, "it is %lld expired %lld", (long long)lot->remaining,
			(long long)lot->expired);
	return 0;
}

static int look_history(void *user, const struct ledger_env *env, struct err *err)
{
	struct scenario *s = user;
	struct ledger_cursor cursor = { 0 };
	struct ledger_entry page[3];
	char words[1024] = "history";
	const char *found[WORDS_MAX];
	size_t total = 0, count;
	int rc;

	do {
		rc = ledger_history(env->tx, s->member, s->programme, &cursor, page, 3, &count,
			err);
		for (size_t i = 0; rc == 0 && i < count && total < WORDS_MAX; i++)
			found[total++] = ledger_kind_word(page[i].kind);
	} while (rc == 0 && count == 3);
	while (total) {
		size_t len = strlen(words);
		snprintf(words + len, sizeof(words) - len, " %s", found[--total]);
	}
	if (rc == 0 && !str_is(s->line, words))
		fail_line(s, "it is \"%s\"", words);
	return rc;
}

static int look_due(void *user, const struct ledger_env *env, struct err *err)
{
	struct scenario *s = user;
	struct ledger_due due[8];
	size_t lots = 0, holds = 0;
	int rc = ledger_due_lots(env->tx, env->now, due, 8, &lots, err);

	for (size_t i = 0; i < lots; i++)
		assert_true(due[i].hold == 0 && due[i].expires_at <= env->now);
	if (rc == 0)
		rc = ledger_due_holds(env->tx, env->now, due, 8, &holds, err);
	for (size_t i = 0; i < holds; i++)
		assert_true(due[i].hold != 0 && due[i].expires_at <= env->now);
	s->rest = str_from(s->line, 4);
	for (struct str name; rc == 0 && (name = word(s)).len;) {
		int64_t want = number(s, word(s));
		if ((int64_t)(str_is(name, "lots") ? lots : holds) != want)
			fail_line(s, "%zu lots, %zu holds", lots, holds);
	}
	return rc;
}

static void advance(struct scenario *s, struct str text)
{
	int64_t unit = text.ptr[text.len - 1] == 'd' ? CLOCK_DAY : CLOCK_MINUTE;

	clock_fake_advance(&s->fixture->clock, number(s, str_first(text, text.len - 1)) * unit);
}

/* ---- a scenario ---- */

static void count(struct scenario *s, struct ledger_counts *ret)
{
	struct fixture_proof proof;
	struct err err = { 0 };
	int rc = fixture_verify(s->fixture, &s->fixture->seal, VERIFY_SLICE_ROWS, &proof, &err);

	assert_ok(rc, &err);
	if (proof.counts.breaches)
		fail_line(s, "%.400s", proof.text);
	*ret = proof.counts;
}

static void arm(const struct scenario *s, size_t n)
{
	if (s->fail == FAIL_STORE)
		store_fail_nth(s->fixture->store, n);
	if (s->fail == FAIL_MEMORY)
		arena_fail_nth(n);
}

/* One unit, failed at its first step, at its second, ... until it has no more steps to fail. */
static void run_unit(struct scenario *s)
{
	struct ledger_counts before, after;
	struct err err = { 0 };
	size_t n = 0;
	int rc;

	count(s, &before);
	s->failed = 0;
	do {
		arm(s, ++n);
		rc = fixture_run(s->fixture, do_unit, s, &err);
		arm(s, 0);
		count(s, &after);
		if (rc < 0 && memcmp(&before, &after, sizeof(before)) != 0)
			fail_line(s, "failure %zu left something behind", n);
	} while (s->fail && (rc == ERR_STORE || rc == ERR_NO_MEMORY) && n < FAILURES_MAX);
	if (s->fail && n < 2)
		fail_line(s, "nothing was made to fail");
	if (rc <= 0 && rc != s->failed)
		fail_line(s, "%s", err.text);
}

static void run_line(struct scenario *s)
{
	if (str_starts(s->line, "balance"))
		look(s, look_standing);
	else if (str_starts(s->line, "lot "))
		look(s, look_lot);
	else if (str_starts(s->line, "history"))
		look(s, look_history);
	else if (str_starts(s->line, "due "))
		look(s, look_due);
	else if (str_starts(s->line, "advance "))
		advance(s, str_from(s->line, 8));
	else if (str_starts(s->line, "member "))
		s->member = fixture_member((int)number(s, str_from(s->line, 7)));
	else if (str_starts(s->line, "programme "))
		s->programme = number(s, str_from(s->line, 10));
	else
		run_unit(s);
}

static void run(const struct scenario_text *scenario, enum fail_what fail)
{
	struct ledger_fixture fixture;
	struct scenario s = { .fixture = &fixture, .fail = fail, .name = scenario->name };
	struct str rest = str_of(scenario->lines);

	fixture_init(&fixture, NULL);
	s.member = fixture_member(1);
	s.programme = 1;
	while (rest.len) {
		s.line = str_trim(str_cut(&rest, '\n'));
		run_line(&s);
	}
	fixture_done(&fixture);
}

static void run_plain(void **state)
{
	run(*state, FAIL_NOTHING);
}

static void run_failing_store(void **state)
{
	run(*state, FAIL_STORE);
}

static void run_failing_memory(void **state)
{
	run(*state, FAIL_MEMORY);
}

#define PLAIN_COUNT (sizeof(scenarios) / sizeof(*scenarios))
#define SCENARIO_COUNT (PLAIN_COUNT + sizeof(forgiven_scenarios) / sizeof(*forgiven_scenarios))

int main(void)
{
	static const CMUnitTestFunction ways[] = { run_plain, run_failing_store,
		run_failing_memory };
	struct CMUnitTest tests[3 * SCENARIO_COUNT];

	for (size_t i = 0; i < 3 * SCENARIO_COUNT; i++) {
		size_t n = i % SCENARIO_COUNT;
		const struct scenario_text *scenario =
			n < PLAIN_COUNT ? &scenarios[n] : &forgiven_scenarios[n - PLAIN_COUNT];
		tests[i] = (struct CMUnitTest) { scenario->name, ways[i / SCENARIO_COUNT],
			test_begin, test_end, (void *)(uintptr_t)scenario };
	}
	return test_main(tests, 3 * SCENARIO_COUNT, __FILE__);
}
