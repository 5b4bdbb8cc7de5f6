/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/host_fixture.h"

#include <string.h>

#include "programme/host_impl.h"

/* Programme of a script of that name with no parameters. */
static struct host_programme *load(struct fixture *f, const char *name, const char *source)
{
	assert_ok(fixture_load(f, name, source), &f->err);
	return fixture_programme(f, name, "{}");
}

/* "return {{type='earn', amount=EXPRESSION}}" */
static const char *earning(const char *expression)
{
	static char body[4096];
	snprintf(body, sizeof body, "return { { type = 'earn', amount = %s } }", expression);
	return fixture_sale(body);
}

/* ---- what a script sees ---- */

static const struct {
	const char *expression;
	int64_t value;
} seen[] = {
	{ "basket.total", 775 },
	{ "basket.count", 3 },
	{ "basket.at // 1000000", 1795291200 },
	{ "basket.weekday", 6 },
	{ "basket.hour", 20 },
	{ "basket.day == '2026-11-21' and 1 or 2", 1 },
	{ "basket.currency == 'EUR' and 1 or 2", 1 },
	{ "#basket.lines", 3 },
	{ "basket.lines[1].amount", 500 },
	{ "basket.lines[1].quantity", 2000 },
	{ "basket.lines[1].unit_price", 250 },
	{ "basket.lines[1].sku == 'mug' and 1 or 2", 1 },
	{ "basket.lines[1].gtin == '5412345678908' and 1 or 2", 1 },
	{ "basket.lines[2].category == 'food' and 1 or 2", 1 },
	{ "basket.lines[1].description == 'A mug' and 1 or 2", 1 },
	{ "basket.lines[2].id == '2' and 1 or 2", 1 },
	{ "basket.lines[2].gtin == nil and 1 or 2", 1 },
	{ "basket.lines[4] == nil and 1 or 2", 1 },
	{ "basket.lines[0] == nil and 1 or 2", 1 },
	{ "basket.lines.x == nil and 1 or 2", 1 },
	{ "basket.lines[2] == basket.lines[2] and 1 or 2", 1 },
	{ "(function() local n = 0 for i, l in ipairs(basket.lines) do n = n + l.amount end return n end)()",
		775 },
	{ "standing.balance", 7 },
	{ "standing.available", 5 },
	{ "standing.held", 2 },
	{ "standing.debt", 1 },
	{ "standing.entries", 9 },
	{ "standing.joined_day == '2026-01-31' and 1 or 2", 1 },
	{ "standing.language == 'nl' and 1 or 2", 1 },
	{ "p.code == 'mug' and 1 or 2", 1 },
	{ "p.title.nl == 'Mokkenactie' and 1 or 2", 1 },
	{ "p.n", 12 },
	{ "p.yes and 1 or 2", 1 },
	{ "p.absent == nil and 1 or 2", 1 },
	{ "#p.words", 2 },
	{ "p.words[2] == 'b' and 1 or 2", 1 },
	{ "p.words.b and 1 or 2", 1 },
	{ "p.words.c and 1 or 2", 2 },
	{ "p.weights.food", 200 },
	{ "p.reward.name.nl == 'een mok' and 1 or 2", 1 },
	{ "type(basket) == 'userdata' and type(p) == 'table' and 1 or 2", 1 },
};

static void sees_what_is_given(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		assert_row(seen[i].expression, fixture_load(&f, "s", earning(seen[i].expression)) == 0);
		struct host_programme *programme = fixture_programme(&f, "s",
			"{\"n\":12,\"yes\":true,\"words\":[\"a\",\"b\"],\"weights\":{\"food\":200},"
			"\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}");
		int64_t value = fixture_earns(&f, programme);
		if (value != seen[i].value)
			fail_msg("row \"%s\": %lld %s", seen[i].expression, (long long)value, f.err.text);
	}
	fixture_done(&f);
}

static void lines_follow_the_basket(void **state)
{
	static const size_t counts[] = { 3, 0, 1, 3, 2 };
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *programme = load(&f, "s", earning("#basket.lines + 10 * (basket.lines[2] and "
		"basket.lines[2].amount or 0) + 1000"));
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		f.basket.count = counts[i];
		f.lines[1].amount = (int64_t)i;
		int64_t expected = 1000 + (int64_t)counts[i] + (counts[i] > 1 ? 10 * (int64_t)i : 0);
		assert_int_equal(fixture_earns(&f, programme), expected);
	}
	fixture_done(&f);
}

/* ---- what it may call ---- */

