/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests and the benchmark of this room share: a store with the ledger in it, a clock that
 * stands still, and one unit at a time. */
#ifndef LEDGER_FIXTURE_IMPL_H
#define LEDGER_FIXTURE_IMPL_H

#include "base/clock.h"
#include "ledger/ledger_impl.h"

/* 2026-11-21T00:00:00Z: "day0" of the text tables. */
#define FIXTURE_NOW INT64_C(1795219200000000)

struct ledger_fixture {
	struct clock_fake clock;
	struct store *store;
	struct secret seal;
	char dir[64];
	char path[80]; /* of the SQLite file; empty in memory */
	char url[96];
};

/* dir_or_null NULL: a store that goes when closed; else a file in a new folder under it. */
void fixture_init(struct ledger_fixture *fixture, const char *dir_or_null);
void fixture_done(struct ledger_fixture *fixture);
/* Closes the store of a fixture with a file and opens a copy of it. */
void fixture_copy(struct ledger_fixture *from, struct ledger_fixture *ret);

/* Postings of one unit. May be called several times. */
typedef int fixture_work(void *user, const struct ledger_env *env, struct err *err);
/* Runs them in one unit; returns what they returned, or what the commit did. Outcomes >0 of the
 * work drop the unit. */
int fixture_run(struct ledger_fixture *fixture, fixture_work *work, void *user,
	struct err *err) must_check;

/* What ledger_verify() found. */
struct fixture_proof {
	struct ledger_counts counts;
	int64_t progress; /* calls */
	char text[4096];  /* "L2 account ...: ...\n", as far as it fits */
};
/* The `breach` of a report whose user is a struct fixture_proof. */
void fixture_note_breach(void *user, const char *invariant, const char *text);
int fixture_verify(struct ledger_fixture *fixture, const struct secret *seal, int64_t slice_rows,
	struct fixture_proof *ret, struct err *err) must_check;
/* Fails the test unless nothing is wrong. */
void fixture_assert_sound(struct ledger_fixture *fixture, const char *row);

/* Members of the tests: 1, 2, 3, ... */
id_t64 fixture_member(int n);
id_t64 fixture_id(id_t64 member, int n);

/* All accounts of a member, asked and taken at once. */
int fixture_open_all(const struct ledger_env *env, id_t64 member, struct ledger_account ***ret,
	size_t *ret_count, struct err *err) must_check;

#endif
