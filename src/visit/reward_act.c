/* SPDX-License-Identifier: Apache-2.0 */
/* Holding, giving, releasing and reversing rewards, and what happens when their time runs out. The
 * state diagram is in programme.h; points move in the ledger under the reward's id.
 *
 * Invariant: a reward is held exactly if the ledger has its hold open; it is given exactly if the
 * hold was spent. Both change in one unit. */
#include "base/check.h"
#include "visit/visit_impl.h"

/* One act on its way. */
struct doing {
	struct reward reward;
	struct person *person;
	struct seat *seat;
	const struct programme *programme; /* NULL: gone */
	struct ledger_env ledger;
	struct ledger_ref ref;
};

int visit_reward_name(const struct visit_env *env, const struct reward *reward, struct texts *ret,
	struct err *err)
{
	const struct programme *version;
	int rc = programme_version(env->catalogue, env->tx, reward->programme, reward->version,
		env->arena, &version, err);

	*ret = (struct texts) { 0 };
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return reward_name(version, reward->arm, env->arena, ret, err);
}

static int refuse_state(const struct reward *reward, const char *act, struct err *err)
{
	return err_set(err, ERR_CONFLICT, "a reward that is %s cannot be %s",
		reward_state_words[reward->state], act);
}

int reward_hold(struct visit_env *env, const struct ledger_env *ledger,
	struct ledger_account *account, struct reward *reward, int64_t hold_us, struct err *err)
{
	struct ledger_ref ref = { .kind = LEDGER_REF_REWARD,
		.id = reward->id,
		.effective_at = env->now };
	id_t64 hold = id_new(id_bucket(reward->member), env->now, visit_random(env));
	int rc = 0;

	if (reward->state == REWARD_HELD && reward->hold_until <= env->now) {
		/* its time ran out, and the sweep has not come by yet */
		rc = ledger_hold_release(ledger, account, reward->hold, true, &ref, err);
		reward->state = REWARD_EXPIRED;
	}
	if (rc == 0 && !reward_is_due(reward))
		return refuse_state(reward, "held", err);
	if (rc == 0)
		rc = ledger_hold(ledger, account, hold, reward->cost, env->now + hold_us, &ref,
			err);
	if (rc == LEDGER_SHORT)
		return err_set(err, ERR_CONFLICT, "the balance no longer covers the reward");
	if (rc != 0)
		return rc;
	reward->state = REWARD_HELD;
	reward->hold = hold;
	reward->device = env->access->device ? env->access->device->id : 0;
	reward->changed_at = env->now;
	reward->hold_until = env->now + hold_us;
	return reward_save(env->tx, reward, err);
}

static int open_doing(struct visit_env *env, id_t64 reward, struct doing *d, struct err *err)
{
	int rc =
		reward_get(env->tx, env->access->merchant->id, reward, env->arena, &d->reward, err);

	if (rc != 0)
		return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "there is no such reward");
	rc = person_load(env, d->reward.member, STR(""), &d->person, err);
	if (unexpected(rc == PERSON_NONE) ||
		(rc == 0 && unexpected(!person_seat(d->person, d->reward.programme))))
		return err_set(err, ERR_BROKEN, "a reward whose member is not there");
	if (rc != 0)
		return rc;
	d->seat = person_seat(d->person, d->reward.programme);
	d->programme = d->seat->programme;
	d->ledger = visit_ledger(env);
	d->ref = (struct ledger_ref) { .kind = LEDGER_REF_REWARD,
		.id = d->reward.id,
		.effective_at = env->now };
	return person_account(env, d->person, d->seat, err);
}

static int move(struct visit_env *env, struct doing *d, enum reward_state to, struct err *err)
{
	d->reward.state = to;
	d->reward.changed_at = env->now;
	return reward_save(env->tx, &d->reward, err);
}

/* ---- telling the others ---- */

static int write_event(struct visit_env *env, const struct doing *d, struct str *ret,
	struct err *err)
{
	char id[ID_TEXT_MAX];
	struct texts name;
	struct writer w;
	int rc = visit_reward_name(env, &d->reward, &name, err);

