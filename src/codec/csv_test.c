/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/csv.h"

#include <stdlib.h>

#include "base/buf.h"
#include "tests/support/test.h"

/* What came out, as "line:field|field;" a record. */
struct heard {
	struct buf buf;
	int stop_at; /* the record that is answered with 5; 0: none */
};

static int hear(void *user, int64_t line, const struct str *fields, int count, struct err *err)
{
	struct heard *heard = user;
	buf_printf(&heard->buf, "%d:", (int)line);
	for (int i = 0; i < count; i++) {
		buf_cstr(&heard->buf, i ? "|" : "");
		buf_add(&heard->buf, fields[i]);
	}
	buf_char(&heard->buf, ';');
	return heard->stop_at > 0 && --heard->stop_at == 0 ? 5 : 0;
}

/* Feeds text in pieces of n bytes. */
static int run(struct heard *heard, struct str text, size_t n, struct err *err)
{
	struct csv *csv = csv_new(hear, heard);
	int rc = 0;
	for (size_t at = 0; at < text.len && rc == 0; at += n)
		rc = csv_feed(csv, str_first(str_from(text, at), n), err);
	if (rc == 0)
		rc = csv_finish(csv, err);
	else
		assert_int_equal(csv_finish(csv, err), rc);
	csv_free(&csv);
	assert_null(csv);
	return rc;
}

static const struct {
	const char *text;
	const char *out;
	const char *at; /* NULL: fine */
} rows[] = {
	{ "", "", NULL },
	{ "a", "1:a;", NULL },
	{ "a\n", "1:a;", NULL },
	{ "a\r\n", "1:a;", NULL },
	{ "a,b\nc,d\n", "1:a|b;2:c|d;", NULL },
	{ "a,b\r\nc,d", "1:a|b;2:c|d;", NULL },
	{ "a,b\r\nc,d\ne", "1:a|b;2:c|d;3:e;", NULL },
	{ ",", "1:|;", NULL },
	{ ",\n,,\n", "1:|;2:||;", NULL },
	{ "a,", "1:a|;", NULL },
	{ "\n", "", NULL },
	{ "\r\n\r\n", "", NULL },
	{ "\na\n\n\r\nb\n", "2:a;5:b;", NULL },
	{ "\"\"", "1:;", NULL },
	{ "\"\"\n", "1:;", NULL },
	{ "\"\"\r\n\"\",\"\"", "1:;2:|;", NULL },
	{ "\"a\"", "1:a;", NULL },
	{ "\"a,b\",c", "1:a,b|c;", NULL },
	{ "\"a\"\"b\"", "1:a\"b;", NULL },
	{ "\"\"\"\"", "1:\";", NULL },
	{ "\"\"\"\"\"\"", "1:\"\";", NULL },
	{ "\"a\nb\",c\nd\n", "1:a\nb|c;3:d;", NULL },
	{ "\"a\r\nb\"\r\nc", "1:a\r\nb;3:c;", NULL },
	{ " a , b ", "1: a | b ;", NULL },
	{ "\xC3\xA9,\xE9", "1:\xC3\xA9|\xE9;", NULL },
	{ "a'b;c\td", "1:a'b;c\td;", NULL },
	{ "a\"", "", "line 1" },
	{ "x\ny,a\"b\n", "1:x;", "line 2" },
	{ "\"a\"b", "", "line 1" },
	{ "\"a\" ,b", "", "line 1" },
	{ " \"a\"", "", "line 1" },
	{ "\"", "", "line 1" },
	{ "\"a", "", "line 1" },
	{ "a\n\"b\n\n", "1:a;", "line 4" },
	{ "\"a\"\"", "", "line 1" },
	{ "a\rb", "", "line 1" },
	{ "a\r", "", "line 1" },
	{ "\r\r\n", "", "line 1" },
	{ "a\n\r,", "1:a;", "line 2" },
	{ "a\r\"b\"", "", "line 1" },
};

/* In one piece, and in pieces of every length. */
static void every_row(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct str text = str_of(rows[i].text);
		for (size_t n = 1; n <= text.len + 1; n++) {
			struct heard heard = { 0 };
			struct err err = { 0 };
			buf_init(&heard.buf, NULL, 1000);
			int rc = run(&heard, text, n, &err);
			assert_row(rows[i].text, rc == (rows[i].at ? ERR_UNREADABLE : 0));
			assert_str(buf_str(&heard.buf), rows[i].out);
			assert_string_equal(err.at, rows[i].at ? rows[i].at : "");
			buf_done(&heard.buf);
		}
	}
}

static void zero_bytes_are_data(void **state)
{
	struct heard heard = { 0 };
	struct err err;
	buf_init(&heard.buf, NULL, 1000);
	assert_ok(run(&heard, STR("a\0b,\"\0\"\n"), 100, &err), &err);
	assert_int_equal(heard.buf.len, 8);
	assert_memory_equal(heard.buf.ptr, "1:a\0b|\0;", 8);
	buf_done(&heard.buf);
}

static void the_callback_can_stop(void **state)
{
	struct heard heard = { .stop_at = 2 };
	struct err err;
	buf_init(&heard.buf, NULL, 1000);
	assert_int_equal(run(&heard, STR("a\nb\nc\nd\n"), 3, &err), 5);
	assert_str(buf_str(&heard.buf), "1:a;2:b;");
	buf_done(&heard.buf);
}

static int count_fields(void *user, int64_t line, const struct str *fields, int count,
	struct err *err)
{
	*(int *)user += count;
	return 0;
}

static int fed(struct str text, int *ret_count, struct err *err)
{
	*ret_count = 0;
	struct csv *csv = csv_new(count_fields, ret_count);
	int rc = csv_feed(csv, text, err);
	if (rc == 0)
		rc = csv_finish(csv, err);
	csv_free(&csv);
	return rc;
}

static void maxima(void **state)
{
	static char text[CSV_RECORD_MAX + 2];
	struct err err;
	int count;
	memset(text, ',', sizeof text);
	assert_int_equal(fed(str_bytes(text, CSV_FIELDS_MAX - 1), &count, &err), 0);
	assert_int_equal(count, CSV_FIELDS_MAX);
	assert_int_equal(fed(str_bytes(text, CSV_FIELDS_MAX), &count, &err), ERR_TOO_LARGE);
	assert_int_equal(fed(str_bytes(text, sizeof text), &count, &err), ERR_TOO_LARGE);
	memset(text, 'x', sizeof text);
	assert_int_equal(fed(str_bytes(text, CSV_RECORD_MAX), &count, &err), 0);
	assert_int_equal(fed(str_bytes(text, CSV_RECORD_MAX + 1), &count, &err), ERR_TOO_LARGE);
	text[0] = '"';
	assert_int_equal(fed(str_bytes(text, CSV_RECORD_MAX + 2), &count, &err), ERR_TOO_LARGE);
	assert_string_equal(err.at, "line 1");
}

int main(void)
{
	return TEST_MAIN(test(every_row), test(zero_bytes_are_data), test(the_callback_can_stop),
		test(maxima));
}
