/* SPDX-License-Identifier: Apache-2.0 */
/* The contract: what becomes of a unit. To add a case: a function, and its row at the end. */
#include "store/contract_impl.h"

/* ---- units ---- */

static const struct {
	const char *name;
	char told;
	int rc, runs, entries;
} fates[] = {
	{ "kept", 'k', 0, 1, 1 },
	{ "dropped after writing", 'd', 0, 1, 0 },
	{ "dropped before writing", 'D', 0, 1, 0 },
	{ "failed after writing", 'f', ERR_CONFLICT, 1, 0 },
	{ "failed before writing", 'F', ERR_CONFLICT, 1, 0 },
	{ "moved for ever", 'm', ERR_BUSY, UNIT_RUNS_MAX, 0 },
	{ "moved for ever before writing", 'M', ERR_BUSY, UNIT_RUNS_MAX, 0 },
	{ "moved twice", 't', 0, 3, 1 },
	{ "swallows a failed statement", 's', ERR_STORE, 1, 0 },
	{ "swallows a failed expectation", 'e', ERR_BUSY, UNIT_RUNS_MAX, 0 },
	{ "meets a unique key", 'u', ERR_BUSY, UNIT_RUNS_MAX, 0 },
};

static void test_fates(struct fixture *fixture)
{
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		struct post post;
		post_init(&post, 100 + (int64_t)i, 7, fates[i].told);
		assert_row(fates[i].name, run_post(fixture, &post) == fates[i].rc);
		assert_row(fates[i].name, post.unit.rc == fates[i].rc);
		assert_row(fates[i].name, (post.unit.err.text[0] != '\0') == (fates[i].rc < 0));
		assert_row(fates[i].name, post.runs == fates[i].runs);
		assert_row(fates[i].name, post.finished == 0);
		assert_row(fates[i].name, entries_of(fixture, post.account) == fates[i].entries);
	}
	assert_sums(fixture);
}

static void test_rows_left_open(struct fixture *fixture)
{
	struct post post;
	count_unexpected();
	post_init(&post, 1, 1, 'l');
	assert_ok(run_post(fixture, &post), &post.unit.err);
	assert_int_equal(entries_of(fixture, 1), 1);
	assert_int_equal(unexpected_count, 1);
}

/* After a failed statement the unit's others do nothing and say the same. */
static int go_on_after_failure(struct job *job, struct store_tx *tx, struct err *err)
{
	struct store_rows *rows = NULL;
	struct err other;
	int rc = store_write(tx, &add_account, ARGS(V_INT(1), V_INT(1), V_NULL), 1, err);
	assert_true(rc == ERR_STORE || (job->in && rc == 0));
	if (rc == 0) { /* then the first row that is asked for says it */
		assert_int_equal(
			store_query(tx, &find_account, ARGS(V_INT(1), V_INT(2)), &rows, err), 0);
		assert_int_equal(store_next(rows, err), ERR_STORE);
		store_rows_done(&rows);
	}
	assert_int_equal(
		store_write(tx, &add_account, ARGS(V_INT(1), V_INT(2), V_INT(0)), 1, &other),
		ERR_STORE);
	assert_string_equal(other.text, err->text);
	assert_int_equal(store_query(tx, &find_account, ARGS(V_INT(1), V_INT(2)), &rows, NULL),
		ERR_STORE);
	assert_null(rows);
	return UNIT_DROP;
}

static void test_after_failure(struct fixture *fixture)
{
	struct job job = { .work = go_on_after_failure, .in = fixture->engine->late };
	assert_int_equal(run_job(fixture, &job), ERR_STORE);
	assert_int_equal(balance_of(fixture, 2), -1);
}

/* "The primary key finds out, the unit is run again with a new id." */
static int new_id_each_run(struct job *job, struct store_tx *tx, struct err *err)
{
	return store_write(tx, &add_account, ARGS(V_INT(9), V_INT(8 + job->runs), V_INT(1)), 1,
		err);
}

static void test_id_meets(struct fixture *fixture)
{
	struct job job = { .work = new_id_each_run };
	make_account(fixture, 9, 1);
	assert_int_equal(run_job(fixture, &job), 0);
	assert_int_equal(job.runs, 2);
}

static int query_meets(struct job *job, struct store_tx *tx, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &add_account_returning,
		ARGS(V_INT(9), V_INT(8 + job->runs), V_INT(5)), &rows, err);
	if (rc)
		return rc;
	rc = store_next(rows, err);
	job->out = rc == 1 ? store_int(rows, 0) : -1;
	return rc < 0 ? rc : 0;
}

static void test_query_meets(struct fixture *fixture)
{
	struct job job = { .work = query_meets };
	make_account(fixture, 9, 1);
	assert_int_equal(run_job(fixture, &job), 0);
	assert_int_equal(job.runs, 2);
	assert_int_equal(job.out, 5);
}

