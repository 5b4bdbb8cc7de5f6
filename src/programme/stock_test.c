/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cases that stand beside each stock script, lua/programmes/NAME_test.json:
 *     {"parameters": {...}, "cases": [{"name":..,
 *       "parameters": {...} instead of, or "with": {...} on top of, those of the file,
 *       "sale": {"total"?, "lines"?: [{sku, gtin, category, quantity (thousandths), amount}]},
 *           "earns": 0 for nothing, "expires_days"?
 *       "standing": {...}, "due": null or {cost, code, name (in nl)}, "card": {language: text}
 *       "ask": {language: text}
 *       "refused": what params_check() says, place first}]} */
#include <stdio.h>
#include <string.h>

#include "programme/host_fixture_impl.h"

#define LINES_MAX 8

struct bench {
	struct host *host;
	struct arena *arena;
	struct script_info info;
	id_t64 programmes;
	struct err err;
	const char *row;
};

static struct str read_file(struct arena *arena, const char *name)
{
	char path[400];
	struct buf buf;
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", SOURCE_ROOT, name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s is not there", path);
	buf_init(&buf, arena, 1 << 20);
	for (int c; (c = fgetc(file)) != EOF;)
		buf_char(&buf, (char)c);
	fclose(file);
	assert_false(buf.failed);
	return arena_str(arena, buf_str(&buf));
}

/* ---- parameters ---- */

/* The file's parameters with those of the case instead or on top. */
static const struct json *parameters_of(struct bench *b, const struct json *file,
	const struct json *row)
{
	const struct json *with = json_get(row, "with"), *whole = json_get(row, "parameters");
	const struct json *base = json_get(file, "parameters");
	struct json *merged = arena_make(b->arena, struct json), **tail = &merged->first;

	if (whole || !with)
		return whole ? whole : base;
	*merged = (struct json) { .type = JSON_OBJECT };
	for (int part = 0; part < 2; part++) {
		for (const struct json *m = (part ? with : base)->first; m; m = m->next) {
			char name[100];
			snprintf(name, sizeof name, "%.*s", STR_ARG(m->name));
			if (!part && json_get(with, name))
				continue;
			*tail = arena_make(b->arena, struct json);
			**tail = *m;
			(*tail)->next = NULL;
			tail = &(*tail)->next;
			merged->count++;
		}
	}
	return merged;
}

static void check_refusal(struct bench *b, const struct json *parameters, struct str expected)
{
	struct str canonical;
	char said[400];
	int rc = params_check(b->arena, &b->info, parameters, STR("/parameters"), &canonical,
		&b->err);

	assert_row(b->row, rc == ERR_INVALID || rc == ERR_UNKNOWN_FIELD);
	snprintf(said, sizeof said, "%s %s", b->err.at, b->err.text);
	if (!str_is(expected, said))
		fail_msg("row \"%s\": %s", b->row, said);
}

static struct host_programme *programme_of(struct bench *b, const struct json *parameters)
{
	static const struct local_text titles[] = { { STR_INIT("nl"), STR_INIT("Actie") } };
	const struct texts title = { titles, 1 };
	struct host_programme_key key = { ++b->programmes, 1, 0 };
	struct host_programme *programme = NULL;
	struct str canonical;

	if (params_check(b->arena, &b->info, parameters, STR(""), &canonical, &b->err) < 0 ||
		host_programme(b->host, key, b->info.name, canonical, STR("x"), &title, &programme,
			&b->err) < 0)
		fail_msg("row \"%s\": %s %s", b->row, b->err.at, b->err.text);
	return programme;
}

/* ---- what is given ---- */

static int64_t whole(const struct json *object, const char *name, int64_t otherwise)
{
	const struct json *member = object ? json_get(object, name) : NULL;
	return member ? member->integer : otherwise;
}

static struct str text(const struct json *object, const char *name)
{
	const struct json *member = json_get(object, name);
	return member ? member->string : (struct str) { "", 0 };
}

