/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a snapshot: made by load.c, handed out by directory.c, read by access.c. Once it
 * is published nothing in it changes until it is freed: who counts its holders stands outside
 * (struct place in directory.c), so its cache lines are only ever read. */
#ifndef SHOP_DIRECTORY_IMPL_H
#define SHOP_DIRECTORY_IMPL_H

#include "shop/shop.h"
#include "shop/table_impl.h"

/* A zone that merchants of this snapshot share. */
struct zone_entry {
	struct zone_entry *next;
	struct str name;
	struct zone *zone;
};

struct merchant_entry {
	struct merchant merchant;
	struct merchant_entry *before; /* the one loaded before it */
};

struct device_entry {
	struct device device;
	id_t64 paired_id;
	struct device_entry *before;             /* the one loaded before it */
	const struct device_entry *first_paired; /* of the devices paired with this one, by id */
	const struct device_entry *next_paired;  /* with the same till */
};

struct directory {
	struct arena *arena; /* holds all of it, this struct as well */
	struct place *place; /* where it stands in its source */
	int64_t version;
	struct table merchants, shops, devices, keys;
	const struct merchant **nth_merchant; /* oldest first; merchants.count of them */
	struct zone_entry *zones;
};

/* The version in the store; 0 if nothing was ever written. */
int directory_read_version(struct store_tx *tx, int64_t *ret, struct err *err) must_check;
/* Makes a snapshot of what the transaction sees. ERR_BROKEN if the tables do not fit together. */
int directory_load(struct store_tx *tx, struct directory **ret, struct err *err) must_check;
void directory_free(struct directory **directory);

#endif
