/* SPDX-License-Identifier: Apache-2.0 */
/* PUT of a sale: open, paid, void. See visit.h for the states.
 *
 * One claim under the caller's id says which state it has reached, what was said last and where the
 * sale is at home; beside it, in the same bucket, one claim for each content that was said as open
 * and one for what was said as void, so that each of them keeps its answer: a late repeat of an
 * earlier open basket is answered as then and takes nothing back. What was said as paid stands in
 * the sale itself.
 *
 * Invariant: a sale is paid at most once: its claim is made, or moved on from open, in the
 * transaction that settles it. */
#include <stdio.h>

#include "base/check.h"
#include "codec/base32.h"
#include "codec/pack.h"
#include "visit/sale_impl.h"

/* One PUT on its way. */
struct put {
	const struct visit_sale *sale;
	bool claimed; /* the id has said something before */
	struct claim claim;
	struct key part; /* of this state's own claim (open, void) */
	struct customer customer;
	struct story story;
	struct settlement settlement;
};

/* ---- the answer ---- */

/* An address nobody can guess, known before the sale is paid: the claim's key, 128 bits of a keyed
 * hash. */
static void write_receipt(const struct visit_env *env, const struct visit_sale *sale, bool paper,
	const char *reason, struct json_out *out)
{
	char token[BASE32_LEN(sizeof(sale->key.bytes)) + 1];
	char text[BASE32_LEN(sizeof(sale->key.bytes)) + 3];

	base32_write(sale->key.bytes, sizeof(sale->key.bytes), token);
	snprintf(text, sizeof(text), "r_%s", token);
	json_out_object(out, "receipt");
	json_out_cstr(out, "id", text);
	json_out_text(out, "url",
		arena_printf(env->arena, "%s/r/%s", sale->public_url ? sale->public_url : "",
			token));
	json_out_bool(out, "paper", paper);
	json_out_cstr(out, "reason", reason);
	json_out_object_end(out);
}

static int write_answer(struct visit_env *env, struct put *put, const char *state, struct str *ret,
	struct err *err)
{
	struct receipt_print print = receipt_print_decide();
	bool isvoid = put->sale->state == SALE_VOID;
	struct writer w;
	int rc;

	writer_init(env, &w);
	json_out_object(&w.out, NULL);
	json_out_text(&w.out, "sale", put->sale->id);
	json_out_cstr(&w.out, "state", state);
	rc = person_json(env, put->customer.person, &w.out, "member", err);
	story_json(&put->story, &w.out, "effects");
	write_receipt(env, put->sale, print.paper && !isvoid, isvoid ? "void" : print.reason,
		&w.out);
	json_out_object_end(&w.out);
	return rc < 0 ? rc : writer_done(&w, ret, err);
}

/* ---- open ---- */

struct key sale_part_key(const struct visit_keys *keys, const struct key *sale,
	enum visit_sale_state state, const struct key *said)
{
	return state == SALE_OPEN ? visit_sub_key(keys, "sale-open", key_str(sale), key_str(said))
				  : visit_sub_key(keys, "sale-void", key_str(sale), STR(""));
}

static int claim_part(struct visit_env *env, struct put *put, struct claim *ret, struct err *err)
{
	put->part = sale_part_key(env->keys, &put->sale->key, put->sale->state, &put->sale->said);
	return claim_find(env->tx, key_bucket(&put->sale->key), &put->part, env->arena, ret, err);
}

static int keep_open(struct visit_env *env, struct put *put, struct str answer, struct err *err)
{
	uint16_t bucket = key_bucket(&put->sale->key);
	struct claim claim = { .said = put->sale->said, .act = SALE_OPEN, .made_at = env->now };
	int rc = put->claimed
		? claim_advance(env->tx, bucket, &put->sale->key, SALE_OPEN, &claim, err)
		: claim_make(env->tx, bucket, &put->sale->key, &claim, err);

	if (rc == 0)
		rc = pack(env->arena, answer, PACK_ANSWER, &claim.answer, err);
	return rc != 0 ? rc : claim_make(env->tx, bucket, &put->part, &claim, err);
}

/* Says who it is and where the receipt will be; settles nothing, and may be said again with another
 * basket. */
