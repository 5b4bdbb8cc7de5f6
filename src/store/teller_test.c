/* SPDX-License-Identifier: Apache-2.0 */
/* The teller: who shares a commit, and what becomes of the others when one is not kept. */
#include "store/fixture_impl.h"
#include "store/sqlite_impl.h"

#define GROUP_MAX_HERE 300

/* A test's state is the engine it runs on; without one SQLite on disk. */
static void start(struct fixture *fixture, void **state)
{
	struct err err;
	const struct engine *engine = *state ? *state : &fixture_engines[0];
	if (!fixture_can(engine))
		skip();
	fixture_init_empty(fixture, engine);
	fixture->options.group_max = GROUP_MAX_HERE;
	fixture->options.tellers = 1;
	assert_ok(store_migrate(&fixture->options, false, NULL, NULL, &err), &err);
	fixture_open(fixture);
	assert_ok(store_start(fixture->store, &err), &err);
}

/* Runs the posts as one group. */
static void run_group(struct fixture *fixture, struct post *posts, int n)
{
	struct gate gate;
	gate_close(fixture, &gate);
	for (int i = 0; i < n; i++)
		gate_submit(fixture, &gate, &posts[i]);
	gate_open(&gate);
}

/* What a letter must come to. */
static int rc_of(char told)
{
	switch (told) {
	case 'f':
	case 'F':
		return ERR_CONFLICT;
	case 's':
		return ERR_STORE;
	case 'm':
	case 'M':
	case 'e':
	case 'u':
		return ERR_BUSY;
	default:
		return 0;
	}
}

static bool stays(char told)
{
	return strchr("ktgl", told) != NULL;
}

static void assert_fates(struct fixture *fixture, const char *row, struct post *posts, int n)
{
	int64_t last = 0;
	for (int i = 0; i < n; i++) {
		assert_row(row, posts[i].unit.rc == rc_of(posts[i].told));
		assert_row(row, posts[i].finished == 1);
		assert_row(row, entries_of(fixture, posts[i].account) == stays(posts[i].told));
		if (stays(posts[i].told)) {
			assert_row(row, posts[i].now > last);
			last = posts[i].now;
		}
	}
	assert_sums(fixture);
}

/* ---- groups, as text ---- */

/* Each row is a group, a letter a unit (struct post). */
static const char *const groups[] = {
	"k",
	"kk",
	"kkkkkkkk",
	"f",
	"kf",
	"fk",
	"kkfkk",
	"ffff",
	"fkfkfkfk",
	"F",
	"kF",
	"Fk",
	"kkFkk",
	"d",
	"kd",
	"dk",
	"kDk",
	"dddd",
	"kdkDk",
	"t",
	"kt",
	"tk",
	"ktk",
	"ttt",
	"kfktkdk",
	"m",
	"km",
	"mk",
	"kmkmk",
	"kMk",
	"MMM",
	"kMfk",
	"s",
	"ks",
	"sk",
	"ksksk",
	"e",
	"kek",
	"u",
	"kuk",
	"kufsmdtek",
};

static void run_text(struct fixture *fixture, const char *text, int64_t account)
{
	struct post posts[16];
	int n = (int)strlen(text);
	for (int i = 0; i < n; i++)
		post_init(&posts[i], account + i, i + 1, text[i]);
	run_group(fixture, posts, n);
	assert_fates(fixture, text, posts, n);
}

static void groups_by(void **state, enum group_way way)
{
	struct fixture fixture;
	start(&fixture, state);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		fixture.store->first_way = way;
		fixture.store->writers[0].marked_left = 0;
		run_text(&fixture, groups[i], (int64_t)(i + 1) * 100);
	}
	fixture_done(&fixture);
}

static void groups_plain(void **state)
{
	groups_by(state, GROUP_PLAIN);
}

static void groups_marked(void **state)
{
	groups_by(state, GROUP_MARKED);
}

static void groups_alone(void **state)
{
	groups_by(state, GROUP_ALONE);
}

/* Units of one group see what those before them wrote; on one account all of it adds up. */
static void one_account(void **state)
{
	struct fixture fixture;
	struct post posts[9];
	start(&fixture, state);
	for (int i = 0; i < 9; i++)
		post_init(&posts[i], 5, 1 << i, "ktkdkfksk"[i]);
	run_group(&fixture, posts, 9);
	assert_int_equal(balance_of(&fixture, 5), 1 + 2 + 4 + 16 + 64 + 256);
	fixture_done(&fixture);
}

