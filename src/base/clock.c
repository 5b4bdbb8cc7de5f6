/* SPDX-License-Identifier: Apache-2.0 */
/* The system's clock and generator, and the fake pair for tests. */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/sodium_impl.h"

static int64_t system_now(struct clock *clock)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000;
}

static void system_random(struct clock *clock, void *out, size_t len)
{
	sodium_ready();
	randombytes_buf(out, len);
}

struct clock *clock_system(void)
{
	static struct clock clock = { system_now, system_random };
	return &clock;
}

int64_t clock_now(struct clock *clock)
{
	return clock->now_us(clock);
}

uint32_t clock_random32(struct clock *clock)
{
	uint32_t value;
	clock->random(clock, &value, sizeof value);
	return value;
}

/* The fake is the first member's owner. */
static struct clock_fake *fake_of(struct clock *clock)
{
	return (struct clock_fake *)clock;
}

static int64_t fake_now(struct clock *clock)
{
	return fake_of(clock)->now;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t fake_next(struct clock_fake *fake)
{
	uint64_t z = fake->state += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static void fake_random(struct clock *clock, void *out, size_t len)
{
	unsigned char *to = out;
	while (len > 0) {
		uint64_t word = fake_next(fake_of(clock));
		size_t part = len < sizeof word ? len : sizeof word;
		memcpy(to, &word, part);
		to += part;
		len -= part;
	}
}

void clock_fake_init(struct clock_fake *fake, int64_t now_us, uint64_t seed)
{
	*fake = (struct clock_fake) {
		.clock = { fake_now, fake_random },
		.now = now_us,
		.state = seed,
	};
}

void clock_fake_advance(struct clock_fake *fake, int64_t us)
{
	fake->now += us;
}

int64_t clock_ticks_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