static const struct {
	const char *expression;
	int64_t value;
} library[] = {
	{ "muldiv(7, 3, 2)", 10 },
	{ "muldiv(4000000000000000000, 3, 6)", 2000000000000000000 / 100000000 * 100000000 },
	{ "-muldiv(-7, 3, 2)", 11 },
	{ "add(2, 3)", 5 },
	{ "math.max(3, 9, 4)", 9 },
	{ "math.floor(7 / 2)", 3 },
	{ "math.tointeger(4.0)", 4 },
	{ "tonumber('12')", 12 },
	{ "select('#', 1, 2, 3)", 3 },
	{ "#'abc'", 3 },
	{ "('abc'):upper() == 'ABC' and 1 or 2", 1 },
	{ "('abc'):byte(2)", 98 },
	{ "('abc'):byte(-1)", 99 },
	{ "('abc'):byte(9) == nil and 1 or 2", 1 },
	{ "string.format('%d,%02d %s', 12, 5, 'x') == '12,05 x' and 1 or 2", 1 },
	{ "string.format('%5.1f%%', 2.25) == '  2.2%' and 1 or 2", 1 },
	{ "string.format('%s %s', nil, true) == 'nil true' and 1 or 2", 1 },
	{ "string.format('%s', {}) == 'table' and 1 or 2", 1 },
	{ "tostring(print) == 'nil' and 1 or 2", 1 },
	{ "tostring({}) == 'table' and 1 or 2", 1 },
	{ "tostring(tostring) == 'function' and 1 or 2", 1 },
	{ "tostring(basket) == 'userdata' and 1 or 2", 1 },
	{ "tostring(12) == '12' and 1 or 2", 1 },
	{ "empty({}) and empty(p.none) and 1 or 2", 1 },
	{ "empty({ 1 }) and 1 or 2", 2 },
	{ "empty(p.weights) and 1 or 2", 2 },
	{ "pick(p.title, 'nl-BE') == 'Mokkenactie' and 1 or 2", 1 },
	{ "pick(p.title, 'fr') == 'Mug campaign' and 1 or 2", 1 },
	{ "pick({ nl = 'a', fr = 'b' }, 'de') == 'b' and 1 or 2", 1 },
	{ "pick({}, 'de') == nil and 1 or 2", 1 },
	{ "table.concat({ 'a', 'b' }, '-') == 'a-b' and 1 or 2", 1 },
	{ "table.concat(p.words, '-') == 'a-b' and 1 or 2", 1 },
	{ "select(2, table.unpack({ 4, 5 }))", 5 },
	{ "(function() local t = { 1, 3 } table.insert(t, 2, 2) table.insert(t, 4) "
		"return t[2] * 100 + t[4] * 10 + table.remove(t, 1) end)()", 241 },
	{ "(function() local t = { 3, 1, 2 } table.sort(t) return t[1] * 100 + t[2] * 10 + t[3] end)()", 123 },
	{ "(function() local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) "
		"return t[1] * 100 + t[2] * 10 + t[3] end)()", 321 },
	{ "(function() local t = { 'b', 'a' } table.sort(t) return t[1] == 'a' and 1 or 2 end)()", 1 },
	{ "(function() local t = {} for i = 1, 300 do t[i] = (i * 7919) % 100 * 1000 + i end "
		"table.sort(t, function(a, b) return a // 1000 < b // 1000 end) "
		"for i = 2, 300 do if t[i - 1] >= t[i] then return i end end return 999 end)()", 999 },
	{ "(function() local s = '' for k, v in pairs({ b = 1, a = 2, [10] = 3, [2] = 4, [1.5] = 5, "
		"[true] = 6, [false] = 7 }) do s = s .. tostring(k) .. v .. ' ' end "
		"return s == '24 103 1.55 a2 b1 false7 true6 ' and 1 or 2 end)()", 1 },
	{ "(function() local n = 0 for k in pairs(p.weights) do n = n + 1 end return n end)()", 2 },
	{ "(function() local t, n = { a = 1, b = 2, c = 3 }, 0 for k, v in pairs(t) do t.b = nil n = n + v end "
		"return n end)()", 4 },
	{ "(function() local t, n = { {}, {}, 5 }, 0 for k, v in pairs(t) do n = n + k end return n end)()", 6 },
};

static void may_call_what_is_allowed(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof library / sizeof *library; i++) {
		char expression[1024];
		/* keeps amounts in range */
		snprintf(expression, sizeof expression, "(function() local v = %s "
			"if v > 1000000000000000000 then return v // 100000000 end return v end)()",
			library[i].expression);
		assert_row(library[i].expression, fixture_load(&f, "s", earning(expression)) == 0);
		struct host_programme *programme = fixture_programme(&f, "s",
			"{\"none\":{},\"weights\":{\"food\":200,\"b\":1},\"words\":[\"a\",\"b\"]}");
		int64_t value = fixture_earns(&f, programme), expected = library[i].value;
		if (expected > 1000000000000000000)
			expected /= 100000000;
		if (value != expected)
			fail_msg("row \"%s\": %lld %s", library[i].expression, (long long)value, f.err.text);
	}
	fixture_done(&f);
}

/* All a script can name, and no more. */
static void knows_no_other_globals(void **state)
{
	static const char *const names[] = { "_G", "_ENV.x", "collectgarbage", "coroutine", "debug", "dofile",
		"getmetatable", "io", "load", "loadfile", "loadstring", "next", "os", "package", "pcall",
		"print", "rawequal", "rawget", "rawlen", "rawset", "require", "setmetatable", "utf8", "warn",
		"xpcall", "math.random", "math.randomseed", "math.sin", "string.rep", "string.find",
		"string.match", "string.gmatch", "string.gsub", "string.dump", "string.char", "string.pack",
		"table.move", "table.pack", "('x').rep", "('x').find", "('x').__index", "('x').dump",
		"math.__index", "p.__index", "p.__metatable", "string.__index" };
	struct fixture f;

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char expression[100];
		snprintf(expression, sizeof expression, "%s == nil and 1 or 2", names[i]);
		assert_int_equal(fixture_earns(&f, load(&f, "s", earning(expression))), 1);
	}
	fixture_done(&f);
}

/* ---- what it may not do ---- */

