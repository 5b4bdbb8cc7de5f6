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

/* What a hook gives for a basket. 1: the script failed, which is counted. */
static int ask_script(struct visit_env *env, const struct programme *programme, int32_t arm,
	const struct basket *basket, const struct standing *standing, struct effects *ret,
	struct err *err)
{
	struct host_programme *in_host;
	int rc = programme_in_host(programme, arm, env->host, &in_host, err);

	*ret = (struct effects) { 0 };
	if (rc == 0)
		rc = host_sale(env->host, in_host, basket, standing, env->arena, ret, err);
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

static int apply(struct visit_env *env, struct person *person, struct seat *seat,
	const struct effect *effect, int64_t at, const struct ledger_ref *ref, struct story *story,
	struct settled *settled, struct err *err)
{
	struct settled_lot *lot = &settled->lots[settled->lot_count];

	if (effect->type == EFFECT_MESSAGE)
		return tell(person, seat, effect, story, err);
	*lot = (struct settled_lot) { effect->amount, lot_of(env, at, effect->expires_days) };
	settled->lot_count++;
	return earn(env, seat, lot->amount, lot->lot, ref, story, err);
}

int settle_effects(struct visit_env *env, struct person *person, struct seat *seat,
	const struct basket *basket, const struct ledger_ref *ref, struct story *story,
	struct settled *ret, struct err *err)
{
	struct effects effects;
	int rc = person_account(env, person, seat, err);

	if (rc < 0)
		return rc;
	*ret = (struct settled) { .programme = seat->programme->id,
		.version = seat->programme->version,
		.arm = seat->enrolment.arm };
	person_standing(env, person, seat, &ret->seen);
	rc = ask_script(env, seat->programme, ret->arm, basket, &ret->seen, &effects, err);
	if (rc > 0)
		return refuse_script(seat, story, err);
	if (rc == 0 && effects.count) {
		ret->lots = arena_array(env->arena, effects.count, sizeof(*ret->lots));
		if (!ret->lots)
			return err_set(err, ERR_NO_MEMORY, "no memory for a settlement");
	}
	for (size_t i = 0; i < effects.count && rc == 0; i++)
		rc = apply(env, person, seat, &effects.list[i], basket->at, ref, story, ret, err);
	/* of a sale that comes late, points whose time is over already */
	return rc != 0 ? rc : person_expire(env, seat, err);
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

int reward_withdraw(struct visit_env *env, struct reward *rewards, size_t count, id_t64 programme,
	int64_t available, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		struct reward *reward = &rewards[i];
		if (reward->programme != programme || !reward_is_due(reward) ||
			reward->cost <= available)
			continue;
		reward->state = REWARD_REVERSED;
		reward->changed_at = env->now;
		rc = reward_save(env->tx, reward, err);
	}
	return rc;
}

static int withdraw(struct visit_env *env, struct person *person, struct seat *seat,
	struct err *err)
{
	int rc = person_rewards(env, person, err);

	if (rc < 0)
		return rc;
	return reward_withdraw(env, person->rewards, person->reward_count,
		seat->enrolment.programme, ledger_available(ledger_standing(seat->account)), err);
}

static int tell_offer(struct seat *seat, struct person *person, const struct reward *reward,
	const struct texts *name, struct story *story, struct err *err)
{
	struct happened due = { .type = HAPPENED_OFFER,
		.programme = seat->programme,
		.reward = reward->id,
		.text = texts_pick(name, person->language, STR("en")) };

	return story_add(story, &due, err);
}

/* Outcome: no reward waits that the points still carry. */
#define NONE_WAITS 31

/* A reward that waits is offered as it was, whatever the programme says by now. */
static int offer_waiting(struct visit_env *env, struct person *person, struct seat *seat,
	struct story *story, struct err *err)
{
	struct texts name;
	struct reward *reward;
	int rc = withdraw(env, person, seat, err);

	if (rc != 0)
		return rc;
	reward = find_due(person, seat->programme->id);
	if (!reward)
		return NONE_WAITS;
	rc = offer_again(env, reward, err);
	if (rc == 0)
		rc = visit_reward_name(env, reward, &name, err);
	return rc != 0 ? rc : tell_offer(seat, person, reward, &name, story, err);
}

/* The script is asked first where nobody has read the rewards yet: nearly always nothing is due,
 * and a sale saves the reading. What waits under older terms is then offered at the next touch. */
int settle_due(struct visit_env *env, struct person *person, struct seat *seat, struct story *story,
	struct err *err)
{
	struct offer offer;
	struct reward *reward = NULL;
	bool looked = person->rewards_read;
	int rc = looked ? offer_waiting(env, person, seat, story, err) : NONE_WAITS;

