/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of this room: the list of its statements, from which come enum shop_sql and the table
 * shop_sql[] (shop_impl.h), and its migrations.
 *
 * To add a statement: one entry here, used as &shop_sql[SQL_CODE]. To change the schema: append a
 * migration; one that was released never changes.
 *
 * Invariants of the tables
 * S1  every change of a reference table raises reference_version in the same transaction.
 * S2  merchants.shop_count, device_count and key_count are the numbers of their rows: they stand
 *     there so that a maximum costs one row to check and cannot be passed by two at once.
 * S3  a device's events are numbered 1, 2, 3, ...; the newest is never deleted. */
#ifndef SHOP_SHOP_SQL_H
#define SHOP_SHOP_SQL_H

#define SHOP_STATEMENTS(STMT) \
	STMT(VERSION_FIND, "shop.version_find", STORE_REFERENCE, \
		"SELECT n FROM reference_version WHERE one = 1") \
	STMT(VERSION_RAISE, "shop.version_raise", STORE_REFERENCE, \
		"INSERT INTO reference_version (one, n) VALUES (1, 1) " \
		"ON CONFLICT (one) DO UPDATE SET n = reference_version.n + 1") \
	STMT(MERCHANT_LOAD, "shop.merchant_load", STORE_REFERENCE, \
		"SELECT id, name, country, sector, currency, time_zone, languages FROM merchants " \
		"ORDER BY created_at, id") \
	STMT(MERCHANT_FIND, "shop.merchant_find", STORE_REFERENCE, \
		"SELECT shop_count, key_count FROM merchants WHERE id = $1") \
	STMT(MERCHANT_ADD, "shop.merchant_add", STORE_REFERENCE, \
		"INSERT INTO merchants (id, name, country, sector, currency, time_zone, " \
		"languages, shop_count, device_count, key_count, created_at) " \
		"VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, $8) ON CONFLICT (id) DO NOTHING") \
	STMT(MERCHANT_COUNT_SHOP, "shop.merchant_count_shop", STORE_REFERENCE, \
		"UPDATE merchants SET shop_count = shop_count + 1 " \
		"WHERE id = $1 AND shop_count < $2") \
	STMT(MERCHANT_COUNT_DEVICE, "shop.merchant_count_device", STORE_REFERENCE, \
		"UPDATE merchants SET device_count = device_count + 1 " \
		"WHERE id = $1 AND device_count < $2") \
	STMT(MERCHANT_COUNT_KEY, "shop.merchant_count_key", STORE_REFERENCE, \
		"UPDATE merchants SET key_count = key_count + 1 " \
		"WHERE id = $1 AND key_count < $2") \
	STMT(SHOP_LOAD, "shop.shop_load", STORE_REFERENCE, \
		"SELECT id, merchant, name FROM shops ORDER BY id") \
	STMT(SHOP_FIND, "shop.shop_find", STORE_REFERENCE, \
		"SELECT s.merchant, m.device_count FROM shops s " \
		"JOIN merchants m ON m.id = s.merchant WHERE s.id = $1") \
	STMT(SHOP_ADD, "shop.shop_add", STORE_REFERENCE, \
		"INSERT INTO shops (id, merchant, name, created_at) VALUES ($1, $2, $3, $4) " \
		"ON CONFLICT (id) DO NOTHING") \
	STMT(DEVICE_LOAD, "shop.device_load", STORE_REFERENCE, \
		"SELECT id, shop, kind, name, paired_with FROM devices ORDER BY id") \
	STMT(DEVICE_FIND, "shop.device_find", STORE_REFERENCE, \
		"SELECT s.merchant, d.shop, d.kind FROM devices d JOIN shops s ON s.id = d.shop " \
		"WHERE d.id = $1") \
	STMT(DEVICE_ADD, "shop.device_add", STORE_REFERENCE, \
		"INSERT INTO devices (id, shop, kind, name, paired_with, created_at) " \
		"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING") \
	STMT(KEY_LOAD, "shop.key_load", STORE_REFERENCE, \
		"SELECT id, merchant, device, role, name, hash, created_at, revoked_at " \
		"FROM access_keys WHERE revoked_at = 0 ORDER BY id") \
	STMT(KEY_LIST, "shop.key_list", STORE_REFERENCE, \
		"SELECT id, merchant, device, role, name, hash, created_at, revoked_at " \
		"FROM access_keys WHERE merchant = $1 ORDER BY created_at, id") \
	STMT(KEY_LIST_ALL, "shop.key_list_all", STORE_REFERENCE, \
		"SELECT id, merchant, device, role, name, hash, created_at, revoked_at " \
		"FROM access_keys ORDER BY created_at, id") \
	STMT(KEY_FIND, "shop.key_find", STORE_REFERENCE, \
		"SELECT revoked_at FROM access_keys WHERE id = $1 AND merchant = $2") \
	STMT(KEY_ADD, "shop.key_add", STORE_REFERENCE, \
		"INSERT INTO access_keys (id, merchant, device, role, name, hash, created_at, " \
		"revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT (id) DO NOTHING") \
	STMT(KEY_REVOKE, "shop.key_revoke", STORE_REFERENCE, \
		"UPDATE access_keys SET revoked_at = $3 WHERE id = $1 AND merchant = $2 " \
		"AND revoked_at = 0") \
	STMT(EVENT_HEAD, "shop.event_head", STORE_ONE, \
		"SELECT seq FROM device_events WHERE bucket = $1 AND device = $2 " \
		"ORDER BY seq DESC LIMIT 1") \
	STMT(EVENT_ADD, "shop.event_add", STORE_ONE, \
		"INSERT INTO device_events (bucket, device, seq, made_at, type, body) " \
		"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (bucket, device, seq) DO NOTHING") \
	STMT(EVENT_READ, "shop.event_read", STORE_ONE, \
		"SELECT seq, type, body FROM device_events " \
		"WHERE bucket = $1 AND device = $2 AND seq > $3 ORDER BY seq LIMIT $4") \
	STMT(EVENT_RECENT, "shop.event_recent", STORE_SWEEP, \
		"SELECT device, MAX(seq) FROM device_events WHERE made_at >= $1 AND device > $2 " \
		"GROUP BY device ORDER BY device LIMIT $3") \
	STMT(EVENT_OLD, "shop.event_old", STORE_SWEEP, \
		"SELECT e.bucket, e.device, e.seq FROM device_events e WHERE e.made_at < $1 " \
		"AND EXISTS (SELECT 1 FROM device_events n " \
		"WHERE n.bucket = e.bucket AND n.device = e.device AND n.seq > e.seq) " \
		"ORDER BY e.made_at LIMIT $2") \
	STMT(EVENT_DROP, "shop.event_drop", STORE_ONE, \
		"DELETE FROM device_events WHERE bucket = $1 AND device = $2 AND seq = $3")

