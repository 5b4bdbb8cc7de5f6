/* SPDX-License-Identifier: Apache-2.0 */
/* A whole shop in a test, without HTTP: a store, a merchant with a shop, a till and its reader,
 * keys, a catalogue, a script host and a clock that moves only when told. Each call is one unit,
 * run as the teller would run it; its answer is parsed and kept until the next call.
 *
 * The same tests run in a store in memory and on PostgreSQL (house_store.c):
 *
 *	int main(int argc, char **argv)
 *	{
 *		if (!house_choose(argc, argv))
 *			return 0;
 *		return TEST_MAIN(...);
 *	}
 *
 * It is built with the rooms up to visit; tests of visit and the simulation use it. */
#ifndef TESTS_SUPPORT_HOUSE_H
#define TESTS_SUPPORT_HOUSE_H

#include "base/clock.h"
#include "codec/json.h"
#include "visit/visit.h"

#define HOUSE_START (INT64_C(1773738000) * CLOCK_SECOND) /* 2026-03-17 10:00 in Brussels */

struct house {
	struct clock_fake clock;
	struct store *store;
	struct visit_keys keys;
	struct identifier_ring ring;
	struct directory_source *source;
	const struct directory *directory;
	struct catalogue *catalogue;
	struct host *host;
	id_t64 merchant, shop, till, reader;
	struct access at_till, at_reader;
	/* of the last call */
	struct arena *arena;
	struct err err;
	struct str bytes; /* the answer */
	struct json *answer;
	bool drop;              /* the next call is undone */
	size_t fail_allocation; /* the next call's unit fails its n-th allocation; 0: not */
	char url[256];
};

/* Takes the store from the first argument: "postgresql", else in memory. false: there is none, and
 * it has said so. */
bool house_choose(int argc, char **argv);
bool house_is_embedded(void);
/* The URL of an empty store that has our schema; house_open() asks. */
const char *house_ground(struct clock *clock);

/* A fresh house; url as in store_options, NULL for the store that was chosen. Fails the test if it
 * cannot. */
void house_open(struct house *h, const char *url, uint64_t seed);
void house_close(struct house *h);
/* Puts a programme under a code: template, joining, parameters as JSON text. */
void house_programme(struct house *h, const char *code, const char *template, const char *joining,
	const char *parameters);

/* Each returns the unit's rc and keeps answer and err. */
int house_touch(struct house *h, const char *id, const char *kind, const char *value);
/* n pairs of kind and value at once. */
int house_touch_many(struct house *h, const char *id, const char *const *pairs, size_t n);
int house_answer(struct house *h, const char *touch, const char *id, const char *step,
	const char *value);
int house_clear(struct house *h, const char *touch);

/* One line of a sale: quantity in pieces. */
struct house_line {
	const char *id;
	int quantity;
	int64_t amount;
};
struct house_sale {
	const char *id;
	enum visit_sale_state state;
	struct house_line lines[8];
	int count;
	int64_t at;               /* 0: now */
	const char *touch;        /* "" the reader's, NULL nobody, else that one */
	const char *kind, *value; /* an identifier instead */
	bool dry_run;
};
int house_sale(struct house *h, const struct house_sale *sale);
int house_return(struct house *h, const char *sale, const char *id, const struct house_line *lines,
	int count);
int house_attach(struct house *h, const char *sale, const char *id, const char *touch,
	const char *kind, const char *value);
int house_reward(struct house *h, enum visit_reward_act act, const char *reward, const char *id);
/* Lets time pass and does what is due: holds, points, touches. */
void house_pass(struct house *h, int64_t us);
/* Breaches of L1 to L9; each is printed. */
int64_t house_verify(struct house *h);

/* Reading the answer: the first effect of that type, NULL; its number; its text. */
const struct json *house_effect(const struct house *h, const char *type, const char *programme);
int64_t house_int(const struct json *object, const char *name);
const char *house_text(struct house *h, const struct json *object, const char *name);
/* The balance in the answer's member; -1 if not enrolled. */
int64_t house_balance(const struct house *h, const char *programme);
/* The balance in the store of whoever has this identifier. */
int64_t house_stored(struct house *h, const char *kind, const char *value, const char *programme,
	int64_t *ret_debt);

#endif
