/* SPDX-License-Identifier: Apache-2.0 */
/* How the demo looks: eighty columns, who speaks at the left, JSON at the right, colours and pauses
 * only where a person looks. JSON is shown to be read, not to be parsed: members share a line while
 * they fit, and long texts (keys) are cut. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "app/demo_impl.h"

#define COLUMNS 80
#define JSON_COLUMN 8
#define TEXT_SHOWN_MAX 60
#define TEXT_KEPT 28
#define SHOW_BYTES_MAX (1 << 20)

enum pause { PAUSE_SHORT = 250, PAUSE_LINE = 600, PAUSE_CHAPTER = 1000 };
static const char *const plain = "\033[0m", *const bold = "\033[1m", *const dim = "\033[2m",
			 *const green = "\033[32m", *const cyan = "\033[36m",
			 *const yellow = "\033[33m";

void show_init(struct show *show)
{
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	setlocale(LC_CTYPE, "");
	*show = (struct show) { .paced = isatty(STDOUT_FILENO) };
	show->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	show->colours =
		show->paced && term && strcmp(term, "dumb") != 0 && !(no_color && no_color[0]);
}

static void colour(const struct show *show, const char *code)
{
	if (show->colours)
		fputs(code, stdout);
}

/* Waits, if a person reads along; notices Ctrl-C (whose signal is blocked) and a reader that left.
 */
static void rest(struct show *show, enum pause ms)
{
	struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	sigset_t set;

	if (!show->paced)
		wait = (struct timespec) { 0 };
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	int unread = fflush(stdout);
	int sig = sigtimedwait(&set, NULL, &wait);
	if (sig > 0)
		show->signal = sig;
	if (unread != 0 || sig > 0)
		show->stopped = true;
}

/* ---- words ---- */

/* Breaks at blanks, so that no line is longer than the terminal. */
static void print_wrapped(const char *indent, const char *more_indent, struct str text)
{
	size_t column = strlen(indent);

	fputs(indent, stdout);
	for (bool first = true; text.len; first = false) {
		struct str word = str_cut(&text, ' ');
		size_t width = str_codepoints(word);
		if (!first && column + 1 + width > COLUMNS) {
			printf("\n%s", more_indent);
			column = strlen(more_indent);
		} else if (!first) {
			putchar(' ');
			column++;
		}
		printf("%.*s", STR_ARG(word));
		column += width;
	}
	putchar('\n');
}

void show_chapter(struct show *show, const char *title)
{
	int left = COLUMNS - 4 - (int)str_codepoints(str_of(title));

	if (show->quiet)
		return;
	printf("\n\n");
	colour(show, bold);
	printf("%s %s ", show->utf8 ? "──" : "--", title);
	for (int i = 0; i < left; i++)
		fputs(show->utf8 ? "─" : "-", stdout);
	colour(show, plain);
	printf("\n");
	rest(show, PAUSE_CHAPTER);
}

#define PRINTED(fmt, text) \
	char text[1024]; \
	va_list args; \
	va_start(args, fmt); \
	vsnprintf(text, sizeof(text), fmt, args); \
	va_end(args)

void show_say(struct show *show, const char *fmt, ...)
{
	PRINTED(fmt, text);

	if (show->quiet)
		return;
	printf("\n");
	colour(show, bold);
	print_wrapped("", "", str_of(text));
	colour(show, plain);
	printf("\n");
	rest(show, PAUSE_LINE);
}

void show_effect(struct show *show, const char *fmt, ...)
{
	PRINTED(fmt, text);

	if (show->quiet)
		return;
	colour(show, yellow);
	print_wrapped(show->utf8 ? "     → " : "    => ", "       ", str_of(text));
	colour(show, plain);
	rest(show, PAUSE_LINE);
}

void show_plain(struct show *show, const char *fmt, ...)
{
	PRINTED(fmt, text);

	if (!show->quiet)
		printf("%s\n", text);
}

/* ---- JSON ---- */

static void write_text(struct buf *buf, struct str s)
{
	bool cut = s.len > TEXT_SHOWN_MAX && !memchr(s.ptr, ' ', s.len);

	if (cut)
		s = str_first(s, TEXT_KEPT);
	buf_char(buf, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			buf_char(buf, '\\');
		buf_char(buf, s.ptr[i]);
	}
	buf_cstr(buf, cut ? "...\"" : "\"");
}

