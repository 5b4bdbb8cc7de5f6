/* SPDX-License-Identifier: Apache-2.0 */
/* The dictionaries (RFC 8878, 5): zstd's tables of how often what occurs, in octal, then samples of
 * what is packed, written by hand. zstd finds matches in the samples; what stands last is cheapest
 * to point at, so the most common forms stand at the end.
 *
 * NEVER CHANGE ONE THAT WAS RELEASED: every row packed with it could no longer be read (pack_test.c
 * holds their hashes). For better samples append a dictionary here and to enum pack_dict, and pack
 * with that; its tables come from pack_dict_make.c. */
#include "base/check.h"
#include "codec/pack_impl.h"

static const char receipt[] =
	"\067\244\060\354\001\000\000\000\060\020\320\222\244\003\377\377\243\263\063\242"
	"\267\252\256\143\265\265\226\354\355\332\336\155\333\106\010\261\233\220\141\311"
	"\376\361\210\374\045\051\245\224\122\112\051\375\212\214\252\036\004\323\004\000"
	"\000\026\000\304\246\103\372\354\002\000\004\000\000\016\211\206\205\212\231\030"
	"\021\023\230\317\044\365\034\306\100\030\343\040\144\034\063\006\300\010\011\014"
	"\000\000\000\000\000\364\155\152\364\232\100\060\203\041\204\054\203\014\000\000"
	"\000\000\000\000\000\000\001\000\000\000\004\000\000\000\010\000\000\000"
	"\"category\":\"dairy\"\"category\":\"bread\"\"category\":\"vegetables\"\"category\":"
	"\"fruit\"\"category\":\"meat\"\"category\":\"fish\"\"category\":\"cheese\"\"category\":"
	"\"drinks\"\"category\":\"beer\"\"category\":\"wine\"\"category\":\"coffee\"\"category\":"
	"\"household\"\"category\":\"care\"\"category\":\"frozen\"\"category\":"
	"\"snacks\"\"category\":\"deposit\"\"category\":\"clothing\"\"category\":"
	"\"garden\"\"category\":\"books\"\"category\":\"fuel\"halfvolle "
	"melk 1 l volle yoghurt naturel boter ongezouten 250 g eieren vrije uitloop 10 st bruin "
	"brood heel wit brood half croissants 4 st jong belegen kaas plakken geitenkaas bananen "
	"los appels jonagold 1 kg sinaasappelen druiven wit aardbeien 500 g tomaten komkommer "
	"ijsbergsla wortelen aardappelen 2,5 kg uien prei champignons paprika rood gehakt "
	"kipfilet 500 g spaghetti rijst pindakaas chocolade pasta cola 1,5 l pils krat 24 x "
	"koffie bonen espresso cappuccino thee muntthee wasmiddel toiletpapier shampoo tandpasta "
	"statiegeld consigne draagtas sac bag lait demi-\303\251cr\303\251m\303\251 beurre pain "
	"complet fromage jambon pommes de terre eau gazeuse vin rouge Milch Butter Brot "
	"K\303\244se Wasser "
	"\"gtin\":\"05400141\"\"gtin\":\"08710400\"\"gtin\":\"08718907\"\"gtin\":"
	"\"04008400\"\"gtin\":\"03017620\"\"gtin\":\"02\"\"sku\":\"1000\"\"sku\":\"A-\"\"unit\":"
	"\"kg\","
	"\"unit\":\"pc\"{\"kind\":\"meal_voucher\",\"amount\":800},{\"kind\":\"eco_voucher\","
	"\"amount\":{\"kind\":\"gift_card\",\"amount\":2500},{\"kind\":\"voucher\",\"amount\":{"
	"\"kind\":\"cash\",\"amount\":2000},{\"kind\":\"change\",\"amount\":-{"
	"\"kind\":\"rounding\",\"amount\":-2}{\"kind\":\"credit_card\",\"amount\":{"
	"\"kind\":\"bancontact\",\"amount\":{\"kind\":\"payconiq\",\"amount\":{"
	"\"kind\":\"ideal\",\"amount\":\"currency\":\"EUR\",\"currency\":\"GBP\","
	"\"currency\":\"USD\",\"currency\":\"CHF\",+01:00\",\"currency\":\"EUR\",+02:00\","
	"\"currency\":\"EUR\",\"quantity\":\"-1\",\"unit_price\":100,\"amount\":-100,"
	"\"vat_rate\":\"0\"}\"quantity\":\"0.425\",\"unit_price\":1299,\"amount\":552,"
	"\"vat_rate\":\"6\"}\"quantity\":\"1.250\",\"quantity\":\"3\",\"quantity\":\"4\","
	"\"quantity\":\"6\",\"quantity\":\"12\",\"vat_rate\":\"9\"}\"vat_rate\":\"12\"}"
	"\"vat_rate\":\"5.5\"}\"vat_rate\":\"7\"}\"vat_rate\":\"19\"}\"vat_rate\":\"20\"}"
	"\"vat_rate\":\"10\"}{\"number\":\"2026-000123\",\"at\":\"2026-11-21T20:15:00Z\","
	"\"currency\":\"EUR\",\"lines\":[{\"id\":\"1\",\"gtin\":\"05412345000013\","
	"\"sku\":\"100200\",\"description\":\"melk\",\"category\":\"dairy\",\"quantity\":\"2\","
	"\"unit_price\":149,\"amount\":298,\"vat_rate\":\"6\"},{\"id\":\"2\","
	"\"gtin\":\"08712345000010\",\"sku\":\"100201\",\"description\":\"wijn\","
	"\"category\":\"drinks\",\"quantity\":\"1\",\"unit_price\":899,\"amount\":899,"
	"\"vat_rate\":\"21\"},{\"id\":\"3\",\"description\":\"koffie\",\"quantity\":\"1\","
	"\"unit_price\":350,\"amount\":350,\"vat_rate\":\"21\"},{\"id\":\"10\",\"sku\":\"10\","
	"\"description\":\"brood\",\"category\":\"bread\",\"quantity\":\"1\",\"unit_price\":295,"
	"\"amount\":295,\"vat_rate\":\"6\"}],\"payments\":[{\"kind\":\"card\",\"amount\":1842}],"
	"\"total\":1842}";

