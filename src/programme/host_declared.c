/* SPDX-License-Identifier: Apache-2.0 */
/* What a script's table declares, as plain data. A declaration that does not hold together is
 * refused here, when the script is loaded, so that params_check() can rely on it; a default must
 * pass the check that a marketer's value must pass.
 *
 * To add a field: its name in the list, a line in host_declared() or read_param(), and one in
 * docs/add/programme.md. */
#include <string.h>

#include "base/num.h"
#include "programme/host_impl.h"

static const char *const script_fields[] = { "api", "unit", "title", "help", "parameters", "sale",
	"due", "card", "ask", NULL };
static const char *const param_fields[] = { "name", "type", "default", "required", "min", "max",
	"needs", "choices", "title", "help", NULL };

/* Refuses a field that is not in the list, for the table on top. */
static void check_fields(lua_State *L, const char *const *fields, const char *what)
{
	int top = lua_gettop(L);
	lua_pushvalue(L, top);
	host_returned_fields(L, fields, what);
	lua_settop(L, top);
}

/* ---- values ---- */

/* The text in that field of the table on top; empty if it is not there. */
static struct str text_field(lua_State *L, const char *field, struct arena *arena, const char *what)
{
	struct str text = { "", 0 };
	int type = lua_getfield(L, -1, field);

	if (type == LUA_TSTRING)
		text = host_arena_text(L, -1, arena);
	else if (type != LUA_TNIL)
		luaL_error(L, "%s: %s must be a text", what, field);
	lua_pop(L, 1);
	return text;
}

static struct texts texts_field(lua_State *L, const char *field, bool required, struct arena *arena,
	const char *what)
{
	char place[80];
	snprintf(place, sizeof place, "%s: %s", what, field);
	if (lua_getfield(L, -1, field) != LUA_TNIL || required)
		return host_returned_texts(L, arena, HOST_TEXT_MAX, place);
	lua_pop(L, 1);
	return (struct texts) { 0 };
}

static int64_t whole_field(lua_State *L, const char *field, int64_t otherwise, const char *what)
{
	int type = lua_getfield(L, -1, field);
	int64_t value = type == LUA_TNIL ? otherwise : lua_tointeger(L, -1);

	if (type != LUA_TNIL && !lua_isinteger(L, -1))
		luaL_error(L, "%s: %s must be a whole number", what, field);
	lua_pop(L, 1);
	return value;
}

static bool bool_field(lua_State *L, const char *field, const char *what)
{
	int type = lua_getfield(L, -1, field);
	bool value = lua_toboolean(L, -1);

	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		luaL_error(L, "%s: %s must be true or false", what, field);
	lua_pop(L, 1);
	return value;
}

/* ---- the default of a parameter ---- */

static struct json *new_json(lua_State *L, struct arena *arena, enum json_type type)
{
	struct json *json = arena_make(arena, struct json);
	if (!json)
		host_arena_full(L);
	json->type = type;
	return json;
}

/* The value on top, which is not a table. */
static struct json *scalar_json(lua_State *L, struct arena *arena)
{
	struct json *json = new_json(L, arena, JSON_NULL);

	if (lua_isinteger(L, -1)) {
		json->type = JSON_INT;
		json->integer = lua_tointeger(L, -1);
	} else if (lua_isboolean(L, -1)) {
		json->type = JSON_BOOL;
		json->boolean = lua_toboolean(L, -1);
	} else if (lua_type(L, -1) == LUA_TSTRING) {
		json->type = JSON_STRING;
		json->string = host_arena_text(L, -1, arena);
		if (!str_utf8(json->string, NULL))
			luaL_error(L, "a default is not UTF-8");
	} else {
		json->type = JSON_DOUBLE; /* which no type of parameter takes */
	}
	return json;
}

static void add_child(struct json *parent, struct json ***tail, struct json *child)
{
	**tail = child;
	*tail = &child->next;
	parent->count++;
}

static struct json *list_json(lua_State *L, struct arena *arena)
{
	struct json *list = new_json(L, arena, JSON_ARRAY), **tail = &list->first;
	lua_Integer count = luaL_len(L, -1);

	for (lua_Integer i = 1; i <= count && i <= PARAMS_WORDS_MAX + 1; i++) {
		lua_geti(L, -1, i);
		add_child(list, &tail, scalar_json(L, arena));
		lua_pop(L, 1);
	}
	return list;
}

