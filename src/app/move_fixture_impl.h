/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the stream share: a store with a few rows of every kind, a file in memory that
 * holds its stream, and an empty store. */
#ifndef APP_MOVE_FIXTURE_IMPL_H
#define APP_MOVE_FIXTURE_IMPL_H

#include "app/move_impl.h"
#include "store/fixture_impl.h"

#define STREAM_MAX (1 << 20)
#define BLOCKS_MAX 256

struct world {
	struct tables tables;
	struct fixture from, to;
	struct move_what what; /* its options are those of the store it is used on */
	int stream;            /* a file in memory */
};

/* A store `from` with rows in it, its stream in small blocks, and `to`, which is not there yet; all
 * on SQLite. */
void move_world_init(struct world *w);
void move_world_done(struct world *w);

const struct engine *move_engine(const char *name);
/* A place for a store of the same rooms; none is made. */
void move_store_empty(struct fixture *fixture, const struct engine *engine);
/* The open store into the stream. */
int move_export(struct world *w, struct fixture *fixture, struct err *err) must_check;
/* The stream into the store, which is closed first. */
int move_import(struct world *w, struct fixture *fixture, bool resume, struct err *err) must_check;
enum bulk_state move_state_of(struct world *w, struct fixture *fixture);

/* The bytes of the stream, and other ones in their place. */
size_t move_stream_get(struct world *w, char bytes[STREAM_MAX]);
void move_stream_set(struct world *w, const char *bytes, size_t len);
/* Where its blocks begin, and, last, its end. Returns how many blocks there are. */
size_t move_borders(const char *bytes, size_t len, size_t ret[BLOCKS_MAX]);

#endif
