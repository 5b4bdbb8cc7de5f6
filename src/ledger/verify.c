/* SPDX-License-Identifier: Apache-2.0 */
/* The proof: reading. L1 to L5 and L7 to L9 over the whole store, in one snapshot.
 *
 * On SQLite entries lie in order of posting, all accounts mixed: walking each chain by look-ups
 * costs five times a scan, and on a store larger than memory a seek an entry. So entries are
 * scanned in that order once a slice, and the accounts of the slice stand in memory. A slice is a
 * range of buckets, as many as keep its rows below a maximum: memory is bounded, however large the
 * store (PostgreSQL finds a slice by its key; SQLite scans the entries once for each).
 *
 * An entry, lot, hold or forgiving without an account makes one without a row (has_row false), so
 * that it is judged, and reported once, like any other. */
#include "ledger/verify_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Entries between two calls of progress(): some ten a second. */
#define PROGRESS_STEP (1 << 16)
/* Memory for one row of a slice with its place in the table, generously: buckets are not all
 * equally full. */
#define ROW_BYTES 1024
/* Beyond any bucket on both sides: rows with a bucket that cannot be are found too. */
#define BUCKET_LOW INT64_C(-2147483648)
#define BUCKET_HIGH INT64_C(2147483647)

/* ---- breaches ---- */

void proof_breach(struct proof *proof, struct proof_account *account, int invariant,
	const char *fmt, ...)
{
	char name[8], text[240], where[ACCOUNT_TEXT_MAX];
	va_list args;

	if (account->reported & 1u << invariant)
		return;
	account->reported |= 1u << invariant;
	proof->counts.breaches++;
	account_text(account->stored.member, account->stored.programme, where);
	int len = snprintf(text, sizeof(text), "%s: ", where);
	va_start(args, fmt);
	vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, args);
	va_end(args);
	snprintf(name, sizeof(name), "L%d", invariant);
	proof->report->breach(proof->report->user, name, text);
}

/* ---- accounts, lots and holds in memory ---- */

static struct proof_account **place(struct proof *proof, id_t64 member, id_t64 programme)
{
	uint64_t mixed = ((uint64_t)member ^ (uint64_t)programme * UINT64_C(0x9e3779b97f4a7c15)) *
		UINT64_C(0xff51afd7ed558ccd);

	return &proof->table[(mixed >> 32) & (proof->table_size - 1)];
}

static struct proof_account *account_get(struct proof *proof, id_t64 member, id_t64 programme)
{
	struct proof_account **at = place(proof, member, programme);

	for (struct proof_account *a = *at; a; a = a->next) {
		if (a->stored.member == member && a->stored.programme == programme)
			return a;
	}
	struct proof_account *made = arena_make(proof->arena, struct proof_account);
	if (!made)
		return NULL;
	made->stored.member = made->replayed.member = member;
	made->stored.programme = made->replayed.programme = programme;
	made->next = *at;
	*at = made;
	return made;
}

struct proof_lot *proof_lot_get(struct proof *proof, struct proof_account *account,
	int64_t expires_at)
{
	struct proof_lot **at = &account->lots;

	while (*at && (*at)->expires_at < expires_at)
		at = &(*at)->next;
	if (*at && (*at)->expires_at == expires_at)
		return *at;
	struct proof_lot *made = arena_make(proof->arena, struct proof_lot);
	if (!made)
		return NULL;
	made->expires_at = expires_at;
	made->next = *at;
	*at = made;
	return made;
}

struct proof_hold *proof_hold_get(struct proof *proof, struct proof_account *account, id_t64 id)
{
	for (struct proof_hold *hold = account->holds; hold; hold = hold->next) {
		if (hold->id == id)
			return hold;
	}
	struct proof_hold *made = arena_make(proof->arena, struct proof_hold);
	if (!made)
		return NULL;
	made->id = id;
	made->next = account->holds;
	account->holds = made;
	return made;
}

/* ---- rows: each returns false if out of memory ---- */

/* The account a row belongs to, by its first three columns. */
static struct proof_account *row_account(struct proof *proof, const struct store_rows *rows)
{
	id_t64 member = store_int(rows, 1);
	struct proof_account *account = account_get(proof, member, store_int(rows, 2));

