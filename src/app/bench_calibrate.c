/* SPDX-License-Identifier: Apache-2.0 */
/* Calibrations: what this disk does, and what the engine does alone, without Zegel. What is written
 * is said in bench_facts.c, how it reaches the engine in bench_calibrate_impl.h.
 *
 * Each writer has members, ids and chance of its own, so that no two wait for each other's rows
 * (but for the 16 tills of the touches, as in the server). */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/bench_calibrate_impl.h"
#include "base/clock.h"

#define PAGE_BYTES 8192
#define DISK_FILE_BYTES (16 << 20)
#define GROUPS_MAX 200000
#define ARENA_BYTES (64 << 20)

/* ---- life ---- */

static int open_disk(struct calibration *c, const char *folder, struct err *err)
{
	char path[1100];

	snprintf(path, sizeof(path), "%s/bench-disk", folder);
	c->disk = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (c->disk < 0 || posix_fallocate(c->disk, 0, DISK_FILE_BYTES) != 0 || fsync(c->disk) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

static int open_writers(struct calibration *c, const struct bench_place *place, struct err *err)
{
	int of = c->engine->writers();
	int rc = 0;

	for (int n = 0; n < of && rc == 0; n++) {
		struct writer *w = &c->writers[n];
		*w = (struct writer) { .c = c,
			.n = n,
			.of = of,
			.random = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(n + 1) };
		w->timing.us = calloc(GROUPS_MAX, sizeof(*w->timing.us));
		if (!w->timing.us)
			return err_set(err, ERR_NO_MEMORY, "no memory to calibrate");
		c->writer_count++;
		rc = c->engine->open(place, &w->conn, err);
	}
	return rc;
}

static int make_room(struct calibration *c, struct err *err)
{
	size_t members = (size_t)c->count;

	c->arena = arena_new(ARENA_BYTES);
	c->members = calloc(members, sizeof(*c->members));
	c->entries = calloc(members * BENCH_APPLY, sizeof(*c->entries));
	return c->arena && c->members && c->entries
		? 0
		: err_set(err, ERR_NO_MEMORY, "no memory to calibrate");
}

int calibration_open(const char *folder, const struct bench *b, struct calibration **ret,
	struct err *err)
{
	struct calibration *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return err_set(err, ERR_NO_MEMORY, "no memory to calibrate");
	*c = (struct calibration) { .engine = b->engine,
		.disk = -1,
		.bench = b,
		.count = b->shop.members,
		.pid = b->engine_pid };
	rc = facts_check_statements(err);
	if (rc == 0)
		rc = make_room(c, err);
	if (rc == 0)
		rc = open_disk(c, folder, err);
	if (rc == 0 && !b->filled.members)
		rc = c->engine->make(b->place, err);
	if (rc == 0)
		rc = open_writers(c, b->place, err);
	if (rc == 0)
		rc = facts_pack_samples(c, err);
	if (rc == 0 && b->filled.members)
		facts_take_members(c, &b->filled);
	else if (rc == 0)
		rc = facts_make_members(c, err);
	if (rc < 0)
		calibration_close(&c);
	else
		*ret = c;
	return rc;
}

void calibration_close(struct calibration **calibration)
{
	struct calibration *c = *calibration;

	*calibration = NULL;
	if (!c)
		return;
	for (int n = 0; n < c->writer_count; n++) {
		if (c->writers[n].conn)
			c->engine->close(c->writers[n].conn);
		free(c->writers[n].timing.us);
	}
	if (c->disk >= 0)
		close(c->disk);
	arena_free(&c->arena);
	free(c->members);
	free(c->entries);
	free(c);
}

/* ---- measuring ---- */

/* Calls once() again and again for so long. */
static int repeat(double seconds, struct timing *t, int (*once)(void *user, struct err *err),
	void *user, struct err *err)
{
	int64_t start = clock_ticks_ns();
	int64_t end = start + (int64_t)(seconds * 1e9);
	int64_t before = start, now = start;

	t->count = 0;
	while (now < end && t->count < GROUPS_MAX) {
		int rc = once(user, err);
		if (rc < 0)
			return rc;
		now = clock_ticks_ns();
		t->us[t->count++] = (uint32_t)((now - before) / 1000);
		before = now;
	}
	t->seconds = (double)(now - start) / 1e9;
	return 0;
}

struct paging {
	int disk;
	off_t at;
};

static int sync_page(void *user, struct err *err)
{
	static const char page[PAGE_BYTES];
	struct paging *p = user;

	if (pwrite(p->disk, page, sizeof(page), p->at) != sizeof(page) || fdatasync(p->disk) != 0)
		return err_set(err, ERR_IO, "the disk: %s", strerror(errno));
	p->at = (p->at + PAGE_BYTES) % DISK_FILE_BYTES;
	return 0;
}

int calibrate_disk(struct calibration *c, double seconds, struct calibrated *ret, struct err *err)
{
	struct timing *t = &c->writers[0].timing;
	struct paging paging = { c->disk, 0 };
	int rc = repeat(seconds, t, sync_page, &paging, err);

	if (rc < 0)
		return rc;
	*ret = (struct calibrated) { .rate = (double)t->count / t->seconds,
		.group = 1,
		.writers = 1,
		.p50_ms = latency_ms(t->us, t->count, 0.50),
		.p99_ms = latency_ms(t->us, t->count, 0.99) };
	return 0;
}

static int write_group(void *user, struct err *err)
{
	struct writer *w = user;
	int64_t now = clock_now(clock_system());
	int rc = w->c->engine->begin(w->conn, err);
	int n = 0;

	w->asked += w->size;
	for (; rc == 0 && (double)w->facts < floor(w->asked + 0.5); w->facts++, n++) {
		int64_t then = now + n / facts_own_ids(w) * 1000;
		rc = w->kind == TRAFFIC_SALES ? facts_put_sale(w, then, err)
					      : facts_put_touch(w, then, err);
	}
	w->groups++;
	return rc < 0 ? rc : w->c->engine->commit(w->conn, err);
}

static void *write_groups(void *user)
{
	struct writer *w = user;

	w->rc = repeat(w->wanted_s, &w->timing, write_group, w, &w->err);
	return NULL;
}

/* The last of them in this thread. */
static int run_writers(struct calibration *c, int count, struct err *err)
{
	pthread_t threads[WRITERS_MAX];
	int started = 0;

	while (started < count - 1 &&
		pthread_create(&threads[started], NULL, write_groups, &c->writers[started]) == 0)
		started++;
	write_groups(&c->writers[started]);
	for (int n = 0; n < started; n++)
		pthread_join(threads[n], NULL);
	if (started < count - 1)
		return err_set(err, ERR_INTERNAL, "no thread to calibrate");
	for (int n = 0; n < count; n++) {
		if (c->writers[n].rc < 0) {
			*err = c->writers[n].err;
			return c->writers[n].rc;
		}
	}
	return 0;
}

/* Adds up what the writers did; their times in one list. */
static int add_up(struct calibration *c, int count, struct calibrated *ret, struct err *err)
{
	uint64_t facts = 0, groups = 0;
	size_t n = 0;
	uint32_t *us = calloc((size_t)count * GROUPS_MAX, sizeof(*us));

	if (!us)
		return err_set(err, ERR_NO_MEMORY, "no memory to calibrate");
	*ret = (struct calibrated) { .writers = count };
	for (int i = 0; i < count; i++) {
		struct writer *w = &c->writers[i];
		memcpy(us + n, w->timing.us, w->timing.count * sizeof(*us));
		n += w->timing.count;
		ret->rate += (double)w->facts / w->timing.seconds;
		facts += w->facts;
		groups += w->groups;
	}
	ret->group = (double)facts / (double)groups;
	ret->facts = (double)facts;
	ret->p50_ms = latency_ms(us, n, 0.50);
	ret->p99_ms = latency_ms(us, n, 0.99);
	free(us);
	return 0;
}

static double engine_cpu(const struct calibration *c)
{
	return c->engine->cpu ? c->engine->cpu(c->pid) : 0;
}

int calibrate_facts(struct calibration *c, const struct calibrating *how, struct calibrated *ret,
	struct err *err)
{
	int count = how->alone ? 1 : c->writer_count;
	double own = own_cpu(), engine = engine_cpu(c);
	int rc;

	for (int n = 0; n < count; n++) {
		struct writer *w = &c->writers[n];
		w->kind = how->kind;
		w->size = !c->engine->groups || how->group < 1 ? 1 : how->group;
		w->wanted_s = how->seconds;
		w->asked = 0;
		w->facts = w->groups = 0;
	}
	rc = run_writers(c, count, err);
	if (rc == 0)
		rc = add_up(c, count, ret, err);
	if (rc < 0)
		return rc;
	ret->cpu_us = (own_cpu() - own) * 1e6 / ret->facts;
	ret->engine_us = (engine_cpu(c) - engine) * 1e6 / ret->facts;
	return 0;
}
