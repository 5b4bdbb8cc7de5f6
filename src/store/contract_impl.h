/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of the contract, in the files that hold them. */
#ifndef STORE_CONTRACT_IMPL_H
#define STORE_CONTRACT_IMPL_H

#include "store/fixture_impl.h"

struct contract_case {
	const char *name;
	void (*run)(struct fixture *fixture); /* in a new store */
};

extern const struct contract_case contract_units[], contract_rows[], contract_life[],
	contract_home[], contract_lease[];
extern const size_t contract_units_count, contract_rows_count, contract_life_count,
	contract_home_count, contract_lease_count;

#endif
