/* SPDX-License-Identifier: Apache-2.0 */
/* What is PostgreSQL's own once it is connected: what its answers mean for a unit, whoever fails
 * and whenever; parameters and columns; sweeps. */
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/fixture_relay.h"
#include "store/postgres_impl.h"

static const struct engine *const postgres = &fixture_engines[2];

/* An open store with one teller. */
static void start(struct fixture *fixture)
{
	struct err err;
	fixture_init_empty(fixture, postgres);
	fixture->options.tellers = 1;
	assert_ok(store_migrate(&fixture->options, false, NULL, NULL, &err), &err);
	fixture_open(fixture);
}

static struct pg_conn *writer_of_test(struct fixture *fixture)
{
	return pg_of(fixture->store->writers[0].tx.conn);
}

static int pid_of_writer(struct fixture *fixture)
{
	return PQbackendPID(writer_of_test(fixture)->pg);
}

/* Ends a server process and waits until it is gone. */
static void terminate(int pid)
{
	PGconn *pg = fixture_psql();
	fixture_say(pg, "SELECT pg_terminate_backend(%d)", pid);
	while (fixture_say(pg, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", pid))
		;
	PQfinish(pg);
}

static struct fixture *under_test;

/* ---- the connection is lost ---- */

static int kill_me(struct post *post)
{
	terminate(pid_of_writer(under_test));
	return 0;
}

/* 'g' calls its gate before it reads; here after BEGIN was buffered. */
static void lost_at_the_start(void **state)
{
	struct fixture fixture;
	struct post post;
	start(&fixture);
	under_test = &fixture;
	make_account(&fixture, 1, 0);
	post_init(&post, 1, 1, 'g');
	post.gate = kill_me;
	assert_ok(run_post(&fixture, &post), &post.unit.err);
	assert_int_equal(post.runs, 2);
	assert_int_equal(entries_of(&fixture, 1), 2);
	fixture_done(&fixture);
}

/* Writes, looks that it was done, and is then cut off. */
static int lost_after_writing(struct job *job, struct store_tx *tx, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_write(tx, &put_account, ARGS(V_INT(1), V_INT(1), V_INT(5)), 1, err);
	if (!rc)
		rc = store_query(tx, &find_account, ARGS(V_INT(1), V_INT(1)), &rows, err);
	if (rc || store_next(rows, err) != 1)
		return rc ? rc : ERR_STORE;
	job->out = store_int(rows, 0);
	if (job->runs == 1)
		terminate(pid_of_writer(under_test));
	return 0;
}

static void lost_before_the_commit(void **state)
{
	struct fixture fixture;
	struct job job = { .work = lost_after_writing };
	start(&fixture);
	under_test = &fixture;
	assert_ok(run_job(&fixture, &job), &job.unit.err);
	assert_int_equal(job.runs, 2);
	assert_int_equal(balance_of(&fixture, 1), 5);
	fixture_done(&fixture);
}

/* A reading whose connection was closed while it lay idle notices and takes another. */
static void lost_while_idle(void **state)
{
	struct fixture fixture;
	start(&fixture);
	make_account(&fixture, 1, 5);
	assert_int_equal(balance_of(&fixture, 1), 5);
	struct pg_conn *reader = pg_of(fixture.store->readers_idle->tx.conn);
	terminate(PQbackendPID(reader->pg));
	terminate(pid_of_writer(&fixture));
	assert_int_equal(balance_of(&fixture, 1), 5);
	make_account(&fixture, 1, 1);
	assert_int_equal(balance_of(&fixture, 1), 6);
	fixture_done(&fixture);
}

/* A trigger that waits at the commit until the test lets go. */
static void commit_waits(PGconn *pg, const struct fixture *fixture, long key)
{
	fixture_say(pg, "SET search_path = %s", fixture->schema);
	fixture_say(pg,
		"CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
		"'BEGIN PERFORM pg_advisory_xact_lock(%ld); RETURN NULL; END'",
		key);
	fixture_say(pg,
		"CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON entries DEFERRABLE "
		"INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()");
	fixture_say(pg, "SELECT pg_advisory_lock(%ld)", key);
}

static void *run_in_thread(void *user)
{
	struct post *post = user;
	run_post(under_test, post);
	return NULL;
}

/* The connection is lost while the commit is on its way: nobody knows, and asking again tells. */
static void lost_during_the_commit(void **state)
{
	struct fixture fixture;
	struct post post;
	pthread_t thread;
	start(&fixture);
	under_test = &fixture;
	make_account(&fixture, 1, 0);
	PGconn *pg = fixture_psql();
	long key = (long)getpid();
	int pid = pid_of_writer(&fixture);
	commit_waits(pg, &fixture, key);
	post_init(&post, 1, 1, 'k');
	assert_int_equal(pthread_create(&thread, NULL, run_in_thread, &post), 0);
	while (!fixture_say(pg, "SELECT count(*) FROM pg_locks WHERE pid = %d AND NOT granted",
		pid))
		;
	fixture_say(pg, "SELECT pg_terminate_backend(%d)", pid);
	pthread_join(thread, NULL);
	assert_int_equal(post.unit.rc, ERR_UNCERTAIN);
	assert_int_equal(post.runs, 1);
	fixture_say(pg, "SELECT pg_advisory_unlock(%ld)", key);
	PQfinish(pg);
	assert_int_equal(entries_of(&fixture, 1), 1);
	assert_ok(run_post(&fixture, &post), &post.unit.err);
	assert_int_equal(entries_of(&fixture, 1), 2);
	fixture_done(&fixture);
}

/* It was committed, but the answer did not come. */
static void the_answer_is_lost(void **state)
{
	struct fixture fixture;
	struct relay relay;
	struct post post;
	start(&fixture);
	fixture_close(&fixture);
	relay_url(&fixture);
	relay_start(&relay, &fixture);
	fixture_open(&fixture);
	make_account(&fixture, 1, 0);
	atomic_store(&relay.cut_commit, true);
	post_init(&post, 1, 1, 'k');
	assert_int_equal(run_post(&fixture, &post), ERR_UNCERTAIN);
	assert_int_equal(atomic_load(&relay.cuts), 1);
	assert_int_equal(post.runs, 1);
	assert_int_equal(entries_of(&fixture, 1), 2);
	fixture_close(&fixture);
	relay_stop(&relay);
	fixture_done(&fixture);
}

/* ---- what COMMIT says ---- */

static const struct {
	const char *name, *does;
	int rc, runs;
	bool there;
} commits[] = {
	{ "nothing", "PERFORM 1", 0, 1, true },
	{ "a warning", "RAISE WARNING ''not replicated''", ERR_UNCERTAIN, 1, true },
	{ "a notice", "RAISE NOTICE ''by the way''", ERR_UNCERTAIN, 1, true },
	{ "a check", "RAISE EXCEPTION ''no'' USING ERRCODE = ''23514''", ERR_STORE, 1, false },
	{ "a unique key", "RAISE EXCEPTION ''no'' USING ERRCODE = ''23505''", ERR_BUSY,
		UNIT_RUNS_MAX, false },
	{ "not serializable", "RAISE EXCEPTION ''no'' USING ERRCODE = ''40001''", ERR_BUSY,
		UNIT_RUNS_MAX, false },
	{ "something else", "RAISE EXCEPTION ''no'' USING ERRCODE = ''58030''", ERR_UNCERTAIN, 1,
		false },
};

static void what_commit_says(void **state)
{
	struct fixture fixture;
	struct post post;
	start(&fixture);
	PGconn *pg = fixture_psql();
	fixture_say(pg, "SET search_path = %s", fixture.schema);
	for (size_t i = 0; i < sizeof(commits) / sizeof(commits[0]); i++) {
		fixture_say(pg,
			"CREATE OR REPLACE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS "
			"'BEGIN %s; RETURN NULL; END'",
			commits[i].does);
		if (i == 0)
			fixture_say(pg,
				"CREATE CONSTRAINT TRIGGER say AFTER INSERT ON entries DEFERRABLE "
				"INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION say()");
		post_init(&post, 100 + (int64_t)i, 1, 'k');
		assert_row(commits[i].name, run_post(&fixture, &post) == commits[i].rc);
		assert_row(commits[i].name, post.runs == commits[i].runs);
		assert_row(commits[i].name, entries_of(&fixture, post.account) == commits[i].there);
	}
	PQfinish(pg);
	fixture_done(&fixture);
}

/* On Citus no error at COMMIT says that nothing was committed. */
static void citus_is_uncertain(void **state)
{
	struct fixture fixture;
	struct post post;
	start(&fixture);
	make_account(&fixture, 1, 0);
	PGconn *pg = fixture_psql();
	fixture_say(pg, "SET search_path = %s", fixture.schema);
	fixture_say(pg,
		"CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS "
		"'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''40001''; END'");
	fixture_say(pg,
		"CREATE CONSTRAINT TRIGGER say AFTER INSERT ON entries DEFERRABLE "
		"INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION say()");
	writer_of_test(&fixture)->citus = true;
	post_init(&post, 0, 1, 'k');
	assert_int_equal(run_post(&fixture, &post), ERR_UNCERTAIN);
	PQfinish(pg);
	fixture_done(&fixture);
}

/* ---- two servers on one database ---- */

static const struct store_stmt guarded = { "test.guarded", STORE_ONE,
	"UPDATE accounts SET balance = $3 WHERE bucket = $1 AND account = $2 AND balance = $4" };

static int read_balance(struct store_tx *tx, int64_t *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &find_account, ARGS(V_INT(1), V_INT(1)), &rows, err);
	if (rc || (rc = store_next(rows, err)) != 1)
		return rc ? rc : ERR_STORE;
	*ret = store_int(rows, 0);
	return 0;
}

/* Adds one to what it read; another server is quicker, the first time. What it reads after that is
 * still of the moment of what it read before: a unit that refuses writes nothing which could tell.
 */
static int read_then_write(struct job *job, struct store_tx *tx, struct err *err)
{
	int64_t balance = 0, again = 0;
	int rc = read_balance(tx, &balance, err);
	if (!rc && job->runs == 1)
		make_account(under_test, 1, 10);
	rc = rc ? rc : read_balance(tx, &again, err);
	if (rc)
		return rc;
	assert_int_equal(again, balance);
	return store_write(tx, &guarded,
		ARGS(V_INT(1), V_INT(1), V_INT(balance + 1), V_INT(balance)), 1, err);
}

static void two_servers_one_row(void **state)
{
	struct fixture fixture, other;
	struct job job = { .work = read_then_write };
	start(&fixture);
	make_account(&fixture, 1, 5);
	other = fixture;
	clock_fake_init(&other.clock, FIXTURE_NOW + CLOCK_HOUR, 2);
	other.options.clock = &other.clock.clock;
	fixture_open(&other);
	under_test = &other;
	assert_ok(run_job(&fixture, &job), &job.unit.err);
	assert_int_equal(job.runs, 2);
	assert_int_equal(balance_of(&fixture, 1), 16);
	fixture_close(&other);
	fixture_done(&fixture);
}

/* Two units that take two rows in opposite order, and wait for each other once. */
struct crossing {
	struct job job;
	struct fixture *fixture;
	pthread_barrier_t *both;
};

static int change_two(struct job *job, struct store_tx *tx, struct err *err)
{
	struct crossing *crossing = (struct crossing *)job;
	int64_t first = job->in, second = 3 - job->in;
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_write(tx, &change_account, ARGS(V_INT(first), V_INT(first), V_INT(1)), 1,
		err);
	if (!rc)
		rc = store_query(tx, &find_account, ARGS(V_INT(first), V_INT(first)), &rows, err);
	if (rc || store_next(rows, err) != 1)
		return rc ? rc : ERR_STORE;
	if (job->runs == 1)
		pthread_barrier_wait(crossing->both);
	return store_write(tx, &change_account, ARGS(V_INT(second), V_INT(second), V_INT(1)), 1,
		err);
}

static void *cross(void *user)
{
	struct crossing *crossing = user;
	run_job(crossing->fixture, &crossing->job);
	return NULL;
}

static void a_deadlock(void **state)
{
	struct fixture fixture, other;
	pthread_barrier_t both;
	struct crossing crossings[2];
	pthread_t threads[2];
	start(&fixture);
	make_account(&fixture, 1, 0);
	make_account(&fixture, 2, 0);
	other = fixture;
	fixture_open(&other);
	pthread_barrier_init(&both, NULL, 2);
	for (int i = 0; i < 2; i++) {
		crossings[i] = (struct crossing) { { .work = change_two, .in = i + 1 },
			i ? &other : &fixture, &both };
		pthread_create(&threads[i], NULL, cross, &crossings[i]);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_ok(crossings[i].job.unit.rc, &crossings[i].job.unit.err);
	}
	assert_true(crossings[0].job.runs + crossings[1].job.runs > 2);
	assert_int_equal(balance_of(&fixture, 1), 2);
	assert_int_equal(balance_of(&fixture, 2), 2);
	pthread_barrier_destroy(&both);
	fixture_close(&other);
	fixture_done(&fixture);
}

/* ---- a statement that does not end ---- */

static void no_answer_in_time(void **state)
{
	struct fixture fixture;
	struct post post;
	start(&fixture);
	make_account(&fixture, 1, 0);
	PGconn *pg = fixture_psql();
	fixture_say(pg, "SET search_path = %s", fixture.schema);
	fixture_say(pg, "BEGIN");
	fixture_say(pg, "UPDATE accounts SET balance = balance");
	((struct pg_engine *)fixture.store->engine)->answer_ms = 100;
	post_init(&post, 1, 1, 'k');
	assert_int_equal(run_post(&fixture, &post), ERR_STORE);
	assert_non_null(strstr(post.unit.err.text, "no answer within"));
	assert_int_equal(post.runs, 1);
	((struct pg_engine *)fixture.store->engine)->answer_ms = PG_ANSWER_MS;
	fixture_say(pg, "ROLLBACK");
	assert_ok(run_post(&fixture, &post), &post.unit.err);
	PQfinish(pg);
	assert_int_equal(entries_of(&fixture, 1), 2);
	fixture_done(&fixture);
}

/* ---- statements ---- */

/* A column changes its type under a prepared statement. */
static void a_schema_step_between(void **state)
{
	struct fixture fixture;
	start(&fixture);
	make_account(&fixture, 1, 5);
	assert_int_equal(balance_of(&fixture, 1), 5);
	struct post post;
	PGconn *pg = fixture_psql();
	fixture_say(pg, "SET search_path = %s", fixture.schema);
	fixture_say(pg, "ALTER TABLE accounts ALTER COLUMN balance TYPE NUMERIC");
	PQfinish(pg);
	post_init(&post, 1, 1, 'k');
	assert_ok(run_post(&fixture, &post), &post.unit.err);
	assert_int_equal(post.runs, 2);
	fixture_done(&fixture);
}

static const struct store_stmt put_both = { "test.put_both", STORE_ONE,
	"INSERT INTO accounts (bucket, account, balance) VALUES ($1, $2, COALESCE($3, $4, 7))" };

/* NULL before any value, between values, and in each place. */
static int nulls(struct job *job, struct store_tx *tx, struct err *err)
{
	const struct store_val rows[][2] = {
		{ V_NULL, V_NULL },
		{ V_NULL, V_INT(2) },
		{ V_INT(3), V_NULL },
		{ V_NULL, V_NULL },
		{ V_INT(5), V_INT(6) },
	};
	int rc = 0;
	for (int i = 0; i < 5 && !rc; i++)
		rc = store_write(tx, &put_both, ARGS(V_INT(1), V_INT(i), rows[i][0], rows[i][1]), 1,
			err);
	return rc;
}

static void null_has_no_type(void **state)
{
	struct fixture fixture;
	const int64_t balances[] = { 7, 2, 3, 7, 5 };
	start(&fixture);
	assert_int_equal(do_job(&fixture, nulls), 0);
	for (int64_t i = 0; i < 5; i++) {
		PGconn *pg = fixture_psql();
		assert_int_equal(fixture_say(pg,
					 "SELECT balance FROM %s.accounts WHERE account = %lld",
					 fixture.schema, (long long)i),
			balances[i]);
		PQfinish(pg);
	}
	fixture_done(&fixture);
}

static int two_types(struct job *job, struct store_tx *tx, struct err *err)
{
	int rc = store_write(tx, &put_both, ARGS(V_INT(1), V_INT(1), V_INT(1), V_NULL), 1, err);
	if (rc)
		return rc;
	return store_write(tx, &put_both, ARGS(V_INT(1), V_INT(1), V_TEXT(STR("1")), V_NULL), 1,
		err);
}

static void one_type_only(void **state)
{
	struct fixture fixture;
	count_unexpected();
	start(&fixture);
	assert_int_equal(do_job(&fixture, two_types), ERR_INTERNAL);
	assert_int_equal(unexpected_count, 1);
	fixture_done(&fixture);
}

/* More than may be on its way at once. */
static int write_much(struct job *job, struct store_tx *tx, struct err *err)
{
	int rc = 0;
	for (int64_t i = 0; i < 3 * PG_SENT_MAX / 2 && !rc; i++)
		rc = store_write(tx, &add_entry,
			ARGS(V_INT(i), V_INT(1), V_INT(1), V_INT(1), V_NULL, V_NULL), 1, err);
	return rc;
}

static void a_large_unit(void **state)
{
	struct fixture fixture;
	start(&fixture);
	assert_int_equal(do_job(&fixture, write_much), 0);
	assert_int_equal(entries_of(&fixture, 1), 3 * PG_SENT_MAX / 2);
	fixture_done(&fixture);
}

/* ---- sums ---- */

static const struct {
	const char *values;
	bool fits;
	int64_t sum;
} sums[] = {
	{ "(0)", true, 0 },
	{ "(1), (-1)", true, 0 },
	{ "(9999), (1)", true, 10000 },
	{ "(100000000), (1)", true, 100000001 },
	{ "(-70000)", true, -70000 },
	{ "(9223372036854775807)", true, INT64_MAX },
	{ "(-9223372036854775808)", true, INT64_MIN },
	{ "(9223372036854775807), (1)", false, 0 },
	{ "(-9223372036854775808), (-1)", false, 0 },
	{ "(CAST(1.5 AS NUMERIC))", false, 0 },
	{ "(CAST('NaN' AS NUMERIC))", false, 0 },
};

static int sum_up(struct job *job, struct store_tx *tx, struct err *err)
{
	static char sqls[sizeof(sums) / sizeof(sums[0])][200];
	char *sql = sqls[job->in];
	struct store_rows *rows ROWS_AUTO = NULL;
	snprintf(sql, sizeof(sqls[0]), "SELECT SUM(CAST(v AS NUMERIC)) FROM (VALUES %s) AS t(v)",
		sums[job->in].values);
	const struct store_stmt stmt = { "test.sum", STORE_REFERENCE, sql };
	int rc = store_query(tx, &stmt, NO_ARGS, &rows, err);
	if (!rc && (rc = store_next(rows, err)) == 1)
		job->out = store_int(rows, 0);
	return rc < 0 ? rc : 0;
}

static void sums_are_whole(void **state)
{
	struct fixture fixture;
	start(&fixture);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		struct job job = { .work = sum_up, .in = (int64_t)i };
		assert_row(sums[i].values,
			run_job(&fixture, &job) == (sums[i].fits ? 0 : ERR_STORE));
		assert_row(sums[i].values, job.out == sums[i].sum);
	}
	fixture_done(&fixture);
}

