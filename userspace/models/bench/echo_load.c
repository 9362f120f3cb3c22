// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A load generator for echo servers: each connection sends a message, waits until all of
 * it has come back, checks it, and sends the next.
 *
 *	echo_load PORT CONNECTIONS MILLISECONDS
 *
 * prints: requests a second, and the percentiles 50, 99 and 99.9 of the latency in
 * microseconds.  By epoll(7) alone, and no loop of anybody's.  The first tenth of the time
 * is not counted.
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE	64
#define BUCKETS	4096	/* 64 for each power of two */

struct connection {
	int fd;
	int got;
	uint64_t at;
	uint64_t number;
};

static uint64_t histogram[BUCKETS], total;
static int ep;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* To 1/64 of its value. */
static uint32_t bucket(uint64_t ns)
{
	int shift = ns < 64 ? 0 : 63 - __builtin_clzll(ns) - 6;

	return shift * 64 + (ns >> shift);
}

static double middle(uint32_t i)
{
	int shift = i < 128 ? 0 : i / 64 - 1;

	return ((double)(i - shift * 64) + 0.5) * (double)(1ULL << shift);
}

static double percentile(double p)
{
	uint64_t seen = 0, want = total * p;
	uint32_t i;

	for (i = 0; i < BUCKETS - 1; i++) {
		seen += histogram[i];
		if (seen > want)
			break;
	}
	return middle(i) / 1000;
}

static void send_next(struct connection *c)
{
	char message[SIZE];

	c->number++;
	memset(message, c->number, sizeof(message));
	c->got = 0;
	c->at = now();
	if (send(c->fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		err(1, "send");
}

/* Return: all has come back. */
static int take(struct connection *c)
{
	char back[SIZE + 1];
	ssize_t n = recv(c->fd, back, sizeof(back), 0), i;

	if (n <= 0)
		err(1, "the server has closed a connection, receive");
	for (i = 0; i < n; i++)
		if (back[i] != (char)c->number)
			errx(1, "a wrong byte came back");
	c->got += n;
	if (c->got > SIZE)
		errx(1, "more came back than was sent");
	return c->got == SIZE;
}

static void open_connection(struct connection *c, int port)
{
	struct sockaddr_in where = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (void *)&where, sizeof(where)))
		err(1, "connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &event))
		err(1, "epoll_ctl");
}

static void load(uint64_t from, uint64_t until)
{
	struct epoll_event events[256];
	struct connection *c;
	uint64_t t;
	int i, n;

	while (now() < until) {
		n = epoll_wait(ep, events, 256, 1000);
		if (!n)
			errx(1, "the server has not answered for a second");
		for (i = 0; i < n; i++) {
			c = events[i].data.ptr;
			if (!take(c))
				continue;
			t = now();
			if (t >= from && t < until) {
				histogram[bucket(t - c->at)]++;
				total++;
			}
			send_next(c);
		}
	}
}

int main(int argc, char **argv)
{
	struct connection *c;
	struct rlimit limit;
	uint64_t start, ns;
	int i, n;

	if (argc != 4)
		errx(2, "say the port, how many connections, and for how many milliseconds.");
	n = atoi(argv[2]);
	ns = strtoull(argv[3], NULL, 10) * 1000000;
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	ep = epoll_create1(0);
	c = calloc(n, sizeof(*c));
	for (i = 0; i < n; i++)
		open_connection(&c[i], atoi(argv[1]));
	start = now();
	for (i = 0; i < n; i++)
		send_next(&c[i]);
	load(start + ns / 10, start + ns);
	printf("%.0f %.1f %.1f %.1f\n", total / (0.9 * ns / 1000000000), percentile(0.5),
	       percentile(0.99), percentile(0.999));
	return !total;
}
