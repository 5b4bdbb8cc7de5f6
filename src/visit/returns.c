/* SPDX-License-Identifier: Apache-2.0 */
/* Returns: lines come back, by quantity and amount, and with them exactly what they earned. And
 * giving a sale that was nobody's to its member afterwards. See visit.h.
 *
 * Invariants (L7): 1. of each line at most what is left comes back. 2. What remains settled is what
 * the programmes give for the rest of the basket. */
#include <stdio.h>

#include "base/check.h"
#include "codec/decimal.h"
#include "codec/pack.h"
#include "visit/sale_impl.h"

/* ---- what remains ---- */

static long line_index(const struct receipt *receipt, struct str id)
{
	const struct receipt_line *line = receipt_line(receipt, id);

	return line ? line - receipt->lines : -1;
}

/* A stored return: [["line", quantity in thousandths, amount], ...]. */
static int take_stored(struct visit_env *env, const struct receipt *receipt, struct str lines,
	struct remains *ret, struct err *err)
{
	struct str text;
	struct json *list;
	int rc = unpack(env->arena, lines, VISIT_ANSWER_MAX, &text, err);

	if (rc == 0)
		rc = json_parse(env->arena, text, &list, err);
	if (rc < 0)
		return rc;
	for (const struct json *v = list->first; v; v = v->next) {
		const struct json *id = v->first;
		const struct json *quantity = id ? id->next : NULL;
		const struct json *amount = quantity ? quantity->next : NULL;
		long i = amount ? line_index(receipt, id->string) : -1;
		if (unexpected(i < 0))
			return err_set(err, ERR_BROKEN, "a return of a line that was not sold");
		ret->quantity[i] -= quantity->integer;
		ret->amount[i] -= amount->integer;
		ret->total -= amount->integer;
	}
	return 0;
}

int remains_of(struct visit_env *env, const struct sale_row *sale, const struct receipt *receipt,
	struct remains *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc;

	ret->quantity = arena_array(env->arena, receipt->line_count + 1, sizeof(int64_t));
	ret->amount = arena_array(env->arena, receipt->line_count + 1, sizeof(int64_t));
	ret->total = receipt->total;
	if (!ret->quantity || !ret->amount)
		return err_set(err, ERR_NO_MEMORY, "no memory for what remains");
	for (size_t i = 0; i < receipt->line_count; i++) {
		ret->quantity[i] = receipt->lines[i].quantity;
		ret->amount[i] = receipt->lines[i].amount;
	}
	if (sale->returns == 0)
		return 0;
	rc = store_query(env->tx, &visit_statements[RETURN_LIST],
		ARGS(V_INT(id_bucket(sale->id)), V_INT(sale->id)), &rows, err);
	while (rc == 0 && (rc = store_next(rows, err)) > 0)
		rc = take_stored(env, receipt, store_bytes(rows, 0), ret, err);
	return rc;
}

/* A line is gone when all of its pieces are, whatever was paid back for them; one that never had
 * pieces, when its amount is. */
static bool is_gone(const struct receipt *receipt, const struct remains *remains, size_t i)
{
	return remains->quantity[i] == 0 &&
		(receipt->lines[i].quantity != 0 || remains->amount[i] == 0);
}

/* The basket as if only that had been sold. */
static int rest_of(struct visit_env *env, const struct receipt *receipt,
	const struct remains *remains, struct basket *ret, struct err *err)
{
	struct receipt rest = *receipt;

	rest.lines = arena_array(env->arena, receipt->line_count + 1, sizeof(*rest.lines));
	if (!rest.lines)
		return err_set(err, ERR_NO_MEMORY, "no memory for what remains");
	rest.line_count = 0;
	rest.total = remains->total;
	for (size_t i = 0; i < receipt->line_count; i++) {
		if (is_gone(receipt, remains, i)) {
			rest.total -= remains->amount[i];
			continue;
		}
		rest.lines[rest.line_count] = receipt->lines[i];
		rest.lines[rest.line_count].quantity = remains->quantity[i];
		rest.lines[rest.line_count++].amount = remains->amount[i];
	}
	return basket_of(env, &rest, receipt->at, ret, err);
}

/* ---- one return ---- */

