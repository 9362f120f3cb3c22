// SPDX-License-Identifier: GPL-2.0
/*
 * Proactors: each operation, short and failed ones, chains, multishots and buffers with and
 * without the kernel's help, full queues, and that each operation ends once, whatever
 * cancels it.
 */
#include <fcntl.h>
#include <ksync.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <ksync/proactor_object.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/slow.h"
#undef ARRAY_SIZE
#include "../userspace/models/src/proactor.h"

FIXTURE(proactor)
{
	struct ksync_loop *l;
	int a[2];
};

FIXTURE_VARIANT(proactor)
{
	uint32_t entries;
	bool old;	/* as on a kernel without multishot and rings of buffers */
};

FIXTURE_VARIANT_ADD(proactor, usual)
{
};

/* Four fit into its ring, the library keeps the rest. */
FIXTURE_VARIANT_ADD(proactor, narrow)
{
	.entries = 4,
};

FIXTURE_VARIANT_ADD(proactor, old)
{
	.old = true,
};

FIXTURE_SETUP(proactor)
{
	int ret = ksync_proactor_create(&self->l, variant->entries, 0);

	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(_exit(255), "%s", ksync_proactor_refusal(ret));
	ASSERT_EQ(0, ret);
	proactor(self->l)->no_multi = variant->old;
	proactor(self->l)->no_rings = variant->old;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->a));
}

FIXTURE_TEARDOWN(proactor)
{
	if (self->l)
		EXPECT_EQ(0, ksync_loop_destroy(self->l));
}

struct seen {
	struct ksync_op op;
	int calls, ends, last;
	long sum;
	int fds[64];
	struct ksync_buffers *b;
};

static void on_end(struct ksync_loop *l, struct ksync_op *op)
{
	struct seen *s = (struct seen *)op;

	(void)l;
	if (op->res >= 0 && s->calls < 64)
		s->fds[s->calls] = op->res;
	s->calls++;
	s->ends += !op->more;
	s->last = op->res;
	if (op->res > 0)
		s->sum += op->res;
	if (op->buffer && s->b)
		ksync_buffers_return(s->b, op->buffer);
}

static struct seen seen(uint32_t flags)
{
	return (struct seen){ .op = { .fn = on_end, .flags = flags } };
}

static int turn(struct ksync_loop *l, uint64_t ns)
{
	const struct timespec soon = to_timespec(in(ns));

	return ksync_loop_turn(l, &soon);
}

/* Turns until it holds, or for 10 s. */
#define UNTIL(cond) do {							\
	uint64_t late_ = in(10 * SEC * slow_factor());				\
	bool holds_;								\
	while (holds_ = (cond), !holds_ && !passed(late_))			\
		ASSERT_EQ(0, turn(self->l, 10 * MSEC));				\
	ASSERT_TRUE(holds_);							\
} while (0)

/* Nothing is heard of it. */
#define QUIET(s) do {								\
	const struct seen *seen_ = &(s);					\
	int calls_ = seen_->calls;						\
	ASSERT_EQ(0, turn(self->l, 2 * MSEC));					\
	ASSERT_EQ(0, turn(self->l, 2 * MSEC));					\
	EXPECT_EQ(calls_, seen_->calls);					\
} while (0)

