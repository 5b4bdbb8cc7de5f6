/* SPDX-License-Identifier: Apache-2.0 */
/* What a script sees. Basket, lines and standing are *views*: objects without content that read a
 * field from the C struct at the moment a script asks for it. Nothing is built for what a script
 * does not touch, every programme and every basket uses the same views, and a view has nothing to
 * show once its call is over (F4 in host_frozen.c). A field that is not known is an error, so that
 * a typing mistake is not a nil.
 *
 * Measured against tables filled once a basket: filling costs three times what reading a field
 * does, and most programmes read two of eight.
 *
 * To add a field: a row in its list below, and a line in docs/add/programme.md. */
#include <string.h>

#include "programme/host_impl.h"

enum field_kind {
	FIELD_INTEGER, /* int64_t */
	FIELD_INT,
	FIELD_SIZE,
	FIELD_TEXT, /* struct str; nil if empty */
	FIELD_DAY,  /* char[]; nil if empty */
	FIELD_LINES
};
struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
};

static const struct field basket_fields[] = {
	{ "total", FIELD_INTEGER, offsetof(struct basket, total) },
	{ "currency", FIELD_TEXT, offsetof(struct basket, currency) },
	{ "count", FIELD_SIZE, offsetof(struct basket, count) },
	{ "lines", FIELD_LINES, 0 },
	{ "at", FIELD_INTEGER, offsetof(struct basket, at) },
	{ "day", FIELD_DAY, offsetof(struct basket, day) },
	{ "weekday", FIELD_INT, offsetof(struct basket, weekday) },
	{ "hour", FIELD_INT, offsetof(struct basket, hour) },
};
static const struct field line_fields[] = {
	{ "id", FIELD_TEXT, offsetof(struct basket_line, id) },
	{ "gtin", FIELD_TEXT, offsetof(struct basket_line, gtin) },
	{ "sku", FIELD_TEXT, offsetof(struct basket_line, sku) },
	{ "category", FIELD_TEXT, offsetof(struct basket_line, category) },
	{ "description", FIELD_TEXT, offsetof(struct basket_line, description) },
	{ "quantity", FIELD_INTEGER, offsetof(struct basket_line, quantity) },
	{ "unit_price", FIELD_INTEGER, offsetof(struct basket_line, unit_price) },
	{ "amount", FIELD_INTEGER, offsetof(struct basket_line, amount) },
};
/* Their order is that of HOST_READ_...: a new one goes to the end, and into host_cards.c. */
static const struct field standing_fields[] = {
	{ "balance", FIELD_INTEGER, offsetof(struct standing, balance) },
	{ "available", FIELD_INTEGER, offsetof(struct standing, available) },
	{ "held", FIELD_INTEGER, offsetof(struct standing, held) },
	{ "debt", FIELD_INTEGER, offsetof(struct standing, debt) },
	{ "entries", FIELD_INTEGER, offsetof(struct standing, entries) },
	{ "joined_day", FIELD_DAY, offsetof(struct standing, joined_day) },
	{ "language", FIELD_TEXT, offsetof(struct standing, language) },
};
_Static_assert(sizeof standing_fields / sizeof *standing_fields == HOST_READ_LANGUAGE + 1,
	"each field has its bit, and its place in struct card_of");

/* ---- reading a field ---- */

enum view_kind { VIEW_BASKET, VIEW_STANDING, VIEW_LINE, VIEW_COUNT };
static const struct {
	const struct field *fields;
	size_t count;
} kinds[VIEW_COUNT] = {
	[VIEW_BASKET] = { basket_fields, sizeof basket_fields / sizeof *basket_fields },
	[VIEW_STANDING] = { standing_fields, sizeof standing_fields / sizeof *standing_fields },
	[VIEW_LINE] = { line_fields, sizeof line_fields / sizeof *line_fields },
};
struct view {
	struct host *host;
	enum view_kind kind;
	size_t line;
	/* Lua has each short text once: their addresses in this state, so that a field is found by
	 * comparing pointers. Kept alive by the registry. */
	const char *const *names;
};

