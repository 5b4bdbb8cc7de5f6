/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that belongs to a lifetime: a request, a unit, a command. Everything made in an arena goes
 * with it at once. An arena has a maximum; past it arena_alloc() returns NULL and the caller says
 * ERR_NO_MEMORY. Not for use by two threads at the same time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

/* Makes an arena that hands out at most max bytes. NULL if there is no memory. */
struct arena *arena_new(size_t max);
/* Frees everything made in it and sets *arena to NULL. NULL is allowed. */
void arena_free(struct arena **arena);
/* Keeps the first block, forgets what was made; for use in a loop. */
void arena_reset(struct arena *arena);
/* Zeroed memory, aligned for any type, valid until the arena is freed or reset. NULL at the
 * maximum. */
void *arena_alloc(struct arena *arena, size_t size);
/* count things of size bytes; NULL also if the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy of s in the arena, NUL after its last byte; an empty str with ptr NULL if out of
 * memory. */
struct str arena_str(struct arena *arena, struct str s);
/* A printed string in the arena; ptr NULL if out of memory. */
struct str arena_printf(struct arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* How many bytes were handed out. */
size_t arena_used(const struct arena *arena);

/* Tests: the n-th arena_alloc() from now on, in this thread, returns NULL (once); 0 switches it
 * off. Returns how many allocations were made since the last call. */
size_t arena_fail_nth(size_t n);

#define arena_make(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/* struct arena *a ARENA_AUTO = arena_new(...): freed at the end of the scope. */
#define ARENA_AUTO __attribute__((cleanup(arena_free)))

#endif
