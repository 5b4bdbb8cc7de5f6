/* SPDX-License-Identifier: Apache-2.0 */
/* The contract: a unit that learns in its run whose it is. On an engine with one teller it stays
 * where it is; on others it is run by the teller it belongs to. To add a case: a function, and its
 * row at the end. */
#include "store/contract_impl.h"

/* A unit that writes an entry of the account it finds out about. */
struct finder {
	struct unit unit; /* first */
	struct gate *gate;
	uint16_t homes[UNIT_HOPS_MAX + 2]; /* what it finds, each time */
	int runs, answers[UNIT_HOPS_MAX + 2], finished;
	struct post post;
};

static int finder_run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct finder *finder = (struct finder *)unit;
	int n = finder->runs++;
	int rc = store_home(tx, finder->homes[n]);
	finder->answers[n] = rc;
	if (rc)
		return rc;
	return finder->post.unit.run(&finder->post.unit, tx, now, err);
}

static void finder_done(struct unit *unit)
{
	struct finder *finder = (struct finder *)unit;
	finder->finished++;
	finder->post.on_done(&finder->post);
}

static void finder_init(struct finder *finder, uint16_t bucket)
{
	memset(finder, 0, sizeof(*finder));
	finder->unit = (struct unit) { .run = finder_run, .done = finder_done, .bucket = bucket };
	post_init(&finder->post, bucket, 1, 'k');
}

/* Opens the store again, with so many tellers, running. */
static void with_tellers(struct fixture *fixture, int tellers)
{
	struct err err;
	if (fixture->engine->stays)
		fixture_close(fixture);
	fixture->options.tellers = tellers;
	if (fixture->engine->stays)
		fixture_open(fixture);
	assert_ok(store_start(fixture->store, &err), &err);
}

static void submit(struct fixture *fixture, struct gate *gate, struct finder *finder)
{
	struct err err;
	finder->post.user = gate;
	gate_count(gate, &finder->post);
	assert_ok(store_submit(fixture->store, &finder->unit, &err), &err);
}

static bool moves(const struct fixture *fixture)
{
	return fixture->engine->late; /* what pipelines its writes has several tellers */
}

static void test_home(struct fixture *fixture)
{
	struct finder finder;
	struct gate gate;
	struct store_stats stats;
	with_tellers(fixture, 4);
	gate_init(&gate);
	finder_init(&finder, 4);
	for (int i = 0; i < UNIT_HOPS_MAX + 2; i++)
		finder.homes[i] = 7;
	submit(fixture, &gate, &finder);
	gate_wait(&gate);
	int hops = moves(fixture);
	assert_int_equal(finder.runs, 1 + hops);
	assert_int_equal(finder.finished, 1);
	assert_int_equal(finder.answers[0], hops ? STORE_ELSEWHERE : 0);
	assert_int_equal(finder.answers[hops], 0);
	assert_int_equal(finder.unit.rc, 0);
	assert_int_equal(finder.unit.bucket, hops ? 7 : 4);
	assert_int_equal(entries_of(fixture, 4), 1);
	store_stats(fixture->store, &stats);
	assert_int_equal(stats.units, 1);
	assert_int_equal(stats.hopped, hops);
	assert_int_equal(stats.failed + stats.moved, 0);
	gate_done(&gate);
}

/* One that finds another home each time is run in the end. */
static void test_no_home(struct fixture *fixture)
{
	struct finder finder;
	struct gate gate;
	with_tellers(fixture, 4);
	gate_init(&gate);
	finder_init(&finder, 0);
	for (int i = 0; i < UNIT_HOPS_MAX + 2; i++)
		finder.homes[i] = (uint16_t)(i + 1);
	submit(fixture, &gate, &finder);
	gate_wait(&gate);
	assert_int_equal(finder.runs, moves(fixture) ? 1 + UNIT_HOPS_MAX : 1);
	assert_int_equal(finder.unit.rc, 0);
	assert_int_equal(finder.finished, 1);
	assert_int_equal(entries_of(fixture, 0), 1);
	gate_done(&gate);
}

/* Where there is nobody to hand it to, it stays. */
static void test_home_alone(struct fixture *fixture)
{
	struct finder finder;
	struct store_tx *tx;
	struct err err;
	with_tellers(fixture, 4);
	finder_init(&finder, 4);
	finder.homes[0] = 7;
	assert_ok(store_run(fixture->store, &finder.unit), &finder.unit.err);
	assert_int_equal(finder.runs, 1);
	assert_int_equal(entries_of(fixture, 4), 1);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	assert_int_equal(store_home(tx, 9), 0);
	store_read_end(&tx);
}

/* A full queue takes what is handed on. */
static void test_home_is_full(struct fixture *fixture)
{
	enum { N = 20 };
	static struct finder finders[N];
	struct gate gate, all;
	fixture->options.queue_max = N;
	with_tellers(fixture, 2);
	gate_init(&all);
	gate_close(fixture, &gate); /* it stands in the teller of the even buckets */
	for (int i = 0; i < N; i++) {
		finder_init(&finders[i], (uint16_t)(moves(fixture) ? 1 + 2 * i : 2 * i));
		for (int k = 0; k < UNIT_HOPS_MAX + 2; k++)
			finders[i].homes[k] = (uint16_t)(2 * i);
		submit(fixture, &all, &finders[i]);
	}
	gate_open(&gate);
	gate_wait(&all);
	for (int i = 0; i < N; i++) {
		assert_int_equal(finders[i].unit.rc, 0);
		assert_int_equal(finders[i].finished, 1);
	}
	gate_done(&all);
}

/* Tellers that are closing hand nothing on that nobody would do. */
static void test_home_closes(struct fixture *fixture)
{
	enum { N = 60 };
	static struct finder finders[N];
	struct gate gate;
	with_tellers(fixture, 4);
	gate_init(&gate);
	for (int i = 0; i < N; i++) {
		finder_init(&finders[i], (uint16_t)i);
		for (int k = 0; k < UNIT_HOPS_MAX + 2; k++)
			finders[i].homes[k] = (uint16_t)(i + 1 + k % 2);
		submit(fixture, &gate, &finders[i]);
	}
	fixture_close(fixture);
	for (int i = 0; i < N; i++) {
		assert_int_equal(finders[i].unit.rc, 0);
		assert_int_equal(finders[i].finished, 1);
	}
	gate_done(&gate);
	if (!fixture->engine->stays)
		return;
	fixture_open(fixture);
	for (int i = 0; i < N; i++)
		assert_int_equal(entries_of(fixture, i), 1);
}

const struct contract_case contract_home[] = {
	{ "a unit goes where it belongs", test_home },
	{ "a unit that belongs nowhere", test_no_home },
	{ "a unit that stays", test_home_alone },
	{ "a full queue takes what is handed on", test_home_is_full },
	{ "nothing is lost at the end", test_home_closes },
};
const size_t contract_home_count = sizeof(contract_home) / sizeof(contract_home[0]);
