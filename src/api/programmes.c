/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/programmes and /v1/templates */
#include "api/api_impl.h"
#include "base/check.h"
#include "codec/date.h"

static bool is_code(struct str code)
{
	for (size_t i = 0; i < code.len; i++) {
		char c = code.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return code.len >= 1 && code.len <= PROGRAMME_CODE_MAX && code.ptr[0] != '-' &&
		code.ptr[0] != '_';
}

static int find(struct op *op, const struct programme **ret, struct err *err)
{
	*ret = catalogue_code(op->world.catalogue, op->access->merchant->id, op->match.params[0]);
	return *ret ? 0 : err_set(err, ERR_NOT_FOUND, "there is no programme of that code");
}

/* ---- reading ---- */

int api_programme(struct op *op, struct err *err)
{
	const struct programme *programme;
	struct json_out out;
	struct buf buf;
	int rc = find(op, &programme, err);

	if (rc < 0)
		return rc;
	buf_writer(op, &buf, &out);
	programme_json(programme, &out, NULL);
	return op_answer(op, &buf, err);
}

int api_programmes(struct op *op, struct err *err)
{
	struct str cursor = http_query(op->x, "cursor");
	struct json_out out;
	struct buf buf;
	size_t count, limit, given = 0, i;
	const struct programme *const *list =
		catalogue_list(op->world.catalogue, op->access->merchant->id, &count);
	int rc = op_limit(op, &limit, err);

	if (rc < 0)
		return rc;
	buf_writer(op, &buf, &out);
	json_out_object(&out, NULL);
	json_out_array(&out, "programmes");
	for (i = 0; i < count && given < limit; i++) {
		if (cursor.ptr && str_cmp(list[i]->code, cursor) <= 0)
			continue;
		programme_json(list[i], &out, NULL);
		given++;
	}
	json_out_array_end(&out);
	if (i < count)
		json_out_text(&out, "next", list[i - 1]->code);
	else
		json_out_null(&out, "next");
	json_out_object_end(&out);
	return op_answer(op, &buf, err);
}

int api_templates(struct op *op, struct err *err)
{
	const struct script_info *const *scripts;
	size_t count = programme_scripts(&scripts);
	struct json_out out;
	struct buf buf;

	buf_writer(op, &buf, &out);
	json_out_object(&out, NULL);
	json_out_array(&out, "templates");
	for (size_t i = 0; i < count; i++)
		script_info_json(scripts[i], &out, NULL);
	json_out_array_end(&out);
	json_out_object_end(&out);
	return op_answer(op, &buf, err);
}

/* ---- writing ---- */

static id_t64 shop_of(void *user, struct str text)
{
	struct op *op = user;
	const struct shop *shop;
	id_t64 id;

	if (!id_parse(text, "s", &id))
		return 0;
	shop = directory_shop(op->world.directory, id);
	return shop && shop->merchant == op->access->merchant ? id : 0;
}

static int call_put(struct op *op, struct visit_env *env, struct err *err)
{
	struct programme *programme = op->request;
	id_t64 new_id = id_new(0, env->now, clock_random32(env->clock));
	int rc = programme_put(env->tx, programme, op->match.params[0], new_id, env->now,
		env->arena, &programme->id, &programme->version, err);

	return rc != 0 ? rc : shop_touch(env->tx, err);
}

int api_put_programme(struct op *op, struct err *err)
{
	struct programme_context context = { .merchant = op->access->merchant->id,
		.zone = op->access->merchant->zone,
		.shop = shop_of,
		.user = op };
	struct programme *programme = arena_make(op->arena, struct programme);
	struct json_out out;
	struct buf buf;
	int rc;

	if (!programme)
		return err_set(err, ERR_NO_MEMORY, "no memory for a programme");
	if (!is_code(op->match.params[0]))
		return err_set(err, ERR_INVALID,
			"a programme's code has 1 to %d of a-z, 0-9, - and _, and begins with one of the first two",
			PROGRAMME_CODE_MAX);
	rc = programme_read(&context, op->body, op->arena, programme, err);
	op->request = programme;
	op->call = call_put;
	if (rc == 0)
		rc = op_run_now(op, err);
	if (rc < 0)
		return rc;
	programme->code = op->match.params[0];
	buf_writer(op, &buf, &out);
	programme_json(programme, &out, NULL);
	rc = op_answer(op, &buf, err);
	if (rc == 0)
		op_reply(op, 0, err);
	return rc;
}

/* ---- trying ---- */

static int call_trial(struct op *op, struct visit_env *env, struct err *err)
{
	return visit_trial(env, op->request, &op->answer, err);
}

static void read_trial_shop(struct op *op, struct json_reader *r, struct visit_trial *trial)
{
	struct str text = json_text_opt(r, "shop", 1, 64);
	id_t64 id = text.len ? shop_of(op, text) : 0;

	if (text.len && id == 0)
		json_refuse(r, "shop", "there is no such shop");
	trial->shop = directory_shop(op->world.directory, id);
}

static void read_trial_time(struct json_reader *r, struct visit_trial *trial)
{
	struct str now = json_text_opt(r, "now", 10, 64);

	trial->at = trial->receipt.at;
	if (now.len && !date_moment_read(now, &trial->at))
		json_refuse(r, "now", "must be a time like \"2026-11-21T14:05:00+01:00\"");
}

/* A sale as it would be sent; what state it says does not matter, so long as it is one. */
static const char *const sale_words[] = { "open", "paid", "void", NULL };

static int read_trial(struct op *op, struct visit_trial *trial, struct err *err)
{
	struct json_reader r, sale;
	struct str member;

	json_begin(&r, op->arena, op->body, STR(""), err);
	json_begin(&sale, op->arena, json_object(&r, "sale"), STR("/sale"), err);
	if (r.rc == 0) {
		if (json_has(&sale, "state"))
			(void)json_word(&sale, "state", sale_words);
		receipt_read(&sale, op->arena, true, &trial->receipt);
		r.rc = json_end(&sale);
	}
	member = json_text_opt(&r, "member", 1, 64);
	if (member.len && !id_parse(member, "m", &trial->member))
		json_refuse(&r, "member", "is an id like m_...");
	trial->balance = json_int_opt(&r, "balance", 0, NUM_AMOUNT_MAX, 0);
	if (trial->member && trial->balance)
		json_refuse(&r, "balance", "goes with a made-up member only");
	read_trial_shop(op, &r, trial);
	read_trial_time(&r, trial);
	return json_end(&r);
}

int api_trial(struct op *op, struct err *err)
{
	struct visit_trial *trial = arena_make(op->arena, struct visit_trial);
	int rc;

	if (!trial)
		return err_set(err, ERR_NO_MEMORY, "no memory for a trial");
	rc = find(op, &trial->programme, err);
	if (rc == 0)
		rc = read_trial(op, trial, err);
	op->unit.bucket = id_bucket(trial->member);
	op->request = trial;
	op->call = call_trial;
	op->drop = true;
	return rc;
}
