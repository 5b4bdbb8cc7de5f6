/* SPDX-License-Identifier: Apache-2.0 */
/* Sending a plan: as many posts at the same time as there are connections, but of one customer one
 * after the other, in the order of the file: a return finds its sales, and points come as they
 * came. Then the balance of every member that an answer named is read.
 *
 * A job (a post, or a member to read) sits in a *seat* from its first attempt to its answer:
 *
 *   EMPTY -> ASKED -> EMPTY            answered
 *              |  ^
 *              v  |
 *             RESTS    503 or no answer: the same again after a pause, that of Retry-After or
 *                      one that doubles
 *
 * With a rate, an invoice is due at its own moment, whatever the answers before it do, and its
 * latency counts from then: a slow server cannot hide behind a client that waits for it.
 *
 * Invariants: 1. of one customer at most one post is in a seat. 2. A post enters the queue of the
 * ready once: when it has been reached and does not wait. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/replay_impl.h"
#include "base/clock.h"
#include "codec/json.h"

#define SECOND INT64_C(1000000000)
#define PAUSE_FIRST (SECOND / 20)
#define PAUSE_MAX (2 * SECOND)
#define RETRY_AFTER_MAX 10
#define TRY_FOR (60 * SECOND)
#define PROGRESS_EVERY (SECOND / 5)
#define BODY_MAX (8 << 20)
#define ANSWER_ARENA_MAX ((size_t)64 << 20)
#define MEMBER_WORDS_MAX ((size_t)256 << 20)

struct sending;

struct seat {
	struct sending *s;
	enum { EMPTY, ASKED, RESTS } state;
	uint32_t job;
	struct buf body, path;
	int64_t first_ns; /* when it was asked first */
	int64_t began_ns; /* the same, or with a rate when it was due */
	int64_t again_ns; /* RESTS: until then */
	int64_t pause_ns;
};

struct sending {
	const struct replay_file *file;
	struct replay_plan *plan;
	const struct replay_target *target;
	struct replay_totals *totals;
	struct seat *seats;
	bool reading;     /* the members, after all posts are answered */
	uint32_t reached; /* jobs from here on were not looked at yet */
	uint32_t *ready;  /* a queue of posts that waited for their turn */
	uint32_t ready_first, ready_count;
	uint32_t done;
	int64_t *latencies;
	struct words members;
	struct arena *arena; /* of one answer */
	struct err *err;
	int rc; /* the first failure */
	int64_t start_ns, progress_ns;
};

static uint32_t job_count(const struct sending *s)
{
	return s->reading ? s->members.count : s->plan->post_count;
}

static void fail(struct sending *s, int rc)
{
	if (s->rc == 0)
		s->rc = rc;
}

/* ---- answers ---- */

static const struct replay_invoice *invoice_of(const struct sending *s, uint32_t post)
{
	return &s->file->invoices[s->plan->posts[post].invoice];
}

static void count_sale(struct sending *s, uint32_t post, const struct json *answer)
{
	const struct replay_invoice *invoice = invoice_of(s, post);
	const struct json *member = json_get(answer, "member");
	const struct json *id = json_get(member, "id");

	s->totals->sales++;
	s->totals->lines += invoice->lines;
	s->totals->total_minor += invoice->total_minor;
	if (!id)
		s->totals->sales_anonymous++;
	else if (words_add(&s->members, id->string) == REPLAY_NONE)
		fail(s, err_set(s->err, ERR_NO_MEMORY, "no memory for the members"));
}

static void count_return(struct sending *s, uint32_t post)
{
	const struct replay_plan *plan = s->plan;

	s->totals->returns_posted++;
	for (uint32_t i = plan->posts[post].first; i != REPLAY_NONE; i = plan->parts[i].next) {
		s->totals->return_quantity += plan->parts[i].quantity;
		s->totals->returned_minor +=
			plan->parts[i].quantity * s->file->lines[plan->parts[i].line].price_minor;
	}
}

static void count_member(struct sending *s, const struct json *answer)
{
	const struct json *enrolments = json_get(answer, "enrolments");

	for (const struct json *e = enrolments ? enrolments->first : NULL; e; e = e->next) {
		const struct json *programme = json_get(e, "programme");
		const struct json *balance = json_get(e, "balance");
		if (!programme || !balance)
			continue;
		if (str_is(programme->string, "points"))
			s->totals->points += balance->integer;
		else if (str_is(programme->string, "stamps"))
			s->totals->stamps += balance->integer;
	}
}

static void count_answer(struct sending *s, uint32_t job, struct str body)
{
	struct json *answer;
	struct err err;
	int rc;

	arena_reset(s->arena);
	rc = json_parse(s->arena, body, &answer, &err);
	if (rc < 0)
		fail(s, err_set(s->err, rc, "the server's answer is no JSON: %s", err.text));
	else if (s->reading)
		count_member(s, answer);
	else if (s->plan->posts[job].sale == REPLAY_NONE)
		count_sale(s, job, answer);
	else
		count_return(s, job);
}

