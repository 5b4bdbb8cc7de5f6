/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of a schema step (struct store_room in store.h), filled in for one engine. To add a
 * token: a word in struct ddl_words and a branch in token(). */
#include "store/store_impl.h"

static int grow(const struct ddl_words *words, struct str columns, struct buf *out, struct err *err)
{
	struct str rest = columns;
	struct str time = str_trim(str_cut(&rest, '|'));
	rest = str_trim(rest);
	if (!time.len || !rest.len)
		return err_set(err, ERR_INTERNAL, "{grow TIME | REST} without one of them");
	buf_cstr(out, "PRIMARY KEY (");
	buf_add(out, words->time_first ? time : rest);
	buf_cstr(out, ", ");
	buf_add(out, words->time_first ? rest : time);
	buf_char(out, ')');
	return 0;
}

static int token(const struct ddl_words *words, struct str name, struct buf *out, struct err *err)
{
	if (str_is(name, "blob"))
		buf_cstr(out, words->blob);
	else if (str_is(name, "rows") || (str_starts(name, "rows by month ") && !words->by_month))
		buf_cstr(out, words->rows);
	else if (str_starts(name, "rows by month "))
		buf_printf(out, "PARTITION BY RANGE (%.*s)",
			STR_ARG(str_trim(str_from(name, strlen("rows by month ")))));
	else if (str_starts(name, "grow "))
		return grow(words, str_from(name, 5), out, err);
	else
		return err_set(err, ERR_INTERNAL, "a schema step has the unknown token {%.*s}",
			STR_ARG(name));
	return 0;
}

int ddl_fill(const struct ddl_words *words, const char *step, struct buf *out, struct err *err)
{
	const char *at = step, *open;
	while ((open = strchr(at, '{'))) {
		const char *end = strchr(open, '}');
		if (!end)
			return err_set(err, ERR_INTERNAL, "a schema step has an open token");
		buf_add(out, str_bytes(at, (size_t)(open - at)));
		int rc = token(words, str_bytes(open + 1, (size_t)(end - open - 1)), out, err);
		if (rc)
			return rc;
		at = end + 1;
	}
	buf_cstr(out, at);
	buf_char(out, '\0'); /* for engines that want C strings */
	return out->failed ? err_set(err, ERR_INTERNAL, "a schema step is too long") : 0;
}
