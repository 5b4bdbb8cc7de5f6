/* SPDX-License-Identifier: Apache-2.0 */
/* The receipt: what was sold, kept as its canonical bytes (D9).
 *
 * Canonical bytes are compact JSON in a fixed order of fields, numbers as the contract has them;
 * reading and writing them again gives the same bytes. What names a person (identifiers, a
 * payment's account reference) is not in them. A receipt's id is that of its sale.
 *
 * To add a field: the struct, receipt_read() and receipt_write() in receipt.c, the OpenAPI
 * document, and a row in receipt_test.c. */
#ifndef RECEIPT_RECEIPT_H
#define RECEIPT_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/num.h"
#include "codec/json.h"
#include "store/store.h"

/* More lines than any till prints (the longest of 25,900 real invoices has 1,114). */
#define RECEIPT_LINES_MAX 2000
#define RECEIPT_PAYMENTS_MAX 20
#define RECEIPT_TEXT_MAX 200
/* A packed receipt is never more than this when unpacked. */
#define RECEIPT_BYTES_MAX (4 << 20)

struct receipt_line {
	struct str id, gtin, sku, description, category; /* empty if absent */
	int64_t quantity;                                /* thousandths */
	int64_t unit_price;                              /* minor units */
	int64_t amount;   /* minor units, VAT and discount included */
	int64_t vat_rate; /* hundredths of a per cent; -1 absent */
};
struct receipt_payment {
	struct str kind;
	int64_t amount;
};
struct receipt {
	struct str number;
	int64_t at;
	struct str currency;
	struct receipt_line *lines;
	size_t line_count;
	struct receipt_payment *payments;
	size_t payment_count;
	int64_t total;
};

/* What a reader needs of the members a receipt has, from a sale as the contract shapes it; the
 * caller's reader goes on with the sale's other fields. `whole` asks for number, at, currency,
 * lines and total (an open or void sale may leave them out). Refuses, at their pointers: lines
 * without unique ids, a total that is not the sum of the amounts, quantities with more than 3
 * decimals, anything over its limit. The fault is kept in the reader, as json_refuse() does. */
void receipt_read(struct json_reader *r, struct arena *arena, bool whole, struct receipt *ret);
/* The canonical bytes. */
void receipt_write(const struct receipt *receipt, struct buf *buf);
/* Reads canonical bytes back: ERR_BROKEN if they are not. */
int receipt_parse(struct str bytes, struct arena *arena, struct receipt *ret,
	struct err *err) must_check;
/* The line with that id; NULL. */
const struct receipt_line *receipt_line(const struct receipt *receipt, struct str id);

/* What is kept beside the bytes. */
struct receipt_place {
	id_t64 id; /* the sale's */
	id_t64 merchant, shop, device;
};
/* packed: pack(receipt_write(), PACK_RECEIPT), made before the unit. */
int receipt_add(struct store_tx *tx, const struct receipt_place *place,
	const struct receipt *receipt, struct str packed, struct err *err) must_check;
/* 0 found; 1 there is none. *ret and *ret_place live in the arena. */
int receipt_get(struct store_tx *tx, id_t64 id, struct arena *arena, struct receipt *ret,
	struct receipt_place *ret_place, struct err *err) must_check;

/* The page behind a receipt's address: one HTML document, no script, nothing from elsewhere. seller
 * is the shop's name; language one of nl, fr, de, en (others read as en). `note` is shown above it
 * ("" none). */
void receipt_html(const struct receipt *receipt, struct str seller, struct str language,
	struct str local_time, struct buf *buf);

/* Is it printed? Why. The law of country and sector, the customer's preference, the shop's default.
 */
struct receipt_print {
	bool paper;
	const char *reason; /* "default" */
};
struct receipt_print receipt_print_decide(void);

extern const struct store_room receipt_room;

#endif
