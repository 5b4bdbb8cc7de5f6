/* SPDX-License-Identifier: Apache-2.0 */
/* What a posting and the proof cost: `ledger_bench [ENTRIES]`. Postings are timed inside one unit,
 * so without the commit; the proof over that many entries in a file, in random order of accounts,
 * ten an account, half of them into lots. */
#include <time.h>

#include "ledger/fixture_impl.h"
#include "tests/support/test.h"

#define LOOPS 20000
#define SALE_PROGRAMMES 5
#define UNIT_POSTINGS 1000

static const struct ledger_ref ref = { LEDGER_REF_SALE, 1, FIXTURE_NOW };

/* Processor time of this thread: on a shared machine wall time says little. */
static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* ---- postings ---- */

struct timing {
	const char *name;
	fixture_work *once;
	int loop;
};

static int earn_into(const struct ledger_env *env, int member, int64_t programme, int64_t lot,
	struct err *err)
{
	struct ledger_account *account;
	int rc = ledger_open(env, fixture_member(member), programme, &account, err);

	if (rc == 0)
		rc = ledger_earn(env, account, 10, lot, &ref, err);
	return rc ? rc : ledger_save(env, account, err);
}

static int earn_lasting(void *user, const struct ledger_env *env, struct err *err)
{
	return earn_into(env, ((struct timing *)user)->loop % 1000, 1, LEDGER_NEVER, err);
}

static int earn_lot(void *user, const struct ledger_env *env, struct err *err)
{
	int64_t lot = FIXTURE_NOW + (((struct timing *)user)->loop % 12 + 1) * 30 * CLOCK_DAY;

	return earn_into(env, ((struct timing *)user)->loop % 1000, 2, lot, err);
}

static int spend_lots(void *user, const struct ledger_env *env, struct err *err)
{
	struct ledger_account *account;
	int member = ((struct timing *)user)->loop % 1000;
	int rc = ledger_open(env, fixture_member(member), 2, &account, err);

	if (rc == 0)
		rc = ledger_spend(env, account, 3, &ref, err);
	return rc ? rc : ledger_save(env, account, err);
}

static int sale_of_five(void *user, const struct ledger_env *env, struct err *err)
{
	id_t64 member = fixture_member(((struct timing *)user)->loop % 1000);
	struct ledger_account **all, *account;
	size_t count;
	int rc = fixture_open_all(env, member, &all, &count, err);

	for (int p = 1; rc == 0 && p <= SALE_PROGRAMMES; p++) {
		rc = ledger_pick(env, member, 2 + p, all, count, &account, err);
		if (rc == 0)
			rc = ledger_earn(env, account, 10, LEDGER_NEVER, &ref, err);
		if (rc == 0)
			rc = ledger_save(env, account, err);
	}
	return rc;
}

static int time_it(void *user, const struct ledger_env *env, struct err *err)
{
	struct timing *timing = user;
	struct arena *arena ARENA_AUTO = arena_new(1 << 20);
	struct ledger_env inner = { env->tx, env->seal, env->now, arena };
	int64_t begun = clock_ticks_ns(), cpu = cpu_ns();
	int rc = 0;

	for (timing->loop = 0; rc == 0 && timing->loop < LOOPS; timing->loop++) {
		arena_reset(arena);
		rc = timing->once(timing, &inner, err);
	}
	printf("%-44s %8.0f ns cpu %8.0f ns wall\n", timing->name, (double)(cpu_ns() - cpu) / LOOPS,
		(double)(clock_ticks_ns() - begun) / LOOPS);
	return rc;
}

static void time_postings(void)
{
	struct timing timings[] = {
		{ "open, earn (lasting), save", earn_lasting, 0 },
		{ "the same again, accounts there", earn_lasting, 0 },
		{ "open, earn into a lot, save", earn_lot, 0 },
		{ "open, spend from lots, save", spend_lots, 0 },
		{ "open all, earn in five programmes, save", sale_of_five, 0 },
		{ "the same again, accounts there", sale_of_five, 0 },
	};
	struct ledger_fixture fixture;
	struct err err = { 0 };

	fixture_init(&fixture, NULL);
	for (size_t i = 0; i < sizeof(timings) / sizeof(*timings); i++)
		assert_ok(fixture_run(&fixture, time_it, &timings[i], &err), &err);
	fixture_done(&fixture);
}

