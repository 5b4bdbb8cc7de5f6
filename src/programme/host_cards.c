/* SPDX-License-Identifier: Apache-2.0 */
/* Cards that were written before. Members who stand alike see the same card: what card() says
 * follows from the programme and from the fields of the standing it read (G1), so while a script
 * runs the host notes which it reads, and a card is kept under the values of those alone. A stamp
 * card of ten has eleven faces a language, whoever looks at it.
 *
 * Invariants
 * K1  A kept card is found only by the same programme, the same load of its script, and the same
 *     values in all fields its script read: those are among the fields the programme has ever read,
 *     a set that only grows, and all of that set is compared. So a pure script says the same.
 * K2  A place holds one card: a new one takes the place of the old. What does not fit is not kept.
 */
#include <stdlib.h>
#include <string.h>

#include "programme/host_impl.h"

#define CARDS 2048      /* 1.2 MB a host; a power of two */
#define CARD_BYTES 448  /* a card in one language has 100 to 200 */
#define LANGUAGE_MAX 19 /* longer ones are not kept */

/* The values of the fields that are read; the others are zero. Compared as bytes: no padding. */
struct card_of {
	const struct host_programme *programme;
	uint64_t load; /* of its script */
	int64_t numbers[5];
	char joined_day[12];
	char language[LANGUAGE_MAX + 1];
};
_Static_assert(sizeof(struct card_of) == 2 * 8 + 5 * 8 + 12 + LANGUAGE_MAX + 1, "no padding");
struct kept_card {
	struct card_of of;
	bool none; /* it said that there is no card */
	unsigned short titles, texts;
	unsigned short len;
	char bytes[CARD_BYTES]; /* language and text, each with its NUL, titles first */
};

/* ---- the key ---- */

/* False: this standing is not kept. */
static bool key_of(const struct host_programme *programme, const struct standing *s,
	struct card_of *ret)
{
	const int64_t numbers[5] = { s->balance, s->available, s->held, s->debt, s->entries };
	uint32_t reads = programme->card_reads;

	memset(ret, 0, sizeof *ret);
	ret->programme = programme;
	ret->load = programme->script->load;
	for (int i = 0; i < 5; i++)
		if (reads >> (HOST_READ_BALANCE + i) & 1)
			ret->numbers[i] = numbers[i];
	if (reads >> HOST_READ_JOINED_DAY & 1)
		snprintf(ret->joined_day, sizeof ret->joined_day, "%s", s->joined_day);
	if (reads >> HOST_READ_LANGUAGE & 1) {
		if (s->language.len > LANGUAGE_MAX)
			return false;
		if (s->language.len)
			memcpy(ret->language, s->language.ptr, s->language.len);
	}
	return true;
}

static struct kept_card *place(struct host *host, const struct card_of *of)
{
	uint64_t words[sizeof *of / 8], h = 0;

	memcpy(words, of, sizeof words);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		h = (h ^ words[i]) * UINT64_C(0x9E3779B97F4A7C15), h ^= h >> 29;
	return &host->cards[h & (CARDS - 1)];
}

/* ---- bytes ---- */

static bool pack(struct kept_card *kept, struct str s)
{
	if (s.len + 1 > CARD_BYTES - (size_t)kept->len || memchr(s.ptr, '\0', s.len))
		return false;
	memcpy(kept->bytes + kept->len, s.ptr, s.len);
	kept->len = (unsigned short)(kept->len + s.len);
	kept->bytes[kept->len++] = '\0';
	return true;
}

static bool pack_texts(struct kept_card *kept, const struct texts *texts)
{
	bool fits = true;

	for (size_t i = 0; i < texts->count && fits; i++)
		fits = pack(kept, texts->list[i].language) && pack(kept, texts->list[i].text);
	return fits;
}

static const char *next(const char *at, struct str *ret)
{
	*ret = str_of(at);
	return at + ret->len + 1;
}

/* Points into a copy of the bytes, which is the caller's. */
static bool unpack(const struct kept_card *kept, struct arena *arena, struct card *ret)
{
	size_t count = (size_t)kept->titles + kept->texts;
	struct local_text *list = arena_array(arena, count, sizeof *list);
	char *bytes = arena_alloc(arena, kept->len);

	if (!list || !bytes)
		return false;
	memcpy(bytes, kept->bytes, kept->len);
	const char *at = bytes;
	for (size_t i = 0; i < count; i++)
		at = next(next(at, &list[i].language), &list[i].text);
	ret->title = (struct texts) { list, kept->titles };
	ret->text = (struct texts) { list + kept->titles, kept->texts };
	return true;
}

/* ---- the doors ---- */

enum host_kept_found host_cards_find(struct host *host, const struct host_programme *programme,
	const struct standing *standing, struct arena *arena, struct card *ret)
{
	struct card_of of;

	if (!host->cards || !programme->card_reads || !key_of(programme, standing, &of))
		return KEPT_NOT;
	const struct kept_card *kept = place(host, &of);
	if (memcmp(&kept->of, &of, sizeof of) != 0)
		return KEPT_NOT;
	if (kept->none)
		return KEPT_NO_CARD;
	return unpack(kept, arena, ret) ? KEPT_CARD : KEPT_NOT;
}

void host_cards_keep(struct host *host, struct host_programme *programme,
	const struct standing *standing, const struct card *card)
{
	struct kept_card *kept;
	struct card_of of;

	programme->card_reads |= host->standing_reads | HOST_READ_SOMETHING;
	if (!host->cards)
		host->cards = calloc(CARDS, sizeof *host->cards);
	if (!host->cards || !key_of(programme, standing, &of))
		return;
	kept = place(host, &of);
	kept->of.programme = NULL; /* nobody finds it, should this one not fit */
	kept->none = !card;
	kept->len = 0;
	if (card) {
		kept->titles = (unsigned short)card->title.count;
		kept->texts = (unsigned short)card->text.count;
		if (!pack_texts(kept, &card->title) || !pack_texts(kept, &card->text))
			return;
	}
	kept->of = of;
}
