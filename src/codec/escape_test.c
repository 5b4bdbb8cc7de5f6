/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/escape.h"

#include "tests/support/test.h"

#define GONE "\xEF\xBF\xBD"

static void html(void **state)
{
	static const struct {
		struct str text;
		const char *html;
	} rows[] = {
		{ { NULL, 0 }, "" },
		{ STR_INIT(""), "" },
		{ STR_INIT("plain text"), "plain text" },
		{ STR_INIT("<script>"), "&lt;script&gt;" },
		{ STR_INIT("a&b"), "a&amp;b" },
		{ STR_INIT("&amp;"), "&amp;amp;" },
		{ STR_INIT("\"x' y"), "&quot;x&#39; y" },
		{ STR_INIT("caf\xC3\xA9 \xF0\x9F\x98\x80"), "caf\xC3\xA9 \xF0\x9F\x98\x80" },
		{ STR_INIT("\t\r\n"), "\t\r\n" },
		{ STR_INIT("a\0b\x1F\x7F"), "a" GONE "b" GONE "\x7F" },
		{ STR_INIT("\xEF\xBF\xBE.\xEF\xBF\xBF."), GONE "." GONE "." },
		{ STR_INIT("\xEF\xBF\xBD\xEF\xBC\x91\xEF"), "\xEF\xBF\xBD\xEF\xBC\x91\xEF" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf buf BUF_AUTO;
		buf_init(&buf, NULL, 1000);
		escape_html(&buf, rows[i].text);
		assert_str(buf_str(&buf), rows[i].html);
	}
}

static void a_full_buffer_is_not_overrun(void **state)
{
	for (size_t max = 0; max < 12; max++) {
		struct buf buf BUF_AUTO;
		buf_init(&buf, NULL, max);
		escape_html(&buf, STR("a<b>"));
		assert_int_equal(buf.failed, max < 10);
	}
}

int main(void)
{
	return TEST_MAIN(test(html), test(a_full_buffer_is_not_overrun));
}
