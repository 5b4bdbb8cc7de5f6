/* SPDX-License-Identifier: Apache-2.0 */
/* Settling: programmes look at a basket, the ledger posts what they give, rewards become due; and
 * the way back when lines return.
 *
 * Invariants: 1. what a sale earned in a programme is kept beside the sale (struct settled) and
 * falls by exactly what is clawed back: after a return it is what the version that settled the sale
 * gives for the rest of the basket (L7). 2. A script that fails costs its own programme its say,
 * nobody else's. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "visit/visit_impl.h"

/* ---- what is kept beside the sale ---- */

#define SETTLED_FIELDS 5
#define SETTLED_BYTES (SETTLED_FIELDS * 8)

static void put64(unsigned char *out, int64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
}

static int64_t get64(const unsigned char *in)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | in[i];
	return (int64_t)value;
}

int settlement_pack(const struct settlement *settlement, struct arena *arena, struct str *ret,
	struct err *err)
{
	size_t len = settlement->count * SETTLED_BYTES;
	unsigned char *bytes = arena_alloc(arena, len ? len : 1);

	if (!bytes)
		return err_set(err, ERR_NO_MEMORY, "no memory for a settlement");
	for (size_t i = 0; i < settlement->count; i++) {
		const struct settled *s = &settlement->list[i];
		const int64_t fields[SETTLED_FIELDS] = { s->programme, s->version, s->arm,
			s->earned, s->lot };
		for (int f = 0; f < SETTLED_FIELDS; f++)
			put64(bytes + i * SETTLED_BYTES + 8 * f, fields[f]);
	}
	*ret = str_bytes(bytes, len);
	return 0;
}

static int settlement_init(struct settlement *settlement, struct arena *arena, size_t max,
	struct err *err)
{
	*settlement = (struct settlement) { .max = max };
	settlement->list = arena_array(arena, max ? max : 1, sizeof(*settlement->list));
	return settlement->list ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for a settlement");
}

int settlement_read(struct str bytes, struct arena *arena, struct settlement *ret, struct err *err)
{
	const unsigned char *in = (const unsigned char *)bytes.ptr;
	int rc;

	if (unexpected(bytes.len % SETTLED_BYTES || bytes.len / SETTLED_BYTES > SETTLED_MAX))
		return err_set(err, ERR_BROKEN, "a sale's settlement has %zu bytes", bytes.len);
	rc = settlement_init(ret, arena, bytes.len / SETTLED_BYTES, err);
	if (rc < 0)
		return rc;
	ret->count = ret->max;
	for (size_t i = 0; i < ret->count; i++, in += SETTLED_BYTES)
		ret->list[i] = (struct settled) {
			.programme = get64(in),
			.version = (int32_t)get64(in + 8),
			.arm = (int32_t)get64(in + 16),
			.earned = get64(in + 24),
			.lot = get64(in + 32),
		};
	return 0;
}

/* ---- baskets ---- */

int basket_of(const struct visit_env *env, const struct receipt *receipt, int64_t at,
	struct basket *ret, struct err *err)
{
	struct basket_line *lines =
		arena_array(env->arena, receipt->line_count + 1, sizeof(*lines));
	int hour, minute;
	struct date day = zone_local(env->access->merchant->zone, at, &hour, &minute);

	if (!lines)
		return err_set(err, ERR_NO_MEMORY, "no memory for a basket");
	for (size_t i = 0; i < receipt->line_count; i++) {
		const struct receipt_line *l = &receipt->lines[i];
		lines[i] = (struct basket_line) { .id = l->id,
			.gtin = l->gtin,
			.sku = l->sku,
			.category = l->category,
			.description = l->description,
			.quantity = l->quantity,
			.unit_price = l->unit_price,
			.amount = l->amount };
	}
	*ret = (struct basket) { .currency = receipt->currency,
		.total = receipt->total,
		.lines = lines,
		.count = receipt->line_count,
		.at = at,
		.weekday = date_weekday(day),
		.hour = hour };
	snprintf(ret->day, sizeof(ret->day), "%04u-%02u-%02u", (unsigned)day.year % 10000,
		(unsigned)day.month % 100, (unsigned)day.day % 100);
	return 0;
}

