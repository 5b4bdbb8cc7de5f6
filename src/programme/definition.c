/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions of programmes: read from a PUT body, where everything is checked, and written as the
 * contract shows them. How they are kept is stored.c's. See programme.h. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "programme/programme_impl.h"

const char *const programme_state_words[] = { "draft", "running", "paused", "ended", NULL };
const char *const programme_joining_words[] = { "ask", "auto", NULL };

/* ---- reading ---- */

bool programme_instant(struct str text, const struct zone *zone, int days, int64_t *ret)
{
	struct date date;

	if (!date_read(text, &date) || date.year < 2000 || date.year >= 2200)
		return date_moment_read(text, ret);
	*ret = zone_day_start(zone, date_of_days(date_days(date) + days));
	return true;
}

static int64_t read_instant(struct json_reader *r, const char *name, struct str text,
	const struct zone *zone, int days)
{
	int64_t at = 0;

	if (r->rc == 0 && !programme_instant(text, zone, days, &at))
		json_refuse(r, name, "must be a day like \"2026-01-31\" or a time with its offset");
	return at;
}

static void read_period(struct json_reader *r, const struct programme_context *context,
	struct programme *ret)
{
	ret->starts_text = json_text(r, "starts", 10, 64);
	ret->ends_text = json_text_opt(r, "ends", 10, 64);
	ret->ends = INT64_MAX;
	if (r->rc < 0)
		return;
	ret->starts = read_instant(r, "starts", ret->starts_text, context->zone, 0);
	if (ret->ends_text.len) /* a day as the end is its last: it counts whole */
		ret->ends = read_instant(r, "ends", ret->ends_text, context->zone, 1);
	if (r->rc == 0 && ret->ends <= ret->starts)
		json_refuse(r, "ends", "must be after starts");
}

static void read_shops(struct json_reader *r, const struct programme_context *context,
	struct arena *arena, struct programme *ret)
{
	const struct json *array = json_array_opt(r, "shops", PROGRAMME_SHOPS_MAX);
	id_t64 *shops;

	if (r->rc < 0 || !array || array->count == 0)
		return;
	shops = arena_array(arena, array->count, sizeof(*shops));
	if (!shops) {
		r->rc = err_set(r->err, ERR_NO_MEMORY, "no memory for shops");
		return;
	}
	for (const struct json *v = array->first; v; v = v->next) {
		id_t64 shop = v->type == JSON_STRING ? context->shop(context->user, v->string) : 0;
		if (shop == 0) {
			struct str at = json_at_index(r, "shops", (uint32_t)ret->shop_count);
			r->rc = err_at(r->err, ERR_INVALID, at.ptr ? at.ptr : "/shops",
				"there is no such shop");
			return;
		}
		shops[ret->shop_count++] = shop;
	}
	ret->shops = shops;
}

/* Reads {nl: "...", ...}; at least one language. */
static void read_texts(struct json_reader *r, const char *name, struct arena *arena,
	struct texts *ret)
{
	const struct json *object = json_object(r, name);
	struct local_text *list;

	if (r->rc < 0)
		return;
	list = arena_array(arena, object->count ? object->count : 1, sizeof(*list));
	if (object->count < 1 || object->count > 32 || !list) {
		json_refuse(r, name,
			"needs a text in at least one language, like {\"nl\": \"...\"}");
		return;
	}
	for (const struct json *v = object->first; v; v = v->next) {
		if (v->type != JSON_STRING || v->string.len < 1 || v->string.len > 200 ||
			v->name.len < 2 || v->name.len > 8) {
			json_refuse(r, name,
				"is texts of 1 to 200 bytes by language, like {\"nl\": \"...\"}");
			return;
		}
		list[ret->count++] = (struct local_text) { .language = v->name, .text = v->string };
	}
	ret->list = list;
}

/* Parameters of an arm are those of the programme with the arm's own on top. */
static const struct json *overlay(struct arena *arena, const struct json *base,
	const struct json *top)
{
	struct json *object = arena_make(arena, struct json);
	struct json **last;

	if (!object)
		return NULL;
	object->type = JSON_OBJECT;
	last = &object->first;
	for (int pass = 0; pass < 2; pass++) {
		const struct json *from = pass == 0 ? base : top;
		for (const struct json *v = from ? from->first : NULL; v; v = v->next) {
			char name[PROGRAMME_CODE_MAX + 1];
			if (pass == 0 && top && v->name.len < sizeof(name)) {
				memcpy(name, v->name.ptr, v->name.len);
				name[v->name.len] = '\0';
				if (json_get(top, name))
					continue;
			}
			*last = arena_make(arena, struct json);
			if (!*last)
				return NULL;
			**last = *v;
			(*last)->next = NULL;
			last = &(*last)->next;
			object->count++;
		}
	}
	return object;
}

static void read_arm(struct json_reader *r, const struct script_info *script, struct arena *arena,
	const struct json *value, const struct json *params, struct programme_arm *ret, size_t n)
{
	struct json_reader arm;
	const struct json *own;

	json_begin(&arm, arena, value, json_at_index(r, "arms", (uint32_t)n), r->err);
	ret->name = json_text(&arm, "name", 1, PROGRAMME_CODE_MAX);
	ret->share = json_int(&arm, "share", 1, 1000000);
	own = json_object_opt(&arm, "parameters");
	r->rc = json_end(&arm);
	if (r->rc < 0)
		return;
	params = overlay(arena, params, own);
	if (!params)
		r->rc = err_set(r->err, ERR_NO_MEMORY, "no memory for an arm");
	else
		r->rc = params_check(arena, script, params, json_at(&arm, "parameters"),
			&ret->params, r->err);
}

