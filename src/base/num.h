/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers for money, points and quantities: int64_t in the smallest unit, checked. No
 * floating point near them. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* No amount of money, of points or of anything counted is larger than this: 1,000,000,000.00 in
 * cents. Far above any till, far enough below INT64_MAX that 90 million of them can be added up. */
#define NUM_AMOUNT_MAX INT64_C(100000000000)

/* true: *ret holds the result. false: it would not fit, *ret is untouched. */
bool num_add(int64_t a, int64_t b, int64_t *ret);
bool num_sub(int64_t a, int64_t b, int64_t *ret);
bool num_mul(int64_t a, int64_t b, int64_t *ret);
/* floor(a * b / c) with a 128-bit product; c > 0. false if the result would not fit. */
bool num_mul_div(int64_t a, int64_t b, int64_t c, int64_t *ret);
/* Reads a whole text as a decimal number: optional '-', digits, nothing else, no leading zeros. */
bool num_parse(struct str s, int64_t *ret);
bool num_parse_range(struct str s, int64_t min, int64_t max, int64_t *ret);

static inline int64_t num_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}
static inline int64_t num_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

#endif
