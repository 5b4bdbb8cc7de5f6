/* SPDX-License-Identifier: Apache-2.0 */
/* Versions: each runs for good the text it was made for, whatever comes after it; what is stored
 * stays good; the arms stay what they are; and there may be many. */
#include <string.h>
#include <time.h>

#include "programme/programme_sql.h"
#include "programme/stored_fixture_impl.h"

#define POINTS(state, more) \
	"{\"template\":\"points\",\"name\":{\"nl\":\"Punten\"},\"starts\":\"2026-01-01\"," \
	"\"joining\":\"ask\",\"state\":\"" state "\"," more "}"
#define PER100 POINTS("running", "\"parameters\":{\"per\":100}")

/* ---- the text of a version ---- */

/* What 10.00 earns in that version; the error in f->err, below 0. */
static int64_t earns(struct stored_fixture *f, const struct programme *p, int32_t arm)
{
	struct basket basket = { .currency = STR("EUR"), .total = 1000, .day = "2026-11-21" };
	struct standing standing = { .language = STR("nl") };
	struct host_programme *in_host;
	struct effects effects;
	int rc = programme_in_host(p, arm, f->host, &in_host, &f->err);

	if (rc == 0)
		rc = host_sale(f->host, in_host, &basket, &standing, f->arena, &effects, &f->err);
	return rc < 0 ? rc : effects.count ? effects.list[0].amount : 0;
}

/* That version, as a return would ask for it; NULL if there is none. */
static const struct programme *version_of(struct stored_fixture *f, struct catalogue *c,
	const char *code, int32_t version)
{
	const struct programme *newest = catalogue_code(c, FIXTURE_MERCHANT, str_of(code));
	const struct programme *ret = NULL;
	struct store_tx *tx;
	int rc;

	assert_non_null(newest);
	assert_ok(store_read_begin(f->store, &tx, &f->err), &f->err);
	rc = programme_version(c, tx, newest->id, version, f->arena, &ret, &f->err);
	store_read_end(&tx);
	assert_true(rc >= 0);
	return rc == 0 ? ret : NULL;
}

static void each_version_runs_its_own_text(void **state)
{
	struct stored_fixture f;
	struct programme now, before;

	stored_open(&f);
	now = before = stored_programme(&f, PER100);
	before.text = stored_script(&f, "points", "total // p.per", "2 * (total // p.per)");
	assert_int_equal(stored_put(&f, &before, "p"), 1);
	assert_int_equal(stored_put(&f, &before, "p"), 1);
	assert_int_equal(stored_put(&f, &now, "p"), 2); /* the same content, a newer script */
	assert_int_equal(stored_put(&f, &now, "p"), 2);
	struct catalogue *c = stored_catalogue(&f);
	const struct programme *newest = catalogue_code(c, FIXTURE_MERCHANT, STR("p"));
	assert_int_equal(newest->version, 2);
	assert_int_equal(earns(&f, newest, 0), 10);
	assert_int_equal(earns(&f, version_of(&f, c, "p", 1), 0), 20);
	assert_int_equal(earns(&f, version_of(&f, c, "p", 2), 0), 10);
	assert_str(version_of(&f, c, "p", 1)->unit, "point");
	assert_null(version_of(&f, c, "p", 3));
	catalogue_release(&c);
	stored_close(&f);
}

static void messages_name_the_text(void **state)
{
	struct stored_fixture f;
	char label[SCRIPT_LABEL_MAX], expected[100];

	stored_open(&f);
	struct programme p = stored_programme(&f, PER100);
	p.text = stored_script(&f, "points", "local points = total // p.per",
		"local points = nil + 1");
	assert_int_equal(stored_put(&f, &p, "p"), 1);
	struct catalogue *c = stored_catalogue(&f);
	assert_int_equal(earns(&f, catalogue_code(c, FIXTURE_MERCHANT, STR("p")), 0), ERR_SCRIPT);
	snprintf(expected, sizeof(expected), "points@%02x%02x%02x%02x: line ", p.text->key[0],
		p.text->key[1], p.text->key[2], p.text->key[3]);
	assert_memory_equal(f.err.text, expected, strlen(expected));
	assert_memory_equal(script_label(p.text, label), expected, 15);
	catalogue_release(&c);
	stored_close(&f);
}

/* ---- what is stored stays good ---- */

struct raw {
	id_t64 id;
	int32_t from, to;
	struct str code, definition;
};

/* Versions as a store from before keys of scripts has them. */
static int add_raw(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	const struct raw *raw = user;
	int rc = 0;

	for (int32_t v = raw->from; v <= raw->to && rc == 0; v++)
		rc = store_write(tx, &programme_statements[PROGRAMME_ADD],
			ARGS(V_INT(raw->id), V_INT(v), V_INT(FIXTURE_MERCHANT), V_TEXT(raw->code),
				V_TEXT(raw->definition), V_INT(now), V_NULL, V_NULL),
			1, err);
	return rc;
}

