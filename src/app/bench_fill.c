/* SPDX-License-Identifier: Apache-2.0 */
/* Members and receipts by the million, in the server's store, with the server stopped.
 *
 * Sixteen members are sold to through the contract, as often as everybody is to have bought: what
 * that left (enrolments, entries, settlements, answers, receipts) is the example. Every other
 * member gets the same, with an id, an identifier, sales and a chain of its own, through the doors
 * of the rooms: identifier_make(), member_add(), enrolment_put(), ledger_earn(), receipt_add(),
 * claim_make(). A paid sale has no such door; its row is written by the visit room's own statement,
 * found by name. `zegel verify` passes on what is made.
 *
 * Rows go in the order of their keys: members in the order of their tokens, which is that of their
 * buckets; their sales one after the other in time; claims, whose place is chance, last and sorted.
 *
 * What is not as it would be: a receipt's body is that of its example, number and time included,
 * and a member's sales lie beside each other in time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/bench_fill_impl.h"
#include "base/clock.h"
#include "codec/pack.h"
#include "store/claim.h"

#define ARENA_BYTES (64 << 20)
#define UNIT_ARENA_BYTES (8 << 20)
/* Members, or claims, in a unit; units in a commit and at a time. */
#define UNIT_MEMBERS 200
#define UNIT_CLAIMS 5000
#define GROUP 4
#define FLIGHT 8
/* The past that the sales lie in: not before last month, where a store may keep receipts by month.
 */
#define PAST (27 * CLOCK_DAY)

/* ---- units ---- */

struct fill_unit {
	struct unit unit; /* first */
	struct fill *f;
	size_t from, to;
};

static void unit_done(struct unit *unit)
{
	struct fill_unit *u = (struct fill_unit *)unit;
	struct fill *f = u->f;

	pthread_mutex_lock(&f->lock);
	if (unit->rc < 0 && f->rc == 0) {
		f->rc = unit->rc;
		f->err = unit->err;
	}
	pthread_mutex_unlock(&f->lock);
	free(u);
	sem_post(&f->room);
}

