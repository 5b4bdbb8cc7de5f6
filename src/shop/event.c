/* SPDX-License-Identifier: Apache-2.0 */
/* Device events. A number is the newest plus one, read in the unit and inserted expecting one row:
 * where two units meet at a device, the later finds its number taken (STORE_MOVED) and is run
 * again, so numbers have no gap and follow the order of the commits. */
#include "shop/shop.h"

#include "base/check.h"
#include "shop/shop_impl.h"

#define TYPE_LEN_MAX 40        /* "voucher_redeemed" has 16 */
#define BODY_LEN_MAX (1 << 18) /* all steps of a touch; a stream sends it whole */
#define PURGE_MAX 10000        /* rows one unit deletes: about a tenth of a second of the teller */

int event_head(struct store_tx *tx, id_t64 device, int64_t *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = shop_query_one(tx, SQL_EVENT_HEAD, ARGS(V_INT(id_bucket(device)), V_INT(device)),
		&rows, err);
	if (rc < 0)
		return rc;
	*ret = rc ? store_int(rows, 0) : 0;
	return 0;
}

int event_add(struct store_tx *tx, id_t64 device, const char *type, struct str body, int64_t now,
	struct err *err)
{
	struct str word = str_of(type);
	int64_t head = 0;
	require(device != 0 && word.len >= 1 && word.len <= TYPE_LEN_MAX);
	if (body.len > BODY_LEN_MAX)
		return err_set(err, ERR_TOO_LARGE, "an event has at most %d bytes", BODY_LEN_MAX);
	int rc = event_head(tx, device, &head, err);
	if (rc < 0)
		return rc;
	return store_write(tx, &shop_sql[SQL_EVENT_ADD],
		ARGS(V_INT(id_bucket(device)), V_INT(device), V_INT(head + 1), V_INT(now),
			V_TEXT(word), V_TEXT(body)),
		1, err);
}

static bool keep_event(struct arena *arena, const struct store_rows *rows, struct event *ret)
{
	*ret = (struct event) {
		.seq = store_int(rows, 0),
		.type = arena_str(arena, store_bytes(rows, 1)),
		.body = arena_str(arena, store_bytes(rows, 2)),
	};
	return ret->type.ptr && ret->body.ptr;
}

int event_read(struct store_tx *tx, id_t64 device, int64_t after, struct arena *arena,
	struct event *ret, size_t max, size_t *ret_count, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	size_t count = 0;
	int rc = store_query(tx, &shop_sql[SQL_EVENT_READ],
		ARGS(V_INT(id_bucket(device)), V_INT(device), V_INT(after), V_INT((int64_t)max)),
		&rows, err);
	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, err)) == 1) {
		if (unexpected(count == max))
			return err_set(err, ERR_INTERNAL, "more events than were asked for");
		if (!keep_event(arena, rows, &ret[count++]))
			return err_set(err, ERR_NO_MEMORY, "no memory for events");
	}
	if (rc == 0)
		*ret_count = count;
	return rc;
}

int event_recent(struct store_tx *tx, int64_t since, id_t64 after, struct event_mark *ret,
	size_t max, size_t *ret_count, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	size_t count = 0;
	int rc = store_query(tx, &shop_sql[SQL_EVENT_RECENT],
		ARGS(V_INT(since), V_INT(after), V_INT((int64_t)max)), &rows, err);
	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, err)) == 1 && count < max)
		ret[count++] = (struct event_mark) { store_int(rows, 0), store_int(rows, 1) };
	if (rc >= 0)
		*ret_count = count;
	return rc < 0 ? rc : 0;
}

/* Events that may go. */
struct old_events {
	struct old_event {
		int64_t bucket;
		id_t64 device;
		int64_t seq;
	} * list;
	size_t count, max;
};

/* All are read before the first is deleted: a table that changes under a query may show a row twice
 * or never. */
static int find_old(struct store_tx *tx, int64_t before, struct old_events *old, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &shop_sql[SQL_EVENT_OLD],
		ARGS(V_INT(before), V_INT((int64_t)old->max)), &rows, err);
	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, err)) == 1) {
		if (unexpected(old->count == old->max))
			return err_set(err, ERR_INTERNAL, "more events than were asked for");
		old->list[old->count++] = (struct old_event) { store_int(rows, 0),
			store_int(rows, 1), store_int(rows, 2) };
	}
	return rc;
}

int event_purge(struct store_tx *tx, int64_t before, size_t max, size_t *ret_count, struct err *err)
{
	struct old_events old = { .max = max < PURGE_MAX ? max : PURGE_MAX };
	struct arena *arena ARENA_AUTO = arena_new(PURGE_MAX * sizeof(*old.list));
	old.list = arena ? arena_array(arena, old.max, sizeof(*old.list)) : NULL;
	if (!old.list)
		return err_set(err, ERR_NO_MEMORY, "no memory to purge events");
	int rc = find_old(tx, before, &old, err);
	for (size_t i = 0; rc == 0 && i < old.count; i++)
		rc = store_write(tx, &shop_sql[SQL_EVENT_DROP],
			ARGS(V_INT(old.list[i].bucket), V_INT(old.list[i].device),
				V_INT(old.list[i].seq)),
			1, err);
	if (rc == 0)
		*ret_count = old.count;
	return rc;
}
