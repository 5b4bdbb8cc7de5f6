/* SPDX-License-Identifier: Apache-2.0 */
/* Posting: the one place where an account changes. Invariants A1 to A6 are in ledger_impl.h. */
#include "ledger/ledger_impl.h"

#include <string.h>

int post_check_amount(int64_t amount, struct err *err)
{
	if (amount < 1 || amount > NUM_AMOUNT_MAX)
		return err_set(err, ERR_INVALID, "an amount is 1 to %lld",
			(long long)NUM_AMOUNT_MAX);
	return 0;
}

int post_check_lot(int64_t expires_at, struct err *err)
{
	if (expires_at < 1)
		return err_set(err, ERR_INVALID, "points expire at a time after 1970, or never");
	return 0;
}

/* ---- one entry ---- */

/* The standing after a move, and the lot after it; all sums are checked. */
static bool add_up(const struct move *move, struct ledger_standing *now, struct lot *lot)
{
	bool lasting = move->moved && move->lot == LEDGER_NEVER;
	int64_t debt;
	bool fits = num_sub(move->moved, move->amount, &debt) &&
		num_add(now->debt, debt, &now->debt) &&
		num_add(now->balance, move->moved, &now->balance) &&
		num_add(now->held, move->held, &now->held) &&
		(!lasting || num_add(now->lasting, move->moved, &now->lasting));

	if (!fits || !lot)
		return fits;
	if (move->moved > 0 && (!now->soonest || lot->expires_at < now->soonest))
		now->soonest = lot->expires_at;
	int64_t expired = move->kind == LEDGER_ENTRY_EXPIRE ? -move->moved : 0;
	if (move->kind == LEDGER_ENTRY_COUNT)
		expired = -move->counted;
	return num_add(lot->remaining, move->moved, &lot->remaining) &&
		num_add(lot->expired, expired, &lot->expired);
}

/* The lot a move is about, if it has a row. */
static int move_lot(const struct posting *posting, const struct move *move, struct lot **ret,
	struct err *err)
{
	bool counts = move->kind == LEDGER_ENTRY_COUNT;

	if ((!move->moved && !counts) || move->lot == LEDGER_NEVER) {
		*ret = NULL;
		return 0;
	}
	return lots_touch(posting->env, posting->account, move->lot, ret, err);
}

static void entry_fill(const struct posting *posting, const struct move *move,
	const struct ledger_standing *now, struct ledger_entry *ret)
{
	*ret = (struct ledger_entry) {
		.member = now->member,
		.programme = now->programme,
		.version = now->entries,
		.posted_at = now->last_at,
		.effective_at = posting->ref->effective_at,
		.kind = move->kind,
		.contra = entry_contra(move->kind),
		.amount = move->amount,
		.moved = move->moved,
		.lot = move->lot,
		.counted = move->counted,
		.balance = now->balance,
		.debt = now->debt,
		.held = now->held,
		.hold = move->hold,
		.ref = *posting->ref,
		.prev_at = posting->account->now.last_at,
	};
	entry_seal(ret, posting->account->head, posting->env->seal, ret->hash);
}

int post_move(const struct posting *posting, const struct move *move, struct err *err)
{
	struct ledger_account *account = posting->account;
	struct ledger_standing now = account->now;
	struct ledger_entry entry;
	struct lot *lot;
	int rc = move_lot(posting, move, &lot, err);

	if (rc < 0)
		return rc;
	struct lot after = lot ? *lot : (struct lot) { 0 };
	if (!add_up(move, &now, lot ? &after : NULL))
		return err_set(err, ERR_INVALID, "an account cannot hold that much");
	require(after.remaining >= 0 && after.expired >= 0 && now.held >= 0 && now.debt >= 0);
	require(!lot || move->moved >= 0 || account->lots_known);
	now.entries++;
	now.last_at = num_max(posting->env->now, now.last_at + 1);
	entry_fill(posting, move, &now, &entry);
	rc = entry_add(posting->env->tx, &entry, err);
	if (rc)
		return rc;
	account->now = now;
	memcpy(account->head, entry.hash, HASH_LEN);
	if (lot)
		*lot = after;
	return 0;
}

