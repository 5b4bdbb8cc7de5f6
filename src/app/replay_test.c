/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of `zegel replay` on texts: what a file's lines become. The command as a whole is
 * tested from outside, by tests/e2e/test_replay.py. */
#include "app/replay_impl.h"

#include "tests/support/test.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define HEAD "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

/* "no,stock,quantity,price,customer" a line makes a whole file. */
static void write_file(const char *lines, struct buf *out)
{
	struct str rest = str_of(lines);

	buf_cstr(out, HEAD);
	while (rest.len) {
		struct str line = str_cut(&rest, '\n');
		struct str number = str_cut(&line, ','), stock = str_cut(&line, ',');
		struct str quantity = str_cut(&line, ','), price = str_cut(&line, ',');
		buf_printf(out, "%.*s,%.*s,,%.*s,2010-12-01 08:26:00,%.*s,%.*s,UK\n",
			STR_ARG(number), STR_ARG(stock), STR_ARG(quantity), STR_ARG(price),
			STR_ARG(line));
	}
}

/* The posts as "1=510+200 C2:1/1*3,1/2*1", then what was counted. */
static void write_plan(const struct replay_file *file, const struct replay_plan *plan,
	struct buf *out)
{
	for (uint32_t n = 0; n < plan->post_count; n++) {
		const struct replay_post *p = &plan->posts[n];
		const struct replay_invoice *i = &file->invoices[p->invoice];
		buf_printf(out, "%s%.*s", n ? " " : "", STR_ARG(file->words.list[i->number]));
		if (p->sale == REPLAY_NONE)
			buf_printf(out, "=%lld", (long long)i->total_minor);
		for (uint32_t k = p->first; k != REPLAY_NONE; k = plan->parts[k].next) {
			const struct replay_line *line = &file->lines[plan->parts[k].line];
			buf_printf(out, "%c%.*s/%u*%lld", k == p->first ? ':' : ',',
				STR_ARG(file->words.list[file->invoices[p->sale].number]),
				line->number, (long long)plan->parts[k].quantity);
		}
		buf_cstr(out, p->waits ? "~" : "");
	}
	buf_printf(out, "|empty %lld adjusted %lld refused %lld unmatched %lld",
		(long long)plan->sales_empty, (long long)plan->adjustments,
		(long long)plan->lines_refused, (long long)plan->return_quantity_unmatched);
}

static const struct {
	const char *row, *lines, *plan;
} plans[] = {
	{ "nothing", "", "|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "one sale", "1,A,2,2.55,k\n", "1=510|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "lines apart", "1,A,2,2.55,k\n2,A,1,1,\n1,B,1,1,k\n",
		"1=610 2=100|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "half up", "1,A,1,0.005,k\n1,A,1,1.005,k\n1,A,1,1.0049,k\n",
		"1=202|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "refused",
		"1,A,1,0.0049,k\n1,A,0,1,k\n1,A,-1,1,k\n1,A,1,-1,k\n1,A,1,-0.005,k\n1,A,1,1,k\n",
		"1=100|empty 0 adjusted 0 refused 5 unmatched 0" },
	{ "empty", "1,A,-9,0,\n2,A,1,0,k\n", "|empty 2 adjusted 0 refused 2 unmatched 0" },
	{ "adjustment", "A1,B,1,-11062.06,\nA2,B,1,5,\n",
		"|empty 0 adjusted 2 refused 0 unmatched 0" },
	{ "return", "1,A,5,1,k\nC2,A,-2,9,k\n",
		"1=500 C2:1/1*2~|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "return too early", "C1,A,-2,9,k\n2,A,5,1,k\n",
		"2=500|empty 0 adjusted 0 refused 0 unmatched 2" },
	{ "the latest sale first", "1,A,5,1,k\n2,A,3,1,k\nC3,A,-4,9,k\n",
		"1=500 2=300~ C3:2/1*3~ C3:1/1*1~|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "from its last line", "1,A,5,1,k\n1,B,1,1,k\n1,A,3,2,k\nC2,A,-4,9,k\n",
		"1=1200 C2:1/3*3,1/1*1~|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "a refused line is no line", "1,A,5,0,k\n1,A,3,2,k\nC2,A,-4,9,k\n",
		"1=600 C2:1/1*3~|empty 0 adjusted 0 refused 1 unmatched 1" },
	{ "one return a sale", "1,A,5,1,k\n1,B,5,1,k\nC2,A,-1,9,k\nC2,B,-2,9,k\nC2,A,-1,1,k\n",
		"1=1000 C2:1/1*2,1/2*2~|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "two returns", "1,A,5,1,k\nC2,A,-4,9,k\nC3,A,-4,9,k\n",
		"1=500 C2:1/1*4~ C3:1/1*1~|empty 0 adjusted 0 refused 0 unmatched 3" },
	{ "another's", "1,A,5,1,k\n2,A,5,1,l\nC3,A,-6,9,k\n",
		"1=500 2=500 C3:1/1*5~|empty 0 adjusted 0 refused 0 unmatched 1" },
	{ "nobody's", "1,A,5,1,\nC2,A,-2,9,\n", "1=500|empty 0 adjusted 0 refused 0 unmatched 2" },
	{ "a return of more", "1,A,1,1,k\nC2,A,3,9,k\n",
		"1=100|empty 0 adjusted 0 refused 0 unmatched 0" },
	{ "no article", "1,,2,1,k\nC2,,-1,1,k\n",
		"1=200 C2:1/1*1~|empty 0 adjusted 0 refused 0 unmatched 0" },
};