static int failed(struct fill *f, struct err *err)
{
	pthread_mutex_lock(&f->lock);
	int rc = f->rc;
	if (rc < 0)
		*err = f->err;
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static int submit(struct fill *f,
	int (*run)(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err),
	size_t from, size_t to, size_t n, struct err *err)
{
	struct fill_unit *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return err_set(err, ERR_NO_MEMORY, "no memory to fill");
	*u = (struct fill_unit) { .unit = { .run = run, .done = unit_done, .bucket = (uint16_t)n },
		.f = f,
		.from = from,
		.to = to };
	sem_wait(&f->room);
	rc = store_submit(f->store, &u->unit, err);
	if (rc < 0) {
		free(u);
		sem_post(&f->room);
	}
	return rc;
}

static void progress(struct fill *f, const char *what, size_t done, size_t of)
{
	double s = (double)(clock_ticks_ns() - f->began_ns) / 1e9;

	bench_say(f->b, "filling: %zu of %zu %s, %.0f/s, %.0f s to go", done, of, what,
		(double)done / s, done ? s * (double)(of - done) / (double)done : 0);
}

/* All of them, in units of that size. */
static int submit_all(struct fill *f, const char *what, size_t count, size_t size,
	int (*run)(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err),
	struct err *err)
{
	int rc = 0;

	f->began_ns = clock_ticks_ns();
	for (size_t i = 0; i < count && rc == 0; i += size) {
		rc = submit(f, run, i, i + size < count ? i + size : count, i / size, err);
		if (rc == 0)
			rc = failed(f, err);
		if (i / size % 16 == 0)
			progress(f, what, i, count);
	}
	for (int i = 0; i < FLIGHT; i++)
		sem_wait(&f->room);
	for (int i = 0; i < FLIGHT; i++)
		sem_post(&f->room);
	if (rc == 0)
		rc = failed(f, err);
	fprintf(stderr, "%sfilled with %zu %s in %.0f s\n", f->b->progress ? "\r\033[K" : "", count,
		what, (double)(clock_ticks_ns() - f->began_ns) / 1e9);
	return rc;
}

/* ---- members ---- */

/* One member that is being made. */
struct making {
	struct fill *f;
	struct store_tx *tx;
	struct arena *arena;
	size_t n; /* in the order of tokens */
	id_t64 member;
	struct ledger_account *accounts[BENCH_APPLY];
};

static int64_t sale_time(const struct fill *f, size_t n, int j)
{
	size_t sales = f->count * (size_t)f->per;

	return f->from + (int64_t)(n * (size_t)f->per + (size_t)j) * (PAST / (int64_t)sales);
}

static int make_person(struct making *m, struct err *err)
{
	struct fill *f = m->f;
	int64_t now = sale_time(f, m->n, 0);
	struct identifier identifier;
	char card[16];
	int rc;

	snprintf(card, sizeof(card), "%08d", (int)f->order[m->n].card);
	if (!identifier_make(&f->ring, IDENTIFIER_LOYALTY_CARD, str_of(card), &identifier))
		return err_set(err, ERR_INTERNAL, "a card that says nothing");
	m->member = id_new(identifier_bucket(&identifier), now, (uint32_t)m->n);
	f->b->filled.members[f->order[m->n].card] = m->member;
	rc = member_add_identifier(m->tx, f->merchant, m->member, &identifier, now, err);
	if (rc == 0)
		rc = member_add(m->tx,
			&(struct member) { .id = m->member,
				.merchant = f->merchant,
				.language = STR("nl"),
				.created_at = now },
			err);
	for (int p = 0; p < BENCH_APPLY && rc == 0; p++) {
		struct enrolment enrolment = f->enrolments[p];
		enrolment.member = m->member;
		enrolment.since = now;
		rc = enrolment_put(m->tx, &enrolment, false, err);
	}
	return rc;
}

static int post_sale(struct making *m, const struct example_sale *like, id_t64 sale, int64_t now,
	struct err *err)
{
	struct ledger_env env = { m->tx, &m->f->keys.visit.seal, now, m->arena };
	struct ledger_ref ref = { LEDGER_REF_SALE, sale, like->receipt.at };
	int rc = 0;

	for (int p = 0; p < BENCH_APPLY && rc == 0; p++) {
		if (!m->accounts[p])
			rc = ledger_pick(&env, m->member, m->f->b->filled.programmes[p], NULL, 0,
				&m->accounts[p], err);
		if (rc == 0)
			rc = ledger_earn(&env, m->accounts[p], like->earned[p].amount,
				like->earned[p].lot, &ref, err);
	}
	return rc;
}

/* The example's answer, naming this sale. */
static int write_answer(struct making *m, const struct example_sale *like, const char *caller,
	const struct key *key, struct str *ret, struct err *err)
{
	char *text = arena_alloc(m->arena, like->answer.len);
	char member[ID_TEXT_MAX], token[TOKEN_TEXT + 1];

	if (!text)
		return err_set(err, ERR_NO_MEMORY, "no memory to fill");
	memcpy(text, like->answer.ptr, like->answer.len);
	base32_write(key->bytes, sizeof(key->bytes), token);
	id_text(m->member, "m", member);
	memcpy(text + like->caller_at, caller, strlen(caller));
	memcpy(text + like->member_at, member, strlen(member));
	memcpy(text + like->id_at, token, TOKEN_TEXT);
	memcpy(text + like->url_at, token, TOKEN_TEXT);
	return pack(m->arena, str_bytes(text, like->answer.len), PACK_ANSWER, ret, err);
}

static int add_sale(struct making *m, const struct example_sale *like, id_t64 sale,
	const char *caller, struct claim_to_make *claim, struct err *err)
{
	struct fill *f = m->f;
	struct receipt_place place = { sale, f->merchant, like->shop, like->device };
	struct str answer;
	int rc;

	claim->key = visit_id_key(&f->keys.visit, "sale", f->merchant, str_of(caller));
	claim->said = visit_id_key(&f->keys.visit, "bench", f->merchant, str_of(caller));
	claim->home = sale;
	rc = write_answer(m, like, caller, &claim->key, &answer, err);
	if (rc == 0)
		rc = receipt_add(m->tx, &place, &like->receipt, like->packed, err);
	if (rc != 0)
		return rc;
	return store_write(m->tx, f->sale_add,
		ARGS(V_INT(id_time_ms(sale)), V_INT(id_bucket(sale)), V_INT(sale),
			V_INT(f->merchant), V_INT(like->shop), V_INT(like->device),
			V_TEXT(str_of(caller)), V_INT(SALE_PAID), V_INT(m->member),
			V_INT(like->total), V_INT(0), V_BLOB(claim->said.bytes, 16),
			V_BLOB(like->settled.ptr, like->settled.len),
			V_BLOB(answer.ptr, answer.len), V_INT(0)),
		1, err);
}

static int make_sale(struct making *m, int j, struct err *err)
{
	struct fill *f = m->f;
	size_t n = m->n * (size_t)f->per + (size_t)j;
	const struct example_sale *like = &f->sales[(int)(m->n % EXAMPLES) * f->per + j];
	int64_t now = sale_time(f, m->n, j);
	id_t64 sale = id_new(id_bucket(m->member), now, (uint32_t)n);
	char caller[64];
	int rc = post_sale(m, like, sale, now, err);

	snprintf(caller, sizeof(caller), "%s-%012" PRIu64, f->b->shop.run, f->serial + n);
	return rc != 0 ? rc : add_sale(m, like, sale, caller, &f->claims[n], err);
}

static int make_member(struct making *m, struct err *err)
{
	struct ledger_env env = { m->tx, &m->f->keys.visit.seal, 0, m->arena };
	int rc = make_person(m, err);

	for (int j = 0; j < m->f->per && rc == 0; j++)
		rc = make_sale(m, j, err);
	for (int p = 0; p < BENCH_APPLY && rc == 0; p++)
		rc = ledger_save(&env, m->accounts[p], err);
	return rc;
}

static int run_members(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct fill_unit *u = (struct fill_unit *)unit;
	struct arena *arena ARENA_AUTO = arena_new(UNIT_ARENA_BYTES);
	int rc = arena ? 0 : err_set(err, ERR_NO_MEMORY, "no memory to fill");

	(void)now;
	for (size_t n = u->from; n < u->to && rc == 0; n++) {
		struct making m = { .f = u->f, .tx = tx, .arena = arena, .n = n };
		arena_reset(arena);
		rc = make_member(&m, err);
	}
	return rc;
}

/* ---- claims ---- */

static int run_claims(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct fill_unit *u = (struct fill_unit *)unit;
	int rc = 0;

	(void)now;
	for (size_t n = u->from; n < u->to && rc == 0; n++) {
		const struct claim_to_make *c = &u->f->claims[n];
		struct claim claim = { .said = c->said,
			.act = SALE_PAID,
			.home = c->home,
			.made_at = id_time_ms(c->home) * 1000 };
		rc = claim_make(tx, key_bucket(&c->key), &c->key, &claim, err);
	}
	return rc;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct key)); /* the key comes first */
}

