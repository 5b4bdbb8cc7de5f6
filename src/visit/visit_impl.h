/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this room: the person at the till with everything that is read about them,
 * and what happened, in order, until it is written as JSON. */
#ifndef VISIT_VISIT_IMPL_H
#define VISIT_VISIT_IMPL_H

#include "codec/json_write.h"
#include "ledger/ledger.h"
#include "store/claim.h"
#include "visit/visit.h"
#include "visit/visit_sql.h"

/* ---- what happened ---- */

enum happened_type {
#define HAPPENED(code, word) HAPPENED_##code,
#include "visit/happened.def"
#undef HAPPENED
};
struct happened {
	enum happened_type type;
	const struct programme *programme; /* NULL: none in particular */
	bool counts;                       /* amount, balance and unit are shown */
	int64_t amount, balance, owed;
	id_t64 reward;
	struct str text; /* a reward's name, a message, a reason */
	enum effect_for who;
};
#define HAPPENED_MAX 65536
struct story {
	struct arena *arena;
	struct happened *list;
	size_t count, max;
};
int story_init(const struct visit_env *env, struct story *story, struct err *err) must_check;
int story_add(struct story *story, const struct happened *happened, struct err *err) must_check;
void story_json(const struct story *story, struct json_out *out, const char *name);
size_t story_count(const struct story *story, enum happened_type type);

/* ---- the person ---- */

/* One enrolment with its account, opened when it is needed. */
struct seat {
	struct enrolment enrolment;
	bool was_there; /* in the store before this unit */
	bool changed;
	char joined_day[12]; /* as scripts see it; "" until it was asked for */
	int64_t expired;     /* what this unit found past its time, and has not told yet */
	const struct programme *programme; /* newest version; NULL if it is gone */
	struct ledger_account *account;
	struct host_programme *in_host;
};
struct person {
	struct member member;
	struct str language; /* to speak to them in */
	struct seat *seats;
	size_t seat_count, seat_max;
	struct ledger_account **accounts;
	size_t account_count;
	struct reward *rewards; /* open ones */
	size_t reward_count, reward_max;
	bool rewards_read;
};

struct ledger_env visit_ledger(const struct visit_env *env);
uint32_t visit_random(struct visit_env *env);
/* Outcome: no such member at this merchant. */
#define PERSON_NONE 1
/* Everything that is read about a member, before anything is written. 0, PERSON_NONE, or
 * STORE_ELSEWHERE: the unit belongs to the member's own teller. language: the card's, may be empty.
 */
int person_load(struct visit_env *env, id_t64 member, struct str language, struct person **ret,
	struct err *err) must_check;
/* Makes a member of the identifiers (those only that were handed out, if `handed_out`). */
int person_make(struct visit_env *env, const struct identifier *identifiers, size_t count,
	bool handed_out, struct str language, struct person **ret, struct err *err) must_check;
/* A made-up one for a trial: nothing is written. */
int person_trial(struct visit_env *env, struct person **ret, struct err *err) must_check;
struct seat *person_seat(struct person *person, id_t64 programme);
/* Enrols; says so in the story. */
int person_join(struct visit_env *env, struct person *person, const struct programme *programme,
	struct story *story, struct seat **ret, struct err *err) must_check;
int person_decline(struct visit_env *env, struct person *person, const struct programme *programme,
	struct err *err) must_check;
/* Those that join by themselves and run here now. */
int person_join_auto(struct visit_env *env, struct person *person, id_t64 shop, int64_t at,
	struct story *story, struct err *err) must_check;
/* Does any programme of the merchant join by itself here and now? */
bool visit_any_auto(const struct visit_env *env, id_t64 shop, int64_t at);
/* The account behind a seat, with expired points already posted. */
int person_account(struct visit_env *env, struct person *person, struct seat *seat,
	struct err *err) must_check;
/* Posts what has expired; opened seats only. */
int person_expire(struct visit_env *env, struct seat *seat, struct err *err) must_check;
/* Says in the story what expired in this unit. */
int person_tell_expired(struct person *person, struct story *story, struct err *err) must_check;
void person_standing(const struct visit_env *env, const struct person *person, struct seat *seat,
	struct standing *ret);