static const struct {
	const char *name, *before, *body, *error;
} faults[] = {
	{ "sets a global", "", "count = 1", "s: line 5: 'count' cannot be set: it is read-only" },
	{ "replaces a function", "", "math.floor = nil", "s: line 5: 'floor' cannot be set: it is read-only" },
	{ "replaces a module", "", "string = {}", "s: line 5: 'string' cannot be set: it is read-only" },
	{ "changes a parameter", "", "p.code = 'x'", "s: line 5: 'code' cannot be set: it is read-only" },
	{ "changes inside one", "", "p.title.nl = 'x'", "s: line 5: 'nl' cannot be set: it is read-only" },
	{ "inserts into one", "", "table.insert(p.title, 1)", "s: line 5: this is read-only" },
	{ "sorts one", "", "table.sort(p.words)", "s: line 5: this is read-only" },
	{ "removes from one", "", "table.remove(p.words)", "s: line 5: this is read-only" },
	{ "changes the basket", "", "basket.total = 1", "s: line 5: 'total' cannot be set: it is read-only" },
	{ "changes a line", "", "basket.lines[1].amount = 1", "s: line 5: 'amount' cannot be set: it is read-only" },
	{ "changes the lines", "", "basket.lines[1] = nil", "s: line 5: this is read-only" },
	{ "changes the standing", "", "standing.x = 1", "s: line 5: 'x' cannot be set: it is read-only" },
	{ "misspells a field", "", "return basket.totl", "s: line 5: there is no field 'totl' here" },
	{ "misspells in a line", "", "return basket.lines[1][{}]", "s: line 5: there is no field 'table' here" },
	{ "keeps a count", "local n = 0", "n = n + 1",
		"s: sale() changed the local 'n' outside it: a script keeps nothing between calls" },
	{ "keeps a basket", "local b", "b = basket",
		"s: sale() changed the local 'b' outside it: a script keeps nothing between calls" },
	{ "keeps a float", "local n = 1", "n = 1.0",
		"s: sale() changed the local 'n' outside it: a script keeps nothing between calls" },
	{ "keeps a sign", "local n = 0.0", "n = -0.0",
		"s: sale() changed the local 'n' outside it: a script keeps nothing between calls" },
	{ "keeps by a closure", "local n = 0 local function up() n = n + 1 end", "up()",
		"s: sale() changed the local 'n' outside it: a script keeps nothing between calls" },
	{ "keeps by an inner one", "local n = 0", "local f = function() n = 1 end f()",
		"s: sale() changed the local 'n' outside it: a script keeps nothing between calls" },
	{ "keeps globals of its own", "local _ENV = { n = 0 }", "n = n + 1",
		"s: line 5: 'n' cannot be set: it is read-only" },
	{ "replaces its globals", "", "_ENV = { n = 0 }",
		"s: sale() changed the local '_ENV' outside it: a script keeps nothing between calls" },
	{ "keeps in a table", "local t = { n = 0 }", "t.n = 1", "s: line 5: 'n' cannot be set: it is read-only" },
	{ "keeps deep in a table", "local t = { { { n = 0 } } }", "t[1][1].n = 1",
		"s: line 5: 'n' cannot be set: it is read-only" },
	{ "keeps in a function's table", "local t = {} local function get() return t end", "get()[1] = 1",
		"s: line 5: this is read-only" },
	{ "keeps in a table's function", "local t = {} local u = { f = function() return t end }",
		"u.f()[1] = 1", "s: line 5: this is read-only" },
	{ "throws a text", "", "error('no more')", "s: line 5: no more" },
	{ "throws without a line", "", "error('no more', 0)", "s: no more" },
	{ "throws a table", "", "error({ 1 })", "s: it threw something that is not a text" },
	{ "throws nothing", "", "error()", "s: it threw something that is not a text" },
	{ "throws control characters", "", "error('a\\n\\27[0mb\\255', 0)", "s: a  [0mb" },
	{ "pretends a line", "", "error('s:9: x', 0)", "s: line 9: x" },
	{ "calls a nil", "", "rep('x')", "s: line 5: attempt to call a nil value (global 'rep')" },
	{ "reckons with a text", "", "return '1' + 1",
		"s: line 5: attempt to perform arithmetic on a string value (constant '1')" },
	{ "overflows add", "", "add(math.maxinteger, 1)", "s: line 5: add: the sum is too large" },
	{ "overflows muldiv", "", "muldiv(math.maxinteger, 2, 1)", "s: line 5: muldiv: the result is too large" },
	{ "divides by zero", "", "muldiv(1, 1, 0)",
		"s: line 5: bad argument #3 to 'muldiv' (must be above zero)" },
	{ "asks for an address", "", "string.format('%p', p)",
		"s: line 5: string.format: a conversion that is not known here" },
	{ "hides it behind a zero", "", "string.format('\\0%p', p)",
		"s: line 5: bad argument #1 to 'format' (holds a zero byte)" },
	{ "a wide format", "", "string.format('%500d', 1)",
		"s: line 5: invalid conversion" },
	{ "a percent at the end", "", "string.format('%')",
		"s: line 5: string.format: a conversion that is not known here" },
	{ "unpacks too many", "", "table.unpack({}, 1, 65)", "s: line 5: table.unpack: more than 64 values" },
	{ "unpacks all numbers", "", "table.unpack({}, math.mininteger, math.maxinteger)",
		"s: line 5: table.unpack: more than 64 values" },
	{ "walks a view", "", "for k in pairs(basket) do end",
		"s: line 5: bad argument #1 to" },
	{ "orders tables", "", "for k in pairs({ [{}] = 1, [2] = 2 }) do end",
		"s: line 5: pairs: a table is a key, so there is no order" },
	{ "sorts a mixture", "", "table.sort({ 1, 'a' })", "s: attempt to compare string with number" },
};

static void refuses_what_it_may_not_do(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *good = load(&f, "good", earning("basket.total"));
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		assert_row(faults[i].name, fixture_load(&f, "s", fixture_script(faults[i].before,
			faults[i].body)) == 0);
		struct host_programme *programme = fixture_programme(&f, "s", "{\"words\":[\"a\",\"b\"]}");
		for (int again = 0; again < 2; again++) {
			assert_row(faults[i].name, fixture_earns(&f, programme) == ERR_SCRIPT);
			if (strncmp(f.err.text, faults[i].error, strlen(faults[i].error)) != 0)
				fail_msg("row \"%s\": %s", faults[i].name, f.err.text);
		}
		assert_int_equal(fixture_earns(&f, good), 775);
	}
	assert_int_equal(host_faults(f.host), 0);
	fixture_done(&f);
}

