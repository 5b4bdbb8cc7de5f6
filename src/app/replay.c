/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"
int cmd_replay(const struct settings *settings) { (void)settings; return EXIT_FAILED; }
