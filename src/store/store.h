/* SPDX-License-Identifier: Apache-2.0 */
/* The store: statements, rows, transactions, and the *unit*, the one way anything is written.
 *
 * A unit reads what it needs, decides, then writes. Every write says how many rows it expects to
 * change; when the world has moved since the unit read it (another unit was quicker), the
 * expectation fails, the unit returns STORE_MOVED, is rolled back and run again from the start. So
 * a unit must be repeatable: it keeps its input untouched and puts its results where the next run
 * overwrites them. On SQLite the one teller makes such a meeting impossible except between
 * programs; on PostgreSQL writes travel in a pipeline and the expectation is checked before the
 * commit. A unit therefore must not use what a write did to decide the next write: decide from what
 * it read.
 *
 * Statements are one text for every engine (D8): $1, $2, ..., INTEGER, BIGINT, TEXT, ON CONFLICT,
 * no casts, no functions of time or chance, every one names its bucket or says why it need not
 * (enum store_reach). Rooms keep theirs in <room>_sql.h and hand them over as a struct store_room.
 *
 * Layer: above this the domain rooms; below it the drivers (store_impl.h), which know no room. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct store;
struct store_tx;
struct store_rows;

/* ---- what a room brings ---- */

enum store_reach {
	STORE_ONE,       /* names one bucket: `bucket = $n` or an insert of it */
	STORE_REFERENCE, /* merchants, shops, devices, programmes, keys: small, replicated whole */
	STORE_SWEEP,     /* crosses buckets: jobs, verify, export; never on the way of a checkout */
};

struct store_stmt {
	const char *name; /* "ledger.find_balance", for messages and the linter */
	enum store_reach reach;
	const char *sql;
};

/* A room's statements and its migrations. Migrations are numbered from 1 by their place, forward
 * only, one statement each, never changed once released. Tokens in them:
 *   {blob}                 BLOB or BYTEA
 *   {grow TIME | REST}     PRIMARY KEY of a table that only grows: (TIME, REST) on SQLite, where
 *                          rows then lie in order of arrival; (REST, TIME) on PostgreSQL, REST
 *                          starting with bucket
 *   {rows}                 after the closing bracket: WITHOUT ROWID on SQLite
 *   {rows by month TIME}   the same; on PostgreSQL the table lies in a partition for each month of
 *                          TIME, a column of the key in milliseconds since 1970, so that a month
 *                          can be dropped whole (months.c) */
struct store_room {
	const char *name;
	const struct store_stmt *statements;
	size_t statement_count;
	const char *const *migrations;
	size_t migration_count;
};

/* ---- values ---- */

enum store_type { STORE_NULL, STORE_INT, STORE_TEXT, STORE_BLOB };

struct store_val {
	enum store_type type;
	int64_t integer;
	struct str bytes;
};

#define V_INT(x) ((struct store_val) { .type = STORE_INT, .integer = (x) })
#define V_TEXT(s) ((struct store_val) { .type = STORE_TEXT, .bytes = (s) })
#define V_BLOB(p, n) ((struct store_val) { .type = STORE_BLOB, .bytes = str_bytes((p), (n)) })
#define V_NULL ((struct store_val) { .type = STORE_NULL })
/* NULL for an empty str. */
#define V_TEXT_OPT(s) ((s).len ? V_TEXT(s) : V_NULL)
#define V_INT_OPT(x) ((x) ? V_INT(x) : V_NULL)

struct store_args {
	const struct store_val *vals;
	size_t count;
};
/* store_write(tx, &stmt, ARGS(V_INT(bucket), V_TEXT(name)), 1, err) */
#define ARGS(...) \
	((struct store_args) { (const struct store_val[]) { __VA_ARGS__ }, \
		sizeof((const struct store_val[]) { __VA_ARGS__ }) / sizeof(struct store_val) })
#define NO_ARGS ((struct store_args) { NULL, 0 })

