/* SPDX-License-Identifier: Apache-2.0 */
/* The public door: opening, transactions, statements, readers.
 *
 * Everything here is the same for every engine: it keeps S1 to S3 (store_impl.h), counts the steps
 * that tests let fail, lends read connections, and hands the rest to the driver. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"

/* ---- fault injection ---- */

bool store_step_fails(struct store *store, struct err *err)
{
	if (!atomic_load_explicit(&store->counting, memory_order_relaxed))
		return false;
	size_t step = atomic_fetch_add(&store->steps, 1) + 1;
	if (step != atomic_load(&store->fail_at))
		return false;
	err_set(err, ERR_STORE, "step %zu was made to fail", step);
	return true;
}

size_t store_fail_nth(struct store *store, size_t n)
{
	atomic_store(&store->fail_at, n);
	atomic_store(&store->counting, true);
	return atomic_exchange(&store->steps, 0);
}

/* ---- transactions ---- */

void tx_reset(struct store_tx *tx)
{
	require(tx->conn->open_rows == 0);
	tx->wrote = false;
	tx->seen = 0;
	tx->moved = false;
	tx->elsewhere = false;
	tx->failed = 0;
}

int tx_begin(struct store_tx *tx, struct err *err)
{
	if (store_step_fails(tx->store, err))
		return ERR_STORE;
	require(tx->conn->open_rows == 0);
	require(!tx->conn->driver->is_open(tx->conn));
	return tx->conn->driver->begin(tx->conn, err);
}

int tx_commit(struct store_tx *tx, struct err *err)
{
	if (store_step_fails(tx->store, err)) {
		tx_rollback(tx);
		return ERR_STORE;
	}
	require(tx->conn->open_rows == 0);
	int rc = tx->conn->driver->commit(tx->conn, err);
	require(!tx->conn->driver->is_open(tx->conn));
	return rc;
}

void tx_settle(struct store_tx *tx)
{
	const struct store_driver *driver = tx->conn->driver;
	if (!driver->settle || tx->failed || tx->moved)
		return;
	int rc = driver->settle(tx->conn, &tx->err);
	if (rc == STORE_MOVED)
		tx->moved = true;
	else
		tx->failed = rc;
}

void tx_rollback(struct store_tx *tx)
{
	tx->conn->driver->rows_drop(tx->conn);
	tx->conn->driver->rollback(tx->conn);
}

/* Once a statement failed or an expectation did, nothing more is done in this unit (S2). */
static int tx_stopped(const struct store_tx *tx, struct err *err)
{
	if (err && (tx->failed || tx->moved))
		*err = tx->err;
	return tx->failed ? tx->failed : tx->moved ? STORE_MOVED : 0;
}

static int tx_fail(struct store_tx *tx, int rc, struct err *err)
{
	if (rc == STORE_MOVED)
		tx->moved = true;
	else
		tx->failed = rc;
	return tx_stopped(tx, err);
}

/* A query has no way to say STORE_MOVED: it fails, and who runs the unit looks at tx->moved. */
static int query_fail(struct store_tx *tx, int rc, struct err *err)
{
	rc = tx_fail(tx, rc, err);
	return rc > 0 ? ERR_STORE : rc;
}

int store_query(struct store_tx *tx, const struct store_stmt *stmt, struct store_args args,
	struct store_rows **ret, struct err *err)
{
	int rc = tx_stopped(tx, err);
	if (rc)
		return rc > 0 ? ERR_STORE : rc;
	if (store_step_fails(tx->store, &tx->err))
		return query_fail(tx, ERR_STORE, err);
	const struct store_driver *driver = tx->conn->driver;
	struct store_rows *rows;
	rc = driver->query(tx->conn, stmt, args, &tx->wrote, &rows, &tx->err);
	if (rc)
		return query_fail(tx, rc, err);
	rows->tx = tx;
	*ret = rows;
	return 0;
}

