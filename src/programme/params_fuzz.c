/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as parameters of each stock script: refused with a place in it, or canonical, and what
 * is canonical stays as it is. */
#include "programme/host.h"
#include "tests/support/fuzz.h"

static struct script_info infos[4];

static void load(void)
{
	struct arena *keep = arena_new(16 << 20);
	struct host *host;
	struct err err = { 0 };
	require(keep && host_new(NULL, &host, &err) == 0);
	for (size_t i = 0; i < 4; i++)
		require(host_load(host, str_of(stock_scripts[i].name),
				str_of(stock_scripts[i].source), keep, &infos[i], &err) == 0);
	host_free(&host);
}

static void check(struct arena *arena, const struct script_info *info, const struct json *given)
{
	struct str canonical, again;
	struct json *tree;
	struct err err = { 0 };
	if (params_check(arena, info, given, STR("/p"), &canonical, &err) < 0) {
		require(err.code == ERR_INVALID || err.code == ERR_UNKNOWN_FIELD);
		require(strncmp(err.at, "/p", 2) == 0 && err.text[0]);
		return;
	}
	require(json_parse(arena, canonical, &tree, &err) == 0);
	require(params_check(arena, info, tree, STR(""), &again, &err) == 0 &&
		str_eq(canonical, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	struct json *given;
	if (!infos[0].name.ptr)
		load();
	if (json_parse(arena, str_bytes(data, size), &given, NULL) == 0)
		for (size_t i = 0; i < 4; i++)
			check(arena, &infos[i], given);
	return 0;
}
