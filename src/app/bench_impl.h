/* SPDX-License-Identifier: Apache-2.0 */
/* The bench: what a server does, each figure beside a calibration of the same minute.
 *
 *   bench.c            the list of rows: calibrate, measure, calibrate; and the table
 *   bench_setup.c      shops, devices, programmes, members, made through the contract
 *   bench_traffic.c    the requests: sales with a receipt of 2 kB, touches
 *   bench_wire.c       connections kept alive on one epoll, as little work a request as can be
 *   bench_load.c       the load, in a process of its own: closed or open loop, and its latencies
 *   bench_streams.c    idle event streams, in a process of their own
 *   bench_calibrate.c  the disk alone; bare SQLite with the rows of a sale or a touch
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

struct bench {
	bool quick, progress;
	bool own; /* the server is ours; else `local` only gives its folder */
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
	double client_us, server_us; /* processor time an answer; server 0: not known */
	double group;                /* requests a commit */
	int failed_status;           /* 0: none failed */
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
	double cpu_us; /* processor time a fact: steadier than the rate on a shared machine */
};
/* Files in `folder`, which somebody removes. */
int calibration_open(const char *folder, const struct bench *b, struct calibration **ret,
	struct err *err) must_check;
void calibration_close(struct calibration **calibration);
/* One page written and synced, again and again. */
int calibrate_disk(struct calibration *c, double seconds, struct calibrated *ret,
	struct err *err) must_check;
/* What a sale or a touch leaves in the store, in groups of that size (1.5: one and two by turns),
 * as fast as it goes. */
int calibrate_facts(struct calibration *c, enum traffic_kind kind, double group, double seconds,
	struct calibrated *ret, struct err *err) must_check;

/* Sorts, and tells the p-th part of a list of microseconds in ms. */
double latency_ms(uint32_t *us, size_t count, double part);

#endif
