/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a calibration.
 *
 * Those of a sale (claim, receipt, sale, an entry and a saved account for each programme that
 * applies) or of a touch (the touch, what waits at the counter, the till's event), with keys as
 * scattered and values as long as the server's; nothing is read. The tables are made by the rooms'
 * migrations and the statements are the rooms' own, found by name, so that the calibration follows
 * them: a statement whose parameters changed is refused here until its row is changed too.
 *
 * Invariant: each row is written with a guard that must match, as the server's are. */
#include <stdio.h>
#include <string.h>

#include "app/bench_calibrate_impl.h"
#include "base/clock.h"
#include "codec/pack.h"
#include "receipt/receipt.h"

#define ID_RANDOMS 128 /* ids a bucket and millisecond can have */
/* Members whose accounts are made in one transaction. */
#define MADE_AT_ONCE 100

const struct fact_statement fact_statements[FACTS] = {
	[CLAIM] = { "claim.make", 7 },
	[RECEIPT] = { "receipt.add", 12 },
	[SALE] = { "sale.add", 15 },
	[ENTRY] = { "ledger.entry_add", 20 },
	[ACCOUNT_MAKE] = { "ledger.account_make", 11 },
	[ACCOUNT] = { "ledger.account_save", 12 },
	[TOUCH] = { "touch.add", 12 },
	[CURRENT] = { "current.set", 5 },
	[EVENT] = { "shop.event_add", 6 },
};

/* ---- chance ---- */

static uint64_t next_random(struct writer *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static void fill_random(struct writer *w, void *out, size_t len)
{
	unsigned char *to = out;

	for (size_t i = 0; i < len; i += 8) {
		uint64_t x = next_random(w);
		memcpy(to + i, &x, len - i < 8 ? len - i : 8);
	}
}

static id_t64 scattered_id(struct writer *w, int64_t now)
{
	return id_new((uint16_t)next_random(w), now, (uint32_t)next_random(w));
}

int facts_own_ids(const struct writer *w)
{
	return ID_RANDOMS / w->of;
}

static id_t64 sale_id(struct writer *w, id_t64 member, int64_t now)
{
	int own = facts_own_ids(w);

	return id_new(id_bucket(member), now,
		(uint32_t)(w->n * own + (int)(w->sales++ % own))); /* no two meet */
}

/* One of the writer's own members. */
static int some_member(struct writer *w)
{
	uint64_t own = (uint64_t)(w->c->count / w->of);

	return (int)(next_random(w) % own) * w->of + w->n;
}

/* ---- statements ---- */

const struct store_stmt *room_statement(const char *name)
{
	for (size_t r = 0; r < api_room_count; r++)
		for (size_t s = 0; s < api_rooms[r]->statement_count; s++)
			if (strcmp(api_rooms[r]->statements[s].name, name) == 0)
				return &api_rooms[r]->statements[s];
	return NULL;
}

/* Is $N, the last one we bind, the last one it has? */
static bool has_params(const char *sql, int n)
{
	char last[16], next[16];
	const char *at;

	snprintf(last, sizeof(last), "$%d", n);
	snprintf(next, sizeof(next), "$%d", n + 1);
	at = strstr(sql, last);
	return at && !strstr(sql, next);
}

int facts_check_statements(struct err *err)
{
	for (int f = 0; f < FACTS; f++) {
		const struct fact_statement *fact = &fact_statements[f];
		const struct store_stmt *stmt = room_statement(fact->name);
		if (!stmt)
			return err_set(err, ERR_INTERNAL,
				"calibration: no room has the statement %s", fact->name);
		if (!has_params(stmt->sql, fact->params))
			return err_set(err, ERR_INTERNAL,
				"calibration: %s has other parameters now", fact->name);
	}
	return 0;
}

static int put(struct writer *w, enum fact fact, struct store_args args, struct err *err)
{
	return w->c->engine->put(w->conn, fact, args, err);
}

/* ---- facts ---- */

static int put_claim(struct writer *w, int64_t now, id_t64 home, struct str answer, struct err *err)
{
	struct key key, said;

	fill_random(w, &key, sizeof(key));
	fill_random(w, &said, sizeof(said));
	return put(w, CLAIM,
		ARGS(V_INT(key_bucket(&key)), V_BLOB(key.bytes, 16), V_BLOB(said.bytes, 16),
			V_INT(2), V_INT(home), V_INT(now),
			answer.len ? V_BLOB(answer.ptr, answer.len) : V_NULL),
		err);
}

static int put_entry(struct writer *w, id_t64 member, id_t64 programme, int32_t *entries,
	id_t64 sale, int64_t now, struct err *err)
{
	unsigned char hash[HASH_LEN];
	int64_t n = *entries;
	int rc;

	fill_random(w, hash, sizeof(hash));
	rc = put(w, ENTRY,
		ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(programme), V_INT(n + 1),
			V_INT(now), V_INT(now), V_INT(1), V_INT(1), V_INT(25), V_INT(25),
			V_INT(INT64_MAX), V_INT(0), V_INT(25 * (n + 1)), V_INT(0), V_INT(0),
			V_INT(0), V_INT(1), V_INT(sale), V_INT(now - CLOCK_HOUR),
			V_BLOB(hash, HASH_LEN)),
		err);
	if (rc == 0)
		rc = put(w, ACCOUNT,
			ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(programme), V_INT(n),
				V_INT(n + 1), V_INT(25 * (n + 1)), V_INT(0), V_INT(0),
				V_INT(25 * (n + 1)), V_INT(0), V_INT(now), V_BLOB(hash, HASH_LEN)),
			err);
	*entries = (int32_t)n + 1;
	return rc;
}

