/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a store and reading it whole, on every engine. */
#include "store/bulk.h"

#include <stdlib.h>

#include "store/fixture_impl.h"

static const struct store_room *const rooms[] = { &test_room };

/* ---- rows to fill it with ---- */

#define ROWS 2500 /* more than one chunk of a sweep */

/* Entries at, bucket, account, amount, memo, body; in no order. */
struct source {
	int from, to; /* rows of this part */
	int fails_at; /* -1: never */
	int same_at;  /* the row that comes twice; -1: none */
	char memo[32];
	struct store_val vals[6];
};

static int entry_next(void *user, const struct store_val **ret, struct err *err)
{
	struct source *s = user;
	if (s->from == s->to)
		return 0;
	if (s->from == s->fails_at)
		return err_at(err, ERR_INVALID, "row x", "the source is broken");
	int n = s->from++, row = n == s->same_at ? n - 1 : n;
	int64_t at = (int64_t)row * 7919 % ROWS;
	snprintf(s->memo, sizeof(s->memo), "n\xc3\xa9 %d\n\\N", row);
	s->vals[0] = V_INT(at - 5);
	s->vals[1] = V_INT(row % 65536);
	s->vals[2] = V_INT(row % 2 ? INT64_MIN + row : INT64_MAX - row);
	s->vals[3] = V_INT(-row);
	s->vals[4] = row % 3 ? V_TEXT(str_of(row % 5 ? s->memo : "")) : V_NULL;
	s->vals[5] = row % 4 ? V_BLOB("\0\377\n\t", row % 5) : V_NULL;
	*ret = s->vals;
	return 1;
}

static const struct table *table_of(const struct tables *tables, const char *name)
{
	const struct table *table = tables_find(tables, str_of(name));
	assert_non_null(table);
	return table;
}

/* A unit that adds a part and moves the mark. */
struct part {
	struct unit unit; /* first */
	const struct table *table;
	struct source source;
	int64_t mark_from;
	struct bulk_mark mark;
};

static int part_run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct part *part = (struct part *)unit;
	struct source source = part->source;
	int rc = bulk_add(tx, part->table, entry_next, &source, err);
	return rc ? rc : bulk_move_mark(tx, part->mark_from, &part->mark, err);
}

static void part_init(struct part *part, const struct tables *tables, int from, int to)
{
	*part = (struct part) { .unit = { .run = part_run },
		.table = table_of(tables, "entries"),
		.source = { .from = from, .to = to, .fails_at = -1, .same_at = -1 },
		.mark_from = from,
		.mark = { .at = to, .proof = "fifteen letters" } };
}

/* ---- looking at it ---- */

static void assert_state(struct fixture *fixture, const struct tables *tables,
	enum bulk_state wanted, const char *table)
{
	enum bulk_state state;
	const char *full;
	struct err err;
	assert_ok(bulk_look(&fixture->options, tables, &state, &full, &err), &err);
	assert_int_equal(state, wanted);
	if (table)
		assert_string_equal(full, table);
	else
		assert_null(full);
}

static void assert_mark(struct fixture *fixture, int64_t at)
{
	struct store_tx *tx;
	struct bulk_mark mark;
	struct err err;
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	assert_ok(bulk_find_mark(tx, &mark, &err), &err);
	assert_int_equal(mark.at, at);
	assert_int_equal(mark.proof[0], at ? 'f' : 0);
	store_read_end(&tx);
}

/* How many entries there are; in the order of the engine, if asked. */
static int walk(struct fixture *fixture, const struct tables *tables, bool by_key)
{
	const struct table *table = table_of(tables, "entries");
	struct store_tx *tx;
	struct store_rows *rows = NULL;
	struct err err;
	int key[TABLE_KEY_MAX], count = 0, rc;
	int64_t last = INT64_MIN;
	assert_int_equal(bulk_key(fixture->store, table, key), 3);
	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	assert_ok(bulk_walk(tx, table, by_key, &rows, &err), &err);
	while ((rc = store_next(rows, &err)) == 1) {
		assert_true(!by_key || store_int(rows, key[0]) >= last);
		last = store_int(rows, key[0]);
		int64_t row = -store_int(rows, 3);
		assert_int_equal(store_is_null(rows, 4), row % 3 == 0);
		assert_int_equal(store_is_null(rows, 5), row % 4 == 0);
		if (row % 4)
			assert_int_equal(store_bytes(rows, 5).len, row % 5);
		if (row % 3 && row % 5 == 0)
			assert_int_equal(store_bytes(rows, 4).len, 0);
		count++;
	}
	assert_ok(rc, &err);
	store_rows_done(&rows);
	store_read_end(&tx);
	return count;
}

