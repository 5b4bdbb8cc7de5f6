/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket, and the files TLS needs. Errors say what to do. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "http/http_impl.h"

#define BACKLOG 1024
#define PEM_MAX (256 << 10) /* a chain of certificates is a few kB */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* "127.0.0.1:8080", "[::1]:8080" */
static bool parse_address(const char *listen, union address *ret)
{
	struct str text = str_of(listen);
	bool v6 = str_starts(text, "[");
	size_t colon = text.len;
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	int64_t port;
	char host[INET6_ADDRSTRLEN + 1] = "";
	size_t skip = v6 ? 1 : 0, host_len = colon ? colon - 1 : 0;
	if (!num_parse_range(str_from(text, colon), 0, 65535, &port) || host_len < 2 * skip)
		return false;
	if (v6 && text.ptr[host_len - 1] != ']')
		return false;
	host_len -= 2 * skip;
	if (!host_len || host_len >= sizeof host)
		return false;
	memcpy(host, text.ptr + skip, host_len);
	*ret = (union address) { 0 };
	if (v6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1;
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1;
}

static socklen_t address_len(const union address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

static int bind_and_listen(int fd, const union address *address)
{
	int on = 1, off = 0, dead_after = HTTP_DEAD_AFTER_MS;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
		return -1;
	if (address->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	/* Connections inherit it: a peer that vanished is found without waiting for TCP's own 15
	 * minutes. */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_after, sizeof dead_after);
	if (bind(fd, &address->any, address_len(address)) != 0)
		return -1;
	return listen(fd, BACKLOG);
}

static const char *advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "the port is in use: stop the other program or choose another port";
	case EACCES:
		return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one or give it";
	case EADDRNOTAVAIL:
		return "this machine does not have that address";
	default:
		return strerror(error);
	}
}

static int port_of(int fd)
{
	union address address;
	socklen_t len = sizeof address;
	if (getsockname(fd, &address.any, &len) != 0)
		return 0;
	return ntohs(
		address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int listener_open(const char *listen, int *ret_fd, int *ret_port, struct err *err)
{
	union address address;
	if (!parse_address(listen, &address))
		return err_set(err, ERR_INVALID,
			"cannot listen on \"%s\": write an address and a port, "
			"such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080",
			listen);
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind_and_listen(fd, &address) != 0) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		return err_set(err, ERR_IO, "cannot listen on %s: %s", listen, advice(error));
	}
	*ret_fd = fd;
	*ret_port = port_of(fd);
	return 0;
}

static int read_all(int fd, char *text, size_t len)
{
	size_t got = 0;
	while (got < len) {
		ssize_t n = read(fd, text + got, len - got);
		if (n <= 0)
			return n < 0 ? errno : EIO;
		got += (size_t)n;
	}
	return 0;
}

/* Returns 0 or an errno. */
static int read_file(const char *path, char **ret)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = fstat(fd, &info) != 0 ? errno : 0;
	if (!error && (!S_ISREG(info.st_mode) || info.st_size > PEM_MAX))
		error = EFBIG;
	char *text = error ? NULL : calloc(1, (size_t)info.st_size + 1);
	if (!error)
		error = text ? read_all(fd, text, (size_t)info.st_size) : ENOMEM;
	close(fd);
	if (error)
		free(text);
	else
		*ret = text;
	return error;
}

int listener_read_pem(const char *what, const char *path, char **ret, struct err *err)
{
	char *text = NULL;
	int error = read_file(path, &text);
	if (error)
		return err_set(err, ERR_IO, "cannot read the TLS %s %s: %s", what, path,
			strerror(error));
	if (!strstr(text, "-----BEGIN ")) {
		explicit_bzero(text, strlen(text));
		free(text);
		return err_set(err, ERR_IO,
			"the TLS %s %s is not a PEM file (it has no \"-----BEGIN\" "
			"line)",
			what, path);
	}
	*ret = text;
	return 0;
}
