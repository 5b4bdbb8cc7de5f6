/* SPDX-License-Identifier: Apache-2.0 */
/* The teller: who shares a commit, and what becomes of the others when one is not kept.
 *
 * A *gate* unit holds the teller inside its run() until the test has queued what must be one group; so
 * groups are made, not waited for. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "store/fixture_impl.h"
#include "store/sqlite_impl.h"

#define GROUP_MAX_HERE 300

/* ---- a gate, and waiting for the last ---- */

struct gate {
	struct post post;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool reached, open;
	int waiting_for; /* posts that are not done */
};

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

static void submit(struct fixture *fixture, struct gate *gate, struct post *post)
{
	struct err err;
	post->user = gate;
	post->on_done = one_is_done;
	pthread_mutex_lock(&gate->lock);
	gate->waiting_for++;
	pthread_mutex_unlock(&gate->lock);
	assert_ok(store_submit(fixture->store, &post->unit, &err), &err);
}

/* The teller stands in the gate; what is submitted now is the next group. */
static void gate_close(struct fixture *fixture, struct gate *gate)
{
	memset(gate, 0, sizeof(*gate));
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
	post_init(&gate->post, 60000, 1, 'g');
	gate->post.gate = stand_in_gate;
	submit(fixture, gate, &gate->post);
	pthread_mutex_lock(&gate->lock);
	while (!gate->reached)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

/* Lets the teller go and waits until everything submitted is done. */
static void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	while (gate->waiting_for)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
	assert_int_equal(gate->post.unit.rc, 0);
}

static void start(struct fixture *fixture)
{
	struct err err;
	fixture_init_empty(fixture, &fixture_engines[0]);
	fixture->options.group_max = GROUP_MAX_HERE;
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
		submit(fixture, &gate, &posts[i]);
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
	"k", "kk", "kkkkkkkk",
	"f", "kf", "fk", "kkfkk", "ffff", "fkfkfkfk",
	"F", "kF", "Fk", "kkFkk",
	"d", "kd", "dk", "kDk", "dddd", "kdkDk",
	"t", "kt", "tk", "ktk", "ttt", "kfktkdk",
	"m", "km", "mk", "kmkmk", "kMk", "MMM", "kMfk",
	"s", "ks", "sk", "ksksk", "e", "kek", "u", "kuk", "kufsmdtek",
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

static void groups_by(enum group_way way)
{
	struct fixture fixture;
	start(&fixture);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		fixture.store->first_way = way;
		fixture.store->writers[0].marked_left = 0;
		run_text(&fixture, groups[i], (int64_t)(i + 1) * 100);
	}
	fixture_done(&fixture);
}

static void groups_plain(void **state)
{
	groups_by(GROUP_PLAIN);
}

static void groups_marked(void **state)
{
	groups_by(GROUP_MARKED);
}

static void groups_alone(void **state)
{
	groups_by(GROUP_ALONE);
}

/* Units of one group see what those before them wrote; on one account all of it adds up. */
static void one_account(void **state)
{
	struct fixture fixture;
	struct post posts[9];
	start(&fixture);
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
	start(&fixture);
	test_expect_errors(1);
	run_text(&fixture, "klklk", 10);
	fixture_done(&fixture);
}

/* ---- no unit is run too often ---- */

static void a_large_group(char bad, int most_runs)
{
	struct fixture fixture;
	static struct post posts[GROUP_MAX_HERE];
	start(&fixture);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < GROUP_MAX_HERE; i++)
			post_init(&posts[i], (round + 1) * 1000 + i, 1, i % 2 || !round ? bad : 'k');
		run_group(&fixture, posts, GROUP_MAX_HERE);
		for (int i = 0; i < GROUP_MAX_HERE; i++)
			assert_true(posts[i].runs <= most_runs);
		assert_fates(&fixture, "large", posts, GROUP_MAX_HERE);
	}
	fixture_done(&fixture);
}

static void many_fail(void **state)
{
	a_large_group('f', 2);
}

static void many_move(void **state)
{
	a_large_group('t', 5);
}

/* After a group that had to be run again the next ones start with marks: nobody runs twice. */
static void a_burst(void **state)
{
	struct fixture fixture;
	struct post posts[8];
	start(&fixture);
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
	start(&fixture);
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
		assert_true(ok || posts[i].unit.rc == ERR_STORE || posts[i].unit.rc == ERR_CONFLICT);
		assert_int_equal(entries_of(fixture, posts[i].account), ok && stays(posts[i].told));
		kept += ok;
	}
	*ret_kept = kept;
}

/* The steps the gate's unit still makes when the gate opens: it reads one row, writes two and commits. */
#define STEPS_OF_GATE 5

