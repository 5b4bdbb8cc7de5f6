/* SPDX-License-Identifier: Apache-2.0 */
/* The model of a shop's day: what each customer should have, in a hundred plain lines that know
 * nothing of stores, lots, holds or chains. A customer's position in a programme (balance minus
 * debt) is what their remaining sales earn, less what was given to them. */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_CUSTOMERS 40
#define MODEL_SALES 4000
#define MODEL_LINES 3
enum model_programme { MODEL_STAMPS, MODEL_POINTS, MODEL_PROGRAMMES };

struct model_sale {
	int customer; /* -1: nobody's */
	int64_t amount[MODEL_LINES];
	int quantity[MODEL_LINES];
	bool joined[MODEL_PROGRAMMES]; /* when it was paid */
	bool over;                     /* void */
};
struct model {
	bool joined[MODEL_CUSTOMERS][MODEL_PROGRAMMES];
	int64_t given[MODEL_CUSTOMERS][MODEL_PROGRAMMES];
	struct model_sale sales[MODEL_SALES];
	int sale_count;
};

/* What a basket of this sum earns. */
int64_t model_earns(enum model_programme programme, int64_t total);
int64_t model_position(const struct model *model, int customer, enum model_programme programme);

#endif
