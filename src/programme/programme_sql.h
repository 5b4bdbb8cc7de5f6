/* SPDX-License-Identifier: Apache-2.0 */
/* What the programme room asks of the store. Definitions are reference data; enrolments and rewards
 * live in their member's bucket. */
#ifndef PROGRAMME_PROGRAMME_SQL_H
#define PROGRAMME_PROGRAMME_SQL_H

#include "store/store.h"

enum programme_statement {
	PROGRAMME_FIND,
	PROGRAMME_COUNT,
	PROGRAMME_ADD,
	PROGRAMME_NEWEST,
	PROGRAMME_VERSION,
	SCRIPT_ADD,
	SCRIPT_GET,
	ENROLMENT_LIST,
	ENROLMENT_ADD,
	ENROLMENT_MOVE,
	REWARD_ADD,
	REWARD_GET,
	REWARD_SAVE,
	REWARD_OPEN,
	REWARD_LIST,
	REWARD_LIST_STATE,
	PROGRAMME_STATEMENT_COUNT,
};
extern const struct store_stmt programme_statements[PROGRAMME_STATEMENT_COUNT];

#endif
