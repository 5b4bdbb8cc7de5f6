/* SPDX-License-Identifier: Apache-2.0 */
/* Leases in the store; see lease.h. */
#include "store/lease.h"

enum { FIND, MAKE, MOVE };

static const struct store_stmt statements[] = {
	[FIND] = { "lease.find", STORE_REFERENCE,
		"SELECT holder, ends_at FROM leases WHERE name = $1" },
	[MAKE] = { "lease.make", STORE_REFERENCE,
		"INSERT INTO leases (name, holder, ends_at) VALUES ($1, $2, $3) "
		"ON CONFLICT (name) DO NOTHING" },
	[MOVE] = { "lease.move", STORE_REFERENCE,
		"UPDATE leases SET holder = $2, ends_at = $3 WHERE name = $1 AND holder = $4 "
		"AND ends_at = $5" },
};

static const char *const migrations[] = {
	"CREATE TABLE leases (name TEXT NOT NULL, holder TEXT NOT NULL, ends_at BIGINT NOT NULL, "
	"PRIMARY KEY (name)) {rows}",
};

const struct store_room lease_room = {
	.name = "lease",
	.statements = statements,
	.statement_count = sizeof(statements) / sizeof(*statements),
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};

/* As it stands; 1: nobody ever had it. *ret_holder is copied into `room`. */
static int find(struct store_tx *tx, struct str name, char room[LEASE_NAME_MAX],
	struct str *ret_holder, int64_t *ret_ends_at, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &statements[FIND], ARGS(V_TEXT(name)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	struct str holder = str_first(store_bytes(rows, 0), LEASE_NAME_MAX);
	memcpy(room, holder.ptr, holder.len);
	*ret_holder = str_bytes(room, holder.len);
	*ret_ends_at = store_int(rows, 1);
	return 0;
}

int lease_take(struct store_tx *tx, struct str name, struct str holder, int64_t now, int64_t until,
	struct err *err)
{
	char room[LEASE_NAME_MAX];
	struct str has = { 0 };
	int64_t ends_at = 0;
	int rc = find(tx, name, room, &has, &ends_at, err);

	if (rc < 0)
		return rc;
	if (rc > 0)
		return store_write(tx, &statements[MAKE],
			ARGS(V_TEXT(name), V_TEXT(holder), V_INT(until)), 1, err);
	if (ends_at > now && !str_eq(has, holder))
		return LEASE_HELD;
	return store_write(tx, &statements[MOVE],
		ARGS(V_TEXT(name), V_TEXT(holder), V_INT(until), V_TEXT(has), V_INT(ends_at)), 1,
		err);
}
