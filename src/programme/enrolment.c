/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolments in the store; see programme.h. */
#include <string.h>

#include "programme/programme.h"
#include "programme/programme_sql.h"

/* A member is in a handful of programmes. */
#define FIRST_GUESS 8

/* Doubles a list. */
static int grow(struct arena *arena, struct enrolment **list, size_t count, size_t *max,
	struct err *err)
{
	size_t more = *max ? *max * 2 : FIRST_GUESS;
	struct enrolment *fresh = arena_array(arena, more, sizeof(*fresh));

	if (!fresh)
		return err_set(err, ERR_NO_MEMORY, "no memory for enrolments");
	if (count)
		memcpy(fresh, *list, count * sizeof(*fresh));
	*list = fresh;
	*max = more;
	return 0;
}

int enrolment_ask(struct store_tx *tx, id_t64 member, struct store_rows **ret, struct err *err)
{
	return store_query(tx, &programme_statements[ENROLMENT_LIST],
		ARGS(V_INT(id_bucket(member)), V_INT(member)), ret, err);
}

int enrolment_take(struct store_rows *rows, id_t64 member, struct arena *arena,
	struct enrolment **ret, size_t *ret_count, struct err *err)
{
	struct enrolment *list = NULL;
	size_t count = 0, max = 0;
	int rc = grow(arena, &list, 0, &max, err);

	while (rc == 0 && (rc = store_next(rows, err)) > 0) {
		rc = count == max ? grow(arena, &list, count, &max, err) : 0;
		if (rc < 0)
			return rc;
		list[count++] = (struct enrolment) {
			.member = member,
			.programme = store_int(rows, 0),
			.state = (enum enrolment_state)store_int(rows, 1),
			.arm = (int32_t)store_int(rows, 2),
			.since = store_int(rows, 3),
			.ask_after = store_int(rows, 4),
		};
	}
	if (rc < 0)
		return rc;
	*ret = list;
	*ret_count = count;
	return 0;
}

int enrolment_list(struct store_tx *tx, id_t64 member, struct arena *arena, struct enrolment **ret,
	size_t *ret_count, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = enrolment_ask(tx, member, &rows, err);

	return rc < 0 ? rc : enrolment_take(rows, member, arena, ret, ret_count, err);
}

int enrolment_put(struct store_tx *tx, const struct enrolment *e, bool was_there, struct err *err)
{
	const struct store_stmt *stmt =
		&programme_statements[was_there ? ENROLMENT_MOVE : ENROLMENT_ADD];

	return store_write(tx, stmt,
		ARGS(V_INT(id_bucket(e->member)), V_INT(e->member), V_INT(e->programme),
			V_INT(e->state), V_INT(e->arm), V_INT(e->since), V_INT(e->ask_after)),
		1, err);
}
