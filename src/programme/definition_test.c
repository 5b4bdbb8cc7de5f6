/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions: what a PUT may say, where it is wrong, and that it reads back as it was written. */
#include "programme/stored_fixture_impl.h"

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

static struct str shown(struct stored_fixture *f, const struct programme *programme)
{
	struct json_out out;
	struct buf buf;

	buf_init(&buf, f->arena, 1 << 16);
	json_out_init(&out, &buf);
	programme_json(programme, &out, NULL);
	assert_false(buf.failed);
	return buf_str(&buf);
}

static void what_is_stored_reads_back(void **state)
{
	static const char *const rows[] = {
		"{" MUG PARAMETERS ",\"starts\":\"2026-03-28\"}",
		"{" MUG PARAMETERS
		",\"starts\":\"2026-03-28T00:00:00Z\",\"ends\":\"2027-01-01\",\"shops\":[\"s_0000000000002\"],"
		"\"arms\":[{\"name\":\"a\",\"share\":1},{\"name\":\"b\",\"share\":3,\"parameters\":{\"needed\":5}}]}",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct stored_fixture f;
		stored_open(&f);
		struct programme p = stored_programme(&f, rows[i]);
		assert_int_equal(stored_put(&f, &p, "mug"), 1);
		struct catalogue *c = stored_catalogue(&f);
		const struct programme *again = catalogue_code(c, FIXTURE_MERCHANT, STR("mug"));
		p.code = STR("mug");
		p.version = 1;
		assert_row(rows[i], str_eq(shown(&f, &p), shown(&f, again)));
		assert_row(rows[i], p.starts == again->starts && p.ends == again->ends);
		assert_row(rows[i], again->shop_count == i && again->arm_count == i + 1);
		catalogue_release(&c);
		stored_close(&f);
	}
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

/* What C reads of the parameters is each arm's own, in a PUT and in what is stored. */
static void arms_have_their_own_rules(void **state)
{
	static const struct {
		enum programme_policy policy;
		int64_t minutes;
		const char *reward;
	} expected[] = { { POLICY_DEBT, 10, "een mok" }, { POLICY_FORGIVE, 1440, "een mok" },
		{ POLICY_NEGATIVE, 5, "twee mokken" } };
	struct stored_fixture f;

	stored_open(&f);
	struct programme read = stored_programme(&f,
		"{" MUG PARAMETERS ",\"starts\":\"2026-03-28\",\"arms\":["
		"{\"name\":\"a\",\"share\":1},"
		"{\"name\":\"b\",\"share\":1,\"parameters\":{\"after_return\":\"forgive\","
		"\"hold_minutes\":1440}},"
		"{\"name\":\"c\",\"share\":1,\"parameters\":{\"after_return\":\"negative\","
		"\"hold_minutes\":5,\"reward\":{\"code\":\"mugs\",\"name\":{\"nl\":\"twee mokken\"}}}}]}");
	assert_int_equal(stored_put(&f, &read, "mug"), 1);
	struct catalogue *c = stored_catalogue(&f);
	const struct programme *both[] = { &read, catalogue_code(c, FIXTURE_MERCHANT, STR("mug")) };
	for (int i = 0; i < 6; i++) {
		const struct programme *p = both[i / 3];
		struct texts name;
		assert_ok(reward_name(p, i % 3, f.arena, &name, &f.err), &f.err);
		assert_int_equal(programme_arm_policy(p, i % 3), expected[i % 3].policy);
		assert_int_equal(programme_arm_hold_us(p, i % 3),
			expected[i % 3].minutes * CLOCK_MINUTE);
		assert_str(texts_pick(&name, STR("nl"), STR("")), expected[i % 3].reward);
	}
	catalogue_release(&c);
	stored_close(&f);
}

int main(void)
{
	return TEST_MAIN(test(faults_have_their_place), test(days_are_the_merchants),
		test(what_is_stored_reads_back), test(arms_are_stable_and_balanced),
		test(arms_have_their_own_rules));
}
