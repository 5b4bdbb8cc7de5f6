/* SPDX-License-Identifier: Apache-2.0 */
/* What returns forgive, and what comes back after: text tables in the language of ledger_test.c.
 * Where two scenarios differ in the order of their lines alone, they must end alike. */
#ifndef LEDGER_FORGIVEN_SCENARIOS_IMPL_H
#define LEDGER_FORGIVEN_SCENARIOS_IMPL_H

#include "ledger/scenarios_impl.h"

static const struct scenario_text forgiven_scenarios[] = {
	{ "return, then reverse: nothing is made of nothing",
		"earn 10 lot=day30\n"
		"hold h1 10 ref=r1\n"
		"give h1 ref=r1\n"
		"claw 10 lot=day30 forgive ref=t1 -> forgiven 10\n"
		"balance 0 debt 0\n"
		"restore ref=r1 -> retaken 10\n"
		"balance 0 debt 0 entries 5\n"
		"lot day30 0\n"
		"restore ref=r1 -> 0\n"
		"history earned held spent forgiven retaken\n" },
	{ "reverse, then return: the same",
		"earn 10 lot=day30\n"
		"hold h1 10 ref=r1\n"
		"give h1 ref=r1\n"
		"restore ref=r1 -> 10\n"
		"claw 10 lot=day30 forgive ref=t1 -> taken 10\n"
		"balance 0 debt 0\n"
		"lot day30 0\n" },
	{ "a part returned: the rest comes back, latest expiry",
		"earn 6 lot=day30\n"
		"earn 14 lot=day60\n"
		"spend 20 ref=r1\n"
		"claw 8 lot=day60 forgive ref=t1 -> forgiven 8\n"
		"earn 5\n"
		"restore ref=r1 -> 12 retaken 8\n"
		"balance 17 lasting 5\n"
		"lot day30 0\n"
		"lot day60 12\n" },
	{ "several rewards, several returns",
		"earn 20\n"
		"spend 5 ref=r1\n"
		"spend 15 ref=r2\n"
		"claw 6 forgive ref=t1 -> forgiven 6\n"
		"claw 6 forgive ref=t2 -> forgiven 6\n"
		"restore ref=r1 -> retaken 5\n"
		"balance 0\n"
		"restore ref=r2 -> 8 retaken 7\n"
		"balance 8\n" },
	{ "several rewards, the other one first",
		"earn 20\n"
		"spend 5 ref=r1\n"
		"spend 15 ref=r2\n"
		"claw 6 forgive ref=t1 -> forgiven 6\n"
		"claw 6 forgive ref=t2 -> forgiven 6\n"
		"restore ref=r2 -> 3 retaken 12\n"
		"balance 3\n"
		"restore ref=r1 -> 5\n"
		"balance 8\n" },
	{ "spent after it was forgiven: comes back whole",
		"earn 10\n"
		"spend 10 ref=r1\n"
		"claw 10 forgive ref=t1 -> forgiven 10\n"
		"earn 10\n"
		"spend 10 ref=r2\n"
		"restore ref=r2 -> 10\n"
		"balance 10\n"
		"hold h1 10 ref=r3\n"
		"release h1 ref=r3\n"
		"balance 10 held 0\n"
		"restore ref=r1 -> retaken 10\n"
		"balance 10\n" },
	{ "the oldest is taken back first, so the newest is left for what went later",
		"earn 10\n"
		"spend 10 ref=r1\n"
		"claw 10 forgive ref=t1 -> forgiven 10\n"
		"earn 10\n"
		"spend 10 ref=r2\n"
		"claw 10 forgive ref=t2 -> forgiven 10\n"
		"restore ref=r1 -> retaken 10\n"
		"restore ref=r2 -> retaken 10\n"
		"balance 0\n"
		"history earned spent forgiven earned spent forgiven retaken retaken\n" },
	{ "the same, the later reward first",
		"earn 10\n"
		"spend 10 ref=r1\n"
		"claw 10 forgive ref=t1 -> forgiven 10\n"
		"earn 10\n"
		"spend 10 ref=r2\n"
		"claw 10 forgive ref=t2 -> forgiven 10\n"
		"restore ref=r2 -> retaken 10\n"
		"restore ref=r1 -> retaken 10\n"
		"balance 0\n" },
	{ "forgiven while it was held, and let go",
		"earn 6 lot=day30\n"
		"earn 4 lot=day60\n"
		"hold h1 10\n"
		"claw 10 lot=day60 forgive ref=t1 -> forgiven 10\n"
		"balance 10 held 10 debt 0\n"
		"release h1\n"
		"balance 0 held 0 debt 0\n"
		"lot day30 0\n"
		"lot day60 0\n"
		"history earned earned held forgiven released retaken retaken\n" },
	{ "forgiven while it was held, and its time ran out",
		"earn 10 lot=day30\n"
		"hold h1 7 until=day1\n"
		"claw 10 lot=day30 forgive ref=t1 -> taken 3 forgiven 7\n"
		"earn 5 lot=day60\n"
		"advance 2d\n"
		"lapse h1\n"
		"balance 5 held 0\n"
		"lot day30 0\n"
		"lot day60 5\n" },
	{ "forgiven while it was held, given, and reversed",
		"earn 10 lot=day30\n"
		"hold h1 10 ref=r1\n"
		"claw 10 lot=day30 forgive ref=t1 -> forgiven 10\n"
		"give h1 ref=r1\n"
		"balance 0 held 0\n"
		"restore ref=r1 -> retaken 10\n"
		"balance 0 entries 5\n" },
	{ "two holds: one let go, one given",
		"earn 10\n"
		"hold h1 5 ref=r1\n"
		"hold h2 5 ref=r2\n"
		"claw 5 forgive ref=t1 -> forgiven 5\n"
		"release h1 ref=r1\n"
		"balance 5 held 5\n"
		"give h2 ref=r2\n"
		"restore ref=r2 -> 5\n"
		"balance 5\n" },
	{ "two holds: the other is given first",
		"earn 10\n"
		"hold h1 5 ref=r1\n"
		"hold h2 5 ref=r2\n"
		"claw 5 forgive ref=t1 -> forgiven 5\n"
		"give h2 ref=r2\n"
		"release h1 ref=r1\n"
		"balance 0 held 0\n"
		"restore ref=r2 -> 5\n"
		"balance 5\n" },
	{ "let go, held again, given, reversed, all for one reward",
		"earn 10\n"
		"hold h1 10 ref=r1\n"
		"claw 4 forgive ref=t1 -> forgiven 4\n"
		"release h1 ref=r1\n"
		"balance 6\n"
		"earn 4\n"
		"hold h2 10 ref=r1\n"
		"give h2 ref=r1\n"
		"restore ref=r1 -> 10\n"
		"balance 10\n"
		"restore ref=r1 -> 0\n" },
	{ "one hold let go, and what was spent beside it for the same reward reversed",
		"earn 10\n"
		"spend 3 ref=r1\n"
		"hold h1 7 ref=r1\n"
		"claw 4 forgive ref=t1 -> forgiven 4\n"
		"release h1 ref=r1\n"
		"balance 3 held 0\n"
		"restore ref=r1 -> 3\n"
		"balance 6\n" },
	{ "reversed, given again: only what was forgiven since",
		"earn 10\n"
		"spend 10 ref=r1\n"
		"claw 4 forgive ref=t1 -> forgiven 4\n"
		"restore ref=r1 -> 6 retaken 4\n"
		"earn 4\n"
		"spend 10 ref=r1\n"
		"claw 3 forgive ref=t2 -> forgiven 3\n"
		"restore ref=r1 -> 7 retaken 3\n"
		"restore ref=r1 -> 0\n"
		"balance 7\n" },
	{ "spent twice for one reward: away since the first",
		"earn 10\n"
		"spend 5 ref=r1\n"
		"claw 7 forgive ref=t1 -> taken 5 forgiven 2\n"
		"earn 5\n"
		"spend 5 ref=r1\n"
		"restore ref=r1 -> 8 retaken 2\n"
		"balance 8\n" },
	{ "what was forgiven goes before a debt of another policy",
		"earn 20\n"
		"spend 20 ref=r1\n"
		"claw 6 debt ref=t1 -> owed 6\n"
		"claw 8 forgive ref=t2 -> forgiven 8\n"
		"balance 0 debt 6\n"
		"restore ref=r1 -> 12 retaken 8\n"
		"balance 6 debt 0\n" },
	{ "forgiven, then a debt, and less comes back than both",
		"earn 20\n"
		"spend 10 ref=r1\n"
		"spend 10 ref=r2\n"
		"claw 8 forgive ref=t1 -> forgiven 8\n"
		"claw 8 debt ref=t2 -> owed 8\n"
		"restore ref=r1 -> 2 retaken 8\n"
		"balance 0 debt 6\n"
		"restore ref=r2 -> 10\n"
		"balance 4 debt 0\n" },
	{ "a release pays what was forgiven, then debt, and keeps the rest",
		"earn 10 lot=day30\n"
		"earn 10\n"
		"hold h1 20\n"
		"claw 6 debt ref=t1 -> owed 6\n"
		"claw 7 lot=day30 forgive ref=t2 -> forgiven 7\n"
		"release h1\n"
		"balance 7 held 0 debt 0 lasting 7\n"
		"lot day30 0\n"
		"history earned earned held clawed_back forgiven released retaken settled settled\n" },
	{ "below zero: what was forgiven first, then what lacks",
		"earn 10 lot=day30\n"
		"spend 10 ref=r1\n"
		"claw 3 lot=day30 forgive ref=t1 -> forgiven 3\n"
		"claw 4 lot=day30 negative ref=t2 -> taken 4\n"
		"balance -4 lasting -4\n"
		"restore ref=r1 -> 7 retaken 3\n"
		"balance 3 lasting 0\n"
		"lot day30 3\n" },
	{ "expired, spent and forgiven: reversed after",
		"earn 10 lot=day30\n"
		"spend 4 ref=r1\n"
		"advance 31d\n"
		"expire -> 6\n"
		"claw 10 lot=day30 forgive ref=t1 -> counted 6 forgiven 4\n"
		"restore ref=r1 -> retaken 4\n"
		"balance 0\n"
		"lot day30 0 expired 0\n" },
	{ "expired, spent and forgiven: reversed before",
		"earn 10 lot=day30\n"
		"spend 4 ref=r1\n"
		"advance 31d\n"
		"expire -> 6\n"
		"restore ref=r1 -> 4 + expire -> 4\n"
		"claw 10 lot=day30 forgive ref=t1 -> counted 10\n"
		"balance 0\n"
		"lot day30 0 expired 0\n" },
	{ "forgiven, taken back and earned in one unit",
		"earn 10 + hold h1 10 ref=r1 + claw 6 forgive ref=t1 -> forgiven 6 + release h1 ref=r1\n"
		"balance 4 held 0\n"
		"spend 4 ref=r2 + claw 4 forgive ref=t2 -> forgiven 4 + restore ref=r2 -> retaken 4 + earn 1\n"
		"balance 1 entries 9\n" },
	{ "an account forgives for itself alone",
		"earn 10\n"
		"spend 10 ref=r1\n"
		"claw 10 forgive ref=t1 -> forgiven 10\n"
		"programme 2\n"
		"earn 10\n"
		"spend 10 ref=r1\n"
		"restore ref=r1 -> 10\n"
		"balance 10\n" },

	/* ---- the life of a sale, a reward and a return (docs/ledger.md) ---- */

	{ "earn, hold, give, return what is forgiven, reverse",
		"earn 6 lot=day365 ref=s1\n"
		"earn 4 lot=day400 ref=s2\n"
		"hold h1 10 ref=r1\n"
		"give h1 ref=r1\n"
		"claw 4 lot=day400 forgive ref=t2 -> forgiven 4\n"
		"balance 0 debt 0\n"
		"earn 6 lot=day420 ref=s3\n"
		"balance 6\n"
		"restore ref=r1 -> 6 retaken 4\n"
		"balance 12\n"
		"lot day365 2\n"
		"lot day400 4\n"
		"lot day420 6\n" },
	{ "earn, hold, return what is forgiven, release",
		"earn 6 lot=day365 ref=s1\n"
		"earn 4 lot=day400 ref=s2\n"
		"hold h1 10 ref=r1\n"
		"claw 4 lot=day400 forgive ref=t2 -> forgiven 4\n"
		"balance 10 held 10 debt 0\n"
		"release h1 ref=r1\n"
		"balance 6 held 0 entries 6\n"
		"lot day365 2\n"
		"lot day400 4\n" },
};

#endif
