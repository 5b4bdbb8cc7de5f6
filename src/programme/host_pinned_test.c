/* SPDX-License-Identifier: Apache-2.0 */
/* Programmes of a very text: whatever else has its name, and however many there were. */
#include <string.h>

#include "programme/host_fixture_impl.h"
#include "programme/host_impl.h"

static struct script_text text_of(struct fixture *f, const char *name, const char *source)
{
	struct script_text ret = { .name = str_of(name),
		.source = arena_str(f->arena, str_of(source)) };

	hash_sha256(ret.source, ret.key);
	return ret;
}

/* A text that earns n. */
static struct script_text earning(struct fixture *f, int n)
{
	char number[16];

	snprintf(number, sizeof number, "%d", n);
	return text_of(f, "s", fixture_earning(number));
}

static int64_t pinned_earns(struct fixture *f, id_t64 id, const struct script_text *text)
{
	static const struct local_text titles[] = { { STR_INIT("en"), STR_INIT("T") } };
	struct host_programme_key key = { id, 1, 0 };
	struct host_programme *programme;
	int rc = host_programme_pinned(f->host, key, text, STR("{}"), STR("c"),
		&(struct texts) { titles, 1 }, &programme, &f->err);

	return rc < 0 ? rc : fixture_earns(f, programme);
}

static void texts_of_one_name_are_two(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct script_text one = earning(&f, 1), two = earning(&f, 2);
	assert_ok(fixture_load(&f, "s", fixture_earning("3")), &f.err);
	assert_int_equal(pinned_earns(&f, 101, &one), 1);
	assert_int_equal(pinned_earns(&f, 102, &two), 2);
	assert_int_equal(pinned_earns(&f, 101, &two), 1); /* the key has its text already */
	assert_int_equal(fixture_earns(&f, fixture_programme(&f, "s", "{}")), 3);
	/* Also in a new state. */
	struct script_text endless = text_of(&f, "e", fixture_sale("while true do end"));
	assert_int_equal(pinned_earns(&f, 103, &endless), ERR_SCRIPT);
	assert_int_equal(pinned_earns(&f, 102, &two), 2);
	assert_int_equal(pinned_earns(&f, 101, &one), 1);
	fixture_done(&f);
}

/* The label is eight digits of the key: texts that have those in common are still two. */
static void alike_labels_are_two(void **state)
{
	struct fixture f;
	char a[SCRIPT_LABEL_MAX], b[SCRIPT_LABEL_MAX];

	fixture_init(&f, NULL);
	struct script_text one = earning(&f, 1), two = earning(&f, 2);
	memcpy(two.key, one.key, 4);
	assert_string_equal(script_label(&one, a), script_label(&two, b));
	assert_int_equal(pinned_earns(&f, 101, &one), 1);
	assert_int_equal(pinned_earns(&f, 102, &two), 2);
	assert_int_equal(pinned_earns(&f, 103, &one), 1);
	assert_int_equal(pinned_earns(&f, 102, &two), 2);
	fixture_done(&f);
}

static void a_text_that_does_not_load_says_which(void **state)
{
	struct fixture f;
	char label[SCRIPT_LABEL_MAX];

	fixture_init(&f, NULL);
	struct script_text broken = text_of(&f, "s", "return {\n} }");
	assert_int_equal(pinned_earns(&f, 101, &broken), ERR_SCRIPT);
	assert_non_null(strstr(f.err.text, script_label(&broken, label)));
	assert_non_null(strstr(f.err.text, "line 2"));
	fixture_done(&f);
}

static void more_texts_than_a_host_holds(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	for (int n = 1; n <= 2 * HOST_SCRIPTS_MAX + 2; n++) {
		struct script_text text = earning(&f, n);
		assert_int_equal(pinned_earns(&f, 100 + n, &text), n);
	}
	fixture_done(&f);
}

static void more_programmes_than_a_host_holds(void **state)
{
	struct fixture f;

	fixture_init(&f, NULL);
	struct script_text text = earning(&f, 5);
	for (int n = 1; n <= HOST_PROGRAMMES_MAX + 2; n++) {
		assert_int_equal(pinned_earns(&f, 100 + n, &text), 5);
		if (n % 1000 == 0)
			arena_reset(f.arena), text = earning(&f, 5);
	}
	fixture_done(&f);
}

/* What ask() said is the caller's, though the host forgets all it had. */
static void a_question_outlives_the_host(void **state)
{
	static const struct local_text titles[] = { { STR_INIT("en"), STR_INIT("Title") } };
	struct fixture f;
	struct host_programme *programme;
	struct card first, again;

	fixture_init(&f, NULL);
	struct script_text text = earning(&f, 1);
	assert_ok(host_programme_pinned(f.host, (struct host_programme_key) { 1, 1, 0 }, &text,
			  STR("{}"), STR("c"), &(struct texts) { titles, 1 }, &programme, &f.err),
		&f.err);
	assert_ok(host_ask(f.host, programme, f.arena, &first, &f.err), &f.err);
	assert_ok(host_ask(f.host, programme, f.arena, &again, &f.err), &f.err);
	assert_ptr_not_equal(first.title.list, again.title.list); /* each call's own */
	host_free(&f.host);
	assert_str(first.title.list[0].text, "Title");
	assert_str(again.title.list[0].text, "Title");
	fixture_done(&f);
}

int main(void)
{
	return TEST_MAIN(test(texts_of_one_name_are_two), test(alike_labels_are_two),
		test(a_text_that_does_not_load_says_which), test(more_texts_than_a_host_holds),
		test(more_programmes_than_a_host_holds), test(a_question_outlives_the_host));
}
