/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request: method, path, query, and how long the body will be.
 *
 * libmicrohttpd reads the lines; here is what it is too kind about. Two lengths, a length beside a
 * transfer coding, or a coding other than "chunked" mean that two readers of the same bytes (a
 * proxy and we) may see different requests: refused (RFC 9112, 6.1 and 6.3), and the connection
 * ends.
 *
 * The query is decoded here, once, so that http_query() cannot fail: a parameter that is not found
 * is not there. */
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "http/http_impl.h"
#include "http/url.h"

struct http_param {
	struct str name, value;
};

struct reading {
	struct http_exchange *x;
	struct str length; /* Content-Length */
	int lengths, chunked, codings;
	enum head_fault fault;
};

static enum http_method method_of(const char *method)
{
	static const struct {
		const char *name;
		enum http_method method;
	} known[] = {
		{ "GET", HTTP_GET },
		{ "PUT", HTTP_PUT },
		{ "POST", HTTP_POST },
		{ "HEAD", HTTP_HEAD },
		{ "DELETE", HTTP_DELETE },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(method, known[i].name) == 0)
			return known[i].method;
	return HTTP_OTHER;
}

/* The path of "http://host/path" (RFC 9112, 3.2.2) or of "/path". */
static struct str path_of(const char *url)
{
	const char *host = url[0] == '/' ? NULL : strstr(url, "://");
	if (!host)
		return str_of(url);
	const char *slash = strchr(host + 3, '/');
	return slash ? str_of(slash) : STR("/");
}

/* Of a query libmicrohttpd has made blanks of each '+'; no other blank can be there. */
static bool query_valid(struct str s)
{
	while (s.len > 0)
		if (!url_valid(str_cut(&s, ' ')))
			return false;
	return true;
}

static void add_param(struct reading *reading, struct str name, struct str value)
{
	struct http_exchange *x = reading->x;
	if (!query_valid(name) || !query_valid(value) || x->query_count == HTTP_QUERY_MAX) {
		reading->fault = HEAD_BAD_ADDRESS;
		return;
	}
	if (!x->query)
		x->query = arena_array(x->arena, HTTP_QUERY_MAX, sizeof(*x->query));
	struct http_param param = {
		.name = url_decode(name, x->arena),
		.value = value.ptr ? url_decode(value, x->arena) : STR(""), /* "?dry_run" */
	};
	if (x->query && param.name.ptr && param.value.ptr)
		x->query[x->query_count++] = param;
	else
		reading->fault = HEAD_NO_MEMORY;
}

static bool is_header(struct str key, const char *name, size_t len)
{
	return key.len == len && strncasecmp(key.ptr, name, len) == 0;
}

static void add_header(struct reading *reading, struct str key, struct str value)
{
	if (is_header(key, "content-length", strlen("content-length"))) {
		reading->length = value;
		reading->lengths++;
	} else if (is_header(key, "transfer-encoding", strlen("transfer-encoding"))) {
		reading->codings++;
		reading->chunked += is_header(value, "chunked", strlen("chunked"));
	}
}

static enum MHD_Result on_value(void *user, enum MHD_ValueKind kind, const char *key,
	size_t key_len, const char *value, size_t value_len)
{
	struct str name = { key, key_len }, text = { value, value_len };
	if (kind == MHD_GET_ARGUMENT_KIND)
		add_param(user, name, text);
	else
		add_header(user, name, text);
	return MHD_YES;
}

/* Memory for the body that is announced. */
static enum head_fault expect_body(struct http_exchange *x, const struct reading *reading)
{
	int64_t length = 0;
	buf_init(&x->body, x->arena, x->server->body_max);
	if (reading->codings > 1 || reading->codings != reading->chunked || reading->lengths > 1 ||
		(reading->codings && reading->lengths))
		return HEAD_BAD_FRAMING;
	if (!reading->lengths)
		return HEAD_FINE;
	if (!num_parse(reading->length, &length) || length < 0)
		return HEAD_BAD_FRAMING; /* with leading zeros, say */
	if ((uint64_t)length > HTTP_DISCARD_MAX)
		return HEAD_FAR_TOO_LARGE;
	x->body_too_large = (uint64_t)length > x->server->body_max;
	if (!x->body_too_large && length > 0)
		buf_room(&x->body, (size_t)num_min(length, HTTP_BODY_AHEAD));
	x->body.len = 0;
	return x->body.failed ? HEAD_NO_MEMORY : HEAD_FINE;
}

enum head_fault head_read(struct http_exchange *x, const char *url, const char *method)
{
	struct reading reading = { .x = x };
	x->method = method_of(method);
	x->path = path_of(url);
	x->query = NULL;
	x->query_count = 0;
	x->body_too_large = false;
	MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND | MHD_GET_ARGUMENT_KIND,
		on_value, &reading);
	enum head_fault fault = expect_body(x, &reading);
	if (fault == HEAD_BAD_FRAMING || fault == HEAD_FAR_TOO_LARGE)
		return fault; /* these end the connection: before all others */
	if (!x->path.len || !url_valid(x->path))
		return HEAD_BAD_ADDRESS;
	return reading.fault ? reading.fault : fault;
}

/* ---- what a handler asks ---- */

enum http_method http_method(const struct http_exchange *x)
{
	return x->method;
}

struct str http_path(const struct http_exchange *x)
{
	return x->path;
}

struct str http_query(const struct http_exchange *x, const char *name)
{
	for (int i = 0; i < x->query_count; i++)
		if (str_is(x->query[i].name, name))
			return x->query[i].value;
	return (struct str) { NULL, 0 };
}

void http_query_names(struct http_exchange *x, void (*each)(void *user, struct str name),
	void *user)
{
	for (int i = 0; i < x->query_count; i++)
		each(user, x->query[i].name);
}

struct str http_header(const struct http_exchange *x, const char *name)
{
	const char *value = NULL;
	size_t len = 0;
	if (MHD_lookup_connection_value_n(x->connection, MHD_HEADER_KIND, name, strlen(name),
		    &value, &len) == MHD_NO)
		return (struct str) { NULL, 0 };
	return value ? str_bytes(value, len) : STR("");
}
