/* SPDX-License-Identifier: Apache-2.0 */
/* What the scripts of one sale cost: sale() and due() of five programmes on a basket of ten lines,
 * and a state made anew after a fault. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "programme/host.h"

#define SALES 200000
#define FAULTS 500

static const struct {
	const char *script, *params;
} programmes[] = {
	{ "stamps",
		"{\"needed\":10,\"minimum\":1000,\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}" },
	{ "stamps",
		"{\"needed\":10,\"items\":[\"101\",\"107\",\"999\"],"
		"\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}" },
	{ "points", "{\"per\":100,\"categories\":{\"food\":200,\"tobacco\":0}}" },
	{ "visits", "{\"needed\":5,\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}" },
	{ "spend",
		"{\"needed\":100000,\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}" },
};
#define COUNT (sizeof programmes / sizeof *programmes)

static struct host_programme *handles[COUNT];

static void load(struct host *host, struct arena *arena)
{
	struct script_info infos[16];
	struct err err = { 0 };

	for (size_t i = 0; i < stock_script_count; i++) {
		struct str source = str_bytes(stock_scripts[i].source, stock_scripts[i].len);
		require(host_load(host, str_of(stock_scripts[i].name), source, arena, &infos[i],
				&err) == 0);
	}
	for (size_t i = 0; i < COUNT; i++) {
		const struct local_text title = { STR("nl"), STR("Actie") };
		struct json *given;
		struct str params = { "", 0 };
		size_t s = 0;
		while (!str_is(infos[s].name, programmes[i].script))
			s++;
		require(json_parse(arena, str_of(programmes[i].params), &given, &err) == 0);
		require(params_check(arena, &infos[s], given, STR(""), &params, &err) == 0);
		struct host_programme_key key = { (id_t64)i + 1, 1, 0 };
		require(host_programme(host, key, infos[s].name, params, STR("code"),
				&(struct texts) { &title, 1 }, &handles[i], &err) == 0);
	}
}

static void one_sale(struct host *host, const struct basket *basket, struct arena *arena)
{
	struct standing standing = { .balance = 4,
		.available = 4,
		.entries = 4,
		.language = STR("nl") };
	struct effects effects;
	struct offer offer;
	struct err err = { 0 };

	arena_reset(arena);
	for (size_t i = 0; i < COUNT; i++) {
		require(host_sale(host, handles[i], basket, &standing, arena, &effects, &err) == 0);
		require(host_due(host, handles[i], &standing, arena, &offer, &err) >= 0);
	}
}

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* A script that never ends, then a sale that finds the state gone: with what it costs by itself. */
static void time_faults(struct host *host, const struct basket *basket, struct arena *arena)
{
	static const char endless[] =
		"return { api = 1, unit = 'x', title = { en = 'T' }, parameters = {},"
		" ask = function() end, sale = function() while true do end end }";
	struct host_programme *programme = NULL;
	struct standing standing = { 0 };
	struct effects effects;
	struct err err = { 0 };
	double ending = 0, after = 0;

	require(host_load(host, STR("endless"), str_of(endless), NULL, NULL, &err) == 0);
	require(host_programme(host, (struct host_programme_key) { 99 }, STR("endless"), STR("{}"),
			STR("e"), &(struct texts) { 0 }, &programme, &err) == 0);
	for (int i = 0; i < FAULTS; i++) {
		double start = now_us();
		require(host_sale(host, programme, basket, &standing, arena, &effects, &err) < 0);
		double ended = now_us();
		one_sale(host, basket, arena);
		ending += ended - start;
		after += now_us() - ended;
	}
	printf("an endless script: %.0f us; the sale after it: %.0f us\n", ending / FAULTS,
		after / FAULTS);
}

int main(void)
{
	static struct basket_line lines[10];
	static char skus[10][8];
	struct basket basket = { .currency = STR("EUR"),
		.total = 12345,
		.lines = lines,
		.count = 10,
		.day = "2026-11-21",
		.weekday = 6,
		.hour = 20 };
	struct arena *arena ARENA_AUTO = arena_new(16 << 20);
	struct host *host = NULL;
	struct err err = { 0 };

	require(arena && host_new(NULL, &host, &err) == 0);
	for (int i = 0; i < 10; i++) {
		snprintf(skus[i], sizeof skus[i], "%d", 100 + i);
		lines[i] = (struct basket_line) { .id = str_of(skus[i]),
			.sku = str_of(skus[i]),
			.gtin = STR("5412345678908"),
			.category = i % 3 ? STR("food") : STR("care"),
			.description = STR("Something to eat"),
			.quantity = 1000,
			.unit_price = 1234,
			.amount = 1234 };
	}
	load(host, arena);
	for (int round = 0; round < 3; round++) {
		double start = now_us();
		for (uint64_t i = 0; i < SALES; i++)
			one_sale(host, &basket, arena);
		printf("five programmes, ten lines: %.2f us a sale\n", (now_us() - start) / SALES);
	}
	time_faults(host, &basket, arena);
	host_free(&host);
	return 0;
}
