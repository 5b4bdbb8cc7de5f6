/* SPDX-License-Identifier: Apache-2.0 */
#include "shop/shop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "shop/fixture_impl.h"
#include "tests/support/test.h"

#define READ_MAX 600

/* What a stream reads: events of a device after a number. */
struct reading {
	id_t64 device;
	int64_t after;
	size_t max;
	struct arena *arena;
	size_t count;
	struct event events[READ_MAX];
};

static int read_events(struct fixture *f, struct reading *r, id_t64 device, int64_t after,
	size_t max)
{
	struct store_tx *tx;
	assert_ok(store_read_begin(f->store, &tx, &f->err), &f->err);
	int rc = event_read(tx, device, after, r->arena, r->events, max, &r->count, &f->err);
	store_read_end(&tx);
	return rc;
}

static int64_t head_of(struct fixture *f, id_t64 device)
{
	struct store_tx *tx;
	int64_t head = -1;
	assert_ok(store_read_begin(f->store, &tx, &f->err), &f->err);
	assert_ok(event_head(tx, device, &head, &f->err), &f->err);
	store_read_end(&tx);
	return head;
}

static void numbers_go_up_by_one(void **state)
{
	static struct reading r;
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct fixture f;
	r.arena = arena;
	fixture_open(&f, NULL);
	assert_int_equal(head_of(&f, TILL_A), 0);
	assert_ok(fixture_add_event(&f, TILL_A, "{\"n\":1}"), &f.err);
	assert_ok(fixture_add_event(&f, OURS, "{\"office\":1}"), &f.err); /* the office's stream */
	assert_ok(fixture_add_event(&f, TILL_A, ""), &f.err);
	assert_ok(fixture_add_event(&f, TILL_A, "{\"n\":3}"), &f.err);
	assert_int_equal(head_of(&f, TILL_A), 3);
	assert_int_equal(head_of(&f, OURS), 1);
	assert_int_equal(head_of(&f, TILL_B), 0);
	assert_ok(read_events(&f, &r, TILL_A, 0, READ_MAX), &f.err);
	assert_int_equal(r.count, 3);
	assert_int_equal(r.events[0].seq, 1);
	assert_str(r.events[0].type, "message");
	assert_str(r.events[0].body, "{\"n\":1}");
	assert_str(r.events[1].body, "");
	assert_ok(read_events(&f, &r, TILL_A, 1, 1), &f.err);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.events[0].seq, 2);
	assert_ok(read_events(&f, &r, TILL_A, 3, READ_MAX), &f.err);
	assert_int_equal(r.count, 0);
	fixture_close(&f);
}

static int add_three(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	int rc = 0;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = event_add(tx, TILL_A, "steps", STR("{}"), now, err);
	return rc;
}

static void one_unit_may_add_several(void **state)
{
	struct fixture f;
	fixture_open(&f, NULL);
	assert_ok(fixture_run(&f, add_three, NULL), &f.err);
	assert_ok(fixture_run(&f, add_three, NULL), &f.err);
	assert_int_equal(head_of(&f, TILL_A), 6);
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM device_events"), 6);
	fixture_close(&f);
}

static int too_large(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	static const char zeros[(1 << 18) + 1];
	return event_add(tx, TILL_A, "steps", str_bytes(zeros, sizeof(zeros)), now, err);
}

static void refuses_large_ones(void **state)
{
	struct fixture f;
	fixture_open(&f, NULL);
	assert_int_equal(fixture_run(&f, too_large, NULL), ERR_TOO_LARGE);
	assert_int_equal(head_of(&f, TILL_A), 0);
	fixture_close(&f);
}

/* ---- purging ---- */

struct purge {
	int64_t before;
	size_t max, count;
};

static int purge(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	struct purge *p = user;
	return event_purge(tx, p->before, p->max, &p->count, err);
}

/* An event an hour at two devices, but one only at a third. */
static void fill_hours(struct fixture *f, int hours)
{
	assert_ok(fixture_add_event(f, READER_A, "once"), &f->err);
	for (int i = 0; i < hours; i++) {
		assert_ok(fixture_add_event(f, TILL_A, "a"), &f->err);
		assert_ok(fixture_add_event(f, TILL_B, "b"), &f->err);
		clock_fake_advance(&f->clock, CLOCK_HOUR);
	}
}

