/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: one thread that accepts connections and watches over them.
 *
 * It looks at the peers of one worker after the other, so what it does for 10,000 peers is spread
 * over the round. For each peer:
 *   - a body that has not arrived by its deadline: the connection is cut;
 *   - a head that has begun and is not there by its deadline: cut. libmicrohttpd tells nothing
 *     before a head is complete, so the kernel's count of bytes received is compared with the count
 *     when this wait began; a connection that has sent nothing has libmicrohttpd's idle timeout;
 *   - a stream that has been silent for long: it sends a comment line.
 *
 * A cut is shutdown(2): the worker sees the end of the connection and clears it away as usual.
 *
 * Invariants
 * K1  peer->seen_* and peer->head_due are written by this thread only.
 * K2  The head's deadline names the wait it belongs to (requests served before), so one of a
 *     request that is over never cuts the next. */
#include <errno.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "http/http_impl.h"

#define ACCEPT_BATCH 64
#define COMPLAIN_EVERY_MS 60000

/* ---- peers come and go, on their worker's thread ---- */

static void list_add(struct http_peer *peer)
{
	struct http_worker *worker = peer->worker;
	pthread_mutex_lock(&worker->lock);
	peer->next = worker->first;
	if (peer->next)
		peer->next->prev = peer;
	worker->first = peer;
	pthread_mutex_unlock(&worker->lock);
}

static void list_remove(struct http_peer *peer)
{
	struct http_worker *worker = peer->worker;
	pthread_mutex_lock(&worker->lock);
	if (peer->prev)
		peer->prev->next = peer->next;
	else
		worker->first = peer->next;
	if (peer->next)
		peer->next->prev = peer->prev;
	atomic_fetch_add(&worker->server->served_before, atomic_load(&peer->served));
	pthread_mutex_unlock(&worker->lock);
}

/* Without memory *context stays NULL, and the first request ends the connection. */
static void peer_start(struct http_worker *worker, struct MHD_Connection *connection,
	void **context)
{
	struct http_peer *peer = *context = calloc(1, sizeof *peer);
	atomic_fetch_add(&worker->server->connections, 1);
	if (!peer)
		return;
	peer->fd =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	peer->worker = worker;
	peer->exchange.server = worker->server;
	peer->exchange.connection = connection;
	atomic_init(&peer->owners, 1);
	atomic_init(&peer->watch, WATCH(WATCH_IDLE, 0));
	list_add(peer);
}

static void peer_end(struct http_worker *worker, struct http_peer *peer)
{
	if (peer)
		list_remove(peer);
	atomic_fetch_sub(&worker->server->connections, 1);
	atomic_fetch_sub(&worker->load, 1);
	if (peer)
		keeper_release(peer);
}

void keeper_notify(void *user, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		peer_start(user, connection, socket_context);
	else
		peer_end(user, *socket_context);
}

void keeper_release(struct http_peer *peer)
{
	if (atomic_fetch_sub(&peer->owners, 1) > 1)
		return;
	arena_free(&peer->exchange.arena);
	free(peer);
}

/* ---- watching ---- */

static uint64_t bytes_received(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;
	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_bytes_received;
}

/* Is the peer's head late? */
static bool watch_idle(struct http_server *server, struct http_peer *peer, uint64_t word,
	int64_t now)
{
	uint64_t served = (uint64_t)WATCH_ARGUMENT(word);
	uint64_t due = atomic_load_explicit(&peer->head_due, memory_order_relaxed);
	if (word != peer->seen_watch) {
		peer->seen_watch = word;
		peer->seen_bytes = served ? bytes_received(peer->fd) : 0;
		due = 0;
	}
	if (due == 0 && bytes_received(peer->fd) != peer->seen_bytes)
		due = (uint64_t)(now + server->arrive_ms) << 16 | (served & 0xFFFF);
	atomic_store_explicit(&peer->head_due, due, memory_order_relaxed);
	return due != 0 && (int64_t)(due >> 16) <= now;
}

static bool is_late(struct http_server *server, struct http_peer *peer, int64_t now)
{
	uint64_t word = atomic_load_explicit(&peer->watch, memory_order_acquire);
	switch (WATCH_PHASE(word)) {
	case WATCH_IDLE:
		return watch_idle(server, peer, word, now);
	case WATCH_ARRIVING:
		return WATCH_ARGUMENT(word) <= now;
	case WATCH_OFF:
		break;
	}
	return false;
}

static void watch_peers(struct http_server *server, struct http_worker *worker, int64_t now)
{
	pthread_mutex_lock(&worker->lock);
	for (struct http_peer *peer = worker->first; peer; peer = peer->next) {
		if (is_late(server, peer, now)) {
			atomic_fetch_add(&server->refused, 1);
			shutdown(peer->fd, SHUT_RDWR);
		} else if (peer->exchange.stream) {
			stream_keep_alive(peer->exchange.stream, now);
		}
	}
	pthread_mutex_unlock(&worker->lock);
}

/* ---- accepting ---- */

