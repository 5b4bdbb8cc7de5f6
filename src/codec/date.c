/* SPDX-License-Identifier: Apache-2.0 */
/* Dates by arithmetic on a calendar of 400-year eras (H. Hinnant, "chrono-compatible low-level date
 * algorithms"), zones by GLib. A zone is asked for its offset at an instant and for nothing
 * else. */
#include "codec/date.h"

#include <stdatomic.h>

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S INT64_C(86400)
#define YEAR_MIN 1970                    /* of a date-time */
#define TIME_END_S INT64_C(253402300800) /* 10000-01-01T00:00:00Z */
#define ZONE_NAME_MAX 64

/* No offset has ever been further from UTC (Manila was -15:56, Metlakatla +15:13). */
#define OFFSET_MAX_S (16 * INT64_C(3600))

/* ---- the calendar ---- */

int64_t date_days(struct date date)
{
	int64_t year = date.month <= 2 ? date.year - 1 : date.year; /* years start in March */
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t month = (date.month + 9) % 12;
	int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
		day_of_year - 719468;
}

struct date date_of_days(int64_t days)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
	return (struct date) {
		.year = (int)(year + era * 400 + (month >= 10)),
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
	};
}

int date_weekday(struct date date)
{
	int64_t since_monday = (date_days(date) + 3) % 7; /* 1970-01-01 was a Thursday */
	return (int)(since_monday < 0 ? since_monday + 7 : since_monday) + 1;
}

/* Does the day exist? */
static bool is_date(struct date date)
{
	if (date.year < 1 || date.month < 1 || date.month > 12 || date.day < 1)
		return false;
	struct date back = date_of_days(date_days(date));
	return back.month == date.month && back.day == date.day;
}

/* ---- RFC 3339 ---- */

/* Takes exactly n digits from the front of *rest; -1 if they do not stand there. */
static int take_digits(struct str *rest, size_t n)
{
	int value = 0;
	if (rest->len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char c = rest->ptr[i];
		if (c < '0' || c > '9')
			return -1;
		value = value * 10 + (c - '0');
	}
	*rest = str_from(*rest, n);
	return value;
}

/* Takes one character if it is among those of set. */
static bool take_char(struct str *rest, const char *set)
{
	if (rest->len == 0 || rest->ptr[0] == '\0' || !strchr(set, rest->ptr[0]))
		return false;
	*rest = str_from(*rest, 1);
	return true;
}

static bool take_date(struct str *rest, struct date *ret)
{
	ret->year = take_digits(rest, 4);
	if (!take_char(rest, "-"))
		return false;
	ret->month = take_digits(rest, 2);
	if (!take_char(rest, "-"))
		return false;
	ret->day = take_digits(rest, 2);
	return is_date(*ret);
}

