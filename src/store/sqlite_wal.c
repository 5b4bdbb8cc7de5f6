/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpointer: keeps SQLite's write-ahead log short.
 *
 * Commits append pages to the log; a checkpoint copies them into the file; when all of the log is
 * copied and nobody reads from it, the next commit starts the log anew. SQLite would checkpoint on
 * the writer's time, at the commit that passes a mark; a thread of its own does it beside the
 * writer instead. Under constant load that never ends by itself: while the thread copies, the
 * writer appends. So past a second mark the thread repeats until only a tail is left, and the
 * writer copies that between two groups, while nothing is appended (sqlite_between()).
 *
 * SQLite syncs the file only at a copy that has caught up with the log, which under load is the
 * writer's: all that was copied since the last one is then written at once, 10 to 20 ms in which no
 * commit gets to the disk. So the thread syncs the file by itself after each copy, through a
 * descriptor of its own: what a failed sync has to tell, SQLite's own sync is told again. That
 * descriptor is closed after all connections are, for closing it drops the locks of them all.
 *
 * Readers that began earlier keep the log from being copied or from starting anew. For those that
 * come and go the writer waits a moment, the longer the log the longer; for one that stays there is
 * nothing to be done, so after each failure the log may grow by a part of itself before the next
 * try.
 *
 * Invariants
 *   W1 the writer copies only a tail, or what the thread could not while readers came and went; and
 *      it waits for readers at most PATIENCE_MAX_MS, once while the log grows by a part of itself
 *   W2 between two copies the log has grown: a reader that stays does not make the thread spin */
#include "store/sqlite_impl.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

/* Pages left that need no further copy by the thread: a group or two. */
#define TAIL_PAGES 128
/* Copies in a row of what was appended during the last; each leaves a third or less of it. */
#define PASSES_MAX 5
/* How long the writer waits for readers: this when the log is as long as its mark, twice as long
 * when the log is, and so on. */
#define PATIENCE_MS 5
#define PATIENCE_MAX_MS 500
/* After a copy that readers cut short the log may grow by this part, of its mark or of itself. */
#define AGAIN_PART 8

/* After each commit, on the writer's thread: so many pages are in the log. */
static int on_commit(void *user, sqlite3 *db, const char *schema, int pages)
{
	struct sqlite_engine *engine = user;
	pthread_mutex_lock(&engine->lock);
	if (pages < atomic_load(&engine->wal_pages)) { /* the log has started anew */
		engine->wal_copied = 0;
		engine->wal_wake_at = engine->marks.copy;
	}
	atomic_store(&engine->wal_pages, pages);
	if (pages >= engine->wal_wake_at)
		pthread_cond_signal(&engine->filled);
	pthread_mutex_unlock(&engine->lock);
	return SQLITE_OK;
}

void sqlite_watch_wal(struct sqlite_conn *conn)
{
	sqlite3_wal_hook(conn->db, on_commit, conn->engine);
}

static int pages_left(struct sqlite_engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	int left = atomic_load(&engine->wal_pages) - engine->wal_copied;
	pthread_mutex_unlock(&engine->lock);
	return left;
}

/* Copies what may be copied. Was that all there was when it began? A failure is not reported: what
 * could not be copied stays in the log, and the next copy meets it again. */
static bool copy(struct sqlite_conn *conn, int mode)
{
	struct sqlite_engine *engine = conn->engine;
	int pages = -1, copied = -1;
	int rc = sqlite3_wal_checkpoint_v2(conn->db, NULL, mode, &pages, &copied);
	bool whole = rc == SQLITE_OK && copied == pages;
	pthread_mutex_lock(&engine->lock);
	if (copied >= 0 && copied <= atomic_load(&engine->wal_pages))
		engine->wal_copied = copied;
	int now = atomic_load(&engine->wal_pages), again = engine->marks.copy;
	if (!whole) /* W2 */
		again = 1 + (now > engine->marks.copy ? now : engine->marks.copy) / AGAIN_PART;
	engine->wal_wake_at = now + again;
	pthread_mutex_unlock(&engine->lock);
	return whole;
}

