/* SPDX-License-Identifier: Apache-2.0 */
/* zegel init and zegel merchant: the first merchant, the others, and which there are. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/columns.h"
#include "codec/json_write.h"

static void print_made(const struct settings *settings, const struct merchant_made *made)
{
	if (settings->json) {
		printf("{\"merchant\":\"%s\",\"admin_key\":\"%s\"}\n", made->merchant_text,
			made->admin_key);
		return;
	}
	printf("merchant   %s\nadmin key  %s\n\nThe key is shown this once. Keep it; `zegel key new` makes more.\n",
		made->merchant_text, made->admin_key);
}

int cmd_init(const struct settings *settings)
{
	struct merchant_made made;
	struct err err;

	if (site_make(settings, &made, &err) < 0)
		return complain(settings, &err);
	print_made(settings, &made);
	if (!settings->json)
		printf("Next: zegel serve --data %s\n", settings->data);
	return EXIT_DONE;
}

/* ---- listing ---- */

static struct str language_list(const struct merchant *m, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < m->language_count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%.*s", i ? " " : "",
			STR_ARG(m->languages[i]));
	return str_bytes(out, len);
}

static void print_merchant(const struct merchant *m)
{
	struct json_out out;
	struct buf buf BUF_AUTO;
	char id[ID_TEXT_MAX], languages[64];

	buf_init(&buf, NULL, 8192);
	json_out_init(&out, &buf);
	json_out_object(&out, NULL);
	json_out_cstr(&out, "merchant", id_text(m->id, "mt", id));
	json_out_text(&out, "name", m->name);
	json_out_text(&out, "country", m->country);
	json_out_text(&out, "sector", m->sector);
	json_out_text(&out, "currency", m->currency);
	json_out_text(&out, "time_zone", m->time_zone);
	json_out_text(&out, "languages", language_list(m, languages, sizeof(languages)));
	json_out_object_end(&out);
	printf("%.*s\n", STR_ARG(buf_str(&buf)));
}

static void add_merchant(struct columns *columns, const struct merchant *m)
{
	char id[ID_TEXT_MAX], languages[64];

	columns_add_cstr(columns, id_text(m->id, "mt", id));
	columns_add(columns, m->name);
	columns_add(columns, m->country);
	columns_add(columns, m->sector);
	columns_add(columns, m->currency);
	columns_add(columns, m->time_zone);
	columns_add(columns, language_list(m, languages, sizeof(languages)));
}

/* As JSON a line each, so that a shell can read along. */
static int list_merchants(const struct settings *settings, struct site *site, struct err *err)
{
	static const char *const titles[] = { "MERCHANT", "NAME", "COUNTRY", "SECTOR", "CURRENCY",
		"TIME ZONE", "LANGUAGES", NULL };
	struct directory_source *source;
	const struct directory *directory;
	const struct merchant *m;
	struct columns columns;
	int rc = directory_open(site->store, &source, err);

	if (rc < 0)
		return rc;
	columns_init(&columns, titles);
	directory = directory_hold(source);
	for (size_t i = 0; (m = directory_nth_merchant(directory, i)); i++)
		if (settings->json)
			print_merchant(m);
		else
			add_merchant(&columns, m);
	if (!settings->json)
		rc = columns_print(&columns, stdout, err);
	columns_done(&columns);
	directory_release(&directory);
	directory_close(&source);
	return rc;
}

int cmd_merchant(const struct settings *settings)
{
	const char *what = settings->arg_count ? settings->args[0] : "list";
	struct merchant_made made;
	struct site site = { 0 };
	struct err err;
	int rc;

	if (strcmp(what, "new") != 0 && strcmp(what, "list") != 0) {
		fprintf(stderr, "zegel merchant: say new or list\n");
		return EXIT_USAGE;
	}
	rc = site_open(settings, SITE_WRITE, &site, &err);
	if (rc == 0 && strcmp(what, "list") == 0)
		rc = list_merchants(settings, &site, &err);
	else if (rc == 0)
		rc = site_add_merchant(&site, settings, &made, &err);
	site_close(&site);
	if (rc < 0)
		return complain(settings, &err);
	if (strcmp(what, "new") == 0)
		print_made(settings, &made);
	return EXIT_DONE;
}
