/* SPDX-License-Identifier: Apache-2.0 */
#include "house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/rooms.h"
#include "codec/json_write.h"
#include "codec/pack.h"
#include "ledger/ledger.h"
#include "test.h"

#define CALL_BYTES (64 << 20)

/* ---- one call ---- */

struct call {
	struct unit unit;
	struct house *house;
	const struct access *access;
	const void *request;
	int (*run)(struct call *call, struct visit_env *env, struct err *err);
};

static int run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct call *call = (struct call *)unit;
	struct house *h = call->house;
	struct visit_env env = { .tx = tx,
		.now = now,
		.arena = h->arena,
		.clock = &h->clock.clock,
		.keys = &h->keys,
		.directory = h->directory,
		.catalogue = h->catalogue,
		.host = h->host,
		.access = call->access };
	int rc = call->run(call, &env, err);

	return rc == 0 && h->drop ? UNIT_DROP : rc;
}

static int perform(struct house *h, struct call *call)
{
	int rc;

	call->unit.run = run;
	call->house = h;
	h->answer = NULL;
	h->bytes = STR("");
	arena_fail_nth(h->fail_allocation);
	rc = store_run(h->store, &call->unit);
	arena_fail_nth(0);
	h->fail_allocation = 0;
	h->err = call->unit.err;
	h->drop = false;
	if (rc == 0 && h->bytes.len)
		assert_ok(json_parse(h->arena, h->bytes, &h->answer, &h->err), &h->err);
	return rc;
}

static struct key content(struct house *h, const char *text)
{
	struct hash hash;

	hash_init(&hash, &h->keys.claim);
	hash_str(&hash, str_of(text));
	return hash_done_key(&hash);
}

static struct key touch_key(struct house *h, const char *id)
{
	return visit_id_key(&h->keys, "touch", h->merchant, str_of(id));
}

static struct key sale_key(struct house *h, const char *id)
{
	return visit_id_key(&h->keys, "sale", h->merchant, str_of(id));
}

static struct identifier identifier_of(struct house *h, const char *kind, const char *value)
{
	struct identifier_ring ring;
	struct identifier ret;
	int k = 0;

	while (strcmp(identifier_kind_words[k], kind) != 0)
		k++;
	identifier_ring_of(&h->ring, h->merchant, &ring);
	assert_true(identifier_make(&ring, (enum identifier_kind)k, str_of(value), &ret));
	return ret;
}

/* ---- touches ---- */

static int run_touch(struct call *call, struct visit_env *env, struct err *err)
{
	return visit_touch(env, call->request, &call->house->bytes, err);
}

int house_touch_many(struct house *h, const char *id, const char *const *pairs, size_t n)
{
	struct visit_touch touch = { .id = str_of(id),
		.key = touch_key(h, id),
		.said = content(h, pairs[1]),
		.identifier_count = n };
	struct call call = { .access = &h->at_reader, .request = &touch, .run = run_touch };

	arena_reset(h->arena);
	for (size_t i = 0; i < n; i++)
		touch.identifiers[i] = identifier_of(h, pairs[2 * i], pairs[2 * i + 1]);
	return perform(h, &call);
}

int house_touch(struct house *h, const char *id, const char *kind, const char *value)
{
	const char *const pair[] = { kind, value };

	return house_touch_many(h, id, pair, 1);
}

static int run_answer(struct call *call, struct visit_env *env, struct err *err)
{
	return visit_answer(env, call->request, &call->house->bytes, err);
}

int house_answer(struct house *h, const char *touch, const char *id, const char *step,
	const char *value)
{
	char said[256];
	struct visit_answer answer = { .touch_id = str_of(touch),
		.id = str_of(id),
		.touch = touch_key(h, touch),
		.step = str_of(step),
		.value = str_of(value) };
	struct call call = { .access = &h->at_reader, .request = &answer, .run = run_answer };

	arena_reset(h->arena);
	snprintf(said, sizeof(said), "%s=%s", step, value);
	answer.said = content(h, said);
	return perform(h, &call);
}

