/* SPDX-License-Identifier: Apache-2.0 */
/* The customer's answer to a step: yes, no, or nothing in time. A time-out is an answer of its own:
 * it neither joins nor declines. See visit.h. */
#include "base/check.h"
#include "visit/visit_impl.h"

/* One answer on its way. */
struct reply {
	const struct visit_answer *answer;
	struct touch_row touch;
	struct person *person;
	bool fresh; /* the person was made by this answer */
	struct story story;
	struct step_list *steps;
};

static bool says(const struct reply *reply, const char *value)
{
	return str_is(reply->answer->value, value);
}

/* ---- joining ---- */

/* Who is known and says ja is known by all they showed. */
static int tie_carried(struct visit_env *env, struct reply *reply, struct err *err)
{
	const struct touch_row *touch = &reply->touch;
	id_t64 owners[IDENTIFIERS_MAX];
	id_t64 member, other;
	int rc = member_find(env->tx, touch->carried, touch->carried_count, &member, &other, owners,
		err);

	for (size_t i = 0; i < touch->carried_count && rc == 0; i++)
		if (owners[i] == 0)
			rc = member_add_identifier(env->tx, env->access->merchant->id,
				reply->person->member.id, &touch->carried[i], env->now, err);
	if (rc != 0 || touch->carried_count == 0)
		return rc;
	return store_write(env->tx, &visit_statements[TOUCH_BLANK],
		ARGS(V_INT(key_bucket(&reply->answer->touch)),
			V_BLOB(reply->answer->touch.bytes, 16)),
		1, err);
}

static int know_person(struct visit_env *env, struct reply *reply, struct err *err)
{
	int rc;

	if (reply->person)
		return tie_carried(env, reply, err);
	if (reply->touch.carried_count == 0)
		return err_set(err, ERR_CONFLICT,
			"the touch is over: hold the card to the reader again");
	rc = person_make(env, reply->touch.carried, reply->touch.carried_count, false,
		reply->touch.language, &reply->person, err);
	reply->fresh = rc == 0;
	if (rc == 0)
		rc = store_write(env->tx, &visit_statements[TOUCH_MEMBER],
			ARGS(V_INT(key_bucket(&reply->answer->touch)),
				V_BLOB(reply->answer->touch.bytes, 16),
				V_INT(reply->person->member.id)),
			1, err);
	return rc;
}

static int join(struct visit_env *env, struct reply *reply, const struct programme *programme,
	struct err *err)
{
	struct seat *seat;
	int rc = know_person(env, reply, err);

	if (rc != 0)
		return rc;
	seat = person_seat(reply->person, programme->id);
	if (!seat || seat->enrolment.state != ENROLMENT_JOINED)
		rc = person_join(env, reply->person, programme, &reply->story, &seat, err);
	if (rc == 0 && reply->fresh)
		rc = person_join_auto(env, reply->person, env->access->device->shop->id, env->now,
			&reply->story, err);
	return rc != 0 ? rc : steps_add_card(env, reply->steps, reply->person, seat, err);
}

static int answer_join(struct visit_env *env, struct reply *reply, struct str code, struct err *err)
{
	const struct programme *programme =
		catalogue_code(env->catalogue, env->access->merchant->id, code);

	if (!programme || programme->state == PROGRAMME_DRAFT || programme->joins_by_itself)
		return err_at(err, ERR_INVALID, "/step", "there is no such question at this touch");
	if (says(reply, "timeout"))
		return 0;
	if (says(reply, "no"))
		return reply->person ? person_decline(env, reply->person, programme, err) : 0;
	if (!programme_runs(programme, env->access->device->shop->id, env->now))
		return err_set(err, ERR_CONFLICT, "the programme does not run here now");
	return join(env, reply, programme, err);
}

/* ---- taking what is offered ---- */

static int tell_to_give(struct visit_env *env, struct reply *reply, const struct reward *reward,
	const struct programme *programme, struct str name, struct err *err)
{
	char id[ID_TEXT_MAX];
	struct writer w;
	struct str body;
	int rc;

	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	json_out_cstr(&w.out, "reward", id_text(reward->id, "w", id));
	json_out_text(&w.out, "programme", programme->code);
	json_out_text(&w.out, "name", name);
	json_out_text(&w.out, "touch", reply->touch.caller);
	rc = person_json(env, reply->person, &w.out, "member", err);
	json_out_object_end(&w.out);
	if (rc == 0)
		rc = writer_done(&w, &body, err);
	if (rc < 0)
		return rc;
	if (!env->access->device->paired_with) /* a till that is its own reader hands out itself */
		return visit_event(env, env->access->device->id, "reward_to_give", body, err);
	return visit_tell_counter(env, env->access->device, "reward_to_give", body, err);
}

