/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/host_fixture_impl.h"

#include <string.h>

void fixture_init(struct fixture *f, const struct host_limits *limits)
{
	*f = (struct fixture) { .arena = arena_new((size_t)64 << 20) };
	assert_non_null(f->arena);
	assert_ok(host_new(limits, &f->host, &f->err), &f->err);
	f->lines[0] = (struct basket_line) { .id = STR("1"),
		.sku = STR("mug"),
		.category = STR("home"),
		.gtin = STR("5412345678908"),
		.description = STR("A mug"),
		.quantity = 2000,
		.unit_price = 250,
		.amount = 500 };
	f->lines[1] = (struct basket_line) { .id = STR("2"),
		.sku = STR("tea"),
		.category = STR("food"),
		.quantity = 500,
		.unit_price = 500,
		.amount = 250 };
	f->lines[2] = (struct basket_line) { .id = STR("3"),
		.quantity = 1000,
		.unit_price = 25,
		.amount = 25 };
	f->basket = (struct basket) { .currency = STR("EUR"),
		.total = 775,
		.lines = f->lines,
		.count = 3,
		.at = INT64_C(1795291200000000),
		.day = "2026-11-21",
		.weekday = 6,
		.hour = 20 };
	f->standing = (struct standing) { .balance = 7,
		.available = 5,
		.held = 2,
		.debt = 1,
		.entries = 9,
		.joined_day = "2026-01-31",
		.language = STR("nl") };
}

void fixture_done(struct fixture *f)
{
	host_free(&f->host);
	arena_free(&f->arena);
}

int fixture_load(struct fixture *f, const char *name, const char *source)
{
	return host_load(f->host, str_of(name), str_of(source), NULL, NULL, &f->err);
}

struct host_programme *fixture_programme(struct fixture *f, const char *script, const char *params)
{
	static const struct local_text titles[] = { { STR_INIT("en"), STR_INIT("Mug campaign") },
		{ STR_INIT("nl"), STR_INIT("Mokkenactie") } };
	const struct texts title = { titles, 2 };
	struct host_programme_key key = { ++f->programmes, 1, 0 };
	struct host_programme *programme = NULL;

	assert_ok(host_programme(f->host, key, str_of(script), str_of(params), STR("mug"), &title,
			  &programme, &f->err),
		&f->err);
	return programme;
}

const char *fixture_script(const char *before, const char *sale)
{
	static char source[100000];
	int len = snprintf(source, sizeof source,
		"%s\nreturn { api = 1, unit = 'x', title = { en = 'T' }, parameters = {},\n"
		"ask = function(p) return { title = p.title, text = p.title } end,\n"
		"sale = function(basket, standing, p)\n%s\nend }",
		before, sale);
	assert_true(len > 0 && (size_t)len < sizeof source);
	return source;
}

const char *fixture_sale(const char *body)
{
	return fixture_script("", body);
}

int64_t fixture_earns(struct fixture *f, struct host_programme *programme)
{
	struct effects effects = { 0 };
	int rc = host_sale(f->host, programme, &f->basket, &f->standing, f->arena, &effects,
		&f->err);

	if (rc < 0)
		return rc;
	return effects.count > 0 ? effects.list[0].amount : 0;
}

struct host_programme *fixture_new(struct fixture *f, const char *name, const char *source)
{
	assert_ok(fixture_load(f, name, source), &f->err);
	return fixture_programme(f, name, "{}");
}

const char *fixture_earning(const char *expression)
{
	static char body[4096];
	snprintf(body, sizeof body, "return { { type = 'earn', amount = %s } }", expression);
	return fixture_sale(body);
}
