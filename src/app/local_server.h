/* SPDX-License-Identifier: Apache-2.0 */
/* A server of one's own for replay and bench: this same program, `init` and `serve` in a temporary
 * folder, on a free port of 127.0.0.1, as a process of its own. It ends with its maker in every way
 * that can be had:
 *   - local_server_free() ends it and removes the folder;
 *   - on SIGINT, SIGTERM and SIGHUP a thread does the same and ends this program (130, 143, 129);
 *   - if this program is killed, the kernel ends the server (PR_SET_PDEATHSIG); the folder stays.
 *
 *   made  -- local_server_start() --> serving -- local_server_stop() --> made   (the store stays,
 * to be verified, looked at or served again)
 *
 * One at a time in a process, and made before any other thread is: the three signals are blocked in
 * all threads from then on. A child forked by the caller calls local_server_forget() first. */
#ifndef APP_LOCAL_SERVER_H
#define APP_LOCAL_SERVER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct local_server;

struct local_server_options {
	const char *const *init_args; /* more for `init`, like "--currency", "GBP"; NULL at the end;
					 may be NULL */
	const char *const *serve_args; /* more for `serve` */
	const char *store; /* its URL, when it is not a file in the folder; may be NULL */
	/* Called once, after the server has ended for good, in every way but a kill of this
	 * program: to remove what lies outside the folder. On a signal by the thread that waits for
	 * it. May be NULL. */
	void (*ended)(void *user);
	void *user;
};

/* mkdtemp() in $TMPDIR or /tmp, then `zegel init --json`. */
int local_server_make(const struct local_server_options *options, struct local_server **ret,
	struct err *err) must_check;
/* `zegel serve`; returns when it answers. */
int local_server_start(struct local_server *server, struct err *err) must_check;
/* SIGTERM, and waits. ERR_INTERNAL if it did not end with 0: then something was wrong. Nothing to
 * do if it does not serve. */
int local_server_stop(struct local_server *server, struct err *err) must_check;
/* Ends it and removes the folder. Sets *server to NULL; NULL is allowed. */
void local_server_free(struct local_server **server);
/* In a child that was forked: the signals as they were, and nothing of the server is this
 * process's. */
void local_server_forget(struct local_server **server);

const char *local_server_url(
	const struct local_server *server); /* "http://127.0.0.1:40123", while it serves */
const char *local_server_key(const struct local_server *server);   /* the admin key */
const char *local_server_store(const struct local_server *server); /* the store's URL */
const char *local_server_folder(
	const struct local_server *server);                /* the data folder, for --data */
pid_t local_server_pid(const struct local_server *server); /* 0: does not serve */

/* Runs another command on its folder, as a process of its own: `zegel WORD --data ... MORE` (NULL
 * at the end; may be NULL). What it prints on standard output goes into out, at most size - 1
 * bytes, NUL-terminated. Returns its exit code; <0: it could not be run. */
int local_server_run(struct local_server *server, const char *word, const char *const *more,
	char *out, size_t size, struct err *err) must_check;

#endif
