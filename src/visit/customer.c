/* SPDX-License-Identifier: Apache-2.0 */
/* Whose sale is it? By a touch, by identifiers, or by what the reader beside the till saw last. */
#include <string.h>

#include "base/check.h"
#include "visit/sale_impl.h"

/* Readers beside one till; more would be a counter, not a till. */
#define READERS_MAX 8

static int load(struct visit_env *env, struct customer *customer, struct err *err)
{
	return touch_person(env, &customer->row, &customer->person, err);
}

static int by_touch(struct visit_env *env, const struct visit_whose *whose,
	struct customer *customer, struct err *err)
{
	int rc = touch_get(env, &whose->touch, &customer->row, err);

	if (rc < 0)
		return rc;
	if (rc > 0)
		return err_at(err, ERR_INVALID, "/touch", "there is no such touch");
	if (customer->row.state == TOUCH_USED)
		return err_at(err, ERR_CONFLICT, "/touch", "the touch has served another sale");
	if (customer->row.state == TOUCH_CLEARED)
		return err_at(err, ERR_CONFLICT, "/touch", "the touch was cleared");
	if (customer->row.touched_at < env->now - VISIT_TOUCH_LAPSES)
		return err_at(err, ERR_CONFLICT, "/touch", "the touch has lapsed");
	customer->has_touch = true;
	customer->touch = whose->touch;
	return load(env, customer, err);
}

static bool any_handed_out(const struct visit_whose *whose)
{
	for (size_t i = 0; i < whose->identifier_count; i++)
		if (identifier_handed_out(whose->identifiers[i].kind))
			return true;
	return false;
}

static int by_identifiers(struct visit_env *env, const struct visit_whose *whose, int64_t at,
	bool may_make, struct customer *customer, struct err *err)
{
	id_t64 owners[IDENTIFIERS_MAX];
	id_t64 member, other;
	int rc = member_find(env->tx, whose->identifiers, whose->identifier_count, &member, &other,
		owners, err);

	if (rc < 0)
		return rc;
	if (member == 0) {
		if (!may_make || !any_handed_out(whose) ||
			!visit_any_auto(env, env->access->device->shop->id, at))
			return 0;
		return person_make(env, whose->identifiers, whose->identifier_count, true, STR(""),
			&customer->person, err);
	}
	rc = person_load(env, member, STR(""), &customer->person, err);
	if (rc == 0 && other != 0 && may_make)
		rc = visit_tell_office(env, "Two identifiers of one sale belong to two members",
			member, other, err);
	return unexpected(rc > 0)
		? err_set(err, ERR_BROKEN, "an identifier of a member that is not there")
		: rc;
}

/* The touch a device saw last: 0 found, 1 none. */
static int current_of(struct visit_env *env, id_t64 device, struct key *ret_touch, int64_t *ret_at,
	struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	struct str touch;
	int rc = store_query(env->tx, &visit_statements[CURRENT_GET],
		ARGS(V_INT(id_bucket(device)), V_INT(device)), &rows, err);

	if (rc == 0)
		rc = store_next(rows, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	touch = store_bytes(rows, 0);
	if (unexpected(touch.len != sizeof(ret_touch->bytes)))
		return 1;
	memcpy(ret_touch->bytes, touch.ptr, touch.len);
	*ret_at = store_int(rows, 1);
	return 0;
}

/* The till itself and the readers beside it. */
static size_t devices_of(const struct visit_env *env, const struct device **ret)
{
	const struct device *till = env->access->device;
	size_t count;

	if (till->paired_with) /* the sale comes from the reader's side of the counter */
		till = till->paired_with;
	ret[0] = till;
	count = directory_paired(env->directory, till, ret + 1, READERS_MAX);
	return 1 + (count < READERS_MAX ? count : READERS_MAX);
}

static int by_reader(struct visit_env *env, struct customer *customer, struct err *err)
{
	const struct device *devices[1 + READERS_MAX];
	size_t count = devices_of(env, devices);
	int64_t newest = env->now - VISIT_TOUCH_LAPSES;
	bool found = false;
	int rc;

	for (size_t i = 0; i < count; i++) {
		struct key touch;
		int64_t at;
		rc = current_of(env, devices[i]->id, &touch, &at, err);
		if (rc < 0)
			return rc;
		if (rc > 0 || at < newest)
			continue;
		newest = at;
		customer->touch = touch;
		found = true;
	}
	if (!found)
		return 0;
	rc = touch_get(env, &customer->touch, &customer->row, err);
	if (rc < 0)
		return rc;
	if (rc > 0 || customer->row.state != TOUCH_OPEN)
		return 0;
	customer->has_touch = true;
	return load(env, customer, err);
}

int customer_find(struct visit_env *env, const struct visit_whose *whose, int64_t at, bool may_make,
	struct customer *ret, struct err *err)
{
	memset(ret, 0, sizeof(*ret));
	switch (whose->how) {
	case WHOSE_TOUCH:
		return by_touch(env, whose, ret, err);
	case WHOSE_IDENTIFIERS:
		return by_identifiers(env, whose, at, may_make, ret, err);
	case WHOSE_READER:
		return by_reader(env, ret, err);
	case WHOSE_NOBODY:
		break;
	}
	return 0;
}

/* A touch of somebody unknown stays open: they may still say ja, and be given the sale afterwards.
 */
int customer_served(struct visit_env *env, const struct customer *customer, struct err *err)
{
	const struct device *devices[1 + READERS_MAX];
	size_t count = devices_of(env, devices);
	int rc = 0;

	if (customer->has_touch && customer->person)
		rc = store_write(env->tx, &visit_statements[TOUCH_USE],
			ARGS(V_INT(key_bucket(&customer->touch)),
				V_BLOB(customer->touch.bytes, 16)),
			1, err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct key touch;
		int64_t at;
		rc = current_of(env, devices[i]->id, &touch, &at, err);
		if (rc == 0)
			rc = store_write(env->tx, &visit_statements[CURRENT_CLEAR],
				ARGS(V_INT(id_bucket(devices[i]->id)), V_INT(devices[i]->id),
					V_BLOB(touch.bytes, 16)),
				STORE_ANY, err);
		else if (rc == 1)
			rc = 0;
	}
	return rc;
}

int customer_attached(struct visit_env *env, const struct customer *customer, struct err *err)
{
	int rc = 0;

	if (customer->has_touch)
		rc = store_write(env->tx, &visit_statements[TOUCH_USE],
			ARGS(V_INT(key_bucket(&customer->touch)),
				V_BLOB(customer->touch.bytes, 16)),
			1, err);
	if (rc == 0 && customer->has_touch)
		rc = store_write(env->tx, &visit_statements[CURRENT_CLEAR],
			ARGS(V_INT(id_bucket(customer->row.device)), V_INT(customer->row.device),
				V_BLOB(customer->touch.bytes, 16)),
			STORE_ANY, err);
	return rc;
}

const struct device *customer_reader(const struct visit_env *env, const struct customer *customer)
{
	const struct device *device;

	if (!customer->has_touch)
		return NULL;
	device = directory_device(env->directory, customer->row.device);
	return device && (device->kind == DEVICE_READER || device->kind == DEVICE_KIOSK) ? device
											 : NULL;
}
