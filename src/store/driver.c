/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine a URL means. To add one: a row here. */
#include "store/store_impl.h"

static const struct {
	const char *scheme;
	const struct store_driver *driver;
} drivers[] = {
	{ "sqlite:", &sqlite_driver },
	{ "postgresql:", &postgres_driver },
	{ "postgres:", &postgres_driver },
};

int driver_find(struct str url, const struct store_driver **ret, struct err *err)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (str_starts(url, drivers[i].scheme)) {
			*ret = drivers[i].driver;
			return 0;
		}
	}
	return err_set(err, ERR_STORE,
		"a store's URL is sqlite:/path/to/file, sqlite::memory: or "
		"postgresql://USER@HOST/DATABASE");
}
