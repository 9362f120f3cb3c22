// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that read, write, accept and connect by a loop: on each scheduler, by each kind
 * of loop, which a plain thread runs or a task.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <ksync/proactor.h>
#include <ksync/reactor.h>

#include "lib/ksft.h"
#include "lib/models.h"

enum kind {
	EPOLL,
	POLL,
	SELECT,
	URING,
	KINDS,
};

static struct ksync_loop *loop;

static int create(enum kind kind)
{
	return kind == URING ? ksync_proactor_create(&loop, 0, 0) :
	       ksync_reactor_create(&loop, (enum ksync_backend)kind, 0);
}

static void *run_thread(void *arg)
{
	(void)arg;
	return (void *)(long)ksync_loop_run(loop);
}

static void *run_task(void *arg)
{
	(void)arg;
	return (void *)(long)ksync_loop_run(loop);
}

static void pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		abort();
}

/* What a test does, with a loop that another task runs. */
struct with_task {
	void *(*fn)(void *arg);
	void *arg;
};

static void *beside_task(void *arg)
{
	struct with_task *w = arg;
	struct ksync_task *t;
	void *line, *ret;

	CHECK(!ksync_task_spawn(&t, run_task, NULL, NULL));
	line = w->fn(w->arg);
	ksync_loop_stop(loop);
	CHECK(!ksync_task_join(t, &ret) && !ret);
	return line;
}

/* Each kind of loop, run by a thread and by a task. */
#define EACH(fn) do {								\
	int kind_, by_;								\
	for (kind_ = 0; kind_ < KINDS; kind_++) {				\
		for (by_ = 0; by_ < 2; by_++)					\
			each(_metadata, self, kind_, by_, fn);			\
	}									\
} while (0)

static void each(struct __test_metadata *_metadata, struct _test_data_models *self,
		 enum kind kind, bool by_task, void *(*fn)(void *arg))
{
	struct with_task w = { fn, NULL };
	pthread_t thread;
	void *ret, *line;
	int made = create(kind);

	if (kind == URING && (made == -ENOSYS || made == -EPERM)) {
		TH_LOG("%s", ksync_proactor_refusal(made));
		return;
	}
	ASSERT_EQ(0, made);
	if (by_task) {
		ASSERT_EQ(0, ksync_sched_run(self->s, beside_task, &w, &line));
	} else {
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_thread, NULL));
		ASSERT_EQ(0, ksync_sched_run(self->s, fn, NULL, &line));
		ksync_loop_stop(loop);
		ASSERT_EQ(0, pthread_join(thread, &ret));
		ASSERT_EQ(NULL, ret);
	}
	EXPECT_EQ(0, (long)line)
		TH_LOG("at line %ld, kind %d, by task %d", (long)line, kind, by_task);
	ASSERT_EQ(0, ksync_loop_destroy(loop));
}

static int fds[2];

static void *writes(void *text)
{
	struct timespec then = models_in(2 * MSEC);

	CHECK(!ksync_task_sleep_until(&then));
	CHECK(ksync_loop_write(loop, fds[1], text, strlen(text), NULL) == (long)strlen(text));
	return NULL;
}

static void *reads(void *arg)
{
	struct ksync_task *t;
	void *line;
	char buf[16];
	int p[2];

	pair(fds);
	CHECK(!ksync_task_spawn(&t, writes, "hello", NULL));
	CHECK(ksync_loop_read(loop, fds[0], buf, sizeof(buf), NULL) == 5);
	CHECK(!memcmp(buf, "hello", 5));
	CHECK(!ksync_task_join(t, &line) && !line);
	CHECK(!ksync_loop_close(loop, fds[1]));
	CHECK(ksync_loop_read(loop, fds[0], buf, sizeof(buf), NULL) == 0);
	CHECK(ksync_loop_write(loop, fds[0], "x", 1, NULL) == -EPIPE);
	CHECK(!ksync_loop_close(loop, fds[0]));
	CHECK(ksync_loop_read(loop, fds[0], buf, 1, NULL) == -EBADF);
	CHECK(ksync_loop_wait(loop, fds[0], 2, NULL) == -EINVAL);
	/* A pipe is no socket. */
	CHECK(!pipe2(p, O_NONBLOCK));
	fds[0] = p[0];
	fds[1] = p[1];
	CHECK(!ksync_task_spawn(&t, writes, "pipe", NULL));
	CHECK(ksync_loop_read(loop, p[0], buf, sizeof(buf), NULL) == 4);
	CHECK(!ksync_task_join(t, &line) && !line);
	CHECK(!ksync_loop_close(loop, p[0]) && !ksync_loop_close(loop, p[1]));
	return arg;
}

TEST_F(models, read_and_write)
{
	EACH(reads);
}

static void *timeouts(void *arg)
{
	struct timespec then = models_in(3 * MSEC);
	char buf[4];

	pair(fds);
	CHECK(ksync_loop_read(loop, fds[0], buf, 4, &then) == -ETIMEDOUT);
	CHECK(ksync_loop_wait(loop, fds[0], KSYNC_READABLE, &then) == -ETIMEDOUT);
	then.tv_nsec = -1;
	CHECK(ksync_loop_read(loop, fds[0], buf, 4, &then) == -EINVAL);
	/* Nothing of it is left: what comes now is the next one's. */
	CHECK(write(fds[1], "abcd", 4) == 4);
	CHECK(ksync_loop_read(loop, fds[0], buf, 4, NULL) == 4);
	/* A writer that nobody reads. */
	then = models_in(3 * MSEC);
	while (send(fds[1], buf, 4, MSG_DONTWAIT) > 0)
		;
	CHECK(ksync_loop_write(loop, fds[1], buf, 4, &then) == -ETIMEDOUT);
	CHECK(!ksync_loop_close(loop, fds[0]) && !ksync_loop_close(loop, fds[1]));
	return arg;
}