/* The worker with the fewest packs of connections; of those, with the fewest streams; of those, the
 * first. So a few busy connections share a few threads, which then find several of them ready each
 * time they wake, and streams spread evenly. */
static struct http_worker *choose_worker(struct http_server *server)
{
	struct http_worker *best = server->workers;
	int best_packs = INT_MAX, best_streams = INT_MAX;
	for (int i = 0; i < server->worker_count; i++) {
		struct http_worker *worker = &server->workers[i];
		int packs =
			atomic_load_explicit(&worker->load, memory_order_relaxed) / server->pack;
		int streams = atomic_load_explicit(&worker->streams, memory_order_relaxed);
		if (packs > best_packs || (packs == best_packs && streams >= best_streams))
			continue;
		best = worker;
		best_packs = packs;
		best_streams = streams;
	}
	return best;
}

/* What the thread remembers. */
struct keeper {
	struct http_server *server;
	int64_t now, next_look, complained;
	bool out_of_files;
	unsigned turn;
};

/* At most once a minute: what an operator must know. */
static void complain(struct keeper *keeper, const char *text)
{
	if (keeper->complained && keeper->now - keeper->complained < COMPLAIN_EVERY_MS)
		return;
	keeper->complained = keeper->now;
	log_warn("http: %s", text);
}

static void hand_over(struct http_server *server, int fd, struct sockaddr *from, socklen_t len)
{
	struct http_worker *worker = choose_worker(server);
	atomic_fetch_add(&worker->load, 1);
	/* It closes the socket if it fails. */
	if (MHD_add_connection(worker->daemon, fd, from, len) == MHD_NO)
		atomic_fetch_sub(&worker->load, 1);
}

/* Takes one waiting connection; false if there is none or it cannot be taken. */
static bool accept_one(struct keeper *keeper)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd = accept4(keeper->server->listen_fd, (struct sockaddr *)&from, &len,
		SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		hand_over(keeper->server, fd, (struct sockaddr *)&from, len);
		return true;
	}
	keeper->out_of_files = errno == EMFILE || errno == ENFILE;
	if (keeper->out_of_files)
		complain(keeper,
			"no more files can be opened, clients wait: raise the limit "
			"(ulimit -n, LimitNOFILE=)");
	return errno == ECONNABORTED || errno == EINTR;
}

static bool has_room(struct http_server *server)
{
	return atomic_load_explicit(&server->connections, memory_order_relaxed) <
		server->connections_max;
}

static void accept_batch(struct keeper *keeper)
{
	for (int i = 0; i < ACCEPT_BATCH && has_room(keeper->server); i++)
		if (!accept_one(keeper))
			return;
}

/* ---- the thread ---- */

/* Waits for clients or the time to look at a worker; returns whether there are clients. Out of room
 * or of files it does not listen until then: they wait in the kernel's queue. */
static bool wait_for_clients(struct keeper *keeper)
{
	struct http_server *server = keeper->server;
	bool listening = has_room(server) && !keeper->out_of_files;
	struct pollfd fds[2] = {
		{ .fd = server->wake_fd, .events = POLLIN },
		{ .fd = listening ? server->listen_fd : -1, .events = POLLIN },
	};
	int64_t left = keeper->next_look - http_now_ms();
	int ready = poll(fds, 2, left > 0 ? (int)left : 0);
	keeper->now = http_now_ms();
	atomic_store_explicit(&server->now_ms, keeper->now, memory_order_relaxed);
	if (!has_room(server))
		complain(keeper, "the largest number of connections is reached, clients wait");
	return ready > 0 && fds[1].revents;
}

static void look(struct keeper *keeper)
{
	struct http_server *server = keeper->server;
	watch_peers(server, &server->workers[keeper->turn], keeper->now);
	keeper->turn = (keeper->turn + 1) % (unsigned)server->worker_count;
	keeper->next_look = keeper->now + server->round_ms / server->worker_count + 1;
	keeper->out_of_files = false;
}

static void *keeper_run(void *user)
{
	struct keeper keeper = { .server = user };
	while (!atomic_load(&keeper.server->stopping)) {
		if (wait_for_clients(&keeper))
			accept_batch(&keeper);
		if (keeper.now >= keeper.next_look)
			look(&keeper);
	}
	return NULL;
}

int keeper_start(struct http_server *server, struct err *err)
{
	server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (server->wake_fd < 0 || pthread_create(&server->keeper, NULL, keeper_run, server) != 0) {
		if (server->wake_fd >= 0)
			close(server->wake_fd);
		return err_set(err, ERR_IO, "the HTTP server's own thread did not start");
	}
	pthread_setname_np(server->keeper, "http-keeper");
	return 0;
}

void keeper_stop(struct http_server *server)
{
	uint64_t one = 1;
	if (write(server->wake_fd, &one, sizeof one) < 0)
		(void)unexpected(errno != EAGAIN);
	pthread_join(server->keeper, NULL);
	close(server->wake_fd);
	close(server->listen_fd);
}
