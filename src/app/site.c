/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an installation, and making one: its store, its merchants. zegel migrate. */
#include <stdio.h>
#include <string.h>

#include "app/backup.h"
#include "base/num.h"

void site_url(const struct settings *settings, char *out, size_t size)
{
	if (settings->store[0])
		snprintf(out, size, "%s", settings->store);
	else
		snprintf(out, size, "sqlite:%s/zegel.db", settings->data);
}

/* The rooms of the contract, and the table of backups: last, so that its first step is the last
 * one a new store gets (see was_broken_off()). */
#define ROOMS_MAX 32
#define LAST_STEP_OF_A_NEW_STORE "backup-1"

static const struct store_room *const *all_rooms(size_t *ret_count)
{
	static const struct store_room *rooms[ROOMS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < api_room_count; i++)
		rooms[n++] = api_rooms[i];
	rooms[n++] = &backup_room;
	*ret_count = n;
	return rooms;
}

void site_options(const struct settings *settings, const char *url, struct store_options *ret)
{
	*ret = (struct store_options) { .url = str_of(url),
		.clock = clock_system(),
		.queue_max = (int)settings->queue_max,
		.group_max = (int)settings->group_max,
		.cache_mb = (int)num_min(settings->cache_mb, 1 << 20),
		.tellers = (int)settings->tellers };
	ret->rooms = all_rooms(&ret->room_count);
}

int site_migrate(const struct settings *settings, struct err *err)
{
	struct store_options options;
	char url[1024];

	site_url(settings, url, sizeof(url));
	site_options(settings, url, &options);
	return store_migrate(&options, false, NULL, NULL, err);
}

int site_open(const struct settings *settings, enum site_use use, struct site *ret, struct err *err)
{
	struct store_options options;
	int rc = folder_keys(settings->data, &ret->keys, err);

	ret->store = NULL;
	if (rc < 0)
		return rc;
	site_url(settings, ret->url, sizeof(ret->url));
	site_options(settings, ret->url, &options);
	options.read_only = use == SITE_READ;
	options.may_be_away = use == SITE_SERVE;
	return store_open(&options, &ret->store, err);
}

void site_close(struct site *site)
{
	store_close(&site->store);
	secret_wipe_bytes(&site->keys, sizeof(site->keys));
}

/* ---- merchants ---- */

struct adding {
	struct unit unit;
	struct site *site;
	const struct settings *settings;
	struct merchant_made *made;
};

/* Without its id. */
static struct merchant_new merchant_of(const struct settings *s)
{
	return (struct merchant_new) { .name = str_of(s->name[0] ? s->name : "My shop"),
		.country = str_of(s->country),
		.sector = str_of(s->sector),
		.currency = str_of(s->currency),
		.time_zone = str_of(s->time_zone),
		.languages = str_of(s->languages) };
}

static int run_add(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct adding *a = (struct adding *)unit;
	struct clock *clock = clock_system();
	struct merchant_new merchant = merchant_of(a->settings);
	id_t64 key = id_new(0, now, clock_random32(clock));
	int rc;

	merchant.id = id_new(0, now, clock_random32(clock));
	rc = shop_add_merchant(tx, &merchant, now, err);

	if (rc == 0)
		rc = access_add(tx, &a->site->keys.access, key, merchant.id, 0, ROLE_ADMIN,
			STR("admin"), now, err);
	a->made->merchant = merchant.id;
	id_text(merchant.id, "mt", a->made->merchant_text);
	access_text(&a->site->keys.access, key, a->made->admin_key);
	return rc;
}

int site_add_merchant(struct site *site, const struct settings *settings, struct merchant_made *ret,
	struct err *err)
{
	struct adding adding = { .unit = { .run = run_add },
		.site = site,
		.settings = settings,
		.made = ret };
	int rc = store_run(site->store, &adding.unit);

	if (rc < 0)
		*err = adding.unit.err;
	return rc;
}

/* ---- a first one ---- */

static void note_step(void *user, const char *name, const char *sql)
{
	(void)sql;
	*(bool *)user |= strcmp(name, LAST_STEP_OF_A_NEW_STORE) == 0;
}

