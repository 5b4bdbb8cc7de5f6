/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/date.h"

#include "tests/support/test.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void date_times(void **state)
{
	static const struct {
		const char *text;
		const char *utc; /* NULL: refused */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z" },
		{ "2026-11-21T20:15:00Z", "2026-11-21T20:15:00Z" },
		{ "2026-11-21t20:15:00z", "2026-11-21T20:15:00Z" },
		{ "2026-11-21 20:15:00Z", "2026-11-21T20:15:00Z" },
		{ "2026-11-21T20:15:00+01:00", "2026-11-21T19:15:00Z" },
		{ "2026-11-21T20:15:00-05:30", "2026-11-22T01:45:00Z" },
		{ "2026-01-01T00:00:00+00:01", "2025-12-31T23:59:00Z" },
		{ "2026-11-21T20:15:00-00:00", "2026-11-21T20:15:00Z" },
		{ "2026-11-21T20:15:00+23:59", "2026-11-20T20:16:00Z" },
		{ "2026-11-21T20:15:00.5Z", "2026-11-21T20:15:00.500000Z" },
		{ "2026-11-21T20:15:00.000001Z", "2026-11-21T20:15:00.000001Z" },
		{ "2026-11-21T20:15:00.123456999Z", "2026-11-21T20:15:00.123456Z" },
		{ "2026-11-21T20:15:00.0000009Z", "2026-11-21T20:15:00Z" },
		{ "2026-11-21T20:15:00.000Z", "2026-11-21T20:15:00Z" },
		{ "2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z" },
		{ "2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z" },
		{ "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z" },
		{ "2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00Z" },
		{ "1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00Z" },
		{ "2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000Z" },
		{ "2016-12-31T12:00:60Z", NULL },
		{ "2016-12-31T23:59:60+01:00", NULL },
		{ "2016-12-31T23:59:61Z", NULL },
		{ "2023-02-29T12:00:00Z", NULL },
		{ "2100-02-29T12:00:00Z", NULL },
		{ "2026-04-31T12:00:00Z", NULL },
		{ "2026-00-10T12:00:00Z", NULL },
		{ "2026-13-10T12:00:00Z", NULL },
		{ "2026-01-00T12:00:00Z", NULL },
		{ "2026-01-32T12:00:00Z", NULL },
		{ "2026-01-01T24:00:00Z", NULL },
		{ "2026-01-01T12:60:00Z", NULL },
		{ "1969-12-31T23:59:59Z", NULL },
		{ "1970-01-01T00:59:59+01:00", NULL },
		{ "9999-12-31T23:59:59-00:01", NULL },
		{ "9999-12-31T23:59:60Z", NULL },
		{ "0000-01-01T00:00:00Z", NULL },
		{ "10000-01-01T00:00:00Z", NULL },
		{ "2026-11-21T20:15:00", NULL },
		{ "2026-11-21T20:15Z", NULL },
		{ "2026-11-21", NULL },
		{ "", NULL },
		{ "2026-11-21T20:15:00.Z", NULL },
		{ "2026-11-21T20:15:00,5Z", NULL },
		{ "2026-11-21T20:15:00.1234567890Z", NULL },
		{ "2026-11-21T20:15:00+0100", NULL },
		{ "2026-11-21T20:15:00+01", NULL },
		{ "2026-11-21T20:15:00+24:00", NULL },
		{ "2026-11-21T20:15:00+01:60", NULL },
		{ "2026-11-21T20:15:00 Z", NULL },
		{ "2026-11-21T20:15:00ZZ", NULL },
		{ " 2026-11-21T20:15:00Z", NULL },
		{ "2026-11-21T20:15:00Z ", NULL },
		{ "2026-11-21_20:15:00Z", NULL },
		{ "2026-1-21T20:15:00Z", NULL },
		{ "+026-11-21T20:15:00Z", NULL },
		{ "2026-11-21T2a:15:00Z", NULL },
		{ "-2026-11-21T20:15:00Z", NULL },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t us = 77;
		char text[DATE_TEXT_MAX];
		bool good = date_time_read(str_of(rows[i].text), &us);
		assert_row(rows[i].text, good == (rows[i].utc != NULL));
		if (good)
			assert_string_equal(date_time_write(us, text), rows[i].utc);
		else
			assert_int_equal(us, 77);
	}
}