static struct basket basket_of(const struct json *sale, struct basket_line *lines)
{
	struct basket basket = { .currency = STR("EUR"),
		.lines = lines,
		.day = "2026-11-21",
		.weekday = 6 };
	const struct json *list = json_get(sale, "lines");

	for (const struct json *l = list ? list->first : NULL; l; l = l->next) {
		assert_true(basket.count < LINES_MAX);
		lines[basket.count++] = (struct basket_line) { .id = STR("1"),
			.sku = text(l, "sku"),
			.gtin = text(l, "gtin"),
			.category = text(l, "category"),
			.quantity = whole(l, "quantity", 1000),
			.amount = whole(l, "amount", 0) };
		basket.total += whole(l, "amount", 0);
	}
	basket.total = whole(sale, "total", basket.total);
	return basket;
}

static struct standing standing_of(const struct json *row)
{
	const struct json *given = json_get(row, "standing");
	int64_t available = whole(given, "available", 0);

	return (struct standing) { .available = available,
		.balance = whole(given, "balance", available),
		.held = whole(given, "held", 0),
		.debt = whole(given, "debt", 0),
		.language = STR("nl") };
}

/* ---- what comes back ---- */

static void check_sale(struct bench *b, struct host_programme *programme, const struct json *row)
{
	struct basket_line lines[LINES_MAX];
	struct basket basket = basket_of(json_get(row, "sale"), lines);
	struct standing standing = standing_of(row);
	struct effects effects;
	int64_t earns = whole(row, "earns", -1);

	assert_ok(host_sale(b->host, programme, &basket, &standing, b->arena, &effects, &b->err),
		&b->err);
	assert_row(b->row, effects.count == (earns > 0 ? 1 : 0));
	if (earns == 0)
		return;
	assert_row(b->row, effects.list[0].type == EFFECT_EARN);
	assert_row(b->row, effects.list[0].amount == earns);
	assert_row(b->row, effects.list[0].expires_days == whole(row, "expires_days", 0));
}

static void check_due(struct bench *b, struct host_programme *programme, const struct json *row)
{
	const struct json *due = json_get(row, "due");
	struct standing standing = standing_of(row);
	struct offer offer;
	int rc = host_due(b->host, programme, &standing, b->arena, &offer, &b->err);

	assert_row(b->row, rc == (due->type == JSON_NULL ? 1 : 0));
	if (rc == 1)
		return;
	assert_row(b->row, offer.cost == whole(due, "cost", 0));
	assert_row(b->row, str_eq(offer.code, text(due, "code")));
	assert_row(b->row,
		str_eq(texts_pick(&offer.name, STR("nl"), STR("en")), text(due, "name")));
}

/* Four languages, and those of the case as it says. */
static void check_card(struct bench *b, const struct card *card, const struct json *expected)
{
	assert_row(b->row, card->text.count == 4 && card->title.count == 1);
	for (const struct json *m = expected->first; m; m = m->next) {
		struct str said = texts_pick(&card->text, m->name, STR(""));
		if (!str_eq(said, m->string))
			fail_msg("row \"%s\": %.*s", b->row, STR_ARG(said));
	}
}

/* To somebody whose language it has, a card is written in that one alone. */
static void check_spoken(struct bench *b, struct host_programme *programme,
	struct standing *standing, const struct json *expected)
{
	struct card card;

	for (const struct json *m = expected->first; m; m = m->next) {
		standing->language = m->name;
		assert_ok(host_card(b->host, programme, standing, b->arena, &card, &b->err),
			&b->err);
		assert_row(b->row,
			card.text.count == 1 && str_eq(card.text.list[0].text, m->string));
	}
}

