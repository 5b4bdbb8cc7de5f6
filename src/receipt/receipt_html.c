/* SPDX-License-Identifier: Apache-2.0 */
/* The receipt as a page: one HTML document, readable without script, printing on one narrow strip.
 * Every text of the receipt goes through escape_html(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/decimal.h"
#include "codec/escape.h"
#include "receipt/receipt.h"

/* Words of the page by language: WORDS[language][word]. */
enum word { W_RECEIPT, W_TOTAL, W_COUNT };
static const struct {
	const char *language;
	const char *words[W_COUNT];
} languages[] = {
	{ "en", { "Receipt", "Total" } },
	{ "nl", { "Kassabon", "Totaal" } },
	{ "fr", { "Ticket de caisse", "Total" } },
	{ "de", { "Kassenbon", "Summe" } },
};

static const char *const *words_of(struct str language)
{
	for (size_t i = 0; i < sizeof(languages) / sizeof(*languages); i++)
		if (str_is(str_first(language, 2), languages[i].language))
			return languages[i].words;
	return languages[0].words;
}

/* How many minor units make one: 100, but for those of ISO 4217 that have none or three decimals.
 */
static unsigned long long minor_of(struct str currency)
{
	static const char *const none[] = { "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
		"PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF" };
	static const char *const three[] = { "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND" };

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (str_is(currency, none[i]))
			return 1;
	for (size_t i = 0; i < sizeof(three) / sizeof(*three); i++)
		if (str_is(currency, three[i]))
			return 1000;
	return 100;
}

static void write_money(struct buf *buf, int64_t amount, struct str currency)
{
	unsigned long long value =
		amount < 0 ? 0ULL - (unsigned long long)amount : (unsigned long long)amount;

	unsigned long long minor = minor_of(currency);

	buf_printf(buf, "%s%llu", amount < 0 ? "-" : "", value / minor);
	if (minor > 1)
		buf_printf(buf, ".%0*llu", minor == 1000 ? 3 : 2, value % minor);
}

static void write_row(struct buf *buf, const char *class, struct str label, int64_t amount,
	struct str currency)
{
	buf_printf(buf, "<tr%s><td>", class);
	escape_html(buf, label);
	buf_cstr(buf, "</td><td class=n>");
	write_money(buf, amount, currency);
	buf_cstr(buf, "</td></tr>\n");
}

static void write_line(struct buf *buf, const struct receipt_line *line, struct str currency)
{
	char quantity[DECIMAL_TEXT_MAX];
	struct str name = line->description.len ? line->description
		: line->sku.len                 ? line->sku
		: line->gtin.len                ? line->gtin
						: line->id;

	buf_cstr(buf, "<tr><td>");
	escape_html(buf, name);
	if (line->quantity != 1000) {
		buf_printf(buf, "<br><small>%s × ", decimal_write(line->quantity, 3, quantity));
		write_money(buf, line->unit_price, currency);
		buf_cstr(buf, "</small>");
	}
	buf_cstr(buf, "</td><td class=n>");
	write_money(buf, line->amount, currency);
	buf_cstr(buf, "</td></tr>\n");
}

static void write_head(struct buf *buf, const struct receipt *receipt, struct str seller,
	struct str language, struct str local_time, const char *const *words)
{
	buf_cstr(buf, "<!doctype html>\n<html lang=\"");
	escape_html(buf, str_first(language, 2));
	buf_cstr(buf,
		"\"><head><meta charset=utf-8><meta name=viewport "
		"content=\"width=device-width,initial-scale=1\">"
		"<meta name=robots content=noindex><title>");
	escape_html(buf, str_of(words[W_RECEIPT]));
	buf_cstr(buf, " ");
	escape_html(buf, receipt->number);
	buf_cstr(buf,
		"</title><style>"
		"body{font:16px/1.45 system-ui,sans-serif;max-width:24rem;margin:2rem auto;padding:0 1rem;"
		"color:#1c1b1a;background:#fff}h1{font-size:1.25rem;margin:0}p{margin:.2rem 0 1rem;"
		"color:#5b5853}table{width:100%;border-collapse:collapse}td{padding:.35rem 0;"
		"vertical-align:top;border-top:1px solid #e6e3de}.n{text-align:right;white-space:nowrap;"
		"font-variant-numeric:tabular-nums}.t td{font-weight:700;border-top:2px solid #1c1b1a}"
		"small{color:#5b5853}@media(prefers-color-scheme:dark){body{background:#171614;"
		"color:#f3f1ee}p,small{color:#b5b0a8}td{border-color:#38352f}.t td{border-color:#f3f1ee}}"
		"@media print{body{margin:0;color:#000;background:#fff}}"
		"</style></head><body><main><h1>");
	escape_html(buf, seller);
	buf_cstr(buf, "</h1><p>");
	escape_html(buf, str_of(words[W_RECEIPT]));
	buf_cstr(buf, " ");
	escape_html(buf, receipt->number);
	buf_cstr(buf, " · ");
	escape_html(buf, local_time);
	buf_cstr(buf, "</p>\n<table>\n");
}

void receipt_html(const struct receipt *receipt, struct str seller, struct str language,
	struct str local_time, struct buf *buf)
{
	const char *const *words = words_of(language);
	char total[64];

	write_head(buf, receipt, seller, language, local_time, words);
	for (size_t i = 0; i < receipt->line_count; i++)
		write_line(buf, &receipt->lines[i], receipt->currency);
	snprintf(total, sizeof(total), "%s %.*s", words[W_TOTAL], STR_ARG(receipt->currency));
	write_row(buf, " class=t", str_of(total), receipt->total, receipt->currency);
	for (size_t i = 0; i < receipt->payment_count; i++)
		write_row(buf, "", receipt->payments[i].kind, receipt->payments[i].amount,
			receipt->currency);
	buf_cstr(buf, "</table></main></body></html>\n");
}
