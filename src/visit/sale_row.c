/* SPDX-License-Identifier: Apache-2.0 */
/* Sales in the store. A sale is found by the claim of its caller's id, which names its home. */
#include <string.h>

#include "base/check.h"
#include "visit/sale_impl.h"

const char *const visit_sale_state_words[] = { "", "open", "paid", "void", "partly_returned",
	"returned", NULL };

int sale_row_read(const struct store_rows *rows, struct arena *arena, struct sale_row *ret,
	struct err *err)
{
	struct str said = store_bytes(rows, 9);

	*ret = (struct sale_row) {
		.id = store_int(rows, 0),
		.merchant = store_int(rows, 1),
		.shop = store_int(rows, 2),
		.device = store_int(rows, 3),
		.caller = arena_str(arena, store_bytes(rows, 4)),
		.state = (enum visit_sale_state)store_int(rows, 5),
		.member = store_int(rows, 6),
		.total = store_int(rows, 7),
		.returned = store_int(rows, 8),
		.answer = arena_str(arena, store_bytes(rows, 11)),
		.returns = store_int(rows, 12),
	};
	if (!ret->caller.ptr || !ret->answer.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a sale");
	if (unexpected(said.len != sizeof(ret->said.bytes)))
		return err_set(err, ERR_BROKEN, "a sale has a content hash of another length");
	memcpy(ret->said.bytes, said.ptr, said.len);
	return settlement_read(store_bytes(rows, 10), arena, &ret->settlement, err);
}

int sale_get(struct store_tx *tx, id_t64 sale, struct arena *arena, struct sale_row *ret,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &visit_statements[SALE_GET],
		ARGS(V_INT(id_time_ms(sale)), V_INT(id_bucket(sale)), V_INT(sale)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	if (unexpected(rc == 0))
		return err_set(err, ERR_BROKEN, "a claim names a sale that is not there");
	return sale_row_read(rows, arena, ret, err);
}

int visit_sale_caller(struct store_tx *tx, id_t64 sale, struct arena *arena, struct str *ret,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &visit_statements[SALE_CALLER],
		ARGS(V_INT(id_time_ms(sale)), V_INT(id_bucket(sale)), V_INT(sale)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	*ret = arena_str(arena, store_bytes(rows, 0));
	return ret->ptr ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for an id");
}

static struct store_val settled_val(struct str settled)
{
	return settled.len ? V_BLOB(settled.ptr, settled.len) : V_NULL;
}

int sale_add(struct visit_env *env, const struct sale_row *row, struct err *err)
{
	struct str settled;
	int rc = settlement_pack(&row->settlement, env->arena, &settled, err);

	if (rc < 0)
		return rc;
	return store_write(env->tx, &visit_statements[SALE_ADD],
		ARGS(V_INT(id_time_ms(row->id)), V_INT(id_bucket(row->id)), V_INT(row->id),
			V_INT(row->merchant), V_INT(row->shop), V_INT(row->device),
			V_TEXT(row->caller), V_INT(row->state), V_INT(row->member),
			V_INT(row->total), V_INT(row->returned), V_BLOB(row->said.bytes, 16),
			settled_val(settled), V_BLOB(row->answer.ptr, row->answer.len),
			V_INT(row->returns)),
		1, err);
}

int sale_move(struct visit_env *env, struct sale_row *row, struct err *err)
{
	struct str settled;
	int rc = settlement_pack(&row->settlement, env->arena, &settled, err);

	if (rc < 0)
		return rc;
	return store_write(env->tx, &visit_statements[SALE_MOVE],
		ARGS(V_INT(id_time_ms(row->id)), V_INT(id_bucket(row->id)), V_INT(row->id),
			V_INT(row->returns), V_INT(row->state), V_INT(row->returned),
			settled_val(settled)),
		1, err);
}

int sale_give(struct visit_env *env, struct sale_row *row, struct err *err)
{
	struct str settled;
	int rc = settlement_pack(&row->settlement, env->arena, &settled, err);

	if (rc < 0)
		return rc;
	return store_write(env->tx, &visit_statements[SALE_GIVE],
		ARGS(V_INT(id_time_ms(row->id)), V_INT(id_bucket(row->id)), V_INT(row->id),
			V_INT(row->member), settled_val(settled), V_INT(row->returns)),
		1, err);
}

int sale_find(struct store_tx *tx, const struct key *key, struct arena *arena,
	struct claim *ret_claim, struct sale_row *ret, struct err *err)
{
	int rc = claim_find(tx, key_bucket(key), key, arena, ret_claim, err);

	if (rc != 0)
		return rc;
	if (ret_claim->home == 0)
		return 1;
	return sale_get(tx, ret_claim->home, arena, ret, err);
}
