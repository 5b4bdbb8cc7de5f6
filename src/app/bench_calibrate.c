/* SPDX-License-Identifier: Apache-2.0 */
/* Calibrations: what this disk and bare SQLite do, in one thread, without Zegel.
 *
 * The rows are those of a sale (claim, receipt, sale, an entry and a saved account for each
 * programme that applies) or of a touch (claim, touch, the reader's current touch, the till's
 * event), with keys as scattered and values as long as the server's; nothing is read. The tables
 * are made by the rooms' migrations and the statements are the rooms' own, found by name, so that
 * the calibration follows them: a statement whose parameters changed is refused here until its row
 * is changed too. Page size, log, sync and cache are the writer's (store/sqlite.c); the log is
 * copied at the same mark, but by this thread.
 *
 * Invariant: each row is written with a guard that must match, as the server's are. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "app/bench_impl.h"
#include "base/clock.h"
#include "codec/pack.h"
#include "receipt/receipt.h"

#define FACT_PARAMS_MAX 20
#define PAGE_BYTES 8192
#define DISK_FILE_BYTES (16 << 20)
#define GROUPS_MAX 200000
#define ID_RANDOMS 128 /* ids a bucket and millisecond can have */
#define ARENA_BYTES (64 << 20)
#define PRAGMAS \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;" \
	"PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192;" \
	"PRAGMA journal_size_limit = 268435456"

enum fact { CLAIM, RECEIPT, SALE, ENTRY, ACCOUNT_MAKE, ACCOUNT, TOUCH, CURRENT, EVENT, FACTS };
static const struct {
	const char *name;
	int params;
} fact_statements[FACTS] = {
	[CLAIM] = { "claim.make", 7 },
	[RECEIPT] = { "receipt.add", 12 },
	[SALE] = { "sale.add", 15 },
	[ENTRY] = { "ledger.entry_add", 20 },
	[ACCOUNT_MAKE] = { "ledger.account_make", 11 },
	[ACCOUNT] = { "ledger.account_save", 12 },
	[TOUCH] = { "touch.add", 10 },
	[CURRENT] = { "current.set", 5 },
	[EVENT] = { "shop.event_add", 6 },
};

struct statement {
	sqlite3_stmt *stmt;
	int place[FACT_PARAMS_MAX + 1]; /* of $1, $2, ... in SQLite's numbering */
};
struct calibration {
	sqlite3 *db;
	int disk;
	struct statement facts[FACTS];
	struct arena *arena;
	const struct bench *bench;
	id_t64 *members;  /* the first stand in for programmes, shops and devices too */
	int64_t *entries; /* of each account: member * BENCH_APPLY + programme */
	struct str receipts[TRAFFIC_RECEIPTS], sale_answer, touch_answer;
	uint64_t random;
	int64_t sales, events;
	uint32_t *groups_us;
};

/* ---- chance ---- */

static uint64_t next_random(struct calibration *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random;
}

static void fill_random(struct calibration *c, void *out, size_t len)
{
	unsigned char *to = out;

	for (size_t i = 0; i < len; i += 8) {
		uint64_t x = next_random(c);
		memcpy(to + i, &x, len - i < 8 ? len - i : 8);
	}
}

static id_t64 scattered_id(struct calibration *c, int64_t now)
{
	return id_new((uint16_t)next_random(c), now, (uint32_t)next_random(c));
}

/* ---- statements ---- */

static int fail(struct calibration *c, const char *what, struct err *err)
{
	return err_set(err, ERR_STORE, "calibration: %s: %s", what, sqlite3_errmsg(c->db));
}

static int run_sql(struct calibration *c, const char *sql, struct err *err)
{
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL) ? fail(c, sql, err) : 0;
}

static const char *find_sql(const char *name)
{
	for (size_t r = 0; r < api_room_count; r++)
		for (size_t s = 0; s < api_rooms[r]->statement_count; s++)
			if (strcmp(api_rooms[r]->statements[s].name, name) == 0)
				return api_rooms[r]->statements[s].sql;
	return NULL;
}

static int prepare(struct calibration *c, enum fact fact, struct err *err)
{
	const char *name = fact_statements[fact].name;
	struct statement *to = &c->facts[fact];
	const char *sql = find_sql(name);
	char param[8];

	if (!sql)
		return err_set(err, ERR_INTERNAL, "calibration: no room has the statement %s",
			name);
	if (sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &to->stmt, NULL))
		return fail(c, name, err);
	if (sqlite3_bind_parameter_count(to->stmt) != fact_statements[fact].params)
		return err_set(err, ERR_INTERNAL, "calibration: %s has other parameters now", name);
	for (int i = 1; i <= fact_statements[fact].params; i++) {
		snprintf(param, sizeof(param), "$%d", i);
		to->place[i] = sqlite3_bind_parameter_index(to->stmt, param);
	}
	return 0;
}

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

