/* SPDX-License-Identifier: Apache-2.0 */
/* The person at the till: the member, their enrolments (seats), accounts and open rewards, read
 * once a unit and written once. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "visit/visit_impl.h"

/* Room for what somebody may join in one unit by saying ja, beside all that join by themselves. */
#define SEATS_MORE 4

struct ledger_env visit_ledger(const struct visit_env *env)
{
	return (struct ledger_env) { .tx = env->tx,
		.seal = &env->keys->seal,
		.now = env->now,
		.arena = env->arena };
}

/* Ids made in one unit share bucket and millisecond: they count up from a random start. */
uint32_t visit_random(struct visit_env *env)
{
	if (env->ids == 0)
		env->ids_from = clock_random32(env->clock);
	return env->ids_from + env->ids++;
}

struct str visit_language(const struct visit_env *env, struct str card, struct str member)
{
	const struct merchant *merchant = env->access->merchant;

	if (card.len)
		return card;
	if (member.len)
		return member;
	return merchant->language_count ? merchant->languages[0] : STR("en");
}

static int make_seats(struct visit_env *env, struct person *person, const struct enrolment *list,
	size_t count, struct err *err)
{
	size_t autos;

	(void)catalogue_auto(env->catalogue, env->access->merchant->id, &autos);
	person->seat_max = count + autos + SEATS_MORE;
	person->seats = arena_array(env->arena, person->seat_max, sizeof(*person->seats));
	if (!person->seats)
		return err_set(err, ERR_NO_MEMORY, "no memory for a member");
	for (size_t i = 0; i < count; i++)
		person->seats[person->seat_count++] = (struct seat) {
			.enrolment = list[i],
			.was_there = true,
			.programme = catalogue_find(env->catalogue, list[i].programme),
		};
	return 0;
}

/* What is asked of a member, all of it before the first row is read: on PostgreSQL it is one round
 * trip. */
struct asked {
	struct store_rows *member, *enrolments, *accounts;
};

static int ask(struct visit_env *env, id_t64 member, struct asked *ret, struct err *err)
{
	struct ledger_env ledger = visit_ledger(env);
	int rc = member_ask(env->tx, member, &ret->member, err);

	if (rc == 0)
		rc = enrolment_ask(env->tx, member, &ret->enrolments, err);
	return rc != 0 ? rc : ledger_ask_all(&ledger, member, &ret->accounts, err);
}

static int take(struct visit_env *env, id_t64 member, const struct asked *asked,
	struct person *person, struct err *err)
{
	struct ledger_env ledger = visit_ledger(env);
	struct enrolment *enrolments;
	size_t count;
	int rc = member_take(asked->member, env->access->merchant->id, member, env->arena,
		&person->member, err);

	if (rc != 0)
		return rc;
	rc = enrolment_take(asked->enrolments, member, env->arena, &enrolments, &count, err);
	if (rc == 0)
		rc = make_seats(env, person, enrolments, count, err);
	return rc != 0 ? rc
		       : ledger_take_all(&ledger, member, asked->accounts, &person->accounts,
				 &person->account_count, err);
}

int person_load(struct visit_env *env, id_t64 member, struct str language, struct person **ret,
	struct err *err)
{
	struct person *person = arena_make(env->arena, struct person);
	struct asked asked = { NULL, NULL, NULL };
	int rc;

	if (!person)
		return err_set(err, ERR_NO_MEMORY, "no memory for a member");
	rc = store_home(env->tx, id_bucket(member));
	if (rc == 0)
		rc = ask(env, member, &asked, err);
	if (rc == 0)
		rc = take(env, member, &asked, person, err);
	store_rows_done(&asked.accounts);
	store_rows_done(&asked.enrolments);
	store_rows_done(&asked.member);
	if (rc != 0)
		return rc;
	person->language = visit_language(env, language, person->member.language);
	*ret = person;
	return 0;
}

int person_trial(struct visit_env *env, struct person **ret, struct err *err)
{
	struct person *person = arena_make(env->arena, struct person);

	if (!person)
		return err_set(err, ERR_NO_MEMORY, "no memory for a trial");
	person->member.id = id_new(0, env->now, visit_random(env));
	person->member.merchant = env->access->merchant->id;
	person->language = visit_language(env, STR(""), STR(""));
	person->rewards_read = true;
	*ret = person;
	return make_seats(env, person, NULL, 0, err);
}

