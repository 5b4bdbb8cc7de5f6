/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue: every version of every programme, read once and then shared by all threads
 * unchanged; and what a programme answers about itself. See programme.h.
 *
 * Invariants: 1. `all` is in the order of merchant, code, version, as the store gave it. 2.
 * `newest` points at the last version of each, in the same order, so a merchant's are neighbours.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "programme/programme.h"
#include "programme/programme_sql.h"

/* 5,000 programmes of 10 kB. */
#define CATALOGUE_BYTES (256 << 20)

struct slot {
	id_t64 programme;
	int32_t version; /* 0: the newest */
	const struct programme *is;
};
struct catalogue {
	atomic_int users;
	struct arena *arena;
	struct programme *all;
	size_t count;
	const struct programme **newest, **by_itself;
	size_t newest_count, by_itself_count;
	struct slot *slots;
	size_t slot_mask;
};

/* ---- the questions ---- */

bool programme_runs(const struct programme *p, id_t64 shop, int64_t at)
{
	if (p->state != PROGRAMME_RUNNING || at < p->starts || at >= p->ends)
		return false;
	for (size_t i = 0; i < p->shop_count; i++)
		if (p->shops[i] == shop)
			return true;
	return p->shop_count == 0;
}

int32_t programme_arm(const struct programme *p, const struct secret *key, id_t64 member)
{
	struct hash hash;
	struct key drawn;
	uint64_t sum = 0;
	uint64_t point;

	if (p->arm_count == 1)
		return 0;
	hash_init(&hash, key);
	hash_int(&hash, p->id);
	hash_int(&hash, member);
	drawn = hash_done_key(&hash);
	memcpy(&point, drawn.bytes, sizeof(point));
	for (size_t i = 0; i < p->arm_count; i++)
		sum += (uint64_t)p->arms[i].share;
	point %= sum;
	for (size_t i = 0; i < p->arm_count; i++) {
		if (point < (uint64_t)p->arms[i].share)
			return (int32_t)i;
		point -= (uint64_t)p->arms[i].share;
	}
	return 0;
}

struct host_programme_key programme_host_key(const struct programme *p, int32_t arm)
{
	return (struct host_programme_key) { .programme = p->id,
		.version = p->version,
		.arm = arm };
}

/* Arms can be fewer in a later version; who is in one that is gone counts as in the first. */
static const struct programme_arm *arm_of(const struct programme *p, int32_t arm)
{
	return &p->arms[arm >= 0 && (size_t)arm < p->arm_count ? arm : 0];
}

struct str programme_arm_name(const struct programme *p, int32_t arm)
{
	return arm_of(p, arm)->name;
}

int programme_in_host(const struct programme *p, int32_t arm, struct host *host,
	struct host_programme **ret, struct err *err)
{
	return host_programme(host, programme_host_key(p, arm), p->script, arm_of(p, arm)->params,
		p->code, &p->title, ret, err);
}

int reward_name(const struct programme *p, int32_t arm, struct arena *arena, struct texts *ret,
	struct err *err)
{
	struct json *params;
	const struct json *name;
	struct local_text *list;
	int rc = json_parse(arena, arm_of(p, arm)->params, &params, err);

	*ret = (struct texts) { 0 };
	if (rc < 0)
		return rc;
	name = json_get(json_get(params, "reward"), "name");
	if (!name || name->type != JSON_OBJECT)
		return 0;
	list = arena_array(arena, name->count, sizeof(*list));
	if (!list)
		return err_set(err, ERR_NO_MEMORY, "no memory for a name");
	for (const struct json *v = name->first; v; v = v->next)
		list[ret->count++] = (struct local_text) { .language = v->name, .text = v->string };
	ret->list = list;
	return 0;
}

/* ---- finding ---- */

static size_t slot_of(const struct catalogue *c, id_t64 programme, int32_t version)
{
	uint64_t x = ((uint64_t)programme ^ (uint64_t)version << 32) * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(x >> 20) & c->slot_mask;
}

const struct programme *catalogue_version(const struct catalogue *c, id_t64 programme,
	int32_t version)
{
	for (size_t i = slot_of(c, programme, version);; i = (i + 1) & c->slot_mask) {
		const struct slot *slot = &c->slots[i];
		if (!slot->is)
			return NULL;
		if (slot->programme == programme && slot->version == version)
			return slot->is;
	}
}

const struct programme *catalogue_find(const struct catalogue *c, id_t64 programme)
{
	return catalogue_version(c, programme, 0);
}

/* The neighbours of one merchant in a list ordered by merchant. */
static const struct programme *const *slice(const struct programme *const *list, size_t count,
	id_t64 merchant, size_t *ret_count)
{
	size_t low = 0;
	size_t high = count;
	size_t end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (list[mid]->merchant < merchant)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < count && list[end]->merchant == merchant; end++)
		;
	*ret_count = end - low;
	return list + low;
}

const struct programme *const *catalogue_list(const struct catalogue *c, id_t64 merchant,
	size_t *ret_count)
{
	return slice(c->newest, c->newest_count, merchant, ret_count);
}

const struct programme *const *catalogue_auto(const struct catalogue *c, id_t64 merchant,
	size_t *ret_count)
{
	return slice(c->by_itself, c->by_itself_count, merchant, ret_count);
}

