/* SPDX-License-Identifier: Apache-2.0 */
/* Time and chance, as arguments. Domain rooms never ask the system: they get `now` and a random
 * source. Time is int64_t microseconds since 1970-01-01 UTC everywhere inside Zegel. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_MINUTE (60 * CLOCK_SECOND)
#define CLOCK_HOUR (60 * CLOCK_MINUTE)
#define CLOCK_DAY (24 * CLOCK_HOUR)

/* Where time and randomness come from: the system's in the program, a seeded one in tests. */
struct clock {
	int64_t (*now_us)(struct clock *clock);
	void (*random)(struct clock *clock, void *out, size_t len);
};

/* The system's wall clock, and its random generator. */
struct clock *clock_system(void);
int64_t clock_now(struct clock *clock);
uint32_t clock_random32(struct clock *clock);

/* A clock for tests and simulations: starts at now_us, moves only by clock_fake_advance(); its
 * randomness is a function of the seed. */
struct clock_fake {
	struct clock clock;
	int64_t now;
	uint64_t state;
};
void clock_fake_init(struct clock_fake *fake, int64_t now_us, uint64_t seed);
void clock_fake_advance(struct clock_fake *fake, int64_t us);

/* Monotonic nanoseconds, for measuring only: never stored, never shown to a script. */
int64_t clock_ticks_ns(void);

#endif
