// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Echo servers, one for each way to wait, of one thread each, so that what is compared
 * is the loop:
 *
 *	echo_server ENGINE	ksync-epoll, ksync-poll, ksync-select, ksync-uring,
 *				ksync-tasks, libuv, libev
 *
 * prints the port that it listens at, and runs until it is killed.
 */
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <ev.h>
#include <uv.h>
#include <ksync/proactor.h>
#include <ksync/reactor.h>
#include <ksync/task.h>

#define SIZE	4096	/* of buffers, and so of what is echoed at once */

static int listener;

static void must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

static void open_listener(void)
{
	struct sockaddr_in where = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(where);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (void *)&where, len) || listen(listener, 2048) ||
	    getsockname(listener, (void *)&where, &len))
		err(1, "listen");
	printf("%d\n", ntohs(where.sin_port));
	fflush(stdout);
}

static void no_delay(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

/* The load generator takes back what it gets before it sends more: no send is short. */
static bool echo_now(int fd)
{
	static char buf[SIZE];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n < 0)
		return errno == EAGAIN;
	return n && send(fd, buf, n, MSG_NOSIGNAL) == n;
}

/* Our reactor. */
static void echoes(struct ksync_loop *l, struct ksync_watch *w)
{
	if (echo_now(w->fd))
		return;
	ksync_reactor_remove(l, w);
	close(w->fd);
	free(w);
}

static void accepts(struct ksync_loop *l, struct ksync_watch *w)
{
	struct ksync_watch *c;
	int fd;

	while ((fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		no_delay(fd);
		c = calloc(1, sizeof(*c));
		c->fd = fd;
		c->readable = echoes;
		must(ksync_reactor_add(l, c, KSYNC_READABLE), "add");
	}
}

static void run_reactor(enum ksync_backend backend)
{
	struct ksync_watch w = { .fd = listener, .readable = accepts };
	struct ksync_loop *l;

	must(ksync_reactor_create(&l, backend, 0), "reactor");
	must(ksync_reactor_add(l, &w, KSYNC_READABLE), "add");
	must(ksync_loop_run(l), "run");
}

static void run_epoll(void)
{
	run_reactor(KSYNC_BACKEND_EPOLL);
}

static void run_poll(void)
{
	run_reactor(KSYNC_BACKEND_POLL);
}

static void run_select(void)
{
	run_reactor(KSYNC_BACKEND_SELECT);
}

/* Our proactor: a multishot receive, and sends from the buffers it was given. */
struct connection {
	struct ksync_op in;
	struct ksync_op out;
	void *buffer;
	int fd;
};

static struct ksync_buffers *buffers;

static void sent(struct ksync_loop *l, struct ksync_op *op)
{
	struct connection *c = (void *)((char *)op - offsetof(struct connection, out));

	(void)l;
	ksync_buffers_return(buffers, c->buffer);
}

static void received(struct ksync_loop *l, struct ksync_op *op)
{
	struct connection *c = (struct connection *)op;

	if (op->res > 0) {
		c->buffer = op->buffer;
		ksync_proactor_send(l, &c->out, c->fd, op->buffer, op->res, 0);
		if (!op->more)
			ksync_proactor_recv_buffer(l, op, c->fd, buffers);
	} else if (op->res == -ENOBUFS) {
		ksync_proactor_recv_buffer(l, op, c->fd, buffers);
	} else {
		close(c->fd);
		free(c);
	}
}

static void accepted(struct ksync_loop *l, struct ksync_op *op)
{
	struct connection *c = calloc(1, sizeof(*c));

	must(op->res, "accept");
	no_delay(op->res);
	c->fd = op->res;
	c->in.fn = received;
	c->in.flags = KSYNC_OP_MULTI;
	c->out.fn = sent;
	must(ksync_proactor_recv_buffer(l, &c->in, c->fd, buffers), "receive");
}

static void run_uring(void)
{
	struct ksync_op op = { .fn = accepted, .flags = KSYNC_OP_MULTI };
	struct ksync_loop *l;
	int ret = ksync_proactor_create(&l, 1024, 0);

	if (ret)
		errx(1, "%s", ksync_proactor_refusal(ret));
	must(ksync_buffers_create(l, &buffers, 2048, SIZE), "buffers");
	must(ksync_proactor_accept(l, &op, listener, 0), "accept");
	must(ksync_loop_run(l), "run");
}

/* A task for each connection, all of them and the loop on one thread. */
static struct ksync_loop *tasks_loop;

static void *connection_task(void *fd)
{
	char buf[SIZE];
	ssize_t n;

	while ((n = ksync_loop_read(tasks_loop, (long)fd, buf, sizeof(buf), NULL)) > 0)
		if (ksync_loop_write(tasks_loop, (long)fd, buf, n, NULL) != n)
			break;
	ksync_loop_close(tasks_loop, (long)fd);
	return NULL;
}

static void *accept_task(void *arg)
{
	int fd;

	while ((fd = ksync_loop_accept(tasks_loop, listener, NULL)) >= 0) {
		no_delay(fd);
		must(ksync_task_spawn(NULL, connection_task, (void *)(long)fd, NULL), "spawn");
	}
	return arg;
}

static void *loop_task(void *arg)
{
	must(ksync_task_spawn(NULL, accept_task, NULL, NULL), "spawn");
	must(ksync_loop_run(tasks_loop), "run");
	return arg;
}

static void run_tasks(void)
{
	struct ksync_sched_opts opts = { .model = KSYNC_MODEL_N1 };
	struct ksync_sched *s;

	must(ksync_reactor_create(&tasks_loop, KSYNC_BACKEND_EPOLL, 0), "reactor");
	must(ksync_sched_start(&s, &opts), "scheduler");
	must(ksync_sched_run(s, loop_task, NULL, NULL), "run");
}

/* libuv, as its users write it: it reads, and it is asked to write at once. */
static void uv_gone(uv_handle_t *h)
{
	free(h);
}

static void uv_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	static char room[SIZE];

	(void)h;
	(void)suggested;
	*buf = uv_buf_init(room, sizeof(room));
}

