/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/host_fixture_impl.h"

#include <string.h>

#include "programme/host_impl.h"

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
		assert_row(seen[i].expression,
			fixture_load(&f, "s", fixture_earning(seen[i].expression)) == 0);
		struct host_programme *programme = fixture_programme(&f, "s",
			"{\"n\":12,\"yes\":true,\"words\":[\"a\",\"b\"],\"weights\":{\"food\":200},"
			"\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}");
		int64_t value = fixture_earns(&f, programme);
		if (value != seen[i].value)
			fail_msg("row \"%s\": %lld %s", seen[i].expression, (long long)value,
				f.err.text);
	}
	fixture_done(&f);
}

static void lines_follow_the_basket(void **state)
{
	static const size_t counts[] = { 3, 0, 1, 3, 2 };
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *programme = fixture_new(&f, "s",
		fixture_earning("#basket.lines + 10 * (basket.lines[2] and "
				"basket.lines[2].amount or 0) + 1000"));
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		f.basket.count = counts[i];
		f.lines[1].amount = (int64_t)i;
		int64_t expected =
			1000 + (int64_t)counts[i] + (counts[i] > 1 ? 10 * (int64_t)i : 0);
		assert_int_equal(fixture_earns(&f, programme), expected);
	}
	fixture_done(&f);
}

/* The largest invoice of the shop whose data we replay has 1,114 lines: far from the limit. */
static void a_thousand_lines(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	f.basket.count = 1114;
	f.basket.lines = arena_array(f.arena, f.basket.count, sizeof *f.basket.lines);
	for (size_t i = 0; i < f.basket.count; i++)
		((struct basket_line *)f.basket.lines)[i] = f.lines[i % 3];
	struct host_programme *programme = fixture_new(&f, "s",
		fixture_sale(
			"local n, by = 0, {} for i, line in ipairs(basket.lines) do\n"
			"local key = line.category or '' by[key] = add(by[key] or 0, line.amount) end\n"
			"for key, amount in pairs(by) do n = add(n, amount) end\n"
			"return { { type = 'earn', amount = n } }"));
	assert_int_equal(fixture_earns(&f, programme), 371 * 775 + 500);
	f.basket.count = 1;
	assert_int_equal(fixture_earns(&f, programme), 500);
	fixture_done(&f);
}

/* ---- what it may not do ---- */

static const struct {
	const char *name, *before, *body, *error;
} faults[] = {
	{ "sets a global", "", "count = 1", "s: line 5: 'count' cannot be set: it is read-only" },
	{ "replaces a function", "", "math.floor = nil",
		"s: line 5: 'floor' cannot be set: it is read-only" },
	{ "replaces a module", "", "string = {}",
		"s: line 5: 'string' cannot be set: it is read-only" },
	{ "changes a parameter", "", "p.code = 'x'",
		"s: line 5: 'code' cannot be set: it is read-only" },
	{ "changes inside one", "", "p.title.nl = 'x'",
		"s: line 5: 'nl' cannot be set: it is read-only" },
	{ "inserts into one", "", "table.insert(p.title, 1)", "s: line 5: this is read-only" },
	{ "sorts one", "", "table.sort(p.words)", "s: line 5: this is read-only" },
	{ "removes from one", "", "table.remove(p.words)", "s: line 5: this is read-only" },
	{ "changes the basket", "", "basket.total = 1",
		"s: line 5: 'total' cannot be set: it is read-only" },
	{ "changes a line", "", "basket.lines[1].amount = 1",
		"s: line 5: 'amount' cannot be set: it is read-only" },
	{ "changes the lines", "", "basket.lines[1] = nil", "s: line 5: this is read-only" },
	{ "changes the standing", "", "standing.x = 1",
		"s: line 5: 'x' cannot be set: it is read-only" },
	{ "misspells a field", "", "return basket.totl",
		"s: line 5: there is no field 'totl' here" },
	{ "misspells in a line", "", "return basket.lines[1][{}]",
		"s: line 5: there is no field 'table' here" },
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
	{ "keeps in a table", "local t = { n = 0 }", "t.n = 1",
		"s: line 5: 'n' cannot be set: it is read-only" },
	{ "keeps deep in a table", "local t = { { { n = 0 } } }", "t[1][1].n = 1",
		"s: line 5: 'n' cannot be set: it is read-only" },
	{ "keeps in a function's table", "local t = {} local function get() return t end",
		"get()[1] = 1", "s: line 5: this is read-only" },
	{ "keeps in a table's function", "local t = {} local u = { f = function() return t end }",
		"u.f()[1] = 1", "s: line 5: this is read-only" },
	{ "a field of a text", "", "('x').y = 1", "s: line 5: attempt to index a string value" },
	{ "a method of a text", "", "return ('x'):rep(3)",
		"s: line 5: attempt to call a nil value (method 'rep')" },
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
	{ "overflows muldiv", "", "muldiv(math.maxinteger, 2, 1)",
		"s: line 5: muldiv: the result is too large" },
	{ "divides by zero", "", "muldiv(1, 1, 0)",
		"s: line 5: bad argument #3 to 'muldiv' (must be above zero)" },
	{ "asks for an address", "", "string.format('%p', p)",
		"s: line 5: string.format: a conversion that is not known here" },
	{ "hides it behind a zero", "", "string.format('\\0%p', p)",
		"s: line 5: bad argument #1 to 'format' (holds a zero byte)" },
	{ "a wide format", "", "string.format('%500d', 1)", "s: line 5: invalid conversion" },
	{ "a percent at the end", "", "string.format('%')",
		"s: line 5: string.format: a conversion that is not known here" },
	{ "unpacks too many", "", "table.unpack({}, 1, 65)",
		"s: line 5: table.unpack: more than 64 values" },
	{ "unpacks all numbers", "", "table.unpack({}, math.mininteger, math.maxinteger)",
		"s: line 5: table.unpack: more than 64 values" },
	{ "walks a view", "", "for k in pairs(basket) do end", "s: line 5: bad argument #1 to" },
	{ "orders tables", "", "for k in pairs({ [{}] = 1, [2] = 2 }) do end",
		"s: line 5: pairs: a table is a key, so there is no order" },
	{ "sorts a mixture", "", "table.sort({ 1, 'a' })",
		"s: attempt to compare string with number" },
};

