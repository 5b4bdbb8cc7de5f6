/* SPDX-License-Identifier: Apache-2.0 */
/* What is only read: a sale as answered, a receipt by its address, members and rewards as the
 * contract shows them; and trials, which settle a made-up sale and are dropped. */
#include "base/check.h"
#include "codec/date.h"
#include "codec/pack.h"
#include "visit/sale_impl.h"

/* ---- a sale ---- */

/* The stored answer with the state of today in it; of a sale that was given to its member
 * afterwards (`given` is that answer) the member and the effects are of then. */
static int as_of_now(struct visit_env *env, const struct sale_row *row, struct str answer,
	struct person *person, const struct json *given, struct str *ret, struct err *err)
{
	const struct json *effects = given ? json_get(given, "effects") : NULL;
	struct json *value;
	struct writer w;
	int rc = json_parse(env->arena, answer, &value, err);

	if (rc < 0)
		return rc;
	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	for (const struct json *v = value->first; v && rc == 0; v = v->next) {
		json_out_name(&w.out, v->name);
		if (str_is(v->name, "state"))
			json_out_cstr(&w.out, NULL, visit_sale_state_words[row->state]);
		else if (str_is(v->name, "member") && v->type == JSON_NULL && person)
			rc = person_json(env, person, &w.out, NULL, err);
		else
			json_out_value(&w.out, NULL,
				effects && str_is(v->name, "effects") ? effects : v);
	}
	json_out_object_end(&w.out);
	return rc < 0 ? rc : writer_done(&w, ret, err);
}

/* What a claim beside the sale's answered. */
static int part_answer(struct visit_env *env, const struct key *sale, const struct key *part,
	struct str *ret_answer, struct err *err)
{
	struct claim claim;
	int rc = claim_find(env->tx, key_bucket(sale), part, env->arena, &claim, err);

	if (rc != 0)
		return rc;
	return unpack(env->arena, claim.answer, VISIT_ANSWER_MAX, ret_answer, err);
}

/* Open, or void: its own claim has the answer. */
static int get_unpaid(struct visit_env *env, const struct key *key, const struct claim *claim,
	struct str *ret_answer, struct err *err)
{
	struct key part =
		sale_part_key(env->keys, key, (enum visit_sale_state)claim->act, &claim->said);
	int rc = part_answer(env, key, &part, ret_answer, err);

	return unexpected(rc > 0) ? err_set(err, ERR_BROKEN, "a sale without its answer") : rc;
}

/* The answer that gave the sale to its member afterwards; NULL: it was theirs when it was paid. */
static int find_given(struct visit_env *env, const struct key *key, struct json **ret,
	struct err *err)
{
	struct key part = visit_sub_key(env->keys, "sale-given", key_str(key), STR(""));
	struct str answer;
	int rc = part_answer(env, key, &part, &answer, err);

	*ret = NULL;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return json_parse(env->arena, answer, ret, err);
}

static int get_paid(struct visit_env *env, const struct key *key, const struct sale_row *row,
	struct str *ret_answer, struct err *err)
{
	struct person *person = NULL;
	struct json *given = NULL;
	struct str answer;
	int rc = unpack(env->arena, row->answer, VISIT_ANSWER_MAX, &answer, err);

	if (rc == 0 && row->member)
		rc = person_load(env, row->member, STR(""), &person, err);
	if (rc == 0 && row->member)
		rc = find_given(env, key, &given, err);
	return rc < 0 ? rc : as_of_now(env, row, answer, person, given, ret_answer, err);
}

int visit_get_sale(const struct visit_env *given, struct str id, struct str *ret_answer,
	struct err *err)
{
	struct visit_env env = *given;
	struct key key = visit_id_key(env.keys, "sale", env.access->merchant->id, id);
	struct claim claim = { 0 };
	struct sale_row row;
	int rc = sale_find(env.tx, &key, env.arena, &claim, &row, err);

	if (rc < 0 || claim.act == 0)
		return rc;
	if (rc > 0 || claim.act == SALE_VOID)
		return get_unpaid(&env, &key, &claim, ret_answer, err);
	return get_paid(&env, &key, &row, ret_answer, err);
}

int visit_receipt(struct store_tx *tx, const struct key *sale, struct arena *arena,
	struct receipt *ret, struct receipt_place *ret_place, struct err *err)
{
	struct claim claim;
	struct sale_row row;
	int rc = sale_find(tx, sale, arena, &claim, &row, err);

	if (rc != 0)
		return rc;
	return row.state == SALE_VOID ? 1 : receipt_get(tx, row.id, arena, ret, ret_place, err);
}

/* ---- rewards and members ---- */

static void write_time(struct json_out *out, const char *name, int64_t at)
{
	char text[DATE_TEXT_MAX];

	json_out_cstr(out, name, date_time_write(at, text));
}

int visit_reward_json(const struct visit_env *env, const struct reward *reward,
	struct json_out *out, const char *name, struct err *err)
{
	const struct programme *p = catalogue_find(env->catalogue, reward->programme);
	char id[ID_TEXT_MAX];
	struct texts names = { 0 };
	struct str text;
	int rc = visit_reward_name(env, reward, &names, err);

	if (rc < 0)
		return rc;
	text = texts_pick(&names, visit_language(env, STR(""), STR("")), STR("en"));
	json_out_object(out, name);
	json_out_cstr(out, "reward", id_text(reward->id, "w", id));
	json_out_text(out, "programme", p ? p->code : STR(""));
	json_out_cstr(out, "member", id_text(reward->member, "m", id));
	json_out_cstr(out, "state", reward_state_words[reward->state]);
	json_out_text(out, "code", reward->code);
	json_out_text(out, "name", text.ptr ? text : reward->code);
	json_out_int(out, "cost", reward->cost);
	write_time(out, "offered_at", reward->offered_at);
	write_time(out, "changed_at", reward->changed_at);
	if (reward->state == REWARD_HELD)
		write_time(out, "hold_until", reward->hold_until);
	json_out_object_end(out);
	return 0;
}

