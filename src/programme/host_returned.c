/* SPDX-License-Identifier: Apache-2.0 */
/* What a script returns, read into plain C. Everything is checked here: a field that is not known,
 * an amount that is not a whole number in range, a text that is not UTF-8 or too long is the
 * script's mistake and names the hook and the field.
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

/* Which of the fields is the key on top of the stack but one? Raises if none. */
static int field_at(lua_State *L, const char *const *fields, const char *what)
{
	const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;

	for (int i = 0; name && fields[i]; i++)
		if (strcmp(fields[i], name) == 0)
			return i;
	return luaL_error(L, "%s has a field '%s' that is not known", what,
		name ? name : luaL_typename(L, -2));
}

int host_returned_fields(lua_State *L, const char *const *fields, const char *what)
{
	int first, count = 0;

	check_table(L, what);
	host_push_real(L, -1);
	lua_replace(L, -2);
	first = lua_gettop(L) + 1;
	while (fields[count])
		count++;
	luaL_checkstack(L, count + 8, NULL);
	lua_settop(L, first + count - 1);
	lua_pushnil(L);
	while (lua_next(L, first - 1))
		lua_replace(L, first + field_at(L, fields, what));
	return first;
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

/* The whole number at that index of the stack; nil is 0. */
static int64_t whole(lua_State *L, int index, const char *field, int64_t min, int64_t max,
	const char *what)
{
	bool absent = lua_isnil(L, index);
	int64_t value = absent ? 0 : lua_tointeger(L, index);

	if (!absent && !lua_isinteger(L, index))
		luaL_error(L, "%s: %s must be a whole number (divide by //)", what, field);
	if (value < min || value > max)
		luaL_error(L, "%s: %s must be from %I to %I", what, field, (LUAI_UACINT)min,
			(LUAI_UACINT)max);
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
		luaL_error(L, "%s: its text in %s must have 1 to %d bytes", what, ret.language.ptr,
			(int)max);
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

static struct texts texts_at(lua_State *L, int index, size_t max, struct arena *arena,
	const char *what)
{
	lua_pushvalue(L, index);
	return host_returned_texts(L, arena, max, what);
}

/* ---- effects ---- */

static void read_earn(lua_State *L, struct arena *arena, struct effect *ret, const char *what)
{
	static const char *const fields[] = { "amount", "expires_days", "type", NULL };
	int at = host_returned_fields(L, fields, what);

	ret->amount = whole(L, at, "amount", 1, NUM_AMOUNT_MAX, what);
	ret->expires_days = whole(L, at + 1, "expires_days", 0, EXPIRES_DAYS_MAX, what);
}

static void read_message(lua_State *L, struct arena *arena, struct effect *ret, const char *what)
{
	static const char *const fields[] = { "to", "text", "type", NULL };
	int at = host_returned_fields(L, fields, what);
	const char *to = lua_type(L, at) == LUA_TSTRING ? lua_tostring(L, at) : "";

	if (strcmp(to, "customer") != 0 && strcmp(to, "cashier") != 0)
		luaL_error(L, "%s: to must be \"customer\" or \"cashier\"", what);
	ret->who = strcmp(to, "cashier") == 0 ? EFFECT_FOR_CASHIER : EFFECT_FOR_CUSTOMER;
	ret->text = texts_at(L, at + 1, HOST_TEXT_MAX, arena, what);
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
	"sale(), effect 1",
	"sale(), effect 2",
	"sale(), effect 3",
	"sale(), effect 4",
	"sale(), effect 5",
	"sale(), effect 6",
	"sale(), effect 7",
	"sale(), effect 8",
	"sale(), effect 9",
	"sale(), effect 10",
	"sale(), effect 11",
	"sale(), effect 12",
	"sale(), effect 13",
	"sale(), effect 14",
	"sale(), effect 15",
	"sale(), effect 16",
};

int host_returned_effects(lua_State *L, struct arena *arena, struct effects *ret)
{
	int top = lua_gettop(L);

	*ret = (struct effects) { 0 };
	if (lua_isnil(L, -1))
		return 0;
	check_table(L, "sale()'s result");
	host_push_real(L, -1);
	lua_replace(L, top);
	size_t count = lua_rawlen(L, top);
	if (count > EFFECTS_MAX)
		luaL_error(L, "sale() returned more than %d effects", EFFECTS_MAX);
	if (count_fields(L) != count)
		luaL_error(L, "sale()'s result must be a list of effects and nothing else");
	struct effect *list = arena_array(arena, count, sizeof *list);
	if (!list)
		host_arena_full(L);
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, top, (lua_Integer)i + 1);
		read_effect(L, arena, &list[i], places[i]);
		lua_settop(L, top);
	}
	*ret = (struct effects) { .list = list, .count = count };
	return 0;
}

/* ---- offers and cards ---- */

static void read_reward(lua_State *L, struct arena *arena, struct offer *ret)
{
	static const char *const fields[] = { "code", "name", NULL };
	int at = host_returned_fields(L, fields, "due(): reward");

	if (lua_type(L, at) != LUA_TSTRING || !params_is_code(str_of(lua_tostring(L, at))))
		luaL_error(L, "due(): code must be 1 to %d of a-z, 0-9, - and _", PARAMS_CODE_MAX);
	ret->code = host_arena_text(L, at, arena);
	ret->name = texts_at(L, at + 1, PARAMS_TEXT_MAX, arena, "due(): name");
}

int host_returned_offer(lua_State *L, struct arena *arena, struct offer *ret)
{
	static const char *const fields[] = { "cost", "reward", NULL };

	if (lua_isnil(L, -1))
		return 1;
	int at = host_returned_fields(L, fields, "due()'s result");
	ret->cost = whole(L, at, "cost", 1, NUM_AMOUNT_MAX, "due()");
	lua_pushvalue(L, at + 1);
	read_reward(L, arena, ret);
	return 0;
}

int host_returned_card(lua_State *L, struct arena *arena, enum host_hook hook, struct card *ret)
{
	static const char *const fields[] = { "title", "text", NULL };
	bool ask = hook == HOOK_ASK;

	if (lua_isnil(L, -1))
		return 1;
	int at = host_returned_fields(L, fields, ask ? "ask()'s result" : "card()'s result");
	ret->title =
		texts_at(L, at, PARAMS_TEXT_MAX, arena, ask ? "ask(): title" : "card(): title");
	ret->text = texts_at(L, at + 1, HOST_TEXT_MAX, arena, ask ? "ask(): text" : "card(): text");
	return 0;
}
