/* SPDX-License-Identifier: Apache-2.0 */
/* Members and their identifiers in the store; see member.h.
 *
 * Invariants: 1. no statement ever gets an identifier's value, only its token. 2. An identifier
 * belongs to one member: the primary key says so, a second one is STORE_MOVED. */
#include "member/member.h"

#include "member/member_sql.h"

const struct store_room member_room = {
	.name = "member",
	.statements = statements,
	.statement_count = sizeof(statements) / sizeof(*statements),
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};

static int find_token(struct store_tx *tx, const unsigned char *token, id_t64 *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	uint16_t bucket = (uint16_t)(token[0] << 8 | token[1]);
	int rc = store_query(tx, &statements[FIND_IDENTIFIER],
		ARGS(V_INT(bucket), V_BLOB(token, HASH_LEN)), &rows, err);

	if (rc < 0)
		return rc;
	rc = store_next(rows, err);
	*ret = rc > 0 ? store_int(rows, 0) : 0;
	return rc < 0 ? rc : 0;
}

static int find_one(struct store_tx *tx, const struct identifier *identifier, id_t64 *ret,
	struct err *err)
{
	*ret = 0;
	for (uint32_t i = 0; i < identifier->count && *ret == 0; i++) {
		int rc = find_token(tx, identifier->tokens[i].token, ret, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int member_find(struct store_tx *tx, const struct identifier *identifiers, size_t count,
	id_t64 *ret_member, id_t64 *ret_other, id_t64 *owners, struct err *err)
{
	id_t64 first = 0;
	id_t64 other = 0;

	for (size_t i = 0; i < count; i++) {
		id_t64 found;
		int rc = find_one(tx, &identifiers[i], &found, err);
		if (rc < 0)
			return rc;
		owners[i] = found;
		if (first == 0)
			first = found;
		else if (found != 0 && found != first && other == 0)
			other = found;
	}
	*ret_member = first;
	*ret_other = other;
	return 0;
}

int member_ask(struct store_tx *tx, id_t64 id, struct store_rows **ret, struct err *err)
{
	return store_query(tx, &statements[GET_MEMBER], ARGS(V_INT(id_bucket(id)), V_INT(id)), ret,
		err);
}

int member_get(struct store_tx *tx, id_t64 merchant, id_t64 id, struct arena *arena,
	struct member *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = member_ask(tx, id, &rows, err);

	return rc < 0 ? rc : member_take(rows, merchant, id, arena, ret, err);
}

int member_take(struct store_rows *rows, id_t64 merchant, id_t64 id, struct arena *arena,
	struct member *ret, struct err *err)
{
	int rc = store_next(rows, err);

	if (rc < 0)
		return rc;
	if (rc == 0 || store_int(rows, 0) != merchant)
		return 1;
	struct str language = arena_str(arena, store_bytes(rows, 1));
	if (!language.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a member");
	*ret = (struct member) { .id = id,
		.merchant = merchant,
		.language = language,
		.created_at = store_int(rows, 2) };
	return 0;
}

int member_add(struct store_tx *tx, const struct member *member, struct err *err)
{
	return store_write(tx, &statements[ADD_MEMBER],
		ARGS(V_INT(id_bucket(member->id)), V_INT(member->id), V_INT(member->merchant),
			V_TEXT(member->language), V_INT(member->created_at)),
		1, err);
}

int member_add_identifier(struct store_tx *tx, id_t64 merchant, id_t64 member,
	const struct identifier *identifier, int64_t now, struct err *err)
{
	struct store_val token = V_BLOB(identifier->tokens[0].token, HASH_LEN);
	int rc = store_write(tx, &statements[ADD_IDENTIFIER],
		ARGS(V_INT(identifier_bucket(identifier)), token,
			V_INT(identifier->tokens[0].key_id), V_INT(merchant), V_INT(member),
			V_INT(identifier->kind), V_INT(now)),
		1, err);

	return rc != 0 ? rc
		       : store_write(tx, &statements[ADD_KNOWN_BY],
				 ARGS(V_INT(id_bucket(member)), V_INT(member), token), 1, err);
}
