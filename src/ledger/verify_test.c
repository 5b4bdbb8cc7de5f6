/* SPDX-License-Identifier: Apache-2.0 */
/* The proof finds what is wrong. One story is posted on six accounts of a file; then somebody
 * writes into the file past us, by SQL, and the proof must name the invariants that broke.
 *
 * A row may ask that all chains be sealed again, with the right key, as a fault of our own code
 * would: then no seal gives it away, and the rules must. */
#include "tests/support/test.h"

#include <sqlite3.h>

#include "ledger/tamper_fixture_impl.h"

#define MEMBERS 3
#define PROGRAMMES 2
#define ACCOUNTS (MEMBERS * PROGRAMMES)
#define STORY_ENTRIES 14 /* an account */
#define DAY30 (FIXTURE_NOW + 30 * CLOCK_DAY)
#define DAY60 (FIXTURE_NOW + 60 * CLOCK_DAY)

/* ---- the story ---- */

struct chapter {
	id_t64 member;
	int programme;
	bool later; /* 61 days on */
};

/*  1 earn 10 until day 30      2 earn 10 until day 60     3 earn 5, lasting
 *  4 hold 4                    5 give it                  6 hold 3, which stays open
 *  7,8 spend 8 (6 + 2)         -- 61 days pass --
 *  9 expire 8                  10,11 claw 10 of day 60: 8 counted, 2 taken
 * 12 claw 4: owed              13,14 restore the 8: 6 (4 of it pay the debt) + 2
 * Then: balance 7 = day 30: 2 + day 60: 2 + lasting 3, held 3. */
static int first_days(const struct chapter *c, const struct ledger_env *env,
	struct ledger_account *account, struct err *err)
{
	const struct ledger_ref sale = { LEDGER_REF_SALE, 1, FIXTURE_NOW };
	const struct ledger_ref reward = { LEDGER_REF_REWARD, 8, FIXTURE_NOW };
	id_t64 given = fixture_id(c->member, 2 * c->programme);
	id_t64 open = fixture_id(c->member, 2 * c->programme + 1);
	int rc = ledger_earn(env, account, 10, DAY30, &sale, err);

	if (rc == 0)
		rc = ledger_earn(env, account, 10, DAY60, &sale, err);
	if (rc == 0)
		rc = ledger_earn(env, account, 5, LEDGER_NEVER, &sale, err);
	if (rc == 0)
		rc = ledger_hold(env, account, given, 4, DAY30, &sale, err);
	if (rc == 0)
		rc = ledger_hold_spend(env, account, given, &sale, err);
	if (rc == 0)
		rc = ledger_hold(env, account, open, 3, LEDGER_NEVER, &sale, err);
	return rc ? rc : ledger_spend(env, account, 8, &reward, err);
}

static int last_days(const struct ledger_env *env, struct ledger_account *account, struct err *err)
{
	const struct ledger_ref back = { LEDGER_REF_RETURN, 1, FIXTURE_NOW };
	const struct ledger_ref reward = { LEDGER_REF_REWARD, 8, FIXTURE_NOW };
	struct ledger_restored restored;
	struct ledger_clawed clawed;
	int64_t amount;
	int rc = ledger_expire(env, account, &amount, err);

	if (rc == 0)
		rc = ledger_claw(env, account, 10, DAY60, LEDGER_DEBT, &back, &clawed, err);
	if (rc == 0)
		rc = ledger_claw(env, account, 4, LEDGER_NEVER, LEDGER_DEBT, &back, &clawed, err);
	return rc ? rc : ledger_restore(env, account, &reward, &restored, err);
}

static int post_chapter(void *user, const struct ledger_env *env, struct err *err)
{
	const struct chapter *c = user;
	struct ledger_account *account;
	int rc = ledger_open(env, c->member, c->programme, &account, err);

	if (rc == 0)
		rc = c->later ? last_days(env, account, err) : first_days(c, env, account, err);
	return rc ? rc : ledger_save(env, account, err);
}

static void post_chapters(struct ledger_fixture *fixture, bool later)
{
	for (int i = 0; i < ACCOUNTS; i++) {
		struct chapter c = { fixture_member(i / PROGRAMMES + 1), i % PROGRAMMES + 1,
			later };
		struct err err = { 0 };
		assert_ok(fixture_run(fixture, post_chapter, &c, &err), &err);
	}
}

static void tell(struct ledger_fixture *fixture)
{
	fixture_init(fixture, "/tmp");
	post_chapters(fixture, false);
	clock_fake_advance(&fixture->clock, 61 * CLOCK_DAY);
	post_chapters(fixture, true);
}