int store_next(struct store_rows *rows, struct err *err)
{
	struct store_tx *tx = rows->tx;
	int rc = tx_stopped(tx, err);
	if (rc)
		return rc > 0 ? ERR_STORE : rc;
	if (store_step_fails(tx->store, &tx->err))
		return query_fail(tx, ERR_STORE, err);
	rc = rows->conn->driver->next(rows, &tx->err);
	if (!tx->writing && !tx->seen) /* the snapshot is there: it holds no later commit */
		tx->seen = atomic_load(&tx->store->committed);
	return rc == 0 || rc == 1 ? rc : query_fail(tx, rc, err);
}

void store_rows_done(struct store_rows **rows)
{
	if (!*rows)
		return;
	(*rows)->conn->driver->rows_done(*rows);
	*rows = NULL;
}

int64_t store_int(const struct store_rows *rows, int column)
{
	return rows->conn->driver->row_int(rows, column);
}

struct str store_bytes(const struct store_rows *rows, int column)
{
	return rows->conn->driver->row_bytes(rows, column);
}

bool store_is_null(const struct store_rows *rows, int column)
{
	return rows->conn->driver->row_is_null(rows, column);
}

int store_write(struct store_tx *tx, const struct store_stmt *stmt, struct store_args args,
	int64_t expect, struct err *err)
{
	int rc = tx_stopped(tx, err);
	if (rc)
		return rc;
	if (unexpected(!tx->writing))
		return err_set(err, ERR_INTERNAL, "%s: a write in a transaction to read in",
			stmt->name);
	if (store_step_fails(tx->store, &tx->err))
		return tx_fail(tx, ERR_STORE, err);
	rc = tx->conn->driver->write(tx->conn, stmt, args, expect, &tx->wrote, &tx->err);
	return rc ? tx_fail(tx, rc, err) : 0;
}

int tx_copy(struct store_tx *tx, const struct bulk_copy *copy, struct err *err)
{
	int rc = tx_stopped(tx, err);
	if (rc)
		return rc;
	if (unexpected(!tx->writing))
		return err_set(err, ERR_INTERNAL, "%s: filled in a transaction to read in",
			copy->table->name);
	if (store_step_fails(tx->store, &tx->err))
		return tx_fail(tx, ERR_STORE, err);
	rc = tx->conn->driver->copy(tx->conn, copy, &tx->wrote, &tx->err);
	return rc ? tx_fail(tx, rc, err) : 0;
}

int64_t store_now(struct store *store)
{
	int64_t clock = clock_now(store->clock), now;
	int64_t last = atomic_load(&store->last_now);
	do
		now = clock > last ? clock : last + 1;
	while (!atomic_compare_exchange_weak(&store->last_now, &last, now));
	return now;
}

/* ---- readers ---- */

static int reader_new(struct store *store, struct reader **ret, struct err *err)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return err_set(err, ERR_NO_MEMORY, "no memory for a reader");
	reader->tx.store = store;
	int rc = store->driver->connect(store->engine, CONN_READ, &reader->tx.conn, err);
	if (rc) {
		free(reader);
		return rc;
	}
	*ret = reader;
	return 0;
}

static void deadline_in(int ms, struct timespec *ret)
{
	clock_gettime(CLOCK_MONOTONIC, ret);
	ret->tv_sec += ms / 1000;
	ret->tv_nsec += ms % 1000 * 1000000L;
	if (ret->tv_nsec >= 1000000000L) {
		ret->tv_sec++;
		ret->tv_nsec -= 1000000000L;
	}
}

