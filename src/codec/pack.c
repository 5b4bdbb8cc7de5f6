/* SPDX-License-Identifier: Apache-2.0 */
/* zstd with built-in dictionaries (pack_dict.c). Contexts belong to a thread and go with it;
 * digested dictionaries are made once and shared by all.
 *
 * A frame carries its length and a checksum: unpack() wants both, and nothing behind the frame, so
 * that it only ever returns what pack() was given. */
#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/check.h"
#include "codec/pack_impl.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key;
static struct {
	ZSTD_CDict *to;
	ZSTD_DDict *from;
} dicts[PACK_DICT_COUNT]; /* written once, by start() */

struct contexts {
	ZSTD_CCtx *to;
	ZSTD_DCtx *from;
};

static void contexts_free(void *ptr)
{
	struct contexts *contexts = ptr;
	ZSTD_freeCCtx(contexts->to);
	ZSTD_freeDCtx(contexts->from);
	free(contexts);
}

static void start(void)
{
	require(pthread_key_create(&contexts_key, contexts_free) == 0);
	for (int i = PACK_PLAIN + 1; i < PACK_DICT_COUNT; i++) {
		struct str bytes = pack_dict_bytes((enum pack_dict)i);
		dicts[i].to = ZSTD_createCDict(bytes.ptr, bytes.len, PACK_LEVEL);
		dicts[i].from = ZSTD_createDDict(bytes.ptr, bytes.len);
		require(dicts[i].to && dicts[i].from);
	}
}

/* This thread's contexts; NULL if there is no memory. */
static struct contexts *contexts_get(void)
{
	pthread_once(&once, start);
	struct contexts *contexts = pthread_getspecific(contexts_key);
	if (contexts)
		return contexts;
	contexts = malloc(sizeof *contexts);
	if (!contexts)
		return NULL;
	*contexts = (struct contexts) { ZSTD_createCCtx(), ZSTD_createDCtx() };
	if (!contexts->to || !contexts->from || pthread_setspecific(contexts_key, contexts) != 0) {
		contexts_free(contexts);
		return NULL;
	}
	ZSTD_CCtx_setParameter(contexts->to, ZSTD_c_compressionLevel, PACK_LEVEL);
	ZSTD_CCtx_setParameter(contexts->to, ZSTD_c_checksumFlag, 1);
	return contexts;
}

int pack(struct arena *arena, struct str bytes, enum pack_dict dict, struct str *ret,
	struct err *err)
{
	require(dict >= PACK_PLAIN && dict < PACK_DICT_COUNT);
	struct contexts *contexts = contexts_get();
	size_t room = ZSTD_compressBound(bytes.len);
	char *out = contexts && !ZSTD_isError(room) ? arena_alloc(arena, room) : NULL;
	if (!out)
		return err_set(err, ERR_NO_MEMORY, "no memory left to pack this");
	ZSTD_CCtx_refCDict(contexts->to, dicts[dict].to);
	size_t len = ZSTD_compress2(contexts->to, out, room, bytes.ptr, bytes.len);
	if (unexpected(ZSTD_isError(len)))
		return err_set(err, ERR_INTERNAL, "packing: %s", ZSTD_getErrorName(len));
	*ret = str_bytes(out, len);
	return 0;
}

static int broken(struct err *err)
{
	return err_set(err, ERR_BROKEN, "what is kept cannot be unpacked");
}

/* The dictionary a frame names; PACK_DICT_COUNT: none of ours. */
static size_t dict_of(struct str packed)
{
	unsigned id = ZSTD_getDictID_fromFrame(packed.ptr, packed.len);
	size_t i = PACK_PLAIN;

	while (i < PACK_DICT_COUNT && ZSTD_getDictID_fromDDict(dicts[i].from) != id)
		i++;
	return i;
}

int unpack(struct arena *arena, struct str packed, size_t max, struct str *ret, struct err *err)
{
	unsigned long long len = ZSTD_getFrameContentSize(packed.ptr, packed.len);
	if (len == ZSTD_CONTENTSIZE_UNKNOWN || len == ZSTD_CONTENTSIZE_ERROR || len > max)
		return broken(err);
	if (ZSTD_findFrameCompressedSize(packed.ptr, packed.len) != packed.len)
		return broken(err);
	struct contexts *contexts = contexts_get();
	size_t dict = contexts ? dict_of(packed) : 0; /* they were made with the contexts */
	if (dict == PACK_DICT_COUNT)
		return broken(err);
	char *out = contexts ? arena_alloc(arena, (size_t)len) : NULL;
	if (!out)
		return err_set(err, ERR_NO_MEMORY, "no memory left to unpack this");
	ZSTD_DCtx_refDDict(contexts->from, dicts[dict].from);
	if (ZSTD_decompressDCtx(contexts->from, out, (size_t)len, packed.ptr, packed.len) != len)
		return broken(err);
	*ret = str_bytes(out, (size_t)len);
	return 0;
}
