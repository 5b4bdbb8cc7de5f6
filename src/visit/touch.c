/* SPDX-License-Identifier: Apache-2.0 */
/* A touch: somebody presents something at a device. Who is it, and what does the reader show? And
 * the answers that come back, and forgetting it. See visit.h. */
#include "base/check.h"
#include "codec/pack.h"
#include "visit/visit_impl.h"

/* ---- recognising ---- */

static bool is_instrument(enum identifier_kind kind)
{
	return kind == IDENTIFIER_CARD || kind == IDENTIFIER_PAR || kind == IDENTIFIER_ALIAS;
}

/* A card and the PAR behind it are one instrument: when one of them is the member's, the other
 * becomes so, and plastic and phone meet. Anything else is carried with the touch, and tied to the
 * member only when they say yes to a question (answer.c). */
static int learn(struct visit_env *env, const struct visit_touch *touch, id_t64 *owners,
	id_t64 member, struct err *err)
{
	bool instrument = false;
	int rc = 0;

	for (size_t i = 0; i < touch->identifier_count; i++)
		instrument |= owners[i] == member && is_instrument(touch->identifiers[i].kind);
	for (size_t i = 0; i < touch->identifier_count && instrument && rc == 0; i++)
		if (owners[i] == 0 && is_instrument(touch->identifiers[i].kind)) {
			rc = member_add_identifier(env->tx, env->access->merchant->id, member,
				&touch->identifiers[i], env->now, err);
			owners[i] = member;
		}
	return rc;
}

static bool any_handed_out(const struct identifier *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (identifier_handed_out(list[i].kind))
			return true;
	return false;
}

static int make(struct visit_env *env, const struct visit_touch *touch, id_t64 *owners,
	struct person **ret, struct err *err)
{
	int rc = person_make(env, touch->identifiers, touch->identifier_count, true,
		touch->language, ret, err);

	for (size_t i = 0; rc == 0 && i < touch->identifier_count; i++)
		if (identifier_handed_out(touch->identifiers[i].kind))
			owners[i] = (*ret)->member.id;
	return rc;
}

/* 0 with *ret the person, or NULL: nobody known. */
static int recognise(struct visit_env *env, const struct visit_touch *touch, int64_t at,
	id_t64 *owners, struct person **ret, bool *ret_twice, struct err *err)
{
	id_t64 member, other;
	int rc = member_find(env->tx, touch->identifiers, touch->identifier_count, &member, &other,
		owners, err);

	*ret = NULL;
	*ret_twice = rc == 0 && other != 0;
	if (rc != 0)
		return rc;
	if (member == 0 && any_handed_out(touch->identifiers, touch->identifier_count) &&
		visit_any_auto(env, env->access->device->shop->id, at))
		return make(env, touch, owners, ret, err);
	if (member == 0)
		return 0;
	rc = person_load(env, member, touch->language, ret, err);
	if (unexpected(rc == PERSON_NONE))
		return err_set(err, ERR_BROKEN,
			"an identifier belongs to a member that is not there");
	if (rc == 0 && other == 0)
		rc = learn(env, touch, owners, member, err);
	if (rc == 0 && other != 0)
		rc = visit_tell_office(env, "Two identifiers of one touch belong to two members",
			member, other, err);
	return rc;
}

/* ---- what the reader shows ---- */

static bool shows(const struct seat *seat, id_t64 shop, int64_t at)
{
	return seat->enrolment.state == ENROLMENT_JOINED && seat->programme &&
		programme_runs(seat->programme, shop, at);
}

/* What is due is settled before the first card is written: offers have their place. */
static int settle_seats(struct visit_env *env, struct person *person, struct story *story,
	id_t64 shop, int64_t at, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < person->seat_count && rc == 0; i++) {
		if (!shows(&person->seats[i], shop, at))
			continue;
		rc = person_account(env, person, &person->seats[i], err);
		if (rc == 0)
			rc = settle_due(env, person, &person->seats[i], story, err);
	}
	return rc;
}

/* Cards as far as there is room beside the offers: who saves in forty programmes reads the balances
 * elsewhere, but must be able to take what is due. */
