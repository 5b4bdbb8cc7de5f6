/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the whole store while others write: one snapshot, written beside its place under
 * another name, made durable, then given its name, so that a backup of that name is always
 * whole. */
#include "store/sqlite_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int io_error(const char *path, struct err *err)
{
	return err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "%s: %s", path,
		strerror(errno));
}

static int sync_path(const char *path, int flags, struct err *err)
{
	int fd = open(path, flags | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) ? io_error(path, err) : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int sync_folder_of(const char *path, struct err *err)
{
	char copy[PATH_MAX + 8];
	snprintf(copy, sizeof(copy), "%s", path);
	return sync_path(dirname(copy), O_RDONLY | O_DIRECTORY, err);
}

static int vacuum_into(struct sqlite_conn *conn, const char *path, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(conn->db, "VACUUM INTO ?1", -1, &stmt, NULL);
	if (!rc)
		rc = sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
	if (!rc && sqlite3_step(stmt) != SQLITE_DONE)
		rc = SQLITE_ERROR;
	if (rc)
		rc = sqlite_error(conn, "backup", err);
	sqlite3_finalize(stmt);
	return rc;
}

/* The snapshot into a file that is there and empty. */
static int snapshot(struct store_engine *engine, const char *path, struct err *err)
{
	struct store_conn *conn;
	int rc = sqlite_connect(engine, CONN_READ, &conn, err);
	if (rc)
		return rc;
	rc = vacuum_into(sqlite_of(conn), path, err);
	sqlite_disconnect(conn);
	return rc ? rc : sync_path(path, O_RDONLY, err);
}

/* Gives the file its name, unless that is taken. */
static int give_name(const char *from, const char *to, struct err *err)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return sync_folder_of(to, err);
	if (errno != EINVAL && errno != ENOSYS)
		return io_error(to, err);
	if (link(from, to)) /* a file system that cannot do it in one */
		return io_error(to, err);
	unlink(from);
	return sync_folder_of(to, err);
}

int sqlite_backup(struct store_engine *engine, const char *path, struct err *err)
{
	char part[PATH_MAX + 8];
	if (!access(path, F_OK))
		return err_set(err, ERR_CONFLICT, "%s: there is a file of that name", path);
	if ((size_t)snprintf(part, sizeof(part), "%s.XXXXXX", path) >= PATH_MAX)
		return err_set(err, ERR_IO, "the name of the backup is too long");
	int fd = mkostemp(part, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return io_error(part, err);
	close(fd);
	int rc = snapshot(engine, part, err);
	if (!rc)
		rc = give_name(part, path, err);
	if (rc)
		unlink(part);
	return rc;
}
