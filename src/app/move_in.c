/* SPDX-License-Identifier: Apache-2.0 */
/* The stream into an empty store.
 *
 * Nothing is written before the head was read and the store looked at. Then blocks are taken in
 * order; rows collect in a part, which goes into the store in one transaction with the mark: how
 * many blocks are in, and the seal of the last. Asked to go on, it reads the stream from its
 * beginning, passes over what is in, and at the mark holds the seal against the one that was kept:
 * since a seal covers all before it, another stream is found out there. At the end every table is
 * read back and held against the foot, and only then the mark goes and the store opens. */
#include <stdlib.h>
#include <string.h>

#include "app/move_impl.h"

struct moving_in {
	const struct move_what *what;
	const struct move_watch *watch;
	struct block_reader reader;
	struct store *store;
	struct part part;
	struct bulk_mark begun;  /* where the store's mark was found */
	struct bulk_mark mark;   /* where it is now */
	struct bulk_mark behind; /* the last block of the part */
	size_t tables, feet;     /* of the stream, so far */
	struct sums *sums;       /* the feet, one a table */
	bool ended;
	struct move_total total;
};

/* ---- before anything is written ---- */

static int read_head(struct moving_in *m, int fd, struct err *err)
{
	struct arena *arena ARENA_AUTO = arena_new(2 * (size_t)MOVE_BLOCK_MAX);
	struct block block = { .kind = BLOCK_HEAD };
	int rc = move_block_reader_init(&m->reader, fd, &m->what->key, err);

	if (rc < 0)
		return rc;
	rc = arena ? move_block_next(&m->reader, &block, err)
		   : err_set(err, ERR_NO_MEMORY, "no memory for the stream");
	if (rc == 0)
		rc = move_block_fault(&block, err, "the stream has no head");
	if (rc == 1)
		rc = move_block_open(&block, arena, err);
	if (rc == 0)
		rc = move_head_get(&block, m->what, err);
	return rc < 0 ? rc : move_block_prove(&m->reader, &block, err);
}

/* May this store be filled? */
static int look(const struct move_what *what, bool resume, struct err *err)
{
	enum bulk_state state = BULK_FULL;
	const char *table = NULL;
	int rc = bulk_look(&what->options, what->tables, &state, &table, err);

	if (rc < 0)
		return rc;
	if (state == BULK_FULL)
		return err_set(err, ERR_CONFLICT,
			"the store is not empty (%s has rows): import into a new one", table);
	if (state == BULK_BEGUN && !resume)
		return err_set(err, ERR_CONFLICT,
			"an import into this store was begun: --resume goes on with it, or import "
			"into a new one");
	return 0;
}

static int open_store(struct moving_in *m, struct err *err)
{
	struct store_options options = m->what->options;
	int rc;

	options.filling = true;
	options.tellers = 1;
	rc = store_migrate(&options, false, NULL, NULL, err);
	if (rc == 0)
		rc = store_open(&options, &m->store, err);
	if (rc == 0)
		rc = store_start(m->store, err);
	return rc ? rc : bulk_begin(m->store, err);
}

static int find_mark(struct moving_in *m, struct err *err)
{
	struct store_tx *tx;
	int rc = store_read_begin(m->store, &tx, err);

	if (rc < 0)
		return rc;
	rc = bulk_find_mark(tx, &m->begun, err);
	store_read_end(&tx);
	m->mark = m->begun;
	return rc;
}

/* ---- blocks ---- */

/* The rows that have collected, into the store. */
static int load(struct moving_in *m, struct err *err)
{
	int rc = 0;

	if (m->part.count)
		rc = move_part_load(&m->part, &m->mark, &m->behind, err);
	if (rc == 0 && m->part.count)
		m->mark = m->behind;
	return rc;
}

static int on_table(struct moving_in *m, const struct block *block, struct err *err)
{
	const struct tables *tables = m->what->tables;

	if (m->tables == tables->count || m->feet)
		return move_block_fault(block, err, "a table too many");
	const struct table *table = &tables->list[m->tables++];
	int rc = move_table_get(block, table, err);
	if (rc == 0)
		rc = load(m, err);
	if (rc == 0)
		move_part_reset(&m->part, table);
	return rc;
}

static int on_rows(struct moving_in *m, const struct block *block, struct err *err)
{
	struct str rows;
	uint64_t count = 0;

	if (!m->part.table || m->feet)
		return move_block_fault(block, err, "rows of no table");
	int rc = move_part_count(block, &rows, &count, err);
	m->total.rows += (int64_t)count;
	if (rc < 0 || block->number < m->begun.at)
		return rc;
	rc = move_part_add(&m->part, block, err);
	m->behind.at = block->number + 1;
	memcpy(m->behind.proof, m->reader.seal, SEAL_LEN);
	if (rc < 0 || !move_part_full(&m->part))
		return rc;
	rc = load(m, err);
	if (rc == 0)
		move_part_reset(&m->part, m->part.table);
	return rc;
}

