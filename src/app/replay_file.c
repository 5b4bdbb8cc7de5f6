/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a file of invoices; see replay_impl.h. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/replay_impl.h"
#include "codec/csv.h"
#include "codec/date.h"
#include "codec/decimal.h"

/* What the words of one file may take. */
#define WORDS_BYTES_MAX ((size_t)2 << 30)
#define NUMBER_MAX 64
#define CUSTOMER_MAX 200
#define FIELD_MAX 1000

enum column { INVOICE, STOCK, DESCRIPTION, QUANTITY, DATE, PRICE, CUSTOMER, COLUMN_COUNT };
static const char *const column_names[COLUMN_COUNT] = { "InvoiceNo", "StockCode", "Description",
	"Quantity", "InvoiceDate", "UnitPrice", "CustomerID" };

struct reading {
	struct replay_file *file;
	uint32_t *invoice_of; /* by the word of its number */
	uint32_t invoice_of_cap;
	int columns[COLUMN_COUNT];
	bool has_head;
	int64_t line;
};

static int fault(const struct reading *r, const char *what, const char *how, struct err *err)
{
	char at[32];

	snprintf(at, sizeof(at), "line %lld", (long long)r->line);
	return err_at(err, ERR_INVALID, at, "%s %s", what, how);
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NO_MEMORY, "no memory to hold the file");
}

/* ---- texts ---- */

/* A field as UTF-8 in out (room for twice the maximum): what is not UTF-8 is Latin-1, as
 * spreadsheets of western Europe write it. Control bytes become blanks: a receipt is one line a
 * line. */
static struct str clean(struct str text, char *out)
{
	size_t n = 0;
	bool utf8 = str_utf8(text, NULL);

	text = str_trim(text);
	text = utf8 ? replay_cut(text, FIELD_MAX) : str_first(text, FIELD_MAX);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c >= 0x80 && !utf8) {
			out[n++] = (char)(0xc0 | c >> 6);
			out[n++] = (char)(0x80 | (c & 0x3f));
		} else {
			out[n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
		}
	}
	return (struct str) { out, n };
}

/* A word of a field; REPLAY_NONE: blank. */
static int take_word(struct reading *r, struct str field, uint32_t *ret, struct err *err)
{
	char out[2 * FIELD_MAX];
	struct str text = clean(field, out);

	*ret = text.len ? words_add(&r->file->words, text) : REPLAY_NONE;
	return text.len && *ret == REPLAY_NONE ? no_memory(err) : 0;
}

/* "2010-12-01 08:26:00", with or without the seconds, as the contract writes a time. The shop's
 * clock is taken as UTC. */
static int take_time(struct reading *r, struct str field, uint32_t *ret, struct err *err)
{
	char text[40], canonical[DATE_TEXT_MAX];
	int64_t at;

	field = str_first(str_trim(field), 24);
	snprintf(text, sizeof(text), "%.*s%s", STR_ARG(field), field.len == 16 ? ":00Z" : "Z");
	if (!date_time_read(str_of(text), &at))
		return fault(r, "InvoiceDate", "must be like 2010-12-01 08:26:00", err);
	*ret = words_add(&r->file->words, str_of(date_time_write(at, canonical)));
	return *ret == REPLAY_NONE ? no_memory(err) : 0;
}

/* ---- numbers ---- */

static int take_quantity(const struct reading *r, struct str field, int64_t *ret, struct err *err)
{
	if (!num_parse_range(str_trim(field), -NUM_AMOUNT_MAX / 1000, NUM_AMOUNT_MAX / 1000, ret))
		return fault(r, "Quantity", "must be a whole number", err);
	return 0;
}

/* Rounds half up to pence: towards plus infinity, so -0.5 becomes 0. */
static int take_price(const struct reading *r, struct str field, int64_t *ret, struct err *err)
{
	enum { SCALE = 1000000 };
	int64_t price;

	if (!decimal_read(str_trim(field), 8, &price) || !num_add(price, SCALE / 2, &price))
		return fault(r, "UnitPrice", "must be a decimal number like 2.55", err);
	*ret = price / SCALE - (price % SCALE < 0);
	return 0;
}

/* ---- lines and invoices ---- */

static bool more_room(void **list, uint32_t *cap, size_t size)
{
	uint32_t more = *cap ? *cap * 2 : 4096;
	void *grown = realloc(*list, more * size);

	if (!grown)
		return false;
	*list = grown;
	*cap = more;
	return true;
}

