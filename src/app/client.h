/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP client for the commands that talk to a server (replay, bench, demo): libcurl's multi
 * interface on epoll, N connections kept alive, at most one request on each, one thread.
 *
 *   client_send() starts a request on a connection that is free and returns at once;
 *   client_run()  waits for the network and calls back each request that has ended, in this thread.
 *
 * A callback may send again. Who paces (replay's --rate, bench's open loop) does so between two
 * runs, with client_run_until() as its clock. Nothing is tried again here: the caller
 * knows what is safe. */
#ifndef APP_CLIENT_H
#define APP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define CLIENT_CONNECTIONS_MAX 4096
/* More of an answer than this is not read: the request fails. */
#define CLIENT_BODY_MAX (8 << 20)

struct client;

enum client_method { CLIENT_GET, CLIENT_PUT, CLIENT_POST, CLIENT_DELETE };

struct client_answer {
	int status;         /* HTTP; 0: no answer came, `why` says what happened */
	struct str body;    /* valid during the callback */
	int64_t latency_ns; /* from client_send() to the last byte */
	int retry_after_s;  /* what a 503 asked for; 0: nothing */
	const char *why;    /* "" if there is a status */
};
typedef void client_answered(void *user, const struct client_answer *answer);

struct client_request {
	enum client_method method;
	const char *path; /* "/v1/sales/1?dry_run=true", escaped; copied */
	const char *key;  /* the access key; NULL: none; copied */
	struct str body;  /* JSON; len 0: none; the caller's until the callback */
	client_answered *answered;
	void *user;
};

struct client_options {
	const char *url;    /* "http://127.0.0.1:8080" */
	int connections;    /* 1 to CLIENT_CONNECTIONS_MAX */
	int64_t timeout_ms; /* a request without an answer for so long fails; 0: 60 s */
};

/* Opens no connection yet. ERR_INVALID for a url that is none; ERR_NO_MEMORY. */
int client_open(const struct client_options *options, struct client **ret,
	struct err *err) must_check;
/* Drops what is under way, without callbacks. Sets *client to NULL; NULL is allowed. */
void client_close(struct client **client);
/* How many connections have no request on them; and how many have. */
int client_idle(const struct client *client);
int client_busy(const struct client *client);
/* Starts a request. There must be a free connection (client_idle() > 0). */
int client_send(struct client *client, const struct client_request *request,
	struct err *err) must_check;
/* Waits until something has happened or timeout_ms is over (0: only looks; -1: as long as a request
 * is under way), and calls back what has ended. Returns how many ended; a signal may end it early
 * with 0. */
int client_run(struct client *client, int timeout_ms, struct err *err) must_check;
/* The same until a time of clock_ticks_ns(), to the microsecond: for who paces. */
int client_run_until(struct client *client, int64_t ticks_ns, struct err *err) must_check;

/* One request from beginning to end, for setting up. The answer's body goes into buf. Returns the
 * HTTP status (> 0), or ERR_IO when no answer came. Nothing else may be under way. */
struct buf;
int client_call(struct client *client, enum client_method method, const char *path, const char *key,
	struct str body, struct buf *ret_body, struct err *err) must_check;

#endif