static int on_foot(struct moving_in *m, const struct block *block, struct err *err)
{
	const struct tables *tables = m->what->tables;

	if (m->tables < tables->count || m->feet == tables->count)
		return move_block_fault(block, err, "a foot where none should be");
	int rc = load(m, err);
	if (rc == 0)
		rc = move_sums_init(&m->sums[m->feet], &tables->list[m->feet], err);
	if (rc == 0)
		rc = move_sums_get(block, &m->sums[m->feet], err);
	if (rc < 0)
		return rc;
	m->total.sum += m->sums[m->feet++].total.sum;
	move_part_reset(&m->part, NULL);
	return 0;
}

static int on_end(struct moving_in *m, const struct block *block, struct err *err)
{
	struct str rest = block->plain;
	uint64_t rows = 0, sum = 0;

	if (m->feet < m->what->tables->count)
		return move_block_fault(block, err, "the end, too early");
	if (!move_get_uint(&rest, INT64_MAX, &rows) || !move_get_sum(&rest, &sum) || rest.len)
		return move_block_fault(block, err, "the end cannot be read");
	if ((int64_t)rows != m->total.rows || sum != m->total.sum)
		return move_block_fault(block, err, "the stream does not add up");
	m->ended = true;
	return 0;
}

static int on_block(struct moving_in *m, const struct block *block, struct err *err)
{
	if (m->ended)
		return move_block_fault(block, err, "more after the end");
	switch (block->kind) {
	case BLOCK_TABLE:
		return on_table(m, block, err);
	case BLOCK_ROWS:
		return on_rows(m, block, err);
	case BLOCK_FOOT:
		return on_foot(m, block, err);
	case BLOCK_END:
		return on_end(m, block, err);
	case BLOCK_HEAD:
		break;
	}
	return move_block_fault(block, err, "a second head");
}

static int another_stream(struct err *err)
{
	return err_set(err, ERR_CONFLICT,
		"this is not the stream that this import was begun with, or the store it comes from "
		"was written to since: import it into a new store");
}

/* At the mark: is this the stream that was begun? */
static int check_mark(const struct moving_in *m, const struct block *block, struct err *err)
{
	bool here = block->number + 1 == m->begun.at;

	if (here && !hash_eq(m->reader.seal, m->begun.proof, SEAL_LEN))
		return another_stream(err);
	return m->ended && block->number + 1 < m->begun.at ? another_stream(err) : 0;
}

static int take_block(struct moving_in *m, struct block *block, struct err *err)
{
	int rc = move_block_prove(&m->reader, block, err);

	if (rc == 0)
		rc = check_mark(m, block, err);
	if (rc == 0)
		rc = move_block_open(block, m->part.arena, err);
	if (rc == 0)
		rc = on_block(m, block, err);
	if (rc == 0 && m->ended)
		rc = check_mark(m, block, err);
	return rc;
}

static void tell(const struct moving_in *m)
{
	bool passing = m->reader.blocks < m->begun.at;
	const char *table = m->part.table ? m->part.table->name : "";

	m->watch->tell(m->watch->user, passing ? "passing over" : "importing", table, m->total.rows,
		m->reader.bytes);
}

static int read_blocks(struct moving_in *m, struct err *err)
{
	struct block block = { .kind = BLOCK_END };
	int rc;

	while ((rc = move_block_next(&m->reader, &block, err)) == 1) {
		rc = take_block(m, &block, err);
		if (rc < 0)
			return rc;
		tell(m);
		if (!m->part.count)
			arena_reset(m->part.arena);
	}
	block.number = m->reader.blocks;
	if (rc == 0 && !m->ended)
		rc = move_block_fault(&block, err, "the stream is cut off: it ends before its end");
	m->total.bytes = m->reader.bytes;
	return rc;
}

/* ---- the whole ---- */

static int fill(struct moving_in *m, struct err *err)
{
	int rc = open_store(m, err);

	if (rc == 0)
		rc = find_mark(m, err);
	if (rc == 0)
		rc = move_part_init(&m->part, m->store, m->what->part_bytes, err);
	if (rc == 0)
		rc = read_blocks(m, err);
	if (rc == 0)
		rc = move_compare(m->what, m->store, m->sums, m->watch, err);
	return rc ? rc : bulk_end(m->store, m->what->tables, err);
}

int move_in(const struct move_what *what, int fd, bool resume, const struct move_watch *watch,
	struct move_total *ret, struct err *err)
{
	struct moving_in m = { .what = what, .watch = watch };
	size_t count = what->tables->count;

	m.sums = calloc(count, sizeof(m.sums[0]));
	if (!m.sums)
		return err_set(err, ERR_NO_MEMORY, "no memory for the sums");
	int rc = read_head(&m, fd, err);
	if (rc == 0)
		rc = look(what, resume, err);
	if (rc == 0)
		rc = fill(&m, err);
	if (m.part.arena || m.part.refs)
		move_part_done(&m.part);
	store_close(&m.store);
	move_block_reader_done(&m.reader);
	for (size_t i = 0; i < count; i++)
		move_sums_done(&m.sums[i]);
	free(m.sums);
	if (rc == 0)
		*ret = m.total;
	return rc;
}
