/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of `zegel replay`: which lines are sold, and what a return takes back of which sale.
 *
 * A line of a sale is refused if its quantity or its price in pence is not above zero. A line of a
 * return takes from the same customer's lines of the same article, the latest first, at their
 * price; what finds nothing is counted. The lines of one customer and article form a chain, latest
 * first, whose head stands in a table; a line that is used up leaves it.
 *
 * Invariants: 1. 0 <= left <= quantity of every line that was taken. 2. Every line in a chain has
 * left > 0.
 * 3. The parts of the posts of one sale take each line no further than its quantity. */
#include <stdlib.h>

#include "app/replay_impl.h"

struct pair {
	uint32_t customer, sku;
	uint32_t head; /* the latest line with something left; REPLAY_NONE: none */
};

struct planning {
	struct replay_file *file;
	struct replay_plan *plan;
	struct pair *pairs; /* a hash table, open addressing; customer REPLAY_NONE: free */
	uint32_t pair_mask;
	uint32_t *last_of; /* each customer's last post, by the word of the customer */
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NO_MEMORY, "no memory to plan the replay");
}

/* ---- chains ---- */

static struct pair *pair_of(struct planning *p, uint32_t customer, uint32_t sku)
{
	uint64_t hash = (((uint64_t)customer << 32) | sku) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t i = (uint32_t)(hash >> 32) & p->pair_mask;

	while (p->pairs[i].customer != REPLAY_NONE &&
		(p->pairs[i].customer != customer || p->pairs[i].sku != sku))
		i = (i + 1) & p->pair_mask;
	return &p->pairs[i];
}

static void push_line(struct planning *p, uint32_t customer, uint32_t n)
{
	struct replay_line *line = &p->file->lines[n];
	struct pair *pair = pair_of(p, customer, line->sku);

	if (pair->customer == REPLAY_NONE)
		*pair = (struct pair) { .customer = customer,
			.sku = line->sku,
			.head = REPLAY_NONE };
	line->earlier = pair->head;
	pair->head = n;
}

/* ---- posts ---- */

static bool grow(void **list, uint32_t count, uint32_t *cap, size_t size)
{
	uint32_t more = *cap ? *cap * 2 : 4096;
	void *grown;

	if (count < *cap)
		return true;
	grown = realloc(*list, more * size);
	if (!grown)
		return false;
	*list = grown;
	*cap = more;
	return true;
}

/* Adds a post behind the customer's last one. */
static int add_post(struct planning *p, uint32_t invoice, uint32_t sale, uint32_t *ret,
	struct err *err)
{
	struct replay_plan *plan = p->plan;
	uint32_t customer = p->file->invoices[invoice].customer;
	uint32_t n = plan->post_count;

	if (!grow((void **)&plan->posts, n, &plan->post_cap, sizeof(*plan->posts)))
		return no_memory(err);
	plan->posts[n] = (struct replay_post) { .invoice = invoice,
		.sale = sale,
		.first = REPLAY_NONE,
		.last = REPLAY_NONE,
		.nth = plan->invoices,
		.next = REPLAY_NONE };
	if (customer != REPLAY_NONE && p->last_of[customer] != REPLAY_NONE) {
		plan->posts[p->last_of[customer]].next = n;
		plan->posts[n].waits = true;
	}
	if (customer != REPLAY_NONE)
		p->last_of[customer] = n;
	plan->post_count++;
	*ret = n;
	return 0;
}

/* ---- sales ---- */

static int sell_line(struct planning *p, struct replay_invoice *invoice, uint32_t n,
	struct err *err)
{
	struct replay_line *line = &p->file->lines[n];
	int64_t amount;

	if (line->quantity <= 0 || line->price_minor <= 0) {
		p->plan->lines_refused++;
		return 0;
	}
	if (!num_mul(line->quantity, line->price_minor, &amount) || amount > NUM_AMOUNT_MAX ||
		!num_add(invoice->total_minor, amount, &invoice->total_minor) ||
		invoice->total_minor > NUM_AMOUNT_MAX)
		return err_set(err, ERR_INVALID, "invoice %.*s is over the limit of an amount",
			STR_ARG(p->file->words.list[invoice->number]));
	line->left = line->quantity;
	line->number = ++invoice->lines;
	if (invoice->customer != REPLAY_NONE)
		push_line(p, invoice->customer, n);
	return 0;
}

static int plan_sale(struct planning *p, uint32_t n, struct err *err)
{
	struct replay_invoice *invoice = &p->file->invoices[n];
	uint32_t post;
	int rc = 0;

	for (uint32_t i = invoice->first; i != REPLAY_NONE && rc == 0; i = p->file->lines[i].next)
		rc = sell_line(p, invoice, i, err);
	if (rc < 0)
		return rc;
	if (invoice->lines == 0) {
		p->plan->sales_empty++;
		return 0;
	}
	rc = add_post(p, n, REPLAY_NONE, &post, err);
	p->plan->invoices++;
	return rc;
}

