/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: the only code that changes a balance.
 *
 * An *account* is one member in one programme. An *entry* is one row that names both sides, the
 * member's account and the programme's (`contra`), so each unit sums to zero by construction (L1).
 * Entries of an account are numbered 1, 2, 3, ... and chained: each carries a keyed hash over
 * itself and the one before; number and head stand in the account's balance row (L8).
 *
 * What an account is at any moment:
 *     balance   points that are there; below zero only by a claw-back under LEDGER_NEGATIVE (L3)
 *     held      the part of it that is promised to a hold (L5)
 *     debt      what returns could not take back; later credits fill it first. While something is
 *               available (balance - held > 0) there is no debt: whatever frees points pays debt
 *     lasting   the part of the balance that never expires; the rest lies in lots (L4):
 *               balance = lasting + sum of lot.remaining
 * position = balance - debt = sum of the amounts of all entries (L2).
 * What returns under LEDGER_FORGIVE let go is remembered: points that were away then, spent or
 * held, and come back, go to those returns first (L7; docs/ledger.md).
 *
 * A *lot* is what an account earned with one and the same expiry (`expires_at`, microseconds;
 * LEDGER_NEVER has no row, it is `lasting`). An entry moves one lot at most; a spend over three
 * lots is three entries: so the entries alone tell each lot's story (L9). Spending takes the
 * soonest expiry first, lasting last. Expiry is a posting, not a filter: until ledger_expire() has
 * posted it, a lot past its time can still be spent.
 *
 * How a unit uses it: ledger_open() reads, the posting calls change the account in memory and write
 * entries and holds, ledger_save() writes lots and the balance row once, guarded by the version
 * that was read. A unit that posted must save, once per account, and hold one struct ledger_account
 * for each account, not two. Every call that writes may return STORE_MOVED, which the unit passes
 * on; after <0 or STORE_MOVED the account in memory is not to be used. Refusals (the outcomes
 * below) change nothing, not even in memory.
 *
 * On SQLite entries lie in order of arrival, so an account's history is walked from its head
 * backwards: each entry names the time of the one before (prev_at).
 *
 * To add a kind of posting: a line in entry_kinds.def, a function here, a row in the text tables of
 * ledger_test.c, and the rule in verify_replay.c. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/num.h"
#include "store/store.h"

#define LEDGER_NEVER INT64_MAX

/* Outcomes of postings; other numbers than the store's (STORE_MOVED, UNIT_DROP). */
#define LEDGER_SHORT 11 /* not enough available */
#define LEDGER_ENDED 12 /* that hold has ended already, or never was */

struct ledger_account;

/* What every call needs: the unit's transaction and time, the sealing key, an arena that outlives
 * the accounts opened in it. */
struct ledger_env {
	struct store_tx *tx;
	const struct secret *seal;
	int64_t now;
	struct arena *arena;
};

/* An account as it stands (after the postings made so far in this unit). */
struct ledger_standing {
	id_t64 member, programme;
	int64_t balance, held, debt, lasting;
	int64_t soonest; /* when the first open lot expires; 0: no lot is open */
	int64_t entries; /* how many entries it has = its version */
	int64_t last_at; /* posted_at of the last entry; 0 if none */
};
/* balance - held, never below zero */
int64_t ledger_available(const struct ledger_standing *standing);

/* Why an entry was posted; ids of other rooms, the ledger does not look inside. */
enum ledger_ref_kind {
	LEDGER_REF_SALE = 1,
	LEDGER_REF_RETURN,
	LEDGER_REF_REWARD,
	LEDGER_REF_EXPIRY,
	LEDGER_REF_STAFF,
};
struct ledger_ref {
	enum ledger_ref_kind kind;
	id_t64 id;
	int64_t effective_at; /* when it happened for the customer: data, not order */
};

/* What happens to the part of a claw-back that is no longer there. */
enum ledger_policy {
	LEDGER_DEBT,     /* it becomes debt */
	LEDGER_FORGIVE,  /* it is let go, for as long as it stays away */
	LEDGER_NEGATIVE, /* the balance goes below zero (taken from `lasting`); while something is
			    held it becomes debt, for what is held stays held */
};

/* ---- reading and saving ---- */

