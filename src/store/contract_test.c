/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of store.h, the same cases on every engine (fixture_engines).
 * To add a case: a function, and its row in the table below. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "store/fixture_impl.h"

/* ---- helpers ---- */

/* A unit made of a function. */
struct job {
	struct unit unit; /* first */
	int (*work)(struct job *job, struct store_tx *tx, struct err *err);
	int runs;
	int64_t now;
	int64_t in, out;
};

static int job_run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct job *job = (struct job *)unit;
	job->runs++;
	job->now = now;
	return job->work(job, tx, err);
}

static int run_job(struct fixture *fixture, struct job *job)
{
	job->unit.run = job_run;
	return store_run(fixture->store, &job->unit);
}

static int do_job(struct fixture *fixture,
	int (*work)(struct job *job, struct store_tx *tx, struct err *err))
{
	struct job job = { .work = work };
	return run_job(fixture, &job);
}

static int run_post(struct fixture *fixture, struct post *post)
{
	return store_run(fixture->store, &post->unit);
}

static int unexpected_count;

static void on_unexpected(const char *what, const char *file, int line)
{
	unexpected_count++;
}

static void count_unexpected(void)
{
	unexpected_count = 0;
	check_set_unexpected_hook(on_unexpected);
}

/* Adds an account with a balance. */
static void make_account(struct fixture *fixture, int64_t account, int64_t balance)
{
	struct post post;
	post_init(&post, account, balance, 'k');
	assert_ok(run_post(fixture, &post), &post.unit.err);
}

/* ---- values ---- */

static const struct {
	const char *name;
	struct store_val amount, memo, body;
} values[] = {
	{ "nulls", V_INT(0), V_NULL, V_NULL },
	{ "empty", V_INT(1), { STORE_TEXT, 0, STR_INIT("") }, { STORE_BLOB, 0, STR_INIT("") } },
	{ "empty from nothing", V_INT(-1), { STORE_TEXT, 0, { NULL, 0 } },
		{ STORE_BLOB, 0, { NULL, 0 } } },
	{ "largest", V_INT(INT64_MAX), { STORE_TEXT, 0, STR_INIT("z") },
		{ STORE_BLOB, 0, STR_INIT("\xff") } },
	{ "smallest", V_INT(INT64_MIN), { STORE_TEXT, 0, STR_INIT("12") },
		{ STORE_BLOB, 0, STR_INIT("\0") } },
	{ "quotes", V_INT(2), { STORE_TEXT, 0, STR_INIT("'\"$1;--") },
		{ STORE_BLOB, 0, STR_INIT("\0'\\x00") } },
	{ "languages", V_INT(3), { STORE_TEXT, 0, STR_INIT("caf\xc3\xa9 \xe2\x82\xac") },
		{ STORE_BLOB, 0, STR_INIT("\x80\x81\0\x01") } },
};
#define VALUE_COUNT (sizeof(values) / sizeof(values[0]))

static int write_values(struct job *job, struct store_tx *tx, struct err *err)
{
	for (size_t i = 0; i < VALUE_COUNT; i++) {
		int rc = store_write(tx, &add_entry, ARGS(V_INT((int64_t)i), V_INT(1), V_INT(1),
			values[i].amount, values[i].memo, values[i].body), 1, err);
		if (rc)
			return rc;
	}
	return 0;
}

static bool same(const struct store_rows *rows, int column, const struct store_val *val)
{
	struct str got = store_bytes(rows, column);
	if (val->type == STORE_NULL)
		return store_is_null(rows, column) && !got.ptr && !got.len;
	return !store_is_null(rows, column) && got.ptr && str_eq(got, val->bytes);
}