static int run_clear(struct call *call, struct visit_env *env, struct err *err)
{
	return visit_clear_touch(env, call->request, &call->house->bytes, err);
}

int house_clear(struct house *h, const char *touch)
{
	struct key key = touch_key(h, touch);
	struct call call = { .access = &h->at_till, .request = &key, .run = run_clear };

	arena_reset(h->arena);
	return perform(h, &call);
}

/* ---- sales ---- */

static int run_sale(struct call *call, struct visit_env *env, struct err *err)
{
	return visit_sale(env, call->request, &call->house->bytes, err);
}

static void fill_receipt(struct house *h, const struct house_sale *from, struct receipt *ret)
{
	ret->number = STR("1");
	ret->currency = STR("EUR");
	ret->at = from->at ? from->at : h->clock.now;
	ret->lines = arena_array(h->arena, (size_t)from->count + 1, sizeof(*ret->lines));
	for (int i = 0; i < from->count; i++) {
		const struct house_line *l = &from->lines[i];
		ret->lines[ret->line_count++] = (struct receipt_line) { .id = str_of(l->id),
			.quantity = l->quantity * 1000,
			.unit_price = l->quantity ? l->amount / l->quantity : l->amount,
			.amount = l->amount,
			.vat_rate = -1 };
		ret->total += l->amount;
	}
}

static void fill_whose(struct house *h, const char *touch, const char *kind, const char *value,
	struct visit_whose *ret)
{
	ret->how = !touch ? WHOSE_NOBODY : touch[0] ? WHOSE_TOUCH : WHOSE_READER;
	if (kind) {
		ret->how = WHOSE_IDENTIFIERS;
		ret->identifiers[ret->identifier_count++] = identifier_of(h, kind, value);
	} else if (ret->how == WHOSE_TOUCH) {
		ret->touch_id = str_of(touch);
		ret->touch = touch_key(h, touch);
	}
}

/* What a sale says, as one text: the same says the same. */
static struct key said_of(struct house *h, const struct house_sale *sale)
{
	struct buf buf BUF_AUTO;

	buf_init(&buf, NULL, 65536);
	buf_printf(&buf, "%d %lld %s %s %s", sale->state, (long long)sale->at,
		sale->touch ? sale->touch : "-", sale->kind ? sale->kind : "",
		sale->value ? sale->value : "");
	for (int i = 0; i < sale->count; i++)
		buf_printf(&buf, " %s:%d:%lld", sale->lines[i].id, sale->lines[i].quantity,
			(long long)sale->lines[i].amount);
	buf_char(&buf, '\0');
	return content(h, buf.ptr);
}

int house_sale(struct house *h, const struct house_sale *from)
{
	struct visit_sale *sale;
	struct call call = { .access = &h->at_till, .run = run_sale };
	struct buf buf;

	arena_reset(h->arena);
	sale = arena_make(h->arena, struct visit_sale);
	*sale = (struct visit_sale) { .id = str_of(from->id),
		.key = sale_key(h, from->id),
		.said = said_of(h, from),
		.state = from->state,
		.dry_run = from->dry_run };
	fill_receipt(h, from, &sale->receipt);
	fill_whose(h, from->touch, from->kind, from->value, &sale->whose);
	buf_init(&buf, h->arena, 1 << 20);
	receipt_write(&sale->receipt, &buf);
	assert_ok(pack(h->arena, buf_str(&buf), PACK_RECEIPT, &sale->packed, &h->err), &h->err);
	call.request = sale;
	h->drop = from->dry_run;
	return perform(h, &call);
}

static int run_return(struct call *call, struct visit_env *env, struct err *err)
{
	return visit_return(env, call->request, &call->house->bytes, err);
}