TEST_F(models, deadlines)
{
	EACH(timeouts);
}

static void *read_result(void *arg)
{
	char buf[4];

	(void)arg;
	return (void *)ksync_loop_read(loop, fds[0], buf, 4, NULL);
}

static void *cancels(void *arg)
{
	struct timespec then = models_in(2 * MSEC);
	struct ksync_task *t;
	void *ret;

	pair(fds);
	CHECK(!ksync_task_spawn(&t, read_result, NULL, NULL));
	CHECK(!ksync_task_sleep_until(&then));
	ksync_task_cancel(t);
	CHECK(!ksync_task_join(t, &ret) && (long)ret == -ECANCELED);
	CHECK(!ksync_loop_close(loop, fds[0]) && !ksync_loop_close(loop, fds[1]));
	return arg;
}

/* Two tasks may not wait for one descriptor: each may find the other one there. */
static void *read_when_free(void *arg)
{
	struct timespec then;
	char buf[4];
	int ret;

	(void)arg;
	while ((ret = ksync_loop_read(loop, fds[0], buf, 4, NULL)) == -EBUSY) {
		then = models_in(MSEC);
		CHECK(!ksync_task_sleep_until(&then));
	}
	return (void *)(long)ret;
}

static void *closes(void *arg)
{
	struct timespec then;
	struct ksync_task *t;
	char buf[4];
	void *ret;

	pair(fds);
	CHECK(!ksync_task_spawn(&t, read_when_free, NULL, NULL));
	do { /* until it is the other one that waits */
		then = models_in(MSEC);
		ret = (void *)(long)ksync_loop_read(loop, fds[0], buf, 4, &then);
		CHECK((long)ret == -EBUSY || (long)ret == -ETIMEDOUT);
		then = models_in(3 * MSEC);
		CHECK(!ksync_task_sleep_until(&then));
	} while ((long)ret == -ETIMEDOUT);
	CHECK(!ksync_loop_close(loop, fds[0]));
	CHECK(!ksync_task_join(t, &ret) && (long)ret == -EBADF);
	CHECK(!ksync_loop_close(loop, fds[1]));
	return arg;
}

TEST_F(models, cancelled)
{
	EACH(cancels);
}

TEST_F(models, closed)
{
	EACH(closes);
}

/* An event's descriptor: ready until it is read, however often it is waited for. */
static void *waits(void *arg)
{
	uint64_t n = 1;
	int fd = eventfd(0, EFD_NONBLOCK);
	struct timespec then = models_in(2 * MSEC);

	CHECK(fd >= 0);
	CHECK(ksync_loop_wait(loop, fd, KSYNC_READABLE, &then) == -ETIMEDOUT);
	CHECK(ksync_loop_wait(loop, fd, KSYNC_WRITABLE, NULL) == 0);
	CHECK(write(fd, &n, sizeof(n)) == sizeof(n));
	CHECK(ksync_loop_wait(loop, fd, KSYNC_READABLE, NULL) == 0);
	CHECK(ksync_loop_wait(loop, fd, KSYNC_READABLE, NULL) == 0);
	CHECK(ksync_loop_read(loop, fd, &n, sizeof(n), NULL) == sizeof(n));
	then = models_in(2 * MSEC);
	CHECK(ksync_loop_wait(loop, fd, KSYNC_READABLE, &then) == -ETIMEDOUT);
	CHECK(!ksync_loop_close(loop, fd));
	return arg;
}

TEST_F(models, readiness)
{
	EACH(waits);
}

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

static void deadlock(struct ksync_loop *l, struct ksync_loop_job *job)
{
	char x;

	(void)job;
	__atomic_store_n(&sent, ksync_loop_read(l, fds[0], &x, 1, NULL), __ATOMIC_RELEASE);
}

static void *in_handler(void *arg)
{
	struct ksync_loop_job job = { .fn = deadlock };
	struct timespec then;

	pair(fds);
	sent = 0;
	ksync_loop_post(loop, &job);
	while (!__atomic_load_n(&sent, __ATOMIC_ACQUIRE)) {
		then = models_in(MSEC);
		CHECK(!ksync_task_sleep_until(&then));
	}
	CHECK(sent == -EDEADLK);
	CHECK(!ksync_loop_close(loop, fds[0]) && !ksync_loop_close(loop, fds[1]));
	return arg;
}

TEST_F(models, handlers_do_not_wait)
{
	EACH(in_handler);
}

/* Nobody but a thread outside wakes a task, while the loop sleeps for all. */
static void *wakes(void *arg)
{
	uint64_t n = 1;

	usleep(5000);
	if (write(*(int *)arg, &n, sizeof(n)) != sizeof(n))
		abort();
	return NULL;
}

static void *woken_from_outside(void *arg)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	pthread_t thread;
	uint64_t n;

	CHECK(!pthread_create(&thread, NULL, wakes, &fd));
	CHECK(ksync_loop_read(loop, fd, &n, sizeof(n), NULL) == sizeof(n));
	CHECK(!pthread_join(thread, NULL));
	CHECK(!ksync_loop_close(loop, fd));
	return arg;
}

TEST_F(models, woken_from_outside)
{
	EACH(woken_from_outside);
}

KSFT_MAIN
