/* SPDX-License-Identifier: Apache-2.0 */
/* zegel verify: proves L1 to L9 on a live or copied store. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "app/app.h"

static void print_breach(void *user, const char *invariant, const char *text)
{
	(void)user;
	fprintf(stderr, "%s breached: %s\n", invariant, text);
}

static void print_progress(void *user, int64_t accounts, int64_t entries)
{
	(void)user;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%" PRId64 " accounts, %" PRId64 " entries ", accounts, entries);
}

static void print_proof(const struct settings *settings, const struct api_proof *p)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	printf(settings->json ? "{\"accounts\":%" PRId64 ",\"entries\":%" PRId64
				",\"lots\":%" PRId64 ",\"holds\":%" PRId64 ",\"sales\":%" PRId64
				",\"returns\":%" PRId64 ",\"breaches\":%" PRId64 "}\n"
			      : "accounts %" PRId64 "\nentries  %" PRId64 "\nlots     %" PRId64
				"\nholds    %" PRId64 "\nsales    %" PRId64 "\nreturns  %" PRId64
				"\nbreaches %" PRId64 "\n",
		p->accounts, p->entries, p->lots, p->holds, p->sales, p->returns, p->breaches);
}

static int verify(struct site *site, struct api_proof *proof, struct err *err)
{
	struct api_options options = { .store = site->store,
		.clock = clock_system(),
		.keys = site->keys.visit,
		.identifiers = site->keys.identifiers,
		.access = site->keys.access };
	struct api *api;
	int rc = api_new(&options, &api, err);

	if (rc < 0)
		return rc;
	rc = api_verify(api, print_breach, print_progress, NULL, proof, err);
	api_free(&api);
	return rc;
}

int cmd_verify(const struct settings *settings)
{
	struct api_proof proof;
	struct site site = { 0 };
	struct err err;
	int rc = site_open(settings, SITE_READ, &site, &err);

	if (rc == 0)
		rc = verify(&site, &proof, &err);
	site_close(&site);
	if (rc < 0)
		return complain(settings, &err);
	print_proof(settings, &proof);
	return proof.breaches ? EXIT_FAILED : EXIT_DONE;
}
