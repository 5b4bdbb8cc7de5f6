/* SPDX-License-Identifier: Apache-2.0 */
#include "shop/shop.h"

#include "shop/fixture_impl.h"
#include "store/store_lint.h"
#include "tests/support/test.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define FORTY "abcdefghij-abcdefghij-abcdefghij-abcdefg"
#define FIFTY "0123456789 0123456789 0123456789 0123456789 012345"

/* ---- fields ---- */

enum field { NAME, COUNTRY, SECTOR, CURRENCY, ZONE, LANGUAGES };
static const char *const places[] = { "/name", "/country", "/sector", "/currency", "/time_zone",
	"/languages" };

static const struct {
	const char *row;
	enum field field;
	struct str value;
	bool good;
} fields[] = {
	{ "one byte", NAME, STR_INIT("X"), true },
	{ "200 bytes", NAME, STR_INIT(FIFTY FIFTY FIFTY FIFTY), true },
	{ "201 bytes", NAME, STR_INIT(FIFTY FIFTY FIFTY FIFTY "x"), false },
	{ "no name", NAME, STR_INIT(""), false },
	{ "accents", NAME, STR_INIT("Caf\xC3\xA9 \xE2\x82\xAC"), true },
	{ "half a character", NAME, STR_INIT("Caf\xC3"), false },
	{ "Latin-1", NAME, STR_INIT("Caf\xE9"), false },
	{ "a NUL", NAME, STR_INIT("a\0b"), false },
	{ "a line end", NAME, STR_INIT("a\nb"), false },
	{ "DEL", NAME, STR_INIT("a\x7F"), false },
	{ "U+0080", NAME, STR_INIT("a\xC2\x80"), false },
	{ "U+009F", NAME, STR_INIT("\xC2\x9F"), false },
	{ "U+00A0", NAME,
		STR_INIT("a\xC2\xA0"
			 "b"),
		true },
	{ "NL", COUNTRY, STR_INIT("NL"), true },
	{ "lower case", COUNTRY, STR_INIT("nl"), false },
	{ "three letters", COUNTRY, STR_INIT("BEL"), false },
	{ "one letter", COUNTRY, STR_INIT("B"), false },
	{ "digits", COUNTRY, STR_INIT("B3"), false },
	{ "a word", SECTOR, STR_INIT("hospitality"), true },
	{ "40", SECTOR, STR_INIT(FORTY), true },
	{ "41", SECTOR, STR_INIT(FORTY "h"), false },
	{ "no sector", SECTOR, STR_INIT(""), false },
	{ "a blank", SECTOR, STR_INIT("food retail"), false },
	{ "a capital", SECTOR, STR_INIT("Retail"), false },
	{ "GBP", CURRENCY, STR_INIT("GBP"), true },
	{ "two letters", CURRENCY, STR_INIT("EU"), false },
	{ "lower case", CURRENCY, STR_INIT("eur"), false },
	{ "a sign", CURRENCY, STR_INIT("\xE2\x82\xAC"), false },
	{ "Amsterdam", ZONE, STR_INIT("Europe/Amsterdam"), true },
	{ "UTC", ZONE, STR_INIT("UTC"), true },
	{ "no zone", ZONE, STR_INIT(""), false },
	{ "no such place", ZONE, STR_INIT("Europe/Atlantis"), false },
	{ "a long one", ZONE, STR_INIT(FIFTY FIFTY), false },
	{ "one language", LANGUAGES, STR_INIT("nl"), true },
	{ "eight", LANGUAGES, STR_INIT("nl fr de en es it pt pl"), true },
	{ "nine", LANGUAGES, STR_INIT("nl fr de en es it pt pl ro"), false },
	{ "none", LANGUAGES, STR_INIT(""), false },
	{ "twice", LANGUAGES, STR_INIT("nl fr nl"), false },
	{ "two blanks", LANGUAGES, STR_INIT("nl  fr"), false },
	{ "three blanks", LANGUAGES, STR_INIT("nl   fr"), false },
	{ "a blank in front", LANGUAGES, STR_INIT(" nl"), false },
	{ "a blank behind", LANGUAGES, STR_INIT("nl "), false },
	{ "capitals", LANGUAGES, STR_INIT("NL"), false },
	{ "a comma", LANGUAGES, STR_INIT("nl,fr"), false },
	{ "three letters", LANGUAGES, STR_INIT("nld"), false },
	{ "five letters", LANGUAGES, STR_INIT("nldfr"), false },
};

static struct merchant_new with(enum field field, struct str value)
{
	struct merchant_new merchant = fixture_merchant(OURS);
	struct str *const members[] = { &merchant.name, &merchant.country, &merchant.sector,
		&merchant.currency, &merchant.time_zone, &merchant.languages };
	*members[field] = value;
	return merchant;
}

static void refuses_fields(void **state)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct merchant_new merchant = with(fields[i].field, fields[i].value);
		struct err err = { 0 };
		int rc = shop_check_merchant(&merchant, &err);
		assert_row(fields[i].row, rc == (fields[i].good ? 0 : ERR_INVALID));
		if (!fields[i].good)
			assert_row(fields[i].row, str_is(str_of(err.at), places[fields[i].field]));
	}
}