	if (account && store_int(rows, 0) != id_bucket(member))
		proof_breach(proof, account, 9, "a row of it stands in another bucket");
	return account;
}

static bool keep_account(struct proof *proof, const struct store_rows *rows)
{
	struct proof_account *account = row_account(proof, rows);
	struct str head = store_bytes(rows, 10);

	if (!account)
		return false;
	account->has_row = true;
	account->stored.entries = store_int(rows, 3);
	account->stored.balance = store_int(rows, 4);
	account->stored.held = store_int(rows, 5);
	account->stored.debt = store_int(rows, 6);
	account->stored.lasting = store_int(rows, 7);
	account->stored.soonest = store_int(rows, 8);
	account->stored.last_at = store_int(rows, 9);
	if (head.len == HASH_LEN)
		memcpy(account->stored_head, head.ptr, HASH_LEN);
	else
		proof_breach(proof, account, 8, "its head is not a hash");
	proof->counts.accounts++;
	return true;
}

static bool keep_lot(struct proof *proof, const struct store_rows *rows)
{
	struct proof_account *account = row_account(proof, rows);
	struct proof_lot *lot = account ? proof_lot_get(proof, account, store_int(rows, 3)) : NULL;

	if (!lot)
		return false;
	lot->stored.remaining = store_int(rows, 4);
	lot->stored.expired = store_int(rows, 5);
	proof->counts.lots++;
	return true;
}

static bool keep_hold(struct proof *proof, const struct store_rows *rows)
{
	struct proof_account *account = row_account(proof, rows);
	struct proof_hold *hold =
		account ? proof_hold_get(proof, account, store_int(rows, 3)) : NULL;

	if (!hold)
		return false;
	hold->stored = (struct proof_hold_row) { store_int(rows, 4), store_int(rows, 5),
		store_int(rows, 6), store_int(rows, 7), store_int(rows, 8) };
	proof->counts.holds++;
	return true;
}

static bool keep_forgiven(struct proof *proof, const struct store_rows *rows)
{
	struct proof_account *account = row_account(proof, rows);
	struct proof_forgiven *forgiven =
		account ? proof_forgiven_get(proof, account, store_int(rows, 3)) : NULL;

	if (forgiven)
		forgiven->stored = store_int(rows, 4);
	return forgiven;
}

/* ---- L7: what the entries say of sales; who keeps the sales compares ---- */

uint64_t ledger_sale_mark(id_t64 sale, id_t64 programme)
{
	uint64_t x = (uint64_t)sale * UINT64_C(0x9e3779b97f4a7c15) ^
		(uint64_t)programme * UINT64_C(0xc2b2ae3d27d4eb4f);

	x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

/* What an entry says of a sale: what it earned, or what a return took back in whatever way. */
static void add_to_sales(const struct ledger_entry *e, uint64_t *sums)
{
	bool claws = e->kind == LEDGER_ENTRY_CLAW;
	uint64_t change = 0;

	if (e->ref.kind == LEDGER_REF_SALE && e->kind == LEDGER_ENTRY_EARN)
		change = (uint64_t)e->amount;
	else if (e->ref.kind == LEDGER_REF_RETURN)
		change = claws ? (uint64_t)e->amount : 0 - (uint64_t)e->counted;
	sums[id_bucket(e->member)] += ledger_sale_mark(e->ref.id, e->programme) * change;
}

static bool replay_entry(struct proof *proof, const struct store_rows *rows)
{
	struct proof_account *account = row_account(proof, rows);
	struct ledger_entry entry;
	const struct ledger_report *report = proof->report;

	if (!account)
		return false;
	if (!entry_read(rows, 1, &entry))
		proof_breach(proof, account, 8, "entry %lld has no hash", (long long)entry.version);
	proof->counts.entries++;
	if (report->sale_sums)
		add_to_sales(&entry, report->sale_sums);
	if (report->progress && proof->counts.entries % PROGRESS_STEP == 0)
		report->progress(report->user, proof->counts.accounts, proof->counts.entries);
	return proof_replay(proof, account, &entry);
}

/* ---- slices ---- */

static int each_row(struct proof *proof, enum ledger_sql sql, int64_t low, int64_t high,
	bool (*each)(struct proof *proof, const struct store_rows *rows), struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc =
		store_query(proof->tx, &ledger_sql[sql], ARGS(V_INT(low), V_INT(high)), &rows, err);

	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, err)) == 1) {
		if (!each(proof, rows))
			return err_set(err, ERR_NO_MEMORY, "no memory to verify a slice");
	}
	return rc;
}