/* A lot ends with the local day that lies `days` after the sale's. */
static int64_t lot_of(const struct visit_env *env, int64_t at, int64_t days)
{
	const struct zone *zone = env->access->merchant->zone;

	if (days == 0)
		return LEDGER_NEVER;
	return zone_day_start(zone,
		date_of_days(date_days(zone_local(zone, at, NULL, NULL)) + days + 1));
}

/* ---- one programme ---- */

static int tell(struct person *person, struct seat *seat, const struct effect *effect,
	struct story *story, struct err *err)
{
	struct happened message = { .type = HAPPENED_MESSAGE,
		.programme = seat->programme,
		.who = effect->who,
		.text = texts_pick(&effect->text, person->language, STR("en")) };

	return message.text.len ? story_add(story, &message, err) : 0;
}

static int earn(struct visit_env *env, struct seat *seat, int64_t amount, int64_t lot,
	const struct ledger_ref *ref, struct story *story, struct err *err)
{
	struct ledger_env ledger = visit_ledger(env);
	struct happened earned = { .type = HAPPENED_EARNED,
		.programme = seat->programme,
		.counts = true,
		.amount = amount };
	int rc = ledger_earn(&ledger, seat->account, amount, lot, ref, err);

	if (rc != 0)
		return rc;
	earned.balance = ledger_standing(seat->account)->balance;
	return story_add(story, &earned, err);
}

/* What a hook gives for a basket, added up. ERR_SCRIPT is counted and gives nothing. */
static int ask_script(struct visit_env *env, struct person *person, struct seat *seat,
	const struct programme *programme, int32_t arm, const struct basket *basket,
	struct effects *ret, struct err *err)
{
	struct host_programme *in_host;
	struct standing standing;
	int rc = programme_in_host(programme, arm, env->host, &in_host, err);

	*ret = (struct effects) { 0 };
	person_standing(env, person, seat, &standing);
	if (rc == 0)
		rc = host_sale(env->host, in_host, basket, &standing, env->arena, ret, err);
	if (rc == ERR_SCRIPT || rc == ERR_INVALID) {
		env->script_faults++;
		return 1;
	}
	return rc;
}

static int refuse_script(struct seat *seat, struct story *story, struct err *err)
{
	struct happened refused = { .type = HAPPENED_REFUSED,
		.programme = seat->programme,
		.text = STR("the programme's script failed") };

	return story_add(story, &refused, err);
}

int settle_effects(struct visit_env *env, struct person *person, struct seat *seat,
	const struct basket *basket, const struct ledger_ref *ref, struct story *story,
	int64_t *ret_earned, int64_t *ret_lot, struct err *err)
{
	struct effects effects;
	int rc = person_account(env, person, seat, err);

	*ret_earned = 0;
	*ret_lot = LEDGER_NEVER;
	if (rc == 0)
		rc = ask_script(env, person, seat, seat->programme, seat->enrolment.arm, basket,
			&effects, err);
	if (rc > 0)
		return refuse_script(seat, story, err);
	for (size_t i = 0; i < effects.count && rc == 0; i++) {
		const struct effect *e = &effects.list[i];
		if (e->type == EFFECT_MESSAGE) {
			rc = tell(person, seat, e, story, err);
			continue;
		}
		*ret_lot = lot_of(env, basket->at, e->expires_days);
		*ret_earned += e->amount;
		rc = earn(env, seat, e->amount, *ret_lot, ref, story, err);
	}
	return rc;
}

/* ---- what is due ---- */

static struct reward *find_due(struct person *person, id_t64 programme)
{
	for (size_t i = 0; i < person->reward_count; i++)
		if (person->rewards[i].programme == programme && reward_is_due(&person->rewards[i]))
			return &person->rewards[i];
	return NULL;
}

static int offer_again(struct visit_env *env, struct reward *reward, struct err *err)
{
	if (reward->state == REWARD_OFFERED)
		return 0;
	reward->state = REWARD_OFFERED;
	reward->changed_at = env->now;
	reward->device = 0;
	reward->hold_until = 0;
	return reward_save(env->tx, reward, err);
}