static int write_enrolment(struct visit_env *env, struct person *person, struct seat *seat,
	struct json_out *out, struct err *err)
{
	static const char *const words[] = { "", "joined", "declined", "left" };
	const struct ledger_standing *s;
	int rc = person_account(env, person, seat, err);

	if (rc < 0)
		return rc;
	s = ledger_standing(seat->account);
	json_out_object(out, NULL);
	json_out_text(out, "programme", seat->programme->code);
	json_out_int(out, "balance", s->balance);
	json_out_text(out, "unit", seat->programme->unit);
	json_out_int(out, "available", ledger_available(s));
	json_out_int(out, "held", s->held);
	json_out_int(out, "debt", s->debt);
	json_out_cstr(out, "state", words[seat->enrolment.state]);
	write_time(out, "joined", seat->enrolment.since);
	if (programme_arm_name(seat->programme, seat->enrolment.arm).len)
		json_out_text(out, "arm", programme_arm_name(seat->programme, seat->enrolment.arm));
	json_out_object_end(out);
	return 0;
}

int visit_member_json(const struct visit_env *given, id_t64 member, struct json_out *out,
	const char *name, struct err *err)
{
	struct visit_env env = *given;
	struct person *person;
	char id[ID_TEXT_MAX];
	int rc = person_load(&env, member, STR(""), &person, err);

	if (rc != 0)
		return rc;
	json_out_object(out, name);
	json_out_cstr(out, "id", id_text(person->member.id, "m", id));
	json_out_text(out, "language", person->member.language);
	write_time(out, "created", person->member.created_at);
	json_out_array(out, "enrolments");
	for (size_t i = 0; i < person->seat_count && rc == 0; i++)
		if (person->seats[i].programme &&
			person->seats[i].enrolment.state == ENROLMENT_JOINED)
			rc = write_enrolment(&env, person, &person->seats[i], out, err);
	json_out_array_end(out);
	json_out_object_end(out);
	return rc;
}

/* ---- trials ---- */

/* Why nothing, or not more, came of it; the first reason that holds is enough to act on. */
static void write_reasons(const struct visit_trial *trial, bool earned, struct json_out *out)
{
	static const char *const states[] = { "is a draft", "", "is paused", "has ended" };
	const struct programme *p = trial->programme;
	const char *reason = NULL;

	if (p->state != PROGRAMME_RUNNING)
		reason = states[p->state];
	else if (trial->at < p->starts)
		reason = "has not started at that time";
	else if (trial->at >= p->ends)
		reason = "has ended at that time";
	else if (trial->shop && !programme_runs(p, trial->shop->id, trial->at))
		reason = "does not run in that shop";
	else if (!earned)
		reason = "gives nothing for this basket";
	json_out_array(out, "reasons");
	if (reason) {
		json_out_object(out, NULL);
		json_out_cstr(out, "text", reason);
		json_out_object_end(out);
	}
	json_out_array_end(out);
}

static int trial_person(struct visit_env *env, const struct visit_trial *trial, struct story *story,
	struct person **ret, struct seat **ret_seat, struct err *err)
{
	struct ledger_ref ref = { .kind = LEDGER_REF_STAFF, .effective_at = trial->at };
	struct ledger_env ledger = visit_ledger(env);
	struct story unheard;
	int rc = trial->member ? person_load(env, trial->member, STR(""), ret, err)
			       : person_trial(env, ret, err);

	if (rc == PERSON_NONE)
		return err_at(err, ERR_NOT_FOUND, "/member", "there is no such member");
	if (rc == 0)
		rc = story_init(env, &unheard, err);
	if (rc != 0)
		return rc;
	*ret_seat = person_seat(*ret, trial->programme->id);
	if (!*ret_seat || (*ret_seat)->enrolment.state != ENROLMENT_JOINED)
		rc = person_join(env, *ret, trial->programme, trial->member ? story : &unheard,
			ret_seat, err);
	if (rc == 0)
		rc = person_account(env, *ret, *ret_seat, err);
	if (rc == 0 && trial->balance > 0)
		rc = ledger_earn(&ledger, (*ret_seat)->account, trial->balance, LEDGER_NEVER, &ref,
			err);
	return rc;
}

int visit_trial(struct visit_env *env, const struct visit_trial *trial, struct str *ret_answer,
	struct err *err)
{
	struct ledger_ref ref = { .kind = LEDGER_REF_SALE, .effective_at = trial->at };
	struct person *person;
	struct seat *seat;
	struct basket basket;
	struct story story;
	struct writer w;
	struct settled settled = { 0 };
	int rc = story_init(env, &story, err);

	if (rc == 0)
		rc = basket_of(env, &trial->receipt, trial->at, &basket, err);
	if (rc == 0)
		rc = trial_person(env, trial, &story, &person, &seat, err);
	if (rc == 0)
		rc = settle_effects(env, person, seat, &basket, &ref, &story, &settled, err);
	if (rc == 0)
		rc = settle_due(env, person, seat, &story, err);
	if (rc == 0)
		rc = person_tell_expired(person, &story, err);
	if (rc == 0)
		rc = person_save(env, person, err); /* into a unit that is dropped */
	if (rc != 0)
		return rc;
	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	story_json(&story, &w.out, "effects");
	write_reasons(trial, settled_total(&settled) > 0, &w.out);
	json_out_int(&w.out, "balance", ledger_standing(seat->account)->balance);
	json_out_object_end(&w.out);
	return writer_done(&w, ret_answer, err);
}
