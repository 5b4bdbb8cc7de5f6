/* SPDX-License-Identifier: Apache-2.0 */
/* A part of the stream, as much as goes into the store in one transaction.
 *
 * Its rows are put into the order in which the target keeps them, as far as the first bytes of
 * their keys tell: engines that differ in their order then still touch each page once a part, not
 * once a row. */
#include <stdlib.h>
#include <string.h>

#include "app/move_impl.h"
#include "base/check.h"

/* ---- collecting ---- */

static void put_big(unsigned char *out, size_t *at, uint64_t n)
{
	for (int i = 56; i >= 0 && *at < PART_KEY_LEN; i -= 8)
		out[(*at)++] = (unsigned char)(n >> i);
}

/* The first bytes of the key so that memcmp() gives its order. */
static void key_first(const struct part *part, const struct store_val *vals, unsigned char *out)
{
	size_t at = 0;

	memset(out, 0, PART_KEY_LEN);
	for (int i = 0; i < part->key_count && at < PART_KEY_LEN; i++) {
		const struct store_val *val = &vals[part->key[i]];
		if (val->type == STORE_INT) {
			put_big(out, &at, (uint64_t)val->integer ^ (UINT64_C(1) << 63));
			continue;
		}
		size_t len = val->bytes.len;
		len = len > PART_KEY_LEN - at ? PART_KEY_LEN - at : len;
		memcpy(out + at, val->bytes.ptr, len);
		at += len;
	}
}

int move_part_init(struct part *part, struct store *store, size_t bytes_max, struct err *err)
{
	*part = (struct part) { .store = store, .arena = arena_new(PART_ARENA_MAX) };
	part->bytes_max = bytes_max ? bytes_max : MOVE_PART_BYTES;
	part->refs = malloc((MOVE_PART_ROWS + MOVE_BLOCK_ROWS) * sizeof(part->refs[0]));
	if (part->arena && part->refs)
		return 0;
	return err_set(err, ERR_NO_MEMORY, "no memory for the rows");
}

void move_part_done(struct part *part)
{
	arena_free(&part->arena);
	free(part->refs);
}

void move_part_reset(struct part *part, const struct table *table)
{
	part->table = table;
	part->key_count = table ? bulk_key(part->store, table, part->key) : 0;
	part->count = part->bytes = 0;
	arena_reset(part->arena);
}

static int bad_row(const struct block *block, uint64_t row, struct err *err)
{
	struct err why = *err;

	return move_block_fault(block, err, "row %llu: %.200s", (unsigned long long)row + 1,
		why.text);
}

static int take_rows(struct part *part, const struct block *block, struct str rest, uint64_t count,
	struct err *err)
{
	struct store_val vals[TABLE_COLUMNS_MAX];
	size_t before = part->count;

	for (uint64_t i = 0; i < count; i++) {
		struct str row = rest;
		int rc = move_row_get(&rest, part->table, vals, err);
		if (rc < 0) {
			part->count = before;
			return bad_row(block, i, err);
		}
		struct part_ref *ref = &part->refs[part->count++];
		key_first(part, vals, ref->key);
		ref->row = str_first(row, row.len - rest.len);
	}
	return rest.len
		? move_block_fault(block, err, "more than its %llu rows", (unsigned long long)count)
		: 0;
}

int move_part_count(const struct block *block, struct str *ret_rows, uint64_t *ret_count,
	struct err *err)
{
	*ret_rows = block->plain;
	if (block->kind == BLOCK_ROWS && move_get_uint(ret_rows, MOVE_BLOCK_ROWS, ret_count) &&
		*ret_count)
		return 0;
	return move_block_fault(block, err, "here should be rows of a table");
}

bool move_part_full(const struct part *part)
{
	return part->count >= MOVE_PART_ROWS || part->bytes >= part->bytes_max;
}

int move_part_add(struct part *part, const struct block *block, struct err *err)
{
	struct str rows;
	uint64_t count;
	int rc = move_part_count(block, &rows, &count, err);

	require(!move_part_full(part));
	if (rc == 0)
		rc = take_rows(part, block, rows, count, err);
	if (rc == 0)
		part->bytes += block->plain.len;
	return rc;
}

/* ---- into the store ---- */

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct part_ref *)a)->key, ((const struct part_ref *)b)->key,
		PART_KEY_LEN);
}

struct loading {
	struct unit unit; /* first */
	struct part *part;
	struct bulk_mark from, to;
	size_t at;
	struct store_val vals[TABLE_COLUMNS_MAX];
};

static int next_row(void *user, const struct store_val **ret, struct err *err)
{
	struct loading *l = user;

	if (l->at == l->part->count)
		return 0;
	struct str row = l->part->refs[l->at++].row;
	*ret = l->vals;
	int rc = move_row_get(&row, l->part->table, l->vals, err);
	return rc < 0 ? rc : 1;
}

static int run_load(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct loading *l = (struct loading *)unit;
	struct bulk_mark mark;
	int rc = bulk_find_mark(tx, &mark, err);

	(void)now;
	if (rc < 0)
		return rc;
	if (mark.at == l->to.at)
		return UNIT_DROP; /* its commit was not heard of */
	if (mark.at != l->from.at)
		return err_set(err, ERR_CONFLICT, "another import fills this store");
	l->at = 0;
	rc = l->part->count ? bulk_add(tx, l->part->table, next_row, l, err) : 0;
	return rc ? rc : bulk_move_mark(tx, l->from.at, &l->to, err);
}

int move_part_load(struct part *part, const struct bulk_mark *from, const struct bulk_mark *to,
	struct err *err)
{
	struct loading l = { .unit = { .run = run_load }, .part = part, .from = *from, .to = *to };

	if (part->count)
		qsort(part->refs, part->count, sizeof(part->refs[0]), by_key);
	int rc = store_run(part->store, &l.unit);
	if (rc < 0)
		*err = l.unit.err;
	return rc;
}
