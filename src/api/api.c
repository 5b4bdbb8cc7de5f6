/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a reply: the way every call takes. The picture is in api_impl.h.
 *
 * Invariants: 1. an op is replied to exactly once. 2. Nothing an op needs is freed before its
 * reply: it lives in the exchange's arena and holds the snapshots it started with. 3. A 2xx for a
 * WRITE is sent after its commit, from done(). */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api_impl.h"
#include "base/check.h"
#include "base/log.h"
#include "codec/json_write.h"

/* ---- the list of operations, as tables ---- */

#define DEVICE_BIT(kind) (1u << DEVICE_##kind)
#define ROLE_BIT(role) (1u << (16 + ROLE_##role))
#define TILL DEVICE_BIT(TILL)
#define SCREEN DEVICE_BIT(SCREEN)
#define NOBODY 0u
#define DEVICES 0xffffu
#define PRESENTERS \
	(DEVICE_BIT(READER) | DEVICE_BIT(KIOSK) | TILL | DEVICE_BIT(DOOR) | DEVICE_BIT(DISPENSER))
#define SELLERS (TILL | DEVICE_BIT(KIOSK))
#define HANDERS (TILL | SCREEN | DEVICE_BIT(DISPENSER) | ADMIN | OFFICE)
#define ADMIN ROLE_BIT(ADMIN)
#define OFFICE ROLE_BIT(OFFICE)
#define STAFF (ADMIN | OFFICE | ROLE_BIT(VIEWER))

enum how { READ, WRITE, DIRECT };

