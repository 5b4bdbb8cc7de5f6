/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/events: one stream a device, by server-sent events. What a stream sends is read from the
 * store after the number it has reached, so nothing is lost between two connections; a commit only
 * wakes it.
 *
 * Lock: streams->lock guards the table and the life of its entries; a stream is woken under it, and
 * leaves the table under it in closed(), so it is never woken after it is gone. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/check.h"
#include "base/log.h"

#define TABLE 4096 /* lists; 20,000 streams make short ones */
#define PAGE 64
#define PAGE_BYTES (20 << 20)
#define KEEP_ALIVE_S 25
#define EVENT_FRAME 128 /* what stands around an event's body */

struct listener {
	struct listener *next;
	struct api *api;
	id_t64 device;
	id_t64 access;       /* the key it came with */
	_Atomic int64_t seq; /* the last number sent */
	bool greeted;
	atomic_bool revoked;
	bool started; /* `stream` is set */
	struct http_stream *stream;
};
struct streams {
	pthread_mutex_t lock;
	struct listener *table[TABLE];
	int64_t count;
};

struct streams *streams_new(void)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (s)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void streams_free(struct streams **streams)
{
	if (!*streams)
		return;
	pthread_mutex_destroy(&(*streams)->lock);
	free(*streams);
	*streams = NULL;
}

int64_t streams_count(struct streams *streams)
{
	int64_t count;

	pthread_mutex_lock(&streams->lock);
	count = streams->count;
	pthread_mutex_unlock(&streams->lock);
	return count;
}

static struct listener **list_of(struct streams *streams, id_t64 device)
{
	uint64_t x = (uint64_t)device * UINT64_C(0x9e3779b97f4a7c15);

	return &streams->table[x >> 52];
}

void streams_wake(struct streams *streams, id_t64 device)
{
	pthread_mutex_lock(&streams->lock);
	for (struct listener *l = *list_of(streams, device); l; l = l->next)
		if (l->device == device && l->started)
			http_stream_wake(l->stream);
	pthread_mutex_unlock(&streams->lock);
}

void streams_reach(struct streams *streams, id_t64 device, int64_t seq)
{
	pthread_mutex_lock(&streams->lock);
	for (struct listener *l = *list_of(streams, device); l; l = l->next)
		if (l->device == device && l->started && atomic_load(&l->seq) < seq)
			http_stream_wake(l->stream);
	pthread_mutex_unlock(&streams->lock);
}

void streams_check(struct streams *streams, const struct directory *directory)
{
	pthread_mutex_lock(&streams->lock);
	for (size_t i = 0; i < TABLE; i++)
		for (struct listener *l = streams->table[i]; l; l = l->next)
			if (l->started && !directory_in_force(directory, l->access)) {
				atomic_store(&l->revoked, true);
				http_stream_wake(l->stream);
			}
	pthread_mutex_unlock(&streams->lock);
}

/* ---- one stream ---- */

static int read_events(struct listener *l, struct arena *arena, struct event *events,
	size_t *ret_count, struct err *err)
{
	struct store_tx *tx;
	int rc = store_read_begin(l->api->options.store, &tx, err);

	if (rc < 0)
		return rc;
	rc = event_read(tx, l->device, l->seq, arena, events, PAGE, ret_count, err);
	store_read_end(&tx);
	return rc;
}

static bool fill(void *user, struct buf *buf)
{
	struct listener *l = user;
	struct arena *arena ARENA_AUTO = arena_new(PAGE_BYTES);
	struct event *events = arena ? arena_array(arena, PAGE, sizeof(*events)) : NULL;
	struct err err;
	size_t count = 0;

	if (!l->greeted)
		buf_cstr(buf, ": listening\n\n");
	l->greeted = true;
	if (!events || atomic_load(&l->revoked))
		return false;
	if (read_events(l, arena, events, &count, &err) < 0) {
		log_warn("an event stream ends: %s", err.text);
		return false; /* the device comes back with its Last-Event-ID */
	}
	for (size_t i = 0; i < count && !buf->failed; i++) {
		if (i > 0 && buf->max - buf->len < events[i].body.len + EVENT_FRAME)
			break; /* the rest with the next fill: there is more, it is asked again */
		buf_printf(buf, "id: %lld\nevent: %.*s\ndata: ", (long long)events[i].seq,
			STR_ARG(events[i].type));
		buf_add(buf, events[i].body);
		buf_cstr(buf, "\n\n");
		if (!buf->failed)
			l->seq = events[i].seq;
	}
	return !buf->failed;
}

static void closed(void *user)
{
	struct listener *l = user;
	struct streams *streams = l->api->streams;
	struct listener **at;

	pthread_mutex_lock(&streams->lock);
	for (at = list_of(streams, l->device); *at && *at != l; at = &(*at)->next)
		;
	if (*at)
		*at = l->next;
	streams->count--;
	pthread_mutex_unlock(&streams->lock);
	free(l);
}

static int read_head(struct op *op, id_t64 device, int64_t *ret, struct err *err)
{
	struct store_tx *tx;
	int rc = store_read_begin(op->api->options.store, &tx, err);

	if (rc < 0)
		return rc;
	rc = event_head(tx, device, ret, err);
	store_read_end(&tx);
	return rc;
}

/* Where a stream starts: after Last-Event-ID, or with what comes from now on. A number that was
 * never given out is of another life of this store, one after the backup it was restored from: to
 * wait for it would be to hear nothing. */
static int start_of(struct op *op, id_t64 device, int64_t *ret, struct err *err)
{
	struct str last = http_header(op->x, "last-event-id");
	int64_t after = INT64_MAX, head;
	int rc;

	if (last.len && !num_parse_range(last, 0, INT64_MAX, &after))
		return err_set(err, ERR_INVALID, "Last-Event-ID is the number of an event");
	rc = read_head(op, device, &head, err);
	if (rc == 0)
		*ret = after < head ? after : head;
	return rc;
}

/* The table has the listener before it reads for the first time: what is committed from now on
 * wakes it, what was committed before is read. */
static void enter(struct listener *l, struct http_exchange *x)
{
	static const struct http_stream_hooks hooks = { .fill = fill, .closed = closed };
	struct streams *streams = l->api->streams;
	struct listener **list = list_of(streams, l->device);

	pthread_mutex_lock(&streams->lock);
	l->next = *list;
	*list = l;
	streams->count++;
	l->stream = http_stream_open(x, &hooks, l, KEEP_ALIVE_S);
	l->started = l->stream != NULL;
	pthread_mutex_unlock(&streams->lock);
	if (!l->started)
		closed(l);
}

int api_events(struct op *op, struct err *err)
{
	const struct access *access = op->access;
	struct http_exchange *x = op->x;
	struct listener *l = calloc(1, sizeof(*l));
	int64_t start = 0;
	int rc = l ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for a stream");

	if (rc == 0) {
		l->api = op->api;
		l->access = access->id;
		l->device = access->device ? access->device->id : access->merchant->id;
		rc = start_of(op, l->device, &start, err);
		atomic_store(&l->seq, start);
	}
	if (rc < 0) {
		free(l);
		return rc;
	}
	world_release(&op->world);
	enter(l, x);
	return 0;
}
