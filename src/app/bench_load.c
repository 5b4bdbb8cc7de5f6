/* SPDX-License-Identifier: Apache-2.0 */
/* The load: a process of its own that sends requests and measures how long each took.
 *
 * Closed loop: each connection sends the next request when it has its answer; tells the rate. Open
 * loop: requests are due at fixed times, whatever the server does; one that finds no free
 * connection waits, and its latency counts from when it was due. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/bench_calibrate_impl.h"
#include "base/clock.h"

#define SECOND_NS INT64_C(1000000000)
/* How long the load waits for the last answers. */
#define DRAIN_S 10
/* An open loop may end later by this part of its time. */
#define LATE_PART 2
#define SAMPLES_MAX (16 << 20)

struct running {
	const struct load *load;
	struct load_result *result;
	struct wire *wire;
	struct traffic *traffic;
	uint64_t serial, sent;
	int64_t from_ns, end_ns; /* what is answered (closed) or due (open) between them counts */
	uint32_t *samples_us;
	size_t samples, samples_room;
	bool counting; /* from_ns has passed: the processor's time is taken */
	double client_cpu, server_cpu, engine_cpu;
	pid_t server;
	const struct calibration_engine *engine;
	pid_t engine_pid;
	struct err *err;
	int rc;
};

/* ---- figures ---- */

static int compare_us(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

double latency_ms(uint32_t *us, size_t count, double part)
{
	if (count == 0)
		return 0;
	qsort(us, count, sizeof(*us), compare_us);
	return us[(size_t)floor((double)(count - 1) * part + 0.5)] / 1000.0;
}

double process_cpu(pid_t pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		    &kernel) != 2)
		user = kernel = 0;
	fclose(file);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

double own_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void take_cpu(struct running *r, double sign)
{
	r->client_cpu += sign * own_cpu();
	if (r->server)
		r->server_cpu += sign * process_cpu(r->server);
	if (r->engine_pid)
		r->engine_cpu += sign * r->engine->cpu(r->engine_pid);
}

static void keep_sample(struct running *r, int64_t ns)
{
	if (r->samples == r->samples_room) {
		size_t room = r->samples_room ? 2 * r->samples_room : 65536;
		uint32_t *more =
			room <= SAMPLES_MAX ? realloc(r->samples_us, room * sizeof(*more)) : NULL;
		if (!more) {
			r->rc = err_set(r->err, ERR_NO_MEMORY, "no memory for latencies");
			return;
		}
		r->samples_us = more;
		r->samples_room = room;
	}
	r->samples_us[r->samples++] = (uint32_t)(ns / 1000);
}

/* ---- answers ---- */

static void keep_answer(struct load_result *to, int status, struct str body)
{
	if (status / 100 == 2) {
		if (body.len < sizeof(to->answer)) {
			memcpy(to->answer, body.ptr, body.len);
			to->answer_len = body.len;
		}
		return;
	}
	if (to->failed_status == 0)
		snprintf(to->failed, sizeof(to->failed), "%.*s", (int)body.len, body.ptr);
	to->failed_status = status;
}

static bool counts(const struct running *r, int64_t due_ns, int64_t now)
{
	if (r->load->count)
		return true;
	if (r->load->rate)
		return due_ns >= r->from_ns && due_ns < r->end_ns;
	return now >= r->from_ns && now < r->end_ns;
}

static void send_one(struct running *r, int connection, int64_t due_ns)
{
	struct str request = traffic_request(r->traffic, r->serial++, r->load->count != 0);

	r->sent++;
	if (r->rc == 0)
		r->rc = wire_send(r->wire, connection, request, due_ns, r->err);
}

static bool more(const struct running *r, int64_t now)
{
	return r->rc == 0 && (r->load->count ? r->sent < r->load->count : now < r->end_ns);
}

static void answered(void *user, int connection, int status, struct str body, int64_t due_ns)
{
	struct running *r = user;
	int64_t now = clock_ticks_ns();

	if (status / 100 != 2 || r->result->answer_len == 0)
		keep_answer(r->result, status, body);
	if (counts(r, due_ns, now))
		keep_sample(r, now - due_ns);
	if (!r->load->rate && more(r, now))
		send_one(r, connection, now);
}

/* ---- loops ---- */

/* Takes the processor's time once the warm-up is over, and once more at the end. */
static void watch_clock(struct running *r, int64_t now)
{
	if (!r->counting && now >= r->from_ns) {
		r->counting = true;
		take_cpu(r, -1);
	}
}

static void closed_loop(struct running *r)
{
	int connection;
	int64_t now = clock_ticks_ns();

	while ((connection = wire_idle(r->wire)) >= 0 && more(r, now))
		send_one(r, connection, now);
	while (r->rc == 0 && more(r, now = clock_ticks_ns())) {
		watch_clock(r, now);
		r->rc = wire_run(r->wire, now + SECOND_NS / 10, answered, r, r->err);
	}
}

/* A server that cannot keep up is not waited for: what was due and not sent counts as late as it
 * is. */
static void count_unsent(struct running *r, int64_t due, int64_t step, int64_t now)
{
	for (; r->rc == 0 && due < r->end_ns; due += step)
		if (counts(r, due, now))
			keep_sample(r, now - due);
}

