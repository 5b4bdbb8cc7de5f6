/* SPDX-License-Identifier: Apache-2.0 */
/* The story of the mug, as the office, a reader and a till tell it to the server: nothing here
 * knows how it works inside. A shopper joins by one tap, buys three times, is offered a mug, takes
 * it, and brings something back. Each run has a shopper and ids of its own, so a folder can be
 * played on again.
 *
 * To add a scene: a function like the others, and its name in `scenes`. */
#include <stdio.h>

#include "app/demo_impl.h"
#include "codec/date.h"

#define ANSWER_BYTES_MAX (1 << 20)
#define RUNS_MAX 10000
#define SALES 3

/* ---- calls ---- */

struct asking {
	const char *who, *key;
	enum client_method method;
	struct str path, body; /* body: empty for none */
	bool silent;           /* not shown */
	bool brief;            /* bodies are told, not shown */
};

static const char *method_word(enum client_method method)
{
	static const char *const words[] = { [CLIENT_GET] = "GET",
		[CLIENT_PUT] = "PUT",
		[CLIENT_POST] = "POST",
		[CLIENT_DELETE] = "DELETE" };

	return words[method];
}

static int parse(struct demo *demo, struct str bytes, struct json **ret, struct err *err)
{
	*ret = NULL;
	return bytes.len ? json_parse(demo->arena, bytes, ret, err) : 0;
}

/* Asks and shows. Returns the status; *ret_answer and *ret_bytes live in the arena. */
static int ask(struct demo *demo, const struct asking *asking, struct json **ret_answer,
	struct str *ret_bytes, struct err *err)
{
	bool quiet = demo->show.quiet;
	struct buf bytes;
	struct json *body;
	int status, rc = parse(demo, asking->body, &body, err);

	if (rc < 0)
		return rc;
	demo->show.quiet = quiet || asking->silent;
	buf_init(&bytes, demo->arena, ANSWER_BYTES_MAX);
	show_request(&demo->show, asking->who, method_word(asking->method), asking->path.ptr,
		asking->brief ? NULL : body);
	status = client_call(demo->client, asking->method, asking->path.ptr, asking->key,
		asking->body, &bytes, err);
	if (status > 0)
		rc = parse(demo, buf_str(&bytes), ret_answer, err);
	if (status > 0 && rc == 0)
		show_answer(&demo->show, status, asking->brief ? NULL : *ret_answer);
	demo->show.quiet = quiet;
	*ret_bytes = buf_str(&bytes);
	return rc < 0 ? rc : status;
}

/* The same for what must be answered 200. */
static int call(struct demo *demo, const struct asking *asking, struct json **ret_answer,
	struct err *err)
{
	struct str bytes;
	int status = ask(demo, asking, ret_answer, &bytes, err);

	if (status == 200 || status < 0)
		return status < 0 ? status : 0;
	return err_set(err, ERR_INTERNAL, "the story broke off: %s %s was answered %d %.*s",
		method_word(asking->method), asking->path.ptr, status,
		(int)(bytes.len < 120 ? bytes.len : 120), bytes.ptr);
}

/* The text of a member as a C string; "" if it is not there. */
static const char *text_of(const struct json *object, const char *name)
{
	const struct json *member = object ? json_get(object, name) : NULL;

	return member && member->type == JSON_STRING ? member->string.ptr : "";
}

static int64_t number_of(const struct json *object, const char *name)
{
	const struct json *member = object ? json_get(object, name) : NULL;

	return member && member->type == JSON_INT ? member->integer : 0;
}

/* The effect of that type in an answer; NULL. */
static const struct json *effect_of(const struct json *answer, const char *type)
{
	const struct json *effects = json_get(answer, "effects");

	for (const struct json *e = effects ? effects->first : NULL; e; e = e->next)
		if (strcmp(text_of(e, "type"), type) == 0)
			return e;
	return NULL;
}

static int hear(struct demo *demo, struct demo_device *device, const char *type, struct err *err)
{
	struct json *body;
	struct str bytes;
	int rc = stream_expect(device->stream, type, &bytes, err);

	if (rc == 0)
		rc = parse(demo, bytes, &body, err);
	if (rc == 0)
		show_event(&demo->show, device->word, type, body);
	return rc;
}

