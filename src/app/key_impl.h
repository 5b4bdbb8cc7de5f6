/* SPDX-License-Identifier: Apache-2.0 */
/* The two files of `zegel key`: key.c changes, key_list.c shows. */
#ifndef APP_KEY_IMPL_H
#define APP_KEY_IMPL_H

#include "app/app.h"

/* Prints the keys of a merchant (0: of all), oldest first, as --json says. */
int key_list(const struct settings *settings, struct site *site, id_t64 merchant,
	struct err *err) must_check;

#endif
