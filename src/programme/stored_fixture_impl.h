/* SPDX-License-Identifier: Apache-2.0 */
/* For this room's tests that need a store: one in memory with this room in it, a host, and every
 * write as a unit of its own. */
#ifndef PROGRAMME_STORED_FIXTURE_IMPL_H
#define PROGRAMME_STORED_FIXTURE_IMPL_H

#include "base/clock.h"
#include "programme/programme_impl.h"
#include "tests/support/test.h"

#define FIXTURE_MERCHANT 7

struct stored_fixture {
	struct clock_fake clock;
	struct store *store;
	struct zone *zone;
	struct host *host;
	struct arena *arena;
	struct err err;
};

void stored_open(struct stored_fixture *f);
void stored_close(struct stored_fixture *f);
/* Runs work(user) as one unit. */
typedef int stored_work(void *user, struct store_tx *tx, int64_t now, struct err *err);
int stored_run(struct stored_fixture *f, stored_work *work, void *user);

/* A PUT body, read for the newest stock script. */
struct programme stored_programme(struct stored_fixture *f, const char *body);
/* Puts it under the code; returns the version in force, or the error. */
int stored_put(struct stored_fixture *f, const struct programme *programme, const char *code);
/* As the script of another release: the stock one of that name with `from` replaced by `to`. */
const struct script_text *stored_script(struct stored_fixture *f, const char *name,
	const char *from, const char *to);
/* The catalogue as it would be loaded now. */
struct catalogue *stored_catalogue(struct stored_fixture *f);
int stored_try_catalogue(struct stored_fixture *f, struct catalogue **ret);

#endif