#define PRINT(...) arena_printf(demo->arena, __VA_ARGS__)

/* ---- the office ---- */

static int add_device(struct demo *demo, struct demo_device *device, const char *shop,
	const char *name, const char *more, struct err *err)
{
	struct json *answer;
	int rc = call(demo,
		&(struct asking) { .who = "office",
			.key = demo->admin,
			.method = CLIENT_POST,
			.path = STR("/v1/devices"),
			.body = PRINT("{\"id\":\"demo-%s\",\"shop\":\"%s\",\"kind\":\"%s\","
				      "\"name\":\"%s\"%s}",
				device->word, shop, device->word, name, more) },
		&answer, err);

	if (rc < 0)
		return rc;
	snprintf(device->id, sizeof(device->id), "%s", text_of(answer, "id"));
	snprintf(device->key, sizeof(device->key), "%s", text_of(answer, "key"));
	return 0;
}

static int open_shop(struct demo *demo, struct err *err)
{
	struct json *answer;
	char paired[96];
	int rc;

	show_say(&demo->show, "The office, with the key that zegel init gave it, opens a shop...");
	rc = call(demo,
		&(struct asking) { .who = "office",
			.key = demo->admin,
			.method = CLIENT_POST,
			.path = STR("/v1/shops"),
			.body = STR("{\"id\":\"demo-shop\",\"name\":\"Koffie & Zo\"}") },
		&answer, err);
	if (rc == 0) {
		show_say(&demo->show,
			"...and registers its till, and the card reader beside it. Each gets a key of its own, "
			"shown once.");
		rc = add_device(demo, &demo->till, text_of(answer, "id"), "Till 1", "", err);
	}
	if (rc < 0)
		return rc;
	snprintf(paired, sizeof(paired), ",\"paired_with\":\"%s\"", demo->till.id);
	return add_device(demo, &demo->reader, text_of(answer, "id"), "Reader 1", paired, err);
}

static int start_campaign(struct demo *demo, struct err *err)
{
	struct json *answer;
	int rc;

	show_say(&demo->show,
		"A campaign is a template, its parameters and a period: a stamp for every purchase of 10 "
		"euro or more, a mug for three. Customers are asked whether they want to join.");
	rc = call(demo,
		&(struct asking) { .who = "office",
			.key = demo->admin,
			.method = CLIENT_PUT,
			.path = STR("/v1/programmes/mug"),
			.body = STR(
				"{\"template\":\"stamps\",\"name\":{\"en\":\"Mug campaign\",\"nl\":"
				"\"Mokkenactie\"},\"starts\":\"2020-01-01\",\"joining\":\"ask\","
				"\"state\":\"running\",\"parameters\":{\"minimum\":1000,\"needed\":3,"
				"\"reward\":{\"code\":\"mug\",\"name\":{\"en\":\"a mug\",\"nl\":"
				"\"een mok\"}}}}") },
		&answer, err);
	if (rc == 0)
		show_effect(&demo->show, "It runs at once, in every shop, on every reader.");
	return rc;
}

static int set_up(struct demo *demo, struct err *err)
{
	int rc;

	demo->show.quiet = !demo->first;
	show_chapter(&demo->show, "The office sets up");
	rc = open_shop(demo, err);
	if (rc == 0)
		rc = start_campaign(demo, err);
	demo->show.quiet = false;
	return rc;
}

/* ---- whose turn it is ---- */

/* The first shopper whose first sale is not there yet. */
static int choose_shopper(struct demo *demo, struct err *err)
{
	static const char *const names[][2] = { { "Anna", "anna" }, { "Bram", "bram" },
		{ "Claire", "claire" }, { "Daan", "daan" }, { "Elif", "elif" }, { "Fien", "fien" },
		{ "Gust", "gust" }, { "Hanne", "hanne" }, { "Ivo", "ivo" }, { "Jana", "jana" } };
	const int count = sizeof(names) / sizeof(*names);
	struct json *answer;
	struct str bytes;

	for (int run = 0; run < RUNS_MAX; run++) {
		int round = run / count;
		int status;
		demo->who = names[run % count][0];
		snprintf(demo->tag, sizeof(demo->tag), "%s", names[run % count][1]);
		if (round > 0)
			snprintf(demo->tag, sizeof(demo->tag), "%s%d", names[run % count][1],
				round + 1);
		status = ask(demo,
			&(struct asking) { .who = "till",
				.key = demo->till.key,
				.path = PRINT("/v1/sales/%s-sale-1", demo->tag),
				.silent = true },
			&answer, &bytes, err);
		if (status < 0 || status == 404)
			return status < 0 ? status : 0;
	}
	return err_set(err, ERR_BUSY, "this folder has seen %d runs: take another", RUNS_MAX);
}

