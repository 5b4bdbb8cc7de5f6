/* SPDX-License-Identifier: Apache-2.0 */
/* Routes are tried one after the other, segment by segment: some forty patterns of a few segments,
 * most of which fail at their second segment, cost less than a microsecond and need nothing built
 * beforehand.
 *
 * Invariant: what is matched is the raw path; only the parameters of the winner are decoded, so a
 * literal segment must be written as it is. */
#include "http/router.h"

#include "base/check.h"
#include "http/url.h"

/* A match of one pattern, parameters still raw. */
struct candidate {
	struct str params[ROUTE_PARAMS_MAX];
	int param_count;
	int literals; /* one bit for each segment, the first one highest: more to the front wins */
};

static bool is_param(struct str segment)
{
	return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

static bool segment_matches(struct str pattern, struct str raw, struct candidate *candidate)
{
	candidate->literals <<= 1;
	if (!is_param(pattern)) {
		candidate->literals |= 1;
		return str_eq(pattern, raw);
	}
	require(candidate->param_count < ROUTE_PARAMS_MAX);
	candidate->params[candidate->param_count++] = raw;
	return raw.len > 0;
}

static bool pattern_matches(const char *pattern, struct str path, struct candidate *ret)
{
	struct str rest = str_of(pattern);
	*ret = (struct candidate) { 0 };
	for (;;) {
		bool more = memchr(path.ptr, '/', path.len);
		if (more != (memchr(rest.ptr, '/', rest.len) != NULL))
			return false;
		struct str segment = str_cut(&path, '/');
		if (!segment_matches(str_cut(&rest, '/'), segment, ret))
			return false;
		if (!more)
			return true;
	}
}

static bool method_matches(enum http_method route, enum http_method method)
{
	return route == method || (route == HTTP_GET && method == HTTP_HEAD);
}

static bool decode_params(const struct candidate *best, struct arena *arena,
	struct route_match *match)
{
	match->param_count = best->param_count;
	for (int i = 0; i < best->param_count; i++) {
		match->params[i] = url_decode(best->params[i], arena);
		if (!match->params[i].ptr)
			return false;
	}
	return true;
}

unsigned route_methods(const struct route *routes, size_t count, struct str raw_path)
{
	struct candidate candidate;
	unsigned methods = 0;
	for (size_t i = 0; i < count && raw_path.len; i++)
		if (pattern_matches(routes[i].pattern, raw_path, &candidate))
			methods |= 1u << routes[i].method;
	return methods & 1u << HTTP_GET ? methods | 1u << HTTP_HEAD : methods;
}

int route_find(const struct route *routes, size_t count, enum http_method method,
	struct str raw_path, struct arena *arena, struct route_match *ret)
{
	struct candidate best = { 0 }, candidate;
	const struct route *found = NULL;
	bool path_known = false;
	for (size_t i = 0; i < count && raw_path.len; i++) {
		if (!pattern_matches(routes[i].pattern, raw_path, &candidate))
			continue;
		path_known = true;
		if (!method_matches(routes[i].method, method))
			continue;
		if (found && candidate.literals <= best.literals)
			continue;
		found = &routes[i];
		best = candidate;
	}
	if (!found)
		return path_known ? 1 : 2;
	struct route_match match = { .operation = found->operation };
	if (!decode_params(&best, arena, &match))
		return 2;
	*ret = match;
	return 0;
}
