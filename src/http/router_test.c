/* SPDX-License-Identifier: Apache-2.0 */
#include "http/router.h"
#include "http/url.h"
#include "tests/support/test.h"

enum {
	SALE_GET,
	SALE_PUT,
	SALE_RETURN,
	MEMBER_GET,
	MEMBER_SEARCH,
	MEMBER_ENTRIES,
	HEALTH,
	ROOT,
	TWO
};

static const struct route routes[] = {
	{ HTTP_GET, "/v1/sales/{id}", SALE_GET },
	{ HTTP_PUT, "/v1/sales/{id}", SALE_PUT },
	{ HTTP_POST, "/v1/sales/{id}/returns", SALE_RETURN },
	{ HTTP_GET, "/v1/members/{id}", MEMBER_GET },
	{ HTTP_GET, "/v1/members/search", MEMBER_SEARCH },
	{ HTTP_GET, "/v1/members/{id}/entries", MEMBER_ENTRIES },
	{ HTTP_GET, "/health", HEALTH },
	{ HTTP_GET, "/", ROOT },
	{ HTTP_GET, "/v1/two/{a}/{b}", TWO },
};

static void finds_routes(void **state)
{
	static const struct {
		const char *path;
		enum http_method method;
		int rc;
		int operation;
		const char *first, *second;
	} rows[] = {
		{ "/v1/sales/S-1", HTTP_GET, 0, SALE_GET, "S-1", NULL },
		{ "/v1/sales/S-1", HTTP_HEAD, 0, SALE_GET, "S-1", NULL },
		{ "/v1/sales/S-1", HTTP_PUT, 0, SALE_PUT, "S-1", NULL },
		{ "/v1/sales/S-1", HTTP_DELETE, 1, 0, NULL, NULL },
		{ "/v1/sales/S-1", HTTP_OTHER, 1, 0, NULL, NULL },
		{ "/v1/sales/S-1/returns", HTTP_POST, 0, SALE_RETURN, "S-1", NULL },
		{ "/v1/sales/S-1/returns", HTTP_HEAD, 1, 0, NULL, NULL },
		{ "/v1/sales/INV%2F2026%2F1", HTTP_PUT, 0, SALE_PUT, "INV/2026/1", NULL },
		{ "/v1/sales/a%20b%3Fc%25", HTTP_PUT, 0, SALE_PUT, "a b?c%", NULL },
		{ "/v1/sales/caf%C3%A9/returns", HTTP_POST, 0, SALE_RETURN, "caf\xC3\xA9", NULL },
		{ "/v1/sales/%2F", HTTP_PUT, 0, SALE_PUT, "/", NULL },
		{ "/v1/sales/..", HTTP_PUT, 0, SALE_PUT, "..", NULL },
		{ "/v1/members/m1", HTTP_GET, 0, MEMBER_GET, "m1", NULL },
		{ "/v1/members/search", HTTP_GET, 0, MEMBER_SEARCH, NULL, NULL },
		{ "/v1/members/search/entries", HTTP_GET, 0, MEMBER_ENTRIES, "search", NULL },
		{ "/v1/two/x/y%2Fz", HTTP_GET, 0, TWO, "x", "y/z" },
		{ "/health", HTTP_GET, 0, HEALTH, NULL, NULL },
		{ "/", HTTP_GET, 0, ROOT, NULL, NULL },
		{ "", HTTP_GET, 2, 0, NULL, NULL },
		{ "*", HTTP_OTHER, 2, 0, NULL, NULL },
		{ "/health/", HTTP_GET, 2, 0, NULL, NULL },
		{ "//health", HTTP_GET, 2, 0, NULL, NULL },
		{ "/v1/sales/", HTTP_GET, 2, 0, NULL, NULL },
		{ "/v1/sales", HTTP_GET, 2, 0, NULL, NULL },
		{ "/v1/sales//returns", HTTP_POST, 2, 0, NULL, NULL },
		{ "/v1/sales/a/b", HTTP_GET, 2, 0, NULL, NULL },
		{ "/v1/Sales/a", HTTP_GET, 2, 0, NULL, NULL },
		{ "v1/sales/a", HTTP_GET, 2, 0, NULL, NULL },
	};
	struct arena *arena ARENA_AUTO = arena_new(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct route_match match = { .operation = -1 };
		int rc = route_find(routes, sizeof routes / sizeof *routes, rows[i].method,
			str_of(rows[i].path), arena, &match);
		int params = (rows[i].first != NULL) + (rows[i].second != NULL);
		assert_row(rows[i].path, rc == rows[i].rc);
		if (rc != 0) {
			assert_row(rows[i].path, match.operation == -1);
			continue;
		}
		assert_row(rows[i].path, match.operation == rows[i].operation);
		assert_row(rows[i].path, match.param_count == params);
		assert_row(rows[i].path, params < 1 || str_is(match.params[0], rows[i].first));
		assert_row(rows[i].path, params < 2 || str_is(match.params[1], rows[i].second));
	}
}

static void knows_the_methods_of_a_path(void **state)
{
	static const struct {
		const char *path;
		unsigned methods;
	} rows[] = {
		{ "/v1/sales/S-1", 1u << HTTP_GET | 1u << HTTP_HEAD | 1u << HTTP_PUT },
		{ "/v1/sales/INV%2F1/returns", 1u << HTTP_POST },
		{ "/", 1u << HTTP_GET | 1u << HTTP_HEAD },
		{ "/v1/sales", 0 },
		{ "", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_row(rows[i].path,
			route_methods(routes, sizeof routes / sizeof *routes,
				str_of(rows[i].path)) == rows[i].methods);
}

static void says_so_without_memory(void **state)
{
	struct arena *arena ARENA_AUTO = arena_new(1 << 16);
	struct route_match match;
	arena_fail_nth(1);
	assert_int_equal(route_find(routes, sizeof routes / sizeof *routes, HTTP_GET,
				 STR("/v1/sales/a%2Fb"), arena, &match),
		2);
}

static void knows_a_valid_address(void **state)
{
	static const struct {
		const char *raw;
		bool valid;
		const char *decoded;
	} rows[] = {
		{ "/a", true, "/a" },
		{ "/%41%6a", true, "/Aj" },
		{ "%FF", true, "\xFF" },
		{ "%", false, NULL },
		{ "/%4", false, NULL },
		{ "/%4g", false, NULL },
		{ "/%00", false, NULL },
		{ "/a%00b", false, NULL },
		{ "/a b", false, NULL },
		{ "/a\tb", false, NULL },
		{ "/a\x7F", false, NULL },
		{ "/%%41", false, NULL },
		{ "", true, "" },
	};
	struct arena *arena ARENA_AUTO = arena_new(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str raw = str_of(rows[i].raw);
		assert_row(rows[i].raw, url_valid(raw) == rows[i].valid);
		assert_row(rows[i].raw,
			!rows[i].valid || str_is(url_decode(raw, arena), rows[i].decoded));
	}
}

int main(void)
{
	return TEST_MAIN(test(finds_routes), test(knows_the_methods_of_a_path),
		test(says_so_without_memory), test(knows_a_valid_address));
}
