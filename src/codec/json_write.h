/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to build, into a buf. Commas and escapes are the writer's; the caller keeps begin and end in
 * balance. Inside an object every value is written with its name, inside an array with name NULL.
 * Output is compact, valid UTF-8 in gives valid UTF-8 out, and `<`, `>`, `&`, U+2028 and U+2029 are
 * escaped so that it is safe inside HTML too. */
#ifndef CODEC_JSON_WRITE_H
#define CODEC_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/json.h"

struct json_out {
	struct buf *buf;
	uint64_t has; /* one bit a level: something stands there already */
	int depth;
};

void json_out_init(struct json_out *out, struct buf *buf);
void json_out_object(struct json_out *out, const char *name);
void json_out_object_end(struct json_out *out);
void json_out_array(struct json_out *out, const char *name);
void json_out_array_end(struct json_out *out);
void json_out_text(struct json_out *out, const char *name, struct str value);
void json_out_cstr(struct json_out *out, const char *name, const char *value);
void json_out_int(struct json_out *out, const char *name, int64_t value);
void json_out_bool(struct json_out *out, const char *name, bool value);
void json_out_null(struct json_out *out, const char *name);
/* Bytes that are JSON already. */
void json_out_raw(struct json_out *out, const char *name, struct str json);
/* A parsed value, written back in its own order. */
void json_out_value(struct json_out *out, const char *name, const struct json *value);
/* A member whose name is not a C string. */
void json_out_name(struct json_out *out, struct str name);

#endif
