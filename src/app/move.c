/* SPDX-License-Identifier: Apache-2.0 */
/* zegel export and import: a whole store as one stream, from one engine to another. The stream is
 * in move_impl.h; here are files, words and progress. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/move_impl.h"

/* Between two lines of progress. */
#define TELL_NS INT64_C(200000000)

/* ---- progress ---- */

struct progress {
	bool shown;
	const char *doing; /* since begun_ns */
	int64_t begun_ns, told_ns;
};

static void tell(void *user, const char *doing, const char *table, int64_t rows, int64_t bytes)
{
	struct progress *p = user;
	int64_t now = clock_ticks_ns();

	if (!p->doing || strcmp(p->doing, doing) != 0)
		p->begun_ns = p->told_ns = now;
	p->doing = doing;
	if (!p->shown || now - p->told_ns < TELL_NS)
		return;
	p->told_ns = now;
	double seconds = (double)(now - p->begun_ns) / 1e9;
	fprintf(stderr, "\r\033[K%s %s: %" PRId64 " rows, %.1f MB, %.0f s, %.0f rows/s ", doing,
		table, rows, (double)bytes / 1e6, seconds, (double)rows / seconds);
}

static void progress_init(struct progress *p, struct move_watch *ret)
{
	*p = (struct progress) { .shown = isatty(STDERR_FILENO) };
	*ret = (struct move_watch) { .tell = tell, .user = p };
}

static void progress_end(const struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
}

/* ---- what both need ---- */

/* The tables of the contract. That of backups is not among them: it holds keys. */
static int what_init(const struct settings *settings, const struct keys *keys, const char *url,
	struct tables *tables, struct move_what *ret, struct err *err)
{
	int rc = tables_read(api_rooms, api_room_count, tables, err);

	if (rc < 0)
		return rc;
	site_options(settings, url, &ret->options);
	ret->tables = tables;
	ret->key = keys->move;
	ret->print = keys->print;
	return 0;
}

static bool is_standard(const char *path)
{
	return strcmp(path, "-") == 0;
}

/* ---- export ---- */

static int file_make(const char *path, int *ret, struct err *err)
{
	if (is_standard(path) && isatty(STDOUT_FILENO))
		return err_set(err, ERR_INVALID,
			"the stream is no text: send it into a file or another command");
	*ret = is_standard(path) ? STDOUT_FILENO
				 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*ret < 0 && errno == EEXIST)
		return err_set(err, ERR_CONFLICT, "%s is there already; take another name", path);
	return *ret < 0 ? err_set(err, ERR_IO, "%s: %s", path, strerror(errno)) : 0;
}

/* On disk, or gone. */
static int file_end(const char *path, int fd, int rc, struct err *err)
{
	if (is_standard(path))
		return rc;
	if (rc == 0 && fsync(fd) != 0)
		rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	close(fd);
	if (rc < 0)
		unlink(path);
	return rc;
}

static int export_to(const struct settings *settings, struct site *site, int fd,
	struct move_total *ret, struct err *err)
{
	struct move_what what = { 0 };
	struct tables tables = { 0 };
	struct move_watch watch;
	struct progress progress;
	int rc = what_init(settings, &site->keys, site->url, &tables, &what, err);

	progress_init(&progress, &watch);
	if (rc == 0)
		rc = move_out(&what, site->store, fd, &watch, ret, err);
	progress_end(&progress);
	store_close(&site->store); /* before its statements go */
	tables_done(&tables);
	secret_wipe(&what.key);
	return rc;
}

int cmd_export(const struct settings *settings)
{
	const char *path = settings->args[0];
	struct move_total total = { 0 };
	struct site site = { 0 };
	struct err err;
	int fd = -1;
	int rc = site_open(settings, true, &site, &err);

	signal(SIGPIPE, SIG_IGN); /* a reader that is gone is an error like any other */
	if (rc == 0)
		rc = file_make(path, &fd, &err);
	if (rc == 0) {
		rc = export_to(settings, &site, fd, &total, &err);
		rc = file_end(path, fd, rc, &err);
	}
	site_close(&site);
	if (rc < 0)
		return complain(settings, &err);
	fprintf(stderr,
		"%" PRId64
		" rows, %.1f MB. The keys are not in it: who imports it needs %s/keys too.\n",
		total.rows, (double)total.bytes / 1e6, settings->data);
	return EXIT_DONE;
}

/* ---- import ---- */

static int import_from(const struct settings *settings, int fd, const char *url,
	const struct keys *keys, struct move_total *ret, struct err *err)
{
	struct move_what what = { 0 };
	struct tables tables = { 0 };
	struct move_watch watch;
	struct progress progress;
	int rc = what_init(settings, keys, url, &tables, &what, err);

	/* Its own store is written to by one; another, elsewhere, is guarded by its mark. */
	if (rc == 0 && !settings->store[0])
		rc = folder_lock(settings->data, err);
	progress_init(&progress, &watch);
	if (rc == 0)
		rc = move_in(&what, fd, settings->resume, &watch, ret, err);
	progress_end(&progress);
	tables_done(&tables);
	secret_wipe(&what.key);
	return rc;
}

static int file_open(const char *path, int *ret, struct err *err)
{
	*ret = is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_set(err, ERR_IO, "%s: %s", path, strerror(errno)) : 0;
}

static void print_moved(const struct settings *settings, const struct move_total *total)
{
	printf("%" PRId64 " rows are in the store, and every table is that of the stream.\n"
	       "Prove it with zegel verify --data %s%s%s\n",
		total->rows, settings->data, settings->store[0] ? " --store " : "",
		settings->store[0] ? "URL" : "");
}

int cmd_import(const struct settings *settings)
{
	struct move_total total = { 0 };
	struct keys keys;
	struct err err;
	char url[1024];
	int fd = -1;
	int rc = folder_keys(settings->data, &keys, &err);

	site_url(settings, url, sizeof(url));
	if (rc == 0)
		rc = file_open(settings->args[0], &fd, &err);
	if (rc == 0)
		rc = import_from(settings, fd, url, &keys, &total, &err);
	if (fd > STDIN_FILENO)
		close(fd);
	secret_wipe_bytes(&keys, sizeof(keys));
	if (rc < 0)
		return complain(settings, &err);
	print_moved(settings, &total);
	return EXIT_DONE;
}
