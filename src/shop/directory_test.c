/* SPDX-License-Identifier: Apache-2.0 */
#include "shop/shop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "shop/fixture_impl.h"
#include "tests/support/test.h"

/* A store and its directory. */
struct house {
	struct fixture f;
	struct directory_source *source;
};

static void house_open(struct house *h)
{
	fixture_open(&h->f, NULL);
	fixture_fill(&h->f);
	assert_ok(directory_open(h->f.store, &h->source, &h->f.err), &h->f.err);
}

static void house_close(struct house *h)
{
	directory_close(&h->source);
	fixture_close(&h->f);
}

static int touch(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	return shop_touch(tx, err);
}

/* ---- what is in it ---- */

static void empty_store_has_an_empty_directory(void **state)
{
	struct directory_source *source = NULL;
	struct fixture f;
	fixture_open(&f, NULL);
	assert_ok(directory_open(f.store, &source, &f.err), &f.err);
	const struct directory *directory = directory_hold(source);
	assert_int_equal(directory_version(directory), 0);
	assert_null(directory_merchant(directory, OURS));
	assert_null(directory_device(directory, 0));
	assert_null(directory_nth_merchant(directory, 0));
	assert_null(directory_access(directory, STR("zk_")));
	directory_release(&directory);
	assert_null(directory);
	directory_release(&directory);
	directory_close(&source);
	assert_null(source);
	directory_close(&source);
	fixture_close(&f);
}

static void merchants_are_whole(void **state)
{
	struct house h;
	house_open(&h);
	const struct directory *directory = directory_hold(h.source);
	const struct merchant *merchant = directory_merchant(directory, OURS);
	assert_int_equal(directory_version(directory), 10);
	assert_non_null(merchant);
	assert_str(merchant->name, "Bakkerij De Zegel");
	assert_str(merchant->country, "BE");
	assert_str(merchant->sector, "food-retail");
	assert_str(merchant->currency, "EUR");
	assert_str(merchant->time_zone, "Europe/Brussels");
	assert_int_equal(merchant->language_count, 3);
	assert_str(merchant->languages[0], "nl");
	assert_str(merchant->languages[2], "en");
	assert_int_equal(zone_day_start(merchant->zone, (struct date) { 2026, 11, 21 }),
		INT64_C(1795215600000000)); /* 23:00 UTC the day before */
	assert_ptr_equal(directory_nth_merchant(directory, 0), merchant);
	assert_int_equal(directory_nth_merchant(directory, 1)->id, THEIRS);
	assert_null(directory_nth_merchant(directory, 2));
	assert_ptr_equal(directory_nth_merchant(directory, 1)->zone, merchant->zone);
	directory_release(&directory);
	house_close(&h);
}

static void devices_know_their_place(void **state)
{
	const struct device *paired[4];
	struct house h;
	house_open(&h);
	const struct directory *directory = directory_hold(h.source);
	const struct device *till = directory_device(directory, TILL_A);
	const struct device *reader = directory_device(directory, READER_A);
	assert_ptr_equal(till->shop, directory_shop(directory, SHOP_A));
	assert_ptr_equal(till->shop->merchant, directory_merchant(directory, OURS));
	assert_str(till->shop->name, "Grote Markt");
	assert_int_equal(till->kind, DEVICE_TILL);
	assert_null(till->paired_with);
	assert_int_equal(reader->kind, DEVICE_READER);
	assert_str(reader->name, "Lezer 1");
	assert_ptr_equal(reader->paired_with, till);
	assert_int_equal(directory_paired(directory, till, paired, 4), 2);
	assert_ptr_equal(paired[0], reader);
	assert_int_equal(paired[1]->id, READER_A2);
	assert_int_equal(directory_paired(directory, till, paired, 1), 1);
	assert_int_equal(directory_paired(directory, reader, paired, 4), 0);
	assert_int_equal(directory_device(directory, TILL_THEIRS)->shop->merchant->id, THEIRS);
	assert_null(directory_shop(directory, TILL_A));
	assert_null(directory_device(directory, SHOP_A));
	directory_release(&directory);
	house_close(&h);
}

/* ---- what does not fit ---- */

static atomic_int warnings;

static void count_warnings(enum log_level level, const char *line)
{
	atomic_fetch_add(&warnings, level == LOG_LEVEL_WARN);
}

static void unknown_zone_is_utc(void **state)
{
	struct directory_source *source;
	struct fixture f;
	fixture_open(&f, NULL);
	fixture_fill(&f);
	assert_ok(fixture_sql(&f,
			  "UPDATE merchants SET time_zone = 'Europe/Atlantis' "
			  "WHERE id = 1002"),
		&f.err);
	log_set_sink(count_warnings);
	assert_ok(directory_open(f.store, &source, &f.err), &f.err);
	assert_int_equal(atomic_load(&warnings), 1);
	const struct directory *directory = directory_hold(source);
	const struct merchant *merchant = directory_merchant(directory, THEIRS);
	assert_str(merchant->time_zone, "Europe/Atlantis");
	assert_int_equal(zone_day_start(merchant->zone, (struct date) { 2026, 11, 21 }),
		INT64_C(1795219200000000));
	directory_release(&directory);
	directory_close(&source);
	fixture_close(&f);
}