static int offer_new(struct visit_env *env, struct person *person, struct seat *seat,
	const struct offer *offer, struct reward **ret, struct err *err)
{
	struct reward *reward;

	if (unexpected(person->reward_count == person->reward_max))
		return err_set(err, ERR_INTERNAL, "more rewards than programmes");
	reward = &person->rewards[person->reward_count++];
	*reward = (struct reward) {
		.id = id_new(id_bucket(person->member.id), env->now, visit_random(env)),
		.merchant = person->member.merchant,
		.member = person->member.id,
		.programme = seat->programme->id,
		.version = seat->programme->version,
		.arm = seat->enrolment.arm,
		.state = REWARD_OFFERED,
		.code = offer->code,
		.cost = offer->cost,
		.offered_at = env->now,
		.changed_at = env->now,
	};
	*ret = reward;
	return reward_add(env->tx, reward, err);
}

/* 0 due, 1 not. */
static int ask_due(struct visit_env *env, struct person *person, struct seat *seat,
	struct offer *ret, struct err *err)
{
	struct host_programme *in_host;
	struct standing standing;
	int rc = programme_in_host(seat->programme, seat->enrolment.arm, env->host, &in_host, err);

	person_standing(env, person, seat, &standing);
	if (rc == 0)
		rc = host_due(env->host, in_host, &standing, env->arena, ret, err);
	if (rc == ERR_SCRIPT) {
		env->script_faults++;
		return 1;
	}
	if (rc == 0 && ret->cost > standing.available)
		return 1;
	return rc;
}

int settle_due(struct visit_env *env, struct person *person, struct seat *seat, struct story *story,
	struct err *err)
{
	struct offer offer;
	struct reward *reward;
	int rc = ask_due(env, person, seat, &offer, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = person_rewards(env, person, err);
	if (rc < 0)
		return rc;
	reward = find_due(person, seat->programme->id);
	if (reward && reward->cost <= ledger_available(ledger_standing(seat->account)))
		rc = offer_again(env, reward, err);
	else if (!reward)
		rc = offer_new(env, person, seat, &offer, &reward, err);
	else
		return 0;
	if (rc != 0)
		return rc;
	struct happened due = { .type = HAPPENED_OFFER,
		.programme = seat->programme,
		.reward = reward->id,
		.text = texts_pick(&offer.name, person->language, STR("en")) };
	return story_add(story, &due, err);
}

/* ---- sales ---- */

int settle_sale(struct visit_env *env, struct person *person, id_t64 shop,
	const struct basket *basket, id_t64 sale, struct settlement *ret, struct story *story,
	struct err *err)
{
	struct ledger_ref ref = { .kind = LEDGER_REF_SALE, .id = sale, .effective_at = basket->at };
	int rc = person_join_auto(env, person, shop, basket->at, story, err);

	if (rc == 0)
		rc = settlement_init(ret, env->arena,
			(size_t)num_min((int64_t)person->seat_count, SETTLED_MAX), err);
	for (size_t i = 0; i < person->seat_count && rc == 0; i++) {
		struct seat *seat = &person->seats[i];
		struct settled settled;
		if (seat->enrolment.state != ENROLMENT_JOINED || !seat->programme ||
			!programme_runs(seat->programme, shop, basket->at))
			continue;
		settled = (struct settled) { .programme = seat->programme->id,
			.version = seat->programme->version,
			.arm = seat->enrolment.arm };
		rc = settle_effects(env, person, seat, basket, &ref, story, &settled.earned,
			&settled.lot, err);
		if (rc == 0 && settled.earned > 0 && ret->count < ret->max)
			ret->list[ret->count++] = settled;
		if (rc == 0)
			rc = settle_due(env, person, seat, story, err);
	}
	return rc;
}

/* ---- returns ---- */

/* What the version that settled a sale gives for the rest of its basket. */
static int earned_by_rest(struct visit_env *env, struct person *person, struct seat *seat,
	const struct settled *settled, const struct basket *rest, int64_t *ret, struct err *err)
{
	const struct programme *version =
		catalogue_version(env->catalogue, settled->programme, settled->version);
	struct effects effects;
	int rc;

	*ret = 0;
	if (!version) /* another server made it a moment ago: this one has not heard of it yet */
		return err_set(err, ERR_BUSY, "a programme's version is not known here yet");
	if (!rest || rest->count == 0)
		return 0;
	rc = ask_script(env, person, seat, version, settled->arm, rest, &effects, err);
	if (rc != 0) /* a script that fails now must not take points away: as if nothing had changed
		      */
		return rc < 0 ? rc : (*ret = settled->earned, 0);
	for (size_t i = 0; i < effects.count; i++)
		if (effects.list[i].type == EFFECT_EARN)
			*ret += effects.list[i].amount;
	return 0;
}

/* Offered rewards that the points no longer carry are withdrawn. */
static int withdraw(struct visit_env *env, struct person *person, struct seat *seat,
	struct err *err)
{
	int64_t available = ledger_available(ledger_standing(seat->account));
	int rc = person_rewards(env, person, err);

