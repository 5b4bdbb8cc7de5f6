/* SPDX-License-Identifier: Apache-2.0 */
/* `zegel bench`: the rows, and the table. How the bench is put together: bench_impl.h. */
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/bench_calibrate_impl.h"
#include "base/clock.h"

/* Waits after a load, so that what it left to do (copying the log) is not the next one's. */
#define REST_MS 300

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
		.writers = a->writers,
		.cpu_us = (a->cpu_us + z->cpu_us) / 2,
		.engine_us = (a->engine_us + z->engine_us) / 2 };
}

/* The groups of the first calibration are those of a short run before. */
static int take(struct bench *b, const char *what, const struct load *load, struct taken *ret,
	struct err *err)
{
	struct calibrating how = { .kind = load->kind,
		.seconds = calibrate_s(b),
		.alone = load->rate != 0 };
	struct load rehearsal = *load;
	struct calibrated before, after;
	int rc;

	rehearsal.warm = 0.2;
	rehearsal.seconds = 0.5;
	bench_say(b, "%s: warming up", what);
	rc = load_run(b, &rehearsal, &ret->load, err);
	rest();
	bench_say(b, "%s: calibrating, groups of %.1f", what, ret->load.group);
	how.group = ret->load.group;
	if (rc == 0)
		rc = calibrate_facts(b->calibration, &how, &before, err);
	bench_say(b, "%s: measuring", what);
	if (rc == 0)
		rc = load_run(b, load, &ret->load, err);
	rest();
	bench_say(b, "%s: calibrating, groups of %.1f", what, ret->load.group);
	how.group = ret->load.group;
	if (rc == 0)
		rc = calibrate_facts(b->calibration, &how, &after, err);
	if (rc == 0)
		mean(&before, &after, &ret->calibrated);
	return rc;
}

static struct row *add_row(struct table *t, const char *name, const char *unit, double value,
	double calibration, const char *target)
{
	struct row *row = &t->rows[t->count++];

	*row = (struct row) { .name = name,
		.unit = unit,
		.value = value,
		.calibration = calibration,
		.target = target };
	return row;
}

/* ---- what a row says beside its figures ---- */

static void note(struct row *row, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds to the note. */
static void note(struct row *row, const char *fmt, ...)
{
	size_t len = strlen(row->note);
	va_list args;

	va_start(args, fmt);
	vsnprintf(row->note + len, sizeof(row->note) - len, fmt, args);
	va_end(args);
}

/* What the calibration of a rate is. */
static const char *say_alone(const struct bench *b, const struct taken *taken, char out[80])
{
	if (b->engine->groups)
		snprintf(out, 80, "%s alone, the same rows in groups of %.0f (server %.0f)",
			b->engine->name, taken->calibrated.group, taken->load.group);
	else
		snprintf(out, 80, "%s alone, the same rows by %d connections", b->engine->name,
			taken->calibrated.writers);
	return out;
}

static void note_cpu(const struct bench *b, const struct taken *taken, struct row *row)
{
	const char *processes = b->engine->processes;

	note(row, "; processor a sale: ");
	if (b->server)
		note(row, "server %.0f us, ", taken->load.server_us);
	note(row, "load %.0f us", taken->load.client_us);
	if (processes && b->engine_pid)
		note(row, ", %s %.0f us", processes, taken->load.engine_us);
	else if (processes)
		note(row, ", %s not known", processes);
	note(row, "; %s alone %.0f us", b->engine->name, taken->calibrated.cpu_us);
	if (processes && b->engine_pid)
		note(row, " and %s %.0f us", processes, taken->calibrated.engine_us);
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
		taken.calibrated.rate, "r >= 0.60");
	char alone[80];
	note(row, "%s; p50 %.1f ms, p99 %.1f ms", say_alone(b, &taken, alone), taken.load.p50_ms,
		taken.load.p99_ms);
	note_cpu(b, &taken, row);
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
	struct row *row = add_row(t, "sale_p50_ms", "ms", taken.load.p50_ms,
		taken.calibrated.p50_ms, "<= 2 ms");
	note(row, "%s alone, one commit of %.1f sales; %d/s, from when each was due",
		b->engine->name, taken.calibrated.group, BENCH_OPEN_RATE);
	row = add_row(t, "sale_p99_ms", "ms", taken.load.p99_ms, taken.calibrated.p99_ms,
		"<= 10 ms");
	note(row, "the same; longest %.1f ms", taken.load.max_ms);
	return 0;
}

