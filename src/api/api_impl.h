/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this room: one call on its way (struct op), from its request to its reply.
 *
 *     api_handle -> route -> key -> permission -> body -> the operation's function
 *        READ:   answers from a snapshot, reply
 *        WRITE:  fills op->call; deferred; the teller runs it; reply after the commit
 *        DIRECT: replies itself */
#ifndef API_API_IMPL_H
#define API_API_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "http/router.h"
#include "ledger/ledger.h"
#include "visit/visit.h"

enum operation {
#define OPERATION(code, method, path, who, how, function, query) OP_##code,
#include "api/operations.def"
#undef OPERATION
	OP_COUNT
};

/* ---- the world: what is kept in memory of the reference tables ---- */

struct world {
	const struct directory *directory;
	struct catalogue *catalogue;
};

/* ---- figures ---- */

#define LATENCY_BUCKETS 14
struct op_figures {
	atomic_uint_fast64_t by_class[6]; /* status / 100 */
	atomic_uint_fast64_t latency[LATENCY_BUCKETS + 1];
	atomic_uint_fast64_t latency_ns;
};

/* ---- health: what is known of the store (health.c) ---- */

struct health {
	struct unit unit; /* what tries to write; its rc is what it found */
	struct api *api;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool under_way;
	int64_t found_ns;          /* when `unit` ended last; 0: never */
	_Atomic int64_t failed_ns; /* when a commit of a call failed; 0: the last one did not */
	atomic_bool degraded;      /* as it was said last */
};
void health_init(struct health *health, struct api *api);
void health_done(struct health *health);
/* How a unit of a call ended. */
void health_note(struct health *health, int rc);

struct streams;

struct api {
	struct api_options options;
	char name[40]; /* of this server among several: no two are alike */
	/* The snapshots are there. Not so only where the store was away at the start: until it
	 * comes, what needs a key is answered 503. */
	atomic_bool ready;
	struct directory_source *source;
	pthread_mutex_t lock; /* catalogue */
	struct catalogue *catalogue;
	int64_t catalogue_version;
	struct streams *streams;
	struct http_server *server;
	_Atomic(const char *) public_url;
	struct health health;
	struct op_figures figures[OP_COUNT + 1]; /* the last: addresses that are none */
	atomic_uint_fast64_t script_faults;
};

/* ---- one call ---- */

struct op;
/* The inside of the unit: JSON into op->answer. */
typedef int op_call(struct op *op, struct visit_env *env, struct err *err);

struct op {
	struct unit unit;
	struct api *api;
	struct http_exchange *x;
	struct arena *arena;
	enum operation operation;
	struct route_match match; /* params: the ids in the path */
	struct world world;
	const struct access *access;
	struct json *body; /* NULL if the method has none */
	struct key said;   /* its content */
	op_call *call;     /* WRITE */
	void *request;     /* what the call works on */
	bool drop;         /* a dry run */
	void *waiting;     /* DIRECT: whom op_run_now() lets wait */
	struct str answer;
	const char *content_type;
	int status;         /* of a success that is not 200; else 0 */
	struct str methods; /* of a 405: what the address takes */
	int64_t began_ns;
	id_t64 wakes[VISIT_WAKES_MAX];
	size_t wake_count;
};

typedef int op_function(struct op *op, struct err *err);
#define OPERATION(code, method, path, who, how, function, query) op_function function;
#include "api/operations.def"
#undef OPERATION

/* This thread's script host. */
int api_host(struct host **ret, struct err *err) must_check;
/* "SALE", for figures and logs. */
const char *api_operation_name(enum operation operation);

/* Takes / gives back the newest snapshots. */
void world_hold(struct api *api, struct world *ret);
void world_release(struct world *world);

/* Replies: JSON, or the problem an error is (RFC 9457). The op may be gone afterwards. */
void op_reply(struct op *op, int rc, const struct err *err);
/* The n-th id of the path, at most ID_CALLER_MAX bytes, or the reply is a 422. */
int op_caller_id(struct op *op, int n, struct str *ret, struct err *err) must_check;
/* Path ids of ours: ERR_NOT_FOUND if it is not one. */
int op_our_id(struct op *op, int n, const char *prefix, id_t64 *ret, struct err *err) must_check;
/* Fills an environment for a read or a unit. */
void op_env(struct op *op, struct store_tx *tx, int64_t now, struct visit_env *env);
/* Runs a unit from a DIRECT operation and waits; afterwards the snapshots are new. */
int op_run_now(struct op *op, struct err *err) must_check;
/* Reads identifiers [{kind, value}]. */
int op_identifiers(struct op *op, struct json_reader *r, const char *name, struct identifier *ret,
	size_t *ret_count) must_check;
/* Reads one; ring is the merchant's. */
int op_identifier(struct op *op, const struct json *value, struct str at,
	const struct identifier_ring *ring, struct identifier *ret, struct err *err) must_check;
/* A page of a list: limit (default 50, at most 200) and cursor. */
int op_limit(struct op *op, size_t *ret, struct err *err) must_check;

void buf_writer(struct op *op, struct buf *buf, struct json_out *out);
/* op->answer = what was written; ERR_NO_MEMORY if it did not fit. */
int op_answer(struct op *op, struct buf *buf, struct err *err) must_check;

/* ---- streams ---- */

struct streams *streams_new(void);
void streams_free(struct streams **streams);
void streams_wake(struct streams *streams, id_t64 device);
/* Ends the streams whose key is no longer in force. */
void streams_check(struct streams *streams, const struct directory *directory);
int64_t streams_count(struct streams *streams);
/* Wakes those of a device's streams that have not reached that number. */
void streams_reach(struct streams *streams, id_t64 device, int64_t seq);

/* ---- several servers on one store ---- */

/* Is it for this server to sweep now? */
bool shared_may_sweep(struct api *api);
/* Wakes the streams that another server wrote for. */
int shared_look(struct api *api, struct err *err) must_check;

#endif
