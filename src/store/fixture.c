/* SPDX-License-Identifier: Apache-2.0 */
/* See fixture_impl.h. */
#include "store/fixture_impl.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/num.h"

const struct engine fixture_engines[] = {
	{ "sqlite file", "sqlite:%s/store", true, true, false },
	{ "sqlite memory", "sqlite::memory:", false, true, false },
	{ "postgresql", NULL, true, false, true },
};
const size_t fixture_engine_count = sizeof(fixture_engines) / sizeof(fixture_engines[0]);

/* ---- the room "test" ---- */

static const char *const migrations[] = {
	"CREATE TABLE accounts (bucket INTEGER NOT NULL, account BIGINT NOT NULL,"
	" balance BIGINT NOT NULL, PRIMARY KEY (bucket, account)) {rows}",
	"CREATE TABLE entries (at BIGINT NOT NULL, bucket INTEGER NOT NULL,"
	" account BIGINT NOT NULL, amount BIGINT NOT NULL, memo TEXT, body {blob},"
	" {grow at | bucket, account}) {rows}",
};

#define STMT(name, reach, sql) const struct store_stmt name = { "test." #name, reach, sql }

STMT(find_account, STORE_ONE, "SELECT balance FROM accounts WHERE bucket = $1 AND account = $2");
STMT(add_account, STORE_ONE, "INSERT INTO accounts (bucket, account, balance) VALUES ($1, $2, $3)");
STMT(change_account, STORE_ONE,
	"UPDATE accounts SET balance = balance + $3 WHERE bucket = $1 AND account = $2");
STMT(put_account, STORE_ONE,
	"INSERT INTO accounts (bucket, account, balance) VALUES ($1, $2, $3)"
	" ON CONFLICT (bucket, account) DO UPDATE SET balance = accounts.balance + $3");
STMT(add_account_returning, STORE_ONE,
	"INSERT INTO accounts (bucket, account, balance) VALUES ($1, $2, $3) RETURNING balance");
STMT(change_returning, STORE_ONE,
	"UPDATE accounts SET balance = balance + $2 WHERE bucket = $1 RETURNING account, balance");
STMT(add_entry, STORE_ONE,
	"INSERT INTO entries (at, bucket, account, amount, memo, body)"
	" VALUES ($1, $2, $3, $4, $5, $6)");
STMT(find_entry, STORE_ONE,
	"SELECT amount, memo, body FROM entries WHERE at = $1 AND bucket = $2 AND account = $3");
STMT(list_entries, STORE_ONE,
	"SELECT at, amount FROM entries WHERE bucket = $1 AND account = $2 ORDER BY at");
STMT(count_entries, STORE_ONE, "SELECT COUNT(*) FROM entries WHERE bucket = $1 AND account = $2");
STMT(sum_entries, STORE_SWEEP,
	"SELECT a.account, a.balance, (SELECT SUM(e.amount) FROM entries e"
	" WHERE e.bucket = a.bucket AND e.account = a.account) FROM accounts a ORDER BY a.account");
STMT(swapped, STORE_ONE,
	"SELECT '$1 $2', $2, $1, $11, $3 FROM accounts WHERE bucket = $4 AND account = $5"
	" AND $6 = $7 AND $8 = $9 AND $10 = 10");

const struct store_room test_room = {
	.name = "test",
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(migrations[0]),
};

static const struct store_room *const rooms[] = { &test_room };

/* ---- the store ---- */

bool fixture_can(const struct engine *engine)
{
	return engine->url || getenv("ZEGEL_TEST_POSTGRES");
}

PGconn *fixture_psql(void)
{
	PGconn *pg = PQconnectdb(getenv("ZEGEL_TEST_POSTGRES"));
	if (PQstatus(pg) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(pg));
	return pg;
}

int64_t fixture_say(PGconn *pg, const char *fmt, ...)
{
	char sql[2000];
	va_list args;
	int64_t number = 0;
	va_start(args, fmt);
	vsnprintf(sql, sizeof(sql), fmt, args);
	va_end(args);
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	if (status == PGRES_TUPLES_OK && PQntuples(result) && !PQgetisnull(result, 0, 0))
		num_parse(str_of(PQgetvalue(result, 0, 0)), &number);
	PQclear(result);
	return number;
}

static void quiet(void *user, const PGresult *result) {}

/* A schema of its own in the database of the tests; "" makes it, else it is dropped. */
static void schema(struct fixture *fixture, bool make)
{
	PGconn *pg = fixture_psql();
	PQsetNoticeReceiver(pg, quiet, NULL);
	if (make)
		fixture_say(pg, "CREATE SCHEMA %s", fixture->schema);
	else
		fixture_say(pg, "DROP SCHEMA %s CASCADE", fixture->schema);
	PQfinish(pg);
}

