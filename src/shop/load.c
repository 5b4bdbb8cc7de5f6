/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a snapshot: one query a table, in the order in which they lean on each other, so that every
 * row finds what it belongs to already there. What does not fit together is ERR_BROKEN: the old
 * snapshot goes on being served. Only a time zone this system does not know is forgiven (tzdata
 * differs between machines): the merchant gets UTC, and the log a warning.
 *
 * To add a table: its struct in shop.h, a table in struct directory, a load_ function here. */
#include "shop/directory_impl.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "shop/shop_impl.h"

/* Bytes: ten chains with all the devices and keys they may have. */
#define DIRECTORY_MAX ((size_t)1 << 31)

struct load {
	struct store_tx *tx;
	struct directory *directory;
	struct merchant_entry *last_merchant; /* the rows so far, as chains */
	struct device_entry *last_device;
	bool no_memory; /* some text did not fit */
	struct err *err;
};

typedef int load_row(struct load *load, const struct store_rows *rows);

static int no_memory(struct load *load)
{
	return err_set(load->err, ERR_NO_MEMORY, "no memory for the directory");
}

static int each_row(struct load *load, enum shop_sql sql, load_row *row)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(load->tx, &shop_sql[sql], NO_ARGS, &rows, load->err);
	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, load->err)) == 1) {
		rc = row(load, rows);
		if (rc == 0 && load->no_memory)
			rc = no_memory(load);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* A copy of a column; sets load->no_memory. */
static struct str text(struct load *load, struct str s)
{
	struct str copy = arena_str(load->directory->arena, s);
	if (!copy.ptr)
		load->no_memory = true;
	return copy;
}

static int put(struct load *load, struct table *table, id_t64 id, const void *thing)
{
	if (unexpected(id == 0))
		return err_set(load->err, ERR_BROKEN, "a reference table has a row with the id 0");
	int rc = table_put(table, load->directory->arena, id, thing);
	if (unexpected(rc == 1))
		return err_set(load->err, ERR_BROKEN, "a reference table has an id twice");
	return rc < 0 ? no_memory(load) : 0;
}

/* ---- merchants ---- */

/* The zone of that name, opened once a snapshot. NULL if the system does not know it. */
static const struct zone *zone_of(struct load *load, struct str name)
{
	struct directory *directory = load->directory;
	for (struct zone_entry *entry = directory->zones; entry; entry = entry->next)
		if (str_eq(entry->name, name))
			return entry->zone;
	struct zone_entry *entry = arena_make(directory->arena, struct zone_entry);
	if (!entry) {
		load->no_memory = true;
		return NULL;
	}
	entry->name = text(load, name);
	entry->zone = zone_open(name);
	entry->next = directory->zones;
	directory->zones = entry;
	return entry->zone;
}

static int give_zone(struct load *load, struct merchant *merchant)
{
	char id[ID_TEXT_MAX];
	merchant->zone = zone_of(load, merchant->time_zone);
	if (merchant->zone || load->no_memory)
		return 0;
	log_warn("merchant %s has a time zone this system does not know: UTC it is",
		id_text(merchant->id, "m", id));
	merchant->zone = zone_of(load, STR("UTC"));
	if (!merchant->zone && !load->no_memory)
		return err_set(load->err, ERR_INTERNAL, "this system does not know UTC");
	return 0;
}

static int give_languages(struct load *load, struct merchant *merchant, struct str stored)
{
	struct str parts[LANGUAGES_MAX];
	struct str kept = text(load, stored);
	size_t count = kept.ptr ? shop_split_languages(kept, parts) : 0;
	if (!kept.ptr)
		return no_memory(load);
	if (unexpected(count == 0))
		return err_set(load->err, ERR_BROKEN, "a merchant has no list of languages");
	struct str *list = arena_array(load->directory->arena, count, sizeof(*list));
	if (!list)
		return no_memory(load);
	memcpy(list, parts, count * sizeof(*list));
	merchant->languages = list;
	merchant->language_count = count;
	return 0;
}

static int load_merchant(struct load *load, const struct store_rows *rows)
{
	struct merchant_entry *entry = arena_make(load->directory->arena, struct merchant_entry);
	if (!entry)
		return no_memory(load);
	entry->before = load->last_merchant;
	load->last_merchant = entry;
	entry->merchant = (struct merchant) {
		.id = store_int(rows, 0),
		.name = text(load, store_bytes(rows, 1)),
		.country = text(load, store_bytes(rows, 2)),
		.sector = text(load, store_bytes(rows, 3)),
		.currency = text(load, store_bytes(rows, 4)),
		.time_zone = text(load, store_bytes(rows, 5)),
	};
	int rc = give_languages(load, &entry->merchant, store_bytes(rows, 6));
	if (rc == 0)
		rc = give_zone(load, &entry->merchant);
	if (rc < 0)
		return rc;
	return put(load, &load->directory->merchants, entry->merchant.id, &entry->merchant);
}

static int number_merchants(struct load *load)
{
	struct directory *directory = load->directory;
	size_t n = directory->merchants.count;
	const struct merchant **nth = arena_array(directory->arena, n, sizeof(*nth));
	if (!nth)
		return no_memory(load);
	for (struct merchant_entry *entry = load->last_merchant; entry; entry = entry->before)
		nth[--n] = &entry->merchant;
	require(n == 0);
	directory->nth_merchant = nth;
	return 0;
}

/* ---- shops and devices ---- */

static int load_shop(struct load *load, const struct store_rows *rows)
{
	struct directory *directory = load->directory;
	struct shop *shop = arena_make(directory->arena, struct shop);
	if (!shop)
		return no_memory(load);
	*shop = (struct shop) {
		.id = store_int(rows, 0),
		.merchant = table_find(&directory->merchants, store_int(rows, 1)),
		.name = text(load, store_bytes(rows, 2)),
	};
	if (unexpected(!shop->merchant))
		return err_set(load->err, ERR_BROKEN, "a shop belongs to no merchant");
	return put(load, &directory->shops, shop->id, shop);
}

static int load_device(struct load *load, const struct store_rows *rows)
{
	struct directory *directory = load->directory;
	struct device_entry *entry = arena_make(directory->arena, struct device_entry);
	int64_t kind = store_int(rows, 2);
	if (!entry)
		return no_memory(load);
	if (unexpected(kind < 0 || kind >= DEVICE_KIND_COUNT))
		return err_set(load->err, ERR_BROKEN, "a device is of no known kind");
	entry->before = load->last_device;
	load->last_device = entry;
	entry->paired_id = store_int(rows, 4);
	entry->device = (struct device) {
		.id = store_int(rows, 0),
		.shop = table_find(&directory->shops, store_int(rows, 1)),
		.kind = (enum device_kind)kind,
		.name = text(load, store_bytes(rows, 3)),
	};
	if (unexpected(!entry->device.shop))
		return err_set(load->err, ERR_BROKEN, "a device belongs to no shop");
	return put(load, &directory->devices, entry->device.id, entry);
}

/* Ties the devices to their tills. Walks from the last to the first and puts each in front, so that
 * the devices of a till stand in the order of their ids. */
static int tie_pairs(struct load *load)
{
	for (struct device_entry *entry = load->last_device; entry; entry = entry->before) {
		if (entry->paired_id == 0)
			continue;
		/* The loader made it, so it may still change it. */
		struct device_entry *till = (struct device_entry *)table_find(
			&load->directory->devices, entry->paired_id);
		if (unexpected(!till || till->device.shop != entry->device.shop))
			return err_set(load->err, ERR_BROKEN, "a device is paired elsewhere");
		entry->device.paired_with = &till->device;
		entry->next_paired = till->first_paired;
		till->first_paired = entry;
	}
	return 0;
}

/* ---- keys ---- */

static int load_key(struct load *load, const struct store_rows *rows)
{
	struct directory *directory = load->directory;
	struct access *access = arena_make(directory->arena, struct access);
	if (!access)
		return no_memory(load);
	int rc = access_read(rows, access, load->err);
	if (rc < 0)
		return rc;
	id_t64 device = store_int(rows, KEY_COLUMN_DEVICE);
	access->name = text(load, access->name);
	access->merchant = table_find(&directory->merchants, store_int(rows, KEY_COLUMN_MERCHANT));
	access->device = table_find(&directory->devices, device);
	if (unexpected(!access->merchant || (device && !access->device)))
		return err_set(load->err, ERR_BROKEN, "a key belongs to nothing");
	if (unexpected(access->device && access->device->shop->merchant != access->merchant))
		return err_set(load->err, ERR_BROKEN, "a key is not of its device's merchant");
	return put(load, &directory->keys, access->id, access);
}

/* ---- the whole ---- */

int directory_read_version(struct store_tx *tx, int64_t *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = shop_query_one(tx, SQL_VERSION_FIND, NO_ARGS, &rows, err);
	if (rc < 0)
		return rc;
	*ret = rc ? store_int(rows, 0) : 0;
	return 0;
}

static int load_all(struct load *load)
{
	int rc = directory_read_version(load->tx, &load->directory->version, load->err);
	if (rc == 0)
		rc = each_row(load, SQL_MERCHANT_LOAD, load_merchant);
	if (rc == 0)
		rc = number_merchants(load);
	if (rc == 0)
		rc = each_row(load, SQL_SHOP_LOAD, load_shop);
	if (rc == 0)
		rc = each_row(load, SQL_DEVICE_LOAD, load_device);
	if (rc == 0)
		rc = tie_pairs(load);
	return rc ? rc : each_row(load, SQL_KEY_LOAD, load_key);
}

static struct directory *directory_new(void)
{
	struct arena *arena = arena_new(DIRECTORY_MAX);
	struct directory *directory = arena ? arena_make(arena, struct directory) : NULL;
	if (!directory) {
		arena_free(&arena);
		return NULL;
	}
	directory->arena = arena;
	return directory;
}

int directory_load(struct store_tx *tx, struct directory **ret, struct err *err)
{
	struct load load = { .tx = tx, .directory = directory_new(), .err = err };
	if (!load.directory)
		return no_memory(&load);
	int rc = load_all(&load);
	if (rc < 0)
		directory_free(&load.directory);
	else
		*ret = load.directory;
	return rc;
}

void directory_free(struct directory **directory)
{
	struct arena *arena = (*directory)->arena;
	for (struct zone_entry *entry = (*directory)->zones; entry; entry = entry->next)
		if (entry->zone)
			zone_close(&entry->zone);
	arena_free(&arena); /* the directory itself is in it */
	*directory = NULL;
}