static void cut_anywhere(void **state)
{
	static const char text[] = "2026-11-21T20:15:00.123456+01:00";
	int64_t us;
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_false(date_time_read(str_bytes(text, n), &us));
	assert_true(date_time_read(STR(text), &us));
	assert_false(date_time_read(str_bytes("2026-11-21T20:15:00Z\0", 21), &us));
	assert_false(date_time_read(str_bytes("2026-11-21\00020:15:00Z", 20), &us));
}

static void far_away_times_are_written(void **state)
{
	char text[DATE_TEXT_MAX];
	assert_string_equal(date_time_write(-1, text), "1969-12-31T23:59:59.999999Z");
	assert_string_equal(date_time_write(INT64_MAX, text), "294247-01-10T04:00:54.775807Z");
	assert_string_equal(date_time_write(INT64_MIN, text), "-290308-12-21T19:59:05.224192Z");
}

static void dates(void **state)
{
	static const struct {
		const char *text;
		int64_t days;
		int weekday; /* 0: refused */
	} rows[] = {
		{ "1970-01-01", 0, 4 },
		{ "1969-12-31", -1, 3 },
		{ "2000-01-01", 10957, 6 },
		{ "2026-11-21", 20778, 6 },
		{ "2024-02-29", 19782, 4 },
		{ "1600-02-29", -135081, 2 },
		{ "0001-01-01", -719162, 1 },
		{ "9999-12-31", 2932896, 5 },
		{ "1900-02-29", 0, 0 },
		{ "0000-12-31", 0, 0 },
		{ "2026-11-31", 0, 0 },
		{ "2026-11-2", 0, 0 },
		{ "2026-11-211", 0, 0 },
		{ "2026/11/21", 0, 0 },
		{ "20261121", 0, 0 },
		{ "", 0, 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct date date = { 0 };
		assert_row(rows[i].text,
			date_read(str_of(rows[i].text), &date) == (rows[i].weekday != 0));
		if (rows[i].weekday == 0)
			continue;
		assert_int_equal(date_days(date), rows[i].days);
		assert_int_equal(date_weekday(date), rows[i].weekday);
	}
}

/* Every day from 0001 to 9999: one after the other, there and back. */
static void every_day(void **state)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	struct date expected = { 1, 1, 1 };
	for (int64_t days = -719162; days <= 2932896; days++) {
		struct date date = date_of_days(days);
		if (date_days(date) != days || date.year != expected.year ||
			date.month != expected.month || date.day != expected.day)
			fail_msg("day %lld", (long long)days);
		bool leap =
			expected.year % 4 == 0 && (expected.year % 100 || expected.year % 400 == 0);
		int length = lengths[expected.month - 1] + (leap && expected.month == 2);
		if (++expected.day > length) {
			expected.day = 1;
			expected.month++;
		}
		if (expected.month > 12) {
			expected.month = 1;
			expected.year++;
		}
	}
}