static int add_cards(struct visit_env *env, struct person *person, struct step_list *steps,
	size_t room, id_t64 shop, int64_t at, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < person->seat_count && rc == 0 && steps_count(steps) < room; i++)
		if (shows(&person->seats[i], shop, at))
			rc = steps_add_card(env, steps, person, &person->seats[i], err);
	return rc;
}

static int add_seats(struct visit_env *env, struct person *person, struct story *story,
	struct step_list *steps, id_t64 shop, int64_t at, struct err *err)
{
	size_t offers;
	int rc = settle_seats(env, person, story, shop, at, err);

	offers = story_count(story, HAPPENED_OFFER);
	if (rc == 0 && offers < VISIT_STEPS_MAX)
		rc = add_cards(env, person, steps, VISIT_STEPS_MAX - offers, shop, at, err);
	return rc != 0 ? rc : steps_add_offers(env, steps, person, story, err);
}

static bool may_ask(const struct visit_env *env, struct person *person,
	const struct programme *programme)
{
	const struct seat *seat = person ? person_seat(person, programme->id) : NULL;

	if (programme->joins_by_itself)
		return false;
	return !seat ||
		(seat->enrolment.state != ENROLMENT_JOINED &&
			seat->enrolment.ask_after <= env->now);
}

static int add_questions(struct visit_env *env, struct person *person, struct step_list *steps,
	id_t64 shop, int64_t at, struct err *err)
{
	size_t count;
	const struct programme *const *list =
		catalogue_list(env->catalogue, env->access->merchant->id, &count);
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0 && steps_count(steps) < VISIT_STEPS_MAX; i++)
		if (programme_runs(list[i], shop, at) && may_ask(env, person, list[i]))
			rc = steps_add_join(env, steps, list[i], err);
	return rc;
}

static void write_staff_text(struct json_out *out, struct str text)
{
	json_out_object(out, NULL);
	json_out_text(out, "text", text);
	json_out_object_end(out);
}

static int write_held(struct visit_env *env, const struct reward *reward, struct str language,
	struct json_out *out, struct err *err)
{
	const struct programme *p = catalogue_find(env->catalogue, reward->programme);
	struct texts name;
	int rc = p ? visit_reward_name(env, reward, &name, err) : 0;

	if (rc < 0 || !p)
		return rc;
	struct str title = texts_pick(&p->title, language, STR("en"));
	struct str what = texts_pick(&name, language, STR("en"));
	write_staff_text(out,
		arena_printf(env->arena, "%.*s: %.*s", STR_ARG(title.len ? title : p->code),
			STR_ARG(what.len ? what : reward->code)));
	return 0;
}

/* What the cashier should know, in the merchant's language: rewards that are held and wait to be
 * handed out, and that somebody is known twice. */
static int write_staff(struct visit_env *env, struct person *person, bool twice,
	struct json_out *out, struct err *err)
{
	struct str language = visit_language(env, STR(""), STR(""));
	int rc = 0;

	json_out_array(out, "staff");
	if (twice)
		write_staff_text(out, visit_phrase(language, PHRASE_TWICE));
	for (size_t i = 0; person && i < person->reward_count && rc == 0; i++)
		if (person->rewards[i].state == REWARD_HELD)
			rc = write_held(env, &person->rewards[i], language, out, err);
	json_out_array_end(out);
	return rc;
}

/* ---- the touch ---- */

int visit_tell_till(struct visit_env *env, struct person *person, bool twice, struct str touch,
	struct err *err)
{
	struct writer w;
	struct str body;
	int rc;

	if (!env->access->device->paired_with || !person)
		return 0;
	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	json_out_text(&w.out, "touch", touch);
	rc = person_json(env, person, &w.out, "member", err);
	if (rc == 0)
		rc = write_staff(env, person, twice, &w.out, err);
	json_out_object_end(&w.out);
	if (rc == 0)
		rc = writer_done(&w, &body, err);
	return rc < 0 ? rc : visit_tell_counter(env, env->access->device, "member_here", body, err);
}

/* Queued while the line was down: whoever it was has left, and the next sale is not theirs. */
static bool is_late(const struct visit_env *env, const struct visit_touch *touch)
{
	return touch->at != 0 && touch->at < env->now - VISIT_TOUCH_LAPSES;
}

