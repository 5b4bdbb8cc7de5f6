/* SPDX-License-Identifier: Apache-2.0 */
/* zegel key list: whose each key is, what it may do, where it stands. */
#include <stdio.h>

#include "app/columns.h"
#include "app/key_impl.h"
#include "codec/date.h"
#include "codec/json_write.h"

struct listing {
	const struct directory *directory; /* what ids are called */
	struct columns columns;
	struct buf buf;
	struct json_out out;
};

static struct str merchant_name(const struct listing *l, id_t64 id)
{
	const struct merchant *m = directory_merchant(l->directory, id);

	return m ? m->name : STR("");
}

/* ---- for programs ---- */

static void write_device(struct listing *l, id_t64 id)
{
	const struct device *d = directory_device(l->directory, id);
	char text[ID_TEXT_MAX];

	json_out_cstr(&l->out, "device", id_text(id, "d", text));
	if (!d)
		return;
	json_out_cstr(&l->out, "kind", device_kind_words[d->kind]);
	json_out_cstr(&l->out, "shop", id_text(d->shop->id, "s", text));
	json_out_text(&l->out, "shop_name", d->shop->name);
}

static void write_access(void *user, const struct access *a, id_t64 merchant, id_t64 device)
{
	struct listing *l = user;
	char id[ID_TEXT_MAX], at[DATE_TEXT_MAX];

	json_out_object(&l->out, NULL);
	json_out_cstr(&l->out, "id", id_text(a->id, "k", id));
	json_out_cstr(&l->out, "merchant", id_text(merchant, "mt", id));
	json_out_text(&l->out, "merchant_name", merchant_name(l, merchant));
	if (device)
		write_device(l, device);
	else
		json_out_cstr(&l->out, "role", role_words[a->role]);
	json_out_text(&l->out, "name", a->name);
	json_out_cstr(&l->out, "created", date_time_write(a->created_at, at));
	if (a->revoked_at)
		json_out_cstr(&l->out, "revoked", date_time_write(a->revoked_at, at));
	json_out_object_end(&l->out);
}

static int list_json(struct listing *l, struct store_tx *tx, id_t64 merchant, struct err *err)
{
	buf_init(&l->buf, NULL, (size_t)512 << 20);
	json_out_init(&l->out, &l->buf);
	json_out_object(&l->out, NULL);
	json_out_array(&l->out, "keys");
	int rc = access_list(tx, merchant, write_access, l, err);
	json_out_array_end(&l->out);
	json_out_object_end(&l->out);
	if (rc == 0 && l->buf.failed)
		rc = err_set(err, ERR_NO_MEMORY, "no memory for a list");
	if (rc == 0)
		printf("%.*s\n", STR_ARG(buf_str(&l->buf)));
	buf_done(&l->buf);
	return rc;
}

/* ---- for people ---- */

static void add_access(void *user, const struct access *a, id_t64 merchant, id_t64 device)
{
	struct listing *l = user;
	const struct device *d = device ? directory_device(l->directory, device) : NULL;
	char id[ID_TEXT_MAX], at[DATE_TEXT_MAX];

	columns_add_cstr(&l->columns, id_text(a->id, "k", id));
	columns_add(&l->columns, merchant_name(l, merchant));
	columns_add_cstr(&l->columns,
		d                ? device_kind_words[d->kind]
			: device ? "device"
				 : role_words[a->role]);
	columns_add(&l->columns, d ? d->shop->name : STR(""));
	columns_add(&l->columns, a->name);
	columns_add_cstr(&l->columns, device ? id_text(device, "d", id) : "");
	columns_add(&l->columns, str_first(str_of(date_time_write(a->created_at, at)), 10));
	columns_add(&l->columns,
		a->revoked_at ? str_first(str_of(date_time_write(a->revoked_at, at)), 10)
			      : STR(""));
}

static int list_columns(struct listing *l, struct store_tx *tx, id_t64 merchant, struct err *err)
{
	static const char *const titles[] = { "KEY", "MERCHANT", "FOR", "SHOP", "NAME", "DEVICE",
		"CREATED", "REVOKED", NULL };
	int rc;

	columns_init(&l->columns, titles);
	rc = access_list(tx, merchant, add_access, l, err);
	if (rc == 0)
		rc = columns_print(&l->columns, stdout, err);
	columns_done(&l->columns);
	return rc;
}

int key_list(const struct settings *settings, struct site *site, id_t64 merchant, struct err *err)
{
	struct directory_source *source;
	struct listing listing;
	struct store_tx *tx;
	int rc = directory_open(site->store, &source, err);

	if (rc < 0)
		return rc;
	listing.directory = directory_hold(source);
	rc = store_read_begin(site->store, &tx, err);
	if (rc == 0) {
		rc = settings->json ? list_json(&listing, tx, merchant, err)
				    : list_columns(&listing, tx, merchant, err);
		store_read_end(&tx);
	}
	directory_release(&listing.directory);
	directory_close(&source);
	return rc;
}
