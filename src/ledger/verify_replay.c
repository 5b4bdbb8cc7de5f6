/* SPDX-License-Identifier: Apache-2.0 */
/* The proof: the rules. Each function below names the invariant (DESIGN.md) it proves.
 *
 * To add a kind of entry: its line in kind_fits(), and what it does to lots or holds. */
#include "ledger/verify_impl.h"

#include <string.h>

/* ---- L1: a kind says what it may change, and who stands on the other side ---- */

static bool kind_fits(const struct ledger_entry *e)
{
	bool no_points = e->amount == 0 && e->moved == 0;

	switch (e->kind) {
	case LEDGER_ENTRY_EARN:
	case LEDGER_ENTRY_RESTORE:
		return e->amount > 0 && e->moved >= 0 && e->moved <= e->amount && !e->counted &&
			!e->hold;
	case LEDGER_ENTRY_SPEND:
		return e->amount < 0 && e->moved == e->amount && !e->counted;
	case LEDGER_ENTRY_EXPIRE:
		return e->amount < 0 && e->moved == e->amount && !e->counted && !e->hold;
	case LEDGER_ENTRY_CLAW:
		return e->amount < 0 && (e->moved == e->amount || !e->moved) && !e->counted &&
			!e->hold;
	case LEDGER_ENTRY_SETTLE:
		return e->amount == 0 && e->moved < 0 && !e->counted && !e->hold;
	case LEDGER_ENTRY_COUNT:
	case LEDGER_ENTRY_FORGIVE:
		return no_points && e->counted > 0 && !e->hold;
	case LEDGER_ENTRY_RETAKE:
		return e->counted > 0 && e->moved == e->amount && !e->hold &&
			(!e->amount || e->amount == -e->counted);
	case LEDGER_ENTRY_HOLD:
	case LEDGER_ENTRY_RELEASE:
		return no_points && !e->counted && e->hold;
	default:
		return false;
	}
}

static void prove_kind(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	if (e->contra != entry_contra(e->kind) || !kind_fits(e))
		proof_breach(proof, a, 1, "entry %lld is not what its kind %d may be",
			(long long)e->version, e->kind);
}

/* ---- L8: the chain ---- */

static void prove_chain(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	struct ledger_standing *now = &a->replayed;
	unsigned char hash[HASH_LEN];

	entry_seal(e, a->head, proof->seal, hash);
	if (e->version != now->entries + 1)
		proof_breach(proof, a, 8, "entry %lld follows entry %lld", (long long)e->version,
			(long long)now->entries);
	else if (e->prev_at != now->last_at || e->posted_at <= now->last_at)
		proof_breach(proof, a, 8, "entry %lld is not linked to the one before",
			(long long)e->version);
	else if (memcmp(hash, e->hash, HASH_LEN) != 0)
		proof_breach(proof, a, 8, "the seal of entry %lld is not right",
			(long long)e->version);
	now->entries = e->version;
	now->last_at = e->posted_at;
	memcpy(a->head, e->hash, HASH_LEN);
}

/* ---- L4: lots ---- */

/* The lot that must be taken from next. */
static int64_t soonest(const struct proof_account *a)
{
	for (const struct proof_lot *lot = a->lots; lot; lot = lot->next) {
		if (lot->replayed.remaining > 0)
			return lot->expires_at;
	}
	return LEDGER_NEVER;
}

static void prove_order(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	bool takes = e->kind == LEDGER_ENTRY_SPEND || e->kind == LEDGER_ENTRY_SETTLE ||
		(e->kind == LEDGER_ENTRY_RETAKE && e->moved);
	bool expires = e->kind == LEDGER_ENTRY_EXPIRE;

	if (takes && e->lot != soonest(a))
		proof_breach(proof, a, 4, "entry %lld did not take what expires soonest",
			(long long)e->version);
	if (expires && (e->lot < 1 || e->lot > e->posted_at))
		proof_breach(proof, a, 4, "entry %lld expired a lot before its time",
			(long long)e->version);
}

static bool replay_row(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	struct proof_lot *lot = proof_lot_get(proof, a, e->lot);
	int64_t expired = e->kind == LEDGER_ENTRY_COUNT ? -e->counted : 0;

	if (!lot)
		return false;
	if (e->kind == LEDGER_ENTRY_EXPIRE)
		expired = -e->moved;
	if (!num_add(lot->replayed.remaining, e->moved, &lot->replayed.remaining) ||
		!num_add(lot->replayed.expired, expired, &lot->replayed.expired) ||
		lot->replayed.remaining < 0 || lot->replayed.expired < 0)
		proof_breach(proof, a, 4, "entry %lld takes more than its lot had",
			(long long)e->version);
	return true;
}

