/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL driver's own types.
 *
 *   postgres.c           the driver table; transactions
 *   postgres_connect.c   the URL, connecting, what a server must be, coming back
 *   postgres_pipe.c      what was sent and is not yet answered; what an answer means
 *   postgres_stmt.c      statements, kept prepared, and their parameters
 *   postgres_rows.c      rows and their columns
 *   postgres_copy.c      many rows at once
 *
 * Every connection is in libpq's pipeline mode: sending does not wait. What was sent stands on the
 * connection's list (struct pg_sent) until its answer is read, and answers are read in that order,
 * when somebody needs one: at the first store_next() of a query, or when the unit is settled. So
 * queries that are all sent before the first row is asked for, and all writes of a unit, cost one
 * round trip together, and COMMIT another.
 *
 * Invariants
 *   P1 the list holds what was sent and not yet answered, in that order, and nothing else
 *   P2 COMMIT is sent only when everything before it has been answered as it should
 *   P3 an answer belongs to the transaction it was sent in: one that comes after its end only keeps
 *      the list and the prepared statements right
 *   P4 a connection that failed is closed at once: `pg` is NULL, nothing is prepared, the list is
 *      empty, no transaction is open
 *   P5 only a clean answer to COMMIT, without a notice, is a commit */
#ifndef STORE_POSTGRES_IMPL_H
#define STORE_POSTGRES_IMPL_H

#include <libpq-fe.h>

#include "store/store_impl.h"

/* ---- limits ---- */

/* The oldest server: the one of Debian 12, on which all of this was measured. */
#define PG_VERSION_MIN 150000
/* Tellers by default: two for each core of the server, of which this machine's number is the only
 * estimate there is; one waits for a commit while the other works. More than 16 gained nothing. */
#define PG_TELLERS_PER_CORE 2
#define PG_TELLERS_MIN 2
#define PG_TELLERS_MAX 16
/* Parameters of a statement; store_lint() allows no more. */
#define PG_PARAMS_MAX 64
/* What may be sent before an answer is read: a unit of some thousand writes. */
#define PG_SENT_MAX 4096
/* Rows that one FETCH of a sweep brings. */
#define PG_SWEEP_ROWS 1000
/* How long an answer may take before the connection is closed: a statement that waits for a row
 * another unit holds; a commit that waits for a standby; a sweep or a schema step, which may work
 * for long. */
#define PG_ANSWER_MS 15000
#define PG_COMMIT_MS 15000
#define PG_SWEEP_MS 3600000
/* How long begin() tries to come back to a database that is away, and from then on how often. */
#define PG_AWAY_MS 1000
#define PG_AWAY_AGAIN_MS 200
/* How long the figure of bytes() is good enough. */
#define PG_BYTES_MS 10000
/* Texts of libpq are copied up to this. */
#define PG_TEXT_MAX 200

/* ---- types ---- */

/* Types by their numbers, which PostgreSQL never changes. */
enum pg_type {
	PG_UNKNOWN = 0,
	PG_BOOL = 16,
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_INT2 = 21,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_NUMERIC = 1700,
};

/* A statement kept prepared on one connection. */
struct pg_stmt {
	const struct store_stmt *key;
	const char *sql;
	int params;
	bool writes; /* may change rows */
	bool sent;   /* it is prepared, or will be when its turn comes */
	unsigned name;
	Oid types[PG_PARAMS_MAX]; /* PG_UNKNOWN as long as only NULL was bound */
};

enum pg_kind {
	PG_PREPARE,
	PG_ROWS,
	PG_WRITE,
	PG_DONE, /* must succeed, and nobody waits for it: BEGIN, ROLLBACK, a cursor's words */
	PG_COMMIT,
	PG_SYNC,
};

/* One thing that was sent. */
struct pg_sent {
	enum pg_kind kind;
	const char *name;
	uint64_t tx;          /* of which transaction */
	struct pg_stmt *stmt; /* PG_PREPARE */
	unsigned version;     /* the name it was prepared by */
	struct pg_rows *rows; /* PG_ROWS; NULL if nobody wants them any more */
	int64_t expect;       /* PG_WRITE */
	bool long_work;       /* PG_SWEEP_MS */
};

struct pg_rows {
	struct store_rows rows; /* first */
	const struct store_stmt *key;
	PGresult *result;
	int at, count;
	bool arrived;
	unsigned cursor; /* of a sweep; 0: all rows come at once */
	struct pg_rows *next_open, **prev_open;
};

struct pg_conn {
	struct store_conn conn; /* first */
	struct pg_engine *engine;
	enum conn_use use;
	PGconn *pg; /* NULL: not connected */
	bool citus;

	/* the transaction */
	bool open, wrote;
	uint64_t tx;    /* its number */
	int fault;      /* STORE_MOVED or <0: what the first bad answer means; 0: none */
	struct err why; /* of the fault */
	int moves;      /* transactions in a row that moved */

	/* the commit: from when it is sent to when its answer is read */
	bool committing;
	int committed; /* what COMMIT came to */
	bool noticed;  /* a notice came with its answer */
	bool farewell; /* the server said that it closes the connection */
	char notice[PG_TEXT_MAX];

