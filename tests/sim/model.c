/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#define STAMP_MINIMUM 500
#define POINT_PER 100

int64_t model_earns(enum model_programme programme, int64_t total)
{
	if (total <= 0)
		return 0;
	return programme == MODEL_STAMPS ? total >= STAMP_MINIMUM : total / POINT_PER;
}

int64_t model_position(const struct model *model, int customer, enum model_programme programme)
{
	int64_t position = -model->given[customer][programme];

	for (int i = 0; i < model->sale_count; i++) {
		const struct model_sale *sale = &model->sales[i];
		int64_t total = 0;
		if (sale->customer != customer || sale->over || !sale->joined[programme])
			continue;
		for (int l = 0; l < MODEL_LINES; l++)
			total += sale->amount[l];
		position += model_earns(programme, total);
	}
	return position;
}
