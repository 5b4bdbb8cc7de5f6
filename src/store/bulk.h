/* SPDX-License-Identifier: Apache-2.0 */
/* A store as a whole: reading its tables from end to end, and filling an empty one as fast as its
 * engine can.
 *
 * A store that is being filled carries a mark, in a table of its own (store_load): how far it got,
 * moved in the same transaction as the rows up to there. So a filling that was cut off anywhere can
 * go on, and no program opens a store that is half full: store_open() refuses it unless
 * store_options.filling is set. When the store is whole, bulk_end() takes the mark away.
 *
 *   bulk_look(), store_migrate(), store_open({.filling = true}), bulk_begin(),
 *   { unit: bulk_find_mark(), bulk_add(), bulk_move_mark() } ..., bulk_walk() to compare,
 * bulk_end()
 */
#ifndef STORE_BULK_H
#define STORE_BULK_H

#include "store/tables.h"

/* ---- the mark ---- */

#define BULK_PROOF_LEN 16

/* How far a filling got. What the numbers mean is the filler's. */
struct bulk_mark {
	int64_t at; /* 0: at the beginning */
	unsigned char proof[BULK_PROOF_LEN];
};

enum bulk_state {
	BULK_EMPTY, /* no rows, perhaps no tables, perhaps no store */
	BULK_BEGUN, /* being filled: it carries a mark */
	BULK_FULL,  /* it has rows */
};

/* Looks at a store and changes nothing; what there is not yet is taken for empty. *ret_table is the
 * first table that has rows, if BULK_FULL. */
int bulk_look(const struct store_options *options, const struct tables *tables,
	enum bulk_state *ret, const char **ret_table, struct err *err) must_check;
/* Puts the mark there, at the beginning, if there is none. */
int bulk_begin(struct store *store, struct err *err) must_check;
/* In a transaction: where the mark is. */
int bulk_find_mark(struct store_tx *tx, struct bulk_mark *ret, struct err *err) must_check;
/* In a unit: moves the mark; STORE_MOVED if it was not at `from`. */
int bulk_move_mark(struct store_tx *tx, int64_t from, const struct bulk_mark *to,
	struct err *err) must_check;
/* The store is whole: tells the engine that its tables have changed, and takes the mark away. */
int bulk_end(struct store *store, const struct tables *tables, struct err *err) must_check;

/* ---- rows ---- */

/* Columns of the key in the order in which this engine keeps the rows; returns how many. */
int bulk_key(const struct store *store, const struct table *table, int ret[TABLE_KEY_MAX]);
/* In a reading: all rows of a table, all its columns; by_key: in the order of bulk_key(). */
int bulk_walk(struct store_tx *tx, const struct table *table, bool by_key, struct store_rows **ret,
	struct err *err) must_check;

/* Gives the next row, table->column_count values of its columns' types, good until the next call.
 * 1; 0: there are no more; <0. */
typedef int bulk_next(void *user, const struct store_val **ret, struct err *err);
/* In a unit: adds the rows. STORE_MOVED: a key is taken, or as any write. */
int bulk_add(struct store_tx *tx, const struct table *table, bulk_next *next, void *user,
	struct err *err) must_check;

#endif
