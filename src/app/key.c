/* SPDX-License-Identifier: Apache-2.0 */
/* zegel key: access keys of office and devices. A running server takes changes over within a
 * second. */
#include <stdio.h>
#include <string.h>

#include "app/key_impl.h"

/* One change. */
struct keying {
	struct unit unit;
	struct site *site;
	const struct settings *settings;
	id_t64 merchant;
	id_t64 key; /* the one named */
	bool found;
	id_t64 device;
	enum role role;
	char name[256];
	id_t64 made; /* the new one */
};

/* ---- changing ---- */

static void find_access(void *user, const struct access *a, id_t64 merchant, id_t64 device)
{
	struct keying *k = user;

	if (a->id != k->key || a->revoked_at)
		return;
	k->found = true;
	k->merchant = merchant;
	k->device = device;
	k->role = a->role;
	snprintf(k->name, sizeof(k->name), "%.*s", STR_ARG(a->name));
}

static int find(struct keying *k, struct store_tx *tx, struct err *err)
{
	int rc = access_list(tx, k->merchant, find_access, k, err);

	if (rc == 0 && !k->found)
		rc = err_set(err, ERR_NOT_FOUND,
			"there is no such key in force; zegel key list shows them");
	return rc;
}

static int add(struct keying *k, struct store_tx *tx, int64_t now, struct err *err)
{
	k->made = id_new(0, now, clock_random32(clock_system()));
	return access_add(tx, &k->site->keys.access, k->made, k->merchant, k->device, k->role,
		str_of(k->name), now, err);
}

static int run_new(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	return add((struct keying *)unit, tx, now, err);
}

static int run_revoke(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct keying *k = (struct keying *)unit;
	int rc = find(k, tx, err);

	if (rc < 0)
		return rc;
	rc = access_revoke(tx, k->key, k->merchant, now, err);
	return rc > 0 ? STORE_MOVED : rc;
}

static int run_rotate(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct keying *k = (struct keying *)unit;
	int rc = run_revoke(unit, tx, now, err);

	return rc != 0 ? rc : add(k, tx, now, err);
}

/* ---- the command ---- */

static const struct {
	const char *word;
	int (*run)(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err);
	bool needs_id, makes;
} acts[] = {
	{ "list", NULL, false, false },
	{ "new", run_new, false, true },
	{ "revoke", run_revoke, true, false },
	{ "rotate", run_rotate, true, true },
};

/* The merchant named, or the only one there is. */
static int which_merchant(struct keying *k, struct err *err)
{
	struct directory_source *source;
	const struct directory *directory;
	const struct merchant *m;
	int rc;

	if (k->settings->merchant[0])
		return id_parse(str_of(k->settings->merchant), "mt", &k->merchant)
			? 0
			: err_set(err, ERR_INVALID, "--merchant is an id like mt_...");
	rc = directory_open(k->site->store, &source, err);
	if (rc < 0)
		return rc;
	directory = directory_hold(source);
	m = directory_nth_merchant(directory, 0);
	if (!m || directory_nth_merchant(directory, 1))
		rc = err_set(err, ERR_INVALID,
			"there are several merchants (or none): say which with --merchant");
	else
		k->merchant = m->id;
	directory_release(&directory);
	directory_close(&source);
	return rc;
}

static bool read_role(struct keying *k)
{
	for (int i = 0; role_words[i]; i++)
		if (strcmp(role_words[i], k->settings->role) == 0) {
			k->role = (enum role)i;
			return true;
		}
	fprintf(stderr, "zegel key: --role is admin, office or viewer\n");
	return false;
}

static void print_made(struct keying *k)
{
	char id[ID_TEXT_MAX], text[ACCESS_TEXT_MAX];

	access_text(&k->site->keys.access, k->made, text);
	printf(k->settings->json ? "{\"id\":\"%s\",\"key\":\"%s\"}\n"
				 : "id   %s\nkey  %s\nIt is shown this once.\n",
		id_text(k->made, "k", id), text);
	secret_wipe_bytes(text, sizeof(text));
}

static int perform(struct keying *k, size_t n, struct err *err)
{
	int rc = site_open(k->settings, SITE_WRITE, k->site, err);

	if (rc == 0 && (!acts[n].needs_id || k->settings->merchant[0]) &&
		(strcmp(acts[n].word, "list") != 0 || k->settings->merchant[0]))
		rc = which_merchant(k, err);
	if (rc < 0)
		return rc;
	if (!acts[n].run)
		return key_list(k->settings, k->site, k->merchant, err);
	k->unit.run = acts[n].run;
	rc = store_run(k->site->store, &k->unit);
	if (rc < 0)
		*err = k->unit.err;
	else if (acts[n].makes)
		print_made(k);
	return rc;
}

int cmd_key(const struct settings *settings)
{
	const char *word = settings->arg_count ? settings->args[0] : "list";
	struct site site = { 0 };
	struct keying k = { .site = &site, .settings = settings };
	struct err err;
	size_t n = 0;
	int rc;

	while (n < sizeof(acts) / sizeof(*acts) && strcmp(acts[n].word, word) != 0)
		n++;
	if (n == sizeof(acts) / sizeof(*acts) || acts[n].needs_id != (settings->arg_count == 2)) {
		fprintf(stderr, "zegel key: say list, new, revoke ID or rotate ID\n");
		return EXIT_USAGE;
	}
	if (acts[n].needs_id && !id_parse(str_of(settings->args[1]), "k", &k.key)) {
		fprintf(stderr, "zegel key: %s is not the id of a key (k_...)\n",
			settings->args[1]);
		return EXIT_USAGE;
	}
	if (!read_role(&k))
		return EXIT_USAGE;
	snprintf(k.name, sizeof(k.name), "%s", settings->name[0] ? settings->name : settings->role);
	rc = perform(&k, n, &err);
	site_close(&site);
	return rc < 0 ? complain(settings, &err) : EXIT_DONE;
}
