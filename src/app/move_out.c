/* SPDX-License-Identifier: Apache-2.0 */
/* A store into the stream, all of it as of one moment: one reading, table after table. */
#include <stdlib.h>

#include "app/move_impl.h"

/* Rows between two words about how far it got. */
#define TELL_ROWS 4096

struct moving_out {
	const struct move_what *what;
	const struct move_watch *watch;
	struct block_writer writer;
	struct key key;
	struct sums *sums; /* one a table */
	struct buf rows;   /* of the block that is being filled */
	struct buf block;  /* how many, in front of them */
	int64_t in_block;
	size_t block_bytes;
	struct move_total total;
};

static int flush_rows(struct moving_out *m, struct err *err)
{
	if (!m->in_block)
		return 0;
	buf_reset(&m->block);
	move_put_uint(&m->block, (uint64_t)m->in_block);
	buf_add(&m->block, buf_str(&m->rows));
	if (m->block.failed)
		return err_set(err, ERR_NO_MEMORY, "no memory for a block");
	int rc = move_block_write(&m->writer, BLOCK_ROWS, buf_str(&m->block), err);
	buf_reset(&m->rows);
	m->in_block = 0;
	return rc;
}

static int add_row(struct moving_out *m, const struct table *table, struct sums *sums,
	const struct store_rows *rows, struct err *err)
{
	struct store_val vals[TABLE_COLUMNS_MAX];
	size_t begun = m->rows.len;
	int rc = move_row_of_store(rows, table, vals, err);

	if (rc < 0)
		return rc;
	move_row_put(&m->rows, table, vals);
	struct str row = str_from(buf_str(&m->rows), begun);
	if (m->rows.failed || row.len > MOVE_ROW_MAX)
		return err_set(err, ERR_BROKEN, "%s: a row is longer than %d bytes", table->name,
			MOVE_ROW_MAX);
	move_sums_add(sums, move_row_bucket(table, vals), hash_sip(&m->key, row));
	m->in_block++;
	if (++m->total.rows % TELL_ROWS == 0)
		m->watch->tell(m->watch->user, "exporting", table->name, m->total.rows,
			m->writer.bytes);
	bool full = m->rows.len >= m->block_bytes || m->in_block == MOVE_BLOCK_ROWS;
	return full ? flush_rows(m, err) : 0;
}

static int write_table(struct moving_out *m, struct store_tx *tx, const struct table *table,
	struct sums *sums, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;

	buf_reset(&m->block);
	move_table_put(&m->block, table);
	int rc = move_block_write(&m->writer, BLOCK_TABLE, buf_str(&m->block), err);
	if (rc == 0)
		rc = move_sums_init(sums, table, err);
	if (rc == 0)
		rc = bulk_walk(tx, table, true, &rows, err);
	while (rc == 0 && (rc = store_next(rows, err)) == 1)
		rc = add_row(m, table, sums, rows, err);
	return rc == 0 ? flush_rows(m, err) : rc;
}

static int write_foot(struct moving_out *m, const struct sums *sums, struct err *err)
{
	buf_reset(&m->block);
	move_sums_put(&m->block, sums);
	m->total.sum += sums->total.sum;
	if (m->block.failed)
		return err_set(err, ERR_NO_MEMORY, "no memory for a block");
	return move_block_write(&m->writer, BLOCK_FOOT, buf_str(&m->block), err);
}

static int write_head(struct moving_out *m, struct store *store, struct err *err)
{
	buf_reset(&m->block);
	move_head_put(&m->block, m->what, store_engine(store));
	return move_block_write(&m->writer, BLOCK_HEAD, buf_str(&m->block), err);
}

static int write_end(struct moving_out *m, struct err *err)
{
	buf_reset(&m->block);
	move_put_uint(&m->block, (uint64_t)m->total.rows);
	move_put_sum(&m->block, m->total.sum);
	return move_block_write(&m->writer, BLOCK_END, buf_str(&m->block), err);
}

static int write_tables(struct moving_out *m, struct store *store, struct err *err)
{
	const struct tables *tables = m->what->tables;
	struct store_tx *tx;
	int rc = store_read_begin(store, &tx, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < tables->count && rc == 0; i++)
		rc = write_table(m, tx, &tables->list[i], &m->sums[i], err);
	store_read_end(&tx);
	for (size_t i = 0; i < tables->count && rc == 0; i++)
		rc = write_foot(m, &m->sums[i], err);
	return rc;
}

static int write_stream(struct moving_out *m, struct store *store, int fd, struct err *err)
{
	int rc = move_block_writer_init(&m->writer, fd, &m->what->key, err);

	if (rc == 0)
		rc = write_head(m, store, err);
	if (rc == 0)
		rc = write_tables(m, store, err);
	if (rc == 0)
		rc = write_end(m, err);
	m->total.bytes = m->writer.bytes;
	move_block_writer_done(&m->writer);
	return rc;
}

int move_out(const struct move_what *what, struct store *store, int fd,
	const struct move_watch *watch, struct move_total *ret, struct err *err)
{
	struct moving_out m = { .what = what, .watch = watch };
	size_t count = what->tables->count;

	m.block_bytes = what->block_bytes ? what->block_bytes : MOVE_BLOCK_BYTES;
	m.sums = calloc(count, sizeof(m.sums[0]));
	if (!m.sums)
		return err_set(err, ERR_NO_MEMORY, "no memory for the sums");
	move_sum_key(&what->key, &m.key);
	buf_init(&m.rows, NULL, MOVE_BLOCK_MAX - 16);
	buf_init(&m.block, NULL, MOVE_BLOCK_MAX);
	int rc = write_stream(&m, store, fd, err);
	buf_done(&m.block);
	buf_done(&m.rows);
	for (size_t i = 0; i < count; i++)
		move_sums_done(&m.sums[i]);
	free(m.sums);
	if (rc == 0)
		*ret = m.total;
	return rc;
}