	if (rc < 0)
		return rc;
	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	json_out_cstr(&w.out, "reward", id_text(d->reward.id, "w", id));
	if (d->programme)
		json_out_text(&w.out, "programme", d->programme->code);
	json_out_text(&w.out, "name", texts_pick(&name, d->person->language, STR("en")));
	json_out_cstr(&w.out, "state", reward_state_words[d->reward.state]);
	json_out_object_end(&w.out);
	return writer_done(&w, ret, err);
}

/* Everybody at the counter of a device hears it, and the device; but who acts. */
static int tell(struct visit_env *env, struct doing *d, const struct device *device,
	const char *type, struct err *err)
{
	struct str body;
	int rc = device ? write_event(env, d, &body, err) : 0;

	if (rc != 0 || !device)
		return rc;
	if (device != env->access->device && device->paired_with)
		rc = visit_event(env, device->id, type, body, err);
	return rc != 0 ? rc : visit_tell_counter(env, device, type, body, err);
}

/* The reader where it was held, or the one beside the till that acts. */
static const struct device *held_where(const struct visit_env *env, id_t64 held_at)
{
	const struct device *actor = env->access->device;
	const struct device *device = directory_device(env->directory, held_at);

	if ((!device || device == actor) && actor) {
		const struct device *reader = visit_reader_of(env, actor);
		return reader ? reader : actor;
	}
	return device;
}

/* ---- the acts ---- */

static int act_hold(struct visit_env *env, struct doing *d, struct err *err)
{
	int rc = reward_hold(env, &d->ledger, d->seat->account, &d->reward,
		d->programme ? programme_arm_hold_us(d->programme, d->reward.arm)
			     : 10 * CLOCK_MINUTE,
		err);

	return rc != 0 ? rc : tell(env, d, env->access->device, "reward_to_give", err);
}

static int act_give(struct visit_env *env, struct doing *d, struct err *err)
{
	id_t64 held_at = d->reward.device;
	int rc;

	if (d->reward.state != REWARD_HELD)
		return refuse_state(&d->reward, "given", err);
	if (d->reward.hold_until <= env->now)
		return err_set(err, ERR_CONFLICT, "the hold has run out; hold it again");
	rc = ledger_hold_spend(&d->ledger, d->seat->account, d->reward.hold, &d->ref, err);
	if (unexpected(rc == LEDGER_ENDED))
		return err_set(err, ERR_BROKEN, "a held reward without its hold");
	if (rc == 0)
		rc = move(env, d, REWARD_GIVEN, err);
	return rc != 0 ? rc : tell(env, d, held_where(env, held_at), "reward_given", err);
}

static int let_go(struct visit_env *env, struct doing *d, enum reward_state to, struct err *err)
{
	int rc;

	if (d->reward.state != REWARD_HELD)
		return refuse_state(&d->reward, "released", err);
	rc = ledger_hold_release(&d->ledger, d->seat->account, d->reward.hold, to == REWARD_EXPIRED,
		&d->ref, err);
	if (unexpected(rc == LEDGER_ENDED))
		return err_set(err, ERR_BROKEN, "a held reward without its hold");
	if (rc == 0)
		rc = move(env, d, to, err);
	if (rc != 0)
		return rc;
	return tell(env, d, held_where(env, d->reward.device), "reward_released", err);
}

static int act_release(struct visit_env *env, struct doing *d, struct err *err)
{
	return let_go(env, d, REWARD_RELEASED, err);
}

static int act_reverse(struct visit_env *env, struct doing *d, struct err *err)
{
	struct ledger_restored restored;
	int rc;

	if (d->reward.state != REWARD_GIVEN)
		return refuse_state(&d->reward, "reversed", err);
	rc = ledger_restore(&d->ledger, d->seat->account, &d->ref, &restored, err);
	if (rc == 0 && unexpected(restored.given + restored.retaken != d->reward.cost))
		return err_set(err, ERR_BROKEN, "a given reward that was not paid for");
	return rc != 0 ? rc : move(env, d, REWARD_REVERSED, err);
}

