/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing of a call outlives it. A script could remember in four places:
 *
 * F1  globals: the globals of every chunk are one frozen table (host_library.c).
 *
 * F2  tables made while the script loaded: after loading, every table that its functions can reach
 *     is replaced by a frozen form, an empty table whose metatable reads from the real one and
 *     refuses writes. Scripts have no rawset, getmetatable or debug: only this file sees real ones.
 *
 * F3  locals outside its functions: their values are kept beside after loading. After each call,
 *     failed or not, they are compared; one that was changed gets its value back and makes the call
 *     fail. Compared bit by bit: 1 is not 1.0, 0.0 is not -0.0.
 *
 * F4  what it is given: frozen (p), or a view that refuses writes (host_given.c).
 *
 * F2 and F3 are complete because in Lua a function reaches nothing but its upvalues and what they
 * lead to, and functions made during a call hold locals of the script only by way of the function
 * that made them. */
#include <string.h>

#include "programme/host_impl.h"

/* ---- the frozen form of one table ---- */

/* Below Lua's own functions, such as table.insert, there is no line to name: looks further up. */
int host_refuse_write(lua_State *L)
{
	for (int level = 1, none = 1; level < 5 && none; level++) {
		luaL_where(L, level);
		none = lua_rawlen(L, -1) == 0;
	}
	if (lua_type(L, 2) == LUA_TSTRING)
		lua_pushfstring(L, "'%s' cannot be set: it is read-only", lua_tostring(L, 2));
	else
		lua_pushliteral(L, "this is read-only");
	lua_concat(L, 2);
	return lua_error(L);
}

static int frozen_len(lua_State *L)
{
	host_push_real(L, 1);
	lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
	return 1;
}

/* A frozen table is known by having a metatable: scripts cannot set one. */
static bool is_frozen(lua_State *L, int index)
{
	if (!lua_getmetatable(L, index))
		return false;
	lua_pop(L, 1);
	return true;
}

/* Pushes the frozen form of the table at an absolute index. */
static void push_frozen(lua_State *L, int real)
{
	lua_createtable(L, 0, 0);
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, real);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, host_refuse_write);
	lua_setfield(L, -2, "__newindex");
	lua_pushcfunction(L, frozen_len);
	lua_setfield(L, -2, "__len");
	lua_setmetatable(L, -2);
}

void host_push_real(lua_State *L, int index)
{
	lua_pushvalue(L, index);
	if (!lua_istable(L, -1) || !lua_getmetatable(L, -1))
		return;
	lua_getfield(L, -1, "__index");
	lua_replace(L, -3);
	lua_pop(L, 1);
}

/* ---- everything it leads to ---- */

/* A walk over tables and functions; to_do is a list, so that depth costs no stack. */
struct walk {
	int seen;  /* stack index: table -> its frozen form; function, upvalue id -> true */
	int to_do; /* stack index */
	lua_Integer count;
	struct host_kept *kept;
};

static void add_to_do(lua_State *L, struct walk *w, int index)
{
	lua_pushvalue(L, index);
	lua_rawseti(L, w->to_do, ++w->count);
}

/* Notes the thing on top of the stack as seen, if it was not. */
static bool first_seen(lua_State *L, struct walk *w)
{
	lua_pushvalue(L, -1);
	bool first = lua_rawget(L, w->seen) == LUA_TNIL;
	lua_pop(L, 1);
	if (!first)
		return false;
	lua_pushvalue(L, -1);
	lua_pushboolean(L, true);
	lua_rawset(L, w->seen);
	return true;
}

/* Replaces the table on top by its frozen form. */
static void freeze_table(lua_State *L, struct walk *w)
{
	lua_pushvalue(L, -1);
	if (lua_rawget(L, w->seen) == LUA_TNIL) {
		lua_pop(L, 1);
		int real = lua_gettop(L);
		push_frozen(L, real);
		lua_pushvalue(L, real);
		lua_pushvalue(L, -2);
		lua_rawset(L, w->seen);
		add_to_do(L, w, real);
	}
	lua_replace(L, -2);
}

/* The value on top: a table is replaced by its frozen form (true), a function is put on the list.
 */
