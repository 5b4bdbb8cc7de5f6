/* SPDX-License-Identifier: Apache-2.0 */
/* A line to the PostgreSQL of the tests that a test can have cut: a Unix socket in the fixture's
 * folder, each connection passed on to the server. */
#ifndef STORE_FIXTURE_RELAY_H
#define STORE_FIXTURE_RELAY_H

#include <stdatomic.h>

#include "store/fixture_impl.h"

struct relay {
	char path[128], server[128];
	int listener, stop[2];
	pthread_t thread;
	/* The next answer to a COMMIT is kept back and the line cut. */
	atomic_bool cut_commit;
	atomic_int cuts;
};

/* Listens in the fixture's folder. */
void relay_start(struct relay *relay, struct fixture *fixture);
/* Cuts every line and stops listening. */
void relay_stop(struct relay *relay);
/* Makes the fixture's URL one that goes by the relay, whether it listens yet or not. */
void relay_url(struct fixture *fixture);

/* Plays the beginning of a server that says these parameters ("name=value", the last NULL) to
 * everybody who comes, until it is stopped. Then it hangs up. */
void relay_pretend(struct relay *relay, struct fixture *fixture, const char *const *parameters);

#endif
