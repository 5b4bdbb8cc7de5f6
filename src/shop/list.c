/* SPDX-License-Identifier: Apache-2.0 */
/* A merchant's shops and devices as lists, for people. */
#include <stdlib.h>

#include "shop/directory_impl.h"

bool directory_in_force(const struct directory *directory, id_t64 access)
{
	return table_find(&directory->keys, access) != NULL;
}

static int by_id(id_t64 a, id_t64 b)
{
	return a < b ? -1 : a > b;
}

static int compare_shops(const void *a, const void *b)
{
	return by_id((*(const struct shop *const *)a)->id, (*(const struct shop *const *)b)->id);
}

static int compare_devices(const void *a, const void *b)
{
	return by_id((*(const struct device *const *)a)->id,
		(*(const struct device *const *)b)->id);
}

size_t directory_shops(const struct directory *directory, const struct merchant *merchant,
	struct arena *arena, const struct shop ***ret)
{
	size_t count = 0;

	*ret = arena_array(arena, directory->shops.count + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < directory->shops.size; i++) {
		const struct shop *shop = directory->shops.slots[i].thing;
		if (shop && shop->merchant == merchant)
			(*ret)[count++] = shop;
	}
	if (count)
		qsort(*ret, count, sizeof(**ret), compare_shops);
	return count;
}

size_t directory_devices(const struct directory *directory, const struct merchant *merchant,
	struct arena *arena, const struct device ***ret)
{
	size_t count = 0;

	*ret = arena_array(arena, directory->devices.count + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < directory->devices.size; i++) {
		const struct device_entry *entry = directory->devices.slots[i].thing;
		if (entry && entry->device.shop->merchant == merchant)
			(*ret)[count++] = &entry->device;
	}
	if (count)
		qsort(*ret, count, sizeof(**ret), compare_devices);
	return count;
}
