/* SPDX-License-Identifier: Apache-2.0 */
/* The client on libcurl's multi interface; see client.h.
 *
 * Each connection is a *lane*: an easy handle, its multi handle and its buffers, set up once. A
 * request sets only what differs (method, target, body, key), so it allocates next to nothing here.
 * One multi a lane and not one for all: libcurl looks for an idle connection by walking all there
 * are, which at 256 connections costs more than the request.
 *
 * The sockets of all lanes hang in one epoll. libcurl asks to watch a socket and to forget it for
 * every request; here an idle socket stays watched for reading, which is what the next answer needs
 * anyhow.
 *
 * Invariants: 1. a lane is on the stack of free lanes exactly if no request is on it. 2.
 * watched[fd].mask is what the epoll has for fd. */
#include "app/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"

#define TIMEOUT_DEFAULT_MS 60000
#define EVENTS_MAX 256
/* How often it is looked for requests that wait too long, and for libcurl's own slow timers. */
#define LOOK_EVERY_NS INT64_C(250000000)
#define KEY_MAX 256
#define READ_BUFFER 16384

struct lane {
	struct client *client;
	CURLM *multi;
	CURL *easy;
	struct buf body; /* of the answer */
	struct client_request request;
	int64_t began_ns;
	bool busy;
	bool timer_due;            /* libcurl wants to be called now */
	enum client_method method; /* what the easy handle is set to */
	struct curl_slist headers[4];
	char authorization[KEY_MAX + 32];
	char why[CURL_ERROR_SIZE];
};

/* A socket in the epoll. */
struct watched {
	struct lane *lane;
	uint32_t mask; /* in the epoll; 0: not there */
	bool wanted;   /* libcurl asks for it now */
};

struct client {
	struct lane *lanes;
	struct lane **free; /* a stack: the lane used last is the warmest */
	struct lane **due;  /* lanes whose timer_due is set */
	struct watched *watched;
	int count, free_count, due_count;
	int watched_count;
	int epoll;
	int ended; /* requests that ended since the run began */
	int64_t timeout_ns;
	int64_t look_at_ns;
};

/* ---- what libcurl calls ---- */

static struct watched *watched_at(struct client *c, int fd)
{
	int count = c->watched_count ? c->watched_count : 64;
	struct watched *more;

	if (fd < c->watched_count)
		return &c->watched[fd];
	while (count <= fd)
		count *= 2;
	more = realloc(c->watched, (size_t)count * sizeof(*more));
	if (!more)
		return NULL;
	memset(more + c->watched_count, 0, (size_t)(count - c->watched_count) * sizeof(*more));
	c->watched = more;
	c->watched_count = count;
	return &c->watched[fd];
}

static int watch(struct client *c, int fd, struct watched *w, uint32_t mask)
{
	struct epoll_event event = { .events = mask, .data = { .fd = fd } };
	int op = !w->mask ? EPOLL_CTL_ADD : mask ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (w->mask == mask)
		return 0;
	w->mask = mask;
	return epoll_ctl(c->epoll, op, fd, &event);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	struct lane *lane = user;
	struct watched *w = watched_at(lane->client, fd);

	(void)easy;
	(void)socket_user;
	if (!w)
		return -1;
	w->lane = lane;
	w->wanted = what != CURL_POLL_REMOVE;
	if (what == CURL_POLL_REMOVE)
		return w->mask ? watch(lane->client, fd, w, EPOLLIN) : 0;
	return watch(lane->client, fd, w,
		(what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0));
}

/* The kernel takes a closed socket out of the epoll by itself, and its number will come again. */
static int on_close(void *user, curl_socket_t fd)
{
	struct client *c = user;

	if (fd < c->watched_count)
		c->watched[fd] = (struct watched) { 0 };
	return close(fd);
}

/* libcurl's timers are either "at once" or slow (connecting, resolving): the slow ones are looked
 * at with the requests that wait too long. */
static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
	struct lane *lane = user;

	(void)multi;
	if (timeout_ms == 0 && !lane->timer_due) {
		lane->timer_due = true;
		lane->client->due[lane->client->due_count++] = lane;
	}
	return 0;
}

static size_t on_body(char *ptr, size_t size, size_t count, void *user)
{
	struct lane *lane = user;

	buf_add(&lane->body, str_bytes(ptr, size * count));
	return lane->body.failed ? 0 : size * count;
}

