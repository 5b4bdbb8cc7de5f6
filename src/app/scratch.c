/* SPDX-License-Identifier: Apache-2.0 */
/* See scratch.h. Invariant: the folder is removed by exactly one of scratch_close() and the thread
 * that waits for signals; which of them is settled by the thread's end. */
#include "app/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Who writes may make one more file while they are removed. */
#define REMOVE_TRIES 10

static int file_err(struct err *err, const char *path)
{
	return err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "%s: %s", path,
		strerror(errno));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	(void)remove(path);
	return 0;
}

static void remove_folder(struct scratch *s)
{
	for (int i = 0; i < REMOVE_TRIES && access(s->folder, F_OK) == 0; i++)
		(void)nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void end_by_signal(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	signal(sig, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	_exit(128 + sig); /* it was ignored */
}

void ends_of_program(sigset_t *set)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(set, ends[i]);
	sigaddset(set, SIGUSR2);
}

static void *keep(void *user)
{
	struct scratch *s = user;
	sigset_t set;
	int sig;

	ends_of_program(&set);
	while (sigwait(&set, &sig) != 0)
		;
	if (sig == SIGUSR2)
		return NULL;
	remove_folder(s);
	/* A SIGUSR2 may wait, from a copy that ended meanwhile. */
	end_by_signal(sig);
}

int scratch_open(struct scratch *s, const char *path, struct err *err)
{
	sigset_t set;

	*s = (struct scratch) { 0 };
	if (access(path, F_OK) == 0)
		return err_set(err, ERR_CONFLICT, "%s is there already", path);
	ends_of_program(&set);
	s->blocked = pthread_sigmask(SIG_BLOCK, &set, &s->mask_before) == 0;
	if ((size_t)snprintf(s->folder, sizeof(s->folder), "%s.XXXXXX", path) + 16 >
		sizeof(s->folder))
		return err_set(err, ERR_IO, "the name of the file is too long");
	if (!mkdtemp(s->folder)) {
		s->folder[0] = '\0';
		return file_err(err, path);
	}
	snprintf(s->file, sizeof(s->file), "%.*s/file", (int)sizeof(s->file) - 6, s->folder);
	s->kept = pthread_create(&s->keeper, NULL, keep, s) == 0;
	return s->kept ? 0 : err_set(err, ERR_INTERNAL, "no thread to wait for signals");
}

static int sync_folder_of(const char *path, struct err *err)
{
	char copy[PATH_MAX];
	int fd, rc;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 || fsync(fd) != 0 ? file_err(err, path) : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

int scratch_keep(struct scratch *s, const char *path, struct err *err)
{
	if (renameat2(AT_FDCWD, s->file, AT_FDCWD, path, RENAME_NOREPLACE) != 0 &&
		((errno != EINVAL && errno != ENOSYS) || link(s->file, path) != 0))
		return file_err(err, path);
	return sync_folder_of(path, err);
}

void scratch_close(struct scratch *s)
{
	if (s->kept) {
		pthread_kill(s->keeper, SIGUSR2);
		pthread_join(s->keeper, NULL);
	}
	if (s->folder[0])
		remove_folder(s);
	s->folder[0] = '\0';
	if (s->blocked)
		pthread_sigmask(SIG_SETMASK, &s->mask_before, NULL);
	s->kept = s->blocked = false;
}