static void refuses_what_it_may_not_do(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *good = fixture_new(&f, "good", fixture_earning("basket.total"));
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		assert_row(faults[i].name,
			fixture_load(&f, "s", fixture_script(faults[i].before, faults[i].body)) ==
				0);
		struct host_programme *programme =
			fixture_programme(&f, "s", "{\"words\":[\"a\",\"b\"]}");
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
	struct host_programme *programme = fixture_new(&f, "s",
		fixture_script("local n = 1",
			"if n ~= 1 then return { { type = 'earn', amount = 1 } } end n = 2 error('on')"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fixture_earns(&f, programme), ERR_SCRIPT);
		assert_string_equal(f.err.text, "s: line 5: on");
	}
	/* within one call a local may change as long as it is back at the end */
	programme = fixture_new(&f, "s",
		fixture_script("local n = 1",
			"n = 2 local m = n n = 1 "
			"return { { type = 'earn', amount = m } }"));
	assert_int_equal(fixture_earns(&f, programme), 2);
	assert_int_equal(fixture_earns(&f, programme), 2);
	fixture_done(&f);
}

/* ---- scripts and programmes ---- */

static void one_key_one_programme(void **state)
{
	struct fixture f;
	const struct texts none = { 0 };
	struct host_programme *made[300], *again;

	fixture_init(&f, NULL);
	assert_ok(fixture_load(&f, "s", fixture_earning("p.n")), &f.err);
	for (int i = 0; i < 300; i++) {
		struct host_programme_key key = { i / 10, i % 5, i / 5 % 2 };
		struct str params = arena_printf(f.arena, "{\"n\":%d}", i + 1);
		assert_ok(host_programme(f.host, key, STR("s"), params, STR("c"), &none, &made[i],
				  &f.err),
			&f.err);
	}
	for (int i = 0; i < 300; i++) {
		struct host_programme_key key = { i / 10, i % 5, i / 5 % 2 };
		assert_ok(host_programme(f.host, key, STR("?"), STR("?"), STR("?"), &none, &again,
				  &f.err),
			&f.err);
		assert_ptr_equal(again, made[i]);
		assert_int_equal(fixture_earns(&f, made[i]), i + 1);
	}
	struct host_programme_key key = { 1000, 1, 1 };
	assert_int_equal(
		host_programme(f.host, key, STR("t"), STR("{}"), STR("c"), &none, &again, &f.err),
		ERR_SCRIPT);
	assert_string_equal(f.err.text, "t: no script of that name is loaded");
	assert_int_equal(
		host_programme(f.host, key, STR("s"), STR("{"), STR("c"), &none, &again, &f.err),
		ERR_UNREADABLE);
	assert_int_equal(
		host_programme(f.host, key, STR("s"), STR("[]"), STR("c"), &none, &again, &f.err),
		ERR_INVALID);
	fixture_done(&f);
}

