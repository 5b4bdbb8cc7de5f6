/* SPDX-License-Identifier: Apache-2.0 */
/* How units share a commit, and what becomes of each.
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
 * On an engine where several tellers write side by side a group is always one unit: two units in
 * one transaction would wait for each other's rows until both are on disk.
 *
 * Invariants (beside S1 to S5)
 *   T1 an answer is given for the last run of a unit only, and that run saw nothing that was undone
 *      later (but giving up, which tells nothing of what was seen)
 *   T2 if a commit fails, every unit of the group fails with it: also a unit that failed by itself
 *      may have done so because of what an earlier unit of the group had written
 *   T3 a unit is run again because STORE_MOVED at most UNIT_RUNS_MAX times in all */
#include "store/store_impl.h"

#include <string.h>

#include "base/check.h"

/* After a group had to be undone for one unit, this many groups start with marks: dry runs and
 * refusals come in bursts, and a burst should cost marks, not second runs. */
#define MARKED_GROUPS 16

/* ---- one unit ---- */

enum verdict { KEPT, DROPPED, FAILED, MOVED, ELSEWHERE };

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
	if (tx->elsewhere)
		return ELSEWHERE;
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
	if (rc == 0 || rc == UNIT_DROP)
		tx_settle(tx);
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

static int writer_begin(struct writer *writer, struct err *err)
{
	int rc = store_ready(writer->store, err);
	if (!rc)
		rc = tx_begin(&writer->tx, err);
	return rc == STORE_AWAY ? ERR_STORE : rc;
}

static int commit(struct writer *writer, int n, struct err *err)
{
	int64_t start = clock_ticks_ns();
	int rc = tx_commit(&writer->tx, err);
	if (rc)
		return rc;
	if (writer->apart)
		atomic_fetch_add(&writer->store->committed, 1);
	count_commit(writer, n, clock_ticks_ns() - start);
	return 0;
}

/* The units in one transaction. 0: each has its answer. */
static int group_try(struct writer *writer, struct seat *seats, int n, enum group_way way)
{
	struct err err;
	int rc = writer_begin(writer, &err);
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
static enum verdict alone_once(struct writer *writer, struct unit *unit, bool may_hop)
{
	struct err err;
	int rc = writer_begin(writer, &err);
	if (rc)
		return fail_unit(unit, rc, &err);
	writer->tx.teller = may_hop ? writer : NULL;
	enum verdict verdict = run_once(writer, unit);
	writer->tx.teller = NULL;
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
		enum verdict verdict = alone_once(writer, seat->unit, seat->may_hop);
		if (verdict == ELSEWHERE && teller_hand_on(writer, seat))
			return;
		if (verdict != MOVED && verdict != ELSEWHERE)
			return;
		seat->moved += verdict == MOVED;
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

void group_run(struct writer *writer, struct seat *seats, int n)
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