static int put(struct calibration *c, enum fact fact, struct store_args args, struct err *err)
{
	struct statement *s = &c->facts[fact];

	for (size_t i = 0; i < args.count; i++)
		if (bind(s->stmt, s->place[i + 1], &args.vals[i]) != SQLITE_OK)
			return fail(c, fact_statements[fact].name, err);
	if (sqlite3_step(s->stmt) != SQLITE_DONE)
		return fail(c, fact_statements[fact].name, err);
	sqlite3_reset(s->stmt);
	if (sqlite3_changes(c->db) != 1)
		return err_set(err, ERR_INTERNAL, "calibration: %s changed no row",
			fact_statements[fact].name);
	return 0;
}

/* ---- facts ---- */

static int put_claim(struct calibration *c, int64_t now, id_t64 home, struct str answer,
	struct err *err)
{
	struct key key, said;

	fill_random(c, &key, sizeof(key));
	fill_random(c, &said, sizeof(said));
	return put(c, CLAIM,
		ARGS(V_INT(key_bucket(&key)), V_BLOB(key.bytes, 16), V_BLOB(said.bytes, 16),
			V_INT(2), V_INT(home), V_INT(now),
			answer.len ? V_BLOB(answer.ptr, answer.len) : V_NULL),
		err);
}

static int put_entry(struct calibration *c, id_t64 member, int programme, int64_t *entries,
	id_t64 sale, int64_t now, struct err *err)
{
	unsigned char hash[HASH_LEN];
	int64_t n = *entries;
	int rc;

	fill_random(c, hash, sizeof(hash));
	rc = put(c, ENTRY,
		ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(c->members[programme]),
			V_INT(n + 1), V_INT(now), V_INT(now), V_INT(1), V_INT(1), V_INT(25),
			V_INT(25), V_INT(INT64_MAX), V_INT(0), V_INT(25 * (n + 1)), V_INT(0),
			V_INT(0), V_INT(0), V_INT(1), V_INT(sale), V_INT(now - CLOCK_HOUR),
			V_BLOB(hash, HASH_LEN)),
		err);
	if (rc == 0)
		rc = put(c, ACCOUNT,
			ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(c->members[programme]),
				V_INT(n), V_INT(n + 1), V_INT(25 * (n + 1)), V_INT(0), V_INT(0),
				V_INT(25 * (n + 1)), V_INT(0), V_INT(now), V_BLOB(hash, HASH_LEN)),
			err);
	*entries = n + 1;
	return rc;
}

static int put_sale(struct calibration *c, int64_t now, struct err *err)
{
	static const char caller[] = "0123456-000000000000";
	struct str receipt = c->receipts[next_random(c) % TRAFFIC_RECEIPTS];
	int m = (int)(next_random(c) % (uint64_t)c->bench->shop.members);
	id_t64 member = c->members[m];
	id_t64 sale = id_new(id_bucket(member), now, (uint32_t)c->sales++); /* no two meet */
	id_t64 merchant = c->members[0];
	unsigned char said[16], settled[BENCH_APPLY * 40];
	int rc;

	fill_random(c, said, sizeof(said));
	fill_random(c, settled, sizeof(settled));
	rc = put_claim(c, now, sale, STR(""), err);
	if (rc == 0)
		rc = put(c, RECEIPT,
			ARGS(V_INT(id_time_ms(sale)), V_INT(id_bucket(sale)), V_INT(sale),
				V_INT(merchant), V_INT(merchant), V_INT(merchant),
				V_TEXT(STR("000000000000")), V_INT(now), V_TEXT(STR("EUR")),
				V_INT(4711), V_INT(PACK_RECEIPT), V_BLOB(receipt.ptr, receipt.len)),
			err);
	for (int p = 0; p < BENCH_APPLY && rc == 0; p++)
		rc = put_entry(c, member, p, &c->entries[m * BENCH_APPLY + p], sale, now, err);
	if (rc < 0)
		return rc;
	return put(c, SALE,
		ARGS(V_INT(id_time_ms(sale)), V_INT(id_bucket(sale)), V_INT(sale), V_INT(merchant),
			V_INT(merchant), V_INT(merchant), V_TEXT(STR(caller)), V_INT(2),
			V_INT(member), V_INT(4711), V_INT(0), V_BLOB(said, 16),
			V_BLOB(settled, sizeof(settled)),
			V_BLOB(c->sale_answer.ptr, c->sale_answer.len), V_INT(0)),
		err);
}

