/* SPDX-License-Identifier: Apache-2.0 */
/* Ids and buckets (D7).
 *
 * A *bucket* is 16 bits, computed here and never in the store: it decides in which shard a row
 * lives. Every id of ours carries its bucket in its top 16 bits, so any id can be routed without a
 * look-up:
 *
 *     63            48 47                              7 6        0
 *     [    bucket     ][ milliseconds since 2024-01-01 ][ random  ]
 *
 * The 41 bits of time last until 2093 and let an id name the row of a table that is clustered by
 * time. Two ids can meet (128 values a bucket and millisecond); the store's primary key finds out,
 * the unit is run again with a new one.
 *
 * A *key* (struct key) is what a caller's id or an identifier becomes: 128 bits of a keyed hash;
 * its first 16 bits are its bucket. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define ID_TEXT_MAX 24 /* prefix, '_', 13 characters, NUL */
/* 2024-01-01, from which an id counts. */
#define ID_EPOCH_US INT64_C(1704067200000000)

/* One id of ours. 0 is no id. */
typedef int64_t id_t64;

/* Longest id a caller may make, in bytes. */
#define ID_CALLER_MAX 200

id_t64 id_new(uint16_t bucket, int64_t now_us, uint32_t random);
uint16_t id_bucket(id_t64 id);
/* Milliseconds since 1970 at which the id was made. */
int64_t id_time_ms(id_t64 id);
/* "m_0123456789abc": prefix letter(s), '_', 13 characters of lower-case Crockford base32. Returns
 * out. */
char *id_text(id_t64 id, const char *prefix, char out[ID_TEXT_MAX]);
/* Reads what id_text() wrote; false if it is not exactly that, with that prefix. */
bool id_parse(struct str text, const char *prefix, id_t64 *ret);

/* A keyed hash of something a caller said: an id, a content. */
struct key {
	unsigned char bytes[16];
};

uint16_t key_bucket(const struct key *key);
struct str key_str(const struct key *key);
bool key_eq(const struct key *a, const struct key *b);

#endif
