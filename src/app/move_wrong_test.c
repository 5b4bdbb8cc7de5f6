/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that are sealed well and say something wrong, and stores that differ from their foot. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/move_fixture_impl.h"

/* ---- sealed by somebody who has the keys, and wrong ---- */

/* Writes the stream again; change() may change each block, or leave it out (false). */
static void rewrite(struct world *w, bool (*change)(struct block *block, struct buf *plain))
{
	struct arena *arena = arena_new(STREAM_MAX * 4);
	struct block_reader r;
	struct block_writer out;
	struct block block;
	struct err err;
	int fd = memfd_create("other", MFD_CLOEXEC), rc;
	assert_int_equal(lseek(w->stream, 0, SEEK_SET), 0);
	assert_ok(move_block_reader_init(&r, w->stream, &w->what.key, &err), &err);
	assert_ok(move_block_writer_init(&out, fd, &w->what.key, &err), &err);
	while ((rc = move_block_next(&r, &block, &err)) == 1) {
		struct buf plain BUF_AUTO;
		assert_ok(move_block_open(&block, arena, &err), &err);
		buf_init(&plain, NULL, STREAM_MAX);
		buf_add(&plain, block.plain);
		if (change(&block, &plain))
			assert_ok(move_block_write(&out, block.kind, buf_str(&plain), &err), &err);
	}
	assert_ok(rc, &err);
	move_block_reader_done(&r);
	move_block_writer_done(&out);
	arena_free(&arena);
	close(w->stream);
	w->stream = fd;
}

static bool the_same(struct block *block, struct buf *plain)
{
	return true;
}

static bool without_a_table(struct block *block, struct buf *plain)
{
	return block->number != 1;
}

static bool without_rows(struct block *block, struct buf *plain)
{
	return block->kind != BLOCK_ROWS || block->number % 3 != 0;
}

static bool without_a_foot(struct block *block, struct buf *plain)
{
	static int feet;
	return block->kind != BLOCK_FOOT || feet++ != 1;
}

static bool a_second_head(struct block *block, struct buf *plain)
{
	if (block->number == 1)
		block->kind = BLOCK_HEAD;
	return true;
}

static bool an_early_end(struct block *block, struct buf *plain)
{
	if (block->number == 2)
		block->kind = BLOCK_END;
	return true;
}

static bool a_longer_head(struct block *block, struct buf *plain)
{
	if (block->kind == BLOCK_HEAD)
		buf_char(plain, 0);
	return true;
}

static bool another_column(struct block *block, struct buf *plain)
{
	if (block->number == 1)
		plain->ptr[plain->len - 1] ^= 1;
	return true;
}

static bool too_few_rows(struct block *block, struct buf *plain)
{
	if (block->number == 2)
		plain->ptr[0]--;
	return true;
}

static bool too_many_rows(struct block *block, struct buf *plain)
{
	if (block->number == 2)
		plain->ptr[0]++;
	return true;
}

static bool a_strange_value(struct block *block, struct buf *plain)
{
	if (block->number == 2)
		plain->ptr[1] = 9;
	return true;
}

static bool another_total(struct block *block, struct buf *plain)
{
	if (block->kind == BLOCK_END)
		plain->ptr[plain->len - 1] ^= 1;
	return true;
}

static bool another_sum(struct block *block, struct buf *plain)
{
	if (block->kind == BLOCK_FOOT)
		plain->ptr[plain->len - 1] ^= 1;
	return true;
}

static bool another_version(struct block *block, struct buf *plain)
{
	if (block->kind == BLOCK_HEAD)
		plain->ptr[0]++;
	return true;
}

static const struct {
	const char *name;
	bool (*change)(struct block *block, struct buf *plain);
	int rc;
	const char *why;
} wrongs[] = {
	{ "the same", the_same, 0, NULL },
	{ "without a table", without_a_table, ERR_UNREADABLE, "rows of no table" },
	{ "without rows", without_rows, ERR_UNREADABLE, "does not add up" },
	{ "without a foot", without_a_foot, ERR_UNREADABLE, "too early" },
	{ "a second head", a_second_head, ERR_UNREADABLE, "second head" },
	{ "an early end", an_early_end, ERR_UNREADABLE, "too early" },
	{ "a longer head", a_longer_head, ERR_UNREADABLE, "longer" },
	{ "another column", another_column, ERR_UNREADABLE, "the table accounts" },
	{ "too few rows", too_few_rows, ERR_UNREADABLE, "more than its" },
	{ "too many rows", too_many_rows, ERR_UNREADABLE, "cannot be read" },
	{ "a strange value", a_strange_value, ERR_UNREADABLE, "row 1: accounts.bucket" },
	{ "another total", another_total, ERR_UNREADABLE, "does not add up" },
	{ "another sum", another_sum, ERR_UNREADABLE, "does not add up" },
	{ "another version", another_version, ERR_CONFLICT, "format 2" },
};

