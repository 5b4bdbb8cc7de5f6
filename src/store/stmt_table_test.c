/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a statement is found while the table grows, and a table that is full stays whole.
 */
#include "store/stmt_table.h"

#include "tests/support/test.h"

static struct store_stmt stmts[STMT_TABLE_MAX + 1];

static void found_until_it_is_full(void **state)
{
	(void)state;
	struct stmt_table table = { 0 };
	struct err err;
	assert_null(stmt_table_find(&table, &stmts[0]));
	for (size_t i = 0; i < STMT_TABLE_MAX; i++) {
		assert_null(stmt_table_find(&table, &stmts[i]));
		assert_ok(stmt_table_put(&table, &stmts[i], &stmts[i], &err), &err);
	}
	assert_int_equal(stmt_table_put(&table, &stmts[STMT_TABLE_MAX], &table, &err),
		ERR_INTERNAL);
	assert_null(stmt_table_find(&table, &stmts[STMT_TABLE_MAX]));
	for (size_t i = 0; i < STMT_TABLE_MAX; i++)
		assert_ptr_equal(stmt_table_find(&table, &stmts[i]), &stmts[i]);
	assert_int_equal(table.count, STMT_TABLE_MAX);
	stmt_table_free(&table);
	assert_null(stmt_table_find(&table, &stmts[0]));
}

static void the_last_put_counts(void **state)
{
	(void)state;
	struct stmt_table table = { 0 };
	struct err err;
	int first, last;
	assert_ok(stmt_table_put(&table, &stmts[0], &first, &err), &err);
	assert_ok(stmt_table_put(&table, &stmts[0], &last, &err), &err);
	assert_ptr_equal(stmt_table_find(&table, &stmts[0]), &last);
	assert_int_equal(table.count, 1);
	stmt_table_free(&table);
}

int main(void)
{
	return TEST_MAIN(test(found_until_it_is_full), test(the_last_put_counts));
}