/* ---- the table ---- */

static const struct tamper_row rows[] = {
	{ "a balance", "UPDATE accounts SET balance = balance + 1 WHERE programme = 1",
		"L2 L4 L9" },
	{ "a debt", "UPDATE accounts SET debt = 1 WHERE programme = 1", "L2 L3 L9" },
	{ "held", "UPDATE accounts SET held = 0 WHERE programme = 1", "L5 L9" },
	{ "lasting", "UPDATE accounts SET lasting = lasting - 1 WHERE programme = 1", "L4 L9" },
	{ "the soonest expiry", "UPDATE accounts SET soonest = soonest + 1", "L9" },
	{ "a version", "UPDATE accounts SET entries = entries - 1 WHERE programme = 1", "L8 L9" },
	{ "a head", "UPDATE accounts SET head = zeroblob(32) WHERE programme = 1", "L8 L9" },
	{ "a short head", "UPDATE accounts SET head = x'00' WHERE programme = 1", "L8" },
	{ "the time of the head", "UPDATE accounts SET last_at = last_at + 1", "L8 L9" },
	{ "the bucket of an account", "UPDATE accounts SET bucket = bucket + 1 WHERE programme = 1",
		"L9" },
	{ "no account row", "DELETE FROM accounts WHERE programme = 1", "L4 L5 L8" },

	{ "an amount", "UPDATE entries SET amount = amount + 1 WHERE version = 1", "L8 L3 L2" },
	{ "an amount, neatly",
		"UPDATE entries SET amount = 11, moved = 11, balance = 11 "
		"WHERE version = 1",
		"L8 L2 L9" },
	{ "when it happened",
		"UPDATE entries SET effective_at = effective_at + 1 "
		"WHERE version = 3",
		"L8" },
	{ "why", "UPDATE entries SET ref = ref + 1 WHERE version = 3", "L8" },
	{ "the other side", "UPDATE entries SET contra = 2 WHERE version = 1", "L1 L8" },
	{ "when it was posted", "UPDATE entries SET posted_at = posted_at + 1 WHERE version = 14",
		"L8" },
	{ "a hash", "UPDATE entries SET hash = zeroblob(32) WHERE version = 2", "L8" },
	{ "a short hash", "UPDATE entries SET hash = x'00' WHERE version = 2", "L8" },
	{ "no hash", "UPDATE entries SET hash = '' WHERE version = 2", "L8" },
	{ "the first entry is gone", "DELETE FROM entries WHERE version = 1", "L8 L2" },
	{ "one in the middle is gone", "DELETE FROM entries WHERE version = 3", "L8 L2" },
	{ "one that moved nothing is gone", "DELETE FROM entries WHERE version = 10", "L8" },
	{ "the last entry is gone", "DELETE FROM entries WHERE version = 14", "L8 L2" },
	{ "two are swapped", "UPDATE entries SET version = 5 - version WHERE version IN (2, 3)",
		"L8" },
	{ "one stands twice",
		"INSERT INTO entries SELECT bucket, member, programme, version, "
		"posted_at + 1, effective_at, kind, contra, amount, moved, lot, counted, balance, "
		"debt, held, hold, ref_kind, ref, prev_at, hash FROM entries WHERE version = 14",
		"L8 L2" },
	{ "one of nobody's", "UPDATE entries SET member = member + 1 WHERE version = 14", "L8" },

	{ "a lot", "UPDATE lots SET remaining = remaining + 1", "L4 L9" },
	{ "what expired", "UPDATE lots SET expired = expired + 1", "L9" },
	{ "a lot is gone", "DELETE FROM lots", "L4 L9" },
	{ "a lot of nobody's", "UPDATE lots SET member = member + 1", "L4 L9" },
	{ "a lot below zero",
		"UPDATE lots SET remaining = CASE remaining WHEN 2 THEN -2 END "
		"WHERE remaining = 2",
		"L4" },
	{ "a hold revived", "UPDATE holds SET state = 1, ended_at = 0 WHERE state = 2", "L5 L9" },
	{ "a hold ended otherwise", "UPDATE holds SET state = 3 WHERE state = 2", "L9" },
	{ "a hold made longer", "UPDATE holds SET expires_at = expires_at + 1 WHERE state = 2",
		"L9" },
	{ "a hold made larger", "UPDATE holds SET amount = amount + 1 WHERE state = 1", "L5 L9" },
	{ "a hold is gone", "DELETE FROM holds WHERE state = 1", "L5 L9" },
	{ "a hold of nobody's", "UPDATE holds SET member = member + 1", "L5" },

	/* ours: the seals are right */
	{ "the other side", "UPDATE entries SET contra = 2 WHERE version = 1", "L1",
		"entry 1 is not what its kind 1 may be" },
	{ "an unknown kind", "UPDATE entries SET kind = 99 WHERE version = 12", "L1",
		"entry 12 is not what its kind 99 may be" },
	{ "an earn that takes", "UPDATE entries SET amount = -10, moved = -10 WHERE version = 1",
		"L1 L2", "entry 1 is not what its kind 1 may be" },
	{ "an amount, sealed",
		"UPDATE entries SET amount = 11, moved = 11, balance = 11 "
		"WHERE version = 1",
		"L2 L9", "entry 2 says balance 20, debt 0; the entries" },
	{ "a sum beside it", "UPDATE entries SET balance = balance + 1 WHERE version = 5", "L2",
		"entry 5 says balance" },
	{ "sums that overflow",
		"UPDATE entries SET amount = 9223372036854775807, "
		"moved = 9223372036854775807, balance = 9223372036854775807 "
		"WHERE version IN (1, 2)",
		"L2", "entry 2 does not add up" },
	{ "lasting that overflows",
		"UPDATE entries SET amount = 9223372036854775807, "
		"moved = 9223372036854775807, lot = 9223372036854775807 WHERE version IN (1, 3)",
		"L4", "entry 3 does not add up" },
	{ "a spend below zero", "UPDATE entries SET amount = -60, moved = -60 WHERE version = 8",
		"L2 L3 L4", "entry 8 took the balance below zero" },
	{ "a debt below zero",
		"UPDATE entries SET kind = 9, contra = 6, amount = 0 "
		"WHERE version = 7",
		"L3", "after entry 7 the debt is below zero" },
	{ "debt not filled first", "UPDATE entries SET moved = amount WHERE version = 13", "L2 L3",
		"entry 13 does not fill the debt first" },
	{ "below zero not filled first",
		"UPDATE entries SET kind = 4, contra = 4, amount = -1, "
		"moved = -1, lot = 9223372036854775807 WHERE version = 1",
		"L3", "entry 2 does not fill what lacks to zero first" },
	{ "debt while there is balance", "UPDATE accounts SET debt = 1", "L2 L3",
		"it has a debt though something is available" },
	{ "not the soonest lot",
		"UPDATE entries SET lot = (SELECT max(lot) FROM entries "
		"WHERE kind = 1 AND lot < 9223372036854775807) WHERE version = 7",
		"L4", "entry 7 did not take what expires soonest" },
	{ "expired before its time",
		"UPDATE entries SET lot = lot + 36500 * 86400000000 "
		"WHERE version = 9",
		"L4", "entry 9 expired a lot before its time" },
	{ "counted what had not expired", "UPDATE entries SET counted = 9 WHERE version = 10",
		"L4 L9", "entry 10 takes more than its lot had" },
	{ "held of nothing", "UPDATE entries SET held = held + 1 WHERE version = 7", "L5",
		"entry 7 says 4 are held, the holds make 3" },
	{ "a hold of nothing", "UPDATE entries SET held = 0 WHERE version = 4", "L5",
		"entry 4 holds nothing" },
	{ "a hold ends twice",
		"UPDATE entries SET hold = (SELECT e.hold FROM entries e "
		"WHERE e.version = 4 AND e.member = entries.member "
		"AND e.programme = entries.programme) WHERE version = 7",
		"L5", "entry 7 ends a hold that was not open" },
	{ "a hold is made twice",
		"UPDATE entries SET hold = (SELECT e.hold FROM entries e "
		"WHERE e.version = 4 AND e.member = entries.member "
		"AND e.programme = entries.programme) WHERE version = 6",
		"L5", "entry 6 makes a hold a second time" },
	{ "more held than there is", "UPDATE entries SET held = 99 WHERE version = 4", "L5",
		"after entry 4 more is held than there is" },
	{ "not linked", "UPDATE entries SET prev_at = prev_at - 1 WHERE version = 5", "L8",
		"entry 5 is not linked to the one before" },
	{ "a lot's row, sealed", "UPDATE lots SET expired = expired + 1", "L9",
		"is not what its entries make" },
};

