/* SPDX-License-Identifier: Apache-2.0 */
/* A row as bytes (move_impl.h says how), and the numbers and texts that all blocks are made of. */
#include "app/move_impl.h"

/* ---- numbers and texts ---- */

void move_put_uint(struct buf *out, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_char(out, (char)(n | 0x80));
	buf_char(out, (char)n);
}

void move_put_text(struct buf *out, struct str s)
{
	move_put_uint(out, s.len);
	buf_add(out, s);
}

void move_put_sum(struct buf *out, uint64_t sum)
{
	for (int i = 56; i >= 0; i -= 8)
		buf_char(out, (char)(sum >> i));
}

bool move_get_uint(struct str *rest, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < rest->len && i < 10; i++) {
		uint64_t part = (unsigned char)rest->ptr[i] & 0x7f;
		if (i == 9 && part > 1)
			return false;
		n |= part << (7 * i);
		if ((unsigned char)rest->ptr[i] & 0x80)
			continue;
		if ((i && !part) || n > max) /* a longer way to write it; too much */
			return false;
		*rest = str_from(*rest, i + 1);
		*ret = n;
		return true;
	}
	return false;
}

bool move_get_text(struct str *rest, size_t max, struct str *ret)
{
	struct str at = *rest;
	uint64_t len;

	if (!move_get_uint(&at, max, &len) || len > at.len)
		return false;
	*ret = str_first(at, (size_t)len);
	*rest = str_from(at, (size_t)len);
	return true;
}

bool move_get_sum(struct str *rest, uint64_t *ret)
{
	uint64_t sum = 0;

	if (rest->len < 8)
		return false;
	for (size_t i = 0; i < 8; i++)
		sum = sum << 8 | (unsigned char)rest->ptr[i];
	*rest = str_from(*rest, 8);
	*ret = sum;
	return true;
}

static uint64_t zigzag(int64_t n)
{
	return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

static int64_t unzigzag(uint64_t n)
{
	return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

/* ---- values ---- */

static enum store_type type_of(const struct column *column)
{
	switch (column->type) {
	case COLUMN_TEXT:
		return STORE_TEXT;
	case COLUMN_BLOB:
		return STORE_BLOB;
	default:
		return STORE_INT;
	}
}

/* Why the column cannot have the value; NULL: it can. */
static const char *objection(const struct table *table, int i, const struct store_val *val)
{
	const struct column *column = &table->columns[i];

	if (val->type == STORE_NULL)
		return column->nullable ? NULL : "is NULL";
	if (val->type != type_of(column))
		return "is of another type";
	if (val->type == STORE_TEXT && !str_utf8(val->bytes, NULL))
		return "is no text (UTF-8)";
	if (i == table->bucket && (val->integer < 0 || val->integer >= MOVE_BUCKETS))
		return "is no bucket";
	if (column->type == COLUMN_INTEGER &&
		(val->integer < INT32_MIN || val->integer > INT32_MAX))
		return "does not fit an INTEGER";
	return NULL;
}

int move_row_of_store(const struct store_rows *rows, const struct table *table,
	struct store_val vals[TABLE_COLUMNS_MAX], struct err *err)
{
	for (int i = 0; i < table->column_count; i++) {
		struct store_val *val = &vals[i];
		*val = (struct store_val) { .type = STORE_NULL };
		if (!store_is_null(rows, i))
			val->type = type_of(&table->columns[i]);
		if (val->type == STORE_INT)
			val->integer = store_int(rows, i);
		else
			val->bytes = store_bytes(rows, i);
		const char *why = objection(table, i, val);
		if (why)
			return err_set(err, ERR_BROKEN, "%s.%s %s", table->name,
				table->columns[i].name, why);
	}
	return 0;
}

void move_row_put(struct buf *out, const struct table *table, const struct store_val *vals)
{
	for (int i = 0; i < table->column_count; i++) {
		buf_char(out, (char)vals[i].type);
		if (vals[i].type == STORE_INT)
			move_put_uint(out, zigzag(vals[i].integer));
		else if (vals[i].type != STORE_NULL)
			move_put_text(out, vals[i].bytes);
	}
}

static bool get_val(struct str *rest, struct store_val *ret)
{
	uint64_t n = 0;
	int tag = rest->len ? rest->ptr[0] : -1;

	if (tag < STORE_NULL || tag > STORE_BLOB)
		return false;
	*rest = str_from(*rest, 1);
	*ret = (struct store_val) { .type = (enum store_type)tag };
	if (tag == STORE_INT && !move_get_uint(rest, UINT64_MAX, &n))
		return false;
	ret->integer = unzigzag(n);
	return tag == STORE_NULL || tag == STORE_INT ||
		move_get_text(rest, MOVE_ROW_MAX, &ret->bytes);
}

int move_row_get(struct str *rest, const struct table *table,
	struct store_val vals[TABLE_COLUMNS_MAX], struct err *err)
{
	struct str at = *rest;

	for (int i = 0; i < table->column_count; i++) {
		const char *why =
			get_val(&at, &vals[i]) ? objection(table, i, &vals[i]) : "cannot be read";
		if (why)
			return err_set(err, ERR_UNREADABLE, "%s.%s %s", table->name,
				table->columns[i].name, why);
	}
	*rest = at;
	return 0;
}

uint16_t move_row_bucket(const struct table *table, const struct store_val *vals)
{
	return table->bucket < 0 ? 0 : (uint16_t)vals[table->bucket].integer;
}