static bool freeze_value(lua_State *L, struct walk *w)
{
	if (lua_istable(L, -1) && !is_frozen(L, -1)) {
		freeze_table(L, w);
		return true;
	}
	if (lua_isfunction(L, -1) && !lua_iscfunction(L, -1) && first_seen(L, w))
		add_to_do(L, w, -1);
	return false;
}

static void walk_table(lua_State *L, struct walk *w, int table)
{
	lua_pushnil(L);
	while (lua_next(L, table)) {
		int key = lua_type(L, -2);
		if (key != LUA_TSTRING && key != LUA_TNUMBER && key != LUA_TBOOLEAN)
			luaL_error(L, "a %s is a key of a table that outlives the call",
				lua_typename(L, key));
		if (!freeze_value(L, w)) {
			lua_pop(L, 1);
			continue;
		}
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, table);
	}
}

/* Keeps the value on top beside, with the function it belongs to; pops it. */
static void keep(lua_State *L, struct host_kept *kept, int function, int upvalue)
{
	if (kept->count == HOST_KEPT_MAX)
		luaL_error(L, "its functions use more than %d locals outside them", HOST_KEPT_MAX);
	if (!lua_checkstack(kept->vault, 4))
		luaL_error(L, "no memory for its locals");
	kept->pointer[kept->count] = lua_topointer(L, -1);
	lua_pushvalue(L, function);
	lua_insert(L, -2);
	lua_xmove(L, kept->vault, 2);
	kept->upvalue[kept->count++] = (unsigned char)upvalue;
}

static void walk_function(lua_State *L, struct walk *w, int function)
{
	for (int i = 1; lua_getupvalue(L, function, i); i++) {
		lua_pushlightuserdata(L, lua_upvalueid(L, function, i));
		bool first = first_seen(L, w);
		lua_pop(L, 1);
		if (first && freeze_value(L, w)) {
			lua_pushvalue(L, -1);
			lua_setupvalue(L, function, i);
		}
		if (first && w->kept)
			keep(L, w->kept, function, i);
		else
			lua_pop(L, 1);
	}
}

void host_freeze(lua_State *L, struct host_kept *kept)
{
	int top = lua_gettop(L);
	struct walk w = { .seen = top + 1, .to_do = top + 2, .kept = kept };

	luaL_checkstack(L, 20, NULL);
	lua_newtable(L);
	lua_newtable(L);
	if (kept) {
		kept->count = 0;
		kept->vault = lua_newthread(L);
		kept->vault_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	}
	lua_pushvalue(L, top);
	freeze_value(L, &w);
	lua_replace(L, top);
	for (lua_Integer i = 1; i <= w.count; i++) {
		lua_rawgeti(L, w.to_do, i);
		if (lua_istable(L, -1))
			walk_table(L, &w, top + 3);
		else
			walk_function(L, &w, top + 3);
		lua_pop(L, 1);
	}
	lua_settop(L, top);
}

/* ---- after a call ---- */

static bool same_number(lua_State *L, int a, int b)
{
	if (lua_isinteger(L, a) != lua_isinteger(L, b))
		return false;
	if (lua_isinteger(L, a))
		return lua_tointeger(L, a) == lua_tointeger(L, b);
	lua_Number x = lua_tonumber(L, a), y = lua_tonumber(L, b);
	return memcmp(&x, &y, sizeof x) == 0;
}

static bool same_value(lua_State *L, int a, int b)
{
	if (lua_type(L, a) != lua_type(L, b))
		return false;
	return lua_type(L, a) == LUA_TNUMBER ? same_number(L, a, b) : lua_rawequal(L, a, b);
}

const char *host_kept_restore(const struct host_kept *kept)
{
	lua_State *L = kept->vault;
	const char *changed = NULL;

	for (int i = 0; i < kept->count; i++) {
		int function = 2 * i + 1, value = 2 * i + 2;
		const char *name = lua_getupvalue(L, function, kept->upvalue[i]);
		const void *pointer = lua_topointer(L, -1);
		bool same_object = pointer && pointer == kept->pointer[i];
		if (!same_object && !same_value(L, -1, value)) {
			changed = name;
			lua_pushvalue(L, value);
			lua_setupvalue(L, function, kept->upvalue[i]);
		}
		lua_pop(L, 1);
	}
	return changed;
}