/* A changed local gets its value back, also when the call fails for another reason. */
static void restores_what_was_changed(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *programme = load(&f, "s", fixture_script("local n = 1",
		"if n ~= 1 then return { { type = 'earn', amount = 1 } } end n = 2 error('on')"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fixture_earns(&f, programme), ERR_SCRIPT);
		assert_string_equal(f.err.text, "s: line 5: on");
	}
	/* within one call a local may change as long as it is back at the end */
	programme = load(&f, "s", fixture_script("local n = 1", "n = 2 local m = n n = 1 "
		"return { { type = 'earn', amount = m } }"));
	assert_int_equal(fixture_earns(&f, programme), 2);
	assert_int_equal(fixture_earns(&f, programme), 2);
	fixture_done(&f);
}

/* ---- declarations ---- */

#define TEXTS "title = { en = 'T' }"
#define HOOKS "ask = function() end, sale = function() end"
#define PARAM(fields) \
	"return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { { name = 'n', " TEXTS ", " fields \
	" } } }"

static const struct {
	const char *source, *error;
} declarations[] = {
	{ "", "s: it must return a table, not a nil" },
	{ "return 1", "s: it must return a table, not a number" },
	{ "return math", "s: the script has a field '" },
	{ "return {}", "s: api must be 1" },
	{ "return { api = 2 }", "s: api must be 1" },
	{ "return { api = '1' }", "s: the script: api must be a whole number" },
	{ "return { api = 1, paramters = {} }", "s: the script has a field 'paramters' that is not known" },
	{ "return { api = 1, [1] = 2 }", "s: the script has a field 'number' that is not known" },
	{ "return { api = 1 }", "s: unit must be a word of a-z, 0-9, - and _" },
	{ "return { api = 1, unit = 5 }", "s: the script: unit must be a text" },
	{ "return { api = 1, unit = 'x' }", "s: the script: title must be a table, not a nil" },
	{ "return { api = 1, unit = 'x', title = {} }",
		"s: the script: title must have a text in 1 to 32 languages" },
	{ "return { api = 1, unit = 'x', title = { dutch = 'T' } }",
		"s: the script: title: its languages must be as in \"nl\" or \"nl-BE\"" },
	{ "return { api = 1, unit = 'x', title = { en = 5 } }",
		"s: the script: title: its texts must be texts" },
	{ "return { api = 1, unit = 'x', title = { en = '' } }",
		"s: the script: title: its text in en must have 1 to 500 bytes" },
	{ "return { api = 1, unit = 'x', title = { en = '\\255' } }",
		"s: the script: title: its text in en is not UTF-8" },
	{ "return { api = 1, unit = 'x', " TEXTS " }", "s: sale must be a function" },
	{ "return { api = 1, unit = 'x', " TEXTS ", sale = 1 }", "s: sale must be a function" },
	{ "return { api = 1, unit = 'x', " TEXTS ", sale = function() end }", "s: ask must be a function" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", due = 1 }", "s: due must be a function" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS " }", "s: parameters must be a list" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { 1 } }",
		"s: parameter 1 must be a table" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { {} } }",
		"s: parameter 1: its name must be of a-z, 0-9 and _, and not code or title" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { { name = 'title' } } }",
		"s: parameter 1: its name must be of a-z, 0-9 and _, and not code or title" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { { name = '1a' } } }",
		"s: parameter 1: its name must be of a-z, 0-9 and _, and not code or title" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { "
		"{ name = 'n', type = 'integer', " TEXTS " }, { name = 'n', type = 'integer', " TEXTS " } } }",
		"s: parameter 'n' is declared twice" },
	{ PARAM("kind = 1"), "s: parameter 'n' has a field 'kind' that is not known" },
	{ PARAM("type = 'float'"), "s: parameter 'n': there is no type 'float'" },
	{ PARAM("typ = 'integer'"), "s: parameter 'n' has a field 'typ' that is not known" },
	{ PARAM("type = 'integer', required = 1"), "s: parameter 'n': required must be true or false" },
	{ PARAM("type = 'integer', min = 5, max = 4"),
		"s: parameter 'n': min and max must be a range within -100000000000 to 100000000000" },
	{ PARAM("type = 'money', min = -1"),
		"s: parameter 'n': min and max must be a range within 0 to 100000000000" },
	{ PARAM("type = 'integer', min = 1.5"), "s: parameter 'n': min must be a whole number" },
	{ PARAM("type = 'boolean', max = 1"), "s: parameter 'n': min and max must be a range within 0 to 0" },
	{ PARAM("type = 'integer', choices = { 'a' }"),
		"s: parameter 'n': a choice has 1 to 32 choices, other types none" },
	{ PARAM("type = 'choice'"), "s: parameter 'n': a choice has 1 to 32 choices, other types none" },
	{ PARAM("type = 'choice', choices = 1"), "s: parameter 'n': choices must be a list of texts" },
	{ PARAM("type = 'choice', choices = { 1 }"), "s: parameter 'n': choices must be a list of texts" },
	{ PARAM("type = 'choice', choices = { 'A' }"),
		"s: parameter 'n': a choice must be of a-z, 0-9, - and _" },
	{ PARAM("type = 'choice', choices = { 'a' }, default = 'b'"), "s: its default /n must be one of a" },
	{ PARAM("type = 'integer', required = true, default = 1"),
		"s: parameter 'n': what is required needs no default" },
	{ PARAM("type = 'integer', default = 'x'"),
		"s: its default /n must be a whole number from 0 to 100000000000" },
	{ PARAM("type = 'integer', max = 9, default = 10"),
		"s: its default /n must be a whole number from 0 to 9" },
	{ PARAM("type = 'integer', default = 1.5"),
		"s: its default /n must be a whole number from 0 to 100000000000" },
	{ PARAM("type = 'words', default = { 1 }"), "s: its default /n/0 must be a text of 1 to 200 bytes" },
	{ PARAM("type = 'multipliers', default = { a = 10001 }"),
		"s: its default /n/a must be a weight in hundredths within its range" },
	{ PARAM("type = 'multipliers', default = { [1] = 1 }"), "s: a default has a key that is not a text" },
	{ PARAM("type = 'text', default = '\\255'"), "s: a default is not UTF-8" },
	{ PARAM("type = 'text', default = function() end"), "s: its default /n must be a text of 0 to 200 bytes" },
	{ PARAM("type = 'integer', needs = 'm'"), "s: parameter 'n' needs 'm', which is not declared" },
	{ "local t = { [{}] = 1 } return { api = 1, unit = 'x', " TEXTS ", parameters = {}, ask = function() end, "
		"sale = function() return t end }", "s: a table is a key of a table that outlives the call" },
	{ "x = 1", "s: line 1: 'x' cannot be set: it is read-only" },
	{ "\n\nlocal x = = 1", "s: line 3: unexpected symbol near '='" },
	{ "\x1bLuaS", "s: attempt to load a binary chunk (mode is 't')" },
};

