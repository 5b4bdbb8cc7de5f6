/* SPDX-License-Identifier: Apache-2.0 */
/* The disk fails under SQLite, and then the power does: what was answered must be what is found.
 *
 * Between SQLite and the system stands a file system of our own that lets the n-th write, sync or
 * growth of the shared index fail, once or from then on. After each answer the file and its log are
 * copied, the log as far as it was synced and without the shared index, as a power cut would leave
 * them, and the copy is opened: what was answered with 0 is in it, what was answered with ERR_STORE
 * is not; ERR_UNCERTAIN may be either. */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/fixture_impl.h"
#include "store/sqlite_impl.h"

/* ---- the file system ---- */

static struct {
	int countdown; /* to the fault; 0: none */
	bool lasting;
	int met; /* faults so far */
} fault;

static bool fails(void)
{
	if (fault.countdown == 0)
		return false;
	if (fault.countdown > 1) {
		fault.countdown--;
		return false;
	}
	if (!fault.lasting)
		fault.countdown = 0;
	fault.met++;
	return true;
}

struct shim {
	sqlite3_file base;
	sqlite3_file *real;
	bool is_log;
};

/* How far the log was written, and of that synced; no test here starts it anew. */
static struct {
	sqlite3_int64 written, synced;
} log_ends;

#define REAL(file) (((struct shim *)(file))->real)
#define CALL(file, method, ...) REAL(file)->pMethods->method(REAL(file), ##__VA_ARGS__)

/* A sync of the log can be held here. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool closed, reached;
} sync_gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER };

static void gate_pass(void)
{
	pthread_mutex_lock(&sync_gate.lock);
	sync_gate.reached |= sync_gate.closed;
	pthread_cond_broadcast(&sync_gate.moved);
	while (sync_gate.closed)
		pthread_cond_wait(&sync_gate.moved, &sync_gate.lock);
	pthread_mutex_unlock(&sync_gate.lock);
}

static void gate_move(bool closed)
{
	pthread_mutex_lock(&sync_gate.lock);
	sync_gate.closed = closed;
	pthread_cond_broadcast(&sync_gate.moved);
	pthread_mutex_unlock(&sync_gate.lock);
}

static void gate_wait_reached(void)
{
	pthread_mutex_lock(&sync_gate.lock);
	while (!sync_gate.reached)
		pthread_cond_wait(&sync_gate.moved, &sync_gate.lock);
	pthread_mutex_unlock(&sync_gate.lock);
}

static int shim_close(sqlite3_file *f)
{
	return CALL(f, xClose);
}
static int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return CALL(f, xRead, p, n, at);
}
/* A write that fails has written half. */
static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (((struct shim *)f)->is_log && at + n > log_ends.written)
		log_ends.written = at + n;
	if (!fails())
		return CALL(f, xWrite, p, n, at);
	(void)CALL(f, xWrite, p, n / 2, at);
	return SQLITE_IOERR_WRITE;
}
static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return CALL(f, xTruncate, size);
}
static int shim_sync(sqlite3_file *f, int flags)
{
	if (fails())
		return SQLITE_IOERR_FSYNC;
	if (((struct shim *)f)->is_log) {
		gate_pass();
		log_ends.synced = log_ends.written;
	}
	return CALL(f, xSync, flags);
}
static int shim_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return CALL(f, xFileSize, ret);
}
static int shim_lock(sqlite3_file *f, int level)
{
	return CALL(f, xLock, level);
}
static int shim_unlock(sqlite3_file *f, int level)
{
	return CALL(f, xUnlock, level);
}
static int shim_reserved(sqlite3_file *f, int *ret)
{
	return CALL(f, xCheckReservedLock, ret);
}
static int shim_control(sqlite3_file *f, int op, void *arg)
{
	return CALL(f, xFileControl, op, arg);
}
static int shim_sector(sqlite3_file *f)
{
	return CALL(f, xSectorSize);
}
static int shim_traits(sqlite3_file *f)
{
	return CALL(f, xDeviceCharacteristics);
}
static int shim_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **ret)
{
	return extend && fails() ? SQLITE_IOERR_SHMMAP
				 : CALL(f, xShmMap, region, size, extend, ret);
}
static int shim_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return CALL(f, xShmLock, offset, n, flags);
}
static void shim_shm_barrier(sqlite3_file *f)
{
	CALL(f, xShmBarrier);
}
static int shim_shm_unmap(sqlite3_file *f, int remove_it)
{
	return CALL(f, xShmUnmap, remove_it);
}
static int shim_fetch(sqlite3_file *f, sqlite3_int64 at, int n, void **ret)
{
	return CALL(f, xFetch, at, n, ret);
}
static int shim_unfetch(sqlite3_file *f, sqlite3_int64 at, void *p)
{
	return CALL(f, xUnfetch, at, p);
}

