/* SPDX-License-Identifier: Apache-2.0 */
/* The script host: its lifetime, the way into Lua, and the hooks.
 *
 * What a script can rely on, and what we can rely on:
 *
 * G1  A hook is a function of its arguments: no clock, no chance, no memory of earlier calls
 *     (host_frozen.c, host_library.c, host_given.c; the three things that have play are in
 *     host.h).
 *
 * G2  A hook ends: steps, memory, depth and the length of texts are limited (host_limits.c).
 *
 * G3  What comes back is checked to the last field (host_returned.c).
 *
 * G4  A fault of a limit ends the state. Sources and parameters are kept in C (host_scripts.c), and
 *     what is called next is loaded into a new state first: handles stay valid, nothing of the
 *     fault stays.
 *
 * The only entrance is host_protect(): what runs outside it allocates nothing in Lua. To add a
 * hook: a value of enum host_hook and its word, a reader in host_returned.c, and a door like
 * host_due(). */
#include "programme/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "programme/host_impl.h"

#define MEMORY_DEFAULT ((size_t)16 << 20)
#define STEPS_DEFAULT 60000 /* see host_limits.c */

const char *const host_hook_words[] = { "sale", "due", "card", "ask", NULL };

/* ---- the state ---- */

void host_close(struct host *host)
{
	if (host->lua)
		lua_close(host->lua);
	host->lua = NULL;
}

/* "stamps:12: attempt to ..." becomes "stamps: line 12: attempt to ..."; what is before it goes. */
static void describe(struct buf *buf, struct str who, struct str message)
{
	struct str rest = message, first = str_cut(&rest, ':');
	int64_t line;

	buf_add(buf, who);
	if (str_eq(first, who)) {
		struct str after = rest, number = str_cut(&after, ':');
		if (num_parse(number, &line)) {
			buf_printf(buf, ": line %.*s:%.*s", STR_ARG(number), STR_ARG(after));
			return;
		}
	}
	buf_printf(buf, ": %.*s", STR_ARG(message));
}

/* One line of valid UTF-8: messages may hold what a script says. */
static void clean(struct buf *buf)
{
	size_t at;
	for (size_t i = 0; i < buf->len; i++)
		if ((unsigned char)buf->ptr[i] < ' ' || buf->ptr[i] == 127)
			buf->ptr[i] = ' ';
	if (!str_utf8(buf_str(buf), &at))
		buf->len = at;
}

/* What lies on top of the stack after a failed call, as the error. */
static int script_error(struct host *host, struct str who, struct err *err)
{
	char text[sizeof err->text];
	struct buf buf = { .ptr = text, .cap = sizeof text - 1, .max = sizeof text - 1 };
	struct str message = STR("it threw something that is not a text");

	if (lua_type(host->lua, -1) == LUA_TSTRING)
		message.ptr = lua_tolstring(host->lua, -1, &message.len);
	describe(&buf, who, str_first(message, sizeof text / 2));
	clean(&buf);
	return err_set(err, ERR_SCRIPT, "%.*s", STR_ARG(buf_str(&buf)));
}

/* A limit that has no line: the allocator's. */
static int limit_error(struct host *host, enum host_over over, struct str who, struct err *err)
{
	char text[120];
	struct buf buf = { .ptr = text, .cap = sizeof text - 1, .max = sizeof text - 1 };

	host_over_text(host, over, &buf);
	return err_set(err, over == OVER_MACHINE ? ERR_NO_MEMORY : ERR_SCRIPT, "%.*s: %.*s",
		STR_ARG(who), STR_ARG(buf_str(&buf)));
}

/* Turns what Lua threw into an error; a fault of a limit ends the state. */
static int failed(struct host *host, int status, struct str who, struct err *err)
{
	bool fault = status != LUA_ERRRUN || host->over != OVER_NOTHING;
	enum host_over over = status == LUA_ERRMEM ? host->refused : host->over;
	int rc;

	if (host->arena_full)
		rc = err_set(err, ERR_NO_MEMORY, "no memory left for what %.*s returned",
			STR_ARG(who));
	else if (status == LUA_ERRMEM || over == OVER_MACHINE)
		rc = limit_error(host, over, who, err);
	else
		rc = script_error(host, who, err);
	lua_settop(host->lua, 0);
	if (fault) {
		host->faults++;
		host_close(host);
	}
	return rc;
}

