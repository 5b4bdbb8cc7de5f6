/* SPDX-License-Identifier: Apache-2.0 */
/* The directory's source: which snapshot is the newest, and who still reads an older one.
 *
 * Every request holds a snapshot and lets it go, on sixteen threads at once. The trick is to keep
 * "which" and "how often held" in one word, so that holding is one atomic addition that cannot meet
 * a refresh halfway: `current` is the place of the newest snapshot and, below it, how often it was
 * held since it was put there. A fresh snapshot is swapped in with a count of nought; the count
 * that comes out is what the old one is owed. Each release takes one off what its place is owed,
 * also before that is known, and who brings it to nought frees the snapshot. (A mutex around a
 * plain count takes 25 ns a pair alone and 100 to 130 among threads; this 10 and 30: see
 * README.md.)
 *
 *     directory_load() --publish()--> current --publish(), directory_close()--> retired --> free
 *
 * H1  while a place is current, owed is minus its releases; once it is retired, owed is its
 *     holders. So an addition brings owed to nought once only: retired, and held by nobody.
 * H2  place->directory is NULL exactly while the place is free; only who refreshes takes one.
 * H3  the source lives until it is closed and its last snapshot is freed: a snapshot may outlive
 *     it. */
#include "shop/shop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "shop/directory_impl.h"

#define CACHE_LINE 64
#define PLACES 64    /* snapshots alive at once: requests are shorter than refreshes */
#define HOLD_BITS 48 /* holds of one snapshot: at a million a second, nine years */
#define HOLD_MASK ((UINT64_C(1) << HOLD_BITS) - 1)
#define NOT_LOADED INT64_C(-1) /* no version of the store */

/* Where one snapshot stands. */
struct place {
	_Alignas(CACHE_LINE) _Atomic int64_t owed;
	_Atomic(struct directory *) directory;
	struct directory_source *source;
};

struct directory_source {
	_Alignas(CACHE_LINE) _Atomic uint64_t current; /* place << HOLD_BITS | times held */
	_Alignas(CACHE_LINE) atomic_int users;         /* snapshots alive, and one until closed */
	struct store *store;
	pthread_mutex_t refreshing; /* one loads at a time */
	int64_t version;            /* of the newest; who is refreshing reads and writes it */
	struct place places[PLACES];
};

/* ---- holding ---- */

static void let_go_source(struct directory_source *source)
{
	if (atomic_fetch_sub(&source->users, 1) > 1)
		return;
	pthread_mutex_destroy(&source->refreshing);
	free(source);
}

/* Adds to what a place is owed; frees what stands there when that makes nought. */
static void owe(struct place *place, int64_t holds)
{
	if (atomic_fetch_add_explicit(&place->owed, holds, memory_order_acq_rel) + holds != 0)
		return;
	struct directory_source *source = place->source;
	struct directory *directory = atomic_load(&place->directory);
	directory_free(&directory);
	atomic_store(&place->directory, NULL);
	let_go_source(source);
}

const struct directory *directory_hold(struct directory_source *source)
{
	uint64_t was = atomic_fetch_add_explicit(&source->current, 1, memory_order_acquire);
	const struct place *place = &source->places[was >> HOLD_BITS];
	return atomic_load_explicit(&place->directory, memory_order_relaxed);
}

void directory_release(const struct directory **directory)
{
	if (*directory)
		owe((*directory)->place, -1);
	*directory = NULL;
}

/* ---- refreshing ---- */

/* Puts a snapshot at a free place and makes it the newest. Returns what was `current`. */
static uint64_t publish(struct directory_source *source, struct place *place,
	struct directory *fresh)
{
	fresh->place = place;
	atomic_store(&place->owed, 0);
	atomic_store(&place->directory, fresh);
	atomic_fetch_add(&source->users, 1);
	source->version = fresh->version;
	return atomic_exchange(&source->current, (uint64_t)(place - source->places) << HOLD_BITS);
}

