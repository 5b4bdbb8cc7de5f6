/* SPDX-License-Identifier: Apache-2.0 */
/* What happens by itself: holds and points whose time has come, touches of unknown people, old
 * events. Each is found by a read that may cross buckets, then done in a unit of its own. And the
 * proof of the whole store, which walks it the same way. */
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/check.h"
#include "base/log.h"

/* Found at a time, and in the teller's queue at a time: they share commits. */
#define SWEEP_MAX 64
#define SWEEP_BYTES (16 << 20)
/* Rounds of one call: at most 16,000 of a kind, then the others have their turn. */
#define ROUNDS_MAX 250
/* Events are kept for devices that were away. */
#define EVENTS_KEPT (30 * CLOCK_DAY)

struct sweep;
struct job {
	struct unit unit;
	struct sweep *sweep;
	struct arena *arena;
	struct ledger_due due;
	int (*call)(struct job *job, struct visit_env *env, struct err *err);
	size_t count; /* what a job that counts has done */
};
/* One call of api_sweep(). */
struct sweep {
	struct api *api;
	struct world world;
	struct job jobs[SWEEP_MAX];
	sem_t done;
	size_t total;
};

static int run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct job *job = (struct job *)unit;
	struct api *api = job->sweep->api;
	struct visit_env env = { .tx = tx,
		.now = now,
		.arena = job->arena,
		.clock = api->options.clock,
		.keys = &api->options.keys,
		.directory = job->sweep->world.directory,
		.catalogue = job->sweep->world.catalogue };

	return job->call(job, &env, err);
}

static void done(struct unit *unit)
{
	sem_post(&((struct job *)unit)->sweep->done);
}

/* Runs the first n jobs together and waits for all; returns how many came through. One that fails
 * is said and left for the next sweep: it must not stand in the way of the others. */
static size_t run_jobs(struct sweep *sweep, size_t n)
{
	size_t sent = 0, good = 0;

	for (size_t i = 0; i < n; i++) {
		struct job *job = &sweep->jobs[i];
		struct err err;
		arena_reset(job->arena);
		job->unit = (struct unit) { .run = run,
			.done = done,
			.bucket = id_bucket(job->due.member) };
		if (store_submit(sweep->api->options.store, &job->unit, &err) < 0)
			break; /* the queue is full: customers first */
		sent++;
	}
	for (size_t i = 0; i < sent; i++)
		while (sem_wait(&sweep->done) != 0)
			;
	for (size_t i = 0; i < sent; i++) {
		good += sweep->jobs[i].unit.rc == 0;
		if (sweep->jobs[i].unit.rc < 0)
			log_warn("something due was left for later: %s",
				sweep->jobs[i].unit.err.text);
	}
	sweep->total += good;
	return good;
}

/* ---- what is swept ---- */

static int call_hold(struct job *job, struct visit_env *env, struct err *err)
{
	return visit_expire_hold(env, job->due.member, job->due.hold, err);
}

static int call_lot(struct job *job, struct visit_env *env, struct err *err)
{
	return visit_expire_points(env, job->due.member, job->due.programme, err);
}

static int call_touches(struct job *job, struct visit_env *env, struct err *err)
{
	return visit_blank_touches(env->tx, env->now, SWEEP_MAX, &job->count, err);
}

static int call_events(struct job *job, struct visit_env *env, struct err *err)
{
	return event_purge(env->tx, env->now - EVENTS_KEPT, SWEEP_MAX, &job->count, err);
}

typedef int find_due(struct store_tx *tx, int64_t now, struct ledger_due *ret, size_t max,
	size_t *ret_count, struct err *err);

static size_t find(struct sweep *sweep, find_due *look, struct ledger_due *due)
{
	struct api *api = sweep->api;
	struct store_tx *tx;
	struct err err;
	size_t count = 0;
	int rc = store_read_begin(api->options.store, &tx, &err);

	if (rc == 0) {
		rc = look(tx, clock_now(api->options.clock), due, SWEEP_MAX, &count, &err);
		store_read_end(&tx);
	}
	if (rc < 0)
		log_warn("what is due could not be looked for: %s", err.text);
	return rc < 0 ? 0 : count;
}

