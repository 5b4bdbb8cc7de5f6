/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the directory. It doubles when half full; the smaller ones it leaves behind in the
 * arena are together no larger than itself.
 *
 * T1  size is 0 or a power of two, and count * 2 <= size: every probe ends at a free slot. */
#include "shop/table_impl.h"

#include "base/check.h"
#include "base/err.h"

#define SIZE_FIRST 16

/* All bits of an id must count: those of one import share their time, and so all but the bucket on
 * top and seven bits below. */
static size_t spread(id_t64 id)
{
	uint64_t x = (uint64_t)id;
	x = (x ^ x >> 32) * UINT64_C(0x9E3779B97F4A7C15);
	return (size_t)(x ^ x >> 32);
}

/* The slot of the id, or the free slot where it belongs. */
static struct table_slot *slot_of(const struct table *table, id_t64 id)
{
	size_t at = spread(id) & (table->size - 1);
	while (table->slots[at].id != 0 && table->slots[at].id != id)
		at = (at + 1) & (table->size - 1);
	return &table->slots[at];
}

static int grow(struct table *table, struct arena *arena)
{
	struct table larger = { .size = table->size ? table->size * 2 : SIZE_FIRST,
		.count = table->count };
	larger.slots = arena_array(arena, larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < table->size; i++)
		if (table->slots[i].id != 0)
			*slot_of(&larger, table->slots[i].id) = table->slots[i];
	*table = larger;
	return 0;
}

int table_put(struct table *table, struct arena *arena, id_t64 id, const void *thing)
{
	require(id != 0);
	if ((table->count + 1) * 2 > table->size && grow(table, arena) < 0)
		return ERR_NO_MEMORY;
	struct table_slot *slot = slot_of(table, id);
	if (slot->id != 0)
		return 1;
	*slot = (struct table_slot) { id, thing };
	table->count++;
	return 0;
}

const void *table_find(const struct table *table, id_t64 id)
{
	return table->size && id ? slot_of(table, id)->thing : NULL;
}
