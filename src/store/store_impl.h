/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the store: what a driver is, and what lies between the public door and a driver.
 *
 *   store.c     the public door: transactions, statements, readers, fault injection
 *   teller.c    the threads that write, and their queues; group.c how units share a commit
 *   migrate.c   schema steps; ddl.c their tokens; tables.c the tables they come to
 *   bulk.c      whole tables, read and filled
 *   sync.c      commits that are written and not yet synced
 *   sqlite*.c   the driver of SQLite; postgres*.c that of PostgreSQL; stmt_table.c what
 *               both keep of a statement
 *
 * To add an engine: a `const struct store_driver` of its own, one row in the table of driver.c, one
 * row in fixture_engines (fixture.c). Nothing above the table knows which engine it is or how many
 * tellers there are.
 *
 * Invariants
 *   S1 a connection is used by one thread at a time: a writer's under its turn, a reader's while
 *      lent
 *   S2 after a statement failed, or an expectation did, no later statement of that unit reaches the
 *      driver, and the unit is not kept, whatever it returns
 *   S3 no row is open when a unit ends
 *   S4 done() is called once for each accepted unit, after the fate of what it wrote is known
 *   S5 unit->rc == 0 only after the commit that holds the unit is on disk
 *   S6 a reading ends only when all it has seen is on disk */
#ifndef STORE_STORE_IMPL_H
#define STORE_STORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "store/bulk.h"
#include "store/stmt_table.h"
#include "store/store.h"

/* ---- limits ---- */

/* Units that may wait for one teller: about a third of a second of work, so that a client is told
 * to come back before its own patience ends. */
#define STORE_QUEUE_DEFAULT 4096
/* Units in one commit: larger groups gain little (store/README.md) and cost the last of them
 * latency. */
#define STORE_GROUP_DEFAULT 256
#define STORE_GROUP_LIMIT 4096
/* Read transactions at the same time: more than the HTTP workers and the jobs together. */
#define STORE_READERS_MAX 24
/* How long a reader waits for one of those, and a writer for another program, before ERR_BUSY. */
#define STORE_PATIENCE_MS 5000
/* Bytes of one schema step after its tokens are filled in. */
#define STORE_DDL_MAX 16384

/* ---- the driver table ---- */

enum conn_use {
	CONN_WRITE, /* begin() takes the right to write at once */
	CONN_READ,  /* begin() starts a snapshot; writes are refused by the engine */
	CONN_TEND,  /* the driver's own housekeeping */
};

enum open_how {
	OPEN_EXISTING, /* ERR_STORE if there is no store */
	OPEN_MAKE,     /* makes one if there is none */
	OPEN_REHEARSE, /* if there is none, one that is gone when closed */
};

/* A driver's state of one open store; each driver has a struct of its own behind it. */
struct store_engine;

/* The first member of every driver's connection. */
struct store_conn {
	const struct store_driver *driver;
	int open_rows;
};

/* The first member of every driver's rows. */
struct store_rows {
	struct store_conn *conn;
	struct store_tx *tx;
};

/* Outcome of begin() alone. */
#define STORE_AWAY 24

/* Rows for driver->copy. */
struct bulk_copy {
	const struct table *table;
	bulk_next *next;
	void *user;
};

/* What the tokens of a schema step become. */
struct ddl_words {
	const char *blob;
	const char *rows;
	bool by_month;   /* {rows by month TIME} makes partitions */
	bool time_first; /* {grow TIME | REST}: (TIME, REST), else (REST, TIME) */
};

struct store_driver {
	const char *name;
	/* How many tellers, if nobody says; and at most. */
	int (*tellers)(void);
	int tellers_max;
	bool shared; /* several programs may serve one store */
	/* May several units share one transaction? Then mark, release and undo are there, one level
	 * deep. */
	bool groups;
	struct ddl_words words;
	/* A query that gives a row if there is a table named $1; and whether two that migrate at
	 * once need a lease, since begin() does not shut the other out. */
	const char *find_table;
	bool leases;

	int (*open)(const struct store_options *options, enum open_how how,
		struct store_engine **ret, struct err *err);
	void (*close)(struct store_engine *engine);
	/* Does an open by this URL make a new store, for as long as it is open? */
	bool (*is_fleeting)(const struct store_engine *engine);
	int (*connect)(struct store_engine *engine, enum conn_use use, struct store_conn **ret,
		struct err *err);
	void (*disconnect)(struct store_conn *conn);