static void sweep_due(struct sweep *sweep, find_due *look,
	int (*call)(struct job *job, struct visit_env *env, struct err *err))
{
	struct ledger_due due[SWEEP_MAX];
	size_t count = SWEEP_MAX;

	for (int round = 0; round < ROUNDS_MAX && count == SWEEP_MAX; round++) {
		count = find(sweep, look, due);
		for (size_t i = 0; i < count; i++) {
			sweep->jobs[i].due = due[i];
			sweep->jobs[i].call = call;
		}
		if (run_jobs(sweep, count) == 0)
			break;
	}
}

static void sweep_counted(struct sweep *sweep,
	int (*call)(struct job *job, struct visit_env *env, struct err *err))
{
	struct job *job = &sweep->jobs[0];

	for (int round = 0; round < ROUNDS_MAX; round++) {
		job->call = call;
		job->count = 0;
		if (run_jobs(sweep, 1) == 0 || job->count < SWEEP_MAX)
			break;
	}
}

int api_sweep(struct api *api, size_t *ret_done, struct err *err)
{
	struct sweep *sweep;
	bool whole;

	*ret_done = 0;
	if (!atomic_load(&api->ready) || !shared_may_sweep(api))
		return 0;
	sweep = calloc(1, sizeof(*sweep));
	whole = sweep != NULL;

	for (size_t i = 0; whole && i < SWEEP_MAX; i++) {
		sweep->jobs[i].sweep = sweep;
		sweep->jobs[i].arena = arena_new(SWEEP_BYTES);
		whole = sweep->jobs[i].arena != NULL;
	}
	if (whole) {
		sweep->api = api;
		sem_init(&sweep->done, 0, 0);
		world_hold(api, &sweep->world);
		sweep_due(sweep, ledger_due_holds, call_hold);
		sweep_due(sweep, ledger_due_lots, call_lot);
		sweep_counted(sweep, call_touches);
		sweep_counted(sweep, call_events);
		world_release(&sweep->world);
		sem_destroy(&sweep->done);
		*ret_done = sweep->total;
	}
	for (size_t i = 0; sweep && i < SWEEP_MAX; i++)
		arena_free(&sweep->jobs[i].arena);
	free(sweep);
	return whole ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for the jobs");
}

/* ---- proof ---- */

static int prove_ledger(struct api *api, struct store_tx *tx, const struct ledger_report *report,
	struct api_proof *ret, struct err *err)
{
	struct ledger_counts counts;
	int rc = ledger_verify(tx, &api->options.keys.seal, report, &counts, err);

	if (rc < 0)
		return rc;
	ret->accounts = counts.accounts;
	ret->entries = counts.entries;
	ret->lots = counts.lots;
	ret->holds = counts.holds;
	ret->breaches = counts.breaches;
	return 0;
}

static int prove_visits(struct api *api, struct store_tx *tx, const struct ledger_report *report,
	struct api_proof *ret, struct err *err)
{
	struct visit_counts counts = { 0 };
	struct world world;
	int rc;

	world_hold(api, &world);
	struct visit_env env = { .tx = tx,
		.clock = api->options.clock,
		.keys = &api->options.keys,
		.directory = world.directory,
		.catalogue = world.catalogue };
	rc = api_host(&env.host, err);
	if (rc == 0)
		rc = visit_verify(&env, report->sale_sums, report->breach, report->user, &counts,
			err);
	world_release(&world);
	ret->sales = counts.sales;
	ret->returns = counts.returns;
	ret->breaches += counts.breaches;
	return rc;
}

int api_verify(struct api *api, void (*breach)(void *user, const char *invariant, const char *text),
	void (*progress)(void *user, int64_t accounts, int64_t entries), void *user,
	struct api_proof *ret, struct err *err)
{
	struct ledger_report report = { .breach = breach, .progress = progress, .user = user };
	struct store_tx *tx;
	int rc = 0;

	report.sale_sums = calloc(LEDGER_SUMS, sizeof(*report.sale_sums));
	if (!report.sale_sums)
		return err_set(err, ERR_NO_MEMORY, "no memory to verify");
	rc = store_read_begin(api->options.store, &tx, err);
	if (rc < 0) {
		free(report.sale_sums);
		return rc;
	}
	*ret = (struct api_proof) { 0 };
	rc = prove_ledger(api, tx, &report, ret, err);
	if (rc == 0)
		rc = prove_visits(api, tx, &report, ret, err);
	store_read_end(&tx);
	free(report.sale_sums);
	return rc;
}