int house_return(struct house *h, const char *sale, const char *id, const struct house_line *lines,
	int count)
{
	struct visit_return_line list[8];
	struct visit_return what = { .sale_id = str_of(sale),
		.id = str_of(id),
		.sale = sale_key(h, sale),
		.at = h->clock.now,
		.lines = list };
	struct call call = { .access = &h->at_till, .request = &what, .run = run_return };
	char said[512] = "";

	arena_reset(h->arena);
	for (int i = 0; i < count; i++) {
		list[what.line_count++] = (struct visit_return_line) { .line = str_of(lines[i].id),
			.quantity = lines[i].quantity * 1000,
			.amount = lines[i].amount,
			.has_amount = true };
		size_t len = strlen(said);
		snprintf(said + len, sizeof(said) - len, "%s:%d:%lld ", lines[i].id,
			lines[i].quantity, (long long)lines[i].amount);
	}
	what.said = content(h, said);
	return perform(h, &call);
}

static int run_attach(struct call *call, struct visit_env *env, struct err *err)
{
	return visit_attach(env, call->request, &call->house->bytes, err);
}

int house_attach(struct house *h, const char *sale, const char *id, const char *touch,
	const char *kind, const char *value)
{
	struct visit_attach attach = { .sale_id = str_of(sale),
		.id = str_of(id),
		.sale = sale_key(h, sale),
		.said = content(h, touch ? touch : value) };
	struct call call = { .access = &h->at_till, .request = &attach, .run = run_attach };

	arena_reset(h->arena);
	fill_whose(h, touch, kind, value, &attach.whose);
	return perform(h, &call);
}

/* ---- rewards ---- */

static int run_reward(struct call *call, struct visit_env *env, struct err *err)
{
	return visit_reward(env, call->request, &call->house->bytes, err);
}

int house_reward(struct house *h, enum visit_reward_act act, const char *reward, const char *id)
{
	struct visit_reward what = { .id = str_of(id), .act = act, .said = content(h, id) };
	struct call call = { .access = &h->at_till, .request = &what, .run = run_reward };

	arena_reset(h->arena);
	assert_true(id_parse(str_of(reward), "w", &what.reward));
	return perform(h, &call);
}

/* ---- time ---- */

static int run_hold(struct call *call, struct visit_env *env, struct err *err)
{
	const struct ledger_due *due = call->request;

	return visit_expire_hold(env, due->member, due->hold, err);
}

static int run_lot(struct call *call, struct visit_env *env, struct err *err)
{
	const struct ledger_due *due = call->request;

	return visit_expire_points(env, due->member, due->programme, err);
}

static int run_blank(struct call *call, struct visit_env *env, struct err *err)
{
	size_t count;

	(void)call;
	return visit_blank_touches(env->tx, env->now, 256, &count, err);
}

static void sweep(struct house *h,
	int (*find)(struct store_tx *, int64_t, struct ledger_due *, size_t, size_t *,
		struct err *),
	int (*each)(struct call *, struct visit_env *, struct err *))
{
	struct ledger_due due[64];
	struct store_tx *tx;
	size_t count;

	assert_ok(store_read_begin(h->store, &tx, &h->err), &h->err);
	assert_ok(find(tx, h->clock.now, due, 64, &count, &h->err), &h->err);
	store_read_end(&tx);
	for (size_t i = 0; i < count; i++) {
		struct call call = { .request = &due[i], .run = each };
		arena_reset(h->arena);
		assert_ok(perform(h, &call), &h->err);
	}
}

void house_pass(struct house *h, int64_t us)
{
	struct call blank = { .run = run_blank };

	clock_fake_advance(&h->clock, us);
	sweep(h, ledger_due_holds, run_hold);
	sweep(h, ledger_due_lots, run_lot);
	arena_reset(h->arena);
	assert_ok(perform(h, &blank), &h->err);
}

/* ---- proof ---- */

static void print_breach(void *user, const char *invariant, const char *text)
{
	(void)user;
	fprintf(stderr, "%s: %s\n", invariant, text);
}

int64_t house_verify(struct house *h)
{
	static uint64_t sums[LEDGER_SUMS];
	struct ledger_report report = { .breach = print_breach, .sale_sums = sums };
	struct ledger_counts ledger = { 0 };
	struct visit_counts visits = { 0 };
	struct visit_env env = { .keys = &h->keys,
		.directory = h->directory,
		.catalogue = h->catalogue,
		.host = h->host,
		.clock = &h->clock.clock };

	memset(sums, 0, sizeof(sums));
	arena_reset(h->arena);
	env.arena = h->arena;
	assert_ok(store_read_begin(h->store, &env.tx, &h->err), &h->err);
	assert_ok(ledger_verify(env.tx, &h->keys.seal, &report, &ledger, &h->err), &h->err);
	assert_ok(visit_verify(&env, sums, print_breach, NULL, &visits, &h->err), &h->err);
	store_read_end(&env.tx);
	return ledger.breaches + visits.breaches;
}

