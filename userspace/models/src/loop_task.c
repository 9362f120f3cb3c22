// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Input and output of tasks.  First it is tried without waiting, which succeeds mostly
 * when there is much to do; only then the loop is asked.
 *
 * Sockets are told not to wait call by call; of other files RWF_NOWAIT does that, where
 * the kernel has it for them; else, and to accept and connect, O_NONBLOCK has to be set.
 */
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>
#include "loop.h"

static ssize_t try_read(int fd, void *buf, size_t n)
{
	struct iovec v = { .iov_base = buf, .iov_len = n };
	ssize_t ret = NEGATIVE(recv(fd, buf, n, MSG_DONTWAIT));

	if (ret == -ENOTSOCK)
		ret = NEGATIVE(preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	if (ret == -EOPNOTSUPP || ret == -ENOSYS)
		ret = NEGATIVE(read(fd, buf, n));
	return ret;
}

static ssize_t try_write(int fd, const void *buf, size_t n)
{
	struct iovec v = { .iov_base = (void *)buf, .iov_len = n };
	ssize_t ret = NEGATIVE(send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL));

	if (ret == -ENOTSOCK)
		ret = NEGATIVE(pwritev2(fd, &v, 1, -1, RWF_NOWAIT));
	if (ret == -EOPNOTSUPP || ret == -ENOSYS)
		ret = NEGATIVE(write(fd, buf, n));
	return ret;
}

static ssize_t try_ready(int fd, uint32_t events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int ret = NEGATIVE(poll(&p, 1, 0));

	if (ret > 0 && p.revents & POLLNVAL)
		return -EBADF;
	return ret > 0 ? 0 : ret ? ret : -EAGAIN;
}

/* The end of a connection's beginning. */
static ssize_t try_connected(int fd)
{
	ssize_t ret = try_ready(fd, KSYNC_WRITABLE);
	int error = 0;
	socklen_t len = sizeof(error);

	if (ret)
		return ret;
	ret = NEGATIVE(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len));
	return ret ? ret : -error;
}

static ssize_t try_now(const struct await *a)
{
	switch (a->kind) {
	case AWAIT_READ:
		return try_read(a->fd, a->buf, a->n);
	case AWAIT_WRITE:
		return try_write(a->fd, a->buf, a->n);
	case AWAIT_ACCEPT:
		return NEGATIVE(accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	case AWAIT_CONNECT:
		return try_connected(a->fd);
	case AWAIT_READY:
		break;
	}
	return try_ready(a->fd, a->events);
}

static bool runs_the_loop(struct ksync_loop *l)
{
	struct ksync_task *runner = load(&l->runner);

	return runner && runner == ksync_self_waiter();
}

static ssize_t await(struct ksync_loop *l, const struct await *a)
{
	struct ksync_task *self;
	ssize_t ret;

	ksync_task_checkpoint();
	for (;;) {
		ret = try_now(a);
		if (ret == -EINTR)
			continue;
		if (ret != -EAGAIN)
			return ret;
		if (runs_the_loop(l))
			return -EDEADLK;
		self = ksync_task_self();
		/* Who wakes it is not one of the scheduler's. */
		if (self)
			ksync_sched_hold(self->sched);
		ret = l->engine->await(l, a);
		if (self)
			ksync_sched_release(self->sched);
		if (ret != -EAGAIN)
			return ret;
	}
}

EXPORT ssize_t ksync_loop_read(struct ksync_loop *l, int fd, void *buf, size_t n,
			       const struct timespec *abs)
{
	struct await a = { AWAIT_READ, fd, KSYNC_READABLE, buf, n, 0 };
	int ret = ksync_deadline_ns(abs, &a.deadline);

	return ret ? ret : await(l, &a);
}

EXPORT ssize_t ksync_loop_write(struct ksync_loop *l, int fd, const void *buf, size_t n,
				const struct timespec *abs)
{
	struct await a = { AWAIT_WRITE, fd, KSYNC_WRITABLE, (void *)buf, n, 0 };
	ssize_t ret = ksync_deadline_ns(abs, &a.deadline);
	size_t done = 0;

	if (ret)
		return ret;
	do {
		a.buf = (char *)buf + done;
		a.n = n - done;
		ret = await(l, &a);
		if (ret < 0)
			return done ? (ssize_t)done : ret;
		done += ret;
	} while (done < n);
	return done;
}

EXPORT int ksync_loop_accept(struct ksync_loop *l, int fd, const struct timespec *abs)
{
	struct await a = { AWAIT_ACCEPT, fd, KSYNC_READABLE, NULL, 0, 0 };
	int ret = ksync_deadline_ns(abs, &a.deadline);

	return ret ? ret : await(l, &a);
}

EXPORT int ksync_loop_connect(struct ksync_loop *l, int fd, const struct sockaddr *addr,
			      socklen_t len, const struct timespec *abs)
{
	struct await a = { AWAIT_CONNECT, fd, KSYNC_WRITABLE, NULL, 0, 0 };
	int ret = ksync_deadline_ns(abs, &a.deadline);

	if (ret)
		return ret;
	ret = NEGATIVE(connect(fd, addr, len));
	return ret == -EINPROGRESS || ret == -EINTR ? await(l, &a) : ret;
}

EXPORT int ksync_loop_wait(struct ksync_loop *l, int fd, uint32_t events,
			   const struct timespec *abs)
{
	struct await a = { AWAIT_READY, fd, events, NULL, 0, 0 };
	int ret = ksync_deadline_ns(abs, &a.deadline);

	if (events != KSYNC_READABLE && events != KSYNC_WRITABLE)
		return -EINVAL;
	return ret ? ret : await(l, &a);
}

EXPORT int ksync_loop_close(struct ksync_loop *l, int fd)
{
	l->engine->forget(l, fd);
	return NEGATIVE(close(fd));
}
