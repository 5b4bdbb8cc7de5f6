/* SPDX-License-Identifier: Apache-2.0 */
/* The store that a house stands in: SQLite in memory, or PostgreSQL. There a program of tests has a
 * schema of its own, migrated once and dropped at its end; each house finds its tables empty. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/rooms.h"
#include "house.h"
#include "test.h"

static bool on_postgres;
static char schema[64], url[512];

static void quiet(void *user, const PGresult *result)
{
	(void)user;
	(void)result;
}

/* A test that failed may have left its house open: nobody waits for it for long. */
static PGconn *connect(void)
{
	PGconn *pg = PQconnectdb(getenv("ZEGEL_TEST_POSTGRES"));

	if (PQstatus(pg) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(pg));
	PQsetNoticeReceiver(pg, quiet, NULL);
	PQclear(PQexec(pg, "SET lock_timeout = '10s'"));
	return pg;
}

static void say(PGconn *pg, const char *format, const char *name)
{
	char sql[512];

	snprintf(sql, sizeof(sql), format, schema, name);
	PGresult *result = PQexec(pg, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	PQclear(result);
}

static void drop_schema(void)
{
	PGconn *pg = connect();

	say(pg, "DROP SCHEMA %s CASCADE", "");
	PQfinish(pg);
}

static void make_schema(struct clock *clock)
{
	const char *base = getenv("ZEGEL_TEST_POSTGRES");
	struct store_options options = { .rooms = api_rooms,
		.room_count = api_room_count,
		.clock = clock };
	PGconn *pg = connect();
	struct err err;

	snprintf(schema, sizeof(schema), "house_%ld", (long)getpid());
	say(pg, "CREATE SCHEMA %s", "");
	PQfinish(pg);
	atexit(drop_schema);
	snprintf(url, sizeof(url), "%s%coptions=-csearch_path%%3D%s", base,
		strchr(base, '?') ? '&' : '?', schema);
	options.url = str_of(url);
	assert_ok(store_migrate(&options, false, NULL, NULL, &err), &err);
}

static void empty_tables(void)
{
	static const char list[] = "SELECT tablename FROM pg_tables WHERE schemaname = $1"
				   " AND tablename NOT LIKE 'schema\\_%'";
	const char *const values[] = { schema };
	PGconn *pg = connect();
	PGresult *tables = PQexecParams(pg, list, 1, NULL, values, NULL, NULL, 0);

	assert_true(PQntuples(tables) > 10);
	PQclear(PQexec(pg, "BEGIN"));
	for (int i = 0; i < PQntuples(tables); i++)
		say(pg, "DELETE FROM %s.%s", PQgetvalue(tables, i, 0));
	say(pg, "COMMIT", "");
	PQclear(tables);
	PQfinish(pg);
}

bool house_choose(int argc, char **argv)
{
	on_postgres = argc > 1 && strcmp(argv[1], "postgresql") == 0;
	if (!on_postgres || getenv("ZEGEL_TEST_POSTGRES"))
		return true;
	puts("1..0 # skip there is no PostgreSQL (ZEGEL_TEST_POSTGRES)");
	return false;
}

bool house_is_embedded(void)
{
	return !on_postgres;
}

const char *house_ground(struct clock *clock)
{
	if (!on_postgres)
		return "sqlite::memory:";
	if (schema[0])
		empty_tables();
	else
		make_schema(clock);
	return url;
}
