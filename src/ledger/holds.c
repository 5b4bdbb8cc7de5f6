/* SPDX-License-Identifier: Apache-2.0 */
/* Holds: a part of the balance promised to somebody until a time, then spent or released, once.
 *
 * A hold is not tied to lots: what is held is some of the balance, and which lots it takes is
 * decided when it is spent, soonest expiry first. What is held does not expire, is not spent
 * otherwise and is not clawed back (A2). Its state is stored; see enum hold_state. */
#include "ledger/ledger_impl.h"

struct hold {
	id_t64 id, member, programme;
	int64_t amount, expires_at, made_at;
	enum hold_state state;
};

/* *ret_found tells whether there is such a hold at all. */
static int hold_find(const struct ledger_env *env, id_t64 member, id_t64 id, struct hold *ret,
	bool *ret_found, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(env->tx, &ledger_sql[SQL_HOLD_FIND],
		ARGS(V_INT(id_bucket(member)), V_INT(id)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	*ret_found = rc == 1;
	if (rc == 1)
		*ret = (struct hold) {
			.id = id,
			.member = store_int(rows, 0),
			.programme = store_int(rows, 1),
			.amount = store_int(rows, 2),
			.state = (enum hold_state)store_int(rows, 3),
			.expires_at = store_int(rows, 4),
			.made_at = store_int(rows, 5),
		};
	return 0;
}

static int hold_add(const struct ledger_env *env, const struct ledger_standing *now,
	const struct hold *hold, struct err *err)
{
	return store_write(env->tx, &ledger_sql[SQL_HOLD_ADD],
		ARGS(V_INT(id_bucket(now->member)), V_INT(hold->id), V_INT(now->member),
			V_INT(now->programme), V_INT(hold->amount), V_INT(now->last_at),
			V_INT(hold->expires_at)),
		1, err);
}

int hold_since(const struct ledger_env *env, id_t64 member, id_t64 hold, int64_t *ret,
	struct err *err)
{
	struct hold found;
	bool there;
	int rc = hold_find(env, member, hold, &found, &there, err);

	if (rc == 0 && unexpected(!there))
		return err_set(err, ERR_BROKEN, "an entry names a hold that is not there");
	if (rc == 0)
		*ret = found.made_at;
	return rc;
}

int ledger_hold(const struct ledger_env *env, struct ledger_account *account, id_t64 hold,
	int64_t amount, int64_t expires_at, const struct ledger_ref *ref, struct err *err)
{
	const struct posting posting = { env, account, ref };
	struct move move = {
		.kind = LEDGER_ENTRY_HOLD,
		.lot = expires_at,
		.hold = hold,
		.held = amount,
	};
	struct hold made = { .id = hold, .amount = amount, .expires_at = expires_at };
	struct hold other;
	bool found;
	int rc = post_check_amount(amount, err);

	require(hold != 0);
	if (rc == 0)
		rc = post_check_lot(expires_at, err);
	if (rc < 0)
		return rc;
	if (ledger_available(&account->now) < amount)
		return LEDGER_SHORT;
	rc = hold_find(env, account->now.member, hold, &other, &found, err);
	if (rc == 0 && found)
		return err_set(err, ERR_CONFLICT, "that hold has been made before");
	if (rc == 0)
		rc = post_move(&posting, &move, err);
	if (rc == 0)
		rc = hold_add(env, &account->now, &made, err);
	return rc ? rc : post_done(account);
}

/* ---- how it ends ---- */

/* An open hold of this account, or LEDGER_ENDED. */
static int hold_get(const struct ledger_env *env, const struct ledger_account *account, id_t64 id,
	struct hold *ret, struct err *err)
{
	const struct ledger_standing *now = &account->now;
	bool found;
	int rc = hold_find(env, now->member, id, ret, &found, err);

	if (rc < 0)
		return rc;
	if (!found || ret->state != HOLD_OPEN || ret->member != now->member ||
		ret->programme != now->programme)
		return LEDGER_ENDED;
	if (unexpected(ret->amount < 1 || ret->amount > now->held))
		return err_set(err, ERR_BROKEN, "a hold is larger than what its account holds");
	return 0;
}

static int hold_end(const struct ledger_env *env, const struct hold *hold, enum hold_state state,
	int64_t at, struct err *err)
{
	require(state > HOLD_OPEN && state <= HOLD_EXPIRED);
	return store_write(env->tx, &ledger_sql[SQL_HOLD_END],
		ARGS(V_INT(id_bucket(hold->member)), V_INT(hold->id), V_INT(state), V_INT(at)), 1,
		err);
}

int ledger_hold_spend(const struct ledger_env *env, struct ledger_account *account, id_t64 hold,
	const struct ledger_ref *ref, struct err *err)
{
	const struct posting posting = { env, account, ref };
	int64_t before = account->now.last_at;
	struct hold found;
	int rc = hold_get(env, account, hold, &found, err);

	if (rc)
		return rc;
	struct move move = { .kind = LEDGER_ENTRY_SPEND, .hold = hold, .held = -found.amount };
	rc = post_take(&posting, move, found.amount, err);
	/* Its end is the time of the first entry: the one that lowered `held`. */
	if (rc == 0)
		rc = hold_end(env, &found, HOLD_SPENT, num_max(env->now, before + 1), err);
	return rc ? rc : post_done(account);
}

/* What became free goes to returns that let it go while it was held, then it pays debt (A3). */
static int settle(const struct posting *posting, const struct hold *hold, struct err *err)
{
	const struct ledger_standing *now = &posting->account->now;
	const struct comeback back = { hold->made_at, hold->amount, true };
	int64_t taken;
	int rc = forgiven_retake(posting, &back, &taken, err);
	int64_t pay = num_min(now->debt, ledger_available(now));

	if (rc || pay == 0)
		return rc;
	return post_take(posting, (struct move) { .kind = LEDGER_ENTRY_SETTLE }, pay, err);
}

int ledger_hold_release(const struct ledger_env *env, struct ledger_account *account, id_t64 hold,
	bool expired, const struct ledger_ref *ref, struct err *err)
{
	const struct posting posting = { env, account, ref };
	struct hold found;
	int rc = hold_get(env, account, hold, &found, err);

	if (rc)
		return rc;
	struct move move = {
		.kind = LEDGER_ENTRY_RELEASE,
		.hold = hold,
		.held = -found.amount,
		.lot = expired ? found.expires_at : 0,
	};
	rc = post_move(&posting, &move, err);
	if (rc == 0)
		rc = hold_end(env, &found, expired ? HOLD_EXPIRED : HOLD_RELEASED,
			account->now.last_at, err);
	if (rc == 0)
		rc = settle(&posting, &found, err);
	return rc ? rc : post_done(account);
}
