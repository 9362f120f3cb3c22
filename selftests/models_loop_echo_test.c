// SPDX-License-Identifier: GPL-2.0
/*
 * Many tasks on one loop, on each scheduler and by each kind of loop: an echo server and
 * its clients, and a reader whose deadlines pass while data comes.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/ksft.h"
#include "lib/loops.h"

/* An echo server of a task for each connection, and clients that check each byte. */
static struct sockaddr_in where;
static int listener, clients, lines;

/* Pieces of a line are not held back until those before are acknowledged, late. */
static void at_once(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static void *serve(void *fd)
{
	char buf[300];
	ssize_t n;

	at_once((long)fd);
	while ((n = ksync_loop_read(loop, (long)fd, buf, sizeof(buf), NULL)) > 0)
		CHECK(ksync_loop_write(loop, (long)fd, buf, n, NULL) == n);
	CHECK(!n);
	CHECK(!ksync_loop_close(loop, (long)fd));
	return NULL;
}

static int server(void *arg)
{
	struct ksync_task **t = calloc(clients, sizeof(*t));
	void *line;
	int i, fd, bad = 0;

	(void)arg;
	for (i = 0; i < clients; i++) {
		fd = ksync_loop_accept(loop, listener, NULL);
		if (fd < 0 || ksync_task_spawn(&t[i], serve, (void *)(long)fd, NULL))
			return -EIO;
	}
	for (i = 0; i < clients; i++) {
		ksync_task_join(t[i], &line);
		bad |= !!line;
	}
	free(t);
	return bad ? -EIO : 0;
}

/* Return: the line that is wrong, or 0. */
static long talk(long me)
{
	unsigned char out[1000], back[1000];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), i, j, n, got;
	ssize_t ret;

	if (ksync_loop_connect(loop, fd, (void *)&where, sizeof(where), NULL))
		return __LINE__;
	at_once(fd);
	for (i = 0; i < lines; i++) {
		n = 1 + (me * 31 + i * 97) % sizeof(out);
		for (j = 0; j < n; j++)
			out[j] = me * 7 + i * 3 + j;
		if (ksync_loop_write(loop, fd, out, n, NULL) != n)
			return __LINE__;
		for (got = 0; got < n; got += ret) {
			ret = ksync_loop_read(loop, fd, back + got, n - got, NULL);
			if (ret <= 0)
				return __LINE__;
		}
		if (memcmp(out, back, n))
			return __LINE__;
	}
	return ksync_loop_close(loop, fd) ? __LINE__ : 0;
}

static int client(void *me)
{
	return -talk((long)me);
}

static void *echo(void *arg)
{
	socklen_t len = sizeof(where);
	struct ksync_scope scope;
	long i, ret;

	where = (struct sockaddr_in){ .sin_family = AF_INET };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(!bind(listener, (void *)&where, len) && !listen(listener, 128));
	CHECK(!getsockname(listener, (void *)&where, &len));
	CHECK(!ksync_scope_begin(&scope, KSYNC_SCOPE_CANCEL_ON_ERROR));
	CHECK(!ksync_scope_spawn(&scope, server, NULL, NULL));
	for (i = 0; i < clients; i++)
		CHECK(!ksync_scope_spawn(&scope, client, (void *)i, NULL));
	ret = ksync_scope_end(&scope);
	CHECK(!ksync_loop_close(loop, listener));
	return ret ? (void *)-ret : arg;
}

TEST_F(models, echo_of_many_connections)
{
	clients = models_many(&variant->opts, 60) + 10;
	lines = models_many(&variant->opts, 30) + 3;
	EACH(echo);
}

/* Data, deadlines and cancellation at the same time: each byte is read by somebody. */
static int fds[2];
static long sent, received;
static uint32_t finished;

static void *takes(void *arg)
{
	struct timespec then;
	char buf[8];
	ssize_t n;
	long i;

	for (i = 0; i < 1000000; i++) {
		then = models_in(i % 5 * 20000);
		n = ksync_loop_read(loop, fds[0], buf, sizeof(buf), &then);
		if (n == -ECANCELED)
			break;
		CHECK(n > 0 || n == -ETIMEDOUT);
		__atomic_add_fetch(&received, n > 0 ? n : 0, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
	return arg;
}

static void *gives(void *arg)
{
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		if (sent - __atomic_load_n(&received, __ATOMIC_RELAXED) < 8)
			sent += send(fds[1], "x", 1, MSG_DONTWAIT) == 1;
		ksync_task_yield();
	}
	return arg;
}

static void *nothing_lost(void *arg)
{
	struct timespec then = models_in(60 * MSEC);
	struct ksync_task *t, *u;
	char buf[64];
	ssize_t n;
	void *line;

	pair(fds);
	sent = 0;
	received = 0;
	finished = 0;
	CHECK(!ksync_task_spawn(&t, takes, NULL, NULL));
	CHECK(!ksync_task_spawn(&u, gives, NULL, NULL));
	CHECK(!ksync_task_sleep_until(&then));
	ksync_task_cancel(t);
	CHECK(!ksync_task_join(t, &line) && !line);
	CHECK(!ksync_task_join(u, &line) && !line);
	while ((n = recv(fds[0], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		received += n;
	CHECK(sent == received);
	CHECK(!ksync_loop_close(loop, fds[0]) && !ksync_loop_close(loop, fds[1]));
	return arg;
}

TEST_F(models, nothing_is_lost)
{
	if (variant->opts.flags & KSYNC_SCHED_SEEDED)
		SKIP(return, "virtual time stands still while a task is ready");
	EACH(nothing_lost);
}

KSFT_MAIN