/* Rows that a unit leaves open do not hurt the others. */
static void rows_left_open(void **state)
{
	struct fixture fixture;
	start(&fixture, state);
	test_expect_errors(1);
	run_text(&fixture, "klklk", 10);
	fixture_done(&fixture);
}

/* ---- no unit is run too often ---- */

static void a_large_group(void **state, char bad, int most_runs)
{
	struct fixture fixture;
	static struct post posts[GROUP_MAX_HERE];
	start(&fixture, state);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < GROUP_MAX_HERE; i++)
			post_init(&posts[i], (round + 1) * 1000 + i, 1,
				i % 2 || !round ? bad : 'k');
		run_group(&fixture, posts, GROUP_MAX_HERE);
		for (int i = 0; i < GROUP_MAX_HERE; i++)
			assert_true(posts[i].runs <= most_runs);
		assert_fates(&fixture, "large", posts, GROUP_MAX_HERE);
	}
	fixture_done(&fixture);
}

static void many_fail(void **state)
{
	a_large_group(state, 'f', 2);
}

static void many_move(void **state)
{
	a_large_group(state, 't', 5);
}

/* After a group that had to be run again the next ones start with marks: nobody runs twice. */
static void a_burst(void **state)
{
	struct fixture fixture;
	struct post posts[8];
	start(&fixture, state);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 8; i++)
			post_init(&posts[i], round * 10 + i, 1, i % 4 == 3 ? 'd' : 'k');
		run_group(&fixture, posts, 8);
		for (int i = 0; i < 8; i++)
			assert_int_equal(posts[i].runs, round == 0 && i <= 3 ? 2 : 1);
		assert_fates(&fixture, "burst", posts, 8);
	}
	fixture_done(&fixture);
}

/* ---- the engine undoes the whole group ---- */

/* The store may grow no further: a statement fails and takes the group with it. */
static void limit_pages(struct fixture *fixture, int pages)
{
	char sql[64];
	struct err err;
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", pages);
	assert_ok(sqlite_exec(sqlite_of(fixture->store->writers[0].tx.conn), sql, &err), &err);
}

static void disk_full(void **state)
{
	enum { N = 100 };
	struct fixture fixture;
	static struct post posts[N];
	int kept = 0, failed = 0;
	start(&fixture, state);
	limit_pages(&fixture, 5);
	for (int i = 0; i < N; i++)
		post_init(&posts[i], i, 1, 'k');
	for (int round = 0; round < 4 && !failed; round++) {
		for (int i = 0; i < N; i++)
			post_init(&posts[i], round * N + i, 1, 'k');
		run_group(&fixture, posts, N);
		for (int i = 0; i < N; i++) {
			assert_true(posts[i].unit.rc == 0 || posts[i].unit.rc == ERR_STORE);
			assert_int_equal(entries_of(&fixture, posts[i].account),
				posts[i].unit.rc == 0);
			assert_true(posts[i].runs <= 3);
			kept += posts[i].unit.rc == 0;
			failed += posts[i].unit.rc != 0;
		}
	}
	assert_true(kept > 0 && failed > 0);
	limit_pages(&fixture, 1000000);
	run_text(&fixture, "kkk", 5000);
	fixture_done(&fixture);
}

/* ---- the n-th step fails ---- */

static void count_answers(struct fixture *fixture, struct post *posts, int n, int *ret_kept)
{
	int kept = 0;
	for (int i = 0; i < n; i++) {
		bool ok = posts[i].unit.rc == 0;
		assert_int_equal(posts[i].finished, 1);
		assert_true(
			ok || posts[i].unit.rc == ERR_STORE || posts[i].unit.rc == ERR_CONFLICT);
		assert_int_equal(entries_of(fixture, posts[i].account), ok && stays(posts[i].told));
		kept += ok;
	}
	*ret_kept = kept;
}

/* The steps the gate's unit still makes when the gate opens: it reads one row, writes two and
 * commits. */
#define STEPS_OF_GATE 5

