/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolments in the store; see programme.h. */
#include "programme/programme.h"
#include "programme/programme_sql.h"

static int read_rows(struct store_rows *rows, struct enrolment *list, size_t max, size_t *count,
	id_t64 member, struct err *err)
{
	int rc;

	while ((rc = store_next(rows, err)) > 0 && *count < max) {
		list[(*count)++] = (struct enrolment) {
			.member = member,
			.programme = store_int(rows, 0),
			.state = (enum enrolment_state)store_int(rows, 1),
			.arm = (int32_t)store_int(rows, 2),
			.since = store_int(rows, 3),
			.ask_after = store_int(rows, 4),
		};
	}
	return rc < 0 ? rc : 0;
}

/* A member is in a handful of programmes: a page of this size nearly always holds them all. */
#define FIRST_GUESS 16

int enrolment_list(struct store_tx *tx, id_t64 member, struct arena *arena, struct enrolment **ret,
	size_t *ret_count, struct err *err)
{
	struct enrolment *list = NULL;
	size_t max = FIRST_GUESS;
	size_t count = 0;

	do {
		struct store_rows *rows ROWS_AUTO = NULL;
		int rc = store_query(tx, &programme_statements[ENROLMENT_LIST],
			ARGS(V_INT(id_bucket(member)), V_INT(member)), &rows, err);
		if (rc < 0)
			return rc;
		max *= count ? 16 : 1;
		count = 0;
		list = arena_array(arena, max, sizeof(*list));
		if (!list)
			return err_set(err, ERR_NO_MEMORY, "no memory for enrolments");
		rc = read_rows(rows, list, max, &count, member, err);
		if (rc < 0)
			return rc;
	} while (count == max && max <= PROGRAMMES_MAX);
	*ret = list;
	*ret_count = count;
	return 0;
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
