/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts that want the server's time, its memory, or what belongs to others. Each must end in
 * ERR_SCRIPT, and the next call of another script must be right. */
#include "programme/host_fixture_impl.h"

#include <stdlib.h>
#include <string.h>

#include "programme/host_impl.h"

static struct host_programme *load_good(struct fixture *f)
{
	assert_ok(
		fixture_load(f, "good",
			fixture_script("local t = { 1, 2 }",
				"return { { type = 'earn', amount = basket.total + #t + #string.format('%05d', 1) } }")),
		&f->err);
	return fixture_programme(f, "good", "{}");
}

static const int64_t good_earns = 775 + 2 + 5;

/* Mistakes are refused by Lua or by the allow list; limits end the state. */
enum ends { MISTAKE, STEPS, MEMORY, DEPTH, STRING };
static const char *const said[] = { "", "takes too long", "takes too much memory", "calls too deep",
	"makes a text of more than" };

static const struct {
	const char *name;
	enum ends ends;
	const char *before, *body;
} hostile[] = {
	{ "endless loop", STEPS, "", "while true do end" },
	{ "goto loop", STEPS, "", "::a:: goto a" },
	{ "repeat loop", STEPS, "", "repeat until false" },
	{ "for without end", STEPS, "", "for i = 1, math.maxinteger do end" },
	{ "float for without end", STEPS, "", "for i = 1.0, 1e300 do end" },
	{ "loop in pcall", MISTAKE, "",
		"while true do pcall(function() while true do end end) end" },
	{ "loop in xpcall", MISTAKE, "", "xpcall(function() while true do end end, print)" },
	{ "loop in a coroutine", MISTAKE, "",
		"coroutine.wrap(function() while true do end end)()" },
	{ "loop in a comparison", STEPS, "",
		"table.sort({ 3, 2, 1 }, function() while true do end end)" },
	{ "loop in an iterator", STEPS, "", "for x in function() return 1 end do end" },
	{ "loop in two functions", STEPS,
		"local a, b function a() return b() end function b() return a() end", "a()" },
	{ "tail call of itself", STEPS, "local function f() return f() end", "f()" },
	{ "deep recursion", DEPTH, "local function f() return 1 + f() end", "f()" },
	{ "deep recursion in C", DEPTH, "local function f() table.sort({ 1, 2 }, f) end", "f()" },
	{ "recursion that returns more and more", DEPTH,
		"local function f(n) if n == 0 then return end return 1, f(n - 1) end",
		"while true do f(5000) end" },
	{ "arguments that grow", DEPTH, "local function f(...) return f(1, ...) end", "f()" },
	{ "arguments that stay many", DEPTH,
		"local function f(n, ...) if n > 0 then return f(n - 1, 1, ...) end return f(0, ...) end",
		"f(3000)" },
	{ "doubling text", STRING, "", "local s = 'x' while true do s = s .. s end" },
	{ "growing text", STRING, "",
		"local s = '' while true do s = s .. 'more and more and more and more and more and more' end" },
	{ "text of many pieces", STRING, "",
		"local t = {} for i = 1, 5000 do t[i] = 'x' end table.concat(t)" },
	{ "text of long pieces", STEPS, "",
		"local s = 'x' for i = 1, 11 do s = s .. s end local t = {} for i = 1, 900 do t[i] = s end "
		"table.concat(t)" },
	{ "texts again and again", STEPS, "",
		"local s = 'x' for i = 1, 11 do s = s .. s end while true do local t = s .. s end" },
	{ "texts of floats", STEPS, "",
		"local x = 0.5 while true do x = x + 0.1 local s = x .. '' end" },
	{ "formats again and again", STEPS, "",
		"while true do string.format('%99.99f', 1e300) end" },
	{ "string.rep", MISTAKE, "", "local s = string.rep('x', 1e9)" },
	{ "method rep", MISTAKE, "", "local s = ('x'):rep(1e9)" },
	{ "pattern bomb", MISTAKE, "", "string.find(('a'):rep(3000), '.-.-.-b')" },
	{ "wide format", MISTAKE, "", "string.format('%999999999d', 1)" },
	{ "wide format by star", MISTAKE, "", "string.format('%*d', 999999999, 1)" },
	{ "precise format", MISTAKE, "", "string.format('%.999999999f', 1)" },
	{ "huge list", STEPS, "", "local t = {} for i = 1, 1e9 do t[i] = i end" },
	{ "huge table", STEPS, "", "local t = {} for i = 1, 1e9 do t[i * 7.5] = i end" },
	{ "many tables", STEPS, "", "while true do local t = {} end" },
	{ "many closures", STEPS, "", "while true do local function f() return basket end end" },
	{ "a chain of tables", STEPS, "", "local t = {} while true do t = { t } end" },
	{ "inserting in front", STEPS, "", "local t = {} while true do table.insert(t, 1, 1) end" },
	{ "inserting far behind", MISTAKE, "", "table.insert({}, 1e9, 1)" },
	{ "removing in front", STEPS, "",
		"local t = {} for i = 1, 2000 do t[i] = i end while true do table.remove(t, 1) t[2000] = 1 end" },
	{ "concat of nothing", MISTAKE, "", "table.concat({}, '', 1, 1e9)" },
	{ "concat of many", STEPS, "",
		"local t = {} for i = 1, 3000 do t[i] = '' end while true do table.concat(t) end" },
	{ "sorting again and again", STEPS, "",
		"local t = {} for i = 1, 2000 do t[i] = -i end while true do table.sort(t) end" },
	{ "sorting by chance", STEPS, "",
		"local t, x = {}, 1 for i = 1, 3000 do t[i] = i end "
		"while true do table.sort(t, function() x = x * 7 % 11 return x > 5 end) end" },
	{ "walking again and again", STEPS, "",
		"local t = {} for i = 1, 2000 do t[i] = i end while true do for k in pairs(t) do break end end" },
	{ "picking again and again", STEPS, "",
		"local t = {} for i = 1, 500 do t['k' .. i] = i end while true do pick(t, 'xx') end" },
	{ "unpacking again and again", STEPS, "",
		"local t = {} while true do table.unpack(t, 1, 64) end" },
	{ "bytes of all", MISTAKE, "", "('x'):byte(1, -1)" },
	{ "metatable of texts", MISTAKE, "", "getmetatable('').__index = function() return 1 end" },
	{ "methods of texts", MISTAKE, "", "string.upper = function() return 'owned' end" },
	{ "finalizer", MISTAKE, "",
		"setmetatable({}, { __gc = function() while true do end end })" },
	{ "closing variable", MISTAKE, "", "local x <close> = { 1 }" },
	{ "globals left behind", MISTAKE, "", "leak = 1" },
	{ "its own environment", MISTAKE, "", "_ENV = {}" },
	{ "code in a text", MISTAKE, "", "load('while true do end')()" },
	{ "a file", MISTAKE, "", "io.open('/etc/passwd')" },
	{ "the system", MISTAKE, "", "os.execute('true')" },
	{ "another module", MISTAKE, "", "require('os')" },
	{ "the inspector", MISTAKE, "", "debug.sethook()" },
	{ "the collector", MISTAKE, "", "collectgarbage('stop')" },
	{ "an error that is a table", MISTAKE, "", "error(setmetatable and {} or p)" },
	{ "an error that is the basket", MISTAKE, "", "error(basket)" },
	{ "an error of errors", MISTAKE, "", "error(error)" },
	{ "a result without end", MISTAKE, "", "local t = {} t[1] = t return t" },
	{ "a result that is the library", MISTAKE, "", "return math" },
	{ "a result that is a view", MISTAKE, "", "return basket" },
	{ "a result of a million", STEPS, "",
		"local t = {} for i = 1, 1000000 do t[i] = t end return t" },
	{ "a remainder of extremes", STEPS, "", "local x while true do x = 1e308 % 1e-308 end" },
	{ "a loop outside functions", STEPS, "while true do end", "" },
	{ "a huge table outside functions", STEPS, "local t = {} for i = 1, 1e9 do t[i] = {} end",
		"" },
	{ "a text outside functions", STRING, "local s = 'x' while true do s = s .. s end", "" },
	{ "recursion outside functions", DEPTH, "local function f() return 1 + f() end f()", "" },
};

