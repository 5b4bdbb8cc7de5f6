/* SPDX-License-Identifier: Apache-2.0 */
/* Serving: store, api, http and the jobs, started and stopped in order. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "app/app.h"
#include "base/log.h"
#include "base/num.h"

/* How often the snapshots are looked at for changes by other programs, and the sweep runs. */
#define REFRESH_MS 500
#define SWEEP_EVERY 4
/* How long SIGTERM waits for what was accepted. */
#define STOP_WAIT_S 30

struct serving {
	struct site site;
	struct api *api;
	struct http_server *http;
	char url[512];        /* where it listens */
	char public_url[512]; /* where receipts are */
	pthread_t jobs;
	bool jobs_run;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool stopping;
};

/* ---- jobs ---- */

/* true: time to stop. */
static bool rest(struct serving *s)
{
	struct timespec until;
	bool stopping;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += REFRESH_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&s->lock);
	while (!s->stopping && pthread_cond_timedwait(&s->stop, &s->lock, &until) == 0)
		;
	stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

static void *run_jobs(void *user)
{
	struct serving *s = user;

	for (unsigned round = 0; !rest(s); round++) {
		struct err err;
		size_t done;
		if (api_refresh(s->api, &err) < 0)
			log_warn("the directory could not be read again: %s", err.text);
		if (store_tend(s->site.store, &err) < 0)
			log_warn("the store could not be tended: %s", err.text);
		if (round % SWEEP_EVERY == 0 && api_sweep(s->api, &done, &err) < 0)
			log_warn("the sweep did not finish: %s", err.text);
	}
	return NULL;
}

static int start_jobs(struct serving *s, struct err *err)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->stop, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&s->jobs, NULL, run_jobs, s) != 0)
		return err_set(err, ERR_INTERNAL, "the thread of the jobs could not be started");
	s->jobs_run = true;
	return 0;
}

static void stop_jobs(struct serving *s)
{
	if (!s->jobs_run)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->stop);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->jobs, NULL);
	s->jobs_run = false;
}

/* ---- start and stop ---- */

/* As many files as the system lets us have: each stream is one. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int start_api(const struct settings *settings, struct serving *s, struct err *err)
{
	struct api_options options = { .store = s->site.store,
		.clock = clock_system(),
		.keys = s->site.keys.visit,
		.identifiers = s->site.keys.identifiers,
		.access = s->site.keys.access };
	int rc = store_start(s->site.store, err);

	if (rc == 0)
		rc = api_new(&options, &s->api, err);
	secret_wipe_bytes(&options, sizeof(options));
	return rc;
}

static void write_url(const struct settings *settings, int port, char *out, size_t size)
{
	const char *colon = strrchr(settings->listen, ':');
	int host = colon ? (int)(colon - settings->listen) : (int)strlen(settings->listen);

	snprintf(out, size, "%s://%.*s:%d", settings->tls_cert[0] ? "https" : "http", host,
		settings->listen, port);
}

static int check_public_url(const struct settings *settings, struct err *err)
{
	struct str url = str_of(settings->public_url);

	if (url.len == 0 || str_starts(url, "https://") || str_starts(url, "http://"))
		return 0;
	return err_set(err, ERR_INVALID,
		"--public-url is an address like https://bon.example, not \"%s\"",
		settings->public_url);
}

/* As it was given, without a slash at its end; or the address it listens on. */
static void tell_public_url(const struct settings *settings, struct serving *s)
{
	size_t len = strlen(settings->public_url);

	if (len > 0 && settings->public_url[len - 1] == '/')
		len--;
	if (len > 0)
		snprintf(s->public_url, sizeof(s->public_url), "%.*s", (int)len,
			settings->public_url);
	else
		snprintf(s->public_url, sizeof(s->public_url), "%s", s->url);
	api_set_public_url(s->api, s->public_url);
}

/* A sale may come as soon as it listens: the address must be known before. Only if it is to take a
 * free port it is known afterwards, and until then nobody knows where to send a sale. */
static int start_http(const struct settings *settings, struct serving *s, struct err *err)
{
	struct http_options options = { .listen = settings->listen,
		.tls_cert = settings->tls_cert[0] ? settings->tls_cert : NULL,
		.tls_key = settings->tls_key[0] ? settings->tls_key : NULL,
		.threads = (int)settings->threads,
		.connections_max = (int)settings->connections_max,
		.handle = api_handle,
		.user = s->api };
	const char *colon = strrchr(settings->listen, ':');
	int64_t port = 0;
	int rc;

	if (colon && num_parse_range(str_of(colon + 1), 1, 65535, &port)) {
		write_url(settings, (int)port, s->url, sizeof(s->url));
		tell_public_url(settings, s);
	}
	rc = http_start(&options, &s->http, err);
	if (rc < 0)
		return rc;
	api_set_server(s->api, s->http);
	if (port == 0) {
		write_url(settings, http_port(s->http), s->url, sizeof(s->url));
		tell_public_url(settings, s);
	}
	return 0;
}

int serving_start(const struct settings *settings, struct serving **ret, struct err *err)
{
	struct serving *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, ERR_NO_MEMORY, "no memory to serve");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a write that fails */
	raise_limit();
	rc = check_public_url(settings, err);
	if (rc == 0) /* a folder that is none says so by its keys, not by its lock */
		rc = folder_keys(settings->data, &s->site.keys, err);
	if (rc == 0)
		rc = folder_lock(settings->data, err);
	if (rc == 0)
		rc = site_open(settings, SITE_SERVE, &s->site, err);
	if (rc == 0)
		rc = start_api(settings, s, err);
	if (rc == 0)
		rc = start_http(settings, s, err);
	if (rc == 0)
		rc = start_jobs(s, err);
	if (rc < 0)
		serving_stop(&s);
	else
		*ret = s;
	return rc;
}

const char *serving_url(const struct serving *serving)
{
	return serving->url;
}

void serving_wait(struct serving *serving)
{
	sigset_t set;
	int sig;

	(void)serving;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigwait(&set, &sig);
}

/* http first, so that nothing new comes; then the jobs; then the store, which finishes its queue.
 */
void serving_stop(struct serving **serving)
{
	struct serving *s = *serving;

	*serving = NULL;
	if (s->http) {
		api_set_server(s->api, NULL);
		http_stop(&s->http, STOP_WAIT_S);
	}
	stop_jobs(s);
	store_close(
		&s->site.store); /* what was accepted is finished before what it works with goes */
	api_free(&s->api);
	site_close(&s->site);
	free(s);
}

/* Signals are taken by sigwait() alone: blocked before any thread is made. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int cmd_serve(const struct settings *settings)
{
	struct serving *serving;
	struct err err;

	block_signals();
	if (serving_start(settings, &serving, &err) < 0)
		return complain(settings, &err);
	if (!settings->public_url[0])
		fprintf(stderr,
			"zegel serve: receipts' addresses begin with %s; if customers see another, say it with --public-url\n",
			serving_url(serving));
	printf("listening on %s\n", serving_url(serving));
	fflush(stdout);
	serving_wait(serving);
	serving_stop(&serving);
	return EXIT_DONE;
}