/* Takes an idle reader, or counts one in that is still to be made (*ret NULL). */
static int reader_take(struct store *store, struct reader **ret, struct err *err)
{
	struct timespec deadline;
	int waited = 0;
	deadline_in(STORE_PATIENCE_MS, &deadline);
	pthread_mutex_lock(&store->readers_lock);
	while (!store->readers_idle && store->reader_count == STORE_READERS_MAX && !waited)
		waited = pthread_cond_timedwait(&store->reader_back, &store->readers_lock,
			&deadline);
	bool free_one = store->readers_idle || store->reader_count < STORE_READERS_MAX;
	struct reader *reader = store->readers_idle;
	if (reader)
		store->readers_idle = reader->next;
	else if (free_one)
		store->reader_count++;
	if (free_one)
		store->readers_lent++;
	pthread_mutex_unlock(&store->readers_lock);
	if (!free_one)
		return err_set(err, ERR_BUSY, "all %d readers are taken", STORE_READERS_MAX);
	*ret = reader;
	return 0;
}

/* reader NULL: the one counted in could not be made. */
static void reader_give(struct store *store, struct reader *reader)
{
	pthread_mutex_lock(&store->readers_lock);
	store->readers_lent--;
	if (reader) {
		reader->next = store->readers_idle;
		store->readers_idle = reader;
	} else {
		store->reader_count--;
	}
	pthread_cond_signal(&store->reader_back);
	pthread_mutex_unlock(&store->readers_lock);
}

/* STORE_AWAY as well. */
static int read_begin(struct store *store, struct store_tx **ret, struct err *err)
{
	struct reader *reader;
	int rc = reader_take(store, &reader, err);
	if (rc)
		return rc;
	if (!reader && (rc = reader_new(store, &reader, err))) {
		reader_give(store, NULL);
		return rc;
	}
	tx_reset(&reader->tx);
	if ((rc = tx_begin(&reader->tx, err))) {
		reader_give(store, reader);
		return rc;
	}
	*ret = &reader->tx;
	return 0;
}

int store_read_begin(struct store *store, struct store_tx **ret, struct err *err)
{
	int rc = store_ready(store, err);
	if (!rc)
		rc = read_begin(store, ret, err);
	return rc == STORE_AWAY ? ERR_STORE : rc;
}

void store_read_end(struct store_tx **tx)
{
	if (!*tx)
		return;
	struct reader *reader = (struct reader *)*tx; /* its first member */
	require(!reader->tx.writing);
	*tx = NULL;
	require(reader->tx.conn->open_rows == 0);
	struct store *store = reader->tx.store;
	uint64_t seen = reader->tx.seen;
	tx_rollback(&reader->tx);
	reader_give(store, reader);
	sync_wait(store, seen); /* S6 */
}

static void readers_close(struct store *store)
{
	require(store->readers_lent == 0);
	while (store->readers_idle) {
		struct reader *reader = store->readers_idle;
		store->readers_idle = reader->next;
		store->driver->disconnect(reader->tx.conn);
		free(reader);
	}
}

/* ---- ready? ---- */

static int check_schema(struct store *store, struct err *err)
{
	struct store_tx *tx;
	int rc = read_begin(store, &tx, err);
	if (rc)
		return rc;
	rc = migrate_check(tx, &store->options, err);
	if (!rc && !store->options.filling)
		rc = bulk_unfinished(tx, err);
	store_read_end(&tx);
	if (!rc)
		atomic_store(&store->ready, true);
	return rc;
}

