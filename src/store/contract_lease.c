/* SPDX-License-Identifier: Apache-2.0 */
/* The contract: leases. Who may take which, and that of two at once one is told so. */
#include "store/contract_impl.h"
#include "store/lease.h"

static const struct store_room *const rooms[] = { &test_room, &lease_room };

struct take {
	struct unit unit; /* first */
	const char *name, *holder;
	int64_t now, until;
	int got; /* what lease_take() said */
};

static int run_take(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct take *take = (struct take *)unit;
	take->got = lease_take(tx, str_of(take->name), str_of(take->holder), take->now, take->until,
		err);
	return take->got == LEASE_HELD ? UNIT_DROP : take->got;
}

static void open_leases(struct fixture *fixture)
{
	struct err err;
	fixture_close(fixture);
	fixture->options.rooms = rooms;
	fixture->options.room_count = 2;
	if (fixture->engine->stays)
		assert_ok(store_migrate(&fixture->options, false, NULL, NULL, &err), &err);
	fixture_open(fixture);
}

static void test_leases(struct fixture *fixture)
{
	static const struct {
		const char *what, *name, *holder;
		int64_t now, until;
		int got;
	} rows[] = {
		{ "nobody has it", "sweep", "a", 100, 200, 0 },
		{ "another wants it", "sweep", "b", 150, 300, LEASE_HELD },
		{ "its holder renews it", "sweep", "a", 150, 250, 0 },
		{ "another, after the old end", "sweep", "b", 210, 400, LEASE_HELD },
		{ "another lease", "other", "b", 210, 400, 0 },
		{ "another, at its end", "sweep", "b", 250, 400, 0 },
		{ "who had it", "sweep", "a", 260, 500, LEASE_HELD },
		{ "given back", "sweep", "b", 270, 270, 0 },
		{ "who had it, again", "sweep", "a", 270, 500, 0 },
	};
	open_leases(fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct take take = { .unit = { .run = run_take },
			.name = rows[i].name,
			.holder = rows[i].holder,
			.now = rows[i].now,
			.until = rows[i].until };
		assert_ok(store_run(fixture->store, &take.unit), &take.unit.err);
		assert_row(rows[i].what, take.got == rows[i].got);
	}
}

const struct contract_case contract_lease[] = {
	{ "leases", test_leases },
};
const size_t contract_lease_count = sizeof(contract_lease) / sizeof(contract_lease[0]);
