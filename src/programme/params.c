/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters: what a marketer sets, checked against what a script declares.
 *
 * What comes out is canonical: the order of the declaration, languages and categories sorted,
 * defaults filled in. So two definitions that mean the same are the same bytes, and a script needs
 * no defaults.
 *
 * To add a type: a value of enum param_type, its word, and a function that reads and writes it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "programme/params_impl.h"

#define JSON_MAX (1 << 20) /* far above PARAMS_MAX lists of PARAMS_WORDS_MAX short words */

const char *const params_type_words[] = { "integer", "money", "boolean", "text", "words", "choice",
	"multipliers", "reward", NULL };

bool params_is_code(struct str code)
{
	if (code.len == 0 || code.len > PARAMS_CODE_MAX)
		return false;
	for (size_t i = 0; i < code.len; i++) {
		char c = code.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* A reader for refusals inside the object or list that stands at a member. */
static struct json_reader inside(struct json_reader *r, const char *name)
{
	struct str at = json_at(r, name);
	struct json_reader sub = *r;
	sub.at = at;
	return sub;
}

/* ---- one function a type ---- */

static void write_integer(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name)
{
	json_out_int(out, name, json_int(r, param->name.ptr, param->min, param->max));
}

static void write_boolean(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name)
{
	json_out_bool(out, name, json_bool(r, param->name.ptr));
}

static void write_text(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name)
{
	struct str text = json_text(r, param->name.ptr, (size_t)param->min, (size_t)param->max);
	json_out_text(out, name, text);
}

static void write_words(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name)
{
	const struct json *list = json_array(r, param->name.ptr, 0, PARAMS_WORDS_MAX);
	uint32_t i = 0;

	json_out_array(out, name);
	for (const struct json *item = list ? list->first : NULL; item; item = item->next, i++) {
		if (item->type == JSON_STRING && item->string.len >= 1 &&
			item->string.len <= PARAMS_TEXT_MAX) {
			json_out_text(out, NULL, item->string);
			continue;
		}
		struct json_reader sub = inside(r, param->name.ptr);
		char index[16];
		snprintf(index, sizeof index, "%" PRIu32, i);
		r->rc = json_refuse(&sub, index, "must be a text of 1 to %d bytes",
			PARAMS_TEXT_MAX);
		break;
	}
	json_out_array_end(out);
}

/* "debt, forgive, negative", as far as it fits. */
static struct str choices_text(struct arena *arena, const struct param *param)
{
	struct buf buf;

	buf_init(&buf, arena, 200);
	for (size_t i = 0; i < param->choice_count; i++) {
		if (i > 0)
			buf_cstr(&buf, ", ");
		buf_add(&buf, param->choices[i]);
	}
	return buf_str(&buf);
}

static void write_choice(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name)
{
	struct str text = json_text(r, param->name.ptr, 1, PARAMS_TEXT_MAX);

	for (size_t i = 0; i < param->choice_count; i++)
		if (str_eq(param->choices[i], text)) {
			json_out_text(out, name, text);
			return;
		}
	json_refuse(r, param->name.ptr, "must be one of %.*s",
		STR_ARG(choices_text(r->arena, param)));
}

/* ---- objects, their members sorted by name ---- */

static int by_name(const void *a, const void *b)
{
	const struct json *const *left = a, *const *right = b;
	return str_cmp((*left)->name, (*right)->name);
}

/* The members in the order of their names; NULL on failure. */
static const struct json **sorted(struct json_reader *r, const struct json *object)
{
	const struct json **list = arena_array(r->arena, object->count + 1u, sizeof *list);
	size_t n = 0;

	if (!list) {
		r->rc = err_set(r->err, ERR_NO_MEMORY, "no memory left to read this");
		return NULL;
	}
	for (const struct json *member = object->first; member; member = member->next)
		list[n++] = member;
	if (n > 1)
		qsort(list, n, sizeof *list, by_name);
	return list;
}

/* A refusal at a member whose name is the caller's. */
static void refuse_member(struct json_reader *sub, const struct json *member, const char *text)
{
	struct str name = arena_str(sub->arena, member->name);
	json_refuse(sub, name.ptr ? name.ptr : "", "%s", text);
}

static void write_multipliers(struct json_reader *r, const struct param *param,
	struct json_out *out, const char *name)
{
	const struct json *object = json_object(r, param->name.ptr);
	const struct json **list = object ? sorted(r, object) : NULL;
	if (!list)
		return;
	struct json_reader sub = inside(r, param->name.ptr);

	if (object->count > PARAMS_WORDS_MAX)
		json_refuse(&sub, NULL, "must have at most %d members", PARAMS_WORDS_MAX);
	json_out_object(out, name);
	for (size_t i = 0; i < object->count && sub.rc == 0; i++) {
		const struct json *member = list[i];
		if (member->name.len < 1 || member->name.len > PARAMS_TEXT_MAX)
			refuse_member(&sub, member, "must have a name of 1 to 200 bytes");
		else if (member->type != JSON_INT || member->integer < param->min ||
			member->integer > param->max)
			refuse_member(&sub, member,
				"must be a weight in hundredths within its range");
		json_out_name(out, member->name);
		json_out_int(out, NULL, member->integer);
	}
	json_out_object_end(out);
	r->rc = sub.rc;
}

static void write_texts(struct json_reader *r, const char *name, struct json_out *out)
{
	const struct json *object = json_object(r, name);
	const struct json **list = object ? sorted(r, object) : NULL;
	if (!list)
		return;
	struct json_reader sub = inside(r, name);

	if (object->count < 1 || object->count > TEXTS_MAX)
		json_refuse(&sub, NULL, "must have a text in 1 to %d languages", TEXTS_MAX);
	json_out_object(out, name);
	for (size_t i = 0; i < object->count && sub.rc == 0; i++) {
		const struct json *member = list[i];
		if (!texts_is_language(member->name))
			refuse_member(&sub, member, "is not a language as in \"nl\" or \"nl-BE\"");
		else if (member->type != JSON_STRING || member->string.len < 1 ||
			member->string.len > PARAMS_TEXT_MAX)
			refuse_member(&sub, member, "must be a text of 1 to 200 bytes");
		json_out_name(out, member->name);
		json_out_text(out, NULL, member->string);
	}
	json_out_object_end(out);
	r->rc = sub.rc;
}

static void write_reward(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name)
{
	const struct json *object = json_object(r, param->name.ptr);
	struct json_reader sub;
	if (!object)
		return;

	struct str at = json_at(r, param->name.ptr);
	json_begin(&sub, r->arena, object, at, r->err);
	struct str code = json_text(&sub, "code", 1, PARAMS_CODE_MAX);
	if (sub.rc == 0 && !params_is_code(code))
		json_refuse(&sub, "code", "must be of a-z, 0-9, - and _");
	json_out_object(out, name);
	json_out_text(out, "code", code);
	write_texts(&sub, "name", out);
	json_out_object_end(out);
	int rc = json_end(&sub);
	if (r->rc == 0)
		r->rc = rc;
}

typedef void write_type(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name);
static write_type *const write_types[] = {
	[PARAM_INTEGER] = write_integer,
	[PARAM_MONEY] = write_integer,
	[PARAM_BOOLEAN] = write_boolean,
	[PARAM_TEXT] = write_text,
	[PARAM_WORDS] = write_words,
	[PARAM_CHOICE] = write_choice,
	[PARAM_MULTIPLIERS] = write_multipliers,
	[PARAM_REWARD] = write_reward,
};

void params_write(struct json_reader *r, const struct param *param, struct json_out *out,
	const char *name)
{
	if (r->rc == 0)
		write_types[param->type](r, param, out, name);
}

/* ---- all of them ---- */

static void write_or_default(struct json_reader *r, const struct param *param, struct json_out *out)
{
	const char *name = param->name.ptr;

	if (!json_has(r, name)) {
		if (param->has_default)
			json_out_raw(out, name, param->default_json);
		else if (param->required)
			json_refuse(r, name, "is required");
		return;
	}
	if (param->needs.len && !json_has(r, param->needs.ptr))
		json_refuse(r, name, "makes sense only with %s", param->needs.ptr);
	params_write(r, param, out, name);
}

int params_check(struct arena *arena, const struct script_info *info, const struct json *given,
	struct str at, struct str *ret, struct err *err)
{
	static const struct json nothing = { .type = JSON_OBJECT };
	struct json_reader r;
	struct json_out out;
	struct buf buf;

	buf_init(&buf, arena, JSON_MAX);
	json_out_init(&out, &buf);
	json_begin(&r, arena, given ? given : &nothing, at, err);
	json_out_object(&out, NULL);
	for (size_t i = 0; i < info->param_count; i++)
		write_or_default(&r, &info->params[i], &out);
	json_out_object_end(&out);
	int rc = json_end(&r);
	if (rc < 0)
		return rc;
	if (buf.failed)
		return err_set(err, ERR_NO_MEMORY, "no memory left for the parameters");
	*ret = buf_str(&buf);
	return 0;
}

/* ---- for the office ---- */

static bool has_range(const struct param *param)
{
	return param->type == PARAM_INTEGER || param->type == PARAM_MONEY ||
		param->type == PARAM_TEXT || param->type == PARAM_MULTIPLIERS;
}

static void param_json(const struct param *param, struct json_out *out)
{
	json_out_object(out, NULL);
	json_out_text(out, "name", param->name);
	json_out_cstr(out, "type", params_type_words[param->type]);
	json_out_bool(out, "required", param->required);
	if (param->has_default)
		json_out_raw(out, "default", param->default_json);
	if (has_range(param)) {
		json_out_int(out, "min", param->min);
		json_out_int(out, "max", param->max);
	}
	if (param->needs.len)
		json_out_text(out, "needs", param->needs);
	if (param->choice_count > 0) {
		json_out_array(out, "choices");
		for (size_t i = 0; i < param->choice_count; i++)
			json_out_text(out, NULL, param->choices[i]);
		json_out_array_end(out);
	}
	texts_json(&param->title, out, "title");
	if (param->help.count > 0)
		texts_json(&param->help, out, "help");
	json_out_object_end(out);
}

void script_info_json(const struct script_info *info, struct json_out *out, const char *name)
{
	json_out_object(out, name);
	json_out_text(out, "name", info->name);
	json_out_text(out, "unit", info->unit);
	texts_json(&info->title, out, "title");
	if (info->help.count > 0)
		texts_json(&info->help, out, "help");
	json_out_array(out, "parameters");
	for (size_t i = 0; i < info->param_count; i++)
		param_json(&info->params[i], out);
	json_out_array_end(out);
	json_out_object_end(out);
}
