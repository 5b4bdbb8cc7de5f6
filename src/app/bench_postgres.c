/* SPDX-License-Identifier: Apache-2.0 */
/* The calibration engine PostgreSQL: bare libpq in pipeline mode. A sale is a transaction and one
 * round trip: BEGIN, its rows and COMMIT are sent together, then all answers are read. There are as
 * many connections as the store has tellers, each in a thread.
 *
 * The calibration's tables lie in a schema of their own in the same database: the same cluster, log
 * and disk, in the same minute. After a filling they are the server's own. */
#include <arpa/inet.h>
#include <dirent.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "app/bench_calibrate_impl.h"
#include "base/num.h"

#define SCHEMA "zegel_bench"
/* As store/postgres_impl.h has it; the store does not tell how many tellers it has. */
#define TELLERS_PER_CORE 2
#define TELLERS_MIN 2
#define TELLERS_MAX 16
/* Rows of the largest transaction: what is made before measuring. */
#define SENT_MAX 1000

struct calibration_conn {
	PGconn *pg;
	int sent; /* statements whose answers are not read yet, BEGIN and COMMIT among them */
	enum fact facts[SENT_MAX + FACTS + 2];
	bool prepared[FACTS];
};

static int writers(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) * TELLERS_PER_CORE;

	return n < TELLERS_MIN ? TELLERS_MIN : n > TELLERS_MAX ? TELLERS_MAX : (int)n;
}

/* ---- words ---- */

/* The first line of what libpq says, which names no password. */
static int fail(PGconn *pg, const char *what, struct err *err)
{
	const char *why = PQerrorMessage(pg);

	return err_set(err, ERR_STORE, "calibration: %.80s: %.*s", what, (int)strcspn(why, "\n"),
		why);
}

static void quiet(void *user, const PGresult *result)
{
	(void)user;
	(void)result;
}

static int dial(const char *url, PGconn **ret, struct err *err)
{
	PGconn *pg = PQconnectdb(url);
	int rc = PQstatus(pg) == CONNECTION_OK ? 0 : fail(pg, "connecting", err);

	if (rc < 0) {
		PQfinish(pg);
		return rc;
	}
	PQsetNoticeReceiver(pg, quiet, NULL);
	*ret = pg;
	return 0;
}

/* One answer of one statement; `ret`, if it is not NULL, gets its first column, line by line. */
static int ask(PGconn *pg, const char *sql, struct buf *ret, struct err *err)
{
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	int rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : fail(pg, sql, err);

	for (int i = 0; rc == 0 && ret && i < PQntuples(result); i++)
		buf_printf(ret, "%s%s", i ? "\n" : "", PQgetvalue(result, i, 0));
	PQclear(result);
	return rc;
}

static int dial_and_ask(const char *url, const char *sql, struct buf *ret, struct err *err)
{
	PGconn *pg = NULL;
	int rc = dial(url, &pg, err);

	if (rc == 0)
		rc = ask(pg, sql, ret, err);
	PQfinish(pg);
	return rc;
}

/* ---- tables ---- */

#define RELATIONS \
	"SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" \
	" WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"

static int look(struct bench_place *place, struct err *err)
{
	struct buf found BUF_AUTO;
	int rc;

	if (strstr(place->url, "options="))
		return err_set(err, ERR_INVALID,
			"a URL without options=, please: the calibration has a schema of its own");
	buf_init(&found, NULL, 1 << 20);
	rc = dial_and_ask(place->url,
		RELATIONS " AND (n.nspname = current_schema() OR n.nspname = '" SCHEMA "') LIMIT 3",
		&found, err);
	if (rc < 0)
		return rc;
	if (buf_str(&found).len) {
		struct str rest = buf_str(&found);
		struct str first = str_cut(&rest, '\n');
		return err_set(err, ERR_CONFLICT,
			"the database is not empty (it has %.*s): make one for the bench (createdb NAME)",
			STR_ARG(first));
	}
	snprintf(place->calibration, sizeof(place->calibration),
		"%s%coptions=-csearch_path%%3D" SCHEMA, place->url,
		strchr(place->url, '?') ? '&' : '?');
	place->made = true;
	return 0;
}

static int make(const struct bench_place *place, struct err *err)
{
	struct store_options options = { .url = str_of(place->calibration),
		.rooms = api_rooms,
		.room_count = api_room_count,
		.clock = clock_system() };
	int rc = dial_and_ask(place->url, "CREATE SCHEMA " SCHEMA, NULL, err);

	return rc < 0 ? rc : store_migrate(&options, false, NULL, NULL, err);
}

static int each_table(PGconn *pg, const char *of_schema, const char *sql, struct err *err)
{
	struct buf names BUF_AUTO;
	char text[1024];
	int rc;

	buf_init(&names, NULL, 1 << 20);
	snprintf(text, sizeof(text), RELATIONS " AND n.nspname = %s ORDER BY 1", of_schema);
	rc = ask(pg, text, &names, err);
	for (struct str rest = buf_str(&names); rc == 0 && rest.len;) {
		struct str name = str_cut(&rest, '\n');
		snprintf(text, sizeof(text), sql, STR_ARG(name), STR_ARG(name));
		rc = ask(pg, text, NULL, err);
	}
	return rc;
}

