/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts and programmes: what the host keeps in C, and how it comes into a state. Both are loaded
 * when they are first called in a state, so that after a fault only what is used is made anew. */
#include <stdlib.h>
#include <string.h>

#include "programme/host_impl.h"

#define SCRATCH_MAX \
	((size_t)4 << 20) /* for reading a script's declaration, a programme's parameters */

/* ---- scripts ---- */

struct load {
	struct str name;
	struct str source;
	struct arena *arena;
	struct script_info info;
	struct host_loaded loaded;
};

static void compile(lua_State *L, const struct load *load)
{
	char chunk[HOST_SCRIPT_NAME_MAX + 2];

	snprintf(chunk, sizeof chunk, "=%.*s", STR_ARG(load->name));
	int status = luaL_loadbufferx(L, load->source.ptr, load->source.len, chunk, "t");
	if (status == LUA_ERRMEM)
		host_raise(L, host_of(L)->refused, 0);
	if (status != LUA_OK)
		lua_error(L);
}

/* The table on top is the script's: takes its hooks, and pops it. */
static void take_hooks(lua_State *L, struct host_loaded *loaded)
{
	for (int i = 0; i < HOOK_COUNT; i++) {
		bool there = lua_getfield(L, -1, host_hook_words[i]) != LUA_TNIL;
		loaded->hooks[i] = LUA_NOREF;
		if (there)
			loaded->hooks[i] = luaL_ref(L, LUA_REGISTRYINDEX);
		else
			lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

static int load_body(lua_State *L)
{
	struct load *load = lua_touserdata(L, 1);

	compile(L, load);
	host_call(L, 0, 1);
	host_declared(L, load->name, load->arena, &load->info);
	host_freeze(L, &load->loaded.kept);
	take_hooks(L, &load->loaded);
	load->loaded.generation = host_of(L)->generation;
	return 0;
}

/* Gives back what a script had in the present state. */
static void unload(struct host *host, struct host_loaded *loaded)
{
	if (!host->lua || loaded->generation != host->generation)
		return;
	for (int i = 0; i < HOOK_COUNT; i++)
		luaL_unref(host->lua, LUA_REGISTRYINDEX, loaded->hooks[i]);
	luaL_unref(host->lua, LUA_REGISTRYINDEX, loaded->kept.vault_ref);
	loaded->generation = 0;
}

static int run_load(struct host *host, struct load *load, struct err *err)
{
	int rc = host_open(host, err);

	load->loaded.kept.vault_ref = LUA_NOREF;
	if (rc == 0)
		rc = host_protect(host, load_body, load, load->name, err);
	if (rc < 0 && host->lua)
		luaL_unref(host->lua, LUA_REGISTRYINDEX, load->loaded.kept.vault_ref);
	return rc;
}

static struct host_script *find_script(const struct host *host, struct str name)
{
	for (size_t i = 0; i < host->script_count; i++)
		if (str_eq(host->scripts[i]->name, name))
			return host->scripts[i];
	return NULL;
}

static struct host_script *find_pinned(const struct host *host, const unsigned char *key)
{
	for (size_t i = 0; i < host->script_count; i++)
		if (host->scripts[i]->pinned &&
			memcmp(host->scripts[i]->key, key, SCRIPT_KEY_LEN) == 0)
			return host->scripts[i];
	return NULL;
}

static struct host_script *add_script(struct host *host, struct str name, struct err *err)
{
	struct host_script *script = NULL;
	struct str copy = { NULL, 0 };

	if (host->script_count == HOST_SCRIPTS_MAX) {
		err_set(err, ERR_TOO_MANY, "more than %d scripts", HOST_SCRIPTS_MAX);
		return NULL;
	}
	script = arena_make(host->arena, struct host_script);
	copy = arena_str(host->arena, name);
	if (!script || !copy.ptr) {
		err_set(err, ERR_NO_MEMORY, "no memory for a script");
		return NULL;
	}
	script->name = copy;
	host->scripts[host->script_count++] = script;
	return script;
}

/* Keeps a script that has loaded, in the place of `script`, or in one of its own if that is NULL.
 */
static int keep_script(struct host *host, struct host_script *script, const struct load *load,
	struct host_script **ret, struct err *err)
{
	char *source = malloc(load->source.len + 1);
	if (!source)
		return err_set(err, ERR_NO_MEMORY, "no memory for a script");
	if (!script)
		script = add_script(host, load->name, err);
	if (!script) {
		free(source);
		return host->script_count == HOST_SCRIPTS_MAX ? ERR_TOO_MANY : ERR_NO_MEMORY;
	}
	memcpy(source, load->source.ptr, load->source.len);
	unload(host, &script->loaded);
	free(script->source);
	script->source = source;
	script->source_len = load->source.len;
	script->loaded = load->loaded;
	script->load = ++host->loads;
	*ret = script;
	return 0;
}

static int check_script(struct str name, struct str source, struct err *err)
{
	if (!params_is_code(name) || name.len > HOST_SCRIPT_NAME_MAX)
		return err_set(err, ERR_SCRIPT, "a script's name is 1 to %d of a-z, 0-9, - and _",
			HOST_SCRIPT_NAME_MAX);
	if (source.len > HOST_SOURCE_MAX)
		return err_set(err, ERR_SCRIPT, "%.*s: longer than %d kB", STR_ARG(name),
			HOST_SOURCE_MAX >> 10);
	return 0;
}

int host_load(struct host *host, struct str name, struct str source, struct arena *arena,
	struct script_info *ret_info, struct err *err)
{
	struct arena *scratch ARENA_AUTO = ret_info ? NULL : arena_new(SCRATCH_MAX);
	struct load load = { .name = name, .source = source, .arena = ret_info ? arena : scratch };
	struct host_script *kept;
	int rc = check_script(name, source, err);

	if (rc < 0)
		return rc;
	if (!load.arena)
		return err_set(err, ERR_NO_MEMORY, "no memory for a script");
	rc = run_load(host, &load, err);
	if (rc < 0)
		return rc;
	rc = keep_script(host, find_script(host, name), &load, &kept, err);
	if (rc < 0) {
		unload(host, &load.loaded);
		return rc;
	}
	if (ret_info)
		*ret_info = load.info;
	return 0;
}

char *script_label(const struct script_text *text, char out[SCRIPT_LABEL_MAX])
{
	struct str name = str_first(text->name, HOST_SCRIPT_NAME_MAX);

	snprintf(out, SCRIPT_LABEL_MAX, "%.*s@%02x%02x%02x%02x", STR_ARG(name), text->key[0],
		text->key[1], text->key[2], text->key[3]);
	return out;
}

static int load_pinned(struct host *host, const struct script_text *text, struct host_script **ret,
	struct err *err)
{
	struct arena *scratch ARENA_AUTO = arena_new(SCRATCH_MAX);
	char label[SCRIPT_LABEL_MAX];
	struct load load = { .name = str_of(script_label(text, label)),
		.source = text->source,
		.arena = scratch };

	*ret = find_pinned(host, text->key);
	if (*ret)
		return 0;
	if (!scratch)
		return err_set(err, ERR_NO_MEMORY, "no memory for a script");
	int rc = run_load(host, &load, err);
	if (rc < 0)
		return rc;
	rc = keep_script(host, NULL, &load, ret, err);
	if (rc < 0) {
		unload(host, &load.loaded);
		return rc;
	}
	memcpy((*ret)->key, text->key, SCRIPT_KEY_LEN);
	(*ret)->pinned = true;
	return 0;
}

/* ---- programmes ---- */

static uint64_t hash_key(struct host_programme_key key)
{
	uint64_t h = (uint64_t)key.programme * UINT64_C(0x9E3779B97F4A7C15);
	h ^= ((uint64_t)(uint32_t)key.version << 32 | (uint32_t)key.arm) *
		UINT64_C(0xC2B2AE3D27D4EB4F);
	return h ^ h >> 32;
}

static bool key_same(struct host_programme_key a, struct host_programme_key b)
{
	return a.programme == b.programme && a.version == b.version && a.arm == b.arm;
}

/* Where the programme of that key stands, or would stand. */
static struct host_programme **slot(struct host_programme **table, size_t cap,
	struct host_programme_key key)
{
	size_t at = hash_key(key) & (cap - 1);
	while (table[at] && !key_same(table[at]->key, key))
		at = (at + 1) & (cap - 1);
	return &table[at];
}

/* Room for one more, at most three quarters full. */
static int grow_programmes(struct host *host, struct err *err)
{
	if (host->programme_count == HOST_PROGRAMMES_MAX)
		return err_set(err, ERR_TOO_MANY, "more than %d programmes in a host",
			HOST_PROGRAMMES_MAX);
	if (host->programme_count < host->programme_cap / 4 * 3)
		return 0;
	size_t cap = host->programme_cap ? host->programme_cap * 2 : 64;
	struct host_programme **table = calloc(cap, sizeof *table);
	if (!table)
		return err_set(err, ERR_NO_MEMORY, "no memory for a programme");
	for (size_t i = 0; i < host->programme_cap; i++)
		if (host->programmes[i])
			*slot(table, cap, host->programmes[i]->key) = host->programmes[i];
	free(host->programmes);
	host->programmes = table;
	host->programme_cap = cap;
	return 0;
}

struct give {
	struct host_programme *programme;
	const struct json *params;
};

static int give_body(lua_State *L)
{
	const struct give *give = lua_touserdata(L, 1);

	host_push_params(L, give->params, give->programme);
	give->programme->given = luaL_ref(L, LUA_REGISTRYINDEX);
	give->programme->generation = host_of(L)->generation;
	return 0;
}

/* Puts its p into the state. */
static int give_params(struct host *host, struct host_programme *programme, struct err *err)
{
	struct arena *scratch ARENA_AUTO = arena_new(SCRATCH_MAX);
	struct json *params;

	if (!scratch)
		return err_set(err, ERR_NO_MEMORY, "no memory for a programme");
	int rc = json_parse(scratch, programme->params, &params, err);
	if (rc < 0)
		return rc;
	if (params->type != JSON_OBJECT)
		return err_set(err, ERR_INVALID, "a programme's parameters must be an object");
	struct give give = { .programme = programme, .params = params };
	return host_protect(host, give_body, &give, programme->script->name, err);
}

static int reload(struct host *host, struct host_script *script, struct err *err)
{
	struct arena *scratch ARENA_AUTO = arena_new(SCRATCH_MAX);
	struct load load = { .name = script->name,
		.arena = scratch,
		.source = str_bytes(script->source, script->source_len) };

	if (!scratch)
		return err_set(err, ERR_NO_MEMORY, "no memory for a script");
	int rc = run_load(host, &load, err);
	if (rc == 0)
		script->loaded = load.loaded;
	return rc;
}

static bool is_ready(const struct host *host, const struct host_programme *programme)
{
	return host->lua && programme->generation == host->generation &&
		programme->script->loaded.generation == host->generation;
}

static int make_ready(struct host *host, struct host_programme *programme, struct err *err)
{
	int rc = host_open(host, err);

	if (rc == 0 && programme->script->loaded.generation != host->generation)
		rc = reload(host, programme->script, err);
	if (rc == 0 && programme->generation != host->generation)
		rc = give_params(host, programme, err);
	return rc;
}

/* A state three quarters full of programmes is left for a new one, which takes only those that are
 * called from now on. */
int host_ready(struct host *host, struct host_programme *programme, struct err *err)
{
	if (is_ready(host, programme))
		return 0;
	if (host->used > host->limits.memory / 4 * 3)
		host_close(host);
	return make_ready(host, programme, err);
}

/* A copy in the host's own memory of a programme that is ready. */
static struct host_programme *copy_programme(struct host *host, const struct host_programme *from)
{
	struct host_programme *programme = arena_make(host->arena, struct host_programme);

	if (!programme)
		return NULL;
	*programme = *from;
	programme->params = arena_str(host->arena, from->params);
	programme->code = arena_str(host->arena, from->code);
	bool ok = programme->params.ptr && programme->code.ptr &&
		texts_copy(&from->title, host->arena, &programme->title);
	return ok ? programme : NULL;
}

static int add_programme(struct host *host, struct host_programme *like,
	struct host_programme **ret, struct err *err)
{
	int rc = host_ready(host, like, err);
	if (rc < 0)
		return rc;
	struct host_programme *programme = copy_programme(host, like);
	if (!programme) {
		luaL_unref(host->lua, LUA_REGISTRYINDEX, like->given);
		return err_set(err, ERR_NO_MEMORY, "no memory for a programme");
	}
	*slot(host->programmes, host->programme_cap, like->key) = programme;
	host->programme_count++;
	*ret = programme;
	return 0;
}

static struct host_programme *find_programme(const struct host *host, struct host_programme_key key)
{
	return host->programme_cap ? *slot(host->programmes, host->programme_cap, key) : NULL;
}

int host_programme(struct host *host, struct host_programme_key key, struct str script,
	struct str params, struct str code, const struct texts *title, struct host_programme **ret,
	struct err *err)
{
	struct host_programme *there = find_programme(host, key);
	struct host_programme like = { .key = key,
		.params = params,
		.code = code,
		.title = *title };

	if (there) {
		*ret = there;
		return 0;
	}
	like.script = find_script(host, script);
	if (!like.script)
		return err_set(err, ERR_SCRIPT, "%.*s: no script of that name is loaded",
			STR_ARG(script));
	int rc = grow_programmes(host, err);
	return rc < 0 ? rc : add_programme(host, &like, ret, err);
}

/* Nothing is left but the state's limits: all of it is given again when it is called again. */
static void forget_all(struct host *host)
{
	host_close(host);
	for (size_t i = 0; i < host->script_count; i++)
		free(host->scripts[i]->source);
	host->script_count = 0;
	free(host->programmes);
	host->programmes = NULL;
	host->programme_count = host->programme_cap = 0;
	arena_reset(host->arena);
}

static bool is_full(const struct host *host)
{
	return host->script_count == HOST_SCRIPTS_MAX ||
		host->programme_count == HOST_PROGRAMMES_MAX ||
		arena_used(host->arena) > HOST_BYTES_MAX / 2;
}

int host_programme_pinned(struct host *host, struct host_programme_key key,
	const struct script_text *text, struct str params, struct str code,
	const struct texts *title, struct host_programme **ret, struct err *err)
{
	struct host_programme like = { .key = key,
		.params = params,
		.code = code,
		.title = *title };

	*ret = find_programme(host, key);
	if (*ret)
		return 0;
	if (is_full(host))
		forget_all(host);
	int rc = load_pinned(host, text, &like.script, err);
	if (rc == 0)
		rc = grow_programmes(host, err);
	return rc < 0 ? rc : add_programme(host, &like, ret, err);
}