static void make_url(struct fixture *fixture)
{
	static int made;
	const char *base = getenv("ZEGEL_TEST_POSTGRES");
	if (fixture->engine->url) {
		snprintf(fixture->url, sizeof(fixture->url), fixture->engine->url, fixture->dir);
		return;
	}
	snprintf(fixture->schema, sizeof(fixture->schema), "test_%ld_%d", (long)getpid(), made++);
	schema(fixture, true);
	snprintf(fixture->url, sizeof(fixture->url), "%s%coptions=-csearch_path%%3D%s", base,
		strchr(base, '?') ? '&' : '?', fixture->schema);
}

void fixture_init_empty(struct fixture *fixture, const struct engine *engine)
{
	memset(fixture, 0, sizeof(*fixture));
	fixture->engine = engine;
	snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/zegel-store-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	make_url(fixture);
	clock_fake_init(&fixture->clock, FIXTURE_NOW, 1);
	fixture->options = (struct store_options) {
		.url = str_of(fixture->url),
		.rooms = rooms,
		.room_count = 1,
		.clock = &fixture->clock.clock,
	};
}

void fixture_open(struct fixture *fixture)
{
	struct err err;
	assert_ok(store_open(&fixture->options, &fixture->store, &err), &err);
}

void fixture_init(struct fixture *fixture, const struct engine *engine)
{
	struct err err;
	fixture_init_empty(fixture, engine);
	if (engine->stays)
		assert_ok(store_migrate(&fixture->options, false, NULL, NULL, &err), &err);
	fixture_open(fixture);
}

void fixture_close(struct fixture *fixture)
{
	store_close(&fixture->store);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

void fixture_done(struct fixture *fixture)
{
	fixture_close(fixture);
	if (fixture->schema[0])
		schema(fixture, false);
	nftw(fixture->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- posts ---- */

static int put_entry(struct post *post, struct store_tx *tx, struct err *err)
{
	int64_t bucket = post->unit.bucket;
	int rc = store_write(tx, &add_entry,
		ARGS(V_INT(post->now), V_INT(bucket), V_INT(post->account), V_INT(post->amount),
			V_NULL, V_NULL),
		1, err);
	if (rc)
		return rc;
	return store_write(tx, &put_account,
		ARGS(V_INT(bucket), V_INT(post->account), V_INT(post->amount)), 1, err);
}

static int read_first(struct post *post, struct store_tx *tx, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &find_account,
		ARGS(V_INT(post->unit.bucket), V_INT(post->account)), &rows, err);
	if (rc)
		return rc;
	rc = store_next(rows, err);
	return rc < 0 ? rc : 0;
}

static int leave_open(struct post *post, struct store_tx *tx, struct err *err)
{
	struct store_rows *rows;
	int rc = store_query(tx, &find_account,
		ARGS(V_INT(post->unit.bucket), V_INT(post->account)), &rows, err);
	return rc ? rc : store_next(rows, err) < 0 ? ERR_STORE : 0;
}

/* A statement that fails in every engine: NULL where there may be none. */
static int bad_statement(struct store_tx *tx, struct err *err)
{
	return store_write(tx, &add_account, ARGS(V_INT(1), V_INT(1), V_NULL), 1, err);
}

/* Expects a row that is not there, and swallows that. */
static int wrong_expectation(struct store_tx *tx, int64_t bucket)
{
	int rc =
		store_write(tx, &change_account, ARGS(V_INT(bucket), V_INT(-1), V_INT(1)), 1, NULL);
	return rc < 0 ? ERR_INTERNAL : 0;
}

static int as_told(struct post *post, struct store_tx *tx, struct err *err)
{
	int64_t bucket = post->unit.bucket;
	switch (post->told) {
	case 'd':
		return UNIT_DROP;
	case 'f':
		return err_set(err, ERR_CONFLICT, "told to fail");
	case 'm':
		return STORE_MOVED;
	case 't':
		return post->runs <= 2 ? STORE_MOVED : 0;
	case 's':
		return bad_statement(tx, NULL) > 0 ? ERR_INTERNAL : 0;
	case 'e':
		return wrong_expectation(tx, bucket);
	case 'u':
		return store_write(tx, &add_account,
			ARGS(V_INT(bucket), V_INT(post->account), V_INT(0)), 1, err);
	case 'l':
		return leave_open(post, tx, err);
	default:
		return 0;
	}
}

static int post_run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct post *post = (struct post *)unit;
	post->runs++;
	post->now = now;
	if (post->told == 'g' && post->runs == 1)
		post->gate(post);
	int rc = read_first(post, tx, err);
	if (rc)
		return rc;
	if (post->told == 'D')
		return UNIT_DROP;
	if (post->told == 'F')
		return err_set(err, ERR_CONFLICT, "told to fail");
	if (post->told == 'M')
		return STORE_MOVED;
	rc = put_entry(post, tx, err);
	return rc ? rc : as_told(post, tx, err);
}

static void post_done(struct unit *unit)
{
	struct post *post = (struct post *)unit;
	post->finished++;
	if (post->on_done)
		post->on_done(post);
}

void post_init(struct post *post, int64_t account, int64_t amount, char told)
{
	memset(post, 0, sizeof(*post));
	post->unit = (struct unit) {
		.run = post_run,
		.done = post_done,
		.bucket = (uint16_t)account,
		.rc = -999,
	};
	post->account = account;
	post->amount = amount;
	post->told = told;
}

static int64_t ask(struct fixture *fixture, const struct store_stmt *stmt, int64_t account)
{
	struct store_tx *tx;
	struct err err;
	int64_t answer = -1;
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	struct store_rows *rows = NULL;
	assert_ok(
		store_query(tx, stmt, ARGS(V_INT((uint16_t)account), V_INT(account)), &rows, &err),
		&err);
	int rc = store_next(rows, &err);
	if (rc == 1)
		answer = store_int(rows, 0);
	assert_true(rc >= 0);
	store_rows_done(&rows);
	store_read_end(&tx);
	return answer;
}

int64_t entries_of(struct fixture *fixture, int64_t account)
{
	return ask(fixture, &count_entries, account);
}

int64_t balance_of(struct fixture *fixture, int64_t account)
{
	return ask(fixture, &find_account, account);
}

void assert_sums(struct fixture *fixture)
{
	struct store_tx *tx;
	struct err err;
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	struct store_rows *rows = NULL;
	assert_ok(store_query(tx, &sum_entries, NO_ARGS, &rows, &err), &err);
	while (store_next(rows, &err) == 1)
		assert_int_equal(store_int(rows, 1), store_int(rows, 2));
	store_rows_done(&rows);
	store_read_end(&tx);
}

/* ---- jobs ---- */

static int job_run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct job *job = (struct job *)unit;
	job->runs++;
	job->now = now;
	return job->work(job, tx, err);
}