int host_protect(struct host *host, lua_CFunction body, void *user, struct str who, struct err *err)
{
	lua_State *L = host->lua;

	host->over = host->refused = OVER_NOTHING;
	host->arena_full = false;
	lua_pushcfunction(L, body);
	lua_pushlightuserdata(L, user);
	int status = lua_pcall(L, 1, 0, 0);
	host->steps = HOST_STEPS_FREE;
	return status == LUA_OK ? 0 : failed(host, status, who, err);
}

/* Collects when the garbage is three times what lives: scripts make little, and each round walks
 * over all programmes. */
static int build_body(lua_State *L)
{
	lua_gc(L, LUA_GCINC, 400, 0, 0);
	host_library(L);
	host_given(L);
	return 0;
}

int host_open(struct host *host, struct err *err)
{
	if (host->lua)
		return 0;
	host->steps = HOST_STEPS_FREE;
	host->lua = lua_newstate(host_allocate, host);
	if (!host->lua)
		return err_set(err, ERR_NO_MEMORY, "no memory for a script host");
	host->generation++;
	memcpy(lua_getextraspace(host->lua), &host, sizeof host);
	int rc = host_protect(host, build_body, NULL, STR("host"), err);
	if (rc < 0)
		host_close(host);
	return rc;
}

int host_new(const struct host_limits *limits, struct host **ret, struct err *err)
{
	struct host *host = calloc(1, sizeof *host);

	if (host)
		host->arena = arena_new(HOST_BYTES_MAX);
	if (!host || !host->arena) {
		free(host);
		return err_set(err, ERR_NO_MEMORY, "no memory for a script host");
	}
	host->limits = limits ? *limits : (struct host_limits) { MEMORY_DEFAULT, STEPS_DEFAULT };
	int rc = host_open(host, err);
	if (rc < 0) {
		host_free(&host);
		return rc;
	}
	*ret = host;
	return 0;
}

void host_free(struct host **handle)
{
	struct host *host = *handle;

	if (!host)
		return;
	host_close(host);
	for (size_t i = 0; i < host->script_count; i++)
		free(host->scripts[i]->source);
	free(host->programmes);
	free(host->cards);
	arena_free(&host->arena);
	free(host);
	*handle = NULL;
}

uint64_t host_faults(const struct host *host)
{
	return host->faults;
}

/* ---- the hooks ---- */

struct call {
	const struct host_programme *programme;
	enum host_hook hook;
	const struct basket *basket;
	const struct standing *standing;
	struct arena *arena;
	int outcome; /* 0, or 1 for nothing */
	struct effects effects;
	struct offer offer;
	struct card card;
};

static int push_arguments(lua_State *L, const struct call *call)
{
	const struct host *host = host_of(L);
	int count = 1;

	if (call->basket) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, host->basket_view);
		count++;
	}
	if (call->standing) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, host->standing_view);
		count++;
	}
	lua_rawgeti(L, LUA_REGISTRYINDEX, call->programme->given);
	return count;
}

static int read_result(lua_State *L, struct call *call)
{
	switch (call->hook) {
	case HOOK_SALE:
		return host_returned_effects(L, call->arena, &call->effects);
	case HOOK_DUE:
		return host_returned_offer(L, call->arena, &call->offer);
	default:
		return host_returned_card(L, call->arena, call->hook, &call->card);
	}
}

static int call_body(lua_State *L)
{
	struct call *call = lua_touserdata(L, 1);

	lua_rawgeti(L, LUA_REGISTRYINDEX, call->programme->script->loaded.hooks[call->hook]);
	host_call(L, push_arguments(L, call), 1);
	call->outcome = read_result(L, call);
	return 0;
}

