/* SPDX-License-Identifier: Apache-2.0 */
/* `zegel bench`: the rows, and the table. How the bench is put together: bench_impl.h. */
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/bench_impl.h"
#include "base/clock.h"
#include "codec/json_write.h"

/* Waits after a load, so that what it left to do (copying the log) is not the next one's. */
#define REST_MS 300

struct row {
	const char *name, *unit;
	double value, calibration;
	char note[240]; /* what the calibration is, and what else was seen */
};
#define ROWS_MAX 16
struct table {
	struct row rows[ROWS_MAX];
	size_t count;
	struct calibrated disk;
};

/* ---- progress ---- */

void bench_say(const struct bench *b, const char *fmt, ...)
{
	va_list args;

	if (!b->progress)
		return;
	fputs("\r\033[K", stderr);
	if (fmt) {
		va_start(args, fmt);
		vfprintf(stderr, fmt, args);
		va_end(args);
	}
	fflush(stderr);
}

static void rest(void)
{
	struct timespec pause = { .tv_nsec = REST_MS * 1000000L };

	nanosleep(&pause, NULL);
}

/* ---- how long ---- */

static double measure_s(const struct bench *b)
{
	return b->quick ? 2 : 15;
}

static double calibrate_s(const struct bench *b)
{
	return b->quick ? 0.6 : 4;
}

/* ---- a load between two calibrations ---- */

struct taken {
	struct load_result load;
	struct calibrated calibrated; /* the mean of before and after */
};

static void mean(const struct calibrated *a, const struct calibrated *z, struct calibrated *ret)
{
	*ret = (struct calibrated) { .rate = (a->rate + z->rate) / 2,
		.p50_ms = (a->p50_ms + z->p50_ms) / 2,
		.p99_ms = (a->p99_ms + z->p99_ms) / 2,
		.group = (a->group + z->group) / 2,
		.cpu_us = (a->cpu_us + z->cpu_us) / 2 };
}

/* The groups of the first calibration are those of a short run before. */
static int take(struct bench *b, const char *what, const struct load *load, struct taken *ret,
	struct err *err)
{
	struct load rehearsal = *load;
	struct calibrated before, after;
	int rc;

	rehearsal.warm = 0.2;
	rehearsal.seconds = 0.5;
	bench_say(b, "%s: warming up", what);
	rc = load_run(b, &rehearsal, &ret->load, err);
	rest();
	bench_say(b, "%s: calibrating, groups of %.1f", what, ret->load.group);
	if (rc == 0)
		rc = calibrate_facts(b->calibration, load->kind, ret->load.group, calibrate_s(b),
			&before, err);
	bench_say(b, "%s: measuring", what);
	if (rc == 0)
		rc = load_run(b, load, &ret->load, err);
	rest();
	bench_say(b, "%s: calibrating, groups of %.1f", what, ret->load.group);
	if (rc == 0)
		rc = calibrate_facts(b->calibration, load->kind, ret->load.group, calibrate_s(b),
			&after, err);
	if (rc == 0)
		mean(&before, &after, &ret->calibrated);
	return rc;
}

static struct row *add_row(struct table *t, const char *name, const char *unit, double value,
	double calibration)
{
	struct row *row = &t->rows[t->count++];

	*row = (struct row) { .name = name,
		.unit = unit,
		.value = value,
		.calibration = calibration };
	return row;
}

/* ---- rows ---- */

static int sales_at(struct bench *b, struct table *t, const char *name, int connections,
	struct err *err)
{
	struct load load = { .kind = TRAFFIC_SALES,
		.connections = connections,
		.warm = 0.5,
		.seconds = measure_s(b) };
	struct taken taken;
	int rc = take(b, name, &load, &taken, err);

