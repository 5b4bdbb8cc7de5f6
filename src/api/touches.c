/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/touches */
#include "api/api_impl.h"
#include "codec/date.h"

/* An optional time of the device's. */
static int64_t read_at(struct json_reader *r)
{
	struct str text = json_text_opt(r, "at", 10, 64);
	int64_t at = 0;

	if (text.len && !date_moment_read(text, &at))
		json_refuse(r, "at", "must be a time like \"2026-11-21T14:05:00+01:00\"");
	return at;
}

static bool all_letters(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.ptr[i] | 0x20) < 'a' || (text.ptr[i] | 0x20) > 'z')
			return false;
	return true;
}

/* "nl", or "nl-BE" */
static struct str read_language(struct json_reader *r)
{
	struct str text = json_text_opt(r, "language", 2, 8);
	struct str rest = text;
	struct str language = str_cut(&rest, '-');
	bool region = language.len < text.len;

	if (text.len &&
		(language.len != 2 || !all_letters(language) || !all_letters(rest) ||
			(region && rest.len < 2)))
		json_refuse(r, "language", "must be a language like \"nl\" or \"nl-BE\"");
	return text;
}

static int call_touch(struct op *op, struct visit_env *env, struct err *err)
{
	return visit_touch(env, op->request, &op->answer, err);
}

int api_touch(struct op *op, struct err *err)
{
	struct visit_touch *touch = arena_make(op->arena, struct visit_touch);
	struct json_reader r;
	int rc;

	if (!touch)
		return err_set(err, ERR_NO_MEMORY, "no memory for a touch");
	json_begin(&r, op->arena, op->body, STR(""), err);
	touch->id = json_text(&r, "id", 1, ID_CALLER_MAX);
	rc = op_identifiers(op, &r, "identifiers", touch->identifiers, &touch->identifier_count);
	touch->language = read_language(&r);
	touch->at = read_at(&r);
	rc = rc < 0 ? rc : json_end(&r);
	if (rc < 0)
		return rc;
	touch->key =
		visit_id_key(&op->api->options.keys, "touch", op->access->merchant->id, touch->id);
	touch->said = op->said;
	op->unit.bucket = identifier_bucket(&touch->identifiers[0]);
	op->request = touch;
	op->call = call_touch;
	return 0;
}

static int call_answer(struct op *op, struct visit_env *env, struct err *err)
{
	return visit_answer(env, op->request, &op->answer, err);
}

/* A text, or a number as its text. */
static struct str read_value(struct json_reader *r, struct arena *arena)
{
	const struct json *value = json_any(r, "value");

	if (!value)
		json_refuse(r, "value", "is required");
	else if (value->type == JSON_INT)
		return arena_printf(arena, "%lld", (long long)value->integer);
	else if (value->type == JSON_STRING && value->string.len <= 200)
		return value->string;
	else
		json_refuse(r, "value",
			"must be \"yes\", \"no\", \"timeout\", a text of at most 200 bytes or a number");
	return STR("");
}

int api_answer(struct op *op, struct err *err)
{
	struct visit_answer *answer = arena_make(op->arena, struct visit_answer);
	struct json_reader r;
	int rc;

	if (!answer)
		return err_set(err, ERR_NO_MEMORY, "no memory for an answer");
	rc = op_caller_id(op, 0, &answer->touch_id, err);
	if (rc < 0)
		return rc;
	json_begin(&r, op->arena, op->body, STR(""), err);
	answer->id = json_text(&r, "id", 1, ID_CALLER_MAX);
	answer->step = json_text(&r, "step", 1, 200);
	answer->value = read_value(&r, op->arena);
	rc = json_end(&r);
	if (rc == 0 && !answer->value.ptr)
		rc = err_set(err, ERR_NO_MEMORY, "no memory for an answer");
	if (rc < 0)
		return rc;
	answer->touch = visit_id_key(&op->api->options.keys, "touch", op->access->merchant->id,
		answer->touch_id);
	answer->said = op->said;
	op->unit.bucket = key_bucket(&answer->touch);
	op->request = answer;
	op->call = call_answer;
	return 0;
}

static int call_clear(struct op *op, struct visit_env *env, struct err *err)
{
	return visit_clear_touch(env, op->request, &op->answer, err);
}

int api_clear_touch(struct op *op, struct err *err)
{
	struct key *key = arena_make(op->arena, struct key);
	struct str id;
	int rc = op_caller_id(op, 0, &id, err);

	if (rc < 0 || !key)
		return rc < 0 ? rc : err_set(err, ERR_NO_MEMORY, "no memory");
	*key = visit_id_key(&op->api->options.keys, "touch", op->access->merchant->id, id);
	op->unit.bucket = key_bucket(key);
	op->request = key;
	op->call = call_clear;
	return 0;
}