	/* ERR_BUSY: another program holds the store. STORE_AWAY: the engine cannot be reached, and
	 * that may pass by itself. */
	int (*begin)(struct store_conn *conn, struct err *err);
	/* Waits for what was sent; NULL if writes are done when they return. STORE_MOVED or <0:
	 * what one of them came to. */
	int (*settle)(struct store_conn *conn, struct err *err);
	/* 0 on disk. STORE_MOVED: an expectation failed, all is undone. ERR_STORE: known not to be
	 * there. ERR_UNCERTAIN. After it no transaction is open. */
	int (*commit)(struct store_conn *conn, struct err *err);
	void (*rollback)(struct store_conn *conn);
	/* Is the transaction still there? Some failures undo it all. */
	bool (*is_open)(struct store_conn *conn);
	/* Where the writing of a commit and its sync can be had apart (each may be NULL). From
	 * apart() on a commit of this connection is only written; sync() puts all that were
	 * written before it was called on disk, and may be called by another thread meanwhile.
	 * ERR_UNCERTAIN: it is not known what of it is; begin() then refuses until it is. */
	int (*apart)(struct store_conn *conn, struct err *err);
	int (*sync)(struct store_conn *conn, struct err *err);
	int (*mark)(struct store_conn *conn, struct err *err);
	int (*release)(struct store_conn *conn, struct err *err);
	int (*undo)(struct store_conn *conn, struct err *err);

	/* STORE_MOVED: a unique key was taken, or the engine asks to run the unit again; *err says
	 * which (ERR_STORE), here and in write. */
	int (*query)(struct store_conn *conn, const struct store_stmt *stmt, struct store_args args,
		bool *ret_wrote, struct store_rows **ret, struct err *err);
	int (*next)(struct store_rows *rows, struct err *err); /* 1, 0, STORE_MOVED, <0 */
	void (*rows_done)(struct store_rows *rows);
	/* Ends every open row of a connection. */
	void (*rows_drop)(struct store_conn *conn);
	int64_t (*row_int)(const struct store_rows *rows, int column);
	struct str (*row_bytes)(const struct store_rows *rows, int column);
	bool (*row_is_null)(const struct store_rows *rows, int column);
	/* *ret_wrote is set, never cleared, if the transaction changed. */
	int (*write)(struct store_conn *conn, const struct store_stmt *stmt, struct store_args args,
		int64_t expect, bool *ret_wrote, struct err *err);
	/* One statement of a schema step. */
	int (*ddl)(struct store_conn *conn, const char *sql, struct err *err);
	/* Adds many rows to a table; NULL if nothing is quicker than the insert. Returns as write.
	 */
	int (*copy)(struct store_conn *conn, const struct bulk_copy *copy, bool *ret_wrote,
		struct err *err);
	const char *analyze; /* in front of a table's name: count its rows anew; may be NULL */

	/* Housekeeping; each may be NULL. start and stop bracket the life of the tellers; between
	 * is called by a writer after the answers to a group, outside a transaction. */
	int (*start)(struct store_engine *engine, struct err *err);
	void (*stop)(struct store_engine *engine);
	void (*between)(struct store_conn *conn);
	int (*backup)(struct store_engine *engine, const char *path, struct err *err);
	int64_t (*bytes)(struct store_engine *engine);
	/* May be NULL: spreads one table over the nodes, in a transaction of its own; first says
	 * with which it is co-located ("" for none yet). *ret_sql is what it runs. 1: it is spread
	 * already. */
	int (*spread)(struct store_tx *tx, const struct table *table, const char *first,
		bool dry_run, struct buf *ret_sql, struct err *err);
};

extern const struct store_driver sqlite_driver, postgres_driver;
/* The driver of a URL. */
int driver_find(struct str url, const struct store_driver **ret, struct err *err) must_check;

/* ---- transactions ---- */

struct store_tx {
	struct store *store;
	struct store_conn *conn;
	bool writing;
	uint64_t seen;  /* a reading: commits there were when its snapshot was taken; 0: none yet */
	bool wrote;     /* the unit changed something */
	bool moved;     /* an expectation failed */
	int failed;     /* the first statement that failed said so (S2) */
	struct err err; /* and this */

	struct writer *teller; /* who runs the unit and may hand it on; else NULL */
	bool elsewhere;        /* it belongs to the teller of this bucket */
	uint16_t home;
};

/* A new unit begins in the transaction. */
void tx_reset(struct store_tx *tx);
/* begin and commit with fault injection. tx_begin() may say STORE_AWAY. */
int tx_begin(struct store_tx *tx, struct err *err) must_check;
/* After the last statement of a unit: what is still on its way has arrived, and moved or failed is
 * set if it came to that. */
void tx_settle(struct store_tx *tx);
int tx_commit(struct store_tx *tx, struct err *err) must_check;
void tx_rollback(struct store_tx *tx);
/* driver->copy as a statement of the unit. */
int tx_copy(struct store_tx *tx, const struct bulk_copy *copy, struct err *err) must_check;

/* ---- writers ---- */

/* First come, first served: the teller and store_run() take turns on one connection. */
struct turn {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t next, serving;
};

/* How a group is run; each way is slower than the one before and needs less luck. */
enum group_way {
	GROUP_PLAIN,  /* no marks: if one that wrote is not kept, all are undone, then marked */
	GROUP_MARKED, /* each unit behind a mark to which it can be undone */
	GROUP_ALONE,  /* each unit its own transaction */
};

struct seat {
	struct unit *unit; /* NULL: handed on to another teller */
	int moved;
	bool may_hop;
};

