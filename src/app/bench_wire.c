/* SPDX-License-Identifier: Apache-2.0 */
/* The load's side of HTTP/1.1. It shares its cores with the server it measures, so it does little:
 * one epoll, requests that are ready made, of an answer only its status and length. libcurl,
 * which sets the bench up (client.h), takes three times as much for a request
 * (docs/decisions/0008); real tills have their own processors. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/bench_impl.h"
#include "base/clock.h"
#include "base/num.h"

/* An answer to a sale or a touch is below this. */
#define ANSWER_MAX (64 << 10)
#define EVENTS 256

struct line {
	int fd;
	int64_t due_ns;  /* of the request that is under way */
	struct str rest; /* of the request: what did not go out at once */
	size_t got;
	char *in;
};
struct wire {
	int epoll;
	int count;
	struct line *lines;
	int *idle; /* a stack */
	int idle_count;
};

/* ---- connecting ---- */

static int parse_url(const char *url, struct sockaddr_in *ret, struct err *err)
{
	struct str rest = str_of(url);
	struct str host;
	char text[64];
	int64_t port = 80;

	*ret = (struct sockaddr_in) { .sin_family = AF_INET };
	if (!str_starts(rest, "http://"))
		return err_set(err, ERR_INVALID, "%s: the bench measures over http:// only", url);
	rest = str_from(rest, strlen("http://"));
	rest = str_cut(&rest, '/');
	host = str_cut(&rest, ':');
	if (host.len == 0 || host.len >= sizeof(text) ||
		(rest.len && !num_parse_range(rest, 1, 65535, &port)))
		return err_set(err, ERR_INVALID, "%s is not an address to measure", url);
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	ret->sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, strcmp(text, "localhost") == 0 ? "127.0.0.1" : text,
		    &ret->sin_addr) != 1)
		return err_set(err, ERR_INVALID, "%s: give the server's IPv4 address", url);
	return 0;
}

int wire_connect(const char *url, int *ret_fd, struct err *err)
{
	struct sockaddr_in address;
	int on = 1;
	int rc = parse_url(url, &address, err);
	int fd;

	if (rc < 0)
		return rc;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		rc = err_set(err, ERR_IO, "%s: %s", url, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*ret_fd = fd;
	return 0;
}

static int open_line(struct wire *wire, const char *url, struct err *err)
{
	struct line *line = &wire->lines[wire->count];
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)wire->count };
	int rc;

	line->fd = -1;
	line->in = malloc(ANSWER_MAX);
	if (!line->in)
		return err_set(err, ERR_NO_MEMORY, "no memory for a connection");
	wire->count++; /* from here on wire_close() ends it */
	rc = wire_connect(url, &line->fd, err);
	if (rc == 0 && epoll_ctl(wire->epoll, EPOLL_CTL_ADD, line->fd, &event) != 0)
		rc = err_set(err, ERR_IO, "epoll: %s", strerror(errno));
	return rc;
}

int wire_open(const char *url, int connections, struct wire **ret, struct err *err)
{
	struct wire *wire = calloc(1, sizeof(*wire));
	int rc = 0;

	if (!wire)
		return err_set(err, ERR_NO_MEMORY, "no memory for connections");
	wire->epoll = epoll_create1(EPOLL_CLOEXEC);
	wire->lines = calloc((size_t)connections, sizeof(*wire->lines));
	wire->idle = calloc((size_t)connections, sizeof(*wire->idle));
	if (wire->epoll < 0 || !wire->lines || !wire->idle)
		rc = err_set(err, ERR_NO_MEMORY, "no memory for connections");
	for (int i = 0; i < connections && rc == 0; i++)
		rc = open_line(wire, url, err);
	if (rc < 0) {
		wire_close(&wire);
		return rc;
	}
	for (int i = connections - 1; i >= 0; i--)
		wire->idle[wire->idle_count++] = i;
	*ret = wire;
	return 0;
}

void wire_close(struct wire **wire)
{
	struct wire *w = *wire;

	*wire = NULL;
	if (!w)
		return;
	for (int i = 0; i < w->count; i++) {
		if (w->lines[i].fd >= 0)
			close(w->lines[i].fd);
		free(w->lines[i].in);
	}
	if (w->epoll >= 0)
		close(w->epoll);
	free(w->lines);
	free(w->idle);
	free(w);
}

/* ---- sending ---- */

int wire_idle(const struct wire *wire)
{
	return wire->idle_count ? wire->idle[wire->idle_count - 1] : -1;
}

int wire_busy(const struct wire *wire)
{
	return wire->count - wire->idle_count;
}

