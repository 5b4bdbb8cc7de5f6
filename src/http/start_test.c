/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, with its mistakes; libcurl; TLS. */
#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/test_client.h"

static struct fixture *f; /* a new one for each test: a failed one may still be running */
static struct client c;

static void begin(const struct http_options *options)
{
	f = calloc(1, sizeof *f);
	fixture_start(f, options);
	client_open(&c, f->port);
}

static void end(void)
{
	client_close(&c);
	fixture_stop(f, 10);
	free(f);
}

static void says_why_it_cannot_start(void **state)
{
	begin(NULL);
	char taken[32];
	snprintf(taken, sizeof taken, "127.0.0.1:%d", f->port);
	const struct {
		const char *listen, *cert, *key, *text;
	} rows[] = {
		{ taken, NULL, NULL, "in use" },
		{ "localhost:80", NULL, NULL, "such as 127.0.0.1:8080" },
		{ "127.0.0.1", NULL, NULL, "such as" },
		{ ":80", NULL, NULL, "such as" },
		{ "[::1:80", NULL, NULL, "such as" },
		{ "[]:80", NULL, NULL, "such as" },
		{ "127.0.0.1:65536", NULL, NULL, "such as" },
		{ "127.0.0.1:", NULL, NULL, "such as" },
		{ "192.0.2.1:0", NULL, NULL, "does not have that address" },
		{ "127.0.0.1:0", "/dev/null", NULL, "both files" },
		{ "127.0.0.1:0", "/nowhere/cert.pem", "/nowhere/key.pem", "/nowhere/cert.pem" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct http_options options = { .listen = rows[i].listen,
			.tls_cert = rows[i].cert,
			.tls_key = rows[i].key,
			.handle = (void (*)(void *, struct http_exchange *))abort };
		struct http_server *server = NULL;
		struct err err = { 0 };
		assert_row(rows[i].listen, http_start(&options, &server, &err) < 0 && !server);
		assert_row(rows[i].listen, strstr(err.text, rows[i].text) != NULL);
	}
	end();
}

static void listens_on_ipv6(void **state)
{
	struct http_options options = { .listen = "[::1]:0",
		.handle = (void (*)(void *, struct http_exchange *))abort };
	struct http_server *server = NULL;
	struct err err = { 0 };
	if (http_start(&options, &server, &err) < 0) {
		assert_non_null(strstr(err.text, "address")); /* a machine without IPv6 */
		skip();
	}
	assert_in_range(http_port(server), 1, 65535);
	http_stop(&server, 0);
}

/* ---- libcurl, TLS ---- */

static size_t append(char *data, size_t size, size_t count, void *user)
{
	buf_add(user, str_bytes(data, size * count));
	return size * count;
}

/* PUTs a body to the path; returns the status, 0 if the connection failed. */
static long curl_put(const char *scheme, const char *path, const char *body, const char *ca,
	struct buf *ret)
{
	char url[256];
	long status = 0;
	CURL *curl = curl_easy_init();
	snprintf(url, sizeof url, "%s://localhost:%d%s", scheme, f->port, path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CLIENT_WAIT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
	buf_reset(ret);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	return status;
}

static void serves_curl(void **state)
{
	struct buf got BUF_AUTO;
	buf_init(&got, NULL, 1 << 20);
	begin(NULL);
	char *body = calloc(1, 300001);
	memset(body, 'b', 300000);
	assert_int_equal(curl_put("http", "/later", body, NULL, &got), 200);
	assert_int_equal(got.len, 300000);
	free(body);
	end();
}

static char tls_dir[] = "/tmp/zegel-http-XXXXXX";

/* Makes a certificate for localhost with the openssl command; false if there is none. */
static bool make_certificate(char *cert, char *key, size_t size)
{
	char command[1024];
	assert_non_null(mkdtemp(tls_dir));
	snprintf(cert, size, "%s/cert.pem", tls_dir);
	snprintf(key, size, "%s/key.pem", tls_dir);
	snprintf(command, sizeof command,
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		"-nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
		"-out %s -keyout %s 2>/dev/null",
		cert, key);
	return system(command) == 0;
}

static void remove_certificate(const char *cert, const char *key)
{
	unlink(cert);
	unlink(key);
	rmdir(tls_dir);
	memcpy(tls_dir + strlen(tls_dir) - 6, "XXXXXX", 6);
}

static void serves_tls(void **state)
{
	char cert[64], key[64];
	struct buf got BUF_AUTO;
	buf_init(&got, NULL, 1 << 20);
	if (!make_certificate(cert, key, sizeof cert)) {
		remove_certificate(cert, key);
		skip();
	}
	begin(&(struct http_options) { .tls_cert = cert, .tls_key = key });
	assert_int_equal(curl_put("https", "/echo", "sealed", cert, &got), 200);
	assert_str(buf_str(&got), "sealed");
	assert_int_equal(curl_put("https", "/later", "sealed later", cert, &got), 200);
	assert_str(buf_str(&got), "sealed later");
	assert_int_equal(curl_put("http", "/echo", "open", cert, &got), 0);
	end();
	struct http_server *server = NULL;
	struct err err = { 0 };
	struct http_options swapped = { .listen = "127.0.0.1:0",
		.tls_cert = key,
		.tls_key = cert,
		.handle = (void (*)(void *, struct http_exchange *))abort };
	assert_int_equal(http_start(&swapped, &server, &err), ERR_IO);
	assert_non_null(strstr(err.text, "belong together"));
	remove_certificate(cert, key);
}

int main(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int rc = TEST_MAIN(test(says_why_it_cannot_start), test(listens_on_ipv6), test(serves_curl),
		test(serves_tls));
	curl_global_cleanup();
	return rc;
}
