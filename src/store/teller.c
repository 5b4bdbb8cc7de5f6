/* SPDX-License-Identifier: Apache-2.0 */
/* The teller: the one thread that writes, and how units share a commit.
 *
 * A writer is a connection, a turn on it, and a queue. The teller takes whatever has queued while
 * the last commit was on its way (the natural group commit of D5), runs it as one transaction, and
 * calls done() when the commit has answered. store_run() takes its turn on the same connection with
 * a group of one. A unit's bucket names its writer, so one member's units never meet at two of
 * them.
 *
 * Most units are kept. So a group is first run plainly: the units one after the other, with nothing
 * between them. A unit that is not kept and wrote nothing needs no undoing. If it did write, the
 * whole group is undone and run again with a mark before each unit, to which that unit alone is
 * undone: units are repeatable, and only the answers of the last run count. If the engine itself
 * undid the transaction (disk full, I/O error, no memory), every unit is run again in a transaction
 * of its own. So a unit is run by at most three groups, however many of them fail: failures cost a
 * constant factor, never a square. Without this each unit would pay for a mark it does not use
 * (figures in README.md).
 *
 * Invariants (beside S1 to S5)
 *   T1 an answer is given for the last run of a unit only, and that run saw nothing that was undone
 *      later (but giving up, which tells nothing of what was seen)
 *   T2 if a commit fails, every unit of the group fails with it: also a unit that failed by itself
 *      may have done so because of what an earlier unit of the group had written
 *   T3 a unit is run again because STORE_MOVED at most UNIT_RUNS_MAX times in all
 *   T4 the queue holds at most queue_max units, in order of arrival */
#include "store/store_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* After a group had to be undone for one unit, this many groups start with marks: dry runs and
 * refusals come in bursts, and a burst should cost marks, not second runs. */
#define MARKED_GROUPS 16

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

/* ---- one unit ---- */

enum verdict { KEPT, DROPPED, FAILED, MOVED };

static enum verdict fail_unit(struct unit *unit, int rc, const struct err *err)
{
	unit->rc = rc;
	if (err)
		unit->err = *err;
	return FAILED;
}

static enum verdict move_unit(const struct store_tx *tx, struct unit *unit)
{
	if (tx->moved)
		unit->err = tx->err;
	else
		err_set(&unit->err, ERR_STORE, "it says so itself");
	return MOVED;
}

/* What the unit said and what its statements said, joined (S2): a unit cannot keep what moved or
 * failed. */
static enum verdict judge(const struct store_tx *tx, struct unit *unit, int rc)
{
	if (tx->moved || rc == STORE_MOVED)
		return move_unit(tx, unit);
	if (rc < 0)
		return fail_unit(unit, rc, NULL);
	if (tx->failed)
		return fail_unit(unit, tx->failed, &tx->err);
	unit->rc = 0;
	if (rc == 0)
		return KEPT;
	if (rc == UNIT_DROP)
		return DROPPED;
	return fail_unit(unit, err_set(&unit->err, ERR_INTERNAL, "a unit returned %d", rc), NULL);
}

static enum verdict run_once(struct writer *writer, struct unit *unit)
{
	struct store_tx *tx = &writer->tx;
	tx_reset(tx);
	unit->err.code = 0;
	unit->err.text[0] = unit->err.at[0] = '\0';
	int rc = unit->run(unit, tx, store_now(writer->store), &unit->err);
	if (unexpected(tx->conn->open_rows != 0)) /* S3 */
		tx->conn->driver->rows_drop(tx->conn);
	return judge(tx, unit, rc);
}

/* Its last run moved; why stands in unit->err. */
static void give_up(struct unit *unit)
{
	struct err why = unit->err;
	if (why.code == ERR_BUSY)
		return; /* it gave up in a group that was run again */
	unit->rc = err_set(&unit->err, ERR_BUSY, "what it read moved %d times (%.180s)",
		UNIT_RUNS_MAX, why.text);
}

/* ---- a group ---- */

/* Outcome: the group is undone and must be run again, more carefully. */
#define GROUP_AGAIN 1

/* Undoes what is not kept. GROUP_AGAIN: that cannot be done for this unit alone. */
static int seat_settle(struct writer *writer, enum verdict verdict, enum group_way way)
{
	struct store_conn *conn = writer->tx.conn;
	struct err err;
	int rc;
	if (!conn->driver->is_open(conn))
		return GROUP_AGAIN;
	if (way == GROUP_PLAIN)
		return verdict == KEPT || !writer->tx.wrote ? 0 : GROUP_AGAIN;
	rc = verdict == KEPT ? conn->driver->release(conn, &err) : conn->driver->undo(conn, &err);
	return rc ? GROUP_AGAIN : 0;
}

static int seat_run(struct writer *writer, struct seat *seat, enum group_way way)
{
	struct store_conn *conn = writer->tx.conn;
	struct err err;
	while (seat->moved < UNIT_RUNS_MAX) {
		if (way == GROUP_MARKED && conn->driver->mark(conn, &err))
			return GROUP_AGAIN;
		enum verdict verdict = run_once(writer, seat->unit);
		if (verdict == MOVED)
			seat->moved++;
		if (seat_settle(writer, verdict, way))
			return GROUP_AGAIN;
		if (verdict != MOVED)
			return 0;
	}
	give_up(seat->unit);
	return 0;
}

static void group_fail(struct seat *seats, int n, int rc, const struct err *err)
{
	for (int i = 0; i < n; i++)
		fail_unit(seats[i].unit, rc, err);
}