/* A group of five whose n-th step fails; returns how many steps there were. */
static size_t run_and_fail(struct fixture *fixture, struct post *posts, size_t n)
{
	struct gate gate;
	gate_close(fixture, &gate);
	for (int i = 0; i < 5; i++) {
		post_init(&posts[i], (int64_t)n * 10 + i, 1, "kkfkd"[i]);
		gate_submit(fixture, &gate, &posts[i]);
	}
	store_fail_nth(fixture->store, n + STEPS_OF_GATE);
	gate_open(&gate);
	return store_fail_nth(fixture->store, 0) - STEPS_OF_GATE;
}

/* Opened again, the store says what the answers said. */
static void every_step_fails(void **state)
{
	struct fixture fixture;
	struct post posts[5];
	struct err err;
	size_t n = 0, steps;
	int kept;
	start(&fixture, state);
	do {
		steps = run_and_fail(&fixture, posts, ++n);
		fixture_close(&fixture);
		clock_fake_advance(&fixture.clock, CLOCK_SECOND); /* else times are given twice */
		fixture_open(&fixture);
		count_answers(&fixture, posts, 5, &kept);
		assert_sums(&fixture);
		assert_ok(store_start(fixture.store, &err), &err);
	} while (steps >= n);
	assert_int_equal(kept, 4);
	assert_true(n > 20);
	fixture_done(&fixture);
}

/* ---- the queue ---- */

static void queue_is_bounded(void **state)
{
	struct fixture fixture;
	struct gate gate;
	struct post posts[4];
	struct err err;
	struct store_stats stats;
	start(&fixture, state);
	fixture_close(&fixture);
	fixture.options.queue_max = 3;
	fixture_open(&fixture);
	post_init(&posts[0], 1, 1, 'k');
	assert_int_equal(store_submit(fixture.store, &posts[0].unit, &err), ERR_BUSY);
	assert_ok(store_start(fixture.store, &err), &err);
	gate_close(&fixture, &gate);
	for (int i = 0; i < 3; i++) {
		post_init(&posts[i], i, 1, 'k');
		gate_submit(&fixture, &gate, &posts[i]);
	}
	post_init(&posts[3], 3, 1, 'k');
	assert_int_equal(store_submit(fixture.store, &posts[3].unit, &err), ERR_BUSY);
	store_stats(fixture.store, &stats);
	assert_int_equal(stats.queue_depth, 3);
	gate_open(&gate);
	assert_fates(&fixture, "queued", posts, 3);
	assert_int_equal(posts[3].finished + posts[3].runs, 0);
	fixture_done(&fixture);
}

/* What was accepted is done before the store closes. */
static void close_finishes(void **state)
{
	enum { N = 50 };
	struct fixture fixture;
	static struct post posts[N];
	struct err err;
	start(&fixture, state);
	for (int i = 0; i < N; i++) {
		post_init(&posts[i], i, 1, "kf"[i % 2]);
		assert_ok(store_submit(fixture.store, &posts[i].unit, &err), &err);
	}
	fixture_close(&fixture);
	for (int i = 0; i < N; i++)
		assert_int_equal(posts[i].finished, 1);
	fixture_open(&fixture);
	assert_fates(&fixture, "closed", posts, N);
	fixture_done(&fixture);
}

static void groups_are_counted(void **state)
{
	struct fixture fixture;
	struct store_stats stats;
	start(&fixture, state);
	run_text(&fixture, "kkkkk", 10); /* and the gate */
	store_stats(fixture.store, &stats);
	assert_int_equal(stats.units, 6);
	assert_int_equal(stats.commits, 2);
	assert_int_equal(stats.group_sizes[0], 1);
	assert_int_equal(stats.group_sizes[3], 1);
	assert_true(stats.commit_ns > 0);
	fixture_done(&fixture);
}

/* Where each unit is its own transaction. */
#define on_postgres(function) \
	((struct CMUnitTest) { "postgresql: " #function, function, test_begin, test_end, \
		(void *)&fixture_engines[2] })

int main(void)
{
	return TEST_MAIN(test(groups_plain), test(groups_marked), test(groups_alone),
		test(one_account), test(rows_left_open), test(many_fail), test(many_move),
		test(a_burst), test(disk_full), test(every_step_fails), test(queue_is_bounded),
		test(close_finishes), test(groups_are_counted), on_postgres(groups_alone),
		on_postgres(one_account), on_postgres(many_fail), on_postgres(many_move),
		on_postgres(every_step_fails), on_postgres(queue_is_bounded),
		on_postgres(close_finishes));
}
