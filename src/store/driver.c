/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine a URL means. To add one: a row here. */
#include "store/store_impl.h"

static const struct store_driver *const drivers[] = {
	&sqlite_driver,
};

int driver_find(struct str url, const struct store_driver **ret, struct err *err)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (str_starts(url, drivers[i]->scheme)) {
			*ret = drivers[i];
			return 0;
		}
	}
	if (str_starts(url, "postgresql:") || str_starts(url, "postgres:"))
		return err_set(err, ERR_STORE, "this build has no PostgreSQL driver");
	return err_set(err, ERR_STORE, "a store's URL is sqlite:/path/to/file or sqlite::memory:");
}
