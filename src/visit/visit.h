/* SPDX-License-Identifier: Apache-2.0 */
/* A visit: touch -> steps -> sale -> reward. This room joins members, ledger, receipts and
 * programmes; it decides nothing about HTTP and nothing about balances.
 *
 * Every function here is the inside of one unit: it reads, decides, then writes (store.h), may be
 * run again, and has its input ready-made (hashes, tokens, packed bytes are computed before the
 * teller's time is taken). What it answers is JSON in the arena, which is also what is stored under
 * the caller's id.
 *
 * A touch:   open --sale--> used        open --DELETE--> cleared     (older than ten minutes:
 * lapsed) A sale:    open -> open | paid | void      paid -> partly_returned -> returned      paid
 * -> void An id that was used answers the same to the same content (claims, L6), whatever happened
 * since.
 *
 * To add a kind of step or effect: happened.def and story.c; the OpenAPI document; a test. */
#ifndef VISIT_VISIT_H
#define VISIT_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/id.h"
#include "codec/json.h"
#include "member/member.h"
#include "programme/programme.h"
#include "receipt/receipt.h"
#include "shop/shop.h"
#include "store/store.h"

/* A touch counts for a sale this long, and what an unknown one carried is blanked after the second.
 */
#define VISIT_TOUCH_LAPSES (10 * CLOCK_MINUTE)
#define VISIT_TOUCH_BLANKED (15 * CLOCK_MINUTE)
/* A "nee" of a known member is not asked again for so long. */
#define VISIT_ASK_AGAIN (30 * CLOCK_DAY)
/* Questions and cards at one touch; nobody reads more. */
#define VISIT_STEPS_MAX 40
/* No answer is larger. */
#define VISIT_ANSWER_MAX (1 << 20)
/* Devices whose event streams one unit can reach. */
#define VISIT_WAKES_MAX 16

/* Keys of the installation, each for one use. */
struct visit_keys {
	struct secret claim; /* what callers' ids and contents are hashed with */
	struct secret seal;  /* the ledger's chains */
	struct secret arm;   /* which arm of a programme a member is in */
};

/* What a unit works with. The caller fills it; `wakes` is filled by the unit. now 0 is for reading:
 * nothing expires while it is looked at. */
struct visit_env {
	struct store_tx *tx;
	int64_t now;
	struct arena *arena;
	struct clock *clock; /* randomness only */
	const struct visit_keys *keys;
	const struct directory *directory;
	const struct catalogue *catalogue;
	struct host *host;
	const struct access *access;   /* who calls; its merchant is whose everything is */
	id_t64 wakes[VISIT_WAKES_MAX]; /* devices that got an event */
	size_t wake_count;
	int script_faults;
	uint32_t ids_from, ids; /* of the ids this unit made */
};

/* Keys of callers' ids and contents. */
struct key visit_id_key(const struct visit_keys *keys, const char *what, id_t64 merchant,
	struct str id);
/* For ids under a thing: the thing's own key or id goes in front. */
struct key visit_sub_key(const struct visit_keys *keys, const char *what, struct str under,
	struct str id);
struct key visit_content_key(const struct visit_keys *keys, const struct json *content);

/* ---- touches ---- */

struct visit_touch {
	struct str id; /* the caller's */
	struct key key, said;
	struct identifier identifiers[IDENTIFIERS_MAX];
	size_t identifier_count;
	struct str language; /* the card's preference; empty if none */
	int64_t at;          /* when, by the device; 0: now */
};
/* POST /v1/touches. ERR_ID_REUSED; ERR_FORBIDDEN for what is no device. *ret_answer is the reply.
 */
int visit_touch(struct visit_env *env, const struct visit_touch *touch, struct str *ret_answer,
	struct err *err) must_check;

struct visit_answer {
	struct str touch_id, id; /* the caller's */
	struct key touch, said;
	struct str step;
	struct str value; /* "yes", "no", "timeout" */
};
/* POST /v1/touches/{id}/answers. ERR_NOT_FOUND, ERR_INVALID at /step or /value, ERR_CONFLICT if the
 * touch is over or the reward is not due any more. */
int visit_answer(struct visit_env *env, const struct visit_answer *answer, struct str *ret_answer,
	struct err *err) must_check;
/* DELETE /v1/touches/{id}: forgets it, and what it carried. Repeatable. */
int visit_clear_touch(struct visit_env *env, const struct key *touch, struct str *ret_answer,
	struct err *err) must_check;

/* ---- sales ---- */

enum visit_sale_state { SALE_OPEN = 1, SALE_PAID, SALE_VOID, SALE_PARTLY_RETURNED, SALE_RETURNED };
extern const char *const visit_sale_state_words[];

