/* SPDX-License-Identifier: Apache-2.0 */
/* The example of a filling: what sales through the contract left in the store; see bench_fill.c. */
#include <stdio.h>
#include <string.h>

#include "app/bench_fill_impl.h"
#include "codec/pack.h"

static int find_examples(struct fill *f, struct store_tx *tx, struct err *err)
{
	for (int t = 0; t < EXAMPLES; t++) {
		struct identifier identifier;
		id_t64 other, owner;
		char card[16];
		int rc;
		snprintf(card, sizeof(card), "%08d", t);
		if (!identifier_make(&f->ring, IDENTIFIER_LOYALTY_CARD, str_of(card), &identifier))
			return err_set(err, ERR_INTERNAL, "a card that says nothing");
		rc = member_find(tx, &identifier, 1, &f->examples[t], &other, &owner, err);
		if (rc < 0)
			return rc;
		if (f->examples[t] == 0)
			return err_set(err, ERR_INTERNAL, "an example of the filling is not there");
		f->b->filled.members[t] = f->examples[t];
	}
	return 0;
}

static int read_enrolments(struct fill *f, struct store_tx *tx, struct err *err)
{
	struct enrolment *list;
	size_t count;
	int rc = enrolment_list(tx, f->examples[0], f->arena, &list, &count, err);

	if (rc < 0)
		return rc;
	if (count != BENCH_APPLY)
		return err_set(err, ERR_INTERNAL, "%zu programmes apply, not %d", count,
			BENCH_APPLY);
	for (int p = 0; p < BENCH_APPLY; p++) {
		f->enrolments[p] = list[p];
		f->b->filled.programmes[p] = list[p].programme;
	}
	return 0;
}

static struct example_sale *sale_of(struct fill *f, int example, id_t64 id)
{
	for (int j = 0; j < f->per; j++)
		if (f->sales[example * f->per + j].id == id)
			return &f->sales[example * f->per + j];
	return NULL;
}

/* What each sale gave, from the accounts' histories. */
static int read_entries(struct fill *f, struct store_tx *tx, int example, int p, struct err *err)
{
	struct ledger_entry entries[SALES_MAX];
	struct ledger_cursor cursor = { 0 };
	size_t count;
	int rc = ledger_history(tx, f->examples[example], f->b->filled.programmes[p], &cursor,
		entries, SALES_MAX, &count, err);

	if (rc < 0)
		return rc;
	if (count != (size_t)f->per)
		return err_set(err, ERR_INTERNAL, "an example has %zu entries after %d sales",
			count, f->per);
	for (size_t i = 0; i < count; i++) {
		struct example_sale *sale = sale_of(f, example, entries[i].ref.id);
		if (!sale || entries[i].kind != LEDGER_ENTRY_EARN)
			return err_set(err, ERR_INTERNAL, "an example has an entry of no sale");
		sale->earned[p].amount = entries[i].amount;
		sale->earned[p].lot = entries[i].lot;
	}
	return 0;
}

static size_t place_of(struct str in, const char *text, size_t from)
{
	const char *at = memmem(in.ptr + from, in.len - from, text, strlen(text));

	return at ? (size_t)(at - in.ptr) : 0;
}

/* Where an answer names what is another in each. */
static int mark_answer(struct fill *f, struct example_sale *sale, struct str caller,
	struct err *err)
{
	struct key key = visit_id_key(&f->keys.visit, "sale", f->merchant, caller);
	char member[ID_TEXT_MAX], token[TOKEN_TEXT + 1], text[ID_CALLER_MAX + 1];

	base32_write(key.bytes, sizeof(key.bytes), token);
	snprintf(text, sizeof(text), "%.*s", STR_ARG(caller));
	sale->caller_at = place_of(sale->answer, text, 0);
	sale->member_at = place_of(sale->answer, id_text(sale->member, "m", member), 0);
	sale->id_at = place_of(sale->answer, token, 0);
	sale->url_at = place_of(sale->answer, token, sale->id_at + 1);
	if (!sale->caller_at || !sale->member_at || !sale->id_at || !sale->url_at)
		return err_set(err, ERR_INTERNAL, "an example's answer does not name it");
	return 0;
}