#define SHOP_MIGRATIONS \
	"CREATE TABLE reference_version (one INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL) " \
	"{rows}", \
		"CREATE TABLE merchants (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, " \
		"country TEXT NOT NULL, sector TEXT NOT NULL, currency TEXT NOT NULL, " \
		"time_zone TEXT NOT NULL, languages TEXT NOT NULL, shop_count BIGINT NOT NULL, " \
		"device_count BIGINT NOT NULL, key_count BIGINT NOT NULL, " \
		"created_at BIGINT NOT NULL) {rows}", \
		"CREATE TABLE shops (id BIGINT NOT NULL PRIMARY KEY, merchant BIGINT NOT NULL, " \
		"name TEXT NOT NULL, created_at BIGINT NOT NULL) {rows}", \
		"CREATE TABLE devices (id BIGINT NOT NULL PRIMARY KEY, shop BIGINT NOT NULL, " \
		"kind INTEGER NOT NULL, name TEXT NOT NULL, paired_with BIGINT, " \
		"created_at BIGINT NOT NULL) {rows}", \
		"CREATE TABLE access_keys (id BIGINT NOT NULL PRIMARY KEY, merchant BIGINT NOT NULL, " \
		"device BIGINT, role INTEGER NOT NULL, name TEXT NOT NULL, hash {blob} NOT NULL, " \
		"created_at BIGINT NOT NULL, revoked_at BIGINT NOT NULL) {rows}", \
		"CREATE TABLE device_events (bucket INTEGER NOT NULL, device BIGINT NOT NULL, " \
		"seq BIGINT NOT NULL, made_at BIGINT NOT NULL, type TEXT NOT NULL, " \
		"body TEXT NOT NULL, PRIMARY KEY (bucket, device, seq)) {rows}", \
		"CREATE INDEX device_events_made_at ON device_events (made_at)"

#endif
