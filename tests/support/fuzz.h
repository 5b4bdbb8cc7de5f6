/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzzer (x_fuzz.c) needs: libFuzzer's door, and require() to state what must hold. */
#ifndef TESTS_SUPPORT_FUZZ_H
#define TESTS_SUPPORT_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

/* Called with every input libFuzzer thinks of; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
