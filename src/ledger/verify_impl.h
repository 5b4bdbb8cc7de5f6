/* SPDX-License-Identifier: Apache-2.0 */
/* The proof's own types: what is stored of an account beside what its entries make of it.
 *
 * verify.c reads a slice of buckets: first what is stored (accounts, lots, holds), then all entries
 * in order of posting. verify_replay.c keeps the rules, verify_forgiven.c those of forgiving:
 * proof_replay() for each entry, proof_judge() at the end. Neither uses the posting code: what is
 * checked there is worked out here a second time. */
#ifndef LEDGER_VERIFY_IMPL_H
#define LEDGER_VERIFY_IMPL_H

#include "ledger/ledger_impl.h"

struct proof_lot {
	struct proof_lot *next; /* the next later expiry */
	int64_t expires_at;
	struct {
		int64_t remaining, expired;
	} stored, replayed;
};

struct proof_hold_row {
	int64_t amount, state, made_at, expires_at, ended_at;
};
struct proof_hold {
	struct proof_hold *next;
	id_t64 id;
	struct proof_hold_row stored, replayed;
};

/* What one return let go: what is left of it. */
struct proof_forgiven {
	struct proof_forgiven *next; /* the next later */
	int64_t forgiven_at;
	int64_t stored, replayed;
};

/* What one reference spent and has not got back. */
struct proof_away {
	struct proof_away *next;
	struct ledger_ref ref;
	int64_t since; /* when the first of it left what was available */
	int64_t spent;
	bool returns; /* has been coming back: what is spent now is another matter */
};

struct proof_account {
	struct proof_account *next; /* in its place of the table */
	bool has_row;
	struct ledger_standing stored, replayed;
	unsigned char stored_head[HASH_LEN];
	unsigned char head[HASH_LEN]; /* of the last entry replayed */
	struct proof_lot *lots;
	struct proof_hold *holds;
	struct proof_forgiven *forgiven;
	struct proof_away *away;
	int64_t to_retake; /* a release owes this to returns that had forgiven it */
	unsigned reported; /* a bit an invariant */
};

struct proof {
	struct store_tx *tx;
	const struct secret *seal;
	const struct ledger_report *report;
	struct ledger_counts counts;
	struct arena *arena; /* of the slice */
	struct proof_account **table;
	size_t table_size; /* a power of two */
};

/* Finds or makes; NULL if out of memory. Lots are kept by expiry, forgivings by time. */
struct proof_lot *proof_lot_get(struct proof *proof, struct proof_account *account,
	int64_t expires_at);
struct proof_hold *proof_hold_get(struct proof *proof, struct proof_account *account, id_t64 id);
struct proof_forgiven *proof_forgiven_get(struct proof *proof, struct proof_account *account,
	int64_t forgiven_at);

/* Reports a breach of L<invariant>, once an account. */
void proof_breach(struct proof *proof, struct proof_account *account, int invariant,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The next entry of an account; false if out of memory. */
bool proof_replay(struct proof *proof, struct proof_account *account,
	const struct ledger_entry *entry);
/* After the last: is what is stored what was replayed? */
void proof_judge(struct proof *proof, struct proof_account *account);

/* The same two for what was forgiven; after the entry's hold was replayed. */
bool proof_forgive(struct proof *proof, struct proof_account *account,
	const struct ledger_entry *entry);
void proof_judge_forgiven(struct proof *proof, struct proof_account *account);

#endif
