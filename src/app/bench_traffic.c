/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of the bench: sales of a supermarket, with a receipt of 2 kB, and touches. Whole
 * requests are written once; of each only the id, the receipt's number and the member's card are
 * filled in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/bench_impl.h"
#include "codec/json_write.h"

#define SALE_LINES 11
#define ID_DIGITS 12
#define CARD_DIGITS 8
/* More than requests may be under way: one that is being sent is not written over. */
#define RING (4 * BENCH_MANY_CONNECTIONS)

struct whole {
	char *bytes;
	size_t len;
	size_t id, number, card; /* where their digits are; number 0: has none */
};
struct traffic {
	int members;
	struct whole ring[RING];
};

/* ---- a receipt ---- */

static const struct {
	const char *name, *category;
	int price;
} articles[] = {
	{ "Halfvolle melk 1 l", "zuivel", 129 },
	{ "Boerenboter ongezouten 250 g", "zuivel", 289 },
	{ "Jonge kaas gesneden 400 g", "kaas", 549 },
	{ "Volkorenbrood gesneden 800 g", "brood", 265 },
	{ "Croissants roomboter 4 st", "brood", 229 },
	{ "Tomaten los", "groente", 312 },
	{ "Komkommer", "groente", 99 },
	{ "Bananen", "fruit", 184 },
	{ "Elstar appels 1,5 kg", "fruit", 299 },
	{ "Kipfilet 600 g", "vlees", 745 },
	{ "Rundergehakt 500 g", "vlees", 625 },
	{ "Zalmfilet 2 x 125 g", "vis", 699 },
	{ "Spaghetti n. 5 500 g", "pasta", 135 },
	{ "Passata di pomodoro 690 g", "conserven", 149 },
	{ "Koffiepads mild 36 st", "koffie", 359 },
	{ "Earl Grey thee 20 zakjes", "koffie", 175 },
	{ "Pils krat 24 x 30 cl", "bier", 1599 },
	{ "Rode wijn Merlot 75 cl", "wijn", 499 },
	{ "Sinaasappelsap 1,5 l", "frisdrank", 319 },
	{ "Mineraalwater bruis 6 x 1,5 l", "frisdrank", 294 },
	{ "Pure chocolade 72 % 100 g", "snoep", 189 },
	{ "Paprikachips 250 g", "snoep", 169 },
	{ "Wasmiddel vloeibaar 1,3 l", "huishouden", 1099 },
	{ "Toiletpapier 3-laags 12 rollen", "huishouden", 649 },
	{ "Afwasmiddel citroen 500 ml", "huishouden", 159 },
};
#define ARTICLES (sizeof(articles) / sizeof(*articles))

static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static int write_line(struct json_out *out, int n, unsigned *state)
{
	size_t a = next_random(state) % ARTICLES;
	int quantity = next_random(state) % 4 ? 1 : 2;
	int amount = quantity * articles[a].price;
	char text[16];

	json_out_object(out, NULL);
	snprintf(text, sizeof(text), "%d", n + 1);
	json_out_cstr(out, "id", text);
	snprintf(text, sizeof(text), "541%010u", next_random(state) % 1000000007u);
	json_out_cstr(out, "gtin", text);
	snprintf(text, sizeof(text), "%06u", next_random(state) % 1000000u);
	json_out_cstr(out, "sku", text);
	json_out_cstr(out, "description", articles[a].name);
	json_out_cstr(out, "category", articles[a].category);
	json_out_cstr(out, "quantity", quantity == 1 ? "1" : "2");
	json_out_int(out, "unit_price", articles[a].price);
	json_out_int(out, "amount", amount);
	json_out_cstr(out, "vat_rate", a > 15 ? "21" : "6");
	json_out_object_end(out);
	return amount;
}

static void write_payment(struct json_out *out, int total)
{
	json_out_array(out, "payments");
	json_out_object(out, NULL);
	json_out_cstr(out, "kind", "card");
	json_out_int(out, "amount", total);
	json_out_object_end(out);
	json_out_array_end(out);
}

static void write_now(struct json_out *out)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_out_cstr(out, "at", text);
}

static void write_identifiers(struct json_out *out)
{
	json_out_array(out, "identifiers");
	json_out_object(out, NULL);
	json_out_cstr(out, "kind", "loyalty_card");
	json_out_cstr(out, "value", "CCCCCCCC");
	json_out_object_end(out);
	json_out_array_end(out);
}