static void what_was_changed_is_named(void **state)
{
	struct ledger_fixture original;

	tell(&original);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		(void)tamper_check(&original, &rows[i]);
	fixture_done(&original);
}

/* An attacker who knows the code but not the key, at each place of the chain. */
static void another_key_is_found(void **state)
{
	struct ledger_fixture original;

	tell(&original);
	for (int64_t from = 1; from <= STORY_ENTRIES; from++) {
		struct ledger_fixture fixture;
		struct fixture_proof proof;
		struct secret other = { { 8 } };
		fixture_copy(&original, &fixture);
		sqlite3 *db = tamper_open(&fixture);
		tamper_seal(db, &fixture.seal, 1);
		tamper_prove(&fixture, VERIFY_SLICE_ROWS, &proof);
		assert_int_equal(proof.counts.breaches, 0);
		tamper_seal(db, &other, from);
		sqlite3_close(db);
		tamper_prove(&fixture, VERIFY_SLICE_ROWS, &proof);
		assert_int_equal(proof.counts.breaches, ACCOUNTS);
		tamper_expect("another key", "L8", NULL, &proof);
		fixture_done(&fixture);
	}
	fixture_done(&original);
}

static void an_untouched_store_is_sound(void **state)
{
	struct ledger_fixture fixture;
	struct fixture_proof proof;

	tell(&fixture);
	for (int64_t slice_rows = 1; slice_rows < 40; slice_rows++) {
		tamper_prove(&fixture, slice_rows, &proof);
		assert_string_equal(proof.text, "");
		assert_int_equal(proof.counts.breaches, 0);
		assert_int_equal(proof.counts.accounts, ACCOUNTS);
		assert_int_equal(proof.counts.entries, ACCOUNTS * STORY_ENTRIES);
		assert_int_equal(proof.counts.lots, ACCOUNTS * 2);
		assert_int_equal(proof.counts.holds, ACCOUNTS * 2);
	}
	fixture_done(&fixture);
}

