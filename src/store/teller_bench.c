/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit costs: sales handed to the tellers, 64 and 512 in flight, on SQLite with and
 * without marks, on PostgreSQL by one, two and four tellers, beside what one fdatasync costs in the
 * same minute:
 *
 *   meson test --benchmark store/teller -v
 *   tests/support/pg.py build/src/store/teller_bench postgresql
 *
 * A sale is thirteen writes, as DESIGN.md counts them: a claim at a place of chance, a sale of 700
 * bytes, a receipt of 450, five entries of about 150 and five balances; before them two queries,
 * one for the claim and one for the balances, sent together. It is submitted again from done(), so
 * no client is measured. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/id.h"
#include "store/fixture_impl.h"
#include "store/store_impl.h"

#define SALES 100000
#define SALES_POSTGRES 20000
#define MEMBERS 20000
#define PROGRAMMES 5
#define FLIGHT_MAX 512

static const char *const migrations[] = {
	"CREATE TABLE claims (bucket INTEGER NOT NULL, id {blob} NOT NULL, said {blob} NOT NULL,"
	" home BIGINT NOT NULL, PRIMARY KEY (bucket, id)) {rows}",
	"CREATE TABLE sales (at BIGINT NOT NULL, bucket INTEGER NOT NULL, member BIGINT NOT NULL,"
	" body {blob} NOT NULL, {grow at | bucket, member}) {rows}",
	"CREATE TABLE receipts (at BIGINT NOT NULL, bucket INTEGER NOT NULL,"
	" member BIGINT NOT NULL, body {blob} NOT NULL, {grow at | bucket, member}) {rows}",
	"CREATE TABLE entries (at BIGINT NOT NULL, bucket INTEGER NOT NULL, member BIGINT NOT NULL,"
	" programme BIGINT NOT NULL, amount BIGINT NOT NULL, rest {blob} NOT NULL,"
	" {grow at | bucket, member, programme}) {rows}",
	"CREATE TABLE balances (bucket INTEGER NOT NULL, member BIGINT NOT NULL,"
	" programme BIGINT NOT NULL, balance BIGINT NOT NULL, head {blob} NOT NULL,"
	" PRIMARY KEY (bucket, member, programme)) {rows}",
};

#define STMT(name, sql) static const struct store_stmt name = { "bench." #name, STORE_ONE, sql }
STMT(add_claim, "INSERT INTO claims (bucket, id, said, home) VALUES ($1, $2, $3, $4)");
STMT(add_sale, "INSERT INTO sales (at, bucket, member, body) VALUES ($1, $2, $3, $4)");
STMT(add_receipt, "INSERT INTO receipts (at, bucket, member, body) VALUES ($1, $2, $3, $4)");
STMT(add_posting,
	"INSERT INTO entries (at, bucket, member, programme, amount, rest)"
	" VALUES ($1, $2, $3, $4, $5, $6)");
STMT(add_balance,
	"INSERT INTO balances (bucket, member, programme, balance, head)"
	" VALUES ($1, $2, $3, 0, $4)");
STMT(change_balance,
	"UPDATE balances SET balance = balance + $4, head = $5"
	" WHERE bucket = $1 AND member = $2 AND programme = $3");

STMT(find_claim, "SELECT home FROM claims WHERE bucket = $1 AND id = $2");
STMT(list_balances,
	"SELECT programme, balance FROM balances WHERE bucket = $1 AND member = $2"
	" ORDER BY programme");

static const struct store_room bench_room = { "bench", NULL, 0, migrations, 5 };
static const struct store_room *const bench_rooms[] = { &bench_room };

struct sale {
	struct unit unit; /* first */
	id_t64 member;
	struct key id;
	int64_t start_ns;
};

static struct {
	struct store *store;
	struct clock *chance;
	struct sale sales[FLIGHT_MAX];
	double ms[SALES + FLIGHT_MAX];
	pthread_mutex_t lock; /* of what follows and of chance: several tellers call done() */
	int left, running, done;
	sem_t end;
	unsigned char noise[1024];
} bench;

/* ---- a sale ---- */