/* ---- cases ---- */

static void filled_in_parts(struct fixture *fixture, const struct tables *tables)
{
	struct err err;
	struct part part;
	assert_state(fixture, tables, BULK_EMPTY, NULL);
	assert_ok(bulk_begin(fixture->store, &err), &err);
	assert_ok(bulk_begin(fixture->store, &err), &err);
	assert_mark(fixture, 0);
	part_init(&part, tables, 0, 1);
	assert_ok(store_run(fixture->store, &part.unit), &part.unit.err);
	part_init(&part, tables, 1, ROWS);
	assert_ok(store_run(fixture->store, &part.unit), &part.unit.err);
	assert_mark(fixture, ROWS);
	assert_ok(bulk_begin(fixture->store, &err), &err);
	assert_mark(fixture, ROWS);
	assert_int_equal(walk(fixture, tables, false), ROWS);
	assert_int_equal(walk(fixture, tables, true), ROWS);
	assert_ok(bulk_end(fixture->store, tables, &err), &err);
	if (fixture->engine->stays)
		assert_state(fixture, tables, BULK_FULL, "entries");
	make_account(fixture, 7, 70); /* and lives like any other */
	assert_int_equal(balance_of(fixture, 7), 70);
}

static void half_full_nobody_opens_it(struct fixture *fixture, const struct tables *tables)
{
	struct err err;
	struct part part;
	if (!fixture->engine->stays)
		return;
	assert_ok(bulk_begin(fixture->store, &err), &err);
	part_init(&part, tables, 0, 10);
	assert_ok(store_run(fixture->store, &part.unit), &part.unit.err);
	fixture_close(fixture);
	assert_int_equal(store_open(&fixture->options, &fixture->store, &err), ERR_STORE);
	assert_non_null(strstr(err.text, "--resume"));
	assert_state(fixture, tables, BULK_BEGUN, NULL);
	fixture->options.filling = true;
	fixture_open(fixture);
	assert_mark(fixture, 10);
	assert_ok(bulk_end(fixture->store, tables, &err), &err);
	fixture_close(fixture);
	fixture->options.filling = false;
	fixture_open(fixture);
}

static void the_mark_is_guarded(struct fixture *fixture, const struct tables *tables)
{
	struct err err;
	struct part part;
	assert_ok(bulk_begin(fixture->store, &err), &err);
	part_init(&part, tables, 0, 10);
	part.mark_from = 3;
	assert_int_equal(store_run(fixture->store, &part.unit), ERR_BUSY);
	assert_mark(fixture, 0);
	assert_int_equal(walk(fixture, tables, false), 0);
}

static void what_fails_leaves_nothing(struct fixture *fixture, const struct tables *tables)
{
	struct err err;
	struct part part;
	assert_ok(bulk_begin(fixture->store, &err), &err);
	part_init(&part, tables, 0, 20);
	part.source.fails_at = 15;
	assert_int_equal(store_run(fixture->store, &part.unit), ERR_INVALID);
	assert_string_equal(part.unit.err.at, "row x");
	part_init(&part, tables, 0, 20);
	part.source.same_at = 15;
	assert_int_equal(store_run(fixture->store, &part.unit), ERR_BUSY);
	assert_mark(fixture, 0);
	assert_int_equal(walk(fixture, tables, false), 0);
	part_init(&part, tables, 0, 20);
	assert_ok(store_run(fixture->store, &part.unit), &part.unit.err);
	assert_int_equal(walk(fixture, tables, false), 20);
}

