/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting: the URL, what a server must be, and coming back to one that was away.
 *
 * The URL is libpq's own. What it leaves open is set here so that a server that is gone is noticed
 * within seconds and a standby is not taken for the primary; several hosts are tried in a new order
 * each time, so that many programs do not all lean on the first. Messages name no host's password
 * and no URL. To add a cause that a user can mend: a row in `causes`. */
#include "store/postgres_impl.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"

/* ---- the URL ---- */

/* What the URL does not say. */
static const struct {
	const char *word, *value;
} defaults[] = {
	{ "connect_timeout", "2" },
	{ "tcp_user_timeout", "5000" },
	{ "keepalives_idle", "5" },
	{ "keepalives_interval", "2" },
	{ "keepalives_count", "3" },
	{ "fallback_application_name", "zegel" },
	{ "client_encoding", "UTF8" },
};
#define DEFAULT_COUNT (sizeof(defaults) / sizeof(defaults[0]))

static int option_add(struct pg_engine *engine, const char *word, const char *value)
{
	struct pg_option *option = &engine->options[engine->option_count];
	option->word = strdup(word);
	option->value = strdup(value);
	engine->option_count++;
	return option->word && option->value ? 0 : ERR_NO_MEMORY;
}

static const char *option_of(const struct pg_engine *engine, const char *word)
{
	for (size_t i = 0; i < engine->option_count; i++) {
		if (!strcmp(engine->options[i].word, word))
			return engine->options[i].value;
	}
	return NULL;
}

static int options_fill(struct pg_engine *engine, const PQconninfoOption *said)
{
	size_t count = DEFAULT_COUNT + 1;
	for (const PQconninfoOption *o = said; o->keyword; o++)
		count += o->val != NULL;
	engine->options = calloc(count, sizeof(engine->options[0]));
	if (!engine->options)
		return ERR_NO_MEMORY;
	int rc = 0;
	for (; said->keyword && !rc; said++)
		rc = said->val ? option_add(engine, said->keyword, said->val) : 0;
	for (size_t i = 0; i < DEFAULT_COUNT && !rc; i++) {
		if (!option_of(engine, defaults[i].word))
			rc = option_add(engine, defaults[i].word, defaults[i].value);
	}
	if (!rc && !option_of(engine, "target_session_attrs"))
		rc = option_add(engine, "target_session_attrs",
			engine->read_only ? "any" : "read-write");
	return rc;
}

int pg_options_read(struct pg_engine *engine, struct str url, struct err *err)
{
	char text[4096], why[PG_TEXT_MAX];
	char *message = NULL;
	if (url.len >= sizeof(text))
		return err_set(err, ERR_STORE, "the store's URL is too long");
	memcpy(text, url.ptr, url.len);
	text[url.len] = '\0';
	PQconninfoOption *said = PQconninfoParse(text, &message);
	if (!said) {
		/* Its words may hold a part of the URL, and that may hold the password. */
		bool secret = strchr(text, '@') || strstr(text, "password");
		pg_first_line(secret ? "it cannot be read" : message, why);
		PQfreemem(message);
		return err_set(err, ERR_STORE,
			"the store's URL: %s; it looks like "
			"postgresql://USER@HOST:PORT/DATABASE",
			why);
	}
	int rc = options_fill(engine, said);
	PQconninfoFree(said);
	return rc ? err_set(err, rc, "no memory for the store's URL") : 0;
}

void pg_options_free(struct pg_engine *engine)
{
	for (size_t i = 0; i < engine->option_count; i++) {
		free(engine->options[i].word);
		free(engine->options[i].value);
	}
	free(engine->options);
}

/* ---- several hosts ---- */

#define HOSTS_MAX 16

/* The n-th part of a list with commas; a list of one stands for all. */
static struct str part(const char *list, size_t n)
{
	struct str rest = str_of(list), one = str_cut(&rest, ',');
	if (!strchr(list, ','))
		return one;
	while (n--)
		one = str_cut(&rest, ',');
	return one;
}

static size_t parts(const char *list)
{
	size_t count = 1;
	for (; list && *list; list++)
		count += *list == ',';
	return count;
}

static void shuffle(size_t order[HOSTS_MAX], size_t count)
{
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (size_t i = count; i > 1; i--) {
		size_t k = clock_random32(clock_system()) % i, kept = order[i - 1];
		order[i - 1] = order[k];
		order[k] = kept;
	}
}

