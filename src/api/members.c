/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/members, but for their history (entries.c) */
#include "api/api_impl.h"

static int answer_member(struct op *op, struct store_tx *tx, id_t64 member, const char *name,
	struct err *err)
{
	struct visit_env env;
	struct json_out out;
	struct buf buf;
	int rc = 0;

	op_env(op, tx, 0, &env);
	buf_writer(op, &buf, &out);
	if (name)
		json_out_object(&out, NULL);
	if (member)
		rc = visit_member_json(&env, member, &out, name, err);
	else
		json_out_null(&out, name);
	if (name)
		json_out_object_end(&out);
	return rc != 0 ? rc : op_answer(op, &buf, err);
}

int api_member(struct op *op, struct err *err)
{
	struct store_tx *tx;
	id_t64 member;
	int rc = op_our_id(op, 0, "m", &member, err);

	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	rc = answer_member(op, tx, member, NULL, err);
	store_read_end(&tx);
	return rc > 0 ? err_set(err, ERR_NOT_FOUND, "there is no such member") : rc;
}

int api_search(struct op *op, struct err *err)
{
	struct identifier_ring ring;
	struct identifier identifier;
	struct json_reader r;
	struct store_tx *tx;
	const struct json *value;
	id_t64 member = 0, other, owner;
	int rc;

	json_begin(&r, op->arena, op->body, STR(""), err);
	value = json_object(&r, "identifier");
	rc = json_end(&r);
	if (rc < 0)
		return rc;
	identifier_ring_of(&op->api->options.identifiers, op->access->merchant->id, &ring);
	rc = op_identifier(op, value, STR("/identifier"), &ring, &identifier, err);
	secret_wipe_bytes(&ring, sizeof(ring));
	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	rc = member_find(tx, &identifier, 1, &member, &other, &owner, err);
	if (rc == 0)
		rc = answer_member(op, tx, member, "member", err);
	store_read_end(&tx);
	return rc > 0 ? err_set(err, ERR_NOT_FOUND, "there is no such member") : rc;
}