int person_make(struct visit_env *env, const struct identifier *identifiers, size_t count,
	bool handed_out, struct str language, struct person **ret, struct err *err)
{
	struct person *person = arena_make(env->arena, struct person);
	id_t64 merchant = env->access->merchant->id;
	int rc = person ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for a member");

	for (size_t i = 0; i < count && rc == 0; i++) {
		if (handed_out && !identifier_handed_out(identifiers[i].kind))
			continue;
		if (person->member.id == 0)
			person->member.id = id_new(identifier_bucket(&identifiers[i]), env->now,
				visit_random(env));
		rc = member_add_identifier(env->tx, merchant, person->member.id, &identifiers[i],
			env->now, err);
	}
	if (rc != 0)
		return rc;
	require(person->member.id != 0);
	person->member.merchant = merchant;
	person->member.language = visit_language(env, language, STR(""));
	person->member.created_at = env->now;
	person->language = person->member.language;
	person->rewards_read = true;
	rc = member_add(env->tx, &person->member, err);
	if (rc == 0)
		rc = make_seats(env, person, NULL, 0, err);
	*ret = person;
	return rc;
}

struct seat *person_seat(struct person *person, id_t64 programme)
{
	for (size_t i = 0; i < person->seat_count; i++)
		if (person->seats[i].enrolment.programme == programme)
			return &person->seats[i];
	return NULL;
}

static int take_seat(struct person *person, const struct programme *programme, struct seat **ret,
	struct err *err)
{
	struct seat *seat = person_seat(person, programme->id);

	if (!seat) {
		if (person->seat_count == person->seat_max)
			return err_set(err, ERR_INVALID, "too many programmes joined at once");
		seat = &person->seats[person->seat_count++];
		seat->enrolment.member = person->member.id;
		seat->enrolment.programme = programme->id;
		seat->programme = programme;
	}
	seat->changed = true;
	*ret = seat;
	return 0;
}

int person_join(struct visit_env *env, struct person *person, const struct programme *programme,
	struct story *story, struct seat **ret, struct err *err)
{
	struct happened joined = { .type = HAPPENED_JOINED, .programme = programme };
	int rc = take_seat(person, programme, ret, err);

	if (rc < 0)
		return rc;
	(*ret)->enrolment.state = ENROLMENT_JOINED;
	(*ret)->enrolment.arm = programme_arm(programme, &env->keys->arm, person->member.id);
	(*ret)->enrolment.since = env->now;
	(*ret)->joined_day[0] = '\0';
	(*ret)->enrolment.ask_after = 0;
	return story_add(story, &joined, err);
}

int person_decline(struct visit_env *env, struct person *person, const struct programme *programme,
	struct err *err)
{
	struct seat *seat = person_seat(person, programme->id);
	int rc;

	if (seat && seat->enrolment.state == ENROLMENT_JOINED)
		return 0;
	rc = take_seat(person, programme, &seat, err);
	if (rc < 0)
		return rc;
	seat->enrolment.state = ENROLMENT_DECLINED;
	seat->enrolment.since = env->now;
	seat->enrolment.ask_after = env->now + VISIT_ASK_AGAIN;
	return 0;
}

int person_join_auto(struct visit_env *env, struct person *person, id_t64 shop, int64_t at,
	struct story *story, struct err *err)
{
	size_t count;
	const struct programme *const *list =
		catalogue_auto(env->catalogue, env->access->merchant->id, &count);
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		struct seat *seat = person_seat(person, list[i]->id);
		if (!programme_runs(list[i], shop, at))
			continue;
		if (seat) /* in it, left it, or said nee: that stands */
			continue;
		rc = person_join(env, person, list[i], story, &seat, err);
	}
	return rc;
}

bool visit_any_auto(const struct visit_env *env, id_t64 shop, int64_t at)
{
	size_t count;
	const struct programme *const *list =
		catalogue_auto(env->catalogue, env->access->merchant->id, &count);

	for (size_t i = 0; i < count; i++)
		if (programme_runs(list[i], shop, at))
			return true;
	return false;
}

int person_account(struct visit_env *env, struct person *person, struct seat *seat, struct err *err)
{
	struct ledger_env ledger = visit_ledger(env);
	int rc;

	if (seat->account)
		return 0;
	rc = ledger_pick(&ledger, person->member.id, seat->enrolment.programme, person->accounts,
		person->account_count, &seat->account, err);
	return rc < 0 ? rc : person_expire(env, seat, err);
}

