/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: what the reader shows. They are chained in their order; the reader walks through them
 * alone. */
#include "base/check.h"
#include "visit/visit_impl.h"

enum step_kind { STEP_CARD, STEP_YES_NO };

struct step {
	enum step_kind kind;
	struct str id; /* "card:mug", "join:mug", "offer:w_..." */
	const struct programme *programme;
	struct str title, text;
	id_t64 reward;
};
struct step_list {
	struct step list[VISIT_STEPS_MAX];
	size_t count;
	struct str language, otherwise;
};

/* How long a step stands before its time-out. */
#define CARD_TIMEOUT_S 5
#define QUESTION_TIMEOUT_S 20

/* What Zegel itself says, by language; the first is for languages that are none of these. */
static const struct {
	const char *language;
	const char *words[PHRASE_COUNT];
} phrases[] = {
	{ "en",
		{ [PHRASE_OFFER] = "You have earned this: %.*s. Take it now?",
			[PHRASE_TWICE] =
				"This customer is known twice; the office has been told." } },
	{ "nl",
		{ [PHRASE_OFFER] = "U hebt dit verdiend: %.*s. Nu meenemen?",
			[PHRASE_TWICE] =
				"Deze klant is dubbel bekend; het kantoor is verwittigd." } },
	{ "fr",
		{ [PHRASE_OFFER] = "Vous avez gagné : %.*s. Le prendre maintenant ?",
			[PHRASE_TWICE] =
				"Ce client est connu deux fois ; le bureau a été prévenu." } },
	{ "de",
		{ [PHRASE_OFFER] = "Sie haben sich das verdient: %.*s. Jetzt mitnehmen?",
			[PHRASE_TWICE] =
				"Dieser Kunde ist doppelt bekannt; das Büro wurde informiert." } },
};

struct str visit_phrase(struct str language, enum phrase phrase)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (str_is(str_first(language, 2), phrases[i].language))
			return str_of(phrases[i].words[phrase]);
	return str_of(phrases[0].words[phrase]);
}

int steps_new(const struct visit_env *env, struct str language, struct step_list **ret,
	struct err *err)
{
	struct step_list *steps = arena_make(env->arena, struct step_list);

	if (!steps)
		return err_set(err, ERR_NO_MEMORY, "no memory for steps");
	steps->language = language;
	steps->otherwise = visit_language(env, STR(""), STR(""));
	*ret = steps;
	return 0;
}

size_t steps_count(const struct step_list *steps)
{
	return steps->count;
}

