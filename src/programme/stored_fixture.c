/* SPDX-License-Identifier: Apache-2.0 */
/* See stored_fixture_impl.h. */
#include "programme/stored_fixture_impl.h"

#include <string.h>

static const struct store_room *const rooms[] = { &programme_room };

void stored_open(struct stored_fixture *f)
{
	struct store_options options = { .url = STR("sqlite::memory:"),
		.rooms = rooms,
		.room_count = 1,
		.clock = &f->clock.clock };

	*f = (struct stored_fixture) { .arena = arena_new((size_t)64 << 20) };
	assert_non_null(f->arena);
	clock_fake_init(&f->clock, INT64_C(1795291200000000), 1);
	assert_ok(store_open(&options, &f->store, &f->err), &f->err);
	assert_ok(host_new(NULL, &f->host, &f->err), &f->err);
	f->zone = zone_open(STR("Europe/Brussels"));
	assert_non_null(f->zone);
}

void stored_close(struct stored_fixture *f)
{
	zone_close(&f->zone);
	host_free(&f->host);
	store_close(&f->store);
	arena_free(&f->arena);
}

struct work {
	struct unit unit;
	stored_work *work;
	void *user;
};

static int run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct work *work = (struct work *)unit;

	return work->work(work->user, tx, now, err);
}

int stored_run(struct stored_fixture *f, stored_work *work, void *user)
{
	struct work w = { .unit.run = run, .work = work, .user = user };
	int rc = store_run(f->store, &w.unit);

	f->err = w.unit.err;
	return rc;
}

/* ---- programmes ---- */

static id_t64 shop_of(void *user, struct str text)
{
	id_t64 id = 0;

	(void)user;
	return id_parse(text, "s", &id) ? id : 0;
}

struct programme stored_programme(struct stored_fixture *f, const char *body)
{
	struct programme_context context = { .merchant = FIXTURE_MERCHANT,
		.zone = f->zone,
		.shop = shop_of };
	struct programme ret;
	struct json *value;

	assert_ok(json_parse(f->arena, str_of(body), &value, &f->err), &f->err);
	assert_ok(programme_read(&context, value, f->arena, &ret, &f->err), &f->err);
	return ret;
}

struct put {
	struct arena *arena;
	const struct programme *programme;
	struct str code;
	id_t64 id;
	int32_t version;
};

static int put(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	struct put *p = user;

	return programme_put(tx, p->programme, p->code, id_new(0, now, 1), now, p->arena, &p->id,
		&p->version, err);
}

int stored_put(struct stored_fixture *f, const struct programme *programme, const char *code)
{
	struct put p = { .arena = f->arena, .programme = programme, .code = str_of(code) };
	int rc = stored_run(f, put, &p);

	f->clock.now += CLOCK_SECOND;
	return rc ? rc : p.version;
}

const struct script_text *stored_script(struct stored_fixture *f, const char *name,
	const char *from, const char *to)
{
	const struct script_text *stock = programme_script_text(str_of(name));
	struct script_text *ret = arena_make(f->arena, struct script_text);
	const char *at = strstr(stock->source.ptr, from);

	if (!at)
		fail_msg("%s holds no \"%s\"", name, from);
	size_t before = (size_t)(at - stock->source.ptr);
	*ret = *stock;
	ret->source = arena_printf(f->arena, "%.*s%s%s", (int)before, stock->source.ptr, to,
		at + strlen(from));
	hash_sha256(ret->source, ret->key);
	return ret;
}

static const struct zone *zone_of(void *user, id_t64 merchant)
{
	(void)merchant;
	return user;
}

int stored_try_catalogue(struct stored_fixture *f, struct catalogue **ret)
{
	struct store_tx *tx;
	int rc = store_read_begin(f->store, &tx, &f->err);

	if (rc < 0)
		return rc;
	rc = catalogue_load(tx, zone_of, f->zone, ret, &f->err);
	store_read_end(&tx);
	return rc;
}

struct catalogue *stored_catalogue(struct stored_fixture *f)
{
	struct catalogue *ret = NULL;

	assert_ok(stored_try_catalogue(f, &ret), &f->err);
	return ret;
}
