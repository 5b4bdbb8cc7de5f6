/* SPDX-License-Identifier: Apache-2.0 */
/* What the jobs sweep for, soonest first. What is wholly held is not due: it would come again and
 * again until the hold ends, and keep others from coming. */
#include "ledger/ledger_impl.h"

static int sweep(struct store_tx *tx, enum ledger_sql sql, int64_t now, struct ledger_due *ret,
	size_t max, size_t *ret_count, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	size_t count = 0;
	int rc = store_query(tx, &ledger_sql[sql], ARGS(V_INT(now), V_INT((int64_t)max)), &rows,
		err);

	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, err)) == 1) {
		if (unexpected(count == max))
			return err_set(err, ERR_INTERNAL, "the store gave more than was asked for");
		ret[count++] = (struct ledger_due) {
			.member = store_int(rows, 0),
			.programme = store_int(rows, 1),
			.expires_at = store_int(rows, 2),
			.hold = sql == SQL_HOLD_DUE ? store_int(rows, 3) : 0,
		};
	}
	if (rc == 0)
		*ret_count = count;
	return rc;
}

int ledger_due_lots(struct store_tx *tx, int64_t now, struct ledger_due *ret, size_t max,
	size_t *ret_count, struct err *err)
{
	return sweep(tx, SQL_LOT_DUE, now, ret, max, ret_count, err);
}

int ledger_due_holds(struct store_tx *tx, int64_t now, struct ledger_due *ret, size_t max,
	size_t *ret_count, struct err *err)
{
	return sweep(tx, SQL_HOLD_DUE, now, ret, max, ret_count, err);
}
