/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver: the file, its connections, its transactions.
 *
 * "sqlite::memory:" is a store in a folder of its own under /dev/shm (else the temporary folder),
 * removed when it is closed: SQLite's own memory databases have no snapshots beside a writer, and
 * tests should meet the same engine as the shop.
 *
 * What a failed COMMIT means. SQLite writes the group's pages into the log, the last with the mark
 * of the commit, then syncs, then says so in the shared index. When any of it fails, it rolls back,
 * and this process no longer sees the group; but if the pages were all written and only the sync or
 * the index failed, a start after a crash finds them whole in the log and takes them for committed.
 * They go for certain when the next commit is written over them (the checksums of the log are a
 * chain). So after a failed COMMIT an empty transaction is committed (settle()): if that is on
 * disk, the group is not, and the answer is ERR_STORE. If it fails too, the answer is
 * ERR_UNCERTAIN, unless the first failure was that of writing the pages: without its last page a
 * group is nothing.
 *
 * Under the tellers the sync is apart from the commit (sync.c): SQLite then writes the log in its
 * mode NORMAL, where only what starts the log anew is synced, and sqlite_sync() syncs the log's
 * file as SQLite itself would. If that fails, the whole log is copied into the file before anything
 * else is written: a checkpoint reads what was written, not what is on disk, and syncs the file.
 *
 * Invariants
 *   D1 after commit() and rollback() no transaction is open, whatever they returned
 *   D2 no commit is written behind one whose sync failed */
#include "store/sqlite_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

/* The store's folder as we make it, and its file: ours alone, for what is in it is personal. */
#define FILE_MODE 0600
/* Longest time between two looks whether the other program is done: it and we are both quick, and a
 * writer under load leaves gaps of microseconds. */
#define BUSY_NAP_US 500

int sqlite_error(struct sqlite_conn *conn, const char *what, struct err *err)
{
	int code = sqlite3_extended_errcode(conn->db);
	bool busy = (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED;
	return err_set(err, busy ? ERR_BUSY : ERR_STORE, "%s: %s (%d)", what,
		sqlite3_errmsg(conn->db), code);
}

int sqlite_exec(struct sqlite_conn *conn, const char *sql, struct err *err)
{
	return sqlite3_exec(conn->db, sql, NULL, NULL, NULL) ? sqlite_error(conn, sql, err) : 0;
}

/* ---- the file ---- */

static void path_cut(char path[PATH_MAX], struct str s)
{
	snprintf(path, PATH_MAX, "%.*s", STR_ARG(s));
}

static int fleeting_make(struct sqlite_engine *engine, struct err *err)
{
	static const char *const places[] = { "/dev/shm", "/tmp" };
	for (size_t i = 0; i < 2; i++) {
		snprintf(engine->fleeting_dir, sizeof(engine->fleeting_dir), "%s/zegel-XXXXXX",
			places[i]);
		if (mkdtemp(engine->fleeting_dir)) {
			snprintf(engine->path, sizeof(engine->path), "%s/store",
				engine->fleeting_dir);
			return 0;
		}
	}
	engine->fleeting_dir[0] = '\0';
	return err_set(err, ERR_STORE, "no folder for a store in memory: %s", strerror(errno));
}

static void fleeting_remove(struct sqlite_engine *engine)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char path[PATH_MAX + 8];
	if (!engine->fleeting_dir[0])
		return;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", engine->path, parts[i]);
		unlink(path);
	}
	rmdir(engine->fleeting_dir);
}