/* The next post of the same customer may go. */
static void let_next(struct sending *s, uint32_t post)
{
	uint32_t next = s->plan->posts[post].next;

	if (next == REPLAY_NONE)
		return;
	s->plan->posts[next].waits = false;
	if (s->plan->posts[next].reached)
		s->ready[s->ready_first + s->ready_count++] = next;
}

static void job_done(struct sending *s, struct seat *seat, struct str body)
{
	if (!s->reading) {
		s->latencies[s->done] = clock_ticks_ns() - seat->began_ns;
		let_next(s, seat->job);
	}
	count_answer(s, seat->job, body);
	seat->state = EMPTY;
	s->done++;
}

/* ---- refusals ---- */

static struct str text_of(const struct json *object, const char *name, struct str otherwise)
{
	const struct json *value = json_get(object, name);

	return value && value->type == JSON_STRING ? value->string : otherwise;
}

static void refused(struct sending *s, const struct seat *seat, const struct client_answer *answer)
{
	struct str number = s->reading ? s->members.list[seat->job]
				       : s->file->words.list[invoice_of(s, seat->job)->number];
	struct json *problem = NULL;
	struct err inner;
	struct str detail, at;

	arena_reset(s->arena);
	if (json_parse(s->arena, answer->body, &problem, &inner) < 0)
		problem = NULL;
	detail = text_of(problem, "detail", str_first(answer->body, 120));
	at = text_of(problem, "at", STR(""));
	fail(s,
		err_set(s->err, ERR_INVALID, "the server refused %s %.*s with %d: %.*s%s%.*s%s",
			s->reading ? "to tell of" : "invoice", STR_ARG(number), answer->status,
			STR_ARG(detail), at.len ? " at " : "", STR_ARG(at),
			answer->status == 409 ? " (was another file sent to this server before?)"
					      : ""));
}

static void rest(struct sending *s, struct seat *seat, const struct client_answer *answer)
{
	int64_t now = clock_ticks_ns();

	if (answer->retry_after_s)
		seat->pause_ns = num_min(answer->retry_after_s, RETRY_AFTER_MAX) * SECOND;
	else
		seat->pause_ns =
			num_min(seat->pause_ns ? seat->pause_ns * 2 : PAUSE_FIRST, PAUSE_MAX);
	seat->again_ns = now + seat->pause_ns;
	seat->state = RESTS;
	if (seat->again_ns - seat->first_ns < TRY_FOR)
		return;
	if (answer->status)
		fail(s,
			err_set(s->err, ERR_BUSY,
				"the server was too busy for a minute: "
				"fewer --connections or a --rate may help"));
	else
		fail(s,
			err_set(s->err, ERR_IO, "the server did not answer for a minute: %s",
				answer->why));
}

static void on_answer(void *user, const struct client_answer *answer)
{
	struct seat *seat = user;

	if (answer->status == 200)
		job_done(seat->s, seat, answer->body);
	else if (answer->status == 503 || answer->status == 0)
		rest(seat->s, seat, answer);
	else
		refused(seat->s, seat, answer);
}

/* ---- asking ---- */

static void ask(struct sending *s, struct seat *seat)
{
	const struct replay_target *target = s->target;
	struct client_request request = { .path = seat->path.ptr,
		.answered = on_answer,
		.user = seat,
		.body = buf_str(&seat->body),
		.method = CLIENT_GET,
		.key = target->admin_key };
	int rc;

	if (!s->reading) {
		struct str number = s->file->words.list[invoice_of(s, seat->job)->number];
		bool sale = s->plan->posts[seat->job].sale == REPLAY_NONE;
		request.method = sale ? CLIENT_PUT : CLIENT_POST;
		request.key = target->till_keys[words_hash(number) % REPLAY_TILLS];
	}
	seat->state = ASKED;
	rc = client_send(target->client, &request, s->err);
	if (rc < 0)
		fail(s, rc);
}

static int64_t due_ns(const struct sending *s, uint32_t job)
{
	if (s->reading || s->target->rate == 0)
		return s->start_ns;
	return s->start_ns +
		(int64_t)((__int128)s->plan->posts[job].nth * SECOND / s->target->rate);
}

/* The next job that may go now; false: there is none. */
static bool next_job(struct sending *s, int64_t now, uint32_t *ret)
{
	if (s->ready_count > 0) {
		*ret = s->ready[s->ready_first++];
		s->ready_count--;
		return true;
	}
	while (s->reached < job_count(s) && due_ns(s, s->reached) <= now) {
		*ret = s->reached++;
		if (s->reading || !s->plan->posts[*ret].waits)
			return true;
		s->plan->posts[*ret].reached = true;
	}
	return false;
}