static void rules(void **state)
{
	for (size_t i = 0; i < COUNT(plans); i++) {
		struct buf text BUF_AUTO, found BUF_AUTO;
		struct replay_file file;
		struct replay_plan plan;
		struct err err;
		buf_init(&text, NULL, 1 << 16);
		buf_init(&found, NULL, 1 << 16);
		write_file(plans[i].lines, &text);
		assert_ok(replay_file_parse(buf_str(&text), &file, &err), &err);
		assert_ok(replay_plan_make(&file, &plan, &err), &err);
		write_plan(&file, &plan, &found);
		if (!str_is(buf_str(&found), plans[i].plan))
			fail_msg("row \"%s\": %.*s", plans[i].row, STR_ARG(buf_str(&found)));
		replay_plan_done(&plan);
		replay_file_done(&file);
	}
}

static const struct {
	const char *row, *file, *at, *text;
} faults[] = {
	{ "empty", "", "", "the file is empty" },
	{ "columns", "InvoiceNo,Quantity\n", "line 1", "StockCode is not among the columns" },
	{ "fields", HEAD "1,A,,1,2010-12-01 08:26:00,1\n", "line 2", "CustomerID is missing here" },
	{ "no number", HEAD " ,A,,1,2010-12-01 08:26:00,1,k,UK\n", "line 2", "InvoiceNo is empty" },
	{ "quantity", HEAD "1,A,,1.5,2010-12-01 08:26:00,1,k,UK\n", "line 2", "Quantity must be" },
	{ "large quantity", HEAD "1,A,,1000000000000,2010-12-01 08:26:00,1,k,UK\n", "line 2",
		"Quantity" },
	{ "price", HEAD "1,A,,1,2010-12-01 08:26:00,1e3,k,UK\n", "line 2", "UnitPrice must be" },
	{ "price of 9 decimals", HEAD "1,A,,1,2010-12-01 08:26:00,1.123456789,k,UK\n", "line 2",
		"UnitPrice" },
	{ "date", HEAD "1,A,,1,2010-13-01 08:26:00,1,k,UK\n", "line 2", "InvoiceDate must be" },
	{ "another date", HEAD "1,A,,1,12/1/2010 8:26,1,k,UK\n", "line 2", "InvoiceDate must be" },
	{ "quotes", HEAD "1,A\"B,,1\n", "line 2", "" },
};

static void faults_are_placed(void **state)
{
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct replay_file file;
		struct err err;
		assert_row(faults[i].row,
			replay_file_parse(str_of(faults[i].file), &file, &err) < 0);
		if (strcmp(err.at, faults[i].at) != 0 || !strstr(err.text, faults[i].text))
			fail_msg("row \"%s\": %s at %s", faults[i].row, err.text, err.at);
		replay_file_done(&file);
	}
}

static void amounts_have_a_limit(void **state)
{
	struct replay_file file;
	struct replay_plan plan;
	struct err err;

	assert_ok(replay_file_parse(STR(HEAD "1,A,,90000000,2010-12-01 08:26:00,99999,k,UK\n"),
			  &file, &err),
		&err);
	assert_int_equal(replay_plan_make(&file, &plan, &err), ERR_INVALID);
	replay_plan_done(&plan);
	replay_file_done(&file);
}

