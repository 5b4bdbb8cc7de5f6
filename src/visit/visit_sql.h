/* SPDX-License-Identifier: Apache-2.0 */
/* What the visit room asks of the store. A touch lives in the bucket of its key, with its answer,
 * for it is its own claim; what waits at a counter in the counter's; a sale in its home: the
 * member's bucket, or that of its own key if it is nobody's. */
#ifndef VISIT_VISIT_SQL_H
#define VISIT_VISIT_SQL_H

#include "store/store.h"

enum visit_statement {
	TOUCH_ADD,
	TOUCH_SAID,
	TOUCH_GET,
	TOUCH_MEMBER,
	TOUCH_USE,
	TOUCH_CLEAR,
	TOUCH_UNKNOWN,
	TOUCH_BLANK,
	CURRENT_SET,
	CURRENT_LIST,
	CURRENT_SERVED,
	CURRENT_CLEAR,
	SALE_ADD,
	SALE_GET,
	SALE_CALLER,
	SALE_MOVE,
	SALE_GIVE,
	SALE_ALL,
	RETURN_ADD,
	RETURN_LIST,
	VISIT_STATEMENT_COUNT,
};
extern const struct store_stmt visit_statements[VISIT_STATEMENT_COUNT];

#endif