static int read_receipt(struct fill *f, struct store_tx *tx, struct example_sale *sale,
	struct err *err)
{
	struct buf canonical BUF_AUTO;
	struct receipt_place place;
	int rc = receipt_get(tx, sale->id, f->arena, &sale->receipt, &place, err);

	if (rc != 0)
		return rc < 0 ? rc : err_set(err, ERR_INTERNAL, "an example has no receipt");
	buf_init(&canonical, NULL, 64 << 10);
	receipt_write(&sale->receipt, &canonical);
	return pack(f->arena, buf_str(&canonical), PACK_RECEIPT, &sale->packed, err);
}

/* The next of its member's. */
static int keep_sale(struct fill *f, const struct store_rows *rows, struct err *err)
{
	id_t64 member = store_int(rows, 6);
	struct example_sale *sale = NULL;

	for (int t = 0; t < EXAMPLES && !sale; t++)
		if (f->examples[t] == member)
			sale = sale_of(f, t, 0);
	if (!sale)
		return err_set(err, ERR_INTERNAL, "the store has sales that are no example");
	*sale = (struct example_sale) { .id = store_int(rows, 0),
		.shop = store_int(rows, 2),
		.device = store_int(rows, 3),
		.member = member,
		.total = store_int(rows, 7),
		.settled = arena_str(f->arena, store_bytes(rows, 10)) };
	int rc = unpack(f->arena, store_bytes(rows, 11), VISIT_ANSWER_MAX, &sale->answer, err);
	return rc < 0 ? rc : mark_answer(f, sale, store_bytes(rows, 4), err);
}

static int list_sales(struct store_tx *tx, int64_t most, struct store_rows **ret, struct err *err)
{
	const struct store_stmt *stmt = room_statement("sale.all");

	if (!stmt)
		return err_set(err, ERR_INTERNAL,
			"the statement of all sales has another name now");
	return store_query(tx, stmt, ARGS(V_INT(0), V_INT(0), V_INT(0), V_INT(most)), ret, err);
}

static int read_merchant(struct fill *f, struct store_tx *tx, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = list_sales(tx, 1, &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc < 1)
		return rc < 0 ? rc : err_set(err, ERR_INTERNAL, "there is no example");
	f->merchant = store_int(rows, 1);
	identifier_ring_of(&f->keys.identifiers, f->merchant, &f->ring);
	return 0;
}

static int read_sales(struct fill *f, struct store_tx *tx, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = list_sales(tx, EXAMPLES * SALES_MAX + 1, &rows, err);

	if (rc == 0)
		while ((rc = store_next(rows, err)) == 1)
			if ((rc = keep_sale(f, rows, err)) < 0)
				return rc;
	for (int i = 0; i < EXAMPLES * f->per && rc == 0; i++)
		if (f->sales[i].id == 0)
			rc = err_set(err, ERR_INTERNAL, "an example was sold less than the others");
	return rc;
}

int example_read(struct fill *f, struct err *err)
{
	struct store_tx *tx;
	int rc = store_read_begin(f->store, &tx, err);

	if (rc < 0)
		return rc;
	rc = read_merchant(f, tx, err);
	if (rc == 0)
		rc = find_examples(f, tx, err);
	if (rc == 0)
		rc = read_enrolments(f, tx, err);
	if (rc == 0)
		rc = read_sales(f, tx, err);
	for (int i = 0; i < EXAMPLES * f->per && rc == 0; i++)
		rc = read_receipt(f, tx, &f->sales[i], err);
	for (int i = 0; i < EXAMPLES * BENCH_APPLY && rc == 0; i++)
		rc = read_entries(f, tx, i / BENCH_APPLY, i % BENCH_APPLY, err);
	store_read_end(&tx);
	return rc;
}
