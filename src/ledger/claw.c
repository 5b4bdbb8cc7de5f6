/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves an account without being spent: claw-back and expiry.
 *
 * A return takes back what its sale earned, and never leaves a gain (L7). The points of that sale
 * may have expired already: then they are gone, and count as taken, but only once: a lot keeps in
 * `expired` how much of it expired and was not counted yet, for two sales may share a lot. */
#include "ledger/ledger_impl.h"

/* One claw-back on its way. */
struct claw {
	struct posting posting;
	int64_t left; /* not dealt with yet */
	int64_t lot;
	struct ledger_clawed done;
};

static int count_expired(struct claw *claw, struct err *err)
{
	struct lot *lot;

	if (claw->lot == LEDGER_NEVER)
		return 0;
	int rc = lots_get(claw->posting.env, claw->posting.account, claw->lot, &lot, err);
	if (rc < 0)
		return rc;
	int64_t counted = num_min(claw->left, lot->expired);
	if (counted == 0)
		return 0;
	claw->left -= counted;
	claw->done.counted = counted;
	struct move move = { .kind = LEDGER_ENTRY_COUNT, .lot = claw->lot, .counted = counted };
	return post_move(&claw->posting, &move, err);
}

/* What the lot itself still has. */
static int64_t lot_has(const struct ledger_account *account, int64_t lot)
{
	if (lot == LEDGER_NEVER)
		return num_max(account->now.lasting, 0);
	for (size_t i = 0; i < account->lot_count; i++) {
		if (account->lots[i].expires_at == lot)
			return account->lots[i].remaining;
	}
	return 0;
}

/* From the lot, then from the others, as far as nothing is held. */
static int take_back(struct claw *claw, struct err *err)
{
	struct ledger_account *account = claw->posting.account;
	int64_t take = num_min(claw->left, ledger_available(&account->now));

	if (take == 0)
		return 0;
	int rc = lots_open(claw->posting.env, account, err);
	if (rc < 0)
		return rc;
	claw->left -= take;
	claw->done.taken = take;
	int64_t own = num_min(take, lot_has(account, claw->lot));
	if (own > 0) {
		struct move move = {
			.kind = LEDGER_ENTRY_CLAW,
			.amount = -own,
			.moved = -own,
			.lot = claw->lot,
		};
		rc = post_move(&claw->posting, &move, err);
	}
	if (rc || take == own)
		return rc;
	return post_take(&claw->posting, (struct move) { .kind = LEDGER_ENTRY_CLAW }, take - own,
		err);
}

/* What is no longer there. */
static int by_policy(struct claw *claw, enum ledger_policy policy, struct err *err)
{
	struct move move = { .kind = LEDGER_ENTRY_CLAW, .amount = -claw->left };

	if (claw->left == 0)
		return 0;
	/* Below zero nothing could be held (A2, A4). */
	if (policy == LEDGER_NEGATIVE && claw->posting.account->now.held > 0)
		policy = LEDGER_DEBT;
	if (policy == LEDGER_FORGIVE) {
		claw->done.forgiven = claw->left;
		return forgiven_add(&claw->posting, claw->left, err);
	}
	if (policy == LEDGER_NEGATIVE) {
		move.moved = -claw->left;
		move.lot = LEDGER_NEVER;
		claw->done.taken += claw->left;
	} else {
		claw->done.owed = claw->left;
	}
	return post_move(&claw->posting, &move, err);
}

int ledger_claw(const struct ledger_env *env, struct ledger_account *account, int64_t amount,
	int64_t lot, enum ledger_policy policy, const struct ledger_ref *ref,
	struct ledger_clawed *ret, struct err *err)
{
	struct claw claw = { { env, account, ref }, amount, lot, { 0 } };
	int rc = post_check_amount(amount, err);

	if (rc == 0)
		rc = post_check_lot(lot, err);
	if (rc == 0)
		rc = count_expired(&claw, err);
	if (rc == 0)
		rc = take_back(&claw, err);
	if (rc == 0)
		rc = by_policy(&claw, policy, err);
	if (rc)
		return rc;
	const struct ledger_clawed *done = &claw.done;
	require(done->taken + done->owed + done->forgiven + done->counted == amount);
	*ret = *done;
	return post_done(account);
}

/* ---- expiry ---- */

/* How much of a lot expires now. */
static int64_t expires_now(const struct ledger_env *env, const struct ledger_account *account,
	const struct lot *lot)
{
	if (lot->expires_at > env->now)
		return 0;
	return num_min(lot->remaining, ledger_available(&account->now));
}

int ledger_expire(const struct ledger_env *env, struct ledger_account *account, int64_t *ret_amount,
	struct err *err)
{
	int64_t sum = 0;
	const struct ledger_standing *now = &account->now;
	bool due = now->soonest && now->soonest <= env->now && ledger_available(now);
	int rc = due ? lots_open(env, account, err) : 0;

	for (size_t i = 0; due && rc == 0 && i < account->lot_count; i++) {
		const struct lot *lot = &account->lots[i];
		int64_t amount = expires_now(env, account, lot);
		if (amount == 0)
			continue;
		struct ledger_ref ref = { LEDGER_REF_EXPIRY, 0, lot->expires_at };
		const struct posting posting = { env, account, &ref };
		struct move move = {
			.kind = LEDGER_ENTRY_EXPIRE,
			.amount = -amount,
			.moved = -amount,
			.lot = lot->expires_at,
		};
		rc = post_move(&posting, &move, err);
		sum += amount;
	}
	if (rc)
		return rc;
	*ret_amount = sum;
	return post_done(account);
}
