/* SPDX-License-Identifier: Apache-2.0 */
/* A number that is read is written as it was; str_utf8() and str_codepoints() agree with a plain
 * count. */
#include "base/buf.h"
#include "base/num.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_bytes(data, size);
	int64_t value;
	size_t at = size;
	if (num_parse(text, &value)) {
		struct buf buf BUF_AUTO;
		buf_init(&buf, NULL, 100);
		buf_int(&buf, value);
		require(str_eq(buf_str(&buf), text));
	}
	bool good = str_utf8(text, &at);
	require(str_utf8(str_first(text, at), NULL));
	require(good == (at == size));
	require(str_codepoints(text) <= size);
	return 0;
}
