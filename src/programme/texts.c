/* SPDX-License-Identifier: Apache-2.0 */
/* Texts by language. */
#include <stdlib.h>

#include "programme/params_impl.h"

/* ---- choosing ---- */

static const struct local_text *find(const struct texts *texts, struct str language)
{
	for (size_t i = 0; i < texts->count; i++)
		if (str_eq(texts->list[i].language, language))
			return &texts->list[i];
	return NULL;
}

static const struct local_text *find_or_plain(const struct texts *texts, struct str language)
{
	const struct local_text *found = find(texts, language);
	return found ? found : find(texts, str_first(language, 2));
}

struct str texts_pick(const struct texts *texts, struct str language, struct str otherwise)
{
	if (texts->count == 0)
		return (struct str) { "", 0 };
	const struct local_text *found = find_or_plain(texts, language);
	if (!found)
		found = find_or_plain(texts, otherwise);
	if (!found)
		found = find(texts, STR("en"));
	return found ? found->text : texts->list[0].text;
}

/* ---- shared by the room ---- */

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

bool texts_is_language(struct str s)
{
	if (s.len != 2 && s.len != 5)
		return false;
	if (!is_lower(s.ptr[0]) || !is_lower(s.ptr[1]))
		return false;
	return s.len == 2 || (s.ptr[2] == '-' && is_upper(s.ptr[3]) && is_upper(s.ptr[4]));
}

static int by_language(const void *a, const void *b)
{
	return str_cmp(((const struct local_text *)a)->language,
		((const struct local_text *)b)->language);
}

void texts_sort(struct local_text *list, size_t count)
{
	if (count > 1)
		qsort(list, count, sizeof *list, by_language);
}

bool texts_copy(const struct texts *from, struct arena *arena, struct texts *ret)
{
	struct local_text *list = arena_array(arena, from->count, sizeof *list);
	bool whole = list != NULL;

	for (size_t i = 0; whole && i < from->count; i++) {
		list[i].language = arena_str(arena, from->list[i].language);
		list[i].text = arena_str(arena, from->list[i].text);
		whole = list[i].language.ptr && list[i].text.ptr;
	}
	*ret = (struct texts) { .list = list, .count = from->count };
	return whole;
}

void texts_json(const struct texts *texts, struct json_out *out, const char *name)
{
	json_out_object(out, name);
	for (size_t i = 0; i < texts->count; i++) {
		json_out_name(out, texts->list[i].language);
		json_out_text(out, NULL, texts->list[i].text);
	}
	json_out_object_end(out);
}
