/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's own tests share: engines, a small room, a store in a folder of its own, and a
 * unit that behaves as a letter says. Written against store.h only.
 *
 * To run the contract on another engine: a row in fixture_engines (fixture.c). */
#ifndef STORE_FIXTURE_IMPL_H
#define STORE_FIXTURE_IMPL_H

#include <libpq-fe.h>
#include <pthread.h>

#include "store/store.h"
#include "tests/support/test.h"

struct engine {
	const char *name;
	const char *url; /* %s is a folder of the test's own; NULL: a schema in PostgreSQL */
	bool stays;      /* closed and opened again it is the same store */
	bool copies;     /* store_backup() works */
	bool late;       /* what a write came to is known when the unit ends */
};
extern const struct engine fixture_engines[];
extern const size_t fixture_engine_count;

struct fixture {
	const struct engine *engine;
	char dir[64];
	char url[512];
	char schema[64];
	struct clock_fake clock;
	struct store_options options;
	struct store *store;
};

/* The start of every fixture's clock. */
#define FIXTURE_NOW INT64_C(1795000000000000)

/* Is the engine there? PostgreSQL is where ZEGEL_TEST_POSTGRES names a database: under
 * tests/run.py, or tests/support/pg.py COMMAND. */
bool fixture_can(const struct engine *engine);
/* A folder, a migrated store in it, opened. */
void fixture_init(struct fixture *fixture, const struct engine *engine);
/* The folder only. */
void fixture_init_empty(struct fixture *fixture, const struct engine *engine);
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
/* Closes the store and removes the folder with all that is in it. */
void fixture_done(struct fixture *fixture);

/* A connection to the database of the tests, beside the store. */
PGconn *fixture_psql(void);
/* Runs a statement there; returns the number in its first row and column, or 0. */
int64_t fixture_say(PGconn *pg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- the room "test" ---- */

/* accounts (bucket, account, balance) and entries (at, bucket, account, amount, memo, body) */
extern const struct store_room test_room;
extern const struct store_stmt find_account, add_account, change_account, add_entry, find_entry,
	list_entries, count_entries, sum_entries, add_account_returning, change_returning,
	put_account, swapped;

/* ---- a unit ---- */

/* Adds an entry and changes its account's balance, then does as it is told. */
struct post {
	struct unit unit; /* first */
	int64_t account, amount;
	/* k keeps  d drops  D drops before writing  f fails  F fails before writing m moved always
	 * M moved always, before writing  t moved twice, then keeps s a failed statement, swallowed
	 * e a wrong expectation, swallowed  u a unique key taken, always l leaves rows open, keeps
	 * g waits for its gate, keeps */
	char told;
	int (*gate)(struct post *post);
	int runs;
	int64_t now;  /* of the last run */
	int finished; /* calls of done() */
	void (*on_done)(struct post *post);
	void *user;
};

/* A post to account n of bucket n, in memory of the caller. */
void post_init(struct post *post, int64_t account, int64_t amount, char told);
/* store_run() of it, and of one that is kept. */
int run_post(struct fixture *fixture, struct post *post);
void make_account(struct fixture *fixture, int64_t account, int64_t balance);
/* How many entries the account has. */
int64_t entries_of(struct fixture *fixture, int64_t account);
/* -1: there is no such account. */
int64_t balance_of(struct fixture *fixture, int64_t account);
/* Every balance is the sum of its entries. */
void assert_sums(struct fixture *fixture);

/* A unit made of a function. */
struct job {
	struct unit unit; /* first */
	int (*work)(struct job *job, struct store_tx *tx, struct err *err);
	int runs;
	int64_t now;
	int64_t in, out;
};
int run_job(struct fixture *fixture, struct job *job);
int do_job(struct fixture *fixture,
	int (*work)(struct job *job, struct store_tx *tx, struct err *err));

/* From here on unexpected() counts, and does not log. */
void count_unexpected(void);
extern int unexpected_count;

/* ---- groups ---- */

/* A unit that holds the teller inside its run() until the test has queued what must be one group;
 * so groups are made, not waited for. */
struct gate {
	struct post post;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool reached, open;
	int waiting_for; /* posts that are not done */
};
/* Ready, but not in the way of anything. */
void gate_init(struct gate *gate);
/* The teller stands in the gate; what is submitted now is the next group. */
void gate_close(struct fixture *fixture, struct gate *gate);
void gate_submit(struct fixture *fixture, struct gate *gate, struct post *post);
/* What gate_submit() does without submitting: the gate waits for this post as well. */
void gate_count(struct gate *gate, struct post *post);
/* Waits until everything counted in is done. */
void gate_wait(struct gate *gate);
void gate_done(struct gate *gate);
/* Lets the teller go and waits until everything submitted is done. */
void gate_open(struct gate *gate);

#endif
