/* SPDX-License-Identifier: Apache-2.0 */
/* See fixture_impl.h. */
#include "shop/fixture_impl.h"

#include "tests/support/test.h"

static const struct store_room *const rooms[] = { &shop_room };

void fixture_open(struct fixture *f, const char *url)
{
	*f = (struct fixture) { .master = { "the master secret of these tests" } };
	clock_fake_init(&f->clock, FIXTURE_NOW, 1);
	f->options = (struct store_options) {
		.url = url ? str_of(url) : STR("sqlite::memory:"),
		.rooms = rooms,
		.room_count = 1,
		.clock = &f->clock.clock,
	};
	if (url)
		assert_ok(store_migrate(&f->options, false, NULL, NULL, &f->err), &f->err);
	assert_ok(store_open(&f->options, &f->store, &f->err), &f->err);
}

void fixture_close(struct fixture *f)
{
	store_close(&f->store);
}

void fixture_fill(struct fixture *f)
{
	static const struct device_new devices[] = {
		{ TILL_A, OURS, SHOP_A, 0, DEVICE_TILL, STR_INIT("Kassa 1") },
		{ READER_A, OURS, SHOP_A, TILL_A, DEVICE_READER, STR_INIT("Lezer 1") },
		{ READER_A2, OURS, SHOP_A, TILL_A, DEVICE_READER, STR_INIT("Lezer 2") },
		{ TILL_B, OURS, SHOP_B, 0, DEVICE_TILL, STR_INIT("Kassa 2") },
		{ TILL_THEIRS, THEIRS, SHOP_THEIRS, 0, DEVICE_TILL, STR_INIT("Caisse") },
	};
	struct merchant_new ours = fixture_merchant(OURS), theirs = fixture_merchant(THEIRS);
	assert_ok(fixture_add_merchant(f, &ours), &f->err);
	assert_ok(fixture_add_merchant(f, &theirs), &f->err);
	assert_ok(fixture_add_shop(f, SHOP_A, OURS, "Grote Markt"), &f->err);
	assert_ok(fixture_add_shop(f, SHOP_B, OURS, "Station"), &f->err);
	assert_ok(fixture_add_shop(f, SHOP_THEIRS, THEIRS, "Place Verte"), &f->err);
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		assert_ok(fixture_add_device(f, &devices[i]), &f->err);
}

/* ---- units ---- */

struct work {
	struct unit unit;
	fixture_work *work;
	void *user;
	int outcome;
};

static int run(struct unit *unit, struct store_tx *tx, int64_t now, struct err *err)
{
	struct work *work = (struct work *)unit;
	work->outcome = work->work(work->user, tx, now, err);
	return work->outcome > 0 ? UNIT_DROP : work->outcome;
}

int fixture_run(struct fixture *f, fixture_work *work, void *user)
{
	struct work w = { .unit.run = run, .work = work, .user = user };
	int rc = store_run(f->store, &w.unit);
	f->err = w.unit.err;
	return rc ? rc : w.outcome;
}

struct merchant_new fixture_merchant(id_t64 id)
{
	return (struct merchant_new) {
		.id = id,
		.name = STR("Bakkerij De Zegel"),
		.country = STR("BE"),
		.sector = STR("food-retail"),
		.currency = STR("EUR"),
		.time_zone = STR("Europe/Brussels"),
		.languages = STR("nl fr en"),
	};
}

static int add_merchant(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	return shop_add_merchant(tx, user, now, err);
}

int fixture_add_merchant(struct fixture *f, const struct merchant_new *merchant)
{
	struct merchant_new copy = *merchant;
	return fixture_run(f, add_merchant, &copy);
}

struct shop_new {
	id_t64 id, merchant;
	struct str name;
};

static int add_shop(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	struct shop_new *shop = user;
	return shop_add_shop(tx, shop->id, shop->merchant, shop->name, now, err);
}

int fixture_add_shop(struct fixture *f, id_t64 id, id_t64 merchant, const char *name)
{
	struct shop_new shop = { id, merchant, str_of(name) };
	return fixture_run(f, add_shop, &shop);
}

static int add_device(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	return shop_add_device(tx, user, now, err);
}

int fixture_add_device(struct fixture *f, const struct device_new *device)
{
	struct device_new copy = *device;
	return fixture_run(f, add_device, &copy);
}

struct key_new {
	const struct secret *master;
	id_t64 id, merchant, device;
	enum role role;
};

static int add_key(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	struct key_new *key = user;
	return access_add(tx, key->master, key->id, key->merchant, key->device, key->role,
		STR("a key"), now, err);
}

int fixture_add_key(struct fixture *f, id_t64 id, id_t64 merchant, id_t64 device, enum role role)
{
	struct key_new key = { &f->master, id, merchant, device, role };
	return fixture_run(f, add_key, &key);
}

static int revoke(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	struct key_new *key = user;
	return access_revoke(tx, key->id, key->merchant, now, err);
}

int fixture_revoke(struct fixture *f, id_t64 id, id_t64 merchant)
{
	struct key_new key = { .id = id, .merchant = merchant };
	return fixture_run(f, revoke, &key);
}

struct event_new {
	id_t64 device;
	const char *body;
};

static int add_event(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	struct event_new *event = user;
	return event_add(tx, event->device, "message", str_of(event->body), now, err);
}

int fixture_add_event(struct fixture *f, id_t64 device, const char *body)
{
	struct event_new event = { device, body };
	return fixture_run(f, add_event, &event);
}

static int write_sql(void *user, struct store_tx *tx, int64_t now, struct err *err)
{
	return store_write(tx, user, NO_ARGS, STORE_ANY, err);
}

int fixture_sql(struct fixture *f, const char *sql)
{
	struct store_stmt stmt = { "test.write", STORE_SWEEP, sql };
	return fixture_run(f, write_sql, &stmt);
}

int64_t fixture_number(struct fixture *f, const char *sql)
{
	struct store_stmt stmt = { "test.number", STORE_SWEEP, sql };
	struct store_rows *rows = NULL;
	struct store_tx *tx;
	int64_t number;
	assert_ok(store_read_begin(f->store, &tx, &f->err), &f->err);
	assert_ok(store_query(tx, &stmt, NO_ARGS, &rows, &f->err), &f->err);
	assert_int_equal(store_next(rows, &f->err), 1);
	number = store_int(rows, 0);
	store_rows_done(&rows);
	store_read_end(&tx);
	return number;
}

void fixture_fail_each_step(struct fixture *f, const char *row, int (*call)(struct fixture *f))
{
	static const char version[] = "SELECT COALESCE(MAX(n), 0) FROM reference_version";
	int64_t before = fixture_number(f, version);
	size_t n = 0;
	int rc;
	do {
		store_fail_nth(f->store, ++n);
		rc = call(f);
		store_fail_nth(f->store, 0);
		if (rc == 0)
			break;
		assert_row(row, rc == ERR_STORE);
		assert_row(row, fixture_number(f, version) == before);
	} while (n < 100);
	assert_row(row, rc == 0);
	assert_row(row, n > 2);
}