static void test_values(struct fixture *fixture)
{
	struct store_tx *tx;
	struct err err;
	assert_int_equal(do_job(fixture, write_values), 0);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	for (size_t i = 0; i < VALUE_COUNT; i++) {
		struct store_rows *rows ROWS_AUTO = NULL;
		assert_ok(store_query(tx, &find_entry, ARGS(V_INT((int64_t)i), V_INT(1), V_INT(1)),
			&rows, &err), &err);
		assert_row(values[i].name, store_next(rows, &err) == 1);
		assert_row(values[i].name, store_int(rows, 0) == values[i].amount.integer);
		assert_row(values[i].name, same(rows, 1, &values[i].memo));
		assert_row(values[i].name, same(rows, 2, &values[i].body));
		assert_row(values[i].name, store_int(rows, 1) == 0 || i == 4);
		assert_row(values[i].name, store_next(rows, &err) == 0);
		assert_row(values[i].name, store_next(rows, &err) == 0);
	}
	store_read_end(&tx);
	assert_null(tx);
}

static void test_parameters(struct fixture *fixture)
{
	struct store_tx *tx;
	struct err err;
	make_account(fixture, 4, 0);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	struct store_rows *rows = NULL;
	assert_ok(store_query(tx, &swapped, ARGS(V_INT(1), V_INT(2), V_INT(3), V_INT(4), V_INT(4),
		V_INT(6), V_INT(6), V_INT(8), V_INT(8), V_INT(10), V_INT(11)), &rows, &err), &err);
	assert_int_equal(store_next(rows, &err), 1);
	assert_str(store_bytes(rows, 0), "$1 $2");
	assert_int_equal(store_int(rows, 1), 2);
	assert_int_equal(store_int(rows, 2), 1);
	assert_int_equal(store_int(rows, 3), 11);
	assert_int_equal(store_int(rows, 4), 3);
	store_rows_done(&rows);
	assert_null(rows);
	store_read_end(&tx);
}

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
	assert_int_equal(rc, ERR_STORE);
	assert_int_equal(store_write(tx, &add_account, ARGS(V_INT(1), V_INT(2), V_INT(0)), 1,
		&other), ERR_STORE);
	assert_string_equal(other.text, err->text);
	assert_int_equal(store_query(tx, &find_account, ARGS(V_INT(1), V_INT(2)), &rows, NULL),
		ERR_STORE);
	assert_null(rows);
	return UNIT_DROP;
}

static void test_after_failure(struct fixture *fixture)
{
	assert_int_equal(do_job(fixture, go_on_after_failure), ERR_STORE);
	assert_int_equal(balance_of(fixture, 2), -1);
}

/* "The primary key finds out, the unit is run again with a new id." */
static int new_id_each_run(struct job *job, struct store_tx *tx, struct err *err)
{
	return store_write(tx, &add_account, ARGS(V_INT(9), V_INT(8 + job->runs), V_INT(1)), 1, err);
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
	int rc = store_query(tx, &add_account_returning, ARGS(V_INT(9), V_INT(8 + job->runs),
		V_INT(5)), &rows, err);
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
		{ "one of one", 1, 1 }, { "none of none", -1, 0 }, { "any of one", 1, STORE_ANY },
		{ "any of none", -1, STORE_ANY },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_row(rows[i].name, store_write(tx, &change_account, ARGS(V_INT(1),
			V_INT(rows[i].account), V_INT(10)), rows[i].expect, err) == 0);
	return 0;
}

static void test_expectations(struct fixture *fixture)
{
	make_account(fixture, 1, 5);
	assert_int_equal(do_job(fixture, expectations), 0);
	assert_int_equal(balance_of(fixture, 1), 25);
}

/* ---- rows ---- */

/* A statement that writes and gives rows has written also when nobody asks for them. */
static int returning_unread(struct job *job, struct store_tx *tx, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &change_returning, ARGS(V_INT(1), V_INT(10)), &rows, err);
	if (rc || job->in == 0)
		return rc;
	int64_t sum = 0;
	for (int64_t i = 0; i < job->in; i++) {
		assert_int_equal(store_next(rows, err), 1);
		sum += store_int(rows, 1);
	}
	job->out = sum;
	return 0;
}