/* Is `part` no more than `whole`, in its direction? (Lines can be negative: discounts, deposits.)
 */
static bool within(int64_t part, int64_t whole)
{
	return whole >= 0 ? part >= 0 && part <= whole : part <= 0 && part >= whole;
}

/* The share of an amount that a share of its quantity is worth; the last piece takes the rest. */
static int64_t share_of(int64_t amount, int64_t quantity, int64_t of)
{
	int64_t share = amount;

	if (quantity != of && of != 0 &&
		!num_mul_div(amount, quantity < 0 ? -quantity : quantity, of < 0 ? -of : of,
			&share))
		share = amount;
	return share;
}

static int refuse_line(size_t n, const char *field, const char *why, struct err *err)
{
	char at[48];

	snprintf(at, sizeof(at), "/lines/%zu/%s", n, field);
	return err_at(err, ERR_INVALID, at, "%s", why);
}

static void take(const struct receipt *receipt, long i, int64_t quantity, int64_t amount,
	struct remains *remains, struct json_out *out, int64_t *ret_amount)
{
	remains->quantity[i] -= quantity;
	remains->amount[i] -= amount;
	remains->total -= amount;
	*ret_amount += amount;
	json_out_array(out, NULL);
	json_out_text(out, NULL, receipt->lines[i].id);
	json_out_int(out, NULL, quantity);
	json_out_int(out, NULL, amount);
	json_out_array_end(out);
}

static int take_line(const struct visit_return_line *line, size_t n, const struct receipt *receipt,
	struct remains *remains, struct json_out *out, int64_t *ret_amount, struct err *err)
{
	long i = line_index(receipt, line->line);
	int64_t amount;

	if (i < 0)
		return refuse_line(n, "line", "the sale has no such line", err);
	if ((line->quantity == 0 && receipt->lines[i].quantity != 0) ||
		!within(line->quantity, remains->quantity[i]))
		return refuse_line(n, "quantity", "is more than what is left of this line", err);
	amount = line->has_amount
		? line->amount
		: share_of(remains->amount[i], line->quantity, remains->quantity[i]);
	if (!within(amount, remains->amount[i]) || (line->quantity == 0 && amount == 0))
		return refuse_line(n, "amount", "is more than what is left of this line", err);
	take(receipt, i, line->quantity, amount, remains, out, ret_amount);
	return 0;
}

static void take_all(const struct receipt *receipt, struct remains *remains, struct json_out *out,
	int64_t *ret_amount)
{
	for (size_t i = 0; i < receipt->line_count; i++)
		if (remains->quantity[i] != 0 || remains->amount[i] != 0)
			take(receipt, (long)i, remains->quantity[i], remains->amount[i], remains,
				out, ret_amount);
}

static bool all_gone(const struct receipt *receipt, const struct remains *remains)
{
	for (size_t i = 0; i < receipt->line_count; i++)
		if (!is_gone(receipt, remains, i))
			return false;
	return true;
}

static int add_return(struct visit_env *env, const struct sale_row *sale,
	const struct visit_return *what, int64_t amount, struct str lines, struct err *err)
{
	struct str packed;
	int rc = pack(env->arena, lines, PACK_PLAIN, &packed, err);

	if (rc < 0)
		return rc;
	return store_write(env->tx, &visit_statements[RETURN_ADD],
		ARGS(V_INT(id_bucket(sale->id)), V_INT(sale->id), V_INT(sale->returns + 1),
			V_TEXT(what ? what->id : STR("void")), V_INT(what ? what->at : env->now),
			V_INT(env->now), V_INT(amount), V_BLOB(packed.ptr, packed.len)),
		1, err);
}

static int settle_rest(struct visit_env *env, struct sale_row *sale, const struct receipt *receipt,
	const struct remains *remains, int64_t at, struct story *story, struct person **ret,
	struct err *err)
{
	struct ledger_ref ref = { .kind = LEDGER_REF_RETURN, .id = sale->id, .effective_at = at };
	struct basket rest;
	int rc;

	if (sale->member == 0)
		return 0;
	rc = person_load(env, sale->member, STR(""), ret, err);
	if (unexpected(rc == PERSON_NONE))
		return err_set(err, ERR_BROKEN, "a sale of a member that is not there");
	if (rc == 0)
		rc = rest_of(env, receipt, remains, &rest, err);
	return rc != 0 ? rc : settle_return(env, *ret, &rest, &ref, &sale->settlement, story, err);
}