static const struct route routes[] = {
#define OPERATION(code, method, path, who, how, function, query) { HTTP_##method, path, OP_##code },
#include "api/operations.def"
#undef OPERATION
};
static const struct {
	const char *name;
	unsigned who;
	enum how how;
	op_function *function;
	const char *query;
} operations[] = {
#define OPERATION(code, method, path, who, how, function, query) \
	{ #code, who, how, function, query },
#include "api/operations.def"
#undef OPERATION
};

/* ---- replies ---- */

static const int64_t latency_limits_us[LATENCY_BUCKETS] = { 250, 500, 1000, 2000, 3000, 5000, 7500,
	10000, 25000, 50000, 100000, 250000, 1000000, 5000000 };

static void count(struct op *op, int status)
{
	struct op_figures *f = &op->api->figures[op->operation];
	int64_t ns = clock_ticks_ns() - op->began_ns;
	int i = 0;

	while (i < LATENCY_BUCKETS && ns > latency_limits_us[i] * 1000)
		i++;
	atomic_fetch_add_explicit(&f->latency[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&f->latency_ns, (uint64_t)ns, memory_order_relaxed);
	atomic_fetch_add_explicit(&f->by_class[status / 100 % 6], 1, memory_order_relaxed);
}

static struct str problem(struct op *op, int rc, const struct err *err)
{
	struct json_out out;
	struct buf buf;
	char type[80];

	buf_init(&buf, op->arena, 8192);
	json_out_init(&out, &buf);
	snprintf(type, sizeof(type), "urn:zegel:error:%s", err_name(rc));
	json_out_object(&out, NULL);
	json_out_cstr(&out, "type", type);
	json_out_cstr(&out, "title", err_title(rc));
	json_out_int(&out, "status", err_status(rc));
	json_out_cstr(&out, "detail", err_status(rc) == 500 ? err_title(rc) : err->text);
	if (err->at[0])
		json_out_cstr(&out, "at", err->at);
	json_out_object_end(&out);
	return buf.failed ? STR("{\"type\":\"urn:zegel:error:no-memory\",\"status\":503}")
			  : buf_str(&buf);
}

/* What a status must come with. */
static void add_headers(const struct op *op, struct http_reply *reply, const char *headers[3])
{
	headers[0] = NULL;
	headers[2] = NULL;
	if (reply->status == 401) { /* RFC 9110 11.6.1 */
		headers[0] = "WWW-Authenticate";
		headers[1] = "Bearer realm=\"zegel\"";
	} else if (reply->status == 405) { /* RFC 9110 15.5.6 */
		headers[0] = "Allow";
		headers[1] = op->methods.ptr;
	}
	reply->headers = headers[0] ? headers : NULL;
	reply->retry_after_s = reply->status == 503 ? 1 : 0;
}

void op_reply(struct op *op, int rc, const struct err *err)
{
	const char *headers[3];
	struct http_reply reply = { .status = op->status ? op->status : 200,
		.content_type = op->content_type,
		.body = op->answer };

	if (rc < 0) {
		reply.status = err_status(rc);
		reply.content_type = "application/problem+json";
		reply.body = problem(op, rc, err);
		if (reply.status >= 500)
			log_error("%s: %s: %s", api_operation_name(op->operation), err_name(rc),
				err->text);
	}
	add_headers(op, &reply, headers);
	count(op, reply.status);
	world_release(&op->world);
	http_reply(op->x, &reply);
}

/* ---- units ---- */

void op_env(struct op *op, struct store_tx *tx, int64_t now, struct visit_env *env)
{
	*env = (struct visit_env) { .tx = tx,
		.now = now,
		.arena = op->arena,
		.clock = op->api->options.clock,
		.keys = &op->api->options.keys,
		.directory = op->world.directory,
		.catalogue = op->world.catalogue,
		.access = op->access };
}

static int run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct op *op = (struct op *)unit;
	struct visit_env env;
	int rc;

	op_env(op, tx, now, &env);
	rc = api_host(&env.host, err);
	if (rc == 0)
		rc = op->call(op, &env, err);
	if (rc != 0)
		return rc;
	memcpy(op->wakes, env.wakes, sizeof(op->wakes));
	op->wake_count = env.wake_count;
	if (env.script_faults)
		atomic_fetch_add(&op->api->script_faults, (unsigned)env.script_faults);
	return op->drop ? UNIT_DROP : 0;
}

/* An id that was used before stands in the body or in the path; only the first can be pointed at.
 */
static void point_at_id(const struct op *op, struct err *err)
{
	if (err->code == ERR_ID_REUSED && !(op->body && json_get(op->body, "id")))
		err->at[0] = '\0';
}

static void done(struct unit *unit)
{
	struct op *op = (struct op *)unit;
	int rc = unit->rc;

	if (rc < 0)
		point_at_id(op, &unit->err);
	health_note(&op->api->health, rc);

	for (size_t i = 0; rc == 0 && !op->drop && i < op->wake_count; i++)
		streams_wake(op->api->streams, op->wakes[i]);
	op_reply(op, rc, &unit->err);
}

static void submit(struct op *op)
{
	struct err err;
	int rc;

	op->unit.run = run;
	op->unit.done = done;
	http_defer(op->x);
	rc = store_submit(op->api->options.store, &op->unit, &err);
	if (rc < 0)
		op_reply(op, rc, &err);
}

static void wake_waiting(struct unit *unit)
{
	sem_post(((struct op *)unit)->waiting);
}

int op_run_now(struct op *op, struct err *err)
{
	sem_t finished;
	int rc;

	sem_init(&finished, 0, 0);
	op->unit.run = run;
	op->unit.done = wake_waiting;
	op->waiting = &finished;
	rc = store_submit(op->api->options.store, &op->unit, err);
	if (rc == 0) {
		while (sem_wait(&finished) != 0)
			;
		rc = op->unit.rc;
		*err = op->unit.err;
	}
	sem_destroy(&finished);
	struct err fault;
	if (rc == 0 && api_refresh(op->api, &fault) < 0) /* it is stored; the jobs will catch up */
		log_warn("the directory could not be read again: %s", fault.text);
	return rc;
}

/* ---- the way ---- */

static bool allowed(const struct access *access, unsigned who)
{
	unsigned bit = access->device ? 1u << access->device->kind : 1u << (16 + access->role);

	return (who & bit) != 0;
}

static int check_key(struct op *op, unsigned who, struct err *err)
{
	struct str rest = http_header(op->x, "authorization");
	struct str scheme = str_cut(&rest, ' '); /* in capitals or not: RFC 9110 11.1 */

	if (who == NOBODY)
		return 0;
	if (scheme.len != 6 || strncasecmp(scheme.ptr, "Bearer", 6) != 0)
		return err_set(err, ERR_UNAUTHORIZED, "send a key: Authorization: Bearer zk_...");
	op->access = directory_access(op->world.directory, str_trim(rest));
	if (!op->access)
		return err_set(err, ERR_UNAUTHORIZED, "the key is unknown or was revoked");
	if (!allowed(op->access, who))
		return err_set(err, ERR_FORBIDDEN, "this kind of device or role may not call this");
	return 0;
}

static int check_body(struct op *op, enum http_method method, struct err *err)
{
	int rc;

	if (http_body_too_large(op->x))
		return err_set(err, ERR_TOO_LARGE, "a body has at most 1 MiB");
	if (method != HTTP_POST && method != HTTP_PUT)
		return 0;
	if (http_body(op->x).len == 0)
		return err_at(err, ERR_UNREADABLE, "offset 0",
			"the body is empty; send a JSON object");
	rc = json_parse(op->arena, http_body(op->x), &op->body, err);
	if (rc == 0)
		op->said = visit_content_key(&op->api->options.keys, op->body);
	return rc;
}

/* Names that a message repeats; the known ones have at most 9 bytes. */
#define QUERY_NAME_SHOWN 40

struct query_check {
	const char *allowed;
	struct str unknown;
};

static void check_query_name(void *user, struct str name)
{
	struct query_check *check = user;
	struct str rest = str_of(check->allowed);

	while (rest.len)
		if (str_eq(str_cut(&rest, ' '), name))
			return;
	check->unknown = name;
}

/* A misspelt ?dry_run would settle a sale: unknown names are refused as unknown fields are. */
static int check_query(struct op *op, struct err *err)
{
	struct query_check check = { .allowed = operations[op->operation].query };

	http_query_names(op->x, check_query_name, &check);
	if (!check.unknown.ptr)
		return 0;
	if (check.unknown.len > QUERY_NAME_SHOWN || !str_utf8(check.unknown, NULL))
		return err_set(err, ERR_UNKNOWN_FIELD,
			"the address has a query parameter that is not known");
	return err_set(err, ERR_UNKNOWN_FIELD,
		"the address has a query parameter that is not known: %.*s",
		STR_ARG(check.unknown));
}

static int prepare(struct op *op, enum http_method method, struct err *err)
{
	unsigned who = operations[op->operation].who;
	int rc = check_key(op, who, err);

	if (rc == 0)
		rc = check_query(op, err);
	return rc < 0 ? rc : check_body(op, method, err);
}

/* "GET, HEAD, PUT" */
static struct str allowed_methods(struct op *op)
{
	static const char *const words[] = { [HTTP_GET] = "GET",
		[HTTP_HEAD] = "HEAD",
		[HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT",
		[HTTP_DELETE] = "DELETE" };
	unsigned methods = route_methods(routes, OP_COUNT, http_path(op->x));
	struct buf buf;

	buf_init(&buf, op->arena, 64);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (methods & 1u << i)
			buf_printf(&buf, "%s%s", buf.len ? ", " : "", words[i]);
	buf_char(&buf, '\0');
	return buf.failed ? STR("") : buf_str(&buf);
}

static int find_route(struct op *op, struct err *err)
{
	switch (route_find(routes, OP_COUNT, http_method(op->x), http_path(op->x), op->arena,
		&op->match)) {
	case 0:
		op->operation = (enum operation)op->match.operation;
		return 0;
	case 1:
		op->methods = allowed_methods(op);
		return err_set(err, ERR_METHOD, "this address does not take that method");
	default:
		return err_set(err, ERR_NOT_FOUND,
			"there is no such address; see /v1/openapi.json");
	}
}

/* All but what a machine asks to know whether we are there. */
static bool needs_world(const struct op *op)
{
	return operations[op->operation].who != NOBODY || operations[op->operation].how != DIRECT;
}

static void perform(struct op *op)
{
	struct err err = { 0 };
	enum how how;
	int rc = find_route(op, &err);

	if (rc == 0 && !op->world.directory && needs_world(op))
		rc = err_set(&err, ERR_STORE, "the store has not been reached yet");
	if (rc == 0)
		rc = prepare(op, http_method(op->x), &err);
	if (rc < 0) {
		op_reply(op, rc, &err);
		return;
	}
	how = operations[op->operation].how;
	rc = operations[op->operation].function(op, &err);
	if (rc < 0 || how == READ)
		op_reply(op, rc, &err);
	else if (how == WRITE)
		submit(op);
}

void api_handle(void *user, struct http_exchange *x)
{
	struct arena *arena = http_arena(x);
	struct op *op = arena_make(arena, struct op);

	if (!op) {
		http_reply(x, &(struct http_reply) { .status = 503, .retry_after_s = 1 });
		return;
	}
	op->api = user;
	op->x = x;
	op->arena = arena;
	op->operation = OP_COUNT; /* until a route was found */
	op->content_type = "application/json";
	op->began_ns = clock_ticks_ns();
	world_hold(op->api, &op->world);
	perform(op);
}

const char *api_operation_name(enum operation operation)
{
	return operation == OP_COUNT ? "NONE" : operations[operation].name;
}

/* ---- small helpers of the operations ---- */

int op_caller_id(struct op *op, int n, struct str *ret, struct err *err)
{
	struct str id = op->match.params[n];

	if (id.len < 1 || id.len > ID_CALLER_MAX || !str_utf8(id, NULL))
		return err_set(err, ERR_INVALID, "an id has 1 to %d bytes of UTF-8", ID_CALLER_MAX);
	*ret = id;
	return 0;
}

int op_our_id(struct op *op, int n, const char *prefix, id_t64 *ret, struct err *err)
{
	if (!id_parse(op->match.params[n], prefix, ret))
		return err_set(err, ERR_NOT_FOUND, "there is no such id");
	return 0;
}

int op_limit(struct op *op, size_t *ret, struct err *err)
{
	struct str text = http_query(op->x, "limit");
	int64_t limit = 50;

	if (text.ptr && !num_parse_range(text, 1, 200, &limit))
		return err_set(err, ERR_INVALID, "limit is a number from 1 to 200");
	*ret = (size_t)limit;
	return 0;
}

void buf_writer(struct op *op, struct buf *buf, struct json_out *out)
{
	buf_init(buf, op->arena, 8 << 20);
	json_out_init(out, buf);
}

int op_answer(struct op *op, struct buf *buf, struct err *err)
{
	if (buf->failed)
		return err_set(err, ERR_NO_MEMORY, "no memory for an answer");
	op->answer = buf_str(buf);
	return 0;
}

/* Is the n-th one of those before it? Two spellings of a phone are one. */
static bool is_among(const struct identifier *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].kind == list[n].kind &&
			hash_eq(list[i].tokens[0].token, list[n].tokens[0].token, HASH_LEN))
			return true;
	return false;
}