static void open_loop(struct running *r)
{
	int64_t step = SECOND_NS / r->load->rate;
	int64_t due = clock_ticks_ns();
	int64_t give_up = r->end_ns + (r->end_ns - due) / LATE_PART;

	while (r->rc == 0 && due < r->end_ns) {
		int64_t now = clock_ticks_ns();
		int connection = wire_idle(r->wire);
		watch_clock(r, now);
		if (now > give_up) {
			count_unsent(r, due, step, now);
			return;
		}
		if (due <= now && connection >= 0) {
			send_one(r, connection, due);
			due += step;
			continue;
		}
		r->rc = wire_run(r->wire, due > now ? due : now + SECOND_NS / 100, answered, r,
			r->err);
	}
}

static void drain(struct running *r)
{
	int64_t give_up = clock_ticks_ns() + DRAIN_S * SECOND_NS;

	while (r->rc == 0 && wire_busy(r->wire) > 0) {
		int64_t now = clock_ticks_ns();
		if (now > give_up)
			r->rc = err_set(r->err, ERR_IO, "%d requests got no answer",
				wire_busy(r->wire));
		else
			r->rc = wire_run(r->wire, now + SECOND_NS / 10, answered, r, r->err);
	}
}

static void conclude(struct running *r, int64_t began_ns)
{
	struct load_result *to = r->result;
	bool whole = r->load->count != 0;

	to->answers = r->samples;
	to->seconds = whole ? (double)(clock_ticks_ns() - began_ns) / 1e9 : r->load->seconds;
	to->p50_ms = latency_ms(r->samples_us, r->samples, 0.50);
	to->p99_ms = latency_ms(r->samples_us, r->samples, 0.99);
	to->max_ms = latency_ms(r->samples_us, r->samples, 1);
	if (r->samples) {
		to->client_us = r->client_cpu * 1e6 / (double)r->samples;
		to->server_us = r->server_cpu * 1e6 / (double)r->samples;
		to->engine_us = r->engine_cpu * 1e6 / (double)r->samples;
	}
}

static void run(struct running *r)
{
	int64_t began = clock_ticks_ns();

	r->from_ns = began + (int64_t)(r->load->warm * 1e9);
	r->end_ns = r->from_ns + (int64_t)(r->load->seconds * 1e9);
	if (r->load->rate)
		open_loop(r);
	else
		closed_loop(r);
	take_cpu(r, 1);
	drain(r);
	conclude(r, began);
}

/* ---- a process of its own ---- */

void be_helper(struct bench *b)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	local_server_forget(&b->local);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static void be_child(struct bench *b, const struct load *load, struct load_result *result)
{
	struct running r = { .load = load,
		.result = result,
		.serial = b->serial,
		.server = b->server,
		.engine = b->engine,
		.engine_pid = b->engine_pid,
		.err = &result->err };

	be_helper(b);
	r.rc = traffic_new(&b->shop, b->url, load->kind, &r.traffic, r.err);
	if (r.rc == 0)
		r.rc = wire_open(b->url, load->connections, &r.wire, r.err);
	if (r.rc == 0)
		run(&r);
	result->rc = r.rc;
	_exit(0);
}

static int check(const struct load_result *result, struct err *err)
{
	if (result->rc < 0) {
		*err = result->err;
		return result->rc;
	}
	if (result->failed_status)
		return err_set(err, ERR_IO, "the server answered %d: %s", result->failed_status,
			result->failed);
	if (result->answers == 0)
		return err_set(err, ERR_IO, "the server answered nothing");
	return 0;
}

static int fork_load(struct bench *b, const struct load *load, struct load_result *shared,
	struct err *err)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child < 0)
		return err_set(err, ERR_INTERNAL, "no process for the load");
	if (child == 0)
		be_child(b, load, shared);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ERR_INTERNAL, "the process of the load was ended");
	return 0;
}

/* ---- groups, from the server's own figures ---- */

static double figure(struct str text, const char *name)
{
	const char *at = memmem(text.ptr, text.len, name, strlen(name));

	return at ? strtod(at + strlen(name), NULL) : 0;
}

static int read_groups(struct bench *b, double *ret_units, double *ret_commits, struct err *err)
{
	struct buf body BUF_AUTO;
	int rc;

	buf_init(&body, NULL, 1 << 20);
	rc = client_call(b->client, CLIENT_GET, "/metrics", NULL, STR(""), &body, err);
	if (rc < 0)
		return rc;
	buf_char(&body, '\0');
	*ret_units = figure(buf_str(&body), "\nzegel_units_total ");
	*ret_commits = figure(buf_str(&body), "\nzegel_commits_total ");
	return 0;
}

int load_run(struct bench *b, const struct load *load, struct load_result *ret, struct err *err)
{
	struct load_result *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double units = 0, commits = 0, units_after = 0, commits_after = 0;
	int rc;

	if (shared == MAP_FAILED)
		return err_set(err, ERR_NO_MEMORY, "no memory for the load");
	rc = read_groups(b, &units, &commits, err);
	if (rc == 0)
		rc = fork_load(b, load, shared, err);
	*ret = *shared;
	munmap(shared, sizeof(*shared));
	b->serial += UINT64_C(100000000); /* no load uses another's numbers */
	b->sales += load->kind == TRAFFIC_SALES ? ret->answers : 0;
	if (rc == 0)
		rc = check(ret, err);
	if (rc == 0)
		rc = read_groups(b, &units_after, &commits_after, err);
	if (rc == 0 && commits_after > commits)
		ret->group = (units_after - units) / (commits_after - commits);
	return rc;
}