static const char answer[] =
	"\067\244\060\354\002\000\000\000\063\020\300\222\264\015\063\060\003\073\063\062"
	"\003\063\000\004\204\165\043\146\273\327\272\211\330\146\266\055\245\310\375\143"
	"\106\034\160\143\001\034\012\377\120\221\355\225\335\355\176\366\221\220\323\003"
	"\263\001\000\000\006\013\213\006\006\173\063\000\000\004\000\100\210\022\057\034"
	"\060\060\042\046\220\111\344\040\041\050\042\031\143\001\006\346\030\100\310\030"
	"\200\010\100\015\020\000\000\000\000\264\224\043\112\070\230\002\060\014\140\050"
	"\254\202\000\000\104\060\003\000\000\000\000\001\000\000\000\004\000\000\000\010"
	"\000\000\000"
	"{\"type\":\"joined\",\"programme\":\"{\"type\":\"left\",\"programme\":\"{"
	"\"type\":\"expired\",\"programme\":\"mug\",\"amount\":3,\"balance\":0,"
	"\"unit\":\"point\"}{\"type\":\"clawed_back\",\"programme\":\"mug\",\"amount\":1,"
	"\"balance\":6,\"unit\":\"stamp\"}{\"type\":\"spent\",\"programme\":\"mug\","
	"\"amount\":10,\"balance\":0,\"unit\":\"stamp\"}{\"type\":\"reward_held\","
	"\"programme\":\"mug\",\"reward\":\"w_0\",\"name\":\"\"}{\"type\":\"reward_given\","
	"\"programme\":\"mug\",\"reward\":\"w_0\",\"name\":\"\"}{\"type\":\"voucher\","
	"\"programme\":\"welcome\",\"code\":\"\",\"value\":500,"
	"\"expires\":\"2026-12-31T23:00:00Z\"}{\"type\":\"discount\",\"line\":\"1\","
	"\"amount\":100,\"reason\":\"\"}{\"type\":\"message\",\"for\":\"customer\",\"text\":\"\"}"
	"{\"type\":\"message\",\"for\":\"cashier\",\"text\":\"\"}{\"type\":\"dispense\","
	"\"slot\":1}{\"type\":\"refused\",\"reason\":\"\"}{\"type\":\"print\",\"paper\":false,"
	"\"reason\":\"\"}"
	"\"reason\":\"asked\"\"reason\":\"law\"\"reason\":\"no_member\"\"reason\":"
	"\"preference\"\"state\":\"open\","
	"\"state\":\"void\",\"state\":\"partly_returned\",\"state\":\"returned\","
	"\"unit\":\"point\"}\"unit\":\"cent\"}\"language\":\"fr\",\"language\":\"de\","
	"\"language\":\"en\",{\"id\":\"card\",\"kind\":\"card\",\"programme\":\"mug\","
	"\"title\":\"\",\"text\":\"\",\"timeout_s\":5,\"next\":{\"timeout\":null}}{"
	"\"id\":\"join\",\"kind\":\"yes_no\",\"programme\":\"mug\",\"title\":\"\",\"text\":\"\","
	"\"timeout_s\":20,\"next\":{\"yes\":null,\"no\":null,\"timeout\":null}}"
	"\"kind\":\"message\",\"kind\":\"menu\",\"kind\":\"pictures\",\"kind\":\"scan\","
	"\"kind\":\"amount\",\"kind\":\"pin\",\"kind\":\"phone\",Ja Nee Welkom Spaar Oui Non "
	"Bienvenue Yes No Welcome stempel zegel punten gratis koffie beloning "
	"f\303\251licitations points offert free reward {\"touch\":\"t_0\",\"member\":null,"
	"\"steps\":[],\"staff\":[]}{\"return\":\"\",\"effects\":[]}{\"reward\":\"w_0\","
	"\"state\":\"given\"}{\"touch\":\"t_0\",\"member\":{\"id\":\"m_0\",\"language\":\"nl\","
	"\"enrolments\":[{\"programme\":\"points\",\"balance\":120,\"unit\":\"point\"}]},"
	"\"steps\":[{\"id\":\"offer\",\"kind\":\"yes_no\",\"programme\":\"mug\",\"title\":\"\","
	"\"text\":\"\",\"timeout_s\":15,\"next\":{\"yes\":null,\"no\":null,\"timeout\":null}}],"
	"\"staff\":[{\"text\":\"\"}]}{\"sale\":\"\",\"state\":\"paid\",\"member\":null,"
	"\"effects\":[],\"receipt\":{\"id\":\"r_0\",\"url\":\"https://\",\"paper\":true,"
	"\"reason\":\"default\"}}{\"sale\":\"2026-000123\",\"state\":\"paid\",\"member\":{"
	"\"id\":\"m_0\",\"language\":\"nl\",\"enrolments\":[{\"programme\":\"mug\",\"balance\":7,"
	"\"unit\":\"stamp\"},{\"programme\":\"points\",\"balance\":120,\"unit\":\"point\"}]},"
	"\"effects\":[{\"type\":\"offer\",\"programme\":\"mug\",\"reward\":\"w_0\",\"name\":\"\"}"
	",{\"type\":\"earned\",\"programme\":\"points\",\"amount\":18,\"balance\":138,"
	"\"unit\":\"point\"},{\"type\":\"earned\",\"programme\":\"mug\",\"amount\":1,"
	"\"balance\":7,\"unit\":\"stamp\"}],\"receipt\":{\"id\":\"r_0\",\"url\":\"https://\","
	"\"paper\":false,\"reason\":\"default\"}}";

struct str pack_dict_bytes(enum pack_dict dict)
{
	static const struct str dicts[PACK_DICT_COUNT] = {
		[PACK_RECEIPT] = STR_INIT(receipt),
		[PACK_ANSWER] = STR_INIT(answer),
	};
	require(dict > PACK_PLAIN && dict < PACK_DICT_COUNT);
	return dicts[dict];
}