int person_rewards(struct visit_env *env, struct person *person, struct err *err) must_check;
/* Writes enrolments and balances. */
int person_save(struct visit_env *env, struct person *person, struct err *err) must_check;
/* {id, language, enrolments:[...]}, or null for NULL. */
int person_json(struct visit_env *env, struct person *person, struct json_out *out,
	const char *name, struct err *err) must_check;
/* The language to speak: the card's, the member's, the merchant's first. */
struct str visit_language(const struct visit_env *env, struct str card, struct str member);

/* ---- settling ---- */

/* What a sale earned in one programme: kept beside the sale, so that a return can be compared with
 * it. */
struct settled_lot {
	int64_t amount; /* still: falls with returns */
	int64_t lot;    /* when it expires; LEDGER_NEVER */
};
struct settled {
	id_t64 programme;
	int32_t version, arm;
	struct standing seen; /* by the script, when it looked at the whole basket */
	struct settled_lot *lots;
	size_t lot_count; /* at most EFFECTS_MAX */
};
#define SETTLED_MAX 512
struct settlement {
	struct settled *list; /* in the arena */
	size_t count, max;
};
/* The sum of its lots. */
int64_t settled_total(const struct settled *settled);
int settlement_init(struct settlement *settlement, struct arena *arena, size_t max,
	struct err *err) must_check;
int settlement_pack(const struct settlement *settlement, struct arena *arena, struct str *ret,
	struct err *err) must_check;
/* ERR_BROKEN: these are no settlement. */
int settlement_read(struct str bytes, struct arena *arena, struct settlement *ret,
	struct err *err) must_check;

/* A basket as scripts see it. */
int basket_of(const struct visit_env *env, const struct receipt *receipt, int64_t at,
	struct basket *ret, struct err *err) must_check;
/* Lets every programme of the person's that runs here look at the basket; posts what they give. */
int settle_sale(struct visit_env *env, struct person *person, id_t64 shop,
	const struct basket *basket, id_t64 sale, struct settlement *ret, struct story *story,
	struct err *err) must_check;
/* After something was credited or freed: offers what is due (story), or makes it due again. */
int settle_due(struct visit_env *env, struct person *person, struct seat *seat, struct story *story,
	struct err *err) must_check;
/* Takes back what the rest of a basket would not have earned. rest NULL: nothing remains. */
int settle_return(struct visit_env *env, struct person *person, const struct basket *rest,
	const struct ledger_ref *ref, struct settlement *settlement, struct story *story,
	struct err *err) must_check;
/* Lowers a settlement to what each version gives for the rest of its basket; posts nothing. */
int settle_again(struct visit_env *env, const struct basket *rest, struct settlement *settlement,
	struct err *err) must_check;
/* Posts one programme's effects of a basket; used by trials too. */
int settle_effects(struct visit_env *env, struct person *person, struct seat *seat,
	const struct basket *basket, const struct ledger_ref *ref, struct story *story,
	struct settled *ret, struct err *err) must_check;

/* ---- what Zegel itself says ---- */

enum phrase {
	PHRASE_OFFER, /* of a reward; %.*s is its name */
	PHRASE_TWICE, /* to the cashier: two members in one */
	PHRASE_COUNT
};
struct str visit_phrase(struct str language, enum phrase phrase);

/* ---- steps ---- */

/* A list of steps for a reader, chained in their order. */
struct step_list;
int steps_new(const struct visit_env *env, struct str language, struct step_list **ret,
	struct err *err) must_check;
int steps_add_card(struct visit_env *env, struct step_list *steps, struct person *person,
	struct seat *seat, struct err *err) must_check;
int steps_add_join(struct visit_env *env, struct step_list *steps,
	const struct programme *programme, struct err *err) must_check;
int steps_add_offer(struct visit_env *env, struct step_list *steps,
	const struct programme *programme, const struct reward *reward, struct err *err) must_check;
/* The offers of a story, each for a reward of the person's. */
int steps_add_offers(struct visit_env *env, struct step_list *steps, const struct person *person,
	const struct story *story, struct err *err) must_check;
void steps_json(const struct step_list *steps, struct json_out *out, const char *name);
size_t steps_count(const struct step_list *steps);

/* ---- touches ---- */

