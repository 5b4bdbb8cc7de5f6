/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the script host; Lua is known to the files that include this and to nobody else.
 *
 *     host.c           lifetime, the way into Lua, faults, the hooks
 *     host_scripts.c   scripts and programmes, loaded when they are called
 *     host_limits.c    the allocator and the count hook: memory, steps, depth
 *     host_library.c   what a script may call: the allow list
 *     host_order.c     pairs and sort, in an order that is the same everywhere
 *     host_frozen.c    read-only tables; what a script keeps in its locals
 *     host_given.c     what a script sees: basket, standing, parameters
 *     host_declared.c  what its table declares
 *     host_returned.c  what its hooks return
 *     host_cards.c     cards that were written before
 *
 * Functions that take a lua_State raise Lua errors; host_protect() is the only way into them. */
#ifndef PROGRAMME_HOST_IMPL_H
#define PROGRAMME_HOST_IMPL_H

#include <lauxlib.h>
#include <lua.h>

#include "programme/params_impl.h"

#define HOST_SOURCE_MAX (64 << 10) /* a script of 2,000 lines */
#define HOST_SCRIPT_NAME_MAX 40    /* Lua cuts the names of chunks at 60 */
#define HOST_SCRIPTS_MAX 256
#define HOST_PROGRAMMES_MAX 20000 /* two arms each of all that one merchant may run, twice */
#define HOST_BYTES_MAX ((size_t)256 << 20) /* the programmes' parameters and names, outside Lua */

#define HOST_TICK 100        /* instructions between two looks at the limits */
#define HOST_DEPTH_MAX 100   /* calls inside calls */
#define HOST_ARGS_MAX 64     /* behind a "..."; each use copies them all in one instruction */
#define HOST_STRING_MAX 4096 /* comparing or copying one is one instruction */
#define HOST_KEPT_MAX 200    /* locals outside functions that functions use */
#define HOST_TEXT_MAX 500    /* a text for a card or a message, in bytes */

/* Which limit a script ran into. */
enum host_over { OVER_NOTHING, OVER_STEPS, OVER_MEMORY, OVER_DEPTH, OVER_STRING, OVER_MACHINE };

enum host_hook { HOOK_SALE, HOOK_DUE, HOOK_CARD, HOOK_ASK, HOOK_COUNT };
extern const char *const host_hook_words[]; /* "sale", ..., NULL */

/* ---- what a script keeps (host_frozen.c) ---- */

/* The locals outside functions that a script's functions use. Their functions and values stand in
 * pairs on the stack of a thread that never runs: reading them there needs no look-up. */
struct host_kept {
	lua_State *vault;
	int vault_ref;
	int count;
	unsigned char upvalue[HOST_KEPT_MAX];
	const void *pointer[HOST_KEPT_MAX]; /* of a value that is an object: most are */
};

/* Replaces the table on top of the stack by a form that cannot be changed, and with it every table
 * that it or its functions lead to. kept (may be NULL) learns the locals of its functions. */
void host_freeze(lua_State *L, struct host_kept *kept);
/* Pushes the table behind a frozen one, or the table itself; anything else is pushed as it is. */
void host_push_real(lua_State *L, int index);
/* The __newindex of what is read-only. */
int host_refuse_write(lua_State *L);
/* Did a call change one of those locals? Then it gets its value back. The name of one, or NULL.
 * Raises nothing. */
const char *host_kept_restore(const struct host_kept *kept);

/* ---- scripts and programmes ---- */

/* A script as it stands in a state. */
struct host_loaded {
	uint64_t generation;
	int hooks[HOOK_COUNT]; /* registry references, LUA_NOREF for a hook it has not */
	struct host_kept kept;
};
struct host_script {
	struct str name;                   /* of a pinned one its label */
	unsigned char key[SCRIPT_KEY_LEN]; /* of a pinned one */
	bool pinned;
	uint64_t load; /* which load of the host's this was: another source, another number */
	char *source;  /* on the heap: it may be replaced */
	size_t source_len;
	struct host_loaded loaded;
};
struct host_programme {
	struct host_programme_key key;
	struct host_script *script;
	struct str params, code;
	struct texts title;
	uint64_t generation; /* of the state that holds `given` */
	int given;           /* registry reference of its p */
	/* What ask() said: it follows from p alone, so it is asked once a load of the script. In
	 * the host's arena. */
	uint64_t asked_of; /* the load; 0: not yet */
	struct card asked;
	uint32_t card_reads; /* fields of the standing that card() has read (host_cards.c) */
};

/* Invariants
 * H1  lua is NULL, or a state in which the allow list was built to the end.
 * H2  A registry reference is used only if its generation is the host's; a new state has a new one.
 * H3  used is what Lua has and has not given back; it is at most limits.memory.
 * H4  basket and standing are set during a hook that is given them.
 * H5  steps is HOST_STEPS_FREE but while a script's own code runs. */
struct host {
	lua_State *lua;
	uint64_t generation;
	struct host_limits limits;
	size_t used;
	int64_t steps;
	enum host_over over;    /* raised by the count hook */
	enum host_over refused; /* why the allocator last said no */
	bool arena_full;
	uint64_t faults;

