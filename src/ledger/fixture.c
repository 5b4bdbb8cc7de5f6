/* SPDX-License-Identifier: Apache-2.0 */
/* See fixture_impl.h. */
#include "ledger/fixture_impl.h"

#include <ftw.h>
#include <stdlib.h>

#include "tests/support/test.h"

#define ARENA_MAX (1 << 20)

static const struct store_room *const rooms[] = { &ledger_room };

/* Clock, key and names; a new folder under dir_or_null. */
static void prepare(struct ledger_fixture *fixture, const char *dir_or_null)
{
	memset(fixture, 0, sizeof(*fixture));
	clock_fake_init(&fixture->clock, FIXTURE_NOW, 1);
	memset(fixture->seal.bytes, 7, sizeof(fixture->seal.bytes));
	snprintf(fixture->url, sizeof(fixture->url), "sqlite::memory:");
	if (!dir_or_null)
		return;
	snprintf(fixture->dir, sizeof(fixture->dir), "%s/zegel-ledger-XXXXXX", dir_or_null);
	assert_non_null(mkdtemp(fixture->dir));
	snprintf(fixture->path, sizeof(fixture->path), "%s/store", fixture->dir);
	snprintf(fixture->url, sizeof(fixture->url), "sqlite:%s", fixture->path);
}

static struct store_options options_of(struct ledger_fixture *fixture)
{
	return (struct store_options) {
		.url = str_of(fixture->url),
		.rooms = rooms,
		.room_count = 1,
		.clock = &fixture->clock.clock,
	};
}

void fixture_init(struct ledger_fixture *fixture, const char *dir_or_null)
{
	struct err err = { 0 };

	prepare(fixture, dir_or_null);
	struct store_options options = options_of(fixture);
	if (dir_or_null)
		assert_ok(store_migrate(&options, false, NULL, NULL, &err), &err);
	assert_ok(store_open(&options, &fixture->store, &err), &err);
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	char block[8192];

	assert_true(in && out);
	for (size_t n; (n = fread(block, 1, sizeof(block), in)) > 0;)
		assert_int_equal(fwrite(block, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

void fixture_copy(struct ledger_fixture *from, struct ledger_fixture *ret)
{
	struct err err = { 0 };

	store_close(&from->store);
	prepare(ret, "/tmp");
	copy_file(from->path, ret->path);
	struct store_options options = options_of(ret);
	assert_ok(store_open(&options, &ret->store, &err), &err);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

void fixture_done(struct ledger_fixture *fixture)
{
	store_close(&fixture->store);
	if (fixture->dir[0])
		nftw(fixture->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- units ---- */

struct fixture_unit {
	struct unit unit; /* first */
	struct ledger_fixture *fixture;
	fixture_work *work;
	void *user;
	int outcome;
};

static int unit_run(struct unit *base, struct store_tx *tx, int64_t now, struct err *err)
{
	struct fixture_unit *unit = (struct fixture_unit *)base;
	struct arena *arena ARENA_AUTO = arena_new(ARENA_MAX);
	const struct ledger_env env = { tx, &unit->fixture->seal, now, arena };
	int rc = unit->work(unit->user, &env, err);

	unit->outcome = rc > 0 && rc != STORE_MOVED ? rc : 0;
	return unit->outcome ? UNIT_DROP : rc;
}

int fixture_run(struct ledger_fixture *fixture, fixture_work *work, void *user, struct err *err)
{
	struct fixture_unit unit = { .unit = { .run = unit_run },
		.fixture = fixture,
		.work = work,
		.user = user };
	int rc = store_run(fixture->store, &unit.unit);

	if (rc < 0)
		*err = unit.unit.err;
	return rc < 0 ? rc : unit.outcome;
}

/* ---- proof ---- */

void fixture_note_breach(void *user, const char *invariant, const char *text)
{
	struct fixture_proof *proof = user;
	size_t len = strlen(proof->text);

	snprintf(proof->text + len, sizeof(proof->text) - len, "%s %s\n", invariant, text);
}

static void note_progress(void *user, int64_t accounts, int64_t entries)
{
	((struct fixture_proof *)user)->progress++;
}

int fixture_verify(struct ledger_fixture *fixture, const struct secret *seal, int64_t slice_rows,
	struct fixture_proof *ret, struct err *err)
{
	const struct ledger_report report = { fixture_note_breach, note_progress, ret };
	struct store_tx *tx;
	int rc = store_read_begin(fixture->store, &tx, err);

	memset(ret, 0, sizeof(*ret));
	if (rc < 0)
		return rc;
	rc = verify_in_slices(tx, seal, &report, slice_rows, &ret->counts, err);
	store_read_end(&tx);
	return rc;
}

void fixture_assert_sound(struct ledger_fixture *fixture, const char *row)
{
	struct fixture_proof proof;
	struct err err = { 0 };
	int rc = fixture_verify(fixture, &fixture->seal, VERIFY_SLICE_ROWS, &proof, &err);

	assert_ok(rc, &err);
	if (proof.counts.breaches)
		fail_msg("after \"%s\": %s", row, proof.text);
}

id_t64 fixture_member(int n)
{
	return id_new((uint16_t)(n * 4099), FIXTURE_NOW + n * CLOCK_SECOND, (uint32_t)n);
}

id_t64 fixture_id(id_t64 member, int n)
{
	return id_new(id_bucket(member), FIXTURE_NOW + n * CLOCK_SECOND, (uint32_t)n);
}

int fixture_open_all(const struct ledger_env *env, id_t64 member, struct ledger_account ***ret,
	size_t *ret_count, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = ledger_ask_all(env, member, &rows, err);

	return rc < 0 ? rc : ledger_take_all(env, member, rows, ret, ret_count, err);
}
