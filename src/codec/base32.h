/* SPDX-License-Identifier: Apache-2.0 */
/* Crockford base32: 0-9 a-z without i, l, o, u; written in lower case, read in either, with i and l
 * read as 1 and o as 0. */
#ifndef CODEC_BASE32_H
#define CODEC_BASE32_H

#include <stdbool.h>

#include "base/str.h"

#define BASE32_LEN(bytes) (((bytes)*8 + 4) / 5)

/* Writes BASE32_LEN(len) characters and a NUL; out has room for them. Bits are taken from the top;
 * the last character is padded with zero bits. */
void base32_write(const void *bytes, size_t len, char *out);
/* Reads exactly BASE32_LEN(len) characters into len bytes; false for another length, another
 * character, or padding bits that are not zero. */
bool base32_read(struct str text, void *bytes, size_t len);

#endif