/* A group whose commit is written and may still have to be synced. */
struct batch {
	struct seat *seats; /* group_max of them */
	int n;
	struct batch *next;
};
/* One is run while another is synced and a third waits for that; a fourth gains nothing. */
#define BATCHES 3

struct writer {
	struct store *store;
	struct turn turn;
	struct store_tx tx;
	int marked_left; /* groups that still start with GROUP_MARKED */

	/* the queue */
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_t thread;
	bool started, stop, idle;
	struct unit *first, **last;
	int depth;
	struct store_stats stats;

	/* batches: free ones, and those that wait for the syncer, in the order of their commits */
	bool apart;
	struct batch batches[BATCHES];
	struct batch *free;
	struct batch *written, **written_last;
	bool syncing, sync_stop;
	pthread_cond_t batch_back, batch_written;
	pthread_t syncer;
};

/* ---- commits that are written and not yet synced (sync.c) ---- */

int sync_open(struct writer *writer, struct err *err) must_check;
void sync_close(struct writer *writer);
/* From here on commits are only written, where the engine can; a thread syncs them. */
int sync_start(struct writer *writer, struct err *err) must_check;
/* After the teller has ended: answers what is left, and ends the thread. */
void sync_stop(struct writer *writer);
/* A free batch; waits for one. Under the writer's lock. */
struct batch *sync_take(struct writer *writer);
/* The group in it was run: answers it, once it is on disk. */
void sync_give(struct writer *writer, struct batch *batch);
/* For store_run(): the unit's commit on disk, or unit->rc says not. */
void sync_now(struct writer *writer, struct unit *unit);
/* Waits until what a reading has seen is on disk. */
void sync_wait(struct store *store, uint64_t seen);

/* Runs the units in their turn and leaves each with its rc, or handed on. */
void group_run(struct writer *writer, struct seat *seats, int n);
/* After STORE_ELSEWHERE: hands the unit to the teller it belongs to. False if that one is closing;
 * then the unit is run here. */
bool teller_hand_on(struct writer *writer, struct seat *seat);

int writers_open(struct store *store, struct err *err) must_check;
void writers_stop(struct store *store);
void writers_close(struct store *store);

/* ---- the store ---- */

struct reader {
	struct store_tx tx;
	struct reader *next;
};

struct store {
	const struct store_driver *driver;
	struct store_engine *engine;
	struct clock *clock;
	bool read_only;
	int queue_max, group_max, tellers;
	atomic_int_fast64_t months_made; /* until when there are partitions, as far as we know */
	/* Commits written apart from their sync, and those of them that are on disk (sync.c). */
	atomic_uint_fast64_t committed, synced;
	pthread_mutex_t sync_lock;
	pthread_cond_t sync_moved;
	_Atomic int64_t last_now;
	/* For measuring and tests: the way groups start; GROUP_PLAIN. */
	enum group_way first_way;

	/* Of a store that was opened while its engine was away: what its schema must be, looked at
	 * when the engine answers first. */
	struct store_options options;
	atomic_bool ready;
	pthread_mutex_t ready_lock;

	struct writer *writers;
	int writer_count;

	pthread_mutex_t readers_lock;
	pthread_cond_t reader_back;
	struct reader *readers_idle;
	int reader_count, readers_lent;

	atomic_bool counting;
	atomic_size_t steps, fail_at;
};

/* The store without its schema looked at. */
int store_attach(const struct store_options *options, enum open_how how, struct store **ret,
	struct err *err) must_check;
/* Has the schema been looked at? Else does so. */
int store_ready(struct store *store, struct err *err) must_check;
/* Time for a unit: the clock's, later than every time given before. */
int64_t store_now(struct store *store);
/* Is this the step that must fail? Fills *err. */
bool store_step_fails(struct store *store, struct err *err);

/* ---- partitions (months.c) ---- */

/* Inside a writing transaction: makes the partitions of these tables from one time to another, as
 * far as they are missing. Nothing where the engine has none. each may be NULL. */
int months_make(struct store_tx *tx, const struct tables *tables, int64_t from_us, int64_t to_us,
	void (*each)(void *user, const char *name, const char *sql), void *user,
	struct err *err) must_check;
/* The months a served store needs at that time. */
void months_around(int64_t now_us, int64_t *ret_from_us, int64_t *ret_to_us);

/* ---- migrations ---- */

/* Fills in the tokens of one schema step. */
int ddl_fill(const struct ddl_words *words, const char *step, struct buf *out,
	struct err *err) must_check;
/* 1: there is a table of that name. */
int migrate_find_table(struct store_tx *tx, const char *name, struct err *err) must_check;
/* ERR_STORE: somebody began to fill this store and has not ended (bulk.h). */
int bulk_unfinished(struct store_tx *tx, struct err *err) must_check;
/* Does the schema hold exactly the steps of these rooms? */
int migrate_check(struct store_tx *tx, const struct store_options *options,
	struct err *err) must_check;
int migrate_apply(struct store *store, const struct store_options *options, bool dry_run,
	void (*each)(void *user, const char *name, const char *sql), void *user,
	struct err *err) must_check;

#endif
