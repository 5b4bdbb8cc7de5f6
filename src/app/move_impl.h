/* SPDX-License-Identifier: Apache-2.0 */
/* A whole store as one stream of bytes: out of one engine, into another.
 *
 *   move_block.c    blocks: packed, sealed, counted
 *   move_row.c      a row as bytes, the same on every engine
 *   move_sum.c      how many rows a bucket has, and a sum over them
 *   move_head.c     the head of the stream, and each table's
 *   move_out.c      the store into the stream
 *   move_in.c       the stream into a store; move_part.c a part of it, in one transaction;
 *                   move_compare.c holds the two against each other
 *   move.c          the commands
 *
 * The stream
 *
 *   magic    89 'Z' 'G' 'L' 0d 0a 1a 0a
 *   blocks   each: kind (1 byte), length of what is packed (4, big-endian), seal (16), a zstd frame
 *            with its length and checksum
 *
 *   kind  holds                                          times
 *   H     format version, fingerprint of the keys,       once, first
 *         engine, names of the schema steps
 *   T     a table: name, columns with types              once a table, in the order of the steps
 *   R     rows of it: how many, then each, whole         as many as it takes, after its T
 *   F     of a table: each bucket's rows and their sum   once a table, after all rows
 *   E     all rows, and their sum                        once, last
 *
 * Numbers are LEB128, signed ones zigzag before; texts and bytes have their length in front; sums
 * are 8 bytes, big-endian. A value is a byte that says what it is (0 NULL, 1 number, 2 text,
 * 3 bytes) and the value. There is one way to write each, and the reader takes no other. Rows are
 * in the order of the key of the engine they come from. So the same store gives the same stream,
 * byte for byte, as long as nothing was written to it.
 *
 * The seal of a block is a keyed hash (BLAKE2b, by a key derived from the data folder's) over the
 * seal before it, the kind and the packed bytes: it says that every block up to here is as it was
 * written, by somebody who has the keys. The sum of a bucket adds, modulo 2^64, a keyed hash
 * (SipHash) of each row's bytes, so it does not depend on the order. The keys themselves are not in
 * the stream: without them it is of no use.
 *
 * To add a kind of value or of block: here, in the file that writes it, and one more in
 * MOVE_VERSION, unless an older reader may pass over it (none may, now).
 *
 * Invariants
 *   M1 nothing that was read is even unpacked before its seal was looked at; but the head, which
 *      says whose seal it is
 *   M2 what is read is looked at to its last byte: lengths and counts have limits, and nothing may
 *      be left over
 *   M3 the mark of a store stands behind a whole block, and the rows up to there, no other, are in
 */
#ifndef APP_MOVE_IMPL_H
#define APP_MOVE_IMPL_H

#include "app/app.h"
#include "base/buf.h"
#include "store/bulk.h"

/* ---- limits ---- */

#define MOVE_VERSION 1
/* A block is closed when it holds so much, or so many rows: large enough to pack well, small enough
 * to be sent soon. */
#define MOVE_BLOCK_BYTES (1 << 20)
#define MOVE_BLOCK_ROWS (64 * 1024)
/* The largest block, unpacked: one closed late by its last row. */
#define MOVE_BLOCK_MAX (16 << 20)
/* The longest row: a request has at most 1 MiB, and no row keeps more than a few. */
#define MOVE_ROW_MAX (8 << 20)
/* The longest name in the stream. */
#define MOVE_NAME_MAX 64
/* What goes into a store in one transaction, in whole blocks: once it has so many bytes, as they
 * are in the stream, or so many rows. */
#define MOVE_PART_BYTES (32 << 20)
#define MOVE_PART_ROWS (256 * 1024)

#define MOVE_BUCKETS 65536

/* ---- what is moved ---- */

/* Whose stream it is. */
struct move_what {
	struct store_options options; /* its rooms are all of the store's, and so its steps */
	const struct tables *tables;  /* to be moved */
	struct secret key;            /* to seal with */
	struct key print;             /* of the keys of the data folder */
	/* Smaller in a test; 0: MOVE_BLOCK_BYTES, MOVE_PART_BYTES. */
	size_t block_bytes, part_bytes;
};

struct move_total {
	int64_t rows, bytes;
	uint64_t sum;
};

/* Called now and then: what is being done, rows and bytes of the stream so far. */
struct move_watch {
	void (*tell)(void *user, const char *doing, const char *table, int64_t rows, int64_t bytes);
	void *user;
};

/* Writes the whole store to fd, as of one moment, while others may write. */
int move_out(const struct move_what *what, struct store *store, int fd,
	const struct move_watch *watch, struct move_total *ret, struct err *err) must_check;
/* Fills the store of what->options from fd, compares every table with the foot, opens it for use.
 * The store must be empty; resume: or have been begun from this very stream. ERR_CONFLICT: it is
 * not; or the keys or the schema are others than those of the stream: nothing was written.
 * ERR_UNREADABLE: the stream is damaged or no stream, and where. ERR_BROKEN: it was all taken in,
 * and a table differs: which, and its bucket. After these two it stays half full. */
int move_in(const struct move_what *what, int fd, bool resume, const struct move_watch *watch,
	struct move_total *ret, struct err *err) must_check;

/* ---- numbers and texts (move_row.c) ---- */

void move_put_uint(struct buf *out, uint64_t n);
void move_put_text(struct buf *out, struct str s);
void move_put_sum(struct buf *out, uint64_t sum);
/* false: that is not what put_...() writes. */
bool move_get_uint(struct str *rest, uint64_t max, uint64_t *ret);
bool move_get_text(struct str *rest, size_t max, struct str *ret);
bool move_get_sum(struct str *rest, uint64_t *ret);

/* ---- rows ---- */