static int keep_touch(struct visit_env *env, const struct visit_touch *touch, const id_t64 *owners,
	struct person *person, struct str answer, struct err *err)
{
	struct touch_row row = { .said = touch->said,
		.merchant = env->access->merchant->id,
		.device = env->access->device->id,
		.caller = touch->id,
		.touched_at = env->now,
		.language = touch->language,
		.state = TOUCH_OPEN,
		.member = person ? person->member.id : 0 };
	id_t64 counter = visit_counter_of(env->access->device);
	int rc = pack(env->arena, answer, PACK_ANSWER, &row.answer, err);

	for (size_t i = 0; i < touch->identifier_count; i++)
		if (owners[i] == 0)
			row.carried[row.carried_count++] = touch->identifiers[i];
	if (rc == 0)
		rc = touch_add(env, &touch->key, &row, err);
	if (rc != 0 || is_late(env, touch))
		return rc;
	return store_write(env->tx, &visit_statements[CURRENT_SET],
		ARGS(V_INT(id_bucket(counter)), V_INT(counter), V_INT(row.device),
			V_BLOB(touch->key.bytes, 16), V_INT(env->now)),
		1, err);
}

static int show(struct visit_env *env, const struct visit_touch *touch, struct person *person,
	bool twice, int64_t at, struct writer *w, struct err *err)
{
	id_t64 shop = env->access->device->shop->id;
	struct step_list *steps;
	struct story story;
	int rc = story_init(env, &story, err);

	if (rc == 0)
		rc = steps_new(env,
			person ? person->language : visit_language(env, touch->language, STR("")),
			&steps, err);
	if (rc == 0 && person)
		rc = person_join_auto(env, person, shop, at, &story, err);
	if (rc == 0 && person)
		rc = person_rewards(env, person, err);
	if (rc == 0 && person)
		rc = add_seats(env, person, &story, steps, shop, at, err);
	if (rc == 0)
		rc = add_questions(env, person, steps, shop, at, err);
	if (rc != 0)
		return rc;
	json_out_object(&w->out, NULL);
	json_out_text(&w->out, "touch", touch->id);
	rc = person_json(env, person, &w->out, "member", err);
	if (rc == 0) {
		steps_json(steps, &w->out, "steps");
		rc = write_staff(env, person, twice, &w->out, err);
	}
	json_out_object_end(&w->out);
	return rc;
}

int visit_touch(struct visit_env *env, const struct visit_touch *touch, struct str *ret_answer,
	struct err *err)
{
	int64_t at = touch->at ? touch->at : env->now;
	struct person *person;
	struct writer w;
	struct claim claim;
	id_t64 owners[IDENTIFIERS_MAX];
	bool twice;
	int rc;

	rc = touch_find_claim(env, &touch->key, &claim, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return visit_replay(env, &claim, &touch->said, ret_answer, err);
	writer_init(env, &w);
	rc = recognise(env, touch, at, owners, &person, &twice, err);
	if (rc == 0)
		rc = show(env, touch, person, twice, at, &w, err);
	if (rc == 0)
		rc = writer_done(&w, ret_answer, err);
	if (rc == 0 && !is_late(env, touch))
		rc = visit_tell_till(env, person, twice, touch->id, err);
	if (rc == 0 && person)
		rc = person_save(env, person, err);
	return rc != 0 ? rc : keep_touch(env, touch, owners, person, *ret_answer, err);
}

int visit_clear_touch(struct visit_env *env, const struct key *touch, struct str *ret_answer,
	struct err *err)
{
	struct touch_row row;
	int rc = touch_get(env, touch, &row, err);

	if (rc != 0)
		return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "there is no such touch");
	if (row.state == TOUCH_USED)
		return err_set(err, ERR_CONFLICT, "the touch has served a sale");
	if (row.state == TOUCH_OPEN)
		rc = store_write(env->tx, &visit_statements[TOUCH_CLEAR],
			ARGS(V_INT(key_bucket(touch)), V_BLOB(touch->bytes, 16)), 1, err);
	if (rc == 0)
		rc = touch_leaves(env, row.device, touch, err);
	*ret_answer = STR("{\"state\":\"cleared\"}");
	return rc;
}
