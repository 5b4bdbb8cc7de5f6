/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the ledger: the account in memory, and the one function that changes it.
 *
 *   ledger.c          the room, words, standing
 *   account.c         opening and saving the balance row
 *   lots.c            the lots of an open account: reading late, writing at the save
 *   entry.c           one entry: its seal, its row
 *   post.c            post_move(); crediting and taking; earn, spend
 *   holds.c           hold, spend or release it
 *   forgive.c         what returns let go, and taking it back
 *   claw.c            claw-back, expiry
 *   history.c         walking back; restore
 *   due.c             what the jobs sweep for
 *   verify.c          the proof: what is stored, slice by slice
 *   verify_replay.c   the proof: what the entries make of it
 *
 * Invariants of an account in memory, held after every posting (post_done())
 *   A1 position = balance - debt changes by `amount`, the balance by `moved`, so the debt by
 *      moved - amount: only post_move() does it
 *   A2 0 <= held <= max(balance, 0), 0 <= debt
 *   A3 debt == 0 or nothing is available
 *   A4 lasting < 0 only if no lot is open: balance == lasting, held == 0
 *   A5 lasting + sum of remaining == balance, once all open lots are in memory (lots_known)
 *   A6 each lot, and `expired`, is never below zero
 *   A7 soonest is the expiry of the first open lot, 0 if there is none: while lots are not known
 *      they only grow, and they shrink only when they are */
#ifndef LEDGER_LEDGER_IMPL_H
#define LEDGER_LEDGER_IMPL_H

#include "base/check.h"
#include "ledger/ledger.h"
#include "ledger/ledger_sql.h"

enum ledger_sql {
#define STMT(code, name, reach, sql) SQL_##code,
	LEDGER_STATEMENTS(STMT)
#undef STMT
		SQL_COUNT
};
extern const struct store_stmt ledger_sql[SQL_COUNT];

/* ---- lots of an open account ---- */

/* What is known of a lot's row. A credit needs to know nothing: it is added to what is there. */
enum lot_row {
	LOT_BLIND,  /* not read, and not open if lots_known: the numbers are what this unit made */
	LOT_ABSENT, /* read: there is none */
	LOT_STORED, /* read: `was` stands there */
};

struct lot {
	int64_t expires_at;
	int64_t remaining, expired; /* expired: and not yet counted as clawed back */
	enum lot_row row;
	struct {
		int64_t remaining, expired;
	} was; /* at the last save */
};

struct ledger_account {
	struct ledger_standing now;
	unsigned char head[HASH_LEN];
	int64_t saved; /* entries at the last save: the version that guards the next one */
	bool stored;   /* the balance row is there */
	bool lots_known;
	struct lot *lots; /* by expires_at */
	size_t lot_count, lot_max;
};

/* A blank account in memory. */
int account_make(const struct ledger_env *env, id_t64 member, id_t64 programme,
	struct ledger_account **ret, struct err *err) must_check;
/* Does the standing keep A2, A3, A4, and A7 as far as it shows? */
bool account_is_sound(const struct ledger_standing *standing);
/* "account m_.../p_..." */
#define ACCOUNT_TEXT_MAX 64
const char *account_text(id_t64 member, id_t64 programme, char out[ACCOUNT_TEXT_MAX]);

/* Reads all open lots, once; no query if the whole balance is lasting. ERR_BROKEN: they do not make
 * the balance. */
int lots_open(const struct ledger_env *env, struct ledger_account *account,
	struct err *err) must_check;
/* One lot with its row known, open or not. Valid until the next call that may add a lot. */
int lots_get(const struct ledger_env *env, struct ledger_account *account, int64_t expires_at,
	struct lot **ret, struct err *err) must_check;
/* One lot as far as it is known; made in memory if it is not there. */
int lots_touch(const struct ledger_env *env, struct ledger_account *account, int64_t expires_at,
	struct lot **ret, struct err *err) must_check;
/* Writes what changed. */
int lots_save(const struct ledger_env *env, struct ledger_account *account,
	struct err *err) must_check;