static void words_are_in_the_order_of_the_enums(void **state)
{
	assert_string_equal(device_kind_words[DEVICE_TILL], "till");
	assert_string_equal(device_kind_words[DEVICE_SCREEN], "screen");
	assert_null(device_kind_words[DEVICE_KIND_COUNT]);
	assert_string_equal(role_words[ROLE_ADMIN], "admin");
	assert_null(role_words[ROLE_COUNT]);
}

static void report(void *user, const char *stmt, const char *why)
{
	print_error("%s: %s\n", stmt, why);
}

static void sql_is_for_every_engine(void **state)
{
	static const struct store_room *const rooms[] = { &shop_room };
	assert_int_equal(store_lint(rooms, 1, report, NULL), 0);
}

/* ---- belonging ---- */

static const struct {
	const char *row;
	struct device_new device;
	int rc;
	const char *at;
} devices[] = {
	{ "at its till", { 1, OURS, SHOP_A, TILL_A, DEVICE_READER, STR_INIT("R") }, 0, "" },
	{ "a kiosk alone", { 2, OURS, SHOP_B, 0, DEVICE_KIOSK, STR_INIT("K") }, 0, "" },
	{ "another merchant's shop", { 3, OURS, SHOP_THEIRS, 0, DEVICE_TILL, STR_INIT("T") },
		ERR_NOT_FOUND, "/shop" },
	{ "their till too", { 3, OURS, SHOP_THEIRS, TILL_THEIRS, DEVICE_READER, STR_INIT("T") },
		ERR_NOT_FOUND, "/shop" },
	{ "no such shop", { 3, OURS, 999, 0, DEVICE_TILL, STR_INIT("T") }, ERR_NOT_FOUND, "/shop" },
	{ "no such merchant", { 3, 999, SHOP_A, 0, DEVICE_TILL, STR_INIT("T") }, ERR_NOT_FOUND,
		"/shop" },
	{ "another merchant's till", { 3, OURS, SHOP_A, TILL_THEIRS, DEVICE_READER, STR_INIT("R") },
		ERR_NOT_FOUND, "/paired_with" },
	{ "no such till", { 3, OURS, SHOP_A, 999, DEVICE_READER, STR_INIT("R") }, ERR_NOT_FOUND,
		"/paired_with" },
	{ "itself", { 3, OURS, SHOP_A, 3, DEVICE_READER, STR_INIT("R") }, ERR_NOT_FOUND,
		"/paired_with" },
	{ "a till in another shop", { 3, OURS, SHOP_A, TILL_B, DEVICE_READER, STR_INIT("R") },
		ERR_INVALID, "/paired_with" },
	{ "a reader", { 3, OURS, SHOP_A, READER_A, DEVICE_SCREEN, STR_INIT("S") }, ERR_INVALID,
		"/paired_with" },
	{ "no name", { 3, OURS, SHOP_A, 0, DEVICE_TILL, STR_INIT("") }, ERR_INVALID, "/name" },
	{ "no such kind", { 3, OURS, SHOP_A, 0, DEVICE_KIND_COUNT, STR_INIT("X") }, ERR_INVALID,
		"/kind" },
};

static void devices_belong(void **state)
{
	struct fixture f;
	fixture_open(&f, NULL);
	fixture_fill(&f);
	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		int rc = fixture_add_device(&f, &devices[i].device);
		assert_row(devices[i].row, rc == devices[i].rc);
		if (rc < 0)
			assert_row(devices[i].row, str_is(str_of(f.err.at), devices[i].at));
	}
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM devices WHERE id = 3"), 0);
	fixture_close(&f);
}

static void shops_belong(void **state)
{
	struct fixture f;
	fixture_open(&f, NULL);
	fixture_fill(&f);
	assert_int_equal(fixture_add_shop(&f, 1, 999, "X"), ERR_NOT_FOUND);
	assert_int_equal(fixture_add_shop(&f, 1, OURS, "a\tb"), ERR_INVALID);
	assert_string_equal(f.err.at, "/name");
	assert_int_equal(fixture_number(&f, "SELECT COUNT(*) FROM shops"), 3);
	fixture_close(&f);
}

/* A taken id makes the unit run again; with the same id each time, it gives up. */
static void ids_are_taken_once(void **state)
{
	static const struct device_new till = { TILL_A, OURS, SHOP_B, 0, DEVICE_TILL,
		STR_INIT("T") };
	struct merchant_new merchant = fixture_merchant(OURS);
	struct fixture f;
	fixture_open(&f, NULL);
	fixture_fill(&f);
	int64_t version = fixture_number(&f, "SELECT n FROM reference_version");
	assert_int_equal(fixture_add_merchant(&f, &merchant), ERR_BUSY);
	assert_int_equal(fixture_add_shop(&f, SHOP_A, THEIRS, "again"), ERR_BUSY);
	assert_int_equal(fixture_add_device(&f, &till), ERR_BUSY);
	assert_int_equal(fixture_number(&f, "SELECT n FROM reference_version"), version);
	assert_int_equal(fixture_number(&f, "SELECT shop_count FROM merchants WHERE id = 1002"), 1);
	fixture_close(&f);
}