enum touch_state { TOUCH_OPEN = 1, TOUCH_USED, TOUCH_CLEARED };
struct touch_row {
	struct key said;   /* what the caller said; blank of a touch that Zegel opened */
	struct str answer; /* packed, to be kept; not read by touch_get() */
	id_t64 merchant, device, member;
	struct str caller, language;
	int64_t touched_at;
	enum touch_state state;
	struct identifier carried[IDENTIFIERS_MAX];
	size_t carried_count;
};
/* What a touch said and was answered, as a claim: 0 found, 1 there is no such touch. */
int touch_find_claim(const struct visit_env *env, const struct key *touch, struct claim *ret,
	struct err *err) must_check;
/* 0, or 1: there is none at this merchant. */
int touch_get(const struct visit_env *env, const struct key *touch, struct touch_row *ret,
	struct err *err) must_check;
/* Whose touch it is: the member it names, or whoever has what it carried by now; NULL: nobody
 * known. */
int touch_person(struct visit_env *env, const struct touch_row *row, struct person **ret,
	struct err *err) must_check;
/* Where a device's touches wait for a sale: at its till if it is a reader beside one, else at the
 * device itself (a kiosk is reader and till in one). */
id_t64 visit_counter_of(const struct device *device);
/* The touch waits for no sale any more. */
int touch_leaves(struct visit_env *env, id_t64 device, const struct key *touch,
	struct err *err) must_check;
int touch_add(struct visit_env *env, const struct key *touch, const struct touch_row *row,
	struct err *err) must_check;

/* ---- events ---- */

/* Adds an event and remembers whom to wake. */
int visit_event(struct visit_env *env, id_t64 device, const char *type, struct str body,
	struct err *err) must_check;
/* Tells those who serve the customer at this device: its till, and the screens beside that. Who
 * acts is not told: the answer says it. */
int visit_tell_counter(struct visit_env *env, const struct device *device, const char *type,
	struct str body, struct err *err) must_check;
/* The till beside the reader learns who stands there: member_here. NULL is nobody: it learns
 * nothing. */
int visit_tell_till(struct visit_env *env, struct person *person, bool twice, struct str touch,
	struct err *err) must_check;
/* The office of the merchant is told something. */
int visit_tell_office(struct visit_env *env, const char *text, id_t64 member, id_t64 other,
	struct err *err) must_check;
/* A device beside this till that can show an offer and take its answer: a reader, else a kiosk;
 * NULL. */
const struct device *visit_reader_of(const struct visit_env *env, const struct device *till);
/* After a sale: its offers go to the reader the touch was made at; if there is none (reader NULL),
 * to one beside the till, with a touch opened for them. */
int visit_send_offers(struct visit_env *env, struct person *person, const struct device *till,
	const struct device *reader, struct str touch, struct story *story,
	struct err *err) must_check;

/* ---- rewards ---- */

/* The name of what a reward gives, by language, as it was offered. */
int visit_reward_name(const struct visit_env *env, const struct reward *reward, struct texts *ret,
	struct err *err) must_check;
/* Holds a due reward's points until now + hold_us. ERR_CONFLICT: not due, or not enough points. */
int reward_hold(struct visit_env *env, const struct ledger_env *ledger,
	struct ledger_account *account, struct reward *reward, int64_t hold_us,
	struct err *err) must_check;

/* Offered rewards of a programme that the available points no longer carry are withdrawn
 * (REVERSED). */
int reward_withdraw(struct visit_env *env, struct reward *rewards, size_t count, id_t64 programme,
	int64_t available, struct err *err) must_check;

/* ---- answers ---- */

struct writer {
	struct buf buf;
	struct json_out out;
};
void writer_init(const struct visit_env *env, struct writer *writer);
/* The finished JSON; ERR_NO_MEMORY if it did not fit. */
int writer_done(struct writer *writer, struct str *ret, struct err *err) must_check;
/* The stored answer of a claim whose content is the same; ERR_ID_REUSED if it is not. */
int visit_replay(const struct visit_env *env, const struct claim *claim, const struct key *said,
	struct str *ret_answer, struct err *err) must_check;
/* Makes the claim of an id under a thing, with its answer. */
int visit_claim(const struct visit_env *env, uint16_t bucket, const struct key *key,
	const struct key *said, struct str answer, struct err *err) must_check;

#endif
