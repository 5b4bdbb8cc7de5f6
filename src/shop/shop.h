/* SPDX-License-Identifier: Apache-2.0 */
/* Merchants, shops, devices, access keys: the reference tables, small, read by everything, never
 * written by a checkout.
 *
 * They are kept in memory as a *directory*: an unchanging snapshot with counted references. Every
 * change raises the row `reference_version`; directory_refresh() loads a new snapshot when it has
 * moved. Other rooms that keep reference tables (programmes) raise the same version by
 * shop_touch().
 *
 * Functions that write run inside a unit; ids are made by the caller. Uniqueness and belonging are
 * checked against the store, not the snapshot. */
#ifndef SHOP_SHOP_H
#define SHOP_SHOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/id.h"
#include "codec/date.h"
#include "store/store.h"

enum device_kind {
#define DEVICE_KIND(code, word, text) DEVICE_##code,
#include "shop/device_kinds.def"
#undef DEVICE_KIND
	DEVICE_KIND_COUNT
};
enum role {
#define ROLE(code, word, text) ROLE_##code,
#include "shop/roles.def"
#undef ROLE
	ROLE_COUNT
};
/* "till", ... ; NULL-terminated, in the order of the enum, fit for json_word(). */
extern const char *const device_kind_words[];
extern const char *const role_words[];

struct merchant {
	id_t64 id;
	struct str name;
	struct str country;   /* ISO 3166-1 alpha-2, "BE" */
	struct str sector;    /* "retail", "hospitality", ...: free word, [a-z-] */
	struct str currency;  /* ISO 4217, "EUR" */
	struct str time_zone; /* IANA, "Europe/Brussels" */
	const struct zone *zone;
	const struct str *languages; /* the first is the default */
	size_t language_count;
};
struct shop {
	id_t64 id;
	const struct merchant *merchant;
	struct str name;
};
struct device {
	id_t64 id;
	const struct shop *shop;
	enum device_kind kind;
	struct str name;
	const struct device *paired_with; /* reader -> till; NULL if none */
};
/* One access key; what it may do is its device's kind or its role. */
struct access {
	id_t64 id;
	const struct merchant *merchant;
	const struct device *device; /* NULL for office keys */
	enum role role;              /* office keys only */
	struct str name;
	int64_t created_at, revoked_at; /* 0: in force */
	unsigned char hash[HASH_LEN];
};

/* ---- the directory ---- */

struct directory; /* one snapshot */
struct directory_source;

int directory_open(struct store *store, struct directory_source **ret, struct err *err) must_check;
void directory_close(struct directory_source **source);
/* Looks whether the version has moved and loads a new snapshot if so. Any thread; cheap when
 * nothing moved (one row). */
int directory_refresh(struct directory_source *source, struct err *err) must_check;
/* The newest snapshot; valid until released. Any thread. */
const struct directory *directory_hold(struct directory_source *source);
void directory_release(const struct directory **directory);
int64_t directory_version(const struct directory *directory);

/* Absent: NULL. */
const struct merchant *directory_merchant(const struct directory *directory, id_t64 id);
const struct shop *directory_shop(const struct directory *directory, id_t64 id);
const struct device *directory_device(const struct directory *directory, id_t64 id);
/* Devices that are paired with this one (a till's readers), at most max; returns how many. */
size_t directory_paired(const struct directory *directory, const struct device *with,
	const struct device **ret, size_t max);
/* A merchant's shops / devices in the order of their ids, in the arena; *ret NULL if out of memory.
 * Walks all there are: for lists that people look at. */
size_t directory_shops(const struct directory *directory, const struct merchant *merchant,
	struct arena *arena, const struct shop ***ret);
size_t directory_devices(const struct directory *directory, const struct merchant *merchant,
	struct arena *arena, const struct device ***ret);
/* The n-th merchant, 0, 1, ...; NULL past the last. */
const struct merchant *directory_nth_merchant(const struct directory *directory, size_t n);
/* The access a key in force gives: parses it, finds it by its id, compares its hash in constant
 * time. NULL if it is not a key, unknown or revoked (the three take the same time as far as hashing
 * goes). */