/* A group of five whose n-th step fails; returns how many steps there were. */
static size_t run_and_fail(struct fixture *fixture, struct post *posts, size_t n)
{
	struct gate gate;
	gate_close(fixture, &gate);
	for (int i = 0; i < 5; i++) {
		post_init(&posts[i], (int64_t)n * 10 + i, 1, "kkfkd"[i]);
		submit(fixture, &gate, &posts[i]);
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
	start(&fixture);
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
	fixture_init(&fixture, &fixture_engines[0]);
	fixture_close(&fixture);
	fixture.options.queue_max = 3;
	fixture_open(&fixture);
	post_init(&posts[0], 1, 1, 'k');
	assert_int_equal(store_submit(fixture.store, &posts[0].unit, &err), ERR_BUSY);
	assert_ok(store_start(fixture.store, &err), &err);
	gate_close(&fixture, &gate);
	for (int i = 0; i < 3; i++) {
		post_init(&posts[i], i, 1, 'k');
		submit(&fixture, &gate, &posts[i]);
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
	start(&fixture);
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
	start(&fixture);
	run_text(&fixture, "kkkkk", 10); /* and the gate */
	store_stats(fixture.store, &stats);
	assert_int_equal(stats.units, 6);
	assert_int_equal(stats.commits, 2);
	assert_int_equal(stats.group_sizes[0], 1);
	assert_int_equal(stats.group_sizes[3], 1);
	assert_true(stats.commit_ns > 0);
	fixture_done(&fixture);
}

/* ---- beside the teller ---- */

#define RUNNERS 3
#define RUNS 60

static void *run_many(void *user)
{
	struct fixture *fixture = user;
	for (int i = 0; i < RUNS; i++) {
		struct post post;
		post_init(&post, 7, 1, "kdk"[i % 3]);
		if (store_run(fixture->store, &post.unit))
			return post.unit.err.text[0] ? "failed" : "?";
	}
	return NULL;
}

static void *submit_many(void *user)
{
	struct fixture *fixture = user;
	static _Thread_local struct post posts[RUNS];
	struct gate *gate = calloc(1, sizeof(*gate));
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
	gate->post.unit.rc = 0;
	for (int i = 0; i < RUNS; i++) {
		post_init(&posts[i], 7, 1, "kfk"[i % 3]);
		submit(fixture, gate, &posts[i]);
	}
	gate_open(gate);
	free(gate);
	return NULL;
}

static void *read_many(void *user)
{
	struct fixture *fixture = user;
	for (int i = 0; i < RUNS; i++)
		assert_sums(fixture);
	return NULL;
}

/* store_run() in several threads, submitters in others, readers beside them. */
static void all_at_once(void **state)
{
	struct fixture fixture;
	pthread_t threads[3 * RUNNERS];
	void *(*const work[])(void *) = { run_many, submit_many, read_many };
	start(&fixture);
	for (int i = 0; i < 3 * RUNNERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work[i % 3], &fixture), 0);
	for (int i = 0; i < 3 * RUNNERS; i++) {
		void *fault;
		pthread_join(threads[i], &fault);
		assert_null(fault);
	}
	assert_int_equal(balance_of(&fixture, 7), 2 * RUNNERS * RUNS / 3 * 2);
	fixture_done(&fixture);
}

/* ---- another program ---- */

#define LOAD_POSTS 40

/* Posts that are submitted again from done() until they are told to stop. */
struct load {
	struct fixture *fixture;
	struct post posts[LOAD_POSTS];
	_Atomic int left; /* how many more, for none goes on for ever */
	_Atomic int running;
	_Atomic int faults;
};

static void again(struct post *post)
{
	struct load *load = post->user;
	if (post->unit.rc)
		atomic_fetch_add(&load->faults, 1);
	if (atomic_fetch_sub(&load->left, 1) > 0 &&
		!store_submit(load->fixture->store, &post->unit, NULL))
		return;
	atomic_fetch_sub(&load->running, 1);
}

static void start_load(struct load *load, struct fixture *fixture)
{
	struct err err;
	load->fixture = fixture;
	atomic_store(&load->left, 1 << 30);
	atomic_store(&load->running, LOAD_POSTS);
	for (int i = 0; i < LOAD_POSTS; i++) {
		post_init(&load->posts[i], i, 1, 'k');
		load->posts[i].user = load;
		load->posts[i].on_done = again;
		assert_ok(store_submit(fixture->store, &load->posts[i].unit, &err), &err);
	}
}

/* A teller that never rests lets a command in. */
static void another_program(void **state)
{
	static struct load load;
	struct fixture fixture, other;
	start(&fixture);
	other = fixture;
	fixture_open(&other);
	start_load(&load, &fixture);
	for (int i = 0; i < 20; i++) {
		struct post post;
		post_init(&post, 500 + i, 1, 'k');
		assert_ok(store_run(other.store, &post.unit), &post.unit.err);
	}
	assert_int_equal(atomic_load(&load.running), LOAD_POSTS);
	atomic_store(&load.left, 0);
	fixture_close(&fixture);
	assert_int_equal(atomic_load(&load.running) + atomic_load(&load.faults), 0);
	assert_sums(&other);
	fixture_done(&other);
}

/* ---- the log ---- */

static void put_many(struct fixture *fixture, int n)
{
	for (int i = 0; i < n; i++) {
		struct post post;
		post_init(&post, i, 1, 'k');
		assert_ok(store_run(fixture->store, &post.unit), &post.unit.err);
	}
}

/* A reading may hold the log back only so far. */
static void long_reading(void **state)
{
	struct fixture fixture;
	struct store_tx *tx;
	struct store_rows *rows = NULL;
	struct err err;
	fixture_init(&fixture, &fixture_engines[0]);
	((struct sqlite_engine *)fixture.store->engine)->marks.reading = 10;
	put_many(&fixture, 3);
	assert_ok(store_read_begin(fixture.store, &tx, &err), &err);
	assert_ok(store_query(tx, &sum_entries, NO_ARGS, &rows, &err), &err);
	assert_int_equal(store_next(rows, &err), 1);
	put_many(&fixture, 11);
	assert_int_equal(store_next(rows, &err), ERR_STORE);
	assert_non_null(strstr(err.text, "during this reading"));
	store_rows_done(&rows);
	store_read_end(&tx);
	assert_sums(&fixture);
	fixture_done(&fixture);
}

/* Under constant load, and with readers that come and go, the log starts anew again and again. */
static void log_starts_anew(void **state)
{
	static struct load load;
	struct fixture fixture;
	struct err err;
	int restarts = 0, last = 0;
	fixture_init(&fixture, &fixture_engines[0]);
	struct sqlite_engine *engine = (struct sqlite_engine *)fixture.store->engine;
	engine->marks.copy = engine->wal_wake_at = 64;
	engine->marks.restart = 128;
	assert_ok(store_start(fixture.store, &err), &err);
	start_load(&load, &fixture);
	for (int i = 0; i < 100000 && restarts < 5; i++) {
		assert_int_equal(entries_of(&fixture, 1000), 0);
		int pages = atomic_load(&engine->wal_pages);
		restarts += pages < last;
		last = pages;
	}
	assert_int_equal(atomic_load(&load.running), LOAD_POSTS);
	assert_int_equal(restarts, 5);
	atomic_store(&load.left, 0);
	fixture_done(&fixture);
}

/* ---- kill -9 ---- */

#define CRASHES 6
/* Acknowledged before the child is killed; how many more are on their way is chance. */
#define CRASH_AFTER 300

static int crash_pipe[2];

/* In the child: what was done is told to the parent, whole or not at all. */
static void tell(struct post *post)
{
	if (post->unit.rc == 0 && write(crash_pipe[1], &post->account, sizeof(post->account)) < 0)
		_exit(1);
	free(post);
}

/* In the child: submits posts until it is killed. */
static void child(struct fixture *fixture, int64_t first)
{
	struct err err;
	if (store_open(&fixture->options, &fixture->store, &err) || store_start(fixture->store, &err))
		_exit(1);
	for (int64_t account = first;; account++) {
		struct post *post = malloc(sizeof(*post));
		if (!post)
			_exit(1);
		post_init(post, account, 1, "kkkfkdt"[account % 7]);
		post->on_done = tell;
		while (store_submit(fixture->store, &post->unit, &err))
			sched_yield();
	}
}

/* Kills the child after some answers; then every answer must be in the store. */
static int crash(struct fixture *fixture, int64_t first, int64_t *answers, int max)
{
	int n = 0;
	assert_int_equal(pipe(crash_pipe), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(fixture, first);
	close(crash_pipe[1]);
	while (n < max && read(crash_pipe[0], &answers[n], sizeof(answers[0])) > 0)
		if (++n == CRASH_AFTER + first % 97)
			kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(crash_pipe[0]);
	return n;
}

static void killed_at_any_moment(void **state)
{
	enum { MAX = 100000 };
	struct fixture fixture;
	int64_t *answers = calloc(MAX, sizeof(*answers));
	fixture_init(&fixture, &fixture_engines[0]);
	for (int i = 0; i < CRASHES; i++) {
		fixture_close(&fixture);
		int n = crash(&fixture, 1000 + i * INT64_C(1000000), answers, MAX);
		assert_true(n >= CRASH_AFTER && n < MAX);
		fixture_open(&fixture);
		for (int k = 0; k < n; k++)
			assert_int_equal(entries_of(&fixture, answers[k]),
				answers[k] % 7 == 5 ? 0 : 1);
		assert_sums(&fixture);
	}
	free(answers);
	fixture_done(&fixture);
}

int main(void)
{
	return TEST_MAIN(test(groups_plain), test(groups_marked), test(groups_alone),
		test(one_account), test(rows_left_open), test(many_fail), test(many_move),
		test(a_burst), test(disk_full), test(every_step_fails), test(queue_is_bounded),
		test(close_finishes), test(groups_are_counted), test(all_at_once), test(another_program),
		test(long_reading), test(log_starts_anew),
		test(killed_at_any_moment));
}
