/* SPDX-License-Identifier: Apache-2.0 */
/* A host for tests, with a basket and a standing. */
#ifndef PROGRAMME_HOST_FIXTURE_IMPL_H
#define PROGRAMME_HOST_FIXTURE_IMPL_H

#include "programme/host.h"
#include "tests/support/test.h"

struct fixture {
	struct host *host;
	struct arena *arena;
	struct basket basket;
	struct basket_line lines[3];
	struct standing standing;
	id_t64 programmes; /* made so far */
	struct err err;
};

/* Three lines of 5.00, 2.50 and 0.25; a balance of 7 of which 2 are held. */
void fixture_init(struct fixture *f, const struct host_limits *limits);
void fixture_done(struct fixture *f);
/* Loads a script; the result of host_load(), its error in f->err. */
int fixture_load(struct fixture *f, const char *name, const char *source);
/* A new programme of a loaded script with those parameters, which are canonical JSON; fails the
 * test. */
struct host_programme *fixture_programme(struct fixture *f, const char *script, const char *params);
/* A script whose sale(basket, standing, p) has that body; it starts on line 5. Same memory each
 * time. */
const char *fixture_sale(const char *body);
/* The same with `before` in front, outside the functions. */
const char *fixture_script(const char *before, const char *sale);
/* A script that earns what the expression says. */
const char *fixture_earning(const char *expression);
/* Loads a script and makes a programme of it, without parameters; fails the test. */
struct host_programme *fixture_new(struct fixture *f, const char *name, const char *source);
/* Runs sale(): what it earned (0: no effect), or the error <0, in f->err. */
int64_t fixture_earns(struct fixture *f, struct host_programme *programme);

#endif