static void a_script_is_replaced_whole(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct host_programme *programme = fixture_new(&f, "s", fixture_earning("1"));
	assert_int_equal(fixture_earns(&f, programme), 1);
	assert_int_equal(fixture_load(&f, "s", "nonsense"), ERR_SCRIPT);
	assert_int_equal(fixture_earns(&f, programme), 1);
	assert_ok(fixture_load(&f, "s", fixture_earning("2")), &f.err);
	assert_int_equal(fixture_earns(&f, programme), 2);
	fixture_done(&f);
}

static void a_new_state_after_a_fault(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	fixture_new(&f, "good", fixture_earning("basket.total + p.n"));
	struct host_programme *bad = fixture_new(&f, "bad", fixture_sale("while true do end"));
	struct host_programme *good = fixture_programme(&f, "good", "{\"n\":1}");
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(fixture_earns(&f, good), 776);
		assert_int_equal(fixture_earns(&f, bad), ERR_SCRIPT);
		assert_string_equal(f.err.text,
			"bad: line 5: takes too long (more than 60000 steps)");
		assert_int_equal(host_faults(f.host), i);
	}
	assert_int_equal(fixture_earns(&f, good), 776);
	assert_ok(fixture_load(&f, "bad", fixture_earning("3")), &f.err);
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
	assert_ok(fixture_load(&f, "s", fixture_earning("p.n")), &f.err);
	for (int i = 0; i < 2000; i++) {
		struct str params =
			arena_printf(f.arena, "{\"n\":%d,\"words\":[\"a\",\"b\",\"c\"]}", i + 1);
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
		{ 60000, 58000, true },
		{ 60000, 61000, false },
		{ 10000, 9000, true },
		{ 10000, 11000, false },
		{ 1000, 900, true },
		{ 1000, 1200, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct host_limits limits = { .memory = 1 << 20,
			.instructions = rows[i].limit };
		struct fixture f;
		char body[100];
		fixture_init(&f, &limits);
		snprintf(body, sizeof body,
			"for i = 1, %d do end return { { type = 'earn', amount = 1 } }",
			rows[i].turns);
		struct host_programme *programme = fixture_new(&f, "s", fixture_sale(body));
		for (int again = 0; again < 5; again++)
			assert_int_equal(fixture_earns(&f, programme),
				rows[i].passes ? 1 : ERR_SCRIPT);
		fixture_done(&f);
	}
}

/* ---- failing allocations ---- */

static int whole_life(struct fixture *f, struct host_programme **ret)
{
	const struct texts none = { 0 };
	struct host_programme_key key = { ++f->programmes, 1, 0 };
	int rc = fixture_load(f, "s",
		fixture_script("local t = { 1, { 2 } } local function up(n) return n + t[1] end",
			"local s = {} for i = 1, 30 do s['k' .. i] = { i } end "
			"local n = 0 for k, v in pairs(s) do n = up(n) end "
			"return { { type = 'earn', amount = n + basket.lines[2].amount } }"));

	if (rc == 0)
		rc = host_programme(f->host, key, STR("s"), STR("{\"w\":[\"a\"]}"), STR("c"), &none,
			ret, &f->err);
	if (rc == 0)
		rc = (int)fixture_earns(f, *ret);
	return rc;
}

/* Every allocation of Lua's fails in turn, once or from then on: the call says so, the next is
 * right. */
static void failing_allocations(void **state)
{
	for (int on = 0; on < 2; on++) {
		int rc, n = 0;
		do {
			struct host_programme *programme = NULL;
			struct fixture f;
			fixture_init(&f, NULL);
			struct host_programme *good =
				fixture_new(&f, "good", fixture_earning("basket.total"));
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
		test(a_thousand_lines), test(refuses_what_it_may_not_do),
		test(restores_what_was_changed), test(one_key_one_programme),
		test(a_script_is_replaced_whole), test(a_new_state_after_a_fault),
		test(old_programmes_make_room), test(steps_are_counted), test(failing_allocations),
		test(no_memory_for_a_state));
}
