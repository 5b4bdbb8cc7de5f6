/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a store, read from the rooms' own schema steps: what stands in CREATE TABLE and
 * ALTER TABLE ... ADD COLUMN is the one list of columns there is. For what treats tables alike and
 * knows none of them: moving a store, spreading it over several nodes.
 *
 * The reader is strict: a step it does not understand to its last word is an error, never a table
 * with a column less. To teach it one more kind of step: a branch in read_step() (tables.c) and a
 * row in tables_test.c. */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "store/store.h"

/* ---- limits ---- */

/* Tables of all rooms together. */
#define TABLES_MAX 128
/* Columns of one: as many as a statement has parameters. */
#define TABLE_COLUMNS_MAX 64
/* Columns of a primary key. */
#define TABLE_KEY_MAX 8

enum column_type { COLUMN_INTEGER, COLUMN_BIGINT, COLUMN_TEXT, COLUMN_BLOB };

struct column {
	const char *name;
	enum column_type type;
	bool nullable;
};

/* The statements that every table has. They name all columns, in their order. */
enum table_stmt {
	TABLE_SCAN,       /* all rows, in whatever order is the quickest */
	TABLE_BY_KEY,     /* all rows, by the key as it stands in `key` */
	TABLE_TIME_FIRST, /* the same, but the last column of the key first */
	TABLE_ANY,        /* one row, if there is one */
	TABLE_ADD,        /* inserts one row: $1 is the first column, and so on */
	TABLE_STMT_COUNT,
};

struct table {
	const char *name;
	struct column *columns;
	int column_count;
	int key[TABLE_KEY_MAX]; /* columns of the primary key */
	int key_count;
	/* {grow TIME | REST}: the key is REST and, last, TIME; an engine that keeps such tables in
	 * the order of time has TIME first. */
	bool grows;
	int bucket; /* the column; -1: a reference table, replicated whole */
	int month; /* the column by whose month it is partitioned, in milliseconds; -1: it is not */
	struct store_stmt stmts[TABLE_STMT_COUNT];
};

struct tables {
	struct table *list; /* in the order in which they are made */
	size_t count;
	struct arena *arena;
};

/* Reads the tables of these rooms, all of whose steps are done. The statements live as long as the
 * list: free it after the stores it was used on are closed. ERR_INTERNAL names the step and says
 * what is not understood there. */
int tables_read(const struct store_room *const *rooms, size_t n, struct tables *ret,
	struct err *err) must_check;
void tables_done(struct tables *tables);
/* The table of that name, or NULL. */
const struct table *tables_find(const struct tables *tables, struct str name);
/* "INTEGER", "BIGINT", "TEXT" or "BLOB". */
const char *column_type_name(enum column_type type);

#endif