/* Loading it or calling it ends as the row says. */
static void try_row(struct fixture *f, struct host_programme *good, size_t row)
{
	uint64_t faults = host_faults(f->host);
	enum ends ends = hostile[row].ends;
	int rc = fixture_load(f, "s", fixture_script(hostile[row].before, hostile[row].body));

	if (rc == 0)
		rc = (int)fixture_earns(f, fixture_programme(f, "s", "{}"));
	if (rc != ERR_SCRIPT)
		fail_msg("row \"%s\": %d %s", hostile[row].name, rc, f->err.text);
	if (!strstr(f->err.text, said[ends]) || strstr(f->err.text, "0x"))
		fail_msg("row \"%s\": %s", hostile[row].name, f->err.text);
	assert_row(hostile[row].name, host_faults(f->host) - faults == (ends == MISTAKE ? 0 : 1));
	assert_row(hostile[row].name, fixture_earns(f, good) == good_earns);
}

static void hostile_scripts(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *good = load_good(&f);
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
		try_row(&f, good, i);
	fixture_done(&f);
}

/* With little memory it is memory that ends them; with few steps, steps. */
static void hostile_scripts_under_other_limits(void **state)
{
	static const struct host_limits limits[] = {
		{ .memory = 256 << 10, .instructions = 2000000 },
		{ .memory = (size_t)16 << 20, .instructions = 2000 },
	};

	for (size_t l = 0; l < 2; l++) {
		struct fixture f;
		fixture_init(&f, &limits[l]);
		struct host_programme *good = load_good(&f);
		for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
			int rc = fixture_load(&f, "s",
				fixture_script(hostile[i].before, hostile[i].body));
			if (rc == 0)
				rc = (int)fixture_earns(&f, fixture_programme(&f, "s", "{}"));
			assert_row(hostile[i].name, rc == ERR_SCRIPT);
			assert_row(hostile[i].name, fixture_earns(&f, good) == good_earns);
		}
		fixture_done(&f);
	}
}