	if (rc != NONE_WAITS)
		return rc;
	rc = ask_due(env, person, seat, &offer, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = looked ? NONE_WAITS : offer_waiting(env, person, seat, story, err);
	if (rc != NONE_WAITS)
		return rc;
	rc = offer_new(env, person, seat, &offer, &reward, err);
	return rc != 0 ? rc : tell_offer(seat, person, reward, &offer.name, story, err);
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
		struct settled *settled = &ret->list[ret->count];
		if (ret->count == ret->max || seat->enrolment.state != ENROLMENT_JOINED ||
			!seat->programme || !programme_runs(seat->programme, shop, basket->at))
			continue;
		rc = settle_effects(env, person, seat, basket, &ref, story, settled, err);
		ret->count += rc == 0 && settled->lot_count > 0;
		if (rc == 0)
			rc = settle_due(env, person, seat, story, err);
	}
	return rc != 0 ? rc : person_tell_expired(person, story, err);
}

/* ---- returns ---- */

static int version_of(struct visit_env *env, const struct settled *settled,
	const struct programme **ret, struct err *err)
{
	int rc = programme_version(env->catalogue, env->tx, settled->programme, settled->version,
		env->arena, ret, err);

	return rc > 0
		? err_set(err, ERR_BROKEN, "a sale was settled by a version that is not there")
		: rc;
}

static int64_t earned_into(const struct visit_env *env, const struct effects *effects, int64_t at,
	int64_t lot)
{
	int64_t sum = 0;

	for (size_t i = 0; i < effects->count; i++)
		if (effects->list[i].type == EFFECT_EARN &&
			lot_of(env, at, effects->list[i].expires_days) == lot)
			sum += effects->list[i].amount;
	return sum;
}

/* Lowers what is settled to what the version that settled it gives for the rest, lot by lot, and
 * never raises it: ret[i] is what goes from lot i. A script that fails now takes nothing away. */
static int lower(struct visit_env *env, const struct programme *version, struct settled *settled,
	const struct basket *rest, int64_t ret[EFFECTS_MAX], struct err *err)
{
	struct effects effects = { 0 };
	int rc = 0;

	if (rest && rest->count)
		rc = ask_script(env, version, settled->arm, rest, &settled->seen, &effects, err);
	for (size_t i = 0; i < settled->lot_count; i++) {
		struct settled_lot *lot = &settled->lots[i];
		int64_t earned = rc == 0 ? earned_into(env, &effects, rest ? rest->at : 0, lot->lot)
					 : lot->amount;
		ret[i] = earned < lot->amount ? lot->amount - earned : 0;
		lot->amount -= ret[i];
	}
	return rc < 0 ? rc : 0;
}

static int claw(struct visit_env *env, struct person *person, struct seat *seat,
	const struct programme *version, int32_t arm, const struct settled_lot *from,
	int64_t amount, const struct ledger_ref *ref, struct story *story, struct err *err)
{
	static const enum ledger_policy policies[] = { [POLICY_DEBT] = LEDGER_DEBT,
		[POLICY_FORGIVE] = LEDGER_FORGIVE,
		[POLICY_NEGATIVE] = LEDGER_NEGATIVE };
	struct ledger_env ledger = visit_ledger(env);
	struct ledger_clawed clawed;
	int rc = ledger_claw(&ledger, seat->account, amount, from->lot,
		policies[programme_arm_policy(version, arm)], ref, &clawed, err);

	if (rc != 0)
		return rc;
	struct happened back = { .type = HAPPENED_CLAWED_BACK,
		.programme = seat->programme ? seat->programme : version,
		.counts = true,
		.amount = amount,
		.owed = clawed.owed,
		.balance = ledger_standing(seat->account)->balance };
	rc = story_add(story, &back, err);
	return rc < 0 ? rc : withdraw(env, person, seat, err);
}

static int return_one(struct visit_env *env, struct person *person, const struct basket *rest,
	const struct ledger_ref *ref, struct settled *settled, struct story *story, struct err *err)
{
	struct seat *seat = person_seat(person, settled->programme);
	const struct programme *version;
	int64_t gone[EFFECTS_MAX];
	int rc;

	if (unexpected(!seat))
		return err_set(err, ERR_BROKEN, "a sale earned where nobody is enrolled");
	rc = person_account(env, person, seat, err);
	if (rc == 0)
		rc = version_of(env, settled, &version, err);
	if (rc == 0)
		rc = lower(env, version, settled, rest, gone, err);
	for (size_t i = 0; i < settled->lot_count && rc == 0; i++)
		if (gone[i] > 0)
			rc = claw(env, person, seat, version, settled->arm, &settled->lots[i],
				gone[i], ref, story, err);
	return rc;
}

int settle_return(struct visit_env *env, struct person *person, const struct basket *rest,
	const struct ledger_ref *ref, struct settlement *settlement, struct story *story,
	struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < settlement->count && rc == 0; i++)
		rc = return_one(env, person, rest, ref, &settlement->list[i], story, err);
	return rc != 0 ? rc : person_tell_expired(person, story, err);
}

int settle_again(struct visit_env *env, const struct basket *rest, struct settlement *settlement,
	struct err *err)
{
	int64_t gone[EFFECTS_MAX];
	int rc = 0;

	for (size_t i = 0; i < settlement->count && rc == 0; i++) {
		const struct programme *version;
		rc = version_of(env, &settlement->list[i], &version, err);
		if (rc == 0)
			rc = lower(env, version, &settlement->list[i], rest, gone, err);
	}
	return rc;
}
