// SPDX-License-Identifier: GPL-2.0
/*
 * Reactors by each backend: what is told, and what must not be any more; and objects of
 * ksync by their descriptors.
 */
#include <fcntl.h>
#include <ksync.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
#include <ksync/reactor.h>

#include "lib/ksft.h"

FIXTURE(reactor)
{
	struct ksync_loop *l;
	int a[2], b[2];
};

FIXTURE_VARIANT(reactor)
{
	enum ksync_backend backend;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(reactor, epoll)
{
	.backend = KSYNC_BACKEND_EPOLL,
};

FIXTURE_VARIANT_ADD(reactor, poll)
{
	.backend = KSYNC_BACKEND_POLL,
	.flags = KSYNC_LOOP_SELF_PIPE,
};

FIXTURE_VARIANT_ADD(reactor, select)
{
	.backend = KSYNC_BACKEND_SELECT,
};

static void pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		abort();
}

FIXTURE_SETUP(reactor)
{
	ASSERT_EQ(0, ksync_reactor_create(&self->l, variant->backend, variant->flags));
	pair(self->a);
	pair(self->b);
}

FIXTURE_TEARDOWN(reactor)
{
	EXPECT_EQ(0, ksync_loop_destroy(self->l));
}

#define EDGES	(variant->backend == KSYNC_BACKEND_EPOLL)

/* One look, without waiting. */
static int look(struct ksync_loop *l)
{
	const struct timespec past = { 0 };

	return ksync_loop_turn(l, &past);
}

#define LOOK()	ASSERT_EQ(0, look(self->l))

struct seen {
	struct ksync_watch w;
	int readable, writable, error;
	void (*then)(struct ksync_loop *l, struct seen *me);
	struct seen *other;
	int spare;
};

static void on_readable(struct ksync_loop *l, struct ksync_watch *w)
{
	struct seen *me = (struct seen *)w;

	me->readable++;
	if (me->then)
		me->then(l, me);
}

static void on_writable(struct ksync_loop *l, struct ksync_watch *w)
{
	struct seen *me = (struct seen *)w;

	me->writable++;
	if (me->then)
		me->then(l, me);
}

static void on_error(struct ksync_loop *l, struct ksync_watch *w)
{
	(void)l;
	((struct seen *)w)->error++;
}

static struct seen watch(int fd, uint32_t flags)
{
	return (struct seen){
		.w = {
			.fd = fd,
			.flags = flags,
			.readable = on_readable,
			.writable = on_writable,
		},
	};
}

static void fill(int fd)
{
	while (write(fd, "x", 1) == 1)
		;
}

