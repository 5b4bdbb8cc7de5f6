/* SPDX-License-Identifier: Apache-2.0 */
/* What json.h takes and refuses, one row each. The table holds for every supported version of
 * simdjson and for the slow walk: a row that fails after an upgrade is a change of our contract.
 *
 * To add one: a row, with the offset of its first fault. */
#include "base/buf.h"
#include "codec/json_impl.h"
#include "tests/support/test.h"

#define GOOD (-1)
#define DEEP (-1000) /* GOOD - n: ERR_TOO_LARGE at offset n */
#define X10(s) s s s s s s s s s s
#define OPEN31 X10("[") X10("[") X10("[") "["
#define CLOSE31 X10("]") X10("]") X10("]") "]"
#define ZEROS300 X10(X10("000"))
/* The largest double, all its digits. */
#define LARGEST \
	"17976931348623157081452742373170435679807056752584499659891747680315726078002853" \
	"87605895586327668781715404589535143824642343213268894641827684675467035375169860" \
	"49910576551282076245490090389328944075868508455133942304583236903222948165808559" \
	"332123348274797826204144723168738177180919299881250404026184124858368"

static const struct {
	struct str text;
	int at;
} rows[] = {
	/* values */
	{ STR_INIT("null"), GOOD },
	{ STR_INIT("true"), GOOD },
	{ STR_INIT("false"), GOOD },
	{ STR_INIT("\"\""), GOOD },
	{ STR_INIT("\"a\""), GOOD },
	{ STR_INIT("{}"), GOOD },
	{ STR_INIT("[]"), GOOD },
	{ STR_INIT("[[]]"), GOOD },
	{ STR_INIT("[null,1,\"1\",{}]"), GOOD },
	{ STR_INIT("{\"a\":{\"b\":[]}}"), GOOD },
	{ STR_INIT(" \t\r\n[ 1 , 2 ]\n "), GOOD },
	{ STR_INIT("{ \"a\" : 1 , \"b\" : 2 }"), GOOD },
	/* nothing, or not JSON */
	{ STR_INIT(""), 0 },
	{ STR_INIT(" "), 1 },
	{ STR_INIT("\xEF\xBB\xBF"), 0 },
	{ STR_INIT("\xEF\xBB\xBF{}"), 0 },
	{ STR_INIT(" \xEF\xBB\xBF{}"), 1 },
	{ STR_INIT("\xEF\xBB"), 0 },
	{ STR_INIT("\xFF\xFE[\0]\0"), 0 },
	{ STR_INIT("\0"), 0 },
	{ STR_INIT("1\0"), 1 },
	{ STR_INIT("nul"), 0 },
	{ STR_INIT("nulll"), 4 },
	{ STR_INIT("True"), 0 },
	{ STR_INIT("[tru]"), 1 },
	{ STR_INIT("[truf]"), 1 },
	{ STR_INIT("[nullx]"), 5 },
	{ STR_INIT("NaN"), 0 },
	{ STR_INIT("Infinity"), 0 },
	{ STR_INIT("[-Infinity]"), 2 },
	{ STR_INIT("undefined"), 0 },
	{ STR_INIT("'a'"), 0 },
	{ STR_INIT("\x0C[]"), 0 },
	{ STR_INIT("\xC2\xA0[]"), 0 },
	{ STR_INIT("[\xE2\x81\xA0]"), 1 },
	{ STR_INIT("[\xC3\xA9]"), 1 },
	{ STR_INIT("[1 // one\n]"), 3 },
	{ STR_INIT("[1]/**/"), 3 },
	{ STR_INIT("[1]x"), 3 },
	{ STR_INIT("[] []"), 3 },
	{ STR_INIT("1 2"), 2 },
	{ STR_INIT("{}}"), 2 },
	{ STR_INIT("[]]"), 2 },
	{ STR_INIT("\"a\" \"b\""), 4 },
	/* arrays */
	{ STR_INIT("["), 1 },
	{ STR_INIT("]"), 0 },
	{ STR_INIT("[1"), 2 },
	{ STR_INIT("[1,"), 3 },
	{ STR_INIT("[1,]"), 3 },
	{ STR_INIT("[,1]"), 1 },
	{ STR_INIT("[,]"), 1 },
	{ STR_INIT("[1,,2]"), 3 },
	{ STR_INIT("[1 2]"), 3 },
	{ STR_INIT("[1}"), 2 },
	{ STR_INIT("[1:2]"), 2 },
	{ STR_INIT("[\"a\":1]"), 4 },
	{ STR_INIT("[\"a\",\n4\n,1,"), 11 },
	{ STR_INIT("[1,\n1\n,1"), 8 },
	{ STR_INIT("[[1,2]"), 6 },
	/* objects */
	{ STR_INIT("{"), 1 },
	{ STR_INIT("}"), 0 },
	{ STR_INIT("{\"a\""), 4 },
	{ STR_INIT("{\"a\":"), 5 },
	{ STR_INIT("{\"a\":1"), 6 },
	{ STR_INIT("{\"a\":1,"), 7 },
	{ STR_INIT("{\"a\":1,}"), 7 },
	{ STR_INIT("{,\"a\":1}"), 1 },
	{ STR_INIT("{\"a\":1,,\"b\":2}"), 7 },
	{ STR_INIT("{\"a\" 1}"), 5 },
	{ STR_INIT("{\"a\",1}"), 4 },
	{ STR_INIT("{\"a\"::1}"), 5 },
	{ STR_INIT("{\"a\":1 \"b\":2}"), 7 },
	{ STR_INIT("{\"a\":1]"), 6 },
	{ STR_INIT("{a:1}"), 1 },
	{ STR_INIT("{'a':1}"), 1 },
	{ STR_INIT("{1:1}"), 1 },
	{ STR_INIT("{null:1}"), 1 },
	{ STR_INIT("{[]:1}"), 1 },
	{ STR_INIT("{\"a\":}"), 5 },
	{ STR_INIT("{:1}"), 1 },
	{ STR_INIT("{\"a\"}"), 4 },
	{ STR_INIT("{\"\":1}"), GOOD },
	/* a name twice */
	{ STR_INIT("{\"a\":1,\"a\":1}"), 7 },
	{ STR_INIT("{\"a\":1,\"b\":2,\"a\":3}"), 13 },
	{ STR_INIT("{\"\":1,\"\":2}"), 6 },
	{ STR_INIT("{\"a\":1,\"\\u0061\":1}"), 7 },
	{ STR_INIT("{\"\\/\":1,\"/\":1}"), 8 },
	{ STR_INIT("{\"\\u00e9\":1,\"\xC3\xA9\":1}"), 12 },
	{ STR_INIT("{\"\\u20aC\":1,\"\xE2\x82\xAC\":1}"), 12 },
	{ STR_INIT("{\"\\ud83d\\uDE00\":1,\"\xF0\x9F\x98\x80\":1}"), 18 },
	{ STR_INIT("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"), GOOD },
	{ STR_INIT("[{\"a\":1},{\"a\":1}]"), GOOD },
	{ STR_INIT("{\"a\":{\"b\":1,\"b\":2}}"), 12 },
	{ STR_INIT("{\"a\":{\"b\":1},\"a\":2}"), 13 },
	{ STR_INIT("{\"a\":1,\"A\":2}"), GOOD },
	{ STR_INIT("{\"a\":1,\"a\":2,x"), 7 },
	{ STR_INIT("{\"a\":1,\"a\":2,\"b\":3,\"b\":4}"), 7 },
	{ STR_INIT("{\"a\":x,\"a\":2}"), 5 },
	/* integers */
	{ STR_INIT("0"), GOOD },
	{ STR_INIT("-0"), GOOD },
	{ STR_INIT("-1"), GOOD },
	{ STR_INIT("[123456789]"), GOOD },
	{ STR_INIT("9223372036854775807"), GOOD },
	{ STR_INIT("-9223372036854775808"), GOOD },
	{ STR_INIT("9223372036854775808"), 0 },
	{ STR_INIT("-9223372036854775809"), 0 },
	{ STR_INIT("18446744073709551615"), 0 },
	{ STR_INIT("18446744073709551616"), 0 },
	{ STR_INIT("[10000000000000000000]"), 1 },
	{ STR_INIT("[-123123123123123123123123123123]"), 1 },
	{ STR_INIT("1" ZEROS300), 0 },
	{ STR_INIT("1" ZEROS300 ZEROS300), 0 },
	{ STR_INIT("00"), 0 },
	{ STR_INIT("01"), 0 },
	{ STR_INIT("[-01]"), 2 },
	{ STR_INIT("-"), 1 },
	{ STR_INIT("[-]"), 2 },
	{ STR_INIT("--1"), 1 },
	{ STR_INIT("+1"), 0 },
	{ STR_INIT("- 1"), 1 },
	{ STR_INIT("-a"), 1 },
	{ STR_INIT("1a"), 1 },
	{ STR_INIT("0x1"), 1 },
	{ STR_INIT("[1_000]"), 2 },
	{ STR_INIT("[1 000]"), 3 },
	{ STR_INIT("\xEF\xBC\x91"), 0 },
	/* the rest of the numbers */
	{ STR_INIT("0.0"), GOOD },
	{ STR_INIT("-0.0"), GOOD },
	{ STR_INIT("1.5"), GOOD },
	{ STR_INIT("0e1"), GOOD },
	{ STR_INIT("0e+1"), GOOD },
	{ STR_INIT("1E5"), GOOD },
	{ STR_INIT("1e-5"), GOOD },
	{ STR_INIT("1.5E+005"), GOOD },
	{ STR_INIT("123.456e78"), GOOD },
	{ STR_INIT("0.4e00669999999999999999999999999999999999999999999999999999999999999999969999"
		   "999006"),
		0 },
	{ STR_INIT("0e99999999999999999999999"), GOOD },
	{ STR_INIT("0.000e99999999999999999999999"), GOOD },
	{ STR_INIT("1e-99999999999999999999999"), GOOD },
	{ STR_INIT("123e-10000000"), GOOD },
	{ STR_INIT("1e19"), GOOD },
	{ STR_INIT("-1.5e300"), GOOD },
	{ STR_INIT("1.7976931348623157e308"), GOOD },
	{ STR_INIT("1.7976931348623158e308"), GOOD },
	{ STR_INIT("1.7976931348623159e308"), 0 },
	{ STR_INIT("0.00017976931348623159e312"), 0 },
	{ STR_INIT("17976931348623158.0e292"), GOOD },
	{ STR_INIT("17976931348623159.0e292"), 0 },
	{ STR_INIT(LARGEST ".0"), GOOD },
	{ STR_INIT(LARGEST "e0"), GOOD },
	{ STR_INIT(LARGEST "0.0"), 0 },
	{ STR_INIT("1" ZEROS300 "00000000.0"), GOOD },
	{ STR_INIT("1" ZEROS300 "000000000.0"), 0 },
	{ STR_INIT("0." ZEROS300 "1e609"), GOOD },
	{ STR_INIT("0." ZEROS300 "1e610"), 0 },
	{ STR_INIT("[1e400]"), 1 },
	{ STR_INIT("-1e9999"), 0 },
	{ STR_INIT("1."), 2 },
	{ STR_INIT("[1.]"), 3 },
	{ STR_INIT(".5"), 0 },
	{ STR_INIT("-.5"), 1 },
	{ STR_INIT("1.e1"), 2 },
	{ STR_INIT("1..2"), 2 },
	{ STR_INIT("1.2.3"), 3 },
	{ STR_INIT("1e"), 2 },
	{ STR_INIT("1e+"), 3 },
	{ STR_INIT("1eE2"), 2 },
	{ STR_INIT("1e1.5"), 3 },
	{ STR_INIT("1e+-1"), 3 },
	{ STR_INIT("01.5"), 0 },
	{ STR_INIT("1,5"), 1 },
	/* texts */
	{ STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\""), GOOD },
	{ STR_INIT("\"\x7F\""), GOOD },
	{ STR_INIT("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""), GOOD },
	{ STR_INIT("\"\xE2\x80\xA8\xEF\xBF\xBF\xF4\x8F\xBF\xBF\""), GOOD },
	{ STR_INIT("\"\\uFFFF\\uD7FF\\uE000\""), GOOD },
	{ STR_INIT("\""), 1 },
	{ STR_INIT("\"a"), 2 },
	{ STR_INIT("[\"a]"), 4 },
	{ STR_INIT("\"\\"), 1 },
	{ STR_INIT("\"\\\""), 3 },
	{ STR_INIT("\"\\\\\""), GOOD },
	{ STR_INIT("\"\\a\""), 1 },
	{ STR_INIT("\"\\'\""), 1 },
	{ STR_INIT("\"\\U0041\""), 1 },
	{ STR_INIT("\"\\x41\""), 1 },
	{ STR_INIT("\"\\\0\""), 1 },
	{ STR_INIT("\"\\\xC3\xA9\""), 1 },
	{ STR_INIT("\"ab\\u\""), 3 },
	{ STR_INIT("\"\\u00\""), 1 },
	{ STR_INIT("\"\\u004\""), 1 },
	{ STR_INIT("\"\\u004g\""), 1 },
	{ STR_INIT("\"\\u+041\""), 1 },
	{ STR_INIT("\"\\u0000\""), 1 },
	{ STR_INIT("\"abc\\u0000\""), 4 },
	{ STR_INIT("{\"\\u0000\":1}"), 2 },
	{ STR_INIT("\"\\\\u0000\""), GOOD },
	{ STR_INIT("\"a\0b\""), 2 },
	{ STR_INIT("\"\n\""), 1 },
	{ STR_INIT("\"a\tb\""), 2 },
	{ STR_INIT("\"\x1F\""), 1 },
	{ STR_INIT("{\"a\nb\":1}"), 3 },
	/* surrogates */
	{ STR_INIT("\"\\ud83d\\ude00\""), GOOD },
	{ STR_INIT("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""), GOOD },
	{ STR_INIT("\"\\ud83d\""), 1 },
	{ STR_INIT("\"\\ude00\""), 1 },
	{ STR_INIT("\"\\ude00\\ud83d\""), 1 },
	{ STR_INIT("\"\\ud83d\\ud83d\""), 1 },
	{ STR_INIT("\"\\ud83dx\""), 1 },
	{ STR_INIT("\"\\ud83d\\n\""), 1 },
	{ STR_INIT("\"\\ud83d\\u\""), 1 },
	{ STR_INIT("\"\\ud83d\\u0041\""), 1 },
	{ STR_INIT("\"\\ud83d\\ue000\""), 1 },
	{ STR_INIT("\"\\ud83d\\ude0\""), 1 },
	{ STR_INIT("\"\\ud83d\\ude00\\ude00\""), 13 },
	{ STR_INIT("{\"\\udfff\":1}"), 2 },
	{ STR_INIT("\"\\\\ud83d\""), GOOD },
	/* UTF-8 */
	{ STR_INIT("\"\x80\""), 1 },
	{ STR_INIT("\"ab\xC3\""), 3 },
	{ STR_INIT("\"\xC0\xAF\""), 1 },
	{ STR_INIT("\"\xE0\x80\x80\""), 1 },
	{ STR_INIT("\"\xED\xA0\x80\""), 1 },
	{ STR_INIT("\"\xF4\x90\x80\x80\""), 1 },
	{ STR_INIT("\"\xF8\x88\x80\x80\x80\""), 1 },
	{ STR_INIT("\"\xFF\""), 1 },
	{ STR_INIT("\"\xE2\x82"), 1 },
	{ STR_INIT("{\"\xE9\":1}"), 2 },
	{ STR_INIT("[\"\xC3\xA9\",\"\xE9\"]"), 7 },
	/* depth */
	{ STR_INIT(OPEN31 "[]" CLOSE31), GOOD },
	{ STR_INIT(OPEN31 "{}" CLOSE31), GOOD },
	{ STR_INIT(OPEN31 "[[]]" CLOSE31), DEEP - 32 },
	{ STR_INIT(OPEN31 "[{}]" CLOSE31), DEEP - 32 },
	{ STR_INIT(OPEN31 "{\"a\":[]}" CLOSE31), DEEP - 36 },
	{ STR_INIT(OPEN31 "[1]" CLOSE31), GOOD },
	{ STR_INIT(OPEN31 OPEN31 OPEN31), DEEP - 32 },
	{ STR_INIT(OPEN31 "[" CLOSE31), 63 },
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* Rows hold bytes that cannot be printed. */
static const char *shown(struct str text)
{
	static char out[400];
	struct buf buf = { .ptr = out, .cap = sizeof out - 1, .max = sizeof out - 1 };
	memset(out, 0, sizeof out);
	for (size_t i = 0; i < text.len; i++) {
		bool plain = text.ptr[i] >= ' ' && text.ptr[i] < 0x7F;
		buf_printf(&buf, plain ? "%c" : "<%02X>", (unsigned char)text.ptr[i]);
	}
	return out;
}

static void check(struct str text, int rc, const struct err *err, int at)
{
	char place[40];
	snprintf(place, sizeof place, "offset %d", at <= DEEP ? DEEP - at : at);
	int expected = at == GOOD ? 0 : at <= DEEP ? ERR_TOO_LARGE : ERR_UNREADABLE;
	assert_row(shown(text), rc == expected);
	if (rc < 0 && strcmp(err->at, place) != 0)
		fail_msg("row \"%s\": %s at %s, not at %s", shown(text), err->text, err->at, place);
}

static void the_parser_holds(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		struct json *tree = NULL;
		struct err err;
		int rc = json_parse(arena, rows[i].text, &tree, &err);
		check(rows[i].text, rc, &err, rows[i].at);
		assert_row(shown(rows[i].text), (tree != NULL) == (rc == 0));
		arena_reset(arena);
	}
}

static void the_walk_holds(void **state)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		struct err err;
		int rc = json_walk(rows[i].text, &err);
		check(rows[i].text, rc, &err, rows[i].at);
	}
}

static void both_agree(struct arena *arena, struct str text)
{
	struct json *tree;
	struct err slow, fast;
	int walked = json_walk(text, &slow), parsed = json_parse(arena, text, &tree, &fast);
	if (walked != parsed || (walked < 0 && strcmp(slow.at, fast.at) != 0))
		fail_msg("\"%s\": the parser says %d, the walk %d", shown(text), parsed, walked);
	arena_reset(arena);
}

/* Cut at each offset; each byte made another. An unexpected() of json.c would be logged, and fail
 * this. */
static void both_agree_on_damage(void **state)
{
	static const char damage[] = "\0\x1F \"\\,:[]{}019.-+eEuUdDnt/a\x7F\x80\xC3\xED\xF4\xFF";
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char bytes[1000];
		struct str text = rows[i].text;
		if (text.len > 100)
			continue;
		memcpy(bytes, text.ptr, text.len);
		for (size_t at = 0; at < text.len; at++) {
			both_agree(arena, str_first(text, at));
			for (size_t d = 0; d < sizeof damage; d++) {
				bytes[at] = damage[d];
				both_agree(arena, str_bytes(bytes, text.len));
			}
			bytes[at] = text.ptr[at];
		}
	}
}

int main(void)
{
	return TEST_MAIN(test(the_parser_holds), test(the_walk_holds), test(both_agree_on_damage));
}
