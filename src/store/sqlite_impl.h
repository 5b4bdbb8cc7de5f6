/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver's own types.
 *
 *   sqlite.c         the file, connections, transactions
 *   sqlite_stmt.c    statements, kept prepared, and rows
 *   sqlite_wal.c     the checkpointer: keeps the write-ahead log short
 *   sqlite_backup.c  a copy while others write
 *
 * One file in WAL mode. Every connection is opened SQLITE_OPEN_NOMUTEX: S1 is our mutex. */
#ifndef STORE_SQLITE_IMPL_H
#define STORE_SQLITE_IMPL_H

#include <limits.h>
#include <sqlite3.h>

#include "store/store_impl.h"

/* ---- limits ---- */

/* The writer's page cache, if nothing else is asked for: meant for the right edges of all tables
 * that grow and the busiest of the balances. What more brings at size is not measured. */
#define SQLITE_WRITER_CACHE_MB 48
/* A reader's: small, for it reads the file through a map. */
#define SQLITE_READER_CACHE_KB 2048
/* Address space for that map, not memory. */
#define SQLITE_READER_MAP_BYTES (1 << 30)
#define SQLITE_PAGE_BYTES 8192
#define SQLITE_SQL_MAX 16384

/* Pages in the log. From the first mark on the checkpointer copies it into the file; past the
 * second, when only a tail is left to copy, the writer finishes it between two groups so that the
 * log starts anew. Short marks make short syncs of the file, and it is those that hold up a commit
 * (README.md). */
#define SQLITE_WAL_COPY_PAGES (2 * 1024 * 1024 / SQLITE_PAGE_BYTES)
#define SQLITE_WAL_RESTART_PAGES (32 * 1024 * 1024 / SQLITE_PAGE_BYTES)
/* The log's file is cut back to this when it starts anew. Not in the normal course of things: a
 * file that is written over costs less than one that grows, and cutting 300 MB off took 400 ms. */
#define SQLITE_WAL_KEEP_BYTES (512 * 1024 * 1024)
/* What the log may grow by during one reading, for nothing that is appended meanwhile can go: 4 GB,
 * some minutes under full load. Then the reading fails. Only a backup may take longer. */
#define SQLITE_WAL_READING_PAGES (INT64_C(4) * 1024 * 1024 * 1024 / SQLITE_PAGE_BYTES)

/* A statement kept prepared, and the rows it gives; the same memory serves every run of it. */
struct sqlite_rows {
	struct store_rows rows; /* first */
	const struct store_stmt *key;
	const char *sql;
	sqlite3_stmt *stmt;
	int params, columns;
	bool read_only; /* changes nothing */
	bool open;
	bool stands; /* the first row has been stepped to and not yet been given */
	bool at_end;
	bool spare; /* made because the kept one was open; goes when done */
	struct sqlite_rows *next_open, **prev_open;
};

struct sqlite_conn {
	struct store_conn conn; /* first */
	struct sqlite_engine *engine;
	sqlite3 *db;
	enum conn_use use;
	int patience_ms;
	int64_t waiting_since_ns; /* for another program */
	int wal_at_begin;         /* pages in the log when a reading began */
	sqlite3_file *log;        /* the log's file, once syncs are apart from commits */
	sqlite3_stmt *begin, *commit, *rollback, *mark, *release, *undo;
	struct stmt_table stmts; /* of struct sqlite_rows */
	struct sqlite_rows *open;
};

/* The SQLITE_WAL_ limits; lower in a test, which sets them before the tellers start. */
struct wal_marks {
	int copy, restart;
	int64_t reading;
};

struct sqlite_engine {
	char path[PATH_MAX];
	char fleeting_dir[64]; /* of a store that goes when closed; else empty */
	bool read_only;
	int cache_mb;
	atomic_bool log_lost; /* a sync of the log failed: what of it is on disk? */

	/* the checkpointer */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t filled;
	atomic_bool started;
	bool stop;
	struct store_conn *tender;
	int file; /* the store's file once more, for the checkpointer to sync; -1: none */
	_Atomic int wal_pages; /* in the log, as of our last commit */
	int wal_copied;        /* of those, into the file; under the lock */
	int wal_wake_at;       /* so many pages wake the checkpointer; under the lock */
	atomic_bool writer_may_finish;
	struct wal_marks marks;
};

static inline struct sqlite_conn *sqlite_of(struct store_conn *conn)
{
	return (struct sqlite_conn *)conn;
}

/* Fills *err from the connection's last failure and returns the code: ERR_STORE, ERR_BUSY. */
int sqlite_error(struct sqlite_conn *conn, const char *what, struct err *err);
int sqlite_exec(struct sqlite_conn *conn, const char *sql, struct err *err) must_check;

int sqlite_connect(struct store_engine *engine, enum conn_use use, struct store_conn **ret,
	struct err *err) must_check;
void sqlite_disconnect(struct store_conn *conn);

/* sqlite_stmt.c: the part of the driver table about statements. */
int sqlite_query(struct store_conn *conn, const struct store_stmt *stmt, struct store_args args,
	bool *ret_wrote, struct store_rows **ret, struct err *err);
int sqlite_next(struct store_rows *rows, struct err *err);
void sqlite_rows_done(struct store_rows *rows);
void sqlite_rows_drop(struct store_conn *conn);
int64_t sqlite_row_int(const struct store_rows *rows, int column);
struct str sqlite_row_bytes(const struct store_rows *rows, int column);
bool sqlite_row_is_null(const struct store_rows *rows, int column);
int sqlite_write(struct store_conn *conn, const struct store_stmt *stmt, struct store_args args,
	int64_t expect, bool *ret_wrote, struct err *err);
/* Finalizes every kept statement. */
void sqlite_forget(struct sqlite_conn *conn);

/* sqlite_wal.c */
void sqlite_watch_wal(struct sqlite_conn *conn);
int sqlite_start(struct store_engine *engine, struct err *err);
void sqlite_stop(struct store_engine *engine);
void sqlite_between(struct store_conn *conn);

/* sqlite_backup.c */
int sqlite_backup(struct store_engine *engine, const char *path, struct err *err);

#endif