/* Who a sale or an attachment says the customer is. */
struct visit_whose {
	enum { WHOSE_READER, WHOSE_NOBODY, WHOSE_TOUCH, WHOSE_IDENTIFIERS } how;
	struct str touch_id;
	struct key touch;
	struct identifier identifiers[IDENTIFIERS_MAX];
	size_t identifier_count;
};
struct visit_sale {
	struct str id;
	struct key key, said;
	enum visit_sale_state state; /* open, paid or void */
	struct receipt receipt;
	struct str packed; /* the receipt's canonical bytes, packed */
	struct visit_whose whose;
	bool dry_run;
	int64_t dry_now;        /* 0: the sale's own time */
	const char *public_url; /* goes before /r/ in the receipt's address; "" */
};
/* PUT /v1/sales/{id}. With dry_run the caller must drop the unit. */
int visit_sale(struct visit_env *env, const struct visit_sale *sale, struct str *ret_answer,
	struct err *err) must_check;
/* GET /v1/sales/{id}: as answered, with the state it is in now. 1: there is none. */
int visit_get_sale(const struct visit_env *env, struct str id, struct str *ret_answer,
	struct err *err) must_check;

/* The caller's id of a sale of ours. 0, or 1: there is none. */
int visit_sale_caller(struct store_tx *tx, id_t64 sale, struct arena *arena, struct str *ret,
	struct err *err) must_check;

struct visit_return_line {
	struct str line;
	int64_t quantity;
	int64_t amount;
	bool has_amount;
};
struct visit_return {
	struct str sale_id, id;
	struct key sale, said;
	int64_t at;
	struct visit_return_line *lines;
	size_t line_count;
};
/* POST /v1/sales/{id}/returns. ERR_INVALID at the line whose quantity or amount is more than what
 * is left. */
int visit_return(struct visit_env *env, const struct visit_return *ret, struct str *ret_answer,
	struct err *err) must_check;

struct visit_attach {
	struct str sale_id, id;
	struct key sale, said;
	struct visit_whose whose;
};
/* POST /v1/sales/{id}/attach: gives a paid sale of nobody's to its member, once. */
int visit_attach(struct visit_env *env, const struct visit_attach *attach, struct str *ret_answer,
	struct err *err) must_check;

/* The receipt behind an address. 0 found; 1 none (also while the sale is open or if it is void). */
int visit_receipt(struct store_tx *tx, const struct key *sale, struct arena *arena,
	struct receipt *ret, struct receipt_place *ret_place, struct err *err) must_check;

/* ---- rewards ---- */

enum visit_reward_act { ACT_HOLD, ACT_GIVE, ACT_RELEASE, ACT_REVERSE };
struct visit_reward {
	id_t64 reward;
	struct str id;
	struct key said;
	enum visit_reward_act act;
};
/* POST /v1/rewards/{id}/hold and so on. ERR_CONFLICT names the state it is in. */
int visit_reward(struct visit_env *env, const struct visit_reward *reward, struct str *ret_answer,
	struct err *err) must_check;
/* The job's: a hold whose time ran out. 0, also if it had ended meanwhile. */
int visit_expire_hold(struct visit_env *env, id_t64 member, id_t64 hold,
	struct err *err) must_check;
/* The job's: points whose time has come. */
int visit_expire_points(struct visit_env *env, id_t64 member, id_t64 programme,
	struct err *err) must_check;
/* The job's: blanks what unknown touches carried, at most max; sweeps. */
int visit_blank_touches(struct store_tx *tx, int64_t now, size_t max, size_t *ret_count,
	struct err *err) must_check;

/* ---- reading ---- */

/* Writes one reward as the contract shows it. */
int visit_reward_json(const struct visit_env *env, const struct reward *reward,
	struct json_out *out, const char *name, struct err *err) must_check;
/* Writes the member of GET /v1/members/{id}; 1: there is none. */
int visit_member_json(const struct visit_env *env, id_t64 member, struct json_out *out,
	const char *name, struct err *err) must_check;

/* POST /v1/programmes/{code}/dry-run: what this version would do. Changes nothing. */
struct visit_trial {
	const struct programme *programme;
	struct receipt receipt;
	id_t64 member; /* 0: a made-up one with `balance` */
	int64_t balance;
	int64_t at;
	const struct shop *shop; /* NULL: any */
};
int visit_trial(struct visit_env *env, const struct visit_trial *trial, struct str *ret_answer,
	struct err *err) must_check;

/* ---- proof ---- */

struct visit_counts {
	int64_t sales, returns, breaches;
};
/* Proves L6 and L7 over the whole store: every sale has its claim and its answer, returns do not
 * exceed their sale, what is still settled is what the programmes would give for what remains, and
 * it is what the ledger's entries add up to (sale_sums: as ledger_verify() filled them over the
 * same snapshot). */
int visit_verify(struct visit_env *env, uint64_t *sale_sums,
	void (*breach)(void *user, const char *invariant, const char *text), void *user,
	struct visit_counts *ret, struct err *err) must_check;

extern const struct store_room visit_room;

#endif
