/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal strings to whole numbers of the smallest unit and back, without floating point. */
#include "codec/decimal.h"

#include "base/check.h"
#include "base/num.h"

#define DECIMALS_MAX 18

/* Adds the digits of a text to a number; false if there is none, another character, or no room. */
static bool add_digits(struct str digits, int64_t sign, int64_t *number)
{
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.ptr[i];
		if (c < '0' || c > '9' || !num_mul(*number, 10, number) ||
			!num_add(*number, sign * (c - '0'), number))
			return false;
	}
	return digits.len > 0;
}

bool decimal_read(struct str text, int decimals, int64_t *ret)
{
	require(decimals >= 0 && decimals <= DECIMALS_MAX);
	bool negative = str_starts(text, "-");
	struct str fraction = str_from(text, negative);
	bool has_point = fraction.len && memchr(fraction.ptr, '.', fraction.len);
	struct str whole = str_cut(&fraction, '.');
	int64_t number = 0, sign = negative ? -1 : 1;
	if (!add_digits(whole, sign, &number) || (whole.len > 1 && whole.ptr[0] == '0'))
		return false;
	if (has_point && !add_digits(fraction, sign, &number))
		return false;
	if (fraction.len > (size_t)decimals || (negative && number == 0))
		return false;
	for (size_t i = fraction.len; i < (size_t)decimals; i++)
		if (!num_mul(number, 10, &number))
			return false;
	*ret = number;
	return true;
}

char *decimal_write(int64_t value, int decimals, char out[DECIMAL_TEXT_MAX])
{
	require(decimals >= 0 && decimals <= DECIMALS_MAX);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char reversed[DECIMAL_TEXT_MAX];
	int n = 0;
	for (int i = 0; i < decimals; i++, rest /= 10)
		if (n > 0 || rest % 10 != 0)
			reversed[n++] = (char)('0' + rest % 10);
	if (n > 0)
		reversed[n++] = '.';
	do
		reversed[n++] = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (value < 0)
		reversed[n++] = '-';
	char *to = out;
	while (n > 0)
		*to++ = reversed[--n];
	*to = '\0';
	return out;
}
