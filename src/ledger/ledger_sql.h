/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of this room: the list of its statements, from which come enum ledger_sql and the table
 * ledger_sql[] (ledger_impl.h), and its migrations.
 *
 * To add a statement: one entry here, used as &ledger_sql[SQL_CODE]. To change the schema: append a
 * migration; one that was released never changes.
 *
 * Invariants of the tables
 * T1  rows of `accounts` are small, and neighbours by member: a sale updates all of a member's in
 *     one or two pages.
 * T2  `entries` only grows; nothing updates or deletes there.
 * T3  an account changes only by ACCOUNT_SAVE, guarded by `entries`, the version that was read; so
 *     lots, holds and forgivings of one account are never written by two units at once. Their own
 *     guards say so a second time.
 * T4  a lot's row stays when it is empty: `expired` is still to be counted, a return may ask. So
 *     does a row of `forgiven`, for the proof: `remaining` is what nothing has taken back yet. */
#ifndef LEDGER_LEDGER_SQL_H
#define LEDGER_LEDGER_SQL_H

/* The balance row after its key: written by ACCOUNT_MAKE, ACCOUNT_SAVE, read by account_read(). */
#define ACCOUNT_COLUMNS "entries, balance, held, debt, lasting, soonest, last_at, head"

/* An entry after its bucket: written by ENTRY_ADD, read by entry_read(). */
#define ENTRY_COLUMNS \
	"member, programme, version, posted_at, effective_at, kind, contra, amount, moved, lot, " \
	"counted, balance, debt, held, hold, ref_kind, ref, prev_at, hash"

/* The same, each named as a column of e. */
#define ENTRY_COLUMNS_OF_E \
	"e.member, e.programme, e.version, e.posted_at, e.effective_at, e.kind, e.contra, " \
	"e.amount, e.moved, e.lot, e.counted, e.balance, e.debt, e.held, e.hold, e.ref_kind, " \
	"e.ref, e.prev_at, e.hash"

