/* SPDX-License-Identifier: Apache-2.0 */
/* The head of the stream, which says whose it is, and the head of each table. */
#include <string.h>

#include "app/move_impl.h"

void move_head_put(struct buf *out, const struct move_what *what, const char *engine)
{
	size_t count = store_step_count(&what->options);
	char name[STORE_STEP_MAX];

	move_put_uint(out, MOVE_VERSION);
	move_put_text(out, key_str(&what->print));
	move_put_text(out, str_of(engine));
	move_put_uint(out, count);
	for (size_t i = 0; i < count; i++) {
		store_step_name(&what->options, i, name);
		move_put_text(out, str_of(name));
	}
}

/* Are the steps those of this program, in their order? */
static int steps_get(const struct block *block, struct str *rest,
	const struct store_options *options, struct err *err)
{
	uint64_t theirs = 0, ours = store_step_count(options);
	char name[STORE_STEP_MAX];
	struct str step;

	if (!move_get_uint(rest, 1 << 20, &theirs))
		return move_block_fault(block, err, "the head cannot be read");
	for (uint64_t i = 0; i < theirs; i++) {
		if (!move_get_text(rest, MOVE_NAME_MAX, &step))
			return move_block_fault(block, err, "the head cannot be read");
		if (i < ours)
			store_step_name(options, (size_t)i, name);
		if (i >= ours || !str_is(step, name))
			return err_set(err, ERR_CONFLICT,
				"the stream has the schema step %.*s, which this program has not: "
				"use the same version at both ends",
				STR_ARG(step));
	}
	if (theirs == ours)
		return 0;
	store_step_name(options, (size_t)theirs, name);
	return err_set(err, ERR_CONFLICT,
		"the stream lacks the schema step %s: `zegel migrate` the store it came from, with "
		"this version, and export it again",
		name);
}

int move_head_get(const struct block *block, const struct move_what *what, struct err *err)
{
	struct str rest = block->plain, print, engine;
	uint64_t version = 0;

	if (block->kind != BLOCK_HEAD || !move_get_uint(&rest, UINT32_MAX, &version))
		return move_block_fault(block, err, "the stream has no head");
	if (version != MOVE_VERSION)
		return err_set(err, ERR_CONFLICT,
			"the stream has format %llu, and this program reads %d: use the same version "
			"at both ends",
			(unsigned long long)version, MOVE_VERSION);
	if (!move_get_text(&rest, MOVE_NAME_MAX, &print) ||
		!move_get_text(&rest, MOVE_NAME_MAX, &engine))
		return move_block_fault(block, err, "the head cannot be read");
	if (!str_eq(print, key_str(&what->print)))
		return err_set(err, ERR_CONFLICT,
			"the keys in this data folder are not those of the store that was exported: "
			"copy the file `keys` of that folder into this one");
	int rc = steps_get(block, &rest, &what->options, err);
	if (!rc && rest.len)
		rc = move_block_fault(block, err, "the head is longer than it says");
	return rc;
}

void move_table_put(struct buf *out, const struct table *table)
{
	move_put_text(out, str_of(table->name));
	move_put_uint(out, (uint64_t)table->column_count);
	for (int i = 0; i < table->column_count; i++) {
		move_put_text(out, str_of(table->columns[i].name));
		move_put_uint(out, table->columns[i].type);
	}
}

/* There is one way to write it: so it is written, and the two compared. */
int move_table_get(const struct block *block, const struct table *table, struct err *err)
{
	struct buf ours BUF_AUTO;

	buf_init(&ours, NULL, MOVE_BLOCK_BYTES);
	move_table_put(&ours, table);
	if (block->kind != BLOCK_TABLE || ours.failed || !str_eq(block->plain, buf_str(&ours)))
		return move_block_fault(block, err,
			"here should be the table %s, as it is in this program", table->name);
	return 0;
}