static void uv_echo(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	uv_buf_t out = uv_buf_init(buf->base, n > 0 ? n : 0);

	if (n < 0 || (n > 0 && uv_try_write(s, &out, 1) != n))
		uv_close((uv_handle_t *)s, uv_gone);
}

static void uv_came(uv_stream_t *server, int status)
{
	uv_tcp_t *c = malloc(sizeof(*c));

	must(status, "connection");
	must(uv_tcp_init(server->loop, c), "tcp");
	must(uv_accept(server, (uv_stream_t *)c), "accept");
	must(uv_tcp_nodelay(c, 1), "nodelay");
	must(uv_read_start((uv_stream_t *)c, uv_room, uv_echo), "read");
}

static void run_libuv(void)
{
	uv_tcp_t server;

	must(uv_tcp_init(uv_default_loop(), &server), "tcp");
	must(uv_tcp_open(&server, listener), "open");
	must(uv_listen((uv_stream_t *)&server, 2048, uv_came), "listen");
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

/* libev. */
static void ev_echo(struct ev_loop *l, ev_io *w, int events)
{
	(void)events;
	if (echo_now(w->fd))
		return;
	ev_io_stop(l, w);
	close(w->fd);
	free(w);
}

static void ev_came(struct ev_loop *l, ev_io *w, int events)
{
	ev_io *c;
	int fd;

	(void)events;
	while ((fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		no_delay(fd);
		c = malloc(sizeof(*c));
		ev_io_init(c, ev_echo, fd, EV_READ);
		ev_io_start(l, c);
	}
}

static void run_libev(void)
{
	struct ev_loop *l = ev_default_loop(EVBACKEND_EPOLL);
	ev_io w;

	ev_io_init(&w, ev_came, listener, EV_READ);
	ev_io_start(l, &w);
	ev_run(l, 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} engines[] = {
	{ "ksync-epoll", run_epoll },
	{ "ksync-poll", run_poll },
	{ "ksync-select", run_select },
	{ "ksync-uring", run_uring },
	{ "ksync-tasks", run_tasks },
	{ "libuv", run_libuv },
	{ "libev", run_libev },
};

int main(int argc, char **argv)
{
	struct rlimit limit;
	size_t i;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (i = 0; argc == 2 && i < sizeof(engines) / sizeof(*engines); i++) {
		if (strcmp(argv[1], engines[i].name))
			continue;
		open_listener();
		engines[i].run();
		return 0;
	}
	errx(2, "say which engine; they are in the head of this source.");
}
