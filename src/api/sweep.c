/* SPDX-License-Identifier: Apache-2.0 */
/* What happens by itself: holds and points whose time has come, touches of unknown people, old events. Each
 * is found by a read that may cross buckets, then done in a unit of its own. And the proof of the whole
 * store, which walks it the same way. */
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/check.h"
#include "base/log.h"

#define SWEEP_MAX 128
#define SWEEP_BYTES (16 << 20)
/* Events are kept for devices that were away. */
#define EVENTS_KEPT (30 * CLOCK_DAY)

struct job {
	struct unit unit;
	struct api *api;
	struct arena *arena;
	struct world world;
	struct ledger_due due;
	int (*call)(struct job *job, struct visit_env *env, struct err *err);
	size_t count;
	sem_t done;
};

static int run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct job *job = (struct job *)unit;
	struct visit_env env = { .tx = tx, .now = now, .arena = job->arena,
		.clock = job->api->options.clock, .keys = &job->api->options.keys,
		.directory = job->world.directory, .catalogue = job->world.catalogue };

	return job->call(job, &env, err);
}

static void done(struct unit *unit)
{
	sem_post(&((struct job *)unit)->done);
}

static int run_job(struct job *job, struct err *err)
{
	int rc = store_submit(job->api->options.store, &job->unit, err);

	if (rc < 0)
		return rc;
	while (sem_wait(&job->done) != 0)
		;
	if (job->unit.rc < 0)
		*err = job->unit.err;
	return job->unit.rc;
}

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

static int sweep_due(struct job *job, find_due *find, size_t *done_count, struct err *err)
{
	struct ledger_due due[SWEEP_MAX];
	struct store_tx *tx;
	size_t count = 0;
	int rc = store_read_begin(job->api->options.store, &tx, err);

	if (rc < 0)
		return rc;
	rc = find(tx, clock_now(job->api->options.clock), due, SWEEP_MAX, &count, err);
	store_read_end(&tx);
	for (size_t i = 0; i < count && rc == 0; i++) {
		arena_reset(job->arena);
		job->due = due[i];
		job->unit.bucket = id_bucket(due[i].member);
		rc = run_job(job, err);
		(*done_count)++;
	}
	return rc;
}

static int sweep_count(struct job *job, size_t *done_count, struct err *err)
{
	int rc;

	arena_reset(job->arena);
	job->count = 0;
	rc = run_job(job, err);
	*done_count += job->count;
	return rc;
}

int api_sweep(struct api *api, size_t *ret_done, struct err *err)
{
	struct job job = { .unit = { .run = run, .done = done }, .api = api };
	int rc;

	*ret_done = 0;
	job.arena = arena_new(SWEEP_BYTES);
	if (!job.arena)
		return err_set(err, ERR_NO_MEMORY, "no memory for the jobs");
	sem_init(&job.done, 0, 0);
	world_hold(api, &job.world);
	job.call = call_hold;
	rc = sweep_due(&job, ledger_due_holds, ret_done, err);
	job.call = call_lot;
	if (rc == 0)
		rc = sweep_due(&job, ledger_due_lots, ret_done, err);
	job.call = call_touches;
	if (rc == 0)
		rc = sweep_count(&job, ret_done, err);
	job.call = call_events;
	if (rc == 0)
		rc = sweep_count(&job, ret_done, err);
	world_release(&job.world);
	sem_destroy(&job.done);
	arena_free(&job.arena);
	return rc;
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
	struct visit_env env = { .tx = tx, .clock = api->options.clock, .keys = &api->options.keys,
		.directory = world.directory, .catalogue = world.catalogue };
	rc = api_host(&env.host, err);
	if (rc == 0)
		rc = visit_verify(&env, report->sale_sums, report->breach, report->user, &counts, err);
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
