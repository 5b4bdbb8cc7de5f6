/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a schema step: it is a table that holds together, or a fault that names the step. */
#include "store/tables.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	const char *step = arena_str(arena, str_bytes(data, size)).ptr;
	const struct store_room room = { .name = "room",
		.migrations = &step,
		.migration_count = 1 };
	const struct store_room *rooms[] = { &room };
	struct tables tables;
	struct err err = { 0 };
	if (!step)
		return 0;
	if (tables_read(rooms, 1, &tables, &err)) {
		require(strstr(err.text, "room-1"));
		return 0;
	}
	for (size_t i = 0; i < tables.count; i++)
		require(tables.list[i].key_count && tables.list[i].column_count);
	tables_done(&tables);
	return 0;
}