static int three_accounts(struct job *job, struct store_tx *tx, struct err *err)
{
	int rc = 0;
	for (int64_t i = 1; i <= 3 && !rc; i++)
		rc = store_write(tx, &add_account, ARGS(V_INT(1), V_INT(i), V_INT(i)), 1, err);
	return rc;
}

static void test_returning(struct fixture *fixture)
{
	struct job job = { .work = returning_unread };
	assert_int_equal(do_job(fixture, three_accounts), 0);
	for (job.in = 0; job.in <= 3; job.in++)
		assert_int_equal(run_job(fixture, &job), 0);
	assert_int_equal(job.out, 41 + 42 + 43);
	assert_int_equal(balance_of(fixture, 1), 41);
}

static int count_nested(struct store_tx *tx, int depth, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int count = 0;
	if (store_query(tx, &list_entries, ARGS(V_INT(1), V_INT(1)), &rows, err))
		return -1;
	while (store_next(rows, err) == 1)
		count += depth ? count_nested(tx, depth - 1, err) : 1;
	return count;
}

static void test_nested_rows(struct fixture *fixture)
{
	struct store_tx *tx;
	struct err err;
	for (int i = 0; i < 4; i++)
		make_account(fixture, 1, 1);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	assert_int_equal(count_nested(tx, 2, &err), 64);
	store_read_end(&tx);
}

/* What a query bound may be gone while its rows are read. */
static void test_arguments_gone(struct fixture *fixture)
{
	static const struct store_stmt by_memo = { "test.by_memo", STORE_ONE,
		"SELECT at FROM entries WHERE bucket = $1 AND (memo = $2 OR body = $3) ORDER BY at" };
	struct store_tx *tx;
	struct err err;
	struct store_rows *rows = NULL;
	char memo[] = "12", body[] = "\xff";
	assert_int_equal(do_job(fixture, write_values), 0);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	assert_ok(store_query(tx, &by_memo, ARGS(V_INT(1), V_TEXT(str_of(memo)), V_BLOB(body, 1)),
		&rows, &err), &err);
	memset(memo, 'x', 2);
	memset(body, 'x', 1);
	assert_int_equal(store_next(rows, &err), 1);
	assert_int_equal(store_int(rows, 0), 3);
	assert_int_equal(store_next(rows, &err), 1);
	assert_int_equal(store_int(rows, 0), 4);
	assert_int_equal(store_next(rows, &err), 0);
	store_rows_done(&rows);
	store_read_end(&tx);
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

/* ---- reading ---- */

static void test_snapshot(struct fixture *fixture)
{
	struct store_tx *tx;
	struct err err;
	make_account(fixture, 1, 5);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	for (int i = 0; i < 3; i++) {
		struct store_rows *rows ROWS_AUTO = NULL;
		assert_ok(store_query(tx, &find_account, ARGS(V_INT(1), V_INT(1)), &rows, &err),
			&err);
		assert_int_equal(store_next(rows, &err), 1);
		assert_int_equal(store_int(rows, 0), 5);
		store_rows_done(&rows);
		make_account(fixture, 1, 1);
	}
	store_read_end(&tx);
	assert_int_equal(balance_of(fixture, 1), 8);
}

#define READING_THREADS 40

static void *read_once(void *user)
{
	struct fixture *fixture = user;
	struct store_tx *tx;
	int64_t balance = -1;
	if (store_read_begin(fixture->store, &tx, NULL))
		return "no reader";
	struct store_rows *rows = NULL;
	if (!store_query(tx, &find_account, ARGS(V_INT(1), V_INT(1)), &rows, NULL) &&
		store_next(rows, NULL) == 1)
		balance = store_int(rows, 0);
	store_rows_done(&rows);
	store_read_end(&tx);
	return balance >= 5 ? NULL : "wrong balance";
}

/* More threads than there are readers, while others write. */
static void test_many_readers(struct fixture *fixture)
{
	pthread_t threads[READING_THREADS];
	make_account(fixture, 1, 5);
	for (int i = 0; i < READING_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_once, fixture), 0);
	for (int i = 0; i < 20; i++)
		make_account(fixture, 1, 1);
	for (int i = 0; i < READING_THREADS; i++) {
		void *fault;
		pthread_join(threads[i], &fault);
		assert_null(fault);
	}
}