static int (*const acts[])(struct visit_env *env, struct doing *d, struct err *err) = {
	[ACT_HOLD] = act_hold,
	[ACT_GIVE] = act_give,
	[ACT_RELEASE] = act_release,
	[ACT_REVERSE] = act_reverse,
};
static const char *const act_words[] = { "hold", "give", "release", "reverse" };

/* The id was used before: but is the reward this merchant's? */
static int replay_act(struct visit_env *env, const struct visit_reward *what,
	const struct claim *claim, struct str *ret_answer, struct err *err)
{
	struct reward reward;
	int rc = reward_get(env->tx, env->access->merchant->id, what->reward, env->arena, &reward,
		err);

	if (rc != 0)
		return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "there is no such reward");
	return visit_replay(env, claim, &what->said, ret_answer, err);
}

int visit_reward(struct visit_env *env, const struct visit_reward *reward, struct str *ret_answer,
	struct err *err)
{
	uint16_t bucket = id_bucket(reward->reward);
	struct key key = visit_sub_key(env->keys, act_words[reward->act],
		str_bytes(&reward->reward, sizeof(reward->reward)), reward->id);
	char id[ID_TEXT_MAX];
	struct doing d;
	struct claim claim;
	int rc = claim_find(env->tx, bucket, &key, env->arena, &claim, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return replay_act(env, reward, &claim, ret_answer, err);
	rc = open_doing(env, reward->reward, &d, err);
	if (rc == 0)
		rc = acts[reward->act](env, &d, err);
	if (rc == 0)
		rc = person_save(env, d.person, err);
	if (rc != 0)
		return rc;
	*ret_answer = arena_printf(env->arena, "{\"reward\":\"%s\",\"state\":\"%s\"}",
		id_text(d.reward.id, "w", id), reward_state_words[d.reward.state]);
	if (!ret_answer->ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for an answer");
	return visit_claim(env, bucket, &key, &reward->said, *ret_answer, err);
}

/* The held reward behind a hold; NULL: it has ended meanwhile. */
static int find_held(struct visit_env *env, id_t64 member, id_t64 hold, const struct reward **ret,
	struct err *err)
{
	struct reward *rewards;
	size_t count;
	int rc = reward_open(env->tx, member, env->arena, &rewards, &count, err);

	*ret = NULL;
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (rewards[i].hold == hold && rewards[i].state == REWARD_HELD)
			*ret = &rewards[i];
	return rc;
}

static int expire(struct visit_env *env, const struct reward *reward, struct err *err)
{
	struct doing d;
	int rc = open_doing(env, reward->id, &d, err);

	if (rc == 0)
		rc = let_go(env, &d, REWARD_EXPIRED, err);
	return rc != 0 ? rc : person_save(env, d.person, err);
}

int visit_expire_hold(struct visit_env *env, id_t64 member, id_t64 hold, struct err *err)
{
	struct access access = { 0 };
	const struct reward *reward;
	int rc = find_held(env, member, hold, &reward, err);

	if (rc < 0 || !reward || reward->hold_until > env->now)
		return rc;
	access.merchant = directory_merchant(env->directory, reward->merchant);
	if (!access.merchant)
		return 0;
	env->access = &access;
	rc = expire(env, reward, err);
	env->access = NULL;
	return rc;
}

/* What the points no longer carry is not offered any more. */
static int withdraw_all(struct visit_env *env, id_t64 member, id_t64 programme, int64_t available,
	struct err *err)
{
	struct reward *rewards;
	size_t count;
	int rc = reward_open(env->tx, member, env->arena, &rewards, &count, err);

	return rc < 0 ? rc : reward_withdraw(env, rewards, count, programme, available, err);
}

int visit_expire_points(struct visit_env *env, id_t64 member, id_t64 programme, struct err *err)
{
	struct ledger_env ledger = visit_ledger(env);
	struct ledger_account *account;
	int64_t expired;
	int rc = ledger_open(&ledger, member, programme, &account, err);

	if (rc == 0)
		rc = ledger_expire(&ledger, account, &expired, err);
	if (rc == 0 && expired > 0)
		rc = withdraw_all(env, member, programme,
			ledger_available(ledger_standing(account)), err);
	return rc != 0 ? rc : ledger_save(&ledger, account, err);
}
