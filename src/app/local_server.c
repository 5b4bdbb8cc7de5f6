/* SPDX-License-Identifier: Apache-2.0 */
/* A server of one's own; see local_server.h.
 *
 * Invariants: 1. pid, pipe and state change under the lock, so that the thread that waits for
 * signals finds them true. 2. A folder that was made is removed by exactly one of:
 * local_server_free(), that thread. */
#include "app/local_server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/scratch.h"
#include "base/arena.h"
#include "base/clock.h"
#include "codec/json.h"

#define ARGS_MAX 48
/* How long `serve` may take to answer, and to end, before it is an error. */
#define START_MAX_MS 30000
#define STOP_MAX_MS 40000
#define FOLDER_MAX 512
#define STORE_MAX 1024
/* The store's URL may hold a password: no list of processes shows it. */
#define STORE_VARIABLE "ZEGEL_STORE"
#define VARIABLES_MAX 1000

struct local_server {
	char home[FOLDER_MAX];
	char folder[FOLDER_MAX + 16];
	char store[STORE_MAX];
	char url[128];
	char key[256];
	const char *const *serve_args;
	void (*ended)(void *user);
	void *user;
	char *variables[VARIABLES_MAX + 1]; /* of its processes */
	char store_variable[sizeof(STORE_VARIABLE) + STORE_MAX];
	pthread_mutex_t lock;
	pthread_t keeper;
	bool kept; /* the keeper runs */
	bool over; /* the keeper shall end */
	sigset_t mask_before;
	pid_t pid;
	int pipe;     /* what `serve` prints */
	pid_t helper; /* another command that runs; 0: none */
};

/* ---- processes ---- */

/* In the child: as if a shell had started it, and gone when its maker is gone. Only calls that are
 * safe between fork and exec. */
static void become(const struct local_server *s, const char *const *argv, int out, pid_t maker)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != maker)
		_exit(125);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(125);
	execve("/proc/self/exe", (char *const *)argv, s->variables);
	_exit(126);
}

/* Starts this program; what it prints comes out of *ret_pipe. */
static int spawn(const struct local_server *s, const char *const *argv, pid_t *ret_pid,
	int *ret_pipe, struct err *err)
{
	pid_t maker = getpid();
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, ERR_IO, "no pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(s, argv, ends[1], maker);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_set(err, ERR_IO, "no process: %s", strerror(errno));
	}
	*ret_pid = pid;
	*ret_pipe = ends[0];
	return 0;
}

/* The exit code, 128 + the signal that ended it, or -1 if it lives on after max_ms. */
static int reap(pid_t pid, int max_ms)
{
	int64_t end = clock_ticks_ns() + max_ms * INT64_C(1000000);
	int status = 0;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		if (clock_ticks_ns() > end)
			return -1;
		poll(NULL, 0, 2);
	}
	return got < 0 ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads until the end of the pipe, a line's end if `line`, or the time-out; false: only the last.
 */
static bool drain(int fd, char *out, size_t size, bool line, int max_ms)
{
	int64_t end = clock_ticks_ns() + max_ms * INT64_C(1000000);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char more[512];
	size_t len = 0;
	ssize_t n = 1;

	out[0] = '\0';
	while (n != 0 && !(line && strchr(out, '\n'))) {
		if (clock_ticks_ns() > end)
			return false;
		if (poll(&p, 1, 100) <= 0)
			continue;
		n = read(fd, more, sizeof(more));
		for (ssize_t i = 0; i < n && len + 1 < size; i++)
			out[len++] = more[i];
		out[len] = '\0';
	}
	return true;
}

/* ---- the folder ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	(void)remove(path);
	return 0;
}

static int make_home(struct local_server *s, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(s->home, sizeof(s->home), "%s/zegel-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(s->home) || !mkdtemp(s->home)) {
		int why = n < (int)sizeof(s->home) ? errno : ENAMETOOLONG;
		s->home[0] = '\0';
		return err_set(err, ERR_IO,
			"no temporary folder in %s: %s (TMPDIR names another place)",
			tmp && tmp[0] ? tmp : "/tmp", strerror(why));
	}
	snprintf(s->folder, sizeof(s->folder), "%s/data", s->home);
	return 0;
}

/* Ours, with the store's URL. */
static int name_store(struct local_server *s, const char *url, struct err *err)
{
	size_t n = 0;
	int len = url ? snprintf(s->store, sizeof(s->store), "%s", url)
		      : snprintf(s->store, sizeof(s->store), "sqlite:%s/zegel.db", s->folder);

	if (len < 0 || (size_t)len >= sizeof(s->store))
		return err_set(err, ERR_INVALID, "the store's URL is too long");
	snprintf(s->store_variable, sizeof(s->store_variable), STORE_VARIABLE "=%s", s->store);
	for (char **variable = environ; *variable && n < VARIABLES_MAX - 1; variable++)
		if (strncmp(*variable, STORE_VARIABLE "=", sizeof(STORE_VARIABLE)) != 0)
			s->variables[n++] = *variable;
	s->variables[n] = s->store_variable;
	return 0;
}

