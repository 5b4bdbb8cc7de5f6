/* SPDX-License-Identifier: Apache-2.0 */
/* For this room's tests: a server on a free port with a few paths, a thread that replies later, and
 * a client that sends exactly the bytes it is told. Every wait has an end. */
#ifndef HTTP_TEST_CLIENT_H
#define HTTP_TEST_CLIENT_H

#include <pthread.h>
#include <stdbool.h>

#include "http/http.h"
#include "tests/support/test.h"

#define CLIENT_WAIT_S 20

/* ---- the server ---- */

#define FIXTURE_QUEUE 4096

/* Paths: /echo replies the body at once, /later by the other thread, /held not before
 * fixture_release(), /length what it saw of the body, /query?name= the value,
 * /headers with headers of its own, /nothing without any reply, /events a stream (stream_test.c),
 * /poor without memory. Others reply the path. */
struct fixture {
	struct http_server *server;
	int port;
	pthread_t worker;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_exchange *queue[FIXTURE_QUEUE];
	int queued, held; /* in the queue; of them, not to be replied to yet */
	bool quitting;
	int handled; /* calls of the handler */
	void (*stream)(struct fixture *f, struct http_exchange *x);
	void *user;
};

/* Starts it; options may be NULL. */
void fixture_start(struct fixture *f, const struct http_options *options);
void fixture_stop(struct fixture *f, int wait_s);
/* The same in two steps: the server, then the thread that replies. */
void fixture_stop_server(struct fixture *f, int wait_s);
void fixture_stop_worker(struct fixture *f);
/* Replies to what was held. */
void fixture_release(struct fixture *f);
/* Waits until so many are held. */
void fixture_wait_held(struct fixture *f, int count);
/* Waits until each() is true; fails the test after CLIENT_WAIT_S. */
void wait_until(bool (*each)(void *user), void *user, const char *what);
struct http_stats fixture_stats(struct fixture *f);

/* ---- the client ---- */

struct client {
	int fd;
	char buf[65536];
	size_t len; /* bytes in buf that were not taken yet */
};

struct response {
	int status;
	bool chunked;
	size_t length;
	char head[4096];
	char body[65536];
};

void client_open(struct client *c, int port);
void client_close(struct client *c);
void client_send(struct client *c, struct str bytes);
void client_text(struct client *c, const char *text);
/* Reads one response; of a chunked one, only the head. `head`: it answers a HEAD request. */
void client_read(struct client *c, struct response *ret, bool head);
/* Sends a request without a body, and reads the response. */
int client_get(struct client *c, const char *method, const char *path, struct response *ret);
/* Reads until the other side ends; true if it does. The bytes are thrown away. */
bool client_ended(struct client *c);
/* Reads more into buf; false at the end of the connection. */
bool client_fill(struct client *c);
void client_take(struct client *c, size_t n);

#endif
