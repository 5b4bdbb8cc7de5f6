/* SPDX-License-Identifier: Apache-2.0 */
/* The room as the store sees it, and the words of ledger.h. */
#include "ledger/ledger_impl.h"

#include <stdio.h>

const struct store_stmt ledger_sql[SQL_COUNT] = {
#define STMT(code, name, reach, sql) [SQL_##code] = { name, reach, sql },
	LEDGER_STATEMENTS(STMT)
#undef STMT
};

const struct store_room ledger_room = {
	.name = "ledger",
	.statements = ledger_sql,
	.statement_count = SQL_COUNT,
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};

static const struct {
	const char *word;
	enum ledger_contra contra;
} kinds[] = {
#define ENTRY_KIND(name, word, contra) { word, contra },
#include "ledger/entry_kinds.def"
#undef ENTRY_KIND
};

static bool is_kind(int kind)
{
	return kind > LEDGER_ENTRY_NOTHING && kind < LEDGER_KIND_COUNT;
}

const char *ledger_kind_word(int kind)
{
	return is_kind(kind) ? kinds[kind].word : "";
}

int entry_contra(int kind)
{
	return is_kind(kind) ? (int)kinds[kind].contra : 0;
}

int64_t ledger_available(const struct ledger_standing *standing)
{
	/* held is 0 where the balance is below zero (A2), so this cannot overflow. */
	return num_max(standing->balance - standing->held, 0);
}

const char *account_text(id_t64 member, id_t64 programme, char out[ACCOUNT_TEXT_MAX])
{
	char m[ID_TEXT_MAX], p[ID_TEXT_MAX];

	snprintf(out, ACCOUNT_TEXT_MAX, "account %s/%s", id_text(member, "m", m),
		id_text(programme, "p", p));
	return out;
}
