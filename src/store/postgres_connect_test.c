/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a PostgreSQL, or not; one that is away and comes back; two that migrate at once. */
#include <unistd.h>

#include "store/fixture_relay.h"
#include "store/postgres_impl.h"

static const struct engine *const postgres = &fixture_engines[2];

static void assert_says(int rc, int code, const struct err *err, const char *words)
{
	if (rc != code || !strstr(err->text, words))
		fail_msg("%d: \"%s\" does not say \"%s\"", rc, err->text, words);
}

/* ---- opening ---- */

/* In a URL %s is the folder of the server's socket. */
static const struct {
	const char *url, *says;
} not_opened[] = {
	{ "postgresql:///nothing_of_that_name?host=%s&user=postgres", "createdb" },
	{ "postgres:///nothing_of_that_name?host=%s&user=postgres", "createdb" },
	{ "postgresql:///postgres?host=%s&user=nobody_of_that_name", "createuser" },
	{ "postgresql:///postgres?host=%s&user=locked&password=wrong", "is not that of the role" },
	{ "postgresql:///postgres?host=%s&user=locked", "USER:PASSWORD@HOST" },
	{ "postgresql:///postgres?host=%s/none&user=postgres", "the database is away" },
	{ "postgresql:///postgres?host=%s&port=65000&user=postgres", "the database is away" },
	{ "postgresql:///postgres?host=%s&user=postgres&port=abc", "look at the options" },
	{ "postgresql:///postgres?host=%s&user=postgres&sslmode=perhaps", "look at the options" },
	{ "postgresql:///postgres?host=%s&user=postgres&nothing=1", "postgresql://USER@HOST" },
	{ "postgresql:///postgres?host=%s&user=postgres&options=-csearch_path%%3Dnone",
		"zegel migrate" },
};

static void make_role(void)
{
	PGconn *pg = fixture_psql();
	if (!fixture_say(pg, "SELECT count(*) FROM pg_roles WHERE rolname = 'locked'"))
		fixture_say(pg, "CREATE ROLE locked LOGIN PASSWORD 'right'");
	PQfinish(pg);
}

static void opening(void **state)
{
	struct fixture fixture;
	struct err err;
	PGconn *pg = fixture_psql();
	fixture_init_empty(&fixture, postgres);
	make_role();
	for (size_t i = 0; i < sizeof(not_opened) / sizeof(not_opened[0]); i++) {
		snprintf(fixture.url, sizeof(fixture.url), not_opened[i].url, PQhost(pg));
		fixture.options.url = str_of(fixture.url);
		int rc = store_open(&fixture.options, &fixture.store, &err);
		if (rc != ERR_STORE || !strstr(err.text, not_opened[i].says))
			fail_msg("%s: %d %s", not_opened[i].url, rc, err.text);
		assert_null(fixture.store);
	}
	PQfinish(pg);
	fixture_done(&fixture);
}

/* What a message must not tell. */
static void secrets_stay(void **state)
{
	static const char *const urls[] = {
		"postgresql://me:opensesame@host:bad/base?nothing=1",
		"postgresql://host/base?password=opensesame&nothing=1",
		"postgresql://me:opensesame%zz@host/base",
		"postgresql://me:opensesame@[host/base",
		"postgresql://me:opensesame@127.0.0.1:1/base",
	};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		const struct store_options options = { .url = str_of(urls[i]) };
		struct store *store;
		struct err err;
		assert_row(urls[i], store_open(&options, &store, &err) == ERR_STORE);
		assert_row(urls[i], !strstr(err.text, "opensesame"));
	}
}

/* A host that does not answer does not stand in the way of one that does. */
static void several_hosts(void **state)
{
	struct fixture fixture;
	PGconn *pg = fixture_psql();
	fixture_init(&fixture, postgres);
	fixture_close(&fixture);
	snprintf(fixture.url, sizeof(fixture.url),
		"postgresql:///postgres?host=%s,%s,%s&port=1,%s,2&user=postgres&options=-csearch_path%%3D%s",
		fixture.dir, PQhost(pg), fixture.dir, PQport(pg), fixture.schema);
	fixture.options.url = str_of(fixture.url);
	for (int i = 0; i < 10; i++) {
		fixture_open(&fixture);
		make_account(&fixture, i, 1);
		fixture_close(&fixture);
	}
	PQfinish(pg);
	fixture_done(&fixture);
}

static const char *const too_old[] = { "server_version=14.9", "in_hot_standby=off",
	"default_transaction_read_only=off", NULL };
static const char *const standby[] = { "server_version=15.4", "in_hot_standby=on",
	"default_transaction_read_only=off", NULL };

static void not_this_server(void **state)
{
	static const struct {
		const char *const *parameters;
		const char *says;
	} rows[] = { { too_old, "needs 15 or newer" }, { standby, "only a read-only standby" } };
	for (size_t i = 0; i < 2; i++) {
		struct fixture fixture;
		struct relay relay;
		struct err err;
		fixture_init_empty(&fixture, postgres);
		relay_url(&fixture);
		relay_pretend(&relay, &fixture, rows[i].parameters);
		assert_says(store_open(&fixture.options, &fixture.store, &err), ERR_STORE, &err,
			rows[i].says);
		relay_stop(&relay);
		fixture_done(&fixture);
	}
}

/* ---- settings ---- */

/* Commits that wait for no disk are taken if the URL asks for them. (That a server whose file says
 * so is refused cannot be tried beside other tests.) */