/* ---- in order ---- */

static int by_token(const void *a, const void *b)
{
	return memcmp(a, b, HASH_LEN);
}

static int put_in_order(struct fill *f, struct err *err)
{
	char card[16];

	for (size_t n = 0; n < f->count; n++) {
		struct identifier identifier;
		f->order[n].card = (int32_t)(n + EXAMPLES);
		snprintf(card, sizeof(card), "%08d", (int)f->order[n].card);
		if (!identifier_make(&f->ring, IDENTIFIER_LOYALTY_CARD, str_of(card), &identifier))
			return err_set(err, ERR_INTERNAL, "a card that says nothing");
		memcpy(f->order[n].token, identifier.tokens[0].token, HASH_LEN);
	}
	qsort(f->order, f->count, sizeof(*f->order), by_token);
	return 0;
}

/* ---- all of it ---- */

static int check_room(struct fill *f, struct err *err)
{
	const struct calibration_engine *engine = f->b->engine;
	int64_t free_bytes = engine->room(f->b->place);
	int64_t sales = (int64_t)f->per * (int64_t)f->b->fill_members;
	int64_t wanted = f->b->fill_members * engine->member_bytes + sales * engine->sale_bytes;

	wanted *= engine->shares ? 1 : 2;

	if (free_bytes < 0)
		fprintf(stderr,
			"zegel bench: how much room there is is not known; it needs %.1f GB\n",
			(double)wanted / 1e9);
	else if (free_bytes < wanted)
		return err_set(err, ERR_IO,
			"%.1f GB are wanted, for the store and the calibration's, and %.1f GB are free",
			(double)wanted / 1e9, (double)free_bytes / 1e9);
	return 0;
}

