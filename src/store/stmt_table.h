/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection keeps of each statement, found by the statement's address: open addressing,
 * never more than half full. Used by one thread at a time, as its connection is. */
#ifndef STORE_STMT_TABLE_H
#define STORE_STMT_TABLE_H

#include "base/err.h"
#include "store/store.h"

/* Statements of a connection: many times what there are in the rooms' headers. */
#define STMT_TABLE_MAX 4096

struct stmt_slot {
	const struct store_stmt *key; /* NULL: empty */
	void *kept;                   /* the driver's */
};

struct stmt_table {
	struct stmt_slot *slots; /* also to walk over all of them */
	size_t size, count;
};

/* What is kept of the statement; NULL if nothing is. */
void *stmt_table_find(const struct stmt_table *table, const struct store_stmt *key);
/* Keeps that of it, in place of what was kept. ERR_NO_MEMORY, ERR_INTERNAL (STMT_TABLE_MAX); then
 * the table is as it was. */
int stmt_table_put(struct stmt_table *table, const struct store_stmt *key, void *kept,
	struct err *err) must_check;
/* Empties it; what it kept is the caller's to free before. */
void stmt_table_free(struct stmt_table *table);

#endif