/* `was` is what came out of `current`. */
static void retire(struct directory_source *source, uint64_t was)
{
	owe(&source->places[was >> HOLD_BITS], (int64_t)(was & HOLD_MASK));
}

static struct place *free_place(struct directory_source *source)
{
	for (size_t i = 0; i < PLACES; i++)
		if (!atomic_load(&source->places[i].directory))
			return &source->places[i];
	return NULL;
}

/* Loads what the store has now, if that is not the newest: *ret stays NULL if it is. */
static int load_moved(struct directory_source *source, struct directory **ret, struct err *err)
{
	struct store_tx *tx;
	int64_t version = 0;
	int rc = store_read_begin(source->store, &tx, err);
	if (rc < 0)
		return rc;
	rc = directory_read_version(tx, &version, err);
	if (rc == 0 && version != source->version)
		rc = directory_load(tx, ret, err);
	store_read_end(&tx);
	return rc;
}

static int refresh(struct directory_source *source, struct err *err)
{
	struct directory *fresh = NULL;
	int rc = load_moved(source, &fresh, err);
	if (rc < 0 || !fresh)
		return rc;
	struct place *place = free_place(source);
	if (!place) {
		directory_free(&fresh);
		return err_set(err, ERR_BUSY, "%d snapshots of the directory are held", PLACES);
	}
	retire(source, publish(source, place, fresh));
	return 0;
}

int directory_refresh(struct directory_source *source, struct err *err)
{
	pthread_mutex_lock(&source->refreshing);
	int rc = refresh(source, err);
	pthread_mutex_unlock(&source->refreshing);
	return rc;
}

/* ---- opening and closing ---- */

static struct directory_source *source_new(struct store *store)
{
	struct directory_source *source = aligned_alloc(CACHE_LINE, sizeof(*source));
	if (!source)
		return NULL;
	*source = (struct directory_source) { .users = 1, .store = store, .version = NOT_LOADED };
	for (size_t i = 0; i < PLACES; i++)
		source->places[i].source = source;
	pthread_mutex_init(&source->refreshing, NULL);
	return source;
}

int directory_open(struct store *store, struct directory_source **ret, struct err *err)
{
	struct directory *first = NULL;
	struct directory_source *source = source_new(store);
	if (!source)
		return err_set(err, ERR_NO_MEMORY, "no memory for the directory");
	int rc = load_moved(source, &first, err);
	if (rc < 0) {
		let_go_source(source);
		return rc;
	}
	publish(source, &source->places[0], first); /* the first: there is none to retire */
	*ret = source;
	return 0;
}

void directory_close(struct directory_source **source)
{
	if (!*source)
		return;
	retire(*source, atomic_load(&(*source)->current));
	let_go_source(*source);
	*source = NULL;
}

/* ---- looking up ---- */

int64_t directory_version(const struct directory *directory)
{
	return directory->version;
}

const struct merchant *directory_merchant(const struct directory *directory, id_t64 id)
{
	return table_find(&directory->merchants, id);
}

const struct shop *directory_shop(const struct directory *directory, id_t64 id)
{
	return table_find(&directory->shops, id);
}

const struct device *directory_device(const struct directory *directory, id_t64 id)
{
	const struct device_entry *entry = table_find(&directory->devices, id);
	return entry ? &entry->device : NULL;
}

/* Goes by the id, so `with` may be of an older snapshot. */
size_t directory_paired(const struct directory *directory, const struct device *with,
	const struct device **ret, size_t max)
{
	const struct device_entry *till = table_find(&directory->devices, with->id);
	const struct device_entry *entry = till ? till->first_paired : NULL;
	size_t count = 0;
	for (; entry && count < max; entry = entry->next_paired)
		ret[count++] = &entry->device;
	return count;
}

const struct merchant *directory_nth_merchant(const struct directory *directory, size_t n)
{
	return n < directory->merchants.count ? directory->nth_merchant[n] : NULL;
}
