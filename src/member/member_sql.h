/* SPDX-License-Identifier: Apache-2.0 */
/* What the member room asks of the store. */
#ifndef MEMBER_MEMBER_SQL_H
#define MEMBER_MEMBER_SQL_H

#include "store/store.h"

enum { FIND_IDENTIFIER, GET_MEMBER, ADD_MEMBER, ADD_IDENTIFIER, ADD_KNOWN_BY };

static const struct store_stmt statements[] = {
	[FIND_IDENTIFIER] = { "member.find_identifier", STORE_ONE,
		"SELECT member FROM identifiers WHERE bucket = $1 AND token = $2" },
	[GET_MEMBER] = { "member.get", STORE_ONE,
		"SELECT merchant, language, created_at FROM members WHERE bucket = $1 AND member = $2" },
	[ADD_MEMBER] = { "member.add", STORE_ONE,
		"INSERT INTO members (bucket, member, merchant, language, created_at) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (bucket, member) DO NOTHING" },
	[ADD_IDENTIFIER] = { "member.add_identifier", STORE_ONE,
		"INSERT INTO identifiers (bucket, token, key_id, merchant, member, kind, added_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (bucket, token) DO NOTHING" },
	[ADD_KNOWN_BY] = { "member.add_known_by", STORE_ONE,
		"INSERT INTO known_by (bucket, member, token) VALUES ($1, $2, $3)" },
};

static const char *const migrations[] = {
	"CREATE TABLE members (bucket INTEGER NOT NULL, member BIGINT NOT NULL, "
	"merchant BIGINT NOT NULL, language TEXT NOT NULL, created_at BIGINT NOT NULL, "
	"PRIMARY KEY (bucket, member)) {rows}",
	"CREATE TABLE identifiers (bucket INTEGER NOT NULL, token {blob} NOT NULL, "
	"key_id INTEGER NOT NULL, merchant BIGINT NOT NULL, member BIGINT NOT NULL, "
	"kind INTEGER NOT NULL, added_at BIGINT NOT NULL, PRIMARY KEY (bucket, token)) {rows}",
	/* The way back, in the member's bucket: export, erasure and merging walk no other. */
	"CREATE TABLE known_by (bucket INTEGER NOT NULL, member BIGINT NOT NULL, token {blob} NOT NULL, "
	"PRIMARY KEY (bucket, member, token)) {rows}",
};

#endif
