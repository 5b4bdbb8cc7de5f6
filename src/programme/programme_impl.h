/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of definitions share: a definition comes in (definition.c), is kept as a version
 * and read again as it stands (stored.c), and the newest ones are shared by all (catalogue.c). */
#ifndef PROGRAMME_PROGRAMME_IMPL_H
#define PROGRAMME_PROGRAMME_IMPL_H

#include "programme/programme.h"

/* "ask", "auto", NULL */
extern const char *const programme_joining_words[];

/* "2026-01-01" is the start of that day in the zone, plus `days`; else RFC 3339. False: neither. */
bool programme_instant(struct str text, const struct zone *zone, int days, int64_t *ret);

/* {"nl": "..."} as it stands, copied into the arena; false: no memory. */
bool texts_keep(const struct json *object, struct arena *arena, struct texts *ret);
/* Fills in what C reads of an arm's parameters; what it keeps is copied into the arena. */
int programme_arm_read(struct programme_arm *arm, const struct json *params, struct arena *arena,
	struct err *err) must_check;

/* ---- as it is stored (stored.c) ---- */

/* A row of PROGRAMME_COLUMNS, read as it stands: nothing in it is checked again, so that what was
 * good when it came in stays good whatever later scripts and rules ask for. zone NULL: its period
 * is not wanted. *ret lives in the arena, but for text and unit, which the caller finds by
 * *ret_key; that one's ptr is NULL in rows older than keys. ERR_BROKEN: it is no definition at all;
 * what the columns say is in *ret all the same. */
int stored_read(const struct store_rows *rows, const struct zone *zone, struct arena *arena,
	struct programme *ret, struct str *ret_key, struct err *err) must_check;
/* The text of that key, with its unit, in the arena. 1: there is none. */
int stored_text(struct store_tx *tx, struct str key, struct arena *arena, struct script_text *ret,
	struct err *err) must_check;

#endif
