/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include "tests/support/test.h"

#define KEPT INT64_C(77) /* what stands in *ret must stay on failure */
#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void sums_and_products(void **state)
{
	static const struct {
		const char *row;
		bool (*op)(int64_t a, int64_t b, int64_t *ret);
		int64_t a, b;
		bool fits;
		int64_t result;
	} rows[] = {
		{ "1+2", num_add, 1, 2, true, 3 },
		{ "max+0", num_add, INT64_MAX, 0, true, INT64_MAX },
		{ "max+1", num_add, INT64_MAX, 1, false, KEPT },
		{ "min-1 by add", num_add, INT64_MIN, -1, false, KEPT },
		{ "max+min", num_add, INT64_MAX, INT64_MIN, true, -1 },
		{ "1-2", num_sub, 1, 2, true, -1 },
		{ "0-min", num_sub, 0, INT64_MIN, false, KEPT },
		{ "-1-max", num_sub, -1, INT64_MAX, true, INT64_MIN },
		{ "-2-max", num_sub, -2, INT64_MAX, false, KEPT },
		{ "3*-4", num_mul, 3, -4, true, -12 },
		{ "min*-1", num_mul, INT64_MIN, -1, false, KEPT },
		{ "2^32*2^31", num_mul, INT64_C(1) << 32, INT64_C(1) << 31, false, KEPT },
		{ "0*min", num_mul, 0, INT64_MIN, true, 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t result = KEPT;
		assert_row(rows[i].row, rows[i].op(rows[i].a, rows[i].b, &result) == rows[i].fits);
		assert_row(rows[i].row, result == rows[i].result);
	}
}

static void mul_div_goes_down(void **state)
{
	static const struct {
		const char *row;
		int64_t a, b, c;
		bool fits;
		int64_t result;
	} rows[] = {
		{ "exact", 10, 6, 5, true, 12 },
		{ "down", 10, 1, 3, true, 3 },
		{ "down below zero", -10, 1, 3, true, -4 },
		{ "just below zero", -1, 1, INT64_MAX, true, -1 },
		{ "zero", 0, -5, 3, true, 0 },
		{ "two minuses", -10, -1, 3, true, 3 },
		{ "exact below zero", -9, 1, 3, true, -3 },
		{ "128 bits", INT64_MAX, INT64_MAX, INT64_MAX, true, INT64_MAX },
		{ "128 bits below", INT64_MIN, INT64_MAX, INT64_MAX, true, INT64_MIN },
		{ "min", INT64_MIN, 1, 1, true, INT64_MIN },
		{ "too large", INT64_MAX, 2, 1, false, KEPT },
		{ "min * -1", INT64_MIN, -1, 1, false, KEPT },
		{ "too small", INT64_MIN, 3, 2, false, KEPT },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t result = KEPT;
		assert_row(rows[i].row,
			num_mul_div(rows[i].a, rows[i].b, rows[i].c, &result) == rows[i].fits);
		assert_row(rows[i].row, result == rows[i].result);
	}
}

static void parsing(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
		{ "0", true, 0 },
		{ "7", true, 7 },
		{ "-7", true, -7 },
		{ "1234567890", true, 1234567890 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, KEPT },
		{ "-9223372036854775809", false, KEPT },
		{ "92233720368547758070", false, KEPT },
		{ "99999999999999999999999999999999", false, KEPT },
		{ "", false, KEPT },
		{ "-", false, KEPT },
		{ "--1", false, KEPT },
		{ "+1", false, KEPT },
		{ "-0", false, KEPT },
		{ "00", false, KEPT },
		{ "01", false, KEPT },
		{ "-01", false, KEPT },
		{ " 1", false, KEPT },
		{ "1 ", false, KEPT },
		{ "1.0", false, KEPT },
		{ "1e3", false, KEPT },
		{ "0x1", false, KEPT },
		{ "1\n", false, KEPT },
		{ "\xD9\xA3", false, KEPT },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t value = KEPT;
		assert_row(rows[i].text, num_parse(str_of(rows[i].text), &value) == rows[i].good);
		assert_row(rows[i].text, value == rows[i].value);
	}
	int64_t value = KEPT;
	assert_false(num_parse(STR("1\0"), &value));
}

static void ranges(void **state)
{
	int64_t value = KEPT;
	assert_false(num_parse_range(STR("4"), 5, 9, &value));
	assert_false(num_parse_range(STR("10"), 5, 9, &value));
	assert_false(num_parse_range(STR("x"), 5, 9, &value));
	assert_int_equal(value, KEPT);
	assert_true(num_parse_range(STR("5"), 5, 9, &value));
	assert_int_equal(value, 5);
	assert_true(num_parse_range(STR("9"), 5, 9, &value));
	assert_int_equal(value, 9);
}

int main(void)
{
	return TEST_MAIN(test(sums_and_products), test(mul_div_goes_down), test(parsing),
		test(ranges));
}
