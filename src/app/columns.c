/* SPDX-License-Identifier: Apache-2.0 */
/* Invariant: `text` holds no tab and no line end but those that end a cell and a row. */
#include "app/columns.h"

#include <string.h>

#include "base/check.h"

/* A million keys with their names. */
#define TEXT_MAX ((size_t)512 << 20)
#define GAP 2

void columns_init(struct columns *columns, const char *const *titles)
{
	memset(columns, 0, sizeof(*columns));
	buf_init(&columns->text, NULL, TEXT_MAX);
	while (titles[columns->count])
		columns->count++;
	require(columns->count >= 1 && columns->count <= COLUMNS_MAX);
	for (size_t i = 0; i < columns->count; i++)
		columns_add_cstr(columns, titles[i]);
}

void columns_add(struct columns *columns, struct str cell)
{
	size_t width = str_codepoints(cell);

	for (size_t i = 0; i < cell.len; i++)
		buf_char(&columns->text,
			(unsigned char)cell.ptr[i] < 0x20 || cell.ptr[i] == 0x7f ? '?'
										 : cell.ptr[i]);
	buf_char(&columns->text, '\t');
	if (width > columns->widths[columns->at])
		columns->widths[columns->at] = width;
	if (++columns->at < columns->count)
		return;
	columns->at = 0;
	buf_char(&columns->text, '\n');
}

void columns_add_cstr(struct columns *columns, const char *cell)
{
	columns_add(columns, str_of(cell));
}

/* No blanks at the end of a row: a terminal would wrap them. */
static void print_row(const struct columns *columns, struct str row, FILE *to)
{
	size_t blanks = 0;

	for (size_t i = 0; row.len; i++) {
		struct str cell = str_cut(&row, '\t');
		if (cell.len)
			fprintf(to, "%*s%.*s", (int)blanks, "", STR_ARG(cell));
		if (cell.len)
			blanks = 0;
		blanks += columns->widths[i] - str_codepoints(cell) + GAP;
	}
	fputc('\n', to);
}

int columns_print(const struct columns *columns, FILE *to, struct err *err)
{
	struct str rest = buf_str(&columns->text);

	require(columns->at == 0);
	if (columns->text.failed)
		return err_set(err, ERR_NO_MEMORY, "no memory for a list");
	while (rest.len)
		print_row(columns, str_cut(&rest, '\n'), to);
	return 0;
}

void columns_done(struct columns *columns)
{
	buf_done(&columns->text);
}
