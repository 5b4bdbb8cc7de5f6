/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions: what a PUT may say, where it is wrong, and that it reads back as it was written. */
#include "programme/programme.h"
#include "tests/support/test.h"

#define REWARD "\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}"
#define MUG \
	"\"template\":\"stamps\",\"name\":{\"nl\":\"De mok\"},\"joining\":\"ask\",\"state\":\"running\""
#define PARAMETERS ",\"parameters\":{\"needed\":10," REWARD "}"

static id_t64 shop_of(void *user, struct str text)
{
	(void)user;
	return str_is(text, "s_1") ? 1 : 0;
}

static int read_text(struct arena *arena, const struct zone *zone, const char *text,
	struct programme *ret, struct err *err)
{
	struct programme_context context = { .merchant = 1, .zone = zone, .shop = shop_of };
	struct json *value;

	assert_ok(json_parse(arena, str_of(text), &value, err), err);
	return programme_read(&context, value, arena, ret, err);
}

static void faults_have_their_place(void **state)
{
	static const struct {
		const char *text, *at;
	} rows[] = {
		{ "{" MUG PARAMETERS "}", "/starts" },
		{ "{" MUG PARAMETERS ",\"starts\":\"soon\"}", "/starts" },
		{ "{" MUG PARAMETERS ",\"starts\":\"2026-02-30\"}", "/starts" },
		{ "{" MUG PARAMETERS ",\"starts\":\"2026-02-02\",\"ends\":\"2026-02-01\"}",
			"/ends" },
		{ "{" MUG PARAMETERS ",\"starts\":\"2026-02-02\",\"shops\":[\"s_1\",\"s_2\"]}",
			"/shops/1" },
		{ "{" MUG ",\"parameters\":{\"needed\":0," REWARD "},\"starts\":\"2026-02-02\"}",
			"/parameters/needed" },
		{ "{" MUG ",\"parameters\":{\"needed\":10},\"starts\":\"2026-02-02\"}",
			"/parameters/reward" },
		{ "{" MUG PARAMETERS ",\"starts\":\"2026-02-02\",\"colour\":1}", "/colour" },
		{ "{\"template\":\"none\",\"name\":{\"nl\":\"x\"},\"joining\":\"ask\",\"state\":\"running\","
		  "\"starts\":\"2026-02-02\"}",
			"/template" },
		{ "{\"template\":\"stamps\",\"name\":{},\"joining\":\"ask\",\"state\":\"running\",\"starts\":"
		  "\"2026-02-02\"}",
			"/name" },
		{ "{" MUG PARAMETERS
		  ",\"starts\":\"2026-02-02\",\"arms\":[{\"name\":\"a\",\"share\":1,"
		  "\"parameters\":{\"needed\":\"x\"}}]}",
			"/arms/0/parameters/needed" },
	};
	struct arena *arena ARENA_AUTO = arena_new(4 << 20);
	struct zone *zone = zone_open(STR("Europe/Brussels"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct programme p;
		struct err err = { 0 };
		assert_row(rows[i].text, read_text(arena, zone, rows[i].text, &p, &err) < 0);
		assert_string_equal(err.at, rows[i].at);
	}
	zone_close(&zone);
}

static void days_are_the_merchants(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(4 << 20);
	struct zone *zone = zone_open(STR("Europe/Brussels"));
	struct programme p;
	struct err err;
	int64_t start, end;
	assert_ok(read_text(arena, zone,
			  "{" MUG PARAMETERS ",\"starts\":\"2026-03-28\",\"ends\":\"2026-03-29\"}",
			  &p, &err),
		&err);
	assert_true(date_time_read(STR("2026-03-28T00:00:00+01:00"), &start));
	assert_true(date_time_read(STR("2026-03-30T00:00:00+02:00"),
		&end)); /* the clocks go forward between */
	assert_true(p.starts == start && p.ends == end);
	assert_false(programme_runs(&p, 9, start - 1));
	assert_true(programme_runs(&p, 9, start));
	assert_true(programme_runs(&p, 9, end - 1));
	assert_false(programme_runs(&p, 9, end));
	zone_close(&zone);
}

static void what_is_stored_reads_back(void **state)
{
	static const char *const rows[] = {
		"{" MUG PARAMETERS ",\"starts\":\"2026-03-28\"}",
		"{" MUG PARAMETERS
		",\"starts\":\"2026-03-28T00:00:00Z\",\"ends\":\"2027-01-01\",\"shops\":[\"s_1\"],"
		"\"arms\":[{\"name\":\"a\",\"share\":1},{\"name\":\"b\",\"share\":3,\"parameters\":{\"needed\":5}}]}",
	};
	struct arena *arena ARENA_AUTO = arena_new(4 << 20);
	struct zone *zone = zone_open(STR("UTC"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct programme p, again;
		struct err err;
		assert_ok(read_text(arena, zone, rows[i], &p, &err), &err);
		if (p.shop_count)
			continue; /* its ids are made, not written, by this test */
		assert_ok(read_text(arena, zone,
				  arena_printf(arena, "%.*s", STR_ARG(p.definition)).ptr, &again,
				  &err),
			&err);
		assert_row(rows[i], str_eq(p.definition, again.definition));
	}
	zone_close(&zone);
}

/* Every member is in one arm for good, and the shares come out. */
static void arms_are_stable_and_balanced(void **state)
{
	struct programme p = { .id = 7, .arm_count = 2 };
	struct secret key = { { 9 } };
	int counts[2] = { 0, 0 };
	p.arms[0].share = 1;
	p.arms[1].share = 3;
	for (id_t64 member = 1; member <= 20000; member++) {
		int32_t arm = programme_arm(&p, &key, member);
		assert_int_equal(arm, programme_arm(&p, &key, member));
		counts[arm]++;
	}
	assert_in_range(counts[0], 4700, 5300);
}

int main(void)
{
	return TEST_MAIN(test(faults_have_their_place), test(days_are_the_merchants),
		test(what_is_stored_reads_back), test(arms_are_stable_and_balanced));
}