TEST_F(proactor, read_and_write)
{
	char path[] = "/tmp/ksync-proactor-XXXXXX", buf[16] = "";
	int fd = mkstemp(path);
	struct seen s = seen(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(path));
	ASSERT_EQ(0, ksync_proactor_write(self->l, &s.op, fd, "0123456789", 10, 5));
	EXPECT_EQ(-EBUSY, ksync_proactor_read(self->l, &s.op, fd, buf, 1, 0));
	UNTIL(s.ends == 1);
	EXPECT_EQ(10, s.last);
	ASSERT_EQ(0, ksync_proactor_read(self->l, &s.op, fd, buf, sizeof(buf), 8));
	UNTIL(s.ends == 2);
	EXPECT_EQ(7, s.last); /* a short one: the file ends */
	EXPECT_EQ(0, memcmp(buf, "3456789", 7));
	ASSERT_EQ(0, ksync_proactor_read(self->l, &s.op, fd, buf, 1, 15));
	UNTIL(s.ends == 3);
	EXPECT_EQ(0, s.last);
	ASSERT_EQ(0, ksync_proactor_close(self->l, &s.op, fd));
	UNTIL(s.ends == 4);
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
	ASSERT_EQ(0, ksync_proactor_read(self->l, &s.op, fd, buf, 1, 0));
	UNTIL(s.ends == 5);
	EXPECT_EQ(-EBADF, s.last);
	EXPECT_EQ(5, s.calls);
}

TEST_F(proactor, send_and_receive)
{
	struct seen s = seen(0), t = seen(0);
	char buf[8];

	ASSERT_EQ(0, ksync_proactor_recv(self->l, &t.op, self->a[0], buf, sizeof(buf), 0));
	QUIET(t);
	ASSERT_EQ(0, ksync_proactor_send(self->l, &s.op, self->a[1], "abc", 3, 0));
	UNTIL(s.ends == 1 && t.ends == 1);
	EXPECT_EQ(3, t.last);
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	ASSERT_EQ(0, ksync_proactor_poll(self->l, &t.op, self->a[0], KSYNC_READABLE));
	QUIET(t);
	close(self->a[1]);
	UNTIL(t.ends == 2);
	EXPECT_TRUE(t.last & POLLIN);
	/* EPIPE, not SIGPIPE. */
	ASSERT_EQ(0, ksync_proactor_send(self->l, &s.op, self->a[0], "abc", 3, 0));
	UNTIL(s.ends == 2);
	EXPECT_EQ(-EPIPE, s.last);
}

static int listener(struct sockaddr_in *where)
{
	socklen_t len = sizeof(*where);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*where = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 || bind(fd, (void *)where, len) || listen(fd, 64) ||
	    getsockname(fd, (void *)where, &len))
		abort();
	return fd;
}

TEST_F(proactor, accept_and_connect)
{
	struct seen one = seen(0), many = seen(KSYNC_OP_MULTI), c[8];
	struct sockaddr_in where;
	int fd = listener(&where), i;

	ASSERT_EQ(0, ksync_proactor_accept(self->l, &one.op, fd, SOCK_CLOEXEC));
	c[0] = seen(0);
	ASSERT_EQ(0, ksync_proactor_connect(self->l, &c[0].op, socket(AF_INET, SOCK_STREAM, 0),
					    (void *)&where, sizeof(where)));
	UNTIL(one.ends && c[0].ends);
	EXPECT_EQ(0, c[0].last);
	EXPECT_EQ(FD_CLOEXEC, fcntl(one.last, F_GETFD));
	ASSERT_EQ(0, ksync_proactor_accept(self->l, &many.op, fd, 0));
	for (i = 0; i < 8; i++) {
		c[i] = seen(0);
		ASSERT_EQ(0, ksync_proactor_connect(self->l, &c[i].op,
						    socket(AF_INET, SOCK_STREAM, 0),
						    (void *)&where, sizeof(where)));
	}
	UNTIL(many.calls == 8);
	EXPECT_EQ(0, many.ends);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0, fcntl(many.fds[i], F_GETFD));
		close(many.fds[i]);
	}
	ASSERT_EQ(0, ksync_proactor_cancel(self->l, &many.op));
	UNTIL(many.ends);
	EXPECT_EQ(-ECANCELED, many.last);
	EXPECT_EQ(9, many.calls);
	close(fd);
	ASSERT_EQ(0, ksync_proactor_connect(self->l, &one.op, socket(AF_INET, SOCK_STREAM, 0),
					    (void *)&where, sizeof(where)));
	UNTIL(one.ends == 2);
	EXPECT_EQ(-ECONNREFUSED, one.last);
	/* What is no socket to accept from is told at once, and once. */
	ASSERT_EQ(0, ksync_proactor_accept(self->l, &many.op, self->a[0], 0));
	UNTIL(many.ends == 2);
	EXPECT_EQ(-EINVAL, many.last);
}

