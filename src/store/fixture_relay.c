/* SPDX-License-Identifier: Apache-2.0 */
/* See fixture_relay.h. One thread for all lines of a relay. */
#include "store/fixture_relay.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINES_MAX 48

struct line {
	int client, server;
};

static const char *const *pretended;

static int socket_at(const char *path, int (*how)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (how(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool write_all(int fd, const char *bytes, ssize_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, (size_t)len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes += n;
		len -= n;
	}
	return true;
}

/* Passes on what is there; false: the line ends. */
static bool pass(struct relay *relay, int from, int to, bool answers)
{
	char bytes[65536];
	ssize_t n = recv(from, bytes, sizeof(bytes), 0);
	if (n <= 0)
		return false;
	if (answers && atomic_load(&relay->cut_commit) && memmem(bytes, (size_t)n, "COMMIT", 7)) {
		atomic_store(&relay->cut_commit, false);
		atomic_fetch_add(&relay->cuts, 1);
		return false;
	}
	return write_all(to, bytes, n);
}

static void hang_up(struct line *line)
{
	close(line->client);
	close(line->server);
	*line = (struct line) { -1, -1 };
}

static void take_call(struct relay *relay, struct line *lines)
{
	int client = accept(relay->listener, NULL, NULL);
	for (int i = 0; i < LINES_MAX; i++) {
		if (lines[i].client >= 0)
			continue;
		lines[i] = (struct line) { client, socket_at(relay->server, connect) };
		if (lines[i].server < 0)
			hang_up(&lines[i]);
		return;
	}
	close(client);
}

static void *work(void *user)
{
	struct relay *relay = user;
	struct line lines[LINES_MAX];
	struct pollfd fds[2 + 2 * LINES_MAX];
	for (int i = 0; i < LINES_MAX; i++)
		lines[i] = (struct line) { -1, -1 };
	for (;;) {
		fds[0] = (struct pollfd) { relay->stop[0], POLLIN, 0 };
		fds[1] = (struct pollfd) { relay->listener, POLLIN, 0 };
		for (int i = 0; i < LINES_MAX; i++) {
			fds[2 + 2 * i] = (struct pollfd) { lines[i].client, POLLIN, 0 };
			fds[3 + 2 * i] = (struct pollfd) { lines[i].server, POLLIN, 0 };
		}
		poll(fds, 2 + 2 * LINES_MAX, -1);
		if (fds[0].revents)
			break;
		for (int i = 0; i < LINES_MAX; i++) {
			bool up = true;
			if (fds[2 + 2 * i].revents)
				up = pass(relay, lines[i].client, lines[i].server, false);
			if (up && fds[3 + 2 * i].revents)
				up = pass(relay, lines[i].server, lines[i].client, true);
			if (!up)
				hang_up(&lines[i]);
		}
		if (fds[1].revents)
			take_call(relay, lines);
	}
	for (int i = 0; i < LINES_MAX; i++) {
		if (lines[i].client >= 0)
			hang_up(&lines[i]);
	}
	return NULL;
}

/* Where the server of the tests listens. */
static void find_server(struct relay *relay)
{
	PGconn *pg = fixture_psql();
	snprintf(relay->server, sizeof(relay->server), "%s/.s.PGSQL.%s", PQhost(pg), PQport(pg));
	PQfinish(pg);
}

static void listen_in(struct relay *relay, struct fixture *fixture, void *(*thread)(void *))
{
	snprintf(relay->path, sizeof(relay->path), "%s/.s.PGSQL.5432", fixture->dir);
	relay->listener = socket_at(relay->path, bind);
	assert_true(relay->listener >= 0);
	assert_int_equal(listen(relay->listener, 64), 0);
	assert_int_equal(pipe(relay->stop), 0);
	assert_int_equal(pthread_create(&relay->thread, NULL, thread, relay), 0);
}

void relay_start(struct relay *relay, struct fixture *fixture)
{
	memset(relay, 0, sizeof(*relay));
	find_server(relay);
	listen_in(relay, fixture, work);
}

void relay_stop(struct relay *relay)
{
	assert_int_equal(write(relay->stop[1], "x", 1), 1);
	pthread_join(relay->thread, NULL);
	close(relay->listener);
	close(relay->stop[0]);
	close(relay->stop[1]);
	unlink(relay->path);
}

void relay_url(struct fixture *fixture)
{
	snprintf(fixture->url, sizeof(fixture->url),
		"postgresql:///postgres?host=%s&port=5432&user=postgres"
		"&options=-csearch_path%%3D%s",
		fixture->dir, fixture->schema);
	fixture->options.url = str_of(fixture->url);
}

/* ---- a server that is not one ---- */

static size_t message(char *out, char type, const void *bytes, size_t len)
{
	uint32_t size = __builtin_bswap32((uint32_t)len + 4);
	out[0] = type;
	memcpy(out + 1, &size, 4);
	memcpy(out + 5, bytes, len);
	return len + 5;
}

static void say_hello(int client)
{
	char bytes[2000], asked[2000], pair[200];
	if (recv(client, asked, sizeof(asked), 0) <= 0)
		return;
	size_t len = message(bytes, 'R', "\0\0\0\0", 4);
	for (const char *const *p = pretended; *p; p++) {
		size_t n = (size_t)snprintf(pair, sizeof(pair), "%s", *p) + 1;
		pair[strcspn(pair, "=")] = '\0';
		len += message(bytes + len, 'S', pair, n);
	}
	len += message(bytes + len, 'K', "\0\0\0\1\0\0\0\2", 8);
	len += message(bytes + len, 'Z', "I", 1);
	if (write_all(client, bytes, (ssize_t)len) && recv(client, asked, sizeof(asked), 0) < 0)
		return;
}

static void *pretend(void *user)
{
	struct relay *relay = user;
	struct pollfd fds[2] = { { relay->stop[0], POLLIN, 0 }, { relay->listener, POLLIN, 0 } };
	while (poll(fds, 2, -1) > 0 && !fds[0].revents) {
		int client = accept(relay->listener, NULL, NULL);
		say_hello(client);
		close(client);
	}
	return NULL;
}

void relay_pretend(struct relay *relay, struct fixture *fixture, const char *const *parameters)
{
	memset(relay, 0, sizeof(*relay));
	pretended = parameters;
	listen_in(relay, fixture, pretend);
}
