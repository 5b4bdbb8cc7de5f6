/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <string.h>

#include "tests/support/test.h"

static void the_fake_repeats_itself(void **state)
{
	struct clock_fake a, b, other;
	unsigned char x[33], y[33], z[33];
	clock_fake_init(&a, 5, 42);
	clock_fake_init(&b, 5, 42);
	clock_fake_init(&other, 5, 43);
	a.clock.random(&a.clock, x, sizeof x);
	b.clock.random(&b.clock, y, sizeof y);
	other.clock.random(&other.clock, z, sizeof z);
	assert_memory_equal(x, y, sizeof x);
	assert_memory_not_equal(x, z, sizeof x);
	assert_int_not_equal(clock_random32(&a.clock), clock_random32(&a.clock));
}

/* The first value of SplitMix64 with seed 0, as published with it. */
static void the_fake_is_splitmix64(void **state)
{
	struct clock_fake fake;
	uint64_t first;
	clock_fake_init(&fake, 0, 0);
	fake.clock.random(&fake.clock, &first, sizeof first);
	assert_true(first == UINT64_C(0xE220A8397B1DCDAF));
}

static void the_fake_stands_still(void **state)
{
	struct clock_fake fake;
	clock_fake_init(&fake, 1000, 1);
	assert_int_equal(clock_now(&fake.clock), 1000);
	assert_int_equal(clock_now(&fake.clock), 1000);
	clock_fake_advance(&fake, CLOCK_SECOND);
	assert_int_equal(clock_now(&fake.clock), 1001000);
}

static void the_system_goes_on(void **state)
{
	struct clock *clock = clock_system();
	int64_t now = clock_now(clock), ticks = clock_ticks_ns();
	assert_true(now > INT64_C(1700000000) * CLOCK_SECOND);
	assert_true(now < INT64_C(10000000000) * CLOCK_SECOND);
	assert_true(clock_ticks_ns() >= ticks);
	unsigned char random[64] = { 0 }, zero[64] = { 0 };
	clock->random(clock, random, sizeof random);
	assert_memory_not_equal(random, zero, sizeof zero);
}

int main(void)
{
	return TEST_MAIN(test(the_fake_repeats_itself), test(the_fake_is_splitmix64),
		test(the_fake_stands_still), test(the_system_goes_on));
}