static void a_wrong_stream_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		struct world w;
		struct err err = { 0 };
		move_world_init(&w);
		rewrite(&w, wrongs[i].change);
		int rc = move_import(&w, &w.to, false, &err);
		if (rc != wrongs[i].rc || (rc && !strstr(err.text, wrongs[i].why)))
			fail_msg("row \"%s\": %d, %s (%s)", wrongs[i].name, rc, err.text, err.at);
		move_world_done(&w);
	}
}

/* ---- held against its foot ---- */

static int feet_seen;

/* Changes the foot of the first table so that all still adds up. */
static void change_foot(struct block *block, struct buf *plain, bool rows)
{
	struct sums sums = { .count = MOVE_BUCKETS };
	struct err err;
	if (block->kind == BLOCK_HEAD)
		feet_seen = 0;
	if (block->kind != BLOCK_FOOT || feet_seen++)
		return;
	sums.buckets = calloc(sums.count, sizeof(sums.buckets[0]));
	assert_ok(move_sums_get(block, &sums, &err), &err);
	uint64_t sum = rows ? sums.buckets[10].sum : 1;
	sums.buckets[10].rows -= rows;
	sums.buckets[20].rows += rows;
	sums.buckets[10].sum -= sum;
	sums.buckets[20].sum += sum;
	buf_reset(plain);
	move_sums_put(plain, &sums);
	move_sums_done(&sums);
}

static bool other_rows(struct block *block, struct buf *plain)
{
	change_foot(block, plain, true);
	return true;
}

static bool other_sums(struct block *block, struct buf *plain)
{
	change_foot(block, plain, false);
	return true;
}

static void the_bucket_that_differs_is_named(void **state)
{
	struct world w;
	struct err err;
	move_world_init(&w);
	rewrite(&w, other_rows);
	assert_int_equal(move_import(&w, &w.to, false, &err), ERR_BROKEN);
	assert_string_equal(err.text,
		"table accounts, bucket 10: the store has 1 rows, the stream had 0");
	assert_int_equal(move_state_of(&w, &w.to), BULK_BEGUN);
	fixture_done(&w.to);
	move_store_empty(&w.to, move_engine("sqlite file"));
	assert_ok(move_export(&w, &w.from, &err), &err);
	rewrite(&w, other_sums);
	assert_int_equal(move_import(&w, &w.to, false, &err), ERR_BROKEN);
	assert_string_equal(err.text,
		"table accounts, bucket 10: as many rows as in the stream, but not the same");
	move_world_done(&w);
}

static const struct store_stmt lose_memo = { "test.lose_memo", STORE_SWEEP,
	"UPDATE entries SET memo = NULL WHERE amount = -7" };

static int change_row(struct job *job, struct store_tx *tx, struct err *err)
{
	return store_write(tx, &lose_memo, NO_ARGS, 1, err);
}

/* All rows are in, and one is changed before they are compared. */
static void a_row_that_changed_meanwhile_is_seen(void **state)
{
	static char bytes[STREAM_MAX];
	size_t at[BLOCKS_MAX];
	struct world w;
	struct err err;
	struct job job = { .work = change_row };
	move_world_init(&w);
	size_t len = move_stream_get(&w, bytes), count = move_borders(bytes, len, at);
	move_stream_set(&w, bytes, at[count - 1]);
	assert_int_equal(move_import(&w, &w.to, false, &err), ERR_UNREADABLE);
	w.to.options.filling = true;
	fixture_open(&w.to);
	assert_ok(run_job(&w.to, &job), &job.unit.err);
	fixture_close(&w.to);
	w.to.options.filling = false;
	move_stream_set(&w, bytes, len);
	assert_int_equal(move_import(&w, &w.to, true, &err), ERR_BROKEN);
	assert_string_equal(err.text,
		"table entries, bucket 6839: as many rows as in the stream, but not the same");
	move_world_done(&w);
}

int main(void)
{
	return TEST_MAIN(test(a_wrong_stream_is_refused), test(the_bucket_that_differs_is_named),
		test(a_row_that_changed_meanwhile_is_seen));
}
