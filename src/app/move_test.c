/* SPDX-License-Identifier: Apache-2.0 */
/* A store as a stream: out, in, cut, damaged, gone on with, and into which store it may go. */
#include "app/move_fixture_impl.h"

/* ---- round trips ---- */

static void round_trip(const char *over)
{
	static char before[STREAM_MAX], after[STREAM_MAX];
	struct world w;
	struct fixture back;
	struct err err;
	if (!fixture_can(move_engine(over)))
		skip();
	move_world_init(&w);
	size_t len = move_stream_get(&w, before);
	fixture_done(&w.to);
	move_store_empty(&w.to, move_engine(over));
	assert_ok(move_import(&w, &w.to, false, &err), &err);
	fixture_open(&w.to);
	assert_ok(move_export(&w, &w.to, &err), &err);
	move_store_empty(&back, move_engine("sqlite file"));
	assert_ok(move_import(&w, &back, false, &err), &err);
	fixture_open(&back);
	assert_ok(move_export(&w, &back, &err), &err);
	assert_int_equal(move_stream_get(&w, after), len);
	assert_memory_equal(before, after, len);
	fixture_done(&back);
	move_world_done(&w);
}

static void over_sqlite_and_back(void **state)
{
	round_trip("sqlite file");
}

static void over_postgresql_and_back(void **state)
{
	round_trip("postgresql");
}

static void a_store_without_rows(void **state)
{
	struct world w;
	struct err err;
	move_world_init(&w);
	fixture_done(&w.from);
	move_store_empty(&w.from, move_engine("sqlite file"));
	assert_ok(store_migrate(&w.from.options, false, NULL, NULL, &err), &err);
	fixture_open(&w.from);
	assert_ok(move_export(&w, &w.from, &err), &err);
	assert_ok(move_import(&w, &w.to, false, &err), &err);
	assert_int_equal(move_state_of(&w, &w.to), BULK_EMPTY);
	fixture_open(&w.to);
	move_world_done(&w);
}

/* ---- cut ---- */

/* Cut at each border and in each block: refused, not opened, gone on with. */
static void cut_anywhere_it_goes_on(void **state)
{
	static char bytes[STREAM_MAX];
	size_t at[BLOCKS_MAX];
	struct world w;
	struct err err;
	move_world_init(&w);
	size_t len = move_stream_get(&w, bytes), count = move_borders(bytes, len, at);
	assert_true(count > 20);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < 2; k++) {
			move_stream_set(&w, bytes, k ? (at[i] + at[i + 1]) / 2 : at[i]);
			int rc = move_import(&w, &w.to, i > 0, &err);
			if (rc != ERR_UNREADABLE || !strstr(err.text, i + k ? "cut off" : "head"))
				fail_msg("cut at block %zu: %d, %s", i, rc, err.text);
			assert_int_equal(move_state_of(&w, &w.to), i ? BULK_BEGUN : BULK_EMPTY);
			assert_int_equal(store_open(&w.to.options, &w.to.store, &err), ERR_STORE);
		}
	}
	move_stream_set(&w, bytes, len);
	assert_ok(move_import(&w, &w.to, true, &err), &err);
	fixture_open(&w.to);
	move_world_done(&w);
}

/* From nothing, each time with one block more, which is as far as a kill would have let it come. */
static void gone_on_with_from_every_part(void **state)
{
	static char bytes[STREAM_MAX], after[STREAM_MAX];
	size_t at[BLOCKS_MAX];
	struct world w;
	struct err err;
	move_world_init(&w);
	size_t len = move_stream_get(&w, bytes), count = move_borders(bytes, len, at);
	for (size_t i = 2; i < count; i += 3) {
		move_stream_set(&w, bytes, at[i]);
		assert_int_equal(move_import(&w, &w.to, false, &err), ERR_UNREADABLE);
		move_stream_set(&w, bytes, len);
		assert_int_equal(move_import(&w, &w.to, false, &err), ERR_CONFLICT);
		assert_ok(move_import(&w, &w.to, true, &err), &err);
		fixture_open(&w.to);
		assert_ok(move_export(&w, &w.to, &err), &err);
		assert_int_equal(move_stream_get(&w, after), len);
		assert_memory_equal(bytes, after, len);
		fixture_done(&w.to);
		move_store_empty(&w.to, move_engine("sqlite file"));
	}
	move_world_done(&w);
}