static int touch_row(struct bench *b, struct table *t, struct err *err)
{
	struct taken taken;
	int rc = open_loop(b, "touch_p99_ms", TRAFFIC_TOUCHES, &taken, err);

	if (rc < 0)
		return rc;
	struct row *row = add_row(t, "touch_p99_ms", "ms", taken.load.p99_ms,
		taken.calibrated.p99_ms, "<= 5 ms");
	note(row, "%s alone, one commit of %.1f touches; %d/s; p50 %.2f ms, longest %.1f ms",
		b->engine->name, taken.calibrated.group, BENCH_OPEN_RATE, taken.load.p50_ms,
		taken.load.max_ms);
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
	struct row *row = add_row(t, "idle_streams_rss_mb", "MB", with, before, "<= 200 MB");
	note(row, "the same server without them; %d streams, %.1f kB each", BENCH_STREAMS,
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

int bench_start(struct bench *b, double *ret_ms, struct err *err)
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
	if (ret_ms)
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
		rc = bench_start(b, &ms, err);
	if (rc == 0)
		rc = start_calibration(&after, err);
	if (rc < 0)
		return rc;
	struct row *row = add_row(t, "start_ms", "ms", ms, (before + after) / 2, "<= 1 s");
	note(row, "zegel version; %.0f sales in the store", (double)b->sales);
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

/* ---- the run ---- */

int bench_sell(struct bench *b, int members, int sales, int connections, struct err *err)
{
	struct load load = { .kind = TRAFFIC_SALES,
		.connections = connections,
		.count = (uint64_t)sales };
	struct load_result result;
	struct str answer;
	size_t earned = 0;
	int rc;

	b->shop.members = members;
	bench_say(b, "%d members with their first sales", members);
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

static int make_members(struct bench *b, struct err *err)
{
	int members = !b->quick ? 20000 : b->engine->groups ? 3000 : 1000;

	return bench_sell(b, members, members, BENCH_CONNECTIONS, err);
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

/* A large store begins with cold caches on both sides; how long it takes to fill them is not what
 * is measured. */
static int warm_up(struct bench *b, struct err *err)
{
	struct load load = { .kind = TRAFFIC_SALES,
		.connections = BENCH_CONNECTIONS,
		.seconds = b->quick ? 4 : 20 };
	struct calibrating how = { .kind = TRAFFIC_SALES, .seconds = load.seconds };
	struct load_result result;
	struct calibrated calibrated;
	int rc;

	bench_say(b, "warming up a large store");
	rc = load_run(b, &load, &result, err);
	how.group = rc < 0 ? 1 : result.group;
	return rc < 0 ? rc : calibrate_facts(b->calibration, &how, &calibrated, err);
}

static int measure(struct bench *b, const char *folder, struct table *t, struct err *err)
{
	int rc;

	bench_say(b, "setting up");
	rc = bench_setup(b, err);
	if (rc == 0)
		rc = b->fill_members ? bench_fill(b, err) : make_members(b, err);
	if (rc == 0)
		rc = try_touch(b, err);
	if (rc == 0)
		rc = calibration_open(folder, b, &b->calibration, err);
	if (rc == 0)
		rc = calibrate_disk(b->calibration, calibrate_s(b), &t->disk, err);
	if (rc == 0 && b->filled.members)
		rc = warm_up(b, err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && rc == 0; i++)
		rc = rows[i](b, t, err);
	calibration_close(&b->calibration);
	bench_say(b, NULL);
	return rc;
}

static int find_server(struct bench *b, const struct settings *settings, struct err *err)
{
	if (b->own) {
		snprintf(b->key, sizeof(b->key), "%s", local_server_key(b->local));
		return bench_start(b, NULL, err);
	}
	if (!settings->key[0])
		return err_set(err, ERR_INVALID,
			"--server needs --key, an admin key of that server");
	snprintf(b->url, sizeof(b->url), "%s", settings->server);
	snprintf(b->key, sizeof(b->key), "%s", settings->key);
	return open_client(b, err);
}

/* ---- the store ---- */

static const struct calibration_engine *engine_of(const char *url)
{
	static const struct {
		const char *scheme;
		const struct calibration_engine *engine;
	} engines[] = {
		{ "postgresql:", &postgres_calibration },
		{ "postgres:", &postgres_calibration },
	};

	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
		if (str_starts(str_of(url), engines[i].scheme))
			return engines[i].engine;
	return &sqlite_calibration;
}

/* What was made in a store that --store named; also on the way out by a signal. */
static void drop_tables(void *user)
{
	struct bench *b = user;
	struct err err;

	if (!b->place->given || !b->place->made || b->engine->drop(b->place, &err) == 0)
		return;
	fprintf(stderr, "zegel bench: its tables are left in the store: %s\n", err.text);
}

static int make_server(struct bench *b, const struct settings *settings, struct err *err)
{
	struct local_server_options options = { .ended = drop_tables, .user = b };
	struct bench_place *place = b->place;
	int rc = 0;

	b->engine = engine_of(settings->store);
	place->given = settings->store[0] != '\0';
	if (place->given) {
		snprintf(place->url, sizeof(place->url), "%s", settings->store);
		options.store = place->url;
		rc = b->engine->look(place, err);
	}
	if (rc == 0)
		rc = local_server_make(&options, &b->local, err);
	if (rc == 0 && !place->given) {
		snprintf(place->url, sizeof(place->url), "%s", local_server_store(b->local));
		rc = b->engine->look(place, err);
	}
	if (rc == 0 && b->engine->find_pid)
		b->engine_pid = b->engine->find_pid(place);
	return rc;
}

static int check_settings(const struct settings *settings, struct err *err)
{
	bool fill = settings->members || settings->receipts;

	if (settings->server[0] && (settings->store[0] || fill))
		return err_set(err, ERR_INVALID,
			"--store, --members and --receipts are for a server of the bench's own, not for --server");
	if (fill &&
		(settings->members < BENCH_FILL_MIN || settings->members > BENCH_FILL_MAX ||
			settings->receipts < settings->members))
		return err_set(err, ERR_INVALID,
			"--members N is %d to %d, and --receipts M at least as many",
			BENCH_FILL_MIN, BENCH_FILL_MAX);
	return 0;
}

int cmd_bench(const struct settings *settings)
{
	struct bench b = { .quick = settings->quick,
		.progress = isatty(STDERR_FILENO) == 1,
		.own = !settings->server[0],
		.fill_members = settings->members,
		.fill_receipts = settings->receipts };
	struct bench_place place = { 0 };
	struct table table = { 0 };
	struct err err;
	int rc;

	b.place = &place;
	buf_init(&b.sale_answer, NULL, 1 << 20);
	buf_init(&b.touch_answer, NULL, 1 << 20);
	rc = check_settings(settings, &err);
	if (rc == 0)
		rc = make_server(&b, settings, &err);
	if (rc == 0)
		rc = find_server(&b, settings, &err);
	if (rc == 0)
		rc = measure(&b, local_server_folder(b.local), &table, &err);
	client_close(&b.client);
	buf_done(&b.sale_answer);
	buf_done(&b.touch_answer);
	bench_filled_free(&b.filled);
	local_server_free(&b.local);
	if (rc < 0)
		return complain(settings, &err);
	if (settings->json)
		table_print_json(&table);
	else
		table_print(&b, &table);
	return EXIT_DONE;
}