static int put_touch(struct calibration *c, int64_t now, struct err *err)
{
	int m = (int)(next_random(c) % (uint64_t)c->bench->shop.members);
	id_t64 till = c->members[next_random(c) % BENCH_TILLS];
	struct str event = buf_str(&c->bench->touch_answer);
	struct key touch;
	int rc;

	fill_random(c, &touch, sizeof(touch));
	event = str_first(event, event.len / 4); /* member_here says who it is, without the steps */
	rc = put(c, EVENT,
		ARGS(V_INT(id_bucket(till)), V_INT(till), V_INT(++c->events), V_INT(now),
			V_TEXT(STR("member_here")), V_TEXT(event)),
		err);
	if (rc == 0)
		rc = put(c, TOUCH,
			ARGS(V_INT(key_bucket(&touch)), V_BLOB(touch.bytes, 16),
				V_INT(c->members[0]), V_INT(till),
				V_TEXT(STR("0123456-000000000000")), V_INT(now), V_TEXT(STR("")),
				V_INT(c->members[m]), V_INT(1), V_NULL),
			err);
	if (rc == 0)
		rc = put(c, CURRENT,
			ARGS(V_INT(id_bucket(till)), V_INT(till), V_INT(till),
				V_BLOB(touch.bytes, 16), V_INT(now)),
			err);
	return rc < 0 ? rc : put_claim(c, now, 0, c->touch_answer, err);
}

/* ---- what is there before ---- */

/* The receipt as the server would keep it. */
static int pack_receipt(struct calibration *c, int n, struct err *err)
{
	struct buf sale BUF_AUTO, canonical BUF_AUTO;
	struct json_reader r;
	struct receipt receipt;
	struct json *body;
	int rc;

	buf_init(&sale, NULL, 64 << 10);
	buf_init(&canonical, NULL, 64 << 10);
	traffic_sale_json(n, &sale);
	rc = json_parse(c->arena, buf_str(&sale), &body, err);
	if (rc < 0)
		return rc;
	json_begin(&r, c->arena, body, STR(""), err);
	receipt_read(&r, c->arena, true, &receipt);
	if (r.rc < 0)
		return r.rc;
	receipt_write(&receipt, &canonical);
	return pack(c->arena, buf_str(&canonical), PACK_RECEIPT, &c->receipts[n], err);
}

static int pack_samples(struct calibration *c, struct err *err)
{
	int rc = 0;

	for (int n = 0; n < TRAFFIC_RECEIPTS && rc == 0; n++)
		rc = pack_receipt(c, n, err);
	if (rc == 0)
		rc = pack(c->arena, buf_str(&c->bench->sale_answer), PACK_ANSWER, &c->sale_answer,
			err);
	if (rc == 0)
		rc = pack(c->arena, buf_str(&c->bench->touch_answer), PACK_ANSWER, &c->touch_answer,
			err);
	return rc;
}

static int make_accounts(struct calibration *c, struct err *err)
{
	int64_t now = clock_now(clock_system());
	unsigned char hash[HASH_LEN] = { 0 };
	int rc = run_sql(c, "BEGIN IMMEDIATE", err);

	for (int m = 0; m < c->bench->shop.members; m++)
		c->members[m] = scattered_id(c, now - m * CLOCK_MINUTE);
	for (int m = 0; m < c->bench->shop.members && rc == 0; m++) {
		for (int p = 0; p < BENCH_APPLY && rc == 0; p++) {
			c->entries[m * BENCH_APPLY + p] = 1;
			rc = put(c, ACCOUNT_MAKE,
				ARGS(V_INT(id_bucket(c->members[m])), V_INT(c->members[m]),
					V_INT(c->members[p]), V_INT(1), V_INT(25), V_INT(0),
					V_INT(0), V_INT(25), V_INT(0), V_INT(now),
					V_BLOB(hash, HASH_LEN)),
				err);
		}
	}
	return rc < 0 ? rc : run_sql(c, "COMMIT", err);
}

/* ---- life ---- */