static const sqlite3_io_methods shim_methods = { 3, shim_close, shim_read, shim_write,
	shim_truncate, shim_sync, shim_size, shim_lock, shim_unlock, shim_reserved, shim_control,
	shim_sector, shim_traits, shim_shm_map, shim_shm_lock, shim_shm_barrier, shim_shm_unmap,
	shim_fetch, shim_unfetch };

static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim_vfs;

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct shim *shim = (struct shim *)f;
	shim->base.pMethods = NULL;
	shim->is_log = flags & SQLITE_OPEN_WAL;
	shim->real = (sqlite3_file *)(shim + 1);
	int rc = real_vfs->xOpen(real_vfs, name, shim->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		shim->base.pMethods = &shim_methods;
	return rc;
}

static void shim_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	shim_vfs = *real_vfs;
	shim_vfs.zName = "faulty";
	shim_vfs.szOsFile += (int)sizeof(struct shim);
	shim_vfs.xOpen = shim_open;
	assert_int_equal(sqlite3_vfs_register(&shim_vfs, 1), SQLITE_OK);
}

static void shim_remove(void)
{
	sqlite3_vfs_unregister(&shim_vfs);
	sqlite3_vfs_register(real_vfs, 1);
}

/* ---- power cuts ---- */

static void copy_file(const char *from, const char *to, sqlite3_int64 max)
{
	static char buf[1 << 16];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n;
	assert_true(in >= 0 && out >= 0);
	for (; max > 0 && (n = read(in, buf, sizeof(buf))) > 0; max -= n)
		assert_int_equal(write(out, buf, (size_t)(n < max ? n : max)), n < max ? n : max);
	close(in);
	close(out);
}

/* Opens what a power cut now would leave. */
static void cut_power(struct fixture *fixture, struct fixture *ret)
{
	char from[100], to[100];
	*ret = *fixture;
	snprintf(ret->url, sizeof(ret->url), "sqlite:%s/after", fixture->dir);
	ret->options.url = str_of(ret->url);
	snprintf(from, sizeof(from), "%s/store", fixture->dir);
	snprintf(to, sizeof(to), "%s/after", fixture->dir);
	copy_file(from, to, INT64_MAX);
	snprintf(from, sizeof(from), "%s/store-wal", fixture->dir);
	snprintf(to, sizeof(to), "%s/after-wal", fixture->dir);
	copy_file(from, to, log_ends.synced);
	fixture_open(ret);
}

static void assert_answers(struct fixture *fixture, const struct post *posts, int n)
{
	struct fixture after;
	cut_power(fixture, &after);
	for (int i = 0; i < n; i++) {
		int64_t entries = entries_of(&after, posts[i].account);
		if (posts[i].unit.rc == 0)
			assert_int_equal(entries, 1);
		else if (posts[i].unit.rc != ERR_UNCERTAIN)
			assert_int_equal(entries, 0);
	}
	assert_sums(&after);
	fixture_close(&after);
}

#define POSTS 4

/* Four posts, the second under a fault, which if lasting ends before the last. under_tellers: with
 * the sync apart from the commit. Returns the faults met. */