const struct access *directory_access(const struct directory *directory, struct str key);

/* Is the key with that id in force? */
bool directory_in_force(const struct directory *directory, id_t64 access);

/* ---- writing, inside a unit ---- */

/* Raises the reference version: whatever other programs and threads cached is stale from the commit
 * on. */
int shop_touch(struct store_tx *tx, struct err *err) must_check;

struct merchant_new {
	id_t64 id;
	struct str name, country, sector, currency, time_zone;
	struct str languages; /* "nl fr de en" */
};
/* ERR_INVALID at the field: unknown time zone, malformed country, currency, language; name 1..200.
 * The id does not matter. */
int shop_check_merchant(const struct merchant_new *merchant, struct err *err) must_check;
/* Checks, then adds. */
int shop_add_merchant(struct store_tx *tx, const struct merchant_new *merchant, int64_t now,
	struct err *err) must_check;
int shop_add_shop(struct store_tx *tx, id_t64 id, id_t64 merchant, struct str name, int64_t now,
	struct err *err) must_check;
struct device_new {
	id_t64 id, merchant, shop, paired_with; /* paired_with 0: none */
	enum device_kind kind;
	struct str name;
};
/* ERR_NOT_FOUND: shop or paired_with is not of this merchant. ERR_INVALID: paired in another shop,
 * or with something that is not a till. */
int shop_add_device(struct store_tx *tx, const struct device_new *device, int64_t now,
	struct err *err) must_check;

/* ---- keys ---- */

/* "zk_", 13 characters of the id, "_", 52 of the secret, NUL. */
#define ACCESS_TEXT_MAX 72
/* The key's text: derived from the master secret and the id, so the same call gives the same text
 * and nothing but its hash needs keeping. */
void access_text(const struct secret *master, id_t64 id, char out[ACCESS_TEXT_MAX]);
/* device 0: an office key with that role. Stores the hash only. */
int access_add(struct store_tx *tx, const struct secret *master, id_t64 id, id_t64 merchant,
	id_t64 device, enum role role, struct str name, int64_t now, struct err *err) must_check;
/* 0 done; 1 there is no such key in force at this merchant; STORE_MOVED: somebody else just revoked
 * it. */
int access_revoke(struct store_tx *tx, id_t64 id, id_t64 merchant, int64_t now,
	struct err *err) must_check;
/* Calls each for every key of a merchant (0: of all), revoked ones too, oldest first. */
int access_list(struct store_tx *tx, id_t64 merchant,
	void (*each)(void *user, const struct access *access, id_t64 merchant, id_t64 device),
	void *user, struct err *err) must_check;

/* ---- device events: what a device's stream carries ---- */

/* Events of a device are numbered 1, 2, 3, ... without a gap, in the order of their commits. The
 * office's stream of a merchant is that of "device" = the merchant's id. */
int event_add(struct store_tx *tx, id_t64 device, const char *type, struct str body, int64_t now,
	struct err *err) must_check;
struct event {
	int64_t seq;
	struct str type, body; /* in the arena */
};
/* Events after that number, oldest first, at most max. */
int event_read(struct store_tx *tx, id_t64 device, int64_t after, struct arena *arena,
	struct event *ret, size_t max, size_t *ret_count, struct err *err) must_check;
/* The newest number of each device with an event made since a time, in the order of devices, from
 * the one after `after`; at most max. Crosses buckets. */
struct event_mark {
	id_t64 device;
	int64_t seq;
};
int event_recent(struct store_tx *tx, int64_t since, id_t64 after, struct event_mark *ret,
	size_t max, size_t *ret_count, struct err *err) must_check;
/* The number of the newest, 0 if there is none. */
int event_head(struct store_tx *tx, id_t64 device, int64_t *ret, struct err *err) must_check;
/* Drops events made before a time; at most max rows; *ret_count tells how many. The newest of each
 * device is kept, so that numbers go on. */
int event_purge(struct store_tx *tx, int64_t before, size_t max, size_t *ret_count,
	struct err *err) must_check;

extern const struct store_room shop_room;

#endif