/* ---- damaged ---- */

/* One byte flipped, in each block: in its kind, its length, its seal, and what is packed. */
static void a_flipped_byte_is_seen(void **state)
{
	static const size_t places[] = { 0, 1, 3, 4, 5, 12, 20, 21, 25, 30 };
	static char bytes[STREAM_MAX];
	size_t at[BLOCKS_MAX];
	struct world w;
	struct err err;
	char where[32];
	move_world_init(&w);
	size_t len = move_stream_get(&w, bytes), count = move_borders(bytes, len, at);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k <= sizeof(places) / sizeof(places[0]); k++) {
			size_t place = k < sizeof(places) / sizeof(places[0]) ? at[i] + places[k]
									      : at[i + 1] - 1;
			bytes[place] ^= 0x10;
			move_stream_set(&w, bytes, len);
			int rc = move_import(&w, &w.to, i > 0, &err);
			bytes[place] ^= 0x10;
			snprintf(where, sizeof(where), "block %zu", i);
			if (rc != ERR_UNREADABLE || strcmp(err.at, where) != 0)
				fail_msg("byte %zu of %s: %d, %s (%s)", place - at[i], where, rc,
					err.text, err.at);
		}
	}
	bytes[3] ^= 0x10;
	move_stream_set(&w, bytes, len);
	assert_int_equal(move_import(&w, &w.to, true, &err), ERR_UNREADABLE);
	bytes[3] ^= 0x10;
	move_stream_set(&w, bytes, len);
	assert_ok(move_import(&w, &w.to, true, &err), &err);
	move_world_done(&w);
}

/* ---- who may fill what ---- */

static void other_keys_write_nothing(void **state)
{
	struct world w;
	struct err err;
	move_world_init(&w);
	w.what.print.bytes[0] ^= 1;
	w.what.key.bytes[0] ^= 1;
	assert_int_equal(move_import(&w, &w.to, false, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.text, "keys"));
	assert_int_equal(store_open(&w.to.options, &w.to.store, &err), ERR_STORE);
	assert_non_null(strstr(err.text, "zegel init")); /* there is not even a file */
	move_world_done(&w);
}

static void other_steps_write_nothing(void **state)
{
	struct world w;
	struct err err;
	move_world_init(&w);
	w.to.options.room_count = 3;
	assert_int_equal(move_import(&w, &w.to, false, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.text, "lacks the schema step more-1"));
	w.to.options.room_count = 1;
	assert_int_equal(move_import(&w, &w.to, false, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.text, "has the schema step ref-1"));
	assert_int_equal(store_open(&w.to.options, &w.to.store, &err), ERR_STORE);
	move_world_done(&w);
}

static void a_store_with_rows_is_left_alone(void **state)
{
	struct world w;
	struct err err;
	move_world_init(&w);
	for (int resume = 0; resume < 2; resume++) {
		assert_int_equal(move_import(&w, &w.from, resume, &err), ERR_CONFLICT);
		assert_non_null(strstr(err.text, "accounts has rows"));
	}
	fixture_open(&w.from);
	assert_int_equal(balance_of(&w.from, 10), 10);
	move_world_done(&w);
}

static void another_stream_is_not_gone_on_with(void **state)
{
	static char bytes[STREAM_MAX];
	size_t at[BLOCKS_MAX];
	struct world w;
	struct err err;
	move_world_init(&w);
	size_t len = move_stream_get(&w, bytes), count = move_borders(bytes, len, at);
	assert_true(len > 0);
	move_stream_set(&w, bytes, at[count - 5]);
	assert_int_equal(move_import(&w, &w.to, false, &err), ERR_UNREADABLE);
	make_account(&w.from, 11, 1); /* the source is written to */
	assert_ok(move_export(&w, &w.from, &err), &err);
	assert_int_equal(move_import(&w, &w.to, true, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.text, "not the stream"));
	move_world_done(&w);
}

int main(void)
{
	return TEST_MAIN(test(over_sqlite_and_back), test(over_postgresql_and_back),
		test(a_store_without_rows), test(cut_anywhere_it_goes_on),
		test(gone_on_with_from_every_part), test(a_flipped_byte_is_seen),
		test(other_keys_write_nothing), test(other_steps_write_nothing),
		test(a_store_with_rows_is_left_alone), test(another_stream_is_not_gone_on_with));
}
