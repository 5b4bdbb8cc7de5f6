/* SPDX-License-Identifier: Apache-2.0 */
/* Proof of L6 and L7 over the whole store: every sale is where its claim says, with an answer that
 * can be read; what came back is not more than was sold; and what is still settled is what the
 * version that settled it gives for the rest of the basket. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "codec/pack.h"
#include "visit/sale_impl.h"

#define PAGE 256
/* A sale of 2,000 lines with its returns. */
#define SALE_BYTES (32 << 20)

struct proof {
	struct visit_env *env;
	void (*breach)(void *user, const char *invariant, const char *text);
	void *user;
	struct visit_counts counts;
	uint64_t *sale_sums; /* what the entries say less what the sales say: all 0 in the end */
};

static void say(struct proof *proof, const char *invariant, const struct sale_row *sale,
	const char *what)
{
	char id[ID_TEXT_MAX];
	char text[200];

	snprintf(text, sizeof(text), "sale %s: %s", id_text(sale->id, "sale", id), what);
	proof->counts.breaches++;
	if (proof->breach)
		proof->breach(proof->user, invariant, text);
}

static int prove_claim(struct proof *proof, const struct sale_row *sale, struct err *err)
{
	struct visit_env *env = proof->env;
	struct key key = visit_id_key(env->keys, "sale", sale->merchant, sale->caller);
	struct claim claim;
	struct str answer;
	struct err fault;
	int rc = claim_find(env->tx, key_bucket(&key), &key, env->arena, &claim, err);

	if (rc < 0)
		return rc;
	if (rc > 0 || claim.home != sale->id)
		say(proof, "L6", sale, "the claim of its id is not there or names another sale");
	else if (!key_eq(&claim.said, &sale->said) && claim.act == SALE_PAID)
		say(proof, "L6", sale, "the claim of its id was made for other content");
	if (unpack(env->arena, sale->answer, VISIT_ANSWER_MAX, &answer, &fault) < 0)
		say(proof, "L6", sale, "its stored answer cannot be read");
	return 0;
}

static bool exceeds(const struct receipt *receipt, const struct remains *remains)
{
	for (size_t i = 0; i < receipt->line_count; i++) {
		const struct receipt_line *l = &receipt->lines[i];
		if (l->quantity >= 0 ? remains->quantity[i] < 0 : remains->quantity[i] > 0)
			return true;
		if (l->amount >= 0 ? remains->amount[i] < 0 : remains->amount[i] > 0)
			return true;
	}
	return false;
}

/* The same settlement, to be lowered without touching this one. */
static int copy_settlement(const struct settlement *from, struct arena *arena,
	struct settlement *ret, struct err *err)
{
	int rc = settlement_init(ret, arena, from->count, err);

	for (; rc == 0 && ret->count < from->count; ret->count++) {
		struct settled *to = &ret->list[ret->count];
		*to = from->list[ret->count];
		to->lots = arena_array(arena, to->lot_count + 1, sizeof(*to->lots));
		if (!to->lots)
			return err_set(err, ERR_NO_MEMORY, "no memory to verify a sale");
		memcpy(to->lots, from->list[ret->count].lots, to->lot_count * sizeof(*to->lots));
	}
	return rc;
}

/* Settling the rest again must find nothing to take back. */
static int prove_settled(struct proof *proof, const struct sale_row *sale,
	const struct receipt *receipt, const struct remains *remains, struct err *err)
{
	struct settlement again;
	int rc;

	if (sale->returns == 0 || sale->settlement.count == 0)
		return 0;
	rc = copy_settlement(&sale->settlement, proof->env->arena, &again, err);
	if (rc == 0)
		rc = settlement_of_rest(proof->env, receipt, remains, &again, err);
	if (rc == ERR_BROKEN) {
		say(proof, "L7", sale,
			"it was settled by a version of a programme that is not there");
		return 0;
	}
	for (size_t i = 0; rc == 0 && i < again.count; i++)
		if (settled_total(&again.list[i]) < settled_total(&sale->settlement.list[i]))
			say(proof, "L7", sale, "more is settled than the rest of it earns");
	return rc;
}

static void take_from_sums(struct proof *proof, const struct sale_row *sale)
{
	for (size_t i = 0; i < sale->settlement.count; i++) {
		const struct settled *s = &sale->settlement.list[i];
		proof->sale_sums[id_bucket(sale->member)] -=
			ledger_sale_mark(sale->id, s->programme) * (uint64_t)settled_total(s);
	}
}