TEST_F(proactor, timeouts)
{
	struct seen s = seen(0), far = seen(0);
	uint64_t then = in(5 * MSEC);
	struct timespec when = to_timespec(then), later = to_timespec(in(1000 * SEC));

	ASSERT_EQ(0, ksync_proactor_timeout(self->l, &s.op, &when));
	ASSERT_EQ(0, ksync_proactor_timeout(self->l, &far.op, &later));
	UNTIL(s.ends);
	EXPECT_LE(then, now(CLOCK_MONOTONIC));
	EXPECT_EQ(0, s.last);
	EXPECT_EQ(0, far.calls);
	ASSERT_EQ(0, ksync_proactor_cancel(self->l, &far.op));
	UNTIL(far.ends);
	EXPECT_EQ(-ECANCELED, far.last);
	EXPECT_EQ(-ENOENT, ksync_proactor_cancel(self->l, &far.op));
	when = (struct timespec){ .tv_sec = -5 };
	ASSERT_EQ(0, ksync_proactor_timeout(self->l, &s.op, &when));
	UNTIL(s.ends == 2);
	EXPECT_EQ(0, s.last);
	when.tv_nsec = -1;
	EXPECT_EQ(-EINVAL, ksync_proactor_timeout(self->l, &s.op, &when));
}

TEST_F(proactor, chains)
{
	struct seen first = seen(KSYNC_OP_LINK), second = seen(0), i = seen(KSYNC_OP_LINK);
	char x[1], buf[8];

	/* It is sent when something was received, and not before. */
	ASSERT_EQ(0, ksync_proactor_recv(self->l, &first.op, self->a[0], x, 1, 0));
	QUIET(first);
	ASSERT_EQ(0, write(self->a[1], "y", 1) - 1);
	UNTIL(first.ends);
	EXPECT_EQ('y', x[0]);
	ASSERT_EQ(0, ksync_proactor_recv(self->l, &first.op, self->a[0], x, 1, 0));
	ASSERT_EQ(0, ksync_proactor_send(self->l, &second.op, self->a[0], "z", 1, 0));
	QUIET(second);
	ASSERT_EQ(0, write(self->a[1], "y", 1) - 1);
	UNTIL(first.ends == 2 && second.ends == 1);
	EXPECT_EQ(1, read(self->a[1], buf, sizeof(buf)));
	EXPECT_EQ('z', buf[0]);
	/* One that fails: the next does not begin. */
	ASSERT_EQ(0, ksync_proactor_read(self->l, &first.op, -1, x, 1, 0));
	ASSERT_EQ(0, ksync_proactor_send(self->l, &second.op, self->a[0], "z", 1, 0));
	UNTIL(first.ends == 3 && second.ends == 2);
	EXPECT_EQ(-EBADF, first.last);
	EXPECT_EQ(-ECANCELED, second.last);
	/* Cancelled by its last: all of it. */
	ASSERT_EQ(0, ksync_proactor_recv(self->l, &first.op, self->a[0], x, 1, 0));
	ASSERT_EQ(0, ksync_proactor_recv(self->l, &i.op, self->a[0], x, 1, 0));
	EXPECT_EQ(variant->entries ? -E2BIG : 0,
		  ksync_proactor_send(self->l, &second.op, self->a[0], "z", 1, 0));
	QUIET(first);
	ASSERT_EQ(0, ksync_proactor_cancel(self->l, variant->entries ? &i.op : &second.op));
	UNTIL(first.ends == 4 && i.ends == 1);
	EXPECT_EQ(-ECANCELED, first.last);
	EXPECT_EQ(-ECANCELED, i.last);
	EXPECT_EQ(-1, recv(self->a[1], buf, 1, MSG_DONTWAIT));
}

