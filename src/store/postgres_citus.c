/* SPDX-License-Identifier: Apache-2.0 */
/* Citus: spreading the tables of a PostgreSQL store over its nodes (D7). Each statement of ours
 * names its bucket, so a unit of one bucket stays on one node; a unit over two is a two-phase
 * commit, whose failures are uncertain (postgres_pipe.c).
 *
 * https://docs.citusdata.com: create_distributed_table, create_reference_table; pg_dist_partition
 * tells what is spread. */
#include "store/postgres_impl.h"
#include "store/tables.h"

static const struct store_stmt find_extension = { "store.find_citus", STORE_REFERENCE,
	"SELECT extversion FROM pg_extension WHERE extname = 'citus'" };
static const struct store_stmt find_spread = { "store.find_spread", STORE_REFERENCE,
	"SELECT 1 FROM pg_catalog.pg_dist_partition p JOIN pg_catalog.pg_class c "
	"ON c.oid = p.logicalrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
	"WHERE c.relname = $1 AND n.nspname = current_schema()" };

static int find(struct store_tx *tx, const struct store_stmt *stmt, struct store_args args,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, stmt, args, &rows, err);

	return rc ? rc : store_next(rows, err);
}

/* The names are those of our own schema steps: letters, digits and '_' (tables.c). */
void pg_spread_sql(const struct table *table, const char *first, struct buf *out)
{
	if (table->bucket < 0)
		buf_printf(out, "SELECT create_reference_table('%s')", table->name);
	else if (first[0])
		buf_printf(out,
			"SELECT create_distributed_table('%s', 'bucket', colocate_with => '%s')",
			table->name, first);
	else
		buf_printf(out, "SELECT create_distributed_table('%s', 'bucket')", table->name);
	buf_char(out, '\0');
}

int pg_spread(struct store_tx *tx, const struct table *table, const char *first, bool dry_run,
	struct buf *ret_sql, struct err *err)
{
	int rc = find(tx, &find_extension, NO_ARGS, err);

	if (rc == 0)
		return err_set(err, ERR_STORE,
			"this database has no extension citus: CREATE EXTENSION citus; on the "
			"coordinator and its workers, or leave --citus out");
	if (rc == 1)
		rc = find(tx, &find_spread, ARGS(V_TEXT(str_of(table->name))), err);
	if (rc)
		return rc;
	pg_spread_sql(table, first, ret_sql);
	if (dry_run)
		return 0;
	const struct store_stmt spread = { "store.spread", STORE_REFERENCE, ret_sql->ptr };
	rc = find(tx, &spread, NO_ARGS, err);
	pg_of(tx->conn)->wrote = true; /* though it is a SELECT */
	return rc < 0 ? rc : 0;
}
