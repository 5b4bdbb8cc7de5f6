/* SPDX-License-Identifier: Apache-2.0 */
/* Words: each different text of a file once, by number. A hash table of numbers with open
 * addressing. */
#include <stdlib.h>

#include "app/replay_impl.h"

#define SLOTS_FIRST 1024

/* FNV-1a: the texts are a shop's own, nobody gains by making them meet. */
uint32_t words_hash(struct str text)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * 16777619u;
	return hash;
}

/* Where a text stands, or would. */
static uint32_t *slot_of(const struct words *words, struct str text)
{
	uint32_t i = words_hash(text) & (words->slot_count - 1);

	while (words->slots[i] != REPLAY_NONE && !str_eq(words->list[words->slots[i]], text))
		i = (i + 1) & (words->slot_count - 1);
	return &words->slots[i];
}

/* Twice the slots, at most half of them taken. */
static bool grow(struct words *words)
{
	uint32_t slot_count = words->slot_count ? words->slot_count * 2 : SLOTS_FIRST;
	uint32_t *slots = malloc(slot_count * sizeof(*slots));
	struct str *list = realloc(words->list, slot_count / 2 * sizeof(*list));

	if (list)
		words->list = list;
	if (!slots || !list) {
		free(slots);
		return false;
	}
	free(words->slots);
	words->slots = slots;
	words->slot_count = slot_count;
	words->cap = slot_count / 2;
	for (uint32_t i = 0; i < slot_count; i++)
		slots[i] = REPLAY_NONE;
	for (uint32_t n = 0; n < words->count; n++)
		*slot_of(words, words->list[n]) = n;
	return true;
}

bool words_init(struct words *words, size_t bytes_max)
{
	*words = (struct words) { .arena = arena_new(bytes_max) };
	return words->arena && grow(words);
}

void words_done(struct words *words)
{
	arena_free(&words->arena);
	free(words->slots);
	free(words->list);
	*words = (struct words) { 0 };
}

uint32_t words_add(struct words *words, struct str text)
{
	uint32_t *slot = slot_of(words, text);

	if (*slot != REPLAY_NONE)
		return *slot;
	if (words->count == words->cap) {
		if (words->count >= REPLAY_NONE / 4 || !grow(words))
			return REPLAY_NONE;
		slot = slot_of(words, text);
	}
	words->list[words->count] = arena_str(words->arena, text);
	if (!words->list[words->count].ptr)
		return REPLAY_NONE;
	return *slot = words->count++;
}

struct str replay_cut(struct str text, size_t max)
{
	size_t n = text.len < max ? text.len : max;

	while (n > 0 && n < text.len && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
		n--;
	return str_first(text, n);
}
