/* SPDX-License-Identifier: Apache-2.0 */
/* A bump allocator over a chain of blocks.
 *
 * The first block also holds the arena itself; most requests need no other. Freed ones wait in a
 * pool for the next arena, of any thread: malloc() would give their pages back to the system and
 * take them again, request by request, which cost a quarter of a sale's processor time. Later
 * blocks double up to BLOCK_MAX; what is larger than a block gets its own. Memory is zeroed when it
 * is handed out, never a whole block.
 *
 * Invariants
 * A1  block->len <= block->cap, and both are multiples of ALIGN.
 * A2  arena->used is the sum of what was handed out, rounded up to ALIGN except at the maximum.
 * A3  only the newest block is handed out from; what was left of older ones is lost until the
 * reset.
 * A4  an arena in the pool is blank but for its link; at most POOL_MAX are there. */
#include "base/arena.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena_impl.h"

#define ALIGN 16
#define FIRST_SIZE ((size_t)64 << 10) /* with the arena's own fields; a sale takes 35 to 60 kB */
#define BLOCK_MAX ((size_t)1 << 20)

struct block {
	struct block *next; /* the older one */
	size_t len;
	size_t cap;
	alignas(ALIGN) char bytes[];
};

struct arena {
	struct block *newest;
	size_t max;
	size_t used;
	struct arena *pooled; /* the next one in the pool */
	struct block first;
};

/* ---- the pool ---- */

/* 12 MB: more requests are rarely under way, and idle memory is memory too. A sanitizer sees a
 * use after the end only if memory really goes. */
#ifdef __SANITIZE_ADDRESS__
#define POOL_MAX 0
#else
#define POOL_MAX 192
#endif

static struct {
	pthread_mutex_t lock;
	struct arena *first;
	int count;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct arena *pool_take(void)
{
	pthread_mutex_lock(&pool.lock);
	struct arena *arena = pool.first;
	if (arena) {
		pool.first = arena->pooled;
		pool.count--;
	}
	pthread_mutex_unlock(&pool.lock);
	return arena;
}

/* false: it is full. */
static bool pool_give(struct arena *arena)
{
	pthread_mutex_lock(&pool.lock);
	bool taken = pool.count < POOL_MAX;
	if (taken) {
		arena->pooled = pool.first;
		pool.first = arena;
		pool.count++;
	}
	pthread_mutex_unlock(&pool.lock);
	return taken;
}

/* ---- blocks ---- */

static _Thread_local size_t fail_countdown;
static _Thread_local size_t alloc_count;

static size_t round_up(size_t size)
{
	return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

struct arena *arena_new(size_t max)
{
	struct arena *arena = pool_take();
	if (!arena && !(arena = malloc(FIRST_SIZE)))
		return NULL;
	arena->newest = &arena->first;
	arena->max = max;
	arena->used = 0;
	arena->first.next = NULL;
	arena->first.len = 0;
	arena->first.cap = FIRST_SIZE - sizeof(struct arena);
	return arena;
}

void arena_reset(struct arena *arena)
{
	while (arena->newest != &arena->first) {
		struct block *block = arena->newest;
		arena->newest = block->next;
		free(block);
	}
	arena->first.len = 0;
	arena->used = 0;
}

void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	arena_reset(*arena);
	if (!pool_give(*arena))
		free(*arena);
	*arena = NULL;
}

/* Is this the allocation a test wants to see fail? */
static bool fails_now(void)
{
	alloc_count++;
	return fail_countdown > 0 && --fail_countdown == 0;
}

size_t arena_fail_nth(size_t n)
{
	size_t made = alloc_count;
	alloc_count = 0;
	fail_countdown = n;
	return made;
}

/* Puts a block of at least size bytes in front. */
static bool add_block(struct arena *arena, size_t size)
{
	size_t cap = arena->newest->cap * 2;
	if (cap > BLOCK_MAX)
		cap = BLOCK_MAX;
	if (cap < size)
		cap = size;
	struct block *block = malloc(sizeof *block + cap);
	if (!block)
		return false;
	block->next = arena->newest;
	block->len = 0;
	block->cap = cap;
	arena->newest = block;
	return true;
}

/* arena_take(), unseen by arena_fail_nth(). */
static void *take(struct arena *arena, size_t size)
{
	size_t left = arena->max - arena->used;
	if (size > left)
		return NULL;
	size_t rounded = round_up(size);
	if (rounded > arena->newest->cap - arena->newest->len && !add_block(arena, rounded))
		return NULL;
	void *ptr = arena->newest->bytes + arena->newest->len;
	arena->newest->len += rounded;
	arena->used += rounded < left ? rounded : left;
	return ptr;
}

void *arena_take(struct arena *arena, size_t size)
{
	return fails_now() ? NULL : take(arena, size);
}

/* Makes the newest allocation longer where it stands. */
static bool extend(struct arena *arena, void *ptr, size_t old, size_t size)
{
	struct block *block = arena->newest;
	size_t more = round_up(size) - round_up(old);
	if ((char *)ptr + round_up(old) != block->bytes + block->len)
		return false;
	if (more > block->cap - block->len || more > arena->max - arena->used)
		return false;
	block->len += more;
	arena->used += more;
	return true;
}

void *arena_grow(struct arena *arena, void *ptr, size_t old, size_t size)
{
	if (fails_now())
		return NULL;
	if (ptr && extend(arena, ptr, old, size))
		return ptr;
	void *copy = take(arena, size);
	if (copy && old)
		memcpy(copy, ptr, old);
	return copy;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *ptr = arena_take(arena, size);
	return ptr ? memset(ptr, 0, size) : NULL;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return arena_alloc(arena, bytes);
}

struct str arena_str(struct arena *arena, struct str s)
{
	char *copy = s.len < SIZE_MAX ? arena_take(arena, s.len + 1) : NULL;
	if (!copy)
		return (struct str) { NULL, 0 };
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return (struct str) { copy, s.len };
}

struct str arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	char *text = len < 0 ? NULL : arena_take(arena, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	va_end(args);
	return (struct str) { text, text ? (size_t)len : 0 };
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}