static const void *shown(lua_State *L, const struct view *view)
{
	const struct host *host = view->host;

	if (view->kind == VIEW_STANDING && host->standing)
		return host->standing;
	if (view->kind == VIEW_BASKET && host->basket)
		return host->basket;
	if (view->kind == VIEW_LINE && host->basket && view->line < host->basket->count)
		return &host->basket->lines[view->line];
	luaL_error(L, "it is gone: it was part of another call");
	return NULL;
}

static const struct field *find_field(lua_State *L, const struct view *view, const char *name)
{
	const struct field *fields = kinds[view->kind].fields;
	size_t count = kinds[view->kind].count;

	for (size_t i = 0; i < count; i++)
		if (view->names[i] == name)
			return &fields[i];
	for (size_t i = 0; name && i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	luaL_error(L, "there is no field '%s' here", name ? name : luaL_typename(L, 2));
	return NULL;
}

static void push_text(lua_State *L, struct str text)
{
	if (text.len)
		lua_pushlstring(L, text.ptr,
			text.len < HOST_STRING_MAX ? text.len : HOST_STRING_MAX);
	else
		lua_pushnil(L);
}

static void push_lines(lua_State *L, size_t count);

static void push_field(lua_State *L, const struct field *field, const void *object)
{
	const void *at = (const char *)object + field->offset;

	switch (field->kind) {
	case FIELD_INTEGER:
		lua_pushinteger(L, *(const int64_t *)at);
		return;
	case FIELD_INT:
		lua_pushinteger(L, *(const int *)at);
		return;
	case FIELD_SIZE:
		lua_pushinteger(L, (lua_Integer) * (const size_t *)at);
		return;
	case FIELD_TEXT:
		push_text(L, *(const struct str *)at);
		return;
	case FIELD_DAY:
		push_text(L, str_of(at));
		return;
	case FIELD_LINES:
		push_lines(L, ((const struct basket *)object)->count);
		return;
	}
}

static int view_index(lua_State *L)
{
	const struct view *view = lua_touserdata(L, 1);
	const void *object = shown(L, view);
	const struct field *field = find_field(L, view, lua_tostring(L, 2));

	if (view->kind == VIEW_STANDING)
		view->host->standing_reads |= 1u << (field - standing_fields);
	push_field(L, field, object);
	return 1;
}

/* ---- making views ---- */

/* Their addresses are keys of the registry: the metatable and the names of a kind of view,
 * basket.lines, the list behind it, and every line's view ever made. */
static const char metatable_keys[VIEW_COUNT], names_keys[VIEW_COUNT];
static const char lines_key, list_key, all_lines_key;

static void push_view(lua_State *L, enum view_kind kind, size_t line)
{
	struct view *view = lua_newuserdatauv(L, sizeof *view, 0);

	*view = (struct view) { .host = host_of(L), .kind = kind, .line = line };
	lua_rawgetp(L, LUA_REGISTRYINDEX, &names_keys[kind]);
	view->names = lua_touserdata(L, -1);
	lua_pop(L, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_keys[kind]);
	lua_setmetatable(L, -2);
}

/* The names of a kind's fields: a block of their addresses that holds the texts in its own table.
 */
static void set_names(lua_State *L, enum view_kind kind)
{
	const char **names = lua_newuserdatauv(L, kinds[kind].count * sizeof *names, 1);

	lua_newtable(L);
	for (size_t i = 0; i < kinds[kind].count; i++) {
		names[i] = lua_pushstring(L, kinds[kind].fields[i].name);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setiuservalue(L, -2, 1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &names_keys[kind]);
}

static void set_metatable(lua_State *L, enum view_kind kind)
{
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, view_index);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, host_refuse_write);
	lua_setfield(L, -2, "__newindex");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_keys[kind]);
}

/* ---- basket.lines ---- */

static int lines_length(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)host_of(L)->lines_shown);
	return 1;
}

/* An object that reads from the list of views, of which there are as many as the basket has lines.
 */
static void set_lines(lua_State *L)
{
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &all_lines_key);
	lua_newuserdatauv(L, 0, 0);
	lua_createtable(L, 0, 3);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &list_key);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, host_refuse_write);
	lua_setfield(L, -2, "__newindex");
	lua_pushcfunction(L, lines_length);
	lua_setfield(L, -2, "__len");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &lines_key);
	host_of(L)->lines_shown = 0;
}

