/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a script: it loads or is refused; loaded, its hook ends and says the same twice; and
 * whatever it did, a stock script loads and runs after it. */
#include "programme/host.h"
#include "tests/support/fuzz.h"

static int64_t earns(struct host *host, struct str script, struct str source, struct arena *arena)
{
	const struct basket_line line = { .sku = STR("a"), .quantity = 1000, .amount = 700 };
	const struct basket basket = { .total = 700, .lines = &line, .count = 1 };
	const struct host_programme_key key = { .programme = script.ptr[0] };
	struct host_programme *programme;
	struct effects effects = { 0 };
	int rc = host_load(host, script, source, NULL, NULL, NULL);
	if (rc == 0)
		rc = host_programme(host, key, script, STR("{\"expires_days\":0}"), STR("c"),
			&(struct texts) { 0 }, &programme, NULL);
	if (rc == 0)
		rc = host_sale(host, programme, &basket, &(struct standing) { 0 }, arena, &effects,
			NULL);
	return rc < 0 ? rc : effects.count > 0 ? effects.list[0].amount : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct host_limits limits = { .memory = 4 << 20, .instructions = 5000 };
	struct arena *arena ARENA_AUTO = arena_new(16 << 20);
	struct str source = str_bytes(data, size);
	struct host *host;
	require(host_new(&limits, &host, NULL) == 0 && strcmp(stock_scripts[1].name, "spend") == 0);
	int64_t first = earns(host, STR("own"), source, arena);
	int64_t again = earns(host, STR("own"), source, arena);
	require(again == first || again < 0 || first < 0); /* a limit has some play */
	require(earns(host, STR("spend"), str_of(stock_scripts[1].source), arena) == 700);
	host_free(&host);
	return 0;
}
