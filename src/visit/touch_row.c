/* SPDX-License-Identifier: Apache-2.0 */
/* Touches in the store. What a touch carried (tokens, never values) is kept only while it is
 * unknown whose it is, and blanked after fifteen minutes. */
#include <string.h>

#include "base/check.h"
#include "visit/visit_impl.h"

/* Tokens as bytes: kind, key id and token of each key, 1 + n * (4 + 32). */
#define TOKEN_BYTES (4 + HASH_LEN)
#define CARRIED_MAX (IDENTIFIERS_MAX * (2 + IDENTIFIER_KEYS_MAX * TOKEN_BYTES))

static size_t write_carried(const struct identifier *list, size_t count, unsigned char *out)
{
	unsigned char *start = out;

	for (size_t i = 0; i < count; i++) {
		*out++ = (unsigned char)list[i].kind;
		*out++ = (unsigned char)list[i].count;
		for (uint32_t k = 0; k < list[i].count; k++, out += TOKEN_BYTES) {
			memcpy(out, &list[i].tokens[k].key_id, 4);
			memcpy(out + 4, list[i].tokens[k].token, HASH_LEN);
		}
	}
	return (size_t)(out - start);
}

static int read_carried(struct str bytes, struct touch_row *ret, struct err *err)
{
	const unsigned char *in = (const unsigned char *)bytes.ptr;
	const unsigned char *end = in + bytes.len;

	while (in < end && ret->carried_count < IDENTIFIERS_MAX) {
		struct identifier *to = &ret->carried[ret->carried_count++];
		if (end - in < 2 || in[1] > IDENTIFIER_KEYS_MAX ||
			end - in < 2 + in[1] * TOKEN_BYTES || in[0] >= IDENTIFIER_KIND_COUNT)
			return err_set(err, ERR_BROKEN, "a touch carries what cannot be read");
		to->kind = (enum identifier_kind)in[0];
		to->count = in[1];
		in += 2;
		for (uint32_t k = 0; k < to->count; k++, in += TOKEN_BYTES) {
			memcpy(&to->tokens[k].key_id, in, 4);
			memcpy(to->tokens[k].token, in + 4, HASH_LEN);
		}
	}
	return 0;
}

int touch_find_claim(const struct visit_env *env, const struct key *touch, struct claim *ret,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(env->tx, &visit_statements[TOUCH_SAID],
		ARGS(V_INT(key_bucket(touch)), V_BLOB(touch->bytes, 16)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	struct str said = store_bytes(rows, 0);
	struct str answer = store_bytes(rows, 1);
	if (unexpected(said.len != sizeof(ret->said.bytes)))
		return err_set(err, ERR_BROKEN, "a touch has a hash of another length");
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->said.bytes, said.ptr, said.len);
	ret->answer = answer.len ? arena_str(env->arena, answer) : STR("");
	return ret->answer.ptr ? 0 : err_set(err, ERR_NO_MEMORY, "no memory for a stored answer");
}

int touch_get(const struct visit_env *env, const struct key *touch, struct touch_row *ret,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	int rc = store_query(env->tx, &visit_statements[TOUCH_GET],
		ARGS(V_INT(key_bucket(touch)), V_BLOB(touch->bytes, 16)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || store_int(rows, 0) != env->access->merchant->id)
		return 1;
	memset(ret, 0, sizeof(*ret));
	ret->merchant = store_int(rows, 0);
	ret->device = store_int(rows, 1);
	ret->caller = arena_str(env->arena, store_bytes(rows, 2));
	ret->touched_at = store_int(rows, 3);
	ret->language = arena_str(env->arena, store_bytes(rows, 4));
	ret->member = store_int(rows, 5);
	ret->state = (enum touch_state)store_int(rows, 6);
	if (!ret->caller.ptr || !ret->language.ptr)
		return err_set(err, ERR_NO_MEMORY, "no memory for a touch");
	if (ret->touched_at < env->now - VISIT_TOUCH_BLANKED)
		return 0; /* as good as blanked */
	return read_carried(store_bytes(rows, 7), ret, err);
}

id_t64 visit_counter_of(const struct device *device)
{
	return device->kind == DEVICE_READER && device->paired_with ? device->paired_with->id
								    : device->id;
}

int touch_leaves(struct visit_env *env, id_t64 device, const struct key *touch, struct err *err)
{
	const struct device *at = directory_device(env->directory, device);
	id_t64 counter = at ? visit_counter_of(at) : device;

	return store_write(env->tx, &visit_statements[CURRENT_CLEAR],
		ARGS(V_INT(id_bucket(counter)), V_INT(counter), V_INT(device),
			V_BLOB(touch->bytes, 16)),
		STORE_ANY, err);
}

int touch_person(struct visit_env *env, const struct touch_row *row, struct person **ret,
	struct err *err)
{
	id_t64 owners[IDENTIFIERS_MAX];
	id_t64 member = row->member, other;
	int rc = 0;

	*ret = NULL;
	if (member == 0 && row->carried_count)
		rc = member_find(env->tx, row->carried, row->carried_count, &member, &other, owners,
			err);
	if (rc != 0 || member == 0)
		return rc;
	rc = person_load(env, member, row->language, ret, err);
	return unexpected(rc == PERSON_NONE)
		? err_set(err, ERR_BROKEN, "a touch of a member that is not there")
		: rc;
}

int touch_add(struct visit_env *env, const struct key *touch, const struct touch_row *row,
	struct err *err)
{
	unsigned char carried[CARRIED_MAX];
	size_t len = write_carried(row->carried, row->carried_count, carried);

	return store_write(env->tx, &visit_statements[TOUCH_ADD],
		ARGS(V_INT(key_bucket(touch)), V_BLOB(touch->bytes, 16), V_INT(row->merchant),
			V_INT(row->device), V_TEXT(row->caller), V_INT(row->touched_at),
			V_TEXT(row->language), V_INT(row->member), V_INT(row->state),
			len ? V_BLOB(carried, len) : V_NULL, V_BLOB(row->said.bytes, 16),
			row->answer.len ? V_BLOB(row->answer.ptr, row->answer.len) : V_NULL),
		1, err);
}

int visit_blank_touches(struct store_tx *tx, int64_t now, size_t max, size_t *ret_count,
	struct err *err)
{
	struct {
		int64_t bucket;
		struct key key;
	} found[256];
	size_t count = 0;
	int rc;

	max = max > 256 ? 256 : max;
	{
		struct store_rows *rows ROWS_AUTO = NULL;
		rc = store_query(tx, &visit_statements[TOUCH_UNKNOWN],
			ARGS(V_INT(now - VISIT_TOUCH_BLANKED), V_INT((int64_t)max)), &rows, err);
		while (rc == 0 && count < max && (rc = store_next(rows, err)) > 0) {
			struct str key = store_bytes(rows, 1);
			rc = 0;
			if (unexpected(key.len != 16))
				continue;
			found[count].bucket = store_int(rows, 0);
			memcpy(found[count++].key.bytes, key.ptr, 16);
		}
	}
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = store_write(tx, &visit_statements[TOUCH_BLANK],
			ARGS(V_INT(found[i].bucket), V_BLOB(found[i].key.bytes, 16)), STORE_ANY,
			err);
	*ret_count = count;
	return rc;
}
