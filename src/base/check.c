/* SPDX-License-Identifier: Apache-2.0 */
/* The two asserts. A place that reports twice tells nothing new, so the default of unexpected()
 * keeps a table of the places it has seen; a hook set by a test gets every one. */
#include "base/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* There are far fewer unexpected() in the program; past it nothing is reported. */
#define PLACES_MAX 256

static _Atomic(check_hook *) require_hook;
static _Atomic(check_hook *) unexpected_hook;

static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	const char *file;
	int line;
} places[PLACES_MAX];
static int place_count;

static bool known_place(const char *file, int line)
{
	for (int i = 0; i < place_count; i++)
		if (places[i].line == line && strcmp(places[i].file, file) == 0)
			return true;
	return false;
}

/* Is it the first time that this place reports? Remembers it. */
static bool first_time(const char *file, int line)
{
	pthread_mutex_lock(&places_lock);
	bool first = place_count < PLACES_MAX && !known_place(file, line);
	if (first) {
		places[place_count].file = file;
		places[place_count++].line = line;
	}
	pthread_mutex_unlock(&places_lock);
	return first;
}

void check_set_require_hook(check_hook *hook)
{
	atomic_store(&require_hook, hook);
}

void check_set_unexpected_hook(check_hook *hook)
{
	atomic_store(&unexpected_hook, hook);
}

void check_require_failed(const char *what, const char *file, int line)
{
	check_hook *hook = atomic_load(&require_hook);
	if (hook)
		hook(what, file, line);
	else
		log_error("require(%s) does not hold at %s:%d", what, file, line);
	abort();
}

bool check_unexpected(const char *what, const char *file, int line)
{
	check_hook *hook = atomic_load(&unexpected_hook);
	if (hook)
		hook(what, file, line);
	else if (first_time(file, line))
		log_error("unexpected(%s) at %s:%d", what, file, line);
	return true;
}