static void raw_definition(struct stored_fixture *f, const char *code, const char *definition)
{
	struct raw raw = { .id = id_new(0, f->clock.now, 1),
		.from = 1,
		.to = 1,
		.code = str_of(code),
		.definition = str_of(definition) };

	f->clock.now += CLOCK_SECOND;
	assert_ok(stored_run(f, add_raw, &raw), &f->err);
}

static void later_rules_do_not_reach_back(void **state)
{
	static const struct {
		const char *code, *definition;
	} rows[] = {
		{ "above-the-range", POINTS("running", "\"shops\":[],\"parameters\":{\"per\":0}") },
		{ "a-parameter-is-gone",
			POINTS("running",
				"\"parameters\":{\"per\":50,\"categories\":{},\"gone\":\"yes\"}") },
		{ "a-field-is-gone",
			POINTS("running", "\"colour\":\"red\",\"parameters\":{\"per\":50}") },
		{ "one-is-required-since", POINTS("running", "\"parameters\":{}") },
	};
	struct stored_fixture f;

	stored_open(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		raw_definition(&f, rows[i].code, rows[i].definition);
	struct catalogue *c = stored_catalogue(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct programme *p =
			catalogue_code(c, FIXTURE_MERCHANT, str_of(rows[i].code));
		assert_row(rows[i].code, p && p->state == PROGRAMME_RUNNING);
		assert_row(rows[i].code, programme_runs(p, 1, INT64_C(1795291200000000)));
	}
	assert_int_equal(
		earns(&f, catalogue_code(c, FIXTURE_MERCHANT, STR("a-parameter-is-gone")), 0), 20);
	catalogue_release(&c);
	stored_close(&f);
}

static void what_cannot_be_read_is_set_aside(void **state)
{
	static const char *const rows[] = { "not json", "[]", "{}",
		"{\"template\":\"points\",\"name\":{\"nl\":\"x\"},\"starts\":\"2026-01-01\","
		"\"state\":\"running\"}",
		POINTS("melting", "\"parameters\":{}"),
		"{\"template\":\"no-such\",\"name\":{\"nl\":\"x\"},\"starts\":\"2026-01-01\","
		"\"state\":\"running\",\"parameters\":{}}",
		"{\"template\":\"points\",\"name\":{\"nl\":\"x\"},\"starts\":\"soon\","
		"\"state\":\"running\",\"parameters\":{}}" };
	struct stored_fixture f;
	char code[16];

	stored_open(&f);
	raw_definition(&f, "good",
		POINTS("running", "\"parameters\":{\"per\":100,\"categories\":{}}"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(code, sizeof(code), "bad-%zu", i);
		raw_definition(&f, code, rows[i]);
	}
	struct catalogue *c = stored_catalogue(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(code, sizeof(code), "bad-%zu", i);
		const struct programme *p = catalogue_code(c, FIXTURE_MERCHANT, str_of(code));
		assert_row(rows[i], p && p->state == PROGRAMME_PAUSED && p->version == 1);
		assert_row(rows[i], catalogue_find(c, p->id) == p);
		assert_row(rows[i], earns(&f, p, 0) == ERR_SCRIPT);
	}
	assert_int_equal(earns(&f, catalogue_code(c, FIXTURE_MERCHANT, STR("good")), 0), 10);
	catalogue_release(&c);
	stored_close(&f);
}

/* ---- the frame ---- */

#define ARMS(state, a, b) \
	POINTS(state, \
		"\"parameters\":{\"per\":100},\"arms\":[{\"name\":\"" a \
		"\",\"share\":1},{\"name\":\"" b "\",\"share\":1}]")

static void arms_are_locked_for_good(void **state)
{
	static const struct {
		const char *what, *bodies[5];
		int good; /* of them */
	} rows[] = {
		{ "drafts may change",
			{ ARMS("draft", "a", "b"), ARMS("draft", "c", "d"),
				ARMS("running", "z", "b") },
			3 },
		{ "running may not", { ARMS("running", "a", "b"), ARMS("running", "a", "c") }, 1 },
		{ "nor by way of a draft",
			{ ARMS("running", "a", "b"), ARMS("draft", "a", "b"),
				ARMS("draft", "c", "b") },
			2 },
		{ "nor later",
			{ ARMS("draft", "x", "y"), ARMS("paused", "a", "b"),
				ARMS("draft", "a", "b"), ARMS("running", "a", "b"),
				ARMS("draft", "z", "b") },
			4 },
		{ "nor to none", { ARMS("ended", "a", "b"), ARMS("draft", "a", "b"), PER100 }, 2 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct stored_fixture f;
		stored_open(&f);
		for (int n = 0; n < 5 && rows[i].bodies[n]; n++) {
			struct programme p = stored_programme(&f, rows[i].bodies[n]);
			int rc = stored_put(&f, &p, "p");
			assert_row(rows[i].what, rc == (n < rows[i].good ? n + 1 : ERR_CONFLICT));
			if (rc < 0)
				assert_string_equal(f.err.at, "/arms");
		}
		stored_close(&f);
	}
}

static void a_code_keeps_its_template(void **state)
{
	struct stored_fixture f;

	stored_open(&f);
	struct programme p = stored_programme(&f, PER100);
	struct programme other = stored_programme(&f,
		"{\"template\":\"spend\",\"name\":{\"nl\":\"x\"},\"starts\":\"2026-01-01\","
		"\"joining\":\"ask\",\"state\":\"running\",\"parameters\":{\"needed\":1,"
		"\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"mok\"}}}}");
	assert_int_equal(stored_put(&f, &p, "p"), 1);
	assert_int_equal(stored_put(&f, &other, "p"), ERR_CONFLICT);
	stored_close(&f);
}

/* ---- many ---- */

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void many_versions_do_not_weigh(void **state)
{
	enum { PROGRAMMES = 10, VERSIONS = 10000 };
	struct stored_fixture f;
	char code[8];

	stored_open(&f);
	for (int i = 0; i < PROGRAMMES; i++) {
		snprintf(code, sizeof(code), "p%d", i);
		struct raw raw = { .id = id_new(0, f.clock.now, (uint32_t)i),
			.from = 1,
			.to = VERSIONS,
			.code = str_of(code),
			.definition = stored_programme(&f, PER100).definition };
		assert_ok(stored_run(&f, add_raw, &raw), &f.err);
	}
	double start = cpu_s();
	struct catalogue *c = stored_catalogue(&f);
	double took = cpu_s() - start;
	if (took > 0.5)
		fail_msg("%d versions take %.2f s", PROGRAMMES * VERSIONS, took);
	size_t count;
	(void)catalogue_list(c, FIXTURE_MERCHANT, &count);
	assert_int_equal(count, PROGRAMMES);
	assert_int_equal(catalogue_code(c, FIXTURE_MERCHANT, STR("p3"))->version, VERSIONS);
	assert_int_equal(earns(&f, version_of(&f, c, "p3", VERSIONS / 2), 0), 10);
	catalogue_release(&c);
	stored_close(&f);
}

/* ---- every step failing ---- */

/* Two versions put, and the older looked at. */
static int walk(struct stored_fixture *f, const struct programme *first,
	const struct programme *second)
{
	const struct programme *older;
	struct catalogue *c;
	struct store_tx *tx;
	int rc = stored_put(f, first, "p");

	if (rc > 0)
		rc = stored_put(f, second, "p");
	if (rc > 0)
		rc = stored_try_catalogue(f, &c);
	if (rc < 0)
		return rc;
	rc = store_read_begin(f->store, &tx, &f->err);
	if (rc == 0) {
		rc = programme_version(c, tx, catalogue_code(c, FIXTURE_MERCHANT, STR("p"))->id, 1,
			f->arena, &older, &f->err);
		store_read_end(&tx);
	}
	catalogue_release(&c);
	return rc;
}

/* Whatever came through is whole: the newest version and each before it runs its text. */
static void check_whole(struct stored_fixture *f)
{
	struct catalogue *c = stored_catalogue(f);
	const struct programme *newest = catalogue_code(c, FIXTURE_MERCHANT, STR("p"));

	for (int32_t v = newest ? newest->version : 0; v > 0; v--)
		assert_int_equal(earns(f, version_of(f, c, "p", v), 0), v == 1 ? 20 : 10);
	catalogue_release(&c);
}

static void whatever_fails_leaves_it_whole(void **state)
{
	for (int what = 0; what < 2; what++) {
		int rc = -1;
		for (size_t n = 1; rc < 0; n++) {
			struct stored_fixture f;
			stored_open(&f);
			struct programme now = stored_programme(&f, PER100), before = now;
			before.text = stored_script(&f, "points", "total // p.per",
				"2 * (total // p.per)");
			(void)(what ? arena_fail_nth(n) : store_fail_nth(f.store, n));
			rc = walk(&f, &before, &now);
			(void)arena_fail_nth(0);
			(void)store_fail_nth(f.store, 0);
			check_whole(&f);
			stored_close(&f);
			assert_true(n < 1000);
		}
	}
}

int main(void)
{
	return TEST_MAIN(test(each_version_runs_its_own_text), test(messages_name_the_text),
		test(later_rules_do_not_reach_back), test(what_cannot_be_read_is_set_aside),
		test(arms_are_locked_for_good), test(a_code_keeps_its_template),
		test(many_versions_do_not_weigh), test(whatever_fails_leaves_it_whole));
}
