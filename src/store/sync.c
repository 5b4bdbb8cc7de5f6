/* SPDX-License-Identifier: Apache-2.0 */
/* The sync apart from the writing.
 *
 * On SQLite a commit is two things: the group's pages are appended to the log, which is work, and
 * the log is synced, which is waiting. While a group is synced the teller may run the next one, on
 * top of it: the log is a chain, so after a power cut either both are found or the later is not,
 * and neither has been answered before its own sync. So the teller hands a group whose commit is
 * written to a thread that syncs whatever was written since its last sync, and answers it. When
 * nothing else has queued, the teller syncs by itself: that saves two hand-overs when it is quiet.
 *
 * A reading may see a commit that is not on disk yet. What it says leaves the house only when the
 * reading has ended, and that waits for the sync (S6).
 *
 * If a sync fails, nobody knows what of the log is on disk, and the system may take the next sync
 * for good though the pages are lost. So all units behind it are uncertain, and the driver's
 * begin() refuses until it has put the whole state on disk another way.
 *
 * Engines whose commit() is on disk when it returns have no sync(): their groups are answered at
 * once.
 *
 * Invariants
 *   Y1 a batch is free, or the teller's, or on the list of the written, in the order of the commits
 *   Y2 store->synced <= store->committed, and every commit up to synced is on disk or was answered
 *      uncertain
 *   Y3 a unit is answered after a sync that began when its commit had been written */
#include "store/store_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- one sync ---- */

/* Nothing of what is in the batch may be believed, not even a refusal: it may rest on what an
 * earlier unit had written (T2). */
static void doubt(struct batch *batch, int rc, const struct err *err)
{
	for (int i = 0; i < batch->n; i++) {
		struct unit *unit = batch->seats[i].unit;
		if (!unit)
			continue;
		unit->rc = rc;
		unit->err = *err;
	}
}

static void move_on(struct store *store, uint64_t upto)
{
	pthread_mutex_lock(&store->sync_lock);
	if (atomic_load(&store->synced) < upto)
		atomic_store(&store->synced, upto);
	pthread_cond_broadcast(&store->sync_moved);
	pthread_mutex_unlock(&store->sync_lock);
}

/* All that was written so far. */
static int sync_log(struct writer *writer, struct err *err)
{
	struct store *store = writer->store;
	uint64_t upto = atomic_load(&store->committed);
	int64_t start = clock_ticks_ns();
	int rc = 0;
	if (atomic_load(&store->synced) < upto) {
		rc = store->driver->sync(writer->tx.conn, err);
		move_on(store, upto);
		pthread_mutex_lock(&writer->lock);
		writer->stats.commit_ns += (uint64_t)(clock_ticks_ns() - start);
		pthread_mutex_unlock(&writer->lock);
	}
	return rc;
}

static void answer(struct batch *batch)
{
	for (int i = 0; i < batch->n; i++) {
		struct unit *unit = batch->seats[i].unit;
		if (unit)
			unit->done(unit); /* S4: the last use */
	}
}

/* Syncs, answers and frees a list of batches. */
static void settle(struct writer *writer, struct batch *list)
{
	struct err err;
	int rc = writer->apart ? sync_log(writer, &err) : 0;
	while (list) {
		struct batch *batch = list;
		list = batch->next;
		if (rc)
			doubt(batch, rc, &err);
		answer(batch);
		pthread_mutex_lock(&writer->lock);
		batch->next = writer->free;
		writer->free = batch;
		pthread_cond_signal(&writer->batch_back);
		pthread_mutex_unlock(&writer->lock);
	}
}

/* ---- the thread ---- */

/* What is written and waits; NULL: there will be nothing more. */
static struct batch *wait_written(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->syncing = false;
	while (!writer->written && !writer->sync_stop)
		pthread_cond_wait(&writer->batch_written, &writer->lock);
	struct batch *list = writer->written;
	writer->written = NULL;
	writer->written_last = &writer->written;
	writer->syncing = list != NULL;
	pthread_mutex_unlock(&writer->lock);
	return list;
}

static void *syncer(void *user)
{
	struct writer *writer = user;
	struct batch *list;
	while ((list = wait_written(writer)))
		settle(writer, list);
	return NULL;
}

/* ---- the teller's side ---- */

struct batch *sync_take(struct writer *writer)
{
	while (!writer->free)
		pthread_cond_wait(&writer->batch_back, &writer->lock);
	struct batch *batch = writer->free;
	writer->free = batch->next;
	batch->next = NULL;
	batch->n = 0;
	return batch;
}

void sync_give(struct writer *writer, struct batch *batch)
{
	pthread_mutex_lock(&writer->lock);
	bool hand_over = writer->apart && (writer->first || writer->written || writer->syncing);
	if (hand_over) {
		*writer->written_last = batch;
		writer->written_last = &batch->next;
		pthread_cond_signal(&writer->batch_written);
	}
	pthread_mutex_unlock(&writer->lock);
	if (!hand_over)
		settle(writer, batch);
}

void sync_now(struct writer *writer, struct unit *unit)
{
	struct err err;
	int rc = writer->apart ? sync_log(writer, &err) : 0;
	if (rc) {
		unit->rc = rc;
		unit->err = err;
	}
}

void sync_wait(struct store *store, uint64_t seen)
{
	if (atomic_load(&store->synced) >= seen)
		return;
	pthread_mutex_lock(&store->sync_lock);
	while (atomic_load(&store->synced) < seen)
		pthread_cond_wait(&store->sync_moved, &store->sync_lock);
	pthread_mutex_unlock(&store->sync_lock);
}

/* ---- life ---- */

int sync_open(struct writer *writer, struct err *err)
{
	pthread_cond_init(&writer->batch_back, NULL);
	pthread_cond_init(&writer->batch_written, NULL);
	writer->written_last = &writer->written;
	for (int i = 0; i < BATCHES; i++) {
		struct batch *batch = &writer->batches[i];
		batch->seats = calloc((size_t)writer->store->group_max, sizeof(batch->seats[0]));
		if (!batch->seats)
			return err_set(err, ERR_NO_MEMORY, "no memory for a teller");
		batch->next = writer->free;
		writer->free = batch;
	}
	return 0;
}

void sync_close(struct writer *writer)
{
	for (int i = 0; i < BATCHES; i++)
		free(writer->batches[i].seats);
	pthread_cond_destroy(&writer->batch_back);
	pthread_cond_destroy(&writer->batch_written);
}

int sync_start(struct writer *writer, struct err *err)
{
	const struct store_driver *driver = writer->store->driver;
	int rc = driver->apart ? driver->apart(writer->tx.conn, err) : 0;
	if (rc || !driver->apart)
		return rc;
	writer->sync_stop = false;
	rc = pthread_create(&writer->syncer, NULL, syncer, writer);
	if (rc)
		return err_set(err, ERR_STORE, "no thread to sync: %s", strerror(rc));
	writer->apart = true;
	return 0;
}

void sync_stop(struct writer *writer)
{
	if (!writer->apart)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->sync_stop = true;
	pthread_cond_signal(&writer->batch_written);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->syncer, NULL);
	require(!writer->written);
}
