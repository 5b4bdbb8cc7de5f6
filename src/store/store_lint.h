/* SPDX-License-Identifier: Apache-2.0 */
/* One text for every engine (D8), looked at before an engine sees it: what one of them would
 * refuse, understand otherwise, or answer differently at each call. For tests; a statement is
 * looked at as words, not understood, so what passes here must still run on every engine.
 *
 * To add a rule: a row in `refused` or in `rules` (store_lint.c), and a row in its test. */
#ifndef STORE_STORE_LINT_H
#define STORE_STORE_LINT_H

#include "store/store.h"

/* Looks at every statement and migration of the rooms; fault() gets each fault, with the name of
 * the statement or "room-number" of the migration, and why. Returns how many there were. */
int store_lint(const struct store_room *const *rooms, size_t n,
	void (*fault)(void *user, const char *stmt, const char *why), void *user);

#endif
