/* SPDX-License-Identifier: Apache-2.0 */
/* Fed whole or in pieces, the same records come out, and the same verdict. */
#include "base/buf.h"
#include "codec/csv.h"
#include "tests/support/fuzz.h"

static int hear(void *user, int64_t line, const struct str *fields, int count, struct err *err)
{
	for (int i = 0; i < count; i++)
		buf_printf(user, "%lld:%d:%zu:%.*s", (long long)line, i, fields[i].len,
			STR_ARG(fields[i]));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf heard[3];
	int rc[3];
	for (size_t i = 0; i < 3; i++) {
		struct csv *csv = csv_new(hear, &heard[i]);
		buf_init(&heard[i], NULL, 64 << 20);
		for (size_t at = 0; at < size; at += i ? i : size)
			rc[i] = csv_feed(csv,
				str_first(str_bytes(data + at, size - at), i ? i : size), NULL);
		rc[i] = csv_finish(csv, NULL);
		require(rc[i] == rc[0] && str_eq(buf_str(&heard[i]), buf_str(&heard[0])));
		csv_free(&csv);
	}
	for (size_t i = 0; i < 3; i++)
		buf_done(&heard[i]);
	return 0;
}
