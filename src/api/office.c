/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/shops and /v1/devices: what the office sets up once. An `id` in the body makes a call
 * repeatable; what it made is found again by its claim, and a device's key is derived again, so it
 * is kept nowhere. */
#include <stdio.h>

#include "api/api_impl.h"
#include "store/claim.h"

/* One thing being made. */
struct making {
	struct str caller; /* the caller's id; empty */
	struct key key;
	struct str name;
	struct device_new device; /* id is that of the thing, shops too */
};

static struct making *begin(struct op *op, struct json_reader *r, const char *what, struct err *err)
{
	struct making *m = arena_make(op->arena, struct making);

	if (!m)
		return NULL;
	json_begin(r, op->arena, op->body, STR(""), err);
	m->caller = json_text_opt(r, "id", 1, ID_CALLER_MAX);
	m->name = json_text(r, "name", 1, 200);
	m->key = visit_id_key(&op->api->options.keys, what, op->access->merchant->id, m->caller);
	m->device.merchant = op->access->merchant->id;
	op->request = m;
	return m;
}

/* 0: it was made before, *ret is its id; 1: it is new. */
static int find_made(struct visit_env *env, struct op *op, struct making *m, struct err *err)
{
	struct claim claim;
	int rc;

	m->device.id = id_new(key_bucket(&m->key), env->now, clock_random32(env->clock));
	if (m->caller.len == 0)
		return 1;
	rc = claim_find(env->tx, key_bucket(&m->key), &m->key, env->arena, &claim, err);
	if (rc != 0)
		return rc;
	if (!key_eq(&claim.said, &op->said))
		return err_at(err, ERR_ID_REUSED, "/id",
			"this id was used before, with other content");
	m->device.id = claim.home;
	return 0;
}

static int keep_made(struct visit_env *env, struct op *op, struct making *m, struct err *err)
{
	struct claim claim = { .said = op->said,
		.act = 1,
		.home = m->device.id,
		.made_at = env->now };

	if (m->caller.len == 0)
		return 0;
	return claim_make(env->tx, key_bucket(&m->key), &m->key, &claim, err);
}

/* ---- shops ---- */

static int call_add_shop(struct op *op, struct visit_env *env, struct err *err)
{
	struct making *m = op->request;
	int rc = find_made(env, op, m, err);

	if (rc <= 0)
		return rc;
	rc = shop_add_shop(env->tx, m->device.id, m->device.merchant, m->name, env->now, err);
	return rc != 0 ? rc : keep_made(env, op, m, err);
}

