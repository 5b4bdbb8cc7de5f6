/* SPDX-License-Identifier: Apache-2.0 */
/* Writing into a store past the ledger, for the tests of the proof: somebody changes rows of the
 * file by SQL, and the proof must name the invariants that broke. */
#ifndef LEDGER_TAMPER_FIXTURE_IMPL_H
#define LEDGER_TAMPER_FIXTURE_IMPL_H

#include "ledger/fixture_impl.h"

struct sqlite3;

struct tamper_row {
	const char *name;
	const char *sql;
	const char *breaches; /* must be among those found */
	const char *text;     /* must be said of a row sealed with the right key; NULL: it is not */
};

/* The file of a fixture that has one. */
struct sqlite3 *tamper_open(const struct ledger_fixture *fixture);
/* Fails the test unless rows were changed. */
void tamper(struct sqlite3 *db, const char *row, const char *sql);
/* Seals every chain again, from the version on, as if nothing had happened: with the right key, as
 * a fault of our own code would, no seal gives it away, and the rules must. */
void tamper_seal(struct sqlite3 *db, const struct secret *seal, int64_t from);

void tamper_prove(struct ledger_fixture *fixture, int64_t slice_rows, struct fixture_proof *ret);
/* Fails the test unless these invariants ("L2 L9") are among those found, and text, unless NULL, is
 * said of chains with the right seals. */
void tamper_expect(const char *row, const char *expected, const char *text,
	const struct fixture_proof *proof);
/* Does all that a row says to a copy; returns how many breaches there are. */
int64_t tamper_check(struct ledger_fixture *original, const struct tamper_row *row);

#endif