static int take(struct visit_env *env, struct reply *reply, struct reward *reward,
	const struct programme *programme, struct err *err)
{
	struct seat *seat = person_seat(reply->person, reward->programme);
	struct ledger_env ledger = visit_ledger(env);
	struct texts names;
	int rc;

	if (unexpected(!seat))
		return err_set(err, ERR_BROKEN, "a reward where nobody is enrolled");
	rc = person_account(env, reply->person, seat, err);
	if (rc == 0)
		rc = reward_hold(env, &ledger, seat->account, reward,
			programme_arm_hold_us(programme, reward->arm), err);
	if (rc == 0)
		rc = visit_reward_name(env, reward, &names, err);
	if (rc != 0)
		return rc;
	struct happened held = { .type = HAPPENED_REWARD_HELD,
		.programme = programme,
		.reward = reward->id,
		.text = texts_pick(&names, reply->person->language, STR("en")) };
	rc = story_add(&reply->story, &held, err);
	return rc < 0 ? rc : tell_to_give(env, reply, reward, programme, held.text, err);
}

static int answer_offer(struct visit_env *env, struct reply *reply, struct str id, struct err *err)
{
	const struct programme *programme;
	struct reward reward;
	id_t64 reward_id;
	int rc = 1;

	if (id_parse(id, "w", &reward_id))
		rc = reward_get(env->tx, env->access->merchant->id, reward_id, env->arena, &reward,
			err);
	if (rc < 0)
		return rc;
	if (rc > 0 || !reply->person || reward.member != reply->person->member.id)
		return err_at(err, ERR_INVALID, "/step", "there is no such offer at this touch");
	if (!says(reply, "yes"))
		return 0; /* still due */
	programme = catalogue_find(env->catalogue, reward.programme);
	if (!programme)
		return err_set(err, ERR_CONFLICT, "the programme is gone");
	return take(env, reply, &reward, programme, err);
}

/* ---- the answer ---- */

static int answer_card(const struct visit_env *env, const struct reply *reply, struct str code,
	struct err *err)
{
	if (!catalogue_code(env->catalogue, env->access->merchant->id, code))
		return err_at(err, ERR_INVALID, "/step", "there is no such card at this touch");
	if (!says(reply, "ok") && !says(reply, "timeout"))
		return err_at(err, ERR_INVALID, "/value",
			"must be \"ok\" or \"timeout\" for a card");
	return 0;
}

static int read_step(struct visit_env *env, struct reply *reply, struct err *err)
{
	struct str rest = reply->answer->step;
	struct str kind = str_cut(&rest, ':');

	bool question = says(reply, "yes") || says(reply, "no") || says(reply, "timeout");
	if (str_is(kind, "card"))
		return answer_card(env, reply, rest, err);
	if (!str_is(kind, "join") && !str_is(kind, "offer"))
		return err_at(err, ERR_INVALID, "/step", "there is no such step");
	if (!question)
		return err_at(err, ERR_INVALID, "/value",
			"must be \"yes\", \"no\" or \"timeout\" for a question");
	return str_is(kind, "join") ? answer_join(env, reply, rest, err)
				    : answer_offer(env, reply, rest, err);
}

static int open_reply(struct visit_env *env, struct reply *reply, struct err *err)
{
	int rc = touch_get(env, &reply->answer->touch, &reply->touch, err);

	if (rc != 0)
		return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "there is no such touch");
	if (reply->touch.device != env->access->device->id)
		return err_set(err, ERR_FORBIDDEN, "the touch belongs to another device");
	if (reply->touch.state == TOUCH_CLEARED ||
		reply->touch.touched_at < env->now - VISIT_TOUCH_BLANKED)
		return err_set(err, ERR_CONFLICT,
			"the touch is over: hold the card to the reader again");
	rc = touch_person(env, &reply->touch, &reply->person, err);
	if (rc == 0)
		rc = story_init(env, &reply->story, err);
	if (rc == 0)
		rc = steps_new(env,
			reply->person ? reply->person->language
				      : visit_language(env, reply->touch.language, STR("")),
			&reply->steps, err);
	return rc;
}

static int write_reply(struct visit_env *env, struct reply *reply, struct str *ret, struct err *err)
{
	struct writer w;
	int rc;

	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	steps_json(reply->steps, &w.out, "steps");
	story_json(&reply->story, &w.out, "effects");
	rc = person_json(env, reply->person, &w.out, "member", err);
	json_out_object_end(&w.out);
	return rc < 0 ? rc : writer_done(&w, ret, err);
}

int visit_answer(struct visit_env *env, const struct visit_answer *answer, struct str *ret_answer,
	struct err *err)
{
	struct reply reply = { .answer = answer };
	uint16_t bucket = key_bucket(&answer->touch);
	struct key key = visit_sub_key(env->keys, "answer", key_str(&answer->touch), answer->id);
	struct claim claim;
	int rc = claim_find(env->tx, bucket, &key, env->arena, &claim, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return visit_replay(env, &claim, &answer->said, ret_answer, err);
	rc = open_reply(env, &reply, err);
	if (rc == 0)
		rc = read_step(env, &reply, err);
	if (rc == 0)
		rc = write_reply(env, &reply, ret_answer, err);
	if (rc == 0 && reply.fresh)
		rc = visit_tell_till(env, reply.person, false, reply.touch.caller, err);
	if (rc == 0 && reply.person)
		rc = person_save(env, reply.person, err);
	return rc != 0 ? rc : visit_claim(env, bucket, &key, &answer->said, *ret_answer, err);
}
