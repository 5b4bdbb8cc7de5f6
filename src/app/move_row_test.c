/* SPDX-License-Identifier: Apache-2.0 */
/* A row as bytes, and what a row may not hold. */
#include "app/move_fixture_impl.h"

/* ---- values that no other engine takes ---- */

static const struct store_stmt *bad_stmt;

static int run_bad(struct job *job, struct store_tx *tx, struct err *err)
{
	return store_write(tx, bad_stmt, ARGS(V_TEXT(STR("\xff"))), 1, err);
}

static void a_value_no_other_engine_takes(void **state)
{
	static const struct store_stmt bad[] = {
		{ "test.bad", STORE_REFERENCE, "UPDATE shops SET name = $1 WHERE id = 4" },
		{ "test.bad", STORE_ONE,
			"UPDATE accounts SET bucket = 65536 WHERE bucket = 10 AND $1 = $1" },
	};
	static const char *const why[] = { "shops.name is no text (UTF-8)",
		"accounts.bucket is no bucket" };
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		struct err err;
		move_world_init(&w);
		bad_stmt = &bad[i];
		assert_int_equal(do_job(&w.from, run_bad), 0);
		assert_int_equal(move_export(&w, &w.from, &err), ERR_BROKEN);
		assert_string_equal(err.text, why[i]);
		move_world_done(&w);
	}
}

/* ---- a row as bytes ---- */

static void rows_are_cut_anywhere(void **state)
{
	struct world w;
	struct err err;
	struct buf row BUF_AUTO;
	const struct store_val vals[] = { V_INT(INT64_MIN), V_INT(65535), V_INT(INT64_MAX),
		V_INT(0), V_TEXT(STR("caf\xc3\xa9")), V_BLOB("\0\1", 2) };
	struct store_val got[TABLE_COLUMNS_MAX];
	move_world_init(&w);
	const struct table *table = tables_find(&w.tables, STR("entries"));
	buf_init(&row, NULL, 1000);
	move_row_put(&row, table, vals);
	struct str rest = buf_str(&row);
	assert_ok(move_row_get(&rest, table, got, &err), &err);
	assert_int_equal(rest.len, 0);
	assert_true(got[0].integer == INT64_MIN && got[2].integer == INT64_MAX);
	assert_true(str_eq(got[5].bytes, vals[5].bytes));
	for (size_t n = 0; n < row.len; n++) {
		rest = str_first(buf_str(&row), n);
		assert_int_equal(move_row_get(&rest, table, got, &err), ERR_UNREADABLE);
		assert_int_equal(rest.len, n);
	}
	move_world_done(&w);
}

static const struct {
	const char *name, *bytes;
	size_t len;
	bool good;
	uint64_t n;
} numbers[] = {
	{ "zero", "\0", 1, true, 0 },
	{ "one byte", "\x7f", 1, true, 127 },
	{ "two bytes", "\x80\x01", 2, true, 128 },
	{ "the largest", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX },
	{ "none", "", 0, false, 0 },
	{ "cut", "\x80", 1, false, 0 },
	{ "a longer way", "\x80\0", 2, false, 0 },
	{ "65 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03", 10, false, 0 },
	{ "eleven bytes", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, false, 0 },
};

static void numbers_have_one_way(void **state)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct str rest = str_bytes(numbers[i].bytes, numbers[i].len);
		uint64_t n = 0;
		bool good = move_get_uint(&rest, UINT64_MAX, &n);
		assert_row(numbers[i].name, good == numbers[i].good);
		assert_row(numbers[i].name, !good || (n == numbers[i].n && !rest.len));
		assert_row(numbers[i].name, good || rest.len == numbers[i].len);
		rest = str_bytes(numbers[i].bytes, numbers[i].len);
		assert_row(numbers[i].name, !good || !n || !move_get_uint(&rest, n - 1, &n));
	}
}

int main(void)
{
	return TEST_MAIN(test(a_value_no_other_engine_takes), test(rows_are_cut_anywhere),
		test(numbers_have_one_way));
}