/* Past the maximum a step is left out; offers are added while there is room for them (touch.c). */
static int add(struct step_list *steps, const struct step *step, struct err *err)
{
	if (!step->id.ptr || !step->text.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a step");
	if (steps->count < VISIT_STEPS_MAX)
		steps->list[steps->count++] = *step;
	return 0;
}

static struct str pick(const struct step_list *steps, const struct texts *texts,
	struct str otherwise)
{
	struct str text = texts_pick(texts, steps->language, steps->otherwise);

	return text.ptr ? text : otherwise;
}

int steps_add_card(struct visit_env *env, struct step_list *steps, struct person *person,
	struct seat *seat, struct err *err)
{
	const struct programme *p = seat->programme;
	struct step step = { .kind = STEP_CARD,
		.programme = p,
		.id = arena_printf(env->arena, "card:%.*s", STR_ARG(p->code)) };
	struct host_programme *in_host;
	struct standing standing;
	struct card card = { 0 };
	int rc = person_account(env, person, seat, err);

	if (rc == 0)
		rc = programme_in_host(p, seat->enrolment.arm, env->host, &in_host, err);
	if (rc == 0) {
		person_standing(env, person, seat, &standing);
		rc = host_card(env->host, in_host, &standing, env->arena, &card, err);
	}
	if (rc == ERR_SCRIPT)
		env->script_faults++;
	else if (rc < 0)
		return rc;
	step.title = pick(steps, &card.title, pick(steps, &p->title, p->code));
	step.text = pick(steps, &card.text, STR(""));
	return add(steps, &step, err);
}

int steps_add_join(struct visit_env *env, struct step_list *steps, const struct programme *p,
	struct err *err)
{
	struct step step = { .kind = STEP_YES_NO,
		.programme = p,
		.id = arena_printf(env->arena, "join:%.*s", STR_ARG(p->code)) };
	struct host_programme *in_host;
	struct card ask = { 0 };
	int rc = programme_in_host(p, 0, env->host, &in_host, err);

	if (rc == 0)
		rc = host_ask(env->host, in_host, env->arena, &ask, err);
	if (rc == ERR_SCRIPT)
		env->script_faults++;
	else if (rc < 0)
		return rc;
	step.title = pick(steps, &ask.title, pick(steps, &p->title, p->code));
	step.text = pick(steps, &ask.text, STR(""));
	return add(steps, &step, err);
}

int steps_add_offer(struct visit_env *env, struct step_list *steps, const struct programme *p,
	const struct reward *reward, struct err *err)
{
	char id[ID_TEXT_MAX];
	struct texts name;
	struct step step = { .kind = STEP_YES_NO,
		.programme = p,
		.reward = reward->id,
		.id = arena_printf(env->arena, "offer:%s", id_text(reward->id, "w", id)) };
	int rc = visit_reward_name(env, reward, &name, err);

	if (rc < 0)
		return rc;
	struct str what = pick(steps, &name, reward->code);
	step.title = pick(steps, &p->title, p->code);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	step.text = arena_printf(env->arena, visit_phrase(steps->language, PHRASE_OFFER).ptr,
		STR_ARG(what));
#pragma GCC diagnostic pop
	return add(steps, &step, err);
}

static void write_next(struct json_out *out, const char *name, const struct step *next)
{
	if (next)
		json_out_text(out, name, next->id);
	else
		json_out_null(out, name);
}

static void write_step(struct json_out *out, const struct step *step, const struct step *next)
{
	char id[ID_TEXT_MAX];

	json_out_object(out, NULL);
	json_out_text(out, "id", step->id);
	json_out_cstr(out, "kind", step->kind == STEP_CARD ? "card" : "yes_no");
	json_out_text(out, "programme", step->programme->code);
	if (step->reward)
		json_out_cstr(out, "reward", id_text(step->reward, "w", id));
	json_out_text(out, "title", step->title);
	json_out_text(out, "text", step->text);
	json_out_int(out, "timeout_s",
		step->kind == STEP_CARD ? CARD_TIMEOUT_S : QUESTION_TIMEOUT_S);
	json_out_object(out, "next");
	if (step->kind == STEP_CARD) {
		write_next(out, "ok", next);
	} else {
		write_next(out, "yes", next);
		write_next(out, "no", next);
	}
	write_next(out, "timeout", next);
	json_out_object_end(out);
	json_out_object_end(out);
}

void steps_json(const struct step_list *steps, struct json_out *out, const char *name)
{
	json_out_array(out, name);
	for (size_t i = 0; i < steps->count; i++)
		write_step(out, &steps->list[i], i + 1 < steps->count ? &steps->list[i + 1] : NULL);
	json_out_array_end(out);
}

/* ---- offers that arise from a sale ---- */

int steps_add_offers(struct visit_env *env, struct step_list *steps, const struct person *person,
	const struct story *story, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < story->count && rc == 0; i++) {
		const struct happened *h = &story->list[i];
		if (h->type != HAPPENED_OFFER)
			continue;
		for (size_t k = 0; k < person->reward_count && rc == 0; k++)
			if (person->rewards[k].id == h->reward)
				rc = steps_add_offer(env, steps, h->programme, &person->rewards[k],
					err);
	}
	return rc;
}

/* A touch nobody made: the reader answers the offer under its id. It serves no sale. */
static int open_touch(struct visit_env *env, struct person *person, const struct device *reader,
	struct str *ret_id, struct err *err)
{
	struct touch_row row = { .merchant = person->member.merchant,
		.device = reader->id,
		.member = person->member.id,
		.language = person->language,
		.touched_at = env->now,
		.state = TOUCH_USED };
	char id[ID_TEXT_MAX];
	struct key key;

	row.caller = arena_str(env->arena,
		str_of(id_text(id_new(id_bucket(person->member.id), env->now, visit_random(env)),
			"z", id)));
	if (!row.caller.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a touch");
	*ret_id = row.caller;
	key = visit_id_key(env->keys, "touch", row.merchant, row.caller);
	return touch_add(env, &key, &row, err);
}

#define PAIRED_MAX 16

const struct device *visit_reader_of(const struct visit_env *env, const struct device *till)
{
	const struct device *paired[PAIRED_MAX];
	size_t count = directory_paired(env->directory, till, paired, PAIRED_MAX);
	const struct device *kiosk = NULL;

	for (size_t i = 0; i < count && i < PAIRED_MAX; i++) {
		if (paired[i]->kind == DEVICE_READER)
			return paired[i];
		if (paired[i]->kind == DEVICE_KIOSK)
			kiosk = paired[i];
	}
	return kiosk;
}

int visit_send_offers(struct visit_env *env, struct person *person, const struct device *till,
	const struct device *reader, struct str touch, struct story *story, struct err *err)
{
	struct step_list *steps;
	struct writer w;
	struct str body;
	int rc;

	if (story_count(story, HAPPENED_OFFER) == 0)
		return 0;
	if (!reader) {
		reader = visit_reader_of(env, till);
		touch = STR("");
	}
	if (!reader)
		return 0;
	rc = steps_new(env, person->language, &steps, err);
	if (rc == 0)
		rc = steps_add_offers(env, steps, person, story, err);
	if (rc == 0 && touch.len == 0)
		rc = open_touch(env, person, reader, &touch, err);
	if (rc != 0)
		return rc;
	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	json_out_text(&w.out, "touch", touch);
	steps_json(steps, &w.out, "steps");
	json_out_object_end(&w.out);
	rc = writer_done(&w, &body, err);
	return rc < 0 ? rc : visit_event(env, reader->id, "steps", body, err);
}
