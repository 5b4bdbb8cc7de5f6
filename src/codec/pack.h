/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes made small for keeping (zstd, RFC 8878, with a dictionary). Dictionaries are numbered and
 * never change once released; what was packed names the one it needs (its frame's Dictionary_ID),
 * so a better one can come without rows being rewritten. */
#ifndef CODEC_PACK_H
#define CODEC_PACK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Dictionaries built into the program. PACK_PLAIN is none. */
enum pack_dict { PACK_PLAIN = 0, PACK_RECEIPT = 1, PACK_ANSWER = 2, PACK_DICT_COUNT };

/* Makes bytes small; the result lives in the arena. Safe from any thread (a context per thread). */
int pack(struct arena *arena, struct str bytes, enum pack_dict dict, struct str *ret,
	struct err *err) must_check;
/* Undoes pack(): ERR_BROKEN if that is not what pack() wrote, or is over max bytes. */
int unpack(struct arena *arena, struct str packed, size_t max, struct str *ret,
	struct err *err) must_check;

#endif