static bool prove_lot(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	bool touches = e->moved || e->kind == LEDGER_ENTRY_COUNT;

	prove_order(proof, a, e);
	if (!touches)
		return true;
	if (e->lot != LEDGER_NEVER)
		return replay_row(proof, a, e);
	if (!num_add(a->replayed.lasting, e->moved, &a->replayed.lasting))
		proof_breach(proof, a, 4, "entry %lld does not add up", (long long)e->version);
	return true;
}

/* ---- L5: holds ---- */

static void hold_made(struct proof *proof, struct proof_account *a, struct proof_hold *hold,
	const struct ledger_entry *e)
{
	if (hold->replayed.state)
		proof_breach(proof, a, 5, "entry %lld makes a hold a second time",
			(long long)e->version);
	/* held is what the entry says: that it fits is proved by prove_held(). */
	hold->replayed = (struct proof_hold_row) {
		.amount = e->held - a->replayed.held,
		.state = HOLD_OPEN,
		.made_at = e->posted_at,
		.expires_at = e->lot,
	};
	if (hold->replayed.amount < 1)
		proof_breach(proof, a, 5, "entry %lld holds nothing", (long long)e->version);
	a->replayed.held = e->held;
}

static void hold_ended(struct proof *proof, struct proof_account *a, struct proof_hold *hold,
	const struct ledger_entry *e)
{
	struct proof_hold_row *row = &hold->replayed;

	if (row->state != HOLD_OPEN) {
		proof_breach(proof, a, 5, "entry %lld ends a hold that was not open",
			(long long)e->version);
		return;
	}
	row->state = e->kind == LEDGER_ENTRY_SPEND ? HOLD_SPENT
		: e->lot                           ? HOLD_EXPIRED
						   : HOLD_RELEASED;
	row->ended_at = e->posted_at;
	a->replayed.held -= row->amount;
}

static bool prove_hold(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	if (!e->hold)
		return true;
	struct proof_hold *hold = proof_hold_get(proof, a, e->hold);
	if (!hold)
		return false;
	if (e->kind == LEDGER_ENTRY_HOLD)
		hold_made(proof, a, hold, e);
	else
		hold_ended(proof, a, hold, e);
	return true;
}

static void prove_held(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	const struct ledger_standing *now = &a->replayed;

	if (e->held != now->held)
		proof_breach(proof, a, 5, "entry %lld says %lld are held, the holds make %lld",
			(long long)e->version, (long long)e->held, (long long)now->held);
	else if (now->held < 0 || now->held > num_max(now->balance, 0))
		proof_breach(proof, a, 5, "after entry %lld more is held than there is",
			(long long)e->version);
}

/* ---- L2, L3: sums ---- */

static void prove_debt(struct proof *proof, struct proof_account *a, const struct ledger_entry *e,
	int64_t debt_before)
{
	bool credit = e->kind == LEDGER_ENTRY_EARN || e->kind == LEDGER_ENTRY_RESTORE;

	if (credit && e->amount - e->moved != num_min(e->amount, debt_before))
		proof_breach(proof, a, 3, "entry %lld does not fill the debt first",
			(long long)e->version);
	if (credit && e->moved && e->lot != LEDGER_NEVER && a->replayed.lasting < 0)
		proof_breach(proof, a, 3, "entry %lld does not fill what lacks to zero first",
			(long long)e->version);
	if (a->replayed.debt < 0)
		proof_breach(proof, a, 3, "after entry %lld the debt is below zero",
			(long long)e->version);
	if (a->replayed.balance < 0 && e->moved < 0 && e->kind != LEDGER_ENTRY_CLAW)
		proof_breach(proof, a, 3, "entry %lld took the balance below zero",
			(long long)e->version);
}

static void prove_sums(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	struct ledger_standing *now = &a->replayed;
	int64_t before = now->debt, debt;

	if (!num_sub(e->moved, e->amount, &debt) || !num_add(now->debt, debt, &now->debt) ||
		!num_add(now->balance, e->moved, &now->balance))
		proof_breach(proof, a, 2, "entry %lld does not add up", (long long)e->version);
	prove_debt(proof, a, e, before);
	if (e->balance != now->balance || e->debt != now->debt)
		proof_breach(proof, a, 2,
			"entry %lld says balance %lld, debt %lld; the entries make %lld, %lld",
			(long long)e->version, (long long)e->balance, (long long)e->debt,
			(long long)now->balance, (long long)now->debt);
}

