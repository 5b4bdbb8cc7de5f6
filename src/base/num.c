/* SPDX-License-Identifier: Apache-2.0 */
/* Checked whole numbers. */
#include "base/num.h"

#include "base/check.h"

bool num_add(int64_t a, int64_t b, int64_t *ret)
{
	int64_t sum;
	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*ret = sum;
	return true;
}

bool num_sub(int64_t a, int64_t b, int64_t *ret)
{
	int64_t difference;
	if (__builtin_sub_overflow(a, b, &difference))
		return false;
	*ret = difference;
	return true;
}

bool num_mul(int64_t a, int64_t b, int64_t *ret)
{
	int64_t product;
	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*ret = product;
	return true;
}

bool num_mul_div(int64_t a, int64_t b, int64_t c, int64_t *ret)
{
	require(c > 0);
	__int128 product = (__int128)a * b;
	__int128 quotient = product / c;
	if (product % c < 0)
		quotient--; /* C rounds to zero, a floor goes down */
	if (quotient < INT64_MIN || quotient > INT64_MAX)
		return false;
	*ret = (int64_t)quotient;
	return true;
}

/* Adds one digit to a number that is built below zero, where there is one value more. */
static bool add_digit(int64_t *number, char digit)
{
	if (digit < '0' || digit > '9')
		return false;
	return num_mul(*number, 10, number) && num_sub(*number, digit - '0', number);
}

bool num_parse(struct str s, int64_t *ret)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	struct str digits = str_from(s, negative);
	if (digits.len == 0 || (digits.ptr[0] == '0' && (digits.len > 1 || negative)))
		return false;
	int64_t number = 0;
	for (size_t i = 0; i < digits.len; i++)
		if (!add_digit(&number, digits.ptr[i]))
			return false;
	if (!negative && number == INT64_MIN)
		return false;
	*ret = negative ? number : -number;
	return true;
}

bool num_parse_range(struct str s, int64_t min, int64_t max, int64_t *ret)
{
	int64_t number;
	if (!num_parse(s, &number) || number < min || number > max)
		return false;
	*ret = number;
	return true;
}