/* There is no copy: it would take as much room again, and longer than the filling. */
static int share(struct bench_place *place, struct err *err)
{
	struct err ignored;
	PGconn *pg = NULL;
	int rc = dial(place->url, &pg, err);

	if (rc == 0)
		rc = ask(pg, "VACUUM (ANALYZE)", NULL, err);
	if (rc == 0) /* what is written now is not the measurement's; only some may say so */
		(void)ask(pg, "CHECKPOINT", NULL, &ignored);
	PQfinish(pg);
	snprintf(place->calibration, sizeof(place->calibration), "%s", place->url);
	return rc;
}

static int drop(const struct bench_place *place, struct err *err)
{
	PGconn *pg = NULL;
	int rc = dial(place->url, &pg, err);

	if (rc == 0)
		rc = ask(pg, "DROP SCHEMA IF EXISTS " SCHEMA " CASCADE", NULL, err);
	if (rc == 0)
		rc = each_table(pg, "current_schema()", "DROP TABLE IF EXISTS \"%.*s\" CASCADE",
			err);
	PQfinish(pg);
	return rc;
}

/* ---- the server's processes ---- */

static bool is_near(PGconn *pg)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if (getpeername(PQsocket(pg), (struct sockaddr *)&peer, &len) != 0)
		return false;
	if (peer.ss_family == AF_INET)
		return ntohl(((struct sockaddr_in *)&peer)->sin_addr.s_addr) == INADDR_LOOPBACK;
	return peer.ss_family == AF_UNIX;
}

/* "/proc/PID/stat" after the name of the program, which may hold anything. */
static bool read_stat(pid_t pid, int *ret_parent, double *ret_own, double *ret_ended)
{
	unsigned long user, kernel, ended_user, ended_kernel;
	char path[64], text[1024];
	const char *after;
	size_t n;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	after = strrchr(text, ')');
	if (!after || !strstr(text, "(postgres)") ||
		sscanf(after + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
			ret_parent, &user, &kernel, &ended_user, &ended_kernel) != 5)
		return false;
	*ret_own = (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
	*ret_ended = (double)(ended_user + ended_kernel) / (double)sysconf(_SC_CLK_TCK);
	return true;
}

/* The first of PostgreSQL's processes, the parent of all others; 0: not on this machine. */
static pid_t find_pid(const struct bench_place *place)
{
	double own, ended;
	struct err err;
	PGconn *pg = NULL;
	int parent = 0;

	if (dial(place->url, &pg, &err) < 0)
		return 0;
	if (!is_near(pg) || !read_stat(PQbackendPID(pg), &parent, &own, &ended))
		parent = 0;
	PQfinish(pg);
	return parent;
}

/* Of the first process, of those that live, and of those that ended. */
static double cpu(pid_t first)
{
	double own, ended, sum = 0;
	const struct dirent *entry;
	int64_t pid;
	int parent;
	DIR *proc;

	if (!first || !read_stat(first, &parent, &own, &ended))
		return 0;
	sum = own + ended;
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc)))
		if (num_parse_range(str_of(entry->d_name), 1, INT32_MAX, &pid) &&
			read_stat((pid_t)pid, &parent, &own, &ended) && parent == first)
			sum += own;
	if (proc)
		closedir(proc);
	return sum;
}