	for (size_t i = 0; i < person->reward_count && rc == 0; i++) {
		struct reward *reward = &person->rewards[i];
		if (reward->programme != seat->enrolment.programme || !reward_is_due(reward) ||
			reward->cost <= available)
			continue;
		reward->state = REWARD_REVERSED;
		reward->changed_at = env->now;
		rc = reward_save(env->tx, reward, err);
	}
	return rc;
}

static int claw(struct visit_env *env, struct person *person, struct seat *seat,
	const struct settled *settled, int64_t amount, const struct ledger_ref *ref,
	struct story *story, struct err *err)
{
	static const enum ledger_policy policies[] = { [POLICY_DEBT] = LEDGER_DEBT,
		[POLICY_FORGIVE] = LEDGER_FORGIVE,
		[POLICY_NEGATIVE] = LEDGER_NEGATIVE };
	const struct programme *version =
		catalogue_version(env->catalogue, settled->programme, settled->version);
	struct ledger_env ledger = visit_ledger(env);
	struct ledger_clawed clawed;
	int rc = ledger_claw(&ledger, seat->account, amount, settled->lot,
		version ? policies[version->policy] : LEDGER_DEBT, ref, &clawed, err);

	if (rc != 0)
		return rc;
	struct happened back = { .type = HAPPENED_CLAWED_BACK,
		.programme = seat->programme ? seat->programme : version,
		.counts = true,
		.amount = amount,
		.owed = clawed.owed,
		.balance = ledger_standing(seat->account)->balance };
	rc = back.programme ? story_add(story, &back, err) : 0;
	return rc < 0 ? rc : withdraw(env, person, seat, err);
}

int settle_return(struct visit_env *env, struct person *person, const struct basket *rest,
	const struct ledger_ref *ref, struct settlement *settlement, struct story *story,
	struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < settlement->count && rc == 0; i++) {
		struct settled *settled = &settlement->list[i];
		struct seat *seat = person_seat(person, settled->programme);
		int64_t earned;
		if (unexpected(!seat))
			return err_set(err, ERR_BROKEN, "a sale earned where nobody is enrolled");
		rc = person_account(env, person, seat, err);
		if (rc == 0)
			rc = earned_by_rest(env, person, seat, settled, rest, &earned, err);
		if (rc == 0 && earned < settled->earned) {
			rc = claw(env, person, seat, settled, settled->earned - earned, ref, story,
				err);
			settled->earned = earned;
		}
	}
	return rc;
}

int settle_again(struct visit_env *env, struct person *person, const struct basket *rest,
	struct settlement *settlement, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < settlement->count && rc == 0; i++) {
		struct seat *seat = person_seat(person, settlement->list[i].programme);
		if (unexpected(!seat))
			return err_set(err, ERR_BROKEN, "a sale earned where nobody is enrolled");
		rc = person_account(env, person, seat, err);
		if (rc == 0)
			rc = earned_by_rest(env, person, seat, &settlement->list[i], rest,
				&settlement->list[i].earned, err);
	}
	return rc;
}
