/* SPDX-License-Identifier: Apache-2.0 */
/* zegel demo: makes a data folder if there is none, serves it, plays the story of the mug through
 * the public contract, and serves on. A folder that some other use made is left alone. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/demo_impl.h"
#include "app/scratch.h"

/* The name of the demo's merchant: how its folder is known again. */
#define MERCHANT "Koffie & Zo, a shop that is not there"
#define ARENA_BYTES_MAX (64 << 20)

/* ---- the folder ---- */

static int make_folder(const struct settings *settings, char admin[ACCESS_TEXT_MAX],
	struct err *err)
{
	struct settings named = *settings;
	struct merchant_made made;
	int rc;

	named.name = MERCHANT;
	rc = site_make(&named, &made, err);
	if (rc == 0)
		memcpy(admin, made.admin_key, ACCESS_TEXT_MAX);
	secret_wipe_bytes(&made, sizeof(made));
	return rc;
}

struct finding {
	id_t64 merchant, key;
};

/* The oldest admin key in force. */
static void find_admin(void *user, const struct access *access, id_t64 merchant, id_t64 device)
{
	struct finding *finding = user;

	if (merchant == finding->merchant && device == 0 && access->role == ROLE_ADMIN &&
		!access->revoked_at && !finding->key)
		finding->key = access->id;
}

/* Is it the demo's? Whose keys, then. */
static int find_merchant(const struct settings *settings, struct site *site,
	struct finding *finding, struct err *err)
{
	struct directory_source *source;
	const struct directory *directory;
	const struct merchant *merchant;
	int rc = directory_open(site->store, &source, err);

	if (rc < 0)
		return rc;
	directory = directory_hold(source);
	merchant = directory_nth_merchant(directory, 0);
	if (merchant && str_is(merchant->name, MERCHANT))
		finding->merchant = merchant->id;
	else
		rc = err_set(err, ERR_CONFLICT,
			"%s was not made by zegel demo; name a folder for it with --data",
			settings->data);
	directory_release(&directory);
	directory_close(&source);
	return rc;
}

/* Its admin key again: keys are derived from the folder's secret. */
static int open_folder(const struct settings *settings, char admin[ACCESS_TEXT_MAX],
	struct err *err)
{
	struct finding finding = { 0 };
	struct site site = { 0 };
	struct store_tx *tx;
	int rc = site_open(settings, SITE_READ, &site, err);

	if (rc == 0)
		rc = find_merchant(settings, &site, &finding, err);
	if (rc == 0)
		rc = store_read_begin(site.store, &tx, err);
	if (rc == 0) {
		rc = access_list(tx, finding.merchant, find_admin, &finding, err);
		store_read_end(&tx);
	}
	if (rc == 0 && !finding.key)
		rc = err_set(err, ERR_NOT_FOUND, "%s has no admin key in force", settings->data);
	if (rc == 0)
		access_text(&site.keys.access, finding.key, admin);
	site_close(&site);
	return rc;
}

/* ---- the command ---- */

static int play(struct demo *demo, struct err *err)
{
	struct client_options options = { .url = demo->url, .connections = 1 };
	int rc;

	demo->arena = arena_new(ARENA_BYTES_MAX);
	if (!demo->arena)
		return err_set(err, ERR_NO_MEMORY, "no memory for a story");
	rc = client_open(&options, &demo->client, err);
	if (rc == 0)
		rc = demo_play(demo, err);
	if (rc == 0 && !demo->show.stopped)
		demo_farewell(demo);
	client_close(&demo->client);
	arena_free(&demo->arena);
	return rc;
}

static void serve_on(const struct settings *settings, struct serving *serving,
	const struct demo *demo)
{
	if (settings->once || demo->show.stopped)
		return;
	printf("\nServing on %s until Ctrl-C.\n", demo->url);
	fflush(stdout);
	serving_wait(serving);
	printf("\nStopped. The next run goes on where this one ended.\n");
}

/* Signals are taken by sigwait() and its like alone: blocked before any thread is made. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int cmd_demo(const struct settings *settings)
{
	struct demo demo = { .first = !folder_has_keys(settings->data) };
	struct serving *serving;
	struct err err;
	int rc;

	block_signals();
	show_init(&demo.show);
	rc = demo.first ? make_folder(settings, demo.admin, &err)
			: open_folder(settings, demo.admin, &err);
	if (rc == 0)
		rc = serving_start(settings, &serving, &err);
	if (rc < 0)
		return complain(settings, &err);
	snprintf(demo.url, sizeof(demo.url), "%s", serving_url(serving));
	printf("Zegel serves on %s\nfrom the folder %s.\n", demo.url, settings->data);
	rc = play(&demo, &err);
	if (rc == 0)
		serve_on(settings, serving, &demo);
	serving_stop(&serving);
	int sig = demo.show.signal;
	secret_wipe_bytes(&demo, sizeof(demo));
	if (sig) {
		fflush(stdout);
		end_by_signal(sig); /* in the middle of the story */
	}
	return rc < 0 ? complain(settings, &err) : EXIT_DONE;
}
