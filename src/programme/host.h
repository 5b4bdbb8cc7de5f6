/* SPDX-License-Identifier: Apache-2.0 */
/* The script host: programmes are scripts in Lua 5.4, pure functions of what they are given (D4).
 * Lua lives in programme/host*.c alone; everybody else sees this header.
 *
 * A script is one text chunk that returns a table:
 *     api         1
 *     unit        "stamp": what is counted
 *     title, help {nl=..., fr=..., de=..., en=...}: for the office
 *     parameters  a list of {name, type, default?, required?, min?, max?, needs?, title={nl=...},
 *                 help={nl=...}}
 *                 types: "integer", "money" (minor units), "boolean", "text", "words" (list of
 *                 texts), "choice" (with choices={...}), "multipliers" (text -> hundredths: the
 *                 weight of a category), "reward" ({code, name={nl=...}})
 *     sale(basket, standing, p)  -> list of effects, or nothing
 *     due(standing, p)           -> {cost=N, reward=p.reward} when a reward is due, or nothing
 *     card(standing, p)          -> {title={...}, text={...}} for the status card, or nothing
 *     ask(p)                     -> {title={...}, text={...}} for the question to join
 * An effect is {type="earn", amount=N, expires_days=N?} or {type="message", to="customer" or
 * "cashier", text={nl=...}}. sale() is called again with what remains of a basket when lines are
 * returned: the difference is what is taken back. So what it earns must follow from the basket and
 * the parameters alone.
 *
 * What a hook says follows from what it is given and from its text alone: from basket, standing and
 * the programme's parameters, code and title. Nothing else can be seen, no earlier call, no clock,
 * no other programme, no address; so a hook that is asked again with the same says the same, on any
 * machine and after any time. `struct standing` holds all of a standing (its language is the only
 * pointer in it): kept beside a sale, it is what sale() saw then. Three things
 * have play, and docs/add/programme.md warns of them: a call close to a limit may fail at one time
 * and not at another (host_limits.c), `#` of a list with holes, and a power of floats.
 *
 * What is given: basket {total, currency, count, lines[i] {id, gtin, sku, category, description,
 * quantity (thousandths), unit_price, amount}, at, day ("2026-11-21"), weekday (1 Monday), hour};
 * standing {balance, available, held, debt, entries, joined_day, language}; p the parameters with
 * their defaults, plus p.code and p.title (the programme's own name by language). All of it is
 * read-only.
 *
 * A host is one Lua state and belongs to one thread. After a fault of a limit (time, memory, depth)
 * its state is thrown away and made anew from the sources it was given, so nothing of the fault
 * stays. */
#ifndef PROGRAMME_HOST_H
#define PROGRAMME_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/json_write.h"

/* ---- texts by language ---- */

struct local_text {
	struct str language; /* "nl" */
	struct str text;
};
struct texts {
	const struct local_text *list;
	size_t count;
};
/* The text in that language ("nl-BE" finds "nl"), else in `otherwise`, else in en, else the first;
 * empty if there is none. */
struct str texts_pick(const struct texts *texts, struct str language, struct str otherwise);

/* ---- what a script sees ---- */

struct basket_line {
	struct str id, gtin, sku, category, description;
	int64_t quantity; /* thousandths */
	int64_t unit_price, amount;
};
struct basket {
	struct str currency;
	int64_t total;
	const struct basket_line *lines;
	size_t count;
	int64_t at;   /* microseconds */
	char day[12]; /* local to the shop */
	int weekday, hour;
};
struct standing {
	int64_t balance, available, held, debt, entries;
	char joined_day[12]; /* "" if not joined yet */
	struct str language;
};

/* ---- what a script returns ---- */

enum effect_type { EFFECT_EARN, EFFECT_MESSAGE };
enum effect_for { EFFECT_FOR_CUSTOMER, EFFECT_FOR_CASHIER };
struct effect {
	enum effect_type type;
	int64_t amount;       /* EARN: 1..NUM_AMOUNT_MAX */
	int64_t expires_days; /* EARN: 0 never; the lot ends at the end of that local day */
	enum effect_for who;  /* MESSAGE */
	struct texts text;    /* MESSAGE */
};
struct effects {
	const struct effect *list;
	size_t count;
};
#define EFFECTS_MAX 16 /* a call; more is a script's mistake */

struct offer {
	int64_t cost;
	struct str code; /* the reward's */
	struct texts name;
};
struct card {
	struct texts title, text;
};

/* ---- parameters ---- */