static enum replay_kind kind_of(struct str number)
{
	return number.ptr[0] == 'C'    ? REPLAY_RETURN
		: number.ptr[0] == 'A' ? REPLAY_ADJUSTMENT
				       : REPLAY_SALE;
}

static int add_invoice(struct reading *r, uint32_t number, const struct str *fields, uint32_t *ret,
	struct err *err)
{
	struct replay_file *f = r->file;
	struct replay_invoice invoice = { .number = number,
		.kind = kind_of(f->words.list[number]),
		.first = REPLAY_NONE,
		.last = REPLAY_NONE };
	int rc;

	if (f->words.list[number].len > NUMBER_MAX)
		return fault(r, "InvoiceNo", "is longer than 64 bytes", err);
	if (f->invoice_count == f->invoice_cap &&
		!more_room((void **)&f->invoices, &f->invoice_cap, sizeof(*f->invoices)))
		return no_memory(err);
	rc = take_time(r, fields[r->columns[DATE]], &invoice.at, err);
	if (rc == 0)
		rc = take_word(r, fields[r->columns[CUSTOMER]], &invoice.customer, err);
	if (rc < 0)
		return rc;
	if (invoice.customer != REPLAY_NONE && f->words.list[invoice.customer].len > CUSTOMER_MAX)
		return fault(r, "CustomerID", "is longer than 200 bytes", err);
	f->invoices[f->invoice_count] = invoice;
	*ret = f->invoice_count++;
	return 0;
}

/* The invoice of that number, made if it is new. */
static int find_invoice(struct reading *r, const struct str *fields, uint32_t *ret, struct err *err)
{
	uint32_t number;
	int rc = take_word(r, fields[r->columns[INVOICE]], &number, err);

	if (rc < 0)
		return rc;
	if (number == REPLAY_NONE)
		return fault(r, "InvoiceNo", "is empty", err);
	while (number >= r->invoice_of_cap) {
		uint32_t before = r->invoice_of_cap;
		if (!more_room((void **)&r->invoice_of, &r->invoice_of_cap, sizeof(uint32_t)))
			return no_memory(err);
		memset(r->invoice_of + before, 0xff,
			(r->invoice_of_cap - before) * sizeof(uint32_t));
	}
	if (r->invoice_of[number] == REPLAY_NONE)
		rc = add_invoice(r, number, fields, &r->invoice_of[number], err);
	*ret = r->invoice_of[number];
	return rc;
}

static int read_line(struct reading *r, const struct str *fields, struct replay_line *ret,
	struct err *err)
{
	int rc = find_invoice(r, fields, &ret->invoice, err);

	if (rc == 0)
		rc = take_word(r, fields[r->columns[STOCK]], &ret->sku, err);
	if (rc == 0)
		rc = take_word(r, fields[r->columns[DESCRIPTION]], &ret->description, err);
	if (rc == 0)
		rc = take_quantity(r, fields[r->columns[QUANTITY]], &ret->quantity, err);
	return rc == 0 ? take_price(r, fields[r->columns[PRICE]], &ret->price_minor, err) : rc;
}

static int add_line(struct reading *r, const struct str *fields, struct err *err)
{
	struct replay_line line = { .next = REPLAY_NONE, .earlier = REPLAY_NONE };
	struct replay_file *f = r->file;
	struct replay_invoice *invoice;
	int rc = read_line(r, fields, &line, err);

	if (rc < 0)
		return rc;
	if (f->line_count >= REPLAY_LINES_MAX)
		return err_set(err, ERR_TOO_LARGE, "the file has more than %d lines",
			REPLAY_LINES_MAX);
	if (f->line_count == f->line_cap &&
		!more_room((void **)&f->lines, &f->line_cap, sizeof(*f->lines)))
		return no_memory(err);
	invoice = &f->invoices[line.invoice];
	if (invoice->last == REPLAY_NONE)
		invoice->first = f->line_count;
	else
		f->lines[invoice->last].next = f->line_count;
	invoice->last = f->line_count;
	f->lines[f->line_count++] = line;
	return 0;
}

/* ---- records ---- */

static int read_head(struct reading *r, const struct str *fields, int count, struct err *err)
{
	r->has_head = true;
	for (int c = 0; c < COLUMN_COUNT; c++) {
		r->columns[c] = -1;
		for (int i = 0; i < count; i++) {
			struct str name = fields[i];
			if (i == 0 && str_starts(name, "\xef\xbb\xbf"))
				name = str_from(name, 3);
			if (str_is(str_trim(name), column_names[c]))
				r->columns[c] = i;
		}
		if (r->columns[c] < 0)
			return fault(r, column_names[c],
				"is not among the columns: InvoiceNo, StockCode, Description, "
				"Quantity, InvoiceDate, UnitPrice and CustomerID are needed",
				err);
	}
	return 0;
}