int run_job(struct fixture *fixture, struct job *job)
{
	job->unit.run = job_run;
	return store_run(fixture->store, &job->unit);
}

int do_job(struct fixture *fixture,
	int (*work)(struct job *job, struct store_tx *tx, struct err *err))
{
	struct job job = { .work = work };
	return run_job(fixture, &job);
}

int run_post(struct fixture *fixture, struct post *post)
{
	return store_run(fixture->store, &post->unit);
}

int unexpected_count;

static void on_unexpected(const char *what, const char *file, int line)
{
	unexpected_count++;
}

void count_unexpected(void)
{
	unexpected_count = 0;
	check_set_unexpected_hook(on_unexpected);
}

void make_account(struct fixture *fixture, int64_t account, int64_t balance)
{
	struct post post;
	post_init(&post, account, balance, 'k');
	assert_ok(run_post(fixture, &post), &post.unit.err);
}

/* ---- groups ---- */

static int stand_in_gate(struct post *post)
{
	struct gate *gate = post->user;
	pthread_mutex_lock(&gate->lock);
	gate->reached = true;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	return 0;
}

static void one_is_done(struct post *post)
{
	struct gate *gate = post->user;
	pthread_mutex_lock(&gate->lock);
	gate->waiting_for--;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

void gate_count(struct gate *gate, struct post *post)
{
	post->user = gate;
	post->on_done = one_is_done;
	pthread_mutex_lock(&gate->lock);
	gate->waiting_for++;
	pthread_mutex_unlock(&gate->lock);
}

void gate_submit(struct fixture *fixture, struct gate *gate, struct post *post)
{
	struct err err;
	gate_count(gate, post);
	assert_ok(store_submit(fixture->store, &post->unit, &err), &err);
}

void gate_init(struct gate *gate)
{
	memset(gate, 0, sizeof(*gate));
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
}

void gate_close(struct fixture *fixture, struct gate *gate)
{
	gate_init(gate);
	post_init(&gate->post, 60000, 1, 'g');
	gate->post.gate = stand_in_gate;
	gate_submit(fixture, gate, &gate->post);
	pthread_mutex_lock(&gate->lock);
	while (!gate->reached)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

void gate_wait(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->waiting_for)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

void gate_done(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
}

void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
	gate_wait(gate);
	gate_done(gate);
	assert_int_equal(gate->post.unit.rc, 0);
}
