/* SPDX-License-Identifier: Apache-2.0 */
/* Order that is the same everywhere: `pairs` by sorted keys, `table.sort` as a merge sort. Lua's
 * own depend on the seed of its hashes and on the clock. */
#include <stdlib.h>

#include "base/num.h"
#include "programme/host_impl.h"

/* ---- keys ---- */

/* Numbers, then texts, then false and true. */
struct sort_key {
	int type;
	bool is_integer;
	lua_Integer integer;
	lua_Number number;
	struct str text;
	lua_Integer at; /* where it stands in the list of keys */
};

static int by_value(const struct sort_key *a, const struct sort_key *b)
{
	if (a->type == LUA_TSTRING)
		return str_cmp(a->text, b->text);
	if (a->is_integer != b->is_integer)
		return a->is_integer ? -1 : 1;
	if (a->is_integer)
		return (a->integer > b->integer) - (a->integer < b->integer);
	return (a->number > b->number) - (a->number < b->number);
}

static int by_key(const void *left, const void *right)
{
	static const int
		rank[LUA_NUMTYPES] = { [LUA_TNUMBER] = 0, [LUA_TSTRING] = 1, [LUA_TBOOLEAN] = 2 };
	const struct sort_key *a = left, *b = right;
	return a->type == b->type ? by_value(a, b) : rank[a->type] - rank[b->type];
}

/* The key at an index of the stack. */
static struct sort_key read_key(lua_State *L, int index, lua_Integer at)
{
	struct sort_key key = { .type = lua_type(L, index), .is_integer = true, .at = at };

	switch (key.type) {
	case LUA_TSTRING:
		key.text.ptr = lua_tolstring(L, index, &key.text.len);
		break;
	case LUA_TNUMBER:
		key.is_integer = lua_isinteger(L, index);
		key.integer = lua_tointeger(L, index);
		key.number = lua_tonumber(L, index);
		break;
	case LUA_TBOOLEAN:
		key.integer = lua_toboolean(L, index);
		break;
	default:
		luaL_error(L, "pairs: a %s is a key, so there is no order",
			luaL_typename(L, index));
	}
	return key;
}

/* Pushes the list of keys of the table on top, as they come; returns how many. */
static lua_Integer push_keys(lua_State *L)
{
	lua_Integer n = 0;
	lua_newtable(L);
	lua_pushnil(L);
	while (lua_next(L, -3)) {
		lua_pop(L, 1);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, ++n);
		host_charge(L, 2);
	}
	return n;
}

/* The list of keys on top becomes a sorted one. Lists the garbage collector knows hold the texts.
 */
static void sort_keys(lua_State *L, lua_Integer n)
{
	int unsorted = lua_gettop(L);
	struct sort_key *keys = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *keys, 0);

	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, unsorted, i + 1);
		keys[i] = read_key(L, -1, i + 1);
		lua_pop(L, 1);
	}
	host_charge(L, 8 * n);
	qsort(keys, (size_t)n, sizeof *keys, by_key);
	lua_createtable(L, (int)n, 0);
	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, unsorted, keys[i].at);
		lua_rawseti(L, -2, i + 1);
	}
	lua_replace(L, unsorted);
	lua_settop(L, unsorted);
}

void host_push_sorted_keys(lua_State *L)
{
	lua_Integer n = push_keys(L);
	if (n > 1)
		sort_keys(L, n);
}

/* Upvalues: the table, its keys, how many are behind us. */
static int next_pair(lua_State *L)
{
	lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));

	for (;;) {
		lua_settop(L, 0);
		if (lua_rawgeti(L, lua_upvalueindex(2), ++i) == LUA_TNIL)
			return 1;
		lua_pushvalue(L, -1);
		if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
			break; /* else it was removed on the way */
	}
	lua_pushinteger(L, i);
	lua_replace(L, lua_upvalueindex(3));
	return 2;
}

int host_pairs(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	host_push_real(L, 1);
	host_push_sorted_keys(L);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, next_pair, 3);
	return 1;
}

/* ---- sorting ---- */

/* Does the value at index a come before the one at index b? Argument 2 may be a function that says
 * so. */
static bool before(lua_State *L, int a, int b)
{
	if (lua_isnoneornil(L, 2))
		return lua_compare(L, a, b, LUA_OPLT);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, a);
	lua_pushvalue(L, b);
	lua_call(L, 2, 1);
	bool yes = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return yes;
}

/* Merges [low, middle) and [middle, high) of the list `from` into the list `to`. Whatever the
 * comparison says, each is taken once. */
static void merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer middle,
	lua_Integer high)
{
	lua_Integer left = low, right = middle;

	for (lua_Integer at = low; at < high; at++) {
		lua_geti(L, from, left);
		lua_geti(L, from, right);
		int top = lua_gettop(L);
		bool take_right = left >= middle || (right < high && before(L, top, top - 1));
		lua_pop(L, take_right ? 0 : 1);
		lua_rawseti(L, to, at);
		lua_settop(L, top - 2);
		left += !take_right;
		right += take_right;
	}
}

static void copy(lua_State *L, int from, int to, lua_Integer n)
{
	for (lua_Integer i = 1; i <= n; i++) {
		lua_geti(L, from, i);
		lua_seti(L, to, i);
	}
}

/* Sorts arg 1 in place, equal ones in the order they had: a merge sort over two lists of our own.
 */
int host_sort(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_Integer n = luaL_len(L, 1);

	lua_settop(L, 2);
	if (!lua_isnil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_newtable(L);
	lua_newtable(L);
	host_charge(L, 4 * n);
	copy(L, 1, 3, n);
	int from = 3, to = 4;
	for (lua_Integer width = 1; width < n; width *= 2) {
		host_charge(L, 8 * n);
		for (lua_Integer low = 1; low <= n; low += 2 * width)
			merge(L, from, to, low, num_min(low + width, n + 1),
				num_min(low + 2 * width, n + 1));
		from = 7 - from;
		to = 7 - to;
	}
	copy(L, from, 1, n);
	return 0;
}