static int run_posts(int n, bool lasting, bool under_tellers, int seen[3])
{
	struct err err;
	struct fixture fixture;
	struct post posts[POSTS];
	log_ends.written = log_ends.synced = 0;
	fixture_init(&fixture, &fixture_engines[0]);
	if (under_tellers)
		assert_ok(store_start(fixture.store, &err), &err);
	fault.met = 0;
	for (int i = 0; i < POSTS; i++) {
		if (i == 1) {
			fault.countdown = n;
			fault.lasting = lasting;
		} else if (i == POSTS - 1) {
			fault.countdown = 0;
		}
		post_init(&posts[i], i + 1, 1, 'k');
		int rc = store_run(fixture.store, &posts[i].unit);
		assert_true(rc == 0 || rc == ERR_STORE || rc == ERR_UNCERTAIN);
		assert_true(rc == 0 || (i != 0 && i != POSTS - 1));
		seen[rc == 0 ? 0 : rc == ERR_STORE ? 1 : 2]++;
		int countdown = fault.countdown;
		fault.countdown = 0;
		assert_answers(&fixture, posts, i + 1);
		fault.countdown = countdown;
	}
	fixture_done(&fixture);
	return fault.met;
}

static void every_fault(bool lasting, bool under_tellers, int seen[3])
{
	int n = 1;
	shim_install();
	while (run_posts(n, lasting, under_tellers, seen))
		assert_true(++n < 200);
	shim_remove();
	assert_true(n > (under_tellers ? 3 : 5));
}

static void one_fault(void **state)
{
	int seen[3] = { 0 };
	every_fault(false, false, seen);
	assert_true(seen[0] && seen[1]);
	assert_int_equal(seen[2], 0); /* what came after settled it */
}

static void lasting_fault(void **state)
{
	int seen[3] = { 0 };
	every_fault(true, false, seen);
	assert_true(seen[0] && seen[1] && seen[2]);
}

/* A lost sync is uncertain, and nothing is written behind it before the store is safe. */
static void one_fault_under_tellers(void **state)
{
	int seen[3] = { 0 };
	every_fault(false, true, seen);
	assert_true(seen[0] && seen[1] && seen[2]);
}

static void lasting_fault_under_tellers(void **state)
{
	int seen[3] = { 0 };
	every_fault(true, true, seen);
	assert_true(seen[0] && seen[1] && seen[2]);
}

/* ---- what is not on disk yet ---- */

struct looking {
	struct fixture *fixture;
	int64_t entries;
	atomic_bool seen, ended;
};

static void *look(void *user)
{
	struct looking *looking = user;
	struct store_tx *tx;
	struct store_rows *rows = NULL;
	struct err err;
	assert_ok(store_read_begin(looking->fixture->store, &tx, &err), &err);
	assert_ok(store_query(tx, &count_entries, ARGS(V_INT(1), V_INT(1)), &rows, &err), &err);
	assert_int_equal(store_next(rows, &err), 1);
	looking->entries = store_int(rows, 0);
	store_rows_done(&rows);
	atomic_store(&looking->seen, true);
	store_read_end(&tx);
	atomic_store(&looking->ended, true);
	return NULL;
}

static void nothing(struct post *post) {}

/* Turns that the other thread gets, once it has seen what it came for, to do what it must not: to
 * return from one call. */
#define TURNS 20000

/* A reading sees what is written, and does not end before that is on disk. */
static void a_reading_waits_for_the_disk(void **state)
{
	struct fixture fixture;
	struct post post;
	struct err err;
	pthread_t thread;
	struct looking looking = { .fixture = &fixture };
	shim_install();
	fixture_init(&fixture, &fixture_engines[0]);
	assert_ok(store_start(fixture.store, &err), &err);
	post_init(&post, 1, 1, 'k');
	post.on_done = nothing;
	gate_move(true);
	assert_ok(store_submit(fixture.store, &post.unit, &err), &err);
	gate_wait_reached();
	assert_int_equal(pthread_create(&thread, NULL, look, &looking), 0);
	while (!atomic_load(&looking.seen))
		sched_yield();
	for (int i = 0; i < TURNS && !atomic_load(&looking.ended); i++)
		sched_yield();
	bool early = atomic_load(&looking.ended);
	gate_move(false);
	pthread_join(thread, NULL);
	assert_false(early);
	assert_int_equal(looking.entries, 1);
	fixture_done(&fixture);
	shim_remove();
}

int main(void)
{
	/* so that the library is configured before a file system is added */
	struct fixture fixture;
	fixture_init(&fixture, &fixture_engines[0]);
	fixture_done(&fixture);
	return TEST_MAIN(test(one_fault), test(lasting_fault), test(one_fault_under_tellers),
		test(lasting_fault_under_tellers), test(a_reading_waits_for_the_disk));
}
