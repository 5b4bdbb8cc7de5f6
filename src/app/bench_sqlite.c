/* SPDX-License-Identifier: Apache-2.0 */
/* The calibration engine SQLite: one connection, groups as large as the server's. Page size, log,
 * sync and cache are the writer's (store/sqlite.c); the log is copied when it has 64 MB, by this
 * thread: a longer mark than the writer's costs less. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sqlite3.h>

#include "app/bench_calibrate_impl.h"

#define SCHEME "sqlite:"
#define PRAGMAS \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;" \
	"PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192;" \
	"PRAGMA journal_size_limit = 268435456"

struct statement {
	sqlite3_stmt *stmt;
	int place[FACT_PARAMS_MAX + 1]; /* of $1, $2, ... in SQLite's numbering */
};
struct calibration_conn {
	sqlite3 *db;
	struct statement facts[FACTS];
};

static const char *path_of(const char *url)
{
	return url + strlen(SCHEME);
}

/* ---- files ---- */

static int look(struct bench_place *place, struct err *err)
{
	const char *path = path_of(place->url);

	if (place->given && (strcmp(path, ":memory:") == 0 || access(path, F_OK) == 0))
		return err_set(err, ERR_CONFLICT,
			"%s is there already; the bench wants the name of a file that is not",
			path);
	snprintf(place->calibration, sizeof(place->calibration), "%s.calibration", place->url);
	place->made = true;
	return 0;
}

static int make(const struct bench_place *place, struct err *err)
{
	struct store_options options = { .url = str_of(place->calibration),
		.rooms = api_rooms,
		.room_count = api_room_count,
		.clock = clock_system() };

	return store_migrate(&options, false, NULL, NULL, err);
}

static int copy(struct bench_place *place, struct err *err)
{
	const char *to = path_of(place->calibration);
	char log[1200];
	struct stat st;
	int rc = 0;

	snprintf(log, sizeof(log), "%s-wal", path_of(place->url));
	if (stat(log, &st) == 0 && st.st_size > 0)
		return err_set(err, ERR_INTERNAL, "%s is not empty: the store is open", log);
	int in = open(path_of(place->url), O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = in < 0 || out < 0 ? -1 : 1;

	while (n > 0)
		n = copy_file_range(in, NULL, out, NULL, 64 << 20, 0);
	if (n < 0 || fsync(out) != 0)
		rc = err_set(err, ERR_IO, "%s: %s", to, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

static int64_t room(const struct bench_place *place)
{
	char folder[1100];
	struct statvfs fs;
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path_of(place->url));
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	if (statvfs(slash ? folder : ".", &fs) != 0)
		return -1;
	return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

static int drop(const struct bench_place *place, struct err *err)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	const char *const urls[] = { place->url, place->calibration };
	char path[1200];

	for (size_t u = 0; u < 2; u++) {
		for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
			snprintf(path, sizeof(path), "%s%s", path_of(urls[u]), ends[i]);
			if (unlink(path) != 0 && errno != ENOENT)
				return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		}
	}
	return 0;
}

/* ---- a connection ---- */

static int fail(struct calibration_conn *conn, const char *what, struct err *err)
{
	return err_set(err, ERR_STORE, "calibration: %s: %s", what, sqlite3_errmsg(conn->db));
}

static int run_sql(struct calibration_conn *conn, const char *sql, struct err *err)
{
	return sqlite3_exec(conn->db, sql, NULL, NULL, NULL) ? fail(conn, sql, err) : 0;
}

static int prepare(struct calibration_conn *conn, enum fact fact, struct err *err)
{
	const char *name = fact_statements[fact].name;
	struct statement *to = &conn->facts[fact];
	char param[8];

	if (sqlite3_prepare_v3(conn->db, room_statement(name)->sql, -1, SQLITE_PREPARE_PERSISTENT,
		    &to->stmt, NULL))
		return fail(conn, name, err);
	for (int i = 1; i <= fact_statements[fact].params; i++) {
		snprintf(param, sizeof(param), "$%d", i);
		to->place[i] = sqlite3_bind_parameter_index(to->stmt, param);
	}
	return 0;
}

static void disconnect(struct calibration_conn *conn)
{
	for (int f = 0; f < FACTS; f++)
		sqlite3_finalize(conn->facts[f].stmt);
	sqlite3_close(conn->db);
	free(conn);
}

static int connect_to(const struct bench_place *place, struct calibration_conn **ret,
	struct err *err)
{
	struct calibration_conn *conn = calloc(1, sizeof(*conn));
	int rc;

	if (!conn)
		return err_set(err, ERR_NO_MEMORY, "no memory to calibrate");
	rc = sqlite3_open_v2(path_of(place->calibration), &conn->db,
		     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
		? fail(conn, "open", err)
		: run_sql(conn, PRAGMAS, err);
	for (int f = 0; f < FACTS && rc == 0; f++)
		rc = prepare(conn, (enum fact)f, err);
	if (rc < 0)
		disconnect(conn);
	else
		*ret = conn;
	return rc;
}

/* ---- writing ---- */

static int bind(sqlite3_stmt *stmt, int place, const struct store_val *val)
{
	switch (val->type) {
	case STORE_INT:
		return sqlite3_bind_int64(stmt, place, val->integer);
	case STORE_TEXT:
		return sqlite3_bind_text(stmt, place, val->bytes.ptr, (int)val->bytes.len,
			SQLITE_STATIC);
	case STORE_BLOB:
		return sqlite3_bind_blob(stmt, place, val->bytes.ptr, (int)val->bytes.len,
			SQLITE_STATIC);
	case STORE_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, place);
}

static int put(struct calibration_conn *conn, enum fact fact, struct store_args args,
	struct err *err)
{
	struct statement *s = &conn->facts[fact];

	for (size_t i = 0; i < args.count; i++)
		if (bind(s->stmt, s->place[i + 1], &args.vals[i]) != SQLITE_OK)
			return fail(conn, fact_statements[fact].name, err);
	if (sqlite3_step(s->stmt) != SQLITE_DONE)
		return fail(conn, fact_statements[fact].name, err);
	sqlite3_reset(s->stmt);
	if (sqlite3_changes(conn->db) != 1)
		return err_set(err, ERR_INTERNAL, "calibration: %s changed no row",
			fact_statements[fact].name);
	return 0;
}

static int begin(struct calibration_conn *conn, struct err *err)
{
	return run_sql(conn, "BEGIN IMMEDIATE", err);
}

static int commit(struct calibration_conn *conn, struct err *err)
{
	return run_sql(conn, "COMMIT", err);
}

static int one(void)
{
	return 1;
}

const struct calibration_engine sqlite_calibration = {
	.name = "SQLite",
	.groups = true,
	.writers = one,
	.look = look,
	.make = make,
	.copy = copy,
	.room = room,
	.member_bytes = 1200,
	.sale_bytes = 2200,
	.drop = drop,
	.open = connect_to,
	.close = disconnect,
	.begin = begin,
	.put = put,
	.commit = commit,
};