static void day_starts(void **state)
{
	static const struct {
		const char *zone, *day, *start;
	} rows[] = {
		{ "UTC", "2026-11-21", "2026-11-21T00:00:00Z" },
		{ "Europe/Brussels", "2026-11-21", "2026-11-20T23:00:00Z" },
		{ "Europe/Brussels", "2026-07-01", "2026-06-30T22:00:00Z" },
		{ "Europe/Brussels", "2026-03-29", "2026-03-28T23:00:00Z" }, /* spring, at 2 */
		{ "Europe/Brussels", "2026-03-30", "2026-03-29T22:00:00Z" },
		{ "Europe/Brussels", "2026-10-25", "2026-10-24T22:00:00Z" }, /* autumn, at 3 */
		{ "Europe/Brussels", "2026-10-26", "2026-10-25T23:00:00Z" },
		{ "Europe/Brussels", "2048-07-01",
			"2048-06-30T22:00:00Z" }, /* by rule, past 2037 */
		{ "Europe/Brussels", "2048-01-01", "2047-12-31T23:00:00Z" },
		{ "America/New_York", "2026-11-21", "2026-11-21T05:00:00Z" },
		{ "Asia/Kolkata", "2026-11-21", "2026-11-20T18:30:00Z" },
		{ "Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z" },      /* no midnight */
		{ "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z" }, /* no midnight */
		{ "America/Havana", "2023-11-05", "2023-11-05T04:00:00Z" },    /* midnight twice */
		{ "America/Havana", "2023-11-06", "2023-11-06T05:00:00Z" },
		{ "America/Asuncion", "2023-03-26", "2023-03-26T04:00:00Z" }, /* 24:00 to 23:00 */
		{ "America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z" }, /* 0:01 to 23:01 */
		{ "Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z" },
		{ "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z" }, /* no such day */
		{ "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z" },
		{ "Pacific/Kiritimati", "2026-11-21", "2026-11-20T10:00:00Z" },
		{ "Etc/GMT+12", "2026-11-21", "2026-11-21T12:00:00Z" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zone *zone = zone_open(str_of(rows[i].zone));
		struct date day;
		char text[DATE_TEXT_MAX];
		assert_row(rows[i].zone, zone != NULL);
		assert_true(date_read(str_of(rows[i].day), &day));
		date_time_write(zone_day_start(zone, day), text);
		if (strcmp(text, rows[i].start) != 0)
			fail_msg("row \"%s %s\": %s, not %s", rows[i].zone, rows[i].day, text,
				rows[i].start);
		zone_close(&zone);
	}
}

static void local_times(void **state)
{
	static const struct {
		const char *zone, *at, *local;
	} rows[] = {
		{ "UTC", "2026-11-21T20:15:59Z", "2026-11-21 20:15" },
		{ "Europe/Brussels", "2026-11-21T23:30:00Z", "2026-11-22 00:30" },
		{ "Europe/Brussels", "2026-03-29T00:59:59Z", "2026-03-29 01:59" },
		{ "Europe/Brussels", "2026-03-29T01:00:00Z", "2026-03-29 03:00" },
		{ "Europe/Brussels", "2026-10-25T00:59:59Z", "2026-10-25 02:59" },
		{ "Europe/Brussels", "2026-10-25T01:00:00Z", "2026-10-25 02:00" },
		{ "America/New_York", "2026-01-01T04:59:59.999999Z", "2025-12-31 23:59" },
		{ "Asia/Kathmandu", "2026-01-01T18:15:00Z", "2026-01-02 00:00" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zone *zone = zone_open(str_of(rows[i].zone));
		int64_t us;
		int hour, minute;
		char text[40];
		assert_true(date_time_read(str_of(rows[i].at), &us));
		struct date date = zone_local(zone, us, &hour, &minute);
		snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d", date.year, date.month,
			date.day, hour, minute);
		assert_string_equal(text, rows[i].local);
		assert_int_equal(zone_local(zone, us, NULL, NULL).day, date.day);
		zone_close(&zone);
		assert_null(zone);
	}
}

static void zones_that_are_none(void **state)
{
	static const char *const rows[] = {
		"",
		"Nowhere/Land",
		"Europe",
		"europe/brussels",
		"Europe/Brussels ",
		"+01:00",
		"-05",
		"UTC+1",
		"CET-1CEST",
		":Europe/Brussels",
		"/etc/localtime",
		"../zoneinfo/UTC",
		"Europe/../UTC",
		"/usr/share/zoneinfo/UTC",
		"Europe//",
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_row(rows[i], zone_open(str_of(rows[i])) == NULL);
	assert_null(zone_open(str_bytes("UTC\0", 4)));
	struct zone *none = NULL;
	zone_close(&none);
}

int main(void)
{
	return TEST_MAIN(test(date_times), test(cut_anywhere), test(far_away_times_are_written),
		test(dates), test(every_day), test(day_starts), test(local_times),
		test(zones_that_are_none));
}
