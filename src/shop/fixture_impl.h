/* SPDX-License-Identifier: Apache-2.0 */
/* For this room's tests: a store in memory with a merchant or two in it, and every write of shop.h
 * as one call that runs it in a unit of its own. */
#ifndef SHOP_FIXTURE_IMPL_H
#define SHOP_FIXTURE_IMPL_H

#include "base/clock.h"
#include "shop/shop_impl.h"

#define FIXTURE_NOW INT64_C(1795291200000000) /* 2026-11-21T20:00:00Z */

/* Two merchants. Of the first: two shops, a till and two readers in the first, a till in the
 * second. Of the other: one shop with a till. */
enum fixture_id {
	OURS = 1001,
	THEIRS,
	SHOP_A = 2001,
	SHOP_B,
	SHOP_THEIRS,
	TILL_A = 3001,
	READER_A,
	READER_A2,
	TILL_B,
	TILL_THEIRS,
	KEY_A = 4001,
	KEY_OFFICE,
	KEY_NEW,
};

struct fixture {
	struct clock_fake clock;
	struct store_options options;
	struct store *store;
	struct secret master;
	struct err err; /* of the last call */
};

/* url NULL: in memory. */
void fixture_open(struct fixture *f, const char *url);
/* Adds what enum fixture_id names, but the keys. */
void fixture_fill(struct fixture *f);
void fixture_close(struct fixture *f);

/* ---- one unit each; what the function in shop.h returned ---- */

typedef int fixture_work(void *user, struct store_tx *tx, int64_t now, struct err *err);
/* An outcome > 0 of work undoes the unit and is returned. */
int fixture_run(struct fixture *f, fixture_work *work, void *user);

/* The merchant every test starts from; change what the row is about. */
struct merchant_new fixture_merchant(id_t64 id);
int fixture_add_merchant(struct fixture *f, const struct merchant_new *merchant);
int fixture_add_shop(struct fixture *f, id_t64 id, id_t64 merchant, const char *name);
int fixture_add_device(struct fixture *f, const struct device_new *device);
/* device 0: an office key with that role. */
int fixture_add_key(struct fixture *f, id_t64 id, id_t64 merchant, id_t64 device, enum role role);
int fixture_revoke(struct fixture *f, id_t64 id, id_t64 merchant);
int fixture_add_event(struct fixture *f, id_t64 device, const char *body);
/* A statement of the test itself; anything goes. */
int fixture_sql(struct fixture *f, const char *sql);
/* What the first column of the first row says. */
int64_t fixture_number(struct fixture *f, const char *sql);

/* Lets the 1st, 2nd, ... step of the store fail until the call succeeds, and fails the test unless
 * each failure was ERR_STORE and left the version where it was. */
void fixture_fail_each_step(struct fixture *f, const char *row, int (*call)(struct fixture *f));

#endif