/* A reader waits until one comes back. */
static void test_readers_taken(struct fixture *fixture)
{
	enum { MANY = 24 };
	struct store_tx *txs[MANY];
	pthread_t thread;
	struct err err;
	void *fault;
	make_account(fixture, 1, 5);
	for (int i = 0; i < MANY; i++)
		assert_ok(store_read_begin(fixture->store, &txs[i], &err), &err);
	assert_int_equal(pthread_create(&thread, NULL, read_once, fixture), 0);
	store_read_end(&txs[0]);
	pthread_join(thread, &fault);
	assert_null(fault);
	for (int i = 1; i < MANY; i++)
		store_read_end(&txs[i]);
}

static void test_write_in_read(struct fixture *fixture)
{
	struct store_tx *tx;
	struct err err;
	struct store_rows *rows = NULL;
	count_unexpected();
	make_account(fixture, 1, 5);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	assert_int_equal(store_write(tx, &change_account, ARGS(V_INT(1), V_INT(1), V_INT(1)), 1,
		&err), ERR_INTERNAL);
	assert_int_equal(store_query(tx, &change_returning, ARGS(V_INT(1), V_INT(1)), &rows, &err),
		ERR_STORE);
	store_read_end(&tx);
	assert_int_equal(balance_of(fixture, 1), 5);
	assert_int_equal(unexpected_count, 1);
}

/* ---- programmers' faults ---- */

