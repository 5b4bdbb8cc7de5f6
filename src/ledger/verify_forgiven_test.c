/* SPDX-License-Identifier: Apache-2.0 */
/* The proof of what was forgiven (L7 within an account): a story posted on some accounts, then
 * changed as a fault of our own code would, with all seals right and all else neat; nothing but
 * what the row names may be found. */
#include "tests/support/test.h"

#include "ledger/tamper_fixture_impl.h"

#define ACCOUNTS 3
#define STORY_ENTRIES 12 /* an account */

/*  1 earn 10                    2 hold 4
 *  3,4 claw 8: 6 taken, 2 forgiven
 *  5 release the hold           6 retaken 2
 *  7 spend 2                    8 claw 1: forgiven
 *  9 restore the 2: retaken 1  10 and restored 1
 * 11 spend 1                   12 claw 1: forgiven, for good so far. Then: nothing. */
static int forgiving(id_t64 member, const struct ledger_env *env, struct ledger_account *account,
	struct err *err)
{
	static const int64_t claws[] = { 8, 1, 1 };
	const struct ledger_ref sale = { LEDGER_REF_SALE, 1, FIXTURE_NOW };
	const struct ledger_ref back = { LEDGER_REF_RETURN, 1, FIXTURE_NOW };
	id_t64 hold = fixture_id(member, 1);
	struct ledger_restored restored;
	struct ledger_clawed clawed;
	int rc = ledger_earn(env, account, 10, LEDGER_NEVER, &sale, err);

	for (int i = 0; rc == 0 && i < 3; i++) {
		const struct ledger_ref reward = { LEDGER_REF_REWARD, 8 + i, FIXTURE_NOW };
		rc = i == 0 ? ledger_hold(env, account, hold, 4, LEDGER_NEVER, &reward, err)
			    : ledger_spend(env, account, 3 - i, &reward, err);
		if (rc == 0)
			rc = ledger_claw(env, account, claws[i], LEDGER_NEVER, LEDGER_FORGIVE,
				&back, &clawed, err);
		if (rc == 0 && i == 0)
			rc = ledger_hold_release(env, account, hold, false, &reward, err);
		if (rc == 0 && i == 1)
			rc = ledger_restore(env, account, &reward, &restored, err);
	}
	return rc;
}

static int post(void *user, const struct ledger_env *env, struct err *err)
{
	int rc = 0;

	for (int i = 1; rc == 0 && i <= ACCOUNTS; i++) {
		struct ledger_account *account;
		rc = ledger_open(env, fixture_member(i), 1, &account, err);
		if (rc == 0)
			rc = forgiving(fixture_member(i), env, account, err);
		if (rc == 0)
			rc = ledger_save(env, account, err);
	}
	return rc;
}

static const struct tamper_row rows[] = {
	{ "an undo gives back what was forgiven, and all else is neat",
		"UPDATE forgiven SET remaining = 1 WHERE forgiven_at = (SELECT posted_at "
		"FROM entries e WHERE e.version = 8 AND e.member = forgiven.member "
		"AND e.programme = forgiven.programme);"
		"UPDATE entries SET kind = 10, contra = 2, amount = 1, moved = 1, counted = 0, "
		"lot = 9223372036854775807 WHERE version = 9;"
		"UPDATE entries SET balance = balance + 1 WHERE version >= 9;"
		"UPDATE accounts SET balance = balance + 1, lasting = lasting + 1",
		"L7", "entry 9 gives back what a return had forgiven" },
	{ "an undo takes back more than was forgiven",
		"UPDATE entries SET counted = 2 WHERE version = 9", "L7",
		"entry 9 takes back what was not forgiven" },
	{ "an undo gives back what was not spent", "UPDATE entries SET ref = 77 WHERE version = 10",
		"L7", "entry 10 gives back more than was spent" },
	{ "spent before, the proof must know since when",
		"UPDATE entries SET ref = 77 WHERE version = 7", "L7 L9",
		"entry 9 takes back what was not forgiven" },
	{ "a release gives nothing to the return",
		"UPDATE entries SET kind = 4, counted = 0 WHERE version = 6", "L7",
		"entry 6 comes before what had been forgiven was taken back" },
	{ "a release gives more than was forgiven",
		"UPDATE entries SET counted = 1 WHERE version = 4", "L7",
		"entry 6 takes back what was not forgiven" },
	{ "a release, and nothing after it", "DELETE FROM entries WHERE version > 5", "L2 L7 L8 L9",
		"2 that had been forgiven came free and stayed" },
	{ "counted is not what was taken", "UPDATE entries SET counted = 1 WHERE version = 6",
		"L1 L7", "entry 6 is not what its kind 11 may be" },
	{ "nothing is retaken", "UPDATE entries SET counted = 0 WHERE version = 9", "L1 L7 L9",
		"entry 9 is not what its kind 11 may be" },
	{ "what is left", "UPDATE forgiven SET remaining = remaining + 1", "L9",
		"is left of what was forgiven at" },
	{ "nothing left", "DELETE FROM forgiven", "L9", "0 is left of what was forgiven at" },
	{ "forgiven to nobody", "UPDATE forgiven SET member = member + 1", "L7 L9",
		"it has something forgiven and no row" },
};

static void what_was_forgiven_is_proved(void **state)
{
	struct ledger_fixture original;
	struct fixture_proof proof;
	struct err err = { 0 };

	fixture_init(&original, "/tmp");
	assert_ok(fixture_run(&original, post, NULL, &err), &err);
	tamper_prove(&original, VERIFY_SLICE_ROWS, &proof);
	assert_string_equal(proof.text, "");
	assert_int_equal(proof.counts.entries, STORY_ENTRIES * ACCOUNTS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct tamper_row *row = &rows[i];
		int64_t names = (int64_t)(strlen(row->breaches) + 1) / 3;
		int64_t found = tamper_check(&original, row);
		if (found != names * ACCOUNTS)
			fail_msg("row \"%s\": %lld breaches", row->name, (long long)found);
	}
	fixture_done(&original);
}

int main(void)
{
	return TEST_MAIN(test(what_was_forgiven_is_proved));
}
