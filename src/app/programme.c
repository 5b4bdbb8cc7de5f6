/* SPDX-License-Identifier: Apache-2.0 */
/* zegel programme: what runs, and what programmes can be made of. Starting and changing them is the
 * office's, over the contract. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "codec/json_write.h"
#include "programme/programme.h"

static int print_templates(const struct settings *settings)
{
	const struct script_info *const *scripts;
	size_t count = programme_scripts(&scripts);

	for (size_t i = 0; i < count; i++) {
		struct json_out out;
		struct buf buf BUF_AUTO;
		struct str title = texts_pick(&scripts[i]->title, STR("en"), STR("en"));
		buf_init(&buf, NULL, 1 << 20);
		json_out_init(&out, &buf);
		if (settings->json) {
			script_info_json(scripts[i], &out, NULL);
			printf("%.*s\n", STR_ARG(buf_str(&buf)));
			continue;
		}
		printf("%-10.*s counts %.*ss. %.*s\n", STR_ARG(scripts[i]->name),
			STR_ARG(scripts[i]->unit), STR_ARG(title));
		for (size_t k = 0; k < scripts[i]->param_count; k++) {
			const struct param *p = &scripts[i]->params[k];
			struct str text = texts_pick(&p->title, STR("en"), STR("en"));
			printf("  %-14.*s %.*s%s\n", STR_ARG(p->name), STR_ARG(text),
				p->required ? " (required)" : "");
		}
	}
	return EXIT_DONE;
}

static const struct zone *zone_of(void *directory, id_t64 merchant)
{
	const struct merchant *m = directory_merchant(directory, merchant);

	return m ? m->zone : NULL;
}

static void print_programmes(const struct settings *settings, const struct catalogue *catalogue,
	const struct merchant *m)
{
	size_t count;
	const struct programme *const *list = catalogue_list(catalogue, m->id, &count);

	for (size_t i = 0; i < count; i++) {
		const struct programme *p = list[i];
		struct str title = texts_pick(&p->title, STR("en"), STR("en"));
		if (settings->json) {
			struct json_out out;
			struct buf buf BUF_AUTO;
			buf_init(&buf, NULL, 1 << 20);
			json_out_init(&out, &buf);
			programme_json(p, &out, NULL);
			printf("%.*s\n", STR_ARG(buf_str(&buf)));
			continue;
		}
		printf("%-20.*s %-8s %-8.*s version %d  %.*s\n", STR_ARG(p->code),
			programme_state_words[p->state], STR_ARG(p->script), (int)p->version,
			STR_ARG(title));
	}
}

static int list(const struct settings *settings, struct site *site, struct err *err)
{
	struct directory_source *source;
	const struct directory *directory;
	struct catalogue *catalogue;
	const struct merchant *m;
	struct store_tx *tx;
	int rc = directory_open(site->store, &source, err);

	if (rc < 0)
		return rc;
	directory = directory_hold(source);
	rc = store_read_begin(site->store, &tx, err);
	if (rc == 0) {
		rc = catalogue_load(tx, zone_of, (void *)directory, &catalogue, err);
		store_read_end(&tx);
	}
	for (size_t i = 0; rc == 0 && (m = directory_nth_merchant(directory, i)); i++)
		print_programmes(settings, catalogue, m);
	if (rc == 0)
		catalogue_release(&catalogue);
	directory_release(&directory);
	directory_close(&source);
	return rc;
}

int cmd_programme(const struct settings *settings)
{
	const char *word = settings->arg_count ? settings->args[0] : "list";
	struct site site = { 0 };
	struct err err;
	int rc;

	if (strcmp(word, "templates") == 0)
		return print_templates(settings);
	if (strcmp(word, "list") != 0) {
		fprintf(stderr, "zegel programme: say list or templates\n");
		return EXIT_USAGE;
	}
	rc = site_open(settings, SITE_READ, &site, &err);
	if (rc == 0)
		rc = list(settings, &site, &err);
	site_close(&site);
	return rc < 0 ? complain(settings, &err) : EXIT_DONE;
}
