/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: maxima, statements, checks of what came from outside. */
#ifndef SHOP_SHOP_IMPL_H
#define SHOP_SHOP_IMPL_H

#include "shop/shop.h"
#include "shop/shop_sql.h"

/* The directory is in memory whole: these bound it (some 300 bytes a device and its key). */
#define SHOPS_MAX 10000
#define DEVICES_MAX 100000
#define KEYS_MAX 1000000 /* ever made; revoked ones stay in the list, not in memory */

#define NAME_LEN_MAX 200
#define SECTOR_LEN_MAX 40
#define ZONE_LEN_MAX 64 /* the longest IANA name has 32 */
#define LANGUAGES_MAX 8

enum shop_sql {
#define STMT(code, name, reach, sql) SQL_##code,
	SHOP_STATEMENTS(STMT)
#undef STMT
		SQL_COUNT
};
extern const struct store_stmt shop_sql[SQL_COUNT];

/* Runs a query and steps to its first row. 1: it stands ready; 0: there is none; <0 failed. */
int shop_query_one(struct store_tx *tx, enum shop_sql sql, struct store_args args,
	struct store_rows **ret, struct err *err) must_check;

/* One access key from a row of KEY_LOAD, KEY_LIST or KEY_LIST_ALL, without its merchant and device;
 * name points into the row. */
int access_read(const struct store_rows *rows, struct access *ret, struct err *err) must_check;
enum { KEY_COLUMN_MERCHANT = 1, KEY_COLUMN_DEVICE = 2 };

/* ---- fields.c: what came from outside, ERR_INVALID at its field ---- */

int shop_check_name(struct str name, struct err *err) must_check;
/* Splits "nl fr de en"; the parts point into text. Returns how many; 0 if it is not such a list. */
size_t shop_split_languages(struct str text, struct str ret[LANGUAGES_MAX]);

#endif
