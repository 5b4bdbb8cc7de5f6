/* SPDX-License-Identifier: Apache-2.0 */
/* A list for people: rows of cells, each column as wide as its widest cell. A program reads --json
 * instead. */
#ifndef APP_COLUMNS_H
#define APP_COLUMNS_H

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define COLUMNS_MAX 12

struct columns {
	struct buf text; /* cells end with a tab, rows with a line end */
	size_t widths[COLUMNS_MAX];
	size_t count, at;
};

/* The titles of the columns, COLUMNS_MAX at most, ended by NULL. */
void columns_init(struct columns *columns, const char *const *titles);
/* The next cell; after the last column a new row begins. Control characters come out as '?'. */
void columns_add(struct columns *columns, struct str cell);
void columns_add_cstr(struct columns *columns, const char *cell);
/* Prints the rows; ERR_NO_MEMORY if they did not fit. */
int columns_print(const struct columns *columns, FILE *to, struct err *err) must_check;
void columns_done(struct columns *columns);

#endif