/* ---- reading ---- */

const struct json *house_effect(const struct house *h, const char *type, const char *programme)
{
	const struct json *effects = h->answer ? json_get(h->answer, "effects") : NULL;

	for (const struct json *e = effects ? effects->first : NULL; e; e = e->next) {
		const struct json *p = json_get(e, "programme");
		if (str_is(json_get(e, "type")->string, type) &&
			(!programme || (p && str_is(p->string, programme))))
			return e;
	}
	return NULL;
}

int64_t house_int(const struct json *object, const char *name)
{
	const struct json *value = object ? json_get(object, name) : NULL;

	return value ? value->integer : INT64_MIN;
}

const char *house_text(struct house *h, const struct json *object, const char *name)
{
	static char text[8][128];
	static int n;
	const struct json *value = object ? json_get(object, name) : NULL;
	char *out = text[n++ % 8];

	(void)h;
	snprintf(out, sizeof(text[0]), "%.*s", value ? (int)value->string.len : 0,
		value ? value->string.ptr : "");
	return out;
}

int64_t house_balance(const struct house *h, const char *programme)
{
	const struct json *member = h->answer ? json_get(h->answer, "member") : NULL;
	const struct json *list = member ? json_get(member, "enrolments") : NULL;

	for (const struct json *e = list ? list->first : NULL; e; e = e->next)
		if (str_is(json_get(e, "programme")->string, programme))
			return json_get(e, "balance")->integer;
	return -1;
}

int64_t house_stored(struct house *h, const char *kind, const char *value, const char *programme,
	int64_t *ret_debt)
{
	struct identifier identifier = identifier_of(h, kind, value);
	const struct programme *p = catalogue_code(h->catalogue, h->merchant, str_of(programme));
	struct ledger_account *account;
	struct store_tx *tx;
	id_t64 member, other, owner;
	int64_t balance = -1;

	arena_reset(h->arena);
	assert_ok(store_read_begin(h->store, &tx, &h->err), &h->err);
	assert_ok(member_find(tx, &identifier, 1, &member, &other, &owner, &h->err), &h->err);
	if (member) {
		struct ledger_env env = { .tx = tx,
			.seal = &h->keys.seal,
			.now = h->clock.now,
			.arena = h->arena };
		assert_ok(ledger_open(&env, member, p->id, &account, &h->err), &h->err);
		balance = ledger_standing(account)->balance;
		if (ret_debt)
			*ret_debt = ledger_standing(account)->debt;
	}
	store_read_end(&tx);
	return balance;
}

/* ---- opening ---- */

static const struct zone *zone_of(void *user, id_t64 merchant)
{
	return directory_merchant(user, merchant)->zone;
}

static void reload(struct house *h)
{
	struct store_tx *tx;

	assert_ok(directory_refresh(h->source, &h->err), &h->err);
	directory_release(&h->directory);
	catalogue_release(&h->catalogue);
	h->directory = directory_hold(h->source);
	assert_ok(store_read_begin(h->store, &tx, &h->err), &h->err);
	assert_ok(catalogue_load(tx, zone_of, (void *)h->directory, &h->catalogue, &h->err),
		&h->err);
	store_read_end(&tx);
	h->at_till = (struct access) { .merchant = directory_merchant(h->directory, h->merchant),
		.device = directory_device(h->directory, h->till) };
	h->at_reader = (struct access) { .merchant = directory_merchant(h->directory, h->merchant),
		.device = directory_device(h->directory, h->reader) };
}

