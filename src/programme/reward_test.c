/* SPDX-License-Identifier: Apache-2.0 */
/* Rewards in the store: none is left out, and a name is that of the version it was offered under.
 */
#include "programme/programme_sql.h"
#include "programme/stored_fixture_impl.h"

#define BUCKET 5

/* n rewards of one member, one a second. */
struct many {
	id_t64 member;
	int from, to;
	enum reward_state state;
};

static int add_many(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	const struct many *many = user;
	int rc = 0;

	for (int i = many->from; i < many->to && rc == 0; i++) {
		struct reward reward = {
			.id = id_new(BUCKET, now + i * CLOCK_SECOND, 1),
			.merchant = FIXTURE_MERCHANT,
			.member = many->member,
			.programme = i + 1,
			.version = 1,
			.state = many->state,
			.code = STR("mug"),
			.cost = 10,
			.offered_at = now + i * CLOCK_SECOND,
		};
		rc = reward_add(tx, &reward, err);
	}
	return rc;
}

static int open_of(struct stored_fixture *f, id_t64 member, struct reward **ret, size_t *ret_count)
{
	struct store_tx *tx;

	assert_ok(store_read_begin(f->store, &tx, &f->err), &f->err);
	int rc = reward_open(tx, member, f->arena, ret, ret_count, &f->err);
	store_read_end(&tx);
	return rc;
}

static void no_open_reward_is_left_out(void **state)
{
	static const int counts[] = { 0, 1, 15, 16, 17, 256, 257, 1000 };
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct stored_fixture f;
		struct reward *list;
		size_t count;
		char row[16];
		stored_open(&f);
		id_t64 member = id_new(BUCKET, f.clock.now, 9);
		struct many many = { member, 0, counts[i], REWARD_OFFERED };
		struct many given = { member, counts[i], counts[i] + 3, REWARD_GIVEN };
		assert_ok(stored_run(&f, add_many, &many), &f.err);
		assert_ok(stored_run(&f, add_many, &given), &f.err);
		assert_ok(open_of(&f, member, &list, &count), &f.err);
		snprintf(row, sizeof(row), "%d", counts[i]);
		assert_row(row, count == (size_t)counts[i]);
		for (size_t k = 0; k < count; k++)
			assert_row(row,
				list[k].programme == (id_t64)k + 1 && str_is(list[k].code, "mug"));
		stored_close(&f);
	}
}

static void too_many_are_refused_aloud(void **state)
{
	struct stored_fixture f;
	struct reward *list;
	size_t count;

	stored_open(&f);
	id_t64 member = id_new(BUCKET, f.clock.now, 9);
	struct many most = { member, 0, REWARDS_OPEN_MAX, REWARD_HELD };
	struct many one = { member, REWARDS_OPEN_MAX, REWARDS_OPEN_MAX + 1, REWARD_OFFERED };
	assert_ok(stored_run(&f, add_many, &most), &f.err);
	assert_ok(open_of(&f, member, &list, &count), &f.err);
	assert_int_equal(count, REWARDS_OPEN_MAX);
	assert_ok(stored_run(&f, add_many, &one), &f.err);
	assert_int_equal(open_of(&f, member, &list, &count), ERR_TOO_MANY);
	stored_close(&f);
}

#define MUG(name) \
	"{\"template\":\"stamps\",\"name\":{\"nl\":\"Mok\"},\"starts\":\"2026-01-01\",\"joining\":\"ask\"," \
	"\"state\":\"running\",\"parameters\":{\"needed\":10,\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"" name \
	"\"}}}}"

static void a_name_is_its_versions(void **state)
{
	static const char *const names[] = { "een rode mok", "een blauwe mok" };
	struct stored_fixture f;
	struct store_tx *tx;

	stored_open(&f);
	struct programme red = stored_programme(&f, MUG("een rode mok"));
	struct programme blue = stored_programme(&f, MUG("een blauwe mok"));
	assert_int_equal(stored_put(&f, &red, "mug"), 1);
	assert_int_equal(stored_put(&f, &blue, "mug"), 2);
	struct catalogue *c = stored_catalogue(&f);
	id_t64 id = catalogue_code(c, FIXTURE_MERCHANT, STR("mug"))->id;
	for (int32_t version = 1; version <= 2; version++) {
		const struct programme *p;
		struct texts name;
		assert_ok(store_read_begin(f.store, &tx, &f.err), &f.err);
		assert_ok(programme_version(c, tx, id, version, f.arena, &p, &f.err), &f.err);
		store_read_end(&tx);
		assert_ok(reward_name(p, 0, f.arena, &name, &f.err), &f.err);
		assert_str(texts_pick(&name, STR("nl"), STR("")), names[version - 1]);
	}
	catalogue_release(&c);
	stored_close(&f);
}

int main(void)
{
	return TEST_MAIN(test(no_open_reward_is_left_out), test(too_many_are_refused_aloud),
		test(a_name_is_its_versions));
}
