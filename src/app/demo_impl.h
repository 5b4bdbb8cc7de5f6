/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the demo: what it knows while the story is played, how it shows it, and
 * how a device hears its events.
 *
 *   demo.c         the command: folder, server, story, serving on
 *   demo_story.c   the story, scene by scene, through the public contract
 *   demo_show.c    how it looks in a terminal
 *   demo_stream.c  one device's event stream */
#ifndef APP_DEMO_IMPL_H
#define APP_DEMO_IMPL_H

#include "app/app.h"
#include "app/client.h"
#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"

/* ---- showing ---- */

struct show {
	bool quiet;   /* nothing is shown */
	bool colours; /* a terminal that wants them */
	bool paced;   /* a person reads along */
	bool utf8;
	bool stopped; /* Ctrl-C, or nobody reads any more */
	int signal;   /* that stopped it; 0: none */
};
void show_init(struct show *show);
void show_chapter(struct show *show, const char *title);
/* What happens, in plain English; wrapped. */
void show_say(struct show *show, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What came of it, one line. */
void show_effect(struct show *show, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void show_request(struct show *show, const char *who, const char *method, const char *path,
	const struct json *body);
/* body NULL: not shown. */
void show_answer(struct show *show, int status, const struct json *body);
void show_event(struct show *show, const char *who, const char *type, const struct json *body);
/* Text as it is: an address, a command to try. */
void show_plain(struct show *show, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- hearing ---- */

struct stream;
/* Opens the event stream of the device with that key, from now on. */
int stream_open(const char *url, const char *key, struct stream **ret, struct err *err) must_check;
/* Waits for the next event of that type and skips others; *ret_body lives until the next call.
 * ERR_IO: none came within some seconds. */
int stream_expect(struct stream *stream, const char *type, struct str *ret_body,
	struct err *err) must_check;
void stream_close(struct stream **stream);

/* ---- the story ---- */

struct demo_device {
	const char *word; /* "till": how lines about it begin */
	char id[64], key[ACCESS_TEXT_MAX];
	struct stream *stream;
};
struct demo {
	struct show show;
	struct client *client;
	struct arena *arena; /* of the whole story */
	char url[512];
	char admin[ACCESS_TEXT_MAX];
	struct demo_device till, reader;
	bool first;      /* the folder is new */
	const char *who; /* the shopper */
	char tag[32];    /* what this run's ids begin with */
	char member[64], reward[64], receipt[256];
};
/* Plays it. A refusal that the story does not expect is an error; being stopped is none. */
int demo_play(struct demo *demo, struct err *err) must_check;
/* What there is to try, once it serves on. */
void demo_farewell(struct demo *demo);

#endif