void traffic_sale_json(int n, struct buf *buf)
{
	unsigned state = (unsigned)n * 7919u + 1u;
	struct json_out out;
	int total = 0;

	json_out_init(&out, buf);
	json_out_object(&out, NULL);
	json_out_cstr(&out, "state", "paid");
	json_out_cstr(&out, "number", "NNNNNNNNNNNN");
	write_now(&out);
	json_out_cstr(&out, "currency", "EUR");
	write_identifiers(&out);
	json_out_array(&out, "lines");
	for (int i = 0; i < SALE_LINES; i++)
		total += write_line(&out, i, &state);
	json_out_array_end(&out);
	write_payment(&out, total);
	json_out_int(&out, "total", total);
	json_out_object_end(&out);
}

/* ---- whole requests ---- */

static void write_head(struct buf *buf, const char *call, const char *url, const char *key,
	size_t length)
{
	buf_printf(buf,
		"%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		call, url + strlen("http://"), key, length);
}

static void write_sale(const struct bench_shop *shop, const char *url, int n, struct buf *buf)
{
	struct buf body BUF_AUTO;
	char call[64];

	buf_init(&body, NULL, 16 << 10);
	traffic_sale_json(n % TRAFFIC_RECEIPTS, &body);
	snprintf(call, sizeof(call), "PUT /v1/sales/%s-IIIIIIIIIIII", shop->run);
	write_head(buf, call, url, shop->tills[n % BENCH_TILLS], buf_str(&body).len);
	buf_add(buf, buf_str(&body));
}

static void write_touch(const struct bench_shop *shop, const char *url, int n, struct buf *buf)
{
	struct buf body BUF_AUTO;
	struct json_out out;
	char id[64];

	buf_init(&body, NULL, 4 << 10);
	json_out_init(&out, &body);
	json_out_object(&out, NULL);
	snprintf(id, sizeof(id), "%s-IIIIIIIIIIII", shop->run);
	json_out_cstr(&out, "id", id);
	write_identifiers(&out);
	json_out_object_end(&out);
	write_head(buf, "POST /v1/touches", url, shop->readers[n % BENCH_TILLS],
		buf_str(&body).len);
	buf_add(buf, buf_str(&body));
}

static size_t place_of(const struct whole *whole, const char *mark)
{
	const char *at = memmem(whole->bytes, whole->len, mark, strlen(mark));

	return at ? (size_t)(at - whole->bytes) : 0;
}

static int keep(struct whole *whole, const struct buf *buf, struct err *err)
{
	struct str bytes = buf_str(buf);

	whole->bytes = buf->failed ? NULL : malloc(bytes.len);
	if (!whole->bytes)
		return err_set(err, ERR_NO_MEMORY, "no memory for requests");
	memcpy(whole->bytes, bytes.ptr, bytes.len);
	whole->len = bytes.len;
	whole->id = place_of(whole, "IIIIIIIIIIII");
	whole->number = place_of(whole, "NNNNNNNNNNNN");
	whole->card = place_of(whole, "CCCCCCCC");
	return 0;
}

int traffic_new(const struct bench_shop *shop, const char *url, enum traffic_kind kind,
	struct traffic **ret, struct err *err)
{
	struct traffic *t = calloc(1, sizeof(*t));
	int rc = t ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for requests");

	if (t)
		t->members = shop->members;
	for (int n = 0; n < RING && rc == 0; n++) {
		struct buf buf BUF_AUTO;
		buf_init(&buf, NULL, 32 << 10);
		(kind == TRAFFIC_SALES ? write_sale : write_touch)(shop, url, n, &buf);
		rc = keep(&t->ring[n], &buf, err);
	}
	if (rc < 0)
		traffic_free(&t);
	else
		*ret = t;
	return rc;
}

void traffic_free(struct traffic **traffic)
{
	struct traffic *t = *traffic;

	*traffic = NULL;
	if (!t)
		return;
	for (int n = 0; n < RING; n++)
		free(t->ring[n].bytes);
	free(t);
}

/* ---- filling in ---- */

static void write_digits(char *at, int digits, uint64_t value)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
}

/* Members in no order (the finaliser of splitmix64). */
static uint64_t scatter(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

struct str traffic_request(struct traffic *traffic, uint64_t serial, bool in_order)
{
	struct whole *whole = &traffic->ring[serial % RING];

	write_digits(whole->bytes + whole->id, ID_DIGITS, serial);
	if (whole->number)
		write_digits(whole->bytes + whole->number, ID_DIGITS, serial);
	write_digits(whole->bytes + whole->card, CARD_DIGITS,
		(in_order ? serial : scatter(serial)) % (uint64_t)traffic->members);
	return str_bytes(whole->bytes, whole->len);
}
