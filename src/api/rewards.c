/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/rewards */
#include "api/api_impl.h"

static int call_reward(struct op *op, struct visit_env *env, struct err *err)
{
	return visit_reward(env, op->request, &op->answer, err);
}

static int act(struct op *op, enum visit_reward_act what, struct err *err)
{
	struct visit_reward *reward = arena_make(op->arena, struct visit_reward);
	struct json_reader r;
	int rc = op_our_id(op, 0, "w", reward ? &reward->reward : &(id_t64) { 0 }, err);

	if (rc < 0 || !reward)
		return rc < 0 ? rc : err_set(err, ERR_NO_MEMORY, "no memory");
	json_begin(&r, op->arena, op->body, STR(""), err);
	reward->id = json_text(&r, "id", 1, ID_CALLER_MAX);
	rc = json_end(&r);
	reward->act = what;
	reward->said = op->said;
	op->unit.bucket = id_bucket(reward->reward);
	op->request = reward;
	op->call = call_reward;
	return rc;
}

int api_reward_hold(struct op *op, struct err *err)
{
	return act(op, ACT_HOLD, err);
}

int api_reward_give(struct op *op, struct err *err)
{
	return act(op, ACT_GIVE, err);
}

int api_reward_release(struct op *op, struct err *err)
{
	return act(op, ACT_RELEASE, err);
}

int api_reward_reverse(struct op *op, struct err *err)
{
	return act(op, ACT_REVERSE, err);
}

int api_get_reward(struct op *op, struct err *err)
{
	struct visit_env env;
	struct reward reward;
	struct store_tx *tx;
	struct json_out out;
	struct buf buf;
	id_t64 id;
	int rc = op_our_id(op, 0, "w", &id, err);

	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	op_env(op, tx, 0, &env);
	buf_writer(op, &buf, &out);
	rc = reward_get(tx, op->access->merchant->id, id, op->arena, &reward, err);
	if (rc == 0)
		rc = visit_reward_json(&env, &reward, &out, NULL, err);
	store_read_end(&tx);
	if (rc > 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such reward");
	return rc < 0 ? rc : op_answer(op, &buf, err);
}

/* ---- the list ---- */

struct page {
	id_t64 member;
	enum reward_state state; /* 0: all (of a member), or what is held (of a merchant) */
	id_t64 after;
	size_t limit;
};

static int read_page(struct op *op, struct page *ret, struct err *err)
{
	struct str member = http_query(op->x, "member");
	struct str state = http_query(op->x, "state");
	struct str cursor = http_query(op->x, "cursor");
	int rc = op_limit(op, &ret->limit, err);

	if (rc < 0)
		return rc;
	if (member.ptr && !id_parse(member, "m", &ret->member))
		return err_set(err, ERR_INVALID, "member is an id like m_...");
	if (cursor.ptr && !id_parse(cursor, "w", &ret->after))
		return err_set(err, ERR_INVALID, "cursor is what the page before said as next");
	for (int i = 1; state.ptr && reward_state_words[i]; i++)
		if (str_is(state, reward_state_words[i]))
			ret->state = (enum reward_state)i;
	if (state.ptr && ret->state == 0)
		return err_set(err, ERR_INVALID,
			"state is offered, held, given, released, expired or reversed");
	return 0;
}

static int list(struct op *op, struct store_tx *tx, const struct page *page, struct reward *rewards,
	size_t *ret_count, struct err *err)
{
	id_t64 merchant = op->access->merchant->id;

	if (page->member)
		return reward_list(tx, merchant, page->member, page->state, page->after, op->arena,
			rewards, page->limit, ret_count, err);
	return reward_list_state(tx, merchant, page->state ? page->state : REWARD_HELD, page->after,
		op->arena, rewards, page->limit, ret_count, err);
}

int api_rewards(struct op *op, struct err *err)
{
	struct page page = { 0 };
	struct reward *rewards;
	struct visit_env env;
	struct store_tx *tx;
	struct json_out out;
	struct buf buf;
	char next[ID_TEXT_MAX];
	size_t count;
	int rc = read_page(op, &page, err);

	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	op_env(op, tx, 0, &env);
	buf_writer(op, &buf, &out);
	rewards = arena_array(op->arena, page.limit, sizeof(*rewards));
	rc = rewards ? list(op, tx, &page, rewards, &count, err)
		     : err_set(err, ERR_NO_MEMORY, "no memory for a list");
	json_out_object(&out, NULL);
	json_out_array(&out, "rewards");
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = visit_reward_json(&env, &rewards[i], &out, NULL, err);
	json_out_array_end(&out);
	store_read_end(&tx);
	if (rc < 0)
		return rc;
	if (count == page.limit)
		json_out_cstr(&out, "next", id_text(rewards[count - 1].id, "w", next));
	else
		json_out_null(&out, "next");
	json_out_object_end(&out);
	return op_answer(op, &buf, err);
}
