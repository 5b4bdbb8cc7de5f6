/* SPDX-License-Identifier: Apache-2.0 */
/* The parser and the slow walk give one verdict; what is parsed is written, parsed and hashed the
 * same. */
#include "codec/json_impl.h"
#include "codec/json_write.h"
#include "tests/support/fuzz.h"

static struct key hashed(const struct json *tree)
{
	struct hash hash;
	hash_init(&hash, &(const struct secret) { { 0 } });
	json_hash(tree, &hash);
	return hash_done_key(&hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena ARENA_AUTO = arena_new(64 << 20);
	struct json *tree, *again;
	struct err fast = { .at = "" }, slow = { .at = "" };
	struct buf buf;
	int rc = json_parse(arena, str_bytes(data, size), &tree, &fast);
	require(rc == json_walk(str_bytes(data, size), &slow) && strcmp(fast.at, slow.at) == 0);
	if (rc < 0)
		return 0;
	buf_init(&buf, arena, 16 << 20);
	json_out_value(&(struct json_out) { .buf = &buf }, NULL, tree);
	require(!buf.failed && json_parse(arena, buf_str(&buf), &again, &fast) == 0);
	require(memcmp(hashed(tree).bytes, hashed(again).bytes, 16) == 0);
	return 0;
}
