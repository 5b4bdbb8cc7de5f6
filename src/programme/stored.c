/* SPDX-License-Identifier: Apache-2.0 */
/* Versions as they are stored: a definition, the key of the text it runs, and whether its arms are
 * still open to change. What is stored was checked at the edge and is read as it stands.
 *
 * Invariants: 1. a version is written once, and its script's text before it, in the same unit. 2.
 * From the first version that was more than a draft, every version has the same arms. */
#include <string.h>

#include "base/check.h"
#include "programme/programme_impl.h"
#include "programme/programme_sql.h"

/* A definition has at most 1 MiB, and the smallest value two bytes. */
#define TREE_BYTES ((size_t)128 << 20)

/* ---- reading ---- */

static bool keep_str(struct arena *arena, const struct json *value, struct str *ret)
{
	*ret = value && value->type == JSON_STRING ? arena_str(arena, value->string) : STR("");
	return ret->ptr != NULL;
}

/* Which of the words it is; `otherwise` if none. */
static int word_of(const struct json *value, const char *const *words, int otherwise)
{
	for (int i = 0; value && words[i]; i++)
		if (str_is(value->string, words[i]))
			return i;
	return otherwise;
}

/* Ids that are none are left out: only ids of shops that were there come in. */
static bool keep_shops(struct arena *arena, const struct json *list, struct programme *ret)
{
	id_t64 *shops = arena_array(arena, list ? list->count + 1u : 1, sizeof(*shops));

	if (!shops)
		return false;
	for (const struct json *v = list ? list->first : NULL; v; v = v->next)
		ret->shop_count += id_parse(v->string, "s", &shops[ret->shop_count]);
	ret->shops = shops;
	return true;
}

static int keep_arm(struct arena *arena, const struct json *params, struct programme_arm *ret,
	struct err *err)
{
	struct json_out out;
	struct buf buf BUF_AUTO;

	buf_init(&buf, NULL, 1 << 20);
	json_out_init(&out, &buf);
	json_out_value(&out, NULL, params);
	ret->params = buf.failed ? (struct str) { 0 } : arena_str(arena, buf_str(&buf));
	if (!ret->params.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for parameters");
	return programme_arm_read(ret, params, arena, err);
}

static int keep_arms(struct arena *arena, const struct json *value, struct programme *ret,
	struct err *err)
{
	const struct json *list = json_get(value, "arms"), *params = json_get(value, "parameters");
	int rc = 0;

	if (!list && params) {
		ret->arms[0] = (struct programme_arm) { .name = STR(""), .share = 1 };
		ret->arm_count = 1;
		return keep_arm(arena, params, &ret->arms[0], err);
	}
	for (const struct json *v = list ? list->first : NULL; v && rc == 0; v = v->next) {
		struct programme_arm *arm = &ret->arms[ret->arm_count];
		const struct json *share = json_get(v, "share");
		params = json_get(v, "parameters");
		if (ret->arm_count == PROGRAMME_ARMS_MAX || !share || !params)
			return err_set(err, ERR_BROKEN, "an arm that cannot be read");
		arm->share = share->integer;
		if (!keep_str(arena, json_get(v, "name"), &arm->name))
			return err_set(err, ERR_NO_MEMORY, "no memory for an arm");
		rc = keep_arm(arena, params, arm, err);
		ret->arm_count++;
	}
	return rc == 0 && ret->arm_count == 0 ? err_set(err, ERR_BROKEN, "it has no parameters")
					      : rc;
}

static int keep_period(const struct zone *zone, struct programme *ret, struct err *err)
{
	bool known = true;

	ret->ends = INT64_MAX;
	if (zone)
		known = programme_instant(ret->starts_text, zone, 0, &ret->starts) &&
			(!ret->ends_text.len ||
				programme_instant(ret->ends_text, zone, 1, &ret->ends));
	return known ? 0 : err_set(err, ERR_BROKEN, "a period that cannot be read");
}

static int keep_definition(const struct json *value, const struct zone *zone, struct arena *arena,
	struct programme *ret, struct err *err)
{
	const struct json *name = json_get(value, "name");
	int state = word_of(json_get(value, "state"), programme_state_words, -1);

	if (state < 0 || !name || name->type != JSON_OBJECT)
		return err_set(err, ERR_BROKEN, "its definition lacks a state or a name");
	ret->state = (enum programme_state)state;
	ret->joins_by_itself = word_of(json_get(value, "joining"), programme_joining_words, 0) == 1;
	if (!keep_str(arena, json_get(value, "template"), &ret->script) ||
		!keep_str(arena, json_get(value, "starts"), &ret->starts_text) ||
		!keep_str(arena, json_get(value, "ends"), &ret->ends_text) ||
		!texts_keep(name, arena, &ret->title) ||
		!keep_shops(arena, json_get(value, "shops"), ret))
		return err_set(err, ERR_NO_MEMORY, "no memory for a programme");
	int rc = keep_period(zone, ret, err);
	return rc < 0 ? rc : keep_arms(arena, value, ret, err);
}

int stored_read(const struct store_rows *rows, const struct zone *zone, struct arena *arena,
	struct programme *ret, struct str *ret_key, struct err *err)
{
	struct arena *scratch ARENA_AUTO = arena_new(TREE_BYTES);
	struct str key = store_bytes(rows, 5);
	struct json *value;
	int rc;

