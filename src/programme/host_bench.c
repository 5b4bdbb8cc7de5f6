/* SPDX-License-Identifier: Apache-2.0 */
/* What scripts cost: sale(), due() and card() of five programmes, on a basket of eleven lines and
 * for members whose balances differ; and a state made anew after a fault. With a number as its
 * argument it runs each so often and leaves the faults out: for callgrind. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "programme/host.h"

#define RUNS 200000
#define FAULTS 500
#define LINES 11

static const struct {
	const char *script, *params;
} programmes[] = {
	{ "stamps",
		"{\"needed\":10,\"minimum\":1000,\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}" },
	{ "stamps",
		"{\"needed\":10,\"items\":[\"101\",\"107\",\"999\"],"
		"\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}" },
	{ "points",
		"{\"per\":100,\"categories\":{\"food\":200,\"tobacco\":0},\"needed\":40,"
		"\"reward\":{\"code\":\"mug\",\"name\":{\"nl\":\"een mok\"}}}" },
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

/* The n-th member that comes by, in the i-th programme: up to 12 stamps or visits, 200 points, 500
 * euro in cents. */
static struct standing standing_of(int n, size_t i)
{
	static const char *const languages[] = { "nl", "fr", "nl", "de", "nl", "en" };
	static const int64_t most[COUNT] = { 12, 12, 200, 12, 50000 };
	int64_t balance = (int64_t)((unsigned)n * 2654435761u >> 8) % most[i];

	return (struct standing) { .balance = balance,
		.available = balance,
		.entries = balance,
		.joined_day = "2026-01-31",
		.language = str_of(languages[n % 6]) };
}

typedef void all_of(struct host *host, const struct basket *basket, struct arena *arena, int n);

static void all_sales(struct host *host, const struct basket *basket, struct arena *arena, int n)
{
	struct standing standing;
	struct effects effects;
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT; i++) {
		standing = standing_of(n, i);
		require(host_sale(host, handles[i], basket, &standing, arena, &effects, &err) == 0);
	}
}

static void all_due(struct host *host, const struct basket *basket, struct arena *arena, int n)
{
	struct standing standing;
	struct offer offer;
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT; i++) {
		standing = standing_of(n, i);
		require(host_due(host, handles[i], &standing, arena, &offer, &err) >= 0);
	}
}

static void all_cards(struct host *host, const struct basket *basket, struct arena *arena, int n)
{
	struct standing standing;
	struct card card;
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT; i++) {
		standing = standing_of(n, i);
		require(host_card(host, handles[i], &standing, arena, &card, &err) == 0);
	}
}

static void one_sale(struct host *host, const struct basket *basket, struct arena *arena)
{
	arena_reset(arena);
	all_sales(host, basket, arena, 4);
	all_due(host, basket, arena, 4);
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

static const struct {
	const char *name;
	all_of *run;
} rows[] = {
	{ "sale() of five programmes, 11 lines", all_sales },
	{ "due() of five programmes", all_due },
	{ "card() of five programmes", all_cards },
};

/* ---- cold ---- */

#define COLD_RUNS 1001
#define COLD_BYTES (8 << 20) /* far more than a core's own caches hold */

static double wall_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The median, so that what was interrupted does not count. */
static double cold_us(all_of *run, struct host *host, const struct basket *basket,
	struct arena *arena)
{
	static double took[COLD_RUNS];
	static char other[COLD_BYTES];

	for (int i = 0; i < COLD_RUNS; i++) {
		for (size_t k = 0; k < sizeof other; k += 64)
			other[k]++;
		arena_reset(arena);
		double start = wall_us();
		run(host, basket, arena, i);
		took[i] = wall_us() - start;
	}
	qsort(took, COLD_RUNS, sizeof *took, by_size);
	return took[COLD_RUNS / 2];
}

static void time_hooks(struct host *host, const struct basket *basket, struct arena *arena,
	int runs, bool cold)
{
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		double best = 1e9;
		for (int round = 0; round < 5; round++) {
			double start = now_us();
			for (int i = 0; i < runs / 5; i++) {
				arena_reset(arena);
				rows[r].run(host, basket, arena, i);
			}
			double took = (now_us() - start) / (runs / 5);
			best = took < best ? took : best;
		}
		printf("%s: %.2f us", rows[r].name, best);
		if (cold)
			printf(", cold %.1f us", cold_us(rows[r].run, host, basket, arena));
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	static struct basket_line lines[LINES];
	static char skus[LINES][8];
	struct basket basket = { .currency = STR("EUR"),
		.total = 12345,
		.lines = lines,
		.count = LINES,
		.day = "2026-11-21",
		.weekday = 6,
		.hour = 20 };
	struct arena *arena ARENA_AUTO = arena_new(16 << 20);
	struct host *host = NULL;
	struct err err = { 0 };

	require(arena && host_new(NULL, &host, &err) == 0);
	for (int i = 0; i < LINES; i++) {
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
	time_hooks(host, &basket, arena, argc > 1 ? (int)strtol(argv[1], NULL, 10) : RUNS,
		argc == 1);
	if (argc == 1)
		time_faults(host, &basket, arena);
	host_free(&host);
	return 0;
}
