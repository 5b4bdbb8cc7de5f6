/* SPDX-License-Identifier: Apache-2.0 */
#include "programme/params_impl.h"
#include "tests/support/test.h"

static const struct local_text many[] = {
	{ STR_INIT("de"), STR_INIT("deutsch") },
	{ STR_INIT("en"), STR_INIT("english") },
	{ STR_INIT("fr-BE"), STR_INIT("belge") },
	{ STR_INIT("nl"), STR_INIT("nederlands") },
	{ STR_INIT("nl-BE"), STR_INIT("vlaams") },
};

static const struct {
	const char *name;
	size_t first, count; /* of many */
	const char *language, *otherwise, *picked;
} picks[] = {
	{ "exact", 0, 5, "nl", "fr", "nederlands" },
	{ "exact with country", 0, 5, "nl-BE", "fr", "vlaams" },
	{ "another country", 0, 5, "nl-NL", "fr", "nederlands" },
	{ "the other language", 0, 5, "es", "nl", "nederlands" },
	{ "the other language's country", 0, 5, "es", "de-AT", "deutsch" },
	{ "a country's text is not the language's", 0, 5, "fr", "xx", "english" },
	{ "English", 0, 5, "es", "it", "english" },
	{ "no language", 0, 5, "", "", "english" },
	{ "the first", 2, 3, "es", "it", "belge" },
	{ "one", 3, 1, "es", "it", "nederlands" },
	{ "none", 0, 0, "nl", "fr", "" },
	{ "one letter", 0, 5, "n", "", "english" },
};

static void picks_a_text(void **state)
{
	for (size_t i = 0; i < sizeof picks / sizeof *picks; i++) {
		const struct texts texts = { many + picks[i].first, picks[i].count };
		struct str picked =
			texts_pick(&texts, str_of(picks[i].language), str_of(picks[i].otherwise));
		if (!str_is(picked, picks[i].picked))
			fail_msg("row \"%s\": %.*s", picks[i].name, STR_ARG(picked));
	}
}

static void knows_a_language(void **state)
{
	static const char *const good[] = { "nl", "en", "nl-BE", "zz-ZZ" };
	static const char *const bad[] = { "", "n", "NL", "nld", "nl-", "nl-B", "nl_BE", "nl-be",
		"nl-BEL", "1l" };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_row(good[i], texts_is_language(str_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_row(bad[i], !texts_is_language(str_of(bad[i])));
}

static void sorts_by_language(void **state)
{
	struct local_text list[] = { many[4], many[1], many[3], many[0], many[2] };

	texts_sort(list, 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(str_eq(list[i].language, many[i].language));
	texts_sort(NULL, 0);
}

int main(void)
{
	return TEST_MAIN(test(picks_a_text), test(knows_a_language), test(sorts_by_language));
}