/* ---- lanes ---- */

static bool set_callbacks(struct lane *lane)
{
	CURL *easy = lane->easy;

	return !curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket) &&
		!curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane) &&
		!curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_timer) &&
		!curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane) &&
		!curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, 1L) &&
		!curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) &&
		!curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, lane->client) &&
		!curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) &&
		!curl_easy_setopt(easy, CURLOPT_WRITEDATA, lane) &&
		!curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, lane->why);
}

/* Only these two: a URL never leads to a file. */
static bool set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	return !curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static bool set_easy(CURL *easy, const char *url)
{
	return !curl_easy_setopt(easy, CURLOPT_URL, url) && set_protocols(easy) &&
		!curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") &&
		!curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
		!curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
		!curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) &&
		!curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L) &&
		!curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)READ_BUFFER) &&
		!curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
}

static bool lane_init(struct client *c, struct lane *lane, const char *url)
{
	lane->client = c;
	buf_init(&lane->body, NULL, CLIENT_BODY_MAX);
	lane->headers[0] =
		(struct curl_slist) { .data = (char *)"Expect:", .next = &lane->headers[1] };
	lane->headers[1] =
		(struct curl_slist) { .data = (char *)"Accept:", .next = &lane->headers[2] };
	lane->headers[2] = (struct curl_slist) { .data = (char *)"Content-Type: application/json" };
	lane->headers[3] = (struct curl_slist) { .data = lane->authorization };
	lane->multi = curl_multi_init();
	lane->easy = curl_easy_init();
	return lane->multi && lane->easy && set_easy(lane->easy, url) && set_callbacks(lane) &&
		!curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, lane->headers);
}

static void lane_done(struct lane *lane)
{
	if (lane->busy)
		curl_multi_remove_handle(lane->multi, lane->easy);
	curl_multi_cleanup(lane->multi);
	curl_easy_cleanup(lane->easy);
	buf_done(&lane->body);
}

/* ---- opening ---- */

static void start_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Scheme and authority; the paths of requests begin at the root. */
static bool is_url(const char *text)
{
	size_t scheme = strncmp(text, "http://", 7) == 0 ? 7
		: strncmp(text, "https://", 8) == 0      ? 8
							 : 0;
	size_t authority = strcspn(text + scheme, "/?#");
	const char *rest = text + scheme + authority;

	return scheme && authority && (rest[0] == '\0' || strcmp(rest, "/") == 0);
}

static bool allocate(struct client *c)
{
	size_t n = (size_t)c->count;

	c->lanes = calloc(n, sizeof(*c->lanes));
	c->free = calloc(n, sizeof(struct lane *));
	c->due = calloc(n, sizeof(struct lane *));
	return c->lanes && c->free && c->due;
}

static bool open_lanes(struct client *c, const char *url)
{
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0 || !allocate(c))
		return false;
	for (int i = c->count - 1; i >= 0; i--) {
		if (!lane_init(c, &c->lanes[i], url))
			return false;
		c->free[c->free_count++] = &c->lanes[i];
	}
	return true;
}

/* A lane is three files: its socket, and the pair with which a multi can be woken. */
static int raise_limit(int connections, struct err *err)
{
	rlim_t needed = (rlim_t)connections * 3 + 64;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return 0;
	limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
	if (limit.rlim_cur < needed || setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return err_set(err, ERR_INVALID,
			"%d connections need %lld files, and %lld are allowed (ulimit -n)",
			connections, (long long)needed, (long long)limit.rlim_max);
	return 0;
}

int client_open(const struct client_options *options, struct client **ret, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct client *c;

	if (!is_url(options->url))
		return err_set(err, ERR_INVALID,
			"a server is named like http://127.0.0.1:8080, not \"%s\"", options->url);
	if (options->connections < 1 || options->connections > CLIENT_CONNECTIONS_MAX)
		return err_set(err, ERR_INVALID, "connections are 1 to %d", CLIENT_CONNECTIONS_MAX);
	if (raise_limit(options->connections, err) < 0)
		return ERR_INVALID;
	pthread_once(&once, start_curl);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, ERR_NO_MEMORY, "no memory for a client");
	c->count = options->connections;
	c->timeout_ns = (options->timeout_ms ? options->timeout_ms : TIMEOUT_DEFAULT_MS) * 1000000;
	if (!open_lanes(c, options->url)) {
		client_close(&c);
		return err_set(err, ERR_NO_MEMORY, "no memory or files for %d connections",
			options->connections);
	}
	*ret = c;
	return 0;
}

