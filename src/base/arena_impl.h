/* SPDX-License-Identifier: Apache-2.0 */
/* What buf.c may do with an arena: memory that is not zeroed, and growing the newest allocation. */
#ifndef BASE_ARENA_IMPL_H
#define BASE_ARENA_IMPL_H

#include "base/arena.h"

/* Like arena_alloc(), but not zeroed. */
void *arena_take(struct arena *arena, size_t size);
/* ptr, made with `old` bytes, becomes `size` bytes (size > old): where it stands if it was the
 * newest and there is room, else a copy elsewhere. The new bytes are not zeroed. NULL at the
 * maximum. */
void *arena_grow(struct arena *arena, void *ptr, size_t old, size_t size);

#endif