static int open_streams(struct demo *demo, struct err *err)
{
	int rc = stream_open(demo->url, demo->till.key, &demo->till.stream, err);

	return rc < 0 ? rc : stream_open(demo->url, demo->reader.key, &demo->reader.stream, err);
}

/* ---- the scenes ---- */

static int tap(struct demo *demo, int n, struct json **ret_answer, struct err *err)
{
	return call(demo,
		&(struct asking) { .who = "reader",
			.key = demo->reader.key,
			.method = CLIENT_POST,
			.path = STR("/v1/touches"),
			.body = PRINT("{\"id\":\"%s-tap-%d\",\"identifiers\":[{\"kind\":\"card\","
				      "\"value\":\"token-of-%s\"}],\"language\":\"en\"}",
				demo->tag, n, demo->tag) },
		ret_answer, err);
}

static int answer(struct demo *demo, int n, const char *step, struct json **ret_answer,
	struct err *err)
{
	return call(demo,
		&(struct asking) { .who = "reader",
			.key = demo->reader.key,
			.method = CLIENT_POST,
			.path = PRINT("/v1/touches/%s-tap-%d/answers", demo->tag, n),
			.body = PRINT("{\"id\":\"%s\",\"step\":\"%s\",\"value\":\"yes\"}",
				strncmp(step, "join", 4) == 0 ? "ja" : "take", step) },
		ret_answer, err);
}

static const struct json *first_step(const struct json *answer)
{
	const struct json *steps = json_get(answer, "steps");

	return steps ? steps->first : NULL;
}

static int joins(struct demo *demo, struct err *err)
{
	struct json *a;
	int rc;

	show_chapter(&demo->show, "One tap, one question");
	show_say(&demo->show,
		"%s taps a bank card at the reader. The card's number stays in the reader; what travels is "
		"a token made of it.",
		demo->who);
	rc = tap(demo, 1, &a, err);
	if (rc < 0)
		return rc;
	show_effect(&demo->show, "Nobody knows this card. The reader asks: \"%s\"",
		text_of(first_step(a), "text"));
	show_say(&demo->show, "%s presses Yes.", demo->who);
	rc = answer(demo, 1, "join:mug", &a, err);
	if (rc < 0)
		return rc;
	snprintf(demo->member, sizeof(demo->member), "%s", text_of(json_get(a, "member"), "id"));
	show_effect(&demo->show,
		"A member without a name or an address. A No would have left no trace of the card.");
	return 0;
}

static struct asking sale_of(struct demo *demo, int n, struct str at)
{
	static const struct {
		const char *what;
		int price;
	} sold[SALES] = { { "Coffee beans, 1 kg", 1450 }, { "Espresso cups", 1895 },
		{ "Filter papers", 1000 } };
	int price = sold[n - 1].price;

	return (struct asking) { .who = "till",
		.key = demo->till.key,
		.method = CLIENT_PUT,
		.path = PRINT("/v1/sales/%s-sale-%d", demo->tag, n),
		.body = PRINT(
			"{\"state\":\"paid\",\"number\":\"%d\",\"at\":\"%s\",\"currency\":\"EUR\","
			"\"lines\":[{\"id\":\"1\",\"description\":\"%s\",\"quantity\":\"1\","
			"\"unit_price\":%d,\"amount\":%d,\"vat_rate\":\"21\"}],"
			"\"payments\":[{\"kind\":\"card\",\"amount\":%d}],\"total\":%d}",
			n, at.ptr, sold[n - 1].what, price, price, price, price) };
}

static struct str now_text(struct demo *demo)
{
	char text[DATE_TEXT_MAX];

	return PRINT("%s",
		date_time_write(clock_now(clock_system()) / CLOCK_SECOND * CLOCK_SECOND, text));
}

