/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files about sales. */
#ifndef VISIT_SALE_IMPL_H
#define VISIT_SALE_IMPL_H

#include "visit/visit_impl.h"

/* A paid sale as it is kept. */
struct sale_row {
	id_t64 id, merchant, shop, device, member; /* member 0: nobody's */
	struct str caller;
	enum visit_sale_state state;
	int64_t total, returned; /* minor units */
	struct key said;
	struct settlement settlement;
	struct str answer; /* packed */
	int64_t returns;   /* how many, and the guard of the row */
};

/* Under which key, beside the sale's claim, what was said as open or as void keeps its answer. */
struct key sale_part_key(const struct visit_keys *keys, const struct key *sale,
	enum visit_sale_state state, const struct key *said);

int sale_row_read(const struct store_rows *rows, struct arena *arena, struct sale_row *ret,
	struct err *err) must_check;
/* By its id; ERR_BROKEN if it is not there. */
int sale_get(struct store_tx *tx, id_t64 sale, struct arena *arena, struct sale_row *ret,
	struct err *err) must_check;
/* By its caller's id. 0: settled, both are filled; 1: no claim, or no home (open, or void before it
 * was paid). */
int sale_find(struct store_tx *tx, const struct key *key, struct arena *arena,
	struct claim *ret_claim, struct sale_row *ret, struct err *err) must_check;
int sale_add(struct visit_env *env, const struct sale_row *row, struct err *err) must_check;
/* Writes state, returned and settlement; guarded by `returns`, which it counts up. */
int sale_move(struct visit_env *env, struct sale_row *row, struct err *err) must_check;
/* Writes member and settlement of a sale that is nobody's. */
int sale_give(struct visit_env *env, struct sale_row *row, struct err *err) must_check;

/* Who the customer of a sale is, and what to do about their touch. */
struct customer {
	struct person *person; /* NULL: nobody */
	bool has_touch;
	struct key touch;
	struct touch_row row;
	/* What waits at the counter: its newest touch; waits_at 0: nothing does. */
	struct key waits;
	int64_t waits_at;
};
/* Reads what waits at the counter, into a blank *ret: once, before customer_find(). */
int customer_waits(struct visit_env *env, struct customer *ret, struct err *err) must_check;
/* Follows `whose`, by what customer_waits() found. may_make: identifiers that were handed out
 * may make a member (a paid sale). */
int customer_find(struct visit_env *env, const struct visit_whose *whose, int64_t at, bool may_make,
	struct customer *ret, struct err *err) must_check;
/* The touch has served; those still waiting at the till's readers lapse. */
int customer_served(struct visit_env *env, const struct customer *customer,
	struct err *err) must_check;
/* The same for a sale that was paid before: whoever touched since keeps their touch. */
int customer_attached(struct visit_env *env, const struct customer *customer,
	struct err *err) must_check;
/* The reader or kiosk the touch was made at; NULL. */
const struct device *customer_reader(const struct visit_env *env, const struct customer *customer);

/* What remains of a sale, by line of its receipt. */
struct remains {
	int64_t *quantity, *amount;
	int64_t total;
};
int remains_of(struct visit_env *env, const struct sale_row *sale, const struct receipt *receipt,
	struct remains *ret, struct err *err) must_check;
/* Takes back lines (NULL: all that remains): posts, writes return and sale. */
int return_lines(struct visit_env *env, struct sale_row *sale, const struct receipt *receipt,
	struct remains *remains, const struct visit_return *what, struct story *story,
	struct person **ret, struct err *err) must_check;

/* What the versions that settled a sale give for what remains of it. */
int settlement_of_rest(struct visit_env *env, const struct receipt *receipt,
	const struct remains *remains, struct settlement *settlement, struct err *err) must_check;

#endif
