/* SPDX-License-Identifier: Apache-2.0 */
/* What a sale and a touch of a member in five programmes cost the teller, on SQLite in memory: the
 * time here, and instructions with
 *     valgrind --tool=callgrind --toggle-collect=visit_sale build/tests/sim/visit_bench
 * Instructions are the same whatever else the machine does; of what SQLite does at the commit they
 * say nothing. */
#include <stdio.h>

#include "base/clock.h"
#include "tests/support/house.h"
#include "tests/support/test.h"

static int64_t sell(struct house *h, int n)
{
	char id[16];
	struct house_sale sale = { .id = id,
		.state = SALE_PAID,
		.count = 8,
		.at = HOUSE_START,
		.kind = "loyalty_card",
		.value = "A" };
	int64_t start;

	snprintf(id, sizeof(id), "s%d", n);
	clock_fake_advance(&h->clock, CLOCK_SECOND);
	for (int i = 0; i < 8; i++) {
		static const char *const ids[] = { "1", "2", "3", "4", "5", "6", "7", "8" };
		sale.lines[i] = (struct house_line) { ids[i], 1, 199 };
	}
	start = clock_ticks_ns();
	assert_ok(house_sale(h, &sale), &h->err);
	return clock_ticks_ns() - start;
}

static int64_t touch(struct house *h, int n)
{
	char id[16];
	int64_t start = clock_ticks_ns();

	snprintf(id, sizeof(id), "t%d", n);
	assert_ok(house_touch(h, id, "loyalty_card", "A"), &h->err);
	return clock_ticks_ns() - start;
}

static void measure(void **state)
{
	static const struct {
		const char *code, *template, *parameters;
	} programmes[] = {
		{ "p1", "points", "{\"per\":100}" },
		{ "p2", "stamps",
			"{\"minimum\":500,\"needed\":1000,\"reward\":{\"code\":\"m\",\"name\":{\"nl\":\"m\"}}}" },
		{ "p3", "visits",
			"{\"needed\":1000,\"reward\":{\"code\":\"m\",\"name\":{\"nl\":\"m\"}}}" },
		{ "p4", "spend",
			"{\"needed\":1000000000,\"reward\":{\"code\":\"m\",\"name\":{\"nl\":\"m\"}}}" },
		{ "p5", "points", "{\"per\":50}" },
	};
	const int rounds = 900;
	int64_t sales = 0, touches = 0;
	struct house h;
	house_open(&h, NULL, 7);
	for (size_t i = 0; i < 5; i++)
		house_programme(&h, programmes[i].code, programmes[i].template, "auto",
			programmes[i].parameters);
	for (int n = 0; n < 20; n++)
		sell(&h, n);
	for (int n = 20; n < 20 + rounds; n++) {
		sales += sell(&h, n);
		touches += touch(&h, n);
	}
	printf("# a sale %.1f us, a touch %.1f us, with their commits in memory\n",
		(double)sales / rounds / 1e3, (double)touches / rounds / 1e3);
	house_close(&h);
}

int main(void)
{
	return TEST_MAIN(test(measure));
}