/* ---- entries ---- */

/* The keyed hash over the one before and every column, in the order of ENTRY_COLUMNS. */
void entry_seal(const struct ledger_entry *entry, const unsigned char prev[HASH_LEN],
	const struct secret *seal, unsigned char ret[HASH_LEN]);
int entry_add(struct store_tx *tx, const struct ledger_entry *entry, struct err *err) must_check;
/* Reads ENTRY_COLUMNS from column `first` on; false if the hash is not one. */
bool entry_read(const struct store_rows *rows, int first, struct ledger_entry *ret);
/* The programme's side of a kind; 0 for what is not a kind. */
int entry_contra(int kind);

/* ---- posting ---- */

/* What one entry does; see struct ledger_entry. */
struct move {
	enum ledger_kind kind;
	int64_t amount, moved, lot, counted;
	id_t64 hold;
	int64_t held; /* what `held` changes by */
};

/* Who posts, where, why. */
struct posting {
	const struct ledger_env *env;
	struct ledger_account *account;
	const struct ledger_ref *ref;
};

/* ERR_INVALID unless 1 <= amount <= NUM_AMOUNT_MAX. */
int post_check_amount(int64_t amount, struct err *err) must_check;
int post_check_lot(int64_t expires_at, struct err *err) must_check;
/* Changes the account by one entry and writes it. ERR_INVALID: a sum would not fit. */
int post_move(const struct posting *posting, const struct move *move, struct err *err) must_check;
/* Credits into a lot: debt first, then what the balance lacks to zero. One or two entries. */
int post_credit(const struct posting *posting, enum ledger_kind kind, int64_t amount, int64_t lot,
	struct err *err) must_check;
/* Takes total, soonest expiry first, lasting last: an entry a lot, each as `move` with its own
 * amount, moved and lot; hold and held go with the first. A SETTLE takes no amount, a RETAKE counts
 * it. */
int post_take(const struct posting *posting, struct move move, int64_t total,
	struct err *err) must_check;
/* The end of every posting: A2 to A7 hold. Returns 0. */
int post_done(struct ledger_account *account);

/* ---- holds ---- */

/*	OPEN ---- ledger_hold_spend() ----------------> SPENT
 *	  |------ ledger_hold_release(expired false) -> RELEASED
 *	  `------ ledger_hold_release(expired true) --> EXPIRED
 * Stored; the statements name OPEN as 1. Moved by hold_end() alone. */
enum hold_state {
	HOLD_OPEN = 1, /* its amount is part of `held` */
	HOLD_SPENT,
	HOLD_RELEASED,
	HOLD_EXPIRED,
};

/* When it was made. ERR_BROKEN: there is no such hold. */
int hold_since(const struct ledger_env *env, id_t64 member, id_t64 hold, int64_t *ret,
	struct err *err) must_check;

/* ---- what was forgiven ---- */

/* Posts a FORGIVE and remembers it. */
int forgiven_add(const struct posting *posting, int64_t amount, struct err *err) must_check;

/* Points that come back. */
struct comeback {
	int64_t since;  /* when they left what is available */
	int64_t amount; /* at least 1 */
	bool there;     /* in the balance already, and free: take them from it; else they are kept
			   out */
};
/* Of what comes back takes what was forgiven while it was away; *ret_taken says how much. */
int forgiven_retake(const struct posting *posting, const struct comeback *back, int64_t *ret_taken,
	struct err *err) must_check;

/* ---- the proof ---- */

/* Accounts, lots, holds and forgivings that one slice keeps in memory, at some 200 bytes each; and
 * what each reward spent, of which there are no more than holds. Entries are read once for each
 * slice. */
#define VERIFY_SLICE_ROWS (INT64_C(1) << 19)

/* ledger_verify() with another size of slice. */
int verify_in_slices(struct store_tx *tx, const struct secret *seal,
	const struct ledger_report *report, int64_t slice_rows, struct ledger_counts *ret,
	struct err *err) must_check;

#endif
