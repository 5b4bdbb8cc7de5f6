/* SPDX-License-Identifier: Apache-2.0 */
/* The slow walk: RFC 8259's grammar, one function a production, written to name the first fault and
 * its offset. It runs only after simdjson refused (or could not be trusted), so it is plain, not
 * fast; but it is never quadratic, because who sends garbage chooses the garbage.
 *
 * Members of one name are found at the end: every key leaves a hash of its object's number and its
 * unescaped text, and equal hashes stand side by side once sorted.
 *
 * Invariants
 * W1  at only grows, and at <= bytes.len.
 * W2  after the first fault every production returns false at once.
 * W3  keys holds only keys that stand before the fault, so the earliest double key wins over it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/num.h"
#include "codec/json_impl.h"

struct walked_key {
	struct key hash; /* of its object and its text */
	size_t at;
};

struct walk {
	struct str bytes;
	size_t at;
	int depth;
	int64_t objects; /* met so far: the number of the newest */
	struct walked_key *keys;
	size_t key_count, key_cap;
	struct buf text; /* the key being read, unescaped */
	int code;        /* the first fault */
	size_t fault_at;
	const char *fault;
};

static bool fail_at(struct walk *w, size_t at, int code, const char *fault)
{
	w->code = code;
	w->fault_at = at;
	w->fault = fault;
	return false;
}

static bool unreadable(struct walk *w, const char *fault)
{
	return fail_at(w, w->at, ERR_UNREADABLE, fault);
}

/* The byte n places on; -1 past the end. */
static int peek(const struct walk *w, size_t n)
{
	return n < w->bytes.len - w->at ? (unsigned char)w->bytes.ptr[w->at + n] : -1;
}

static bool take(struct walk *w, char c)
{
	if (peek(w, 0) != c)
		return false;
	w->at++;
	return true;
}

static void skip_space(struct walk *w)
{
	while (take(w, ' ') || take(w, '\t') || take(w, '\n') || take(w, '\r'))
		;
}

/* ---- strings (RFC 8259, 7) ---- */

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of "\uXXXX" n bytes on; -1 if that does not stand there. */
static int code_unit(const struct walk *w, size_t n)
{
	if (peek(w, n) != '\\' || peek(w, n + 1) != 'u')
		return -1;
	int unit = 0;
	for (size_t i = 2; i < 6; i++) {
		int digit = hex_digit(peek(w, n + i));
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static void add_utf8(struct buf *buf, int c)
{
	if (c < 0x80) {
		buf_char(buf, (char)c);
		return;
	}
	if (c >= 0x10000)
		buf_char(buf, (char)(0xF0 | c >> 18));
	if (c >= 0x800)
		buf_char(buf, (char)(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3F) : 0xE0 | c >> 12));
	buf_char(buf, (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3F) : 0xC0 | c >> 6));
	buf_char(buf, (char)(0x80 | (c & 0x3F)));
}

static bool escaped_unit(struct walk *w, struct buf *into)
{
	int unit = code_unit(w, 0);
	if (unit < 0)
		return unreadable(w, "\\u needs four hexadecimal digits");
	if (unit == 0)
		return unreadable(w, "U+0000 is not allowed in a text");
	bool high = unit >= 0xD800 && unit < 0xDC00, low = unit >= 0xDC00 && unit < 0xE000;
	int second = high ? code_unit(w, 6) : -1;
	if (low || (high && (second < 0xDC00 || second > 0xDFFF)))
		return unreadable(w, "half of a surrogate pair");
	add_utf8(into, high ? 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00) : unit);
	w->at += high ? 12 : 6;
	return true;
}

static bool escape(struct walk *w, struct buf *into)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int c = peek(w, 1);
	if (c == 'u')
		return escaped_unit(w, into);
	const char *found = c > 0 ? strchr(from, c) : NULL;
	if (!found)
		return unreadable(w, "there is no such escape");
	buf_char(into, to[found - from]);
	w->at += 2;
	return true;
}

/* Bytes up to the next quote, backslash or control character. */
static bool plain_run(struct walk *w, struct buf *into)
{
	size_t n = 0;
	for (int c; (c = peek(w, n)) >= ' ' && c != '"' && c != '\\';)
		n++;
	struct str run = str_first(str_from(w->bytes, w->at), n);
	size_t bad;
	if (!str_utf8(run, &bad))
		return fail_at(w, w->at + bad, ERR_UNREADABLE, "this is not UTF-8");
	buf_add(into, run);
	w->at += n;
	return true;
}

