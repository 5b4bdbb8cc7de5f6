/* SPDX-License-Identifier: Apache-2.0 */
/* Whose sale is it? By a touch, by identifiers, or by what the reader beside the till saw last. */
#include <string.h>

#include "base/check.h"
#include "visit/sale_impl.h"

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
	return unexpected(rc == PERSON_NONE)
		? err_set(err, ERR_BROKEN, "an identifier of a member that is not there")
		: rc;
}

/* ---- what waits at the counter ---- */

/* Of a handful of rows the newest; sorting them cost more than all else of this query. */
static int newest(struct store_rows *rows, struct customer *ret, struct err *err)
{
	int rc;

	while ((rc = store_next(rows, err)) > 0) {
		struct str touch = store_bytes(rows, 0);
		int64_t at = store_int(rows, 1);
		if (unexpected(touch.len != sizeof(ret->waits.bytes)))
			return err_set(err, ERR_BROKEN, "a touch's key has %zu bytes", touch.len);
		if (at <= ret->waits_at)
			continue;
		memcpy(ret->waits.bytes, touch.ptr, touch.len);
		ret->waits_at = at;
	}
	return rc;
}

int customer_waits(struct visit_env *env, struct customer *ret, struct err *err)
{
	struct store_rows *rows ROWS_AUTO = NULL;
	id_t64 counter = visit_counter_of(env->access->device);
	int rc = store_query(env->tx, &visit_statements[CURRENT_LIST],
		ARGS(V_INT(id_bucket(counter)), V_INT(counter)), &rows, err);

	memset(ret, 0, sizeof(*ret));
	return rc != 0 ? rc : newest(rows, ret, err);
}

static int by_reader(struct visit_env *env, struct customer *customer, struct err *err)
{
	int rc;

	if (customer->waits_at == 0 || customer->waits_at < env->now - VISIT_TOUCH_LAPSES)
		return 0;
	rc = touch_get(env, &customer->waits, &customer->row, err);
	if (rc < 0)
		return rc;
	if (rc > 0 || customer->row.state != TOUCH_OPEN)
		return 0;
	customer->touch = customer->waits;
	customer->has_touch = true;
	return load(env, customer, err);
}

int customer_find(struct visit_env *env, const struct visit_whose *whose, int64_t at, bool may_make,
	struct customer *ret, struct err *err)
{
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

static int use_touch(struct visit_env *env, const struct customer *customer, struct err *err)
{
	return store_write(env->tx, &visit_statements[TOUCH_USE],
		ARGS(V_INT(key_bucket(&customer->touch)), V_BLOB(customer->touch.bytes, 16)), 1,
		err);
}

/* A touch of somebody unknown stays open: they may still say ja, and be given the sale afterwards.
 */
int customer_served(struct visit_env *env, const struct customer *customer, struct err *err)
{
	id_t64 counter = visit_counter_of(env->access->device);
	int rc = customer->has_touch && customer->person ? use_touch(env, customer, err) : 0;

	if (rc != 0 || customer->waits_at == 0)
		return rc;
	return store_write(env->tx, &visit_statements[CURRENT_SERVED],
		ARGS(V_INT(id_bucket(counter)), V_INT(counter), V_INT(customer->waits_at)),
		STORE_ANY, err);
}

int customer_attached(struct visit_env *env, const struct customer *customer, struct err *err)
{
	int rc;

	if (!customer->has_touch)
		return 0;
	rc = use_touch(env, customer, err);
	return rc != 0 ? rc : touch_leaves(env, customer->row.device, &customer->touch, err);
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
