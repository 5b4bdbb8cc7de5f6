/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/host_fixture_impl.h"

#include <string.h>

#define TEXTS "title = { en = 'T' }"
#define HOOKS "ask = function() end, sale = function() end"
#define PARAM(fields) \
	"return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { { name = 'n', " TEXTS \
	", " fields " } } }"

static const struct {
	const char *source, *error;
} declarations[] = {
	{ "", "s: it must return a table, not a nil" },
	{ "return 1", "s: it must return a table, not a number" },
	{ "return math", "s: the script has a field '" },
	{ "return {}", "s: api must be 1" },
	{ "return { api = 2 }", "s: api must be 1" },
	{ "return { api = '1' }", "s: the script: api must be a whole number" },
	{ "return { api = 1, paramters = {} }",
		"s: the script has a field 'paramters' that is not known" },
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
	{ "return { api = 1, unit = 'x', " TEXTS ", sale = function() end }",
		"s: ask must be a function" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", due = 1 }",
		"s: due must be a function" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS " }", "s: parameters must be a list" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { 1 } }",
		"s: parameter 1 must be a table" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { {} } }",
		"s: parameter 1: its name must be of a-z, 0-9 and _, and not code or title" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS
	  ", parameters = { { name = 'title' } } }",
		"s: parameter 1: its name must be of a-z, 0-9 and _, and not code or title" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { { name = '1a' } } }",
		"s: parameter 1: its name must be of a-z, 0-9 and _, and not code or title" },
	{ "return { api = 1, unit = 'x', " TEXTS ", " HOOKS ", parameters = { "
	  "{ name = 'n', type = 'integer', " TEXTS " }, { name = 'n', type = 'integer', " TEXTS
	  " } } }",
		"s: parameter 'n' is declared twice" },
	{ PARAM("kind = 1"), "s: parameter 'n' has a field 'kind' that is not known" },
	{ PARAM("type = 'float'"), "s: parameter 'n': there is no type 'float'" },
	{ PARAM("typ = 'integer'"), "s: parameter 'n' has a field 'typ' that is not known" },
	{ PARAM("type = 'integer', required = 1"),
		"s: parameter 'n': required must be true or false" },
	{ PARAM("type = 'integer', min = 5, max = 4"),
		"s: parameter 'n': min and max must be a range within -100000000000 to 100000000000" },
	{ PARAM("type = 'money', min = -1"),
		"s: parameter 'n': min and max must be a range within 0 to 100000000000" },
	{ PARAM("type = 'integer', min = 1.5"), "s: parameter 'n': min must be a whole number" },
	{ PARAM("type = 'boolean', max = 1"),
		"s: parameter 'n': min and max must be a range within 0 to 0" },
	{ PARAM("type = 'integer', choices = { 'a' }"),
		"s: parameter 'n': a choice has 1 to 32 choices, other types none" },
	{ PARAM("type = 'choice'"),
		"s: parameter 'n': a choice has 1 to 32 choices, other types none" },
	{ PARAM("type = 'choice', choices = 1"),
		"s: parameter 'n': choices must be a list of texts" },
	{ PARAM("type = 'choice', choices = { 1 }"),
		"s: parameter 'n': choices must be a list of texts" },
	{ PARAM("type = 'choice', choices = { 'A' }"),
		"s: parameter 'n': a choice must be of a-z, 0-9, - and _" },
	{ PARAM("type = 'choice', choices = { 'a' }, default = 'b'"),
		"s: its default /n must be one of a" },
	{ PARAM("type = 'integer', required = true, default = 1"),
		"s: parameter 'n': what is required needs no default" },
	{ PARAM("type = 'integer', default = 'x'"),
		"s: its default /n must be a whole number from 0 to 100000000000" },
	{ PARAM("type = 'integer', max = 9, default = 10"),
		"s: its default /n must be a whole number from 0 to 9" },
	{ PARAM("type = 'integer', default = 1.5"),
		"s: its default /n must be a whole number from 0 to 100000000000" },
	{ PARAM("type = 'words', default = { 1 }"),
		"s: its default /n/0 must be a text of 1 to 200 bytes" },
	{ PARAM("type = 'multipliers', default = { a = 10001 }"),
		"s: its default /n/a must be a weight in hundredths within its range" },
	{ PARAM("type = 'multipliers', default = { [1] = 1 }"),
		"s: a default has a key that is not a text" },
	{ PARAM("type = 'text', default = '\\255'"), "s: a default is not UTF-8" },
	{ PARAM("type = 'text', default = function() end"),
		"s: its default /n must be a text of 0 to 200 bytes" },
	{ PARAM("type = 'integer', needs = 'm'"),
		"s: parameter 'n' needs 'm', which is not declared" },
	{ "local t = { [{}] = 1 } return { api = 1, unit = 'x', " TEXTS
	  ", parameters = {}, ask = function() end, "
	  "sale = function() return t end }",
		"s: a table is a key of a table that outlives the call" },
	{ "local t = {} for i = 1, 201 do local n = i t[i] = function() return n end end\n"
	  "return { api = 1, unit = 'x', " TEXTS
	  ", parameters = {}, ask = function() return t end, "
	  "sale = function() end }",
		"s: its functions use more than 200 locals outside them" },
	{ "x = 1", "s: line 1: 'x' cannot be set: it is read-only" },
	{ "\n\nlocal x = = 1", "s: line 3: unexpected symbol near '='" },
	{ "\x1bLuaS", "s: attempt to load a binary chunk (mode is 't')" },
};

static void refuses_bad_declarations(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	for (size_t i = 0; i < sizeof declarations / sizeof *declarations; i++) {
		assert_row(declarations[i].source,
			fixture_load(&f, "s", declarations[i].source) == ERR_SCRIPT);
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

int main(void)
{
	return TEST_MAIN(test(refuses_bad_declarations), test(declares_every_type));
}
