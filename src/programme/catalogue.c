/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue: the newest version of every programme and the texts they run, read once and then
 * shared by all threads unchanged. Older versions are read when they are asked for: what there is
 * of them makes neither the start slower nor the snapshot larger. See programme.h.
 *
 * Invariants: 1. `all` is in the order of merchant and code, as the store gave it, so a merchant's
 * are neighbours. 2. Each text is there once, and every programme but those that cannot be read has
 * one. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "programme/programme_impl.h"
#include "programme/programme_sql.h"

/* 5,000 programmes of 50 kB, or 100,000 of 2.5 kB. */
#define CATALOGUE_BYTES (256 << 20)

/* A text in use. */
struct used_text {
	struct script_text is;
	struct used_text *next;
};
struct catalogue {
	atomic_int users;
	struct arena *arena;
	const struct programme **all, **by_itself;
	size_t count, by_itself_count;
	struct used_text *texts;
	const struct programme **slots; /* by id, open addressing */
	size_t slot_mask;
};

/* ---- finding ---- */

/* Where the programme of that id stands, or would stand. */
static const struct programme **slot_of(const struct catalogue *c, id_t64 programme)
{
	uint64_t x = (uint64_t)programme * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(x >> 20) & c->slot_mask;

	while (c->slots[i] && c->slots[i]->id != programme)
		i = (i + 1) & c->slot_mask;
	return &c->slots[i];
}

const struct programme *catalogue_find(const struct catalogue *c, id_t64 programme)
{
	return *slot_of(c, programme);
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
	return slice(c->all, c->count, merchant, ret_count);
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

/* ---- texts ---- */

static struct script_text *find_text(const struct catalogue *c, struct str key)
{
	for (struct used_text *t = c->texts; t; t = t->next)
		if (str_eq(key, str_bytes(t->is.key, SCRIPT_KEY_LEN)))
			return &t->is;
	return NULL;
}

/* The text a row names, in the arena unless it is one of the catalogue's; NULL: there is none. */
static int get_text(const struct catalogue *c, struct store_tx *tx, struct str key,
	struct str template, struct arena *arena, const struct script_text **ret, struct err *err)
{
	struct script_text *text;
	int rc;

	*ret = key.ptr ? find_text(c, key) : programme_script_text(template);
	if (*ret || !key.ptr)
		return 0;
	text = arena_make(arena, struct script_text);
	if (!text)
		return err_set(err, ERR_NO_MEMORY, "no memory for a script");
	rc = stored_text(tx, key, arena, text, err);
	if (rc == 0)
		*ret = text;
	return rc < 0 ? rc : 0;
}

/* ---- older versions ---- */

static int read_version(const struct catalogue *c, struct store_tx *tx, struct store_rows *rows,
	struct arena *arena, struct programme *ret, struct err *err)
{
	struct str key;
	int rc = stored_read(rows, NULL, arena, ret, &key, err);

	if (rc == 0)
		rc = get_text(c, tx, key, ret->script, arena, &ret->text, err);
	if (rc == 0 && !ret->text)
		return err_set(err, ERR_BROKEN, "%.*s version %d: its script is not there",
			STR_ARG(ret->code), (int)ret->version);
	if (rc == 0)
		ret->unit = ret->text->unit;
	return rc;
}

int programme_version(const struct catalogue *c, struct store_tx *tx, id_t64 programme,
	int32_t version, struct arena *arena, const struct programme **ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	struct programme *older;
	int rc;

	*ret = catalogue_find(c, programme);
	if (*ret && (*ret)->version == version)
		return 0;
	rc = store_query(tx, &programme_statements[PROGRAMME_VERSION],
		ARGS(V_INT(programme), V_INT(version)), &rows, err);
	if (rc == 0)
		rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	older = arena_make(arena, struct programme);
	if (!older)
		return err_set(err, ERR_NO_MEMORY, "no memory for a programme");
	rc = read_version(c, tx, rows, arena, older, err);
	if (rc == 0)
		*ret = older;
	return rc;
}

/* ---- loading ---- */

/* One programme on its way in, and the key of its text. */
struct loading {
	struct programme *is;
	struct str key;
	struct loading *next;
};

/* One bad programme must not stop every till, and an older version must not come back in its place.
 */
static void set_aside(struct programme *p, const char *at, const char *why)
{
	log_warn("programme %.*s version %d is paused, it cannot be read: %s %s", STR_ARG(p->code),
		(int)p->version, at, why);
	*p = (struct programme) { .id = p->id,
		.version = p->version,
		.merchant = p->merchant,
		.code = p->code,
		.state = PROGRAMME_PAUSED,
		.arm_count = 1,
		.arms = { { .params = STR("{}") } } };
}

static int load_row(struct catalogue *c, const struct store_rows *rows, const struct zone *zone,
	struct loading *ret, struct err *err)
{
	struct err fault = { 0 };
	int rc;

	ret->is = arena_make(c->arena, struct programme);
	if (!ret->is)
		return err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
	rc = stored_read(rows, zone, c->arena, ret->is, &ret->key, &fault);
	if (rc == ERR_NO_MEMORY)
		return err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
	if (rc < 0)
		set_aside(ret->is, fault.at, fault.text);
	c->count++;
	return 0;
}

/* The rows as a chain, in their order. */
static int load_rows(struct catalogue *c, struct store_tx *tx,
	const struct zone *(*zone_of)(void *user, id_t64 merchant), void *user,
	struct loading **ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &programme_statements[PROGRAMME_NEWEST], NO_ARGS, &rows, err);

	while (rc == 0 && (rc = store_next(rows, err)) > 0) {
		*ret = arena_make(c->arena, struct loading);
		if (!*ret)
			return err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
		rc = load_row(c, rows, zone_of(user, store_int(rows, 2)), *ret, err);
		ret = &(*ret)->next;
	}
	return rc;
}

