/* SPDX-License-Identifier: Apache-2.0 */
/* Every room with tables, in the order they are migrated. */
#ifndef API_ROOMS_H
#define API_ROOMS_H

#include "store/store.h"

extern const struct store_room *const api_rooms[];
extern const size_t api_room_count;

#endif