static id_t64 member_of(int n)
{
	return id_new((uint16_t)(n * 40503), FIXTURE_NOW + n * INT64_C(1000), 0);
}

static int post(struct store_tx *tx, const struct sale *sale, int64_t now, struct err *err)
{
	int64_t bucket = id_bucket(sale->member);
	struct store_val rest = V_BLOB(bench.noise, 100), head = V_BLOB(bench.noise, 32);
	int rc = 0;
	for (int i = 0; i < PROGRAMMES && !rc; i++) {
		rc = store_write(tx, &add_posting,
			ARGS(V_INT(now), V_INT(bucket), V_INT(sale->member), V_INT(i), V_INT(10),
				rest),
			1, err);
		if (!rc)
			rc = store_write(tx, &change_balance,
				ARGS(V_INT(bucket), V_INT(sale->member), V_INT(i), V_INT(10), head),
				1, err);
	}
	return rc;
}

static int look(struct store_tx *tx, const struct sale *sale, struct err *err)
{
	struct store_rows *claims ROWS_AUTO = NULL, *balances ROWS_AUTO = NULL;
	int n = 0;
	int rc = store_query(tx, &find_claim,
		ARGS(V_INT(key_bucket(&sale->id)), V_BLOB(sale->id.bytes, 16)), &claims, err);
	if (!rc)
		rc = store_query(tx, &list_balances,
			ARGS(V_INT(id_bucket(sale->member)), V_INT(sale->member)), &balances, err);
	if (!rc)
		rc = store_next(claims, err);
	while (!rc && (rc = store_next(balances, err)) == 1) {
		rc = 0;
		n++;
	}
	require(rc || n == PROGRAMMES);
	return rc;
}

static int sale_run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct sale *sale = (struct sale *)unit;
	struct store_val bucket = V_INT(id_bucket(sale->member)), member = V_INT(sale->member);
	int rc = look(tx, sale, err);
	if (rc)
		return rc;
	rc = store_write(tx, &add_claim,
		ARGS(V_INT(key_bucket(&sale->id)), V_BLOB(sale->id.bytes, 16),
			V_BLOB(bench.noise, 16), member),
		1, err);
	if (!rc)
		rc = store_write(tx, &add_sale,
			ARGS(V_INT(now), bucket, member, V_BLOB(bench.noise, 700)), 1, err);
	if (!rc)
		rc = store_write(tx, &add_receipt,
			ARGS(V_INT(now), bucket, member, V_BLOB(bench.noise + 9, 450)), 1, err);
	return rc ? rc : post(tx, sale, now, err);
}

/* Under the lock. */
static void sale_make(struct sale *sale)
{
	bench.chance->random(bench.chance, sale->id.bytes, sizeof(sale->id.bytes));
	sale->member = member_of((int)(clock_random32(bench.chance) % MEMBERS));
	sale->unit.bucket = id_bucket(sale->member);
	sale->start_ns = clock_ticks_ns();
}

static void sale_done(struct unit *unit)
{
	struct sale *sale = (struct sale *)unit;
	require(unit->rc == 0);
	pthread_mutex_lock(&bench.lock);
	bench.ms[bench.done++] = (double)(clock_ticks_ns() - sale->start_ns) / 1e6;
	bool again = bench.left-- > 0;
	if (again)
		sale_make(sale);
	else if (--bench.running == 0)
		sem_post(&bench.end);
	pthread_mutex_unlock(&bench.lock);
	if (again)
		require(!store_submit(bench.store, &sale->unit, NULL));
}

static int fill_run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	int rc = 0;
	for (int i = 0; i < MEMBERS * PROGRAMMES && !rc; i++) {
		id_t64 member = member_of(i / PROGRAMMES);
		rc = store_write(tx, &add_balance,
			ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(i % PROGRAMMES),
				V_BLOB(bench.noise, 32)),
			1, err);
	}
	return rc;
}

/* ---- measuring ---- */

/* How often a second 8 kB can be made durable, one after the other, in a file that does not
 * grow. */
