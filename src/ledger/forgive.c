/* SPDX-License-Identifier: Apache-2.0 */
/* What returns let go, and taking it back once the points are there after all.
 *
 * A return under LEDGER_FORGIVE lets go what it does not find: points that were spent or are held.
 * When such points come back, because their reward is reversed or their hold released, the return
 * may have them: had they come back before it, it would have found them. So each forgiving is
 * remembered, by when it was, with what is left of it (a row of `forgiven`); and what comes back
 * pays those that happened while it was away, oldest first, before anything else.
 *
 * Only those: points that left after a forgiving were never what that return looked for, and giving
 * a reward and reversing it changes nothing. Oldest first leaves the newest for what went away
 * later, which only they concern; so it does not matter in which order things come back. */
#include "ledger/ledger_impl.h"

int forgiven_add(const struct posting *posting, int64_t amount, struct err *err)
{
	const struct ledger_standing *now = &posting->account->now;
	const struct move move = { .kind = LEDGER_ENTRY_FORGIVE, .counted = amount };
	int rc = post_move(posting, &move, err);

	if (rc)
		return rc;
	return store_write(posting->env->tx, &ledger_sql[SQL_FORGIVEN_ADD],
		ARGS(V_INT(id_bucket(now->member)), V_INT(now->member), V_INT(now->programme),
			V_INT(now->last_at), V_INT(amount)),
		1, err);
}

/* The oldest after `since` of which something is left; *ret_left is 0 if there is none. */
static int find_oldest(const struct posting *posting, int64_t since, int64_t *ret_at,
	int64_t *ret_left, struct err *err)
{
	const struct ledger_standing *now = &posting->account->now;
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(posting->env->tx, &ledger_sql[SQL_FORGIVEN_OLDEST],
		ARGS(V_INT(id_bucket(now->member)), V_INT(now->member), V_INT(now->programme),
			V_INT(since)),
		&rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	*ret_at = rc == 1 ? store_int(rows, 0) : 0;
	*ret_left = rc == 1 ? store_int(rows, 1) : 0;
	return 0;
}

/* Ends up to `amount` of what was forgiven after `since`. */
static int end_oldest(const struct posting *posting, int64_t since, int64_t amount,
	int64_t *ret_ended, struct err *err)
{
	const struct ledger_standing *now = &posting->account->now;
	int64_t at, left;
	int rc;

	for (*ret_ended = 0; amount > 0; amount -= left, *ret_ended += left) {
		rc = find_oldest(posting, since, &at, &left, err);
		if (rc || left == 0)
			return rc;
		int64_t rest = num_max(left - amount, 0);
		rc = store_write(posting->env->tx, &ledger_sql[SQL_FORGIVEN_SAVE],
			ARGS(V_INT(id_bucket(now->member)), V_INT(now->member),
				V_INT(now->programme), V_INT(at), V_INT(left), V_INT(rest)),
			1, err);
		if (rc)
			return rc;
		left -= rest;
	}
	return 0;
}

int forgiven_retake(const struct posting *posting, const struct comeback *back, int64_t *ret_taken,
	struct err *err)
{
	struct move move = { .kind = LEDGER_ENTRY_RETAKE };
	int rc = end_oldest(posting, back->since, back->amount, &move.counted, err);

	if (rc)
		return rc;
	*ret_taken = move.counted;
	if (move.counted == 0)
		return 0;
	return back->there ? post_take(posting, move, move.counted, err)
			   : post_move(posting, &move, err);
}