#define LEDGER_STATEMENTS(STMT) \
	STMT(ACCOUNT_FIND, "ledger.account_find", STORE_ONE, \
		"SELECT programme, " ACCOUNT_COLUMNS " FROM accounts " \
		"WHERE bucket = $1 AND member = $2 AND programme = $3") \
	STMT(ACCOUNT_LIST, "ledger.account_list", STORE_ONE, \
		"SELECT programme, " ACCOUNT_COLUMNS " FROM accounts " \
		"WHERE bucket = $1 AND member = $2 ORDER BY programme") \
	STMT(ACCOUNT_MAKE, "ledger.account_make", STORE_ONE, \
		"INSERT INTO accounts (bucket, member, programme, " ACCOUNT_COLUMNS ") " \
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) " \
		"ON CONFLICT (bucket, member, programme) DO NOTHING") \
	STMT(ACCOUNT_SAVE, "ledger.account_save", STORE_ONE, \
		"UPDATE accounts SET entries = $5, balance = $6, held = $7, debt = $8, " \
		"lasting = $9, soonest = $10, last_at = $11, head = $12 " \
		"WHERE bucket = $1 AND member = $2 AND programme = $3 AND entries = $4") \
	STMT(ENTRY_ADD, "ledger.entry_add", STORE_ONE, \
		"INSERT INTO entries (bucket, " ENTRY_COLUMNS ") " \
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, " \
		"$17, $18, $19, $20)") \
	STMT(ENTRY_WALK, "ledger.entry_walk", STORE_ONE, \
		"WITH RECURSIVE walk AS (" \
		"SELECT " ENTRY_COLUMNS ", 1 AS step FROM entries WHERE bucket = $1 " \
		"AND member = $2 AND programme = $3 AND version = $4 AND posted_at = $5 " \
		"UNION ALL " \
		"SELECT " ENTRY_COLUMNS_OF_E ", w.step + 1 FROM walk w JOIN entries e " \
		"ON e.bucket = $1 AND e.member = $2 AND e.programme = $3 " \
		"AND e.version = w.version - 1 AND e.posted_at = w.prev_at WHERE w.step < $6) " \
		"SELECT " ENTRY_COLUMNS " FROM walk ORDER BY step") \
	STMT(LOT_LIST, "ledger.lot_list", STORE_ONE, \
		"SELECT expires_at, remaining, expired FROM lots WHERE bucket = $1 " \
		"AND member = $2 AND programme = $3 AND remaining > 0 ORDER BY expires_at") \
	STMT(LOT_FIND, "ledger.lot_find", STORE_ONE, \
		"SELECT expires_at, remaining, expired FROM lots WHERE bucket = $1 " \
		"AND member = $2 AND programme = $3 AND expires_at = $4") \
	STMT(LOT_ADD, "ledger.lot_add", STORE_ONE, \
		"INSERT INTO lots (bucket, member, programme, expires_at, remaining, expired) " \
		"VALUES ($1, $2, $3, $4, $5, $6) " \
		"ON CONFLICT (bucket, member, programme, expires_at) " \
		"DO UPDATE SET remaining = lots.remaining + excluded.remaining, " \
		"expired = lots.expired + excluded.expired") \
	STMT(LOT_SAVE, "ledger.lot_save", STORE_ONE, \
		"UPDATE lots SET remaining = $7, expired = $8 WHERE bucket = $1 AND member = $2 " \
		"AND programme = $3 AND expires_at = $4 AND remaining = $5 AND expired = $6") \
	STMT(LOT_DUE, "ledger.lot_due", STORE_SWEEP, \
		"SELECT l.member, l.programme, l.expires_at FROM lots l JOIN accounts a " \
		"ON a.bucket = l.bucket AND a.member = l.member AND a.programme = l.programme " \
		"WHERE l.remaining > 0 AND l.expires_at <= $1 AND a.balance > a.held " \
		"ORDER BY l.expires_at, l.bucket, l.member, l.programme LIMIT $2") \
	STMT(HOLD_FIND, "ledger.hold_find", STORE_ONE, \
		"SELECT member, programme, amount, state, expires_at, made_at FROM holds " \
		"WHERE bucket = $1 AND hold = $2") \
	STMT(HOLD_ADD, "ledger.hold_add", STORE_ONE, \
		"INSERT INTO holds (bucket, hold, member, programme, amount, state, made_at, " \
		"expires_at, ended_at) VALUES ($1, $2, $3, $4, $5, 1, $6, $7, 0)") \
	STMT(HOLD_END, "ledger.hold_end", STORE_ONE, \
		"UPDATE holds SET state = $3, ended_at = $4 " \
		"WHERE bucket = $1 AND hold = $2 AND state = 1") \
	STMT(HOLD_DUE, "ledger.hold_due", STORE_SWEEP, \
		"SELECT member, programme, expires_at, hold FROM holds " \
		"WHERE state = 1 AND expires_at <= $1 ORDER BY expires_at, bucket, hold LIMIT $2") \
	STMT(FORGIVEN_ADD, "ledger.forgiven_add", STORE_ONE, \
		"INSERT INTO forgiven (bucket, member, programme, forgiven_at, remaining) " \
		"VALUES ($1, $2, $3, $4, $5)") \
	STMT(FORGIVEN_OLDEST, "ledger.forgiven_oldest", STORE_ONE, \
		"SELECT forgiven_at, remaining FROM forgiven WHERE bucket = $1 AND member = $2 " \
		"AND programme = $3 AND forgiven_at > $4 AND remaining > 0 " \
		"ORDER BY forgiven_at LIMIT 1") \
	STMT(FORGIVEN_SAVE, "ledger.forgiven_save", STORE_ONE, \
		"UPDATE forgiven SET remaining = $6 WHERE bucket = $1 AND member = $2 " \
		"AND programme = $3 AND forgiven_at = $4 AND remaining = $5") \
	STMT(PROOF_COUNT_ACCOUNTS, "ledger.proof_count_accounts", STORE_SWEEP, \
		"SELECT count(*) FROM accounts") \
	STMT(PROOF_COUNT_LOTS, "ledger.proof_count_lots", STORE_SWEEP, \
		"SELECT count(*) FROM lots") \
	STMT(PROOF_COUNT_HOLDS, "ledger.proof_count_holds", STORE_SWEEP, \
		"SELECT count(*) FROM holds") \
	STMT(PROOF_COUNT_FORGIVEN, "ledger.proof_count_forgiven", STORE_SWEEP, \
		"SELECT count(*) FROM forgiven") \
	STMT(PROOF_ACCOUNTS, "ledger.proof_accounts", STORE_SWEEP, \
		"SELECT bucket, member, programme, " ACCOUNT_COLUMNS " FROM accounts " \
		"WHERE bucket >= $1 AND bucket <= $2") \
	STMT(PROOF_LOTS, "ledger.proof_lots", STORE_SWEEP, \
		"SELECT bucket, member, programme, expires_at, remaining, expired FROM lots " \
		"WHERE bucket >= $1 AND bucket <= $2 ORDER BY bucket DESC, member DESC, " \
		"programme DESC, expires_at DESC") \
	STMT(PROOF_HOLDS, "ledger.proof_holds", STORE_SWEEP, \
		"SELECT bucket, member, programme, hold, amount, state, made_at, expires_at, " \
		"ended_at FROM holds WHERE bucket >= $1 AND bucket <= $2 ORDER BY bucket, hold") \
	STMT(PROOF_FORGIVEN, "ledger.proof_forgiven", STORE_SWEEP, \
		"SELECT bucket, member, programme, forgiven_at, remaining FROM forgiven " \
		"WHERE bucket >= $1 AND bucket <= $2 ORDER BY bucket DESC, member DESC, " \
		"programme DESC, forgiven_at DESC") \
	STMT(PROOF_ENTRIES, "ledger.proof_entries", STORE_SWEEP, \
		"SELECT bucket, " ENTRY_COLUMNS " FROM entries " \
		"WHERE bucket >= $1 AND bucket <= $2 " \
		"ORDER BY posted_at, bucket, member, programme, version")

