/* SPDX-License-Identifier: Apache-2.0 */
#include "app/columns.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static const char *const two[] = { "ID", "NAME", NULL };

static const struct {
	const char *row;
	const char *cells[6];
	const char *expected;
} rows[] = {
	{ "nothing", { NULL }, "ID  NAME\n" },
	{ "the widest cell decides", { "k_1", "Ann", "k_22", "Bo" },
		"ID    NAME\nk_1   Ann\nk_22  Bo\n" },
	{ "a character is one wide", { "\xC3\xA9\xC3\xA9\xC3\xA9", "x", "abc", "y" },
		"ID   NAME\n\xC3\xA9\xC3\xA9\xC3\xA9  x\nabc  y\n" },
	{ "an empty cell at the end leaves no blanks", { "abc", "", "d", "e" },
		"ID   NAME\nabc\nd    e\n" },
	{ "an empty cell at the beginning", { "", "x" }, "ID  NAME\n    x\n" },
	{ "control characters", { "a\tb\nc\x1b\x7f", "x" }, "ID       NAME\na?b?c\?\?  x\n" },
};

static void aligns(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct columns columns;
		struct err err;
		char *out = NULL;
		size_t len = 0;
		FILE *to = open_memstream(&out, &len);
		columns_init(&columns, two);
		for (const char *const *cell = rows[i].cells; *cell; cell++)
			columns_add_cstr(&columns, *cell);
		assert_ok(columns_print(&columns, to, &err), &err);
		fclose(to);
		if (strcmp(out, rows[i].expected) != 0)
			fail_msg("row \"%s\":\n%s", rows[i].row, out);
		free(out);
		columns_done(&columns);
	}
}

int main(void)
{
	return TEST_MAIN(test(aligns));
}