static void refuses_bad_declarations(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof declarations / sizeof *declarations; i++) {
		assert_row(declarations[i].source, fixture_load(&f, "s", declarations[i].source) == ERR_SCRIPT);
		if (strncmp(f.err.text, declarations[i].error, strlen(declarations[i].error)) != 0)
			fail_msg("row \"%s\": %s", declarations[i].source, f.err.text);
	}
	assert_int_equal(fixture_load(&f, "S", fixture_sale("")), ERR_SCRIPT);
	assert_int_equal(fixture_load(&f, "", fixture_sale("")), ERR_SCRIPT);
	assert_int_equal(host_faults(f.host), 0);
	fixture_done(&f);
}

static const char every_type[] =
	"return { api = 1, unit = 'stamp', title = { nl = 'T', en = 'U' }, help = { en = 'H' },\n"
	"ask = function() end, sale = function() end, parameters = {\n"
	"{ name = 'i', type = 'integer', min = -5, max = 5, required = true, title = { en = 'I' } },\n"
	"{ name = 'm', type = 'money', default = 100, title = { en = 'M' }, help = { en = 'mh' } },\n"
	"{ name = 'b', type = 'boolean', default = false, title = { en = 'B' } },\n"
	"{ name = 't', type = 'text', max = 10, default = 'x', title = { en = 'T' } },\n"
	"{ name = 'w', type = 'words', default = { 'b', 'a' }, title = { en = 'W' } },\n"
	"{ name = 'c', type = 'choice', choices = { 'one', 'two' }, default = 'two', title = { en = 'C' } },\n"
	"{ name = 'x', type = 'multipliers', default = { b = 2, a = 1 }, title = { en = 'X' } },\n"
	"{ name = 'r', type = 'reward', needs = 'i', title = { en = 'R' } } } }";

static void declares_every_type(void **state)
{
	struct fixture f;
	struct script_info info;
	struct buf buf;
	struct json_out out;

	fixture_init(&f, NULL);
	assert_ok(host_load(f.host, STR("s"), str_of(every_type), f.arena, &info, &f.err), &f.err);
	buf_init(&buf, f.arena, 10000);
	json_out_init(&out, &buf);
	script_info_json(&info, &out, NULL);
	assert_str(buf_str(&buf),
		"{\"name\":\"s\",\"unit\":\"stamp\",\"title\":{\"en\":\"U\",\"nl\":\"T\"},\"help\":{\"en\":\"H\"},"
		"\"parameters\":["
		"{\"name\":\"i\",\"type\":\"integer\",\"required\":true,\"min\":-5,\"max\":5,\"title\":{\"en\":\"I\"}},"
		"{\"name\":\"m\",\"type\":\"money\",\"required\":false,\"default\":100,\"min\":0,"
		"\"max\":100000000000,\"title\":{\"en\":\"M\"},\"help\":{\"en\":\"mh\"}},"
		"{\"name\":\"b\",\"type\":\"boolean\",\"required\":false,\"default\":false,\"title\":{\"en\":\"B\"}},"
		"{\"name\":\"t\",\"type\":\"text\",\"required\":false,\"default\":\"x\",\"min\":0,\"max\":10,"
		"\"title\":{\"en\":\"T\"}},"
		"{\"name\":\"w\",\"type\":\"words\",\"required\":false,\"default\":[\"b\",\"a\"],\"title\":{\"en\":\"W\"}},"
		"{\"name\":\"c\",\"type\":\"choice\",\"required\":false,\"default\":\"two\","
		"\"choices\":[\"one\",\"two\"],\"title\":{\"en\":\"C\"}},"
		"{\"name\":\"x\",\"type\":\"multipliers\",\"required\":false,\"default\":{\"a\":1,\"b\":2},"
		"\"min\":0,\"max\":10000,\"title\":{\"en\":\"X\"}},"
		"{\"name\":\"r\",\"type\":\"reward\",\"required\":false,\"needs\":\"i\",\"title\":{\"en\":\"R\"}}]}");
	fixture_done(&f);
}

/* ---- results ---- */

