/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal strings: quantities ("1", "0.425", "-2": 3 decimals, int64_t thousandths) and rates
 * ("21", "5.5": 2 decimals, hundredths). */
#ifndef CODEC_DECIMAL_H
#define CODEC_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define DECIMAL_TEXT_MAX 28

/* Reads a whole text: optional '-', digits without superfluous zeros in front, optionally '.' and 1
 * to `decimals` digits. No exponent, no '+'. *ret is in units of 10^-decimals. */
bool decimal_read(struct str text, int decimals, int64_t *ret);
/* Writes the shortest form: 1500 with 3 decimals is "1.5". Returns out. */
char *decimal_write(int64_t value, int decimals, char out[DECIMAL_TEXT_MAX]);

#endif