/* Each step of a part fails in turn: the mark and the rows agree after each. */
static void any_step_may_fail(struct fixture *fixture, const struct tables *tables)
{
	struct err err;
	struct part part;
	int rc = ERR_STORE;
	assert_ok(bulk_begin(fixture->store, &err), &err);
	for (size_t n = 1; rc; n++) {
		part_init(&part, tables, 0, 5);
		store_fail_nth(fixture->store, n);
		rc = store_run(fixture->store, &part.unit);
		store_fail_nth(fixture->store, 0);
		assert_true(n < 100 && (rc == 0 || rc == ERR_STORE));
		assert_mark(fixture, rc ? 0 : 5);
		assert_int_equal(walk(fixture, tables, false), rc ? 0 : 5);
	}
}

static int add_too_large(struct job *job, struct store_tx *tx, struct err *err)
{
	struct part *part = (struct part *)(intptr_t)job->in;
	return part_run(&part->unit, tx, 0, err);
}

static void a_number_that_does_not_fit(struct fixture *fixture, const struct tables *tables)
{
	static struct column columns[6];
	struct err err;
	struct part part;
	struct table table;
	if (!fixture->engine->late)
		return; /* SQLite's INTEGER has room */
	assert_ok(bulk_begin(fixture->store, &err), &err);
	part_init(&part, tables, 0, 3);
	table = *part.table;
	memcpy(columns, table.columns, sizeof(columns));
	columns[2].type = COLUMN_INTEGER;
	table.columns = columns;
	part.table = &table;
	struct job job = { .work = add_too_large, .in = (intptr_t)&part };
	assert_int_equal(run_job(fixture, &job), ERR_STORE);
	assert_non_null(strstr(job.unit.err.text, "INTEGER account"));
	assert_int_equal(walk(fixture, tables, false), 0);
}

static void what_is_not_there_is_empty(struct fixture *fixture, const struct tables *tables)
{
	struct err err;
	if (!fixture->engine->stays)
		return;
	fixture_done(fixture);
	fixture_init_empty(fixture, fixture->engine);
	assert_state(fixture, tables, BULK_EMPTY, NULL);
	assert_state(fixture, tables, BULK_EMPTY, NULL); /* and looking made nothing */
	assert_int_equal(store_open(&fixture->options, &fixture->store, &err), ERR_STORE);
}

/* ---- each on each engine ---- */

static const struct {
	const char *name;
	void (*run)(struct fixture *fixture, const struct tables *tables);
} cases[] = {
	{ "filled in parts", filled_in_parts },
	{ "half full nobody opens it", half_full_nobody_opens_it },
	{ "the mark is guarded", the_mark_is_guarded },
	{ "what fails leaves nothing", what_fails_leaves_nothing },
	{ "any step may fail", any_step_may_fail },
	{ "a number that does not fit", a_number_that_does_not_fit },
	{ "what is not there is empty", what_is_not_there_is_empty },
};
#define CASE_COUNT (sizeof(cases) / sizeof(cases[0]))
#define ENGINES_MAX 8

struct one {
	const struct engine *engine;
	size_t number;
	char name[80];
};

static void run_case(void **state)
{
	const struct one *one = *state;
	struct fixture fixture;
	struct tables tables;
	struct err err;
	if (!fixture_can(one->engine))
		skip();
	assert_ok(tables_read(rooms, 1, &tables, &err), &err);
	fixture_init(&fixture, one->engine);
	cases[one->number].run(&fixture, &tables);
	fixture_done(&fixture);
	tables_done(&tables);
}

int main(void)
{
	static struct one ones[CASE_COUNT * ENGINES_MAX];
	static struct CMUnitTest tests[CASE_COUNT * ENGINES_MAX];
	size_t count = 0;
	for (size_t e = 0; e < fixture_engine_count; e++) {
		for (size_t i = 0; i < CASE_COUNT; i++, count++) {
			struct one *one = &ones[count];
			one->engine = &fixture_engines[e];
			one->number = i;
			snprintf(one->name, sizeof(one->name), "%s: %s", one->engine->name,
				cases[i].name);
			tests[count] = (struct CMUnitTest) { one->name, run_case, test_begin,
				test_end, one };
		}
	}
	return test_main(tests, count, __FILE__);
}