static int on_record(void *user, int64_t line, const struct str *fields, int count, struct err *err)
{
	struct reading *r = user;

	r->line = line;
	if (!r->has_head)
		return read_head(r, fields, count, err);
	for (int c = 0; c < COLUMN_COUNT; c++)
		if (r->columns[c] >= count)
			return fault(r, column_names[c], "is missing here", err);
	return add_line(r, fields, err);
}

/* ---- bytes ---- */

/* Gives the next bytes of a source; 0: the end. */
typedef int more_bytes(void *user, struct str *ret, struct err *err);

static int feed(struct csv *csv, more_bytes *more, void *user, struct err *err)
{
	struct str chunk;
	int rc;

	while ((rc = more(user, &chunk, err)) > 0) {
		rc = csv_feed(csv, chunk, err);
		if (rc != 0)
			return rc;
	}
	return rc < 0 ? rc : csv_finish(csv, err);
}

static int read_all(struct replay_file *file, more_bytes *more, void *user, struct err *err)
{
	struct reading r = { .file = file };
	struct csv *csv = csv_new(on_record, &r);
	int rc;

	*file = (struct replay_file) { 0 };
	rc = csv && words_init(&file->words, WORDS_BYTES_MAX) ? feed(csv, more, user, err)
							      : no_memory(err);
	if (rc == 0 && !r.has_head)
		rc = err_set(err, ERR_INVALID,
			"the file is empty: its first line names the columns");
	if (csv)
		csv_free(&csv);
	free(r.invoice_of);
	return rc;
}

void replay_file_done(struct replay_file *file)
{
	words_done(&file->words);
	free(file->lines);
	free(file->invoices);
	*file = (struct replay_file) { 0 };
}

static int more_of_text(void *user, struct str *ret, struct err *err)
{
	struct str *rest = user;

	(void)err;
	*ret = *rest;
	*rest = STR("");
	return ret->len > 0;
}

int replay_file_parse(struct str bytes, struct replay_file *ret, struct err *err)
{
	return read_all(ret, more_of_text, &bytes, err);
}

/* ---- files ---- */

struct source {
	int fd;
	char bytes[1 << 16];
};

static int more_of_file(void *user, struct str *ret, struct err *err)
{
	struct source *source = user;
	ssize_t n;

	while ((n = read(source->fd, source->bytes, sizeof(source->bytes))) < 0 && errno == EINTR)
		;
	if (n < 0)
		return err_set(err, ERR_IO, "the file could not be read: %s", strerror(errno));
	*ret = str_bytes(source->bytes, (size_t)n);
	return n > 0;
}

/* Starts `xz -dc -- PATH`, and gives the end of its pipe. */
static int start_xz(const char *path, pid_t *ret_pid, int *ret_fd, struct err *err)
{
	char *argv[] = { (char *)"xz", (char *)"-dc", (char *)"--", (char *)path, NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, ERR_IO, "no pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	rc = posix_spawnp(ret_pid, "xz", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (rc == 0) {
		*ret_fd = ends[0];
		return 0;
	}
	close(ends[0]);
	return err_set(err, ERR_IO,
		rc == ENOENT ? "xz is not installed: apt install xz-utils, or unpack the file first"
			     : "xz could not be started: %s",
		strerror(rc));
}

static int read_xz(const char *path, struct replay_file *ret, struct err *err)
{
	struct source source;
	pid_t pid;
	int status = 0;
	int rc = start_xz(path, &pid, &source.fd, err);

	if (rc < 0)
		return rc;
	rc = read_all(ret, more_of_file, &source, err);
	close(source.fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return err_set(err, ERR_IO, "xz could not unpack %s", path);
	return rc;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

int replay_file_read(const char *path, struct replay_file *ret, struct err *err)
{
	struct source source = { .fd = STDIN_FILENO };
	int rc;

	*ret = (struct replay_file) { 0 };
	if (strcmp(path, "-") == 0)
		return read_all(ret, more_of_file, &source, err);
	source.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (source.fd < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	rc = ends_in(path, ".xz") ? read_xz(path, ret, err)
				  : read_all(ret, more_of_file, &source, err);
	close(source.fd);
	return rc;
}