static void tell_earned(struct demo *demo, const struct json *a)
{
	const struct json *earned = effect_of(a, "earned");
	const struct json *offer = effect_of(a, "offer");
	int64_t balance = number_of(earned, "balance");

	show_effect(&demo->show, "%+d stamp: %d of 3.%s%s%s", (int)number_of(earned, "amount"),
		(int)balance, offer ? " That is enough for " : "", text_of(offer, "name"),
		offer ? "." : "");
	snprintf(demo->reward, sizeof(demo->reward), "%s", text_of(offer, "reward"));
}

static int buys(struct demo *demo, struct err *err)
{
	struct asking sale;
	struct json *a;
	struct str first, second;
	int status;

	show_chapter(&demo->show, "A sale, and the same sale again");
	show_say(&demo->show,
		"%s pays. The till sends the sale; it need not say whose it is, Zegel has seen the tap at "
		"the reader beside it.",
		demo->who);
	sale = sale_of(demo, 1, now_text(demo));
	status = ask(demo, &sale, &a, &first, err);
	if (status != 200)
		return status < 0 ? status : call(demo, &sale, &a, err);
	tell_earned(demo, a);
	snprintf(demo->receipt, sizeof(demo->receipt), "%s",
		text_of(json_get(a, "receipt"), "url"));
	show_effect(&demo->show, "The receipt is kept; its page is %s", demo->receipt);
	show_say(&demo->show,
		"The line was down and the till is not sure the answer was its own: it sends the same sale "
		"again.");
	sale.brief = true;
	status = ask(demo, &sale, &a, &second, err);
	if (status < 0)
		return status;
	if (status != 200 || !str_eq(first, second))
		return err_set(err, ERR_INTERNAL, "the same sale was answered otherwise");
	show_effect(&demo->show, "The same answer, byte for byte. Nothing was counted twice.");
	return 0;
}

static int comes_back(struct demo *demo, struct err *err)
{
	struct asking sale;
	struct json *a;
	int rc = 0;

	show_chapter(&demo->show, "Two more visits");
	for (int n = 2; n <= SALES && rc == 0; n++) {
		show_say(&demo->show, "%s %s: a tap...", demo->who,
			n == 2 ? "comes back" : "comes back once more");
		rc = tap(demo, n, &a, err);
		if (rc == 0) {
			show_effect(&demo->show, "The reader shows: \"%s\"",
				text_of(first_step(a), "text"));
			show_say(&demo->show, "...and a sale.");
			sale = sale_of(demo, n, now_text(demo));
			rc = call(demo, &sale, &a, err);
		}
		if (rc == 0)
			tell_earned(demo, a);
		if (demo->show.stopped)
			return rc;
	}
	return rc;
}

static int takes(struct demo *demo, struct err *err)
{
	struct json *a;
	char step[96];
	int rc;

	show_chapter(&demo->show, "The mug");
	show_say(&demo->show, "The reader heard it on its event stream and asks at once.");
	rc = hear(demo, &demo->reader, "steps", err);
	if (rc < 0)
		return rc;
	show_say(&demo->show, "%s says yes.", demo->who);
	snprintf(step, sizeof(step), "offer:%s", demo->reward);
	rc = answer(demo, SALES, step, &a, err);
	if (rc < 0)
		return rc;
	show_effect(&demo->show,
		"Three stamps are held for ten minutes: nobody can spend them twice.");
	show_say(&demo->show, "The till hears that there is something to hand out.");
	return hear(demo, &demo->till, "reward_to_give", err);
}

static int is_given(struct demo *demo, struct err *err)
{
	struct json *a;
	int rc;

	show_say(&demo->show, "The cashier gives %s the mug and presses Done.", demo->who);
	rc = call(demo,
		&(struct asking) { .who = "till",
			.key = demo->till.key,
			.method = CLIENT_POST,
			.path = PRINT("/v1/rewards/%s/give", demo->reward),
			.body = STR("{\"id\":\"done\"}") },
		&a, err);
	if (rc == 0)
		rc = hear(demo, &demo->reader, "reward_given", err);
	if (rc == 0)
		show_effect(&demo->show, "The stamps are spent. The card begins anew.");
	return rc;
}

