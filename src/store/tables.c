/* SPDX-License-Identifier: Apache-2.0 */
/* See tables.h.
 *
 *   step    CREATE TABLE name ( part {, part} ) [{rows} | {rows by month name}]
 *         | ALTER TABLE name ADD COLUMN column
 *         | CREATE [UNIQUE] INDEX ... | DROP INDEX ...      (no table changes)
 *   part    column | PRIMARY KEY names | {grow TIME | REST}
 *   column  name type [NOT NULL] [DEFAULT constant] [PRIMARY KEY]
 *   type    INTEGER | BIGINT | TEXT | {blob}
 *   names   ( name {, name} )
 *
 * Invariants
 *   T1 `at` points into the step, behind the word that stands ready in `word`
 *   T2 a table is in the list only when the whole step was understood
 *   T3 a table with a bucket has it first in its key: its rows can be found without asking around
 */
#include "store/tables.h"

#include <ctype.h>
#include <stdio.h>

#include "base/buf.h"

#define TABLES_BYTES_MAX (4 << 20)
#define STMT_BYTES_MAX 8192
#define NAME_MAX_LEN 63 /* PostgreSQL's */

struct reading {
	struct tables *tables;
	struct table *table; /* the one this step is about */
	const char *room;
	size_t number; /* of the step */
	const char *at;
	struct str word; /* empty at the end */
	struct err *err;
};

static int fault(const struct reading *r, const char *what)
{
	return err_set(r->err, ERR_INTERNAL, "schema step %s-%zu: %s at \"%.*s\"", r->room,
		r->number, what, STR_ARG(r->word));
}

/* ---- words ---- */

