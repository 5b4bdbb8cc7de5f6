/* SPDX-License-Identifier: Apache-2.0 */
/* The document of the contract, api/openapi.json, built into the program. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;

#endif