/* Runs one hook; call->outcome and the result are set if it returns 0. */
static int run(struct host *host, struct call *call, struct err *err)
{
	const struct host_script *script = call->programme->script;

	host->basket = call->basket;
	host->standing = call->standing;
	host->standing_reads = 0;
	int rc = host_protect(host, call_body, call, script->name, err);
	host->basket = NULL;
	host->standing = NULL;
	if (!host->lua)
		return rc;
	const char *changed = host_kept_restore(&script->loaded.kept);
	if (rc == 0 && changed)
		return err_set(err, ERR_SCRIPT,
			"%.*s: %s() changed the local '%.40s' outside it: a script keeps nothing between calls",
			STR_ARG(script->name), host_hook_words[call->hook], changed);
	return rc;
}

int host_sale(struct host *host, struct host_programme *programme, const struct basket *basket,
	const struct standing *standing, struct arena *arena, struct effects *ret, struct err *err)
{
	struct call call = { .programme = programme,
		.hook = HOOK_SALE,
		.basket = basket,
		.standing = standing,
		.arena = arena };
	int rc = host_ready(host, programme, err);

	if (rc == 0)
		rc = run(host, &call, err);
	if (rc == 0)
		*ret = call.effects;
	return rc;
}

int host_due(struct host *host, struct host_programme *programme, const struct standing *standing,
	struct arena *arena, struct offer *ret, struct err *err)
{
	struct call call = { .programme = programme,
		.hook = HOOK_DUE,
		.standing = standing,
		.arena = arena };
	int rc = host_ready(host, programme, err);

	if (rc == 0 && programme->script->loaded.hooks[HOOK_DUE] == LUA_NOREF)
		return 1;
	if (rc == 0)
		rc = run(host, &call, err);
	if (rc == 0 && call.outcome == 0)
		*ret = call.offer;
	return rc < 0 ? rc : call.outcome;
}

/* Lets the script write the card, and keeps it. */
static int write_card(struct host *host, struct call *call, struct host_programme *programme,
	struct err *err)
{
	int rc = host_ready(host, programme, err);

	if (rc == 0 && programme->script->loaded.hooks[HOOK_CARD] == LUA_NOREF)
		return 1;
	if (rc == 0)
		rc = run(host, call, err);
	if (rc < 0)
		return rc;
	host_cards_keep(host, programme, call->standing, call->outcome ? NULL : &call->card);
	return call->outcome;
}

int host_card(struct host *host, struct host_programme *programme, const struct standing *standing,
	struct arena *arena, struct card *ret, struct err *err)
{
	struct call call = { .programme = programme,
		.hook = HOOK_CARD,
		.standing = standing,
		.arena = arena };
	enum host_kept_found found = host_cards_find(host, programme, standing, arena, ret);

	if (found != KEPT_NOT)
		return found == KEPT_CARD ? 0 : 1;
	int rc = write_card(host, &call, programme, err);
	if (rc == 0)
		*ret = call.card;
	return rc;
}

static int copy_asked(const struct card *asked, struct arena *arena, struct card *ret,
	struct err *err)
{
	struct card copy;

	if (!texts_copy(&asked->title, arena, &copy.title) ||
		!texts_copy(&asked->text, arena, &copy.text))
		return err_set(err, ERR_NO_MEMORY, "no memory left for a question");
	*ret = copy;
	return 0;
}

int host_ask(struct host *host, struct host_programme *programme, struct arena *arena,
	struct card *ret, struct err *err)
{
	struct call call = { .programme = programme, .hook = HOOK_ASK, .arena = host->arena };
	int rc;

	if (programme->asked_of == programme->script->load)
		return copy_asked(&programme->asked, arena, ret, err);
	rc = host_ready(host, programme, err);
	if (rc == 0)
		rc = run(host, &call, err);
	if (rc == 0 && call.outcome != 0)
		return err_set(err, ERR_SCRIPT, "%.*s: ask() must return a title and a text",
			STR_ARG(programme->script->name));
	if (rc < 0)
		return rc;
	programme->asked_of = programme->script->load;
	programme->asked = call.card;
	return copy_asked(&programme->asked, arena, ret, err);
}
