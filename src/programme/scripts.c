/* SPDX-License-Identifier: Apache-2.0 */
/* What the stock scripts declare, read once from the scripts themselves: the templates a programme
 * can be made of, and the parameters the office may set. */
#include <pthread.h>

#include "base/check.h"
#include "programme/programme.h"

#define SCRIPTS_MAX 64
#define SCRIPTS_BYTES (4 << 20)

static struct script_info infos[SCRIPTS_MAX];
static struct script_text texts[SCRIPTS_MAX];
static const struct script_info *list[SCRIPTS_MAX];
static size_t count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* They are part of the program: one that does not load is a fault of the build. The arena lives as
 * long as the program, as what it holds does. */
static void load(void)
{
	static struct arena *arena;
	struct host *host = NULL;
	struct err err = { 0 };

	require(stock_script_count <= SCRIPTS_MAX);
	arena = arena_new(SCRIPTS_BYTES);
	require(arena != NULL);
	require(host_new(NULL, &host, &err) == 0);
	for (size_t i = 0; i < stock_script_count; i++) {
		const struct stock_script *s = &stock_scripts[i];
		struct str source = str_bytes(s->source, s->len);
		require(host_load(host, str_of(s->name), source, arena, &infos[i], &err) == 0);
		texts[i] = (struct script_text) { .name = infos[i].name,
			.unit = infos[i].unit,
			.source = source };
		hash_sha256(source, texts[i].key);
		list[count++] = &infos[i];
	}
	host_free(&host);
}

size_t programme_scripts(const struct script_info *const **ret)
{
	pthread_once(&once, load);
	*ret = list;
	return count;
}

/* count: there is none. */
static size_t find(struct str name)
{
	size_t i = 0;

	pthread_once(&once, load);
	while (i < count && !str_eq(infos[i].name, name))
		i++;
	return i;
}

const struct script_info *programme_script(struct str name)
{
	size_t i = find(name);

	return i < count ? &infos[i] : NULL;
}

const struct script_text *programme_script_text(struct str name)
{
	size_t i = find(name);

	return i < count ? &texts[i] : NULL;
}
