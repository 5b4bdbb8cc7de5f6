/* SPDX-License-Identifier: Apache-2.0 */
/* How many rows each bucket of a table has, and a sum over them that does not ask for their order:
 * the foot of a stream, and what a store is held against. */
#include <stdlib.h>
#include <string.h>

#include "app/move_impl.h"

void move_sum_key(const struct secret *key, struct key *ret)
{
	struct secret whole;

	secret_derive(key, "row", STR(""), &whole);
	memcpy(ret->bytes, whole.bytes, sizeof(ret->bytes));
	secret_wipe(&whole);
}

int move_sums_init(struct sums *sums, const struct table *table, struct err *err)
{
	*sums = (struct sums) { .count = table->bucket < 0 ? 1 : MOVE_BUCKETS };
	sums->buckets = calloc(sums->count, sizeof(sums->buckets[0]));
	return sums->buckets ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for the sums");
}

void move_sums_done(struct sums *sums)
{
	free(sums->buckets);
	sums->buckets = NULL;
}

void move_sums_add(struct sums *sums, uint16_t bucket, uint64_t hash)
{
	sums->buckets[bucket].rows++;
	sums->buckets[bucket].sum += hash;
	sums->total.rows++;
	sums->total.sum += hash;
}

/* Only buckets that have rows, each as so many after the one before. */
void move_sums_put(struct buf *out, const struct sums *sums)
{
	uint64_t filled = 0;
	size_t last = 0;

	for (size_t i = 0; i < sums->count; i++)
		filled += sums->buckets[i].rows > 0;
	move_put_uint(out, filled);
	for (size_t i = 0; i < sums->count; i++) {
		if (!sums->buckets[i].rows)
			continue;
		move_put_uint(out, i - last);
		move_put_uint(out, sums->buckets[i].rows);
		move_put_sum(out, sums->buckets[i].sum);
		last = i;
	}
	move_put_uint(out, sums->total.rows);
	move_put_sum(out, sums->total.sum);
}

static bool get_buckets(struct str *rest, struct sums *ret)
{
	uint64_t filled, step = 0, at = 0;
	struct sum one = { 0 };

	if (!move_get_uint(rest, ret->count, &filled))
		return false;
	for (uint64_t i = 0; i < filled; i++) {
		if (!move_get_uint(rest, ret->count - 1 - at, &step) || (i && !step) ||
			!move_get_uint(rest, INT64_MAX, &one.rows) || !move_get_sum(rest, &one.sum))
			return false;
		at += step;
		ret->buckets[at] = one;
		ret->total.rows += one.rows;
		ret->total.sum += one.sum;
	}
	return true;
}

int move_sums_get(const struct block *block, struct sums *ret, struct err *err)
{
	struct str rest = block->plain;
	struct sum total = { 0 };

	if (block->kind != BLOCK_FOOT)
		return move_block_fault(block, err, "here should be the foot of a table");
	if (!get_buckets(&rest, ret) || !move_get_uint(&rest, INT64_MAX, &total.rows) ||
		!move_get_sum(&rest, &total.sum) || rest.len)
		return move_block_fault(block, err, "the foot of a table cannot be read");
	if (total.rows != ret->total.rows || total.sum != ret->total.sum)
		return move_block_fault(block, err, "the foot of a table does not add up");
	return 0;
}

int move_sums_compare(const struct table *table, const struct sums *wanted,
	const struct sums *found, struct err *err)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct sum *w = &wanted->buckets[i], *f = &found->buckets[i];
		if (w->rows != f->rows)
			return err_set(err, ERR_BROKEN,
				"table %s, bucket %zu: the store has %llu rows, the stream had %llu",
				table->name, i, (unsigned long long)f->rows,
				(unsigned long long)w->rows);
		if (w->sum != f->sum)
			return err_set(err, ERR_BROKEN,
				"table %s, bucket %zu: as many rows as in the stream, but not the same",
				table->name, i);
	}
	return 0;
}
