/* SPDX-License-Identifier: Apache-2.0 */
/* Names, statuses and titles of errors come from errors.def; this file never changes for a new
 * one. */
#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int status;
	const char *title;
} errors[] = {
#define ERROR(code, name, status, title) { name, status, title },
#include "base/errors.def"
#undef ERROR
};

/* Copies as much of a C string as fits, without cutting a UTF-8 sequence in two. */
static void cut_copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);
	if (len >= size)
		len = size - 1;
	while (from[len] && len > 0 && ((unsigned char)from[len] & 0xC0) == 0x80)
		len--;
	memcpy(to, from, len);
	to[len] = '\0';
}

static void fill(struct err *err, int code, const char *at, const char *fmt, va_list args)
{
	char text[2 * sizeof err->text];
	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	char where[sizeof err->at]; /* at may point into *err */
	cut_copy(where, sizeof where, at);
	cut_copy(err->text, sizeof err->text, text);
	memcpy(err->at, where, sizeof where);
	err->code = code;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	if (!err)
		return code;
	va_list args;
	va_start(args, fmt);
	fill(err, code, "", fmt, args);
	va_end(args);
	return code;
}

int err_at(struct err *err, int code, const char *at, const char *fmt, ...)
{
	if (!err)
		return code;
	va_list args;
	va_start(args, fmt);
	fill(err, code, at ? at : "", fmt, args);
	va_end(args);
	return code;
}

static bool is_known(int code)
{
	return code < 0 && code >= -(int)ERR_INDEX_COUNT;
}

const char *err_name(int code)
{
	return is_known(code) ? errors[-1 - code].name : "unknown";
}

int err_status(int code)
{
	return is_known(code) ? errors[-1 - code].status : 500;
}

const char *err_title(int code)
{
	return is_known(code) ? errors[-1 - code].title : "Something broke on our side";
}