bool proof_replay(struct proof *proof, struct proof_account *account,
	const struct ledger_entry *entry)
{
	prove_kind(proof, account, entry);
	prove_chain(proof, account, entry);
	if (!prove_lot(proof, account, entry) || !prove_hold(proof, account, entry) ||
		!proof_forgive(proof, account, entry))
		return false;
	prove_sums(proof, account, entry);
	prove_held(proof, account, entry);
	return true;
}

/* ---- what is stored against what was replayed ---- */

static void judge_chain(struct proof *proof, struct proof_account *a)
{
	const struct ledger_standing *stored = &a->stored, *now = &a->replayed;

	if (stored->entries != now->entries)
		proof_breach(proof, a, 8, "its row counts %lld entries, the last is %lld",
			(long long)stored->entries, (long long)now->entries);
	else if (memcmp(a->stored_head, a->head, HASH_LEN) != 0 || stored->last_at != now->last_at)
		proof_breach(proof, a, 8, "its row does not name the last entry as its head");
}

static void judge_balance(struct proof *proof, struct proof_account *a)
{
	const struct ledger_standing *stored = &a->stored, *now = &a->replayed;

	if (stored->balance != now->balance || stored->debt != now->debt)
		proof_breach(proof, a, 2,
			"its balance is %lld and its debt %lld, its entries make %lld and %lld",
			(long long)stored->balance, (long long)stored->debt,
			(long long)now->balance, (long long)now->debt);
	if (stored->debt && ledger_available(stored))
		proof_breach(proof, a, 3, "it has a debt though something is available");
}

static void judge_lots(struct proof *proof, struct proof_account *a)
{
	int64_t sum = a->stored.lasting;
	bool fits = true;

	for (const struct proof_lot *lot = a->lots; lot; lot = lot->next) {
		fits = fits && lot->stored.remaining >= 0 && lot->stored.expired >= 0 &&
			num_add(sum, lot->stored.remaining, &sum);
		if (lot->stored.remaining != lot->replayed.remaining ||
			lot->stored.expired != lot->replayed.expired)
			proof_breach(proof, a, 9, "its lot %lld is not what its entries make",
				(long long)lot->expires_at);
	}
	if (!fits || sum != a->stored.balance)
		proof_breach(proof, a, 4, "its lots make %lld, its balance is %lld", (long long)sum,
			(long long)a->stored.balance);
}

static bool same_hold(const struct proof_hold_row *a, const struct proof_hold_row *b)
{
	return a->amount == b->amount && a->state == b->state && a->made_at == b->made_at &&
		a->expires_at == b->expires_at && a->ended_at == b->ended_at;
}

static void judge_holds(struct proof *proof, struct proof_account *a)
{
	int64_t sum = 0;
	bool fits = true;

	for (const struct proof_hold *hold = a->holds; hold; hold = hold->next) {
		if (hold->stored.state == HOLD_OPEN)
			fits = fits && num_add(sum, hold->stored.amount, &sum);
		if (!same_hold(&hold->stored, &hold->replayed))
			proof_breach(proof, a, 9, "its hold %lld is not what its entries make",
				(long long)hold->id);
	}
	if (!fits || sum != a->stored.held)
		proof_breach(proof, a, 5, "its open holds make %lld, it says %lld are held",
			(long long)sum, (long long)a->stored.held);
}

/* Rows that belong to an account which has none. */
static void judge_orphan(struct proof *proof, struct proof_account *a)
{
	if (a->lots)
		proof_breach(proof, a, 4, "it has lots and no row");
	if (a->holds)
		proof_breach(proof, a, 5, "it has holds and no row");
	if (a->forgiven)
		proof_breach(proof, a, 7, "it has something forgiven and no row");
	if (a->replayed.entries)
		proof_breach(proof, a, 8, "it has entries and no row");
}

void proof_judge(struct proof *proof, struct proof_account *account)
{
	const struct ledger_standing *stored = &account->stored, *now = &account->replayed;

	if (!account->has_row) {
		judge_orphan(proof, account);
		return;
	}
	int64_t first = soonest(account);
	account->replayed.soonest = first == LEDGER_NEVER ? 0 : first;
	judge_chain(proof, account);
	judge_balance(proof, account);
	judge_lots(proof, account);
	judge_holds(proof, account);
	proof_judge_forgiven(proof, account);
	if (stored->balance != now->balance || stored->held != now->held ||
		stored->debt != now->debt || stored->lasting != now->lasting ||
		stored->soonest != now->soonest || stored->entries != now->entries ||
		stored->last_at != now->last_at ||
		memcmp(account->stored_head, account->head, HASH_LEN) != 0)
		proof_breach(proof, account, 9, "its row is not what its entries make");
}
