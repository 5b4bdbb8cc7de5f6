/* SPDX-License-Identifier: Apache-2.0 */
/* Text made safe for HTML and XML. */
#include "codec/escape.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* What stands for a byte; NULL for itself. */
static const char *reference(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\t':
	case '\n':
	case '\r':
		return NULL;
	default:
		return (unsigned char)c < ' ' ? REPLACEMENT : NULL;
	}
}

/* U+FFFE and U+FFFF are the only others that XML 1.0 does not allow (2.2, Char). */
static bool is_noncharacter(struct str s)
{
	return str_starts(s, "\xEF\xBF\xBE") || str_starts(s, "\xEF\xBF\xBF");
}

void escape_html(struct buf *buf, struct str text)
{
	size_t done = 0;
	for (size_t i = 0; i < text.len; i++) {
		struct str rest = str_from(text, i);
		bool gone = text.ptr[i] == '\xEF' && is_noncharacter(rest);
		const char *instead = gone ? REPLACEMENT : reference(text.ptr[i]);
		if (!instead)
			continue;
		buf_add(buf, str_first(str_from(text, done), i - done));
		buf_cstr(buf, instead);
		i += gone ? 2 : 0;
		done = i + 1;
	}
	buf_add(buf, str_from(text, done));
}
