/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sales, and the page behind a receipt's address */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "codec/base32.h"
#include "codec/date.h"
#include "codec/decimal.h"
#include "codec/pack.h"

/* ---- whose ---- */

/* touch (a text, or null for nobody) or identifiers; neither: what the reader saw last. */
static int read_whose(struct op *op, struct json_reader *r, bool reader_too,
	struct visit_whose *ret)
{
	struct str touch = json_text_opt(r, "touch", 1, ID_CALLER_MAX);
	bool nobody = json_is_null(r, "touch");
	bool identifiers = json_has(r, "identifiers");

	if (r->rc < 0)
		return r->rc;
	if (touch.len && identifiers)
		return json_refuse(r, "identifiers", "say either touch or identifiers");
	if (touch.len) {
		ret->how = WHOSE_TOUCH;
		ret->touch_id = touch;
		ret->touch = visit_id_key(&op->api->options.keys, "touch", op->access->merchant->id,
			touch);
		return 0;
	}
	if (identifiers) {
		ret->how = WHOSE_IDENTIFIERS;
		return op_identifiers(op, r, "identifiers", ret->identifiers,
			&ret->identifier_count);
	}
	if (!reader_too && !nobody)
		return json_refuse(r, "touch", "is required, or identifiers");
	ret->how = nobody ? WHOSE_NOBODY : WHOSE_READER;
	return 0;
}

/* ---- PUT ---- */

static int call_sale(struct op *op, struct visit_env *env, struct err *err)
{
	return visit_sale(env, op->request, &op->answer, err);
}

static int read_dry_run(struct op *op, struct visit_sale *sale, struct err *err)
{
	struct str dry = http_query(op->x, "dry_run");
	struct str now = http_query(op->x, "now");

	if (dry.ptr && !str_is(dry, "true") && !str_is(dry, "false"))
		return err_set(err, ERR_INVALID, "dry_run is true or false");
	sale->dry_run = op->drop = str_is(dry, "true");
	if (!now.ptr)
		return 0;
	if (!sale->dry_run)
		return err_set(err, ERR_INVALID, "now goes with dry_run=true only");
	if (!date_moment_read(now, &sale->dry_now))
		return err_set(err, ERR_INVALID, "now must be a time like 2026-11-21T14:05:00Z");
	return 0;
}

static int pack_receipt(struct op *op, struct visit_sale *sale, struct err *err)
{
	struct buf buf;

	buf_init(&buf, op->arena, RECEIPT_BYTES_MAX);
	receipt_write(&sale->receipt, &buf);
	if (buf.failed)
		return err_set(err, ERR_TOO_LARGE, "the receipt is too large to keep");
	return pack(op->arena, buf_str(&buf), PACK_RECEIPT, &sale->packed, err);
}

static int read_sale(struct op *op, struct visit_sale *sale, struct err *err)
{
	static const char *const states[] = { "open", "paid", "void", NULL };
	struct json_reader r;
	int rc;

	json_begin(&r, op->arena, op->body, STR(""), err);
	sale->state = (enum visit_sale_state)(SALE_OPEN + json_word(&r, "state", states));
	receipt_read(&r, op->arena, r.rc == 0 && sale->state == SALE_PAID, &sale->receipt);
	rc = read_whose(op, &r, true, &sale->whose);
	rc = rc < 0 ? rc : json_end(&r);
	if (rc == 0)
		rc = read_dry_run(op, sale, err);
	if (rc == 0 && sale->dry_run && sale->state != SALE_PAID)
		return err_at(err, ERR_INVALID, "/state", "a dry run tries a paid sale");
	if (rc == 0 && sale->state == SALE_PAID)
		rc = pack_receipt(op, sale, err);
	return rc;
}

int api_sale(struct op *op, struct err *err)
{
	struct visit_sale *sale = arena_make(op->arena, struct visit_sale);
	int rc;

	if (!sale)
		return err_set(err, ERR_NO_MEMORY, "no memory for a sale");
	rc = op_caller_id(op, 0, &sale->id, err);
	if (rc == 0)
		rc = read_sale(op, sale, err);
	if (rc < 0)
		return rc;
	sale->key =
		visit_id_key(&op->api->options.keys, "sale", op->access->merchant->id, sale->id);
	sale->said = op->said;
	sale->public_url = atomic_load(&op->api->public_url);
	op->unit.bucket = sale->whose.how == WHOSE_IDENTIFIERS
		? identifier_bucket(&sale->whose.identifiers[0])
		: key_bucket(&sale->key);
	op->request = sale;
	op->call = call_sale;
	return 0;
}

int api_get_sale(struct op *op, struct err *err)
{
	struct visit_env env;
	struct store_tx *tx;
	struct str id;
	int rc = op_caller_id(op, 0, &id, err);

	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	op_env(op, tx, 0, &env);
	rc = visit_get_sale(&env, id, &op->answer, err);
	store_read_end(&tx);
	return rc > 0 ? err_set(err, ERR_NOT_FOUND, "there is no such sale") : rc;
}

/* ---- returns and attaching ---- */

static int call_return(struct op *op, struct visit_env *env, struct err *err)
{
	return visit_return(env, op->request, &op->answer, err);
}

static int read_return_line(struct op *op, const struct json *value, struct str at,
	struct visit_return_line *ret, struct err *err)
{
	struct json_reader r;
	struct str quantity;

