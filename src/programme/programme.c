/* SPDX-License-Identifier: Apache-2.0 */
/* What one version of a programme answers about itself and its arms. See programme.h. */
#include <string.h>

#include "programme/programme_impl.h"

#define HOLD_MINUTES 10 /* where the script has no such parameter */

static const char *const policy_words[] = { "debt", "forgive", "negative", NULL };

bool programme_runs(const struct programme *p, id_t64 shop, int64_t at)
{
	if (p->state != PROGRAMME_RUNNING || at < p->starts || at >= p->ends)
		return false;
	for (size_t i = 0; i < p->shop_count; i++)
		if (p->shops[i] == shop)
			return true;
	return p->shop_count == 0;
}

/* ---- arms ---- */

int32_t programme_arm(const struct programme *p, const struct secret *key, id_t64 member)
{
	struct hash hash;
	struct key drawn;
	uint64_t sum = 0;
	uint64_t point;

	if (p->arm_count == 1)
		return 0;
	hash_init(&hash, key);
	hash_int(&hash, p->id);
	hash_int(&hash, member);
	drawn = hash_done_key(&hash);
	memcpy(&point, drawn.bytes, sizeof(point));
	for (size_t i = 0; i < p->arm_count; i++)
		sum += (uint64_t)p->arms[i].share;
	point %= sum;
	for (size_t i = 0; i < p->arm_count; i++) {
		if (point < (uint64_t)p->arms[i].share)
			return (int32_t)i;
		point -= (uint64_t)p->arms[i].share;
	}
	return 0;
}

/* Arms stay what they are once there can be members (stored.c); a number that is none counts as the
 * first. */
static const struct programme_arm *arm_of(const struct programme *p, int32_t arm)
{
	return &p->arms[arm >= 0 && (size_t)arm < p->arm_count ? arm : 0];
}

struct str programme_arm_name(const struct programme *p, int32_t arm)
{
	return arm_of(p, arm)->name;
}

enum programme_policy programme_arm_policy(const struct programme *p, int32_t arm)
{
	return arm_of(p, arm)->policy;
}

int64_t programme_arm_hold_us(const struct programme *p, int32_t arm)
{
	return arm_of(p, arm)->hold_us;
}

/* ---- the parameters that C reads ---- */

static enum programme_policy policy_of(const struct json *params)
{
	const struct json *value = json_get(params, "after_return");

	for (int i = 0; value && policy_words[i]; i++)
		if (str_is(value->string, policy_words[i]))
			return (enum programme_policy)i;
	return POLICY_DEBT;
}

bool texts_keep(const struct json *object, struct arena *arena, struct texts *ret)
{
	struct local_text *list = arena_array(arena, object->count, sizeof(*list));
	bool whole = list != NULL;
	size_t count = 0;

	for (const struct json *v = object->first; v && whole; v = v->next, count++) {
		list[count].language = arena_str(arena, v->name);
		list[count].text = arena_str(arena, v->string);
		whole = list[count].language.ptr && list[count].text.ptr;
	}
	*ret = (struct texts) { .list = list, .count = count };
	return whole;
}

static int read_reward(const struct json *name, struct arena *arena, struct texts *ret,
	struct err *err)
{
	*ret = (struct texts) { 0 };
	if (!name || name->type != JSON_OBJECT)
		return 0;
	return texts_keep(name, arena, ret) ? 0
					    : err_set(err, ERR_NO_MEMORY, "no memory for texts");
}

int programme_arm_read(struct programme_arm *arm, const struct json *params, struct arena *arena,
	struct err *err)
{
	const struct json *minutes = json_get(params, "hold_minutes");

	arm->policy = policy_of(params);
	arm->hold_us = (minutes && minutes->type == JSON_INT ? minutes->integer : HOLD_MINUTES) *
		CLOCK_MINUTE;
	return read_reward(json_get(json_get(params, "reward"), "name"), arena, &arm->reward, err);
}

int reward_name(const struct programme *p, int32_t arm, struct arena *arena, struct texts *ret,
	struct err *err)
{
	(void)arena;
	(void)err;
	*ret = arm_of(p, arm)->reward;
	return 0;
}

/* ---- in a host ---- */

struct host_programme_key programme_host_key(const struct programme *p, int32_t arm)
{
	return (struct host_programme_key) { .programme = p->id,
		.version = p->version,
		.arm = arm };
}

int programme_in_host(const struct programme *p, int32_t arm, struct host *host,
	struct host_programme **ret, struct err *err)
{
	if (!p->text) /* it cannot be read: it is paused, and gives nothing */
		return err_set(err, ERR_SCRIPT, "%.*s: its script is not there", STR_ARG(p->code));
	return host_programme_pinned(host, programme_host_key(p, arm), p->text,
		arm_of(p, arm)->params, p->code, &p->title, ret, err);
}
