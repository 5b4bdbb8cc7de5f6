/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing receipts; see receipt.h.
 *
 * Invariants: 1. receipt_parse(receipt_write(r)) == r. 2. The sum of the lines is the total. 3.
 * What names a person is never written. */
#include "receipt/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "codec/date.h"
#include "codec/decimal.h"
#include "codec/json_write.h"

/* ---- reading ---- */

static int64_t read_quantity(struct json_reader *r)
{
	struct str text = json_text(r, "quantity", 1, DECIMAL_TEXT_MAX);
	int64_t quantity = 0;

	if (r->rc == 0 && !decimal_read(text, 3, &quantity))
		json_refuse(r, "quantity",
			"must be a decimal number with at most 3 decimals, like \"0.425\"");
	else if (r->rc == 0 && (quantity > NUM_AMOUNT_MAX || quantity < -NUM_AMOUNT_MAX))
		json_refuse(r, "quantity", "is over the limit");
	return quantity;
}

static int64_t read_vat(struct json_reader *r)
{
	struct str text = json_text_opt(r, "vat_rate", 1, 8);
	int64_t rate = -1;

	if (text.len && (!decimal_read(text, 2, &rate) || rate < 0 || rate > 10000))
		json_refuse(r, "vat_rate",
			"must be a percentage from \"0\" to \"100\" with at most 2 decimals");
	return rate;
}

static int64_t read_amount(struct json_reader *r, const char *name)
{
	return json_int(r, name, -NUM_AMOUNT_MAX, NUM_AMOUNT_MAX);
}

static int read_line(const struct json *value, struct str at, struct arena *arena,
	struct receipt_line *ret, struct err *err)
{
	struct json_reader r;

	json_begin(&r, arena, value, at, err);
	ret->id = json_text(&r, "id", 1, ID_CALLER_MAX);
	ret->gtin = json_text_opt(&r, "gtin", 8, 14);
	ret->sku = json_text_opt(&r, "sku", 1, 64);
	ret->description = json_text_opt(&r, "description", 0, RECEIPT_TEXT_MAX);
	ret->category = json_text_opt(&r, "category", 1, 64);
	ret->quantity = read_quantity(&r);
	ret->unit_price = read_amount(&r, "unit_price");
	ret->amount = read_amount(&r, "amount");
	ret->vat_rate = read_vat(&r);
	return json_end(&r);
}

static int read_payment(const struct json *value, struct str at, struct arena *arena,
	struct receipt_payment *ret, struct err *err)
{
	struct json_reader r;

	json_begin(&r, arena, value, at, err);
	ret->kind = json_text(&r, "kind", 1, 64);
	ret->amount = read_amount(&r, "amount");
	(void)json_text_opt(&r, "par", 1, 200); /* names a person's account: read, not kept */
	return json_end(&r);
}

/* Keeps the fault of a nested reader as the outer one's. */
static bool keep(struct json_reader *r, int rc)
{
	if (rc < 0 && r->rc == 0)
		r->rc = rc;
	return r->rc == 0;
}

static void read_lines(struct json_reader *r, struct arena *arena, const struct json *array,
	struct receipt *ret)
{
	const struct json *value = array->first;

	ret->lines = arena_array(arena, array->count, sizeof(*ret->lines));
	if (array->count && !ret->lines) {
		keep(r, err_set(r->err, ERR_NO_MEMORY, "no memory for %u lines", array->count));
		return;
	}
	for (; value; value = value->next, ret->line_count++) {
		struct str at = json_at_index(r, "lines", (uint32_t)ret->line_count);
		if (!keep(r, read_line(value, at, arena, &ret->lines[ret->line_count], r->err)))
			return;
	}
}

static void read_payments(struct json_reader *r, struct arena *arena, const struct json *array,
	struct receipt *ret)
{
	const struct json *value = array->first;

	ret->payments = arena_array(arena, array->count, sizeof(*ret->payments));
	if (array->count && !ret->payments) {
		keep(r, err_set(r->err, ERR_NO_MEMORY, "no memory for payments"));
		return;
	}
	for (; value; value = value->next, ret->payment_count++) {
		struct str at = json_at_index(r, "payments", (uint32_t)ret->payment_count);
		if (!keep(r,
			    read_payment(value, at, arena, &ret->payments[ret->payment_count],
				    r->err)))
			return;
	}
}

static int compare_ids(const void *a, const void *b)
{
	return str_cmp(**(struct str *const *)a, **(struct str *const *)b);
}

static void check_ids(struct json_reader *r, struct arena *arena, const struct receipt *receipt)
{
	const struct str **ids = arena_array(arena, receipt->line_count + 1, sizeof(*ids));

	if (!ids) {
		keep(r, err_set(r->err, ERR_NO_MEMORY, "no memory for lines"));
		return;
	}
	for (size_t i = 0; i < receipt->line_count; i++)
		ids[i] = &receipt->lines[i].id;
	qsort(ids, receipt->line_count, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < receipt->line_count; i++)
		if (str_eq(*ids[i - 1], *ids[i]))
			json_refuse(r, "lines", "two lines have the same id");
}

