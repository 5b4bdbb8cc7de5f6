/* SPDX-License-Identifier: Apache-2.0 */
/* One entry: its seal and its row. The three functions below name every column in one order, that
 * of ENTRY_COLUMNS in ledger_sql.h; a column added there is added in all three. */
#include "ledger/ledger_impl.h"

#include <endian.h>
#include <string.h>

void entry_seal(const struct ledger_entry *entry, const unsigned char prev[HASH_LEN],
	const struct secret *seal, unsigned char ret[HASH_LEN])
{
	const int64_t columns[] = { entry->member, entry->programme, entry->version,
		entry->posted_at, entry->effective_at, entry->kind, entry->contra, entry->amount,
		entry->moved, entry->lot, entry->counted, entry->balance, entry->debt, entry->held,
		entry->hold, entry->ref.kind, entry->ref.id, entry->prev_at };
	uint64_t words[sizeof(columns) / sizeof(*columns)];
	struct hash hash;

	/* What hash_int() would add, in one piece: 18 calls cost a third of the seal. */
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		words[i] = htobe64((uint64_t)columns[i]);
	hash_init(&hash, seal);
	hash_add(&hash, prev, HASH_LEN);
	hash_add(&hash, words, sizeof(words));
	hash_done(&hash, ret);
}

int entry_add(struct store_tx *tx, const struct ledger_entry *entry, struct err *err)
{
	return store_write(tx, &ledger_sql[SQL_ENTRY_ADD],
		ARGS(V_INT(id_bucket(entry->member)), V_INT(entry->member), V_INT(entry->programme),
			V_INT(entry->version), V_INT(entry->posted_at), V_INT(entry->effective_at),
			V_INT(entry->kind), V_INT(entry->contra), V_INT(entry->amount),
			V_INT(entry->moved), V_INT(entry->lot), V_INT(entry->counted),
			V_INT(entry->balance), V_INT(entry->debt), V_INT(entry->held),
			V_INT(entry->hold), V_INT(entry->ref.kind), V_INT(entry->ref.id),
			V_INT(entry->prev_at), V_BLOB(entry->hash, HASH_LEN)),
		1, err);
}

bool entry_read(const struct store_rows *rows, int first, struct ledger_entry *ret)
{
	int c = first;

	*ret = (struct ledger_entry) { .member = store_int(rows, c++) };
	ret->programme = store_int(rows, c++);
	ret->version = store_int(rows, c++);
	ret->posted_at = store_int(rows, c++);
	ret->effective_at = ret->ref.effective_at = store_int(rows, c++);
	ret->kind = (int)store_int(rows, c++);
	ret->contra = (int)store_int(rows, c++);
	ret->amount = store_int(rows, c++);
	ret->moved = store_int(rows, c++);
	ret->lot = store_int(rows, c++);
	ret->counted = store_int(rows, c++);
	ret->balance = store_int(rows, c++);
	ret->debt = store_int(rows, c++);
	ret->held = store_int(rows, c++);
	ret->hold = store_int(rows, c++);
	ret->ref.kind = (enum ledger_ref_kind)store_int(rows, c++);
	ret->ref.id = store_int(rows, c++);
	ret->prev_at = store_int(rows, c++);
	struct str hash = store_bytes(rows, c);
	if (hash.len == HASH_LEN)
		memcpy(ret->hash, hash.ptr, HASH_LEN);
	return hash.len == HASH_LEN;
}
