/* SPDX-License-Identifier: Apache-2.0 */
/* What happened in a unit, as the effects of its answer; answers and their claims; events. */
#include <string.h>

#include "base/check.h"
#include "codec/pack.h"
#include "visit/visit_impl.h"

static const char *const words[] = {
#define HAPPENED(code, word) word,
#include "visit/happened.def"
#undef HAPPENED
};

#define HAPPENED_FIRST 16

int story_init(const struct visit_env *env, struct story *story, struct err *err)
{
	*story = (struct story) { .arena = env->arena, .max = HAPPENED_FIRST };
	story->list = arena_array(env->arena, story->max, sizeof(*story->list));
	return story->list ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for effects");
}

static int grow(struct story *story, struct err *err)
{
	struct happened *more = arena_array(story->arena, story->max * 2, sizeof(*more));

	if (!more || unexpected(story->max * 2 > HAPPENED_MAX))
		return err_set(err, ERR_NO_MEMORY, "no memory for so many effects");
	memcpy(more, story->list, story->count * sizeof(*more));
	story->list = more;
	story->max *= 2;
	return 0;
}

int story_add(struct story *story, const struct happened *happened, struct err *err)
{
	int rc = story->count == story->max ? grow(story, err) : 0;

	if (rc == 0)
		story->list[story->count++] = *happened;
	return rc;
}

size_t story_count(const struct story *story, enum happened_type type)
{
	size_t count = 0;

	for (size_t i = 0; i < story->count; i++)
		count += story->list[i].type == type;
	return count;
}

static void write_happened(const struct happened *h, struct json_out *out)
{
	char id[ID_TEXT_MAX];

	json_out_object(out, NULL);
	json_out_cstr(out, "type", words[h->type]);
	if (h->programme)
		json_out_text(out, "programme", h->programme->code);
	if (h->counts) {
		json_out_int(out, "amount", h->amount);
		json_out_int(out, "balance", h->balance);
		json_out_text(out, "unit", h->programme->unit);
	}
	if (h->owed)
		json_out_int(out, "owed", h->owed);
	if (h->reward) {
		json_out_cstr(out, "reward", id_text(h->reward, "w", id));
		json_out_text(out, "name", h->text);
	}
	if (h->type == HAPPENED_MESSAGE) {
		json_out_cstr(out, "for", h->who == EFFECT_FOR_CASHIER ? "cashier" : "customer");
		json_out_text(out, "text", h->text);
	}
	if (h->type == HAPPENED_REFUSED)
		json_out_text(out, "reason", h->text);
	json_out_object_end(out);
}

void story_json(const struct story *story, struct json_out *out, const char *name)
{
	json_out_array(out, name);
	for (size_t i = 0; i < story->count; i++)
		write_happened(&story->list[i], out);
	json_out_array_end(out);
}

/* ---- answers ---- */

void writer_init(const struct visit_env *env, struct writer *writer)
{
	buf_init(&writer->buf, env->arena, VISIT_ANSWER_MAX);
	json_out_init(&writer->out, &writer->buf);
}

int writer_done(struct writer *writer, struct str *ret, struct err *err)
{
	if (writer->buf.failed)
		return err_set(err, ERR_NO_MEMORY, "no memory for an answer");
	*ret = buf_str(&writer->buf);
	return 0;
}

int visit_replay(const struct visit_env *env, const struct claim *claim, const struct key *said,
	struct str *ret_answer, struct err *err)
{
	if (!key_eq(&claim->said, said))
		return err_at(err, ERR_ID_REUSED, "/id",
			"this id was used before, with other content");
	return unpack(env->arena, claim->answer, VISIT_ANSWER_MAX, ret_answer, err);
}

int visit_claim(const struct visit_env *env, uint16_t bucket, const struct key *key,
	const struct key *said, struct str answer, struct err *err)
{
	struct claim claim = { .said = *said, .act = 1, .made_at = env->now };
	int rc = pack(env->arena, answer, PACK_ANSWER, &claim.answer, err);

	return rc < 0 ? rc : claim_make(env->tx, bucket, key, &claim, err);
}

/* ---- keys ---- */

struct key visit_id_key(const struct visit_keys *keys, const char *what, id_t64 merchant,
	struct str id)
{
	struct hash hash;

	hash_init(&hash, &keys->claim);
	hash_str(&hash, str_of(what));
	hash_int(&hash, merchant);
	hash_str(&hash, id);
	return hash_done_key(&hash);
}

struct key visit_sub_key(const struct visit_keys *keys, const char *what, struct str under,
	struct str id)
{
	struct hash hash;

	hash_init(&hash, &keys->claim);
	hash_str(&hash, str_of(what));
	hash_str(&hash, under);
	hash_str(&hash, id);
	return hash_done_key(&hash);
}

struct key visit_content_key(const struct visit_keys *keys, const struct json *content)
{
	struct hash hash;

	hash_init(&hash, &keys->claim);
	hash_str(&hash, STR("content"));
	json_hash(content, &hash);
	return hash_done_key(&hash);
}

/* ---- events ---- */

int visit_event(struct visit_env *env, id_t64 device, const char *type, struct str body,
	struct err *err)
{
	int rc = event_add(env->tx, device, type, body, env->now, err);

	for (size_t i = 0; i < env->wake_count; i++)
		if (env->wakes[i] == device)
			return rc;
	if (rc == 0 && env->wake_count < VISIT_WAKES_MAX)
		env->wakes[env->wake_count++] = device;
	return rc;
}

/* Screens beside one till; more would be a wall. */
#define SCREENS_MAX 16

int visit_tell_counter(struct visit_env *env, const struct device *device, const char *type,
	struct str body, struct err *err)
{
	const struct device *beside[SCREENS_MAX];
	const struct device *actor = env->access->device;
	const struct device *till = device->paired_with ? device->paired_with : device;
	size_t count = directory_paired(env->directory, till, beside, SCREENS_MAX);
	int rc = till == actor ? 0 : visit_event(env, till->id, type, body, err);

	for (size_t i = 0; i < count && i < SCREENS_MAX && rc == 0; i++)
		if (beside[i]->kind == DEVICE_SCREEN && beside[i] != actor)
			rc = visit_event(env, beside[i]->id, type, body, err);
	return rc;
}

int visit_tell_office(struct visit_env *env, const char *text, id_t64 member, id_t64 other,
	struct err *err)
{
	char id[ID_TEXT_MAX];
	struct writer w;
	struct str body;

	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	json_out_cstr(&w.out, "for", "office");
	json_out_cstr(&w.out, "text", text);
	json_out_array(&w.out, "members");
	json_out_cstr(&w.out, NULL, id_text(member, "m", id));
	json_out_cstr(&w.out, NULL, id_text(other, "m", id));
	json_out_array_end(&w.out);
	json_out_object_end(&w.out);
	int rc = writer_done(&w, &body, err);
	return rc < 0 ? rc : visit_event(env, env->access->merchant->id, "message", body, err);
}