/* ---- returns ---- */

/* The post of this return invoice that takes back from that sale; it is among those since `from`.
 */
static int post_for(struct planning *p, uint32_t invoice, uint32_t sale, uint32_t from,
	uint32_t *ret, struct err *err)
{
	for (*ret = from; *ret < p->plan->post_count; ++*ret)
		if (p->plan->posts[*ret].sale == sale)
			return 0;
	return add_post(p, invoice, sale, ret, err);
}

static int take_part(struct planning *p, struct replay_post *post, uint32_t line, int64_t quantity,
	struct err *err)
{
	struct replay_plan *plan = p->plan;
	uint32_t n = plan->part_count;

	for (uint32_t i = post->first; i != REPLAY_NONE; i = plan->parts[i].next)
		if (plan->parts[i].line == line) {
			plan->parts[i].quantity += quantity;
			return 0;
		}
	if (!grow((void **)&plan->parts, n, &plan->part_cap, sizeof(*plan->parts)))
		return no_memory(err);
	plan->parts[n] =
		(struct replay_part) { .line = line, .next = REPLAY_NONE, .quantity = quantity };
	if (post->last == REPLAY_NONE)
		post->first = n;
	else
		plan->parts[post->last].next = n;
	post->last = n;
	plan->part_count++;
	return 0;
}

/* Takes a quantity back from the customer's lines of an article; what is left over finds nothing.
 */
static int return_line(struct planning *p, uint32_t invoice, uint32_t n, uint32_t from,
	struct err *err)
{
	uint32_t customer = p->file->invoices[invoice].customer;
	int64_t wanted = -p->file->lines[n].quantity;
	struct pair *pair =
		customer == REPLAY_NONE ? NULL : pair_of(p, customer, p->file->lines[n].sku);

	while (wanted > 0 && pair && pair->customer != REPLAY_NONE && pair->head != REPLAY_NONE) {
		uint32_t head = pair->head, post;
		struct replay_line *line = &p->file->lines[head];
		int64_t quantity = num_min(wanted, line->left);
		int rc = post_for(p, invoice, line->invoice, from, &post, err);
		if (rc == 0)
			rc = take_part(p, &p->plan->posts[post], head, quantity, err);
		if (rc < 0)
			return rc;
		wanted -= quantity;
		line->left -= quantity;
		if (line->left == 0)
			pair->head = line->earlier;
	}
	p->plan->return_quantity_unmatched += num_max(wanted, 0);
	return 0;
}

static int plan_return(struct planning *p, uint32_t n, struct err *err)
{
	const struct replay_invoice *invoice = &p->file->invoices[n];
	uint32_t from = p->plan->post_count;
	int rc = 0;

	for (uint32_t i = invoice->first; i != REPLAY_NONE && rc == 0; i = p->file->lines[i].next)
		rc = return_line(p, n, i, from, err);
	p->plan->invoices += p->plan->post_count > from;
	return rc;
}

/* ---- all ---- */

static int plan_invoice(struct planning *p, uint32_t n, struct err *err)
{
	switch (p->file->invoices[n].kind) {
	case REPLAY_SALE:
		return plan_sale(p, n, err);
	case REPLAY_RETURN:
		return plan_return(p, n, err);
	case REPLAY_ADJUSTMENT:
		break;
	}
	p->plan->adjustments++;
	return 0;
}

/* At most half of the table is taken: there are no more pairs than lines. */
static bool allocate(struct planning *p)
{
	uint32_t slots = 1024;

	while (slots < p->file->line_count * 2)
		slots *= 2;
	p->pair_mask = slots - 1;
	p->pairs = malloc(slots * sizeof(*p->pairs));
	p->last_of = malloc((p->file->words.count + 1) * sizeof(*p->last_of));
	if (!p->pairs || !p->last_of)
		return false;
	for (uint32_t i = 0; i < slots; i++)
		p->pairs[i].customer = REPLAY_NONE;
	for (uint32_t i = 0; i < p->file->words.count; i++)
		p->last_of[i] = REPLAY_NONE;
	return true;
}

int replay_plan_make(struct replay_file *file, struct replay_plan *ret, struct err *err)
{
	struct planning p = { .file = file, .plan = ret };
	int rc;

	*ret = (struct replay_plan) { 0 };
	rc = allocate(&p) ? 0 : no_memory(err);
	for (uint32_t n = 0; n < file->invoice_count && rc == 0; n++)
		rc = plan_invoice(&p, n, err);
	free(p.pairs);
	free(p.last_of);
	return rc;
}

void replay_plan_done(struct replay_plan *plan)
{
	free(plan->posts);
	free(plan->parts);
	*plan = (struct replay_plan) { 0 };
}
