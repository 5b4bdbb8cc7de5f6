/* SPDX-License-Identifier: Apache-2.0 */
/* What a sale earned, as it is kept beside the sale: for each programme the version and arm that
 * looked at it, the standing it saw, and what it gave into which lot. A return shows that version
 * the same standing with what remains of the basket, so what is taken back follows from the sale
 * alone, whatever happened to the member since.
 *
 * As bytes: the format (1), then for each programme its fields as integers of seven bits a byte,
 * low bits first, signs folded in (zigzag); of the standing the language as a length and its bytes.
 *
 * To add a field: format 2, which reads format 1 as well; rows are never rewritten for it. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "codec/date.h"
#include "visit/visit_impl.h"

#define FORMAT 1
#define INTEGER_BYTES 10
#define LANGUAGE_MAX 35 /* BCP 47 */
/* programme, version, arm, five of the standing, the day joined, lots */
#define FIXED_INTEGERS 10
#define SETTLED_BYTES ((FIXED_INTEGERS + 2 * EFFECTS_MAX) * INTEGER_BYTES + 1 + LANGUAGE_MAX)

int64_t settled_total(const struct settled *settled)
{
	int64_t sum = 0;

	for (size_t i = 0; i < settled->lot_count; i++)
		sum += settled->lots[i].amount;
	return sum;
}

int settlement_init(struct settlement *settlement, struct arena *arena, size_t max, struct err *err)
{
	*settlement = (struct settlement) { .max = max };
	settlement->list = arena_array(arena, max ? max : 1, sizeof(*settlement->list));
	return settlement->list ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for a settlement");
}

/* ---- writing ---- */

static unsigned char *put_int(unsigned char *out, int64_t value)
{
	uint64_t left = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);

	for (; left >= 0x80; left >>= 7)
		*out++ = (unsigned char)(left | 0x80);
	*out++ = (unsigned char)left;
	return out;
}

static int64_t day_joined(const struct standing *seen)
{
	struct date day;

	return date_read(str_of(seen->joined_day), &day) ? date_days(day) : 0;
}

static unsigned char *put_settled(unsigned char *out, const struct settled *s)
{
	const struct standing *seen = &s->seen;
	const int64_t fixed[FIXED_INTEGERS] = { s->programme, s->version, s->arm, seen->balance,
		seen->available, seen->held, seen->debt, seen->entries, day_joined(seen),
		(int64_t)s->lot_count };
	size_t language = seen->language.len < LANGUAGE_MAX ? seen->language.len : LANGUAGE_MAX;

	for (size_t i = 0; i < FIXED_INTEGERS; i++)
		out = put_int(out, fixed[i]);
	*out++ = (unsigned char)language;
	if (language)
		memcpy(out, seen->language.ptr, language);
	out += language;
	for (size_t i = 0; i < s->lot_count; i++)
		out = put_int(put_int(out, s->lots[i].amount), s->lots[i].lot);
	return out;
}

int settlement_pack(const struct settlement *settlement, struct arena *arena, struct str *ret,
	struct err *err)
{
	unsigned char *bytes, *end;

	*ret = STR("");
	if (settlement->count == 0)
		return 0;
	bytes = arena_alloc(arena, 1 + settlement->count * SETTLED_BYTES);
	if (!bytes)
		return err_set(err, ERR_NO_MEMORY, "no memory for a settlement");
	end = bytes;
	*end++ = FORMAT;
	for (size_t i = 0; i < settlement->count; i++)
		end = put_settled(end, &settlement->list[i]);
	*ret = str_bytes(bytes, (size_t)(end - bytes));
	return 0;
}

/* ---- reading ---- */

struct reading {
	const unsigned char *at, *end;
	bool broken;
};

static int64_t get_int(struct reading *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (r->at == r->end)
			break;
		unsigned char byte = *r->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
	}
	r->broken = true;
	return 0;
}

static void get_day(int64_t days, char out[12])
{
	struct date day = date_of_days(days);

	if (days)
		snprintf(out, 12, "%04u-%02u-%02u", (unsigned)day.year % 10000,
			(unsigned)day.month % 100, (unsigned)day.day % 100);
}

static void get_standing(struct reading *r, struct standing *ret)
{
	ret->balance = get_int(r);
	ret->available = get_int(r);
	ret->held = get_int(r);
	ret->debt = get_int(r);
	ret->entries = get_int(r);
	get_day(get_int(r), ret->joined_day);
}

static void get_language(struct reading *r, struct standing *ret)
{
	size_t len = r->at < r->end ? *r->at++ : 0;

	if (len > (size_t)(r->end - r->at)) {
		r->broken = true;
		return;
	}
	ret->language = str_bytes(r->at, len);
	r->at += len;
}

static int get_settled(struct reading *r, struct arena *arena, struct settled *ret, struct err *err)
{
	*ret = (struct settled) { .programme = get_int(r) };
	ret->version = (int32_t)get_int(r);
	ret->arm = (int32_t)get_int(r);
	get_standing(r, &ret->seen);
	int64_t lots = get_int(r);
	get_language(r, &ret->seen);
	if (r->broken || lots < 0 || lots > EFFECTS_MAX)
		return err_set(err, ERR_BROKEN, "a sale's settlement cannot be read");
	ret->lots = arena_array(arena, (size_t)lots + 1, sizeof(*ret->lots));
	if (!ret->lots)
		return err_set(err, ERR_NO_MEMORY, "no memory for a settlement");
	for (; ret->lot_count < (size_t)lots; ret->lot_count++) {
		ret->lots[ret->lot_count].amount = get_int(r);
		ret->lots[ret->lot_count].lot = get_int(r);
	}
	return r->broken ? err_set(err, ERR_BROKEN, "a sale's settlement is cut off") : 0;
}

int settlement_read(struct str bytes, struct arena *arena, struct settlement *ret, struct err *err)
{
	struct str copy = arena_str(arena, bytes); /* texts point into it */
	struct reading r;
	int rc = settlement_init(ret, arena, 0, err);

	if (rc < 0 || bytes.len == 0)
		return rc;
	if (!copy.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a settlement");
	r = (struct reading) { (const unsigned char *)copy.ptr + 1,
		(const unsigned char *)copy.ptr + copy.len, false };
	if (copy.ptr[0] != FORMAT)
		return err_set(err, ERR_BROKEN, "a sale's settlement has format %d", copy.ptr[0]);
	/* the shortest takes a byte an integer and one for the language */
	rc = settlement_init(ret, arena, copy.len / (FIXED_INTEGERS + 1), err);
	while (rc == 0 && r.at < r.end && ret->count < ret->max)
		rc = get_settled(&r, arena, &ret->list[ret->count++], err);
	if (rc == 0 && r.at < r.end)
		return err_set(err, ERR_BROKEN, "a sale's settlement is cut off");
	return rc;
}