TEST_F(proactor, buffers)
{
	struct seen s = seen(KSYNC_OP_MULTI), t = seen(0);
	struct ksync_buffers *b;
	void *kept;

	EXPECT_EQ(-EINVAL, ksync_buffers_create(self->l, &b, 3, 16));
	ASSERT_EQ(0, ksync_buffers_create(self->l, &b, 2, 16));
	s.b = b;
	ASSERT_EQ(0, ksync_proactor_recv_buffer(self->l, &s.op, self->a[0], b));
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(5, write(self->a[1], "hello", 5));
		UNTIL(s.sum == 5 * (i + 1));
	}
	EXPECT_EQ(0, s.ends);
	ASSERT_EQ(0, ksync_proactor_cancel(self->l, &s.op));
	UNTIL(s.ends == 1);
	/* Two are kept: there is no third. */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, ksync_proactor_recv_buffer(self->l, &t.op, self->a[0], b));
		ASSERT_EQ(2, write(self->a[1], "ab", 2));
		UNTIL(t.ends == i + 1);
		ASSERT_NE(NULL, t.op.buffer);
		EXPECT_EQ(0, memcmp(t.op.buffer, "ab", 2));
		kept = t.op.buffer;
	}
	ASSERT_EQ(2, write(self->a[1], "cd", 2));
	ASSERT_EQ(0, ksync_proactor_recv_buffer(self->l, &t.op, self->a[0], b));
	UNTIL(t.ends == 3);
	EXPECT_EQ(-ENOBUFS, t.last);
	EXPECT_EQ(NULL, t.op.buffer);
	ksync_buffers_return(b, kept);
	ASSERT_EQ(0, ksync_proactor_recv_buffer(self->l, &t.op, self->a[0], b));
	UNTIL(t.ends == 4);
	EXPECT_EQ(2, t.last);
	EXPECT_EQ(kept, t.op.buffer);
	EXPECT_EQ(0, memcmp(kept, "cd", 2));
	ksync_buffers_return(b, kept);
	/* The other end closes: that is the end. */
	s.ends = 0;
	ASSERT_EQ(0, ksync_proactor_recv_buffer(self->l, &s.op, self->a[0], b));
	close(self->a[1]);
	UNTIL(s.ends == 1);
	EXPECT_EQ(0, s.last);
	ksync_buffers_destroy(b);
}

#define MANY	2000

static bool all_ended(const struct seen *s, int times)
{
	int i;

	for (i = 0; i < MANY && s[i].ends == times; i++)
		;
	return i == MANY;
}

/* More than both queues hold, and none of their ends is lost. */
TEST_F(proactor, full_queues)
{
	static struct seen s[MANY];
	const struct timespec past = { .tv_sec = 1 };
	int i;

	for (i = 0; i < MANY; i++) {
		s[i] = seen(0);
		ASSERT_EQ(0, ksync_proactor_timeout(self->l, &s[i].op, &past));
	}
	UNTIL(all_ended(s, 1));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(1, s[i].calls);
	/* Polls that come ready all at once: the kernel has them, and more than room. */
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, ksync_proactor_poll(self->l, &s[i].op, self->a[0], KSYNC_READABLE));
	QUIET(s[0]);
	ASSERT_EQ(1, write(self->a[1], "x", 1));
	UNTIL(all_ended(s, 2));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(2, s[i].calls);
}

/* Data and cancellation come at the same time: one end, and what was read was written. */
static int ends[2];
static long rounds;
static uint32_t stop;

static void *writer(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		if (send(ends[1], "x", 1, MSG_DONTWAIT) == 1)
			__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
		if (rand() % 4 == 0)
			sched_yield();
	}
	return NULL;
}

