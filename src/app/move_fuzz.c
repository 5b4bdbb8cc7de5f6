/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and feet of a stream: what can be read is written again as the same bytes. */
#include "app/move_impl.h"
#include "tests/support/fuzz.h"

static struct column columns[] = { { "bucket", COLUMN_INTEGER, false },
	{ "n", COLUMN_BIGINT, true }, { "s", COLUMN_TEXT, true }, { "b", COLUMN_BLOB, true } };
static const struct table table = { .name = "t", .columns = columns, .column_count = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_val vals[TABLE_COLUMNS_MAX];
	struct block block = { .kind = BLOCK_FOOT, .plain = str_bytes(data, size) };
	struct str rest = block.plain;
	struct buf out BUF_AUTO;
	struct sums sums;
	buf_init(&out, NULL, 2 * size + 64);
	while (move_row_get(&rest, &table, vals, NULL) == 0)
		move_row_put(&out, &table, vals);
	require(str_eq(buf_str(&out), str_first(block.plain, size - rest.len)));
	buf_reset(&out);
	require(move_sums_init(&sums, &table, NULL) == 0);
	if (move_sums_get(&block, &sums, NULL) == 0)
		move_sums_put(&out, &sums);
	require(!out.len || str_eq(buf_str(&out), block.plain));
	move_sums_done(&sums);
	return 0;
}
