/* SPDX-License-Identifier: Apache-2.0 */
/* The lots of an open account.
 *
 * Lots are read late and only if somebody must know them: an earn never does (LOT_BLIND), a spend
 * does unless the whole balance is lasting. They are written at the save, each at most once a unit.
 *
 * The list is sorted by expires_at: "soonest first" is its order. */
#include "ledger/ledger_impl.h"

#include <string.h>

/* Where a lot stands in the list, or would stand. */
static size_t lot_place(const struct ledger_account *account, int64_t expires_at)
{
	size_t low = 0, high = account->lot_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (account->lots[middle].expires_at < expires_at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool lots_grow(struct arena *arena, struct ledger_account *account)
{
	size_t max = account->lot_max ? 2 * account->lot_max : 8;
	struct lot *more = arena_array(arena, max, sizeof(*more));

	if (!more)
		return false;
	if (account->lot_count)
		memcpy(more, account->lots, account->lot_count * sizeof(*more));
	account->lots = more;
	account->lot_max = max;
	return true;
}

int lots_touch(const struct ledger_env *env, struct ledger_account *account, int64_t expires_at,
	struct lot **ret, struct err *err)
{
	size_t at = lot_place(account, expires_at);

	require(expires_at > 0 && expires_at < LEDGER_NEVER);
	if (at == account->lot_count || account->lots[at].expires_at != expires_at) {
		if (account->lot_count == account->lot_max && !lots_grow(env->arena, account))
			return err_set(err, ERR_NO_MEMORY, "no memory for lots");
		struct lot *place = &account->lots[at];
		memmove(place + 1, place, (account->lot_count - at) * sizeof(*place));
		*place = (struct lot) { .expires_at = expires_at, .row = LOT_BLIND };
		account->lot_count++;
	}
	*ret = &account->lots[at];
	return 0;
}

/* Joins what the row says with what this unit put in. */
static int lot_learn(struct lot *lot, int64_t remaining, int64_t expired, struct err *err)
{
	if (lot->row != LOT_BLIND)
		return 0;
	bool fits = num_add(remaining, lot->remaining - lot->was.remaining, &lot->remaining) &&
		num_add(expired, lot->expired - lot->was.expired, &lot->expired);
	if (unexpected(remaining < 0 || expired < 0 || !fits))
		return err_set(err, ERR_BROKEN, "a lot's row contradicts itself; run zegel verify");
	lot->was.remaining = remaining;
	lot->was.expired = expired;
	lot->row = LOT_STORED;
	return 0;
}

static int lots_read(const struct ledger_env *env, struct ledger_account *account, struct err *err)
{
	const struct ledger_standing *now = &account->now;
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(env->tx, &ledger_sql[SQL_LOT_LIST],
		ARGS(V_INT(id_bucket(now->member)), V_INT(now->member), V_INT(now->programme)),
		&rows, err);

	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, err)) == 1) {
		struct lot *lot;
		rc = lots_touch(env, account, store_int(rows, 0), &lot, err);
		if (rc == 0)
			rc = lot_learn(lot, store_int(rows, 1), store_int(rows, 2), err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static bool lots_make_balance(const struct ledger_account *account)
{
	int64_t sum = account->now.lasting;

	for (size_t i = 0; i < account->lot_count; i++) {
		if (!num_add(sum, account->lots[i].remaining, &sum))
			return false;
	}
	return sum == account->now.balance;
}

int lots_open(const struct ledger_env *env, struct ledger_account *account, struct err *err)
{
	if (account->lots_known)
		return 0;
	if (account->now.soonest) {
		int rc = lots_read(env, account, err);
		if (rc < 0)
			return rc;
	}
	if (unexpected(!lots_make_balance(account))) {
		char text[ACCOUNT_TEXT_MAX];
		return err_set(err, ERR_BROKEN, "%s: its lots do not make its balance",
			account_text(account->now.member, account->now.programme, text));
	}
	account->lots_known = true;
	return 0;
}

int lots_get(const struct ledger_env *env, struct ledger_account *account, int64_t expires_at,
	struct lot **ret, struct err *err)
{
	const struct ledger_standing *now = &account->now;
	struct store_rows *rows ROWS_AUTO = NULL;
	struct lot *lot;
	int rc = lots_touch(env, account, expires_at, &lot, err);

	if (rc < 0)
		return rc;
	*ret = lot;
	if (lot->row != LOT_BLIND)
		return 0;
	rc = store_query(env->tx, &ledger_sql[SQL_LOT_FIND],
		ARGS(V_INT(id_bucket(now->member)), V_INT(now->member), V_INT(now->programme),
			V_INT(expires_at)),
		&rows, err);
	if (rc == 0)
		rc = store_next(rows, err);
	if (rc == 1)
		return lot_learn(lot, store_int(rows, 1), store_int(rows, 2), err);
	if (rc == 0)
		lot->row = LOT_ABSENT;
	return rc;
}

static int lot_write(const struct ledger_env *env, const struct ledger_standing *now,
	const struct lot *lot, struct err *err)
{
	if (lot->row == LOT_STORED)
		return store_write(env->tx, &ledger_sql[SQL_LOT_SAVE],
			ARGS(V_INT(id_bucket(now->member)), V_INT(now->member),
				V_INT(now->programme), V_INT(lot->expires_at),
				V_INT(lot->was.remaining), V_INT(lot->was.expired),
				V_INT(lot->remaining), V_INT(lot->expired)),
			1, err);
	return store_write(env->tx, &ledger_sql[SQL_LOT_ADD],
		ARGS(V_INT(id_bucket(now->member)), V_INT(now->member), V_INT(now->programme),
			V_INT(lot->expires_at), V_INT(lot->remaining - lot->was.remaining),
			V_INT(lot->expired - lot->was.expired)),
		1, err);
}

int lots_save(const struct ledger_env *env, struct ledger_account *account, struct err *err)
{
	for (size_t i = 0; i < account->lot_count; i++) {
		struct lot *lot = &account->lots[i];
		if (lot->remaining == lot->was.remaining && lot->expired == lot->was.expired)
			continue;
		int rc = lot_write(env, &account->now, lot, err);
		if (rc)
			return rc;
		lot->was.remaining = lot->remaining;
		lot->was.expired = lot->expired;
		if (lot->row == LOT_ABSENT)
			lot->row = LOT_STORED;
	}
	return 0;
}