static void empty(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

#define PUT(fd)		ASSERT_EQ(1, write(fd, "x", 1))

TEST_F(reactor, level)
{
	struct seen s = watch(self->a[0], 0);

	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	LOOK();
	EXPECT_EQ(0, s.readable);
	PUT(self->a[1]);
	LOOK();
	LOOK();
	EXPECT_EQ(2, s.readable); /* it still is */
	EXPECT_EQ(0, s.writable);
	ASSERT_EQ(0, ksync_reactor_modify(self->l, &s.w, KSYNC_READABLE | KSYNC_WRITABLE));
	LOOK();
	EXPECT_EQ(3, s.readable);
	EXPECT_EQ(1, s.writable);
	ASSERT_EQ(0, ksync_reactor_modify(self->l, &s.w, 0));
	LOOK();
	EXPECT_EQ(3, s.readable);
	ASSERT_EQ(0, ksync_reactor_modify(self->l, &s.w, KSYNC_WRITABLE));
	fill(self->a[0]);
	LOOK();
	EXPECT_EQ(1, s.writable);
	empty(self->a[1]);
	LOOK();
	EXPECT_EQ(2, s.writable);
	ASSERT_EQ(0, ksync_reactor_remove(self->l, &s.w));
	LOOK();
	EXPECT_EQ(2, s.writable);
	EXPECT_EQ(-ENOENT, ksync_reactor_remove(self->l, &s.w));
	EXPECT_EQ(-ENOENT, ksync_reactor_modify(self->l, &s.w, 0));
}

TEST_F(reactor, edge)
{
	struct seen s = watch(self->a[0], KSYNC_WATCH_EDGE);
	int ret = ksync_reactor_add(self->l, &s.w, KSYNC_READABLE);

	ASSERT_EQ(EDGES ? 0 : -EOPNOTSUPP, ret);
	if (ret)
		return;
	PUT(self->a[1]);
	LOOK();
	LOOK();
	EXPECT_EQ(1, s.readable);
	PUT(self->a[1]);
	LOOK();
	EXPECT_EQ(2, s.readable);
}

TEST_F(reactor, oneshot)
{
	struct seen s = watch(self->a[0], KSYNC_WATCH_ONESHOT);

	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	PUT(self->a[1]);
	LOOK();
	LOOK();
	PUT(self->a[1]);
	LOOK();
	EXPECT_EQ(1, s.readable);
	ASSERT_EQ(0, ksync_reactor_modify(self->l, &s.w, KSYNC_READABLE));
	LOOK();
	LOOK();
	EXPECT_EQ(2, s.readable);
	/* One that has been told is removed as any other: its number is free. */
	ASSERT_EQ(0, ksync_reactor_remove(self->l, &s.w));
	s.w.flags = 0;
	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	LOOK();
	LOOK();
	EXPECT_EQ(4, s.readable);
}

TEST_F(reactor, ends_and_errors_are_told)
{
	struct seen s = watch(self->a[0], 0);
	int fds[2];

	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	close(self->a[1]);
	LOOK();
	EXPECT_EQ(1, s.readable);
	ASSERT_EQ(0, ksync_reactor_remove(self->l, &s.w));
	/* A pipe that nobody reads is an error, and select(2) calls it writable. */
	ASSERT_EQ(0, pipe(fds));
	close(fds[0]);
	s = watch(fds[1], 0);
	s.w.error = on_error;
	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_WRITABLE));
	LOOK();
	EXPECT_EQ(1, s.error + s.writable);
	EXPECT_EQ(variant->backend != KSYNC_BACKEND_SELECT, s.error);
	ASSERT_EQ(0, ksync_reactor_remove(self->l, &s.w));
	s.w.error = NULL;
	s.writable = 0;
	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_WRITABLE));
	LOOK();
	EXPECT_EQ(1, s.writable);
}

TEST_F(reactor, what_cannot_be_watched_is_said)
{
	struct seen s = watch(self->a[0], 0), t = watch(self->a[0], 0), bad = watch(999, 0);

	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	EXPECT_EQ(-EEXIST, ksync_reactor_add(self->l, &t.w, KSYNC_READABLE));
	EXPECT_EQ(-EBADF, ksync_reactor_add(self->l, &bad.w, KSYNC_READABLE));
	bad.w.fd = -1;
	EXPECT_EQ(-EBADF, ksync_reactor_add(self->l, &bad.w, KSYNC_READABLE));
	t = watch(self->b[0], 0);
	EXPECT_EQ(-EINVAL, ksync_reactor_add(self->l, &t.w, 2));
	t.w.writable = NULL;
	EXPECT_EQ(-EINVAL, ksync_reactor_add(self->l, &t.w, KSYNC_WRITABLE));
	t.w.flags = 4;
	EXPECT_EQ(-EINVAL, ksync_reactor_add(self->l, &t.w, KSYNC_READABLE));
	/* The first is there still. */
	PUT(self->a[1]);
	LOOK();
	EXPECT_EQ(1, s.readable);
}

TEST_F(reactor, beyond_fd_setsize)
{
	struct rlimit limit = { FD_SETSIZE + 10, FD_SETSIZE + 10 };
	struct seen s;
	int ret;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		SKIP(return, "RLIMIT_NOFILE cannot be raised");
	s = watch(fcntl(self->a[0], F_DUPFD, FD_SETSIZE), 0);
	ASSERT_LE(FD_SETSIZE, s.w.fd);
	ret = ksync_reactor_add(self->l, &s.w, KSYNC_READABLE);
	EXPECT_EQ(variant->backend == KSYNC_BACKEND_SELECT ? -ERANGE : 0, ret);
	PUT(self->a[1]);
	LOOK();
	EXPECT_EQ(!ret, s.readable);
}

/* Whichever is called first removes the other, which has come in the same batch. */
static void remove_other(struct ksync_loop *l, struct seen *me)
{
	ksync_reactor_remove(l, &me->other->w);
	close(me->other->w.fd);
}

