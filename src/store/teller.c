/* SPDX-License-Identifier: Apache-2.0 */
/* The tellers: the threads that write, their queues, and who is served by which.
 *
 * A writer is a connection, a turn on it, and a queue. The teller takes whatever has queued while
 * the last commit was on its way (the natural group commit of D5), runs it as one transaction
 * (group.c), and done() is called when the commit is on disk (sync.c). store_run() takes its turn
 * on the same connection with a group of one. A unit's bucket names its writer, so one member's
 * units never meet at two of them; a unit that learns only in its run whose it is says so by
 * store_home() and is handed on.
 *
 * Invariant (beside S1 to S5)
 *   T4 the queue holds at most queue_max units, and those that were handed on, in order of
 *      arrival */
#include "store/store_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- turns ---- */

static void turn_take(struct turn *turn)
{
	pthread_mutex_lock(&turn->lock);
	uint64_t mine = turn->next++;
	while (turn->serving != mine)
		pthread_cond_wait(&turn->moved, &turn->lock);
	pthread_mutex_unlock(&turn->lock);
}

static void turn_give(struct turn *turn)
{
	pthread_mutex_lock(&turn->lock);
	turn->serving++;
	if (turn->serving != turn->next)
		pthread_cond_broadcast(&turn->moved);
	pthread_mutex_unlock(&turn->lock);
}

static void count_units(struct writer *writer, const struct seat *seats, int n)
{
	pthread_mutex_lock(&writer->lock);
	for (int i = 0; i < n; i++) {
		const struct unit *unit = seats[i].unit;
		writer->stats.units += unit != NULL;
		writer->stats.hopped += unit == NULL;
		writer->stats.failed += unit && unit->rc < 0;
		writer->stats.moved += (uint64_t)seats[i].moved;
	}
	pthread_mutex_unlock(&writer->lock);
}

/* Runs the units and leaves each with its rc. */
static void writer_run(struct writer *writer, struct seat *seats, int n)
{
	turn_take(&writer->turn);
	group_run(writer, seats, n);
	require(!writer->store->driver->is_open(writer->tx.conn));
	turn_give(&writer->turn);
	count_units(writer, seats, n);
}

/* The engine may tidy up; after the answers, for it may take some milliseconds. */
static void writer_tidy(struct writer *writer)
{
	if (!writer->store->driver->between)
		return;
	turn_take(&writer->turn);
	writer->store->driver->between(writer->tx.conn);
	turn_give(&writer->turn);
}

/* ---- the queue ---- */

static struct writer *writer_of(struct store *store, uint16_t bucket)
{
	return &store->writers[bucket % store->writer_count];
}

/* Under the writer's lock. */
static void enqueue(struct writer *writer, struct unit *unit)
{
	unit->next = NULL;
	*writer->last = unit;
	writer->last = &unit->next;
	writer->depth++;
	if (writer->idle)
		pthread_cond_signal(&writer->filled);
}

int store_home(struct store_tx *tx, uint16_t bucket)
{
	if (!tx->teller || writer_of(tx->store, bucket) == tx->teller)
		return 0;
	tx->elsewhere = true;
	tx->home = bucket;
	return STORE_ELSEWHERE;
}

bool teller_hand_on(struct writer *writer, struct seat *seat)
{
	struct unit *unit = seat->unit;
	struct writer *other = writer_of(writer->store, writer->tx.home);
	unit->bucket = writer->tx.home;
	pthread_mutex_lock(&other->lock);
	seat->may_hop = false;
	bool serves = other->started && !other->stop;
	if (serves) {
		seat->unit = NULL; /* from here on it is his */
		unit->hops++;
		enqueue(other, unit);
	}
	pthread_mutex_unlock(&other->lock);
	return serves;
}

int store_run(struct store *store, struct unit *unit)
{
	if (store->read_only) {
		unit->rc = err_set(&unit->err, ERR_STORE, "the store was opened to read only");
		return unit->rc;
	}
	struct seat seat = { .unit = unit };
	struct writer *writer = writer_of(store, unit->bucket);
	writer_run(writer, &seat, 1);
	sync_now(writer, unit);
	writer_tidy(writer);
	return unit->rc;
}

/* Why the writer cannot take a unit now, or NULL. */
static const char *refusal(const struct writer *writer)
{
	if (!writer->started)
		return "the teller is not running";
	if (writer->stop)
		return "the teller is closing";
	if (writer->depth >= writer->store->queue_max)
		return "too many units wait for the teller";
	return NULL;
}

int store_submit(struct store *store, struct unit *unit, struct err *err)
{
	if (store->read_only)
		return err_set(err, ERR_STORE, "the store was opened to read only");
	struct writer *writer = writer_of(store, unit->bucket);
	pthread_mutex_lock(&writer->lock);
	const char *why = refusal(writer);
	if (!why) {
		unit->hops = 0;
		enqueue(writer, unit);
	}
	pthread_mutex_unlock(&writer->lock);
	return why ? err_set(err, ERR_BUSY, "%s", why) : 0;
}