static int verify_slice(struct proof *proof, int64_t low, int64_t high, struct err *err)
{
	arena_reset(proof->arena);
	proof->table = arena_array(proof->arena, proof->table_size, sizeof(*proof->table));
	if (!proof->table)
		return err_set(err, ERR_NO_MEMORY, "no memory to verify");
	int rc = each_row(proof, SQL_PROOF_ACCOUNTS, low, high, keep_account, err);
	if (rc == 0)
		rc = each_row(proof, SQL_PROOF_LOTS, low, high, keep_lot, err);
	if (rc == 0)
		rc = each_row(proof, SQL_PROOF_HOLDS, low, high, keep_hold, err);
	if (rc == 0)
		rc = each_row(proof, SQL_PROOF_FORGIVEN, low, high, keep_forgiven, err);
	if (rc == 0)
		rc = each_row(proof, SQL_PROOF_ENTRIES, low, high, replay_entry, err);
	for (size_t i = 0; rc == 0 && i < proof->table_size; i++) {
		for (struct proof_account *a = proof->table[i]; a; a = a->next)
			proof_judge(proof, a);
	}
	return rc;
}

static int count_rows(struct store_tx *tx, enum ledger_sql sql, int64_t *sum, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &ledger_sql[sql], NO_ARGS, &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	*sum += rc == 1 ? store_int(rows, 0) : 0;
	return 0;
}

/* All rows that slices keep. */
static int count_kept(struct store_tx *tx, int64_t *ret, struct err *err)
{
	int64_t rows = 0;
	int rc = count_rows(tx, SQL_PROOF_COUNT_ACCOUNTS, &rows, err);

	if (rc == 0)
		rc = count_rows(tx, SQL_PROOF_COUNT_LOTS, &rows, err);
	if (rc == 0)
		rc = count_rows(tx, SQL_PROOF_COUNT_HOLDS, &rows, err);
	if (rc == 0)
		rc = count_rows(tx, SQL_PROOF_COUNT_FORGIVEN, &rows, err);
	*ret = rows;
	return rc;
}

/* The first bucket of a slice. */
static int64_t slice_low(int64_t slice, int64_t slices)
{
	return slice == 0 ? BUCKET_LOW : (UINT16_MAX + 1) * slice / slices;
}

static size_t table_size_for(int64_t rows)
{
	size_t size = 1024;

	while (size < (size_t)rows)
		size *= 2;
	return size;
}

int verify_in_slices(struct store_tx *tx, const struct secret *seal,
	const struct ledger_report *report, int64_t slice_rows, struct ledger_counts *ret,
	struct err *err)
{
	size_t bytes = (size_t)(slice_rows + 1024) * ROW_BYTES;
	struct arena *arena ARENA_AUTO = arena_new(bytes);
	struct proof proof = { .tx = tx, .seal = seal, .report = report, .arena = arena };
	int64_t rows = 0;

	if (!arena)
		return err_set(err, ERR_NO_MEMORY, "no memory to verify");
	int rc = count_kept(tx, &rows, err);
	int64_t slices = num_min(rows / slice_rows + 1, UINT16_MAX);
	proof.table_size = table_size_for(num_min(rows, slice_rows));
	for (int64_t i = 0; rc == 0 && i < slices; i++) {
		int64_t high = i + 1 == slices ? BUCKET_HIGH : slice_low(i + 1, slices) - 1;
		rc = verify_slice(&proof, slice_low(i, slices), high, err);
	}
	if (rc == 0)
		*ret = proof.counts;
	return rc;
}

int ledger_verify(struct store_tx *tx, const struct secret *seal,
	const struct ledger_report *report, struct ledger_counts *ret, struct err *err)
{
	return verify_in_slices(tx, seal, report, VERIFY_SLICE_ROWS, ret, err);
}
