/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, picking, saving, walking back; the guards when somebody else was quicker; and rows that
 * contradict themselves, which must be refused and not end the program. */
#include "tests/support/test.h"

#include <sqlite3.h>

#include "ledger/fixture_impl.h"
#include "store/store_lint.h"

static const struct ledger_ref ref = { LEDGER_REF_SALE, 1, FIXTURE_NOW };

static int run(struct ledger_fixture *fixture, fixture_work *work)
{
	struct err err = { 0 };
	return fixture_run(fixture, work, NULL, &err);
}

static int earn(const struct ledger_env *env, struct ledger_account *account, struct err *err)
{
	int rc = ledger_earn(env, account, 10, LEDGER_NEVER, &ref, err);
	return rc ? rc : ledger_save(env, account, err);
}

/* ---- reading ---- */

#define MANY 20

static int make_many(void *user, const struct ledger_env *env, struct err *err)
{
	int rc = 0;

	for (int p = MANY; rc == 0 && p > 0; p--) {
		struct ledger_account *account;
		rc = ledger_open(env, fixture_member(1), p, &account, err);
		for (int i = 0; rc == 0 && i < p; i++)
			rc = ledger_earn(env, account, 1, LEDGER_NEVER, &ref, err);
		if (rc == 0)
			rc = ledger_save(env, account, err);
	}
	return rc;
}

static int open_many(void *user, const struct ledger_env *env, struct err *err)
{
	struct ledger_account **all, *picked;
	size_t count;

	assert_ok(fixture_open_all(env, fixture_member(1), &all, &count, err), err);
	assert_int_equal(count, MANY);
	for (int p = 1; p <= MANY; p++) {
		assert_int_equal(ledger_standing(all[p - 1])->programme, p);
		assert_int_equal(ledger_standing(all[p - 1])->balance, p);
		assert_ok(ledger_pick(env, fixture_member(1), p, all, count, &picked, err), err);
		assert_ptr_equal(picked, all[p - 1]);
	}
	assert_ok(ledger_pick(env, fixture_member(1), 99, all, count, &picked, err), err);
	assert_int_equal(ledger_standing(picked)->entries, 0);
	assert_ok(ledger_save(env, picked, err), err); /* nothing was posted: nothing is written */
	assert_ok(fixture_open_all(env, fixture_member(2), &all, &count, err), err);
	assert_int_equal(count, 0);
	return 0;
}

static int walk_many(void *user, const struct ledger_env *env, struct err *err)
{
	struct ledger_entry page[7];
	size_t count;

	for (int p = 1; p <= MANY; p++) {
		for (size_t max = 1; max <= 7; max++) {
			struct ledger_cursor cursor = { 0 };
			int64_t next = p, at = INT64_MAX;
			do {
				assert_ok(ledger_history(env->tx, fixture_member(1), p, &cursor,
						  page, max, &count, err),
					err);
				for (size_t i = 0; i < count; i++) {
					assert_int_equal(page[i].version, next);
					assert_int_equal(page[i].balance, next--);
					assert_true(page[i].posted_at < at);
					at = page[i].posted_at;
				}
			} while (count == max);
			assert_int_equal(next, 0);
			assert_int_equal(page[count ? count - 1 : max - 1].prev_at, 0);
		}
	}
	struct ledger_cursor cursor = { 0 };
	assert_ok(ledger_history(env->tx, fixture_member(2), 1, &cursor, page, 7, &count, err),
		err);
	assert_int_equal(count, 0);
	return 0;
}

static void accounts_are_found(void **state)
{
	struct ledger_fixture fixture;

	fixture_init(&fixture, NULL);
	assert_int_equal(run(&fixture, make_many), 0);
	assert_int_equal(run(&fixture, open_many), 0);
	assert_int_equal(run(&fixture, walk_many), 0);
	fixture_assert_sound(&fixture, "many accounts");
	fixture_done(&fixture);
}

static int save_twice(void *user, const struct ledger_env *env, struct err *err)
{
	struct ledger_account *account;
	int rc = ledger_open(env, fixture_member(1), 1, &account, err);

	for (int i = 0; rc == 0 && i < 3; i++) {
		rc = ledger_earn(env, account, 5, FIXTURE_NOW + CLOCK_DAY, &ref, err);
		if (rc == 0)
			rc = ledger_save(env, account, err);
		if (rc == 0 && i == 1)
			rc = ledger_spend(env, account, 7, &ref, err);
	}
	assert_int_equal(ledger_standing(account)->balance, 8);
	return rc;
}

static void an_account_is_saved_as_often_as_wanted(void **state)
{
	struct ledger_fixture fixture;

	fixture_init(&fixture, NULL);
	assert_int_equal(run(&fixture, save_twice), 0);
	fixture_assert_sound(&fixture, "saved three times");
	fixture_done(&fixture);
}

/* ---- guards ---- */