static void check_case(struct bench *b, const struct json *file, const struct json *row)
{
	const struct json *parameters = parameters_of(b, file, row), *expected;
	struct standing standing = standing_of(row);
	struct card card;

	if ((expected = json_get(row, "refused")) != NULL) {
		check_refusal(b, parameters, expected->string);
		return;
	}
	struct host_programme *programme = programme_of(b, parameters);
	if (json_get(row, "sale"))
		check_sale(b, programme, row);
	if (json_get(row, "due"))
		check_due(b, programme, row);
	if ((expected = json_get(row, "card")) != NULL) {
		standing.language =
			STR("xx"); /* nobody speaks it: the card says it in all it has */
		assert_ok(host_card(b->host, programme, &standing, b->arena, &card, &b->err),
			&b->err);
		check_card(b, &card, expected);
		check_spoken(b, programme, &standing, expected);
	}
	if ((expected = json_get(row, "ask")) != NULL) {
		assert_ok(host_ask(b->host, programme, b->arena, &card, &b->err), &b->err);
		check_card(b, &card, expected);
	}
}

/* ---- one test a script ---- */

/* The office reads nl, fr, de and en: a stock script says everything in the four. */
static void check_complete(const struct texts *texts, const char *of)
{
	static const char *const languages[] = { "nl", "fr", "de", "en" };

	for (size_t l = 0; l < 4; l++) {
		bool there = false;
		for (size_t i = 0; i < texts->count; i++)
			there = there || str_is(texts->list[i].language, languages[l]);
		if (!there)
			fail_msg("%s lacks a text in %s", of, languages[l]);
	}
}

static void check_declaration(const struct script_info *info)
{
	check_complete(&info->title, info->name.ptr);
	check_complete(&info->help, info->name.ptr);
	for (size_t i = 0; i < info->param_count; i++) {
		check_complete(&info->params[i].title, info->params[i].name.ptr);
		if (info->params[i].help.count > 0)
			check_complete(&info->params[i].help, info->params[i].name.ptr);
	}
}

static const struct stock_script *find(const char *name)
{
	for (size_t i = 0; i < stock_script_count; i++)
		if (strcmp(stock_scripts[i].name, name) == 0)
			return &stock_scripts[i];
	fail_msg("%s is not built in", name);
	return NULL;
}

static void run(const char *name)
{
	const struct stock_script *script = find(name);
	struct bench b = { .arena = arena_new((size_t)16 << 20) };
	struct json *file;
	char cases[80];

	snprintf(cases, sizeof cases, "lua/programmes/%s_test.json", name);
	assert_non_null(b.arena);
	assert_ok(host_new(NULL, &b.host, &b.err), &b.err);
	assert_ok(host_load(b.host, str_of(name), str_bytes(script->source, script->len), b.arena,
			  &b.info, &b.err),
		&b.err);
	check_declaration(&b.info);
	assert_ok(json_parse(b.arena, read_file(b.arena, cases), &file, &b.err), &b.err);
	for (const struct json *row = json_get(file, "cases")->first; row; row = row->next) {
		char label[100];
		snprintf(label, sizeof label, "%s: %.*s", name,
			STR_ARG(json_get(row, "name")->string));
		b.row = label;
		check_case(&b, file, row);
	}
	host_free(&b.host);
	arena_free(&b.arena);
}

static void stamps(void **state)
{
	run("stamps");
}
static void points(void **state)
{
	run("points");
}
static void visits(void **state)
{
	run("visits");
}
static void spend(void **state)
{
	run("spend");
}

/* The script in the how-to page is one that works. */
static void documented_example(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	char *page = (char *)read_file(f.arena, "docs/add/programme.md").ptr;
	char *source = strstr(page, "```lua\n");
	assert_non_null(source);
	source += strlen("```lua\n");
	*strstr(source, "```") = '\0';
	assert_ok(fixture_load(&f, "example", source), &f.err);
	assert_int_equal(fixture_earns(&f, fixture_programme(&f, "example", "{\"needed\":5}")), 1);
	fixture_done(&f);
}

int main(void)
{
	return TEST_MAIN(test(stamps), test(points), test(visits), test(spend),
		test(documented_example));
}