/* ---- the proof ---- */

struct filling {
	uint64_t state;
	int accounts;
};

static int fill(void *user, const struct ledger_env *env, struct err *err)
{
	struct filling *f = user;
	int rc = 0;

	for (int i = 0; rc == 0 && i < UNIT_POSTINGS; i++) {
		f->state = f->state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		int account = (int)((f->state >> 33) % (uint64_t)f->accounts);
		int64_t month = (int64_t)(f->state >> 40) % 12 + 1;
		rc = earn_into(env, account / SALE_PROGRAMMES, account % SALE_PROGRAMMES + 1,
			account % 2 ? LEDGER_NEVER : FIXTURE_NOW + month * 30 * CLOCK_DAY, err);
	}
	return rc;
}

/* What it costs to read every entry and do nothing with it: the proof cannot be quicker. */
static void time_scan(struct ledger_fixture *fixture)
{
	struct store_tx *tx;
	struct store_rows *rows;
	struct err err = { 0 };
	struct ledger_entry entry;
	int64_t cpu = cpu_ns(), count = 0;

	assert_ok(store_read_begin(fixture->store, &tx, &err), &err);
	assert_ok(store_query(tx, &ledger_sql[SQL_PROOF_ENTRIES],
			  ARGS(V_INT(-1), V_INT(UINT16_MAX)), &rows, &err),
		&err);
	while (store_next(rows, &err) == 1)
		count += entry_read(rows, 1, &entry);
	store_rows_done(&rows);
	store_read_end(&tx);
	double cpu_s = (double)(cpu_ns() - cpu) / 1e9;
	printf("calibration: read %lld entries: %.2f s cpu (%.0f/s)\n", (long long)count, cpu_s,
		(double)count / cpu_s);
}

static void time_seal(void)
{
	struct ledger_entry entry = { .member = 1 };
	struct secret seal = { { 1 } };
	unsigned char head[HASH_LEN] = { 0 };
	int64_t cpu = cpu_ns();

	for (int i = 0; i < LOOPS; i++)
		entry_seal(&entry, head, &seal, head);
	printf("%-44s %8.0f ns cpu\n", "calibration: seal one entry",
		(double)(cpu_ns() - cpu) / LOOPS);
}

static void time_proof(int64_t entries, int64_t slice_rows)
{
	struct filling filling = { 1, (int)(entries / 10) };
	struct ledger_fixture fixture;
	struct fixture_proof proof;
	struct err err = { 0 };

	fixture_init(&fixture, "/tmp");
	for (int64_t i = 0; i < entries; i += UNIT_POSTINGS)
		assert_ok(fixture_run(&fixture, fill, &filling, &err), &err);
	time_scan(&fixture);
	for (int i = 0; i < 4; i++) {
		int64_t begun = clock_ticks_ns(), cpu = cpu_ns();
		assert_ok(fixture_verify(&fixture, &fixture.seal, slice_rows, &proof, &err), &err);
		double wall_s = (double)(clock_ticks_ns() - begun) / 1e9;
		double cpu_s = (double)(cpu_ns() - cpu) / 1e9;
		printf("verify %lld entries of %lld accounts, slices of %lld rows: %.2f s cpu "
		       "(%.0f/s), %.2f s wall\n",
			(long long)proof.counts.entries, (long long)proof.counts.accounts,
			(long long)slice_rows, cpu_s, (double)proof.counts.entries / cpu_s, wall_s);
		if (proof.counts.breaches)
			printf("%s", proof.text);
		slice_rows = i == 2 ? slice_rows / 8 : slice_rows;
	}
	fixture_done(&fixture);
}

int main(int argc, char **argv)
{
	int64_t entries = 1000000;

	if (argc > 1 && !num_parse_range(str_of(argv[1]), 1000, 1000000000, &entries))
		return 2;
	time_seal();
	time_postings();
	time_proof(entries, VERIFY_SLICE_ROWS);
	return 0;
}