	if (rc < 0)
		return rc;
	struct row *row = add_row(t, name, "/s", (double)taken.load.answers / taken.load.seconds,
		taken.calibrated.rate);
	int n = snprintf(row->note, sizeof(row->note),
		"SQLite alone, the same rows in groups of %.0f (server %.0f); p50 %.1f ms, p99 %.1f ms; "
		"processor a sale: SQLite %.0f us, load %.0f us",
		taken.calibrated.group, taken.load.group, taken.load.p50_ms, taken.load.p99_ms,
		taken.calibrated.cpu_us, taken.load.client_us);
	if (b->server)
		snprintf(row->note + n, sizeof(row->note) - (size_t)n, ", server %.0f us",
			taken.load.server_us);
	return 0;
}

static int sales_row(struct bench *b, struct table *t, struct err *err)
{
	return sales_at(b, t, "sales_per_s", BENCH_CONNECTIONS, err);
}

static int many_sales_row(struct bench *b, struct table *t, struct err *err)
{
	return sales_at(b, t, "sales_per_s_512", BENCH_MANY_CONNECTIONS, err);
}

static int open_loop(struct bench *b, const char *what, enum traffic_kind kind, struct taken *ret,
	struct err *err)
{
	struct load load = { .kind = kind,
		.connections = BENCH_OPEN_CONNECTIONS,
		.rate = BENCH_OPEN_RATE,
		.warm = 0.5,
		.seconds = measure_s(b) };

	return take(b, what, &load, ret, err);
}

static int latency_rows(struct bench *b, struct table *t, struct err *err)
{
	struct taken taken;
	int rc = open_loop(b, "sale_p50_ms", TRAFFIC_SALES, &taken, err);

	if (rc < 0)
		return rc;
	struct row *row =
		add_row(t, "sale_p50_ms", "ms", taken.load.p50_ms, taken.calibrated.p50_ms);
	snprintf(row->note, sizeof(row->note),
		"SQLite alone, one commit of %.1f sales; %d/s, from when each was due",
		taken.calibrated.group, BENCH_OPEN_RATE);
	row = add_row(t, "sale_p99_ms", "ms", taken.load.p99_ms, taken.calibrated.p99_ms);
	snprintf(row->note, sizeof(row->note), "the same; longest %.1f ms", taken.load.max_ms);
	return 0;
}

static int touch_row(struct bench *b, struct table *t, struct err *err)
{
	struct taken taken;
	int rc = open_loop(b, "touch_p99_ms", TRAFFIC_TOUCHES, &taken, err);

	if (rc < 0)
		return rc;
	struct row *row =
		add_row(t, "touch_p99_ms", "ms", taken.load.p99_ms, taken.calibrated.p99_ms);
	snprintf(row->note, sizeof(row->note),
		"SQLite alone, one commit of %.1f touches; %d/s; p50 %.2f ms, longest %.1f ms",
		taken.calibrated.group, BENCH_OPEN_RATE, taken.load.p50_ms, taken.load.max_ms);
	return 0;
}

static int streams_row(struct bench *b, struct table *t, struct err *err)
{
	double before, with;
	int rc;

	if (!b->own)
		return 0;
	bench_say(b, "idle_streams_rss_mb: opening %d streams", BENCH_STREAMS);
	rc = streams_measure(b, BENCH_STREAMS, &before, &with, err);
	if (rc < 0)
		return rc;
	struct row *row = add_row(t, "idle_streams_rss_mb", "MB", with, before);
	snprintf(row->note, sizeof(row->note),
		"the same server without them; %d streams, %.1f kB each", BENCH_STREAMS,
		(with - before) * 1024 / BENCH_STREAMS);
	return 0;
}

/* The program started to do nothing. */
static int start_calibration(double *ret_ms, struct err *err)
{
	char *const args[] = { "zegel", "version", NULL };
	int64_t start = clock_ticks_ns();
	posix_spawn_file_actions_t files;
	int status = -1;
	pid_t child;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&child, "/proc/self/exe", &files, NULL, args, environ) == 0)
		waitpid(child, &status, 0);
	posix_spawn_file_actions_destroy(&files);
	*ret_ms = (double)(clock_ticks_ns() - start) / 1e6;
	return status == 0 ? 0 : err_set(err, ERR_INTERNAL, "zegel version did not run");
}