static int watch(struct wire *wire, int connection, bool writing, struct err *err)
{
	struct epoll_event event = { .events = EPOLLIN | (writing ? EPOLLOUT : 0),
		.data.u32 = (uint32_t)connection };

	if (epoll_ctl(wire->epoll, EPOLL_CTL_MOD, wire->lines[connection].fd, &event) != 0)
		return err_set(err, ERR_IO, "epoll: %s", strerror(errno));
	return 0;
}

/* 0: all of it went out; 1: some is left. */
static int push(struct line *line, struct err *err)
{
	ssize_t n = send(line->fd, line->rest.ptr, line->rest.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		return err_set(err, ERR_IO, "the server hung up: %s", strerror(errno));
	line->rest = str_from(line->rest, n < 0 ? 0 : (size_t)n);
	return line->rest.len != 0;
}

int wire_send(struct wire *wire, int connection, struct str request, int64_t due_ns,
	struct err *err)
{
	struct line *line = &wire->lines[connection];
	int rc;

	if (wire->idle_count && wire->idle[wire->idle_count - 1] == connection)
		wire->idle_count--;
	line->due_ns = due_ns;
	line->rest = request;
	line->got = 0;
	rc = push(line, err);
	return rc > 0 ? watch(wire, connection, true, err) : rc;
}

/* ---- answers ---- */

/* The length of the whole answer once its head is there; 0: not yet; -1: not an answer we can read.
 */
static long whole_length(const struct line *line, int *ret_status, size_t *ret_head)
{
	const char *end = memmem(line->in, line->got, "\r\n\r\n", 4);
	const char *field;
	struct str number;
	int64_t length, status;

	if (!end)
		return line->got == ANSWER_MAX ? -1 : 0;
	*ret_head = (size_t)(end - line->in) + 4;
	field = memmem(line->in, *ret_head, "\r\nContent-Length: ", 18);
	if (!field || *ret_head < 16 ||
		!num_parse_range(str_bytes(line->in + 9, 3), 100, 599, &status))
		return -1;
	number = str_bytes(field + 18, (size_t)(end + 2 - field - 18));
	number = str_cut(&number, '\r');
	if (!num_parse_range(number, 0, ANSWER_MAX - (int64_t)*ret_head, &length))
		return -1;
	*ret_status = (int)status;
	return (long)*ret_head + (long)length;
}

static int pull(struct wire *wire, int connection, wire_answered *answered, void *user,
	struct err *err)
{
	struct line *line = &wire->lines[connection];
	ssize_t n = recv(line->fd, line->in + line->got, ANSWER_MAX - line->got, MSG_DONTWAIT);
	size_t head = 0;
	int status = 0;
	long whole;

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return err_set(err, ERR_IO, "the server hung up: %s",
			n < 0 ? strerror(errno) : "closed");
	line->got += (size_t)n;
	whole = whole_length(line, &status, &head);
	if (whole < 0 || (whole > 0 && line->got > (size_t)whole))
		return err_set(err, ERR_IO, "an answer that the bench cannot read");
	if (whole == 0 || line->got < (size_t)whole)
		return 0;
	wire->idle[wire->idle_count++] = connection;
	answered(user, connection, status, str_bytes(line->in + head, (size_t)whole - head),
		line->due_ns);
	return 0;
}

static int serve_line(struct wire *wire, const struct epoll_event *event, wire_answered *answered,
	void *user, struct err *err)
{
	int connection = (int)event->data.u32;
	int rc = 0;

	if (event->events & EPOLLOUT) {
		rc = push(&wire->lines[connection], err);
		if (rc == 0)
			rc = watch(wire, connection, false, err);
	}
	if (rc >= 0 && (event->events & ~(uint32_t)EPOLLOUT))
		rc = pull(wire, connection, answered, user, err);
	return rc < 0 ? rc : 0;
}

int wire_run(struct wire *wire, int64_t until_ns, wire_answered *answered, void *user,
	struct err *err)
{
	struct epoll_event events[EVENTS];
	struct pollfd poll_epoll = { .fd = wire->epoll, .events = POLLIN };
	int64_t left = until_ns - clock_ticks_ns();
	struct timespec wait = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
	int rc = 0;
	int n = epoll_wait(wire->epoll, events, EVENTS, 0);

	if (n == 0 && left > 0) { /* epoll's own time-out counts milliseconds */
		(void)ppoll(&poll_epoll, 1, &wait, NULL);
		n = epoll_wait(wire->epoll, events, EVENTS, 0);
	}
	if (n < 0 && errno != EINTR)
		return err_set(err, ERR_IO, "epoll: %s", strerror(errno));
	for (int i = 0; i < n && rc == 0; i++)
		rc = serve_line(wire, &events[i], answered, user, err);
	return rc;
}
