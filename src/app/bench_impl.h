/* SPDX-License-Identifier: Apache-2.0 */
/* The bench: what a server does, each figure beside a calibration of the same minute.
 *
 *   bench.c            the list of rows: calibrate, measure, calibrate
 *   bench_table.c      the table, for people and as JSON
 *   bench_setup.c      shops, devices, programmes, members, made through the contract
 *   bench_traffic.c    the requests: sales with a receipt of 2 kB, touches
 *   bench_wire.c       connections kept alive on one epoll, as little work a request as can be
 *   bench_load.c       the load, in a process of its own: closed or open loop, and its latencies
 *   bench_streams.c    idle event streams, in a process of their own
 *   bench_calibrate.c  the disk alone; the engine alone with the rows of a sale or a touch
 *                      (bench_facts.c, bench_sqlite.c, bench_postgres.c: bench_calibrate_impl.h)
 *   bench_fill.c       members and receipts by the million, before anything is measured
 *                      (bench_example.c: what they are made like)
 *
 * Invariants: 1. an open loop's latency counts from when a request was due, not from when it could
 * be sent (no coordinated omission). 2. A load that had one answer other than 2xx is no
 * measurement.
 *
 * To add a row: a function in bench.c and a line in its list. */
#ifndef APP_BENCH_IMPL_H
#define APP_BENCH_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "app/app.h"
#include "app/client.h"
#include "app/local_server.h"
#include "base/buf.h"
#include "base/str.h"

/* Programmes that apply to each sale, and how many run in all. */
#define BENCH_APPLY 5
#define BENCH_RUN 50
#define BENCH_TILLS 16
#define BENCH_CONNECTIONS 64
#define BENCH_MANY_CONNECTIONS 512
/* An open loop has as many connections as may be under way at its worst second. */
#define BENCH_OPEN_CONNECTIONS 256
#define BENCH_OPEN_RATE 2000
#define BENCH_STREAMS 10000
/* Cards have eight digits; some members are sold to for an example. */
#define BENCH_FILL_MIN 1000
#define BENCH_FILL_MAX 50000000
/* Devices that listen: each of them with several streams, so that making them does not take the
 * time. */
#define BENCH_LISTENERS 200

/* ---- what the bench knows ---- */

struct bench_shop {
	char run[12]; /* in every id and code, so that a server can be measured again */
	char tills[BENCH_TILLS][ACCESS_TEXT_MAX];
	char readers[BENCH_TILLS][ACCESS_TEXT_MAX];
	char listeners[BENCH_LISTENERS][ACCESS_TEXT_MAX];
	int listener_count;
	int members;
};

/* What bench_fill() made: every member with as many entries in each of the programmes. */
struct bench_filled {
	id_t64 *members; /* in the order of their cards; NULL: nothing was filled */
	id_t64 programmes[BENCH_APPLY];
	int64_t receipts;
	int32_t entries;
};

struct bench_place;
struct calibration_engine;
struct bench {
	bool quick, progress;
	bool own; /* the server is ours; else `local` only gives its folder */
	const struct calibration_engine *engine;
	struct bench_place *place;
	pid_t engine_pid; /* of the store's own processes; 0: none, or not known */
	int64_t fill_members, fill_receipts; /* wanted; 0: none */
	struct bench_filled filled;
	char url[512];
	char key[128];
	pid_t server; /* 0: somebody else's */
	struct local_server *local;
	struct client *client;
	struct bench_shop shop;
	uint64_t serial; /* of the next load's first request */
	uint64_t sales;  /* answered so far */
	struct calibration *calibration;
	struct buf sale_answer, touch_answer; /* as they came, for the rows of the calibration */
};

