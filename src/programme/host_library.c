/* SPDX-License-Identifier: Apache-2.0 */
/* What a script may call: the allow list at the end of this file, and nothing else. All of it is
 *
 * A1  pure: no clock, chance, file or address of memory can be seen. Lua's own `pairs` walks in the
 *     order of seeded hashes and its `table.sort` takes a pivot by the clock: both are ours
 *     (host_order.c). `tostring` and "%s" show no addresses. What follows the locale of the process
 *     (upper, lower, comparing texts) is the same everywhere as long as nobody calls setlocale().
 *
 * A2  bounded: what loops in C charges steps for it.
 *
 * A3  unable to catch an error or to load code.
 *
 * To add one: a row in the list (Lua's own as it is, or a function of ours), and a line in
 * docs/add/programme.md. */
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "programme/host_impl.h"

/* Calls Lua's own function, as which ours was called. */
static int stock(lua_State *L)
{
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static lua_Integer length(lua_State *L, int index)
{
	luaL_checktype(L, index, LUA_TTABLE);
	return luaL_len(L, index);
}

/* ---- numbers ---- */

static int add(lua_State *L)
{
	int64_t sum;
	if (!num_add(luaL_checkinteger(L, 1), luaL_checkinteger(L, 2), &sum))
		return luaL_error(L, "add: the sum is too large");
	lua_pushinteger(L, sum);
	return 1;
}

static int muldiv(lua_State *L)
{
	int64_t a = luaL_checkinteger(L, 1), b = luaL_checkinteger(L, 2),
		c = luaL_checkinteger(L, 3), result;
	luaL_argcheck(L, c > 0, 3, "must be above zero");
	if (!num_mul_div(a, b, c, &result))
		return luaL_error(L, "muldiv: the result is too large");
	lua_pushinteger(L, result);
	return 1;
}

/* ---- tables ---- */

/* Is the list or table empty? */
static int empty(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	host_push_real(L, 1);
	lua_pushnil(L);
	lua_pushboolean(L, !lua_next(L, -2));
	return 1;
}

/* Inserting and removing before the end moves all that follow. */
static int insert(lua_State *L)
{
	if (lua_gettop(L) > 2)
		host_charge(L, length(L, 1));
	return stock(L);
}

static int remove_(lua_State *L)
{
	if (lua_gettop(L) > 1)
		host_charge(L, length(L, 1));
	return stock(L);
}

static int concat(lua_State *L)
{
	host_charge(L, length(L, 1));
	return stock(L);
}

static int unpack(lua_State *L)
{
	lua_Integer first = luaL_optinteger(L, 2, 1);
	lua_Integer last = lua_isnoneornil(L, 3) ? length(L, 1) : luaL_checkinteger(L, 3);
	if (last >= first && (lua_Unsigned)last - (lua_Unsigned)first >= HOST_ARGS_MAX)
		return luaL_error(L, "table.unpack: more than %d values", HOST_ARGS_MAX);
	host_charge(L, HOST_ARGS_MAX);
	return stock(L);
}

/* ---- texts ---- */

/* Replaces what Lua would show as an address. */
static void without_address(lua_State *L, int index)
{
	switch (lua_type(L, index)) {
	case LUA_TNIL:
	case LUA_TBOOLEAN:
	case LUA_TNUMBER:
	case LUA_TSTRING:
	case LUA_TNONE:
		return;
	default:
		lua_pushstring(L, luaL_typename(L, index));
		lua_replace(L, index);
	}
}

static int to_string(lua_State *L)
{
	luaL_checkany(L, 1);
	without_address(L, 1);
	luaL_tolstring(L, 1, NULL);
	return 1;
}

static int byte(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	lua_Integer at = luaL_optinteger(L, 2, 1);

	if (lua_gettop(L) > 2)
		return luaL_error(L, "string.byte: one byte at a time");
	if (at < 0)
		at += (lua_Integer)len + 1;
	if (at < 1 || at > (lua_Integer)len)
		return 0;
	lua_pushinteger(L, (unsigned char)text[at - 1]);
	return 1;
}

/* "%5.2f", without the conversions that show addresses (%p), single bytes (%c) or Lua source (%q,
 * %a); of width and precision Lua's own function allows two digits. A float of 400 digits takes 5
 * us to write. */
static int format(lua_State *L)
{
	size_t len;
	const char *at = luaL_checklstring(L, 1, &len);
	int arg = 1;

	luaL_argcheck(L, strlen(at) == len, 1, "holds a zero byte");
	while ((at = strchr(at, '%')) != NULL) {
		at++;
		if (*at == '%') {
			at++;
			continue;
		}
		at += strspn(at, "-+ #0123456789.");
		if (*at == '\0' || !strchr("dixXfgeGEs", *at))
			return luaL_error(L, "string.format: a conversion that is not known here");
		arg++;
		if (*at == 's')
			without_address(L, arg);
		host_charge(L, strchr("fgeGE", *at) ? 500 : 20);
	}
	return stock(L);
}

/* texts, language -> the text in that language, else in the language without country, else English,
 * else the first: as texts_pick(). */
static int pick(lua_State *L)
{
	size_t len;
	luaL_checktype(L, 1, LUA_TTABLE);
	const char *language = luaL_checklstring(L, 2, &len);
	lua_settop(L, 2);
	host_push_real(L, 1);
	if (lua_getfield(L, 3, language) != LUA_TNIL)
		return 1;
	lua_pushlstring(L, language, len < 2 ? len : 2);
	if (lua_gettable(L, 3) != LUA_TNIL || lua_getfield(L, 3, "en") != LUA_TNIL)
		return 1;
	lua_settop(L, 3);
	host_push_sorted_keys(L);
	if (lua_rawgeti(L, -1, 1) != LUA_TNIL)
		lua_gettable(L, 3);
	return 1;
}

/* Leaves what the real table at 3 has under the key on top as {key = it}; false: nothing. */
static bool alone(lua_State *L)
{
	lua_pushvalue(L, -1);
	if (lua_gettable(L, 3) == LUA_TNIL)
		return false;
	lua_newtable(L);
	lua_insert(L, -3);
	lua_settable(L, -3);
	return true;
}

/* things by language, language -> those of that language alone, else of the language without
 * country, else all of them: so that a card is not written in languages nobody reads here. */
static int spoken(lua_State *L)
{
	size_t len;
	luaL_checktype(L, 1, LUA_TTABLE);
	const char *language = luaL_optlstring(L, 2, "", &len);
	lua_settop(L, 2);
	host_push_real(L, 1);
	lua_pushlstring(L, language, len);
	if (alone(L))
		return 1;
	lua_settop(L, 3);
	lua_pushlstring(L, language, len < 2 ? len : 2);
	if (alone(L))
		return 1;
	lua_settop(L, 1);
	return 1;
}

/* ---- the allow list ---- */

static const struct {
	const char *module, *name;
	lua_CFunction ours; /* NULL: Lua's own */
} allowed[] = {
	{ "_G", "assert", NULL },
	{ "_G", "error", NULL },
	{ "_G", "ipairs", NULL },
	{ "_G", "pairs", host_pairs },
	{ "_G", "select", NULL },
	{ "_G", "tonumber", NULL },
	{ "_G", "tostring", to_string },
	{ "_G", "type", NULL },
	{ "_G", "add", add },
	{ "_G", "empty", empty },
	{ "_G", "muldiv", muldiv },
	{ "_G", "pick", pick },
	{ "_G", "spoken", spoken },
	{ "math", "abs", NULL },
	{ "math", "ceil", NULL },
	{ "math", "floor", NULL },
	{ "math", "max", NULL },
	{ "math", "maxinteger", NULL },
	{ "math", "min", NULL },
	{ "math", "mininteger", NULL },
	{ "math", "tointeger", NULL },
	{ "math", "type", NULL },
	{ "string", "byte", byte },
	{ "string", "format", format },
	{ "string", "len", NULL },
	{ "string", "lower", NULL },
	{ "string", "reverse", NULL },
	{ "string", "sub", NULL },
	{ "string", "upper", NULL },
	{ "table", "concat", concat },
	{ "table", "insert", insert },
	{ "table", "remove", remove_ },
	{ "table", "sort", host_sort },
	{ "table", "unpack", unpack },
};

/* Pushes the table of that module among the script's globals, which stand at index env. */
static void push_module(lua_State *L, int env, const char *module)
{
	if (strcmp(module, "_G") == 0) {
		lua_pushvalue(L, env);
		return;
	}
	if (lua_getfield(L, env, module) != LUA_TNIL)
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_setfield(L, env, module);
}

/* One row: env is the stack index of the script's globals, loaded that of Lua's modules. */
static void allow(lua_State *L, int env, int loaded, size_t row)
{
	push_module(L, env, allowed[row].module);
	lua_getfield(L, loaded, allowed[row].module);
	lua_getfield(L, -1, allowed[row].name);
	lua_remove(L, -2);
	if (allowed[row].ours)
		lua_pushcclosure(L, allowed[row].ours, 1);
	lua_setfield(L, -2, allowed[row].name);
	lua_pop(L, 1);
}

/* ("x"):upper() works; Lua's own metatable of strings, which also adds "1" + 1, goes. */
static void set_string_methods(lua_State *L, int env)
{
	lua_pushliteral(L, "");
	lua_createtable(L, 0, 1);
	lua_getfield(L, env, "string");
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}

void host_library(lua_State *L)
{
	luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
	luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
	luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
	luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
	lua_settop(L, 0);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		allow(L, 2, 1, i);
	set_string_methods(L, 2);
	host_freeze(L, NULL);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_settop(L, 0);
}