/* hh:mm:ss as seconds of the day; second 60 is let through, the caller looks at it. */
static bool take_time(struct str *rest, int64_t *ret_s, bool *ret_leap)
{
	int hour = take_digits(rest, 2);
	if (!take_char(rest, ":"))
		return false;
	int minute = take_digits(rest, 2);
	if (!take_char(rest, ":"))
		return false;
	int second = take_digits(rest, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	*ret_s = (hour * 60 + minute) * 60 + second;
	*ret_leap = second == 60;
	return true;
}

/* ".123456789" as microseconds; what is finer is cut off. */
static bool take_fraction(struct str *rest, int64_t *ret_us)
{
	*ret_us = 0;
	if (!take_char(rest, "."))
		return true;
	int n = 0;
	for (int digit; n < 9 && (digit = take_digits(rest, 1)) >= 0; n++)
		*ret_us = n < 6 ? *ret_us * 10 + digit : *ret_us;
	for (int i = n; i < 6; i++)
		*ret_us *= 10;
	return n > 0;
}

/* How far the local time is ahead of UTC, in seconds. */
static bool take_offset(struct str *rest, int64_t *ret_s)
{
	*ret_s = 0;
	if (take_char(rest, "Zz"))
		return true;
	bool behind = rest->len > 0 && rest->ptr[0] == '-';
	if (!take_char(rest, "+-"))
		return false;
	int hour = take_digits(rest, 2);
	if (!take_char(rest, ":"))
		return false;
	int minute = take_digits(rest, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return false;
	*ret_s = (behind ? -1 : 1) * (hour * 60 + minute) * 60;
	return true;
}

bool date_time_read(struct str text, int64_t *ret_us)
{
	struct date date;
	int64_t of_day, fraction, offset;
	bool leap;
	if (!take_date(&text, &date) || !take_char(&text, "Tt ") ||
		!take_time(&text, &of_day, &leap) || !take_fraction(&text, &fraction) ||
		!take_offset(&text, &offset) || text.len != 0)
		return false;
	int64_t seconds = date_days(date) * DAY_S + of_day - offset;
	if (date.year < YEAR_MIN || seconds < 0 || seconds >= TIME_END_S)
		return false;
	if (leap && seconds % DAY_S != 0) /* leap seconds end a day of UTC */
		return false;
	*ret_us = seconds * CLOCK_SECOND + fraction;
	return true;
}

/* Division that goes down, also below zero. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* What it leaves, from 0 to b - 1: without a product that might not fit. */
static int64_t floor_mod(int64_t a, int64_t b)
{
	return a % b + (a % b < 0 ? b : 0);
}

char *date_time_write(int64_t us, char out[DATE_TEXT_MAX])
{
	int64_t seconds = floor_div(us, CLOCK_SECOND), days = floor_div(seconds, DAY_S);
	int fraction = (int)floor_mod(us, CLOCK_SECOND), of_day = (int)floor_mod(seconds, DAY_S);
	struct date date = date_of_days(days);
	int len = snprintf(out, DATE_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", date.year,
		date.month, date.day, of_day / 3600, of_day / 60 % 60, of_day % 60);
	if (fraction)
		len += snprintf(out + len, (size_t)(DATE_TEXT_MAX - len), ".%06d", fraction);
	snprintf(out + len, (size_t)(DATE_TEXT_MAX - len), "Z");
	return out;
}

bool date_read(struct str text, struct date *ret)
{
	struct date date;
	if (!take_date(&text, &date) || text.len != 0)
		return false;
	*ret = date;
	return true;
}

/* ---- zones ---- */

struct zone {
	GTimeZone *tz;
	unsigned serial; /* no two zones of this program have the same */
};

/* Could it be a name, and nothing but a name? GLib would also take offsets, rules and paths. */
static bool is_zone_name(struct str name)
{
	if (name.len == 0 || name.len >= ZONE_NAME_MAX || !g_ascii_isalpha(name.ptr[0]))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!g_ascii_isalnum(name.ptr[i]) &&
			(name.ptr[i] == '\0' || !strchr("_+-/", name.ptr[i])))
			return false;
	return true;
}

/* Does the system's tzdata have a file of that name? */
static bool is_installed(const char *name)
{
	const char *folder = g_getenv("TZDIR");
	char path[512];
	int len =
		snprintf(path, sizeof path, "%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
	return len > 0 && (size_t)len < sizeof path && g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

struct zone *zone_open(struct str name)
{
	char cname[ZONE_NAME_MAX];
	if (!is_zone_name(name))
		return NULL;
	snprintf(cname, sizeof cname, "%.*s", STR_ARG(name));
	GTimeZone *tz = is_installed(cname) ? g_time_zone_new_identifier(cname) : NULL;
	struct zone *zone = tz ? malloc(sizeof *zone) : NULL;
	static atomic_uint serial;
	if (zone)
		*zone = (struct zone) { tz, atomic_fetch_add(&serial, 1) + 1 };
	else if (tz)
		g_time_zone_unref(tz);
	return zone;
}

void zone_close(struct zone **zone)
{
	if (!*zone)
		return;
	g_time_zone_unref((*zone)->tz);
	free(*zone);
	*zone = NULL;
}

static int64_t offset_found(const struct zone *zone, int64_t seconds)
{
	int interval = g_time_zone_find_interval(zone->tz, G_TIME_TYPE_UNIVERSAL, seconds);
	return g_time_zone_get_offset(zone->tz, interval);
}

/* How far local time is ahead of UTC at an instant, in seconds. A checkout asks for one quarter of
 * an hour again and again, and since 1990 no zone changed its clocks but at a quarter: the last few
 * answers are kept, a slot a quarter. */
#define YEAR_1990_S INT64_C(631152000)
#define QUARTER_S 900
#define SLOTS 16
static int64_t offset_at(const struct zone *zone, int64_t seconds)
{
	static _Thread_local struct {
		unsigned serial;
		int64_t quarter, offset;
	} slots[SLOTS];
	int64_t quarter = floor_div(seconds, QUARTER_S);
	unsigned n = (unsigned)quarter % SLOTS;

	if (seconds < YEAR_1990_S)
		return offset_found(zone, seconds);
	if (slots[n].serial != zone->serial || slots[n].quarter != quarter) {
		slots[n].serial = zone->serial;
		slots[n].quarter = quarter;
		slots[n].offset = offset_found(zone, quarter * QUARTER_S);
	}
	return slots[n].offset;
}

/* The first second of (lo, hi] at which the offset is no longer that of lo; the two differ, and the
 * clocks are changed at most once between them. */
static int64_t change_between(const struct zone *zone, int64_t lo, int64_t hi)
{
	int64_t before = offset_at(zone, lo);
	while (hi - lo > 1) {
		int64_t middle = lo + (hi - lo) / 2;
		if (offset_at(zone, middle) == before)
			lo = middle;
		else
			hi = middle;
	}
	return hi;
}

int64_t zone_day_start(const struct zone *zone, struct date date)
{
	int64_t midnight = date_days(date) * DAY_S; /* as if the zone were UTC */
	int64_t lo = midnight - OFFSET_MAX_S, hi = midnight + OFFSET_MAX_S;
	int64_t before = offset_at(zone, lo), after = offset_at(zone, hi);
	int64_t start = midnight - before;
	if (before != after) {
		/* Midnight can be skipped (Cairo), come twice (Havana), or be skipped with its
		 * whole day. */
		int64_t change = change_between(zone, lo, hi);
		if (start >= change)
			start = midnight - after > change ? midnight - after : change;
	}
	return start * CLOCK_SECOND;
}

struct date zone_local(const struct zone *zone, int64_t us, int *ret_hour, int *ret_minute)
{
	int64_t seconds = floor_div(us, CLOCK_SECOND);
	seconds += offset_at(zone, seconds);
	int64_t days = floor_div(seconds, DAY_S);
	int of_day = (int)(seconds - days * DAY_S);
	if (ret_hour)
		*ret_hour = of_day / 3600;
	if (ret_minute)
		*ret_minute = of_day / 60 % 60;
	return date_of_days(days);
}

#define YEAR_2000 (INT64_C(946684800) * CLOCK_SECOND)
#define YEAR_2200 (INT64_C(7258118400) * CLOCK_SECOND)

bool date_moment_read(struct str text, int64_t *ret_us)
{
	int64_t us;

	if (!date_time_read(text, &us) || us < YEAR_2000 || us >= YEAR_2200)
		return false;
	*ret_us = us;
	return true;
}