int facts_put_sale(struct writer *w, int64_t now, struct err *err)
{
	static const char caller[] = "0123456-000000000000";
	struct calibration *c = w->c;
	struct str receipt = c->receipts[next_random(w) % TRAFFIC_RECEIPTS];
	int m = some_member(w);
	id_t64 member = c->members[m];
	id_t64 sale = sale_id(w, member, now);
	id_t64 merchant = c->members[0];
	unsigned char said[16], settled[BENCH_APPLY * 40];
	int rc;

	fill_random(w, said, sizeof(said));
	fill_random(w, settled, sizeof(settled));
	rc = put_claim(w, now, sale, STR(""), err);
	if (rc == 0)
		rc = put(w, RECEIPT,
			ARGS(V_INT(id_time_ms(sale)), V_INT(id_bucket(sale)), V_INT(sale),
				V_INT(merchant), V_INT(merchant), V_INT(merchant),
				V_TEXT(STR("000000000000")), V_INT(now), V_TEXT(STR("EUR")),
				V_INT(4711), V_INT(PACK_RECEIPT), V_BLOB(receipt.ptr, receipt.len)),
			err);
	for (int p = 0; p < BENCH_APPLY && rc == 0; p++)
		rc = put_entry(w, member, c->programmes[p], &c->entries[m * BENCH_APPLY + p], sale,
			now, err);
	if (rc < 0)
		return rc;
	return put(w, SALE,
		ARGS(V_INT(id_time_ms(sale)), V_INT(id_bucket(sale)), V_INT(sale), V_INT(merchant),
			V_INT(merchant), V_INT(merchant), V_TEXT(STR(caller)), V_INT(2),
			V_INT(member), V_INT(4711), V_INT(0), V_BLOB(said, 16),
			V_BLOB(settled, sizeof(settled)),
			V_BLOB(c->sale_answer.ptr, c->sale_answer.len), V_INT(0)),
		err);
}

int facts_put_touch(struct writer *w, int64_t now, struct err *err)
{
	struct calibration *c = w->c;
	id_t64 till = c->members[next_random(w) % BENCH_TILLS];
	struct str event = buf_str(&c->bench->touch_answer);
	struct key touch, said;
	int rc;

	fill_random(w, &touch, sizeof(touch));
	fill_random(w, &said, sizeof(said));
	event = str_first(event, event.len / 4); /* member_here says who it is, without the steps */
	rc = put(w, EVENT,
		ARGS(V_INT(id_bucket(till)), V_INT(till), V_INT(++w->events * w->of + w->n),
			V_INT(now), V_TEXT(STR("member_here")), V_TEXT(event)),
		err);
	if (rc == 0)
		rc = put(w, TOUCH,
			ARGS(V_INT(key_bucket(&touch)), V_BLOB(touch.bytes, 16),
				V_INT(c->members[0]), V_INT(till),
				V_TEXT(STR("0123456-000000000000")), V_INT(now), V_TEXT(STR("")),
				V_INT(c->members[some_member(w)]), V_INT(1), V_NULL,
				V_BLOB(said.bytes, 16),
				V_BLOB(c->touch_answer.ptr, c->touch_answer.len)),
			err);
	if (rc < 0)
		return rc;
	return put(w, CURRENT,
		ARGS(V_INT(id_bucket(till)), V_INT(till), V_INT(till), V_BLOB(touch.bytes, 16),
			V_INT(now)),
		err);
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

int facts_pack_samples(struct calibration *c, struct err *err)
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

static int make_account(struct writer *w, int m, int p, int64_t now, struct err *err)
{
	unsigned char hash[HASH_LEN] = { 0 };
	id_t64 member = w->c->members[m];

	w->c->entries[m * BENCH_APPLY + p] = 1;
	return put(w, ACCOUNT_MAKE,
		ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(w->c->programmes[p]), V_INT(1),
			V_INT(25), V_INT(0), V_INT(0), V_INT(25), V_INT(0), V_INT(now),
			V_BLOB(hash, HASH_LEN)),
		err);
}

int facts_make_members(struct calibration *c, struct err *err)
{
	struct writer *w = &c->writers[0];
	int64_t now = clock_now(clock_system());
	int rc = 0;

	for (int m = 0; m < c->count; m++)
		c->members[m] = scattered_id(w, now - m * CLOCK_MINUTE);
	memcpy(c->programmes, c->members, sizeof(c->programmes));
	for (int m = 0; m < c->count && rc == 0; m++) {
		if (m % MADE_AT_ONCE == 0)
			rc = c->engine->begin(w->conn, err);
		for (int p = 0; p < BENCH_APPLY && rc == 0; p++)
			rc = make_account(w, m, p, now, err);
		if (rc == 0 && (m % MADE_AT_ONCE == MADE_AT_ONCE - 1 || m == c->count - 1))
			rc = c->engine->commit(w->conn, err);
	}
	return rc;
}

void facts_take_members(struct calibration *c, const struct bench_filled *filled)
{
	/* the half that is not the server's */
	const id_t64 *from = filled->members + (c->engine->shares ? c->count : 0);

	memcpy(c->members, from, (size_t)c->count * sizeof(*c->members));
	memcpy(c->programmes, filled->programmes, sizeof(c->programmes));
	for (int i = 0; i < c->count * BENCH_APPLY; i++)
		c->entries[i] = filled->entries;
}