static int expectations(struct job *job, struct store_tx *tx, struct err *err)
{
	static const struct {
		const char *name;
		int64_t account, expect;
	} rows[] = {
		{ "one of one", 1, 1 },
		{ "none of none", -1, 0 },
		{ "any of one", 1, STORE_ANY },
		{ "any of none", -1, STORE_ANY },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_row(rows[i].name,
			store_write(tx, &change_account,
				ARGS(V_INT(1), V_INT(rows[i].account), V_INT(10)), rows[i].expect,
				err) == 0);
	return 0;
}

static void test_expectations(struct fixture *fixture)
{
	make_account(fixture, 1, 5);
	assert_int_equal(do_job(fixture, expectations), 0);
	assert_int_equal(balance_of(fixture, 1), 25);
}

/* ---- time ---- */

static void test_time(struct fixture *fixture)
{
	struct post post;
	int64_t last = 0;
	static const int64_t steps[] = { 0, 0, 1000, -CLOCK_HOUR, 0, 2 * CLOCK_HOUR, 0 };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fixture->clock.now += steps[i];
		post_init(&post, 1, 1, 'k');
		assert_ok(run_post(fixture, &post), &post.unit.err);
		assert_true(post.now > last);
		assert_true(post.now >= fixture->clock.now);
		last = post.now;
	}
}

/* ---- programmers' faults ---- */

static int wrong_statements(struct job *job, struct store_tx *tx, struct err *err)
{
	static const struct store_stmt broken = { "test.broken", STORE_ONE, "SELEKT 1" };
	static const struct store_stmt two = { "test.two", STORE_ONE, "SELECT 1; SELECT 2" };
	struct store_rows *rows ROWS_AUTO = NULL;
	switch (job->in) {
	case 0:
		return store_query(tx, &broken, NO_ARGS, &rows, err);
	case 1:
		return store_query(tx, &two, NO_ARGS, &rows, err);
	default:
		return store_query(tx, &find_account, ARGS(V_INT(1)), &rows, err);
	}
}

static void test_wrong_statements(struct fixture *fixture)
{
	const int expected[] = { ERR_STORE, fixture->engine->late ? ERR_STORE : ERR_INTERNAL,
		ERR_INTERNAL };
	struct job job = { .work = wrong_statements };
	count_unexpected();
	for (job.in = 0; job.in < 3; job.in++)
		assert_int_equal(run_job(fixture, &job), expected[job.in]);
	assert_int_equal(unexpected_count, 1);
	make_account(fixture, 1, 5);
}

/* ---- two programs ---- */

#define TWO_POSTS 200

static void *post_many(void *user)
{
	struct store *store = user;
	for (int i = 0; i < TWO_POSTS; i++) {
		struct post post;
		post_init(&post, 1 + i % 3, 1, "kkdtfk"[i % 6]);
		if (store_run(store, &post.unit) != (post.told == 'f' ? ERR_CONFLICT : 0))
			return "a unit failed";
	}
	return NULL;
}

/* Two programs with the same store, and two threads in one of them. */
static void test_two_programs(struct fixture *fixture)
{
	struct fixture other = *fixture;
	pthread_t threads[3];
	void *fault;
	if (!fixture->engine->stays)
		return;
	/* An hour later, or the two would give one account the same times. */
	clock_fake_init(&other.clock, FIXTURE_NOW + CLOCK_HOUR, 2);
	other.options.clock = &other.clock.clock;
	fixture_open(&other);
	pthread_create(&threads[0], NULL, post_many, fixture->store);
	pthread_create(&threads[1], NULL, post_many, fixture->store);
	pthread_create(&threads[2], NULL, post_many, other.store);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &fault);
		assert_null(fault);
	}
	fixture_close(&other);
	assert_sums(fixture);
	int64_t sum = balance_of(fixture, 1) + balance_of(fixture, 2) + balance_of(fixture, 3);
	assert_int_equal(sum, 3 * (TWO_POSTS - 2 * (TWO_POSTS / 6) - (TWO_POSTS % 6 > 2)));
}

/* ---- faults ---- */

/* The n-th step fails, n = 1, 2, 3 ...: what is said to be there is there, what is not is not. */
static void test_every_step_fails(struct fixture *fixture)
{
	int64_t account = 1000;
	for (size_t n = 1; n < 100; n++, account++) {
		struct post post;
		post_init(&post, account, 3, 'k');
		store_fail_nth(fixture->store, n);
		int rc = run_post(fixture, &post);
		size_t steps = store_fail_nth(fixture->store, 0);
		assert_true(rc == 0 || rc == ERR_STORE);
		assert_int_equal(entries_of(fixture, account), rc == 0);
		if (rc == 0) {
			assert_int_equal(n, steps + 1);
			assert_sums(fixture);
			return;
		}
	}
	fail_msg("every step failed");
}

const struct contract_case contract_units[] = {
	{ "what becomes of a unit", test_fates },
	{ "rows left open are closed and reported", test_rows_left_open },
	{ "after a failed statement nothing is done", test_after_failure },
	{ "an id that is taken: run again", test_id_meets },
	{ "an id that is taken, in a query: run again", test_query_meets },
	{ "expectations", test_expectations },
	{ "time only goes forward", test_time },
	{ "wrong statements", test_wrong_statements },
	{ "two programs, one store", test_two_programs },
	{ "the n-th step of a unit fails", test_every_step_fails },
};
const size_t contract_units_count = sizeof(contract_units) / sizeof(contract_units[0]);
