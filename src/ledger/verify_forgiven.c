/* SPDX-License-Identifier: Apache-2.0 */
/* The proof: L7 inside an account. What returns forgave is gone for good only as long as what they
 * looked for stays away: what comes back, by a restore or a release, goes to the forgivings that
 * happened while it was away, oldest first, and only the rest is the customer's. Else a reward that
 * is given, paid back by a return and then reversed would make points of nothing.
 *
 * Nothing here asks the entries since when something was away: it is worked out from the spends and
 * holds before them. */
#include "ledger/verify_impl.h"

struct proof_forgiven *proof_forgiven_get(struct proof *proof, struct proof_account *account,
	int64_t forgiven_at)
{
	struct proof_forgiven **at = &account->forgiven;

	while (*at && (*at)->forgiven_at < forgiven_at)
		at = &(*at)->next;
	if (*at && (*at)->forgiven_at == forgiven_at)
		return *at;
	struct proof_forgiven *made = arena_make(proof->arena, struct proof_forgiven);
	if (!made)
		return NULL;
	made->forgiven_at = forgiven_at;
	made->next = *at;
	*at = made;
	return made;
}

/* Takes up to `amount` from what was forgiven after `since`; returns how much. */
static int64_t end_oldest(struct proof_account *a, int64_t since, int64_t amount)
{
	int64_t ended = 0;

	for (struct proof_forgiven *f = a->forgiven; f && ended < amount; f = f->next) {
		int64_t part = num_min(f->replayed, amount - ended);
		if (f->forgiven_at <= since || part <= 0)
			continue;
		f->replayed -= part;
		ended += part;
	}
	return ended;
}

static bool any_left(const struct proof_account *a, int64_t since)
{
	for (const struct proof_forgiven *f = a->forgiven; f; f = f->next) {
		if (f->forgiven_at > since && f->replayed > 0)
			return true;
	}
	return false;
}

static struct proof_away *away_get(struct proof *proof, struct proof_account *a,
	const struct ledger_ref *ref)
{
	for (struct proof_away *away = a->away; away; away = away->next) {
		if (away->ref.kind == ref->kind && away->ref.id == ref->id)
			return away;
	}
	struct proof_away *made = arena_make(proof->arena, struct proof_away);
	if (!made)
		return NULL;
	*made = (struct proof_away) { .next = a->away, .ref = *ref, .since = INT64_MAX };
	a->away = made;
	return made;
}

/* ---- what goes away ---- */

static bool went(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	struct proof_hold *hold = e->hold ? proof_hold_get(proof, a, e->hold) : NULL;
	struct proof_away *away = away_get(proof, a, &e->ref);

	if (!away || (e->hold && !hold))
		return false;
	if (away->returns)
		*away = (struct proof_away) { away->next, away->ref, INT64_MAX, 0, false };
	away->since = num_min(away->since, hold ? hold->replayed.made_at : e->posted_at);
	if (!num_sub(away->spent, e->amount, &away->spent))
		proof_breach(proof, a, 2, "entry %lld does not add up", (long long)e->version);
	return true;
}

static bool forgave(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	struct proof_forgiven *forgiven = proof_forgiven_get(proof, a, e->posted_at);

	if (forgiven)
		forgiven->replayed = e->counted;
	return forgiven;
}

/* ---- what comes back ---- */

/* A spend undone: `kept` of it is kept out, or it is given back. */
static bool came_back(struct proof *proof, struct proof_account *a, const struct ledger_entry *e,
	int64_t kept)
{
	struct proof_away *away = away_get(proof, a, &e->ref);

	if (!away)
		return false;
	away->returns = true;
	if (end_oldest(a, away->since, kept) < kept)
		proof_breach(proof, a, 7, "entry %lld takes back what was not forgiven",
			(long long)e->version);
	if (!kept && any_left(a, away->since))
		proof_breach(proof, a, 7, "entry %lld gives back what a return had forgiven",
			(long long)e->version);
	if (!num_sub(away->spent, kept ? kept : e->amount, &away->spent) || away->spent < 0)
		proof_breach(proof, a, 7, "entry %lld gives back more than was spent",
			(long long)e->version);
	return true;
}

static bool released(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	struct proof_hold *hold = proof_hold_get(proof, a, e->hold);

	if (hold)
		a->to_retake = end_oldest(a, hold->replayed.made_at, hold->replayed.amount);
	return hold;
}

/* After a release nothing may come before what it owes. */
static void retook(struct proof *proof, struct proof_account *a, const struct ledger_entry *e)
{
	bool retakes = e->kind == LEDGER_ENTRY_RETAKE && e->moved;
	int64_t taken = retakes ? e->counted : 0;

	if (a->to_retake > 0 && !retakes)
		proof_breach(proof, a, 7,
			"entry %lld comes before what had been forgiven was taken back",
			(long long)e->version);
	if (taken > a->to_retake)
		proof_breach(proof, a, 7, "entry %lld takes back what was not forgiven",
			(long long)e->version);
	a->to_retake = retakes ? num_max(a->to_retake - taken, 0) : 0;
}

bool proof_forgive(struct proof *proof, struct proof_account *account,
	const struct ledger_entry *entry)
{
	retook(proof, account, entry);
	switch (entry->kind) {
	case LEDGER_ENTRY_SPEND:
		return went(proof, account, entry);
	case LEDGER_ENTRY_FORGIVE:
		return forgave(proof, account, entry);
	case LEDGER_ENTRY_RELEASE:
		return released(proof, account, entry);
	case LEDGER_ENTRY_RESTORE:
		return came_back(proof, account, entry, 0);
	case LEDGER_ENTRY_RETAKE:
		return entry->moved || came_back(proof, account, entry, entry->counted);
	default:
		return true;
	}
}

void proof_judge_forgiven(struct proof *proof, struct proof_account *account)
{
	if (account->to_retake > 0)
		proof_breach(proof, account, 7, "%lld that had been forgiven came free and stayed",
			(long long)account->to_retake);
	for (const struct proof_forgiven *f = account->forgiven; f; f = f->next) {
		if (f->stored != f->replayed)
			proof_breach(proof, account, 9,
				"%lld is left of what was forgiven at %lld, its entries make %lld",
				(long long)f->stored, (long long)f->forgiven_at,
				(long long)f->replayed);
	}
}