/* What a script declares, as plain data in an arena (no Lua behind it). */
enum param_type {
	PARAM_INTEGER,
	PARAM_MONEY,
	PARAM_BOOLEAN,
	PARAM_TEXT,
	PARAM_WORDS,
	PARAM_CHOICE,
	PARAM_MULTIPLIERS,
	PARAM_REWARD
};
struct param {
	struct str name;
	enum param_type type;
	bool required;
	bool has_default;
	int64_t min, max;
	struct str default_json; /* JSON text of the default */
	const struct str *choices;
	size_t choice_count;
	struct str needs; /* the parameter without which it makes no sense; empty */
	struct texts title, help;
};
struct script_info {
	struct str name;
	struct str unit;
	struct texts title, help;
	const struct param *params;
	size_t param_count;
};

/* Checks parameters (an object, or NULL) against the declaration. ERR_INVALID or ERR_UNKNOWN_FIELD
 * at the parameter's JSON pointer under `at`. On success *ret is compact JSON with defaults filled
 * in, in the order of the declaration. */
int params_check(struct arena *arena, const struct script_info *info, const struct json *given,
	struct str at, struct str *ret, struct err *err) must_check;
/* Writes the declaration as JSON: {"unit":..,"title":{..},"parameters":[{name,type,...}]}. */
void script_info_json(const struct script_info *info, struct json_out *out, const char *name);

/* ---- the text of a script ---- */

#define SCRIPT_KEY_LEN 32
/* Its key is the SHA-256 of the source: `sha256sum` of the file says the same. */
struct script_text {
	unsigned char key[SCRIPT_KEY_LEN];
	struct str name, unit; /* the template's */
	struct str source;
};
#define SCRIPT_LABEL_MAX 50
/* "points@1a2b3c4d": how messages name it. Returns out. */
char *script_label(const struct script_text *text, char out[SCRIPT_LABEL_MAX]);

/* ---- the host ---- */

struct host;
struct host_limits {
	size_t memory;    /* bytes of the whole state (default 16 MiB) */
	int instructions; /* a call (default 60,000: below 1 ms) */
};
/* limits NULL takes the defaults. */
int host_new(const struct host_limits *limits, struct host **ret, struct err *err) must_check;
void host_free(struct host **host);

/* Loads a script under a name; replaces one of that name. ERR_SCRIPT with chunk and line for what
 * does not compile, does not return such a table, or declares a parameter badly. *ret_info lives in
 * arena and may be NULL. */
int host_load(struct host *host, struct str name, struct str source, struct arena *arena,
	struct script_info *ret_info, struct err *err) must_check;

/* A programme: a script with parameters (what params_check() returned), code and title. `key` names
 * it (programme, version, arm): the same key gives the same programme and the rest is not looked at
 * again. */
struct host_programme_key {
	id_t64 programme;
	int32_t version, arm;
};
struct host_programme;
int host_programme(struct host *host, struct host_programme_key key, struct str script,
	struct str params, struct str code, const struct texts *title, struct host_programme **ret,
	struct err *err) must_check;

/* The same of that very text, whatever else has its name; a text the host has not got is loaded. A
 * host that holds too many forgets all first: a handle this gave is good until the next call of
 * this. */
int host_programme_pinned(struct host *host, struct host_programme_key key,
	const struct script_text *text, struct str params, struct str code,
	const struct texts *title, struct host_programme **ret, struct err *err) must_check;

/* The hooks. Results live in arena. ERR_SCRIPT names script and line, or the limit; the caller's
 * unit goes on without that programme or refuses, as it likes. Scripts read basket and standing
 * where they are: nothing is copied or built, for one programme or for ten. */
int host_sale(struct host *host, struct host_programme *programme, const struct basket *basket,
	const struct standing *standing, struct arena *arena, struct effects *ret,
	struct err *err) must_check;
/* 0 with *ret filled; 1: nothing is due. */
int host_due(struct host *host, struct host_programme *programme, const struct standing *standing,
	struct arena *arena, struct offer *ret, struct err *err) must_check;
/* 0 with *ret filled; 1: no card. */
int host_card(struct host *host, struct host_programme *programme, const struct standing *standing,
	struct arena *arena, struct card *ret, struct err *err) must_check;
int host_ask(struct host *host, struct host_programme *programme, struct arena *arena,
	struct card *ret, struct err *err) must_check;

/* How many faults of a limit there were (each rebuilt the state). */
uint64_t host_faults(const struct host *host);

/* The stock scripts, built in from lua/programmes/. */
struct stock_script {
	const char *name;
	const char *source;
	size_t len;
};
extern const struct stock_script stock_scripts[];
extern const size_t stock_script_count;

#endif
