/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts in the store: canonical bytes, packed, beside the columns that are asked for. A row is
 * found by its id, which carries bucket and time. */
#include "base/check.h"
#include "codec/pack.h"
#include "receipt/receipt.h"

/* Of the canonical bytes: what receipt_parse() reads. */
#define RECEIPT_FORMAT 1

enum { ADD, GET };

static const struct store_stmt statements[] = {
	[ADD] = { "receipt.add", STORE_ONE,
		"INSERT INTO receipts (made_ms, bucket, receipt, merchant, shop, device, number, at, currency, "
		"total, format, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)" },
	[GET] = { "receipt.get", STORE_ONE,
		"SELECT merchant, shop, device, format, body FROM receipts "
		"WHERE made_ms = $1 AND bucket = $2 AND receipt = $3" },
};

static const char *const migrations[] = {
	"CREATE TABLE receipts (made_ms BIGINT NOT NULL, bucket INTEGER NOT NULL, "
	"receipt BIGINT NOT NULL, merchant BIGINT NOT NULL, shop BIGINT NOT NULL, "
	"device BIGINT NOT NULL, number TEXT NOT NULL, at BIGINT NOT NULL, currency TEXT NOT NULL, "
	"total BIGINT NOT NULL, format INTEGER NOT NULL, body {blob} NOT NULL, "
	"{grow made_ms | bucket, receipt}) {rows by month made_ms}",
};

const struct store_room receipt_room = {
	.name = "receipt",
	.statements = statements,
	.statement_count = sizeof(statements) / sizeof(*statements),
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};

int receipt_add(struct store_tx *tx, const struct receipt_place *place,
	const struct receipt *receipt, struct str packed, struct err *err)
{
	return store_write(tx, &statements[ADD],
		ARGS(V_INT(id_time_ms(place->id)), V_INT(id_bucket(place->id)), V_INT(place->id),
			V_INT(place->merchant), V_INT(place->shop), V_INT(place->device),
			V_TEXT(receipt->number), V_INT(receipt->at), V_TEXT(receipt->currency),
			V_INT(receipt->total), V_INT(RECEIPT_FORMAT),
			V_BLOB(packed.ptr, packed.len)),
		1, err);
}

int receipt_get(struct store_tx *tx, id_t64 id, struct arena *arena, struct receipt *ret,
	struct receipt_place *ret_place, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	struct str bytes;
	int rc = store_query(tx, &statements[GET],
		ARGS(V_INT(id_time_ms(id)), V_INT(id_bucket(id)), V_INT(id)), &rows, err);

	if (rc < 0)
		return rc;
	rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	*ret_place = (struct receipt_place) { .id = id,
		.merchant = store_int(rows, 0),
		.shop = store_int(rows, 1),
		.device = store_int(rows, 2) };
	if (store_int(rows, 3) != RECEIPT_FORMAT)
		return err_set(err, ERR_BROKEN, "a receipt is kept in format %d",
			(int)store_int(rows, 3));
	rc = unpack(arena, store_bytes(rows, 4), RECEIPT_BYTES_MAX, &bytes, err);
	return rc < 0 ? rc : receipt_parse(bytes, arena, ret, err);
}