static void purge_keeps_the_newest(void **state)
{
	struct purge half = { .before = FIXTURE_NOW + 5 * CLOCK_HOUR - 1, .max = 1000 };
	struct purge few = { .before = FIXTURE_NOW + CLOCK_DAY, .max = 3 };
	struct purge all = { .before = FIXTURE_NOW + CLOCK_DAY, .max = 1000 };
	struct fixture f;
	fixture_open(&f, NULL);
	fill_hours(&f, 10);
	assert_ok(fixture_run(&f, purge, &half), &f.err);
	assert_int_equal(half.count, 10);
	assert_int_equal(
		fixture_number(&f, "SELECT MIN(seq) FROM device_events WHERE device = 3001"), 6);
	assert_ok(fixture_run(&f, purge, &few), &f.err);
	assert_int_equal(few.count, 3);
	assert_ok(fixture_run(&f, purge, &all), &f.err);
	assert_int_equal(all.count, 5);
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM device_events"), 3);
	assert_ok(fixture_run(&f, purge, &all), &f.err);
	assert_int_equal(all.count, 0);
	assert_int_equal(head_of(&f, TILL_A), 10);
	assert_int_equal(head_of(&f, READER_A), 1);
	assert_ok(fixture_add_event(&f, TILL_A, "on"), &f.err);
	assert_int_equal(head_of(&f, TILL_A), 11);
	fixture_close(&f);
}

/* ---- faults ---- */

static int add_one(struct fixture *f)
{
	return fixture_add_event(f, TILL_A, "x");
}

static int purge_all(struct fixture *f)
{
	struct purge all = { .before = FIXTURE_NOW + CLOCK_DAY, .max = 1000 };
	return fixture_run(f, purge, &all);
}

static void any_step_may_fail(void **state)
{
	struct fixture f;
	fixture_open(&f, NULL);
	fill_hours(&f, 3);
	fixture_fail_each_step(&f, "add", add_one);
	assert_int_equal(head_of(&f, TILL_A), 4);
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM device_events"), 8);
	fixture_fail_each_step(&f, "purge", purge_all);
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM device_events"), 3);
	fixture_close(&f);
}

static void any_allocation_may_fail(void **state)
{
	static struct reading r;
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct fixture f;
	size_t n = 0;
	int rc;
	r.arena = arena;
	fixture_open(&f, NULL);
	fill_hours(&f, 2);
	do {
		arena_fail_nth(++n);
		r.count = 77;
		rc = read_events(&f, &r, TILL_A, 0, READ_MAX);
		assert_true(rc == 0 || (rc == ERR_NO_MEMORY && r.count == 77));
	} while (rc < 0);
	assert_int_equal(n, 5); /* two texts an event */
	arena_fail_nth(1);
	assert_int_equal(purge_all(&f), ERR_NO_MEMORY);
	fixture_close(&f);
}

/* ---- several threads ---- */

#define THREADS 4
#define UNITS 40

static void *add_many(void *user)
{
	struct fixture *shared = user;
	struct fixture mine = { .store = shared->store };
	for (int i = 0; i < UNITS; i++)
		if (fixture_run(&mine, add_three, NULL))
			return "a unit failed";
	return NULL;
}

static void no_gap_among_threads(void **state)
{
	static struct reading r;
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	pthread_t threads[THREADS];
	struct fixture f;
	r.arena = arena;
	fixture_open(&f, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, &f), 0);
	for (int i = 0; i < THREADS; i++) {
		void *fault;
		assert_int_equal(pthread_join(threads[i], &fault), 0);
		assert_null(fault);
	}
	assert_ok(read_events(&f, &r, TILL_A, 0, READ_MAX), &f.err);
	assert_int_equal(r.count, THREADS * UNITS * 3);
	for (size_t i = 0; i < r.count; i++)
		assert_int_equal(r.events[i].seq, i + 1);
	fixture_close(&f);
}

struct submitted {
	struct unit unit;
	atomic_int *left;
};

static int run_submitted(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	return add_three(NULL, tx, now, err);
}

static void done_submitted(struct unit *unit)
{
	atomic_fetch_sub(((struct submitted *)unit)->left, 1);
}

/* The same by the teller, many units in a commit. */
static void no_gap_in_a_group(void **state)
{
	static struct submitted units[100];
	atomic_int left = 100;
	struct fixture f;
	fixture_open(&f, NULL);
	assert_ok(store_start(f.store, &f.err), &f.err);
	for (size_t i = 0; i < 100; i++) {
		units[i] = (struct submitted) { { .run = run_submitted, .done = done_submitted },
			&left };
		assert_ok(store_submit(f.store, &units[i].unit, &f.err), &f.err);
	}
	while (atomic_load(&left) > 0)
		usleep(1000);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(units[i].unit.rc, 0);
	assert_int_equal(head_of(&f, TILL_A), 300);
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM device_events"), 300);
	fixture_close(&f);
}

int main(void)
{
	return TEST_MAIN(test(numbers_go_up_by_one), test(one_unit_may_add_several),
		test(refuses_large_ones), test(purge_keeps_the_newest), test(any_step_may_fail),
		test(any_allocation_may_fail), test(no_gap_among_threads), test(no_gap_in_a_group));
}
