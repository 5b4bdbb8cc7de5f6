/* SPDX-License-Identifier: Apache-2.0 */
/* Programmes: their definitions, who is enrolled, and the rewards that are due.
 *
 * A *programme* is a script, parameters and a period, under a code of the merchant's. Each PUT that
 * changes it, or that finds a newer script under its template's name, makes a new version. A
 * version is never changed again: it names the text of its script by the SHA-256 of it, and every
 * text that was ever used is kept, because a sale is looked at again, a month or five years later,
 * with what settled it. The newest versions are reference data: they live in a *catalogue*, an
 * unchanging snapshot like the directory's, loaded when the reference version has moved. Older ones
 * are read from the store when somebody asks.
 *
 * An *enrolment* is a member in a programme, in one arm of its split; a "nee" is kept as one too,
 * with the day until which it is not asked again.
 *
 * A *reward* is what a programme owes a member:
 *
 *     offered --hold--> held --give--> given --reverse--> reversed
 *        ^  ^            | |
 *        |  +--(touch)-- released        let go by hand
 *        +-----(touch)-- expired         the hold's time ran out
 *
 * released and expired rewards are still due: they may be held again while the points suffice, and
 * are offered again at the next touch. An offered one whose points went back with a return is
 * reversed. Each time it is held it has a new hold in the ledger; its points are spent when it is
 * given. */
#ifndef PROGRAMME_PROGRAMME_H
#define PROGRAMME_PROGRAMME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/str.h"
#include "codec/date.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "programme/host.h"
#include "store/store.h"

#define PROGRAMME_CODE_MAX 64
#define PROGRAMME_ARMS_MAX 16
#define PROGRAMME_SHOPS_MAX 1000
/* Running programmes of one merchant; the reason is the size of the catalogue, not the checkout's
 * cost. */
#define PROGRAMMES_MAX 5000

enum programme_state { PROGRAMME_DRAFT, PROGRAMME_RUNNING, PROGRAMME_PAUSED, PROGRAMME_ENDED };
extern const char *const programme_state_words[];

/* What a return does with points that are spent already (the ledger's policy). */
enum programme_policy { POLICY_DEBT, POLICY_FORGIVE, POLICY_NEGATIVE };

struct programme_arm {
	struct str name;
	int64_t share;     /* of the sum of all shares */
	struct str params; /* canonical JSON, as params_check() made it */
	/* Parameters that C reads, not the script. */
	enum programme_policy policy; /* after_return */
	int64_t hold_us;              /* hold_minutes */
	struct texts reward;          /* the name of the parameter "reward" */
};
/* One version of one programme. */
struct programme {
	id_t64 id;
	int32_t version;
	id_t64 merchant;
	struct str code;
	struct str script;              /* the template's name */
	const struct script_text *text; /* what it runs, for good */
	struct str unit;
	struct texts title;
	int64_t starts, ends; /* microseconds; ends INT64_MAX: no end; [starts, ends) */
	struct str starts_text, ends_text;
	const id_t64 *shops; /* none: all of the merchant's */
	size_t shop_count;
	bool joins_by_itself; /* joining "auto" */
	enum programme_state state;
	struct programme_arm arms[PROGRAMME_ARMS_MAX]; /* at least one; [0] alone has name "" */
	size_t arm_count;
	struct str definition; /* the JSON it is stored as; of what programme_read() made */
};

/* Does it run in that shop at that instant? */
bool programme_runs(const struct programme *programme, id_t64 shop, int64_t at);
/* The arm a member falls into: a keyed hash of member and programme over the shares; stable,
 * balanced, not to be guessed. */
int32_t programme_arm(const struct programme *programme, const struct secret *key, id_t64 member);
/* "" if the programme has no arms. */
struct str programme_arm_name(const struct programme *programme, int32_t arm);
/* What a return does in that arm with points that are spent, and how long a reward is held. */
enum programme_policy programme_arm_policy(const struct programme *programme, int32_t arm);
int64_t programme_arm_hold_us(const struct programme *programme, int32_t arm);
struct host_programme_key programme_host_key(const struct programme *programme, int32_t arm);
/* The programme ready in a host, which loads its script if it has not got it yet. The handle is
 * good until the next call of this with that host. */
int programme_in_host(const struct programme *programme, int32_t arm, struct host *host,
	struct host_programme **ret, struct err *err) must_check;

/* ---- definitions ---- */

/* What reading a definition needs to know of its merchant. */
struct programme_context {
	id_t64 merchant;
	const struct zone *zone;
	/* The shop with that id text at this merchant; 0 if there is none. */
	id_t64 (*shop)(void *user, struct str id);
	void *user;
};
/* Reads a PUT body, for the newest script of its template. *ret (without id, version, code) lives
 * in the arena. Faults at their pointers. */
int programme_read(const struct programme_context *context, const struct json *body,
	struct arena *arena, struct programme *ret, struct err *err) must_check;
/* Writes it as the contract shows it. */
void programme_json(const struct programme *programme, struct json_out *out, const char *name);
/* The declared parameters of a stock script, and its text; NULL if there is none of that name. */
const struct script_info *programme_script(struct str name);
const struct script_text *programme_script_text(struct str name);
size_t programme_scripts(const struct script_info *const **ret);

/* Stores the next version under that code and the text of its script, or nothing if the newest
 * version says the same and runs the same text; new_id is used if the code is new. *ret_id,
 * *ret_version: what is now in force; the caller raises the reference version. ERR_CONFLICT:
 * another template under a code that is in use; other arms once any version was more than a draft.
 */
int programme_put(struct store_tx *tx, const struct programme *programme, struct str code,
	id_t64 new_id, int64_t now, struct arena *arena, id_t64 *ret_id, int32_t *ret_version,
	struct err *err) must_check;

