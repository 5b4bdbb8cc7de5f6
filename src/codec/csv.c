/* SPDX-License-Identifier: Apache-2.0 */
/* CSV as a stream. The bytes of a record are gathered, without their quotes, in one growing buffer,
 * with the end of each field beside them; when the line ends the fields become strs and the record
 * goes out.
 *
 *                    ,                      "                       "
 *   FIELD_START ----------> FIELD_START   FIELD_START --> QUOTED <-----> QUOTE_SEEN
 *       | other                                                           | , or line end
 *     PLAIN -- , --> FIELD_START          any but QUOTED -- CR --> CR_SEEN -- LF --> RECORD_START
 *
 * RECORD_START is FIELD_START of a first field: a line end there is an empty line, and no record.
 *
 * Invariants: the first failure stays in rc; bytes.len is the end of the field being read. */
#include "codec/csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum csv_state {
	RECORD_START,
	FIELD_START,
	PLAIN,      /* in a field without quotes */
	QUOTED,     /* between quotes */
	QUOTE_SEEN, /* after a quote that ends the field, or is the first of two */
	CR_SEEN,    /* LF must follow */
};

struct csv {
	csv_record *record;
	void *user;
	enum csv_state state;
	int rc;
	int64_t line;       /* being read, from 1 */
	int64_t first_line; /* of the record */
	struct buf bytes;
	int count;
	size_t ends[CSV_FIELDS_MAX];
};

struct csv *csv_new(csv_record *record, void *user)
{
	struct csv *csv = malloc(sizeof *csv);
	if (!csv)
		return NULL;
	csv->record = record;
	csv->user = user;
	csv->state = RECORD_START;
	csv->rc = 0;
	csv->line = csv->first_line = 1;
	csv->count = 0;
	buf_init(&csv->bytes, NULL, CSV_RECORD_MAX);
	return csv;
}

void csv_free(struct csv **csv)
{
	if (!*csv)
		return;
	buf_done(&(*csv)->bytes);
	free(*csv);
	*csv = NULL;
}

static int fail(struct csv *csv, int code, const char *text, struct err *err)
{
	char at[32];
	snprintf(at, sizeof at, "line %" PRId64, csv->line);
	return csv->rc = err_at(err, code, at, "%s", text);
}

static int end_field(struct csv *csv, struct err *err)
{
	if (csv->count == CSV_FIELDS_MAX)
		return fail(csv, ERR_TOO_LARGE, "the record has too many fields", err);
	csv->ends[csv->count++] = csv->bytes.len;
	csv->state = FIELD_START;
	return 0;
}

static int end_record(struct csv *csv, struct err *err)
{
	struct str fields[CSV_FIELDS_MAX];
	size_t from = 0;
	for (int i = 0; i < csv->count; i++) {
		fields[i] = str_first(str_from(buf_str(&csv->bytes), from), csv->ends[i] - from);
		from = csv->ends[i];
	}
	csv->rc = csv->record(csv->user, csv->first_line, fields, csv->count, err);
	buf_reset(&csv->bytes);
	csv->count = 0;
	return csv->rc;
}

/* The fields of the line are all ended; an empty line has none, and is no record. */
static int end_line(struct csv *csv, struct err *err)
{
	if (csv->count > 0 && end_record(csv, err) != 0)
		return csv->rc;
	csv->state = RECORD_START;
	csv->first_line = ++csv->line;
	return 0;
}

static int add_bytes(struct csv *csv, struct str bytes, struct err *err)
{
	buf_add(&csv->bytes, bytes);
	if (!csv->bytes.failed)
		return 0;
	bool large = bytes.len > csv->bytes.max - csv->bytes.len;
	return fail(csv, large ? ERR_TOO_LARGE : ERR_NO_MEMORY,
		large ? "the record is too long" : "no memory left for this record", err);
}

/* A byte that means something outside quotes. */
static int special(struct csv *csv, char c, struct err *err)
{
	if (csv->state == CR_SEEN && c != '\n')
		return fail(csv, ERR_UNREADABLE, "a carriage return without a line feed", err);
	if (c == ',')
		return end_field(csv, err);
	if (c == '"') {
		if (csv->state == PLAIN)
			return fail(csv, ERR_UNREADABLE, "a quote in the middle of a field", err);
		csv->state = QUOTED;
		return 0;
	}
	if (csv->state != RECORD_START && csv->state != CR_SEEN && end_field(csv, err) != 0)
		return csv->rc;
	csv->state = CR_SEEN;
	return c == '\n' ? end_line(csv, err) : 0;
}

static bool is_special(char c)
{
	return c == ',' || c == '"' || c == '\r' || c == '\n';
}

/* Text outside quotes, up to the next byte that means something. Returns how much was eaten. */
static size_t plain(struct csv *csv, struct str chunk, struct err *err)
{
	size_t n = 0;
	while (n < chunk.len && !is_special(chunk.ptr[n]))
		n++;
	if (csv->state == CR_SEEN)
		fail(csv, ERR_UNREADABLE, "a carriage return without a line feed", err);
	else if (csv->state == QUOTE_SEEN)
		fail(csv, ERR_UNREADABLE, "text after a closing quote", err);
	else
		add_bytes(csv, str_first(chunk, n), err);
	csv->state = PLAIN;
	return n;
}

/* Text between quotes, up to the next quote. */
static size_t quoted(struct csv *csv, struct str chunk, struct err *err)
{
	struct str rest = chunk, text = str_cut(&rest, '"');
	add_bytes(csv, text, err);
	for (size_t i = 0; i < text.len; i++)
		csv->line += text.ptr[i] == '\n';
	if (text.len == chunk.len)
		return text.len;
	csv->state = QUOTE_SEEN;
	return text.len + 1;
}

/* Eats the front of a chunk that is not empty; returns how much. */
static size_t step(struct csv *csv, struct str chunk, struct err *err)
{
	char c = chunk.ptr[0];
	if (csv->state == QUOTED)
		return quoted(csv, chunk, err);
	if (csv->state == QUOTE_SEEN && c == '"') {
		csv->state = QUOTED;
		add_bytes(csv, STR("\""), err);
		return 1;
	}
	if (!is_special(c))
		return plain(csv, chunk, err);
	special(csv, c, err);
	return 1;
}

int csv_feed(struct csv *csv, struct str chunk, struct err *err)
{
	while (csv->rc == 0 && chunk.len > 0)
		chunk = str_from(chunk, step(csv, chunk, err));
	return csv->rc;
}

int csv_finish(struct csv *csv, struct err *err)
{
	if (csv->rc != 0)
		return csv->rc;
	if (csv->state == QUOTED)
		return fail(csv, ERR_UNREADABLE, "a quoted field is still open", err);
	if (csv->state == CR_SEEN)
		return fail(csv, ERR_UNREADABLE, "a carriage return without a line feed", err);
	return csv->state == RECORD_START ? 0 : special(csv, '\n', err);
}
