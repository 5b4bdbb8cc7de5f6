/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `zegel replay`, in their order:
 *   replay_file.c  a file's lines, gathered into invoices          (pure, but for reading)
 *   replay_plan.c  the rules: what is sold, what comes back of it  (pure)
 *   replay_body.c  one post as JSON                                (pure)
 *   replay_send.c  the posts through the contract, each customer's in order
 *   replay.c       the command: server, shop, tills, programmes, totals
 *
 * The file is that of UCI's "Online Retail": InvoiceNo, StockCode, Description, Quantity,
 * InvoiceDate, UnitPrice, CustomerID, found by their names. It is held whole, because the lines of
 * one invoice need not stand together. */
#ifndef APP_REPLAY_IMPL_H
#define APP_REPLAY_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "app/client.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/str.h"

/* No line, invoice, word or post. */
#define REPLAY_NONE UINT32_MAX
/* Lines of a file; 40 million are about 2 GB of them here. */
#define REPLAY_LINES_MAX 40000000
#define REPLAY_TILLS 4

/* ---- words: each different text once ---- */

struct words {
	struct arena *arena;
	struct str *list;
	uint32_t *slots; /* a hash table of numbers of words, open addressing */
	uint32_t count, cap, slot_count;
};
/* false: no memory. words_done() is for both outcomes. */
bool words_init(struct words *words, size_t bytes_max);
void words_done(struct words *words);
/* The number of a text, which is copied if it is new; REPLAY_NONE: no memory. */
uint32_t words_add(struct words *words, struct str text);
uint32_t words_hash(struct str text);
/* At most the first max bytes of a valid UTF-8 text, whole characters. */
struct str replay_cut(struct str text, size_t max);

/* ---- the file ---- */

struct replay_line {
	uint32_t invoice, next;    /* the next line of the same invoice, in file order */
	uint32_t sku, description; /* words; sku REPLAY_NONE: blank */
	int64_t quantity;
	int64_t price_minor; /* rounded half up */
	/* what replay_plan.c finds out */
	int64_t left;     /* sold and not yet returned */
	uint32_t number;  /* its number in the sale, from 1; 0: refused */
	uint32_t earlier; /* the line of the same customer and article before it */
};

enum replay_kind {
	REPLAY_SALE,
	REPLAY_RETURN,    /* C... */
	REPLAY_ADJUSTMENT /* A... */
};

struct replay_invoice {
	uint32_t number, at, customer; /* words; customer REPLAY_NONE: blank */
	enum replay_kind kind;
	uint32_t first, last; /* lines */
	uint32_t lines;       /* how many were taken; the plan's */
	int64_t total_minor;  /* the plan's */
};

struct replay_file {
	struct words words;
	struct replay_line *lines;
	struct replay_invoice *invoices; /* in order of first appearance */
	uint32_t line_count, line_cap, invoice_count, invoice_cap;
};

/* Reads FILE, or standard input ("-"); a name that ends in .xz is read through `xz -dc`. What is
 * not UTF-8 is taken as Latin-1. ERR_UNREADABLE, ERR_INVALID at "line N"; ERR_IO; ERR_TOO_LARGE.
 * replay_file_done() is for both outcomes. */
int replay_file_read(const char *path, struct replay_file *ret, struct err *err) must_check;
/* The same from bytes: for tests. */
int replay_file_parse(struct str bytes, struct replay_file *ret, struct err *err) must_check;
void replay_file_done(struct replay_file *file);

/* ---- the plan ---- */

/* What comes back of one line. */
struct replay_part {
	uint32_t line, next;
	int64_t quantity;
};

/* One request: a sale, or what one return invoice takes back of one sale. */
struct replay_post {
	uint32_t invoice;     /* the sale's or the return's */
	uint32_t sale;        /* of a return: the invoice of the sale; else REPLAY_NONE */
	uint32_t first, last; /* parts of a return */
	uint32_t nth;         /* of the invoices that are posted: for the pace */
	uint32_t next;        /* the next post of the same customer */
	bool waits;           /* the one before it is not answered yet */
	bool reached;         /* it is its turn, but for that */
};

struct replay_plan {
	struct replay_post *posts;
	struct replay_part *parts;
	uint32_t post_count, part_count, post_cap, part_cap;
	uint32_t invoices; /* that are posted */
	int64_t sales_empty, adjustments, lines_refused, return_quantity_unmatched;
};

/* Applies the rules to the file. ERR_INVALID for an amount over the contract's limit,
 * ERR_NO_MEMORY. */
int replay_plan_make(struct replay_file *file, struct replay_plan *ret, struct err *err) must_check;
void replay_plan_done(struct replay_plan *plan);

/* ---- posts ---- */

/* The body of a post, and the path it goes to. */
void replay_body(const struct replay_file *file, const struct replay_plan *plan, uint32_t post,
	struct buf *body, struct buf *path);

/* ---- sending ---- */

struct replay_target {
	struct client *client;
	const char *admin_key;
	char till_keys[REPLAY_TILLS][128];
	int connections;
	int64_t rate; /* invoices a second; 0: no limit */
};

struct replay_totals {
	int64_t sales, sales_anonymous, lines, total_minor;
	int64_t members, points, stamps;
	int64_t returns_posted, return_quantity, returned_minor;
	int64_t duration_ns, p50_ns, p99_ns;
};

/* Sends the plan and reads the members' balances. Stops at the first answer that is not to be; what
 * is worth trying again (503, no answer) is, for a minute. */
int replay_send(const struct replay_file *file, struct replay_plan *plan,
	const struct replay_target *target, struct replay_totals *ret, struct err *err) must_check;

#endif