static const struct {
	const char *row, *sql;
} faults[] = {
	{ "a kind of tomorrow", "UPDATE devices SET kind = 99 WHERE id = 3001" },
	{ "a device without a shop", "UPDATE devices SET shop = 5 WHERE id = 3005" },
	{ "a shop without a merchant", "UPDATE shops SET merchant = 5 WHERE id = 2001" },
	{ "a pair across shops", "UPDATE devices SET paired_with = 3004 WHERE id = 3002" },
	{ "a pair with nobody", "UPDATE devices SET paired_with = 5 WHERE id = 3002" },
	{ "no languages", "UPDATE merchants SET languages = 'nl,fr' WHERE id = 1001" },
	{ "a key without a device", "UPDATE access_keys SET device = 5 WHERE id = 4001" },
	{ "a key without a merchant", "UPDATE access_keys SET merchant = 5 WHERE id = 4001" },
	{ "another's device", "UPDATE access_keys SET device = 3005 WHERE id = 4001" },
	{ "a role of tomorrow", "UPDATE access_keys SET role = 99 WHERE id = 4001" },
	{ "half a hash", "UPDATE access_keys SET hash = X'00' WHERE id = 4001" },
	{ "an id of nought", "UPDATE shops SET id = 0 WHERE id = 2002" },
};

static atomic_int reports;

static void count_reports(const char *what, const char *file, int line)
{
	atomic_fetch_add(&reports, 1);
}

/* A store that does not fit together is not served; what was loaded before is. */
static void broken_store_keeps_the_old_one(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct house h;
		house_open(&h);
		assert_ok(fixture_add_key(&h.f, KEY_A, OURS, TILL_A, ROLE_ADMIN), &h.f.err);
		assert_ok(fixture_sql(&h.f, faults[i].sql), &h.f.err);
		atomic_store(&reports, 0);
		check_set_unexpected_hook(count_reports);
		assert_row(faults[i].row, directory_refresh(h.source, &h.f.err) == ERR_BROKEN);
		assert_row(faults[i].row, atomic_load(&reports) == 1);
		check_set_unexpected_hook(NULL);
		const struct directory *directory = directory_hold(h.source);
		assert_row(faults[i].row, directory_version(directory) == 10);
		assert_row(faults[i].row, directory_device(directory, TILL_A) != NULL);
		directory_release(&directory);
		house_close(&h);
	}
}

/* ---- holding ---- */

static void snapshot_stays_as_it_was(void **state)
{
	struct house h;
	house_open(&h);
	const struct directory *old = directory_hold(h.source);
	const struct device *till = directory_device(old, TILL_A);
	assert_ok(fixture_add_shop(&h.f, 2999, OURS, "Haven"), &h.f.err);
	const struct directory *same = directory_hold(h.source);
	assert_ptr_equal(old, same);
	directory_release(&same);
	assert_ok(directory_refresh(h.source, &h.f.err), &h.f.err);
	const struct directory *new = directory_hold(h.source);
	assert_null(directory_shop(old, 2999));
	assert_non_null(directory_shop(new, 2999));
	assert_int_equal(directory_version(new), directory_version(old) + 1);
	/* A device of an older snapshot may be asked for its pairs. */
	const struct device *paired[4];
	assert_int_equal(directory_paired(new, till, paired, 4), 2);
	directory_release(&new);
	directory_close(&h.source);
	assert_str(till->shop->merchant->name, "Bakkerij De Zegel");
	directory_release(&old);
	fixture_close(&h.f);
}

static void refresh_of_nothing_new_is_the_same(void **state)
{
	struct house h;
	house_open(&h);
	const struct directory *before = directory_hold(h.source);
	assert_ok(directory_refresh(h.source, &h.f.err), &h.f.err);
	assert_ok(fixture_add_event(&h.f, TILL_A, "{}"), &h.f.err);
	assert_ok(directory_refresh(h.source, &h.f.err), &h.f.err);
	const struct directory *after = directory_hold(h.source);
	assert_ptr_equal(before, after);
	directory_release(&before);
	directory_release(&after);
	house_close(&h);
}

/* Who never lets go stops the refreshing, not the program. */
static void too_many_are_held(void **state)
{
	const struct directory *held[100];
	size_t count = 0;
	struct house h;
	int rc = 0;
	house_open(&h);
	while (count < 100 && rc == 0) {
		held[count++] = directory_hold(h.source);
		assert_ok(fixture_run(&h.f, touch, NULL), &h.f.err);
		rc = directory_refresh(h.source, &h.f.err);
	}
	assert_int_equal(rc, ERR_BUSY);
	assert_int_equal(count, 64);
	directory_release(&held[7]);
	assert_ok(directory_refresh(h.source, &h.f.err), &h.f.err);
	for (size_t i = 0; i < count; i++)
		directory_release(&held[i]);
	house_close(&h);
}

/* ---- another program ---- */