/* ---- counting ---- */

static void keeps_to_the_maxima(void **state)
{
	static const struct device_new till = { 1, OURS, SHOP_A, 0, DEVICE_TILL, STR_INIT("T") };
	static const struct device_new next = { 2, OURS, SHOP_A, 0, DEVICE_TILL, STR_INIT("T") };
	struct fixture f;
	fixture_open(&f, NULL);
	fixture_fill(&f);
	assert_int_equal(fixture_number(&f,
				 "SELECT 10 * shop_count + device_count FROM merchants "
				 "WHERE id = 1001"),
		24);
	assert_ok(fixture_sql(&f,
			  "UPDATE merchants SET shop_count = 9999, device_count = 99999, "
			  "key_count = 999999 WHERE id = 1001"),
		&f.err);
	assert_ok(fixture_add_shop(&f, 1, OURS, "the last"), &f.err);
	assert_int_equal(fixture_add_shop(&f, 2, OURS, "one more"), ERR_INVALID);
	assert_string_equal(f.err.text, "a merchant has at most 10000 shops");
	assert_ok(fixture_add_device(&f, &till), &f.err);
	assert_int_equal(fixture_add_device(&f, &next), ERR_INVALID);
	assert_string_equal(f.err.text, "a merchant has at most 100000 devices");
	assert_ok(fixture_add_key(&f, 1, OURS, TILL_A, ROLE_ADMIN), &f.err);
	assert_int_equal(fixture_add_key(&f, 2, OURS, TILL_A, ROLE_ADMIN), ERR_INVALID);
	assert_ok(fixture_add_shop(&f, 2, THEIRS, "of another"), &f.err);
	fixture_close(&f);
}

static int touch(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	return shop_touch(tx, err);
}

static void every_write_raises_the_version(void **state)
{
	static const char version[] = "SELECT n FROM reference_version";
	struct fixture f;
	fixture_open(&f, NULL);
	fixture_fill(&f);
	assert_int_equal(fixture_number(&f, version), 10); /* 2 merchants, 3 shops, 5 devices */
	assert_ok(fixture_add_key(&f, KEY_A, OURS, TILL_A, ROLE_ADMIN), &f.err);
	assert_int_equal(fixture_number(&f, version), 11);
	assert_ok(fixture_revoke(&f, KEY_A, OURS), &f.err);
	assert_int_equal(fixture_number(&f, version), 12);
	assert_ok(fixture_run(&f, touch, NULL), &f.err);
	assert_int_equal(fixture_number(&f, version), 13);
	assert_ok(fixture_add_event(&f, TILL_A, "{}"), &f.err);
	assert_int_equal(fixture_number(&f, version), 13);
	fixture_close(&f);
}

/* ---- faults ---- */

static int add_merchant(struct fixture *f)
{
	struct merchant_new merchant = fixture_merchant(1);
	return fixture_add_merchant(f, &merchant);
}

static int add_shop(struct fixture *f)
{
	return fixture_add_shop(f, 2, OURS, "Haven");
}

static int add_device(struct fixture *f)
{
	static const struct device_new reader = { 3, OURS, SHOP_B, TILL_B, DEVICE_READER,
		STR_INIT("R") };
	return fixture_add_device(f, &reader);
}

static int touch_only(struct fixture *f)
{
	return fixture_run(f, touch, NULL);
}

static int add_key(struct fixture *f)
{
	return fixture_add_key(f, KEY_A, OURS, TILL_A, ROLE_ADMIN);
}

static int revoke_key(struct fixture *f)
{
	return fixture_revoke(f, KEY_A, OURS);
}

static const struct {
	const char *row;
	int (*call)(struct fixture *f);
	const char *count; /* is 1 more after it */
} writes[] = {
	{ "merchant", add_merchant, "SELECT COUNT(*) FROM merchants" },
	{ "shop", add_shop, "SELECT SUM(shop_count) FROM merchants" },
	{ "device", add_device, "SELECT SUM(device_count) FROM merchants" },
	{ "touch", touch_only, "SELECT n FROM reference_version" },
	{ "key", add_key, "SELECT SUM(key_count) FROM merchants" },
	{ "revoke", revoke_key, "SELECT COUNT(*) FROM access_keys WHERE revoked_at <> 0" },
};

static void any_step_may_fail(void **state)
{
	struct fixture f;
	fixture_open(&f, NULL);
	fixture_fill(&f);
	for (size_t i = 0; i < COUNT_OF(writes); i++) {
		int64_t before = fixture_number(&f, writes[i].count);
		fixture_fail_each_step(&f, writes[i].row, writes[i].call);
		assert_row(writes[i].row, fixture_number(&f, writes[i].count) == before + 1);
	}
	fixture_close(&f);
}

int main(void)
{
	return TEST_MAIN(test(refuses_fields), test(words_are_in_the_order_of_the_enums),
		test(sql_is_for_every_engine), test(devices_belong), test(shops_belong),
		test(ids_are_taken_once), test(keeps_to_the_maxima),
		test(every_write_raises_the_version), test(any_step_may_fail));
}
