/* SPDX-License-Identifier: Apache-2.0 */
/* The history of an account, walked from its head backwards, and what needs it: restoring.
 *
 * Each entry names the time of the one before, so every step is one look-up by the clustered key of
 * either engine; a page of steps is one statement (ENTRY_WALK). */
#include "ledger/ledger_impl.h"

#include <string.h>

/* Entries that restore reads at a time: a reward's spend is nearly always among the newest few. */
#define RESTORE_PAGE 16

/* Where the newest entry stands; a cursor {0} stays for an account without entries. */
static int find_head(struct store_tx *tx, id_t64 member, id_t64 programme,
	struct ledger_cursor *cursor, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &ledger_sql[SQL_ACCOUNT_FIND],
		ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(programme)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc == 1)
		*cursor = (struct ledger_cursor) { store_int(rows, 1), store_int(rows, 7) };
	return rc < 0 ? rc : 0;
}

/* A cursor past the first entry: not {0}, which would start again. */
static const struct ledger_cursor at_end = { -1, 0 };

static int read_page(struct store_tx *tx, id_t64 member, id_t64 programme,
	const struct ledger_cursor *from, struct ledger_entry *ret, size_t max, size_t *ret_count,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	size_t count = 0;
	int rc = store_query(tx, &ledger_sql[SQL_ENTRY_WALK],
		ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(programme),
			V_INT(from->version), V_INT(from->at), V_INT((int64_t)max)),
		&rows, err);

	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, err)) == 1) {
		if (unexpected(count == max || !entry_read(rows, 0, &ret[count])))
			return err_set(err, ERR_BROKEN, "an entry cannot be read");
		count++;
	}
	*ret_count = count;
	return rc;
}

int ledger_history(struct store_tx *tx, id_t64 member, id_t64 programme,
	struct ledger_cursor *cursor, struct ledger_entry *ret, size_t max, size_t *ret_count,
	struct err *err)
{
	struct ledger_cursor from = *cursor;
	size_t count = 0;
	int rc = 0;

	require(max > 0);
	if (from.version == 0)
		rc = find_head(tx, member, programme, &from, err);
	if (rc == 0 && from.version > 0)
		rc = read_page(tx, member, programme, &from, ret, max, &count, err);
	if (rc < 0)
		return rc;
	int64_t left = num_max(from.version, 0) - (int64_t)count;
	if (unexpected(count < max && left > 0)) {
		char text[ACCOUNT_TEXT_MAX];
		return err_set(err, ERR_BROKEN, "%s: its entry %lld is not where the next one says",
			account_text(member, programme, text), (long long)left);
	}
	*cursor = left > 0 ? (struct ledger_cursor) { left, ret[count - 1].prev_at } : at_end;
	*ret_count = count;
	return 0;
}

/* ---- restore ---- */

/* What a walk back has found to give back, soonest expiry first: so debt is paid with what would go
 * first. */
struct spent {
	struct spent *next;
	int64_t amount, lot;
};

struct restore {
	struct posting posting;
	struct spent *spent;
	int64_t sum;
	int64_t since; /* when the first of it left what is available */
	bool done;     /* an undo of the rest was met */
};

static bool same_ref(const struct ledger_ref *a, const struct ledger_ref *b)
{
	return a->kind == b->kind && a->id == b->id;
}

/* Is that the undo of a spend? (A RETAKE that moved something belongs to a release.) */
static bool undoes(const struct ledger_entry *entry)
{
	return entry->kind == LEDGER_ENTRY_RESTORE ||
		(entry->kind == LEDGER_ENTRY_RETAKE && !entry->moved);
}

/* What a hold kept has been away since the hold was made. */
static int restore_date(struct restore *restore, const struct ledger_entry *entry, struct err *err)
{
	int64_t at = entry->posted_at;
	int rc = 0;

	if (entry->hold)
		rc = hold_since(restore->posting.env, entry->member, entry->hold, &at, err);
	if (rc == 0)
		restore->since = num_min(restore->since, at);
	return rc;
}

static int restore_look(struct restore *restore, const struct ledger_entry *entry, struct err *err)
{
	struct spent **at = &restore->spent, *spent;

	if (!same_ref(&entry->ref, restore->posting.ref))
		return 0;
	restore->done = restore->done || undoes(entry);
	if (entry->kind != LEDGER_ENTRY_SPEND || restore->done)
		return 0;
	while (*at && (*at)->lot < entry->lot)
		at = &(*at)->next;
	spent = arena_make(restore->posting.env->arena, struct spent);
	if (!spent)
		return err_set(err, ERR_NO_MEMORY, "no memory to restore a spend");
	*spent = (struct spent) { *at, -entry->amount, entry->lot };
	*at = spent;
	if (!num_add(restore->sum, -entry->amount, &restore->sum))
		return err_set(err, ERR_INVALID, "an account cannot hold that much");
	return restore_date(restore, entry, err);
}

/* Walks back until the beginning, or until these spends were given back before. */
static int restore_find(struct restore *restore, struct err *err)
{
	const struct ledger_standing *now = &restore->posting.account->now;
	struct ledger_cursor cursor = { now->entries, now->last_at };
	struct ledger_entry page[RESTORE_PAGE];
	size_t count;
	int rc;

	do {
		rc = ledger_history(restore->posting.env->tx, now->member, now->programme, &cursor,
			page, RESTORE_PAGE, &count, err);
		for (size_t i = 0; rc == 0 && i < count && !restore->done; i++)
			rc = restore_look(restore, &page[i], err);
	} while (rc == 0 && count == RESTORE_PAGE && !restore->done);
	return rc;
}

/* Puts back all but the first `keep` of it: what would go first. */
static int restore_rest(const struct restore *restore, int64_t keep, struct err *err)
{
	int rc = 0;

	for (const struct spent *s = restore->spent; rc == 0 && s; s = s->next) {
		int64_t kept = num_min(keep, s->amount);
		keep -= kept;
		if (kept < s->amount)
			rc = post_credit(&restore->posting, LEDGER_ENTRY_RESTORE, s->amount - kept,
				s->lot, err);
	}
	return rc;
}

int ledger_restore(const struct ledger_env *env, struct ledger_account *account,
	const struct ledger_ref *spent, struct ledger_restored *ret, struct err *err)
{
	struct restore restore = { .posting = { env, account, spent }, .since = INT64_MAX };
	int64_t taken = 0;
	int rc = account->now.entries ? restore_find(&restore, err) : 0;

	if (rc == 0 && restore.sum > 0)
		rc = forgiven_retake(&restore.posting,
			&(struct comeback) { restore.since, restore.sum, false }, &taken, err);
	if (rc == 0)
		rc = restore_rest(&restore, taken, err);
	if (rc)
		return rc;
	*ret = (struct ledger_restored) { restore.sum - taken, taken };
	return post_done(account);
}