static const struct {
	const char *result, *error;
} results[] = {
	{ "1", "s: sale()'s result must be a table, not a number" },
	{ "{ type = 'earn', amount = 1 }", "s: sale()'s result must be a list of effects and nothing else" },
	{ "{ 1 }", "s: sale(), effect 1 must be a table, not a number" },
	{ "{ {} }", "s: sale(), effect 1: type must be \"earn\" or \"message\"" },
	{ "{ { type = 'gift' } }", "s: sale(), effect 1: type must be \"earn\" or \"message\"" },
	{ "{ { type = 'earn' } }", "s: sale(), effect 1: amount must be from 1 to 100000000000" },
	{ "{ { type = 'earn', amount = 0 } }", "s: sale(), effect 1: amount must be from 1 to 100000000000" },
	{ "{ { type = 'earn', amount = -1 } }", "s: sale(), effect 1: amount must be from 1 to 100000000000" },
	{ "{ { type = 'earn', amount = 100000000001 } }",
		"s: sale(), effect 1: amount must be from 1 to 100000000000" },
	{ "{ { type = 'earn', amount = 1.0 } }",
		"s: sale(), effect 1: amount must be a whole number (divide by //)" },
	{ "{ { type = 'earn', amount = '1' } }",
		"s: sale(), effect 1: amount must be a whole number (divide by //)" },
	{ "{ { type = 'earn', amount = 1, expires_days = -1 } }",
		"s: sale(), effect 1: expires_days must be from 0 to 36525" },
	{ "{ { type = 'earn', amount = 1, expires = 1 } }",
		"s: sale(), effect 1 has a field 'expires' that is not known" },
	{ "{ { type = 'message', text = { en = 'x' } } }",
		"s: sale(), effect 1: to must be \"customer\" or \"cashier\"" },
	{ "{ { type = 'message', to = 'cashier' } }", "s: sale(), effect 1 must be a table, not a nil" },
	{ "{ { type = 'earn', amount = 1 }, { type = 'message', to = 'cashier', text = {} } }",
		"s: sale(), effect 2 must have a text in 1 to 32 languages" },
	{ "(function() local t = {} for i = 1, 17 do t[i] = { type = 'earn', amount = 1 } end return t end)()",
		"s: sale() returned more than 16 effects" },
};

static void checks_what_comes_back(void **state)
{
	struct fixture f;
	char body[1024];

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
		snprintf(body, sizeof body, "return %s", results[i].result);
		assert_int_equal(fixture_earns(&f, load(&f, "s", fixture_sale(body))), ERR_SCRIPT);
		if (strcmp(f.err.text, results[i].error) != 0)
			fail_msg("row \"%s\": %s", results[i].result, f.err.text);
	}
	fixture_done(&f);
}

static void reads_effects(void **state)
{
	struct fixture f;
	struct effects effects;

	fixture_init(&f, NULL);
	struct host_programme *programme = load(&f, "s", fixture_sale(
		"return { { type = 'earn', amount = 3, expires_days = 30 },\n"
		"{ type = 'message', to = 'cashier', text = { nl = 'Dag', ['fr-BE'] = 'Salut', en = 'Hi' } },\n"
		"{ type = 'message', to = 'customer', text = p.title } }"));
	assert_ok(host_sale(f.host, programme, &f.basket, 1, &f.standing, f.arena, &effects, &f.err), &f.err);
	assert_int_equal(effects.count, 3);
	assert_int_equal(effects.list[0].type, EFFECT_EARN);
	assert_int_equal(effects.list[0].amount, 3);
	assert_int_equal(effects.list[0].expires_days, 30);
	assert_int_equal(effects.list[1].type, EFFECT_MESSAGE);
	assert_int_equal(effects.list[1].who, EFFECT_FOR_CASHIER);
	assert_int_equal(effects.list[1].text.count, 3);
	assert_str(effects.list[1].text.list[0].language, "en");
	assert_str(effects.list[1].text.list[1].text, "Salut");
	assert_str(effects.list[1].text.list[2].text, "Dag");
	assert_int_equal(effects.list[2].who, EFFECT_FOR_CUSTOMER);
	assert_str(effects.list[2].text.list[1].text, "Mokkenactie");
	fixture_done(&f);
}

#define WHOLE(hooks) \
	"return { api = 1, unit = 'x', title = { en = 'T' }, parameters = {}, sale = function() end, " hooks " }"

static void offers_and_cards(void **state)
{
	struct fixture f;
	struct offer offer = { .cost = 99 };
	struct card card;

	fixture_init(&f, NULL);
	struct host_programme *none = load(&f, "none", WHOLE("ask = function() end"));
	assert_int_equal(host_due(f.host, none, &f.standing, f.arena, &offer, &f.err), 1);
	assert_int_equal(host_card(f.host, none, &f.standing, f.arena, &card, &f.err), 1);
	assert_int_equal(host_ask(f.host, none, f.arena, &card, &f.err), ERR_SCRIPT);
	assert_string_equal(f.err.text, "none: ask() must return a title and a text");
	struct host_programme *all = load(&f, "all", WHOLE(
		"due = function(s, p) if s.available > 4 then return { cost = s.available, reward = { code = 'r', "
		"name = p.title } } end end,"
		"card = function(s, p) if s.available > 4 then return { title = p.title, text = { nl = s.joined_day "
		"} } end end,"
		"ask = function(p) return { title = p.title, text = { en = p.code } } end"));
	assert_ok(host_due(f.host, all, &f.standing, f.arena, &offer, &f.err), &f.err);
	assert_int_equal(offer.cost, 5);
	assert_str(offer.code, "r");
	assert_str(offer.name.list[0].text, "Mug campaign");
	assert_ok(host_card(f.host, all, &f.standing, f.arena, &card, &f.err), &f.err);
	assert_str(card.title.list[1].text, "Mokkenactie");
	assert_str(card.text.list[0].text, "2026-01-31");
	assert_ok(host_ask(f.host, all, f.arena, &card, &f.err), &f.err);
	assert_str(card.text.list[0].text, "mug");
	f.standing.available = 4;
	assert_int_equal(host_due(f.host, all, &f.standing, f.arena, &offer, &f.err), 1);
	assert_int_equal(host_card(f.host, all, &f.standing, f.arena, &card, &f.err), 1);
	assert_int_equal(offer.cost, 5);
	fixture_done(&f);
}

