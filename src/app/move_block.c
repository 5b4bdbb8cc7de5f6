/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of the stream: packed, sealed, written, and read back (move_impl.h says what they are). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/move_impl.h"
#include "codec/pack.h"

#define MAGIC STR("\x89ZGL\r\n\x1a\n")
#define FRAME_LEN (1 + 4 + SEAL_LEN)
/* A packed block is never much longer than what was packed. */
#define PACKED_MAX (MOVE_BLOCK_MAX + (MOVE_BLOCK_MAX >> 7) + 1024)
#define ARENA_MAX ((size_t)3 * PACKED_MAX)

_Static_assert(MOVE_BLOCK_BYTES + MOVE_ROW_MAX < MOVE_BLOCK_MAX, "a last row always fits");

/* The seal of a block that follows the one with the seal `before`. */
static void seal_next(const struct secret *key, const unsigned char *before, enum block_kind kind,
	struct str packed, unsigned char ret[SEAL_LEN])
{
	struct hash hash;

	hash_init(&hash, key);
	hash_add(&hash, before, SEAL_LEN);
	hash_int(&hash, kind);
	hash_add(&hash, packed.ptr, packed.len);
	struct key seal = hash_done_key(&hash);
	memcpy(ret, seal.bytes, SEAL_LEN);
}

int move_block_fault(const struct block *block, struct err *err, const char *fmt, ...)
{
	char at[64], text[sizeof(err->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(at, sizeof(at), "block %lld", (long long)block->number);
	return err_at(err, ERR_UNREADABLE, at, "%s", text);
}

/* ---- writing ---- */

static int write_all(struct block_writer *w, struct str s, struct err *err)
{
	w->bytes += (int64_t)s.len;
	while (s.len) {
		ssize_t n = write(w->fd, s.ptr, s.len);
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_IO, "the stream cannot be written: %s",
				errno == EPIPE ? "its reader is gone" : strerror(errno));
		s = str_from(s, n > 0 ? (size_t)n : 0);
	}
	return 0;
}

int move_block_writer_init(struct block_writer *w, int fd, const struct secret *key,
	struct err *err)
{
	*w = (struct block_writer) { .fd = fd, .key = *key, .arena = arena_new(ARENA_MAX) };
	if (!w->arena)
		return err_set(err, ERR_NO_MEMORY, "no memory for the stream");
	return write_all(w, MAGIC, err);
}

void move_block_writer_done(struct block_writer *w)
{
	arena_free(&w->arena);
	secret_wipe(&w->key);
}

int move_block_write(struct block_writer *w, enum block_kind kind, struct str plain,
	struct err *err)
{
	char frame[FRAME_LEN];
	struct str packed;

	arena_reset(w->arena);
	int rc = pack(w->arena, plain, PACK_PLAIN, &packed, err);
	if (rc < 0)
		return rc;
	seal_next(&w->key, w->seal, kind, packed, w->seal);
	frame[0] = (char)kind;
	for (int i = 0; i < 4; i++)
		frame[1 + i] = (char)(packed.len >> (24 - 8 * i));
	memcpy(frame + 5, w->seal, SEAL_LEN);
	w->blocks++;
	rc = write_all(w, str_bytes(frame, sizeof(frame)), err);
	return rc < 0 ? rc : write_all(w, packed, err);
}

/* ---- reading ---- */

/* Reads as many as there are, at most len. */
static ssize_t read_some(struct block_reader *r, void *out, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(r->fd, (char *)out + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_IO, "the stream cannot be read: %s",
				strerror(errno));
		if (n == 0)
			break;
		done += (size_t)n;
	}
	r->bytes += (int64_t)done;
	return (ssize_t)done;
}

int move_block_reader_init(struct block_reader *r, int fd, const struct secret *key,
	struct err *err)
{
	char magic[8];

	*r = (struct block_reader) { .fd = fd, .key = *key, .arena = arena_new(ARENA_MAX) };
	if (!r->arena)
		return err_set(err, ERR_NO_MEMORY, "no memory for the stream");
	ssize_t n = read_some(r, magic, sizeof(magic), err);
	if (n < 0)
		return (int)n;
	if (str_eq(str_bytes(magic, (size_t)n), MAGIC))
		return 0;
	return err_set(err, ERR_UNREADABLE, "this is no stream that `zegel export` wrote");
}

void move_block_reader_done(struct block_reader *r)
{
	arena_free(&r->arena);
	secret_wipe(&r->key);
}

static int cut_off(const struct block *block, struct err *err)
{
	return move_block_fault(block, err, "the stream is cut off: it ends before its end");
}

static int damaged(const struct block *block, struct err *err)
{
	return move_block_fault(block, err, "the stream is damaged");
}

/* Reads what is packed into the reader's own arena. */
static int read_packed(struct block_reader *r, size_t len, const struct block *block,
	struct str *ret, struct err *err)
{
	arena_reset(r->arena);
	char *packed = arena_alloc(r->arena, len);
	if (!packed)
		return err_set(err, ERR_NO_MEMORY, "no memory for the stream");
	ssize_t n = read_some(r, packed, len, err);
	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return cut_off(block, err);
	*ret = str_bytes(packed, len);
	return 0;
}

static bool kind_known(int kind)
{
	return kind && strchr("HTRFE", kind);
}

int move_block_next(struct block_reader *r, struct block *ret, struct err *err)
{
	unsigned char frame[FRAME_LEN];
	struct block block = { .number = r->blocks };
	ssize_t n = read_some(r, frame, sizeof(frame), err);

	if (n <= 0)
		return (int)n;
	if ((size_t)n < sizeof(frame))
		return cut_off(&block, err);
	size_t len =
		(size_t)frame[1] << 24 | (size_t)frame[2] << 16 | (size_t)frame[3] << 8 | frame[4];
	if (!kind_known(frame[0]) || len > PACKED_MAX)
		return damaged(&block, err);
	int rc = read_packed(r, len, &block, &block.packed, err);
	if (rc < 0)
		return rc;
	block.kind = (enum block_kind)frame[0];
	memcpy(block.seal, frame + 5, SEAL_LEN);
	r->blocks++;
	*ret = block;
	return 1;
}

int move_block_prove(struct block_reader *r, const struct block *block, struct err *err)
{
	unsigned char seal[SEAL_LEN];

	seal_next(&r->key, r->seal, block->kind, block->packed, seal);
	if (!hash_eq(seal, block->seal, SEAL_LEN))
		return damaged(block, err);
	memcpy(r->seal, seal, SEAL_LEN);
	return 0;
}

int move_block_open(struct block *block, struct arena *arena, struct err *err)
{
	int rc = unpack(arena, block->packed, MOVE_BLOCK_MAX, &block->plain, err);

	return rc == 0 || rc == ERR_NO_MEMORY ? rc : damaged(block, err);
}