/* ---- signals ---- */

static int end_server(struct local_server *s)
{
	int code;

	if (s->pid == 0)
		return 0;
	kill(s->pid, SIGTERM);
	code = reap(s->pid, STOP_MAX_MS);
	if (code < 0) {
		kill(s->pid, SIGKILL);
		(void)reap(s->pid, STOP_MAX_MS);
	}
	close(s->pipe);
	s->pid = 0;
	return code;
}

/* It works in the folder that is about to go. Its other waiter finds it gone. */
static void end_helper(struct local_server *s)
{
	if (s->helper == 0)
		return;
	kill(s->helper, SIGTERM);
	if (reap(s->helper, STOP_MAX_MS) < 0)
		kill(s->helper, SIGKILL);
	s->helper = 0;
}

static void remove_home(struct local_server *s)
{
	if (s->ended)
		s->ended(s->user);
	s->ended = NULL;
	if (s->home[0])
		(void)nftw(s->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	s->home[0] = '\0';
}

/* Tidies up, then lets the signal do what it would have done. */
static void *keep(void *user)
{
	struct local_server *s = user;
	sigset_t set;
	int sig;

	ends_of_program(&set);
	while (sigwait(&set, &sig) != 0)
		;
	pthread_mutex_lock(&s->lock);
	if (!s->over) {
		end_helper(s);
		(void)end_server(s);
		remove_home(s);
		end_by_signal(sig);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int start_keeper(struct local_server *s, struct err *err)
{
	sigset_t set;

	ends_of_program(&set);
	pthread_mutex_init(&s->lock, NULL);
	pthread_sigmask(SIG_BLOCK, &set, &s->mask_before);
	s->kept = pthread_create(&s->keeper, NULL, keep, s) == 0;
	return s->kept ? 0 : err_set(err, ERR_INTERNAL, "no thread to wait for signals");
}

static void stop_keeper(struct local_server *s)
{
	if (!s->kept)
		return;
	pthread_mutex_lock(&s->lock);
	s->over = true;
	pthread_mutex_unlock(&s->lock);
	pthread_kill(s->keeper, SIGUSR2);
	pthread_join(s->keeper, NULL);
	pthread_sigmask(SIG_SETMASK, &s->mask_before, NULL);
}

/* ---- making ---- */

/* Variables and the file of the one who calls are for another server: what they could lead
 * elsewhere with is said here, the store among its variables. */
static size_t fill_args(const struct local_server *s, const char *word, const char *const *more,
	const char **argv)
{
	size_t n = 0;

	argv[n++] = "zegel";
	argv[n++] = word;
	argv[n++] = "--config=";
	argv[n++] = "--data";
	argv[n++] = s->folder;
	for (size_t i = 0; more && more[i] && n + 10 < ARGS_MAX; i++)
		argv[n++] = more[i];
	return n;
}

int local_server_run(struct local_server *server, const char *word, const char *const *more,
	char *out, size_t size, struct err *err)
{
	const char *argv[ARGS_MAX] = { NULL };
	siginfo_t info;
	int fd, rc, code;
	pid_t pid;

	(void)fill_args(server, word, more, argv);
	pthread_mutex_lock(&server->lock);
	rc = spawn(server, argv, &pid, &fd, err);
	server->helper = rc == 0 ? pid : 0;
	pthread_mutex_unlock(&server->lock);
	if (rc < 0)
		return rc;
	(void)drain(fd, out, size, false, INT32_MAX);
	close(fd);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
		;
	pthread_mutex_lock(&server->lock); /* from here on its number may be another's */
	code = reap(pid, STOP_MAX_MS);
	server->helper = 0;
	pthread_mutex_unlock(&server->lock);
	return code;
}

static int read_made(struct local_server *s, const char *text, struct err *err)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 16);
	struct json_reader r;
	struct json *value;
	struct str key;
	int rc = arena ? json_parse(arena, str_of(text), &value, err)
		       : err_set(err, ERR_NO_MEMORY, "no memory for a key");

	if (rc < 0)
		return rc;
	json_begin(&r, arena, value, STR(""), err);
	key = json_text(&r, "admin_key", 1, sizeof(s->key) - 1);
	(void)json_any(&r, "merchant");
	rc = json_end(&r);
	if (rc == 0)
		snprintf(s->key, sizeof(s->key), "%.*s", STR_ARG(key));
	return rc;
}

static int init_folder(struct local_server *s, const char *const *more, struct err *err)
{
	const char *args[ARGS_MAX] = { "--json" };
	char out[1024];
	int code;

	for (size_t i = 0; more && more[i] && i + 2 < ARGS_MAX; i++)
		args[i + 1] = more[i];
	code = local_server_run(s, "init", args, out, sizeof(out), err);
	if (code < 0)
		return code;
	if (code != 0)
		return err_set(err, ERR_INTERNAL, "zegel init in %s ended with %d", s->home, code);
	return read_made(s, out, err);
}

int local_server_make(const struct local_server_options *options, struct local_server **ret,
	struct err *err)
{
	struct local_server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, ERR_NO_MEMORY, "no memory for a server");
	s->serve_args = options ? options->serve_args : NULL;
	rc = start_keeper(s, err);
	if (rc == 0)
		rc = make_home(s, err);
	if (rc == 0)
		rc = name_store(s, options ? options->store : NULL, err);
	if (rc == 0 && options) { /* from here on something may lie in the store */
		s->ended = options->ended;
		s->user = options->user;
	}
	if (rc == 0)
		rc = init_folder(s, options ? options->init_args : NULL, err);
	if (rc < 0)
		local_server_free(&s);
	else
		*ret = s;
	return rc;
}

