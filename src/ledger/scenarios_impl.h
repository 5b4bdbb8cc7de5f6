/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the ledger as text tables; the language is explained in ledger_test.c. To add a
 * rule: a scenario here, its numbers worked out by hand. What is forgiven has a table of its own,
 * forgiven_scenarios_impl.h. */
#ifndef LEDGER_SCENARIOS_IMPL_H
#define LEDGER_SCENARIOS_IMPL_H

struct scenario_text {
	const char *name;
	const char *lines;
};

static const struct scenario_text scenarios[] = {
	/* ---- earning and spending ---- */

	{ "earn and spend what lasts",
		"balance 0 held 0 debt 0 entries 0\n"
		"earn 10\n"
		"balance 10 lasting 10 entries 1\n"
		"spend 4\n"
		"balance 6 lasting 6 entries 2\n"
		"spend 7 -> short\n"
		"spend 6\n"
		"spend 1 -> short\n"
		"balance 0 lasting 0 entries 3\n"
		"history earned spent spent\n" },
	{ "amounts and times are checked",
		"earn 0 -> invalid\n"
		"earn -5 -> invalid\n"
		"earn 100000000000\n"
		"earn 100000000001 -> invalid\n"
		"spend 0 -> invalid\n"
		"claw 0 debt -> invalid\n"
		"hold h1 0 -> invalid\n"
		"earn 5 lot=day-30000 -> invalid\n"
		"claw 5 lot=day-30000 debt -> invalid\n"
		"hold h1 5 until=day-30000 -> invalid\n"
		"balance 100000000000 entries 1\n" },
	{ "soonest expiry first, lasting last, an entry a lot",
		"earn 10 lot=day60\n"
		"earn 10\n"
		"earn 10 lot=day30\n"
		"spend 25\n"
		"lot day30 0\n"
		"lot day60 0\n"
		"balance 5 lasting 5 entries 6\n"
		"history earned earned earned spent spent spent\n" },
	{ "a lot is one expiry, whoever earned it",
		"earn 10 lot=day30 ref=s1\n"
		"earn 7 lot=day30 ref=s2\n"
		"lot day30 17\n"
		"spend 3\n"
		"lot day30 14\n"
		"balance 14 lasting 0\n" },
	{ "several postings in one unit",
		"earn 10 lot=day30 + spend 4 + earn 5 lot=day30 + hold h1 6\n"
		"lot day30 11\n"
		"balance 11 held 6 entries 4\n"
		"earn 3 lot=day30 + earn 2 lot=day60 + spend 11 -> short + spend 8\n"
		"lot day30 6\n"
		"lot day60 2\n"
		"balance 8 held 6 entries 7\n" },
	{ "a lot is made and emptied in one unit",
		"earn 10 lot=day30 + spend 10\n"
		"lot day30 0\n"
		"balance 0 lasting 0 entries 2\n"
		"earn 4 lot=day30\n"
		"lot day30 4\n" },
	{ "accounts do not know each other",
		"earn 10 lot=day30\n"
		"programme 2\n"
		"balance 0 entries 0\n"
		"earn 3\n"
		"spend 5 -> short\n"
		"member 2\n"
		"balance 0 entries 0\n"
		"earn 1\n"
		"member 1\n"
		"balance 3 entries 1\n"
		"programme 1\n"
		"balance 10 entries 1\n" },

	/* ---- holds ---- */

	{ "a hold keeps points from being spent",
		"earn 10\n"
		"hold h1 7\n"
		"balance 10 held 7\n"
		"spend 4 -> short\n"
		"spend 3\n"
		"balance 7 held 7\n"
		"hold h2 1 -> short\n"
		"give h1\n"
		"balance 0 held 0 entries 4\n"
		"history earned held spent spent\n" },
	{ "a hold ends exactly once",
		"earn 20\n"
		"hold h1 5\n"
		"give h1\n"
		"give h1 -> ended\n"
		"release h1 -> ended\n"
		"lapse h1 -> ended\n"
		"hold h2 5\n"
		"release h2\n"
		"give h2 -> ended\n"
		"release h2 -> ended\n"
		"hold h3 5\n"
		"lapse h3\n"
		"give h3 -> ended\n"
		"give h9 -> ended\n"
		"hold h3 5 -> conflict\n"
		"balance 15 held 0 entries 7\n" },
	{ "a hold belongs to one account",
		"earn 10\n"
		"hold h1 5\n"
		"programme 2\n"
		"earn 10\n"
		"give h1 -> ended\n"
		"release h1 -> ended\n"
		"hold h1 5 -> conflict\n"
		"balance 10 held 0\n" },
	{ "a hold is made and ended in one unit",
		"earn 10 + hold h1 4 + give h1 + give h1 -> ended + hold h2 3 + release h2\n"
		"balance 6 held 0 entries 5\n" },
	{ "a hold takes several lots when it is spent",
		"earn 3 lot=day30\n"
		"earn 3 lot=day60\n"
		"earn 3\n"
		"hold h1 7\n"
		"hold h2 2\n"
		"give h1\n"
		"balance 2 held 2 lasting 2 entries 8\n"
		"release h2\n"
		"balance 2 held 0\n" },
	{ "the sweep finds holds past their time",
		"earn 10\n"
		"hold h1 2 until=day1\n"
		"hold h2 2 until=day2\n"
		"hold h3 2 until=never\n"
		"due holds 0\n"
		"advance 1d\n"
		"due holds 1\n"
		"advance 2d\n"
		"due holds 2\n"
		"lapse h1\n"
		"give h2\n"
		"due holds 0\n"
		"balance 8 held 2\n" },

	/* ---- expiry ---- */

	{ "lots expire when their time has come",
		"earn 5 lot=day30\n"
		"earn 7 lot=day60\n"
		"earn 2\n"
		"expire -> 0\n"
		"due lots 0\n"
		"advance 31d\n"
		"due lots 1\n"
		"expire -> 5\n"
		"expire -> 0\n"
		"due lots 0\n"
		"lot day30 0 expired 5\n"
		"balance 9 lasting 2 entries 4\n"
		"advance 365d\n"
		"expire -> 7\n"
		"balance 2 lasting 2\n" },
	{ "what expired stays spendable until it is posted",
		"earn 5 lot=day30\n"
		"advance 31d\n"
		"spend 2\n"
		"expire -> 3\n"
		"balance 0\n" },
	{ "what is held does not expire",
		"earn 10 lot=day30\n"
		"hold h1 7 until=day40\n"
		"advance 31d\n"
		"due lots 1\n"
		"expire -> 3\n"
		"due lots 0\n"
		"balance 7 held 7\n"
		"lot day30 7 expired 3\n"
		"release h1\n"
		"due lots 1\n"
		"expire -> 7\n"
		"balance 0 held 0\n"
		"lot day30 0 expired 10\n" },
	{ "earned into a lot that is past, expired in the same unit",
		"earn 5 lot=day30\n"
		"advance 31d\n"
		"expire -> 5\n"
		"earn 4 lot=day30 + expire -> 4\n"
		"lot day30 0 expired 9\n"
		"earn 4 lot=day29 + expire -> 4\n"
		"lot day29 0 expired 4\n"
		"earn 2 lot=day30 + expire -> 2 + claw 14 lot=day30 debt -> counted 11 owed 3\n"
		"lot day30 0 expired 0\n" },

	/* ---- claw-back ---- */

	{ "a claw-back takes its own lot first, then the soonest, then lasting",
		"earn 5\n"
		"earn 5 lot=day30\n"
		"earn 5 lot=day60\n"
		"claw 7 lot=day60 debt -> taken 7\n"
		"lot day60 0\n"
		"lot day30 3\n"
		"balance 8 lasting 5\n"
		"claw 6 lot=day60 debt -> taken 6\n"
		"lot day30 0\n"
		"balance 2 lasting 2\n"
		"history earned earned earned clawed_back clawed_back clawed_back clawed_back\n" },
	{ "a claw-back of what never expires takes lasting first",
		"earn 5\n"
		"earn 5 lot=day30\n"
		"claw 7 debt -> taken 7\n"
		"lot day30 3\n"
		"balance 3 lasting 0\n" },
	{ "what was spent becomes debt, and later earnings fill it",
		"earn 10 lot=day30\n"
		"spend 8\n"
		"claw 10 lot=day30 debt -> taken 2 owed 8\n"
		"balance 0 debt 8\n"
		"spend 1 -> short\n"
		"earn 5 lot=day60\n"
		"balance 0 debt 3 lasting 0\n"
		"lot day60 0\n"
		"earn 5 lot=day60\n"
		"balance 2 debt 0\n"
		"lot day60 2\n" },
	{ "what was spent is forgiven",
		"earn 10 lot=day30\n"
		"spend 8\n"
		"claw 10 lot=day30 forgive -> taken 2 forgiven 8\n"
		"balance 0 debt 0\n"
		"history earned spent clawed_back forgiven\n" },
	{ "what was spent goes below zero",
		"earn 10 lot=day30\n"
		"spend 8\n"
		"claw 10 lot=day30 negative -> taken 10\n"
		"balance -8 debt 0 lasting -8\n"
		"spend 1 -> short\n"
		"hold h1 1 -> short\n"
		"expire -> 0\n"
		"claw 2 negative -> taken 2\n"
		"balance -10 lasting -10\n" },
	{ "below zero: a later earning fills it before it goes into a lot",
		"claw 8 negative -> taken 8\n"
		"earn 5 lot=day60\n"
		"balance -3 lasting -3\n"
		"earn 5 lot=day60\n"
		"balance 2 lasting 0 entries 4\n"
		"lot day60 2\n"
		"claw 3 lot=day60 negative -> taken 3\n"
		"balance -1 lasting -1\n"
		"earn 1 lot=day60\n"
		"balance 0 lasting 0\n"
		"lot day60 0\n" },
	{ "debt first, then below zero, in one earning",
		"claw 4 debt -> owed 4\n"
		"claw 3 negative -> taken 3\n"
		"balance -3 debt 4\n"
		"earn 2 lot=day30\n"
		"balance -3 debt 2\n"
		"earn 10 lot=day30\n"
		"balance 5 debt 0 lasting 0\n"
		"lot day30 5\n" },
	{ "held points stay held",
		"earn 10 lot=day30\n"
		"hold h1 7\n"
		"claw 10 lot=day30 debt -> taken 3 owed 7\n"
		"balance 7 held 7 debt 7\n"
		"advance 31d\n"
		"expire -> 0\n"
		"balance 7 held 7 debt 7\n"
		"give h1\n"
		"balance 0 held 0 debt 7\n" },
	{ "below zero is debt while something is held",
		"earn 10 lot=day30\n"
		"hold h1 7\n"
		"claw 12 lot=day30 negative -> taken 3 owed 9\n"
		"balance 7 held 7 debt 9\n"
		"give h1\n"
		"claw 1 negative -> taken 1\n"
		"balance -1 held 0 debt 9\n" },
	{ "a release pays debt with what becomes free",
		"earn 10 lot=day30\n"
		"hold h1 7\n"
		"claw 10 lot=day30 debt -> taken 3 owed 7\n"
		"earn 3 lot=day60\n"
		"balance 7 held 7 debt 4\n"
		"release h1\n"
		"balance 3 held 0 debt 0\n"
		"lot day30 3\n"
		"history earned held clawed_back clawed_back earned released settled\n" },
	{ "debt is settled from several lots, and may stay",
		"earn 2 lot=day60\n"
		"earn 2 lot=day30\n"
		"earn 2\n"
		"hold h1 5\n"
		"hold h2 1\n"
		"claw 9 debt -> owed 9\n"
		"lapse h1\n"
		"balance 1 held 1 debt 4 lasting 1\n"
		"lot day30 0\n"
		"lot day60 0\n"
		"release h2\n"
		"balance 0 held 0 debt 3\n" },
	{ "expired points count as taken, once",
		"earn 10 lot=day30\n"
		"spend 4\n"
		"advance 31d\n"
		"expire -> 6\n"
		"claw 5 lot=day30 debt -> counted 5\n"
		"balance 0 debt 0\n"
		"lot day30 0 expired 1\n"
		"claw 5 lot=day30 debt -> counted 1 owed 4\n"
		"balance 0 debt 4\n"
		"lot day30 0 expired 0\n" },
	{ "two sales in one lot, one part expired",
		"earn 10 lot=day30 ref=s1\n"
		"earn 10 lot=day30 ref=s2\n"
		"spend 8\n"
		"advance 31d\n"
		"expire -> 12\n"
		"claw 10 lot=day30 debt ref=t1 -> counted 10\n"
		"claw 10 lot=day30 debt ref=t2 -> counted 2 owed 8\n"
		"balance 0 debt 8\n" },
	{ "a claw-back after a part expired takes the rest where it is",
		"earn 10 lot=day30\n"
		"earn 10 lot=day60\n"
		"hold h1 14 until=day40\n"
		"advance 31d\n"
		"expire -> 6\n"
		"lot day30 4 expired 6\n"
		"release h1\n"
		"claw 10 lot=day30 forgive -> taken 4 counted 6\n"
		"lot day30 0 expired 0\n"
		"lot day60 10\n"
		"balance 10\n" },
	{ "expired, remaining, elsewhere, owed: all in one claw-back",
		"earn 10 lot=day30\n"
		"hold h1 7 until=day40\n"
		"advance 31d\n"
		"expire -> 3\n"
		"earn 2 lot=day90\n"
		"earn 1\n"
		"release h1\n"
		"hold h2 4\n"
		"claw 12 lot=day30 debt -> counted 3 taken 6 owed 3\n"
		"balance 4 held 4 debt 3\n"
		"lot day30 1 expired 0\n" },

	/* ---- restore ---- */

	{ "a restore puts points back where they came from, once",
		"earn 3 lot=day30\n"
		"earn 3 lot=day60\n"
		"earn 3\n"
		"spend 8 ref=r1\n"
		"spend 1 ref=r2\n"
		"restore ref=r1 -> 8\n"
		"lot day30 3\n"
		"lot day60 3\n"
		"balance 8 lasting 2\n"
		"restore ref=r1 -> 0\n"
		"restore ref=r3 -> 0\n"
		"balance 8 lasting 2 entries 10\n" },
	{ "a restore of a hold that was given",
		"earn 10 lot=day30\n"
		"hold h1 7 ref=r1\n"
		"give h1 ref=r1\n"
		"restore ref=r1 -> 7\n"
		"restore ref=r1 -> 0\n"
		"balance 10 held 0\n"
		"lot day30 10\n"
		"give h1 -> ended\n" },
	{ "spent again under the same ref: only the new spend comes back",
		"earn 10\n"
		"spend 4 ref=r1\n"
		"restore ref=r1 -> 4\n"
		"spend 3 ref=r1\n"
		"restore ref=r1 -> 3\n"
		"restore ref=r1 -> 0\n"
		"balance 10\n" },
	{ "the ref is its kind and its id",
		"earn 10\n"
		"spend 4 ref=r1\n"
		"restore ref=s1 -> 0\n"
		"restore ref=r1 -> 4\n" },
	{ "a restore fills debt first, with what expires soonest",
		"earn 5 lot=day30\n"
		"earn 5\n"
		"spend 10 ref=r1\n"
		"claw 7 debt -> owed 7\n"
		"restore ref=r1 -> 10\n"
		"balance 3 debt 0 lasting 3\n"
		"lot day30 0\n" },
	{ "a restore fills what lacks to zero",
		"earn 5 lot=day30\n"
		"spend 5 ref=r1\n"
		"claw 3 lot=day30 negative -> taken 3\n"
		"restore ref=r1 -> 5\n"
		"balance 2 lasting 0\n"
		"lot day30 2\n" },
	{ "restored into a lot that is past: the next expiry takes it",
		"earn 10 lot=day30\n"
		"spend 6 ref=r1\n"
		"advance 31d\n"
		"expire -> 4\n"
		"restore ref=r1 -> 6\n"
		"lot day30 6 expired 4\n"
		"due lots 1\n"
		"expire -> 6\n"
		"lot day30 0 expired 10\n"
		"claw 10 lot=day30 debt -> counted 10\n"
		"balance 0 debt 0\n" },
	{ "a restore finds a spend far back",
		"earn 100\n"
		"spend 9 ref=r1\n"
		"earn 1 + earn 1 + earn 1 + earn 1 + earn 1 + earn 1 + earn 1 + earn 1\n"
		"earn 1 + earn 1 + earn 1 + earn 1 + earn 1 + earn 1 + earn 1 + earn 1\n"
		"earn 1 + spend 1 + restore ref=r1 -> 9 + restore ref=r1 -> 0\n"
		"balance 116 entries 21\n"
		"restore ref=r2 -> 0\n" },

	/* ---- the life of a sale, a reward and a return (docs/ledger.md) ---- */

	{ "earn, hold, give, return",
		"earn 6 lot=day365 ref=s1\n"
		"earn 4 lot=day400 ref=s2\n"
		"hold h1 10 ref=r1\n"
		"give h1 ref=r1\n"
		"balance 0 held 0 debt 0 entries 5\n"
		"claw 4 lot=day400 debt ref=t2 -> owed 4\n"
		"balance 0 debt 4\n"
		"earn 6 lot=day420 ref=s3\n"
		"balance 2 debt 0\n"
		"restore ref=r1 -> 10\n"
		"balance 12\n"
		"lot day365 6\n"
		"lot day400 4\n"
		"lot day420 2\n" },
};

#endif
