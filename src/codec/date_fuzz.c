/* SPDX-License-Identifier: Apache-2.0 */
/* A time that is read is written as a text that reads as the same time; so is a date; zones do not
 * crash. */
#include "codec/date.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_bytes(data, size);
	char out[DATE_TEXT_MAX];
	int64_t us, again;
	struct date date;
	if (date_time_read(text, &us))
		require(date_time_read(str_of(date_time_write(us, out)), &again) && again == us);
	if (date_read(text, &date)) {
		struct date back = date_of_days(date_days(date));
		require(back.year == date.year && back.month == date.month && back.day == date.day);
	}
	if (size == sizeof us) {
		memcpy(&us, data, sizeof us);
		require(strlen(date_time_write(us, out)) < sizeof out);
	}
	struct zone *zone = zone_open(text);
	zone_close(&zone);
	return 0;
}