int person_expire(struct visit_env *env, struct seat *seat, struct err *err)
{
	struct ledger_env ledger = visit_ledger(env);
	int64_t expired = 0;
	int rc = ledger_expire(&ledger, seat->account, &expired, err);

	seat->expired += rc == 0 ? expired : 0;
	return rc;
}

int person_tell_expired(struct person *person, struct story *story, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < person->seat_count && rc == 0; i++) {
		struct seat *seat = &person->seats[i];
		struct happened expired = { .type = HAPPENED_EXPIRED,
			.programme = seat->programme,
			.counts = true,
			.amount = seat->expired };
		if (seat->expired == 0 || !seat->programme)
			continue;
		expired.balance = ledger_standing(seat->account)->balance;
		seat->expired = 0;
		rc = story_add(story, &expired, err);
	}
	return rc;
}

static void write_joined(const struct visit_env *env, struct seat *seat)
{
	struct date day =
		zone_local(env->access->merchant->zone, seat->enrolment.since, NULL, NULL);

	snprintf(seat->joined_day, sizeof(seat->joined_day), "%04u-%02u-%02u",
		(unsigned)day.year % 10000, (unsigned)day.month % 100, (unsigned)day.day % 100);
}

void person_standing(const struct visit_env *env, const struct person *person, struct seat *seat,
	struct standing *ret)
{
	const struct ledger_standing *s = ledger_standing(seat->account);

	*ret = (struct standing) { .balance = s->balance,
		.available = ledger_available(s),
		.held = s->held,
		.debt = s->debt,
		.entries = s->entries,
		.language = person->language };
	if (seat->enrolment.since && !seat->joined_day[0])
		write_joined(env, seat);
	memcpy(ret->joined_day, seat->joined_day, sizeof(ret->joined_day));
}

int person_rewards(struct visit_env *env, struct person *person, struct err *err)
{
	struct reward *open;
	size_t count;
	int rc;

	if (!person->rewards_read) {
		rc = reward_open(env->tx, person->member.id, env->arena, &open, &count, err);
		if (rc < 0)
			return rc;
	} else if (person->rewards) {
		return 0;
	} else {
		count = 0;
	}
	person->rewards_read = true;
	person->reward_max = count + person->seat_max;
	person->rewards = arena_array(env->arena, person->reward_max, sizeof(*person->rewards));
	if (!person->rewards)
		return err_set(err, ERR_NO_MEMORY, "no memory for rewards");
	if (count)
		memcpy(person->rewards, open, count * sizeof(*open));
	person->reward_count = count;
	return 0;
}

int person_save(struct visit_env *env, struct person *person, struct err *err)
{
	struct ledger_env ledger = visit_ledger(env);
	int rc = 0;

	for (size_t i = 0; i < person->seat_count && rc == 0; i++) {
		struct seat *seat = &person->seats[i];
		if (seat->changed)
			rc = enrolment_put(env->tx, &seat->enrolment, seat->was_there, err);
		if (rc == 0 && seat->account)
			rc = ledger_save(&ledger, seat->account, err);
	}
	return rc;
}

int person_json(struct visit_env *env, struct person *person, struct json_out *out,
	const char *name, struct err *err)
{
	char id[ID_TEXT_MAX];

	if (!person) {
		json_out_null(out, name);
		return 0;
	}
	json_out_object(out, name);
	json_out_cstr(out, "id", id_text(person->member.id, "m", id));
	json_out_text(out, "language", person->member.language);
	json_out_array(out, "enrolments");
	for (size_t i = 0; i < person->seat_count; i++) {
		struct seat *seat = &person->seats[i];
		if (seat->enrolment.state != ENROLMENT_JOINED || !seat->programme)
			continue;
		int rc = person_account(env, person, seat, err);
		if (rc < 0)
			return rc;
		json_out_object(out, NULL);
		json_out_text(out, "programme", seat->programme->code);
		json_out_int(out, "balance", ledger_standing(seat->account)->balance);
		json_out_text(out, "unit", seat->programme->unit);
		json_out_object_end(out);
	}
	json_out_array_end(out);
	json_out_object_end(out);
	return 0;
}
