/* SPDX-License-Identifier: Apache-2.0 */
/* CSV (RFC 4180) as a stream: feed it chunks of bytes, it calls back once a record. CRLF or LF,
 * quoted fields with doubled quotes and line ends inside, a last record without a line end; an
 * empty line is no record. Leaves bytes as they are (no character set conversion). */
#ifndef CODEC_CSV_H
#define CODEC_CSV_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define CSV_FIELDS_MAX 512
#define CSV_RECORD_MAX (1 << 20)

struct csv;
/* fields are valid during the call. Return 0 to go on; anything else stops the feed and is
 * returned. */
typedef int csv_record(void *user, int64_t line, const struct str *fields, int count,
	struct err *err);

/* NULL if there is no memory. */
struct csv *csv_new(csv_record *record, void *user);
void csv_free(struct csv **csv);
/* ERR_UNREADABLE "line N": a quote in the middle of a field, text after a closing quote, CR without
 * LF. ERR_TOO_LARGE past the maxima. After a failure every later call returns it again. */
int csv_feed(struct csv *csv, struct str chunk, struct err *err) must_check;
/* The end of the input; ERR_UNREADABLE if a quoted field is still open. */
int csv_finish(struct csv *csv, struct err *err) must_check;

#endif