/* Reads a string into `into`. The first byte is its quote. */
static bool string(struct walk *w, struct buf *into)
{
	buf_reset(into);
	w->at++;
	while (!take(w, '"')) {
		int c = peek(w, 0);
		if (c < 0)
			return unreadable(w, "the text does not end");
		if (c < ' ')
			return unreadable(w, "a control character in a text must be escaped");
		if (!(c == '\\' ? escape(w, into) : plain_run(w, into)))
			return false;
	}
	if (into->failed)
		return fail_at(w, w->at, ERR_NO_MEMORY, "no memory left for this JSON");
	return true;
}

/* ---- numbers (RFC 8259, 6) ---- */

/* The digits of the smallest number that rounds to infinity as a double: 2^1024 - 2^970. */
static const char too_large[] =
	"17976931348623158079372897140530341507993413271003782693617377898044496829276475"
	"09466490179775872070963302864166928879109465555478519404026306574886715058206819"
	"08902000708383676273854845817711531764475730270069855571366959622842914819860834"
	"936475292719074168444365510704342711559699508093042880177904174497792";

static size_t digits(struct walk *w)
{
	size_t from = w->at;
	while (peek(w, 0) >= '0' && peek(w, 0) <= '9')
		w->at++;
	return w->at - from;
}

/* Does a number of these digits, times 10^exponent, round to infinity? simdjson refuses those. */
static bool overflows(struct str mantissa, int64_t exponent)
{
	bool point = false, started = false;
	int order = 0; /* its digits against too_large's */
	size_t n = 0;
	for (size_t i = 0; i < mantissa.len; i++) {
		char c = mantissa.ptr[i];
		if (c == '.') {
			point = true;
			continue;
		}
		started |= c != '0';
		exponent += started && !point ? 1 : !started && point ? -1 : 0;
		if (started && order == 0 && n < sizeof too_large - 1)
			order = c - too_large[n++];
	}
	while (order == 0 && n < sizeof too_large - 1)
		order = '0' - too_large[n++];
	int64_t same = (int64_t)sizeof too_large - 1;
	return started && (exponent > same || (exponent == same && order >= 0));
}

/* Reads "e+12". Exponents of more digits than any text here could balance stand for all larger
 * ones. */
static bool exponent(struct walk *w, int64_t *ret)
{
	w->at++;
	bool negative = take(w, '-');
	if (!negative)
		take(w, '+');
	size_t from = w->at;
	if (digits(w) == 0)
		return unreadable(w, "an exponent needs a digit");
	int64_t value = 0;
	for (size_t i = from; i < w->at; i++)
		if (value < INT64_C(1000000000000))
			value = value * 10 + (w->bytes.ptr[i] - '0');
	*ret = negative ? -value : value;
	return true;
}

static bool whole_part(struct walk *w)
{
	bool zero = peek(w, 0) == '0';
	size_t from = w->at, n = digits(w);
	if (n == 0)
		return unreadable(w, "a number needs a digit");
	if (zero && n > 1)
		return fail_at(w, from, ERR_UNREADABLE, "a number may not start with a zero");
	return true;
}

static bool number(struct walk *w)
{
	size_t start = w->at;
	int64_t power = 0;
	bool negative = take(w, '-'), integer = true;
	size_t from = w->at;
	if (!whole_part(w))
		return false;
	if (take(w, '.')) {
		integer = false;
		if (digits(w) == 0)
			return unreadable(w, "a fraction needs a digit");
	}
	struct str mantissa = str_first(str_from(w->bytes, from), w->at - from);
	if (peek(w, 0) == 'e' || peek(w, 0) == 'E') {
		integer = false;
		if (!exponent(w, &power))
			return false;
	}
	if (!integer)
		return !overflows(mantissa, power) ||
			fail_at(w, start, ERR_UNREADABLE, "this number is too large");
	struct str text = str_first(str_from(w->bytes, start), w->at - start);
	int64_t ignored;
	return (negative && str_is(mantissa, "0")) || num_parse(text, &ignored) ||
		fail_at(w, start, ERR_UNREADABLE, "this integer does not fit in 64 bits");
}

/* ---- values ---- */

static bool value(struct walk *w);

static bool literal(struct walk *w, const char *word)
{
	if (!str_starts(str_from(w->bytes, w->at), word))
		return unreadable(w, "this is not JSON");
	w->at += strlen(word);
	return true;
}