/* As two units that read the same version: the second to save must not be kept. */
static int two_copies(void *user, const struct ledger_env *env, struct err *err)
{
	struct ledger_account *a, *b;
	int rc = ledger_open(env, fixture_member(1), 1, &a, err);

	if (rc == 0)
		rc = ledger_open(env, fixture_member(1), 1, &b, err);
	if (rc == 0)
		rc = earn(env, a, err);
	if (rc == 0)
		/* another time: the entry itself must not be what gives it away */
		rc = ledger_earn(
			&(struct ledger_env) { env->tx, env->seal, env->now + 9, env->arena }, b,
			10, LEDGER_NEVER, &ref, err);
	if (rc == 0) {
		rc = ledger_save(env, b, err);
		assert_int_equal(rc, STORE_MOVED);
	}
	return rc;
}

static int earn_once(void *user, const struct ledger_env *env, struct err *err)
{
	struct ledger_account *account;
	int rc = ledger_open(env, fixture_member(1), 1, &account, err);

	return rc ? rc : earn(env, account, err);
}

static void the_second_of_two_is_run_again(void **state)
{
	struct ledger_fixture fixture;
	struct fixture_proof proof;
	struct err err = { 0 };

	fixture_init(&fixture, NULL);
	for (int entries = 0; entries < 2; entries++) { /* first without a row, then with one */
		assert_int_equal(run(&fixture, two_copies), ERR_BUSY);
		assert_ok(fixture_verify(&fixture, &fixture.seal, VERIFY_SLICE_ROWS, &proof, &err),
			&err);
		assert_int_equal(proof.counts.entries, entries);
		assert_int_equal(proof.counts.breaches, 0);
		assert_int_equal(run(&fixture, earn_once), 0);
	}
	fixture_done(&fixture);
}

/* ---- rows that contradict themselves ---- */

static int fill(void *user, const struct ledger_env *env, struct err *err)
{
	struct ledger_account *account;
	id_t64 hold = fixture_id(fixture_member(1), 1);
	int rc = ledger_open(env, fixture_member(1), 1, &account, err);

	if (rc == 0)
		rc = ledger_earn(env, account, 10, FIXTURE_NOW + CLOCK_DAY, &ref, err);
	if (rc == 0)
		rc = ledger_hold(env, account, hold, 4, FIXTURE_NOW + CLOCK_DAY, &ref, err);
	if (rc == 0)
		rc = ledger_earn(env, account, 10, LEDGER_NEVER, &ref, err);
	return rc ? rc : ledger_save(env, account, err);
}

static int use_all(void *user, const struct ledger_env *env, struct err *err)
{
	const struct ledger_ref nobody = { LEDGER_REF_STAFF, 9, 0 };
	struct ledger_account *account, **all;
	struct ledger_restored restored;
	size_t count;
	int rc = fixture_open_all(env, fixture_member(1), &all, &count, err);

	if (rc == 0)
		rc = ledger_open(env, fixture_member(1), 1, &account, err);
	if (rc == 0)
		rc = ledger_restore(env, account, &nobody, &restored, err);
	if (rc == 0)
		rc = ledger_spend(env, account, 1, &ref, err);
	if (rc == 0)
		rc = ledger_hold_spend(env, account, fixture_id(fixture_member(1), 1), &ref, err);
	return rc ? rc : UNIT_DROP;
}

static const struct {
	const char *name, *sql;
} broken[] = {
	{ "more held than there is", "UPDATE accounts SET held = 99" },
	{ "a debt beside a balance", "UPDATE accounts SET debt = 1" },
	{ "less than nothing held", "UPDATE accounts SET held = -1" },
	{ "points in no lot", "UPDATE accounts SET soonest = 0" },
	{ "a head that is not one", "UPDATE accounts SET head = x'01'" },
	{ "no entries", "UPDATE accounts SET entries = 0" },
	{ "a lot with more", "UPDATE lots SET remaining = 11" },
	{ "no lot", "DELETE FROM lots" },
	{ "less than nothing expired", "UPDATE lots SET expired = -1" },
	{ "a missing entry", "DELETE FROM entries WHERE version = 2" },
	{ "a hash that is not one", "UPDATE entries SET hash = x'01' WHERE version = 2" },
	{ "a hold larger than held", "UPDATE holds SET amount = 5" },
};

static void what_is_broken_is_refused(void **state)
{
	struct ledger_fixture original;

	fixture_init(&original, "/tmp");
	assert_int_equal(run(&original, fill), 0);
	/* Each place logs once: the row's, the lot's, the lots', the walk's two, the hold's. */
	test_expect_errors(6);
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct ledger_fixture fixture;
		sqlite3 *db;
		fixture_copy(&original, &fixture);
		assert_row(broken[i].name, run(&fixture, use_all) == UNIT_DROP);
		assert_int_equal(sqlite3_open(fixture.path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, broken[i].sql, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		assert_row(broken[i].name, run(&fixture, use_all) == ERR_BROKEN);
		fixture_done(&fixture);
	}
	fixture_done(&original);
}

/* ---- one text for every engine ---- */

static void say_fault(void *user, const char *stmt, const char *why)
{
	print_error("%s: %s\n", stmt, why);
}

static void statements_are_of_every_engine(void **state)
{
	static const struct store_room *const rooms[] = { &ledger_room };

	assert_int_equal(store_lint(rooms, 1, say_fault, NULL), 0);
}

int main(void)
{
	return TEST_MAIN(test(accounts_are_found), test(an_account_is_saved_as_often_as_wanted),
		test(the_second_of_two_is_run_again), test(what_is_broken_is_refused),
		test(statements_are_of_every_engine));
}