	*ret = (struct programme) { .id = store_int(rows, 0),
		.version = (int32_t)store_int(rows, 1),
		.merchant = store_int(rows, 2),
		.code = arena_str(arena, store_bytes(rows, 3)) };
	*ret_key = key.ptr ? arena_str(arena, key) : key;
	if (!scratch || !ret->code.ptr || (key.ptr && !ret_key->ptr))
		return err_set(err, ERR_NO_MEMORY, "no memory for a programme");
	rc = json_parse(scratch, store_bytes(rows, 4), &value, err);
	return rc < 0 ? rc : keep_definition(value, zone, arena, ret, err);
}

int stored_text(struct store_tx *tx, struct str key, struct arena *arena, struct script_text *ret,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &programme_statements[SCRIPT_GET], ARGS(V_BLOB(key.ptr, key.len)),
		&rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	if (unexpected(key.len != SCRIPT_KEY_LEN))
		return err_set(err, ERR_BROKEN, "a script's key has %zu bytes", key.len);
	memcpy(ret->key, key.ptr, SCRIPT_KEY_LEN);
	ret->name = arena_str(arena, store_bytes(rows, 0));
	ret->unit = arena_str(arena, store_bytes(rows, 1));
	ret->source = arena_str(arena, store_bytes(rows, 2));
	if (!ret->name.ptr || !ret->unit.ptr || !ret->source.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a script");
	return 0;
}

/* ---- writing ---- */

static int count_programmes(struct store_tx *tx, id_t64 merchant, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &programme_statements[PROGRAMME_COUNT], ARGS(V_INT(merchant)),
		&rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	if (store_int(rows, 0) >= PROGRAMMES_MAX)
		return err_set(err, ERR_INVALID, "a merchant has at most %d programmes",
			PROGRAMMES_MAX);
	return 0;
}

/* What is in force under a code. */
struct newest {
	id_t64 id;
	int32_t version;
	struct str definition, key;
	const struct json *value; /* the definition, parsed */
	bool locked;              /* its arms stay what they are */
};

static bool is_draft(const struct json *definition)
{
	return word_of(json_get(definition, "state"), programme_state_words, PROGRAMME_DRAFT) ==
		PROGRAMME_DRAFT;
}

/* 0 found; 1 none. */
static int find_newest(struct store_tx *tx, id_t64 merchant, struct str code, struct arena *arena,
	struct newest *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	struct json *value;
	int rc = store_query(tx, &programme_statements[PROGRAMME_FIND],
		ARGS(V_INT(merchant), V_TEXT(code)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	ret->id = store_int(rows, 0);
	ret->version = (int32_t)store_int(rows, 1);
	ret->definition = arena_str(arena, store_bytes(rows, 2));
	ret->key = arena_str(arena, store_bytes(rows, 3));
	if (!ret->definition.ptr || !ret->key.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a definition");
	rc = json_parse(arena, ret->definition, &value, err);
	if (rc < 0)
		return rc;
	ret->value = value;
	ret->locked = store_is_null(rows, 4) ? !is_draft(value) : store_int(rows, 4) != 0;
	return 0;
}

static bool same_arms(const struct json *arms, const struct programme *programme)
{
	const struct json *arm = arms ? arms->first : NULL;

	if (!arms)
		return programme->arm_count == 1 && programme->arms[0].name.len == 0;
	for (size_t i = 0; i < programme->arm_count; i++, arm = arm->next) {
		const struct json *name = json_get(arm, "name");
		if (!name || !str_eq(name->string, programme->arms[i].name))
			return false;
	}
	return !arm;
}

/* What may not change once there can be members: the script, and the arms they were drawn into. */
static int check_frame(const struct newest *is, const struct programme *programme, struct err *err)
{
	const struct json *template = json_get(is->value, "template");

	if (!template || !str_eq(template->string, programme->script))
		return err_set(err, ERR_CONFLICT,
			"under that code runs another template; take another code");
	if (is->locked && !same_arms(json_get(is->value, "arms"), programme))
		return err_at(err, ERR_CONFLICT, "/arms",
			"members were drawn into the arms there are; take another code");
	return 0;
}

static int add_text(struct store_tx *tx, const struct script_text *text, int64_t now,
	struct err *err)
{
	return store_write(tx, &programme_statements[SCRIPT_ADD],
		ARGS(V_BLOB(text->key, SCRIPT_KEY_LEN), V_TEXT(text->name), V_TEXT(text->unit),
			V_TEXT(text->source), V_INT(now)),
		STORE_ANY, err);
}

/* The version after the one that is. */
static int add_version(struct store_tx *tx, const struct newest *is,
	const struct programme *programme, struct str code, int64_t now, struct err *err)
{
	bool locked = is->locked || programme->state != PROGRAMME_DRAFT;
	int rc = add_text(tx, programme->text, now, err);

	if (rc != 0)
		return rc;
	return store_write(tx, &programme_statements[PROGRAMME_ADD],
		ARGS(V_INT(is->id), V_INT(is->version + 1), V_INT(programme->merchant),
			V_TEXT(code), V_TEXT(programme->definition), V_INT(now),
			V_BLOB(programme->text->key, SCRIPT_KEY_LEN), V_INT(locked)),
		1, err);
}

int programme_put(struct store_tx *tx, const struct programme *programme, struct str code,
	id_t64 new_id, int64_t now, struct arena *arena, id_t64 *ret_id, int32_t *ret_version,
	struct err *err)
{
	struct str key = str_bytes(programme->text->key, SCRIPT_KEY_LEN);
	struct newest is = { .id = new_id };
	int rc = find_newest(tx, programme->merchant, code, arena, &is, err);

	if (rc == 0)
		rc = check_frame(&is, programme, err);
	else if (rc > 0)
		rc = count_programmes(tx, programme->merchant, err);
	if (rc < 0)
		return rc;
	if (!str_eq(is.definition, programme->definition) || !str_eq(is.key, key)) {
		rc = add_version(tx, &is, programme, code, now, err);
		is.version++;
	}
	if (rc == 0) {
		*ret_id = is.id;
		*ret_version = is.version;
	}
	return rc;
}