static const struct {
	const char *due, *error;
} offers[] = {
	{ "1", "s: due()'s result must be a table, not a number" },
	{ "{ cost = 1 }", "s: due(): reward must be a table, not a nil" },
	{ "{ reward = {} }", "s: due(): cost must be from 1 to 100000000000" },
	{ "{ cost = 1, reward = {} }", "s: due(): code must be 1 to 64 of a-z, 0-9, - and _" },
	{ "{ cost = 1, reward = { code = 'A' } }", "s: due(): code must be 1 to 64 of a-z, 0-9, - and _" },
	{ "{ cost = 1, reward = { code = 'a' } }", "s: due(): name must be a table, not a nil" },
	{ "{ cost = 1, reward = { code = 'a', name = { en = 'x' }, x = 1 } }",
		"s: due(): reward has a field 'x' that is not known" },
	{ "{ cost = 1, x = 1 }", "s: due() has a field 'x' that is not known" },
};

static void checks_offers(void **state)
{
	struct fixture f;
	struct offer offer;
	char source[1024];

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
		snprintf(source, sizeof source, WHOLE("ask = function() end, due = function() return %s end"),
			offers[i].due);
		struct host_programme *programme = load(&f, "s", source);
		assert_int_equal(host_due(f.host, programme, &f.standing, f.arena, &offer, &f.err), ERR_SCRIPT);
		if (strcmp(f.err.text, offers[i].error) != 0)
			fail_msg("row \"%s\": %s", offers[i].due, f.err.text);
	}
	fixture_done(&f);
}

static void an_arena_that_is_full(void **state)
{
	struct fixture f;
	struct effects effects;
	int rc, n = 0;

	fixture_init(&f, NULL);
	struct host_programme *programme = load(&f, "s",
		fixture_sale("return { { type = 'message', to = 'cashier', text = p.title } }"));
	do {
		arena_fail_nth((size_t)++n);
		rc = host_sale(f.host, programme, &f.basket, 1, &f.standing, f.arena, &effects, &f.err);
		arena_fail_nth(0);
		assert_true(rc == 0 || rc == ERR_NO_MEMORY);
	} while (rc < 0);
	assert_true(n > 4);
	assert_int_equal(host_faults(f.host), 0);
	fixture_done(&f);
}

/* ---- scripts and programmes ---- */

static void one_key_one_programme(void **state)
{
	struct fixture f;
	const struct texts none = { 0 };
	struct host_programme *made[300], *again;

	fixture_init(&f, NULL);
	assert_ok(fixture_load(&f, "s", earning("p.n")), &f.err);
	for (int i = 0; i < 300; i++) {
		struct host_programme_key key = { i / 10, i % 5, i / 5 % 2 };
		struct str params = arena_printf(f.arena, "{\"n\":%d}", i + 1);
		assert_ok(host_programme(f.host, key, STR("s"), params, STR("c"), &none, &made[i], &f.err),
			&f.err);
	}
	for (int i = 0; i < 300; i++) {
		struct host_programme_key key = { i / 10, i % 5, i / 5 % 2 };
		assert_ok(host_programme(f.host, key, STR("?"), STR("?"), STR("?"), &none, &again, &f.err),
			&f.err);
		assert_ptr_equal(again, made[i]);
		assert_int_equal(fixture_earns(&f, made[i]), i + 1);
	}
	struct host_programme_key key = { 1000, 1, 1 };
	assert_int_equal(host_programme(f.host, key, STR("t"), STR("{}"), STR("c"), &none, &again, &f.err),
		ERR_SCRIPT);
	assert_string_equal(f.err.text, "t: no script of that name is loaded");
	assert_int_equal(host_programme(f.host, key, STR("s"), STR("{"), STR("c"), &none, &again, &f.err),
		ERR_UNREADABLE);
	assert_int_equal(host_programme(f.host, key, STR("s"), STR("[]"), STR("c"), &none, &again, &f.err),
		ERR_INVALID);
	fixture_done(&f);
}

static void a_script_is_replaced_whole(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *programme = load(&f, "s", earning("1"));
	assert_int_equal(fixture_earns(&f, programme), 1);
	assert_int_equal(fixture_load(&f, "s", "nonsense"), ERR_SCRIPT);
	assert_int_equal(fixture_earns(&f, programme), 1);
	assert_ok(fixture_load(&f, "s", earning("2")), &f.err);
	assert_int_equal(fixture_earns(&f, programme), 2);
	fixture_done(&f);
}

static void a_new_state_after_a_fault(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *good = load(&f, "good", earning("basket.total + p.n"));
	struct host_programme *bad = load(&f, "bad", fixture_sale("while true do end"));
	good = fixture_programme(&f, "good", "{\"n\":1}");
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(fixture_earns(&f, good), 776);
		assert_int_equal(fixture_earns(&f, bad), ERR_SCRIPT);
		assert_string_equal(f.err.text, "bad: line 5: takes too long (more than 60000 steps)");
		assert_int_equal(host_faults(f.host), i);
	}
	assert_int_equal(fixture_earns(&f, good), 776);
	assert_ok(fixture_load(&f, "bad", earning("3")), &f.err);
	assert_int_equal(fixture_earns(&f, bad), 3);
	fixture_done(&f);
}

