/* SPDX-License-Identifier: Apache-2.0 */
/* The data folder: DIR/zegel.db (with its -wal and -shm), DIR/keys, DIR/lock.
 *
 * The key file is text, one key a line: `identifier N HEX` (newest first; what identifiers are
 * hashed with) and `seal HEX` (what chains, callers' ids, access keys and arms are derived from).
 * Losing it loses every customer's recognition; leaking it undoes the tokens. It is read by its
 * owner alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "app/app.h"
#include "base/clock.h"

#define KEYS_BYTES_MAX 4096

static int file_err(struct err *err, const char *path, const char *what)
{
	return err_set(err, ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

static void path_in(const char *dir, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", dir, name);
}

static int sync_dir(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) != 0 ? file_err(err, dir, "cannot be synced") : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* Gives what was written its name; never instead of a file that has it. */
static int name_keys(const char *from, const char *to, struct err *err)
{
	if (link(from, to) == 0)
		return 0;
	if (errno == EEXIST)
		return err_set(err, ERR_CONFLICT, "%s is there already; take another --data", to);
	return file_err(err, to, "cannot be made");
}

/* Under another name until it is whole: a program that was killed leaves no half key file. */
int folder_write_keys(const char *dir, const char *bytes, size_t len, struct err *err)
{
	char path[1024], draft[1024];
	int fd, rc = 0;

	path_in(dir, "keys", path, sizeof(path));
	path_in(dir, "keys.XXXXXX", draft, sizeof(draft));
	fd = mkostemp(draft, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return file_err(err, path, "cannot be made");
	if (write(fd, bytes, len) != (ssize_t)len || fsync(fd) != 0)
		rc = file_err(err, path, "cannot be written");
	close(fd);
	if (rc == 0)
		rc = name_keys(draft, path, err);
	unlink(draft);
	return rc < 0 ? rc : sync_dir(dir, err);
}

bool folder_has_keys(const char *dir)
{
	char path[1024];

	path_in(dir, "keys", path, sizeof(path));
	return access(path, F_OK) == 0;
}

static int make_dir(const char *dir, struct err *err)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return file_err(err, dir, "cannot be made");
	if (chmod(dir, 0700) != 0)
		return file_err(err, dir, "cannot be closed to others");
	return 0;
}

int folder_make(const char *dir, struct err *err)
{
	struct secret identifier, seal;
	char hex[2][sizeof(seal.bytes) * 2 + 1];
	char text[KEYS_BYTES_MAX];
	int n, rc;

	clock_system()->random(clock_system(), identifier.bytes, sizeof(identifier.bytes));
	clock_system()->random(clock_system(), seal.bytes, sizeof(seal.bytes));
	sodium_bin2hex(hex[0], sizeof(hex[0]), identifier.bytes, sizeof(identifier.bytes));
	sodium_bin2hex(hex[1], sizeof(hex[1]), seal.bytes, sizeof(seal.bytes));
	n = snprintf(text, sizeof(text),
		"# Zegel's keys. Keep a copy where the backups are not: who has both has the customers.\n"
		"identifier 1 %s\nseal %s\n",
		hex[0], hex[1]);
	rc = make_dir(dir, err);
	if (rc == 0)
		rc = folder_write_keys(dir, text, (size_t)n, err);
	secret_wipe(&identifier);
	secret_wipe(&seal);
	secret_wipe_bytes(hex, sizeof(hex));
	secret_wipe_bytes(text, sizeof(text));
	return rc;
}

int folder_read_keys(const char *dir, char *out, size_t size, size_t *ret_len, struct err *err)
{
	char path[1024];
	struct stat st;
	ssize_t n = -1;
	int fd;

	path_in(dir, "keys", path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_IO,
			"%s is no data folder (it has no keys); make one with zegel init", dir);
	if (fd < 0)
		return file_err(err, path, "cannot be opened");
	if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0) {
		close(fd);
		return err_set(err, ERR_IO, "%s can be read by others; chmod 600 it", path);
	}
	n = read(fd, out, size - 1);
	close(fd);
	if (n < 0)
		return file_err(err, path, "cannot be read");
	out[n] = '\0';
	*ret_len = (size_t)n;
	return 0;
}

static bool read_hex(struct str text, struct secret *ret)
{
	size_t len;

	return text.len == sizeof(ret->bytes) * 2 &&
		sodium_hex2bin(ret->bytes, sizeof(ret->bytes), text.ptr, text.len, NULL, &len,
			NULL) == 0 &&
		len == sizeof(ret->bytes);
}

static bool read_key_line(struct str line, struct keys *ret, struct secret *seal, bool *has_seal)
{
	struct str word = str_cut(&line, ' ');
	int64_t id;

	if (str_is(word, "seal"))
		return *has_seal = read_hex(str_trim(line), seal);
	if (!str_is(word, "identifier") || ret->identifiers.count == IDENTIFIER_KEYS_MAX)
		return false;
	if (!num_parse_range(str_cut(&line, ' '), 1, 1000000, &id))
		return false;
	ret->identifiers.keys[ret->identifiers.count].id = (int32_t)id;
	return read_hex(str_trim(line), &ret->identifiers.keys[ret->identifiers.count++].secret);
}

/* Two folders have the same one if they have the same keys. */
static void take_print(struct keys *keys)
{
	struct hash hash;

	hash_init(&hash, &keys->move);
	hash_str(&hash, STR("keys"));
	for (size_t i = 0; i < keys->identifiers.count; i++) {
		hash_int(&hash, keys->identifiers.keys[i].id);
		hash_add(&hash, keys->identifiers.keys[i].secret.bytes, sizeof(struct secret));
	}
	keys->print = hash_done_key(&hash);
}

int folder_keys(const char *dir, struct keys *ret, struct err *err)
{
	char text[KEYS_BYTES_MAX];
	struct secret seal;
	bool has_seal = false;
	size_t len;
	int rc = folder_read_keys(dir, text, sizeof(text), &len, err);
	struct str rest = str_bytes(text, rc < 0 ? 0 : len);

	memset(ret, 0, sizeof(*ret));
	while (rc == 0 && rest.len) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (line.len && line.ptr[0] != '#' && !read_key_line(line, ret, &seal, &has_seal))
			rc = err_set(err, ERR_IO, "%s/keys has a line that is no key", dir);
	}
	if (rc == 0 && (!has_seal || ret->identifiers.count == 0))
		rc = err_set(err, ERR_IO, "%s/keys lacks a key", dir);
	if (rc == 0) {
		secret_derive(&seal, "claim", STR(""), &ret->visit.claim);
		secret_derive(&seal, "chain", STR(""), &ret->visit.seal);
		secret_derive(&seal, "arm", STR(""), &ret->visit.arm);
		secret_derive(&seal, "access", STR(""), &ret->access);
		secret_derive(&seal, "move", STR(""), &ret->move);
		take_print(ret);
	}
	secret_wipe(&seal);
	secret_wipe_bytes(text, sizeof(text));
	return rc;
}

int folder_lock(const char *dir, struct err *err)
{
	char path[1024];
	int fd;

	path_in(dir, "lock", path, sizeof(path));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return file_err(err, path, "cannot be opened");
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0; /* held until the process ends */
	close(fd);
	if (errno == EWOULDBLOCK)
		return err_set(err, ERR_CONFLICT,
			"another zegel serves %s; stop it first, or take another --data", dir);
	return file_err(err, path, "cannot be locked");
}