static void sit_down(struct sending *s, struct seat *seat, uint32_t job, int64_t now)
{
	seat->job = job;
	seat->pause_ns = 0;
	seat->first_ns = now;
	seat->began_ns = !s->reading && s->target->rate ? due_ns(s, job) : now;
	if (s->reading) {
		buf_reset(&seat->body);
		buf_reset(&seat->path);
		buf_printf(&seat->path, "/v1/members/%.*s%c", STR_ARG(s->members.list[job]), '\0');
	} else {
		replay_body(s->file, s->plan, job, &seat->body, &seat->path);
	}
	if (seat->body.failed || seat->path.failed)
		fail(s, err_set(s->err, ERR_TOO_LARGE, "an invoice is too large to be sent"));
	else
		ask(s, seat);
}

/* Fills the seats; returns until when nothing more is to be done here. */
static int64_t fill_seats(struct sending *s)
{
	int64_t now = clock_ticks_ns();
	int64_t until = now + SECOND;
	bool more = true;

	for (int i = 0; i < s->target->connections && s->rc == 0; i++) {
		struct seat *seat = &s->seats[i];
		uint32_t job;
		if (seat->state == EMPTY && more) {
			more = next_job(s, now, &job);
			if (more)
				sit_down(s, seat, job, now);
		} else if (seat->state == RESTS && seat->again_ns <= now) {
			ask(s, seat);
		} else if (seat->state == RESTS) {
			until = num_min(until, seat->again_ns);
		}
	}
	if (!more && s->reached < job_count(s))
		until = num_min(until, due_ns(s, s->reached));
	return until;
}

static void show_progress(struct sending *s, bool over)
{
	int64_t now = clock_ticks_ns();

	if (!isatty(STDERR_FILENO) || (!over && now - s->progress_ns < PROGRESS_EVERY))
		return;
	s->progress_ns = now;
	if (over)
		fprintf(stderr, "\r\033[K");
	else
		fprintf(stderr, "\r\033[K%s %" PRIu32 " of %" PRIu32 ", %" PRId64 " s ",
			s->reading ? "reading members" : "sending", s->done, job_count(s),
			(now - s->start_ns) / SECOND);
}

static void send_all(struct sending *s)
{
	s->reached = s->done = s->ready_first = s->ready_count = 0;
	while (s->done < job_count(s) && s->rc == 0) {
		int64_t until = fill_seats(s);
		int rc = s->rc ? s->rc : client_run_until(s->target->client, until, s->err);
		if (rc < 0)
			fail(s, rc);
		show_progress(s, false);
	}
	show_progress(s, true);
}

/* ---- beginning and end ---- */

static int compare_latency(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest that `percent` of all do not exceed. */
static int64_t percentile(const int64_t *sorted, uint32_t count, uint32_t percent)
{
	uint64_t rank = ((uint64_t)count * percent + 99) / 100;

	return count ? sorted[rank ? rank - 1 : 0] : 0;
}

static bool allocate(struct sending *s)
{
	int count = s->target->connections;

	s->seats = calloc((size_t)count, sizeof(*s->seats));
	s->ready = calloc((size_t)s->plan->post_count + 1, sizeof(*s->ready));
	s->latencies = calloc((size_t)s->plan->post_count + 1, sizeof(*s->latencies));
	s->arena = arena_new(ANSWER_ARENA_MAX);
	for (int i = 0; s->seats && i < count; i++) {
		s->seats[i].s = s;
		buf_init(&s->seats[i].body, NULL, BODY_MAX);
		buf_init(&s->seats[i].path, NULL, 4096);
	}
	return words_init(&s->members, MEMBER_WORDS_MAX) && s->seats && s->ready && s->latencies &&
		s->arena;
}

static void release(struct sending *s)
{
	for (int i = 0; s->seats && i < s->target->connections; i++) {
		buf_done(&s->seats[i].body);
		buf_done(&s->seats[i].path);
	}
	free(s->seats);
	free(s->ready);
	free(s->latencies);
	arena_free(&s->arena);
	words_done(&s->members);
}

static void run(struct sending *s)
{
	struct replay_totals *t = s->totals;

	s->start_ns = clock_ticks_ns();
	send_all(s);
	t->duration_ns = clock_ticks_ns() - s->start_ns;
	qsort(s->latencies, s->done, sizeof(*s->latencies), compare_latency);
	t->p50_ns = percentile(s->latencies, s->done, 50);
	t->p99_ns = percentile(s->latencies, s->done, 99);
	t->members = s->members.count;
	s->reading = true;
	if (s->rc == 0)
		send_all(s);
}

int replay_send(const struct replay_file *file, struct replay_plan *plan,
	const struct replay_target *target, struct replay_totals *ret, struct err *err)
{
	struct sending s = { .file = file,
		.plan = plan,
		.target = target,
		.totals = ret,
		.err = err };

	*ret = (struct replay_totals) { 0 };
	if (!allocate(&s))
		fail(&s, err_set(err, ERR_NO_MEMORY, "no memory to send"));
	else
		run(&s);
	release(&s);
	return s.rc;
}
