/* SPDX-License-Identifier: Apache-2.0 */
/* The doors between json.c and its two walks over the bytes: simdjson's (json_simdjson.cpp) and the
 * slow one that knows places (json_walk.c). Read by C and by C++. */
#ifndef CODEC_JSON_IMPL_H
#define CODEC_JSON_IMPL_H

#include "codec/json.h"

enum json_verdict {
	JSON_FINE,
	JSON_DOUBTFUL, /* fine for the parser, but versions of it differ here: ask json_walk() */
	JSON_REFUSED,
	JSON_FULL, /* no memory */
};

/* Parses bytes and builds the tree. *ret is set for JSON_FINE and JSON_DOUBTFUL. */
enum json_verdict json_simdjson(struct arena *arena, struct str bytes, struct json **ret);

/* Called for every object when its last member stands: makes the sorted index of a large one and
 * refuses two members of one name. */
enum json_verdict json_seal(struct arena *arena, struct json *object);

/* Walks over the bytes by the grammar of RFC 8259 and the rules of json.h. 0 if they hold; else the
 * first fault, with its offset. */
int json_walk(struct str bytes, struct err *err) must_check;

#endif
