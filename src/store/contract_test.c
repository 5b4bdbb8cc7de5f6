/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of store.h: the same cases on every engine. To add an engine: a row in fixture.c; to
 * add a case: a row in contract_units.c, contract_rows.c, contract_life.c or contract_home.c. */
#include <stdlib.h>

#include "store/contract_impl.h"

static const struct {
	const struct contract_case *cases;
	const size_t *count;
} files[] = {
	{ contract_units, &contract_units_count },
	{ contract_rows, &contract_rows_count },
	{ contract_life, &contract_life_count },
	{ contract_home, &contract_home_count },
	{ contract_lease, &contract_lease_count },
};
#define FILE_COUNT (sizeof(files) / sizeof(files[0]))

struct run {
	const struct engine *engine;
	const struct contract_case *one;
	char name[120];
};

static void run_case(void **state)
{
	struct run *run = *state;
	struct fixture fixture;
	if (!fixture_can(run->engine))
		skip();
	fixture_init(&fixture, run->engine);
	run->one->run(&fixture);
	fixture_done(&fixture);
}

static size_t cases_of_engine(const struct engine *engine, struct run *runs,
	struct CMUnitTest *tests)
{
	size_t count = 0;
	for (size_t f = 0; f < FILE_COUNT; f++) {
		for (size_t i = 0; i < *files[f].count; i++, count++) {
			struct run *run = &runs[count];
			run->engine = engine;
			run->one = &files[f].cases[i];
			snprintf(run->name, sizeof(run->name), "%s: %s", engine->name,
				run->one->name);
			tests[count] = (struct CMUnitTest) { run->name, run_case, test_begin,
				test_end, run };
		}
	}
	return count;
}

int main(void)
{
	size_t count = 0, max = 0;
	for (size_t f = 0; f < FILE_COUNT; f++)
		max += *files[f].count * fixture_engine_count;
	struct run *runs = calloc(max, sizeof(*runs));
	struct CMUnitTest *tests = calloc(max, sizeof(*tests));
	for (size_t e = 0; e < fixture_engine_count; e++)
		count += cases_of_engine(&fixture_engines[e], runs + count, tests + count);
	int rc = test_main(tests, count, __FILE__);
	free(tests);
	free(runs);
	return rc;
}