static int run_found(struct call *call, struct visit_env *env, struct err *err)
{
	struct house *h = call->house;
	struct merchant_new merchant = { .id = h->merchant,
		.name = STR("Test"),
		.country = STR("BE"),
		.sector = STR("retail"),
		.currency = STR("EUR"),
		.time_zone = STR("Europe/Brussels"),
		.languages = STR("nl fr de en") };
	struct device_new till = { .id = h->till,
		.merchant = h->merchant,
		.shop = h->shop,
		.kind = DEVICE_TILL,
		.name = STR("till") };
	struct device_new reader = { .id = h->reader,
		.merchant = h->merchant,
		.shop = h->shop,
		.kind = DEVICE_READER,
		.name = STR("reader"),
		.paired_with = h->till };
	int rc = shop_add_merchant(env->tx, &merchant, env->now, err);

	if (rc == 0)
		rc = shop_add_shop(env->tx, h->shop, h->merchant, STR("shop"), env->now, err);
	if (rc == 0)
		rc = shop_add_device(env->tx, &till, env->now, err);
	return rc != 0 ? rc : shop_add_device(env->tx, &reader, env->now, err);
}

void house_open(struct house *h, const char *url, uint64_t seed)
{
	struct store_options options = { .rooms = api_rooms,
		.room_count = api_room_count,
		.clock = &h->clock.clock };
	struct call found = { .run = run_found };

	memset(h, 0, sizeof(*h));
	clock_fake_init(&h->clock, HOUSE_START, seed);
	memset(h->keys.claim.bytes, 1, 32);
	memset(h->keys.seal.bytes, 2, 32);
	memset(h->keys.arm.bytes, 3, 32);
	h->ring.count = 1;
	h->ring.keys[0].id = 1;
	memset(h->ring.keys[0].secret.bytes, 4, 32);
	options.url = str_of(url ? url : house_ground(&h->clock.clock));
	if (url)
		assert_ok(store_migrate(&options, false, NULL, NULL, &h->err), &h->err);
	assert_ok(store_open(&options, &h->store, &h->err), &h->err);
	h->arena = arena_new(CALL_BYTES);
	h->merchant = id_new(1, HOUSE_START, 1);
	h->shop = id_new(2, HOUSE_START, 2);
	h->till = id_new(3, HOUSE_START, 3);
	h->reader = id_new(4, HOUSE_START, 4);
	assert_ok(perform(h, &found), &h->err);
	assert_ok(directory_open(h->store, &h->source, &h->err), &h->err);
	h->directory = directory_hold(h->source);
	reload(h);
	assert_ok(host_new(NULL, &h->host, &h->err), &h->err);
}

void house_close(struct house *h)
{
	host_free(&h->host);
	catalogue_release(&h->catalogue);
	directory_release(&h->directory);
	directory_close(&h->source);
	store_close(&h->store);
	arena_free(&h->arena);
}

static int run_programme(struct call *call, struct visit_env *env, struct err *err)
{
	const struct programme *p = call->request;
	id_t64 id;
	int32_t version;
	int rc = programme_put(env->tx, p, p->code, id_new(0, env->now, clock_random32(env->clock)),
		env->now, env->arena, &id, &version, err);

	return rc != 0 ? rc : shop_touch(env->tx, err);
}

void house_programme(struct house *h, const char *code, const char *template, const char *joining,
	const char *parameters)
{
	struct programme_context context = { .merchant = h->merchant,
		.zone = h->at_till.merchant->zone };
	struct call call = { .run = run_programme };
	struct programme programme;
	struct json *body;
	struct str text;

	arena_reset(h->arena);
	text = arena_printf(h->arena,
		"{\"template\":\"%s\",\"name\":{\"nl\":\"%s\"},\"starts\":\"2026-01-01\","
		"\"joining\":\"%s\",\"state\":\"running\",\"parameters\":%s}",
		template, code, joining, parameters);
	assert_ok(json_parse(h->arena, text, &body, &h->err), &h->err);
	assert_ok(programme_read(&context, body, h->arena, &programme, &h->err), &h->err);
	programme.code = str_of(code);
	call.request = &programme;
	assert_ok(perform(h, &call), &h->err);
	reload(h);
}