int return_lines(struct visit_env *env, struct sale_row *sale, const struct receipt *receipt,
	struct remains *remains, const struct visit_return *what, struct story *story,
	struct person **ret, struct err *err)
{
	struct writer w;
	struct str lines;
	int64_t amount = 0;
	int rc = 0;

	writer_init(env, &w);
	json_out_array(&w.out, NULL);
	for (size_t n = 0; what && n < what->line_count && rc == 0; n++)
		rc = take_line(&what->lines[n], n, receipt, remains, &w.out, &amount, err);
	if (!what)
		take_all(receipt, remains, &w.out, &amount);
	json_out_array_end(&w.out);
	if (rc == 0)
		rc = writer_done(&w, &lines, err);
	if (rc == 0)
		rc = settle_rest(env, sale, receipt, remains, what ? what->at : env->now, story,
			ret, err);
	if (rc == 0)
		rc = add_return(env, sale, what, amount, lines, err);
	if (rc != 0)
		return rc;
	sale->returned += amount;
	sale->state = !what                  ? SALE_VOID
		: all_gone(receipt, remains) ? SALE_RETURNED
					     : SALE_PARTLY_RETURNED;
	return sale_move(env, sale, err);
}

int settlement_of_rest(struct visit_env *env, const struct receipt *receipt,
	const struct remains *remains, struct settlement *settlement, struct err *err)
{
	struct basket rest;
	int rc = rest_of(env, receipt, remains, &rest, err);

	return rc < 0 ? rc : settle_again(env, &rest, settlement, err);
}

/* ---- the calls ---- */

static int find_settled(struct visit_env *env, const struct key *key, struct claim *claim,
	struct sale_row *ret, struct err *err)
{
	int rc = sale_find(env->tx, key, env->arena, claim, ret, err);

	if (rc < 0)
		return rc;
	if (rc > 0 && claim->act != 0)
		return err_set(err, ERR_CONFLICT, "the sale is %s, not paid",
			visit_sale_state_words[claim->act]);
	if (rc > 0 || unexpected(ret->merchant != env->access->merchant->id))
		return err_set(err, ERR_NOT_FOUND, "there is no such sale");
	return 0;
}

static int open_receipt(struct visit_env *env, const struct sale_row *sale, struct receipt *ret,
	struct err *err)
{
	struct receipt_place place;
	int rc = receipt_get(env->tx, sale->id, env->arena, ret, &place, err);

	return unexpected(rc > 0) ? err_set(err, ERR_BROKEN, "a sale without its receipt") : rc;
}

static int do_return(struct visit_env *env, struct sale_row *sale, const struct visit_return *what,
	struct str *ret_answer, struct err *err)
{
	struct person *person = NULL;
	struct receipt receipt;
	struct remains remains;
	struct story story;
	struct writer w;
	int rc = open_receipt(env, sale, &receipt, err);

	if (sale->state == SALE_VOID)
		return err_set(err, ERR_CONFLICT, "the sale is void");
	if (rc == 0)
		rc = story_init(env, &story, err);
	if (rc == 0)
		rc = remains_of(env, sale, &receipt, &remains, err);
	if (rc == 0)
		rc = return_lines(env, sale, &receipt, &remains, what, &story, &person, err);
	if (rc == 0 && person)
		rc = person_save(env, person, err);
	if (rc != 0)
		return rc;
	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	json_out_text(&w.out, "return", what->id);
	story_json(&story, &w.out, "effects");
	json_out_object_end(&w.out);
	return writer_done(&w, ret_answer, err);
}

int visit_return(struct visit_env *env, const struct visit_return *what, struct str *ret_answer,
	struct err *err)
{
	struct key key = visit_sub_key(env->keys, "return", key_str(&what->sale), what->id);
	struct sale_row sale;
	struct claim claim = { 0 };
	uint16_t bucket;
	int rc = find_settled(env, &what->sale, &claim, &sale, err);

