/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/decimal.h"

#include "tests/support/test.h"

#define KEPT INT64_C(77)

static const struct {
	const char *text;
	int decimals;
	int64_t value;
	const char *shortest; /* NULL: refused */
} rows[] = {
	{ "0", 3, 0, "0" },
	{ "1", 3, 1000, "1" },
	{ "-2", 3, -2000, "-2" },
	{ "0.425", 3, 425, "0.425" },
	{ "-0.5", 3, -500, "-0.5" },
	{ "1.500", 3, 1500, "1.5" },
	{ "0.000", 3, 0, "0" },
	{ "10.01", 2, 1001, "10.01" },
	{ "21", 2, 2100, "21" },
	{ "5.5", 2, 550, "5.5" },
	{ "0.01", 2, 1, "0.01" },
	{ "7", 0, 7, "7" },
	{ "100", 0, 100, "100" },
	{ "9223372036854775807", 0, INT64_MAX, "9223372036854775807" },
	{ "-9223372036854775808", 0, INT64_MIN, "-9223372036854775808" },
	{ "9223372036854775.807", 3, INT64_MAX, "9223372036854775.807" },
	{ "-9223372036854775.808", 3, INT64_MIN, "-9223372036854775.808" },
	{ "-9.223372036854775808", 18, INT64_MIN, "-9.223372036854775808" },
	{ "0.000000000000000001", 18, 1, "0.000000000000000001" },
	{ "9223372036854775.808", 3, KEPT, NULL },
	{ "-9223372036854775.809", 3, KEPT, NULL },
	{ "9223372036854776", 3, KEPT, NULL },
	{ "99999999999999999999999", 3, KEPT, NULL },
	{ "10", 18, KEPT, NULL },
	{ "", 3, KEPT, NULL },
	{ "-", 3, KEPT, NULL },
	{ ".", 3, KEPT, NULL },
	{ "-0", 3, KEPT, NULL },
	{ "-0.000", 3, KEPT, NULL },
	{ "1.", 3, KEPT, NULL },
	{ ".5", 3, KEPT, NULL },
	{ "-.5", 3, KEPT, NULL },
	{ "01", 3, KEPT, NULL },
	{ "-01", 3, KEPT, NULL },
	{ "00.5", 3, KEPT, NULL },
	{ "1.2345", 3, KEPT, NULL },
	{ "1.0000", 3, KEPT, NULL },
	{ "1.0", 0, KEPT, NULL },
	{ "1.2.3", 3, KEPT, NULL },
	{ "1,5", 3, KEPT, NULL },
	{ "+1", 3, KEPT, NULL },
	{ "--1", 3, KEPT, NULL },
	{ "1.-5", 3, KEPT, NULL },
	{ "1e2", 3, KEPT, NULL },
	{ " 1", 3, KEPT, NULL },
	{ "1 ", 3, KEPT, NULL },
	{ "NaN", 3, KEPT, NULL },
	{ "\xD9\xA1", 3, KEPT, NULL },
};

static void reading_and_writing(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t value = KEPT;
		bool good = decimal_read(str_of(rows[i].text), rows[i].decimals, &value);
		assert_row(rows[i].text, good == (rows[i].shortest != NULL));
		assert_row(rows[i].text, value == rows[i].value);
		char text[DECIMAL_TEXT_MAX];
		if (good)
			assert_string_equal(decimal_write(value, rows[i].decimals, text),
				rows[i].shortest);
	}
	int64_t value;
	assert_false(decimal_read(str_bytes("1\0", 2), 3, &value));
	assert_false(decimal_read((struct str) { NULL, 0 }, 3, &value));
}

static void every_small_value_comes_back(void **state)
{
	for (int decimals = 0; decimals <= 18; decimals++)
		for (int64_t value = -1100; value <= 1100; value++) {
			char text[DECIMAL_TEXT_MAX];
			int64_t back = KEPT;
			decimal_write(value, decimals, text);
			assert_row(text,
				decimal_read(str_of(text), decimals, &back) && back == value);
		}
}

int main(void)
{
	return TEST_MAIN(test(reading_and_writing), test(every_small_value_comes_back));
}
