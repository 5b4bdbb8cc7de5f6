/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding (RFC 3986, 2.1). */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/arena.h"
#include "base/str.h"

/* Is every % followed by two hexadecimal digits that are not 00, and is there no blank or control
 * byte? */
bool url_valid(struct str raw);
/* Decodes raw: itself if there is nothing to decode, else a copy in the arena; ptr NULL if there is
 * no memory. raw is valid. */
struct str url_decode(struct str raw, struct arena *arena);

#endif