static void count_commit(struct writer *writer, int n, int64_t ns)
{
	int size = 0;
	while (size < STORE_GROUP_BUCKETS - 1 && (1 << size) < n)
		size++;
	pthread_mutex_lock(&writer->lock);
	writer->stats.commits++;
	writer->stats.group_sizes[size]++;
	writer->stats.commit_ns += (uint64_t)ns;
	pthread_mutex_unlock(&writer->lock);
}

static int commit(struct writer *writer, int n, struct err *err)
{
	int64_t start = clock_ticks_ns();
	int rc = tx_commit(&writer->tx, err);
	if (!rc)
		count_commit(writer, n, clock_ticks_ns() - start);
	return rc;
}

/* The units in one transaction. 0: each has its answer. */
static int group_try(struct writer *writer, struct seat *seats, int n, enum group_way way)
{
	struct err err;
	int rc = tx_begin(&writer->tx, &err);
	if (rc) {
		group_fail(seats, n, rc, &err);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		if (seat_run(writer, &seats[i], way)) {
			tx_rollback(&writer->tx);
			return GROUP_AGAIN;
		}
	}
	rc = commit(writer, n, &err);
	if (rc) {
		rc = unexpected(rc > 0) ? err_set(&err, ERR_INTERNAL, "a group moved") : rc;
		group_fail(seats, n, rc, &err); /* T2 */
	}
	return 0;
}

/* One unit in one transaction, once. */
static enum verdict alone_once(struct writer *writer, struct unit *unit)
{
	struct err err;
	int rc = tx_begin(&writer->tx, &err);
	if (rc)
		return fail_unit(unit, rc, &err);
	enum verdict verdict = run_once(writer, unit);
	if (verdict != KEPT) {
		tx_rollback(&writer->tx);
		return verdict;
	}
	rc = commit(writer, 1, &err);
	if (rc == STORE_MOVED) {
		unit->err = err;
		return MOVED;
	}
	return rc ? fail_unit(unit, rc, &err) : KEPT;
}

static void seat_alone(struct writer *writer, struct seat *seat)
{
	while (seat->moved < UNIT_RUNS_MAX) {
		if (alone_once(writer, seat->unit) != MOVED)
			return;
		seat->moved++;
	}
	give_up(seat->unit);
}

static enum group_way first_way(struct writer *writer, int n)
{
	if (n == 1 || !writer->tx.conn->driver->groups)
		return GROUP_ALONE;
	if (writer->marked_left > 0) {
		writer->marked_left--;
		return GROUP_MARKED;
	}
	return writer->store->first_way;
}

static void group_run(struct writer *writer, struct seat *seats, int n)
{
	enum group_way way = first_way(writer, n);
	if (way == GROUP_PLAIN) {
		if (!group_try(writer, seats, n, way))
			return;
		writer->marked_left = MARKED_GROUPS;
		way = GROUP_MARKED;
	}
	if (way == GROUP_MARKED && !group_try(writer, seats, n, way))
		return;
	for (int i = 0; i < n; i++)
		seat_alone(writer, &seats[i]);
}

static void count_units(struct writer *writer, const struct seat *seats, int n)
{
	pthread_mutex_lock(&writer->lock);
	writer->stats.units += (uint64_t)n;
	for (int i = 0; i < n; i++) {
		writer->stats.failed += seats[i].unit->rc < 0;
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

int store_run(struct store *store, struct unit *unit)
{
	if (store->read_only) {
		unit->rc = err_set(&unit->err, ERR_STORE, "the store was opened to read only");
		return unit->rc;
	}
	struct seat seat = { .unit = unit };
	struct writer *writer = writer_of(store, unit->bucket);
	writer_run(writer, &seat, 1);
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
		unit->next = NULL;
		*writer->last = unit;
		writer->last = &unit->next;
		writer->depth++;
		if (writer->idle)
			pthread_cond_signal(&writer->filled);
	}
	pthread_mutex_unlock(&writer->lock);
	return why ? err_set(err, ERR_BUSY, "%s", why) : 0;
}

/* Waits for units and takes up to group_max. 0: there are none and there will be none. */
static int take_group(struct writer *writer)
{
	int n = 0;
	pthread_mutex_lock(&writer->lock);
	while (!writer->first && !writer->stop) {
		writer->idle = true;
		pthread_cond_wait(&writer->filled, &writer->lock);
	}
	writer->idle = false;
	for (; writer->first && n < writer->store->group_max; n++) {
		writer->seats[n] = (struct seat) { .unit = writer->first };
		writer->first = writer->first->next;
	}
	if (!writer->first)
		writer->last = &writer->first;
	writer->depth -= n;
	require(writer->depth >= 0);
	pthread_mutex_unlock(&writer->lock);
	return n;
}

static void *teller(void *user)
{
	struct writer *writer = user;
	int n;
	while ((n = take_group(writer)) > 0) {
		writer_run(writer, writer->seats, n);
		for (int i = 0; i < n; i++)
			writer->seats[i].unit->done(writer->seats[i].unit); /* S4: the last use */
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
	writer->seats = calloc((size_t)store->group_max, sizeof(writer->seats[0]));
	if (!writer->seats)
		return err_set(err, ERR_NO_MEMORY, "no memory for a teller");
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
	int rc = pthread_create(&writer->thread, NULL, teller, writer);
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
	writer->started = false;
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
		free(writer->seats);
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
