/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/members */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "codec/date.h"

static int answer_member(struct op *op, struct store_tx *tx, id_t64 member, const char *name,
	struct err *err)
{
	struct visit_env env;
	struct json_out out;
	struct buf buf;
	int rc = 0;

	op_env(op, tx, 0, &env);
	buf_writer(op, &buf, &out);
	if (name)
		json_out_object(&out, NULL);
	if (member)
		rc = visit_member_json(&env, member, &out, name, err);
	else
		json_out_null(&out, name);
	if (name)
		json_out_object_end(&out);
	return rc != 0 ? rc : op_answer(op, &buf, err);
}

int api_member(struct op *op, struct err *err)
{
	struct store_tx *tx;
	id_t64 member;
	int rc = op_our_id(op, 0, "m", &member, err);

	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	rc = answer_member(op, tx, member, NULL, err);
	store_read_end(&tx);
	return rc > 0 ? err_set(err, ERR_NOT_FOUND, "there is no such member") : rc;
}

int api_search(struct op *op, struct err *err)
{
	struct identifier_ring ring;
	struct identifier identifier;
	struct json_reader r;
	struct store_tx *tx;
	const struct json *value;
	id_t64 member = 0, other, owner;
	int rc;

	json_begin(&r, op->arena, op->body, STR(""), err);
	value = json_object(&r, "identifier");
	rc = json_end(&r);
	if (rc < 0)
		return rc;
	identifier_ring_of(&op->api->options.identifiers, op->access->merchant->id, &ring);
	rc = op_identifier(op, value, STR("/identifier"), &ring, &identifier, err);
	secret_wipe_bytes(&ring, sizeof(ring));
	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	rc = member_find(tx, &identifier, 1, &member, &other, &owner, err);
	if (rc == 0)
		rc = answer_member(op, tx, member, "member", err);
	store_read_end(&tx);
	return rc > 0 ? err_set(err, ERR_NOT_FOUND, "there is no such member") : rc;
}

/* ---- history ---- */

/* Entries of all accounts of a member, newest first: a merge of one walk an account. The cursor
 * says where each walk stands: "programme:version:at" joined by commas. */
#define WALKS_MAX 64
#define READ_AHEAD 16

struct walk {
	const struct programme *programme;
	struct ledger_cursor cursor; /* of what was read ahead */
	struct ledger_cursor taken;  /* of what was given out */
	struct ledger_entry ahead[READ_AHEAD];
	size_t count, at;
	bool over;
};

static int refill(struct store_tx *tx, id_t64 member, struct walk *walk, struct err *err)
{
	if (walk->at < walk->count || walk->over)
		return 0;
	walk->at = 0;
	int rc = ledger_history(tx, member, walk->programme->id, &walk->cursor, walk->ahead,
		READ_AHEAD, &walk->count, err);
	walk->over = walk->count < READ_AHEAD;
	return rc;
}

static struct walk *newest(struct walk *walks, size_t count)
{
	struct walk *best = NULL;

	for (size_t i = 0; i < count; i++) {
		struct walk *w = &walks[i];
		if (w->at < w->count &&
			(!best || w->ahead[w->at].posted_at > best->ahead[best->at].posted_at))
			best = w;
	}
	return best;
}

static void write_entry(const struct walk *walk, const struct ledger_entry *e, struct json_out *out)
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
	json_out_object_end(out);
}

/* Where a walk goes on: after nothing taken it starts at the newest. */
static bool read_cursor(struct str text, struct walk *walks, size_t count)
{
	while (text.len) {
		struct str part = str_cut(&text, ',');
		struct str programme = str_cut(&part, ':');
		struct str version = str_cut(&part, ':');
		id_t64 id;
		int64_t v, at;
		if (!id_parse(programme, "p", &id) || !num_parse(version, &v) ||
			!num_parse(part, &at))
			return false;
		for (size_t i = 0; i < count; i++)
			if (walks[i].programme->id == id) {
				walks[i].cursor = (struct ledger_cursor) { .version = v, .at = at };
				walks[i].taken = walks[i].cursor;
				walks[i].over = v < 0;
			}
	}
	return true;
}

