/* SPDX-License-Identifier: Apache-2.0 */
/* libsodium, started once: every file of this room that uses it calls sodium_ready() first. */
#ifndef BASE_SODIUM_IMPL_H
#define BASE_SODIUM_IMPL_H

#include <sodium.h>

/* Starts libsodium the first time; cheap afterwards, from any thread. */
void sodium_ready(void);

#endif