static int file_make(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return err_set(err, ERR_STORE, "%s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

/* Finds or makes the file of the URL. */
static int file_ready(struct sqlite_engine *engine, struct str name, enum open_how how,
	struct err *err)
{
	if (str_is(name, ":memory:") && engine->read_only)
		return err_set(err, ERR_STORE,
			"a store in memory is new: there is nothing to read");
	if (str_is(name, ":memory:"))
		return fleeting_make(engine, err);
	if (!name.len || name.len >= PATH_MAX - 8)
		return err_set(err, ERR_STORE, "sqlite: needs the path of a file");
	path_cut(engine->path, name);
	if (how == OPEN_MAKE)
		return file_make(engine->path, err);
	if (!access(engine->path, F_OK))
		return 0;
	if (how == OPEN_REHEARSE && errno == ENOENT)
		return fleeting_make(engine, err);
	return err_set(err, ERR_STORE, "%s: %s: `zegel init` makes a store", engine->path,
		strerror(errno));
}

static void library_init(void)
{
	/* Its statistics take a lock at every allocation, and nobody reads them. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_initialize();
}

static int sqlite_open(const struct store_options *options, enum open_how how,
	struct store_engine **ret, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, library_init);
	struct sqlite_engine *engine = calloc(1, sizeof(*engine));
	if (!engine)
		return err_set(err, ERR_NO_MEMORY, "no memory for a store");
	engine->read_only = options->read_only;
	engine->file = -1;
	engine->cache_mb = options->cache_mb > 0 ? options->cache_mb : SQLITE_WRITER_CACHE_MB;
	int rc = file_ready(engine, str_from(options->url, strlen("sqlite:")), how, err);
	if (rc) {
		free(engine);
		return rc;
	}
	engine->marks = (struct wal_marks) { SQLITE_WAL_COPY_PAGES, SQLITE_WAL_RESTART_PAGES,
		SQLITE_WAL_READING_PAGES };
	engine->wal_wake_at = engine->marks.copy;
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->filled, NULL);
	*ret = (struct store_engine *)engine;
	return 0;
}

static void sqlite_close(struct store_engine *base)
{
	struct sqlite_engine *engine = (struct sqlite_engine *)base;
	require(!atomic_load(&engine->started));
	if (engine->file >= 0)
		close(engine->file);
	fleeting_remove(engine);
	pthread_cond_destroy(&engine->filled);
	pthread_mutex_destroy(&engine->lock);
	free(engine);
}

static bool sqlite_is_fleeting(const struct store_engine *base)
{
	return ((const struct sqlite_engine *)base)->fleeting_dir[0] != '\0';
}

static int64_t file_bytes(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : st.st_size;
}

/* The file is page_count * page_size as of the last copy from the log; what is newer is in the
 * log. */
static int64_t sqlite_bytes(struct store_engine *base)
{
	struct sqlite_engine *engine = (struct sqlite_engine *)base;
	char wal[PATH_MAX + 8];
	snprintf(wal, sizeof(wal), "%s-wal", engine->path);
	return file_bytes(engine->path) + file_bytes(wal);
}

/* ---- connections ---- */

/* Waits for another program in short naps, so that it is not starved by a writer that never
 * rests. */
static int on_busy(void *user, int count)
{
	struct sqlite_conn *conn = user;
	int64_t now = clock_ticks_ns();
	if (count == 0)
		conn->waiting_since_ns = now;
	if (now - conn->waiting_since_ns > conn->patience_ms * INT64_C(1000000))
		return 0;
	usleep(count < 10 ? BUSY_NAP_US / 10 : BUSY_NAP_US);
	return 1;
}

/* Turns the write-ahead log on: some file systems cannot do it, and then SQLite quietly stays
 * without. */
static int set_log(struct sqlite_conn *conn, struct err *err)
{
	sqlite3_stmt *stmt;
	if (sqlite3_prepare_v2(conn->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL))
		return sqlite_error(conn, "journal_mode", err);
	int rc = 0;
	if (sqlite3_step(stmt) != SQLITE_ROW)
		rc = sqlite_error(conn, "journal_mode", err);
	else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") != 0)
		rc = err_set(err, ERR_STORE,
			"%s: no write-ahead log is possible on this file system",
			conn->engine->path);
	sqlite3_finalize(stmt);
	return rc;
}

static int set_up_writer(struct sqlite_conn *conn, struct err *err)
{
	char sql[256];
	snprintf(sql, sizeof(sql),
		"PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = %d;"
		"PRAGMA cache_size = -%d",
		SQLITE_WAL_KEEP_BYTES, conn->engine->cache_mb * 1024);
	int rc = set_log(conn, err);
	if (!rc)
		rc = sqlite_exec(conn, sql, err);
	if (!rc)
		sqlite_watch_wal(conn);
	return rc;
}

static int set_up_reader(struct sqlite_conn *conn, struct err *err)
{
	char sql[256];
	snprintf(sql, sizeof(sql), "PRAGMA cache_size = -%d; PRAGMA mmap_size = %d",
		SQLITE_READER_CACHE_KB, SQLITE_READER_MAP_BYTES);
	return sqlite_exec(conn, sql, err);
}

static int set_up(struct sqlite_conn *conn, struct err *err)
{
	char sql[256];
	sqlite3_extended_result_codes(conn->db, 1);
	conn->patience_ms = STORE_PATIENCE_MS;
	sqlite3_busy_handler(conn->db, on_busy, conn);
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	snprintf(sql, sizeof(sql),
		"PRAGMA page_size = %d; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;"
		"PRAGMA temp_store = MEMORY; PRAGMA synchronous = %s",
		SQLITE_PAGE_BYTES, conn->engine->fleeting_dir[0] ? "OFF" : "FULL");
	int rc = sqlite_exec(conn, sql, err);
	if (rc || conn->use == CONN_TEND)
		return rc;
	return conn->use == CONN_WRITE ? set_up_writer(conn, err) : set_up_reader(conn, err);
}

static int prepare_words(struct sqlite_conn *conn, struct err *err)
{
	struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} words[] = {
		{ &conn->begin, conn->use == CONN_WRITE ? "BEGIN IMMEDIATE" : "BEGIN" },
		{ &conn->commit, "COMMIT" },
		{ &conn->rollback, "ROLLBACK" },
		{ &conn->mark, "SAVEPOINT unit" },
		{ &conn->release, "RELEASE unit" },
		{ &conn->undo, "ROLLBACK TO unit" },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (sqlite3_prepare_v3(conn->db, words[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
			    words[i].stmt, NULL))
			return sqlite_error(conn, words[i].sql, err);
	}
	return 0;
}

static int open_flags(const struct sqlite_conn *conn)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
	if (conn->use == CONN_READ || conn->engine->read_only)
		return flags | SQLITE_OPEN_READONLY;
	return flags | SQLITE_OPEN_READWRITE |
		(conn->engine->fleeting_dir[0] ? SQLITE_OPEN_CREATE : 0);
}

int sqlite_connect(struct store_engine *engine, enum conn_use use, struct store_conn **ret,
	struct err *err)
{
	struct sqlite_conn *conn = calloc(1, sizeof(*conn));
	if (!conn)
		return err_set(err, ERR_NO_MEMORY, "no memory for a connection");
	conn->conn.driver = &sqlite_driver;
	conn->engine = (struct sqlite_engine *)engine;
	conn->use = use;
	int rc = 0;
	if (sqlite3_open_v2(conn->engine->path, &conn->db, open_flags(conn), NULL))
		rc = sqlite_error(conn, conn->engine->path, err);
	if (!rc)
		rc = set_up(conn, err);
	if (!rc)
		rc = prepare_words(conn, err);
	if (rc) {
		sqlite_disconnect(&conn->conn);
		return rc;
	}
	*ret = &conn->conn;
	return 0;
}

void sqlite_disconnect(struct store_conn *base)
{
	struct sqlite_conn *conn = sqlite_of(base);
	sqlite_forget(conn);
	sqlite3_finalize(conn->begin);
	sqlite3_finalize(conn->commit);
	sqlite3_finalize(conn->rollback);
	sqlite3_finalize(conn->mark);
	sqlite3_finalize(conn->release);
	sqlite3_finalize(conn->undo);
	int rc = sqlite3_close(conn->db);
	require(rc == SQLITE_OK); /* else a statement of ours was left */
	free(conn);
}

/* ---- transactions ---- */

/* Runs one of the words. */
static int say(struct sqlite_conn *conn, sqlite3_stmt *word, struct err *err)
{
	int rc = sqlite3_step(word) == SQLITE_DONE ? 0 : sqlite_error(conn, sqlite3_sql(word), err);
	sqlite3_reset(word);
	return rc;
}

static bool sqlite_is_open(struct store_conn *conn)
{
	return !sqlite3_get_autocommit(sqlite_of(conn)->db);
}

/* D2: puts the state on disk without the log. */
static int recover_log(struct sqlite_conn *conn, struct err *err)
{
	int pages = 0, copied = 0;
	int rc = sqlite3_wal_checkpoint_v2(conn->db, NULL, SQLITE_CHECKPOINT_RESTART, &pages,
		&copied);
	if (rc || pages != copied)
		return err_set(err, ERR_STORE,
			"the disk did not take the log; nothing more is written until it takes the "
			"store (%s)",
			sqlite3_errstr(rc));
	atomic_store(&conn->engine->log_lost, false);
	return 0;
}

static int sqlite_begin(struct store_conn *base, struct err *err)
{
	struct sqlite_conn *conn = sqlite_of(base);
	if (conn->use == CONN_WRITE && atomic_load(&conn->engine->log_lost)) {
		int rc = recover_log(conn, err);
		if (rc)
			return rc;
	}
	conn->wal_at_begin = atomic_load(&conn->engine->wal_pages);
	return say(conn, conn->begin, err);
}

static void sqlite_rollback(struct store_conn *conn)
{
	struct err err;
	if (!sqlite_is_open(conn))
		return;
	int rc = say(sqlite_of(conn), sqlite_of(conn)->rollback, &err);
	require(!rc || !sqlite_is_open(conn)); /* D1 */
}

/* Writes something over what a failed commit may have left in the log (see the head). */
static bool settle(struct sqlite_conn *conn)
{
	struct err err;
	return sqlite_exec(conn, "PRAGMA user_version = 1", &err) == 0;
}

static bool failed_writing(int code)
{
	return (code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_WRITE;
}

static int sqlite_commit(struct store_conn *base, struct err *err)
{
	struct sqlite_conn *conn = sqlite_of(base);
	struct err why;
	if (!say(conn, conn->commit, &why))
		return 0;
	int code = sqlite3_extended_errcode(conn->db);
	sqlite_rollback(base);
	bool gone = settle(conn) || failed_writing(code);
	return err_set(err, gone ? ERR_STORE : ERR_UNCERTAIN, "%s", why.text);
}

/* The last commit with its own sync also puts the log's name on disk. */
static int sqlite_apart(struct store_conn *base, struct err *err)
{
	struct sqlite_conn *conn = sqlite_of(base);
	if (conn->engine->fleeting_dir[0])
		return 0;
	int rc = sqlite_exec(conn, "PRAGMA user_version = 1; PRAGMA synchronous = NORMAL", err);
	if (rc)
		return rc;
	sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &conn->log);
	if (unexpected(!conn->log || !conn->log->pMethods))
		return err_set(err, ERR_INTERNAL, "the store has no log");
	return 0;
}

static int sqlite_sync(struct store_conn *base, struct err *err)
{
	struct sqlite_conn *conn = sqlite_of(base);
	struct sqlite_engine *engine = conn->engine;
	if (!conn->log)
		return 0; /* gone when it is closed */
	if (!atomic_load(&engine->log_lost) &&
		conn->log->pMethods->xSync(conn->log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) ==
			SQLITE_OK)
		return 0;
	atomic_store(&engine->log_lost, true);
	return err_set(err, ERR_UNCERTAIN, "the log could not be synced");
}

static int sqlite_mark(struct store_conn *conn, struct err *err)
{
	return say(sqlite_of(conn), sqlite_of(conn)->mark, err);
}

static int sqlite_release(struct store_conn *conn, struct err *err)
{
	return say(sqlite_of(conn), sqlite_of(conn)->release, err);
}

static int sqlite_undo(struct store_conn *conn, struct err *err)
{
	int rc = say(sqlite_of(conn), sqlite_of(conn)->undo, err);
	return rc ? rc : sqlite_release(conn, err);
}

static int sqlite_ddl(struct store_conn *conn, const char *sql, struct err *err)
{
	return sqlite_exec(sqlite_of(conn), sql, err);
}

static int sqlite_tellers(void)
{
	return 1;
}

const struct store_driver sqlite_driver = {
	.name = "sqlite",
	.tellers = sqlite_tellers,
	.tellers_max = 1,
	.groups = true,
	.words = { .blob = "BLOB", .rows = "WITHOUT ROWID", .time_first = true },
	.find_table = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1",
	.open = sqlite_open,
	.close = sqlite_close,
	.is_fleeting = sqlite_is_fleeting,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.is_open = sqlite_is_open,
	.apart = sqlite_apart,
	.sync = sqlite_sync,
	.mark = sqlite_mark,
	.release = sqlite_release,
	.undo = sqlite_undo,
	.query = sqlite_query,
	.next = sqlite_next,
	.rows_done = sqlite_rows_done,
	.rows_drop = sqlite_rows_drop,
	.row_int = sqlite_row_int,
	.row_bytes = sqlite_row_bytes,
	.row_is_null = sqlite_row_is_null,
	.write = sqlite_write,
	.ddl = sqlite_ddl,
	.start = sqlite_start,
	.stop = sqlite_stop,
	.between = sqlite_between,
	.backup = sqlite_backup,
	.bytes = sqlite_bytes,
};
