/* SPDX-License-Identifier: Apache-2.0 */
/* Finds which route a method and a path belong to. Patterns are literal segments and {name}
 * segments. The path is split before it is decoded, so a parameter may hold an encoded slash
 * ("INV%2F2026"). */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "base/arena.h"
#include "base/str.h"
#include "http/http.h"

#define ROUTE_PARAMS_MAX 4

struct route {
	enum http_method method;
	const char *pattern; /* "/v1/sales/{id}/returns" */
	int operation;       /* the caller's number for it */
};

struct route_match {
	int operation;
	struct str params[ROUTE_PARAMS_MAX]; /* in the order of the pattern; decoded, never empty */
	int param_count;
};

/* 0: found; 1: the path is known, but not with this method; 2: no such path. HEAD finds GET's
 * route. A literal segment wins over a parameter. raw_path is http_path(); parameters point into it
 * or into the arena. Out of memory for a parameter counts as 2. */
int route_find(const struct route *routes, size_t count, enum http_method method,
	struct str raw_path, struct arena *arena, struct route_match *ret);

/* A bit (1 << enum http_method) for each method that path takes, HEAD with GET; 0: no such path.
 * For the Allow of a 405 (RFC 9110 15.5.6). */
unsigned route_methods(const struct route *routes, size_t count, struct str raw_path);

#endif