/* Waits for units and takes up to group_max. NULL: there are none and there will be none. */
static struct batch *take_group(struct writer *writer)
{
	struct batch *batch = NULL;
	int n = 0;
	pthread_mutex_lock(&writer->lock);
	while (!writer->first && !writer->stop) {
		writer->idle = true;
		pthread_cond_wait(&writer->filled, &writer->lock);
	}
	writer->idle = false;
	if (writer->first)
		batch = sync_take(writer);
	for (; writer->first && n < writer->store->group_max; n++) {
		batch->seats[n] = (struct seat) {
			.unit = writer->first,
			.may_hop = writer->first->hops < UNIT_HOPS_MAX,
		};
		writer->first = writer->first->next;
	}
	if (!writer->first)
		writer->last = &writer->first;
	if (batch)
		batch->n = n;
	writer->depth -= n;
	require(writer->depth >= 0);
	pthread_mutex_unlock(&writer->lock);
	return batch;
}

static void *teller(void *user)
{
	struct writer *writer = user;
	struct batch *batch;
	while ((batch = take_group(writer))) {
		writer_run(writer, batch->seats, batch->n);
		sync_give(writer, batch);
		writer_tidy(writer);
	}
	return NULL;
}

/* ---- life ---- */

static int writer_open(struct store *store, struct writer *writer, struct err *err)
{
	writer->store = store;
	writer->last = &writer->first;
	pthread_mutex_init(&writer->turn.lock, NULL);
	pthread_cond_init(&writer->turn.moved, NULL);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->filled, NULL);
	store->writer_count++; /* from here on writers_close() ends it */
	int rc = sync_open(writer, err);
	if (rc)
		return rc;
	writer->tx.store = store;
	writer->tx.writing = true;
	return store->driver->connect(store->engine, CONN_WRITE, &writer->tx.conn, err);
}

int writers_open(struct store *store, struct err *err)
{
	store->writers = calloc((size_t)store->tellers, sizeof(store->writers[0]));
	if (!store->writers)
		return err_set(err, ERR_NO_MEMORY, "no memory for the tellers");
	for (int i = 0; i < store->tellers; i++) {
		int rc = writer_open(store, &store->writers[i], err);
		if (rc)
			return rc;
	}
	return 0;
}

static int writer_start(struct writer *writer, struct err *err)
{
	require(!writer->started);
	int rc = sync_start(writer, err);
	if (rc)
		return rc;
	rc = pthread_create(&writer->thread, NULL, teller, writer);
	if (rc)
		return err_set(err, ERR_STORE, "no thread for the teller: %s", strerror(rc));
	pthread_mutex_lock(&writer->lock);
	writer->started = true;
	pthread_mutex_unlock(&writer->lock);
	return 0;
}

int store_start(struct store *store, struct err *err)
{
	if (store->read_only)
		return err_set(err, ERR_STORE, "the store was opened to read only");
	int rc = store->driver->start ? store->driver->start(store->engine, err) : 0;
	for (int i = 0; i < store->writer_count && !rc; i++)
		rc = writer_start(&store->writers[i], err);
	if (rc)
		writers_stop(store);
	return rc;
}

static void writer_stop(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	bool started = writer->started;
	writer->stop = true;
	pthread_cond_signal(&writer->filled);
	pthread_mutex_unlock(&writer->lock);
	if (started)
		pthread_join(writer->thread, NULL);
	sync_stop(writer);
	pthread_mutex_lock(&writer->lock); /* another teller may look whom to hand a unit to */
	writer->started = false;
	pthread_mutex_unlock(&writer->lock);
	require(!writer->first);
}

void writers_stop(struct store *store)
{
	for (int i = 0; i < store->writer_count; i++)
		writer_stop(&store->writers[i]);
	if (store->engine && store->driver->stop)
		store->driver->stop(store->engine);
}

void writers_close(struct store *store)
{
	for (int i = 0; i < store->writer_count; i++) {
		struct writer *writer = &store->writers[i];
		if (writer->tx.conn)
			store->driver->disconnect(writer->tx.conn);
		pthread_cond_destroy(&writer->filled);
		pthread_mutex_destroy(&writer->lock);
		pthread_cond_destroy(&writer->turn.moved);
		pthread_mutex_destroy(&writer->turn.lock);
		sync_close(writer);
	}
	free(store->writers);
	store->writers = NULL;
	store->writer_count = 0;
}

/* ---- figures ---- */

static void stats_add(struct store_stats *sum, const struct store_stats *one)
{
	sum->units += one->units;
	sum->commits += one->commits;
	sum->failed += one->failed;
	sum->moved += one->moved;
	sum->hopped += one->hopped;
	sum->commit_ns += one->commit_ns;
	for (int i = 0; i < STORE_GROUP_BUCKETS; i++)
		sum->group_sizes[i] += one->group_sizes[i];
}

void store_stats(struct store *store, struct store_stats *ret)
{
	struct store_stats sum = { 0 };
	for (int i = 0; i < store->writer_count; i++) {
		struct writer *writer = &store->writers[i];
		pthread_mutex_lock(&writer->lock);
		stats_add(&sum, &writer->stats);
		sum.queue_depth += writer->depth;
		pthread_mutex_unlock(&writer->lock);
	}
	sum.bytes = store->driver->bytes(store->engine);
	*ret = sum;
}
