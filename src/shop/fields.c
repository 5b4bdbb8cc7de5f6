/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a merchant's, shop's and device's fields. A rule is one function or one line here;
 * the fault is named with its JSON pointer, so that the edge hands it on as it is. */
#include "shop/shop_impl.h"

static bool all_between(struct str s, char first, char last)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < first || s.ptr[i] > last)
			return false;
	return true;
}

/* C0 and DEL, and C1 (U+0080 to U+009F, C2 80 to C2 9F) of a valid UTF-8 text. */
static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c < 0x20 || c == 0x7F)
			return true;
		if (c == 0xC2 && (unsigned char)s.ptr[i + 1] < 0xA0)
			return true;
	}
	return false;
}

int shop_check_name(struct str name, struct err *err)
{
	if (name.len < 1 || name.len > NAME_LEN_MAX)
		return err_at(err, ERR_INVALID, "/name", "a name has 1 to %d bytes", NAME_LEN_MAX);
	if (!str_utf8(name, NULL))
		return err_at(err, ERR_INVALID, "/name", "a name is valid UTF-8");
	if (has_control(name))
		return err_at(err, ERR_INVALID, "/name", "a name has no control characters");
	return 0;
}

static bool is_sector(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '-' && (s.ptr[i] < 'a' || s.ptr[i] > 'z'))
			return false;
	return s.len >= 1 && s.len <= SECTOR_LEN_MAX;
}

static bool among(const struct str *list, size_t count, struct str s)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i], s))
			return true;
	return false;
}

size_t shop_split_languages(struct str text, struct str ret[LANGUAGES_MAX])
{
	size_t count = 0;
	/* n of them have 3n - 1 bytes; then a blank too many shows as a part of another length. */
	if (text.len % 3 != 2)
		return 0;
	while (text.len) {
		struct str part = str_cut(&text, ' ');
		if (count == LANGUAGES_MAX || part.len != 2 || !all_between(part, 'a', 'z') ||
			among(ret, count, part))
			return 0;
		ret[count++] = part;
	}
	return count;
}

static bool is_zone(struct str name)
{
	struct zone *zone = name.len >= 1 && name.len <= ZONE_LEN_MAX ? zone_open(name) : NULL;
	bool known = zone != NULL;
	if (known)
		zone_close(&zone);
	return known;
}

int shop_check_merchant(const struct merchant_new *merchant, struct err *err)
{
	struct str languages[LANGUAGES_MAX];
	int rc = shop_check_name(merchant->name, err);
	if (rc < 0)
		return rc;
	if (merchant->country.len != 2 || !all_between(merchant->country, 'A', 'Z'))
		return err_at(err, ERR_INVALID, "/country",
			"a country is two capital letters (ISO 3166-1)");
	if (!is_sector(merchant->sector))
		return err_at(err, ERR_INVALID, "/sector", "a sector has 1 to %d of a-z and -",
			SECTOR_LEN_MAX);
	if (merchant->currency.len != 3 || !all_between(merchant->currency, 'A', 'Z'))
		return err_at(err, ERR_INVALID, "/currency",
			"a currency is three capital letters (ISO 4217)");
	if (!shop_split_languages(merchant->languages, languages))
		return err_at(err, ERR_INVALID, "/languages",
			"languages are 1 to %d different codes of two letters, one blank between",
			LANGUAGES_MAX);
	if (!is_zone(merchant->time_zone))
		return err_at(err, ERR_INVALID, "/time_zone", "a time zone is an IANA name");
	return 0;
}
