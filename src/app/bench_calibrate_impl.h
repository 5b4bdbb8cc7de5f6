/* SPDX-License-Identifier: Apache-2.0 */
/* What a calibration engine is: the rows of a sale or a touch, written without Zegel.
 *
 *   bench_facts.c       the rows
 *   bench_calibrate.c   groups of them, by as many writers as there are, and the time they take
 *   bench_sqlite.c      bare SQLite
 *   bench_postgres.c    bare libpq, in a pipeline
 *
 * To add an engine: a `const struct calibration_engine` in a file of its own, a row in engine_of()
 * (bench.c).
 *
 * Invariant: a connection is used by one thread at a time. */
#ifndef APP_BENCH_CALIBRATE_IMPL_H
#define APP_BENCH_CALIBRATE_IMPL_H

#include "app/bench_impl.h"

/* One row each; the statements are the rooms' own (bench_calibrate.c). */
enum fact { CLAIM, RECEIPT, SALE, ENTRY, ACCOUNT_MAKE, ACCOUNT, TOUCH, CURRENT, EVENT, FACTS };
#define FACT_PARAMS_MAX 20

struct fact_statement {
	const char *name;
	int params;
};
extern const struct fact_statement fact_statements[FACTS];
/* The room's statement of that name; NULL. */
const struct store_stmt *room_statement(const char *name);

/* Of one store: where its own server's rows are, and where the calibration's. */
struct bench_place {
	char url[1024];         /* of the server's store */
	char calibration[1100]; /* the URL of the calibration's */
	bool given;             /* by --store: what was made is dropped at the end */
	bool made;              /* there was nothing there, so all that is there is the bench's */
};

struct calibration_conn;
struct calibration_engine {
	const char *name;  /* as the table says it: "SQLite", "libpq" */
	const char *alone; /* how it writes: "in groups", "in a pipeline" */
	const char
		*processes; /* whose processor time is shown apart; NULL: it has none of its own */
	bool groups;        /* several sales share a commit; else each is a transaction */
	int (*writers)(void); /* connections that write side by side: as many as tellers */

	/* ERR_CONFLICT: something is there already. Fills `calibration`. */
	int (*look)(struct bench_place *place, struct err *err);
	/* An empty store for the calibration, with the rooms' tables. */
	int (*make)(const struct bench_place *place, struct err *err);
	/* After filling, while the server is stopped: the calibration's store is a copy of the
	 * server's; or, if it `shares`, the same, of whose members each has a half. */
	bool shares;
	int (*copy)(struct bench_place *place, struct err *err);
	/* Bytes free where the store lies; -1: not known. */
	int64_t (*room)(const struct bench_place *place);
	/* What a member with an account in each programme takes, and a sale, with what its being
	 * written takes meanwhile. */
	int64_t member_bytes, sale_bytes;
	/* Removes what `look` found missing and the bench made. */
	int (*drop)(const struct bench_place *place, struct err *err);
	/* Processor time so far of the engine's own processes, seconds; 0: not known. `pid` is what
	 * find_pid() told. */
	pid_t (*find_pid)(const struct bench_place *place);
	double (*cpu)(pid_t pid);

	int (*open)(const struct bench_place *place, struct calibration_conn **ret,
		struct err *err);
	void (*close)(struct calibration_conn *conn);
	int (*begin)(struct calibration_conn *conn, struct err *err);
	/* One row; its guard must match, here or at the commit. */
	int (*put)(struct calibration_conn *conn, enum fact fact, struct store_args args,
		struct err *err);
	int (*commit)(struct calibration_conn *conn, struct err *err);
};
extern const struct calibration_engine sqlite_calibration, postgres_calibration;

/* ---- what is written ---- */

/* How long each of many pieces of work took. */
struct timing {
	uint32_t *us;
	size_t count;
	double seconds;
};

/* More than a store has tellers. */
#define WRITERS_MAX 16

struct writer {
	struct calibration *c;
	struct calibration_conn *conn;
	int n, of; /* the n-th of so many that write */
	uint64_t random;
	int64_t sales, events;
	struct timing timing;
	/* the groups of one calibration */
	enum traffic_kind kind;
	double size;  /* wanted */
	double asked; /* facts that should have been written */
	uint64_t facts, groups;
	double wanted_s;
	struct err err;
	int rc;
};

struct calibration {
	const struct calibration_engine *engine;
	int disk;
	struct arena *arena;
	const struct bench *bench;
	id_t64 *members; /* the first stand in for shops and devices, too */
	id_t64 programmes[BENCH_APPLY];
	int32_t *entries; /* of each account: member * BENCH_APPLY + programme */
	int count;        /* members */
	struct str receipts[TRAFFIC_RECEIPTS], sale_answer, touch_answer;
	pid_t pid; /* of the engine's processes */
	struct writer writers[WRITERS_MAX];
	int writer_count;
};

/* ERR_INTERNAL: a room's statement is not what these rows were made for. */
int facts_check_statements(struct err *err) must_check;
int facts_put_sale(struct writer *w, int64_t now, struct err *err) must_check;
int facts_put_touch(struct writer *w, int64_t now, struct err *err) must_check;
/* Ids that one writer may make in a bucket and millisecond; each has a part of its own. */
int facts_own_ids(const struct writer *w);
/* Receipts and answers as the server would keep them. */
int facts_pack_samples(struct calibration *c, struct err *err) must_check;
/* Members that are nobody's, each with its accounts; by the first writer. */
int facts_make_members(struct calibration *c, struct err *err) must_check;
/* The store was filled: its members. */
void facts_take_members(struct calibration *c, const struct bench_filled *filled);

#endif
