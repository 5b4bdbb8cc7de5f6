/* SPDX-License-Identifier: Apache-2.0 */
/* Claims in the store; see claim.h. On SQLite this is the one table of a sale whose place is chance
 * (the hash of an id), so its rows are kept small. */
#include "store/claim.h"

#include <string.h>

#include "base/check.h"

enum { FIND, MAKE, ADVANCE };

static const struct store_stmt statements[] = {
	[FIND] = { "claim.find", STORE_ONE,
		"SELECT said, act, home, made_at, answer FROM claims WHERE bucket = $1 AND claim_key = $2" },
	[MAKE] = { "claim.make", STORE_ONE,
		"INSERT INTO claims (bucket, claim_key, said, act, home, made_at, answer) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (bucket, claim_key) DO NOTHING" },
	[ADVANCE] = { "claim.advance", STORE_ONE,
		"UPDATE claims SET said = $4, act = $5, home = $6, answer = $7 "
		"WHERE bucket = $1 AND claim_key = $2 AND act = $3" },
};

static const char *const migrations[] = {
	"CREATE TABLE claims (bucket INTEGER NOT NULL, claim_key {blob} NOT NULL, said {blob} NOT NULL, "
	"act INTEGER NOT NULL, home BIGINT NOT NULL, made_at BIGINT NOT NULL, answer {blob}, "
	"PRIMARY KEY (bucket, claim_key)) {rows}",
};

const struct store_room claim_room = {
	.name = "claim",
	.statements = statements,
	.statement_count = sizeof(statements) / sizeof(*statements),
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};

static struct store_val answer_val(const struct claim *claim)
{
	return claim->answer.len ? V_BLOB(claim->answer.ptr, claim->answer.len) : V_NULL;
}

int claim_find(struct store_tx *tx, uint16_t bucket, const struct key *key, struct arena *arena,
	struct claim *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &statements[FIND], ARGS(V_INT(bucket), V_BLOB(key->bytes, 16)),
		&rows, err);

	if (rc < 0)
		return rc;
	rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	struct str said = store_bytes(rows, 0);
	struct str answer = store_bytes(rows, 4);
	if (unexpected(said.len != sizeof(ret->said.bytes)))
		return err_set(err, ERR_BROKEN, "a claim has a hash of another length");
	memcpy(ret->said.bytes, said.ptr, sizeof(ret->said.bytes));
	ret->act = (int)store_int(rows, 1);
	ret->home = store_int(rows, 2);
	ret->made_at = store_int(rows, 3);
	ret->answer = answer.len ? arena_str(arena, answer) : (struct str) { 0 };
	if (answer.len && !ret->answer.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a stored answer");
	return 0;
}

int claim_make(struct store_tx *tx, uint16_t bucket, const struct key *key,
	const struct claim *claim, struct err *err)
{
	return store_write(tx, &statements[MAKE],
		ARGS(V_INT(bucket), V_BLOB(key->bytes, 16), V_BLOB(claim->said.bytes, 16),
			V_INT(claim->act), V_INT(claim->home), V_INT(claim->made_at),
			answer_val(claim)),
		1, err);
}

int claim_advance(struct store_tx *tx, uint16_t bucket, const struct key *key, int from,
	const struct claim *claim, struct err *err)
{
	return store_write(tx, &statements[ADVANCE],
		ARGS(V_INT(bucket), V_BLOB(key->bytes, 16), V_INT(from),
			V_BLOB(claim->said.bytes, 16), V_INT(claim->act), V_INT(claim->home),
			answer_val(claim)),
		1, err);
}