static void check_lines(struct json_reader *r, struct arena *arena, const struct receipt *receipt)
{
	int64_t sum = 0;

	check_ids(r, arena, receipt);
	for (size_t i = 0; i < receipt->line_count; i++)
		sum += receipt->lines[i].amount; /* at most 2,000 times 1e11 */
	if (r->rc == 0 && sum != receipt->total)
		json_refuse(r, "total", "is %lld, the amounts of the lines add up to %lld",
			(long long)receipt->total, (long long)sum);
}

static int64_t read_at(struct json_reader *r, bool whole)
{
	struct str text = whole ? json_text(r, "at", 10, 64) : json_text_opt(r, "at", 10, 64);
	int64_t at = 0;

	if (r->rc == 0 && text.len && !date_moment_read(text, &at))
		json_refuse(r, "at", "must be a time like \"2026-11-21T14:05:00+01:00\"");
	return at;
}

static bool is_currency(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 'A' || text.ptr[i] > 'Z')
			return false;
	return text.len == 3;
}

void receipt_read(struct json_reader *r, struct arena *arena, bool whole, struct receipt *ret)
{
	const struct json *lines;
	const struct json *payments;

	memset(ret, 0, sizeof(*ret));
	ret->number = whole ? json_text(r, "number", 1, 64) : json_text_opt(r, "number", 1, 64);
	ret->at = read_at(r, whole);
	ret->currency = whole ? json_text(r, "currency", 3, 3) : json_text_opt(r, "currency", 3, 3);
	if (r->rc == 0 && ret->currency.len && !is_currency(ret->currency))
		json_refuse(r, "currency", "must be a currency of ISO 4217, like \"EUR\"");
	lines = whole ? json_array(r, "lines", 1, RECEIPT_LINES_MAX)
		      : json_array_opt(r, "lines", RECEIPT_LINES_MAX);
	payments = json_array_opt(r, "payments", RECEIPT_PAYMENTS_MAX);
	ret->total = whole || json_has(r, "total") ? read_amount(r, "total") : 0;
	if (r->rc == 0 && lines)
		read_lines(r, arena, lines, ret);
	if (r->rc == 0 && payments)
		read_payments(r, arena, payments, ret);
	if (r->rc == 0 && (lines || whole))
		check_lines(r, arena, ret);
}

/* ---- writing ---- */

static void write_opt(struct json_out *out, const char *name, struct str text)
{
	if (text.len)
		json_out_text(out, name, text);
}

static void write_line(struct json_out *out, const struct receipt_line *line)
{
	char text[DECIMAL_TEXT_MAX];

	json_out_object(out, NULL);
	json_out_text(out, "id", line->id);
	write_opt(out, "gtin", line->gtin);
	write_opt(out, "sku", line->sku);
	write_opt(out, "description", line->description);
	write_opt(out, "category", line->category);
	json_out_cstr(out, "quantity", decimal_write(line->quantity, 3, text));
	json_out_int(out, "unit_price", line->unit_price);
	json_out_int(out, "amount", line->amount);
	if (line->vat_rate >= 0)
		json_out_cstr(out, "vat_rate", decimal_write(line->vat_rate, 2, text));
	json_out_object_end(out);
}

void receipt_write(const struct receipt *receipt, struct buf *buf)
{
	char at[DATE_TEXT_MAX];
	struct json_out out;

	json_out_init(&out, buf);
	json_out_object(&out, NULL);
	json_out_text(&out, "number", receipt->number);
	json_out_cstr(&out, "at", date_time_write(receipt->at, at));
	json_out_text(&out, "currency", receipt->currency);
	json_out_array(&out, "lines");
	for (size_t i = 0; i < receipt->line_count; i++)
		write_line(&out, &receipt->lines[i]);
	json_out_array_end(&out);
	json_out_array(&out, "payments");
	for (size_t i = 0; i < receipt->payment_count; i++) {
		json_out_object(&out, NULL);
		json_out_text(&out, "kind", receipt->payments[i].kind);
		json_out_int(&out, "amount", receipt->payments[i].amount);
		json_out_object_end(&out);
	}
	json_out_array_end(&out);
	json_out_int(&out, "total", receipt->total);
	json_out_object_end(&out);
}

int receipt_parse(struct str bytes, struct arena *arena, struct receipt *ret, struct err *err)
{
	struct json *value;
	struct json_reader r;
	struct err inner;

	if (json_parse(arena, bytes, &value, &inner) < 0)
		return err_set(err, ERR_BROKEN, "a stored receipt is not JSON: %s", inner.text);
	json_begin(&r, arena, value, STR(""), &inner);
	receipt_read(&r, arena, true, ret);
	if (json_end(&r) < 0)
		return err_set(err, ERR_BROKEN, "a stored receipt is wrong at %s: %s", inner.at,
			inner.text);
	return 0;
}

const struct receipt_line *receipt_line(const struct receipt *receipt, struct str id)
{
	for (size_t i = 0; i < receipt->line_count; i++)
		if (str_eq(receipt->lines[i].id, id))
			return &receipt->lines[i];
	return NULL;
}

struct receipt_print receipt_print_decide(void)
{
	return (struct receipt_print) { .paper = true, .reason = "default" };
}
