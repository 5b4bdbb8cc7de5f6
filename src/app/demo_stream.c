/* SPDX-License-Identifier: Apache-2.0 */
/* A device's event stream, as a device keeps it: opened once, before anything happens, read when
 * there is something to wait for. What came meanwhile waits in the connection. */
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "app/demo_impl.h"

#define WAIT_MS 5000
#define POLL_MS 50
/* Of one event; ours have a few hundred bytes. */
#define EVENT_BYTES_MAX (1 << 20)

struct stream {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	struct buf bytes; /* received, not yet read */
	struct buf body;  /* of the event that was returned */
};

static size_t receive(char *data, size_t size, size_t count, void *user)
{
	struct stream *stream = user;

	buf_add(&stream->bytes, str_bytes(data, size * count));
	return stream->bytes.failed ? 0 : size * count;
}

/* Takes what has come; false if the server ended it. */
static bool take(struct stream *stream)
{
	int running = 0;

	return curl_multi_perform(stream->multi, &running) == CURLM_OK && running > 0 &&
		curl_multi_poll(stream->multi, NULL, 0, POLL_MS, NULL) == CURLM_OK;
}

/* Removes the first whole block (a blank line ends it) and gives its type and data; false: none is
 * whole. Our events have one line of data. */
static bool next_block(struct stream *stream, char type[64])
{
	struct str bytes = buf_str(&stream->bytes);
	const char *end = bytes.len ? memmem(bytes.ptr, bytes.len, "\n\n", 2) : NULL;
	struct str block, rest;

	if (!end)
		return false;
	block = str_first(bytes, (size_t)(end - bytes.ptr));
	rest = str_from(bytes, block.len + 2);
	type[0] = '\0';
	buf_reset(&stream->body);
	while (block.len) {
		struct str line = str_cut(&block, '\n');
		if (str_starts(line, "event: "))
			snprintf(type, 64, "%.*s", (int)line.len - 7, line.ptr + 7);
		else if (str_starts(line, "data: "))
			buf_add(&stream->body, str_from(line, 6));
	}
	memmove(stream->bytes.ptr, rest.ptr, rest.len);
	stream->bytes.len = rest.len;
	return true;
}

/* Waits for a block with that type; "" is the greeting. */
static bool wait_for(struct stream *stream, const char *wanted)
{
	int64_t until = clock_ticks_ns() + INT64_C(1000000) * WAIT_MS;
	char type[64];

	do {
		while (next_block(stream, type))
			if (strcmp(type, wanted) == 0)
				return true;
	} while (clock_ticks_ns() < until && take(stream));
	return false;
}

int stream_open(const char *url, const char *key, struct stream **ret, struct err *err)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	char text[640];

	if (!stream)
		return err_set(err, ERR_NO_MEMORY, "no memory for an event stream");
	buf_init(&stream->bytes, NULL, EVENT_BYTES_MAX);
	buf_init(&stream->body, NULL, EVENT_BYTES_MAX);
	stream->multi = curl_multi_init();
	stream->easy = curl_easy_init();
	snprintf(text, sizeof(text), "Authorization: Bearer %s", key);
	stream->headers = curl_slist_append(NULL, text);
	snprintf(text, sizeof(text), "%s/v1/events", url);
	curl_easy_setopt(stream->easy, CURLOPT_URL, text);
	curl_easy_setopt(stream->easy, CURLOPT_HTTPHEADER, stream->headers);
	curl_easy_setopt(stream->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(stream->easy, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(stream->easy, CURLOPT_WRITEDATA, stream);
	curl_multi_add_handle(stream->multi, stream->easy);
	if (!wait_for(stream, "")) {
		stream_close(&stream);
		return err_set(err, ERR_IO, "an event stream could not be opened");
	}
	*ret = stream;
	return 0;
}

int stream_expect(struct stream *stream, const char *type, struct str *ret_body, struct err *err)
{
	if (!wait_for(stream, type))
		return err_set(err, ERR_IO, "the event %s did not come", type);
	*ret_body = buf_str(&stream->body);
	return 0;
}

void stream_close(struct stream **stream)
{
	struct stream *s = *stream;

	*stream = NULL;
	if (!s)
		return;
	curl_multi_remove_handle(s->multi, s->easy);
	curl_easy_cleanup(s->easy);
	curl_multi_cleanup(s->multi);
	curl_slist_free_all(s->headers);
	buf_done(&s->bytes);
	buf_done(&s->body);
	free(s);
}
