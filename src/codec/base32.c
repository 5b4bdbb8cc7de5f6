/* SPDX-License-Identifier: Apache-2.0 */
/* Crockford base32. */
#include "codec/base32.h"

#include <stdint.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void base32_write(const void *bytes, size_t len, char *out)
{
	const unsigned char *from = bytes;
	uint32_t bits = 0;
	int count = 0; /* of bits not written yet */
	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | from[i];
		for (count += 8; count >= 5; count -= 5)
			*out++ = alphabet[bits >> (count - 5) & 31];
	}
	if (count > 0)
		*out++ = alphabet[bits << (5 - count) & 31];
	*out = '\0';
}

/* The five bits a character stands for; -1 if none. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c + ('a' - 'A'));
	if (c == 'i' || c == 'l')
		c = '1';
	if (c == 'o')
		c = '0';
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

bool base32_read(struct str text, void *bytes, size_t len)
{
	unsigned char *to = bytes;
	uint32_t bits = 0;
	int count = 0;
	if (text.len != BASE32_LEN(len))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (digit(text.ptr[i]) < 0)
			return false;
	if (text.len && digit(text.ptr[text.len - 1]) & ((1 << (text.len * 5 - len * 8)) - 1))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bits = bits << 5 | (uint32_t)digit(text.ptr[i]);
		count += 5;
		if (count >= 8) {
			count -= 8;
			*to++ = (unsigned char)(bits >> count);
		}
	}
	return true;
}