const struct programme *catalogue_code(const struct catalogue *c, id_t64 merchant, struct str code)
{
	size_t count;
	const struct programme *const *list = catalogue_list(c, merchant, &count);

	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->code, code))
			return list[i];
	return NULL;
}

/* ---- loading ---- */

static id_t64 shop_id(void *user, struct str text)
{
	id_t64 id = 0;

	(void)user;
	return id_parse(text, "s", &id) ? id : 0;
}

static int read_definition(struct arena *arena, const struct zone *zone, id_t64 merchant,
	struct str definition, struct programme *ret, struct err *err)
{
	struct programme_context context = { .merchant = merchant, .zone = zone, .shop = shop_id };
	struct json *value;
	int rc = json_parse(arena, definition, &value, err);

	return rc < 0 ? rc : programme_read(&context, value, arena, ret, err);
}

static int grow(struct catalogue *c, size_t *cap, struct err *err)
{
	size_t more = *cap ? *cap * 2 : 64;
	struct programme *all = arena_array(c->arena, more, sizeof(*all));

	if (!all)
		return err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
	if (c->count)
		memcpy(all, c->all, c->count * sizeof(*all));
	c->all = all;
	*cap = more;
	return 0;
}

/* A definition that cannot be read any more (its script lost a parameter) is paused and said so:
 * one bad programme must not stop every till, and an older version must not come back in its place.
 */
static int load_rows(struct catalogue *c, struct store_rows *rows,
	const struct zone *(*zone_of)(void *user, id_t64 merchant), void *user, struct err *err)
{
	size_t cap = 0;
	int rc;

	while ((rc = store_next(rows, err)) > 0) {
		id_t64 merchant = store_int(rows, 2);
		struct err fault = { 0 };
		if (c->count == cap && (rc = grow(c, &cap, err)) < 0)
			return rc;
		struct programme *p = &c->all[c->count];
		struct str definition = arena_str(c->arena, store_bytes(rows, 4));
		struct str code = arena_str(c->arena, store_bytes(rows, 3));
		if (read_definition(c->arena, zone_of(user, merchant), merchant, definition, p,
			    &fault) < 0) {
			if (fault.code == ERR_NO_MEMORY)
				return err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
			log_warn("programme %.*s version %d is paused, it cannot be read: %s %s",
				STR_ARG(code), (int)store_int(rows, 1), fault.at, fault.text);
			*p = (struct programme) { .merchant = merchant,
				.state = PROGRAMME_PAUSED,
				.arm_count = 1,
				.arms = { { .params = STR("{}") } } };
		}
		p->id = store_int(rows, 0);
		p->version = (int32_t)store_int(rows, 1);
		p->code = code;
		c->count++;
	}
	return rc;
}

static void add_slot(struct catalogue *c, const struct programme *p, int32_t version)
{
	size_t i = slot_of(c, p->id, version);

	while (c->slots[i].is)
		i = (i + 1) & c->slot_mask;
	c->slots[i] = (struct slot) { .programme = p->id, .version = version, .is = p };
}

static int index_all(struct catalogue *c, struct err *err)
{
	size_t slots = 64;

	while (slots < c->count * 4)
		slots *= 2;
	c->slots = arena_array(c->arena, slots, sizeof(*c->slots));
	c->newest = arena_array(c->arena, c->count + 1, sizeof(struct programme *));
	c->by_itself = arena_array(c->arena, c->count + 1, sizeof(struct programme *));
	if (!c->slots || !c->newest || !c->by_itself)
		return err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
	c->slot_mask = slots - 1;
	for (size_t i = 0; i < c->count; i++) {
		const struct programme *p = &c->all[i];
		add_slot(c, p, p->version);
		if (i + 1 < c->count && c->all[i + 1].id == p->id)
			continue;
		add_slot(c, p, 0);
		c->newest[c->newest_count++] = p;
		if (p->joins_by_itself)
			c->by_itself[c->by_itself_count++] = p;
	}
	return 0;
}

int catalogue_load(struct store_tx *tx, const struct zone *(*zone_of)(void *user, id_t64 merchant),
	void *user, struct catalogue **ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	struct catalogue *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c || !(c->arena = arena_new(CATALOGUE_BYTES)))
		rc = err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
	if (rc == 0)
		rc = store_query(tx, &programme_statements[PROGRAMME_ALL], NO_ARGS, &rows, err);
	if (rc == 0)
		rc = load_rows(c, rows, zone_of, user, err);
	if (rc == 0)
		rc = index_all(c, err);
	if (c)
		atomic_init(&c->users, 1);
	if (rc < 0)
		catalogue_release(&c);
	else
		*ret = c;
	return rc;
}

struct catalogue *catalogue_hold(struct catalogue *catalogue)
{
	atomic_fetch_add(&catalogue->users, 1);
	return catalogue;
}

void catalogue_release(struct catalogue **catalogue)
{
	struct catalogue *c = *catalogue;

	*catalogue = NULL;
	if (!c || atomic_fetch_sub(&c->users, 1) > 1)
		return;
	arena_free(&c->arena);
	free(c);
}