	if (rc < 0)
		return rc;
	bucket = id_bucket(sale.id);
	rc = claim_find(env->tx, bucket, &key, env->arena, &claim, err);
	if (rc == 0)
		return visit_replay(env, &claim, &what->said, ret_answer, err);
	if (rc > 0)
		rc = do_return(env, &sale, what, ret_answer, err);
	return rc != 0 ? rc : visit_claim(env, bucket, &key, &what->said, *ret_answer, err);
}

/* ---- attaching ---- */

static int settle_late(struct visit_env *env, struct sale_row *sale, struct customer *customer,
	struct story *story, struct err *err)
{
	struct receipt receipt;
	struct remains remains;
	struct basket basket;
	int rc = open_receipt(env, sale, &receipt, err);

	if (rc == 0)
		rc = remains_of(env, sale, &receipt, &remains, err);
	if (rc == 0)
		rc = rest_of(env, &receipt, &remains, &basket, err);
	if (rc == 0)
		rc = settle_sale(env, customer->person, sale->shop, &basket, sale->id,
			&sale->settlement, story, err);
	sale->member = customer->person->member.id;
	return rc != 0 ? rc : sale_give(env, sale, err);
}

/* What GET of the sale shows from now on; beside the claim of the sale. */
static int keep_given(struct visit_env *env, const struct visit_attach *attach, struct str answer,
	struct err *err)
{
	struct key part = visit_sub_key(env->keys, "sale-given", key_str(&attach->sale), STR(""));

	return visit_claim(env, key_bucket(&attach->sale), &part, &attach->said, answer, err);
}

static int do_attach(struct visit_env *env, struct sale_row *sale,
	const struct visit_attach *attach, struct str *ret_answer, struct err *err)
{
	struct customer customer;
	struct story story;
	struct writer w;
	int rc;

	if (sale->member != 0)
		return err_set(err, ERR_CONFLICT, "the sale is a member's already");
	if (sale->state != SALE_PAID && sale->state != SALE_PARTLY_RETURNED)
		return err_set(err, ERR_CONFLICT, "a sale that is %s cannot be given to anybody",
			visit_sale_state_words[sale->state]);
	rc = customer_waits(env, &customer, err);
	if (rc == 0)
		rc = customer_find(env, &attach->whose, env->now, true, &customer, err);
	if (rc == 0 && !customer.person)
		return err_at(err, ERR_CONFLICT,
			attach->whose.how == WHOSE_TOUCH ? "/touch" : "/identifiers",
			"nobody is known by that");
	if (rc == 0)
		rc = story_init(env, &story, err);
	if (rc == 0)
		rc = settle_late(env, sale, &customer, &story, err);
	if (rc != 0)
		return rc;
	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	json_out_text(&w.out, "sale", attach->sale_id);
	json_out_cstr(&w.out, "state", visit_sale_state_words[sale->state]);
	rc = person_json(env, customer.person, &w.out, "member", err);
	story_json(&story, &w.out, "effects");
	json_out_object_end(&w.out);
	if (rc == 0)
		rc = writer_done(&w, ret_answer, err);
	if (rc == 0)
		rc = person_save(env, customer.person, err);
	if (rc == 0)
		rc = customer_attached(env, &customer, err);
	if (rc == 0)
		rc = keep_given(env, attach, *ret_answer, err);
	if (rc == 0)
		rc = visit_send_offers(env, customer.person, env->access->device,
			customer_reader(env, &customer), customer.row.caller, &story, err);
	return rc;
}

int visit_attach(struct visit_env *env, const struct visit_attach *attach, struct str *ret_answer,
	struct err *err)
{
	struct key key = visit_sub_key(env->keys, "attach", key_str(&attach->sale), attach->id);
	struct sale_row sale;
	struct claim claim = { 0 };
	uint16_t bucket;
	int rc = find_settled(env, &attach->sale, &claim, &sale, err);

	if (rc < 0)
		return rc;
	bucket = id_bucket(sale.id);
	rc = claim_find(env->tx, bucket, &key, env->arena, &claim, err);
	if (rc == 0)
		return visit_replay(env, &claim, &attach->said, ret_answer, err);
	if (rc > 0)
		rc = do_attach(env, &sale, attach, ret_answer, err);
	return rc != 0 ? rc : visit_claim(env, bucket, &key, &attach->said, *ret_answer, err);
}
