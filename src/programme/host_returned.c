/* SPDX-License-Identifier: Apache-2.0 */
/* What a script returns, read into plain C. Everything is checked here: a field that is not known, an
 * amount that is not a whole number in range, a text that is not UTF-8 or too long is the script's mistake
 * and names the hook and the field.
 *
 * To add an effect: a value of enum effect_type, a row in `effects`, a function that reads it. */
#include <string.h>

#include "base/num.h"
#include "programme/host_impl.h"

#define EXPIRES_DAYS_MAX 36525 /* a hundred years */

static void check_table(lua_State *L, const char *what)
{
	if (!lua_istable(L, -1))
		luaL_error(L, "%s must be a table, not a %s", what, luaL_typename(L, -1));
}

void host_returned_only(lua_State *L, const char *const *fields, const char *what)
{
	host_push_real(L, -1);
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
		const char *const *known = fields;
		while (name && *known && strcmp(*known, name) != 0)
			known++;
		if (!name || !*known)
			luaL_error(L, "%s has a field '%s' that is not known", what,
				name ? name : luaL_typename(L, -2));
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

/* ---- single values ---- */

struct str host_arena_text(lua_State *L, int index, struct arena *arena)
{
	struct str text;
	text.ptr = lua_tolstring(L, index, &text.len);
	text = arena_str(arena, text);
	if (!text.ptr)
		host_arena_full(L);
	return text;
}

/* The whole number in that field of the table on top; `otherwise` if it is not there. */
static int64_t whole(lua_State *L, const char *field, int64_t min, int64_t max, int64_t otherwise,
	const char *what)
{
	int type = lua_getfield(L, -1, field);
	int64_t value = type == LUA_TNIL ? otherwise : lua_tointeger(L, -1);

	if (type != LUA_TNIL && !lua_isinteger(L, -1))
		luaL_error(L, "%s: %s must be a whole number (divide by //)", what, field);
	if (value < min || value > max)
		luaL_error(L, "%s: %s must be from %I to %I", what, field, (LUAI_UACINT)min,
			(LUAI_UACINT)max);
	lua_pop(L, 1);
	return value;
}

/* ---- texts ---- */

/* Key and value of a text are on top. */
static struct local_text read_text(lua_State *L, struct arena *arena, size_t max, const char *what)
{
	struct local_text ret;

	if (lua_type(L, -2) != LUA_TSTRING || !texts_is_language(str_of(lua_tostring(L, -2))))
		luaL_error(L, "%s: its languages must be as in \"nl\" or \"nl-BE\"", what);
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "%s: its texts must be texts", what);
	ret.language = host_arena_text(L, -2, arena);
	ret.text = host_arena_text(L, -1, arena);
	if (ret.text.len < 1 || ret.text.len > max)
		luaL_error(L, "%s: its text in %s must have 1 to %d bytes", what, ret.language.ptr, (int)max);
	if (!str_utf8(ret.text, NULL))
		luaL_error(L, "%s: its text in %s is not UTF-8", what, ret.language.ptr);
	return ret;
}

static size_t count_fields(lua_State *L)
{
	size_t n = 0;
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		n++;
		lua_pop(L, 1);
	}
	return n;
}

struct texts host_returned_texts(lua_State *L, struct arena *arena, size_t max, const char *what)
{
	check_table(L, what);
	host_push_real(L, -1);
	size_t count = count_fields(L), n = 0;
	if (count < 1 || count > TEXTS_MAX)
		luaL_error(L, "%s must have a text in 1 to %d languages", what, TEXTS_MAX);
	struct local_text *list = arena_array(arena, count, sizeof *list);
	if (!list)
		host_arena_full(L);
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		list[n++] = read_text(L, arena, max, what);
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
	texts_sort(list, count);
	return (struct texts) { .list = list, .count = count };
}

/* The texts in that field of the table on top. */
static struct texts texts_field(lua_State *L, const char *field, size_t max, struct arena *arena,
	const char *what)
{
	lua_getfield(L, -1, field);
	return host_returned_texts(L, arena, max, what);
}

/* ---- effects ---- */

static void read_earn(lua_State *L, struct arena *arena, struct effect *ret, const char *what)
{
	static const char *const fields[] = { "type", "amount", "expires_days", NULL };
	host_returned_only(L, fields, what);
	ret->amount = whole(L, "amount", 1, NUM_AMOUNT_MAX, 0, what);
	ret->expires_days = whole(L, "expires_days", 0, EXPIRES_DAYS_MAX, 0, what);
}

