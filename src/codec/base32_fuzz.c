/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are written are read back; a text that is read is, but for case and look-alikes, what
 * is written. */
#include "codec/base32.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[BASE32_LEN(64) + 1], bytes[64], again[64];
	size_t len = size * 5 / 8;
	if (size <= sizeof bytes) {
		base32_write(data, size, text);
		require(base32_read(str_of(text), bytes, size));
		require(size == 0 || memcmp(bytes, data, size) == 0);
	}
	if (len <= sizeof bytes && base32_read(str_bytes(data, size), bytes, len)) {
		base32_write(bytes, len, text);
		require(strlen(text) == size && base32_read(str_of(text), again, len));
		require(memcmp(bytes, again, len) == 0);
	}
	return 0;
}