/* ---- sources ---- */

static char *repeated(const char *piece, size_t times, size_t *ret_len)
{
	size_t len = strlen(piece);
	char *text = malloc(len * times + 1);

	assert_non_null(text);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * len, piece, len);
	*ret_len = len * times;
	return text;
}

static void hostile_sources(void **state)
{
	static const struct {
		const char *piece;
		size_t times;
	} rows[] = {
		{ "(", 1000000 },
		{ "(", 65536 },
		{ "{", 65536 },
		{ "a=", 32000 },
		{ "do ", 21000 },
		{ "x=x..", 13000 },
		{ "f(", 32000 },
		{ "if 1 then ", 6500 },
		{ "not ", 16000 },
		{ "goto a;", 9000 },
		{ "local a;", 8000 },
		{ "x=function() ", 5000 },
		{ "[[", 32000 },
		{ "--[", 20000 },
		{ "\"", 65536 },
		{ "\n", 65536 },
		{ "\xff", 65536 },
		{ "", 1 },
		{ "\x1bLua", 1 },
		{ "\x1bLuaT\0\x19\x93\r\n", 100 },
		{ "#!x\n", 100 },
		{ "x={};", 13000 },
		{ "local x<close> = nil;", 190 },
		{ "1e", 32000 },
		{ "9", 65536 },
		{ "\\", 65536 },
	};
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *good = load_good(&f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t len;
		char *text = repeated(rows[i].piece, rows[i].times, &len);
		int rc = host_load(f.host, STR("s"), str_bytes(text, len), NULL, NULL, &f.err);
		free(text);
		assert_row(rows[i].piece, rc == ERR_SCRIPT);
		assert_row(rows[i].piece, fixture_earns(&f, good) == good_earns);
	}
	fixture_done(&f);
}