static int64_t room(const struct bench_place *place)
{
	struct buf folder BUF_AUTO;
	struct statvfs fs;
	struct err err;

	buf_init(&folder, NULL, 4096);
	if (!find_pid(place) ||
		dial_and_ask(place->url, "SELECT current_setting('data_directory')", &folder,
			&err) < 0)
		return -1;
	buf_char(&folder, '\0');
	if (folder.failed || statvfs(folder.ptr, &fs) != 0)
		return -1;
	return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

/* ---- a connection ---- */

static void disconnect(struct calibration_conn *conn)
{
	PQfinish(conn->pg);
	free(conn);
}

static int connect_to(const struct bench_place *place, struct calibration_conn **ret,
	struct err *err)
{
	struct calibration_conn *conn = calloc(1, sizeof(*conn));
	int rc;

	if (!conn)
		return err_set(err, ERR_NO_MEMORY, "no memory to calibrate");
	rc = dial(place->calibration, &conn->pg, err);
	if (rc == 0)
		rc = ask(conn->pg, "SET jit = off", NULL, err);
	if (rc == 0 && !PQenterPipelineMode(conn->pg))
		rc = fail(conn->pg, "pipeline mode", err);
	if (rc < 0)
		disconnect(conn);
	else
		*ret = conn;
	return rc;
}

/* ---- writing ---- */

/* Types by their numbers, which PostgreSQL never changes; 0: not known. */
static Oid type_of(const struct store_val *val)
{
	static const Oid types
		[] = { [STORE_NULL] = 0, [STORE_INT] = 20, [STORE_TEXT] = 25, [STORE_BLOB] = 17 };
	return types[val->type];
}

/* Where NULL is bound at first the server takes the column's type; no such column is a number. */
static int prepare(struct calibration_conn *conn, enum fact fact, struct store_args args,
	struct err *err)
{
	const struct store_stmt *stmt = room_statement(fact_statements[fact].name);
	Oid types[FACT_PARAMS_MAX];
	char name[8];

	if (conn->prepared[fact])
		return 0;
	for (size_t i = 0; i < args.count; i++)
		types[i] = type_of(&args.vals[i]);
	snprintf(name, sizeof(name), "f%d", (int)fact);
	if (!PQsendPrepare(conn->pg, name, stmt->sql, (int)args.count, types))
		return fail(conn->pg, stmt->name, err);
	conn->prepared[fact] = true;
	conn->facts[conn->sent++] = FACTS;
	return 0;
}

static int put(struct calibration_conn *conn, enum fact fact, struct store_args args,
	struct err *err)
{
	const char *values[FACT_PARAMS_MAX];
	int lengths[FACT_PARAMS_MAX], formats[FACT_PARAMS_MAX];
	uint64_t numbers[FACT_PARAMS_MAX];
	char name[8];
	int rc = prepare(conn, fact, args, err);

	if (rc < 0)
		return rc;
	if (conn->sent >= SENT_MAX)
		return err_set(err, ERR_INTERNAL, "calibration: a transaction of too many rows");
	for (size_t i = 0; i < args.count; i++) {
		const struct store_val *val = &args.vals[i];
		bool number = val->type == STORE_INT;
		numbers[i] = htobe64((uint64_t)val->integer);
		formats[i] = 1;
		lengths[i] = number ? (int)sizeof(numbers[i]) : (int)val->bytes.len;
		values[i] = number                ? (const char *)&numbers[i]
			: val->type == STORE_NULL ? NULL
						  : val->bytes.ptr;
	}
	snprintf(name, sizeof(name), "f%d", (int)fact);
	if (!PQsendQueryPrepared(conn->pg, name, (int)args.count, values, lengths, formats, 1))
		return fail(conn->pg, fact_statements[fact].name, err);
	conn->facts[conn->sent++] = fact;
	return 0;
}

/* BEGIN, COMMIT. */
static int word(struct calibration_conn *conn, const char *sql, struct err *err)
{
	if (!PQsendQueryParams(conn->pg, sql, 0, NULL, NULL, NULL, NULL, 1))
		return fail(conn->pg, sql, err);
	conn->facts[conn->sent++] = FACTS;
	return 0;
}

static int begin(struct calibration_conn *conn, struct err *err)
{
	conn->sent = 0;
	return word(conn, "BEGIN", err);
}

/* FACTS: nothing is counted. */
static int hear(struct calibration_conn *conn, enum fact fact, struct err *err)
{
	const char *name = fact == FACTS ? "a transaction" : fact_statements[fact].name;
	PGresult *result = PQgetResult(conn->pg);
	int rc = 0;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		rc = fail(conn->pg, name, err);
	else if (fact != FACTS && strcmp(PQcmdTuples(result), "1") != 0)
		rc = err_set(err, ERR_INTERNAL, "calibration: %s changed no row", name);
	PQclear(result);
	if (rc == 0 && (result = PQgetResult(conn->pg))) {
		PQclear(result);
		rc = err_set(err, ERR_INTERNAL, "calibration: %s has two answers", name);
	}
	return rc;
}

static int commit(struct calibration_conn *conn, struct err *err)
{
	int rc = word(conn, "COMMIT", err);
	PGresult *end;

	if (rc == 0 && !PQpipelineSync(conn->pg))
		rc = fail(conn->pg, "COMMIT", err);
	for (int i = 0; i < conn->sent && rc == 0; i++)
		rc = hear(conn, conn->facts[i], err);
	if (rc < 0)
		return rc;
	end = PQgetResult(conn->pg);
	if (PQresultStatus(end) != PGRES_PIPELINE_SYNC)
		rc = fail(conn->pg, "the end of a transaction", err);
	PQclear(end);
	return rc;
}

const struct calibration_engine postgres_calibration = {
	.name = "libpq",
	.processes = "PostgreSQL",
	.groups = false,
	.writers = writers,
	.look = look,
	.make = make,
	.shares = true,
	.copy = share,
	.room = room,
	.member_bytes = 2400,
	.sale_bytes = 3600,
	.drop = drop,
	.find_pid = find_pid,
	.cpu = cpu,
	.open = connect_to,
	.close = disconnect,
	.begin = begin,
	.put = put,
	.commit = commit,
};