/* Its text, which from now on is one of those in use. */
static int give_text(struct catalogue *c, struct store_tx *tx, struct loading *loading,
	struct err *err)
{
	struct programme *p = loading->is;
	struct used_text *used;
	int rc = get_text(c, tx, loading->key, p->script, c->arena, &p->text, err);

	if (rc < 0)
		return rc;
	if (!p->text) {
		set_aside(p, "", "its script is not there");
		return 0;
	}
	p->unit = p->text->unit;
	if (!loading->key.ptr || find_text(c, loading->key))
		return 0;
	used = arena_make(c->arena, struct used_text);
	if (!used)
		return err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
	*used = (struct used_text) { .is = *p->text, .next = c->texts };
	c->texts = used;
	return 0;
}

static int index_all(struct catalogue *c, const struct loading *chain, struct err *err)
{
	size_t slots = 64, i = 0;

	while (slots < c->count * 2)
		slots *= 2;
	c->slots = arena_array(c->arena, slots, sizeof(*c->slots));
	c->all = arena_array(c->arena, c->count + 1, sizeof(*c->all));
	c->by_itself = arena_array(c->arena, c->count + 1, sizeof(*c->by_itself));
	if (!c->slots || !c->all || !c->by_itself)
		return err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
	c->slot_mask = slots - 1;
	for (; chain; chain = chain->next) {
		c->all[i++] = chain->is;
		*slot_of(c, chain->is->id) = chain->is;
		if (chain->is->joins_by_itself)
			c->by_itself[c->by_itself_count++] = chain->is;
	}
	return 0;
}

static int load_all(struct catalogue *c, struct store_tx *tx,
	const struct zone *(*zone_of)(void *user, id_t64 merchant), void *user, struct err *err)
{
	struct loading *chain = NULL;
	int rc = load_rows(c, tx, zone_of, user, &chain, err);

	for (struct loading *l = chain; l && rc == 0; l = l->next)
		if (l->is->script.ptr)
			rc = give_text(c, tx, l, err);
	return rc < 0 ? rc : index_all(c, chain, err);
}

int catalogue_load(struct store_tx *tx, const struct zone *(*zone_of)(void *user, id_t64 merchant),
	void *user, struct catalogue **ret, struct err *err)
{
	struct catalogue *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c || !(c->arena = arena_new(CATALOGUE_BYTES)))
		rc = err_set(err, ERR_NO_MEMORY, "no memory for the catalogue");
	if (c)
		atomic_init(&c->users, 1);
	if (rc == 0)
		rc = load_all(c, tx, zone_of, user, err);
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
