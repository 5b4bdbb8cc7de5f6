/* SPDX-License-Identifier: Apache-2.0 */
/* See bulk.h. The same for every engine; one that has a quicker way in than prepared inserts brings
 * it as driver->copy. */
#include "store/bulk.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "store/store_impl.h"

#define MARK_TABLE "store_load"

static const char make_mark[] =
	"CREATE TABLE IF NOT EXISTS " MARK_TABLE
	" (one INTEGER NOT NULL, at BIGINT NOT NULL, proof {blob} NOT NULL, PRIMARY KEY (one)) {rows}";

enum { ADD_MARK, FIND_MARK, MOVE_MARK };
static const struct store_stmt statements[] = {
	[ADD_MARK] = { "store.add_mark", STORE_REFERENCE,
		"INSERT INTO " MARK_TABLE " (one, at, proof) VALUES (1, $1, $2)"
		" ON CONFLICT (one) DO NOTHING" },
	[FIND_MARK] = { "store.find_mark", STORE_REFERENCE,
		"SELECT at, proof FROM " MARK_TABLE " WHERE one = 1" },
	[MOVE_MARK] = { "store.move_mark", STORE_REFERENCE,
		"UPDATE " MARK_TABLE " SET at = $2, proof = $3 WHERE one = 1 AND at = $1" },
};

/* ---- looking ---- */

static int has_rows(struct store_tx *tx, const struct table *table, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = migrate_find_table(tx, table->name, err);
	if (rc != 1)
		return rc;
	rc = store_query(tx, &table->stmts[TABLE_ANY], NO_ARGS, &rows, err);
	return rc ? rc : store_next(rows, err);
}

static int look(struct store_tx *tx, const struct tables *tables, enum bulk_state *ret,
	const char **ret_table, struct err *err)
{
	int rc = migrate_find_table(tx, MARK_TABLE, err);
	*ret = rc == 1 ? BULK_BEGUN : BULK_EMPTY;
	for (size_t i = 0; i < tables->count && rc == 0; i++) {
		rc = has_rows(tx, &tables->list[i], err);
		if (rc != 1)
			continue;
		*ret = BULK_FULL;
		*ret_table = tables->list[i].name;
	}
	return rc < 0 ? rc : 0;
}

int bulk_look(const struct store_options *options, const struct tables *tables,
	enum bulk_state *ret, const char **ret_table, struct err *err)
{
	struct store *store;
	enum bulk_state state;
	const char *table = NULL;
	int rc = store_attach(options, OPEN_REHEARSE, &store, err);
	if (rc)
		return rc;
	struct store_tx *tx = &store->writers[0].tx;
	rc = tx_begin(tx, err);
	if (!rc) {
		tx_reset(tx);
		rc = look(tx, tables, &state, &table, err);
		tx_rollback(tx);
	}
	store_close(&store);
	if (rc)
		return rc == STORE_AWAY ? ERR_STORE : rc;
	*ret = state;
	*ret_table = table;
	return 0;
}

int bulk_unfinished(struct store_tx *tx, struct err *err)
{
	int rc = migrate_find_table(tx, MARK_TABLE, err);
	if (rc != 1)
		return rc;
	return err_set(err, ERR_STORE,
		"an import into this store has not ended: `zegel import --resume` goes on with it");
}

/* ---- the mark ---- */

struct filling {
	struct unit unit; /* first */
	const struct tables *tables;
};

static int ddl(struct store_tx *tx, const char *sql, struct err *err)
{
	const struct store_driver *driver = tx->conn->driver;
	struct buf filled BUF_AUTO;
	buf_init(&filled, NULL, STORE_DDL_MAX);
	int rc = ddl_fill(&driver->words, sql, &filled, err);
	return rc ? rc : driver->ddl(tx->conn, filled.ptr, err);
}

static int run_begin(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	static const unsigned char none[BULK_PROOF_LEN];
	int rc = ddl(tx, make_mark, err);
	if (rc)
		return rc;
	return store_write(tx, &statements[ADD_MARK], ARGS(V_INT(0), V_BLOB(none, sizeof(none))),
		STORE_ANY, err);
}

static int run(struct store *store, struct filling *filling, struct err *err)
{
	int rc = store_run(store, &filling->unit);
	if (rc && err)
		*err = filling->unit.err;
	return rc;
}

int bulk_begin(struct store *store, struct err *err)
{
	struct filling filling = { .unit = { .run = run_begin } };
	return run(store, &filling, err);
}

int bulk_find_mark(struct store_tx *tx, struct bulk_mark *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &statements[FIND_MARK], NO_ARGS, &rows, err);
	if (!rc)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	struct str proof = rc ? store_bytes(rows, 1) : STR("");
	if (proof.len != BULK_PROOF_LEN)
		return err_set(err, ERR_STORE, "the mark of the import is gone from this store");
	ret->at = store_int(rows, 0);
	memcpy(ret->proof, proof.ptr, BULK_PROOF_LEN);
	return 0;
}

int bulk_move_mark(struct store_tx *tx, int64_t from, const struct bulk_mark *to, struct err *err)
{
	return store_write(tx, &statements[MOVE_MARK],
		ARGS(V_INT(from), V_INT(to->at), V_BLOB(to->proof, BULK_PROOF_LEN)), 1, err);
}

static int run_end(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	const struct tables *tables = ((struct filling *)unit)->tables;
	const char *analyze = tx->conn->driver->analyze;
	char sql[128];
	int rc = 0;
	for (size_t i = 0; i < tables->count && analyze && !rc; i++) {
		snprintf(sql, sizeof(sql), "%s%s", analyze, tables->list[i].name);
		rc = tx->conn->driver->ddl(tx->conn, sql, err);
	}
	return rc ? rc : tx->conn->driver->ddl(tx->conn, "DROP TABLE " MARK_TABLE, err);
}

int bulk_end(struct store *store, const struct tables *tables, struct err *err)
{
	struct filling filling = { .unit = { .run = run_end }, .tables = tables };
	return run(store, &filling, err);
}

/* ---- rows ---- */

int bulk_key(const struct store *store, const struct table *table, int ret[TABLE_KEY_MAX])
{
	int n = table->key_count;
	int first = table->grows && store->driver->words.time_first ? n - 1 : 0;
	for (int i = 0; i < n; i++)
		ret[i] = table->key[(first + i) % n];
	return n;
}

int bulk_walk(struct store_tx *tx, const struct table *table, bool by_key, struct store_rows **ret,
	struct err *err)
{
	bool time_first = tx->conn->driver->words.time_first;
	enum table_stmt which = !by_key ? TABLE_SCAN : time_first ? TABLE_TIME_FIRST : TABLE_BY_KEY;
	return store_query(tx, &table->stmts[which], NO_ARGS, ret, err);
}

static int add_each(struct store_tx *tx, const struct table *table, bulk_next *next, void *user,
	struct err *err)
{
	const struct store_val *vals;
	int rc;
	while ((rc = next(user, &vals, err)) == 1) {
		const struct store_args args = { vals, (size_t)table->column_count };
		rc = store_write(tx, &table->stmts[TABLE_ADD], args, 1, err);
		if (rc)
			return rc;
	}
	return rc;
}

int bulk_add(struct store_tx *tx, const struct table *table, bulk_next *next, void *user,
	struct err *err)
{
	if (!tx->conn->driver->copy)
		return add_each(tx, table, next, user, err);
	const struct bulk_copy copy = { table, next, user };
	return tx_copy(tx, &copy, err);
}