/* ---- serving ---- */

static int serve(struct local_server *s, struct err *err)
{
	const char *argv[ARGS_MAX] = { NULL };
	size_t n = fill_args(s, "serve", s->serve_args, argv);
	int rc;

	argv[n++] = "--tls-cert=";
	argv[n++] = "--tls-key=";
	argv[n++] = "--public-url";
	argv[n++] = "http://127.0.0.1"; /* nobody opens a receipt there */
	argv[n++] = "--listen";
	argv[n++] = "127.0.0.1:0";
	pthread_mutex_lock(&s->lock);
	rc = spawn(s, argv, &s->pid, &s->pipe, err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int local_server_start(struct local_server *server, struct err *err)
{
	static const char says[] = "listening on ";
	char line[256];
	int rc = serve(server, err);

	if (rc < 0)
		return rc;
	(void)drain(server->pipe, line, sizeof(line), true, START_MAX_MS);
	if (strncmp(line, says, sizeof(says) - 1) != 0) {
		pthread_mutex_lock(&server->lock);
		(void)end_server(server);
		pthread_mutex_unlock(&server->lock);
		return err_set(err, ERR_INTERNAL, "zegel serve on %s did not come up",
			server->folder);
	}
	snprintf(server->url, sizeof(server->url), "%.*s",
		(int)strcspn(line + sizeof(says) - 1, "\n"), line + sizeof(says) - 1);
	return 0;
}

int local_server_stop(struct local_server *server, struct err *err)
{
	int code;

	pthread_mutex_lock(&server->lock);
	code = end_server(server);
	pthread_mutex_unlock(&server->lock);
	if (code < 0)
		return err_set(err, ERR_INTERNAL,
			"zegel serve did not end within %d s and was killed", STOP_MAX_MS / 1000);
	if (code > 0)
		return err_set(err, ERR_INTERNAL, "zegel serve ended with %d", code);
	return 0;
}

void local_server_free(struct local_server **server)
{
	struct local_server *s = *server;

	*server = NULL;
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	(void)end_server(s);
	remove_home(s);
	pthread_mutex_unlock(&s->lock);
	stop_keeper(s);
	free(s);
}

void local_server_forget(struct local_server **server)
{
	struct local_server *s = *server;

	*server = NULL;
	if (!s)
		return;
	if (s->pid)
		close(s->pipe);
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
	free(s);
}

const char *local_server_url(const struct local_server *server)
{
	return server->url;
}

const char *local_server_key(const struct local_server *server)
{
	return server->key;
}

const char *local_server_store(const struct local_server *server)
{
	return server->store;
}

const char *local_server_folder(const struct local_server *server)
{
	return server->folder;
}

pid_t local_server_pid(const struct local_server *server)
{
	return server->pid;
}
