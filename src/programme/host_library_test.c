/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/host_fixture_impl.h"

#include <string.h>

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
	  "return t[2] * 100 + t[4] * 10 + table.remove(t, 1) end)()",
		241 },
	{ "(function() local t = { 3, 1, 2 } table.sort(t) return t[1] * 100 + t[2] * 10 + t[3] end)()",
		123 },
	{ "(function() local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) "
	  "return t[1] * 100 + t[2] * 10 + t[3] end)()",
		321 },
	{ "(function() local t = { 'b', 'a' } table.sort(t) return t[1] == 'a' and 1 or 2 end)()",
		1 },
	{ "(function() local t = {} for i = 1, 300 do t[i] = (i * 7919) % 100 * 1000 + i end "
	  "table.sort(t, function(a, b) return a // 1000 < b // 1000 end) "
	  "for i = 2, 300 do if t[i - 1] >= t[i] then return i end end return 999 end)()",
		999 },
	{ "(function() local s = '' for k, v in pairs({ b = 1, a = 2, [10] = 3, [2] = 4, [1.5] = 5, "
	  "[true] = 6, [false] = 7 }) do s = s .. tostring(k) .. v .. ' ' end "
	  "return s == '24 103 1.55 a2 b1 false7 true6 ' and 1 or 2 end)()",
		1 },
	{ "(function() local n = 0 for k in pairs(p.weights) do n = n + 1 end return n end)()", 2 },
	{ "(function() local t, n = { a = 1, b = 2, c = 3 }, 0 for k, v in pairs(t) do t.b = nil n = n + v end "
	  "return n end)()",
		4 },
	{ "(function() local t, n = { {}, {}, 5 }, 0 for k, v in pairs(t) do n = n + k end return n end)()",
		6 },
};

static void may_call_what_is_allowed(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof library / sizeof *library; i++) {
		char expression[1024];
		/* keeps amounts in range */
		snprintf(expression, sizeof expression,
			"(function() local v = %s "
			"if v > 1000000000000000000 then return v // 100000000 end return v end)()",
			library[i].expression);
		assert_row(library[i].expression,
			fixture_load(&f, "s", fixture_earning(expression)) == 0);
		struct host_programme *programme = fixture_programme(&f, "s",
			"{\"none\":{},\"weights\":{\"food\":200,\"b\":1},\"words\":[\"a\",\"b\"]}");
		int64_t value = fixture_earns(&f, programme), expected = library[i].value;
		if (expected > 1000000000000000000)
			expected /= 100000000;
		if (value != expected)
			fail_msg("row \"%s\": %lld %s", library[i].expression, (long long)value,
				f.err.text);
	}
	fixture_done(&f);
}

/* All a script can name, and no more. */
static void knows_no_other_globals(void **state)
{
	static const char *const names[] = { "_G", "_ENV.x", "collectgarbage", "coroutine", "debug",
		"dofile", "getmetatable", "io", "load", "loadfile", "loadstring", "next", "os",
		"package", "pcall", "print", "rawequal", "rawget", "rawlen", "rawset", "require",
		"setmetatable", "utf8", "warn", "xpcall", "math.random", "math.randomseed",
		"math.sin", "string.rep", "string.find", "string.match", "string.gmatch",
		"string.gsub", "string.dump", "string.char", "string.pack", "table.move",
		"table.pack", "('x').rep", "('x').find", "('x').__index", "('x').dump",
		"math.__index", "p.__index", "p.__metatable", "string.__index" };
	struct fixture f;

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char expression[100];
		snprintf(expression, sizeof expression, "%s == nil and 1 or 2", names[i]);
		assert_int_equal(
			fixture_earns(&f, fixture_new(&f, "s", fixture_earning(expression))), 1);
	}
	fixture_done(&f);
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
		int64_t value = fixture_earns(&f, fixture_new(&f, "s", fixture_sale(walk)));
		if (value < 0)
			fail_msg("%s", f.err.text);
		assert_true(first == 0 || value == first);
		first = value;
		fixture_done(&f);
	}
}

int main(void)
{
	return TEST_MAIN(test(may_call_what_is_allowed), test(knows_no_other_globals),
		test(every_state_gives_the_same));
}
