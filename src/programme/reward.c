/* SPDX-License-Identifier: Apache-2.0 */
/* Rewards in the store; the state diagram is in programme.h. Every change is guarded by the number
 * of changes that was read, so of two hands at one reward one comes too late. */
#include <string.h>

#include "base/check.h"
#include "programme/programme.h"
#include "programme/programme_sql.h"

const char *const reward_state_words[] = { "", "offered", "held", "given", "released", "expired",
	"reversed", NULL };

bool reward_is_due(const struct reward *reward)
{
	return reward->state == REWARD_OFFERED || reward->state == REWARD_RELEASED ||
		reward->state == REWARD_EXPIRED;
}

int reward_add(struct store_tx *tx, const struct reward *r, struct err *err)
{
	require(id_bucket(r->id) == id_bucket(r->member));
	return store_write(tx, &programme_statements[REWARD_ADD],
		ARGS(V_INT(id_bucket(r->id)), V_INT(r->id), V_INT(r->merchant), V_INT(r->member),
			V_INT(r->programme), V_INT(r->version), V_INT(r->arm), V_INT(r->state),
			V_TEXT(r->code), V_INT(r->cost), V_INT(r->device), V_INT(r->offered_at),
			V_INT(r->changed_at), V_INT(r->hold_until), V_INT(r->changes),
			V_INT(r->hold)),
		1, err);
}

static int read_row(const struct store_rows *rows, struct arena *arena, struct reward *ret,
	struct err *err)
{
	struct str code = arena_str(arena, store_bytes(rows, 7));

	if (!code.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a reward");
	*ret = (struct reward) {
		.id = store_int(rows, 0),
		.merchant = store_int(rows, 1),
		.member = store_int(rows, 2),
		.programme = store_int(rows, 3),
		.version = (int32_t)store_int(rows, 4),
		.arm = (int32_t)store_int(rows, 5),
		.state = (enum reward_state)store_int(rows, 6),
		.code = code,
		.cost = store_int(rows, 8),
		.device = store_int(rows, 9),
		.offered_at = store_int(rows, 10),
		.changed_at = store_int(rows, 11),
		.hold_until = store_int(rows, 12),
		.changes = store_int(rows, 13),
		.hold = store_int(rows, 14),
	};
	return 0;
}

static int read_rows(struct store_rows *rows, struct arena *arena, struct reward *ret, size_t max,
	size_t *ret_count, struct err *err)
{
	size_t count = 0;
	int rc = 0;

	while (count < max && (rc = store_next(rows, err)) > 0) {
		rc = read_row(rows, arena, &ret[count], err);
		if (rc < 0)
			return rc;
		count++;
	}
	*ret_count = count;
	return rc < 0 ? rc : 0;
}

int reward_get(struct store_tx *tx, id_t64 merchant, id_t64 id, struct arena *arena,
	struct reward *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &programme_statements[REWARD_GET],
		ARGS(V_INT(id_bucket(id)), V_INT(id)), &rows, err);

	if (rc < 0)
		return rc;
	rc = store_next(rows, err);
	if (rc <= 0 || store_int(rows, 1) != merchant)
		return rc < 0 ? rc : 1;
	return read_row(rows, arena, ret, err);
}

int reward_save(struct store_tx *tx, struct reward *r, struct err *err)
{
	int rc = store_write(tx, &programme_statements[REWARD_SAVE],
		ARGS(V_INT(id_bucket(r->id)), V_INT(r->id), V_INT(r->changes), V_INT(r->state),
			V_INT(r->device), V_INT(r->changed_at), V_INT(r->hold_until),
			V_INT(r->hold)),
		1, err);

	if (rc == 0)
		r->changes++;
	return rc;
}

#define FIRST_GUESS 16

/* Twice the room, with what is there. */
static int grow(struct arena *arena, struct reward **list, size_t *cap, struct err *err)
{
	size_t more = *cap ? *cap * 2 : FIRST_GUESS;
	struct reward *longer = arena_array(arena, more, sizeof(*longer));

	if (!longer)
		return err_set(err, ERR_NO_MEMORY, "no memory for rewards");
	if (*cap)
		memcpy(longer, *list, *cap * sizeof(*longer));
	*list = longer;
	*cap = more;
	return 0;
}

int reward_open(struct store_tx *tx, id_t64 member, struct arena *arena, struct reward **ret,
	size_t *ret_count, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	struct reward *list = NULL;
	size_t count = 0, cap = 0;
	int rc = store_query(tx, &programme_statements[REWARD_OPEN],
		ARGS(V_INT(id_bucket(member)), V_INT(member)), &rows, err);

	if (rc == 0)
		rc = grow(arena, &list, &cap, err);
	while (rc == 0 && (rc = store_next(rows, err)) > 0) {
		if (count == REWARDS_OPEN_MAX)
			return err_set(err, ERR_TOO_MANY, "a member has at most %d open rewards",
				REWARDS_OPEN_MAX);
		rc = count == cap ? grow(arena, &list, &cap, err) : 0;
		if (rc == 0)
			rc = read_row(rows, arena, &list[count++], err);
	}
	if (rc < 0)
		return rc;
	*ret = list;
	*ret_count = count;
	return 0;
}

int reward_list(struct store_tx *tx, id_t64 merchant, id_t64 member, enum reward_state state,
	id_t64 after, struct arena *arena, struct reward *ret, size_t max, size_t *ret_count,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &programme_statements[REWARD_LIST],
		ARGS(V_INT(id_bucket(member)), V_INT(member), V_INT(state), V_INT(after),
			V_INT(merchant), V_INT((int64_t)max)),
		&rows, err);

	return rc < 0 ? rc : read_rows(rows, arena, ret, max, ret_count, err);
}

int reward_list_state(struct store_tx *tx, id_t64 merchant, enum reward_state state, id_t64 after,
	struct arena *arena, struct reward *ret, size_t max, size_t *ret_count, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &programme_statements[REWARD_LIST_STATE],
		ARGS(V_INT(merchant), V_INT(state), V_INT(after), V_INT((int64_t)max)), &rows, err);

	return rc < 0 ? rc : read_rows(rows, arena, ret, max, ret_count, err);
}
