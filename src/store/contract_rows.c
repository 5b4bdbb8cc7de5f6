/* SPDX-License-Identifier: Apache-2.0 */
/* The contract: values, rows, readers. To add a case: a function, and its row at the end. */
#include "store/contract_impl.h"

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
		int rc = store_write(tx, &add_entry,
			ARGS(V_INT((int64_t)i), V_INT(1), V_INT(1), values[i].amount,
				values[i].memo, values[i].body),
			1, err);
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
				  &rows, &err),
			&err);
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
	assert_ok(store_query(tx, &swapped,
			  ARGS(V_INT(1), V_INT(2), V_INT(3), V_INT(4), V_INT(4), V_INT(6), V_INT(6),
				  V_INT(8), V_INT(8), V_INT(10), V_INT(11)),
			  &rows, &err),
		&err);
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
	static const struct store_stmt by_memo = {
		"test.by_memo", STORE_ONE,
		"SELECT at FROM entries WHERE bucket = $1 AND (memo = $2 OR body = $3) ORDER BY at"
	};
	struct store_tx *tx;
	struct err err;
	struct store_rows *rows = NULL;
	char memo[] = "12", body[] = "\xff";
	assert_int_equal(do_job(fixture, write_values), 0);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	assert_ok(store_query(tx, &by_memo, ARGS(V_INT(1), V_TEXT(str_of(memo)), V_BLOB(body, 1)),
			  &rows, &err),
		&err);
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
	assert_int_equal(
		store_write(tx, &change_account, ARGS(V_INT(1), V_INT(1), V_INT(1)), 1, &err),
		ERR_INTERNAL);
	int rc = store_query(tx, &change_returning, ARGS(V_INT(1), V_INT(1)), &rows, &err);
	if (!rc)
		rc = store_next(rows, &err);
	assert_int_equal(rc, ERR_STORE);
	store_rows_done(&rows);
	store_read_end(&tx);
	assert_int_equal(balance_of(fixture, 1), 5);
	assert_int_equal(unexpected_count, 1);
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

const struct contract_case contract_rows[] = {
	{ "every value comes back as it went in", test_values },
	{ "$N are numbers", test_parameters },
	{ "a write that gives rows", test_returning },
	{ "a statement inside itself", test_nested_rows },
	{ "arguments may go before the rows", test_arguments_gone },
	{ "a reader has one snapshot", test_snapshot },
	{ "many readers beside a writer", test_many_readers },
	{ "a reader waits for its turn", test_readers_taken },
	{ "a reader cannot write", test_write_in_read },
	{ "the n-th step of a reader fails", test_read_steps_fail },
};
const size_t contract_rows_count = sizeof(contract_rows) / sizeof(contract_rows[0]);