static struct json *object_json(lua_State *L, struct arena *arena)
{
	struct json *object = new_json(L, arena, JSON_OBJECT), **tail = &object->first;

	host_push_real(L, -1);
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "a default has a key that is not a text");
		struct json *value = scalar_json(L, arena);
		value->name = host_arena_text(L, -2, arena);
		if (!str_utf8(value->name, NULL))
			luaL_error(L, "a default is not UTF-8");
		add_child(object, &tail, value);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return object;
}

static struct json *default_json(lua_State *L, const struct param *param, struct arena *arena)
{
	if (!lua_istable(L, -1))
		return scalar_json(L, arena);
	return param->type == PARAM_WORDS ? list_json(L, arena) : object_json(L, arena);
}

/* The default on top in its canonical form, if params_check() would take it. */
static struct str checked_default(lua_State *L, const struct param *param, struct arena *arena)
{
	struct json *object = new_json(L, arena, JSON_OBJECT),
		    *value = default_json(L, param, arena);
	struct json_reader r;
	struct json_out out;
	struct buf buf;
	struct err err = { 0 };

	value->name = param->name;
	object->first = value;
	object->count = 1;
	buf_init(&buf, arena, HOST_SOURCE_MAX);
	json_out_init(&out, &buf);
	json_begin(&r, arena, object, STR(""), &err);
	params_write(&r, param, &out, NULL);
	if (r.rc == ERR_NO_MEMORY || (r.rc == 0 && buf.failed))
		host_arena_full(L);
	if (r.rc < 0)
		luaL_error(L, "its default %s %s", err.at, err.text);
	return buf_str(&buf);
}

/* ---- one parameter ---- */

/* What min and max are if the script does not say, and may not go beyond. */
static const struct {
	int64_t min, max;
} ranges[] = {
	[PARAM_INTEGER] = { -NUM_AMOUNT_MAX, NUM_AMOUNT_MAX },
	[PARAM_MONEY] = { 0, NUM_AMOUNT_MAX },
	[PARAM_TEXT] = { 0, PARAMS_TEXT_MAX },
	[PARAM_MULTIPLIERS] = { 0, PARAMS_WEIGHT_MAX },
	[PARAM_REWARD] = { 0, 0 }, /* the last: the list has a place for every type */
};

static enum param_type type_of(lua_State *L, struct str word, const char *what)
{
	for (int i = 0; params_type_words[i]; i++)
		if (str_is(word, params_type_words[i]))
			return (enum param_type)i;
	luaL_error(L, "%s: there is no type '%s'", what, word.ptr);
	return PARAM_INTEGER;
}

static void read_range(lua_State *L, struct param *param, const char *what)
{
	int64_t lowest = ranges[param->type].min, highest = ranges[param->type].max;

	param->min = whole_field(L, "min", param->type == PARAM_INTEGER ? 0 : lowest, what);
	param->max = whole_field(L, "max", highest, what);
	if (param->min < lowest || param->max > highest || param->min > param->max)
		luaL_error(L, "%s: min and max must be a range within %I to %I", what,
			(LUAI_UACINT)lowest, (LUAI_UACINT)highest);
}