int api_add_shop(struct op *op, struct err *err)
{
	struct json_reader r;
	struct making *m = begin(op, &r, "shop", err);
	char id[ID_TEXT_MAX];
	int rc = m ? json_end(&r) : err_set(err, ERR_NO_MEMORY, "no memory for a shop");

	op->call = call_add_shop;
	if (rc == 0)
		rc = op_run_now(op, err);
	if (rc < 0)
		return rc;
	op->answer = arena_printf(op->arena, "{\"id\":\"%s\"}", id_text(m->device.id, "s", id));
	if (!op->answer.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for an answer");
	op_reply(op, 0, err);
	return 0;
}

/* Shops and devices are listed by their ids; the cursor is the last one given, so that one that is
 * added meanwhile moves no other to another page. */
struct page {
	id_t64 after;
	size_t limit, given;
};

static int page_of(struct op *op, const char *prefix, struct page *ret, struct err *err)
{
	struct str cursor = http_query(op->x, "cursor");

	*ret = (struct page) { .after = INT64_MIN }; /* below every id */
	if (cursor.ptr && !id_parse(cursor, prefix, &ret->after))
		return err_set(err, ERR_INVALID, "cursor is what the page before said as next");
	return op_limit(op, &ret->limit, err);
}

/* Does that one stand on this page? Counts it. */
static bool on_page(struct page *page, id_t64 id)
{
	if (id <= page->after || page->given == page->limit)
		return false;
	page->given++;
	return true;
}

/* last: the last one given, if others follow; 0: that was all. */
static int end_page(struct op *op, struct buf *buf, struct json_out *out, const char *prefix,
	id_t64 last, struct err *err)
{
	char id[ID_TEXT_MAX];

	json_out_array_end(out);
	if (last)
		json_out_cstr(out, "next", id_text(last, prefix, id));
	else
		json_out_null(out, "next");
	json_out_object_end(out);
	return op_answer(op, buf, err);
}

int api_shops(struct op *op, struct err *err)
{
	const struct shop **shops;
	size_t count =
		directory_shops(op->world.directory, op->access->merchant, op->arena, &shops);
	struct json_out out;
	struct buf buf;
	char id[ID_TEXT_MAX];
	id_t64 last = 0;
	struct page page;
	int rc = page_of(op, "s", &page, err);

	if (rc < 0 || !shops)
		return rc < 0 ? rc : err_set(err, ERR_NO_MEMORY, "no memory for a list");
	buf_writer(op, &buf, &out);
	json_out_object(&out, NULL);
	json_out_array(&out, "shops");
	for (size_t n = 0; n < count; n++) {
		if (!on_page(&page, shops[n]->id))
			continue;
		last = shops[n]->id;
		json_out_object(&out, NULL);
		json_out_cstr(&out, "id", id_text(shops[n]->id, "s", id));
		json_out_text(&out, "name", shops[n]->name);
		json_out_object_end(&out);
	}
	return end_page(op, &buf, &out, "s", count && last != shops[count - 1]->id ? last : 0, err);
}

/* ---- devices ---- */

static int call_add_device(struct op *op, struct visit_env *env, struct err *err)
{
	struct making *m = op->request;
	int rc = find_made(env, op, m, err);

	if (rc <= 0)
		return rc;
	m->device.name = m->name;
	rc = shop_add_device(env->tx, &m->device, env->now, err);
	if (rc == 0)
		rc = access_add(env->tx, &op->api->options.access, m->device.id, m->device.merchant,
			m->device.id, ROLE_VIEWER, m->name, env->now, err);
	return rc != 0 ? rc : keep_made(env, op, m, err);
}

static int read_device(struct json_reader *r, struct making *m)
{
	struct str shop = json_text(r, "shop", 1, 64);
	struct str paired = json_text_opt(r, "paired_with", 1, 64);

	m->device.kind = (enum device_kind)json_word(r, "kind", device_kind_words);
	if (r->rc == 0 && !id_parse(shop, "s", &m->device.shop))
		return json_refuse(r, "shop", "is an id like s_...");
	if (r->rc == 0 && paired.len && !id_parse(paired, "d", &m->device.paired_with))
		return json_refuse(r, "paired_with", "is an id like d_...");
	return json_end(r);
}

int api_add_device(struct op *op, struct err *err)
{
	struct json_reader r;
	struct making *m = begin(op, &r, "device", err);
	char key[ACCESS_TEXT_MAX];
	char id[ID_TEXT_MAX];
	int rc = m ? read_device(&r, m) : err_set(err, ERR_NO_MEMORY, "no memory for a device");

	op->call = call_add_device;
	if (rc == 0)
		rc = op_run_now(op, err);
	if (rc < 0)
		return rc;
	access_text(&op->api->options.access, m->device.id, key);
	op->answer = arena_printf(op->arena, "{\"id\":\"%s\",\"key\":\"%s\"}",
		id_text(m->device.id, "d", id), key);
	secret_wipe_bytes(key, sizeof(key));
	if (!op->answer.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for an answer");
	op_reply(op, 0, err);
	return 0;
}

static void write_device(const struct device *device, struct json_out *out)
{
	char id[ID_TEXT_MAX];

	json_out_object(out, NULL);
	json_out_cstr(out, "id", id_text(device->id, "d", id));
	json_out_cstr(out, "shop", id_text(device->shop->id, "s", id));
	json_out_cstr(out, "kind", device_kind_words[device->kind]);
	json_out_text(out, "name", device->name);
	if (device->paired_with)
		json_out_cstr(out, "paired_with", id_text(device->paired_with->id, "d", id));
	else
		json_out_null(out, "paired_with");
	json_out_object_end(out);
}

int api_devices(struct op *op, struct err *err)
{
	const struct device **devices;
	size_t count =
		directory_devices(op->world.directory, op->access->merchant, op->arena, &devices);
	struct json_out out;
	struct buf buf;
	struct page page;
	id_t64 last = 0;
	int rc = page_of(op, "d", &page, err);

	if (rc < 0 || !devices)
		return rc < 0 ? rc : err_set(err, ERR_NO_MEMORY, "no memory for a list");
	buf_writer(op, &buf, &out);
	json_out_object(&out, NULL);
	json_out_array(&out, "devices");
	for (size_t n = 0; n < count; n++) {
		if (!on_page(&page, devices[n]->id))
			continue;
		last = devices[n]->id;
		write_device(devices[n], &out);
	}
	return end_page(op, &buf, &out, "d", count && last != devices[count - 1]->id ? last : 0,
		err);
}