/* 25 were earned by sale 1, a return took back 14 of it: 8 counted, 2 taken, 4 owed. */
static void what_entries_say_of_sales(void **state)
{
	static uint64_t sums[LEDGER_SUMS];
	struct ledger_fixture fixture;
	struct fixture_proof proof = { 0 };
	struct ledger_report report = { fixture_note_breach, NULL, &proof, sums };
	struct store_tx *tx;
	struct err err = { 0 };

	memset(sums, 0, sizeof(sums));
	tell(&fixture);
	assert_ok(store_read_begin(fixture.store, &tx, &err), &err);
	assert_ok(ledger_verify(tx, &fixture.seal, &report, &proof.counts, &err), &err);
	store_read_end(&tx);
	for (int m = 1; m <= MEMBERS; m++) {
		uint64_t *sum = &sums[id_bucket(fixture_member(m))];
		for (int p = 1; p <= PROGRAMMES; p++)
			*sum -= ledger_sale_mark(1, p) * (25 - 14);
	}
	for (size_t i = 0; i < LEDGER_SUMS; i++)
		assert_true(sums[i] == 0);
	fixture_done(&fixture);
}

static void an_empty_store_is_sound(void **state)
{
	struct ledger_fixture fixture;
	struct fixture_proof proof;

	fixture_init(&fixture, NULL);
	tamper_prove(&fixture, VERIFY_SLICE_ROWS, &proof);
	assert_int_equal(proof.counts.breaches + proof.counts.accounts, 0);
	fixture_done(&fixture);
}

/* A proof that could not look must not say that all is well. */
static void it_says_when_it_could_not_look(void **state)
{
	struct ledger_fixture fixture;
	struct fixture_proof proof;
	struct err err;
	int rc = ERR_STORE;
	size_t n = 0;

	tell(&fixture);
	while (rc == ERR_STORE && n < 1000) {
		store_fail_nth(fixture.store, ++n);
		rc = fixture_verify(&fixture, &fixture.seal, VERIFY_SLICE_ROWS, &proof, &err);
		store_fail_nth(fixture.store, 0);
	}
	assert_int_equal(rc, 0);
	assert_true(n > ACCOUNTS * STORY_ENTRIES);
	for (n = 1, rc = ERR_NO_MEMORY; rc == ERR_NO_MEMORY && n < 1000; n++) {
		arena_fail_nth(n);
		rc = fixture_verify(&fixture, &fixture.seal, VERIFY_SLICE_ROWS, &proof, &err);
		arena_fail_nth(0);
	}
	assert_int_equal(rc, 0);
	assert_true(n > ACCOUNTS);
	fixture_done(&fixture);
}

int main(void)
{
	return TEST_MAIN(test(an_empty_store_is_sound), test(an_untouched_store_is_sound),
		test(what_entries_say_of_sales), test(what_was_changed_is_named),
		test(another_key_is_found), test(it_says_when_it_could_not_look));
}
