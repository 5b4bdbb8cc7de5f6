/* SPDX-License-Identifier: Apache-2.0 */
/* The program: commands, settings, wiring. The only room that knows every room. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "base/err.h"
#include "base/hash.h"
#include "member/member.h"
#include "store/store.h"

/* Exit codes. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* ---- settings ---- */

struct settings {
#define SETTING(name, kind, value, arg, commands, text) SETTING_FIELD_##kind(name)
#define SETTING_FIELD_TEXT(name) const char *name;
#define SETTING_FIELD_NUMBER(name) int64_t name;
#define SETTING_FIELD_FLAG(name) bool name;
#include "app/settings.def"
#undef SETTING
	const char *command;
	char **args; /* what is left: the command's own arguments */
	int arg_count;
};
/* Reads flags, ZEGEL_* and the file. On a mistake it has said what is wrong on standard error and
 * returns false. Strings live as long as the program. */
bool settings_read(int argc, char **argv, struct settings *ret);
/* The help page: of everything, or of one command (NULL: all). false: no such command. */
bool settings_help(const char *command);

typedef int command(const struct settings *settings);
#define COMMAND(name, function, fewest, most, args, text) command function;
#include "app/commands.def"
#undef COMMAND

/* Prints "zegel COMMAND: text (at)" on standard error; returns EXIT_FAILED. */
int complain(const struct settings *settings, const struct err *err);

/* ---- the data folder ---- */

struct keys {
	struct identifier_ring identifiers;
	struct visit_keys visit;
	struct secret access;
	struct secret move; /* what a stream of the whole store is sealed with */
	struct key print;   /* a fingerprint of all of them, of use to nobody who has them not */
};
/* Makes DIR (0700) and DIR/keys (0600), fsynced. ERR_CONFLICT if there is one already. */
int folder_make(const char *dir, struct err *err) must_check;
bool folder_has_keys(const char *dir);
int folder_keys(const char *dir, struct keys *ret, struct err *err) must_check;
/* The key file's bytes, to put into a backup; and back. */
int folder_read_keys(const char *dir, char *out, size_t size, size_t *ret_len,
	struct err *err) must_check;
int folder_write_keys(const char *dir, const char *bytes, size_t len, struct err *err) must_check;
/* Only one server on a folder: an advisory lock held until the process ends. ERR_CONFLICT: another
 * has it. */
int folder_lock(const char *dir, struct err *err) must_check;

/* ---- an open installation ---- */

struct site {
	struct keys keys;
	struct store *store;
	char url[1024];
};
enum site_use {
	SITE_READ,
	SITE_WRITE,
	SITE_SERVE, /* to write; also while a database is away */
};
/* Opens folder and store for a command. */
int site_open(const struct settings *settings, enum site_use use, struct site *ret,
	struct err *err) must_check;
void site_close(struct site *site);
void site_options(const struct settings *settings, const char *url, struct store_options *ret);
void site_url(const struct settings *settings, char *out, size_t size);
/* Makes a merchant with its admin key; both as text. */
struct merchant_made {
	id_t64 merchant;
	char merchant_text[ID_TEXT_MAX];
	char admin_key[ACCESS_TEXT_MAX];
};
int site_add_merchant(struct site *site, const struct settings *settings, struct merchant_made *ret,
	struct err *err) must_check;
/* Makes folder, store and a first merchant, or goes on with a folder that has keys and no merchant
 * yet (it says so on standard error). The merchant's fields are looked at first: ERR_INVALID leaves
 * nothing behind. ERR_CONFLICT: there is a merchant already. */
int site_make(const struct settings *settings, struct merchant_made *ret,
	struct err *err) must_check;
/* Migrates an empty or older store. */
int site_migrate(const struct settings *settings, struct err *err) must_check;

/* ---- a running server ---- */

struct serving;
/* Starts store, api, http and jobs. Prints nothing. */
int serving_start(const struct settings *settings, struct serving **ret,
	struct err *err) must_check;
/* Waits for SIGTERM or SIGINT. */
void serving_wait(struct serving *serving);
/* Finishes what was accepted, then stops. */
void serving_stop(struct serving **serving);
/* Where it listens: "http://127.0.0.1:8080". Lives as long as it serves. */
const char *serving_url(const struct serving *serving);

#endif
