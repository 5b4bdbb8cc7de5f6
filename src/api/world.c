/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept in memory: the snapshots of the reference tables, and a script host per thread that
 * runs units. */
#include <stdio.h>
#include <stdlib.h>

#include "api/api_impl.h"
#include "base/check.h"
#include "base/log.h"

/* ---- script hosts ---- */

static pthread_key_t host_key;
static pthread_once_t host_once = PTHREAD_ONCE_INIT;

static void free_host(void *host)
{
	struct host *h = host;

	host_free(&h);
}

static void make_host_key(void)
{
	require(pthread_key_create(&host_key, free_host) == 0);
}

int api_host(struct host **ret, struct err *err)
{
	struct host *host;
	int rc;

	pthread_once(&host_once, make_host_key);
	host = pthread_getspecific(host_key);
	if (!host) {
		rc = host_new(NULL, &host, err);
		if (rc < 0)
			return rc;
		pthread_setspecific(host_key, host);
	}
	*ret = host;
	return 0;
}

/* ---- snapshots ---- */

static const struct zone *zone_of(void *user, id_t64 merchant)
{
	const struct merchant *m = directory_merchant(user, merchant);

	return m ? m->zone : NULL;
}

static int load_catalogue(struct api *api, const struct directory *directory, struct err *err)
{
	struct catalogue *fresh, *old;
	struct store_tx *tx;
	int rc = store_read_begin(api->options.store, &tx, err);

	if (rc < 0)
		return rc;
	rc = catalogue_load(tx, zone_of, (void *)directory, &fresh, err);
	store_read_end(&tx);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&api->lock);
	old = fresh; /* somebody may have published a newer one meanwhile: it never goes back */
	if (!api->catalogue || directory_version(directory) > api->catalogue_version) {
		old = api->catalogue;
		api->catalogue = fresh;
		api->catalogue_version = directory_version(directory);
	}
	pthread_mutex_unlock(&api->lock);
	catalogue_release(&old);
	return 0;
}

int api_refresh(struct api *api, struct err *err)
{
	const struct directory *directory;
	bool stale;
	int rc = api->source ? 0 : directory_open(api->options.store, &api->source, err);

	if (rc == 0)
		rc = directory_refresh(api->source, err);
	if (rc < 0)
		return rc;
	directory = directory_hold(api->source);
	pthread_mutex_lock(&api->lock);
	stale = !api->catalogue || api->catalogue_version != directory_version(directory);
	pthread_mutex_unlock(&api->lock);
	if (stale)
		rc = load_catalogue(api, directory, err);
	if (stale && rc == 0)
		streams_check(api->streams, directory);
	directory_release(&directory);
	if (rc == 0)
		atomic_store(&api->ready, true);
	return rc < 0 ? rc : shared_look(api, err);
}

void world_hold(struct api *api, struct world *ret)
{
	*ret = (struct world) { NULL, NULL };
	if (!atomic_load(&api->ready))
		return;
	ret->directory = directory_hold(api->source);
	pthread_mutex_lock(&api->lock);
	ret->catalogue = catalogue_hold(api->catalogue);
	pthread_mutex_unlock(&api->lock);
}

void world_release(struct world *world)
{
	directory_release(&world->directory);
	catalogue_release(&world->catalogue);
}

/* ---- the room's life ---- */

int api_new(const struct api_options *options, struct api **ret, struct err *err)
{
	struct api *api = calloc(1, sizeof(*api));
	int rc;

	if (!api)
		return err_set(err, ERR_NO_MEMORY, "no memory to serve");
	api->options = *options;
	atomic_init(&api->public_url, "");
	pthread_mutex_init(&api->lock, NULL);
	health_init(&api->health, api);
	api->streams = streams_new();
	snprintf(api->name, sizeof(api->name), "%08x%08x%08x", clock_random32(options->clock),
		clock_random32(options->clock), clock_random32(options->clock));
	rc = api->streams ? api_refresh(api, err)
			  : err_set(err, ERR_NO_MEMORY, "no memory to serve");
	if (rc == ERR_STORE && store_is_shared(options->store)) {
		log_warn("serving without the store until it can be reached: %s", err->text);
		rc = 0;
	}
	if (rc < 0)
		api_free(&api);
	else
		*ret = api;
	return rc;
}

void api_free(struct api **api)
{
	struct api *a = *api;

	*api = NULL;
	if (!a)
		return;
	catalogue_release(&a->catalogue);
	directory_close(&a->source);
	streams_free(&a->streams);
	health_done(&a->health);
	pthread_mutex_destroy(&a->lock);
	secret_wipe_bytes(&a->options, sizeof(a->options));
	free(a);
}

void api_set_public_url(struct api *api, const char *url)
{
	atomic_store(&api->public_url, url);
}

void api_set_server(struct api *api, struct http_server *server)
{
	api->server = server;
}
