/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/programme_sql.h"

#include "programme/programme.h"

#define PROGRAMME_COLUMNS "p.programme, p.version, p.merchant, p.code, p.definition, p.script"
#define REWARD_COLUMNS \
	"reward, merchant, member, programme, version, arm, state, code, cost, device, offered_at, " \
	"changed_at, hold_until, changes, hold"

const struct store_stmt programme_statements[PROGRAMME_STATEMENT_COUNT] = {
	[PROGRAMME_FIND] = { "programme.find", STORE_REFERENCE,
		"SELECT programme, version, definition, script, locked FROM programmes "
		"WHERE merchant = $1 AND code = $2 ORDER BY version DESC LIMIT 1" },
	[PROGRAMME_COUNT] = { "programme.count", STORE_REFERENCE,
		"SELECT COUNT(*) FROM programmes WHERE merchant = $1 AND version = 1" },
	[PROGRAMME_ADD] = { "programme.add", STORE_REFERENCE,
		"INSERT INTO programmes "
		"(programme, version, merchant, code, definition, made_at, script, locked) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
		"ON CONFLICT (merchant, code, version) DO NOTHING" },
	/* The inner query reads the index programmes_id alone. */
	[PROGRAMME_NEWEST] = { "programme.newest", STORE_REFERENCE,
		"SELECT " PROGRAMME_COLUMNS " FROM "
		"(SELECT programme AS id, MAX(version) AS newest FROM programmes GROUP BY programme) AS n "
		"JOIN programmes AS p ON p.programme = n.id AND p.version = n.newest "
		"ORDER BY p.merchant, p.code" },
	[PROGRAMME_VERSION] = { "programme.version", STORE_REFERENCE,
		"SELECT " PROGRAMME_COLUMNS
		" FROM programmes AS p WHERE p.programme = $1 AND p.version = $2" },
	[SCRIPT_ADD] = { "programme.add_script", STORE_REFERENCE,
		"INSERT INTO scripts (script, name, unit, source, first_used) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (script) DO NOTHING" },
	[SCRIPT_GET] = { "programme.get_script", STORE_REFERENCE,
		"SELECT name, unit, source FROM scripts WHERE script = $1" },
	[ENROLMENT_LIST] = { "enrolment.list", STORE_ONE,
		"SELECT programme, state, arm, since, ask_after FROM enrolments "
		"WHERE bucket = $1 AND member = $2 ORDER BY programme" },
	[ENROLMENT_ADD] = { "enrolment.add", STORE_ONE,
		"INSERT INTO enrolments (bucket, member, programme, state, arm, since, ask_after) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (bucket, member, programme) DO NOTHING" },
	[ENROLMENT_MOVE] = { "enrolment.move", STORE_ONE,
		"UPDATE enrolments SET state = $4, arm = $5, since = $6, ask_after = $7 "
		"WHERE bucket = $1 AND member = $2 AND programme = $3 AND state <> 1" },
	[REWARD_ADD] = { "reward.add", STORE_ONE,
		"INSERT INTO rewards (bucket, " REWARD_COLUMNS ") "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
		"ON CONFLICT (bucket, reward) DO NOTHING" },
	[REWARD_GET] = { "reward.get", STORE_ONE,
		"SELECT " REWARD_COLUMNS " FROM rewards WHERE bucket = $1 AND reward = $2" },
	[REWARD_SAVE] = { "reward.save", STORE_ONE,
		"UPDATE rewards SET state = $4, device = $5, changed_at = $6, hold_until = $7, "
		"hold = $8, changes = changes + 1 WHERE bucket = $1 AND reward = $2 AND changes = $3" },
	[REWARD_OPEN] = { "reward.open", STORE_ONE,
		"SELECT " REWARD_COLUMNS " FROM rewards "
		"WHERE bucket = $1 AND member = $2 AND state IN (1, 2, 4, 5) ORDER BY reward" },
	[REWARD_LIST] = { "reward.list", STORE_ONE,
		"SELECT " REWARD_COLUMNS " FROM rewards WHERE bucket = $1 AND member = $2 "
		"AND (state = $3 OR $3 = 0) AND (reward < $4 OR $4 = 0) AND merchant = $5 "
		"ORDER BY reward DESC LIMIT $6" },
	[REWARD_LIST_STATE] = { "reward.list_state", STORE_SWEEP,
		"SELECT " REWARD_COLUMNS " FROM rewards WHERE merchant = $1 AND state = $2 "
		"AND (reward > $3 OR $3 = 0) ORDER BY reward LIMIT $4" },
};

static const char *const migrations[] = {
	"CREATE TABLE programmes (programme BIGINT NOT NULL, version INTEGER NOT NULL, "
	"merchant BIGINT NOT NULL, code TEXT NOT NULL, definition TEXT NOT NULL, "
	"made_at BIGINT NOT NULL, PRIMARY KEY (merchant, code, version)) {rows}",
	"CREATE TABLE enrolments (bucket INTEGER NOT NULL, member BIGINT NOT NULL, "
	"programme BIGINT NOT NULL, state INTEGER NOT NULL, arm INTEGER NOT NULL, "
	"since BIGINT NOT NULL, ask_after BIGINT NOT NULL, "
	"PRIMARY KEY (bucket, member, programme)) {rows}",
	"CREATE TABLE rewards (bucket INTEGER NOT NULL, reward BIGINT NOT NULL, "
	"merchant BIGINT NOT NULL, member BIGINT NOT NULL, programme BIGINT NOT NULL, "
	"version INTEGER NOT NULL, arm INTEGER NOT NULL, state INTEGER NOT NULL, code TEXT NOT NULL, "
	"cost BIGINT NOT NULL, device BIGINT NOT NULL, offered_at BIGINT NOT NULL, "
	"changed_at BIGINT NOT NULL, hold_until BIGINT NOT NULL, changes BIGINT NOT NULL, "
	"hold BIGINT NOT NULL, "
	"PRIMARY KEY (bucket, reward)) {rows}",
	"CREATE INDEX rewards_member ON rewards (bucket, member, reward)",
	"CREATE INDEX rewards_state ON rewards (merchant, state, reward)",
	/* Every text a version ever ran: its SHA-256, the template's name and unit. */
	"CREATE TABLE scripts (script {blob} NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, "
	"source TEXT NOT NULL, first_used BIGINT NOT NULL, "
	"PRIMARY KEY (script)) {rows}",
	/* NULL in versions older than this step: the stock script of their template. */
	"ALTER TABLE programmes ADD COLUMN script {blob}",
	/* 1: this version or one before it was more than a draft. NULL as above: as its state says.
	 */
	"ALTER TABLE programmes ADD COLUMN locked INTEGER",
	"CREATE INDEX programmes_id ON programmes (programme, version)",
	/* Counting a merchant's programmes must not walk over all their versions. */
	"CREATE INDEX programmes_merchant ON programmes (merchant, version)",
};

const struct store_room programme_room = {
	.name = "programme",
	.statements = programme_statements,
	.statement_count = PROGRAMME_STATEMENT_COUNT,
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};
