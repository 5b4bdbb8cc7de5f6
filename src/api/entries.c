/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/members/{id}/entries: the entries of all accounts of a member, newest first, as a merge of
 * one walk an account.
 *
 * H1  There is one order over all of them: posted_at, newest first; then the programme's id; then
 *     the version, highest first. A page goes on after the last entry of the page before, which its
 *     cursor names: what was posted meanwhile comes before it and moves nothing.
 * H2  A cursor also says where walks stand, so that a page need not walk from the head again what
 *     earlier pages gave. That saves work and decides nothing: it holds for the first POSITIONS_MAX
 *     accounts, the others are walked down to the last entry. A cursor fits into an address so. */
#include <stdlib.h>

#include "api/api_impl.h"
#include "codec/date.h"

/* Entries read ahead: of one account, and of all together. */
#define READ_AHEAD 16
#define READ_AHEAD_ALL 1024
/* A position takes 45 bytes of an address, which has 8 kB. */
#define POSITIONS_MAX 64
#define CURSOR_MAX 4096

struct walk {
	const struct programme *programme;
	struct ledger_cursor cursor; /* of what was read ahead */
	struct ledger_cursor given;  /* of what was given out; {0}: nothing of it */
	struct ledger_entry *ahead;
	size_t count, at;
	bool over;
};

struct history {
	struct store_tx *tx;
	id_t64 member;
	struct walk *walks; /* by their programmes' ids */
	size_t count, read_ahead;
	bool resumed;
	int64_t last_at, last_version; /* the last entry of the page before */
	id_t64 last_programme;
};

/* ---- the order ---- */

static bool is_after_last(const struct history *h, const struct walk *walk,
	const struct ledger_entry *e)
{
	if (!h->resumed || e->posted_at != h->last_at)
		return !h->resumed || e->posted_at < h->last_at;
	if (walk->programme->id != h->last_programme)
		return walk->programme->id > h->last_programme;
	return e->version < h->last_version;
}

/* An entry stands ready, or the walk is over. */
static int refill(struct history *h, struct walk *walk, struct err *err)
{
	int rc = 0;

	for (;;) {
		while (walk->at < walk->count && !is_after_last(h, walk, &walk->ahead[walk->at]))
			walk->at++;
		if (rc < 0 || walk->at < walk->count || walk->over)
			return rc;
		walk->at = walk->count = 0;
		rc = ledger_history(h->tx, h->member, walk->programme->id, &walk->cursor,
			walk->ahead, h->read_ahead, &walk->count, err);
		walk->over = walk->count < h->read_ahead;
	}
}

static int newest(struct history *h, struct walk **ret, struct err *err)
{
	*ret = NULL;
	for (size_t i = 0; i < h->count; i++) {
		struct walk *w = &h->walks[i];
		int rc = refill(h, w, err);
		if (rc < 0)
			return rc;
		if (w->at < w->count &&
			(!*ret || w->ahead[w->at].posted_at > (*ret)->ahead[(*ret)->at].posted_at))
			*ret = w;
	}
	return 0;
}

/* ---- the cursor: the last entry, then where walks stand, each "programme:version:at" ---- */

static bool read_place(struct str part, id_t64 *ret_programme, struct ledger_cursor *ret)
{
	struct str programme = str_cut(&part, ':');
	struct str version = str_cut(&part, ':');

	return id_parse(programme, "p", ret_programme) && num_parse(version, &ret->version) &&
		num_parse(part, &ret->at);
}

static bool read_cursor(struct str text, struct history *h)
{
	struct ledger_cursor place;
	id_t64 programme;

	if (!read_place(str_cut(&text, ','), &h->last_programme, &place))
		return false;
	h->resumed = true;
	h->last_version = place.version;
	h->last_at = place.at;
	while (text.len) {
		if (!read_place(str_cut(&text, ','), &programme, &place))
			return false;
		for (size_t i = 0; i < h->count; i++)
			if (h->walks[i].programme->id == programme) {
				h->walks[i].cursor = h->walks[i].given = place;
				h->walks[i].over = place.version < 0;
			}
	}
	return true;
}

static void write_place(struct buf *buf, id_t64 programme, int64_t version, int64_t at)
{
	char id[ID_TEXT_MAX];

	buf_printf(buf, "%s%s:%lld:%lld", buf->len ? "," : "", id_text(programme, "p", id),
		(long long)version, (long long)at);
}

static void write_cursor(const struct history *h, struct json_out *out, struct arena *arena)
{
	size_t positions = 0;
	struct buf buf;

	buf_init(&buf, arena, CURSOR_MAX);
	write_place(&buf, h->last_programme, h->last_version, h->last_at);
	for (size_t i = 0; i < h->count && positions < POSITIONS_MAX; i++) {
		const struct walk *w = &h->walks[i];
		if (w->given.version == 0)
			continue;
		write_place(&buf, w->programme->id, w->given.version, w->given.at);
		positions++;
	}
	json_out_text(out, "next", buf_str(&buf));
}

/* ---- entries ---- */

/* What an entry was posted for: a sale or a return by the caller's id of the sale, a reward by its
 * own. */
static int write_ref(const struct history *h, struct arena *arena, const struct ledger_ref *ref,
	struct json_out *out, struct err *err)
{
	static const char *const kinds[] = { [LEDGER_REF_SALE] = "sale",
		[LEDGER_REF_RETURN] = "return",
		[LEDGER_REF_REWARD] = "reward",
		[LEDGER_REF_EXPIRY] = "expiry",
		[LEDGER_REF_STAFF] = "staff" };
	bool of_sale = ref->kind == LEDGER_REF_SALE || ref->kind == LEDGER_REF_RETURN;
	struct str caller = STR("");
	char id[ID_TEXT_MAX];
	int rc = of_sale ? visit_sale_caller(h->tx, ref->id, arena, &caller, err) : 0;

