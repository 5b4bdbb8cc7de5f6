/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a store by an example: bench_example.c reads it, bench_fill.c makes others like it. */
#ifndef APP_BENCH_FILL_IMPL_H
#define APP_BENCH_FILL_IMPL_H

#include <pthread.h>
#include <semaphore.h>

#include "app/bench_calibrate_impl.h"
#include "codec/base32.h"
#include "ledger/ledger.h"
#include "receipt/receipt.h"
#include "visit/visit.h"

#define EXAMPLES TRAFFIC_RECEIPTS
/* Sales of a member. */
#define SALES_MAX 64
#define TOKEN_TEXT BASE32_LEN(sizeof(struct key))

struct example_sale {
	id_t64 id, shop, device, member;
	int64_t total;
	struct str settled, answer; /* the answer as it was sent */
	size_t member_at, caller_at, id_at, url_at;
	struct receipt receipt;
	struct str packed;
	struct {
		int64_t amount, lot;
	} earned[BENCH_APPLY];
};

struct order {
	unsigned char token[HASH_LEN];
	int32_t card;
};

struct claim_to_make {
	struct key key, said;
	id_t64 home;
};

struct fill {
	struct bench *b;
	struct keys keys;
	struct identifier_ring ring;
	struct store *store;
	struct arena *arena;
	id_t64 merchant;
	id_t64 examples[EXAMPLES];
	struct enrolment enrolments[BENCH_APPLY]; /* of the first example; so are all */
	struct example_sale *sales;               /* example * per + which */
	int per;                                  /* sales of each member */
	const struct store_stmt *sale_add;
	struct order *order;
	size_t count; /* members to make */
	struct claim_to_make *claims;
	size_t claim_count;
	int64_t from; /* the first sale's time */
	uint64_t serial;
	/* units under way */
	sem_t room;
	pthread_mutex_t lock;
	int rc; /* of the first that failed */
	struct err err;
	int64_t began_ns;
};

/* Merchant, ring, examples, enrolments and sales. */
int example_read(struct fill *f, struct err *err) must_check;

#endif