static void read_message(lua_State *L, struct arena *arena, struct effect *ret, const char *what)
{
	static const char *const fields[] = { "type", "to", "text", NULL };
	host_returned_only(L, fields, what);
	lua_getfield(L, -1, "to");
	const char *to = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	if (strcmp(to, "customer") != 0 && strcmp(to, "cashier") != 0)
		luaL_error(L, "%s: to must be \"customer\" or \"cashier\"", what);
	ret->who = strcmp(to, "cashier") == 0 ? EFFECT_FOR_CASHIER : EFFECT_FOR_CUSTOMER;
	lua_pop(L, 1);
	ret->text = texts_field(L, "text", HOST_TEXT_MAX, arena, what);
}

static const struct {
	const char *word;
	void (*read)(lua_State *L, struct arena *arena, struct effect *ret, const char *what);
} effects[] = {
	[EFFECT_EARN] = { "earn", read_earn },
	[EFFECT_MESSAGE] = { "message", read_message },
};

static void read_effect(lua_State *L, struct arena *arena, struct effect *ret, const char *what)
{
	check_table(L, what);
	lua_getfield(L, -1, "type");
	const char *word = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	size_t type = 0;
	while (type < sizeof effects / sizeof *effects && strcmp(effects[type].word, word) != 0)
		type++;
	lua_pop(L, 1);
	if (type == sizeof effects / sizeof *effects)
		luaL_error(L, "%s: type must be \"earn\" or \"message\"", what);
	ret->type = (enum effect_type)type;
	effects[type].read(L, arena, ret, what);
}

static const char *const places[EFFECTS_MAX] = {
	"sale(), effect 1", "sale(), effect 2", "sale(), effect 3", "sale(), effect 4",
	"sale(), effect 5", "sale(), effect 6", "sale(), effect 7", "sale(), effect 8",
	"sale(), effect 9", "sale(), effect 10", "sale(), effect 11", "sale(), effect 12",
	"sale(), effect 13", "sale(), effect 14", "sale(), effect 15", "sale(), effect 16",
};

int host_returned_effects(lua_State *L, struct arena *arena, struct effects *ret)
{
	*ret = (struct effects) { 0 };
	if (lua_isnil(L, -1))
		return 0;
	check_table(L, "sale()'s result");
	lua_Integer count = luaL_len(L, -1);
	if (count > EFFECTS_MAX)
		luaL_error(L, "sale() returned more than %d effects", EFFECTS_MAX);
	host_push_real(L, -1);
	if (count_fields(L) != (size_t)count)
		luaL_error(L, "sale()'s result must be a list of effects and nothing else");
	lua_pop(L, 1);
	struct effect *list = arena_array(arena, (size_t)count, sizeof *list);
	if (!list)
		host_arena_full(L);
	for (lua_Integer i = 0; i < count; i++) {
		lua_geti(L, -1, i + 1);
		read_effect(L, arena, &list[i], places[i]);
		lua_pop(L, 1);
	}
	*ret = (struct effects) { .list = list, .count = (size_t)count };
	return 0;
}

/* ---- offers and cards ---- */

int host_returned_offer(lua_State *L, struct arena *arena, struct offer *ret)
{
	static const char *const fields[] = { "cost", "reward", NULL };
	static const char *const reward_fields[] = { "code", "name", NULL };

	if (lua_isnil(L, -1))
		return 1;
	check_table(L, "due()'s result");
	host_returned_only(L, fields, "due()");
	ret->cost = whole(L, "cost", 1, NUM_AMOUNT_MAX, 0, "due()");
	lua_getfield(L, -1, "reward");
	check_table(L, "due(): reward");
	host_returned_only(L, reward_fields, "due(): reward");
	lua_getfield(L, -1, "code");
	if (lua_type(L, -1) != LUA_TSTRING || !params_is_code(str_of(lua_tostring(L, -1))))
		luaL_error(L, "due(): code must be 1 to %d of a-z, 0-9, - and _", PARAMS_CODE_MAX);
	ret->code = host_arena_text(L, -1, arena);
	lua_pop(L, 1);
	ret->name = texts_field(L, "name", PARAMS_TEXT_MAX, arena, "due(): name");
	return 0;
}

int host_returned_card(lua_State *L, struct arena *arena, enum host_hook hook, struct card *ret)
{
	static const char *const fields[] = { "title", "text", NULL };
	bool ask = hook == HOOK_ASK;

	if (lua_isnil(L, -1))
		return 1;
	check_table(L, ask ? "ask()'s result" : "card()'s result");
	host_returned_only(L, fields, ask ? "ask()" : "card()");
	ret->title = texts_field(L, "title", PARAMS_TEXT_MAX, arena, ask ? "ask(): title" : "card(): title");
	ret->text = texts_field(L, "text", HOST_TEXT_MAX, arena, ask ? "ask(): text" : "card(): text");
	return 0;
}