	json_begin(&r, op->arena, value, at, err);
	ret->line = json_text(&r, "line", 1, ID_CALLER_MAX);
	quantity = json_text(&r, "quantity", 1, DECIMAL_TEXT_MAX);
	if (r.rc == 0 && !decimal_read(quantity, 3, &ret->quantity))
		json_refuse(&r, "quantity", "must be a decimal number with at most 3 decimals");
	ret->has_amount = json_has(&r, "amount");
	if (ret->has_amount)
		ret->amount = json_int(&r, "amount", -NUM_AMOUNT_MAX, NUM_AMOUNT_MAX);
	return json_end(&r);
}

static void read_return_lines(struct op *op, struct json_reader *r, struct visit_return *ret)
{
	const struct json *array = json_array(r, "lines", 1, RECEIPT_LINES_MAX);

	if (r->rc < 0)
		return;
	ret->lines = arena_array(op->arena, array->count, sizeof(*ret->lines));
	if (!ret->lines) {
		r->rc = err_set(r->err, ERR_NO_MEMORY, "no memory for a return");
		return;
	}
	for (const struct json *v = array->first; v && r->rc == 0; v = v->next, ret->line_count++)
		r->rc = read_return_line(op, v,
			json_at_index(r, "lines", (uint32_t)ret->line_count),
			&ret->lines[ret->line_count], r->err);
}

int api_return(struct op *op, struct err *err)
{
	struct visit_return *ret = arena_make(op->arena, struct visit_return);
	struct json_reader r;
	struct str at;
	int rc;

	if (!ret)
		return err_set(err, ERR_NO_MEMORY, "no memory for a return");
	rc = op_caller_id(op, 0, &ret->sale_id, err);
	if (rc < 0)
		return rc;
	json_begin(&r, op->arena, op->body, STR(""), err);
	ret->id = json_text(&r, "id", 1, ID_CALLER_MAX);
	at = json_text(&r, "at", 10, 64);
	if (r.rc == 0 && !date_moment_read(at, &ret->at))
		json_refuse(&r, "at", "must be a time like \"2026-11-21T14:05:00+01:00\"");
	read_return_lines(op, &r, ret);
	rc = json_end(&r);
	if (rc < 0)
		return rc;
	ret->sale = visit_id_key(&op->api->options.keys, "sale", op->access->merchant->id,
		ret->sale_id);
	ret->said = op->said;
	op->unit.bucket = key_bucket(&ret->sale);
	op->request = ret;
	op->call = call_return;
	return 0;
}

static int call_attach(struct op *op, struct visit_env *env, struct err *err)
{
	return visit_attach(env, op->request, &op->answer, err);
}

int api_attach(struct op *op, struct err *err)
{
	struct visit_attach *attach = arena_make(op->arena, struct visit_attach);
	struct json_reader r;
	int rc;

	if (!attach)
		return err_set(err, ERR_NO_MEMORY, "no memory to attach");
	rc = op_caller_id(op, 0, &attach->sale_id, err);
	if (rc < 0)
		return rc;
	json_begin(&r, op->arena, op->body, STR(""), err);
	attach->id = json_text(&r, "id", 1, ID_CALLER_MAX);
	rc = read_whose(op, &r, false, &attach->whose);
	rc = rc < 0 ? rc : json_end(&r);
	if (rc == 0 && attach->whose.how == WHOSE_NOBODY)
		return err_at(err, ERR_INVALID, "/touch", "say whose it is");
	if (rc < 0)
		return rc;
	attach->sale = visit_id_key(&op->api->options.keys, "sale", op->access->merchant->id,
		attach->sale_id);
	attach->said = op->said;
	op->unit.bucket = key_bucket(&attach->sale);
	op->request = attach;
	op->call = call_attach;
	return 0;
}

/* ---- the page ---- */

static void write_page(struct op *op, const struct receipt *receipt,
	const struct receipt_place *place, struct buf *buf)
{
	const struct merchant *merchant = directory_merchant(op->world.directory, place->merchant);
	const struct shop *shop = directory_shop(op->world.directory, place->shop);
	struct str language = http_query(op->x, "lang");
	int hour = 0, minute = 0;
	char when[32];
	struct date day = zone_local(merchant->zone, receipt->at, &hour, &minute);

	if (!language.ptr)
		language = merchant->language_count ? merchant->languages[0] : STR("en");
	snprintf(when, sizeof(when), "%04d-%02d-%02d %02d:%02d", day.year, day.month, day.day, hour,
		minute);
	receipt_html(receipt, shop ? shop->name : merchant->name, language, str_of(when), buf);
}

int api_receipt_page(struct op *op, struct err *err)
{
	struct receipt_place place;
	struct receipt receipt;
	struct store_tx *tx;
	struct key key;
	struct buf buf;
	int rc;

	if (!base32_read(op->match.params[0], key.bytes, sizeof(key.bytes)))
		return err_set(err, ERR_NOT_FOUND, "there is no such receipt");
	rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	rc = visit_receipt(tx, &key, op->arena, &receipt, &place, err);
	store_read_end(&tx);
	if (rc > 0 || (rc == 0 && !directory_merchant(op->world.directory, place.merchant)))
		return err_set(err, ERR_NOT_FOUND, "there is no such receipt");
	if (rc < 0)
		return rc;
	buf_init(&buf, op->arena, 8 << 20);
	write_page(op, &receipt, &place, &buf);
	op->content_type = "text/html; charset=utf-8";
	return op_answer(op, &buf, err);
}