static int open_client(struct bench *b, struct err *err)
{
	struct client_options options = { .url = b->url, .connections = 1 };

	client_close(&b->client);
	return client_open(&options, &b->client, err);
}

static int start_and_ask(struct bench *b, double *ret_ms, struct err *err)
{
	struct buf body BUF_AUTO;
	int64_t start = clock_ticks_ns();
	int rc = local_server_start(b->local, err);

	if (rc < 0)
		return rc;
	b->server = local_server_pid(b->local);
	snprintf(b->url, sizeof(b->url), "%s", local_server_url(b->local));
	rc = open_client(b, err);
	if (rc < 0)
		return rc;
	buf_init(&body, NULL, 64 << 10);
	rc = client_call(b->client, CLIENT_GET, "/health", NULL, STR(""), &body, err);
	*ret_ms = (double)(clock_ticks_ns() - start) / 1e6;
	return rc < 0 ? rc : 0;
}

static int start_row(struct bench *b, struct table *t, struct err *err)
{
	double before, ms, after;
	int rc;

	if (!b->own)
		return 0;
	bench_say(b, "start_ms: starting again");
	rc = local_server_stop(b->local, err);
	if (rc == 0)
		rc = start_calibration(&before, err);
	if (rc == 0)
		rc = start_and_ask(b, &ms, err);
	if (rc == 0)
		rc = start_calibration(&after, err);
	if (rc < 0)
		return rc;
	struct row *row = add_row(t, "start_ms", "ms", ms, (before + after) / 2);
	snprintf(row->note, sizeof(row->note), "zegel version; %.0f sales in the store",
		(double)b->sales);
	return 0;
}

static int (*const rows[])(struct bench *b, struct table *t, struct err *err) = {
	sales_row,
	many_sales_row,
	latency_rows,
	touch_row,
	streams_row,
	start_row,
};

/* ---- the table ---- */

static void print_json(const struct table *t)
{
	struct buf buf BUF_AUTO;
	struct json_out out;

	buf_init(&buf, NULL, 64 << 10);
	json_out_init(&out, &buf);
	json_out_array(&out, NULL);
	for (size_t i = 0; i < t->count; i++) {
		const struct row *row = &t->rows[i];
		char number[3][32];
		snprintf(number[0], 32, "%.3f", row->value);
		snprintf(number[1], 32, "%.3f", row->calibration);
		snprintf(number[2], 32, "%.3f", row->value / row->calibration);
		json_out_object(&out, NULL);
		json_out_cstr(&out, "name", row->name);
		json_out_raw(&out, "value", str_of(number[0]));
		json_out_cstr(&out, "unit", row->unit);
		json_out_raw(&out, "calibration", str_of(number[1]));
		json_out_raw(&out, "ratio", str_of(number[2]));
		json_out_object_end(&out);
	}
	json_out_array_end(&out);
	printf("%.*s\n", STR_ARG(buf_str(&buf)));
}

static void print_machine(const struct table *t)
{
	struct utsname name;
	double load[1] = { 0 };

	uname(&name);
	(void)getloadavg(load, 1);
	printf("%ld cores, %s %s, fdatasync of a page %.0f/s (p50 %.2f ms, p99 %.2f ms), load average %.1f\n\n",
		sysconf(_SC_NPROCESSORS_ONLN), name.sysname, name.release, t->disk.rate,
		t->disk.p50_ms, t->disk.p99_ms, load[0]);
}

static const char *number(double value, char out[32])
{
	snprintf(out, 32, fabs(value) >= 100 ? "%.0f" : fabs(value) >= 10 ? "%.1f" : "%.2f", value);
	return out;
}