static bool remember_key(struct walk *w, int64_t object, size_t at)
{
	static const struct secret no_secret;
	if (w->key_count == w->key_cap) {
		size_t cap = w->key_cap ? w->key_cap * 2 : 64;
		struct walked_key *keys = reallocarray(w->keys, cap, sizeof *keys);
		if (!keys)
			return fail_at(w, at, ERR_NO_MEMORY, "no memory left for this JSON");
		w->keys = keys;
		w->key_cap = cap;
	}
	struct hash hash;
	hash_init(&hash, &no_secret);
	hash_int(&hash, object);
	hash_str(&hash, buf_str(&w->text));
	w->keys[w->key_count++] = (struct walked_key) { hash_done_key(&hash), at };
	return true;
}

static bool member(struct walk *w, int64_t object)
{
	size_t at = w->at;
	if (peek(w, 0) != '"')
		return unreadable(w, "a name in quotes is missing");
	if (!string(w, &w->text) || !remember_key(w, object, at))
		return false;
	skip_space(w);
	if (!take(w, ':'))
		return unreadable(w, "a colon is missing");
	return value(w);
}

static bool array(struct walk *w)
{
	skip_space(w);
	if (take(w, ']'))
		return true;
	do {
		if (!value(w))
			return false;
	} while (take(w, ','));
	return take(w, ']') || unreadable(w, "a comma or ] is missing");
}

static bool object(struct walk *w)
{
	int64_t number_of_it = ++w->objects;
	skip_space(w);
	if (take(w, '}'))
		return true;
	do {
		skip_space(w);
		if (!member(w, number_of_it))
			return false;
	} while (take(w, ','));
	return take(w, '}') || unreadable(w, "a comma or } is missing");
}

static bool container(struct walk *w, bool (*production)(struct walk *w))
{
	if (w->depth == JSON_DEPTH_MAX)
		return fail_at(w, w->at, ERR_TOO_LARGE, "this is nested too deeply");
	w->depth++;
	w->at++;
	bool fine = production(w);
	w->depth--;
	return fine;
}

static bool bare_value(struct walk *w)
{
	int c = peek(w, 0);
	switch (c) {
	case -1:
		return unreadable(w, "a value is missing");
	case '{':
		return container(w, object);
	case '[':
		return container(w, array);
	case '"':
		return string(w, &w->text);
	case 't':
		return literal(w, "true");
	case 'f':
		return literal(w, "false");
	case 'n':
		return literal(w, "null");
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return number(w);
		return unreadable(w, "this is not JSON");
	}
}

/* A value and the white space around it. */
static bool value(struct walk *w)
{
	skip_space(w);
	if (!bare_value(w))
		return false;
	skip_space(w);
	return true;
}

static bool whole_text(struct walk *w)
{
	if (str_starts(w->bytes, "\xEF\xBB\xBF"))
		return unreadable(w, "a byte-order mark is not allowed");
	if (!value(w))
		return false;
	return w->at == w->bytes.len || unreadable(w, "something stands after the value");
}

/* ---- double keys ---- */

static int by_hash(const void *a, const void *b)
{
	const struct walked_key *left = a, *right = b;
	int order = memcmp(left->hash.bytes, right->hash.bytes, sizeof left->hash.bytes);
	if (order)
		return order;
	return left->at < right->at ? -1 : left->at > right->at;
}

/* The earliest key that its object has already becomes the fault (W3). */
static void find_double_key(struct walk *w)
{
	if (w->key_count > 0)
		qsort(w->keys, w->key_count, sizeof *w->keys, by_hash);
	bool found = false;
	for (size_t i = 1; i < w->key_count; i++) {
		const struct walked_key *key = &w->keys[i];
		if (!key_eq(&key[-1].hash, &key->hash) || (found && key->at > w->fault_at))
			continue;
		found = true;
		fail_at(w, key->at, ERR_UNREADABLE, "this name stands twice in its object");
	}
}

int json_walk(struct str bytes, struct err *err)
{
	struct walk w = { .bytes = bytes };
	buf_init(&w.text, NULL, bytes.len);
	whole_text(&w);
	if (w.code != ERR_NO_MEMORY)
		find_double_key(&w);
	buf_done(&w.text);
	free(w.keys);
	if (w.code == 0)
		return 0;
	char at[32];
	snprintf(at, sizeof at, "offset %zu", w.fault_at);
	return err_at(err, w.code, w.code == ERR_NO_MEMORY ? "" : at, "%s", w.fault);
}
