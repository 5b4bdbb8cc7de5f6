/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys. A key is "zk_", its id, "_" and a secret that is derived from the master secret and
 * the id: showing it again needs no copy of it, and the store keeps the SHA-256 of the secret's
 * text only (256 random bits need no slow hash). That text is hashed as it came, so a key in
 * capitals is no key.
 *
 * K1  a key's text leaves this file by access_text() only, and is wiped where it was needed. */
#include "shop/shop.h"

#include <string.h>

#include "base/check.h"
#include "codec/base32.h"
#include "shop/directory_impl.h"
#include "shop/shop_impl.h"

#define KEY_PREFIX "zk"
/* Up to the second '_'. */
#define HEAD_LEN (sizeof(KEY_PREFIX "_") - 1 + BASE32_LEN(sizeof(id_t64)))
#define SECRET_LEN BASE32_LEN(sizeof(struct secret))
#define KEY_LEN (HEAD_LEN + 1 + SECRET_LEN)

_Static_assert(SECRET_LEN == 52, "as shop.h promises");
_Static_assert(KEY_LEN < ACCESS_TEXT_MAX, "a key and its NUL fit");
_Static_assert(HEAD_LEN < ID_TEXT_MAX, "the head is an id's text");

/* ---- the text ---- */

void access_text(const struct secret *master, id_t64 id, char out[ACCESS_TEXT_MAX])
{
	struct secret secret;
	unsigned char bytes[sizeof(id)];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)((uint64_t)id >> (56 - 8 * i));
	secret_derive(master, "access", str_bytes(bytes, sizeof(bytes)), &secret);
	id_text(id, KEY_PREFIX, out);
	out[HEAD_LEN] = '_';
	base32_write(secret.bytes, sizeof(secret.bytes), out + HEAD_LEN + 1);
	secret_wipe(&secret);
}

/* Splits a key into its id and its secret's text. false: it is not a key. */
static bool split(struct str key, id_t64 *ret_id, struct str *ret_secret)
{
	if (key.len != KEY_LEN || key.ptr[HEAD_LEN] != '_')
		return false;
	*ret_secret = str_from(key, HEAD_LEN + 1);
	return id_parse(str_first(key, HEAD_LEN), KEY_PREFIX, ret_id);
}

/* The hash is made and compared whatever the key is: the time tells nobody which ids exist. */
const struct access *directory_access(const struct directory *directory, struct str key)
{
	static const char nobody[SECRET_LEN];
	static const unsigned char no_hash[HASH_LEN];
	struct str secret = str_bytes(nobody, sizeof(nobody));
	unsigned char hash[HASH_LEN];
	id_t64 id = 0;
	bool is_key = split(key, &id, &secret);
	const struct access *access = is_key ? table_find(&directory->keys, id) : NULL;
	hash_sha256(secret, hash);
	bool same = hash_eq(hash, access ? access->hash : no_hash, sizeof(hash));
	return access && same ? access : NULL;
}

/* ---- the store ---- */

