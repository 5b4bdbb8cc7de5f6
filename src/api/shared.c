/* SPDX-License-Identifier: Apache-2.0 */
/* Several servers on one store: which of them sweeps, and how a stream here hears what was written
 * there.
 *
 * The sweep is right whoever does it (its units are guarded like any other); the lease only saves
 * doing it twice. A commit wakes the streams of its own server at once. Streams of the others are
 * woken by a look at the newest events, once a second, over a window that covers what the servers'
 * clocks differ and what a commit may take. A store that nobody else can serve needs neither. */
#include "api/api_impl.h"
#include "base/log.h"
#include "store/lease.h"

/* A sweep may take long; the next server takes over this much later. */
#define SWEEP_LEASE (20 * CLOCK_SECOND)
#define WINDOW (4 * CLOCK_SECOND)
#define PAGE 256

/* ---- the lease ---- */

struct taking {
	struct unit unit;
	struct str holder;
};

static int run_take(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	const struct taking *taking = (const struct taking *)unit;
	int rc = lease_take(tx, STR("sweep"), taking->holder, now, now + SWEEP_LEASE, err);

	return rc == LEASE_HELD ? err_set(err, ERR_CONFLICT, "another server sweeps") : rc;
}

bool shared_may_sweep(struct api *api)
{
	struct taking taking = { .unit = { .run = run_take }, .holder = str_of(api->name) };

	if (!store_is_shared(api->options.store))
		return true;
	int rc = store_run(api->options.store, &taking.unit);
	if (rc < 0 && rc != ERR_CONFLICT)
		log_warn("the lease of the sweep could not be had: %s", taking.unit.err.text);
	return rc == 0;
}

/* ---- what others wrote ---- */

static int look(struct api *api, id_t64 *after, struct event_mark *marks, size_t *ret_count,
	struct err *err)
{
	int64_t since = clock_now(api->options.clock) - WINDOW;
	struct store_tx *tx;
	int rc = store_read_begin(api->options.store, &tx, err);

	if (rc < 0)
		return rc;
	rc = event_recent(tx, since, *after, marks, PAGE, ret_count, err);
	store_read_end(&tx);
	if (rc == 0 && *ret_count)
		*after = marks[*ret_count - 1].device;
	return rc;
}

int shared_look(struct api *api, struct err *err)
{
	struct event_mark marks[PAGE];
	id_t64 after = INT64_MIN;
	size_t count = PAGE;
	int rc = 0;

	if (!store_is_shared(api->options.store) || streams_count(api->streams) == 0)
		return 0;
	while (rc == 0 && count == PAGE) {
		rc = look(api, &after, marks, &count, err);
		for (size_t i = 0; rc == 0 && i < count; i++)
			streams_reach(api->streams, marks[i].device, marks[i].seq);
	}
	return rc;
}
