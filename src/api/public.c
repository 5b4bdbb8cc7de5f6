/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no key: the document of the contract, and figures (Prometheus text format 0.0.4). */
#include <inttypes.h>

#include "api/api_impl.h"
#include "api/openapi.h"

int api_openapi(struct op *op, struct err *err)
{
	op->answer = str_bytes(openapi_json, openapi_json_len);
	op_reply(op, 0, err);
	return 0;
}

/* ---- figures ---- */

static const char *const latency_limits[LATENCY_BUCKETS] = { "0.00025", "0.0005", "0.001", "0.002",
	"0.003", "0.005", "0.0075", "0.01", "0.025", "0.05", "0.1", "0.25", "1", "5" };

static void write_requests(struct api *api, struct buf *buf)
{
	buf_cstr(buf,
		"# HELP zegel_requests_total Requests answered, by operation and class of status.\n"
		"# TYPE zegel_requests_total counter\n");
	for (int i = 0; i <= OP_COUNT; i++)
		for (int c = 1; c < 6; c++) {
			uint64_t n = atomic_load(&api->figures[i].by_class[c]);
			if (n)
				buf_printf(buf,
					"zegel_requests_total{operation=\"%s\",status=\"%dxx\"} %" PRIu64
					"\n",
					api_operation_name((enum operation)i), c, n);
		}
}

static void write_latency(struct api *api, int i, struct buf *buf)
{
	const struct op_figures *f = &api->figures[i];
	const char *name = api_operation_name((enum operation)i);
	uint64_t sum = 0;

	for (int b = 0; b <= LATENCY_BUCKETS; b++)
		sum += atomic_load(&f->latency[b]);
	if (sum == 0)
		return;
	sum = 0;
	for (int b = 0; b <= LATENCY_BUCKETS; b++) {
		sum += atomic_load(&f->latency[b]);
		buf_printf(buf,
			"zegel_request_seconds_bucket{operation=\"%s\",le=\"%s\"} %" PRIu64 "\n",
			name, b < LATENCY_BUCKETS ? latency_limits[b] : "+Inf", sum);
	}
	buf_printf(buf, "zegel_request_seconds_sum{operation=\"%s\"} %.9f\n", name,
		(double)atomic_load(&f->latency_ns) / 1e9);
	buf_printf(buf, "zegel_request_seconds_count{operation=\"%s\"} %" PRIu64 "\n", name, sum);
}

static void write_groups(const struct store_stats *s, struct buf *buf)
{
	uint64_t sum = 0;

	buf_cstr(buf,
		"# HELP zegel_group_size Units written by one commit.\n"
		"# TYPE zegel_group_size histogram\n");
	for (int i = 0; i < STORE_GROUP_BUCKETS; i++) {
		sum += s->group_sizes[i];
		buf_printf(buf, "zegel_group_size_bucket{le=\"%d\"} %" PRIu64 "\n", 1 << i, sum);
	}
	buf_printf(buf, "zegel_group_size_bucket{le=\"+Inf\"} %" PRIu64 "\n", s->commits);
	buf_printf(buf, "zegel_group_size_sum %" PRIu64 "\nzegel_group_size_count %" PRIu64 "\n",
		s->units, s->commits);
}

static void write_figure(struct buf *buf, const char *name, const char *type, const char *help,
	int64_t value)
{
	buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n%s %" PRId64 "\n", name, help, name, type,
		name, value);
}

static void write_store(struct api *api, struct buf *buf)
{
	struct store_stats s;

	store_stats(api->options.store, &s);
	write_figure(buf, "zegel_units_total", "counter", "Units run by the teller.",
		(int64_t)s.units);
	write_figure(buf, "zegel_commits_total", "counter", "Commits.", (int64_t)s.commits);
	write_figure(buf, "zegel_units_failed_total", "counter", "Units that failed.",
		(int64_t)s.failed);
	write_figure(buf, "zegel_units_rerun_total", "counter", "Units run again.",
		(int64_t)s.moved);
	write_figure(buf, "zegel_queue_depth", "gauge", "Units waiting for the teller.",
		s.queue_depth);
	write_figure(buf, "zegel_store_bytes", "gauge", "Size of the store.", s.bytes);
	buf_printf(buf,
		"# HELP zegel_commit_seconds_total Time spent committing.\n"
		"# TYPE zegel_commit_seconds_total counter\nzegel_commit_seconds_total %.9f\n",
		(double)s.commit_ns / 1e9);
	write_groups(&s, buf);
}

static void write_http(struct api *api, struct buf *buf)
{
	struct http_stats s;

	write_figure(buf, "zegel_script_faults_total", "counter", "Scripts that failed.",
		(int64_t)atomic_load(&api->script_faults));
	write_figure(buf, "zegel_event_streams", "gauge", "Open event streams.",
		streams_count(api->streams));
	if (!api->server)
		return;
	http_stats(api->server, &s);
	write_figure(buf, "zegel_connections", "gauge", "Open connections.", s.connections);
	write_figure(buf, "zegel_deferred", "gauge", "Requests waiting for their commit.",
		s.deferred);
	write_figure(buf, "zegel_requests_refused_total", "counter",
		"Requests cut off before they were read.", (int64_t)s.refused);
}

int api_metrics(struct op *op, struct err *err)
{
	struct buf buf;
	int rc;

	buf_init(&buf, op->arena, 1 << 20);
	write_requests(op->api, &buf);
	buf_cstr(&buf,
		"# HELP zegel_request_seconds Time from the whole request to its reply.\n"
		"# TYPE zegel_request_seconds histogram\n");
	for (int i = 0; i <= OP_COUNT; i++)
		write_latency(op->api, i, &buf);
	write_store(op->api, &buf);
	write_http(op->api, &buf);
	rc = op_answer(op, &buf, err);
	op->content_type = "text/plain; version=0.0.4; charset=utf-8";
	if (rc == 0)
		op_reply(op, 0, err);
	return rc;
}
