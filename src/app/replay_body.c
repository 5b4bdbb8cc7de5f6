/* SPDX-License-Identifier: Apache-2.0 */
/* A post as the contract wants it. Every id is made of the file, so that the same file sent again
 * gets the same answers: the sale "replay-536365", its lines "1", "2", ..., the return "C536379".
 */
#include <stdio.h>

#include "app/replay_impl.h"
#include "codec/json_write.h"

/* What openapi.json lets these hold. */
#define SKU_MAX 64
#define DESCRIPTION_MAX 200

static void write_quantity(struct json_out *out, int64_t quantity)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)quantity);
	json_out_cstr(out, "quantity", text);
}

static void write_number(struct json_out *out, const char *name, uint32_t number)
{
	char text[12];

	snprintf(text, sizeof(text), "%u", number);
	json_out_cstr(out, name, text);
}

static void write_line(const struct words *words, const struct replay_line *line,
	struct json_out *out)
{
	json_out_object(out, NULL);
	write_number(out, "id", line->number);
	if (line->sku != REPLAY_NONE)
		json_out_text(out, "sku", replay_cut(words->list[line->sku], SKU_MAX));
	if (line->description != REPLAY_NONE)
		json_out_text(out, "description",
			replay_cut(words->list[line->description], DESCRIPTION_MAX));
	write_quantity(out, line->quantity);
	json_out_int(out, "unit_price", line->price_minor);
	json_out_int(out, "amount", line->quantity * line->price_minor);
	json_out_cstr(out, "vat_rate", "20");
	json_out_object_end(out);
}

static void write_customer(const struct replay_file *file, uint32_t customer, struct json_out *out)
{
	if (customer == REPLAY_NONE) {
		json_out_null(out, "touch");
		return;
	}
	json_out_array(out, "identifiers");
	json_out_object(out, NULL);
	json_out_cstr(out, "kind", "loyalty_card");
	json_out_text(out, "value", file->words.list[customer]);
	json_out_object_end(out);
	json_out_array_end(out);
}

static void write_sale(const struct replay_file *file, const struct replay_invoice *invoice,
	struct json_out *out)
{
	json_out_cstr(out, "state", "paid");
	json_out_text(out, "number", file->words.list[invoice->number]);
	json_out_text(out, "at", file->words.list[invoice->at]);
	json_out_cstr(out, "currency", "GBP");
	write_customer(file, invoice->customer, out);
	json_out_array(out, "lines");
	for (uint32_t i = invoice->first; i != REPLAY_NONE; i = file->lines[i].next)
		if (file->lines[i].number)
			write_line(&file->words, &file->lines[i], out);
	json_out_array_end(out);
	json_out_array(out, "payments");
	json_out_object(out, NULL);
	json_out_cstr(out, "kind", "account");
	json_out_int(out, "amount", invoice->total_minor);
	json_out_object_end(out);
	json_out_array_end(out);
	json_out_int(out, "total", invoice->total_minor);
}

static void write_return(const struct replay_file *file, const struct replay_plan *plan,
	const struct replay_post *post, struct json_out *out)
{
	const struct replay_invoice *invoice = &file->invoices[post->invoice];

	json_out_text(out, "id", file->words.list[invoice->number]);
	json_out_text(out, "at", file->words.list[invoice->at]);
	json_out_array(out, "lines");
	for (uint32_t i = post->first; i != REPLAY_NONE; i = plan->parts[i].next) {
		const struct replay_line *line = &file->lines[plan->parts[i].line];
		json_out_object(out, NULL);
		write_number(out, "line", line->number);
		write_quantity(out, plan->parts[i].quantity);
		json_out_int(out, "amount", plan->parts[i].quantity * line->price_minor);
		json_out_object_end(out);
	}
	json_out_array_end(out);
}

/* Percent-encodes all but the unreserved (RFC 3986, 2.3). */
static void write_escaped(struct buf *path, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			c == '-' || c == '_' || c == '.' || c == '~')
			buf_char(path, (char)c);
		else
			buf_printf(path, "%%%02X", c);
	}
}

void replay_body(const struct replay_file *file, const struct replay_plan *plan, uint32_t post,
	struct buf *body, struct buf *path)
{
	const struct replay_post *p = &plan->posts[post];
	uint32_t sale = p->sale == REPLAY_NONE ? p->invoice : p->sale;
	struct json_out out;

	buf_reset(body);
	buf_reset(path);
	buf_cstr(path, "/v1/sales/replay-");
	write_escaped(path, file->words.list[file->invoices[sale].number]);
	json_out_init(&out, body);
	json_out_object(&out, NULL);
	if (p->sale == REPLAY_NONE) {
		write_sale(file, &file->invoices[p->invoice], &out);
	} else {
		write_return(file, plan, p, &out);
		buf_cstr(path, "/returns");
	}
	json_out_object_end(&out);
	buf_char(path, '\0');
}