	/* P1: a ring */
	struct pg_sent *sent;
	size_t sent_first, sent_count, sent_size;
	bool flushed; /* the server was asked to answer all of it */

	struct stmt_table stmts; /* of struct pg_stmt */
	unsigned names;          /* given on this connection */
	struct pg_rows *rows;

	/* while it is away */
	int64_t away_since_ns, try_at_ns;
	int away; /* STORE_AWAY or ERR_STORE: why it could not connect, in away_why */
	struct err away_why;
};

/* A word and value for libpq. */
struct pg_option {
	char *word, *value;
};

struct pg_engine {
	bool read_only;
	int answer_ms, commit_ms; /* PG_ANSWER_MS, PG_COMMIT_MS; shorter in a test */
	struct pg_option *options;
	size_t option_count;

	pthread_mutex_t bytes_lock;
	struct store_conn *tender;
	int64_t bytes, bytes_at_ns;
};

static inline struct pg_conn *pg_of(struct store_conn *conn)
{
	return (struct pg_conn *)conn;
}

/* ---- postgres_connect.c ---- */

/* Reads the URL into engine->options. ERR_STORE: it is none. */
int pg_options_read(struct pg_engine *engine, struct str url, struct err *err) must_check;
void pg_options_free(struct pg_engine *engine);
/* Connects if it is not connected, trying again for PG_AWAY_MS. STORE_AWAY; ERR_STORE: trying again
 * will not help. */
int pg_come_back(struct pg_conn *conn, struct err *err) must_check;
/* Has the server closed the connection while it was idle? Then closes it here (P4). */
void pg_look(struct pg_conn *conn);

/* ---- postgres_pipe.c ---- */

/* Closes the connection (P4); what was not answered is STORE_MOVED, or, with a COMMIT among it,
 * ERR_UNCERTAIN. */
void pg_lose(struct pg_conn *conn, const char *why);
/* Remembers what the transaction came to, unless it already came to something. Returns rc. */
int pg_fault(struct pg_conn *conn, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The fault and why, or 0. */
int pg_faulty(const struct pg_conn *conn, struct err *err);
/* Puts what was just sent on the list. `ok` is what libpq's sending said. */
void pg_push(struct pg_conn *conn, int ok, const struct pg_sent *sent);
/* Sends a mark: what comes after it is done even if something before it failed. */
void pg_sync(struct pg_conn *conn);
/* Reads answers until the list is empty. */
void pg_drain(struct pg_conn *conn);
/* Reads answers until these rows have arrived. */
void pg_drain_to(struct pg_conn *conn, const struct pg_rows *rows);
/* Room for what comes next? Else reads all answers. */
void pg_make_room(struct pg_conn *conn);
/* The server refused what was sent outside the pipeline: the transaction's fault. */
void pg_on_refusal(struct pg_conn *conn, const char *name, const PGresult *result);
void pg_on_notice(void *user, const PGresult *result);
/* The first line of libpq's message, without its end. */
void pg_first_line(const char *text, char out[PG_TEXT_MAX]);

/* ---- postgres_stmt.c ---- */

/* Sends a statement, after preparing it if it is not; `sent` says what its answer is for. Returns
 * the fault, or ERR_INTERNAL for a wrong number or type of values. */
int pg_send(struct pg_conn *conn, const struct store_stmt *stmt, struct store_args args,
	const struct pg_sent *sent, struct err *err) must_check;
/* The same, not kept prepared, in these words. */
int pg_send_once(struct pg_conn *conn, const char *sql, struct store_args args,
	const struct pg_sent *sent, struct err *err) must_check;
/* Does the statement change rows, by its first word? */
bool pg_writes(const char *sql);
/* Nothing is prepared any more. */
void pg_forget(struct pg_conn *conn);
void pg_stmts_free(struct pg_conn *conn);

/* ---- postgres_rows.c: the part of the driver table about statements ---- */

int pg_query(struct store_conn *conn, const struct store_stmt *stmt, struct store_args args,
	bool *ret_wrote, struct store_rows **ret, struct err *err);
int pg_next(struct store_rows *rows, struct err *err);
void pg_rows_done(struct store_rows *rows);
void pg_rows_drop(struct store_conn *conn);
int64_t pg_row_int(const struct store_rows *rows, int column);
struct str pg_row_bytes(const struct store_rows *rows, int column);
bool pg_row_is_null(const struct store_rows *rows, int column);
int pg_write(struct store_conn *conn, const struct store_stmt *stmt, struct store_args args,
	int64_t expect, bool *ret_wrote, struct err *err);
/* Citus (postgres_citus.c): see driver->spread. */
int pg_spread(struct store_tx *tx, const struct table *table, const char *first, bool dry_run,
	struct buf *ret_sql, struct err *err);
/* The statement that spreads one table. */
void pg_spread_sql(const struct table *table, const char *first, struct buf *out);
/* postgres_copy.c */
int pg_copy(struct store_conn *conn, const struct bulk_copy *copy, bool *ret_wrote,
	struct err *err);
/* PostgreSQL's binary NUMERIC as a whole number; false if it is none or does not fit. */
bool pg_numeric(const char *bytes, int len, int64_t *ret);

#endif