/* A host that is full of programmes starts anew with those that are used. */
static void old_programmes_make_room(void **state)
{
	const struct host_limits limits = { .memory = 512 << 10, .instructions = 10000 };
	struct host_programme *first = NULL, *last = NULL;
	struct fixture f;

	fixture_init(&f, &limits);
	assert_ok(fixture_load(&f, "s", earning("p.n")), &f.err);
	for (int i = 0; i < 2000; i++) {
		struct str params = arena_printf(f.arena, "{\"n\":%d,\"words\":[\"a\",\"b\",\"c\"]}", i + 1);
		last = fixture_programme(&f, "s", params.ptr);
		first = first ? first : last;
		assert_int_equal(fixture_earns(&f, last), i + 1);
	}
	assert_int_equal(fixture_earns(&f, first), 1);
	assert_int_equal(host_faults(f.host), 0);
	fixture_done(&f);
}

/* ---- limits ---- */

/* Steps are counted, not timed: a loop of known length passes or not, in every state. */
static void steps_are_counted(void **state)
{
	static const struct {
		int limit, turns;
		bool passes;
	} rows[] = {
		{ 60000, 58000, true }, { 60000, 61000, false }, { 10000, 9000, true },
		{ 10000, 11000, false }, { 1000, 900, true }, { 1000, 1200, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct host_limits limits = { .memory = 1 << 20, .instructions = rows[i].limit };
		struct fixture f;
		char body[100];
		fixture_init(&f, &limits);
		snprintf(body, sizeof body, "for i = 1, %d do end return { { type = 'earn', amount = 1 } }",
			rows[i].turns);
		struct host_programme *programme = load(&f, "s", fixture_sale(body));
		for (int again = 0; again < 5; again++)
			assert_int_equal(fixture_earns(&f, programme), rows[i].passes ? 1 : ERR_SCRIPT);
		fixture_done(&f);
	}
}

/* The hashes of two states are seeded differently; what a script can see is not. */
static void every_state_gives_the_same(void **state)
{
	static const char walk[] =
		"local t, s = {}, ''\n"
		"for i = 1, 40 do t['k' .. (i * 7919) % 1000] = i end\n"
		"for k, v in pairs(t) do s = s .. k .. v end\n"
		"local l = {} for i = 1, 200 do l[i] = { i % 3, i } end\n"
		"table.sort(l, function(a, b) return a[1] < b[1] end)\n"
		"for i = 1, 200 do s = s .. l[i][2] .. ' ' end\n"
		"local h = 0 for i = 1, #s do h = (h * 31 + s:byte(i)) % 1000000007 end\n"
		"return { { type = 'earn', amount = h + 1 } }";
	int64_t first = 0;

	for (int i = 0; i < 8; i++) {
		struct fixture f;
		fixture_init(&f, NULL);
		int64_t value = fixture_earns(&f, load(&f, "s", fixture_sale(walk)));
		if (value < 0)
			fail_msg("%s", f.err.text);
		assert_true(first == 0 || value == first);
		first = value;
		fixture_done(&f);
	}
}

/* ---- failing allocations ---- */

static int whole_life(struct fixture *f, struct host_programme **ret)
{
	const struct texts none = { 0 };
	struct host_programme_key key = { ++f->programmes, 1, 0 };
	int rc = fixture_load(f, "s", fixture_script("local t = { 1, { 2 } } local function up(n) return n + t[1] end",
		"local s = {} for i = 1, 30 do s['k' .. i] = { i } end "
		"local n = 0 for k, v in pairs(s) do n = up(n) end "
		"return { { type = 'earn', amount = n + basket.lines[2].amount } }"));

	if (rc == 0)
		rc = host_programme(f->host, key, STR("s"), STR("{\"w\":[\"a\"]}"), STR("c"), &none, ret, &f->err);
	if (rc == 0)
		rc = (int)fixture_earns(f, *ret);
	return rc;
}

/* Every allocation of Lua's fails in turn, once or from then on: the call says so, the next is right. */
static void failing_allocations(void **state)
{
	for (int on = 0; on < 2; on++) {
		int rc, n = 0;
		do {
			struct host_programme *programme = NULL;
			struct fixture f;
			fixture_init(&f, NULL);
			struct host_programme *good = load(&f, "good", earning("basket.total"));
			host_fail_allocation(f.host, (size_t)++n, on);
			rc = whole_life(&f, &programme);
			host_fail_allocation(f.host, 0, false);
			assert_true(rc == 280 || rc == ERR_NO_MEMORY);
			assert_int_equal(fixture_earns(&f, good), 775);
			assert_int_equal(whole_life(&f, &programme), 280);
			assert_int_equal(host_faults(f.host), rc == 280 ? 0 : 1);
			fixture_done(&f);
		} while (rc < 0 || (!on && n < 400));
		assert_true(n > 100);
	}
}

static void no_memory_for_a_state(void **state)
{
	struct host *host = NULL;
	struct err err = { 0 };

	for (size_t memory = 0; memory < 100000; memory += 500) {
		const struct host_limits limits = { .memory = memory, .instructions = 1000 };
		int rc = host_new(&limits, &host, &err);
		if (rc == 0)
			host_free(&host);
		else
			assert_true(rc == ERR_NO_MEMORY || rc == ERR_SCRIPT);
		assert_true(rc < 0 || memory > 10000);
	}
	assert_null(host);
	host_free(&host);
}

int main(void)
{
	return TEST_MAIN(test(sees_what_is_given), test(lines_follow_the_basket),
		test(may_call_what_is_allowed), test(knows_no_other_globals), test(refuses_what_it_may_not_do),
		test(restores_what_was_changed), test(refuses_bad_declarations), test(declares_every_type),
		test(checks_what_comes_back), test(reads_effects), test(offers_and_cards), test(checks_offers),
		test(an_arena_that_is_full), test(one_key_one_programme), test(a_script_is_replaced_whole),
		test(a_new_state_after_a_fault), test(old_programmes_make_room), test(steps_are_counted),
		test(every_state_gives_the_same), test(failing_allocations), test(no_memory_for_a_state));
}
