/* SPDX-License-Identifier: Apache-2.0 */
/* See stmt_table.h. */
#include "store/stmt_table.h"

#include <stdlib.h>

#define FIRST_SIZE 256

static size_t place(const struct store_stmt *key, size_t size)
{
	return (size_t)(((uintptr_t)key >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (size - 1);
}

/* The slot that holds the statement, or the empty one where it belongs. */
static struct stmt_slot *slot(struct stmt_slot *slots, size_t size, const struct store_stmt *key)
{
	size_t i = place(key, size);
	while (slots[i].key && slots[i].key != key)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

void *stmt_table_find(const struct stmt_table *table, const struct store_stmt *key)
{
	return table->size ? slot(table->slots, table->size, key)->kept : NULL;
}

static int grow(struct stmt_table *table, struct err *err)
{
	size_t size = table->size ? table->size * 2 : FIRST_SIZE;
	if (size > 2 * STMT_TABLE_MAX)
		return err_set(err, ERR_INTERNAL, "more than %d statements", STMT_TABLE_MAX);
	struct stmt_slot *slots = calloc(size, sizeof(slots[0]));
	if (!slots)
		return err_set(err, ERR_NO_MEMORY, "no memory for the statements");
	for (size_t i = 0; i < table->size; i++) {
		if (table->slots[i].key)
			*slot(slots, size, table->slots[i].key) = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->size = size;
	return 0;
}

int stmt_table_put(struct stmt_table *table, const struct store_stmt *key, void *kept,
	struct err *err)
{
	int rc = table->count * 2 >= table->size ? grow(table, err) : 0;
	if (rc)
		return rc;
	struct stmt_slot *at = slot(table->slots, table->size, key);
	table->count += !at->key;
	*at = (struct stmt_slot) { .key = key, .kept = kept };
	return 0;
}

void stmt_table_free(struct stmt_table *table)
{
	free(table->slots);
	*table = (struct stmt_table) { 0 };
}