static int brings_back(struct demo *demo, struct err *err)
{
	struct json *a;
	int rc;

	show_chapter(&demo->show, "Something comes back");
	show_say(&demo->show, "Later %s returns the filter papers.", demo->who);
	rc = call(demo,
		&(struct asking) { .who = "till",
			.key = demo->till.key,
			.method = CLIENT_POST,
			.path = PRINT("/v1/sales/%s-sale-%d/returns", demo->tag, SALES),
			.body = PRINT("{\"id\":\"back\",\"at\":\"%s\",\"lines\":[{\"line\":\"1\","
				      "\"quantity\":\"1\"}]}",
				now_text(demo).ptr) },
		&a, err);
	if (rc == 0)
		show_effect(&demo->show,
			"The stamp goes back with them. It went into the mug already, so it is owed: the "
			"next one fills the gap, and the balance never lies.");
	return rc;
}

static int is_explained(struct demo *demo, struct err *err)
{
	const struct json *entries;
	struct json *a;
	int rc;

	show_chapter(&demo->show, "What the ledger says");
	show_say(&demo->show,
		"Every stamp is one entry that is never changed, chained to the one before.");
	rc = call(demo,
		&(struct asking) { .who = "office",
			.key = demo->admin,
			.path = PRINT("/v1/members/%s/entries?programme=mug", demo->member),
			.brief = true },
		&a, err);
	if (rc < 0)
		return rc;
	entries = json_get(a, "entries");
	show_plain(&demo->show, "\n        %-12s %8s %8s %8s %8s", "newest first", "amount",
		"balance", "held", "owed");
	for (const struct json *e = entries ? entries->first : NULL; e; e = e->next)
		show_plain(&demo->show, "        %-12s %8d %8d %8d %8d", text_of(e, "kind"),
			(int)number_of(e, "amount"), (int)number_of(e, "balance"),
			(int)number_of(e, "held"), (int)number_of(e, "debt"));
	return 0;
}

static int (*const scenes[])(struct demo *demo, struct err *err) = { set_up, choose_shopper,
	open_streams, joins, buys, comes_back, takes, is_given, brings_back, is_explained };

int demo_play(struct demo *demo, struct err *err)
{
	int rc = 0;

	demo->till.word = "till";
	demo->reader.word = "reader";
	for (size_t i = 0; rc == 0 && i < sizeof(scenes) / sizeof(*scenes); i++) {
		rc = scenes[i](demo, err);
		if (demo->show.stopped)
			break;
		if (scenes[i] == choose_shopper && !demo->first)
			show_say(&demo->show,
				"The shop, its devices and the campaign are there from before. Today's "
				"shopper is %s.",
				demo->who);
	}
	stream_close(&demo->till.stream);
	stream_close(&demo->reader.stream);
	return rc;
}

void demo_farewell(struct demo *demo)
{
	struct show *show = &demo->show;

	show_chapter(show, "Your turn");
	show_plain(show, "\nThe receipt:   %s", demo->receipt);
	show_plain(show, "The contract:  %s/v1/openapi.json", demo->url);
	show_plain(show, "The figures:   %s/metrics", demo->url);
	show_plain(show,
		"\nTo be the till yourself, in a terminal of its own:\n\n  ZEGEL=%s\n  KEY=%s",
		demo->url, demo->till.key);
	show_plain(show,
		"\nWhat the till hears (leave it running, and tap or pay elsewhere):\n\n"
		"  curl -N -H \"Authorization: Bearer $KEY\" $ZEGEL/v1/events");
	show_plain(show,
		"\nAnother sale to %s, which fills the gap; send it twice, and look:\n\n"
		"  curl -X PUT -H \"Authorization: Bearer $KEY\" \\\n"
		"    $ZEGEL/v1/sales/%s-sale-4 -d '{\n"
		"      \"state\": \"paid\", \"number\": \"4\", \"currency\": \"EUR\",\n"
		"      \"at\": \"%s\", \"total\": 1200, \"lines\": [{\n"
		"        \"id\": \"1\", \"description\": \"Mocha\", \"quantity\": \"1\",\n"
		"        \"unit_price\": 1200, \"amount\": 1200, \"vat_rate\": \"6\"}],\n"
		"      \"identifiers\": [{\"kind\": \"card\", \"value\": \"token-of-%s\"}]}'",
		demo->who, demo->tag, now_text(demo).ptr, demo->tag);
}