void client_close(struct client **client)
{
	struct client *c = *client;

	*client = NULL;
	if (!c)
		return;
	for (int i = 0; c->lanes && i < c->count; i++)
		lane_done(&c->lanes[i]);
	if (c->epoll >= 0)
		close(c->epoll);
	free(c->watched);
	free(c->due);
	free(c->free);
	free(c->lanes);
	free(c);
}

int client_idle(const struct client *client)
{
	return client->free_count;
}

int client_busy(const struct client *client)
{
	return client->count - client->free_count;
}

/* ---- sending ---- */

static bool set_key(struct lane *lane, const char *key)
{
	int n;

	lane->headers[2].next = key ? &lane->headers[3] : NULL;
	if (!key)
		return true;
	n = snprintf(lane->authorization, sizeof(lane->authorization), "Authorization: Bearer %s",
		key);
	return n > 0 && (size_t)n < sizeof(lane->authorization);
}

/* The options of a method stay until another comes. */
static bool set_method(struct lane *lane, enum client_method method)
{
	static const char *const words[] = { [CLIENT_PUT] = "PUT", [CLIENT_DELETE] = "DELETE" };

	if (lane->method == method)
		return true;
	lane->method = method;
	if (method == CLIENT_GET)
		return !curl_easy_setopt(lane->easy, CURLOPT_CUSTOMREQUEST, NULL) &&
			!curl_easy_setopt(lane->easy, CURLOPT_HTTPGET, 1L);
	return !curl_easy_setopt(lane->easy, CURLOPT_POST, 1L) &&
		!curl_easy_setopt(lane->easy, CURLOPT_CUSTOMREQUEST,
			method == CLIENT_POST ? NULL : words[method]);
}

static bool set_body(struct lane *lane, const struct client_request *request)
{
	if (request->method == CLIENT_GET)
		return true;
	return !curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		       (curl_off_t)request->body.len) &&
		!curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS,
			request->body.len ? request->body.ptr : "");
}

int client_send(struct client *client, const struct client_request *request, struct err *err)
{
	struct lane *lane;

	require(client->free_count > 0);
	lane = client->free[client->free_count - 1];
	lane->request = *request;
	lane->body.len = 0;
	lane->body.failed = false;
	lane->why[0] = '\0';
	if (!set_key(lane, request->key) || !set_method(lane, request->method) ||
		!set_body(lane, request) ||
		curl_easy_setopt(lane->easy, CURLOPT_REQUEST_TARGET, request->path) != CURLE_OK)
		return err_set(err, ERR_INTERNAL, "the request could not be made ready");
	lane->began_ns = clock_ticks_ns();
	if (curl_multi_add_handle(lane->multi, lane->easy) != CURLM_OK)
		return err_set(err, ERR_INTERNAL, "the request could not be started");
	client->free_count--;
	lane->busy = true;
	return 0;
}

/* ---- ends ---- */

static void finish(struct lane *lane, CURLcode code, const char *why)
{
	struct client *c = lane->client;
	struct client_answer answer = { .latency_ns = clock_ticks_ns() - lane->began_ns,
		.body = buf_str(&lane->body),
		.why = "" };
	curl_off_t retry_after = 0;
	long status = 0;

	if (code == CURLE_OK)
		(void)curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
	else
		answer.why = why ? why : lane->why[0] ? lane->why : curl_easy_strerror(code);
	if (status == 503 && !curl_easy_getinfo(lane->easy, CURLINFO_RETRY_AFTER, &retry_after))
		answer.retry_after_s = (int)retry_after;
	answer.status = (int)status;
	curl_multi_remove_handle(lane->multi, lane->easy);
	lane->busy = false;
	c->free[c->free_count++] = lane;
	c->ended++;
	lane->request.answered(lane->request.user, &answer);
}

static void act(struct lane *lane, curl_socket_t fd, int events)
{
	int running, left;

	(void)curl_multi_socket_action(lane->multi, fd, events, &running);
	if (lane->busy && running == 0) {
		const CURLMsg *message = curl_multi_info_read(lane->multi, &left);
		if (message && message->msg == CURLMSG_DONE)
			finish(lane, message->data.result, NULL);
	}
}