static void lazy_commits(void **state)
{
	struct fixture fixture;
	fixture_init(&fixture, postgres);
	fixture_close(&fixture);
	size_t len = strlen(fixture.url);
	snprintf(fixture.url + len, sizeof(fixture.url) - len, "%s",
		"%20-csynchronous_commit%3Doff");
	fixture.options.url = str_of(fixture.url);
	fixture_open(&fixture);
	make_account(&fixture, 1, 1);
	fixture_done(&fixture);
}

/* ---- away ---- */

static void ping_until(struct fixture *fixture, int wanted, struct err *err)
{
	while (store_ping(fixture->store, err) != wanted)
		;
}

/* The program starts while the database is away, says so, and goes on when it comes. */
static void away_at_the_start(void **state)
{
	struct fixture fixture;
	struct relay relay;
	struct post post;
	struct err err;
	fixture_init(&fixture, postgres);
	fixture_close(&fixture);
	relay_url(&fixture);
	assert_says(store_open(&fixture.options, &fixture.store, &err), ERR_STORE, &err, "away");
	fixture.options.may_be_away = true;
	fixture_open(&fixture);
	assert_ok(store_start(fixture.store, &err), &err);
	assert_says(store_ping(fixture.store, &err), ERR_STORE, &err, "the database is away");
	post_init(&post, 1, 1, 'k');
	assert_says(run_post(&fixture, &post), ERR_STORE, &post.unit.err, "the database is away");
	assert_int_equal(post.runs, 0);
	relay_start(&relay, &fixture);
	ping_until(&fixture, 0, &err);
	assert_ok(run_post(&fixture, &post), &post.unit.err);
	assert_int_equal(entries_of(&fixture, 1), 1);
	/* and goes again */
	relay_stop(&relay);
	assert_says(run_post(&fixture, &post), ERR_STORE, &post.unit.err, "away");
	ping_until(&fixture, ERR_STORE, &err);
	relay_start(&relay, &fixture);
	ping_until(&fixture, 0, &err);
	while (run_post(&fixture, &post)) /* its connection waits a little longer */
		assert_int_equal(post.unit.rc, ERR_STORE);
	assert_int_equal(entries_of(&fixture, 1), 2);
	fixture_close(&fixture);
	relay_stop(&relay);
	fixture_done(&fixture);
}

/* It comes back without our schema. */
static void away_and_empty(void **state)
{
	struct fixture fixture;
	struct relay relay;
	struct post post;
	struct err err;
	fixture_init_empty(&fixture, postgres);
	relay_url(&fixture);
	fixture.options.may_be_away = true;
	fixture_open(&fixture);
	relay_start(&relay, &fixture);
	do
		assert_int_equal(store_ping(fixture.store, &err), ERR_STORE);
	while (strstr(err.text, "away"));
	assert_non_null(strstr(err.text, "zegel migrate"));
	post_init(&post, 1, 1, 'k');
	assert_says(run_post(&fixture, &post), ERR_STORE, &post.unit.err, "zegel migrate");
	assert_ok(store_migrate(&fixture.options, false, NULL, NULL, &err), &err);
	assert_ok(store_ping(fixture.store, &err), &err);
	assert_ok(run_post(&fixture, &post), &post.unit.err);
	fixture_close(&fixture);
	relay_stop(&relay);
	fixture_done(&fixture);
}

/* ---- the lease ---- */

static void *migrate(void *user)
{
	struct fixture *fixture = user;
	struct err err;
	return store_migrate(&fixture->options, false, NULL, NULL, &err) ? strdup(err.text) : NULL;
}

static void two_migrate(void **state)
{
	struct fixture fixture;
	pthread_t threads[3];
	fixture_init_empty(&fixture, postgres);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, migrate, &fixture);
	for (int i = 0; i < 3; i++) {
		void *fault;
		pthread_join(threads[i], &fault);
		if (fault)
			fail_msg("%s", (char *)fault);
	}
	fixture_open(&fixture);
	fixture_done(&fixture);
}

static const char *const more_steps[] = {
	"CREATE TABLE more (bucket INTEGER NOT NULL, PRIMARY KEY (bucket)) {rows}",
};
static const struct store_room more_room = {
	.name = "more",
	.migrations = more_steps,
	.migration_count = 1,
};

static void somebody_holds_the_lease(void **state)
{
	static const struct store_room *const rooms[] = { &test_room, &more_room };
	struct fixture fixture;
	struct err err;
	fixture_init(&fixture, postgres);
	fixture.options.rooms = rooms;
	fixture.options.room_count = 2;
	PGconn *pg = fixture_psql();
	fixture_say(pg, "UPDATE %s.schema_lease SET holder = 'somebody', ends_at = %lld",
		fixture.schema, (long long)(FIXTURE_NOW + CLOCK_MINUTE));
	assert_says(store_migrate(&fixture.options, false, NULL, NULL, &err), ERR_BUSY, &err,
		"somebody is changing the schema");
	clock_fake_advance(&fixture.clock, CLOCK_MINUTE + CLOCK_SECOND);
	assert_ok(store_migrate(&fixture.options, false, NULL, NULL, &err), &err);
	assert_int_equal(fixture_say(pg, "SELECT ends_at FROM %s.schema_lease", fixture.schema), 0);
	PQfinish(pg);
	fixture_done(&fixture);
}

int main(void)
{
	if (!fixture_can(postgres)) {
		puts("1..0 # skip there is no PostgreSQL (ZEGEL_TEST_POSTGRES)");
		return 0;
	}
	return TEST_MAIN(test(opening), test(secrets_stay), test(several_hosts),
		test(not_this_server), test(lazy_commits), test(away_at_the_start),
		test(away_and_empty), test(two_migrate), test(somebody_holds_the_lease));
}