/* Pushes the view of line i (from 1), made at the first basket that has so many. */
static void push_line(lua_State *L, size_t i)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &all_lines_key);
	if (lua_rawgeti(L, -1, (lua_Integer)i) == LUA_TNIL) {
		lua_pop(L, 1);
		push_view(L, VIEW_LINE, i - 1);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, (lua_Integer)i);
	}
	lua_remove(L, -2);
}

/* Makes the list as long as the basket. */
static void fit_list(lua_State *L, size_t count)
{
	struct host *host = host_of(L);

	lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key);
	for (; host->lines_shown < count; host->lines_shown++) {
		push_line(L, host->lines_shown + 1);
		lua_rawseti(L, -2, (lua_Integer)host->lines_shown + 1);
	}
	for (; host->lines_shown > count; host->lines_shown--) {
		lua_pushnil(L);
		lua_rawseti(L, -2, (lua_Integer)host->lines_shown);
	}
	lua_pop(L, 1);
}

static void push_lines(lua_State *L, size_t count)
{
	if (host_of(L)->lines_shown != count)
		fit_list(L, count);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &lines_key);
}

void host_given(lua_State *L)
{
	for (int kind = 0; kind < VIEW_COUNT; kind++) {
		set_metatable(L, kind);
		set_names(L, kind);
	}
	set_lines(L);
	push_view(L, VIEW_BASKET, 0);
	host_of(L)->basket_view = luaL_ref(L, LUA_REGISTRYINDEX);
	push_view(L, VIEW_STANDING, 0);
	host_of(L)->standing_view = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* ---- parameters ---- */

static void push_json(lua_State *L, const struct json *value);

static void push_members(lua_State *L, const struct json *object)
{
	lua_createtable(L, 0, (int)object->count);
	for (const struct json *member = object->first; member; member = member->next) {
		lua_pushlstring(L, member->name.ptr, member->name.len);
		push_json(L, member);
		lua_rawset(L, -3);
	}
}

/* A list of words is also a set: p.items[1] is its first, p.items["mug"] is true if it is one of
 * them. */
static void push_array(lua_State *L, const struct json *array)
{
	lua_Integer i = 0;

	lua_createtable(L, (int)array->count, (int)array->count);
	for (const struct json *item = array->first; item; item = item->next) {
		push_json(L, item);
		if (item->type == JSON_STRING) {
			lua_pushvalue(L, -1);
			lua_pushboolean(L, true);
			lua_rawset(L, -4);
		}
		lua_rawseti(L, -2, ++i);
	}
}

static void push_json(lua_State *L, const struct json *value)
{
	luaL_checkstack(L, 8, NULL);
	switch (value->type) {
	case JSON_NULL:
		lua_pushnil(L);
		return;
	case JSON_BOOL:
		lua_pushboolean(L, value->boolean);
		return;
	case JSON_INT:
		lua_pushinteger(L, value->integer);
		return;
	case JSON_DOUBLE:
		lua_pushnumber(L, value->number);
		return;
	case JSON_STRING:
		lua_pushlstring(L, value->string.ptr, value->string.len);
		return;
	case JSON_ARRAY:
		push_array(L, value);
		return;
	case JSON_OBJECT:
		push_members(L, value);
		return;
	}
}

void host_push_params(lua_State *L, const struct json *params,
	const struct host_programme *programme)
{
	push_members(L, params);
	lua_pushlstring(L, programme->code.ptr, programme->code.len);
	lua_setfield(L, -2, "code");
	lua_createtable(L, 0, (int)programme->title.count);
	for (size_t i = 0; i < programme->title.count; i++) {
		const struct local_text *text = &programme->title.list[i];
		lua_pushlstring(L, text->language.ptr, text->language.len);
		lua_pushlstring(L, text->text.ptr, text->text.len);
		lua_rawset(L, -3);
	}
	lua_setfield(L, -2, "title");
	host_freeze(L, NULL);
}