static void act_due(struct client *c)
{
	while (c->due_count > 0) {
		struct lane *lane = c->due[--c->due_count];
		lane->timer_due = false;
		act(lane, CURL_SOCKET_TIMEOUT, 0);
	}
}

/* Something at a socket libcurl does not ask about is the end of an idle connection, which libcurl
 * finds out by itself when it wants to use it: not to be told again and again. */
static void act_event(struct client *c, const struct epoll_event *event)
{
	int fd = event->data.fd;
	struct watched *w = &c->watched[fd];

	if (!w->wanted) {
		(void)watch(c, fd, w, 0);
		return;
	}
	act(w->lane, fd,
		(event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			(event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			(event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
}

/* Requests that wait too long, and timers that are not "at once". */
static void look(struct client *c)
{
	int64_t now = clock_ticks_ns();

	if (now < c->look_at_ns)
		return;
	c->look_at_ns = now + LOOK_EVERY_NS;
	for (int i = 0; i < c->count; i++) {
		struct lane *lane = &c->lanes[i];
		if (lane->busy)
			act(lane, CURL_SOCKET_TIMEOUT, 0);
		if (lane->busy && now - lane->began_ns > c->timeout_ns)
			finish(lane, CURLE_OPERATION_TIMEDOUT, "no answer came in time");
	}
}

/* ---- running ---- */

/* epoll_pwait2() counts in nanoseconds; an older kernel has it not. */
static int wait_for(struct client *c, struct epoll_event *events, int64_t timeout_ns)
{
	static bool old_kernel;
	struct timespec wait = { .tv_sec = timeout_ns / 1000000000,
		.tv_nsec = timeout_ns % 1000000000 };
	int n = old_kernel ? -1 : epoll_pwait2(c->epoll, events, EVENTS_MAX, &wait, NULL);

	if (n < 0 && (old_kernel || errno == ENOSYS)) {
		old_kernel = true;
		n = epoll_wait(c->epoll, events, EVENTS_MAX,
			(int)((timeout_ns + 999999) / 1000000));
	}
	return n;
}

static int64_t wait_ns(const struct client *c, int64_t until_ns)
{
	int64_t now = clock_ticks_ns();
	int64_t end = client_busy(c) && c->look_at_ns < until_ns ? c->look_at_ns : until_ns;

	return c->ended || end <= now ? 0 : end - now;
}

int client_run_until(struct client *client, int64_t ticks_ns, struct err *err)
{
	struct epoll_event events[EVENTS_MAX];
	int n;

	client->ended = 0;
	do {
		act_due(client);
		n = wait_for(client, events, wait_ns(client, ticks_ns));
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_INTERNAL, "epoll: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			act_event(client, &events[i]);
		look(client);
	} while (n >= 0 && client->ended == 0 && clock_ticks_ns() < ticks_ns);
	return client->ended;
}

int client_run(struct client *client, int timeout_ms, struct err *err)
{
	if (timeout_ms < 0 && client_busy(client) == 0)
		return 0;
	return client_run_until(client,
		timeout_ms < 0 ? INT64_MAX : clock_ticks_ns() + timeout_ms * INT64_C(1000000), err);
}

/* ---- one by one ---- */

struct calling {
	struct buf *body;
	int status;
	char why[120];
};

static void keep_answer(void *user, const struct client_answer *answer)
{
	struct calling *calling = user;

	calling->status = answer->status;
	buf_add(calling->body, answer->body);
	snprintf(calling->why, sizeof(calling->why), "%s", answer->why);
}

int client_call(struct client *client, enum client_method method, const char *path, const char *key,
	struct str body, struct buf *ret_body, struct err *err)
{
	struct calling calling = { .body = ret_body };
	struct client_request request = { .method = method,
		.path = path,
		.key = key,
		.body = body,
		.answered = keep_answer,
		.user = &calling };
	int rc;

	buf_reset(ret_body);
	require(client_busy(client) == 0);
	rc = client_send(client, &request, err);
	while (rc >= 0 && client_busy(client) > 0)
		rc = client_run(client, -1, err);
	if (rc < 0)
		return rc;
	if (calling.status == 0)
		return err_set(err, ERR_IO, "the server did not answer: %s", calling.why);
	return calling.status;
}
