/* SPDX-License-Identifier: Apache-2.0 */
#include "shop/shop.h"

#include "shop/fixture_impl.h"
#include "tests/support/test.h"

#define KEY_LEN 69

/* A store with keys, and its directory. */
struct keys {
	struct fixture f;
	struct directory_source *source;
	char till[ACCESS_TEXT_MAX], office[ACCESS_TEXT_MAX];
};

static void keys_open(struct keys *k)
{
	fixture_open(&k->f, NULL);
	fixture_fill(&k->f);
	assert_ok(fixture_add_key(&k->f, KEY_A, OURS, TILL_A, ROLE_ADMIN), &k->f.err);
	assert_ok(fixture_add_key(&k->f, KEY_OFFICE, OURS, 0, ROLE_OFFICE), &k->f.err);
	assert_ok(directory_open(k->f.store, &k->source, &k->f.err), &k->f.err);
	access_text(&k->f.master, KEY_A, k->till);
	access_text(&k->f.master, KEY_OFFICE, k->office);
}

static void keys_close(struct keys *k)
{
	directory_close(&k->source);
	fixture_close(&k->f);
}

/* The id of the access a text gives in the newest snapshot; 0 for none. */
static id_t64 access_of(struct keys *k, struct str text)
{
	assert_ok(directory_refresh(k->source, &k->f.err), &k->f.err);
	const struct directory *directory = directory_hold(k->source);
	const struct access *access = directory_access(directory, text);
	id_t64 id = access ? access->id : 0;
	directory_release(&directory);
	return id;
}

/* Fixed: keys that are printed on stickers must go on working. */
static void text_never_changes(void **state)
{
	struct secret master = { "the master secret of these tests" }, other = { "another" };
	char text[ACCESS_TEXT_MAX], again[ACCESS_TEXT_MAX];
	access_text(&master, KEY_A, text);
	assert_string_equal(text,
		"zk_00000000007t2_"
		"67yabqdbc7d1kscj2ze7wjjzysk13paphb1vzv2njqsm5qhkeymg");
	assert_int_equal(strlen(text), KEY_LEN);
	access_text(&master, KEY_OFFICE, again);
	assert_string_not_equal(text + 17, again + 17);
	access_text(&other, KEY_A, again);
	assert_string_not_equal(text + 17, again + 17);
	assert_memory_equal(text, again, 17);
}

static void key_gives_its_access(void **state)
{
	struct keys k;
	keys_open(&k);
	const struct directory *directory = directory_hold(k.source);
	const struct access *till = directory_access(directory, str_of(k.till));
	assert_non_null(till);
	assert_int_equal(till->device->id, TILL_A);
	assert_int_equal(till->merchant->id, OURS);
	assert_int_equal(till->role, ROLE_VIEWER); /* whatever was asked for */
	const struct access *office = directory_access(directory, str_of(k.office));
	assert_non_null(office);
	assert_null(office->device);
	assert_int_equal(office->role, ROLE_OFFICE);
	assert_str(office->name, "a key");
	assert_int_equal(office->revoked_at, 0);
	directory_release(&directory);
	keys_close(&k);
}

static void only_the_whole_key_will_do(void **state)
{
	struct keys k;
	char text[ACCESS_TEXT_MAX + 1];
	keys_open(&k);
	assert_int_equal(access_of(&k, str_of(k.till)), KEY_A);
	const struct directory *directory = directory_hold(k.source);
	for (size_t cut = 0; cut < KEY_LEN; cut++)
		assert_null(directory_access(directory, str_bytes(k.till, cut)));
	for (size_t i = 0; i < KEY_LEN; i++) {
		snprintf(text, sizeof(text), "%s", k.till);
		text[i] = text[i] == '0' ? '1' : '0';
		assert_null(directory_access(directory, str_of(text)));
		text[i] = (char)(k.till[i] | 0x80);
		assert_null(directory_access(directory, str_of(text)));
	}
	snprintf(text, sizeof(text), "%s0", k.till);
	assert_null(directory_access(directory, str_of(text)));
	snprintf(text, sizeof(text), "%s", k.till);
	for (char *c = text; *c; c++)
		if (*c >= 'a' && *c <= 'z') {
			*c = (char)(*c - 'a' + 'A');
			assert_null(directory_access(directory, str_of(text)));
			*c = (char)(*c - 'A' + 'a');
		}
	/* One key's id with another's secret. */
	snprintf(text, sizeof(text), "%.17s%s", k.till, k.office + 17);
	assert_null(directory_access(directory, str_of(text)));
	assert_null(directory_access(directory, (struct str) { 0 }));
	directory_release(&directory);
	keys_close(&k);
}

static void revoked_key_fails(void **state)
{
	struct keys k;
	keys_open(&k);
	assert_int_equal(fixture_revoke(&k.f, KEY_A, THEIRS), 1);
	assert_int_equal(fixture_revoke(&k.f, 999, OURS), 1);
	assert_int_equal(access_of(&k, str_of(k.till)), KEY_A);
	assert_ok(fixture_revoke(&k.f, KEY_A, OURS), &k.f.err);
	assert_int_equal(access_of(&k, str_of(k.till)), 0);
	assert_int_equal(access_of(&k, str_of(k.office)), KEY_OFFICE);
	assert_int_equal(fixture_revoke(&k.f, KEY_A, OURS), 1);
	keys_close(&k);
}