/* ---- inside a transaction ---- */

/* Outcome: what the unit read is no longer so; it is rolled back and run again. (The store's
 * outcomes have numbers that no room uses for its own.) */
#define STORE_MOVED 21
#define STORE_ANY (-1)

/* Runs a statement that returns rows. *ret must be closed by store_rows_done(), or by ROWS_AUTO. */
int store_query(struct store_tx *tx, const struct store_stmt *stmt, struct store_args args,
	struct store_rows **ret, struct err *err) must_check;
/* 1: a row stands ready; 0: no more; <0: ERR_STORE. */
int store_next(struct store_rows *rows, struct err *err) must_check;
void store_rows_done(struct store_rows **rows);
#define ROWS_AUTO __attribute__((cleanup(store_rows_done)))

/* Columns of the row that stands ready, from 0. NULL reads as 0 and as an empty str with ptr NULL.
 * Bytes are valid until the next store_next(). */
int64_t store_int(const struct store_rows *rows, int column);
struct str store_bytes(const struct store_rows *rows, int column);
bool store_is_null(const struct store_rows *rows, int column);

/* Runs a statement that changes rows; expect is how many, or STORE_ANY. 0 done; STORE_MOVED if
 * another number changed or a unique key is taken (PostgreSQL may say so only at the commit);
 * <0 ERR_STORE. After anything but 0 the unit's later statements do nothing. */
int store_write(struct store_tx *tx, const struct store_stmt *stmt, struct store_args args,
	int64_t expect, struct err *err) must_check;

/* ---- units ---- */

/* Outcome of run(): roll back what was written, and call it done (a dry run, a refusal with an
 * answer). */
#define UNIT_DROP 22

/* One piece of work, made by the caller and his until done() was called. */
struct unit {
	/* Reads, decides, writes. 0: keep; UNIT_DROP: undo, done; STORE_MOVED: undo, run again; <0:
	 * undo, failed with *err. `now` is the time of the unit, never earlier than that of a unit
	 * before. */
	int (*run)(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err);
	/* After the commit (or the failure), on the teller's thread: must not wait. Not called by
	 * store_run(). unit->rc: 0 it is on disk; <0 nothing of it is (ERR_UNCERTAIN: ask again).
	 */
	void (*done)(struct unit *unit);
	uint16_t bucket; /* whose unit: the same bucket always goes to the same teller */
	int rc;
	struct err err;
	struct unit *next; /* the teller's, and so is hops */
	int hops;
};

/* Outcome of store_home(): the unit belongs to another teller. */
#define STORE_ELSEWHERE 23

/* Says, inside a unit that has learnt whose it is and has written nothing yet, to which bucket it
 * belongs. 0: go on. STORE_ELSEWHERE: another teller serves that bucket; the unit returns it
 * unchanged, what it did is undone, and it is run again from the start by that teller, however full
 * his queue is. Always 0 on one teller, in a reading and in store_run(); and after UNIT_HOPS_MAX
 * such moves, for where a unit runs is a matter of speed, not of truth. */
int store_home(struct store_tx *tx, uint16_t bucket) must_check;

#define UNIT_HOPS_MAX 3

/* Most times a unit is run before it gives up with ERR_BUSY. */
#define UNIT_RUNS_MAX 8

/* ---- opening ---- */

struct store_options {
	struct str url; /* "sqlite:/path/to/file", "sqlite::memory:", "postgresql://..." */
	const struct store_room *const *rooms;
	size_t room_count;
	struct clock *clock;
	bool read_only;
	int queue_max; /* units that may wait for a teller (default 4096) */
	int group_max; /* units in one commit (default 256) */
	/* Opens also while the engine cannot be reached: then readings and units fail with
	 * ERR_STORE until it can, and the schema is looked at when it answers first. The rooms must
	 * stay. */
	bool may_be_away;
	int cache_mb; /* SQLite: of the writer's pages; 0: 48 */
	int tellers;  /* 0: the engine's default. SQLite has one, whatever is asked. */
	bool filling; /* also a store that is half full: who opens it fills it (bulk.h) */
};