static int put_open(struct visit_env *env, struct put *put, struct str *ret_answer, struct err *err)
{
	struct claim part;
	int rc = claim_part(env, put, &part, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return visit_replay(env, &part, &put->sale->said, ret_answer, err);
	if (put->claimed && put->claim.act != SALE_OPEN)
		return err_set(err, ERR_CONFLICT, "a sale that is %s cannot be opened again",
			visit_sale_state_words[put->claim.act]);
	rc = customer_waits(env, &put->customer, err);
	if (rc == 0)
		rc = customer_find(env, &put->sale->whose, put->sale->receipt.at, false,
			&put->customer, err);
	if (rc == 0)
		rc = write_answer(env, put, "open", ret_answer, err);
	if (rc == 0 && put->customer.person) /* looking at a balance posts what has expired */
		rc = person_save(env, put->customer.person, err);
	return rc != 0 ? rc : keep_open(env, put, *ret_answer, err);
}

/* ---- paid ---- */

static int replay_paid(struct visit_env *env, struct put *put, struct str *ret_answer,
	struct err *err)
{
	struct sale_row row;
	int rc;

	if (put->claim.home == 0)
		return err_set(err, ERR_CONFLICT, "the sale is void");
	rc = sale_get(env->tx, put->claim.home, env->arena, &row, err);
	if (rc < 0)
		return rc;
	if (!key_eq(&row.said, &put->sale->said))
		return err_at(err, ERR_ID_REUSED, "/id",
			"this sale was paid before, with other content");
	return unpack(env->arena, row.answer, VISIT_ANSWER_MAX, ret_answer, err);
}

/* When it is: a dry run may say. */
static int64_t time_of(const struct visit_sale *sale)
{
	return sale->dry_now ? sale->dry_now : sale->receipt.at;
}

static int settle(struct visit_env *env, struct put *put, id_t64 id, struct err *err)
{
	struct basket basket;
	int rc = basket_of(env, &put->sale->receipt, time_of(put->sale), &basket, err);

	if (rc < 0)
		return rc;
	return settle_sale(env, put->customer.person, env->access->device->shop->id, &basket, id,
		&put->settlement, &put->story, err);
}

static int keep_paid(struct visit_env *env, struct put *put, id_t64 id, struct str answer,
	struct err *err)
{
	const struct device *till = env->access->device;
	struct person *person = put->customer.person;
	struct receipt_place place = { .id = id,
		.merchant = env->access->merchant->id,
		.shop = till->shop->id,
		.device = till->id };
	struct claim claim = { .said = put->sale->said,
		.act = SALE_PAID,
		.home = id,
		.made_at = env->now };
	struct sale_row row = { .id = id,
		.merchant = place.merchant,
		.shop = place.shop,
		.device = place.device,
		.member = person ? person->member.id : 0,
		.caller = put->sale->id,
		.state = SALE_PAID,
		.total = put->sale->receipt.total,
		.said = put->sale->said,
		.settlement = put->settlement };
	uint16_t bucket = key_bucket(&put->sale->key);
	int rc = pack(env->arena, answer, PACK_ANSWER, &row.answer, err);

	if (rc == 0)
		rc = put->claimed
			? claim_advance(env->tx, bucket, &put->sale->key, SALE_OPEN, &claim, err)
			: claim_make(env->tx, bucket, &put->sale->key, &claim, err);
	if (rc == 0)
		rc = receipt_add(env->tx, &place, &put->sale->receipt, put->sale->packed, err);
	return rc != 0 ? rc : sale_add(env, &row, err);
}

static int finish_paid(struct visit_env *env, struct put *put, id_t64 id, struct str answer,
	struct err *err)
{
	struct person *person = put->customer.person;
	int rc = keep_paid(env, put, id, answer, err);

	if (rc == 0 && person)
		rc = person_save(env, person, err);
	if (rc == 0)
		rc = customer_served(env, &put->customer, err);
	if (rc == 0 && person)
		rc = visit_send_offers(env, person, env->access->device,
			customer_reader(env, &put->customer), put->customer.row.caller, &put->story,
			err);
	return rc;
}

static int put_paid(struct visit_env *env, struct put *put, struct str *ret_answer, struct err *err)
{
	uint16_t bucket = key_bucket(&put->sale->key);
	id_t64 id;
	int rc;

	if (put->claimed && put->claim.act != SALE_OPEN && !put->sale->dry_run)
		return replay_paid(env, put, ret_answer, err);
	rc = customer_waits(env, &put->customer, err);
	if (rc == 0)
		rc = customer_find(env, &put->sale->whose, time_of(put->sale), true, &put->customer,
			err);
	if (rc != 0)
		return rc;
	if (put->customer.person)
		bucket = id_bucket(put->customer.person->member.id);
	id = id_new(bucket, env->now, visit_random(env));
	if (put->customer.person)
		rc = settle(env, put, id, err);
	if (rc == 0)
		rc = write_answer(env, put, "paid", ret_answer, err);
	if (rc != 0 || put->sale->dry_run)
		return rc;
	return finish_paid(env, put, id, *ret_answer, err);
}

/* ---- void ---- */

static int void_paid(struct visit_env *env, struct put *put, struct err *err)
{
	struct sale_row row;
	struct receipt receipt;
	struct receipt_place place;
	struct remains remains;
	int rc = sale_get(env->tx, put->claim.home, env->arena, &row, err);

	if (rc < 0)
		return rc;
	if (row.state != SALE_PAID)
		return err_set(err, ERR_CONFLICT, "a sale that is %s cannot be voided",
			visit_sale_state_words[row.state]);
	rc = receipt_get(env->tx, row.id, env->arena, &receipt, &place, err);
	if (unexpected(rc > 0))
		return err_set(err, ERR_BROKEN, "a sale without its receipt");
	if (rc == 0)
		rc = remains_of(env, &row, &receipt, &remains, err);
	if (rc == 0)
		rc = return_lines(env, &row, &receipt, &remains, NULL, &put->story,
			&put->customer.person, err);
	return rc;
}

static int put_void(struct visit_env *env, struct put *put, struct str *ret_answer, struct err *err)
{
	uint16_t bucket = key_bucket(&put->sale->key);
	struct claim claim = { .said = put->sale->said, .act = SALE_VOID, .made_at = env->now };
	struct claim part;
	int rc = claim_part(env, put, &part, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return visit_replay(env, &part, &put->sale->said, ret_answer, err);
	if (put->claimed && unexpected(put->claim.act == SALE_VOID))
		return err_set(err, ERR_BROKEN, "a void sale without its answer");
	rc = put->claimed && put->claim.home ? void_paid(env, put, err) : 0;
	if (rc == 0)
		rc = write_answer(env, put, "void", ret_answer, err);
	if (rc == 0 && put->customer.person)
		rc = person_save(env, put->customer.person, err);
	claim.home = put->claimed ? put->claim.home : 0;
	if (rc == 0)
		rc = put->claimed ? claim_advance(env->tx, bucket, &put->sale->key, put->claim.act,
					    &claim, err)
				  : claim_make(env->tx, bucket, &put->sale->key, &claim, err);
	if (rc == 0)
		rc = pack(env->arena, *ret_answer, PACK_ANSWER, &claim.answer, err);
	return rc != 0 ? rc : claim_make(env->tx, bucket, &put->part, &claim, err);
}

int visit_sale(struct visit_env *env, const struct visit_sale *sale, struct str *ret_answer,
	struct err *err)
{
	struct put *put = arena_make(env->arena, struct put);
	int rc;

	if (!put)
		return err_set(err, ERR_NO_MEMORY, "no memory for a sale");
	put->sale = sale;
	rc = claim_find(env->tx, key_bucket(&sale->key), &sale->key, env->arena, &put->claim, err);
	if (rc < 0)
		return rc;
	put->claimed = rc == 0;
	rc = story_init(env, &put->story, err);
	if (rc < 0)
		return rc;
	switch (sale->state) {
	case SALE_OPEN:
		return put_open(env, put, ret_answer, err);
	case SALE_PAID:
		return put_paid(env, put, ret_answer, err);
	case SALE_VOID:
		return put_void(env, put, ret_answer, err);
	default:
		return err_at(err, ERR_INVALID, "/state", "must be open, paid or void");
	}
}