/* Labels are looked up one by one: as many as a source can hold, with what Lua does not cut off
 * itself. */
static void a_source_full_of_labels(void **state)
{
	struct fixture f;
	size_t len = 0;
	char *text = malloc(HOST_SOURCE_MAX + 100);

	assert_non_null(text);
	fixture_init(&f, NULL);
	struct host_programme *good = load_good(&f);
	for (int i = 0; len < HOST_SOURCE_MAX - 20; i++)
		len += (size_t)snprintf(text + len, 20, "::l%x::f()", (unsigned)i);
	assert_int_equal(host_load(f.host, STR("s"), str_bytes(text, len), NULL, NULL, &f.err),
		ERR_SCRIPT);
	assert_int_equal(fixture_earns(&f, good), good_earns);
	free(text);
	fixture_done(&f);
}

/* The compiled form of a good script, as string.dump or a stolen file would give it. */
static int dump(lua_State *L, const void *bytes, size_t size, void *buf)
{
	buf_add(buf, str_bytes(bytes, size));
	return 0;
}

static void bytecode(void **state)
{
	struct fixture f;
	struct buf buf;
	const char *source = fixture_sale("");
	lua_State *L = luaL_newstate();

	fixture_init(&f, NULL);
	assert_non_null(L);
	buf_init(&buf, f.arena, 100000);
	assert_int_equal(luaL_loadstring(L, source), LUA_OK);
	assert_int_equal(lua_dump(L, dump, &buf, 0), 0);
	lua_close(L);
	assert_int_equal(host_load(f.host, STR("s"), buf_str(&buf), NULL, NULL, &f.err),
		ERR_SCRIPT);
	assert_string_equal(f.err.text, "s: attempt to load a binary chunk (mode is 't')");
	fixture_done(&f);
}

/* A faulting programme among good ones, many times: nothing is lost, nothing grows. */
static void faults_again_and_again(void **state)
{
	struct fixture f;
	size_t used = 0;

	fixture_init(&f, NULL);
	struct host_programme *good = load_good(&f);
	assert_ok(fixture_load(&f, "s", fixture_sale("local t = {} while true do t = { t } end")),
		&f.err);
	struct host_programme *bad = fixture_programme(&f, "s", "{}");
	for (int i = 0; i < 200; i++) {
		assert_int_equal(fixture_earns(&f, bad), ERR_SCRIPT);
		assert_int_equal(fixture_earns(&f, good), good_earns);
		used = used ? used : f.host->used;
		assert_true(f.host->used < used + 4096);
	}
	assert_int_equal(host_faults(f.host), 200);
	fixture_done(&f);
}

/* A script that fails without a limit, again and again, leaves nothing behind either. */
static void mistakes_again_and_again(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *good = load_good(&f);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(fixture_load(&f, "s", i % 2 ? "local x = {} x()" : "return {"),
			ERR_SCRIPT);
		assert_int_equal(fixture_earns(&f, good), good_earns);
	}
	assert_int_equal(host_faults(f.host), 0);
	assert_true(f.host->used < (size_t)1 << 20);
	fixture_done(&f);
}

int main(void)
{
	return TEST_MAIN(test(hostile_scripts), test(hostile_scripts_under_other_limits),
		test(hostile_sources), test(a_source_full_of_labels), test(bytecode),
		test(faults_again_and_again), test(mistakes_again_and_again));
}