static void read_choices(lua_State *L, struct param *param, struct arena *arena, const char *what)
{
	if (lua_getfield(L, -1, "choices") != LUA_TNIL && !lua_istable(L, -1))
		luaL_error(L, "%s: choices must be a list of texts", what);
	lua_Integer count = lua_istable(L, -1) ? luaL_len(L, -1) : 0;
	if ((param->type == PARAM_CHOICE) != (count > 0) || count > PARAMS_CHOICES_MAX)
		luaL_error(L, "%s: a choice has 1 to %d choices, other types none", what,
			PARAMS_CHOICES_MAX);
	struct str *list = arena_array(arena, (size_t)count, sizeof *list);
	if (!list)
		host_arena_full(L);
	for (lua_Integer i = 0; i < count; i++) {
		if (lua_geti(L, -1, i + 1) != LUA_TSTRING)
			luaL_error(L, "%s: choices must be a list of texts", what);
		list[i] = host_arena_text(L, -1, arena);
		if (!params_is_code(list[i]))
			luaL_error(L, "%s: a choice must be of a-z, 0-9, - and _", what);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	param->choices = list;
	param->choice_count = (size_t)count;
}

static void read_default(lua_State *L, struct param *param, struct arena *arena, const char *what)
{
	param->has_default = lua_getfield(L, -1, "default") != LUA_TNIL;
	if (param->has_default && param->required)
		luaL_error(L, "%s: what is required needs no default", what);
	if (param->has_default)
		param->default_json = checked_default(L, param, arena);
	lua_pop(L, 1);
}

/* a-z, then a-z 0-9 _, up to 32; p.code and p.title are taken. */
static bool is_param_name(struct str name)
{
	if (!params_is_code(name) || name.len > 32 || name.ptr[0] < 'a' || name.ptr[0] > 'z')
		return false;
	return !memchr(name.ptr, '-', name.len) && !str_is(name, "code") && !str_is(name, "title");
}

/* The parameter declared by the table on top. */
static void read_param(lua_State *L, struct arena *arena, lua_Integer number, struct param *ret)
{
	char what[64];

	snprintf(what, sizeof what, "parameter %lld", (long long)number);
	if (!lua_istable(L, -1))
		luaL_error(L, "%s must be a table", what);
	ret->name = text_field(L, "name", arena, what);
	if (!is_param_name(ret->name))
		luaL_error(L, "%s: its name must be of a-z, 0-9 and _, and not code or title",
			what);
	snprintf(what, sizeof what, "parameter '%s'", ret->name.ptr);
	check_fields(L, param_fields, what);
	ret->type = type_of(L, text_field(L, "type", arena, what), what);
	ret->required = bool_field(L, "required", what);
	ret->needs = text_field(L, "needs", arena, what);
	ret->title = texts_field(L, "title", true, arena, what);
	ret->help = texts_field(L, "help", false, arena, what);
	read_range(L, ret, what);
	read_choices(L, ret, arena, what);
	read_default(L, ret, arena, what);
}

/* ---- all of them ---- */

static const struct param *find(const struct param *params, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(params[i].name, name))
			return &params[i];
	return NULL;
}

static void check_together(lua_State *L, const struct script_info *info)
{
	for (size_t i = 0; i < info->param_count; i++) {
		const struct param *param = &info->params[i];
		if (find(info->params, i, param->name))
			luaL_error(L, "parameter '%s' is declared twice", param->name.ptr);
		if (param->needs.len && !find(info->params, info->param_count, param->needs))
			luaL_error(L, "parameter '%s' needs '%s', which is not declared",
				param->name.ptr, param->needs.ptr);
	}
}

static void read_params(lua_State *L, struct arena *arena, struct script_info *ret)
{
	lua_getfield(L, -1, "parameters");
	if (!lua_istable(L, -1))
		luaL_error(L, "parameters must be a list");
	lua_Integer count = luaL_len(L, -1);
	if (count > PARAMS_MAX)
		luaL_error(L, "it declares more than %d parameters", PARAMS_MAX);
	struct param *params = arena_array(arena, (size_t)count, sizeof *params);
	if (!params)
		host_arena_full(L);
	for (lua_Integer i = 0; i < count; i++) {
		lua_geti(L, -1, i + 1);
		read_param(L, arena, i + 1, &params[i]);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	ret->params = params;
	ret->param_count = (size_t)count;
	check_together(L, ret);
}

static void check_hooks(lua_State *L)
{
	for (int i = 0; i < HOOK_COUNT; i++) {
		int type = lua_getfield(L, -1, host_hook_words[i]);
		bool may_miss = i == HOOK_DUE || i == HOOK_CARD;
		if (type != LUA_TFUNCTION && !(type == LUA_TNIL && may_miss))
			luaL_error(L, "%s must be a function", host_hook_words[i]);
		lua_pop(L, 1);
	}
}

void host_declared(lua_State *L, struct str name, struct arena *arena, struct script_info *ret)
{
	const char *what = "the script";

	*ret = (struct script_info) { .name = arena_str(arena, name) };
	if (!ret->name.ptr)
		host_arena_full(L);
	if (!lua_istable(L, -1))
		luaL_error(L, "it must return a table, not a %s", luaL_typename(L, -1));
	check_fields(L, script_fields, what);
	if (whole_field(L, "api", 0, what) != 1)
		luaL_error(L, "api must be 1");
	ret->unit = text_field(L, "unit", arena, what);
	if (!params_is_code(ret->unit))
		luaL_error(L, "unit must be a word of a-z, 0-9, - and _");
	ret->title = texts_field(L, "title", true, arena, what);
	ret->help = texts_field(L, "help", false, arena, what);
	check_hooks(L);
	read_params(L, arena, ret);
}
