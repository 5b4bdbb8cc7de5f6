/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <string.h>

#include "tests/support/test.h"

static void codes_are_negative_and_in_order(void **state)
{
	assert_int_equal(ERR_UNREADABLE, -1);
	assert_int_equal(ERR_UNAUTHORIZED, -2);
	assert_int_equal(ERR_BROKEN, -(int)ERR_INDEX_COUNT);
}

static void names_and_statuses(void **state)
{
	static const struct {
		int code;
		const char *name;
		int status;
	} rows[] = {
		{ ERR_UNREADABLE, "unreadable", 400 },
		{ ERR_ID_REUSED, "id-reused", 409 },
		{ ERR_NO_MEMORY, "no-memory", 503 },
		{ ERR_BROKEN, "broken", 500 },
		{ 0, "unknown", 500 },
		{ 7, "unknown", 500 },
		{ -(int)ERR_INDEX_COUNT - 1, "unknown", 500 },
		{ -2147483647 - 1, "unknown", 500 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_string_equal(err_name(rows[i].code), rows[i].name);
		assert_int_equal(err_status(rows[i].code), rows[i].status);
	}
}

static void every_error_is_complete(void **state)
{
	for (int code = -1; code >= -(int)ERR_INDEX_COUNT; code--) {
		assert_row(err_name(code),
			strspn(err_name(code), "abcdefghijklmnopqrstuvwxyz-") ==
				strlen(err_name(code)));
		assert_row(err_name(code), err_status(code) >= 400 && err_status(code) < 600);
		assert_row(err_name(code), err_title(code)[strlen(err_title(code)) - 1] != '.');
	}
}

static void filling(void **state)
{
	struct err err;
	memset(&err, 0xFF, sizeof err);
	assert_int_equal(err_at(&err, ERR_INVALID, "/lines/3", "must be %d", 5), ERR_INVALID);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.text, "must be 5");
	assert_string_equal(err.at, "/lines/3");
	assert_int_equal(err_at(&err, ERR_STORE, err.at, "%s again", err.text), ERR_STORE);
	assert_string_equal(err.text, "must be 5 again");
	assert_string_equal(err.at, "/lines/3");
	assert_int_equal(err_set(&err, ERR_BUSY, "no"), ERR_BUSY);
	assert_string_equal(err.at, "");
	assert_int_equal(err_at(&err, ERR_BUSY, NULL, "no"), ERR_BUSY);
	assert_int_equal(err_set(NULL, ERR_BUSY, "no"), ERR_BUSY);
	assert_int_equal(err_at(NULL, ERR_BUSY, "x", "no"), ERR_BUSY);
}

/* Long texts are cut between characters, whatever the length. */
static void cutting(void **state)
{
	char text[1000];
	for (size_t start = 0; start < 4; start++) {
		memset(text, 'x', start);
		for (size_t i = start; i + 3 < sizeof text; i += 3)
			memcpy(text + i, "\xE2\x82\xAC", 4);
		struct err err;
		err_at(&err, ERR_INVALID, text, "%s", text);
		assert_true(strlen(err.text) > sizeof err.text - 4);
		assert_true(strlen(err.at) > sizeof err.at - 4);
		assert_true(str_utf8(str_of(err.text), NULL));
		assert_true(str_utf8(str_of(err.at), NULL));
	}
}

int main(void)
{
	return TEST_MAIN(test(codes_are_negative_and_in_order), test(names_and_statuses),
		test(every_error_is_complete), test(filling), test(cutting));
}