/* The list in that order. */
static void reorder(const char *list, const size_t *order, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_char(out, ',');
		buf_add(out, part(list, order[i]));
	}
	buf_char(out, '\0');
}

static bool of_hosts(const char *word)
{
	return !strcmp(word, "host") || !strcmp(word, "hostaddr") || !strcmp(word, "port");
}

static size_t host_count(const struct pg_engine *engine)
{
	size_t hosts = parts(option_of(engine, "host"));
	size_t addresses = parts(option_of(engine, "hostaddr"));
	hosts = addresses > hosts ? addresses : hosts;
	return hosts > HOSTS_MAX ? 1 : hosts; /* more are left in their order */
}

static PGconn *connect_to_one(const struct pg_engine *engine)
{
	const char *words[64] = { 0 }, *values[64] = { 0 };
	struct buf lists[3];
	size_t order[HOSTS_MAX], count = host_count(engine), lists_used = 0;
	shuffle(order, count);
	for (size_t i = 0; i < engine->option_count && i < 63; i++) {
		words[i] = engine->options[i].word;
		values[i] = engine->options[i].value;
		if (count < 2 || !of_hosts(words[i]) || lists_used == 3)
			continue;
		buf_init(&lists[lists_used], NULL, 4096);
		reorder(values[i], order, count, &lists[lists_used]);
		if (!lists[lists_used].failed)
			values[i] = lists[lists_used].ptr;
		lists_used++;
	}
	PGconn *pg = PQconnectdbParams(words, values, 0);
	while (lists_used)
		buf_done(&lists[--lists_used]);
	return pg;
}

/* ---- why not ---- */

static const struct {
	const char *words;
	int means;
	const char *advice;
} causes[] = {
	{ "password authentication failed", ERR_STORE,
		"the password in the URL, or in ~/.pgpass, is not that of the role" },
	{ "no password supplied", ERR_STORE,
		"put it into the URL, postgresql://USER:PASSWORD@HOST/DATABASE, or into ~/.pgpass" },
	{ "no pg_hba.conf entry", ERR_STORE, "allow it in the server's pg_hba.conf" },
	{ "role \"", ERR_STORE, "`createuser` makes a role" },
	{ "database \"", ERR_STORE,
		"`createdb -T template0 -E UTF8 --locale=C NAME` makes a database" },
	{ "invalid ", ERR_STORE, "look at the options in the URL" },
	{ "session is read-only", STORE_AWAY,
		"only a read-only standby answers: promote it, or name the primary in the URL" },
	{ "hot standby mode", STORE_AWAY,
		"only a read-only standby answers: promote it, or name the primary in the URL" },
	{ "translate host name", STORE_AWAY, "look at the host in the URL" },
};

static int why_not(struct pg_conn *conn, const char *message)
{
	char line[PG_TEXT_MAX];
	pg_first_line(message, line);
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (!strstr(message, causes[i].words))
			continue;
		err_set(&conn->away_why, ERR_STORE, "%.120s: %s", line, causes[i].advice);
		return causes[i].means;
	}
	err_set(&conn->away_why, ERR_STORE, "the database is away: %s", line);
	return STORE_AWAY;
}

/* ---- what a server must be ---- */

static const char set_up[] =
	"SELECT set_config('jit', 'off', false), set_config('cursor_tuple_fraction', '1', false),"
	" current_setting('server_encoding'), current_setting('synchronous_commit'),"
	" (SELECT source FROM pg_settings WHERE name = 'synchronous_commit'),"
	" (SELECT count(*) FROM pg_extension WHERE extname = 'citus')";
enum { SET_JIT, SET_FRACTION, SET_ENCODING, SET_SYNC, SET_SYNC_SOURCE, SET_CITUS };

/* Was it switched off for this role, database or connection, by somebody who meant us? */
static bool on_purpose(const char *source)
{
	return strcmp(source, "default") != 0 && strcmp(source, "configuration file") != 0 &&
		strcmp(source, "command line") != 0;
}