int op_identifiers(struct op *op, struct json_reader *r, const char *name, struct identifier *ret,
	size_t *ret_count)
{
	const struct json *array = json_array(r, name, 1, IDENTIFIERS_MAX);
	struct identifier_ring ring;
	size_t n = 0;
	uint32_t i = 0;

	*ret_count = 0;
	if (r->rc < 0)
		return r->rc;
	identifier_ring_of(&op->api->options.identifiers, op->access->merchant->id, &ring);
	for (const struct json *v = array->first; v && r->rc == 0; v = v->next, i++) {
		r->rc = op_identifier(op, v, json_at_index(r, name, i), &ring, &ret[n], r->err);
		n += r->rc == 0 && !is_among(ret, n);
	}
	secret_wipe_bytes(&ring, sizeof(ring));
	*ret_count = n;
	return r->rc;
}

int op_identifier(struct op *op, const struct json *value, struct str at,
	const struct identifier_ring *ring, struct identifier *ret, struct err *err)
{
	struct json_reader r;
	struct str text;
	int kind;

	json_begin(&r, op->arena, value, at, err);
	kind = json_word(&r, "kind", identifier_kind_words);
	text = json_text(&r, "value", 1, IDENTIFIER_VALUE_MAX);
	int rc = json_end(&r);
	if (rc == 0 && !identifier_make(ring, (enum identifier_kind)kind, text, ret))
		return err_at(err, ERR_INVALID,
			arena_printf(op->arena, "%.*s/value", STR_ARG(at)).ptr,
			"says nothing: a %s needs more than blanks", identifier_kind_words[kind]);
	return rc;
}