static void judge_sums(struct proof *proof)
{
	for (unsigned bucket = 0; bucket < LEDGER_SUMS; bucket++) {
		char text[120];
		if (proof->sale_sums[bucket] == 0)
			continue;
		snprintf(text, sizeof(text),
			"members of bucket %u: their entries are not what their sales "
			"earned and gave back",
			bucket);
		proof->counts.breaches++;
		if (proof->breach)
			proof->breach(proof->user, "L7", text);
	}
}

static int prove_sale(struct proof *proof, const struct sale_row *sale, struct err *err)
{
	struct visit_env *env = proof->env;
	struct access access = { .merchant = directory_merchant(env->directory, sale->merchant) };
	struct receipt_place place;
	struct receipt receipt;
	struct remains remains;
	int rc = prove_claim(proof, sale, err);

	proof->counts.sales++;
	proof->counts.returns += sale->returns;
	take_from_sums(proof, sale);
	if (rc < 0)
		return rc;
	if (!access.merchant) {
		say(proof, "L6", sale, "its merchant is not there");
		return 0;
	}
	env->access = &access;
	rc = receipt_get(env->tx, sale->id, env->arena, &receipt, &place, err);
	if (rc > 0 || rc == ERR_BROKEN) {
		say(proof, "L6", sale, "its receipt is not there or cannot be read");
		rc = 0;
	} else if (rc == 0) {
		rc = remains_of(env, sale, &receipt, &remains, err);
		if (rc == 0 && receipt.total != sale->total)
			say(proof, "L6", sale, "its total is not that of its receipt");
		if (rc == 0 &&
			(exceeds(&receipt, &remains) ||
				remains.total != sale->total - sale->returned))
			say(proof, "L7", sale, "more came back than was sold");
		else if (rc == 0)
			rc = prove_settled(proof, sale, &receipt, &remains, err);
	}
	env->access = NULL;
	return rc;
}

/* One page of sales after *last; *ret_count says how many. */
static int read_page(struct proof *proof, id_t64 last, struct arena *arena, struct sale_row *page,
	size_t *ret_count, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(proof->env->tx, &visit_statements[SALE_ALL],
		ARGS(V_INT(last ? id_time_ms(last) : 0), V_INT(last ? id_bucket(last) : 0),
			V_INT(last), V_INT(PAGE)),
		&rows, err);

	*ret_count = 0;
	while (rc == 0 && (rc = store_next(rows, err)) > 0)
		rc = sale_row_read(rows, arena, &page[(*ret_count)++], err);
	return rc;
}

static int prove_page(struct proof *proof, const struct sale_row *page, size_t count,
	struct err *err)
{
	struct arena *arena ARENA_AUTO = arena_new(SALE_BYTES);
	int rc = arena ? 0 : err_set(err, ERR_NO_MEMORY, "no memory to verify sales");

	proof->env->arena = arena;
	for (size_t i = 0; i < count && rc == 0; i++) {
		arena_reset(arena);
		rc = prove_sale(proof, &page[i], err);
	}
	return rc;
}

int visit_verify(struct visit_env *env, uint64_t *sale_sums,
	void (*breach)(void *user, const char *invariant, const char *text), void *user,
	struct visit_counts *ret, struct err *err)
{
	struct proof proof = { .env = env, .breach = breach, .user = user, .sale_sums = sale_sums };
	struct arena *outer = env->arena;
	struct arena *arena ARENA_AUTO = arena_new(256 << 20);
	struct sale_row *page;
	id_t64 last = 0;
	size_t count = PAGE;
	int rc = arena ? 0 : err_set(err, ERR_NO_MEMORY, "no memory to verify sales");

	while (rc == 0 && count == PAGE) {
		arena_reset(arena);
		page = arena_array(arena, PAGE + 1, sizeof(*page));
		if (!page)
			return err_set(err, ERR_NO_MEMORY, "no memory to verify sales");
		rc = read_page(&proof, last, arena, page, &count, err);
		if (rc == 0 && count > 0) {
			last = page[count - 1].id;
			rc = prove_page(&proof, page, count, err);
		}
	}
	env->arena = outer;
	if (rc == 0)
		judge_sums(&proof);
	*ret = proof.counts;
	return rc;
}