static int check_settings(struct pg_conn *conn, const PGresult *set)
{
	if (strcmp(PQgetvalue(set, 0, SET_ENCODING), "UTF8") != 0)
		return err_set(&conn->away_why, ERR_STORE,
			"the database is encoded in %s, not UTF8: `createdb -T template0 -E UTF8 "
			"--locale=C NAME` makes one that is",
			PQgetvalue(set, 0, SET_ENCODING));
	if (!strcmp(PQgetvalue(set, 0, SET_SYNC), "off") &&
		!on_purpose(PQgetvalue(set, 0, SET_SYNC_SOURCE)))
		return err_set(&conn->away_why, ERR_STORE,
			"synchronous_commit is off: what was acknowledged could be lost. Set it to "
			"on, or off for this role alone (ALTER ROLE)");
	conn->citus = strcmp(PQgetvalue(set, 0, SET_CITUS), "0") != 0;
	return 0;
}

static int check_server(struct pg_conn *conn)
{
	int version = PQserverVersion(conn->pg);
	if (version < PG_VERSION_MIN)
		return err_set(&conn->away_why, ERR_STORE,
			"the server is PostgreSQL %d: Zegel needs %d or newer (pg_upgrade)",
			version / 10000, PG_VERSION_MIN / 10000);
	PGresult *set = PQexec(conn->pg, set_up);
	int rc = PQresultStatus(set) == PGRES_TUPLES_OK ? check_settings(conn, set)
							: why_not(conn, PQerrorMessage(conn->pg));
	PQclear(set);
	if (!rc && (!PQenterPipelineMode(conn->pg) || PQsetnonblocking(conn->pg, 1)))
		rc = why_not(conn, PQerrorMessage(conn->pg));
	return rc;
}

/* ---- coming back ---- */

static int try_once(struct pg_conn *conn)
{
	require(!conn->pg && !conn->sent_count);
	conn->pg = connect_to_one(conn->engine);
	int rc = STORE_AWAY;
	if (!conn->pg)
		err_set(&conn->away_why, ERR_STORE, "no memory for a connection");
	else if (PQstatus(conn->pg) != CONNECTION_OK)
		rc = why_not(conn, PQerrorMessage(conn->pg));
	else
		rc = check_server(conn);
	if (rc) {
		PQfinish(conn->pg);
		conn->pg = NULL;
		return rc;
	}
	PQsetNoticeReceiver(conn->pg, pg_on_notice, conn);
	conn->away = 0;
	conn->farewell = false;
	conn->flushed = true;
	return 0;
}

static void nap(int64_t ms)
{
	int64_t us = ms * 500 + clock_random32(clock_system()) % (ms * 1000);
	struct timespec time = { us / 1000000, us % 1000000 * 1000 };
	nanosleep(&time, NULL);
}

/* It was away a moment ago: units and readings that wait meanwhile are told so at once. */
static bool still_away(const struct pg_conn *conn)
{
	return conn->away && clock_ticks_ns() < conn->try_at_ns;
}

int pg_come_back(struct pg_conn *conn, struct err *err)
{
	int64_t start = clock_ticks_ns(), end = start + PG_AWAY_MS * INT64_C(1000000);
	bool known = conn->away != 0;
	for (int64_t ms = 20; !conn->pg && !still_away(conn); ms *= 2) {
		int rc = try_once(conn);
		if (!rc)
			break;
		bool last =
			rc != STORE_AWAY || known || clock_ticks_ns() + ms * INT64_C(1000000) > end;
		if (last) {
			conn->away = rc;
			conn->try_at_ns = clock_ticks_ns() + PG_AWAY_AGAIN_MS * INT64_C(1000000);
			break;
		}
		nap(ms);
	}
	if (!conn->pg && err)
		*err = conn->away_why;
	return conn->pg ? 0 : conn->away;
}

void pg_look(struct pg_conn *conn)
{
	struct pollfd socket = { conn->pg ? PQsocket(conn->pg) : -1, POLLIN, 0 };
	/* The second look sees the end of the line behind what the server said last. */
	for (int i = 0; i < 2 && conn->pg && poll(&socket, 1, 0) > 0; i++) {
		bool there = PQconsumeInput(conn->pg) && !conn->sent_count;
		if (there)
			PQisBusy(conn->pg); /* reads what the server said to nobody's question */
		if (PQstatus(conn->pg) != CONNECTION_OK || conn->farewell)
			pg_lose(conn, conn->farewell ? conn->notice : PQerrorMessage(conn->pg));
	}
}
