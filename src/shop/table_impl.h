/* SPDX-License-Identifier: Apache-2.0 */
/* A table from id to thing, in an arena: open addressing, linear probing, at most half full. It is
 * filled once, by the loader, and only read afterwards; nothing is ever taken out. */
#ifndef SHOP_TABLE_IMPL_H
#define SHOP_TABLE_IMPL_H

#include "base/arena.h"
#include "base/id.h"

struct table_slot {
	id_t64 id; /* 0: free */
	const void *thing;
};
/* Zeroed is empty. */
struct table {
	struct table_slot *slots;
	size_t size; /* a power of two, or 0 */
	size_t count;
};

/* 0 done; 1 the id is there already; ERR_NO_MEMORY. id is not 0. */
int table_put(struct table *table, struct arena *arena, id_t64 id, const void *thing)
	__attribute__((warn_unused_result));
/* NULL if absent, and for id 0. */
const void *table_find(const struct table *table, id_t64 id);

#endif
