/* SPDX-License-Identifier: Apache-2.0 */
/* zegel backup and restore. A backup is one file: a snapshot of the store, with the key file in a
 * table of its own, because one without the other brings nobody back. Who has the file has the
 * keys: it is 0600. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/backup.h"
#include "app/scratch.h"

enum { KEEP, FETCH, DROP };

static const struct store_stmt statements[] = {
	[KEEP] = { "backup.keep", STORE_REFERENCE,
		"INSERT INTO kept_files (name, body) VALUES ($1, $2)" },
	[FETCH] = { "backup.fetch", STORE_REFERENCE,
		"SELECT body FROM kept_files WHERE name = $1" },
	[DROP] = { "backup.drop", STORE_REFERENCE, "DELETE FROM kept_files WHERE name = $1" },
};
static const char *const migrations[] = {
	"CREATE TABLE kept_files (name TEXT NOT NULL, body {blob} NOT NULL, PRIMARY KEY (name)) {rows}",
};
const struct store_room backup_room = {
	.name = "backup",
	.statements = statements,
	.statement_count = sizeof(statements) / sizeof(*statements),
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(*migrations),
};

#define KEYS_MAX 4096
struct keeping {
	struct unit unit;
	char bytes[KEYS_MAX];
	size_t len;
};

static int run_keep(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct keeping *k = (struct keeping *)unit;

	(void)now;
	return store_write(tx, &statements[KEEP],
		ARGS(V_TEXT(STR("keys")), V_BLOB(k->bytes, k->len)), 1, err);
}

static int run_fetch(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct keeping *k = (struct keeping *)unit;
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(tx, &statements[FETCH], ARGS(V_TEXT(STR("keys"))), &rows, err);

	(void)now;
	if (rc == 0)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	struct str body = store_bytes(rows, 0);
	if (rc == 0 || body.len > sizeof(k->bytes))
		return err_set(err, ERR_INVALID,
			"this is a store, but no backup: it holds no keys");
	memcpy(k->bytes, body.ptr, body.len);
	k->len = body.len;
	store_rows_done(&rows);
	return store_write(tx, &statements[DROP], ARGS(V_TEXT(STR("keys"))), 1, err);
}

static int open_file(const struct settings *settings, const char *path, bool read_only, char *url,
	size_t size, struct store **ret, struct err *err)
{
	struct store_options options;

	snprintf(url, size, "sqlite:%s", path);
	site_options(settings, url, &options);
	options.read_only = read_only;
	return store_open(&options, ret, err);
}

static int run_on(const struct settings *settings, const char *path, struct keeping *k,
	struct err *err)
{
	struct store *store;
	char url[1200];
	int rc = open_file(settings, path, false, url, sizeof(url), &store, err);

	if (rc < 0)
		return rc;
	rc = store_run(store, &k->unit);
	if (rc < 0)
		*err = k->unit.err;
	store_close(&store);
	return rc;
}

/* The snapshot, then the keys into it; whole before it has its name. */
static int make_backup(const struct settings *settings, struct scratch *scratch, struct keeping *k,
	struct err *err)
{
	struct site site = { 0 };
	int rc = site_open(settings, SITE_READ, &site, err);

	if (rc == 0)
		rc = store_backup(site.store, scratch->file, err);
	site_close(&site);
	return rc < 0 ? rc : run_on(settings, scratch->file, k, err);
}

int cmd_backup(const struct settings *settings)
{
	struct keeping k = { .unit = { .run = run_keep } };
	struct scratch scratch = { 0 };
	struct err err;
	const char *path = settings->args[0];
	int rc = folder_read_keys(settings->data, k.bytes, sizeof(k.bytes), &k.len, &err);

	if (rc == 0)
		rc = scratch_open(&scratch, path, &err);
	if (rc == 0)
		rc = make_backup(settings, &scratch, &k, &err);
	if (rc == 0)
		rc = scratch_keep(&scratch, path, &err);
	scratch_close(&scratch);
	secret_wipe_bytes(&k, sizeof(k));
	if (rc < 0)
		return complain(settings, &err);
	printf("%s holds the store and its keys: keep it as safe as a safe.\n", path);
	return EXIT_DONE;
}

static int copy_store(const struct settings *settings, const char *from, const char *to,
	struct err *err)
{
	struct store *store;
	char url[1200];
	int rc = open_file(settings, from, true, url, sizeof(url), &store, err);

	if (rc < 0)
		return rc;
	rc = store_backup(store, to, err);
	store_close(&store);
	return rc;
}

static int check_place(const struct settings *settings, const char *path, struct err *err)
{
	if (access(settings->args[0], R_OK) != 0)
		return err_set(err, ERR_IO, "%s cannot be read", settings->args[0]);
	if (access(path, F_OK) == 0)
		return err_set(err, ERR_CONFLICT, "%s is there already; take another --data", path);
	if (folder_has_keys(settings->data))
		return err_set(err, ERR_CONFLICT, "%s has keys already; take another --data",
			settings->data);
	if (mkdir(settings->data, 0700) != 0 && access(settings->data, W_OK) != 0)
		return err_set(err, ERR_IO, "%s cannot be made", settings->data);
	return 0;
}

int cmd_restore(const struct settings *settings)
{
	struct keeping k = { .unit = { .run = run_fetch } };
	struct scratch scratch = { 0 };
	struct err err;
	char path[1024];
	int rc;

	snprintf(path, sizeof(path), "%s/zegel.db", settings->data);
	rc = check_place(settings, path, &err);
	if (rc == 0)
		rc = scratch_open(&scratch, path, &err);
	if (rc == 0)
		rc = copy_store(settings, settings->args[0], scratch.file, &err);
	if (rc == 0)
		rc = run_on(settings, scratch.file, &k, &err);
	if (rc == 0)
		rc = folder_write_keys(settings->data, k.bytes, k.len, &err);
	if (rc == 0)
		rc = scratch_keep(&scratch, path, &err);
	scratch_close(&scratch);
	secret_wipe_bytes(&k, sizeof(k));
	if (rc < 0)
		return complain(settings, &err);
	printf("%s is restored; prove it with zegel verify --data %s\n", settings->data,
		settings->data);
	return EXIT_DONE;
}