/* Opens one account, blank if it has no row yet. Reads one row. ERR_BROKEN: the row contradicts
 * itself. */
int ledger_open(const struct ledger_env *env, id_t64 member, id_t64 programme,
	struct ledger_account **ret, struct err *err) must_check;
/* Opens all accounts a member has, in the order of programme ids. The array lives in the arena.
 * Asking and taking are apart, so that what else is asked of a member travels with it: *ret of the
 * first is the caller's to close. */
int ledger_ask_all(const struct ledger_env *env, id_t64 member, struct store_rows **ret,
	struct err *err) must_check;
int ledger_take_all(const struct ledger_env *env, id_t64 member, struct store_rows *rows,
	struct ledger_account ***ret, size_t *ret_count, struct err *err) must_check;
/* Among those of ledger_take_all(), that programme's; a blank one made in memory if there is none
 * (each call makes another: keep it). */
int ledger_pick(const struct ledger_env *env, id_t64 member, id_t64 programme,
	struct ledger_account **accounts, size_t count, struct ledger_account **ret,
	struct err *err) must_check;
const struct ledger_standing *ledger_standing(const struct ledger_account *account);
/* Writes lots and the balance row if something was posted. 0, STORE_MOVED, or <0. */
int ledger_save(const struct ledger_env *env, struct ledger_account *account,
	struct err *err) must_check;

/* ---- postings; amounts are 1..NUM_AMOUNT_MAX, lots later than 0, else ERR_INVALID ---- */

/* Credits amount, expiring at lot (LEDGER_NEVER: not). Fills debt first, then what a balance lacks
 * to zero; what is left goes into the lot. */
int ledger_earn(const struct ledger_env *env, struct ledger_account *account, int64_t amount,
	int64_t lot, const struct ledger_ref *ref, struct err *err) must_check;
/* Takes amount from what is available, soonest expiry first. LEDGER_SHORT if there is less. */
int ledger_spend(const struct ledger_env *env, struct ledger_account *account, int64_t amount,
	const struct ledger_ref *ref, struct err *err) must_check;
/* Promises amount of what is available to `hold` (an id the caller made, of the member's bucket)
 * until expires_at. LEDGER_SHORT. ERR_CONFLICT: that hold has been made before. */
int ledger_hold(const struct ledger_env *env, struct ledger_account *account, id_t64 hold,
	int64_t amount, int64_t expires_at, const struct ledger_ref *ref,
	struct err *err) must_check;
/* Ends a hold by spending it / by letting it go (expired says why). What becomes free goes to what
 * returns forgave while it was held, then it pays debt. LEDGER_ENDED if it is not held any more: a
 * hold ends exactly once (L5). */
int ledger_hold_spend(const struct ledger_env *env, struct ledger_account *account, id_t64 hold,
	const struct ledger_ref *ref, struct err *err) must_check;
int ledger_hold_release(const struct ledger_env *env, struct ledger_account *account, id_t64 hold,
	bool expired, const struct ledger_ref *ref, struct err *err) must_check;
/* What an undo came to; given + retaken = what had been spent. */
struct ledger_restored {
	int64_t given;   /* was credited: debt first, as any credit */
	int64_t retaken; /* went to returns that had forgiven it */
};
/* Gives back what entries with this ref spent (undo of a given reward), into the lots it came from,
 * less what returns forgave since it was spent (or held, if a hold was). All 0 if nothing had been
 * spent under that ref or it was given back before. Spent several times under one ref, it counts as
 * away since the first. Walks the account's history. */
int ledger_restore(const struct ledger_env *env, struct ledger_account *account,
	const struct ledger_ref *spent, struct ledger_restored *ret, struct err *err) must_check;

/* What a claw-back came to; taken + owed + forgiven + counted = the amount asked for. */
struct ledger_clawed {
	int64_t taken; /* left the balance (below zero too, under LEDGER_NEGATIVE) */
	int64_t owed;  /* became debt */
	int64_t forgiven;
	int64_t counted; /* had expired already: counts as taken, once */
};
/* Takes back what a sale earned into `lot`: first what of that lot expired and was not counted yet,
 * then what of the lot remains, then other lots (soonest first), then lasting; held points stay
 * held. The rest goes by policy. */
