/* SPDX-License-Identifier: Apache-2.0 */
/* See tamper_fixture_impl.h. */
#include "ledger/tamper_fixture_impl.h"

#include <sqlite3.h>

#include "tests/support/test.h"

sqlite3 *tamper_open(const struct ledger_fixture *fixture)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	return db;
}

void tamper(sqlite3 *db, const char *row, const char *sql)
{
	char *why = NULL;

	sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK || sqlite3_changes(db) < 1)
		fail_msg("row \"%s\": %s", row, why ? why : "nothing was changed");
}

/* An entry as entry_read() would, from a statement of our own. */
static void read_raw(sqlite3_stmt *stmt, struct ledger_entry *ret)
{
	int64_t c[18];

	for (int i = 0; i < 18; i++)
		c[i] = sqlite3_column_int64(stmt, i);
	*ret = (struct ledger_entry) {
		.member = c[0],
		.programme = c[1],
		.version = c[2],
		.posted_at = c[3],
		.effective_at = c[4],
		.kind = (int)c[5],
		.contra = (int)c[6],
		.amount = c[7],
		.moved = c[8],
		.lot = c[9],
		.counted = c[10],
		.balance = c[11],
		.debt = c[12],
		.held = c[13],
		.hold = c[14],
		.ref = { (enum ledger_ref_kind)c[15], c[16], c[4] },
		.prev_at = c[17],
	};
}

static void store_hash(sqlite3 *db, const char *sql, const struct ledger_entry *e,
	const unsigned char *hash)
{
	sqlite3_stmt *stmt = NULL;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_blob(stmt, 1, hash, HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, e->member);
	sqlite3_bind_int64(stmt, 3, e->programme);
	sqlite3_bind_int64(stmt, 4, e->version);
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	sqlite3_finalize(stmt);
}

void tamper_seal(sqlite3 *db, const struct secret *seal, int64_t from)
{
	sqlite3_stmt *stmt = NULL;
	unsigned char head[HASH_LEN];

	assert_int_equal(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
				 "SELECT " ENTRY_COLUMNS " FROM entries "
				 "ORDER BY member, programme, version",
				 -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		struct ledger_entry e;
		read_raw(stmt, &e);
		memcpy(e.hash, sqlite3_column_blob(stmt, 18), HASH_LEN);
		if (e.version == 1)
			memset(head, 0, HASH_LEN);
		if (e.version >= from)
			entry_seal(&e, head, seal, e.hash);
		memcpy(head, e.hash, HASH_LEN);
		store_hash(db,
			"UPDATE entries SET hash = ?1 WHERE member = ?2 AND programme = ?3 "
			"AND version = ?4",
			&e, head);
		store_hash(db,
			"UPDATE accounts SET head = ?1 WHERE member = ?2 AND programme = ?3 "
			"AND ?4 > 0",
			&e, head);
	}
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
}

/* ---- looking ---- */

void tamper_expect(const char *row, const char *expected, const char *text,
	const struct fixture_proof *proof)
{
	struct str rest = str_of(expected);

	while (rest.len) {
		struct str name = str_cut(&rest, ' ');
		char line[8];
		snprintf(line, sizeof(line), "%.*s acc", STR_ARG(name));
		if (!strstr(proof->text, line))
			fail_msg("row \"%s\": %.*s is missing in\n%s", row, STR_ARG(name),
				proof->text);
	}
	if (text && strstr(proof->text, "the seal of"))
		fail_msg("row \"%s\": the seals were right, but\n%s", row, proof->text);
	if (text && !strstr(proof->text, text))
		fail_msg("row \"%s\": \"%s\" is missing in\n%s", row, text, proof->text);
}

void tamper_prove(struct ledger_fixture *fixture, int64_t slice_rows, struct fixture_proof *ret)
{
	struct err err = { 0 };
	int rc = fixture_verify(fixture, &fixture->seal, slice_rows, ret, &err);

	assert_ok(rc, &err);
}

int64_t tamper_check(struct ledger_fixture *original, const struct tamper_row *row)
{
	struct ledger_fixture fixture;
	struct fixture_proof proof;

	fixture_copy(original, &fixture);
	sqlite3 *db = tamper_open(&fixture);
	tamper(db, row->name, row->sql);
	if (row->text)
		tamper_seal(db, &fixture.seal, 1);
	sqlite3_close(db);
	tamper_prove(&fixture, VERIFY_SLICE_ROWS, &proof);
	assert_row(row->name, proof.counts.breaches > 0);
	tamper_expect(row->name, row->breaches, row->text, &proof);
	fixture_done(&fixture);
	return proof.counts.breaches;
}
