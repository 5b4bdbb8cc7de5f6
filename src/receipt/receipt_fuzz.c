/* SPDX-License-Identifier: Apache-2.0 */
/* What receipt_parse() accepts, written and read again, is the same bytes. */
#include "receipt/receipt.h"

#include "base/check.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct arena *arena ARENA_AUTO = arena_new(32 << 20);
	struct receipt receipt, again;
	struct buf one, two;
	struct err err;

	if (receipt_parse(str_bytes(data, size), arena, &receipt, &err) < 0)
		return 0;
	buf_init(&one, arena, RECEIPT_BYTES_MAX);
	buf_init(&two, arena, RECEIPT_BYTES_MAX);
	receipt_write(&receipt, &one);
	require(receipt_parse(buf_str(&one), arena, &again, &err) == 0);
	receipt_write(&again, &two);
	require(str_eq(buf_str(&one), buf_str(&two)));
	return 0;
}