/* Was the making of the store broken off? An older store lacks steps too, but never that one: it
 * is not migrated because somebody typed init. */
static bool was_broken_off(const struct settings *settings)
{
	struct store_options options;
	struct err err;
	char url[1024];
	bool missing = false;

	site_url(settings, url, sizeof(url));
	site_options(settings, url, &options);
	return store_migrate(&options, true, note_step, &missing, &err) == 0 && missing;
}

static int find_merchant(struct store *store, bool *ret, struct err *err)
{
	struct directory_source *source = NULL;
	const struct directory *directory;
	int rc = directory_open(store, &source, err);

	if (rc < 0)
		return rc;
	directory = directory_hold(source);
	*ret = directory_nth_merchant(directory, 0) != NULL;
	directory_release(&directory);
	directory_close(&source);
	return 0;
}

/* A folder that has keys: 0 if there is no merchant yet, ERR_CONFLICT if there is one. */
static int check_vacant(const struct settings *settings, struct err *err)
{
	struct site site = { 0 };
	bool taken = false;
	int rc;

	rc = site_open(settings, SITE_WRITE, &site, err);
	if (rc < 0 && was_broken_off(settings))
		return 0;
	if (rc == 0)
		rc = find_merchant(site.store, &taken, err);
	if (rc == 0 && taken)
		rc = err_set(err, ERR_CONFLICT,
			"%s is there already, with a merchant; take another --data",
			settings->data);
	site_close(&site);
	return rc;
}

/* A store outside the folder, before the folder gets keys: it can be reached, and it is nobody's.
 * With other keys than its own nothing in it could be verified and nobody be recognised. */
static int check_unclaimed(const struct settings *settings, struct err *err)
{
	struct store_options options;
	struct store *store = NULL;
	char url[1024];
	bool taken = false;
	int rc;

	site_url(settings, url, sizeof(url));
	site_options(settings, url, &options);
	rc = store_open(&options, &store, err);
	if (rc < 0)
		return was_broken_off(settings) ? 0 : rc;
	rc = find_merchant(store, &taken, err);
	if (rc == 0 && taken)
		rc = err_set(err, ERR_CONFLICT,
			"there is a merchant in that store already: copy the keys of the folder it "
			"was made with to %s/keys, or take another --store",
			settings->data);
	store_close(&store);
	return rc;
}

/* What is looked at before anything is made. */
static int check_place(const struct settings *settings, bool begun, struct err *err)
{
	if (begun)
		return check_vacant(settings, err);
	return settings->store[0] ? check_unclaimed(settings, err) : 0;
}

int site_make(const struct settings *settings, struct merchant_made *ret, struct err *err)
{
	struct merchant_new merchant = merchant_of(settings);
	struct site site = { 0 };
	bool begun = folder_has_keys(settings->data);
	int rc = shop_check_merchant(&merchant, err);

	if (rc == 0)
		rc = check_place(settings, begun, err);
	if (rc == 0 && !begun)
		rc = folder_make(settings->data, err);
	if (rc == 0 && begun)
		fprintf(stderr,
			"zegel %s: %s has keys and no merchant (an init that was broken off?): it goes on from there\n",
			settings->command, settings->data);
	if (rc == 0)
		rc = site_migrate(settings, err);
	if (rc == 0)
		rc = site_open(settings, SITE_WRITE, &site, err);
	if (rc == 0)
		rc = site_add_merchant(&site, settings, ret, err);
	site_close(&site);
	return rc;
}

/* ---- migrating ---- */

static void show_step(void *user, const char *name, const char *sql)
{
	(void)user;
	printf("-- %s\n%s;\n", name, sql);
}

int cmd_migrate(const struct settings *settings)
{
	struct store_options options;
	struct err err;
	char url[1024];

	site_url(settings, url, sizeof(url));
	site_options(settings, url, &options);
	if (store_migrate(&options, settings->dry_run, show_step, NULL, &err) < 0)
		return complain(settings, &err);
	if (settings->citus && store_spread(&options, settings->dry_run, show_step, NULL, &err) < 0)
		return complain(settings, &err);
	return EXIT_DONE;
}