static const char *const migrations[] = {
	"CREATE TABLE accounts (bucket INTEGER NOT NULL, member BIGINT NOT NULL, "
	"programme BIGINT NOT NULL, entries BIGINT NOT NULL, balance BIGINT NOT NULL, "
	"held BIGINT NOT NULL, debt BIGINT NOT NULL, lasting BIGINT NOT NULL, "
	"soonest BIGINT NOT NULL, last_at BIGINT NOT NULL, head {blob} NOT NULL, "
	"PRIMARY KEY (bucket, member, programme)) {rows}",

	"CREATE TABLE entries (bucket INTEGER NOT NULL, member BIGINT NOT NULL, "
	"programme BIGINT NOT NULL, version BIGINT NOT NULL, posted_at BIGINT NOT NULL, "
	"effective_at BIGINT NOT NULL, kind INTEGER NOT NULL, contra INTEGER NOT NULL, "
	"amount BIGINT NOT NULL, moved BIGINT NOT NULL, lot BIGINT NOT NULL, "
	"counted BIGINT NOT NULL, balance BIGINT NOT NULL, debt BIGINT NOT NULL, "
	"held BIGINT NOT NULL, hold BIGINT NOT NULL, ref_kind INTEGER NOT NULL, "
	"ref BIGINT NOT NULL, prev_at BIGINT NOT NULL, hash {blob} NOT NULL, "
	"{grow posted_at | bucket, member, programme, version}) {rows}",

	"CREATE TABLE lots (bucket INTEGER NOT NULL, member BIGINT NOT NULL, "
	"programme BIGINT NOT NULL, expires_at BIGINT NOT NULL, remaining BIGINT NOT NULL, "
	"expired BIGINT NOT NULL, PRIMARY KEY (bucket, member, programme, expires_at)) {rows}",

	"CREATE INDEX lots_due ON lots (expires_at, bucket, member, programme) WHERE remaining > 0",

	"CREATE TABLE forgiven (bucket INTEGER NOT NULL, member BIGINT NOT NULL, "
	"programme BIGINT NOT NULL, forgiven_at BIGINT NOT NULL, remaining BIGINT NOT NULL, "
	"PRIMARY KEY (bucket, member, programme, forgiven_at)) {rows}",

	"CREATE TABLE holds (bucket INTEGER NOT NULL, hold BIGINT NOT NULL, "
	"member BIGINT NOT NULL, programme BIGINT NOT NULL, amount BIGINT NOT NULL, "
	"state INTEGER NOT NULL, made_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, "
	"ended_at BIGINT NOT NULL, "
	"PRIMARY KEY (bucket, hold)) {rows}",

	"CREATE INDEX holds_due ON holds (expires_at, bucket, hold) WHERE state = 1",
};

#endif
