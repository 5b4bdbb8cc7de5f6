/* SPDX-License-Identifier: Apache-2.0 */
#include "visit/visit_sql.h"

#include "visit/visit.h"

#define SALE_COLUMNS \
	"sale, merchant, shop, device, caller, state, member, total, returned, said, settled, answer, " \
	"returns"

const struct store_stmt visit_statements[VISIT_STATEMENT_COUNT] = {
	[TOUCH_ADD] = { "touch.add", STORE_ONE,
		"INSERT INTO touches (bucket, touch, merchant, device, caller, touched_at, language, member, "
		"state, carried, said, answer) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
		"ON CONFLICT (bucket, touch) DO NOTHING" },
	[TOUCH_SAID] = { "touch.said", STORE_ONE,
		"SELECT said, answer FROM touches WHERE bucket = $1 AND touch = $2" },
	[TOUCH_GET] = { "touch.get", STORE_ONE,
		"SELECT merchant, device, caller, touched_at, language, member, state, carried "
		"FROM touches WHERE bucket = $1 AND touch = $2" },
	[TOUCH_MEMBER] = { "touch.member", STORE_ONE,
		"UPDATE touches SET member = $3, carried = NULL "
		"WHERE bucket = $1 AND touch = $2 AND member = 0" },
	[TOUCH_USE] = { "touch.use", STORE_ONE,
		"UPDATE touches SET state = 2 WHERE bucket = $1 AND touch = $2 AND state = 1" },
	[TOUCH_CLEAR] = { "touch.clear", STORE_ONE,
		"UPDATE touches SET state = 3, carried = NULL "
		"WHERE bucket = $1 AND touch = $2 AND state = 1" },
	[TOUCH_UNKNOWN] = { "touch.unknown", STORE_SWEEP,
		"SELECT bucket, touch FROM touches WHERE carried IS NOT NULL AND touched_at < $1 "
		"ORDER BY touched_at LIMIT $2" },
	[TOUCH_BLANK] = { "touch.blank", STORE_ONE,
		"UPDATE touches SET carried = NULL WHERE bucket = $1 AND touch = $2" },
	[CURRENT_SET] = { "current.set", STORE_ONE,
		"INSERT INTO waiting (bucket, counter, device, touch, touched_at) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (bucket, counter, device) "
		"DO UPDATE SET touch = excluded.touch, touched_at = excluded.touched_at" },
	[CURRENT_LIST] = { "current.list", STORE_ONE,
		"SELECT touch, touched_at FROM waiting WHERE bucket = $1 AND counter = $2" },
	[CURRENT_SERVED] = { "current.served", STORE_ONE,
		"DELETE FROM waiting WHERE bucket = $1 AND counter = $2 AND touched_at <= $3" },
	[CURRENT_CLEAR] = { "current.clear", STORE_ONE,
		"DELETE FROM waiting WHERE bucket = $1 AND counter = $2 AND device = $3 AND touch = $4" },
	[SALE_ADD] = { "sale.add", STORE_ONE,
		"INSERT INTO sales (made_ms, bucket, " SALE_COLUMNS ") "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)" },
	[SALE_GET] = { "sale.get", STORE_ONE,
		"SELECT " SALE_COLUMNS
		" FROM sales WHERE made_ms = $1 AND bucket = $2 AND sale = $3" },
	[SALE_CALLER] = { "sale.caller", STORE_ONE,
		"SELECT caller FROM sales WHERE made_ms = $1 AND bucket = $2 AND sale = $3" },
	[SALE_MOVE] = { "sale.move", STORE_ONE,
		"UPDATE sales SET state = $5, returned = $6, settled = $7, returns = returns + 1 "
		"WHERE made_ms = $1 AND bucket = $2 AND sale = $3 AND returns = $4" },
	[SALE_GIVE] = { "sale.give", STORE_ONE,
		"UPDATE sales SET member = $4, settled = $5 "
		"WHERE made_ms = $1 AND bucket = $2 AND sale = $3 AND member = 0 AND returns = $6" },
	[SALE_ALL] = { "sale.all", STORE_SWEEP,
		"SELECT " SALE_COLUMNS " FROM sales WHERE (made_ms, bucket, sale) > ($1, $2, $3) "
		"ORDER BY made_ms, bucket, sale LIMIT $4" },
	[RETURN_ADD] = { "return.add", STORE_ONE,
		"INSERT INTO returns (bucket, sale, seq, caller, at, made_at, amount, lines) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (bucket, sale, seq) DO NOTHING" },
	[RETURN_LIST] = { "return.list", STORE_ONE,
		"SELECT lines FROM returns WHERE bucket = $1 AND sale = $2 ORDER BY seq" },
};

static const char *const migrations[] = {
	"CREATE TABLE touches (bucket INTEGER NOT NULL, touch {blob} NOT NULL, "
	"merchant BIGINT NOT NULL, device BIGINT NOT NULL, caller TEXT NOT NULL, "
	"touched_at BIGINT NOT NULL, language TEXT NOT NULL, member BIGINT NOT NULL, "
	"state INTEGER NOT NULL, carried {blob}, said {blob} NOT NULL, answer {blob}, "
	"PRIMARY KEY (bucket, touch)) {rows}",
	"CREATE INDEX touches_unknown ON touches (touched_at) WHERE carried IS NOT NULL",
	/* The newest touch of each device at a counter: a till with its readers, or a device alone.
	 */
	"CREATE TABLE waiting (bucket INTEGER NOT NULL, counter BIGINT NOT NULL, "
	"device BIGINT NOT NULL, touch {blob} NOT NULL, touched_at BIGINT NOT NULL, "
	"PRIMARY KEY (bucket, counter, device)) {rows}",
	"CREATE TABLE sales (made_ms BIGINT NOT NULL, bucket INTEGER NOT NULL, sale BIGINT NOT NULL, "
	"merchant BIGINT NOT NULL, shop BIGINT NOT NULL, device BIGINT NOT NULL, "
	"caller TEXT NOT NULL, state INTEGER NOT NULL, member BIGINT NOT NULL, "
	"total BIGINT NOT NULL, returned BIGINT NOT NULL, said {blob} NOT NULL, settled {blob}, "
	"answer {blob} NOT NULL, returns INTEGER NOT NULL, {grow made_ms | bucket, sale}) {rows}",
	"CREATE TABLE returns (bucket INTEGER NOT NULL, sale BIGINT NOT NULL, seq INTEGER NOT NULL, "
	"caller TEXT NOT NULL, at BIGINT NOT NULL, made_at BIGINT NOT NULL, amount BIGINT NOT NULL, "
	"lines {blob} NOT NULL, PRIMARY KEY (bucket, sale, seq)) {rows}",
};

const struct store_room visit_room = {
	.name = "visit",
	.statements = visit_statements,
	.statement_count = VISIT_STATEMENT_COUNT,
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};
