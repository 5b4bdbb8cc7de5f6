/* SPDX-License-Identifier: Apache-2.0 */
/* See move_fixture_impl.h. */
#include "app/move_fixture_impl.h"

#include <sys/mman.h>
#include <unistd.h>

static const char *const ref_steps[] = {
	"CREATE TABLE shops (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL) {rows}",
	"ALTER TABLE shops ADD COLUMN town TEXT",
};
static const char *const more_steps[] = { "CREATE TABLE more (id BIGINT NOT NULL PRIMARY KEY)" };
static const struct store_room ref_room = { "ref", NULL, 0, ref_steps, 2 };
static const struct store_room more_room = { "more", NULL, 0, more_steps, 1 };
static const struct store_room *const rooms[] = { &test_room, &ref_room, &more_room };

static const struct store_stmt add_shop = { "test.add_shop", STORE_REFERENCE,
	"INSERT INTO shops (id, name, town) VALUES ($1, $2, $3)" };

static void nobody_watches(void *user, const char *doing, const char *table, int64_t rows,
	int64_t bytes)
{
}
static const struct move_watch watch = { nobody_watches, NULL };

/* ---- stores and streams ---- */

const struct engine *move_engine(const char *name)
{
	for (size_t i = 0; i < fixture_engine_count; i++) {
		if (!strcmp(fixture_engines[i].name, name))
			return &fixture_engines[i];
	}
	fail_msg("no engine %s", name);
	return NULL;
}

static int fill_rows(struct job *job, struct store_tx *tx, struct err *err)
{
	char memo[64];
	int rc = store_write(tx, &add_shop, ARGS(V_INT(-3), V_TEXT(STR("")), V_NULL), 1, err);
	rc = rc ? rc
		: store_write(tx, &add_shop,
			  ARGS(V_INT(4), V_TEXT(STR("Caf\xc3\xa9")), V_TEXT(STR("Gent"))), 1, err);
	for (int i = 0; i < 60 && !rc; i++) {
		snprintf(memo, sizeof(memo), "memo %d", i);
		rc = store_write(tx, &add_entry,
			ARGS(V_INT(INT64_C(1) << (i % 63)), V_INT(i * 977 % 65536), V_INT(-i),
				V_INT(i % 2 ? -i : INT64_MAX - i),
				i % 3 ? V_TEXT(str_of(memo)) : V_NULL,
				i % 4 ? V_BLOB("\0\377\x80\n", (size_t)i % 5) : V_NULL),
			1, err);
		if (!rc && i % 10 == 0)
			rc = store_write(tx, &add_account, ARGS(V_INT(i), V_INT(i), V_INT(i)), 1,
				err);
	}
	return rc;
}

void move_store_empty(struct fixture *fixture, const struct engine *engine)
{
	fixture_init_empty(fixture, engine);
	fixture->options.rooms = rooms;
	fixture->options.room_count = 2;
}

static void store_filled(struct fixture *fixture, const struct engine *engine)
{
	struct err err;
	move_store_empty(fixture, engine);
	assert_ok(store_migrate(&fixture->options, false, NULL, NULL, &err), &err);
	fixture_open(fixture);
	struct job job = { .work = fill_rows };
	assert_ok(run_job(fixture, &job), &job.unit.err);
}

int move_export(struct world *w, struct fixture *fixture, struct err *err)
{
	struct move_total total;
	w->what.options = fixture->options;
	assert_int_equal(ftruncate(w->stream, 0), 0);
	assert_int_equal(lseek(w->stream, 0, SEEK_SET), 0);
	return move_out(&w->what, fixture->store, w->stream, &watch, &total, err);
}

/* Of the stream in memory, or of its first bytes. */
int move_import(struct world *w, struct fixture *fixture, bool resume, struct err *err)
{
	struct move_total total;
	fixture_close(fixture);
	w->what.options = fixture->options;
	assert_int_equal(lseek(w->stream, 0, SEEK_SET), 0);
	return move_in(&w->what, w->stream, resume, &watch, &total, err);
}

void move_world_init(struct world *w)
{
	struct err err;
	memset(w, 0, sizeof(*w));
	assert_ok(tables_read(rooms, 2, &w->tables, &err), &err);
	w->what = (struct move_what) { .tables = &w->tables,
		.key = { "a key" },
		.print = { "a print" },
		.block_bytes = 150,
		.part_bytes = 400 };
	w->stream = memfd_create("stream", MFD_CLOEXEC);
	assert_true(w->stream >= 0);
	store_filled(&w->from, move_engine("sqlite file"));
	assert_ok(move_export(w, &w->from, &err), &err);
	move_store_empty(&w->to, move_engine("sqlite file"));
}

void move_world_done(struct world *w)
{
	fixture_done(&w->to);
	fixture_done(&w->from);
	close(w->stream);
	tables_done(&w->tables);
}

size_t move_stream_get(struct world *w, char bytes[STREAM_MAX])
{
	ssize_t n = pread(w->stream, bytes, STREAM_MAX, 0);
	assert_true(n > 0 && n < STREAM_MAX);
	return (size_t)n;
}

void move_stream_set(struct world *w, const char *bytes, size_t len)
{
	assert_int_equal(ftruncate(w->stream, 0), 0);
	assert_int_equal(pwrite(w->stream, bytes, len, 0), len);
}

/* Where blocks begin, and, last, the end. */
size_t move_borders(const char *bytes, size_t len, size_t ret[BLOCKS_MAX])
{
	size_t count = 0, at = 8;
	while (at < len) {
		const unsigned char *frame = (const unsigned char *)bytes + at;
		assert_true(count < BLOCKS_MAX - 1);
		ret[count++] = at;
		at += 21 + ((size_t)frame[1] << 24 | frame[2] << 16 | frame[3] << 8 | frame[4]);
	}
	assert_int_equal(at, len);
	ret[count] = len;
	return count;
}

enum bulk_state move_state_of(struct world *w, struct fixture *fixture)
{
	enum bulk_state state;
	const char *table;
	struct err err;
	assert_ok(bulk_look(&fixture->options, &w->tables, &state, &table, &err), &err);
	return state;
}
