/* SPDX-License-Identifier: Apache-2.0 */
/* What a script may use up.
 *
 * Work is counted in *steps*, never in time, so that a script that passes here passes everywhere:
 * one for an instruction of Lua's, some for each allocation and its bytes, and what functions
 * written in C charge for their loops. On one core of 2.6 GHz a plain instruction takes 3 to 7 ns
 * and a call 14, so that the 60,000 steps of a call are below a millisecond; a loop over a thousand
 * lines takes 12,000. The dearest way we found to spend them, writing floats as texts, takes three
 * milliseconds.
 *
 * A count hook looks every HOST_TICK instructions at three things: steps left, depth of calls,
 * arguments behind a "...". The last two because Lua copies all results of a call, and all such
 * arguments, in one instruction. It raises, and would raise again at every later tick: nothing on
 * the allow list catches errors. Single instructions are bounded by refusing strings over
 * HOST_STRING_MAX where they are made; loops in C by the allocator, which refuses to go far below
 * zero steps.
 *
 * The count has some play: Lua seeds its hashes by chance, so a table may grow one step earlier or
 * later. It is a limit for what has gone wrong, not a quantity to reckon with. */
#include <stdlib.h>
#include <string.h>

#include "programme/host_impl.h"

#define ALLOCATION_STEPS 6
#define BYTES_A_STEP 8
#define OVERDRAFT 10000 /* steps below zero before the allocator refuses: the hook is first */
#define STRING_HEAD 32  /* of a string object, at most */

struct host *host_of(lua_State *L)
{
	struct host *host;
	memcpy(&host, lua_getextraspace(L), sizeof host);
	return host;
}

/* ---- memory ---- */

static bool fails_now(struct host *host)
{
	host->asked++;
	if (host->fail_after == 0)
		return false;
	if (host->fail_after > 1) {
		host->fail_after--;
		return false;
	}
	host->fail_after = host->fail_on;
	return true;
}

/* tag: what Lua is making, for a new block. */
static enum host_over refusal(struct host *host, bool is_new, size_t tag, size_t more)
{
	if (is_new && tag == LUA_TSTRING && more > HOST_STRING_MAX + STRING_HEAD)
		return OVER_STRING;
	if (more > host->limits.memory - host->used)
		return OVER_MEMORY;
	if (host->steps < -OVERDRAFT)
		return OVER_STEPS;
	return fails_now(host) ? OVER_MACHINE : OVER_NOTHING;
}

static void *shrink(struct host *host, void *ptr, size_t old, size_t size)
{
	host->used -= old - size;
	if (size == 0) {
		free(ptr);
		return NULL;
	}
	void *block = realloc(ptr, size);
	return block ? block : ptr; /* Lua relies on this not to fail */
}

void *host_allocate(void *user, void *ptr, size_t old, size_t size)
{
	struct host *host = user;
	size_t had = ptr ? old : 0;

	if (size <= had)
		return shrink(host, ptr, had, size);
	enum host_over no = refusal(host, !ptr, old, size - had);
	void *block = no == OVER_NOTHING ? realloc(ptr, size) : NULL;
	if (!block) {
		host->refused = no == OVER_NOTHING ? OVER_MACHINE : no;
		return NULL;
	}
	host->used += size - had;
	host->steps -= ALLOCATION_STEPS + (int64_t)((size - had) / BYTES_A_STEP);
	return block;
}

size_t host_fail_allocation(struct host *host, size_t n, bool on)
{
	size_t asked = host->asked;
	host->asked = 0;
	host->fail_after = n;
	host->fail_on = on;
	return asked;
}

/* ---- steps and depth ---- */

void host_over_text(const struct host *host, enum host_over over, struct buf *buf)
{
	switch (over) {
	case OVER_STEPS:
		buf_printf(buf, "takes too long (more than %d steps)", host->limits.instructions);
		return;
	case OVER_MEMORY:
		buf_printf(buf, "takes too much memory (more than %zu kB)",
			host->limits.memory >> 10);
		return;
	case OVER_DEPTH:
		buf_printf(buf, "calls too deep, or with too many arguments (more than %d, %d)",
			HOST_DEPTH_MAX, HOST_ARGS_MAX);
		return;
	case OVER_STRING:
		buf_printf(buf, "makes a text of more than %d bytes", HOST_STRING_MAX);
		return;
	default:
		buf_cstr(buf, "found no memory");
	}
}

void host_raise(lua_State *L, enum host_over over, int level)
{
	char text[120];
	struct buf buf = { .ptr = text, .cap = sizeof text - 1, .max = sizeof text - 1 };

	host_of(L)->over = over;
	host_over_text(host_of(L), over, &buf);
	luaL_where(L, level);
	lua_pushlstring(L, buf.ptr, buf.len);
	lua_concat(L, 2);
	lua_error(L);
	__builtin_unreachable();
}

static void tick(lua_State *L, lua_Debug *here)
{
	struct host *host = host_of(L);
	lua_Debug deep;

	host->steps -= HOST_TICK;
	if (host->steps < 0)
		host_raise(L, OVER_STEPS, 0);
	if (lua_getstack(L, HOST_DEPTH_MAX, &deep) || lua_getlocal(L, here, -HOST_ARGS_MAX))
		host_raise(L, OVER_DEPTH, 0);
}

void host_charge(lua_State *L, int64_t steps)
{
	struct host *host = host_of(L);
	host->steps -= steps;
	if (host->steps < 0)
		host_raise(L, OVER_STEPS, 1);
}

void host_call(lua_State *L, int args, int results)
{
	struct host *host = host_of(L);
	lua_sethook(L, tick, LUA_MASKCOUNT, HOST_TICK);
	host->steps = host->limits.instructions;
	lua_call(L, args, results);
	host->steps = HOST_STEPS_FREE;
}

void host_arena_full(lua_State *L)
{
	host_of(L)->arena_full = true;
	luaL_error(L, "no memory left for what the script returned");
	__builtin_unreachable();
}
