/* SPDX-License-Identifier: Apache-2.0 */
/* Idle event streams: a process of its own opens them, some at once, and keeps them open until it
 * is ended; meanwhile the server's memory is looked at. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/bench_impl.h"

#define HEAD_MAX 4096
#define ANSWER_PATIENCE_S 10
#define AT_ONCE 64 /* well below the server's backlog */

/* ---- memory ---- */

static int resident_mb(pid_t pid, double *ret, struct err *err)
{
	char path[64], line[256];
	long kb = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file) && sscanf(line, "VmRSS: %ld", &kb) != 1)
		;
	if (file)
		fclose(file);
	if (kb < 0)
		return err_set(err, ERR_IO, "%s does not tell the server's memory", path);
	*ret = (double)kb / 1024;
	return 0;
}

/* ---- the child ---- */

static bool raise_limit(int streams)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max > (rlim_t)streams + 64;
}

static int ask(int fd, const struct bench *b, const char *key, struct err *err)
{
	struct timeval patience = { .tv_sec = ANSWER_PATIENCE_S };
	char head[HEAD_MAX];
	int len = snprintf(head, sizeof(head),
		"GET /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n",
		b->url + strlen("http://"), key);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, head, (size_t)len, MSG_NOSIGNAL) != len)
		return err_set(err, ERR_IO, "a stream: %s", strerror(errno));
	return 0;
}

/* Reads the head of the answer. */
static int hear(int fd, struct err *err)
{
	char head[HEAD_MAX];
	size_t got = 0;

	while (got < sizeof(head) && !memmem(head, got, "\r\n\r\n", 4)) {
		ssize_t n = recv(fd, head + got, sizeof(head) - got, 0);
		if (n <= 0)
			return err_set(err, ERR_IO, "a stream: %s",
				n < 0 ? strerror(errno) : "closed");
		got += (size_t)n;
	}
	if (got < 12 || memcmp(head + 9, "200", 3) != 0)
		return err_set(err, ERR_IO, "a stream was answered %.*s", 12, head);
	return 0;
}

/* The streams are closed by the end of the process. */
static int open_streams(const struct bench *b, int streams, struct err *err)
{
	int fds[AT_ONCE];
	int rc = 0;

	for (int from = 0; from < streams && rc == 0; from += AT_ONCE) {
		int n = streams - from < AT_ONCE ? streams - from : AT_ONCE;
		for (int i = 0; i < n && rc == 0; i++) {
			rc = wire_connect(b->url, &fds[i], err);
			if (rc == 0)
				rc = ask(fds[i], b,
					b->shop.listeners[(from + i) % b->shop.listener_count],
					err);
		}
		for (int i = 0; i < n && rc == 0; i++)
			rc = hear(fds[i], err);
	}
	return rc;
}

static void be_child(struct bench *b, int streams, int to)
{
	struct err err = { 0 };
	int rc;

	be_helper(b);
	rc = raise_limit(streams)
		? open_streams(b, streams, &err)
		: err_set(&err, ERR_IO, "a process may not have %d files here", streams);
	if (write(to, &err, sizeof(err)) != sizeof(err) || rc < 0)
		_exit(1);
	for (;;)
		pause();
}

/* ---- measuring ---- */

static int measure(struct bench *b, int from, double *ret_with, struct err *err)
{
	struct err heard;

	if (read(from, &heard, sizeof(heard)) != sizeof(heard))
		return err_set(err, ERR_INTERNAL, "the process of the streams was ended");
	if (heard.code < 0) {
		*err = heard;
		return heard.code;
	}
	sleep(1);
	return resident_mb(b->server, ret_with, err);
}

int streams_measure(struct bench *b, int streams, double *ret_before, double *ret_with,
	struct err *err)
{
	int ends[2];
	pid_t child;
	int rc = resident_mb(b->server, ret_before, err);

	if (rc < 0)
		return rc;
	fflush(NULL);
	if (pipe(ends) != 0)
		return err_set(err, ERR_INTERNAL, "no pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(ends[0]);
		be_child(b, streams, ends[1]);
	}
	close(ends[1]);
	rc = child < 0 ? err_set(err, ERR_INTERNAL, "no process for the streams")
		       : measure(b, ends[0], ret_with, err);
	close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return rc;
}