static void sees_what_another_wrote(void **state)
{
	char folder[] = "/tmp/zegel-shop-XXXXXX", url[64], path[80];
	struct directory_source *source;
	struct fixture ours, other;
	assert_non_null(mkdtemp(folder));
	snprintf(url, sizeof(url), "sqlite:%s/store", folder);
	fixture_open(&ours, url);
	assert_ok(directory_open(ours.store, &source, &ours.err), &ours.err);
	fixture_open(&other, url);
	fixture_fill(&other);
	fixture_close(&other);
	assert_ok(directory_refresh(source, &ours.err), &ours.err);
	const struct directory *directory = directory_hold(source);
	assert_non_null(directory_device(directory, READER_A2));
	directory_release(&directory);
	directory_close(&source);
	fixture_close(&ours);
	snprintf(path, sizeof(path), "rm -r %s", folder);
	assert_int_equal(system(path), 0);
}

/* ---- faults ---- */

static void any_step_may_fail(void **state)
{
	struct directory_source *source = NULL;
	struct house h;
	size_t n = 0;
	int rc;
	house_open(&h);
	assert_ok(fixture_add_key(&h.f, KEY_A, OURS, TILL_A, ROLE_ADMIN), &h.f.err);
	do {
		store_fail_nth(h.f.store, ++n);
		rc = directory_refresh(h.source, &h.f.err);
		store_fail_nth(h.f.store, 0);
		const struct directory *directory = directory_hold(h.source);
		assert_int_equal(directory_version(directory), rc ? 10 : 11);
		directory_release(&directory);
		assert_true(rc == 0 || rc == ERR_STORE);
	} while (rc);
	assert_true(n > 15);
	for (n = 1; n < 15; n++) {
		store_fail_nth(h.f.store, n);
		assert_int_equal(directory_open(h.f.store, &source, &h.f.err), ERR_STORE);
		assert_null(source);
	}
	house_close(&h);
}

static void any_allocation_may_fail(void **state)
{
	struct house h;
	size_t n = 0;
	int rc;
	house_open(&h);
	assert_ok(fixture_add_key(&h.f, KEY_A, OURS, TILL_A, ROLE_ADMIN), &h.f.err);
	do {
		arena_fail_nth(++n);
		rc = directory_refresh(h.source, &h.f.err);
		arena_fail_nth(0);
		assert_true(rc == 0 || rc == ERR_NO_MEMORY);
	} while (rc);
	assert_true(n > 40);
	house_close(&h);
}

/* ---- several threads ---- */

#define HOLDERS 4
#define CHANGES 60

struct crowd {
	struct house h;
	atomic_bool stop;
	atomic_int faults;
};

/* Looks things up as a request does. Versions never go back, and a snapshot is whole. */
static void *look_up(void *user)
{
	struct crowd *crowd = user;
	int64_t last = 0;
	while (!atomic_load(&crowd->stop)) {
		const struct directory *directory = directory_hold(crowd->h.source);
		const struct directory *again = directory_hold(crowd->h.source);
		const struct device *reader = directory_device(directory, READER_A);
		if (directory_version(directory) < last || !reader ||
			reader->paired_with != directory_device(directory, TILL_A) ||
			directory_version(again) < directory_version(directory))
			atomic_fetch_add(&crowd->faults, 1);
		last = directory_version(directory);
		directory_release(&directory);
		directory_release(&again);
	}
	return NULL;
}

static void *refresh(void *user)
{
	struct crowd *crowd = user;
	struct err err;
	while (!atomic_load(&crowd->stop))
		if (directory_refresh(crowd->h.source, &err) < 0)
			atomic_fetch_add(&crowd->faults, 1);
	return NULL;
}

static void holders_and_refreshers_do_not_meet(void **state)
{
	struct crowd crowd = { 0 };
	pthread_t threads[HOLDERS + 2];
	house_open(&crowd.h);
	for (int i = 0; i < HOLDERS + 2; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, i < HOLDERS ? look_up : refresh, &crowd),
			0);
	for (int i = 0; i < CHANGES; i++)
		assert_ok(fixture_add_shop(&crowd.h.f, 5001 + i, OURS, "Haven"), &crowd.h.f.err);
	assert_ok(directory_refresh(crowd.h.source, &crowd.h.f.err), &crowd.h.f.err);
	atomic_store(&crowd.stop, true);
	for (int i = 0; i < HOLDERS + 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&crowd.faults), 0);
	const struct directory *directory = directory_hold(crowd.h.source);
	assert_non_null(directory_shop(directory, 5000 + CHANGES));
	directory_release(&directory);
	house_close(&crowd.h);
}

int main(void)
{
	return TEST_MAIN(test(empty_store_has_an_empty_directory), test(merchants_are_whole),
		test(devices_know_their_place), test(unknown_zone_is_utc),
		test(broken_store_keeps_the_old_one), test(snapshot_stays_as_it_was),
		test(refresh_of_nothing_new_is_the_same), test(too_many_are_held),
		test(sees_what_another_wrote), test(any_step_may_fail),
		test(any_allocation_may_fail), test(holders_and_refreshers_do_not_meet));
}
