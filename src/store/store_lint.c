/* SPDX-License-Identifier: Apache-2.0 */
/* See store_lint.h. A text is cut into words, numbers, parameters, strings, tokens of the schema
 * and signs; the rules look at those.
 *
 * Invariants
 *   L1 tokens point into the text; case is ignored when they are compared
 *   L2 a text with more than TOKENS_MAX tokens is itself a fault, so nothing is ever left unseen */
#include "store/store_lint.h"

#include <stdio.h>
#include <strings.h>

#include "base/num.h"

#define TOKENS_MAX 1024
#define PARAMETERS_MAX 64

enum kind { WORD, NUMBER, PARAMETER, STRING, BRACE, SIGN };

struct token {
	enum kind kind;
	struct str text;
	bool glued; /* nothing between it and the one before */
};

struct text {
	const char *name, *sql;
	enum store_reach reach;
	bool migration;
	struct token tokens[TOKENS_MAX];
	int count;
};

/* ---- cutting ---- */

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t run_of(const char *s, bool (*is)(char c))
{
	size_t n = 0;
	while (is(s[n]))
		n++;
	return n;
}

static bool word_part(char c)
{
	return letter(c) || digit(c);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* From an opening sign up to and with its end. */
static size_t up_to(const char *s, char end)
{
	const char *at = strchr(s + 1, end);
	return at ? (size_t)(at - s) + 1 : strlen(s);
}

static size_t cut_one(const char *s, enum kind *ret)
{
	if (letter(*s))
		return *ret = WORD, run_of(s, word_part);
	if (digit(*s))
		return *ret = NUMBER, run_of(s, word_part);
	if (*s == '$')
		return *ret = PARAMETER, 1 + run_of(s + 1, digit);
	if (*s == '\'')
		return *ret = STRING, up_to(s, '\'');
	if (*s == '{')
		return *ret = BRACE, up_to(s, '}');
	return *ret = SIGN, 1;
}

static bool cut(struct text *text)
{
	const char *at = text->sql;
	text->count = 0;
	while (*at) {
		size_t gap = run_of(at, blank);
		at += gap;
		if (!*at)
			break;
		if (text->count == TOKENS_MAX)
			return false;
		struct token *token = &text->tokens[text->count++];
		size_t len = cut_one(at, &token->kind);
		token->text = str_bytes(at, len);
		token->glued = gap == 0;
		at += len;
	}
	return true;
}

/* ---- looking ---- */

static bool same(struct str s, const char *word)
{
	return s.len == strlen(word) && !strncasecmp(s.ptr, word, s.len);
}

/* Is the i-th token this word or sign? */
static bool is(const struct text *text, int i, const char *word)
{
	return i >= 0 && i < text->count && text->tokens[i].kind != STRING &&
		same(text->tokens[i].text, word);
}

static int find(const struct text *text, int from, const char *word)
{
	for (int i = from; i < text->count; i++) {
		if (is(text, i, word))
			return i;
	}
	return -1;
}

static bool has(const struct text *text, const char *word)
{
	return find(text, 0, word) >= 0;
}

/* Both words, one after the other. */
static bool has_pair(const struct text *text, const char *first, const char *second)
{
	for (int i = 0; (i = find(text, i, first)) >= 0; i++) {
		if (is(text, i + 1, second))
			return true;
	}
	return false;
}

static bool is_any(struct str s, const char *const *words)
{
	for (; *words; words++) {
		if (same(s, *words))
			return true;
	}
	return false;
}

/* ---- words that no text may hold ---- */

static const struct {
	const char *word, *why;
} refused[] = {
	{ ";", "one statement a text, without a semicolon" },
	{ "?", "parameters are $1, $2, ..." },
	{ "\"", "no quoted names" },
	{ "`", "no quoted names" },
	{ "[", "no quoted names, no arrays" },
	{ "#", "no such operator everywhere" },
	{ "CAST", "no casts" },
	{ "SERIAL", "ids are made in C" },
	{ "BIGSERIAL", "ids are made in C" },
	{ "AUTOINCREMENT", "ids are made in C" },
	{ "GENERATED", "ids are made in C" },
	{ "CURRENT_TIMESTAMP", "time is bound" },
	{ "CURRENT_DATE", "time is bound" },
	{ "CURRENT_TIME", "time is bound" },
	{ "TRIGGER", "no triggers" },
	{ "FUNCTION", "no functions of our own" },
	{ "PROCEDURE", "no functions of our own" },
	{ "VIEW", "no views" },
	{ "PRAGMA", "of one engine only" },
	{ "VACUUM", "of one engine only" },
	{ "GLOB", "of one engine only" },
	{ "ILIKE", "of one engine only" },
	{ "REPLACE", "write ON CONFLICT" },
	{ "IGNORE", "write ON CONFLICT" },
	{ "MERGE", "write ON CONFLICT" },
	{ "ROWID", "of one engine only" },
	{ "CTID", "of one engine only" },
	{ "TRUE", "truth is 1 and 0" },
	{ "FALSE", "truth is 1 and 0" },
	{ "LATERAL", "of one engine only" },
	{ "TRUNCATE", "of one engine only" },
	{ "FOREIGN", "not across shards" },
	{ "REFERENCES", "not across shards" },
	{ "LOCK", "guards are in the statement" },
	{ "BEGIN", "the store begins and ends transactions" },
	{ "COMMIT", "the store begins and ends transactions" },
	{ "ROLLBACK", "the store begins and ends transactions" },
	{ "SAVEPOINT", "the store begins and ends transactions" },
};

/* Types other than INTEGER, BIGINT, TEXT and {blob}. */
static const char *const wrong_types[] = { "BLOB", "BYTEA", "REAL", "FLOAT", "DOUBLE", "NUMERIC",
	"DECIMAL", "VARCHAR", "CHAR", "CHARACTER", "BOOLEAN", "BOOL", "TIMESTAMP", "TIMESTAMPTZ",
	"DATE", "TIME", "INTERVAL", "UUID", "JSON", "JSONB", "SMALLINT", "INT", "INT8", "INT4",
	"ENUM", "MONEY", NULL };

/* The same on every engine, and the same at each call. */
static const char *const functions[] = { "COUNT", "SUM", "MIN", "MAX", "COALESCE", "ABS", "LENGTH",
	"NULLIF", NULL };

/* What may stand glued to a bracket and is no function. */
static const char *const before_bracket[] = { "IN", "VALUES", "EXISTS", "KEY", "CONFLICT", "UNIQUE",
	"CHECK", "OVER", "AND", "OR", "NOT", "AS", "ON", "BY", "SELECT", "WHERE", "SET", "WHEN",
	"THEN", "ELSE", "FROM", "HAVING", "UNION", "ALL", "USING", "RETURNING", NULL };

/* A name after one of these is a table's or an index's. */
static const char *const before_name[] = { "INTO", "TABLE", "ON", "EXISTS", "WITH", "RECURSIVE",
	NULL };

/* ---- rules: why a text is refused, or NULL ---- */

static const char *wrong_word(const struct text *text)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (has(text, refused[i].word))
			return refused[i].why;
	}
	return NULL;
}

