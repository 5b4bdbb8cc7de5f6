/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for a file that is not finished: it stands beside the place the file will have, and is
 * gone however the program ends, but for a SIGKILL. So whatever has its name is whole. */
#ifndef APP_SCRATCH_H
#define APP_SCRATCH_H

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/err.h"

struct scratch {
	char folder[PATH_MAX]; /* "PATH.XXXXXX", 0700; "" if there is none */
	char file[PATH_MAX];   /* in it; not there yet */
	pthread_t keeper;
	bool kept, blocked; /* the keeper runs; signals are blocked */
	sigset_t mask_before;
};

/* Makes the folder for what will be at `path`, and from now on lets SIGINT, SIGTERM and SIGHUP
 * remove it before they end the program. Call it before other threads are made. ERR_IO;
 * ERR_CONFLICT: `path` is there already. scratch_close() is for both outcomes. */
int scratch_open(struct scratch *scratch, const char *path, struct err *err) must_check;
/* Gives the file its place, durably. ERR_CONFLICT: something took it meanwhile. */
int scratch_keep(struct scratch *scratch, const char *path, struct err *err) must_check;
/* Removes the folder with all that is left in it; signals do again what they did. */
void scratch_close(struct scratch *scratch);

/* What ends a program, except what its maker told it to ignore (nohup, a script's background job);
 * and SIGUSR2, for a thread that waits for these and is to be ended. */
void ends_of_program(sigset_t *set);
/* Ends the program by a signal that was blocked or caught, as if it had not been: for a shell that
 * is 130 for SIGINT and 143 for SIGTERM. Unblocks that one alone. Flushes nothing: another thread
 * may hold a stream while it reads. */
void end_by_signal(int sig) __attribute__((noreturn));

#endif