/* What is being done, on a terminal; NULL: the line is over. */
void bench_say(const struct bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- setting up ---- */

/* Devices and programmes. */
int bench_setup(struct bench *b, struct err *err) must_check;

/* ---- filling ---- */

/* Makes fill_members and fill_receipts in the store: a few sales through the contract for an
 * example, the rest by the rooms' doors, with the server stopped. Starts the server again. */
int bench_fill(struct bench *b, struct err *err) must_check;
void bench_filled_free(struct bench_filled *filled);
/* So many members, with so many sales, in turn. Keeps an answer for the calibration. */
int bench_sell(struct bench *b, int members, int sales, int connections,
	struct err *err) must_check;
/* Starts the server, and asks it; *ret_ms may be NULL. */
int bench_start(struct bench *b, double *ret_ms, struct err *err) must_check;

/* ---- the requests ---- */

enum traffic_kind { TRAFFIC_SALES, TRAFFIC_TOUCHES };

/* A ring of whole requests, ready to be sent but for the few digits that differ. */
struct traffic;
/* With url's host in the requests. */
int traffic_new(const struct bench_shop *shop, const char *url, enum traffic_kind kind,
	struct traffic **ret, struct err *err) must_check;
void traffic_free(struct traffic **traffic);
/* The request of that number; whose it is follows from the number (in order: the first request is
 * member 0's, the next member 1's, ...). Valid until the ring comes round. */
struct str traffic_request(struct traffic *traffic, uint64_t serial, bool in_order);
/* The n-th receipt of those the sales carry, as the JSON of its sale. */
#define TRAFFIC_RECEIPTS 16
void traffic_sale_json(int n, struct buf *buf);

/* ---- the wire ---- */

struct wire;
typedef void wire_answered(void *user, int connection, int status, struct str body, int64_t due_ns);

/* "http://127.0.0.1:8080": the bench measures without TLS. */
int wire_connect(const char *url, int *ret_fd, struct err *err) must_check;
int wire_open(const char *url, int connections, struct wire **ret, struct err *err) must_check;
void wire_close(struct wire **wire);
/* A connection with no request on it; -1: none. */
int wire_idle(const struct wire *wire);
int wire_busy(const struct wire *wire);
int wire_send(struct wire *wire, int connection, struct str request, int64_t due_ns,
	struct err *err) must_check;
/* Waits for answers until_ns at most, and hands out those that came. */
int wire_run(struct wire *wire, int64_t until_ns, wire_answered *answered, void *user,
	struct err *err) must_check;

/* ---- the load ---- */

struct load {
	enum traffic_kind kind;
	int connections;
	int rate;       /* a second; 0: closed loop, each connection sends when it has its answer */
	uint64_t count; /* that many requests, all counted, in order of members; 0: by time */
	double warm, seconds;
};
struct load_result {
	uint64_t answers;
	double seconds;
	double p50_ms, p99_ms, max_ms;
	/* Processor time an answer, of the load, the server, the store's own processes; 0: not
	 * known. */
	double client_us, server_us, engine_us;
	double group;      /* requests a commit */
	int failed_status; /* 0: none failed */
	char failed[300];
	char answer[4096]; /* the last one */
	size_t answer_len;
	struct err err;
	int rc;
};
/* In a child: nothing of the server is its own, it ends with its maker, and leaves Ctrl-C to him.
 */
void be_helper(struct bench *b);
/* Runs it in a process of its own and waits. */
int load_run(struct bench *b, const struct load *load, struct load_result *ret,
	struct err *err) must_check;
/* Processor time so far, seconds: of this process; of another, 0 if it cannot be known. */
double own_cpu(void);
double process_cpu(pid_t pid);

/* ---- idle streams ---- */

/* Opens the streams and tells the server's memory before and with them, MB. */
int streams_measure(struct bench *b, int streams, double *ret_before, double *ret_with,
	struct err *err) must_check;

/* ---- calibrations ---- */

struct calibration;
struct calibrated {
	double rate;           /* facts a second */
	double p50_ms, p99_ms; /* of a group */
	double group;          /* facts in it, as it came out */
	double facts;
	int writers; /* connections that wrote side by side */
	/* Processor time a fact, of this process and of the engine's own: steadier than the rate on
	 * a shared machine. */
	double cpu_us, engine_us;
};
/* Files in `folder`, which somebody removes; tables where the engine says. If something was filled,
 * the calibration's store is a copy of the server's. */
int calibration_open(const char *folder, const struct bench *b, struct calibration **ret,
	struct err *err) must_check;
void calibration_close(struct calibration **calibration);
/* One page written and synced, again and again. */
int calibrate_disk(struct calibration *c, double seconds, struct calibrated *ret,
	struct err *err) must_check;
struct calibrating {
	enum traffic_kind kind;
	/* Facts in a group (1.5: one and two by turns), where the engine has groups. */
	double group;
	double seconds;
	bool alone; /* one writer: how long one group takes, not how many there are in a second */
};
/* What a sale or a touch leaves in the store, as fast as it goes. */
int calibrate_facts(struct calibration *c, const struct calibrating *how, struct calibrated *ret,
	struct err *err) must_check;

/* Sorts, and tells the p-th part of a list of microseconds in ms. */
double latency_ms(uint32_t *us, size_t count, double part);

/* ---- the table ---- */

struct row {
	const char *name, *unit;
	double value, calibration;
	const char *target;
	char note[320]; /* what the calibration is, and what else was seen */
};
#define ROWS_MAX 16
struct table {
	struct row rows[ROWS_MAX];
	size_t count;
	struct calibrated disk;
};
void table_print(const struct bench *b, const struct table *t);
void table_print_json(const struct table *t);

#endif
