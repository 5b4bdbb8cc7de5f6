/* SPDX-License-Identifier: Apache-2.0 */
/* Writing merchants, shops and devices. Each function checks the fields, reads from the store what
 * they lean on, then writes: the row, the merchant's count, the version. An id that is taken is
 * STORE_MOVED: the unit is run again, with a new one (see base/id.h). */
#include "shop/shop.h"

#include "base/check.h"
#include "shop/shop_impl.h"

const char *const device_kind_words[] = {
#define DEVICE_KIND(code, word, text) word,
#include "shop/device_kinds.def"
#undef DEVICE_KIND
	NULL
};

const char *const role_words[] = {
#define ROLE(code, word, text) word,
#include "shop/roles.def"
#undef ROLE
	NULL
};

const struct store_stmt shop_sql[SQL_COUNT] = {
#define STMT(code, name, reach, sql) [SQL_##code] = { name, reach, sql },
	SHOP_STATEMENTS(STMT)
#undef STMT
};

static const char *const migrations[] = { SHOP_MIGRATIONS };

const struct store_room shop_room = {
	.name = "shop",
	.statements = shop_sql,
	.statement_count = SQL_COUNT,
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};

int shop_query_one(struct store_tx *tx, enum shop_sql sql, struct store_args args,
	struct store_rows **ret, struct err *err)
{
	int rc = store_query(tx, &shop_sql[sql], args, ret, err);
	return rc < 0 ? rc : store_next(*ret, err);
}

int shop_touch(struct store_tx *tx, struct err *err)
{
	return store_write(tx, &shop_sql[SQL_VERSION_RAISE], NO_ARGS, 1, err);
}

int shop_add_merchant(struct store_tx *tx, const struct merchant_new *merchant, int64_t now,
	struct err *err)
{
	require(merchant->id != 0);
	int rc = shop_check_merchant(merchant, err);
	if (rc < 0)
		return rc;
	rc = store_write(tx, &shop_sql[SQL_MERCHANT_ADD],
		ARGS(V_INT(merchant->id), V_TEXT(merchant->name), V_TEXT(merchant->country),
			V_TEXT(merchant->sector), V_TEXT(merchant->currency),
			V_TEXT(merchant->time_zone), V_TEXT(merchant->languages), V_INT(now)),
		1, err);
	return rc ? rc : shop_touch(tx, err);
}

/* May the merchant have one more shop? */
static int check_room(struct store_tx *tx, id_t64 merchant, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = shop_query_one(tx, SQL_MERCHANT_FIND, ARGS(V_INT(merchant)), &rows, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such merchant");
	if (store_int(rows, 0) >= SHOPS_MAX)
		return err_set(err, ERR_INVALID, "a merchant has at most %d shops", SHOPS_MAX);
	return 0;
}

int shop_add_shop(struct store_tx *tx, id_t64 id, id_t64 merchant, struct str name, int64_t now,
	struct err *err)
{
	require(id != 0);
	int rc = shop_check_name(name, err);
	if (rc == 0)
		rc = check_room(tx, merchant, err);
	if (rc == 0)
		rc = store_write(tx, &shop_sql[SQL_SHOP_ADD],
			ARGS(V_INT(id), V_INT(merchant), V_TEXT(name), V_INT(now)), 1, err);
	if (rc == 0)
		rc = store_write(tx, &shop_sql[SQL_MERCHANT_COUNT_SHOP],
			ARGS(V_INT(merchant), V_INT(SHOPS_MAX)), 1, err);
	return rc ? rc : shop_touch(tx, err);
}

/* Does the shop belong to the merchant, and may he have one more device? */
static int check_shop(struct store_tx *tx, const struct device_new *device, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = shop_query_one(tx, SQL_SHOP_FIND, ARGS(V_INT(device->shop)), &rows, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || store_int(rows, 0) != device->merchant)
		return err_at(err, ERR_NOT_FOUND, "/shop", "this merchant has no such shop");
	if (store_int(rows, 1) >= DEVICES_MAX)
		return err_set(err, ERR_INVALID, "a merchant has at most %d devices", DEVICES_MAX);
	return 0;
}

static int check_pairing(struct store_tx *tx, const struct device_new *device, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	if (device->paired_with == 0)
		return 0;
	int rc = shop_query_one(tx, SQL_DEVICE_FIND, ARGS(V_INT(device->paired_with)), &rows, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || store_int(rows, 0) != device->merchant)
		return err_at(err, ERR_NOT_FOUND, "/paired_with", "there is no such device");
	if (store_int(rows, 1) != device->shop)
		return err_at(err, ERR_INVALID, "/paired_with", "it stands in another shop");
	if (store_int(rows, 2) != DEVICE_TILL)
		return err_at(err, ERR_INVALID, "/paired_with", "a device is paired with a till");
	return 0;
}

static int check_device(struct store_tx *tx, const struct device_new *device, struct err *err)
{
	int rc = shop_check_name(device->name, err);
	if (rc == 0 && (unsigned)device->kind >= DEVICE_KIND_COUNT)
		rc = err_at(err, ERR_INVALID, "/kind", "there is no such kind of device");
	if (rc == 0)
		rc = check_shop(tx, device, err);
	return rc ? rc : check_pairing(tx, device, err);
}

int shop_add_device(struct store_tx *tx, const struct device_new *device, int64_t now,
	struct err *err)
{
	require(device->id != 0);
	int rc = check_device(tx, device, err);
	if (rc == 0)
		rc = store_write(tx, &shop_sql[SQL_DEVICE_ADD],
			ARGS(V_INT(device->id), V_INT(device->shop), V_INT(device->kind),
				V_TEXT(device->name), V_INT_OPT(device->paired_with), V_INT(now)),
			1, err);
	if (rc == 0)
		rc = store_write(tx, &shop_sql[SQL_MERCHANT_COUNT_DEVICE],
			ARGS(V_INT(device->merchant), V_INT(DEVICES_MAX)), 1, err);
	return rc ? rc : shop_touch(tx, err);
}