static int make_memory(struct fill *f, struct err *err)
{
	f->count = (size_t)f->b->fill_members - EXAMPLES;
	f->claim_count = f->count * (size_t)f->per;
	f->arena = arena_new(ARENA_BYTES);
	f->sales = calloc((size_t)EXAMPLES * (size_t)f->per, sizeof(*f->sales));
	f->order = calloc(f->count, sizeof(*f->order));
	f->claims = calloc(f->claim_count, sizeof(*f->claims));
	f->b->filled.members = calloc((size_t)f->b->fill_members, sizeof(id_t64));
	return f->arena && f->sales && f->order && f->claims && f->b->filled.members
		? 0
		: err_set(err, ERR_NO_MEMORY, "no memory to fill");
}

static int open_store(struct fill *f, struct err *err)
{
	struct settings settings = { .queue_max = 4 * FLIGHT, .group_max = GROUP };
	struct store_options options;
	int rc = folder_keys(local_server_folder(f->b->local), &f->keys, err);

	f->sale_add = room_statement("sale.add");
	if (rc == 0)
		rc = facts_check_statements(err);
	if (rc < 0)
		return rc;
	site_options(&settings, f->b->place->url, &options);
	rc = store_open(&options, &f->store, err);
	return rc < 0 ? rc : store_start(f->store, err);
}

static int fill_store(struct fill *f, struct err *err)
{
	int rc = example_read(f, err);

	if (rc == 0)
		rc = put_in_order(f, err);
	if (rc == 0)
		rc = submit_all(f, "members with their sales", f->count, UNIT_MEMBERS, run_members,
			err);
	if (rc < 0)
		return rc;
	qsort(f->claims, f->claim_count, sizeof(*f->claims), by_key);
	return submit_all(f, "claims", f->claim_count, UNIT_CLAIMS, run_claims, err);
}

static void fill_done(struct fill *f)
{
	store_close(&f->store);
	secret_wipe_bytes(&f->keys, sizeof(f->keys));
	secret_wipe_bytes(&f->ring, sizeof(f->ring));
	arena_free(&f->arena);
	free(f->sales);
	free(f->order);
	free(f->claims);
	sem_destroy(&f->room);
	pthread_mutex_destroy(&f->lock);
}

/* While the server is stopped. */
static int fill_stopped(struct fill *f, struct err *err)
{
	int64_t start;
	int rc = open_store(f, err);

	if (rc == 0)
		rc = fill_store(f, err);
	store_close(&f->store);
	start = clock_ticks_ns();
	bench_say(f->b, "filling: making it ready for the calibration");
	if (rc == 0)
		rc = f->b->engine->copy(f->b->place, err);
	if (rc == 0)
		fprintf(stderr, "%smade ready for the calibration in %.0f s\n",
			f->b->progress ? "\r\033[K" : "", (double)(clock_ticks_ns() - start) / 1e9);
	return rc;
}

int bench_fill(struct bench *b, struct err *err)
{
	struct fill f = { .b = b,
		.per = (int)num_min(b->fill_receipts / b->fill_members, SALES_MAX),
		.from = clock_now(clock_system()) - PAST };
	int rc;

	sem_init(&f.room, 0, FLIGHT);
	pthread_mutex_init(&f.lock, NULL);
	rc = check_room(&f, err);
	if (rc == 0)
		rc = make_memory(&f, err);
	if (rc == 0) /* one after the other: each has as many before it as it will have */
		rc = bench_sell(b, EXAMPLES, EXAMPLES * f.per, 1, err);
	f.serial = b->serial;
	b->serial += UINT64_C(100000000000);
	if (rc == 0)
		rc = local_server_stop(b->local, err);
	if (rc == 0)
		rc = fill_stopped(&f, err);
	fill_done(&f);
	if (rc < 0)
		return rc;
	b->shop.members = (int)b->fill_members / (b->engine->shares ? 2 : 1);
	b->filled.entries = f.per;
	b->filled.receipts = (int64_t)f.per * b->fill_members;
	b->sales = (uint64_t)b->filled.receipts;
	return bench_start(b, NULL, err);
}

void bench_filled_free(struct bench_filled *filled)
{
	free(filled->members);
	filled->members = NULL;
}
