/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: what a caller's id already said. Every call that writes carries an id made by the caller;
 * its unit first looks for a claim of that id, and if there is none makes one in the same
 * transaction as what it does. So the same id with the same content gets the same answer, and with
 * other content a 409 (L6).
 *
 * A claim lives in a bucket: that of its own key for ids that name a thing (touch, sale), that of
 * the thing for ids under it (an answer under its touch, a return under its sale). `said` is the
 * keyed hash of the content as parsed JSON; `home` is where the thing itself lives; `answer` the
 * packed reply, if it does not live at home. */
#ifndef STORE_CLAIM_H
#define STORE_CLAIM_H

#include "base/id.h"
#include "store/store.h"

struct claim {
	struct key said;
	int act;     /* the caller's: which of its states the id has reached */
	id_t64 home; /* 0: none */
	int64_t made_at;
	struct str answer; /* packed (PACK_ANSWER), in the arena; empty if it lives at home */
};

/* 0 found; 1 there is none; <0. */
int claim_find(struct store_tx *tx, uint16_t bucket, const struct key *key, struct arena *arena,
	struct claim *ret, struct err *err) must_check;
/* 0 made; STORE_MOVED if somebody else just did; <0. */
int claim_make(struct store_tx *tx, uint16_t bucket, const struct key *key,
	const struct claim *claim, struct err *err) must_check;
/* Moves a claim on from one act to another, with a new home; STORE_MOVED if it is no longer in
 * `from`. */
int claim_advance(struct store_tx *tx, uint16_t bucket, const struct key *key, int from,
	const struct claim *claim, struct err *err) must_check;

extern const struct store_room claim_room;

#endif
