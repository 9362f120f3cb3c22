// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that read, write, accept and connect by a loop: on each scheduler, by each kind
 * of loop, which a plain thread runs or a task.
 */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/loops.h"

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

/* What a handler was told. */
static long said;

static void deadlock(struct ksync_loop *l, struct ksync_loop_job *job)
{
	char x;

	(void)job;
	__atomic_store_n(&said, ksync_loop_read(l, fds[0], &x, 1, NULL), __ATOMIC_RELEASE);
}

static void *in_handler(void *arg)
{
	struct ksync_loop_job job = { .fn = deadlock };
	struct timespec then;

	pair(fds);
	said = 0;
	ksync_loop_post(loop, &job);
	while (!__atomic_load_n(&said, __ATOMIC_ACQUIRE)) {
		then = models_in(MSEC);
		CHECK(!ksync_task_sleep_until(&then));
	}
	CHECK(said == -EDEADLK);
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
