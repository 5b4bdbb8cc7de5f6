/* SPDX-License-Identifier: Apache-2.0 */
#include "receipt/receipt.h"

#include <string.h>

#include "tests/support/test.h"

#define GOOD_LINE "{\"id\":\"1\",\"quantity\":\"2\",\"unit_price\":100,\"amount\":200}"
#define HEAD "{\"number\":\"7\",\"at\":\"2026-03-17T10:00:00+01:00\",\"currency\":\"EUR\","

static int read_text(struct arena *arena, const char *text, struct receipt *ret, struct err *err)
{
	struct json *value;
	struct json_reader r;

	assert_ok(json_parse(arena, str_of(text), &value, err), err);
	json_begin(&r, arena, value, STR(""), err);
	receipt_read(&r, arena, true, ret);
	return json_end(&r);
}

static void what_is_written_reads_back(void **state)
{
	static const char *const rows[] = {
		HEAD "\"lines\":[" GOOD_LINE "],\"payments\":[],\"total\":200}",
		HEAD
		"\"lines\":[{\"id\":\"a/b\",\"gtin\":\"05412345678908\",\"sku\":\"X\",\"description\":"
		"\"Kaas <jong> \\u00e9\",\"category\":\"food\",\"quantity\":\"0.425\",\"unit_price\":1299,"
		"\"amount\":552,\"vat_rate\":\"6\"},{\"id\":\"b\",\"quantity\":\"-1\",\"unit_price\":100,"
		"\"amount\":-100}],\"payments\":[{\"kind\":\"card\",\"amount\":452,\"par\":\"P\"}],"
		"\"total\":452}",
	};
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct receipt receipt, again;
		struct buf one, two;
		struct err err;
		buf_init(&one, arena, 1 << 16);
		buf_init(&two, arena, 1 << 16);
		assert_ok(read_text(arena, rows[i], &receipt, &err), &err);
		receipt_write(&receipt, &one);
		assert_ok(receipt_parse(buf_str(&one), arena, &again, &err), &err);
		receipt_write(&again, &two);
		assert_row(rows[i], str_eq(buf_str(&one), buf_str(&two)));
		assert_row(rows[i], !memmem(one.ptr, one.len, "\"par\"", 5));
	}
}

/* What is refused, and where. */
static void faults_have_their_place(void **state)
{
	static const struct {
		const char *text, *at;
	} rows[] = {
		{ HEAD "\"lines\":[" GOOD_LINE "],\"total\":201}", "/total" },
		{ HEAD "\"lines\":[],\"total\":0}", "/lines" },
		{ HEAD "\"lines\":[" GOOD_LINE "," GOOD_LINE "],\"total\":400}", "/lines" },
		{ HEAD "\"lines\":[{\"id\":\"1\",\"quantity\":\"1.0000001\",\"unit_price\":1,\"amount\":1}],"
		       "\"total\":1}",
			"/lines/0/quantity" },
		{ HEAD "\"lines\":[{\"id\":\"1\",\"quantity\":\"1\",\"unit_price\":1,\"amount\":100000000001}],"
		       "\"total\":1}",
			"/lines/0/amount" },
		{ HEAD "\"lines\":[{\"id\":\"1\",\"quantity\":\"1\",\"unit_price\":1,\"amount\":1,"
		       "\"vat_rate\":\"101\"}],\"total\":1}",
			"/lines/0/vat_rate" },
		{ HEAD "\"lines\":[{\"id\":\"1\",\"quantity\":\"1\",\"unit_price\":1,\"amount\":1,\"x\":1}],"
		       "\"total\":1}",
			"/lines/0/x" },
		{ "{\"number\":\"7\",\"at\":\"1999-01-01T00:00:00Z\",\"currency\":\"EUR\",\"lines\":[" GOOD_LINE
		  "],\"total\":200}",
			"/at" },
		{ "{\"number\":\"7\",\"at\":\"2026-01-01T00:00:00Z\",\"currency\":\"eur\",\"lines\":[" GOOD_LINE
		  "],\"total\":200}",
			"/currency" },
		{ HEAD "\"lines\":[" GOOD_LINE
		       "],\"payments\":[{\"kind\":\"\",\"amount\":1}],\"total\":200}",
			"/payments/0/kind" },
	};
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct receipt receipt;
		struct err err = { 0 };
		assert_row(rows[i].at, read_text(arena, rows[i].text, &receipt, &err) < 0);
		assert_string_equal(err.at, rows[i].at);
	}
}

static void nothing_in_a_receipt_breaks_its_page(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct receipt receipt;
	struct buf buf;
	struct err err;
	assert_ok(
		read_text(arena,
			HEAD
			"\"lines\":[{\"id\":\"1\",\"description\":\"<script>x</script>\\\"'&\",\"quantity\":"
			"\"1.5\",\"unit_price\":-5,\"amount\":-7}],\"total\":-7}",
			&receipt, &err),
		&err);
	buf_init(&buf, arena, 1 << 20);
	receipt_html(&receipt, STR("A<B"), STR("nl-BE"), STR("now"), &buf);
	buf_char(&buf, '\0');
	assert_false(buf.failed);
	assert_null(strstr(buf.ptr, "<script"));
	assert_non_null(strstr(buf.ptr, "A&lt;B"));
	assert_non_null(strstr(buf.ptr, "-0.07"));
	assert_non_null(strstr(buf.ptr, "Kassabon"));
	assert_null(strstr(buf.ptr, "http"));
}

int main(void)
{
	return TEST_MAIN(test(what_is_written_reads_back), test(faults_have_their_place),
		test(nothing_in_a_receipt_breaks_its_page));
}
