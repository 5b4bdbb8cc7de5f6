/* SPDX-License-Identifier: Apache-2.0 */
/* The teller beside others: threads, another program, readers, kill -9. */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/fixture_impl.h"
#include "store/sqlite_impl.h"

/* An open store with its tellers running. A test's state is the engine it runs on; without one
 * SQLite on disk. */
static void start(struct fixture *fixture, void **state)
{
	struct err err;
	const struct engine *engine = *state ? *state : &fixture_engines[0];
	if (!fixture_can(engine))
		skip();
	fixture_init(fixture, engine);
	assert_ok(store_start(fixture->store, &err), &err);
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
	struct gate gate;
	gate_init(&gate);
	for (int i = 0; i < RUNS; i++) {
		post_init(&posts[i], 7, 1, "kfk"[i % 3]);
		gate_submit(fixture, &gate, &posts[i]);
	}
	gate_open(&gate);
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
	start(&fixture, state);
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
	start(&fixture, state);
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
	while (restarts < 5) {
		assert_int_equal(entries_of(&fixture, 1000), 0); /* it looks at every entry */
		int pages = atomic_load(&engine->wal_pages);
		assert_true(pages < 100 * engine->marks.restart);
		restarts += pages < last;
		last = pages;
	}
	assert_int_equal(atomic_load(&load.running), LOAD_POSTS);
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
	if (store_open(&fixture->options, &fixture->store, &err) ||
		store_start(fixture->store, &err))
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
	start(&fixture, state);
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

#define on_postgres(function) \
	((struct CMUnitTest) { "postgresql: " #function, function, test_begin, test_end, \
		(void *)&fixture_engines[2] })

int main(void)
{
	return TEST_MAIN(test(all_at_once), test(another_program), test(long_reading),
		test(log_starts_anew), test(killed_at_any_moment), on_postgres(all_at_once),
		on_postgres(another_program), on_postgres(killed_at_any_moment));
}