/* A new key first, then the old one away: the till is never without. */
static void keys_are_rotated(void **state)
{
	char fresh[ACCESS_TEXT_MAX];
	struct keys k;
	keys_open(&k);
	access_text(&k.f.master, KEY_NEW, fresh);
	assert_int_equal(access_of(&k, str_of(fresh)), 0);
	assert_ok(fixture_add_key(&k.f, KEY_NEW, OURS, TILL_A, ROLE_ADMIN), &k.f.err);
	assert_int_equal(access_of(&k, str_of(fresh)), KEY_NEW);
	assert_int_equal(access_of(&k, str_of(k.till)), KEY_A);
	assert_ok(fixture_revoke(&k.f, KEY_A, OURS), &k.f.err);
	assert_int_equal(access_of(&k, str_of(k.till)), 0);
	assert_int_equal(access_of(&k, str_of(fresh)), KEY_NEW);
	keys_close(&k);
}

static const struct {
	const char *row;
	id_t64 id, merchant, device;
	enum role role;
	int rc;
	const char *at;
} adds[] = {
	{ "another merchant's till", 1, OURS, TILL_THEIRS, ROLE_ADMIN, ERR_NOT_FOUND, "/device" },
	{ "no such device", 1, OURS, 999, ROLE_ADMIN, ERR_NOT_FOUND, "/device" },
	{ "no such merchant", 1, 999, 0, ROLE_ADMIN, ERR_NOT_FOUND, "" },
	{ "no such role", 1, OURS, 0, ROLE_COUNT, ERR_INVALID, "/role" },
	{ "a taken id", KEY_A, THEIRS, 0, ROLE_ADMIN, ERR_BUSY, "" },
	{ "a device has no role", 1, OURS, TILL_A, ROLE_COUNT, 0, "" },
};

static void keys_belong(void **state)
{
	struct keys k;
	keys_open(&k);
	for (size_t i = 0; i < sizeof(adds) / sizeof(*adds); i++) {
		int rc = fixture_add_key(&k.f, adds[i].id, adds[i].merchant, adds[i].device,
			adds[i].role);
		assert_row(adds[i].row, rc == adds[i].rc);
		if (rc < 0)
			assert_row(adds[i].row, str_is(str_of(k.f.err.at), adds[i].at));
	}
	keys_close(&k);
}

/* ---- listing ---- */

struct listed {
	id_t64 merchant; /* to list */
	size_t count;
	struct {
		id_t64 id, merchant, device;
		bool revoked;
	} keys[8];
};

static void note(void *user, const struct access *access, id_t64 merchant, id_t64 device)
{
	struct listed *listed = user;
	assert_true(listed->count < 8);
	assert_str(access->name, "a key");
	assert_true(access->created_at >= FIXTURE_NOW);
	listed->keys[listed->count].id = access->id;
	listed->keys[listed->count].merchant = merchant;
	listed->keys[listed->count].device = device;
	listed->keys[listed->count++].revoked = access->revoked_at != 0;
}

static int list(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	struct listed *listed = user;
	listed->count = 0;
	return access_list(tx, listed->merchant, note, listed, err);
}

static void lists_revoked_keys_too(void **state)
{
	struct listed ours = { .merchant = OURS }, all = { 0 }, none = { .merchant = 999 };
	struct keys k;
	keys_open(&k);
	assert_ok(fixture_add_key(&k.f, KEY_NEW, THEIRS, TILL_THEIRS, ROLE_ADMIN), &k.f.err);
	assert_ok(fixture_revoke(&k.f, KEY_A, OURS), &k.f.err);
	assert_ok(fixture_run(&k.f, list, &ours), &k.f.err);
	assert_int_equal(ours.count, 2);
	assert_int_equal(ours.keys[0].id, KEY_A);
	assert_int_equal(ours.keys[0].device, TILL_A);
	assert_true(ours.keys[0].revoked);
	assert_int_equal(ours.keys[1].id, KEY_OFFICE);
	assert_int_equal(ours.keys[1].device, 0);
	assert_false(ours.keys[1].revoked);
	assert_ok(fixture_run(&k.f, list, &all), &k.f.err);
	assert_int_equal(all.count, 3);
	assert_int_equal(all.keys[2].merchant, THEIRS);
	assert_ok(fixture_run(&k.f, list, &none), &k.f.err);
	assert_int_equal(none.count, 0);
	for (size_t n = 1; n <= 3; n++) {
		store_fail_nth(k.f.store, n);
		assert_int_equal(fixture_run(&k.f, list, &ours), ERR_STORE);
	}
	keys_close(&k);
}

int main(void)
{
	return TEST_MAIN(test(text_never_changes), test(key_gives_its_access),
		test(only_the_whole_key_will_do), test(revoked_key_fails), test(keys_are_rotated),
		test(keys_belong), test(lists_revoked_keys_too));
}
