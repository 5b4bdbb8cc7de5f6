/* SPDX-License-Identifier: Apache-2.0 */
/* What is packed comes back; what was never packed is refused or unpacked, and does no harm. */
#include "codec/pack.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	struct str text = str_bytes(data, size), packed, back;
	for (int i = 0; i < PACK_DICT_COUNT; i++) {
		enum pack_dict dict = (enum pack_dict)i;
		require(pack(arena, text, dict, &packed, NULL) == 0);
		require(unpack(arena, packed, size, &back, NULL) == 0 && str_eq(text, back));
		if (unpack(arena, text, 1 << 16, &back, NULL) == 0)
			require(back.len <= 1 << 16);
	}
	return 0;
}