/* ---- several ---- */

static int credit_one(const struct posting *posting, enum ledger_kind kind, int64_t amount,
	int64_t moved, int64_t lot, struct err *err)
{
	struct move move = {
		.kind = kind,
		.amount = amount,
		.moved = moved,
		.lot = moved ? lot : 0,
	};
	return post_move(posting, &move, err);
}

int post_credit(const struct posting *posting, enum ledger_kind kind, int64_t amount, int64_t lot,
	struct err *err)
{
	const struct ledger_standing *now = &posting->account->now;
	int64_t filled = num_min(amount, now->debt);
	int64_t left = amount - filled;
	int64_t lacks = 0;

	if (now->lasting < 0) /* the sum cannot overflow: their signs differ */
		lacks = now->lasting + left > 0 ? -now->lasting : left;
	if (lacks == 0)
		return credit_one(posting, kind, amount, left, lot, err);
	int rc = credit_one(posting, kind, filled + lacks, lacks, LEDGER_NEVER, err);
	if (rc || lacks == left)
		return rc;
	return credit_one(posting, kind, left - lacks, left - lacks, lot, err);
}

/* Takes `take` out of one lot, or of lasting. */
static int take_from(const struct posting *posting, struct move *move, int64_t lot, int64_t take,
	struct err *err)
{
	move->lot = lot;
	move->moved = -take;
	move->amount = move->kind == LEDGER_ENTRY_SETTLE ? 0 : -take;
	move->counted = move->kind == LEDGER_ENTRY_RETAKE ? take : 0;
	int rc = post_move(posting, move, err);
	move->hold = 0;
	move->held = 0;
	return rc;
}

int post_take(const struct posting *posting, struct move move, int64_t total, struct err *err)
{
	struct ledger_account *account = posting->account;
	int rc = lots_open(posting->env, account, err);

	for (size_t i = 0; rc == 0 && total > 0 && i < account->lot_count; i++) {
		int64_t take = num_min(total, account->lots[i].remaining);
		if (take == 0)
			continue;
		total -= take;
		rc = take_from(posting, &move, account->lots[i].expires_at, take, err);
	}
	if (rc || total == 0)
		return rc;
	require(total <= account->now.lasting);
	return take_from(posting, &move, LEDGER_NEVER, total, err);
}

int post_done(struct ledger_account *account)
{
	int64_t sum = account->now.lasting, soonest = 0;

	for (size_t i = account->lots_known ? account->lot_count : 0; i-- > 0;) {
		const struct lot *lot = &account->lots[i];
		require(num_add(sum, lot->remaining, &sum));
		soonest = lot->remaining ? lot->expires_at : soonest;
	}
	if (account->lots_known)
		account->now.soonest = soonest;
	require(!account->lots_known || sum == account->now.balance);
	require(account_is_sound(&account->now));
	return 0;
}

/* ---- earn, spend ---- */

int ledger_earn(const struct ledger_env *env, struct ledger_account *account, int64_t amount,
	int64_t lot, const struct ledger_ref *ref, struct err *err)
{
	const struct posting posting = { env, account, ref };
	int rc = post_check_amount(amount, err);

	if (rc == 0)
		rc = post_check_lot(lot, err);
	if (rc == 0)
		rc = post_credit(&posting, LEDGER_ENTRY_EARN, amount, lot, err);
	return rc ? rc : post_done(account);
}

int ledger_spend(const struct ledger_env *env, struct ledger_account *account, int64_t amount,
	const struct ledger_ref *ref, struct err *err)
{
	const struct posting posting = { env, account, ref };
	int rc = post_check_amount(amount, err);

	if (rc < 0)
		return rc;
	if (ledger_available(&account->now) < amount)
		return LEDGER_SHORT;
	rc = post_take(&posting, (struct move) { .kind = LEDGER_ENTRY_SPEND }, amount, err);
	return rc ? rc : post_done(account);
}
