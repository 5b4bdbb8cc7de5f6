/* SPDX-License-Identifier: Apache-2.0 */
/* The contract: opening, migrating, copying. To add a case: a function, and its row at the end. */
#include <sys/stat.h>

#include "base/buf.h"
#include "store/contract_impl.h"

/* ---- opening ---- */

static void collect(void *user, const char *name, const char *sql)
{
	buf_printf(user, "%s: %.12s\n", name, sql);
}

static void test_migrate_twice(struct fixture *fixture)
{
	struct buf steps BUF_AUTO;
	struct err err;
	buf_init(&steps, NULL, 4096);
	if (!fixture->engine->stays)
		return;
	assert_ok(store_migrate(&fixture->options, false, collect, &steps, &err), &err);
	assert_ok(store_migrate(&fixture->options, true, collect, &steps, &err), &err);
	assert_int_equal(steps.len, 0);
}

static const char *const more_migrations[] = {
	"CREATE TABLE more (bucket INTEGER NOT NULL, PRIMARY KEY (bucket)) {rows}",
	"ALTER TABLE more ADD COLUMN note TEXT",
};
static const struct store_room more_room = {
	.name = "more",
	.migrations = more_migrations,
	.migration_count = 2,
};
static const char *const broken_migrations[] = {
	"CREATE TABLE fine (bucket INTEGER NOT NULL, PRIMARY KEY (bucket)) {rows}",
	"CREATE TABEL oops (bucket INTEGER)",
};
static const struct store_room broken_room = {
	.name = "broken",
	.migrations = broken_migrations,
	.migration_count = 2,
};

static void assert_says(int rc, int code, const struct err *err, const char *words)
{
	assert_int_equal(rc, code);
	if (!strstr(err->text, words))
		fail_msg("\"%s\" does not say \"%s\"", err->text, words);
}

/* A program that knows more, then one that knows less. */
static void test_schema_moves_on(struct fixture *fixture)
{
	const struct store_room *rooms[] = { &test_room, &more_room };
	struct store_options more = fixture->options;
	struct buf steps BUF_AUTO;
	struct store *store;
	struct err err;
	buf_init(&steps, NULL, 4096);
	if (!fixture->engine->stays)
		return;
	more.rooms = rooms;
	more.room_count = 2;
	assert_says(store_open(&more, &store, &err), ERR_STORE, &err, "zegel migrate");
	assert_ok(store_migrate(&more, true, collect, &steps, &err), &err);
	assert_str(buf_str(&steps), "more-1: CREATE TABLE\nmore-2: ALTER TABLE \n");
	buf_reset(&steps);
	assert_says(store_open(&more, &store, &err), ERR_STORE, &err, "2 schema steps are missing");
	assert_ok(store_migrate(&more, false, collect, &steps, &err), &err);
	assert_str(buf_str(&steps), "more-1: CREATE TABLE\nmore-2: ALTER TABLE \n");
	assert_ok(store_open(&more, &store, &err), &err);
	store_close(&store);
	assert_null(store);
	assert_says(store_open(&fixture->options, &store, &err), ERR_STORE, &err, "newer");
	assert_says(store_migrate(&fixture->options, false, NULL, NULL, &err), ERR_STORE, &err,
		"newer");
}

/* A step that fails leaves those before it, whole. */
static void test_broken_step(struct fixture *fixture)
{
	const struct store_room *rooms[] = { &test_room, &broken_room };
	struct store_options broken = fixture->options;
	struct buf steps BUF_AUTO;
	struct err err;
	buf_init(&steps, NULL, 4096);
	if (!fixture->engine->stays)
		return;
	broken.rooms = rooms;
	broken.room_count = 2;
	assert_says(store_migrate(&broken, false, NULL, NULL, &err), ERR_STORE, &err, "TABEL");
	assert_says(store_migrate(&broken, false, collect, &steps, &err), ERR_STORE, &err, "TABEL");
	assert_str(buf_str(&steps), "broken-2: CREATE TABEL\n");
}

static void test_read_only(struct fixture *fixture)
{
	struct fixture other = *fixture;
	struct post post;
	struct err err;
	if (!fixture->engine->stays)
		return;
	make_account(fixture, 1, 5);
	other.options.read_only = true;
	fixture_open(&other);
	assert_int_equal(balance_of(&other, 1), 5);
	post_init(&post, 1, 1, 'k');
	assert_says(run_post(&other, &post), ERR_STORE, &post.unit.err, "read only");
	assert_says(store_start(other.store, &err), ERR_STORE, &err, "read only");
	assert_says(store_submit(other.store, &post.unit, &err), ERR_STORE, &err, "read only");
	fixture_close(&other);
	assert_int_equal(post.runs, 0);
}

static void test_reopen(struct fixture *fixture)
{
	if (!fixture->engine->stays)
		return;
	make_account(fixture, 1, 5);
	fixture_close(fixture);
	fixture_open(fixture);
	assert_int_equal(balance_of(fixture, 1), 5);
}

/* ---- copies ---- */

static void test_backup(struct fixture *fixture)
{
	struct fixture copy = *fixture;
	char path[100];
	struct stat st;
	struct err err;
	if (!fixture->engine->copies)
		return;
	make_account(fixture, 1, 5);
	snprintf(path, sizeof(path), "%s/copy", fixture->dir);
	assert_ok(store_backup(fixture->store, path, &err), &err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(store_backup(fixture->store, path, &err), ERR_CONFLICT);
	make_account(fixture, 1, 1);

	snprintf(copy.url, sizeof(copy.url), "sqlite:%s", path);
	copy.options.url = str_of(copy.url);
	fixture_open(&copy);
	assert_int_equal(balance_of(&copy, 1), 5);
	make_account(&copy, 1, 2);
	assert_int_equal(balance_of(&copy, 1), 7);
	fixture_close(&copy);
	assert_int_equal(balance_of(fixture, 1), 6);
}

static void test_backup_fails(struct fixture *fixture)
{
	char path[128];
	struct err err;
	if (!fixture->engine->copies)
		return;
	snprintf(path, sizeof(path), "%s/none/copy", fixture->dir);
	assert_int_equal(store_backup(fixture->store, path, &err), ERR_IO);
}

static void test_stats(struct fixture *fixture)
{
	struct store_stats stats;
	make_account(fixture, 1, 5);
	struct post post;
	post_init(&post, 2, 1, 't');
	assert_ok(run_post(fixture, &post), &post.unit.err);
	post_init(&post, 2, 1, 'f');
	assert_int_equal(run_post(fixture, &post), ERR_CONFLICT);
	store_stats(fixture->store, &stats);
	assert_int_equal(stats.units, 3);
	assert_int_equal(stats.commits, 2);
	assert_int_equal(stats.failed, 1);
	assert_int_equal(stats.moved, 2);
	assert_int_equal(stats.group_sizes[0], 2);
	assert_int_equal(stats.queue_depth, 0);
	assert_true(stats.bytes > 0);
	assert_true(str_starts(str_of(fixture->engine->name), store_engine(fixture->store)));
}

const struct contract_case contract_life[] = {
	{ "migrated twice", test_migrate_twice },
	{ "a newer and an older program", test_schema_moves_on },
	{ "a schema step that fails", test_broken_step },
	{ "read only", test_read_only },
	{ "closed and opened again", test_reopen },
	{ "a backup is a store", test_backup },
	{ "a backup that cannot be made", test_backup_fails },
	{ "figures", test_stats },
};
const size_t contract_life_count = sizeof(contract_life) / sizeof(contract_life[0]);
