/* SPDX-License-Identifier: Apache-2.0 */
/* Text made safe to stand inside something else. */
#ifndef CODEC_ESCAPE_H
#define CODEC_ESCAPE_H

#include "base/buf.h"

/* For HTML text and quoted attributes, and for XML: & < > " ' become references; control characters
 * that XML 1.0 does not allow become U+FFFD. */
void escape_html(struct buf *buf, struct str text);

#endif
