/* SPDX-License-Identifier: Apache-2.0 */
/* What holding, looking up and refreshing cost: meson test --benchmark shop/directory -v */
#include <pthread.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "shop/directory_impl.h"
#include "shop/fixture_impl.h"
#include "tests/support/test.h"

#define ROUNDS 2000000
#define DEVICES 99000

struct bench {
	struct fixture f;
	struct directory_source *source;
	char key[ACCESS_TEXT_MAX];
};

static void hold(struct bench *b)
{
	const struct directory *directory = directory_hold(b->source);
	directory_release(&directory);
}

static void access_and_device(struct bench *b)
{
	const struct directory *directory = directory_hold(b->source);
	const struct access *access = directory_access(directory, str_of(b->key));
	require(access && directory_device(directory, TILL_A) == access->device);
	directory_release(&directory);
}

struct runner {
	struct bench *bench;
	void (*each)(struct bench *b);
	int rounds;
};

static void *run(void *user)
{
	struct runner *r = user;
	for (int i = 0; i < r->rounds; i++)
		r->each(r->bench);
	return NULL;
}

static void measure(struct bench *b, const char *what, void (*each)(struct bench *b), int threads)
{
	struct runner r = { b, each, ROUNDS / threads };
	pthread_t ids[16];
	int64_t start = clock_ticks_ns();
	for (int i = 0; i < threads; i++)
		require(pthread_create(&ids[i], NULL, run, &r) == 0);
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("# %-28s %2d threads %6.1f ns\n", what, threads,
		(double)(clock_ticks_ns() - start) / ROUNDS);
}

static int add_devices(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	int rc = 0;
	for (uint32_t i = 0; i < DEVICES && rc == 0; i++) {
		struct device_new device = { id_new((uint16_t)(i * 40503), now + i, i), OURS,
			SHOP_A, 0, DEVICE_READER, STR("Lezer") };
		rc = shop_add_device(tx, &device, now, err);
	}
	return rc;
}

static void measure_refresh(struct bench *b)
{
	int64_t start = clock_ticks_ns();
	assert_ok(directory_refresh(b->source, &b->f.err), &b->f.err);
	printf("# refresh, %d devices, %9.1f ms\n", DEVICES,
		(double)(clock_ticks_ns() - start) / 1e6);
	const struct directory *directory = directory_hold(b->source);
	printf("# memory a device %9zu bytes\n", arena_used(directory->arena) / DEVICES);
	directory_release(&directory);
	start = clock_ticks_ns();
	for (int i = 0; i < 1000; i++)
		assert_ok(directory_refresh(b->source, &b->f.err), &b->f.err);
	printf("# refresh, nothing moved %9.1f us\n", (double)(clock_ticks_ns() - start) / 1e6);
}

static void bench(void **state)
{
	struct bench b = { 0 };
	fixture_open(&b.f, NULL);
	fixture_fill(&b.f);
	assert_ok(fixture_add_key(&b.f, KEY_A, OURS, TILL_A, ROLE_ADMIN), &b.f.err);
	access_text(&b.f.master, KEY_A, b.key);
	assert_ok(directory_open(b.f.store, &b.source, &b.f.err), &b.f.err);
	for (int threads = 1; threads <= 16; threads *= 4) {
		measure(&b, "hold and release", hold, threads);
		measure(&b, "hold, access, device, release", access_and_device, threads);
	}
	assert_ok(fixture_run(&b.f, add_devices, NULL), &b.f.err);
	measure_refresh(&b);
	directory_close(&b.source);
	fixture_close(&b.f);
}

int main(void)
{
	return TEST_MAIN(test(bench));
}