TEST_F(proactor, cancel_races)
{
	int i, n = slow_factor() > 1 ? 500 : 8000, cancelled = 0;
	struct seen s = seen(0);
	pthread_t thread;
	char buf[64];
	ssize_t more;

	memcpy(ends, self->a, sizeof(ends));
	ASSERT_EQ(0, pthread_create(&thread, NULL, writer, NULL));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, ksync_proactor_recv(self->l, &s.op, ends[0], buf, 64, 0));
		if (i % 4)
			ASSERT_EQ(0, turn(self->l, i % 4 * 10000));
		ksync_proactor_cancel(self->l, &s.op);
		UNTIL(s.ends == i + 1);
		ASSERT_EQ(s.calls, s.ends);
		cancelled += s.last == -ECANCELED;
		ASSERT_TRUE(s.last > 0 || s.last == -ECANCELED) TH_LOG("%d", s.last);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	while ((more = recv(ends[0], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		s.sum += more;
	EXPECT_EQ(rounds, s.sum);
	QUIET(s);
	TH_LOG("%d of %d were cancelled", cancelled, n);
}

static void free_it(struct ksync_loop *l, struct ksync_op *op)
{
	(void)l;
	stop += op->res == -ECANCELED;
	free(op);
}

TEST_F(proactor, destroy_ends_what_is_left)
{
	struct ksync_op *op;
	static char buf[100];

	for (int i = 0; i < 100; i++) {
		op = calloc(1, sizeof(*op));
		op->fn = free_it;
		ASSERT_EQ(0, ksync_proactor_recv(self->l, op, self->a[0], buf + i, 1, 0));
		if (i == 50)
			ASSERT_EQ(0, turn(self->l, 0));
	}
	ASSERT_EQ(0, ksync_loop_destroy(self->l));
	self->l = NULL;
	EXPECT_EQ(100, stop);
}

static void *other_thread(void *l)
{
	return (void *)(long)turn(l, 0);
}

TEST_F(proactor, belongs_to_one_thread)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, turn(self->l, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, other_thread, self->l));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(-EPERM, (long)ret);
}

TEST_F(proactor, ksync_objects)
{
	struct seen s = seen(0), t = seen(0);
	struct ksync_sem sem;
	struct ksync *d;

	if (ksync_open(&d, 0))
		SKIP(return, "the module is not there");
	ASSERT_EQ(0, ksync_sem_init(&sem, d, 0, 0));
	if (ksync_fd(&sem) < 0)
		SKIP(return, "commands of io_uring need the module");
	ASSERT_EQ(0, ksync_proactor_acquire(self->l, &s.op, &sem));
	QUIET(s);
	ASSERT_EQ(0, ksync_proactor_acquire(self->l, &t.op, &sem));
	QUIET(t);
	ASSERT_EQ(0, ksync_sem_post(&sem));
	UNTIL(s.ends);
	EXPECT_EQ(0, s.last);
	EXPECT_EQ(0, t.calls);
	ASSERT_EQ(0, ksync_proactor_cancel(self->l, &t.op));
	UNTIL(t.ends);
	EXPECT_EQ(-ECANCELED, t.last);
	ASSERT_EQ(0, ksync_sem_post(&sem));
	EXPECT_EQ(0, ksync_sem_wait_try(&sem));
	ksync_close(d);
}

TEST(refusals_say_what_to_do)
{
	const int errors[] = { -ENOSYS, -EPERM, -ENOMEM, -EMFILE, -EINVAL };
	struct ksync_loop *l;
	const char *text;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		text = ksync_proactor_refusal(errors[i]);
		ASSERT_NE(NULL, text);
		EXPECT_NE(NULL, strstr(text, ": ")) TH_LOG("%s", text);
		EXPECT_EQ('.', text[strlen(text) - 1]);
	}
	EXPECT_EQ(-EINVAL, ksync_proactor_create(&l, 100000, 0));
	EXPECT_EQ(-EINVAL, ksync_proactor_create(&l, 0, 8));
}

KSFT_MAIN