static double syncs_per_s(const char *dir)
{
	static char page[8192];
	char path[100];
	snprintf(path, sizeof(path), "%s/raw", dir);
	int fd = open(path, O_RDWR | O_CREAT, 0600), n = 0;
	require(fd >= 0 && pwrite(fd, page, sizeof(page), 0) == sizeof(page) && !fsync(fd));
	int64_t start = clock_ticks_ns(), ns = 0;
	for (; ns < 500000000; n++, ns = clock_ticks_ns() - start)
		require(pwrite(fd, page, sizeof(page), 0) == sizeof(page) && !fdatasync(fd));
	close(fd);
	unlink(path);
	return n * 1e9 / (double)ns;
}

static double cpu_s(void)
{
	struct rusage use;
	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
		(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void report(const char *what, int flight, double s, double cpu, double syncs)
{
	struct store_stats stats;
	store_stats(bench.store, &stats);
	qsort(bench.ms, (size_t)bench.done, sizeof(bench.ms[0]), by_size);
	fprintf(stderr,
		"%-12s %3d in flight: %6.0f sales/s, %4.1f us of CPU each, %5.1f in a commit; "
		"p50 %.1f p99 %.1f p99.9 %.1f ms; fdatasync %.0f/s\n",
		what, flight, bench.done / s, cpu * 1e6 / bench.done,
		(double)stats.units / (double)stats.commits, bench.ms[bench.done / 2],
		bench.ms[bench.done / 100 * 99], bench.ms[bench.done / 1000 * 999], syncs);
}

struct way {
	const char *name;
	const struct engine *engine;
	enum group_way first;
	int tellers, sales;
};

static void measure(const struct way *way, int flight)
{
	struct fixture fixture;
	struct unit fill = { .run = fill_run };
	struct err err;
	fixture_init_empty(&fixture, way->engine);
	fixture.options.rooms = bench_rooms;
	fixture.options.tellers = way->tellers;
	double syncs = syncs_per_s(fixture.dir);
	assert_ok(store_migrate(&fixture.options, false, NULL, NULL, &err), &err);
	fixture_open(&fixture);
	bench.store = fixture.store;
	bench.chance = &fixture.clock.clock;
	assert_ok(store_run(fixture.store, &fill), &fill.err);
	fixture.store->first_way = way->first;
	assert_ok(store_start(fixture.store, &err), &err);
	bench.left = way->sales - flight;
	bench.running = flight;
	bench.done = 0;
	double cpu = cpu_s();
	int64_t start = clock_ticks_ns();
	for (int i = 0; i < flight; i++) {
		struct sale *sale = &bench.sales[i];
		sale->unit = (struct unit) { .run = sale_run, .done = sale_done };
		pthread_mutex_lock(&bench.lock);
		sale_make(sale);
		pthread_mutex_unlock(&bench.lock);
		require(!store_submit(bench.store, &sale->unit, NULL));
	}
	sem_wait(&bench.end);
	report(way->name, flight, (double)(clock_ticks_ns() - start) / 1e9, cpu_s() - cpu, syncs);
	fixture_done(&fixture);
}

static const struct way ways[] = {
	{ "plain", &fixture_engines[0], GROUP_PLAIN, 1, SALES },
	{ "marked", &fixture_engines[0], GROUP_MARKED, 1, SALES },
	{ "postgresql 1", &fixture_engines[2], GROUP_PLAIN, 1, SALES_POSTGRES },
	{ "postgresql 2", &fixture_engines[2], GROUP_PLAIN, 2, SALES_POSTGRES },
	{ "postgresql 4", &fixture_engines[2], GROUP_PLAIN, 4, SALES_POSTGRES },
	{ "postgresql 8", &fixture_engines[2], GROUP_PLAIN, 8, SALES_POSTGRES },
};

static const char *chosen = "";

static void sales(void **state)
{
	sem_init(&bench.end, 0, 0);
	pthread_mutex_init(&bench.lock, NULL);
	for (int flight = 64; flight <= FLIGHT_MAX; flight *= 8) {
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			if (fixture_can(ways[i].engine) && strstr(ways[i].name, chosen))
				measure(&ways[i], flight);
		}
	}
	pthread_mutex_destroy(&bench.lock);
	sem_destroy(&bench.end);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		chosen = argv[1];
	return TEST_MAIN(test(sales));
}