static int open_disk(struct calibration *c, const char *folder, struct err *err)
{
	char path[1100];

	snprintf(path, sizeof(path), "%s/bench-disk", folder);
	c->disk = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (c->disk < 0 || posix_fallocate(c->disk, 0, DISK_FILE_BYTES) != 0 || fsync(c->disk) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

static int open_sqlite(struct calibration *c, const char *folder, struct err *err)
{
	char url[1100];
	struct store_options options = { .rooms = api_rooms,
		.room_count = api_room_count,
		.clock = clock_system() };
	int rc;

	snprintf(url, sizeof(url), "sqlite:%s/bench.db", folder);
	options.url = str_of(url);
	rc = store_migrate(&options, false, NULL, NULL, err);
	if (rc < 0)
		return rc;
	if (sqlite3_open_v2(url + strlen("sqlite:"), &c->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		return fail(c, "open", err);
	rc = run_sql(c, PRAGMAS, err);
	for (int f = 0; f < FACTS && rc == 0; f++)
		rc = prepare(c, (enum fact)f, err);
	return rc;
}

int calibration_open(const char *folder, const struct bench *b, struct calibration **ret,
	struct err *err)
{
	struct calibration *c = calloc(1, sizeof(*c));
	size_t members = (size_t)b->shop.members;
	int rc;

	if (!c)
		return err_set(err, ERR_NO_MEMORY, "no memory to calibrate");
	*c = (struct calibration) { .disk = -1,
		.bench = b,
		.random = UINT64_C(0x9e3779b97f4a7c15) };
	c->arena = arena_new(ARENA_BYTES);
	c->members = calloc(members, sizeof(*c->members));
	c->entries = calloc(members * BENCH_APPLY, sizeof(*c->entries));
	c->groups_us = calloc(GROUPS_MAX, sizeof(*c->groups_us));
	rc = c->arena && c->members && c->entries && c->groups_us
		? open_disk(c, folder, err)
		: err_set(err, ERR_NO_MEMORY, "no memory to calibrate");
	if (rc == 0)
		rc = open_sqlite(c, folder, err);
	if (rc == 0)
		rc = pack_samples(c, err);
	if (rc == 0)
		rc = make_accounts(c, err);
	if (rc < 0)
		calibration_close(&c);
	else
		*ret = c;
	return rc;
}

void calibration_close(struct calibration **calibration)
{
	struct calibration *c = *calibration;

	*calibration = NULL;
	if (!c)
		return;
	for (int f = 0; f < FACTS; f++)
		sqlite3_finalize(c->facts[f].stmt);
	sqlite3_close(c->db);
	if (c->disk >= 0)
		close(c->disk);
	arena_free(&c->arena);
	free(c->members);
	free(c->entries);
	free(c->groups_us);
	free(c);
}

/* ---- measuring ---- */

/* Calls once() again and again for so long; *ret tells how long each took. */
static int repeat(struct calibration *c, double seconds,
	int (*once)(struct calibration *c, void *user, struct err *err), void *user,
	struct calibrated *ret, struct err *err)
{
	int64_t start = clock_ticks_ns();
	int64_t end = start + (int64_t)(seconds * 1e9);
	int64_t before = start, now = start;
	double cpu = own_cpu();
	size_t n = 0;

	while (now < end && n < GROUPS_MAX) {
		int rc = once(c, user, err);
		if (rc < 0)
			return rc;
		now = clock_ticks_ns();
		c->groups_us[n++] = (uint32_t)((now - before) / 1000);
		before = now;
	}
	ret->cpu_us = (own_cpu() - cpu) * 1e6 / (double)n;
	ret->rate = (double)n / ((double)(now - start) / 1e9);
	ret->p50_ms = latency_ms(c->groups_us, n, 0.50);
	ret->p99_ms = latency_ms(c->groups_us, n, 0.99);
	return 0;
}

static int sync_page(struct calibration *c, void *user, struct err *err)
{
	static const char page[PAGE_BYTES];
	off_t *at = user;

	if (pwrite(c->disk, page, sizeof(page), *at) != sizeof(page) || fdatasync(c->disk) != 0)
		return err_set(err, ERR_IO, "the disk: %s", strerror(errno));
	*at = (*at + PAGE_BYTES) % DISK_FILE_BYTES;
	return 0;
}

int calibrate_disk(struct calibration *c, double seconds, struct calibrated *ret, struct err *err)
{
	off_t at = 0;

	ret->group = 1;
	return repeat(c, seconds, sync_page, &at, ret, err);
}

struct grouping {
	enum traffic_kind kind;
	double size;  /* wanted */
	double asked; /* facts that should have been written */
	uint64_t facts, groups;
};

static int write_group(struct calibration *c, void *user, struct err *err)
{
	struct grouping *g = user;
	int64_t now = clock_now(clock_system());
	int rc = run_sql(c, "BEGIN IMMEDIATE", err);
	int n = 0;

	g->asked += g->size;
	for (; rc == 0 && (double)g->facts < floor(g->asked + 0.5); g->facts++, n++) {
		int64_t then = now + n / ID_RANDOMS * 1000;
		rc = g->kind == TRAFFIC_SALES ? put_sale(c, then, err) : put_touch(c, then, err);
	}
	g->groups++;
	return rc < 0 ? rc : run_sql(c, "COMMIT", err);
}

int calibrate_facts(struct calibration *c, enum traffic_kind kind, double group, double seconds,
	struct calibrated *ret, struct err *err)
{
	struct grouping g = { .kind = kind, .size = group < 1 ? 1 : group };
	int rc = repeat(c, seconds, write_group, &g, ret, err);

	if (rc < 0)
		return rc;
	ret->group = (double)g.facts / (double)g.groups;
	ret->rate *= ret->group;
	ret->cpu_us /= ret->group;
	return 0;
}