TEST_F(reactor, removed_in_a_handler)
{
	struct seen s = watch(self->a[0], 0), t = watch(self->b[0], 0);

	s.then = remove_other;
	t.then = remove_other;
	s.other = &t;
	t.other = &s;
	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	ASSERT_EQ(0, ksync_reactor_add(self->l, &t.w, KSYNC_READABLE));
	PUT(self->a[1]);
	PUT(self->b[1]);
	LOOK();
	EXPECT_EQ(1, s.readable + t.readable);
	LOOK();
	EXPECT_EQ(2, s.readable + t.readable);
	EXPECT_EQ(0, s.readable * t.readable);
}

/* It removes, closes, and another file gets the number, of which nothing has come. */
static void reuse_other(struct ksync_loop *l, struct seen *me)
{
	struct seen *other = me->other;
	int fd = other->w.fd;

	if (me->readable > 1)
		return;
	ksync_reactor_remove(l, &other->w);
	close(fd);
	if (dup2(me->spare, fd) != fd || ksync_reactor_add(l, &other->w, KSYNC_READABLE))
		abort();
}

TEST_F(reactor, a_number_reused_in_a_batch)
{
	struct seen s = watch(self->a[0], 0), t = watch(self->b[0], 0);
	int silent[2];

	pair(silent);
	s.then = reuse_other;
	t.then = reuse_other;
	s.other = &t;
	t.other = &s;
	s.spare = silent[0];
	t.spare = silent[0];
	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	ASSERT_EQ(0, ksync_reactor_add(self->l, &t.w, KSYNC_READABLE));
	PUT(self->a[1]);
	PUT(self->b[1]);
	LOOK();
	EXPECT_EQ(1, s.readable + t.readable);
	PUT(silent[1]);
	LOOK();
	EXPECT_EQ(3, s.readable + t.readable); /* the new file's, and the first's */
}

/* Of one event: readable removes, or wants no writable any more. */
static void remove_self(struct ksync_loop *l, struct seen *me)
{
	ksync_reactor_remove(l, &me->w);
	/* As if its memory were somebody else's. */
	me->w.writable = NULL;
}

static void mute_writable(struct ksync_loop *l, struct seen *me)
{
	ksync_reactor_modify(l, &me->w, KSYNC_READABLE);
}

TEST_F(reactor, the_second_handler_of_an_event)
{
	struct seen s = watch(self->a[0], 0), t = watch(self->b[0], 0);

	s.then = remove_self;
	t.then = mute_writable;
	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE | KSYNC_WRITABLE));
	ASSERT_EQ(0, ksync_reactor_add(self->l, &t.w, KSYNC_READABLE | KSYNC_WRITABLE));
	PUT(self->a[1]);
	PUT(self->b[1]);
	LOOK();
	EXPECT_EQ(1, s.readable);
	EXPECT_EQ(0, s.writable);
	EXPECT_EQ(1, t.readable);
	EXPECT_EQ(0, t.writable);
}

static void turn_within(struct ksync_loop *l, struct seen *me)
{
	me->spare = look(l);
}

TEST_F(reactor, does_not_run_twice)
{
	struct seen s = watch(self->a[0], 0);

	s.then = turn_within;
	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	PUT(self->a[1]);
	LOOK();
	EXPECT_EQ(-EBUSY, s.spare);
}

TEST_F(reactor, ksync_objects)
{
	struct ksync_sem sem;
	struct ksync *d;
	struct seen s;
	int fd;

	if (ksync_open(&d, 0))
		SKIP(return, "the module is not there");
	ASSERT_EQ(0, ksync_sem_init(&sem, d, 0, 0));
	fd = ksync_fd(&sem);
	if (fd == -ENOTTY || fd == -EOPNOTSUPP)
		SKIP(return, "descriptors of objects need the module");
	ASSERT_LE(0, fd);
	s = watch(fd, 0);
	ASSERT_EQ(0, ksync_reactor_add(self->l, &s.w, KSYNC_READABLE));
	LOOK();
	EXPECT_EQ(0, s.readable);
	ASSERT_EQ(0, ksync_sem_post(&sem));
	LOOK();
	EXPECT_EQ(1, s.readable);
	ASSERT_EQ(0, ksync_sem_wait_try(&sem));
	LOOK();
	EXPECT_EQ(1, s.readable);
	ASSERT_EQ(0, ksync_reactor_remove(self->l, &s.w));
	close(fd);
	ksync_close(d);
}

KSFT_MAIN