static void read_arms(struct json_reader *r, const struct script_info *script, struct arena *arena,
	struct programme *ret)
{
	const struct json *params = json_object_opt(r, "parameters");
	const struct json *arms = json_array_opt(r, "arms", PROGRAMME_ARMS_MAX);

	if (r->rc < 0)
		return;
	ret->arm_count = 1;
	ret->arms[0] = (struct programme_arm) { .name = STR(""), .share = 1 };
	if (!arms || arms->count == 0) {
		r->rc = params_check(arena, script, params, json_at(r, "parameters"),
			&ret->arms[0].params, r->err);
		return;
	}
	ret->arm_count = 0;
	for (const struct json *v = arms->first; v && r->rc == 0; v = v->next, ret->arm_count++)
		read_arm(r, script, arena, v, params, &ret->arms[ret->arm_count], ret->arm_count);
}

/* What C reads of an arm: from the parameters as they are kept, with their defaults. */
static int read_house_rules(struct arena *arena, struct programme *ret, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < ret->arm_count && rc == 0; i++) {
		struct json *params;
		rc = json_parse(arena, ret->arms[i].params, &params, err);
		if (rc == 0)
			rc = programme_arm_read(&ret->arms[i], params, arena, err);
	}
	return rc;
}

static int keep_definition(struct arena *arena, struct programme *ret, struct err *err);

int programme_read(const struct programme_context *context, const struct json *body,
	struct arena *arena, struct programme *ret, struct err *err)
{
	const struct script_info *script;
	struct json_reader r;

	memset(ret, 0, sizeof(*ret));
	ret->merchant = context->merchant;
	json_begin(&r, arena, body, STR(""), err);
	ret->script = json_text(&r, "template", 1, PROGRAMME_CODE_MAX);
	read_texts(&r, "name", arena, &ret->title);
	read_period(&r, context, ret);
	read_shops(&r, context, arena, ret);
	ret->joins_by_itself = json_word(&r, "joining", programme_joining_words) == 1;
	ret->state = (enum programme_state)json_word(&r, "state", programme_state_words);
	script = r.rc == 0 ? programme_script(ret->script) : NULL;
	if (r.rc == 0 && !script)
		json_refuse(&r, "template",
			"there is no template of that name; see GET /v1/templates");
	if (script) {
		ret->text = programme_script_text(ret->script);
		ret->unit = script->unit;
		read_arms(&r, script, arena, ret);
	}
	int rc = json_end(&r);
	if (rc == 0)
		rc = read_house_rules(arena, ret, err);
	return rc < 0 ? rc : keep_definition(arena, ret, err);
}

/* ---- writing ---- */

static void write_texts(struct json_out *out, const char *name, const struct texts *texts)
{
	json_out_object(out, name);
	for (size_t i = 0; i < texts->count; i++) {
		json_out_name(out, texts->list[i].language);
		json_out_text(out, NULL, texts->list[i].text);
	}
	json_out_object_end(out);
}

static void write_arms(const struct programme *p, struct json_out *out)
{
	if (p->arms[0].name.len == 0) {
		json_out_raw(out, "parameters", p->arms[0].params);
		return;
	}
	json_out_array(out, "arms");
	for (size_t i = 0; i < p->arm_count; i++) {
		json_out_object(out, NULL);
		json_out_text(out, "name", p->arms[i].name);
		json_out_int(out, "share", p->arms[i].share);
		json_out_raw(out, "parameters", p->arms[i].params);
		json_out_object_end(out);
	}
	json_out_array_end(out);
}

static void write_definition(const struct programme *p, struct json_out *out)
{
	char shop[ID_TEXT_MAX];

	json_out_text(out, "template", p->script);
	write_texts(out, "name", &p->title);
	json_out_text(out, "starts", p->starts_text);
	if (p->ends_text.len)
		json_out_text(out, "ends", p->ends_text);
	json_out_array(out, "shops");
	for (size_t i = 0; i < p->shop_count; i++)
		json_out_cstr(out, NULL, id_text(p->shops[i], "s", shop));
	json_out_array_end(out);
	json_out_cstr(out, "joining", programme_joining_words[p->joins_by_itself]);
	json_out_cstr(out, "state", programme_state_words[p->state]);
	write_arms(p, out);
}

void programme_json(const struct programme *p, struct json_out *out, const char *name)
{
	char label[SCRIPT_LABEL_MAX];

	json_out_object(out, name);
	json_out_text(out, "code", p->code);
	json_out_int(out, "version", p->version);
	if (p->text)
		json_out_cstr(out, "script", script_label(p->text, label));
	json_out_text(out, "unit", p->unit);
	write_definition(p, out);
	json_out_object_end(out);
}

static int keep_definition(struct arena *arena, struct programme *ret, struct err *err)
{
	struct buf buf;
	struct json_out out;

	buf_init(&buf, arena, 1 << 20);
	json_out_init(&out, &buf);
	json_out_object(&out, NULL);
	write_definition(ret, &out);
	json_out_object_end(&out);
	if (buf.failed)
		return err_set(err, ERR_NO_MEMORY, "no memory for a definition");
	ret->definition = buf_str(&buf);
	return 0;
}