static const char *wrong_sign(const struct text *text)
{
	for (int i = 1; i < text->count; i++) {
		bool glued = text->tokens[i].glued;
		if (glued && is(text, i, ":") && is(text, i - 1, ":"))
			return "no casts";
		if (glued && is(text, i, "=") && is(text, i - 1, "="))
			return "equal is =";
		if (glued && is(text, i, "-") && is(text, i - 1, "-"))
			return "comments belong beside the text";
		if (glued && is(text, i, "*") && is(text, i - 1, "/"))
			return "comments belong beside the text";
	}
	return NULL;
}

/* After one of these a star means all columns. */
static const char *const before_star[] = { "SELECT", "RETURNING", ".", ",", "(", NULL };

/* `*` is a product, or all of a count. */
static const char *star(const struct text *text)
{
	for (int i = 0; (i = find(text, i, "*")) >= 0; i++) {
		bool count = is(text, i - 1, "(") && is(text, i - 2, "COUNT");
		if (!count && i > 0 && is_any(text->tokens[i - 1].text, before_star))
			return "name the columns";
	}
	return NULL;
}

static const char *wrong_call(const struct text *text)
{
	for (int i = 1; (i = find(text, i, "(")) >= 0; i++) {
		const struct token *name = &text->tokens[i - 1];
		if (name->kind != WORD || is_any(name->text, functions))
			continue;
		bool named = i > 1 && is_any(text->tokens[i - 2].text, before_name);
		if (text->tokens[i].glued && !named && !is_any(name->text, before_bracket))
			return "only functions that are the same everywhere (see store_lint.c)";
	}
	return NULL;
}

