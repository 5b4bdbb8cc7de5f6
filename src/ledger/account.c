/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: opening, and saving the balance row.
 *
 * The row is written once a unit, however many entries it posted, and only if it still has the
 * version that was read: two units that read the same version cannot both be saved. That one guard
 * is what makes a double spend impossible; everything else that is written belongs to the account
 * it guards.
 *
 * Asserted in pairs: what is read must be sound or it is ERR_BROKEN; what is written must be, or
 * the program ends. */
#include "ledger/ledger_impl.h"

#include <string.h>

bool account_is_sound(const struct ledger_standing *standing)
{
	bool held = standing->held >= 0 && standing->held <= num_max(standing->balance, 0);
	bool debt = standing->debt == 0 || (standing->debt > 0 && !ledger_available(standing));
	bool lasting = standing->lasting >= 0 || standing->lasting == standing->balance;

	/* What does not last lies in lots. */
	bool soonest = (standing->soonest != 0) == (standing->balance != standing->lasting);

	return held && debt && lasting && soonest;
}

int account_make(const struct ledger_env *env, id_t64 member, id_t64 programme,
	struct ledger_account **ret, struct err *err)
{
	struct ledger_account *account = arena_make(env->arena, struct ledger_account);

	if (!account)
		return err_set(err, ERR_NO_MEMORY, "no memory for an account");
	account->now.member = member;
	account->now.programme = programme;
	*ret = account;
	return 0;
}

/* From a row of ACCOUNT_FIND or ACCOUNT_LIST. */
static int account_read(const struct ledger_env *env, id_t64 member, const struct store_rows *rows,
	struct ledger_account **ret, struct err *err)
{
	struct str head = store_bytes(rows, 8);
	struct ledger_account *account;
	int rc = account_make(env, member, store_int(rows, 0), &account, err);

	if (rc < 0)
		return rc;
	struct ledger_standing *now = &account->now;
	now->entries = account->saved = store_int(rows, 1);
	now->balance = store_int(rows, 2);
	now->held = store_int(rows, 3);
	now->debt = store_int(rows, 4);
	now->lasting = store_int(rows, 5);
	now->soonest = store_int(rows, 6);
	now->last_at = store_int(rows, 7);
	account->stored = true;
	if (unexpected(!account_is_sound(now) || now->entries < 1 || head.len != HASH_LEN)) {
		char text[ACCOUNT_TEXT_MAX];
		return err_set(err, ERR_BROKEN, "%s: its row contradicts itself; run zegel verify",
			account_text(member, now->programme, text));
	}
	memcpy(account->head, head.ptr, HASH_LEN);
	*ret = account;
	return 0;
}

int ledger_open(const struct ledger_env *env, id_t64 member, id_t64 programme,
	struct ledger_account **ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(env->tx, &ledger_sql[SQL_ACCOUNT_FIND],
		ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(programme)), &rows, err);

	if (rc < 0)
		return rc;
	rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return account_make(env, member, programme, ret, err);
	return account_read(env, member, rows, ret, err);
}

/* The accounts of one member, as they come. */
struct account_list {
	struct ledger_account **list;
	size_t count, max;
};

static int list_add(struct arena *arena, struct account_list *accounts,
	struct ledger_account *account, struct err *err)
{
	if (accounts->count == accounts->max) {
		size_t max = accounts->max ? 2 * accounts->max : 8;
		struct ledger_account **more = arena_array(arena, max, sizeof(*more));
		if (!more)
			return err_set(err, ERR_NO_MEMORY, "no memory for accounts");
		if (accounts->count)
			memcpy(more, accounts->list, accounts->count * sizeof(*more));
		accounts->list = more;
		accounts->max = max;
	}
	accounts->list[accounts->count++] = account;
	return 0;
}

int ledger_ask_all(const struct ledger_env *env, id_t64 member, struct store_rows **ret,
	struct err *err)
{
	return store_query(env->tx, &ledger_sql[SQL_ACCOUNT_LIST],
		ARGS(V_INT(id_bucket(member)), V_INT(member)), ret, err);
}

int ledger_take_all(const struct ledger_env *env, id_t64 member, struct store_rows *rows,
	struct ledger_account ***ret, size_t *ret_count, struct err *err)
{
	struct account_list accounts = { 0 };
	int rc;

	while ((rc = store_next(rows, err)) == 1) {
		struct ledger_account *account;
		rc = account_read(env, member, rows, &account, err);
		if (rc == 0)
			rc = list_add(env->arena, &accounts, account, err);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	*ret = accounts.list;
	*ret_count = accounts.count;
	return 0;
}

int ledger_pick(const struct ledger_env *env, id_t64 member, id_t64 programme,
	struct ledger_account **accounts, size_t count, struct ledger_account **ret,
	struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		require(accounts[i]->now.member == member);
		if (accounts[i]->now.programme == programme) {
			*ret = accounts[i];
			return 0;
		}
	}
	return account_make(env, member, programme, ret, err);
}

const struct ledger_standing *ledger_standing(const struct ledger_account *account)
{
	return &account->now;
}

static int account_add_row(const struct ledger_env *env, const struct ledger_account *account,
	struct err *err)
{
	const struct ledger_standing *now = &account->now;

	return store_write(env->tx, &ledger_sql[SQL_ACCOUNT_MAKE],
		ARGS(V_INT(id_bucket(now->member)), V_INT(now->member), V_INT(now->programme),
			V_INT(now->entries), V_INT(now->balance), V_INT(now->held),
			V_INT(now->debt), V_INT(now->lasting), V_INT(now->soonest),
			V_INT(now->last_at), V_BLOB(account->head, HASH_LEN)),
		1, err);
}

static int account_save_row(const struct ledger_env *env, const struct ledger_account *account,
	struct err *err)
{
	const struct ledger_standing *now = &account->now;

	return store_write(env->tx, &ledger_sql[SQL_ACCOUNT_SAVE],
		ARGS(V_INT(id_bucket(now->member)), V_INT(now->member), V_INT(now->programme),
			V_INT(account->saved), V_INT(now->entries), V_INT(now->balance),
			V_INT(now->held), V_INT(now->debt), V_INT(now->lasting),
			V_INT(now->soonest), V_INT(now->last_at), V_BLOB(account->head, HASH_LEN)),
		1, err);
}

int ledger_save(const struct ledger_env *env, struct ledger_account *account, struct err *err)
{
	if (account->now.entries == account->saved)
		return 0;
	require(account->now.entries > account->saved && account_is_sound(&account->now));
	int rc = lots_save(env, account, err);
	if (rc == 0)
		rc = account->stored ? account_save_row(env, account, err)
				     : account_add_row(env, account, err);
	if (rc == 0) {
		account->saved = account->now.entries;
		account->stored = true;
	}
	return rc;
}