/* ---- sweeps ---- */

#define SWEPT 200000

static size_t memory(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

/* A walk over many rows takes the memory of a few, with other queries in between. */
static void a_sweep(void **state)
{
	static const struct store_stmt walk = { "test.walk", STORE_SWEEP,
		"SELECT at, memo FROM entries WHERE bucket <= $1 ORDER BY bucket, account, at" };
	struct fixture fixture;
	struct store_tx *tx;
	struct err err;
	struct store_rows *rows = NULL, *other = NULL;
	start(&fixture);
	make_account(&fixture, 7, 3);
	PGconn *pg = fixture_psql();
	fixture_say(pg,
		"INSERT INTO %s.entries SELECT n, 1, 1, 1, 'a memo of some length', NULL "
		"FROM generate_series(1, %d) n",
		fixture.schema, SWEPT);
	PQfinish(pg);
	assert_ok(store_read_begin(fixture.store, &tx, &err), &err);
	size_t before = memory();
	assert_ok(store_query(tx, &walk, ARGS(V_INT(1)), &rows, &err), &err);
	int64_t n = 0;
	while (store_next(rows, &err) == 1) {
		assert_int_equal(store_int(rows, 0), ++n);
		if (n % 4999)
			continue;
		assert_true(memory() < before + 1000000);
		assert_ok(store_query(tx, &find_account, ARGS(V_INT(7), V_INT(7)), &other, &err),
			&err);
		assert_int_equal(store_next(other, &err), 1);
		assert_int_equal(store_int(other, 0), 3);
		store_rows_done(&other);
	}
	assert_int_equal(n, SWEPT);
	store_rows_done(&rows);
	store_read_end(&tx);
	fixture_done(&fixture);
}

int main(void)
{
	if (!fixture_can(postgres)) {
		puts("1..0 # skip there is no PostgreSQL (ZEGEL_TEST_POSTGRES)");
		return 0;
	}
	return TEST_MAIN(test(lost_at_the_start), test(lost_before_the_commit),
		test(lost_while_idle), test(lost_during_the_commit), test(the_answer_is_lost),
		test(what_commit_says), test(citus_is_uncertain), test(two_servers_one_row),
		test(a_deadlock), test(no_answer_in_time), test(a_schema_step_between),
		test(null_has_no_type), test(one_type_only), test(a_large_unit),
		test(sums_are_whole), test(a_sweep));
}
