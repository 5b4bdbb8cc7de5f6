/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and times (RFC 3339) and time zones (IANA names, by GLib's reading of the system's
 * tzdata). */
#ifndef CODEC_DATE_H
#define CODEC_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"

#define DATE_TEXT_MAX 36

/* A day of the proleptic Gregorian calendar. */
struct date {
	int year;  /* 1..9999 */
	int month; /* 1..12 */
	int day;   /* 1..31 */
};

/* Reads a whole RFC 3339 date-time (years 1970 to 9999, 'T' or 't' or ' ', up to 9 digits of a
 * second of which 6 count, offset 'Z', 'z' or +-hh:mm; a leap second is read as the second
 * after). */
bool date_time_read(struct str text, int64_t *ret_us);
/* The same for when something happens in a shop: from 2000 to the end of 2199, so that years can be
 * added to it without leaving what a date holds. */
bool date_moment_read(struct str text, int64_t *ret_us);
/* Writes "2026-11-21T20:15:00Z", with ".123456" if it has a fraction. Returns out. */
char *date_time_write(int64_t us, char out[DATE_TEXT_MAX]);
/* Reads a whole "2026-11-21", a day that exists. */
bool date_read(struct str text, struct date *ret);
/* Days since 1970-01-01. */
int64_t date_days(struct date date);
struct date date_of_days(int64_t days);
/* 1 Monday ... 7 Sunday (ISO 8601). */
int date_weekday(struct date date);

struct zone;
/* Opens a zone by its IANA name ("Europe/Brussels"). NULL if the system does not know it. */
struct zone *zone_open(struct str name);
void zone_close(struct zone **zone);
/* The first instant of that day in the zone. */
int64_t zone_day_start(const struct zone *zone, struct date date);
/* The local day, hour (0..23) and minute at an instant; hour and minute may be NULL. */
struct date zone_local(const struct zone *zone, int64_t us, int *ret_hour, int *ret_minute);

#endif
