/* SPDX-License-Identifier: Apache-2.0 */
/* Holds a store against the foot of the stream it was filled from: every row is read back. */
#include "app/move_impl.h"

/* Rows between two words about how far it got. */
#define TELL_ROWS 4096

struct comparing {
	const struct move_watch *watch;
	struct key key;
	struct buf row;
	int64_t rows, bytes;
};

static int add_row(struct comparing *c, const struct table *table, const struct store_rows *rows,
	struct sums *sums, struct err *err)
{
	struct store_val vals[TABLE_COLUMNS_MAX];
	int rc = move_row_of_store(rows, table, vals, err);

	if (rc < 0)
		return rc;
	buf_reset(&c->row);
	move_row_put(&c->row, table, vals);
	if (c->row.failed)
		return err_set(err, ERR_BROKEN, "%s: a row is too long", table->name);
	move_sums_add(sums, move_row_bucket(table, vals), hash_sip(&c->key, buf_str(&c->row)));
	c->bytes += (int64_t)c->row.len;
	if (++c->rows % TELL_ROWS == 0)
		c->watch->tell(c->watch->user, "comparing", table->name, c->rows, c->bytes);
	return 0;
}

static int sum_table(struct comparing *c, struct store_tx *tx, const struct table *table,
	struct sums *sums, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = bulk_walk(tx, table, false, &rows, err);

	while (rc == 0 && (rc = store_next(rows, err)) == 1)
		rc = add_row(c, table, rows, sums, err);
	return rc;
}

static int compare_table(struct comparing *c, struct store_tx *tx, const struct table *table,
	const struct sums *wanted, struct err *err)
{
	struct sums found;
	int rc = move_sums_init(&found, table, err);

	if (rc == 0)
		rc = sum_table(c, tx, table, &found, err);
	if (rc == 0)
		rc = move_sums_compare(table, wanted, &found, err);
	move_sums_done(&found);
	return rc;
}

int move_compare(const struct move_what *what, struct store *store, const struct sums *feet,
	const struct move_watch *watch, struct err *err)
{
	struct comparing c = { .watch = watch };
	struct store_tx *tx;
	int rc = store_read_begin(store, &tx, err);

	if (rc < 0)
		return rc;
	move_sum_key(&what->key, &c.key);
	buf_init(&c.row, NULL, MOVE_ROW_MAX);
	for (size_t i = 0; i < what->tables->count && rc == 0; i++)
		rc = compare_table(&c, tx, &what->tables->list[i], &feet[i], err);
	buf_done(&c.row);
	store_read_end(&tx);
	return rc;
}