/* A copy, and its pages on disk. */
static bool stroke(struct sqlite_engine *engine)
{
	bool whole = copy(sqlite_of(engine->tender), SQLITE_CHECKPOINT_PASSIVE);
	if (engine->file >= 0)
		(void)fdatasync(engine->file);
	return whole;
}

static void tend(struct sqlite_engine *engine)
{
	int pages = atomic_load(&engine->wal_pages);
	bool whole = stroke(engine);
	if (pages < engine->marks.restart)
		return;
	for (int i = 1; whole && i < PASSES_MAX && pages_left(engine) > TAIL_PAGES; i++)
		whole = stroke(engine);
	if (whole || pages_left(engine) <= TAIL_PAGES || pages >= 2 * engine->marks.restart)
		atomic_store(&engine->writer_may_finish, true); /* W1 */
}

static void *tender(void *user)
{
	struct sqlite_engine *engine = user;
	pthread_mutex_lock(&engine->lock);
	while (!engine->stop) {
		if (atomic_load(&engine->wal_pages) < engine->wal_wake_at) {
			pthread_cond_wait(&engine->filled, &engine->lock);
			continue;
		}
		pthread_mutex_unlock(&engine->lock);
		tend(engine);
		pthread_mutex_lock(&engine->lock);
	}
	pthread_mutex_unlock(&engine->lock);
	return NULL;
}

/* The writer finishes what the thread has left, and the next commit starts the log anew. */
static void finish(struct sqlite_conn *conn)
{
	int patience_ms = PATIENCE_MS *
		(atomic_load(&conn->engine->wal_pages) / conn->engine->marks.restart + 1);
	conn->patience_ms = patience_ms < PATIENCE_MAX_MS ? patience_ms : PATIENCE_MAX_MS;
	copy(conn, SQLITE_CHECKPOINT_RESTART);
	conn->patience_ms = STORE_PATIENCE_MS;
}

/* A program without the thread, a command, copies by itself now and then. */
static void copy_alone(struct sqlite_conn *conn)
{
	struct sqlite_engine *engine = conn->engine;
	pthread_mutex_lock(&engine->lock);
	bool due = atomic_load(&engine->wal_pages) >= engine->wal_wake_at;
	pthread_mutex_unlock(&engine->lock);
	if (due)
		copy(conn, SQLITE_CHECKPOINT_PASSIVE);
}

void sqlite_between(struct store_conn *base)
{
	struct sqlite_conn *conn = sqlite_of(base);
	if (!atomic_load(&conn->engine->started))
		copy_alone(conn);
	else if (atomic_exchange(&conn->engine->writer_may_finish, false))
		finish(conn);
}

int sqlite_start(struct store_engine *base, struct err *err)
{
	struct sqlite_engine *engine = (struct sqlite_engine *)base;
	require(!atomic_load(&engine->started));
	if (engine->file < 0 && !engine->fleeting_dir[0])
		engine->file = open(engine->path, O_RDONLY | O_CLOEXEC);
	int rc = sqlite_connect(base, CONN_TEND, &engine->tender, err);
	if (rc)
		return rc;
	engine->stop = false;
	rc = pthread_create(&engine->thread, NULL, tender, engine);
	if (rc) {
		sqlite_disconnect(engine->tender);
		return err_set(err, ERR_STORE, "no thread for the checkpointer: %s", strerror(rc));
	}
	atomic_store(&engine->started, true);
	return 0;
}

void sqlite_stop(struct store_engine *base)
{
	struct sqlite_engine *engine = (struct sqlite_engine *)base;
	if (!atomic_load(&engine->started))
		return;
	pthread_mutex_lock(&engine->lock);
	engine->stop = true;
	pthread_cond_signal(&engine->filled);
	pthread_mutex_unlock(&engine->lock);
	pthread_join(engine->thread, NULL);
	sqlite_disconnect(engine->tender);
	atomic_store(&engine->started, false);
}