	struct arena *arena; /* names, parameters: as long as the host */
	struct host_script *scripts[HOST_SCRIPTS_MAX];
	size_t script_count;
	struct host_programme **programmes; /* open addressing */
	size_t programme_count, programme_cap;

	const struct basket *basket;
	const struct standing *standing;
	int basket_view, standing_view; /* registry references */
	size_t lines_shown;             /* views in the list behind basket.lines */
	uint32_t standing_reads;        /* fields of the standing that this call has read */
	uint64_t loads;                 /* scripts kept so far */
	struct kept_card *cards;

	size_t fail_after; /* tests: this many allocations from now one fails; 0 never */
	bool fail_on;      /* tests: and so do all after it */
	size_t asked;      /* allocations asked for */
};

/* ---- the way into Lua (host.c, host_scripts.c) ---- */

/* Makes a state if there is none. */
int host_open(struct host *host, struct err *err) must_check;
void host_close(struct host *host);
/* Calls body(user), in a state that is there. What it raises becomes an error that names `who`;
 * after a fault of a limit there is no state any more. */
int host_protect(struct host *host, lua_CFunction body, void *user, struct str who,
	struct err *err) must_check;
/* Loads what the present state lacks of a programme and its script. */
int host_ready(struct host *host, struct host_programme *programme, struct err *err) must_check;

/* ---- limits (host_limits.c) ---- */

#define HOST_STEPS_FREE (INT64_MAX / 2)

struct host *host_of(lua_State *L);
void *host_allocate(void *host, void *ptr, size_t old, size_t size);
/* lua_call() of a script's function under the limits. */
void host_call(lua_State *L, int args, int results);
/* Takes steps for work done in C on a script's behalf; raises when there are none left. */
void host_charge(lua_State *L, int64_t steps);
/* Raises the fault of a limit. level: of the function whose line is named, 0 the running one. */
_Noreturn void host_raise(lua_State *L, enum host_over over, int level);
/* Raises: the arena of the results is full. */
_Noreturn void host_arena_full(lua_State *L);
/* What the limit is, for people: "takes too long (more than 100000 steps)". */
void host_over_text(const struct host *host, enum host_over over, struct buf *buf);

/* ---- the rest ---- */

/* Builds the allow list and makes it the globals of every chunk. */
void host_library(lua_State *L);

/* pairs() and table.sort() of the allow list (host_order.c). */
int host_pairs(lua_State *L);
int host_sort(lua_State *L);
/* Pushes the sorted list of the keys of the table on top. */
void host_push_sorted_keys(lua_State *L);

/* Makes the views of what is given, and notes them in the host. */
void host_given(lua_State *L);
/* Pushes a programme's p, frozen: its parameters (what params_check() returned), code and title. */
void host_push_params(lua_State *L, const struct json *params,
	const struct host_programme *programme);

/* Reads what the script's table (at the top) declares; all of it in the arena. */
void host_declared(lua_State *L, struct str name, struct arena *arena, struct script_info *ret);

/* Read the value on top of the stack into the arena; 1 where nothing may be returned and nothing
 * was. */
int host_returned_effects(lua_State *L, struct arena *arena, struct effects *ret);
int host_returned_offer(lua_State *L, struct arena *arena, struct offer *ret);
int host_returned_card(lua_State *L, struct arena *arena, enum host_hook hook, struct card *ret);
/* The texts at the top of the stack, sorted by language; pops them. `what` names them in a refusal.
 */
struct texts host_returned_texts(lua_State *L, struct arena *arena, size_t max, const char *what);
/* Puts the fields of the table at the top on the stack, in the order of the list (NULL at its end),
 * nil for what is absent; raises if it is no table or has a field that is not in the list. Returns
 * the index of the first. */
int host_returned_fields(lua_State *L, const char *const *fields, const char *what);
struct str host_arena_text(lua_State *L, int index, struct arena *arena);

/* ---- cards that were written before (host_cards.c) ---- */

/* Bits of what is read of a standing, in the order of its fields in host_given.c. */
enum {
	HOST_READ_BALANCE = 0,
	HOST_READ_JOINED_DAY = 5,
	HOST_READ_LANGUAGE = 6,
	HOST_READ_SOMETHING = 1 << 30 /* it was asked, whatever it read */
};
enum host_kept_found { KEPT_NOT, KEPT_CARD, KEPT_NO_CARD };
enum host_kept_found host_cards_find(struct host *host, const struct host_programme *programme,
	const struct standing *standing, struct arena *arena, struct card *ret);
/* Keeps what card() just said; NULL: that there is none. */
void host_cards_keep(struct host *host, struct host_programme *programme,
	const struct standing *standing, const struct card *card);

/* ---- tests ---- */

/* The n-th allocation from now on fails, and all after it if `on`; 0 switches it off. Returns how
 * many were asked for since the last call. */
size_t host_fail_allocation(struct host *host, size_t n, bool on);

#endif