/* Schema steps of these rooms: how many, and the name of the n-th, from 0: "room-number". */
#define STORE_STEP_MAX 64
size_t store_step_count(const struct store_options *options);
void store_step_name(const struct store_options *options, size_t n, char ret[STORE_STEP_MAX]);

/* Opens an existing store; does not migrate. ERR_STORE says what to do (no such file, schema newer
 * than the program, not migrated). */
int store_open(const struct store_options *options, struct store **ret, struct err *err) must_check;
/* Stops the tellers after what they accepted, then closes. NULL is allowed. */
void store_close(struct store **store);
/* Brings the schema up to date (makes it, in an empty store). With dry_run it only calls `each`.
 * each may be NULL; it gets "room-number" and the statement as this engine will run it. */
int store_migrate(const struct store_options *options, bool dry_run,
	void (*each)(void *user, const char *name, const char *sql), void *user,
	struct err *err) must_check;

/* Does the engine answer, and has it our schema? 0, or ERR_STORE and why. For /health. */
int store_ping(struct store *store, struct err *err) must_check;

/* What a store wants now and then while it is served: the partitions of the months to come. Cheap
 * if there is nothing to do. */
int store_tend(struct store *store, struct err *err) must_check;
/* Spreads every table over the nodes of a Citus cluster: tables with a bucket by it, all in one
 * co-location group, the others whole on each node; what is spread already stays. After
 * store_migrate(), on the coordinator. ERR_STORE says what is missing (the extension, the engine).
 * dry_run only calls `each`, which gets the table's name and the statement. */
int store_spread(const struct store_options *options, bool dry_run,
	void (*each)(void *user, const char *name, const char *sql), void *user,
	struct err *err) must_check;

/* Runs one unit now, on the caller's thread, as one transaction. Returns unit->rc. */
int store_run(struct store *store, struct unit *unit) must_check;

/* A transaction to read in, one snapshot (that of its first query), on a connection of its own. Any
 * thread; end it soon, and its rows before it. */
int store_read_begin(struct store *store, struct store_tx **ret, struct err *err) must_check;
void store_read_end(struct store_tx **tx);

/* A consistent copy of the whole store into a new file, while others write (SQLite). ERR_CONFLICT
 * if the file exists. */
int store_backup(struct store *store, const char *path, struct err *err) must_check;

/* May other servers write to it at the same time? Then jobs want a lease, and what others wrote is
 * to be looked for. */
bool store_is_shared(const struct store *store);
/* The engine underneath, for messages: "sqlite", "postgresql". */
const char *store_engine(const struct store *store);

/* ---- the tellers: the threads that write; SQLite has one ---- */

/* Starts the tellers and the engine's housekeeping. */
int store_start(struct store *store, struct err *err) must_check;
/* Hands a unit to its teller. 0: accepted, done() will be called. ERR_BUSY: the queue is full. */
int store_submit(struct store *store, struct unit *unit, struct err *err) must_check;

#define STORE_GROUP_BUCKETS 12 /* group sizes 1, 2, 4, ... 2048 */
struct store_stats {
	uint64_t units, commits, failed, moved, hopped;
	uint64_t group_sizes[STORE_GROUP_BUCKETS]; /* commits of at most 2^i units */
	uint64_t commit_ns;                        /* sum over commits */
	int64_t queue_depth, bytes;
};
void store_stats(struct store *store, struct store_stats *ret);

/* ---- tests ---- */

/* The n-th statement step (query, next, write, commit) from now on fails once with ERR_STORE, on
 * this store; 0 switches it off. Returns how many steps were made since the last call. */
size_t store_fail_nth(struct store *store, size_t n);

#endif
