/* SPDX-License-Identifier: Apache-2.0 */
/* The contract over HTTP: keys, permissions, JSON in and out, problem replies, units handed to the
 * teller, event streams. Knows every operation (operations.def) and decides nothing about members
 * or money. */
#ifndef API_API_H
#define API_API_H

#include "api/rooms.h"
#include "base/clock.h"
#include "base/err.h"
#include "http/http.h"
#include "member/member.h"
#include "store/store.h"
#include "visit/visit.h"

struct api;

struct api_options {
	struct store *store; /* open and started; the caller's */
	struct clock *clock;
	struct visit_keys keys;
	struct identifier_ring identifiers;
	struct secret access; /* what access keys are derived from */
};

int api_new(const struct api_options *options, struct api **ret, struct err *err) must_check;
/* After http_stop() and store_close(). */
void api_free(struct api **api);
/* The handler for http_start(). */
void api_handle(void *api, struct http_exchange *x);
/* What goes in front of receipts' addresses, "https://bon.example"; the caller's, for as long as
 * the api lives. Any thread. Until it is said they begin with their path. */
void api_set_public_url(struct api *api, const char *url);
/* For the figures of /metrics; may be NULL. */
void api_set_server(struct api *api, struct http_server *server);

/* The jobs that run beside the calls; each does a little and returns how much. Called by one
 * thread. */
int api_refresh(struct api *api, struct err *err) must_check; /* snapshots, if stale */
int api_sweep(struct api *api, size_t *ret_done,
	struct err *err) must_check; /* holds, points, touches, events */

/* Runs visit_verify() and ledger_verify() over a snapshot. */
struct api_proof {
	int64_t accounts, entries, lots, holds, sales, returns, breaches;
};
int api_verify(struct api *api, void (*breach)(void *user, const char *invariant, const char *text),
	void (*progress)(void *user, int64_t accounts, int64_t entries), void *user,
	struct api_proof *ret, struct err *err) must_check;

#endif