/* ---- the catalogue ---- */

struct catalogue;
/* Loads the newest version of each programme; what older ones there are costs next to nothing.
 * zone_of gives a merchant's time zone. What is stored was checked when it came in: it is read as
 * it stands. One that cannot be read at all is there as paused, and the log says so. */
int catalogue_load(struct store_tx *tx, const struct zone *(*zone_of)(void *user, id_t64 merchant),
	void *user, struct catalogue **ret, struct err *err) must_check;
struct catalogue *catalogue_hold(struct catalogue *catalogue);
void catalogue_release(struct catalogue **catalogue);
/* The newest version; NULL. */
const struct programme *catalogue_find(const struct catalogue *catalogue, id_t64 programme);
/* Any version: the newest from the catalogue, others from the store into the arena. Its period is
 * that of no zone, so whether an older one runs is not to be asked. 0 found; 1 there is none. */
int programme_version(const struct catalogue *catalogue, struct store_tx *tx, id_t64 programme,
	int32_t version, struct arena *arena, const struct programme **ret,
	struct err *err) must_check;
const struct programme *catalogue_code(const struct catalogue *catalogue, id_t64 merchant,
	struct str code);
/* A merchant's programmes (newest versions) in the order of their codes. */
const struct programme *const *catalogue_list(const struct catalogue *catalogue, id_t64 merchant,
	size_t *ret_count);
/* Those that join by themselves. */
const struct programme *const *catalogue_auto(const struct catalogue *catalogue, id_t64 merchant,
	size_t *ret_count);

/* ---- enrolments ---- */

enum enrolment_state { ENROLMENT_JOINED = 1, ENROLMENT_DECLINED, ENROLMENT_LEFT };
struct enrolment {
	id_t64 member, programme;
	enum enrolment_state state;
	int32_t arm;
	int64_t since;     /* joined or declined at */
	int64_t ask_after; /* declined: not asked again before */
};
/* All of a member's, in the order of programme ids; in the arena. Asking and taking are apart, so
 * that what else is asked of a member travels with it: *ret of the first is the caller's to close.
 */
int enrolment_ask(struct store_tx *tx, id_t64 member, struct store_rows **ret,
	struct err *err) must_check;
int enrolment_take(struct store_rows *rows, id_t64 member, struct arena *arena,
	struct enrolment **ret, size_t *ret_count, struct err *err) must_check;
int enrolment_list(struct store_tx *tx, id_t64 member, struct arena *arena, struct enrolment **ret,
	size_t *ret_count, struct err *err) must_check;
/* Makes it, or moves it on from a "nee". was_there: the list had it. STORE_MOVED if that is no
 * longer so. */
int enrolment_put(struct store_tx *tx, const struct enrolment *enrolment, bool was_there,
	struct err *err) must_check;

/* ---- rewards ---- */

enum reward_state {
	REWARD_OFFERED = 1,
	REWARD_HELD,
	REWARD_GIVEN,
	REWARD_RELEASED,
	REWARD_EXPIRED,
	REWARD_REVERSED
};
/* "offered", ...; index is the state. */
extern const char *const reward_state_words[];
struct reward {
	id_t64 id, merchant, member, programme;
	int32_t version, arm;
	enum reward_state state;
	struct str code; /* in the arena */
	int64_t cost;
	id_t64 hold;   /* its newest hold in the ledger; 0: never held */
	id_t64 device; /* where it was held; 0 */
	int64_t offered_at, changed_at;
	int64_t hold_until; /* held: until when */
	int64_t changes;    /* how often its row changed: the guard */
};
bool reward_is_due(const struct reward *reward); /* offered, released, expired */
int reward_add(struct store_tx *tx, const struct reward *reward, struct err *err) must_check;
/* 0 found; 1 there is none at this merchant. */
int reward_get(struct store_tx *tx, id_t64 merchant, id_t64 id, struct arena *arena,
	struct reward *ret, struct err *err) must_check;
/* Writes state, hold, device, changed_at and hold_until, guarded by `changes` as read (and counts
 * it up). */
int reward_save(struct store_tx *tx, struct reward *reward, struct err *err) must_check;
/* One due and one held in each programme there may be. */
#define REWARDS_OPEN_MAX (2 * PROGRAMMES_MAX)
/* All of a member's rewards that are not given or reversed, in the order of their ids; in the
 * arena. ERR_TOO_MANY past REWARDS_OPEN_MAX: none is ever left out. */
int reward_open(struct store_tx *tx, id_t64 member, struct arena *arena, struct reward **ret,
	size_t *ret_count, struct err *err) must_check;
/* A member's rewards, newest first; state 0: all. Starts after `after` (0: from the newest). */
int reward_list(struct store_tx *tx, id_t64 merchant, id_t64 member, enum reward_state state,
	id_t64 after, struct arena *arena, struct reward *ret, size_t max, size_t *ret_count,
	struct err *err) must_check;
/* A merchant's rewards in one state, whoever's, in the order of their ids: by bucket, so of one
 * member the oldest first, and of all in no order of time. */
int reward_list_state(struct store_tx *tx, id_t64 merchant, enum reward_state state, id_t64 after,
	struct arena *arena, struct reward *ret, size_t max, size_t *ret_count,
	struct err *err) must_check;
/* The name of what a reward of that arm gives, by language, as the version says that is given: pass
 * the one the reward was offered under (programme_version()). Lives as long as the version. */
int reward_name(const struct programme *programme, int32_t arm, struct arena *arena,
	struct texts *ret, struct err *err) must_check;

extern const struct store_room programme_room;

#endif
