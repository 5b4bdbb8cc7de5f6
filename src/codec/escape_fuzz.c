/* SPDX-License-Identifier: Apache-2.0 */
/* What is escaped holds nothing that could end a text or an attribute, and stays UTF-8. */
#include "codec/escape.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_bytes(data, size);
	struct buf buf BUF_AUTO;
	buf_init(&buf, NULL, size * 6 + 1);
	escape_html(&buf, text);
	require(!buf.failed && buf.len >= size);
	for (size_t i = 0; i < buf.len; i++)
		require(!strchr("<>\"'", buf.ptr[i]));
	if (str_utf8(text, NULL))
		require(str_utf8(buf_str(&buf), NULL));
	return 0;
}
