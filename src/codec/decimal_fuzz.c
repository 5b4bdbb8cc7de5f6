/* SPDX-License-Identifier: Apache-2.0 */
/* A decimal that is read is written as a text that reads as the same value and is not longer. */
#include "codec/decimal.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int decimals = 0; decimals <= 18; decimals++) {
		char out[DECIMAL_TEXT_MAX];
		int64_t value, again;
		if (!decimal_read(str_bytes(data, size), decimals, &value))
			continue;
		struct str text = str_of(decimal_write(value, decimals, out));
		require(text.len <= size);
		require(decimal_read(text, decimals, &again) && again == value);
	}
	return 0;
}