	if (rc < 0)
		return rc;
	if ((int)ref->kind < LEDGER_REF_SALE || (int)ref->kind > LEDGER_REF_STAFF) {
		json_out_null(out, "ref");
		return 0;
	}
	json_out_object(out, "ref");
	json_out_cstr(out, "kind", kinds[ref->kind]);
	if (caller.len)
		json_out_text(out, "id", caller);
	else if (ref->kind == LEDGER_REF_REWARD)
		json_out_cstr(out, "id", id_text(ref->id, "w", id));
	json_out_object_end(out);
	return 0;
}

static int write_entry(const struct history *h, struct arena *arena, const struct walk *walk,
	const struct ledger_entry *e, struct json_out *out, struct err *err)
{
	char at[DATE_TEXT_MAX];

	json_out_object(out, NULL);
	json_out_text(out, "programme", walk->programme->code);
	json_out_cstr(out, "kind", ledger_kind_word(e->kind));
	json_out_int(out, "amount", e->amount);
	json_out_int(out, "balance", e->balance);
	json_out_int(out, "debt", e->debt);
	json_out_int(out, "held", e->held);
	json_out_text(out, "unit", walk->programme->unit);
	json_out_cstr(out, "at", date_time_write(e->ref.effective_at, at));
	json_out_cstr(out, "posted_at", date_time_write(e->posted_at, at));
	int rc = write_ref(h, arena, &e->ref, out, err);
	json_out_object_end(out);
	return rc;
}

static int by_programme(const void *a, const void *b)
{
	id_t64 x = ((const struct walk *)a)->programme->id;
	id_t64 y = ((const struct walk *)b)->programme->id;

	return x < y ? -1 : x > y;
}

static int open_walks(struct op *op, struct history *h, struct err *err)
{
	struct str only = http_query(op->x, "programme");
	struct enrolment *enrolments;
	struct ledger_entry *ahead;
	size_t enrolled;
	int rc = enrolment_list(h->tx, h->member, op->arena, &enrolments, &enrolled, err);

	if (rc < 0)
		return rc;
	h->walks = arena_array(op->arena, enrolled + 1, sizeof(*h->walks));
	for (size_t i = 0; h->walks && i < enrolled; i++) {
		const struct programme *p =
			catalogue_find(op->world.catalogue, enrolments[i].programme);
		if (p && (!only.ptr || str_eq(only, p->code)))
			h->walks[h->count++].programme = p;
	}
	h->read_ahead =
		(size_t)num_max(num_min(READ_AHEAD, READ_AHEAD_ALL / (int64_t)(h->count + 1)), 1);
	ahead = arena_array(op->arena, (h->count + 1) * h->read_ahead, sizeof(*ahead));
	if (!h->walks || !ahead)
		return err_set(err, ERR_NO_MEMORY, "no memory for a history");
	for (size_t i = 0; i < h->count; i++)
		h->walks[i].ahead = ahead + i * h->read_ahead;
	qsort(h->walks, h->count, sizeof(*h->walks), by_programme);
	return 0;
}

static int give(struct history *h, struct walk *walk, struct json_out *out, struct arena *arena,
	struct err *err)
{
	const struct ledger_entry *e = &walk->ahead[walk->at++];

	int rc = write_entry(h, arena, walk, e, out, err);
	h->last_programme = walk->programme->id;
	h->last_version = e->version;
	h->last_at = e->posted_at;
	/* version 1 is the first entry there is: nothing comes after it */
	walk->given = (struct ledger_cursor) { .version = e->version > 1 ? e->version - 1 : -1,
		.at = e->prev_at };
	return rc;
}

static int write_entries(struct op *op, struct history *h, size_t limit, struct json_out *out,
	struct err *err)
{
	struct str cursor = http_query(op->x, "cursor");
	struct walk *walk = NULL;
	int rc = open_walks(op, h, err);

	if (rc == 0 && cursor.ptr && !read_cursor(cursor, h))
		return err_set(err, ERR_INVALID, "cursor is what the page before said as next");
	json_out_array(out, "entries");
	for (size_t given = 0; rc == 0 && given <= limit; given++) {
		rc = newest(h, &walk, err);
		if (rc < 0 || !walk || given == limit)
			break;
		rc = give(h, walk, out, op->arena, err);
	}
	json_out_array_end(out);
	if (rc == 0 && walk)
		write_cursor(h, out, op->arena);
	else
		json_out_null(out, "next");
	return rc;
}

int api_entries(struct op *op, struct err *err)
{
	struct history h = { 0 };
	struct member member;
	struct json_out out;
	struct buf buf;
	size_t limit;
	int rc = op_our_id(op, 0, "m", &h.member, err);

	if (rc == 0)
		rc = op_limit(op, &limit, err);
	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &h.tx, err);
	if (rc < 0)
		return rc;
	buf_writer(op, &buf, &out);
	rc = member_get(h.tx, op->access->merchant->id, h.member, op->arena, &member, err);
	json_out_object(&out, NULL);
	if (rc == 0)
		rc = write_entries(op, &h, limit, &out, err);
	json_out_object_end(&out);
	store_read_end(&h.tx);
	if (rc > 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such member");
	return rc < 0 ? rc : op_answer(op, &buf, err);
}