static int wrong_statements(struct job *job, struct store_tx *tx, struct err *err)
{
	static const struct store_stmt broken = { "test.broken", STORE_ONE, "SELEKT 1" };
	static const struct store_stmt two = { "test.two", STORE_ONE, "SELECT 1; SELECT 2" };
	struct store_rows *rows = NULL;
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
	static const int expected[] = { ERR_STORE, ERR_INTERNAL, ERR_INTERNAL };
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

static void test_read_steps_fail(struct fixture *fixture)
{
	make_account(fixture, 1, 5);
	for (size_t n = 1; n < 10; n++) {
		store_fail_nth(fixture->store, n);
		void *fault = read_once(fixture);
		store_fail_nth(fixture->store, 0);
		if (!fault) {
			assert_int_equal(n, 4);
			return;
		}
	}
	fail_msg("every step failed");
}

/* ---- opening ---- */

static void collect(void *user, const char *name, const char *sql)
{
	buf_printf(user, "%s: %.12s\n", name, sql);
}

static void test_migrate_twice(struct fixture *fixture)
{
	struct buf steps BUF_AUTO;
	struct err err;
	buf_init(&steps, NULL, 4096);
	if (!fixture->engine->stays)
		return;
	assert_ok(store_migrate(&fixture->options, false, collect, &steps, &err), &err);
	assert_ok(store_migrate(&fixture->options, true, collect, &steps, &err), &err);
	assert_int_equal(steps.len, 0);
}

static const char *const more_migrations[] = {
	"CREATE TABLE more (bucket INTEGER NOT NULL, PRIMARY KEY (bucket)) {rows}",
	"ALTER TABLE more ADD COLUMN note TEXT",
};
static const struct store_room more_room = {
	.name = "more", .migrations = more_migrations, .migration_count = 2
};
static const char *const broken_migrations[] = {
	"CREATE TABLE fine (bucket INTEGER NOT NULL, PRIMARY KEY (bucket)) {rows}",
	"CREATE TABEL oops (bucket INTEGER)",
};
static const struct store_room broken_room = {
	.name = "broken", .migrations = broken_migrations, .migration_count = 2
};

static void assert_says(int rc, int code, const struct err *err, const char *words)
{
	assert_int_equal(rc, code);
	if (!strstr(err->text, words))
		fail_msg("\"%s\" does not say \"%s\"", err->text, words);
}

/* A program that knows more, then one that knows less. */
static void test_schema_moves_on(struct fixture *fixture)
{
	const struct store_room *rooms[] = { &test_room, &more_room };
	struct store_options more = fixture->options;
	struct buf steps BUF_AUTO;
	struct store *store;
	struct err err;
	buf_init(&steps, NULL, 4096);
	if (!fixture->engine->stays)
		return;
	more.rooms = rooms;
	more.room_count = 2;
	assert_says(store_open(&more, &store, &err), ERR_STORE, &err, "zegel migrate");
	assert_ok(store_migrate(&more, true, collect, &steps, &err), &err);
	assert_str(buf_str(&steps), "more-1: CREATE TABLE\nmore-2: ALTER TABLE \n");
	buf_reset(&steps);
	assert_says(store_open(&more, &store, &err), ERR_STORE, &err, "2 schema steps are missing");
	assert_ok(store_migrate(&more, false, collect, &steps, &err), &err);
	assert_str(buf_str(&steps), "more-1: CREATE TABLE\nmore-2: ALTER TABLE \n");
	assert_ok(store_open(&more, &store, &err), &err);
	store_close(&store);
	assert_null(store);
	assert_says(store_open(&fixture->options, &store, &err), ERR_STORE, &err, "newer");
	assert_says(store_migrate(&fixture->options, false, NULL, NULL, &err), ERR_STORE, &err,
		"newer");
}

/* A step that fails leaves those before it, whole. */
static void test_broken_step(struct fixture *fixture)
{
	const struct store_room *rooms[] = { &test_room, &broken_room };
	struct store_options broken = fixture->options;
	struct buf steps BUF_AUTO;
	struct err err;
	buf_init(&steps, NULL, 4096);
	if (!fixture->engine->stays)
		return;
	broken.rooms = rooms;
	broken.room_count = 2;
	assert_says(store_migrate(&broken, false, NULL, NULL, &err), ERR_STORE, &err, "TABEL");
	assert_says(store_migrate(&broken, false, collect, &steps, &err), ERR_STORE, &err, "TABEL");
	assert_str(buf_str(&steps), "broken-2: CREATE TABEL\n");
}

static void test_read_only(struct fixture *fixture)
{
	struct fixture other = *fixture;
	struct post post;
	struct err err;
	if (!fixture->engine->stays)
		return;
	make_account(fixture, 1, 5);
	other.options.read_only = true;
	fixture_open(&other);
	assert_int_equal(balance_of(&other, 1), 5);
	post_init(&post, 1, 1, 'k');
	assert_says(run_post(&other, &post), ERR_STORE, &post.unit.err, "read only");
	assert_says(store_start(other.store, &err), ERR_STORE, &err, "read only");
	assert_says(store_submit(other.store, &post.unit, &err), ERR_STORE, &err, "read only");
	fixture_close(&other);
	assert_int_equal(post.runs, 0);
}

static void test_reopen(struct fixture *fixture)
{
	if (!fixture->engine->stays)
		return;
	make_account(fixture, 1, 5);
	fixture_close(fixture);
	fixture_open(fixture);
	assert_int_equal(balance_of(fixture, 1), 5);
}

/* ---- copies ---- */

static void test_backup(struct fixture *fixture)
{
	struct fixture copy = *fixture;
	char path[100];
	struct stat st;
	struct err err;
	if (!fixture->engine->copies)
		return;
	make_account(fixture, 1, 5);
	snprintf(path, sizeof(path), "%s/copy", fixture->dir);
	assert_ok(store_backup(fixture->store, path, &err), &err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(store_backup(fixture->store, path, &err), ERR_CONFLICT);
	make_account(fixture, 1, 1);

	snprintf(copy.url, sizeof(copy.url), "sqlite:%s", path);
	copy.options.url = str_of(copy.url);
	fixture_open(&copy);
	assert_int_equal(balance_of(&copy, 1), 5);
	make_account(&copy, 1, 2);
	assert_int_equal(balance_of(&copy, 1), 7);
	fixture_close(&copy);
	assert_int_equal(balance_of(fixture, 1), 6);
}

static void test_backup_fails(struct fixture *fixture)
{
	char path[128];
	struct err err;
	if (!fixture->engine->copies)
		return;
	snprintf(path, sizeof(path), "%s/none/copy", fixture->dir);
	assert_int_equal(store_backup(fixture->store, path, &err), ERR_IO);
}

static void test_stats(struct fixture *fixture)
{
	struct store_stats stats;
	make_account(fixture, 1, 5);
	struct post post;
	post_init(&post, 2, 1, 't');
	assert_ok(run_post(fixture, &post), &post.unit.err);
	post_init(&post, 2, 1, 'f');
	assert_int_equal(run_post(fixture, &post), ERR_CONFLICT);
	store_stats(fixture->store, &stats);
	assert_int_equal(stats.units, 3);
	assert_int_equal(stats.commits, 2);
	assert_int_equal(stats.failed, 1);
	assert_int_equal(stats.moved, 2);
	assert_int_equal(stats.group_sizes[0], 2);
	assert_int_equal(stats.queue_depth, 0);
	assert_true(stats.bytes > 0);
	assert_true(str_starts(str_of(fixture->engine->name), store_engine(fixture->store)));
}

/* ---- the table ---- */

static const struct contract_case {
	const char *name;
	void (*run)(struct fixture *fixture);
} cases[] = {
	{ "every value comes back as it went in", test_values },
	{ "$N are numbers", test_parameters },
	{ "what becomes of a unit", test_fates },
	{ "rows left open are closed and reported", test_rows_left_open },
	{ "after a failed statement nothing is done", test_after_failure },
	{ "an id that is taken: run again", test_id_meets },
	{ "an id that is taken, in a query: run again", test_query_meets },
	{ "expectations", test_expectations },
	{ "a write that gives rows", test_returning },
	{ "a statement inside itself", test_nested_rows },
	{ "arguments may go before the rows", test_arguments_gone },
	{ "time only goes forward", test_time },
	{ "a reader has one snapshot", test_snapshot },
	{ "many readers beside a writer", test_many_readers },
	{ "a reader waits for its turn", test_readers_taken },
	{ "a reader cannot write", test_write_in_read },
	{ "wrong statements", test_wrong_statements },
	{ "two programs, one store", test_two_programs },
	{ "the n-th step of a unit fails", test_every_step_fails },
	{ "the n-th step of a reader fails", test_read_steps_fail },
	{ "migrated twice", test_migrate_twice },
	{ "a newer and an older program", test_schema_moves_on },
	{ "a schema step that fails", test_broken_step },
	{ "read only", test_read_only },
	{ "closed and opened again", test_reopen },
	{ "a backup is a store", test_backup },
	{ "a backup that cannot be made", test_backup_fails },
	{ "figures", test_stats },
};
#define CASE_COUNT (sizeof(cases) / sizeof(cases[0]))

struct run {
	const struct engine *engine;
	const struct contract_case *one;
	char name[120];
};

static void run_case(void **state)
{
	struct run *run = *state;
	struct fixture fixture;
	fixture_init(&fixture, run->engine);
	run->one->run(&fixture);
	fixture_done(&fixture);
}

int main(void)
{
	size_t count = 0, max = fixture_engine_count * CASE_COUNT;
	struct run *runs = calloc(max, sizeof(*runs));
	struct CMUnitTest *tests = calloc(max, sizeof(*tests));
	for (size_t e = 0; e < fixture_engine_count; e++) {
		for (size_t c = 0; c < CASE_COUNT; c++, count++) {
			runs[count].engine = &fixture_engines[e];
			runs[count].one = &cases[c];
			snprintf(runs[count].name, sizeof(runs[count].name), "%s: %s",
				fixture_engines[e].name, cases[c].name);
			tests[count] = (struct CMUnitTest) { runs[count].name, run_case, test_begin,
				test_end, &runs[count] };
		}
	}
	int rc = test_main(tests, count, __FILE__);
	free(tests);
	free(runs);
	return rc;
}