static void write_scalar(struct buf *buf, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		return buf_cstr(buf, "null");
	case JSON_BOOL:
		return buf_cstr(buf, value->boolean ? "true" : "false");
	case JSON_INT:
		return buf_int(buf, value->integer);
	case JSON_DOUBLE:
		return buf_printf(buf, "%g", value->number);
	default:
		return write_text(buf, value->string);
	}
}

static bool is_list(const struct json *value)
{
	return value->type == JSON_ARRAY || value->type == JSON_OBJECT;
}

static void write_name(struct buf *buf, const struct json *value)
{
	if (value->name.ptr)
		buf_printf(buf, "\"%.*s\": ", STR_ARG(value->name));
}

/* All on one line. */
static void write_inline(struct buf *buf, const struct json *value)
{
	bool array = value->type == JSON_ARRAY;

	write_name(buf, value);
	if (!is_list(value))
		return write_scalar(buf, value);
	if (!value->first)
		return buf_cstr(buf, array ? "[]" : "{}");
	buf_cstr(buf, array ? "[ " : "{ ");
	for (const struct json *item = value->first; item; item = item->next) {
		write_inline(buf, item);
		buf_cstr(buf, item->next ? ", " : array ? " ]" : " }");
	}
}

static size_t inline_width(const struct json *value)
{
	struct buf buf BUF_AUTO;

	buf_init(&buf, NULL, SHOW_BYTES_MAX);
	write_inline(&buf, value);
	return str_codepoints(buf_str(&buf));
}

static size_t new_line(struct buf *buf, size_t column)
{
	buf_char(buf, '\n');
	for (size_t i = 0; i < column; i++)
		buf_char(buf, ' ');
	return column;
}

/* Members share a line while they fit; closers are what must follow the last on its line. Returns
 * the column it ended at. */
static size_t write_filled(struct buf *buf, const struct json *value, size_t column, size_t closers)
{
	size_t width = inline_width(value);
	size_t inside = column + 2;
	size_t at = inside;

	if (!is_list(value) || column + width + closers <= COLUMNS) {
		write_inline(buf, value);
		return column + width;
	}
	write_name(buf, value);
	buf_cstr(buf, value->type == JSON_ARRAY ? "[" : "{");
	if (value->name.ptr)
		new_line(buf, inside);
	else
		buf_char(buf, ' ');
	for (const struct json *item = value->first; item; item = item->next) {
		size_t after = item->next ? 1 : closers + 2;
		if (item != value->first && at + 1 + inline_width(item) + after > COLUMNS) {
			at = new_line(buf, inside);
		} else if (item != value->first) {
			buf_char(buf, ' ');
			at++;
		}
		at = write_filled(buf, item, at, after) + 1;
		buf_cstr(buf, item->next ? "," : value->type == JSON_ARRAY ? " ]" : " }");
	}
	return at + 1;
}

static void print_json(const struct show *show, const struct json *value)
{
	struct buf buf BUF_AUTO;

	buf_init(&buf, NULL, SHOW_BYTES_MAX);
	write_filled(&buf, value, JSON_COLUMN, 0);
	colour(show, dim);
	printf("%.*s", STR_ARG(buf_str(&buf)));
	colour(show, plain);
}

/* ---- exchanges ---- */

void show_request(struct show *show, const char *who, const char *method, const char *path,
	const struct json *body)
{
	if (show->quiet)
		return;
	printf("%*s  ", JSON_COLUMN - 2, who);
	colour(show, cyan);
	printf("%s %s\n", method, path);
	colour(show, plain);
	if (body) {
		printf("%*s", JSON_COLUMN, "");
		print_json(show, body);
		printf("\n");
	}
	rest(show, PAUSE_SHORT);
}

void show_answer(struct show *show, int status, const struct json *body)
{
	if (show->quiet)
		return;
	colour(show, green);
	printf("%*d", JSON_COLUMN - 2, status);
	colour(show, plain);
	if (body) {
		printf("  ");
		print_json(show, body);
	}
	printf("\n");
	rest(show, PAUSE_SHORT);
}

void show_event(struct show *show, const char *who, const char *type, const struct json *body)
{
	if (show->quiet)
		return;
	printf("%*s  ", JSON_COLUMN - 2, who);
	colour(show, cyan);
	printf("hears \"%s\"\n%*s", type, JSON_COLUMN, "");
	colour(show, plain);
	print_json(show, body);
	printf("\n");
	rest(show, PAUSE_SHORT);
}
