/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: which of several servers on one store does a job. A lease has a name, a holder and an
 * end; who holds it may renew it, and anybody may take it once it has ended. It saves work, it
 * protects nothing: a server may be slow and still think it holds one, so what is done under a
 * lease must be right also if two do it. Ends are compared by the servers' clocks; give them more
 * than those differ. */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "store/store.h"

/* Outcome: somebody else has it. */
#define LEASE_HELD 41
#define LEASE_NAME_MAX 64

/* Inside a unit: takes or renews a lease until `until`. 0, LEASE_HELD (nothing is written),
 * STORE_MOVED if another was quicker, or <0. */
int lease_take(struct store_tx *tx, struct str name, struct str holder, int64_t now, int64_t until,
	struct err *err) must_check;

extern const struct store_room lease_room;

#endif
