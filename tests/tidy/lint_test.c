/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement and migration of every room, as one program opens them, is text that both engines
 * take (D8). The rules are store_lint's. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/app.h"
#include "app/backup.h"
#include "store/store_lint.h"
#include "store/tables.h"
#include "tests/support/test.h"

/* What the command line has and this test has not. */
int complain(const struct settings *settings, const struct err *err)
{
	return EXIT_FAILED;
}

static void print_fault(void *user, const char *stmt, const char *why)
{
	print_error("%s: %s\n", stmt, why);
}

static void the_rooms_of_the_contract(void **state)
{
	assert_true(api_room_count > 0);
	assert_int_equal(store_lint(api_rooms, api_room_count, print_fault, NULL), 0);
}

static void the_table_of_backups(void **state)
{
	const struct store_room *rooms[] = { &backup_room };

	assert_int_equal(store_lint(rooms, 1, print_fault, NULL), 0);
}

static void no_room_twice(void **state)
{
	for (size_t i = 0; i < api_room_count; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(api_rooms[i]->name, api_rooms[k]->name);
}

/* ---- the tables that are read from the steps are those that SQLite makes of them ---- */

static const struct store_stmt list_columns = { "lint.list_columns", STORE_REFERENCE,
	"SELECT name, type, \"notnull\", pk FROM pragma_table_info($1) ORDER BY cid" };
static const struct store_stmt count_tables = { "lint.count_tables", STORE_REFERENCE,
	"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name <> 'schema_steps'" };

/* The place of a column in the key as SQLite has it, from 1; 0: it is none. */
static int place_in_key(const struct table *table, int column)
{
	int n = table->key_count, first = table->grows ? n - 1 : 0;
	for (int i = 0; i < n; i++) {
		if (table->key[(first + i) % n] == column)
			return i + 1;
	}
	return 0;
}

static void compare(struct store_tx *tx, const struct table *table)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	struct err err;
	int i = 0;
	assert_ok(store_query(tx, &list_columns, ARGS(V_TEXT(str_of(table->name))), &rows, &err),
		&err);
	for (; store_next(rows, &err) == 1; i++) {
		assert_row(table->name, i < table->column_count);
		const struct column *column = &table->columns[i];
		assert_str(store_bytes(rows, 0), column->name);
		assert_str(store_bytes(rows, 1), column_type_name(column->type));
		assert_row(column->name, store_int(rows, 2) == !column->nullable);
		assert_row(column->name, store_int(rows, 3) == place_in_key(table, i));
	}
	assert_row(table->name, i == table->column_count);
}

static void tables_are_those_of_the_steps(void **state)
{
	const struct store_options options = { .url = STR("sqlite::memory:"),
		.rooms = api_rooms,
		.room_count = api_room_count };
	struct store_rows *rows = NULL;
	struct tables tables;
	struct store *store;
	struct store_tx *tx;
	struct err err;
	assert_ok(tables_read(api_rooms, api_room_count, &tables, &err), &err);
	assert_ok(store_open(&options, &store, &err), &err);
	assert_ok(store_read_begin(store, &tx, &err), &err);
	for (size_t i = 0; i < tables.count; i++)
		compare(tx, &tables.list[i]);
	assert_ok(store_query(tx, &count_tables, NO_ARGS, &rows, &err), &err);
	assert_int_equal(store_next(rows, &err), 1);
	assert_int_equal(store_int(rows, 0), tables.count);
	store_rows_done(&rows);
	store_read_end(&tx);
	store_close(&store);
	tables_done(&tables);
}

/* ---- PostgreSQL takes every statement ---- */

#define TEXT 25
#define INT8 20
#define BYTEA 17
#define PARAMS_MAX 64

/* The types that the driver sends, where the server would guess those of the columns. 0: a type
 * that nothing of ours can have. */
static Oid sent_as(Oid guessed)
{
	switch (guessed) {
	case 20: /* BIGINT, INTEGER, SMALLINT */
	case 23:
	case 21:
		return INT8;
	case TEXT:
	case BYTEA:
		return guessed;
	default:
		return 0;
	}
}

static int complain_of(const char *name, const char *why)
{
	print_error("%s: %s\n", name, why);
	return 1;
}

/* As it is, for NULL in every place; then with the types of values. */
static int prepare(PGconn *pg, const struct store_stmt *stmt)
{
	Oid types[PARAMS_MAX];
	int faults = 0;
	PGresult *result = PQprepare(pg, "", stmt->sql, 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		faults = complain_of(stmt->name, PQresultErrorMessage(result));
	PQclear(result);
	if (faults)
		return faults;
	result = PQdescribePrepared(pg, "");
	int count = PQnparams(result);
	for (int i = 0; i < count; i++) {
		types[i] = sent_as(PQparamtype(result, i));
		if (!types[i])
			faults += complain_of(stmt->name, "a parameter of a strange type");
	}
	PQclear(result);
	result = PQprepare(pg, "", stmt->sql, count, types);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		faults += complain_of(stmt->name, PQresultErrorMessage(result));
	PQclear(result);
	return faults;
}

static int prepare_rooms(PGconn *pg)
{
	int faults = 0;
	for (size_t i = 0; i < api_room_count; i++)
		for (size_t k = 0; k < api_rooms[i]->statement_count; k++)
			faults += prepare(pg, &api_rooms[i]->statements[k]);
	return faults;
}

static void say(PGconn *pg, const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	PQclear(result);
}

static void on_notice(void *user, const PGresult *result) {}

static void postgres_takes_them(void **state)
{
	const char *base = getenv("ZEGEL_TEST_POSTGRES");
	char schema[64], sql[128], url[512];
	struct err err;
	if (!base)
		skip();
	snprintf(schema, sizeof(schema), "lint_%ld", (long)getpid());
	snprintf(url, sizeof(url), "%s%coptions=-csearch_path%%3D%s", base,
		strchr(base, '?') ? '&' : '?', schema);
	PGconn *pg = PQconnectdb(url);
	assert_int_equal(PQstatus(pg), CONNECTION_OK);
	PQsetNoticeReceiver(pg, on_notice, NULL);
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", schema);
	say(pg, sql);
	const struct store_options options = { .url = str_of(url),
		.rooms = api_rooms,
		.room_count = api_room_count };
	assert_ok(store_migrate(&options, false, NULL, NULL, &err), &err);
	assert_int_equal(prepare_rooms(pg), 0);
	snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", schema);
	say(pg, sql);
	PQfinish(pg);
}

int main(void)
{
	return TEST_MAIN(test(the_rooms_of_the_contract), test(the_table_of_backups),
		test(no_room_twice), test(tables_are_those_of_the_steps),
		test(postgres_takes_them));
}