/* MIN(a, b) is a function of SQLite alone. */
static const char *least_of_two(const struct text *text)
{
	for (int i = 1; (i = find(text, i, "(")) >= 0; i++) {
		if (!is(text, i - 1, "MIN") && !is(text, i - 1, "MAX"))
			continue;
		int depth = 1;
		for (int k = i + 1; k < text->count && depth; k++) {
			depth += is(text, k, "(") - is(text, k, ")");
			if (depth == 1 && is(text, k, ","))
				return "MIN and MAX of several values: write CASE";
		}
	}
	return NULL;
}

static const char *limit_without_order(const struct text *text)
{
	return has(text, "LIMIT") && !has_pair(text, "ORDER", "BY") ? "LIMIT needs ORDER BY" : NULL;
}

static const char *for_update(const struct text *text)
{
	return has_pair(text, "FOR", "UPDATE") || has_pair(text, "FOR", "SHARE")
		? "guards are in the statement"
		: NULL;
}

/* $1 to $n, each of them used. */
static const char *parameters(const struct text *text)
{
	bool used[PARAMETERS_MAX + 1] = { false };
	int64_t most = 0;
	for (int i = 0; i < text->count; i++) {
		const struct token *token = &text->tokens[i];
		if (token->kind != PARAMETER)
			continue;
		int64_t n;
		if (!num_parse_range(str_from(token->text, 1), 1, PARAMETERS_MAX, &n))
			return "a parameter is $1 to $64";
		used[n] = true;
		most = n > most ? n : most;
	}
	for (int64_t n = 1; n <= most; n++) {
		if (!used[n])
			return "a parameter is left out";
	}
	return most && text->migration ? "a migration has no parameters" : NULL;
}

static const char *const before_column[] = { "(", ",", "COLUMN", NULL };

static const char *wrong_type(const struct text *text)
{
	if (!text->migration)
		return NULL;
	for (int i = 1; i < text->count; i++) {
		const struct token *token = &text->tokens[i];
		bool column = is_any(token[-1].text, before_column);
		if (token->kind == WORD && !column && is_any(token->text, wrong_types))
			return "types are INTEGER, BIGINT, TEXT and {blob}";
	}
	return NULL;
}

static const char *schema_in_statement(const struct text *text)
{
	if (text->migration)
		return NULL;
	for (int i = 0; i < text->count; i++) {
		if (text->tokens[i].kind == BRACE)
			return "tokens belong in migrations";
	}
	return is(text, 0, "CREATE") || is(text, 0, "ALTER") || is(text, 0, "DROP")
		? "the schema belongs in migrations"
		: NULL;
}

static bool compares_bucket(const struct text *text)
{
	for (int i = 0; (i = find(text, i, "bucket")) >= 0; i++) {
		if (is(text, i + 1, "=") && i + 2 < text->count &&
			text->tokens[i + 2].kind == PARAMETER)
			return true;
	}
	return false;
}

/* INSERT INTO t (..., bucket, ...) */
static bool inserts_bucket(const struct text *text)
{
	int close = find(text, 0, ")"), at = find(text, 0, "bucket");
	return is(text, 0, "INSERT") && is(text, 3, "(") && at > 3 && at < close;
}

