/* SPDX-License-Identifier: Apache-2.0 */
/* An id that is read is written as it was; any eight bytes but zero are an id that is read back. */
#include "base/id.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_bytes(data, size);
	char out[ID_TEXT_MAX];
	id_t64 id = 0, back = 0;
	if (id_parse(text, "m", &id))
		require(str_is(text, id_text(id, "m", out)));
	if (size == sizeof id)
		memcpy(&id, data, sizeof id);
	if (id != 0)
		require(id_parse(str_of(id_text(id, "abc", out)), "abc", &back) && back == id);
	return 0;
}
