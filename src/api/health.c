/* SPDX-License-Identifier: Apache-2.0 */
/* /health: can the store be read and written? Who asks is a machine that takes us out of service
 * if the answer is no, so what is asked is what a sale needs, and it is asked now:
 *
 *   read   a row, in a transaction of its own
 *   write  a unit that changes a row of its own: it goes through the queue, the teller and the
 *          commit. One at a time, and what it found holds for a second, whoever asks
 *   kept   a commit that failed lately, as calls saw it: a full disk shows nowhere else. It is
 *          forgotten after some seconds, because who is out of service commits nothing more
 *
 * The writing is waited for, on this thread: while all is well some milliseconds, else WAIT_S. */
#include <time.h>

#include "api/api_impl.h"
#include "base/log.h"
#include "store/lease.h"

#define SECOND_NS INT64_C(1000000000)
#define WAIT_S 2
#define HOLDS_NS (1 * SECOND_NS)
#define REMEMBERED_NS (15 * SECOND_NS)

void health_init(struct health *health, struct api *api)
{
	pthread_condattr_t attr;

	health->api = api;
	pthread_mutex_init(&health->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&health->done, &attr);
	pthread_condattr_destroy(&attr);
}

void health_done(struct health *health)
{
	pthread_cond_destroy(&health->done);
	pthread_mutex_destroy(&health->lock);
}

void health_note(struct health *health, int rc)
{
	if (rc == ERR_STORE || rc == ERR_UNCERTAIN)
		atomic_store_explicit(&health->failed_ns, clock_ticks_ns(), memory_order_relaxed);
	else if (rc == 0 && atomic_load_explicit(&health->failed_ns, memory_order_relaxed))
		atomic_store_explicit(&health->failed_ns, 0, memory_order_relaxed);
}

/* ---- reading ---- */

/* The one place that says how a store is asked whether it answers. */
static int read_something(struct api *api, struct err *err)
{
	struct store_tx *tx;
	int64_t head;
	int rc = store_read_begin(api->options.store, &tx, err);

	if (rc < 0)
		return rc;
	rc = event_head(tx, 1, &head, err); /* a device that is none: its row would stand there */
	store_read_end(&tx);
	if (rc == 0 && !atomic_load(&api->ready))
		return err_set(err, ERR_STORE, "it has not been read yet");
	return rc;
}

/* ---- writing ---- */

static int run_probe(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	const struct api *api = ((const struct health *)unit)->api;

	return lease_take(tx, STR("health"), str_of(api->name), now, now, err);
}

static void probe_done(struct unit *unit)
{
	struct health *health = (struct health *)unit;

	pthread_mutex_lock(&health->lock);
	health->under_way = false;
	health->found_ns = clock_ticks_ns();
	pthread_cond_broadcast(&health->done);
	pthread_mutex_unlock(&health->lock);
}

/* A queue that is full is no fault of the store: what was found before holds on. */
static void begin_probe(struct api *api)
{
	struct health *health = &api->health;
	struct err err;

	if (health->under_way || clock_ticks_ns() - health->found_ns < HOLDS_NS)
		return;
	health->unit.run = run_probe;
	health->unit.done = probe_done;
	health->under_way = true;
	if (store_submit(api->options.store, &health->unit, &err) < 0)
		health->under_way = false;
}

static int write_something(struct api *api, struct err *err)
{
	struct health *health = &api->health;
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&health->lock);
	begin_probe(api);
	while (health->under_way &&
		pthread_cond_timedwait(&health->done, &health->lock, &until) == 0)
		;
	if (health->under_way)
		rc = err_set(err, ERR_STORE, "nothing was written for %d s", WAIT_S);
	else if (health->unit.rc < 0)
		rc = err_set(err, health->unit.rc, "%s", health->unit.err.text);
	pthread_mutex_unlock(&health->lock);
	return rc;
}

static int recent_commits(struct api *api, struct err *err)
{
	int64_t failed = atomic_load_explicit(&api->health.failed_ns, memory_order_relaxed);

	if (failed && clock_ticks_ns() - failed < REMEMBERED_NS)
		return err_set(err, ERR_STORE, "a commit failed");
	return 0;
}

/* ---- the call ---- */

static const struct {
	const char *word;
	int (*check)(struct api *api, struct err *err);
} checks[] = {
	{ "the store cannot be read", read_something },
	{ "the store cannot be written", write_something },
	{ "the last commit failed", recent_commits },
};

/* Said in the log when it changes; the words of the engine stay there. */
static void tell(struct api *api, bool degraded, const char *first, const struct err *err)
{
	if (atomic_exchange(&api->health.degraded, degraded) == degraded)
		return;
	if (degraded)
		log_error("degraded: %s: %s", first, err->text);
	else
		log_warn("not degraded any more");
}

int api_health(struct op *op, struct err *err)
{
	const char *faults[sizeof(checks) / sizeof(*checks)];
	struct err first = { 0 }, fault;
	struct json_out out;
	struct buf buf;
	size_t count = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		if (checks[i].check(op->api, &fault) >= 0)
			continue;
		if (count == 0)
			first = fault;
		faults[count++] = checks[i].word;
	}
	tell(op->api, count > 0, count ? faults[0] : "", &first);
	buf_writer(op, &buf, &out);
	json_out_object(&out, NULL);
	json_out_cstr(&out, "status", count ? "degraded" : "ok");
	json_out_cstr(&out, "version", ZEGEL_VERSION);
	if (count) {
		json_out_array(&out, "faults");
		for (size_t i = 0; i < count; i++)
			json_out_cstr(&out, NULL, faults[i]);
		json_out_array_end(&out);
	}
	json_out_object_end(&out);
	op->status = count ? 503 : 200;
	int rc = op_answer(op, &buf, err);
	if (rc == 0)
		op_reply(op, 0, err);
	return rc;
}
