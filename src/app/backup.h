/* SPDX-License-Identifier: Apache-2.0 */
/* The table a backup keeps the key file in; empty in a store that serves. */
#ifndef APP_BACKUP_H
#define APP_BACKUP_H

#include "app/app.h"

extern const struct store_room backup_room;

#endif