/* The row that stands ready, as values; texts are looked at. ERR_BROKEN: a value that its column
 * cannot have. */
int move_row_of_store(const struct store_rows *rows, const struct table *table,
	struct store_val vals[TABLE_COLUMNS_MAX], struct err *err) must_check;
void move_row_put(struct buf *out, const struct table *table, const struct store_val *vals);
/* The next row of a block; its texts point into it. ERR_UNREADABLE. */
int move_row_get(struct str *rest, const struct table *table,
	struct store_val vals[TABLE_COLUMNS_MAX], struct err *err) must_check;
/* Its bucket; 0 if the table has none. */
uint16_t move_row_bucket(const struct table *table, const struct store_val *vals);

/* ---- blocks ---- */

enum block_kind {
	BLOCK_HEAD = 'H',
	BLOCK_TABLE = 'T',
	BLOCK_ROWS = 'R',
	BLOCK_FOOT = 'F',
	BLOCK_END = 'E',
};

#define SEAL_LEN BULK_PROOF_LEN

struct block_writer {
	int fd;
	struct secret key;
	unsigned char seal[SEAL_LEN]; /* of the last block */
	int64_t blocks, bytes;
	struct arena *arena;
};
/* Writes the magic. */
int move_block_writer_init(struct block_writer *w, int fd, const struct secret *key,
	struct err *err) must_check;
void move_block_writer_done(struct block_writer *w);
int move_block_write(struct block_writer *w, enum block_kind kind, struct str plain,
	struct err *err) must_check;

struct block_reader {
	int fd;
	struct secret key;
	unsigned char seal[SEAL_LEN]; /* of the last block that was proved */
	int64_t blocks, bytes;        /* read */
	struct arena *arena;          /* of what is packed */
};
struct block {
	enum block_kind kind;
	int64_t number; /* from 0 */
	unsigned char seal[SEAL_LEN];
	struct str packed; /* until the next is read */
	struct str plain;  /* once it was opened */
};
/* Reads the magic. */
int move_block_reader_init(struct block_reader *r, int fd, const struct secret *key,
	struct err *err) must_check;
void move_block_reader_done(struct block_reader *r);
/* Reads the next block. 1; 0: the stream ends here, between two blocks. */
int move_block_next(struct block_reader *r, struct block *ret, struct err *err) must_check;
/* Is its seal right? M1. */
int move_block_prove(struct block_reader *r, const struct block *block, struct err *err) must_check;
/* Unpacks it into the arena. */
int move_block_open(struct block *block, struct arena *arena, struct err *err) must_check;
/* ERR_UNREADABLE with "block n" as its place. */
int move_block_fault(const struct block *block, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- heads ---- */

void move_head_put(struct buf *out, const struct move_what *what, const char *engine);
/* ERR_CONFLICT: another version of the stream, other keys, other steps. */
int move_head_get(const struct block *block, const struct move_what *what,
	struct err *err) must_check;
void move_table_put(struct buf *out, const struct table *table);
/* Is it this table? */
int move_table_get(const struct block *block, const struct table *table,
	struct err *err) must_check;

/* ---- sums ---- */

struct sum {
	uint64_t rows, sum;
};
/* Of one table. */
struct sums {
	struct sum *buckets; /* MOVE_BUCKETS of them, or one */
	size_t count;
	struct sum total;
};
int move_sums_init(struct sums *sums, const struct table *table, struct err *err) must_check;
void move_sums_done(struct sums *sums);
void move_sums_add(struct sums *sums, uint16_t bucket, uint64_t hash);
void move_sums_put(struct buf *out, const struct sums *sums);
int move_sums_get(const struct block *block, struct sums *ret, struct err *err) must_check;
/* 0: the same. ERR_BROKEN names the first bucket that differs. */
int move_sums_compare(const struct table *table, const struct sums *wanted,
	const struct sums *found, struct err *err) must_check;
/* What rows are summed with. */
void move_sum_key(const struct secret *key, struct key *ret);

/* ---- parts ---- */

/* First bytes of a row's key, to put rows in order by. */
#define PART_KEY_LEN 24
/* A part as it was unpacked, and the blocks before and after its rows. */
#define PART_ARENA_MAX ((size_t)MOVE_PART_BYTES + 4 * (size_t)MOVE_BLOCK_MAX)

struct part_ref {
	unsigned char key[PART_KEY_LEN];
	struct str row;
};
struct part {
	struct store *store;
	const struct table *table;
	int key[TABLE_KEY_MAX], key_count; /* as the store keeps it */
	struct arena *arena;               /* its blocks: read them into here */
	struct part_ref *refs;
	size_t count, bytes, bytes_max;
};
int move_part_init(struct part *part, struct store *store, size_t bytes_max,
	struct err *err) must_check;
void move_part_done(struct part *part);
/* Empty again, for rows of this table. */
void move_part_reset(struct part *part, const struct table *table);
/* How many rows the block says it has. */
int move_part_count(const struct block *block, struct str *ret_rows, uint64_t *ret_count,
	struct err *err) must_check;
/* Enough for one transaction? Then it takes no more. */
bool move_part_full(const struct part *part);
/* Takes a block in, whole or not at all; its bytes must lie in the part's arena. */
int move_part_add(struct part *part, const struct block *block, struct err *err) must_check;
/* Into the store, in one transaction with its mark. ERR_CONFLICT: the mark is not at `from`. */
int move_part_load(struct part *part, const struct bulk_mark *from, const struct bulk_mark *to,
	struct err *err) must_check;

/* In a reading: are the store's tables those of the feet, one a table? */
int move_compare(const struct move_what *what, struct store *store, const struct sums *feet,
	const struct move_watch *watch, struct err *err) must_check;

#endif