/* What is not UTF-8 is Latin-1; control bytes are blanks; the rest goes as it is. */
static void texts_are_cleaned(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "LAMP", "LAMP" },
		{ "\"A, \"\"B\"\"\"", "A, \"B\"" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "caf\xe9", "caf\xc3\xa9" },
		{ "\xa3 5", "\xc2\xa3 5" },
		{ "A\tB", "A B" },
		{ "  A ", "A" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text BUF_AUTO;
		struct replay_file file;
		struct err err;
		buf_init(&text, NULL, 1 << 12);
		buf_printf(&text, HEAD "1,A,%s,1,2010-12-01 08:26,1,k,UK", rows[i].in);
		assert_ok(replay_file_parse(buf_str(&text), &file, &err), &err);
		assert_str(file.words.list[file.lines[0].description], rows[i].out);
		replay_file_done(&file);
	}
}

static void texts_are_cut_between_characters(void **state)
{
	assert_str(replay_cut(STR("abc"), 3), "abc");
	assert_str(replay_cut(STR("abc"), 2), "ab");
	assert_str(replay_cut(STR("a\xc3\xa9"), 2), "a");
	assert_str(replay_cut(STR("\xe9\x95\xb7\xe9\x95\xb7"), 5), "\xe9\x95\xb7");
	assert_str(replay_cut(STR("\xe9\x95\xb7"), 2), "");
}

/* JSON with ' for ", so that it can be read here. */
static void assert_json(struct buf *body, const char *expected)
{
	for (size_t i = 0; i < body->len; i++)
		if (body->ptr[i] == '"')
			body->ptr[i] = '\'';
	assert_str(buf_str(body), expected);
}

static void bodies(void **state)
{
	static const char text[] = HEAD "53/6,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850,UK\n"
					"53/6,22752,,2,2010-12-01 08:26:00,7.65,17850,UK\n"
					"C7,85123A,HEART,-4,2010-12-02 10:00:00,9,17850,UK\n"
					"8,,X,1,2010-12-02 11:00:00,1,,UK\n";
	static const struct {
		const char *path, *body;
	} posts[] = {
		{ "/v1/sales/replay-53%2F6",
			"{'state':'paid','number':'53/6','at':'2010-12-01T08:26:00Z',"
			"'currency':'GBP','identifiers':[{'kind':'loyalty_card','value':'17850'}],"
			"'lines':[{'id':'1','sku':'85123A','description':'HEART','quantity':'6',"
			"'unit_price':255,'amount':1530,'vat_rate':'20'},"
			"{'id':'2','sku':'22752','quantity':'2',"
			"'unit_price':765,'amount':1530,'vat_rate':'20'}],"
			"'payments':[{'kind':'account','amount':3060}],'total':3060}" },
		{ "/v1/sales/replay-53%2F6/returns",
			"{'id':'C7','at':'2010-12-02T10:00:00Z',"
			"'lines':[{'line':'1','quantity':'4','amount':1020}]}" },
		{ "/v1/sales/replay-8",
			"{'state':'paid','number':'8','at':'2010-12-02T11:00:00Z','currency':'GBP',"
			"'touch':null,'lines':[{'id':'1','description':'X','quantity':'1',"
			"'unit_price':100,'amount':100,'vat_rate':'20'}],"
			"'payments':[{'kind':'account','amount':100}],'total':100}" },
	};
	struct buf body BUF_AUTO, path BUF_AUTO;
	struct replay_file file;
	struct replay_plan plan;
	struct err err;

	buf_init(&body, NULL, 1 << 16);
	buf_init(&path, NULL, 1 << 12);
	assert_ok(replay_file_parse(str_of(text), &file, &err), &err);
	assert_ok(replay_plan_make(&file, &plan, &err), &err);
	assert_int_equal(plan.post_count, COUNT(posts));
	for (uint32_t n = 0; n < COUNT(posts); n++) {
		replay_body(&file, &plan, n, &body, &path);
		assert_string_equal(path.ptr, posts[n].path);
		assert_json(&body, posts[n].body);
	}
	replay_plan_done(&plan);
	replay_file_done(&file);
}

/* More words than the first table has slots: all are found again, each once. */
static void words_grow(void **state)
{
	struct words words;
	char text[16];

	assert_true(words_init(&words, 1 << 22));
	for (int round = 0; round < 2; round++)
		for (uint32_t n = 0; n < 20000; n++) {
			snprintf(text, sizeof(text), "w%u", n);
			assert_int_equal(words_add(&words, str_of(text)), n);
		}
	assert_int_equal(words.count, 20000);
	words_done(&words);
}

int main(void)
{
	return TEST_MAIN(test(rules), test(faults_are_placed), test(amounts_have_a_limit),
		test(texts_are_cleaned), test(texts_are_cut_between_characters), test(bodies),
		test(words_grow));
}