/* Has the merchant room for one more key? */
static int check_merchant(struct store_tx *tx, id_t64 merchant, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = shop_query_one(tx, SQL_MERCHANT_FIND, ARGS(V_INT(merchant)), &rows, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such merchant");
	if (store_int(rows, 1) >= KEYS_MAX)
		return err_set(err, ERR_INVALID, "a merchant has at most %d keys", KEYS_MAX);
	return 0;
}

static int check_holder(struct store_tx *tx, id_t64 merchant, id_t64 device, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	if (device == 0)
		return 0;
	int rc = shop_query_one(tx, SQL_DEVICE_FIND, ARGS(V_INT(device)), &rows, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || store_int(rows, 0) != merchant)
		return err_at(err, ERR_NOT_FOUND, "/device", "this merchant has no such device");
	return 0;
}

static int write_key(struct store_tx *tx, const struct access *access, id_t64 merchant,
	id_t64 device, struct err *err)
{
	int rc = store_write(tx, &shop_sql[SQL_KEY_ADD],
		ARGS(V_INT(access->id), V_INT(merchant), V_INT_OPT(device), V_INT(access->role),
			V_TEXT(access->name), V_BLOB(access->hash, sizeof(access->hash)),
			V_INT(access->created_at)),
		1, err);
	if (rc == 0)
		rc = store_write(tx, &shop_sql[SQL_MERCHANT_COUNT_KEY],
			ARGS(V_INT(merchant), V_INT(KEYS_MAX)), 1, err);
	return rc ? rc : shop_touch(tx, err);
}

int access_add(struct store_tx *tx, const struct secret *master, id_t64 id, id_t64 merchant,
	id_t64 device, enum role role, struct str name, int64_t now, struct err *err)
{
	/* A device's key has no role; should anybody ask for it, it is the least. */
	struct access access = { .id = id,
		.role = device ? ROLE_VIEWER : role,
		.name = name,
		.created_at = now };
	char text[ACCESS_TEXT_MAX];
	require(id != 0);
	int rc = shop_check_name(name, err);
	if (rc == 0 && (unsigned)access.role >= ROLE_COUNT)
		rc = err_at(err, ERR_INVALID, "/role", "there is no such role");
	if (rc == 0)
		rc = check_merchant(tx, merchant, err);
	if (rc == 0)
		rc = check_holder(tx, merchant, device, err);
	if (rc)
		return rc;
	access_text(master, id, text);
	hash_sha256(str_bytes(text + HEAD_LEN + 1, SECRET_LEN), access.hash);
	explicit_bzero(text, sizeof(text));
	return write_key(tx, &access, merchant, device, err);
}

/* Is the key in force? */
static int find_key(struct store_tx *tx, id_t64 id, id_t64 merchant, bool *ret_in_force,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = shop_query_one(tx, SQL_KEY_FIND, ARGS(V_INT(id), V_INT(merchant)), &rows, err);
	if (rc < 0)
		return rc;
	*ret_in_force = rc == 1 && store_int(rows, 0) == 0;
	return 0;
}

int access_revoke(struct store_tx *tx, id_t64 id, id_t64 merchant, int64_t now, struct err *err)
{
	bool in_force = false;
	require(now > 0);
	int rc = find_key(tx, id, merchant, &in_force, err);
	if (rc < 0)
		return rc;
	if (!in_force)
		return 1;
	rc = store_write(tx, &shop_sql[SQL_KEY_REVOKE],
		ARGS(V_INT(id), V_INT(merchant), V_INT(now)), 1, err);
	return rc ? rc : shop_touch(tx, err);
}

int access_read(const struct store_rows *rows, struct access *ret, struct err *err)
{
	int64_t role = store_int(rows, 3);
	struct str hash = store_bytes(rows, 5);
	if (unexpected(role < 0 || role >= ROLE_COUNT))
		return err_set(err, ERR_BROKEN, "a key has no known role");
	if (unexpected(hash.len != sizeof(ret->hash)))
		return err_set(err, ERR_BROKEN, "a key has a hash of another length");
	*ret = (struct access) {
		.id = store_int(rows, 0),
		.role = (enum role)role,
		.name = store_bytes(rows, 4),
		.created_at = store_int(rows, 6),
		.revoked_at = store_int(rows, 7),
	};
	memcpy(ret->hash, hash.ptr, sizeof(ret->hash));
	return 0;
}

int access_list(struct store_tx *tx, id_t64 merchant,
	void (*each)(void *user, const struct access *access, id_t64 merchant, id_t64 device),
	void *user, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	struct access access;
	int rc = merchant
		? store_query(tx, &shop_sql[SQL_KEY_LIST], ARGS(V_INT(merchant)), &rows, err)
		: store_query(tx, &shop_sql[SQL_KEY_LIST_ALL], NO_ARGS, &rows, err);
	if (rc < 0)
		return rc;
	while ((rc = store_next(rows, err)) == 1) {
		rc = access_read(rows, &access, err);
		if (rc < 0)
			return rc;
		each(user, &access, store_int(rows, KEY_COLUMN_MERCHANT),
			store_int(rows, KEY_COLUMN_DEVICE));
	}
	return rc;
}