int ledger_claw(const struct ledger_env *env, struct ledger_account *account, int64_t amount,
	int64_t lot, enum ledger_policy policy, const struct ledger_ref *ref,
	struct ledger_clawed *ret, struct err *err) must_check;
/* Posts the expiry of lots whose time has come (what is held waits). *ret_amount may be 0. Costs
 * nothing while nothing is due. */
int ledger_expire(const struct ledger_env *env, struct ledger_account *account, int64_t *ret_amount,
	struct err *err) must_check;

/* ---- what the jobs sweep for ---- */

struct ledger_due {
	id_t64 member, programme, hold; /* hold 0: a lot */
	int64_t expires_at;
};
/* Lots past `now` of which something can expire (is not held), and holds past `now`, at most max;
 * soonest first. An account with several such lots comes several times. */
int ledger_due_lots(struct store_tx *tx, int64_t now, struct ledger_due *ret, size_t max,
	size_t *ret_count, struct err *err) must_check;
int ledger_due_holds(struct store_tx *tx, int64_t now, struct ledger_due *ret, size_t max,
	size_t *ret_count, struct err *err) must_check;

/* ---- history ---- */

struct ledger_entry {
	id_t64 member, programme;
	int64_t version, posted_at, effective_at;
	int kind;   /* enum ledger_kind */
	int contra; /* enum ledger_contra: the programme's side */
	int64_t amount, moved;
	int64_t lot; /* which lot moved or was counted; of a HOLD, until when it lasts; of a RELEASE
			by time, when that was; else 0 */
	int64_t counted;
	int64_t balance, debt, held; /* after it */
	id_t64 hold;                 /* the hold it makes or ends; 0: none */
	struct ledger_ref ref;
	int64_t prev_at;
	unsigned char hash[HASH_LEN];
};
enum ledger_contra {
	LEDGER_ISSUED = 1,
	LEDGER_REDEEMED,
	LEDGER_EXPIRED,
	LEDGER_CLAWED,
	LEDGER_FORGIVEN,
	LEDGER_NOBODY,
};
enum ledger_kind {
#define ENTRY_KIND(name, word, contra) LEDGER_ENTRY_##name,
#include "ledger/entry_kinds.def"
#undef ENTRY_KIND
	LEDGER_KIND_COUNT
};
/* "earned", "spent", ... as the API shows it; "" for what is not a kind. */
const char *ledger_kind_word(int kind);

/* Where a walk through the history of one account stands: start with {0} for the newest. */
struct ledger_cursor {
	int64_t version, at;
};
/* The entries of one account from newest to oldest, at most max; moves the cursor on.
 * *ret_count < max: that was the first entry (a further call gives none). ERR_BROKEN: an entry that
 * another one names is not there. */
int ledger_history(struct store_tx *tx, id_t64 member, id_t64 programme,
	struct ledger_cursor *cursor, struct ledger_entry *ret, size_t max, size_t *ret_count,
	struct err *err) must_check;

/* ---- proof ---- */

/* What sales earned and returns took back, one number a bucket of members: every entry of a sale
 * adds its amount times a mark of (sale, programme), modulo 2^64. Who keeps the sales adds up the
 * same from what they say and must come to the same numbers. */
#define LEDGER_SUMS (UINT16_MAX + 1)
uint64_t ledger_sale_mark(id_t64 sale, id_t64 programme);

struct ledger_report {
	/* Called for every breach: "L2", "account m_.../p_...: the balance is 12, its entries make
	 * 11". Ids only, no personal data. */
	void (*breach)(void *user, const char *invariant, const char *text);
	/* Called now and then; may be NULL. */
	void (*progress)(void *user, int64_t accounts, int64_t entries);
	void *user;
	uint64_t *sale_sums; /* LEDGER_SUMS of them, added to; may be NULL */
};
struct ledger_counts {
	int64_t accounts, entries, lots, holds, breaches;
};
/* Proves L1 to L5 and L7 to L9 (L7: that no undo gives back what a return forgave; and sale_sums)
 * over the whole store, in the one snapshot of tx. An account is
 * reported at most once for each invariant. <0 only if it could not look. */
int ledger_verify(struct store_tx *tx, const struct secret *seal,
	const struct ledger_report *report, struct ledger_counts *ret, struct err *err) must_check;

extern const struct store_room ledger_room;

#endif