static void write_cursor(const struct walk *walks, size_t count, struct json_out *out,
	struct arena *arena)
{
	struct buf buf;
	char id[ID_TEXT_MAX];

	buf_init(&buf, arena, 8192);
	for (size_t i = 0; i < count; i++) {
		const struct walk *w = &walks[i];
		if (w->taken.version == 0)
			continue;
		buf_printf(&buf, "%s%s:%lld:%lld", buf.len ? "," : "",
			id_text(w->programme->id, "p", id), (long long)w->taken.version,
			(long long)w->taken.at);
	}
	json_out_text(out, "next", buf_str(&buf));
}

static int open_walks(struct op *op, struct store_tx *tx, id_t64 member, struct walk **ret,
	size_t *ret_count, struct err *err)
{
	struct str only = http_query(op->x, "programme");
	struct enrolment *enrolments;
	size_t count = 0, enrolled;
	struct walk *walks;
	int rc = enrolment_list(tx, member, op->arena, &enrolments, &enrolled, err);

	if (rc < 0)
		return rc;
	walks = arena_array(op->arena, WALKS_MAX, sizeof(*walks));
	if (!walks)
		return err_set(err, ERR_NO_MEMORY, "no memory for a history");
	for (size_t i = 0; i < enrolled && count < WALKS_MAX; i++) {
		const struct programme *p =
			catalogue_find(op->world.catalogue, enrolments[i].programme);
		if (p && (!only.ptr || str_eq(only, p->code)))
			walks[count++].programme = p;
	}
	*ret = walks;
	*ret_count = count;
	return 0;
}

static int write_entries(struct op *op, struct store_tx *tx, id_t64 member, size_t limit,
	struct json_out *out, struct err *err)
{
	struct str cursor = http_query(op->x, "cursor");
	struct walk *walks = NULL, *walk = NULL;
	size_t count = 0, given = 0;
	int rc = open_walks(op, tx, member, &walks, &count, err);

	if (rc == 0 && cursor.ptr && !read_cursor(cursor, walks, count))
		return err_set(err, ERR_INVALID, "cursor is what the page before said as next");
	json_out_array(out, "entries");
	for (; rc == 0 && given <= limit; given++) {
		for (size_t i = 0; i < count && rc == 0; i++)
			rc = refill(tx, member, &walks[i], err);
		walk = rc == 0 ? newest(walks, count) : NULL;
		if (!walk || given == limit)
			break;
		const struct ledger_entry *e = &walk->ahead[walk->at++];
		write_entry(walk, e, out);
		/* version 1 is the first entry there is: nothing comes after it */
		walk->taken =
			(struct ledger_cursor) { .version = e->version > 1 ? e->version - 1 : -1,
				.at = e->prev_at };
	}
	json_out_array_end(out);
	if (rc == 0 && walk)
		write_cursor(walks, count, out, op->arena);
	else
		json_out_null(out, "next");
	return rc;
}

int api_entries(struct op *op, struct err *err)
{
	struct member member;
	struct store_tx *tx;
	struct json_out out;
	struct buf buf;
	id_t64 id;
	size_t limit;
	int rc = op_our_id(op, 0, "m", &id, err);

	if (rc == 0)
		rc = op_limit(op, &limit, err);
	if (rc == 0)
		rc = store_read_begin(op->api->options.store, &tx, err);
	if (rc < 0)
		return rc;
	buf_writer(op, &buf, &out);
	rc = member_get(tx, op->access->merchant->id, id, op->arena, &member, err);
	json_out_object(&out, NULL);
	if (rc == 0)
		rc = write_entries(op, tx, id, limit, &out, err);
	json_out_object_end(&out);
	store_read_end(&tx);
	if (rc > 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such member");
	return rc < 0 ? rc : op_answer(op, &buf, err);
}