static const char *no_bucket(const struct text *text)
{
	if (text->migration || text->reach != STORE_ONE)
		return NULL;
	return compares_bucket(text) || inserts_bucket(text)
		? NULL
		: "names no bucket: bucket = $n, or an insert of it";
}

/* A bucket that changes would move the row to another shard. */
static const char *moves_bucket(const struct text *text)
{
	int set = find(text, 0, "SET"), where = find(text, 0, "WHERE");
	int at = find(text, 0, "bucket");
	if (text->migration || set < 0)
		return NULL;
	for (; at >= 0; at = find(text, at + 1, "bucket")) {
		bool first = is(text, at - 1, "SET") || is(text, at - 1, ",");
		if (at > set && (where < set || at < where) && first && is(text, at + 1, "="))
			return "a row's bucket never changes";
	}
	return NULL;
}

/* {grow TIME | bucket, ...} */
static bool grows_by_bucket(struct str token)
{
	struct str rest = str_first(str_from(token, 1), token.len - 2);
	str_cut(&rest, '|');
	struct str first = str_trim(str_cut(&rest, ','));
	return same(first, "bucket");
}

/* Where a table has buckets, its key starts with them. */
static const char *key_without_bucket(const struct text *text)
{
	if (!text->migration || !is(text, 0, "CREATE") || !is(text, 1, "TABLE") ||
		!(has_pair(text, "bucket", "INTEGER") || has_pair(text, "bucket", "BIGINT")))
		return NULL;
	int key = find(text, 0, "PRIMARY");
	if (key >= 0)
		return is(text, key + 3, "bucket") ? NULL : "the primary key starts with bucket";
	for (int i = 0; i < text->count; i++) {
		if (text->tokens[i].kind == BRACE && str_starts(text->tokens[i].text, "{grow "))
			return grows_by_bucket(text->tokens[i].text)
				? NULL
				: "the primary key starts with bucket";
	}
	return "a table needs a primary key";
}

static const char *(*const rules[])(const struct text *text) = { wrong_word, wrong_sign, star,
	wrong_call, least_of_two, limit_without_order, for_update, parameters, wrong_type,
	schema_in_statement, no_bucket, moves_bucket, key_without_bucket };

/* ---- the walk ---- */

struct lint {
	void (*fault)(void *user, const char *stmt, const char *why);
	void *user;
	int faults;
	struct text text;
};

static void report(struct lint *lint, const char *why)
{
	lint->faults++;
	lint->fault(lint->user, lint->text.name, why);
}

static void look_at(struct lint *lint, const char *name, const char *sql, enum store_reach reach,
	bool migration)
{
	lint->text.name = name;
	lint->text.sql = sql;
	lint->text.reach = reach;
	lint->text.migration = migration;
	if (!cut(&lint->text)) {
		report(lint, "the text is too long");
		return;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *why = rules[i](&lint->text);
		if (why)
			report(lint, why);
	}
}

static void look_at_room(struct lint *lint, const struct store_room *room)
{
	char name[64];
	for (size_t i = 0; i < room->statement_count; i++) {
		const struct store_stmt *stmt = &room->statements[i];
		if (!stmt->name || !stmt->sql) {
			snprintf(name, sizeof(name), "%s, statement %zu", room->name, i);
			lint->text.name = name;
			report(lint, "has no name or no text");
			continue;
		}
		look_at(lint, stmt->name, stmt->sql, stmt->reach, false);
	}
	for (size_t i = 0; i < room->migration_count; i++) {
		snprintf(name, sizeof(name), "%s-%zu", room->name, i + 1);
		look_at(lint, name, room->migrations[i], STORE_REFERENCE, true);
	}
}

int store_lint(const struct store_room *const *rooms, size_t n,
	void (*fault)(void *user, const char *stmt, const char *why), void *user)
{
	static _Thread_local struct lint lint;
	lint.fault = fault;
	lint.user = user;
	lint.faults = 0;
	for (size_t i = 0; i < n; i++)
		look_at_room(&lint, rooms[i]);
	return lint.faults;
}