int store_ready(struct store *store, struct err *err)
{
	if (atomic_load_explicit(&store->ready, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&store->ready_lock);
	int rc = atomic_load(&store->ready) ? 0 : check_schema(store, err);
	pthread_mutex_unlock(&store->ready_lock);
	return rc == STORE_AWAY ? ERR_STORE : rc;
}

int store_ping(struct store *store, struct err *err)
{
	static const struct store_stmt ping = { "store.ping", STORE_REFERENCE, "SELECT 1" };
	struct store_tx *tx;
	int rc = store_read_begin(store, &tx, err);
	if (rc)
		return rc;
	struct store_rows *rows = NULL;
	rc = store_query(tx, &ping, NO_ARGS, &rows, err);
	if (!rc)
		rc = store_next(rows, err);
	store_rows_done(&rows);
	store_read_end(&tx);
	return rc < 0 ? rc : 0;
}

/* ---- opening and closing ---- */

static void store_init(struct store *store, const struct store_options *options)
{
	pthread_condattr_t monotonic;
	store->clock = options->clock ? options->clock : clock_system();
	store->options = *options;
	store->read_only = options->read_only;
	store->queue_max = options->queue_max > 0 ? options->queue_max : STORE_QUEUE_DEFAULT;
	store->group_max = options->group_max > 0 ? options->group_max : STORE_GROUP_DEFAULT;
	if (store->group_max > STORE_GROUP_LIMIT)
		store->group_max = STORE_GROUP_LIMIT;
	if (!store->driver->groups)
		store->group_max = 1;
	store->tellers = options->tellers > 0 ? options->tellers : store->driver->tellers();
	if (store->tellers > store->driver->tellers_max)
		store->tellers = store->driver->tellers_max;
	pthread_mutex_init(&store->ready_lock, NULL);
	pthread_mutex_init(&store->readers_lock, NULL);
	pthread_mutex_init(&store->sync_lock, NULL);
	pthread_cond_init(&store->sync_moved, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&store->reader_back, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

int store_attach(const struct store_options *options, enum open_how how, struct store **ret,
	struct err *err)
{
	const struct store_driver *driver;
	int rc = driver_find(options->url, &driver, err);
	if (rc)
		return rc;
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		return err_set(err, ERR_NO_MEMORY, "no memory for a store");
	store->driver = driver;
	store_init(store, options);
	rc = driver->open(options, how, &store->engine, err);
	if (!rc && !options->read_only)
		rc = writers_open(store, err);
	if (rc) {
		store_close(&store);
		return rc;
	}
	*ret = store;
	return 0;
}

int store_open(const struct store_options *options, struct store **ret, struct err *err)
{
	struct store *store;
	int rc = store_attach(options, OPEN_EXISTING, &store, err);
	if (rc)
		return rc;
	if (store->driver->is_fleeting(store->engine))
		rc = migrate_apply(store, options, false, NULL, NULL, err);
	else
		rc = check_schema(store, err);
	if (rc == STORE_AWAY)
		rc = options->may_be_away ? 0 : ERR_STORE;
	else
		atomic_store(&store->ready, true);
	if (rc) {
		store_close(&store);
		return rc;
	}
	*ret = store;
	return 0;
}

int store_migrate(const struct store_options *options, bool dry_run,
	void (*each)(void *user, const char *name, const char *sql), void *user, struct err *err)
{
	struct store *store;
	if (options->read_only)
		return err_set(err, ERR_STORE, "a store opened to read cannot be migrated");
	int rc = store_attach(options, dry_run ? OPEN_REHEARSE : OPEN_MAKE, &store, err);
	if (rc)
		return rc;
	rc = migrate_apply(store, options, dry_run, each, user, err);
	store_close(&store);
	return rc;
}

void store_close(struct store **pointer)
{
	struct store *store = *pointer;
	if (!store)
		return;
	*pointer = NULL;
	writers_stop(store);
	readers_close(store);
	writers_close(store);
	if (store->engine)
		store->driver->close(store->engine);
	pthread_cond_destroy(&store->reader_back);
	pthread_mutex_destroy(&store->readers_lock);
	pthread_cond_destroy(&store->sync_moved);
	pthread_mutex_destroy(&store->sync_lock);
	pthread_mutex_destroy(&store->ready_lock);
	free(store);
}

int store_backup(struct store *store, const char *path, struct err *err)
{
	if (!store->driver->backup)
		return err_set(err, ERR_STORE, "use the tools of %s to copy this store",
			store->driver->name);
	return store->driver->backup(store->engine, path, err);
}

bool store_is_shared(const struct store *store)
{
	return store->driver->shared;
}

const char *store_engine(const struct store *store)
{
	return store->driver->name;
}