static void print_table(const struct bench *b, const struct table *t)
{
	char value[32], calibration[32];

	print_machine(t);
	printf("%-20s %10s %12s %6s  %s\n", "what", "measured", "calibration", "ratio", "");
	for (size_t i = 0; i < t->count; i++) {
		const struct row *row = &t->rows[i];
		printf("%-20s %7s %-2s %9s %-2s %6.2f  %s\n", row->name, number(row->value, value),
			row->unit, number(row->calibration, calibration), row->unit,
			row->value / row->calibration, row->note);
	}
	if (!b->own)
		printf("\nThe calibrations are of this machine; memory and start are measured on a server of "
		       "one's own only.\n");
}

/* ---- the run ---- */

static int make_members(struct bench *b, struct err *err)
{
	struct load load = { .kind = TRAFFIC_SALES, .connections = BENCH_CONNECTIONS };
	struct load_result result;
	struct str answer;
	size_t earned = 0;
	int rc;

	b->shop.members = b->quick ? 3000 : 20000;
	load.count = (uint64_t)b->shop.members;
	bench_say(b, "%d members with their first sale", b->shop.members);
	rc = load_run(b, &load, &result, err);
	if (rc < 0)
		return rc;
	answer = str_bytes(result.answer, result.answer_len);
	buf_add(&b->sale_answer, answer);
	for (const char *at; (at = memmem(answer.ptr, answer.len, "\"earned\"", 8)); earned++)
		answer = str_from(answer, (size_t)(at - answer.ptr) + 8);
	if (earned != BENCH_APPLY)
		return err_set(err, ERR_INTERNAL, "%zu programmes applied to a sale, not %d",
			earned, BENCH_APPLY);
	return 0;
}

/* One touch, to know what the answer looks like. */
static int try_touch(struct bench *b, struct err *err)
{
	struct load load = { .kind = TRAFFIC_TOUCHES, .connections = 1, .count = 1 };
	struct load_result result;
	int rc = load_run(b, &load, &result, err);

	buf_add(&b->touch_answer, str_bytes(result.answer, result.answer_len));
	return rc;
}

static int measure(struct bench *b, const char *folder, struct table *t, struct err *err)
{
	int rc;

	bench_say(b, "setting up");
	rc = bench_setup(b, err);
	if (rc == 0)
		rc = make_members(b, err);
	if (rc == 0)
		rc = try_touch(b, err);
	if (rc == 0)
		rc = calibration_open(folder, b, &b->calibration, err);
	if (rc == 0)
		rc = calibrate_disk(b->calibration, calibrate_s(b), &t->disk, err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && rc == 0; i++)
		rc = rows[i](b, t, err);
	calibration_close(&b->calibration);
	bench_say(b, NULL);
	return rc;
}

static int find_server(struct bench *b, const struct settings *settings, struct err *err)
{
	double ms;

	if (b->own) {
		snprintf(b->key, sizeof(b->key), "%s", local_server_key(b->local));
		return start_and_ask(b, &ms, err);
	}
	if (!settings->key[0])
		return err_set(err, ERR_INVALID,
			"--server needs --key, an admin key of that server");
	snprintf(b->url, sizeof(b->url), "%s", settings->server);
	snprintf(b->key, sizeof(b->key), "%s", settings->key);
	return open_client(b, err);
}

int cmd_bench(const struct settings *settings)
{
	struct bench b = { .quick = settings->quick,
		.progress = isatty(STDERR_FILENO) == 1,
		.own = !settings->server[0] };
	struct local_server_options options = { 0 };
	struct table table = { 0 };
	struct err err;
	int rc;

	buf_init(&b.sale_answer, NULL, 1 << 20);
	buf_init(&b.touch_answer, NULL, 1 << 20);
	rc = local_server_make(&options, &b.local, &err);
	if (rc == 0)
		rc = find_server(&b, settings, &err);
	if (rc == 0)
		rc = measure(&b, local_server_folder(b.local), &table, &err);
	client_close(&b.client);
	buf_done(&b.sale_answer);
	buf_done(&b.touch_answer);
	local_server_free(&b.local);
	if (rc < 0)
		return complain(settings, &err);
	if (settings->json)
		print_json(&table);
	else
		print_table(&b, &table);
	return EXIT_DONE;
}