static bool word_part(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* How long the word is that begins here. */
static size_t word_len(const char *s)
{
	size_t n = 0;
	const char *end;
	while (word_part(s[n]) || (n == 0 && s[n] == '-' && isdigit((unsigned char)s[1])))
		n++;
	if (n)
		return n;
	if (*s != '{' && *s != '\'')
		return *s ? 1 : 0;
	end = strchr(s + 1, *s == '{' ? '}' : '\'');
	return end ? (size_t)(end - s) + 1 : strlen(s);
}

static void next(struct reading *r)
{
	r->at += strspn(r->at, " \t\n");
	r->word = str_bytes(r->at, word_len(r->at));
	r->at += r->word.len;
}

/* Is this the word? Then goes on behind it. */
static bool take(struct reading *r, const char *word)
{
	if (!str_is(r->word, word))
		return false;
	next(r);
	return true;
}

static int want(struct reading *r, const char *word)
{
	char what[64];
	if (take(r, word))
		return 0;
	snprintf(what, sizeof(what), "there is no %s", word);
	return fault(r, what);
}

static int want_words(struct reading *r, const char *const *words)
{
	int rc = 0;
	for (; *words && !rc; words++)
		rc = want(r, *words);
	return rc;
}

static bool is_name(struct str s)
{
	if (!s.len || s.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (!(c >= 'a' && c <= 'z') && c != '_' && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return true;
}

/* A name as we write them: small letters, digits, '_'. */
static int want_name(struct reading *r, struct str *ret)
{
	if (!is_name(r->word))
		return fault(r, "there is no name");
	*ret = r->word;
	next(r);
	return 0;
}

static int want_end(struct reading *r)
{
	return r->word.len ? fault(r, "more than this can read") : 0;
}

/* ---- columns and keys ---- */

static int column_find(const struct table *table, struct str name)
{
	for (int i = 0; i < table->column_count; i++) {
		if (str_is(name, table->columns[i].name))
			return i;
	}
	return -1;
}

static const struct {
	const char *word, *name;
} types[] = {
	[COLUMN_INTEGER] = { "INTEGER", "INTEGER" },
	[COLUMN_BIGINT] = { "BIGINT", "BIGINT" },
	[COLUMN_TEXT] = { "TEXT", "TEXT" },
	[COLUMN_BLOB] = { "{blob}", "BLOB" },
};

const char *column_type_name(enum column_type type)
{
	return types[type].name;
}

static int want_type(struct reading *r, enum column_type *ret)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (take(r, types[i].word)) {
			*ret = (enum column_type)i;
			return 0;
		}
	}
	return fault(r, "there is no type");
}

static int key_add(struct reading *r, struct str name)
{
	struct table *table = r->table;
	int column = column_find(table, name);
	if (column < 0)
		return fault(r, "the key names no column of the table");
	if (table->key_count == TABLE_KEY_MAX)
		return fault(r, "the key has too many columns");
	for (int i = 0; i < table->key_count; i++) {
		if (table->key[i] == column)
			return fault(r, "the key names a column twice");
	}
	table->key[table->key_count++] = column;
	return 0;
}

static int column_words(struct reading *r, struct column *column)
{
	int rc = 0;
	bool number = false;
	column->nullable = true;
	if (take(r, "NOT")) {
		rc = want(r, "NULL");
		column->nullable = false;
	}
	if (rc || !take(r, "DEFAULT"))
		return rc;
	number = r->word.len && (isdigit((unsigned char)r->word.ptr[0]) || r->word.ptr[0] == '-');
	if (!number && !str_starts(r->word, "'"))
		return fault(r, "a default that is no constant");
	next(r);
	return 0;
}

static int read_column(struct reading *r)
{
	struct table *table = r->table;
	struct column column = { .nullable = true };
	struct str name;
	int rc = want_name(r, &name);
	if (rc)
		return rc;
	if (column_find(table, name) >= 0)
		return fault(r, "a column is there twice");
	if (table->column_count == TABLE_COLUMNS_MAX)
		return fault(r, "the table has too many columns");
	rc = want_type(r, &column.type);
	if (!rc)
		rc = column_words(r, &column);
	if (rc)
		return rc;
	column.name = arena_str(r->tables->arena, name).ptr;
	if (!column.name)
		return err_set(r->err, ERR_NO_MEMORY, "no memory for the tables");
	table->columns[table->column_count++] = column;
	if (!take(r, "PRIMARY"))
		return 0;
	rc = table->key_count ? fault(r, "a second key") : want(r, "KEY");
	return rc ? rc : key_add(r, name);
}

/* name {, name} */
static int read_names(struct reading *r)
{
	struct str name;
	int rc = 0;
	do {
		rc = want_name(r, &name);
		rc = rc ? rc : key_add(r, name);
	} while (!rc && take(r, ","));
	return rc;
}

static int read_key(struct reading *r)
{
	int rc = r->table->key_count ? fault(r, "a second key") : want(r, "KEY");
	rc = rc ? rc : want(r, "(");
	rc = rc ? rc : read_names(r);
	return rc ? rc : want(r, ")");
}

/* {grow TIME | REST}: looked at as if it were the text itself. */
static int read_grow(struct reading *r)
{
	char inside[512];
	struct reading in = *r;
	struct str time;
	int rc;
	if (r->word.ptr[r->word.len - 1] != '}')
		return fault(r, "there is no }");
	if (r->table->key_count || r->word.len >= sizeof(inside))
		return fault(r, "no such key here");
	snprintf(inside, sizeof(inside), "%.*s", (int)r->word.len - 1, r->word.ptr);
	in.at = inside + strlen("{grow ");
	next(&in);
	rc = want_name(&in, &time);
	rc = rc ? rc : want(&in, "|");
	rc = rc ? rc : read_names(&in);
	rc = rc ? rc : key_add(&in, time);
	rc = rc ? rc : want_end(&in);
	r->table->grows = true;
	next(r);
	return rc;
}

static int read_part(struct reading *r)
{
	if (str_starts(r->word, "{grow "))
		return read_grow(r);
	return take(r, "PRIMARY") ? read_key(r) : read_column(r);
}

/* ---- tables ---- */

static int table_check(struct reading *r)
{
	struct table *table = r->table;
	table->bucket = column_find(table, STR("bucket"));
	if (!table->key_count)
		return fault(r, "the table has no key");
	for (int i = 0; i < table->key_count; i++) {
		if (table->columns[table->key[i]].nullable)
			return fault(r, "a column of the key may be NULL");
	}
	if (table->bucket >= 0 && table->key[0] != table->bucket)
		return fault(r, "the bucket is not first in the key");
	return 0;
}

static int table_new(struct reading *r, struct str name)
{
	struct tables *tables = r->tables;
	if (tables_find(tables, name))
		return fault(r, "a table is made twice");
	if (tables->count == TABLES_MAX)
		return fault(r, "too many tables");
	struct table *table = &tables->list[tables->count];
	table->name = arena_str(tables->arena, name).ptr;
	table->columns = arena_array(tables->arena, TABLE_COLUMNS_MAX, sizeof(table->columns[0]));
	if (!table->name || !table->columns)
		return err_set(r->err, ERR_NO_MEMORY, "no memory for the tables");
	r->table = table;
	return 0;
}

/* What stands after the closing bracket. */
static int read_rows(struct reading *r)
{
	static const char by_month[] = "{rows by month ";
	struct str name = str_from(r->word, sizeof(by_month) - 1);
	r->table->month = -1;
	if (!str_starts(r->word, by_month)) {
		(void)take(r, "{rows}");
		return 0;
	}
	name.len -= name.len && name.ptr[name.len - 1] == '}';
	r->table->month = column_find(r->table, name);
	if (r->table->month < 0)
		return fault(r, "the month is that of no column");
	for (int i = 0; i < r->table->key_count; i++) {
		if (r->table->key[i] == r->table->month) {
			next(r);
			return 0;
		}
	}
	return fault(r, "the month's column is not in the key");
}

static int create_table(struct reading *r)
{
	struct str name;
	int rc = want_name(r, &name);
	rc = rc ? rc : table_new(r, name);
	rc = rc ? rc : want(r, "(");
	rc = rc ? rc : read_part(r);
	while (!rc && take(r, ","))
		rc = read_part(r);
	rc = rc ? rc : want(r, ")");
	rc = rc ? rc : read_rows(r);
	rc = rc ? rc : want_end(r);
	rc = rc ? rc : table_check(r);
	r->tables->count += !rc; /* T2 */
	return rc;
}

static int alter_table(struct reading *r)
{
	static const char *const words[] = { "ADD", "COLUMN", NULL };
	struct str name;
	int rc = want_name(r, &name);
	if (rc)
		return rc;
	r->table = (struct table *)tables_find(r->tables, name);
	if (!r->table)
		return fault(r, "there is no such table");
	rc = want_words(r, words);
	rc = rc ? rc : read_column(r);
	rc = rc ? rc : want_end(r);
	return rc ? rc : table_check(r);
}

static int read_step(struct reading *r, const char *step)
{
	r->at = step;
	next(r);
	if (take(r, "CREATE")) {
		if (take(r, "TABLE"))
			return create_table(r);
		take(r, "UNIQUE");
		return want(r, "INDEX");
	}
	if (take(r, "DROP"))
		return want(r, "INDEX");
	if (take(r, "ALTER")) {
		int rc = want(r, "TABLE");
		return rc ? rc : alter_table(r);
	}
	return fault(r, "no step this can read");
}

/* ---- the statements ---- */

static void names(struct buf *sql, const struct table *table)
{
	for (int i = 0; i < table->column_count; i++)
		buf_printf(sql, "%s%s", i ? ", " : "", table->columns[i].name);
}

static void by_key(struct buf *sql, const struct table *table, bool time_first)
{
	int n = table->key_count, first = time_first && table->grows ? n - 1 : 0;
	buf_cstr(sql, " ORDER BY ");
	for (int i = 0; i < n; i++)
		buf_printf(sql, "%s%s", i ? ", " : "",
			table->columns[table->key[(first + i) % n]].name);
}

static void write_sql(struct buf *sql, const struct table *table, enum table_stmt which)
{
	buf_cstr(sql, which == TABLE_ADD ? "INSERT INTO " : "SELECT ");
	if (which == TABLE_ADD)
		buf_printf(sql, "%s (", table->name);
	names(sql, table);
	if (which != TABLE_ADD)
		buf_printf(sql, " FROM %s", table->name);
	if (which == TABLE_BY_KEY || which == TABLE_TIME_FIRST || which == TABLE_ANY)
		by_key(sql, table, which == TABLE_TIME_FIRST);
	if (which == TABLE_ANY)
		buf_cstr(sql, " LIMIT 1");
	for (int i = 0; which == TABLE_ADD && i < table->column_count; i++)
		buf_printf(sql, "%s$%d", i ? ", " : ") VALUES (", i + 1);
	if (which == TABLE_ADD)
		buf_char(sql, ')');
}

static int table_stmts(struct tables *tables, struct table *table, struct err *err)
{
	struct buf sql BUF_AUTO;
	buf_init(&sql, NULL, STMT_BYTES_MAX);
	for (int i = 0; i < TABLE_STMT_COUNT; i++) {
		buf_reset(&sql);
		write_sql(&sql, table, (enum table_stmt)i);
		const char *text = sql.failed ? NULL : arena_str(tables->arena, buf_str(&sql)).ptr;
		if (!text)
			return err_set(err, ERR_NO_MEMORY, "no memory for the tables");
		table->stmts[i] = (struct store_stmt) { table->name,
			i != TABLE_ADD               ? STORE_SWEEP
				: table->bucket >= 0 ? STORE_ONE
						     : STORE_REFERENCE,
			text };
	}
	return 0;
}

/* ---- the door ---- */

static int read_rooms(struct tables *tables, const struct store_room *const *rooms, size_t n,
	struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < rooms[i]->migration_count && !rc; k++) {
			struct reading r = { .tables = tables,
				.room = rooms[i]->name,
				.number = k + 1,
				.err = err };
			rc = read_step(&r, rooms[i]->migrations[k]);
		}
	}
	for (size_t i = 0; i < tables->count && !rc; i++)
		rc = table_stmts(tables, &tables->list[i], err);
	return rc;
}

int tables_read(const struct store_room *const *rooms, size_t n, struct tables *ret,
	struct err *err)
{
	struct tables tables = { .arena = arena_new(TABLES_BYTES_MAX) };
	if (tables.arena)
		tables.list = arena_array(tables.arena, TABLES_MAX, sizeof(tables.list[0]));
	int rc = tables.list ? read_rooms(&tables, rooms, n, err)
			     : err_set(err, ERR_NO_MEMORY, "no memory for the tables");
	if (rc) {
		arena_free(&tables.arena);
		return rc;
	}
	*ret = tables;
	return 0;
}

void tables_done(struct tables *tables)
{
	arena_free(&tables->arena);
	tables->count = 0;
}

const struct table *tables_find(const struct tables *tables, struct str name)
{
	for (size_t i = 0; i < tables->count; i++) {
		if (str_is(name, tables->list[i].name))
			return &tables->list[i];
	}
	return NULL;
}
