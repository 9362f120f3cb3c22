// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Proactors: the ring, and turns.
 *
 * One io_uring_enter(2) a turn gives the kernel what was started, and waits.  The ring is
 * made disabled, and enabled by the thread that runs it first: that is the only one to
 * use it then, and the kernel completes operations when that thread waits, not in between
 * (IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_DEFER_TASKRUN, Linux 6.1), with fewer flags
 * on older kernels.
 *
 * A queue of completions that is full loses none: the kernel keeps the rest
 * (IORING_FEAT_NODROP, 5.5), and gives it when there is room and it is asked.
 *
 * liburing's functions return negative errnos, and leave errno as it is.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "proactor.h"

#define ENTRIES		256U
#define ENTRIES_MAX	32768U

static const struct loop_engine engine;

bool ksync_is_proactor(const struct ksync_loop *l)
{
	return l->engine == &engine;
}

static int enter(struct ksync_loop *l)
{
	struct proactor *p = proactor(l);
	pid_t tid = NEGATIVE(syscall(SYS_gettid));
	int ret;

	if (p->tid)
		return p->tid == tid ? 0 : -EPERM;
	ret = io_uring_enable_rings(&p->ring);
	if (ret < 0)
		return ret;
	p->tid = tid;
	return 0;
}

static bool overflown(const struct proactor *p)
{
	return IO_URING_READ_ONCE(*p->ring.sq.kflags) & IORING_SQ_CQ_OVERFLOW;
}

static int enter_kernel(struct proactor *p, uint64_t until)
{
	struct io_uring_cqe *cqe;
	struct __kernel_timespec ts;
	struct timespec left;

	if (!until || io_uring_cq_ready(&p->ring))
		return io_uring_submit_and_get_events(&p->ring);
	if (until == NEVER)
		return io_uring_submit_and_wait(&p->ring, 1);
	left = loop_left(until);
	ts = (struct __kernel_timespec){ left.tv_sec, left.tv_nsec };
	return io_uring_submit_and_wait_timeout(&p->ring, &cqe, 1, &ts, NULL);
}

static int wait(struct ksync_loop *l, uint64_t until)
{
	struct proactor *p = proactor(l);
	int ret;

	ksync_proactor_flush(p, true);
	/* What did not fit has to be asked for again, soon. */
	if (p->first || p->cancels)
		until = 0;
	ret = enter_kernel(p, until);
	if (io_uring_cq_ready(&p->ring) || overflown(p))
		return 1;
	/* The kernel takes no more for now: completions are to be seen first. */
	if (ret == -ETIME || ret == -EINTR || ret == -EBUSY || ret == -EAGAIN || ret >= 0)
		return 0;
	return ret;
}

static void reap(struct proactor *p, uint32_t n)
{
	struct io_uring_cqe *cqe;
	uint64_t data;
	uint32_t flags;
	int res;

	while (n-- && !io_uring_peek_cqe(&p->ring, &cqe) && cqe) {
		data = cqe->user_data;
		flags = cqe->flags;
		res = cqe->res;
		/* Before the handler, which may need the room. */
		io_uring_cq_advance(&p->ring, 1);
		if (data != IGNORED)
			ksync_op_complete(p, (struct ksync_op *)(uintptr_t)data, res, flags);
	}
}

static void dispatch(struct ksync_loop *l)
{
	struct proactor *p = proactor(l);

	reap(p, io_uring_cq_ready(&p->ring));
	if (overflown(p)) {
		io_uring_get_events(&p->ring);
		reap(p, io_uring_cq_ready(&p->ring));
	}
}

static struct listener *listener_of(struct ksync_op *op)
{
	return (struct listener *)((char *)op - offsetof(struct listener, op));
}

/* What is read of pokes: by the kernel, maybe after the loop is gone. */
static uint64_t sink;

static void listen_on(struct ksync_loop *l, struct listener *li)
{
	if (li == &l->wake)
		ksync_proactor_read(l, &li->op, li->watch.fd, &sink, sizeof(sink), 0);
	else
		ksync_proactor_poll(l, &li->op, li->watch.fd, KSYNC_READABLE);
}

static void heard(struct ksync_loop *l, struct ksync_op *op)
{
	struct listener *li = listener_of(op);

	if (op->res == -ECANCELED || li->watch.fd < 0)
		return;
	/* The eventfd is O_NONBLOCK: some kernels do not wait for it then. */
	if (li != &l->wake)
		li->fn(l);
	if (li->watch.fd >= 0)
		listen_on(l, li);
}

static int hear(struct ksync_loop *l, struct listener *li, int fd)
{
	li->watch.fd = fd;
	li->op.fn = heard;
	if (li->op.state_ & OP_ACTIVE)
		return -EBUSY;
	listen_on(l, li);
	return 0;
}

static void unhear(struct ksync_loop *l, struct listener *li)
{
	li->watch.fd = -1;
	ksync_proactor_cancel(l, &li->op);
}

/* Are only the loop's own operations left? They use none of its memory. */
static bool only_own(struct proactor *p)
{
	return p->active == (uint64_t)(p->loop.wake.op.state_ & OP_ACTIVE) +
			    (p->loop.signal.op.state_ & OP_ACTIVE);
}

/* Cancel all, and see their ends. Return: 0; -EBUSY: only that thread could. */
static int drain(struct ksync_loop *l)
{
	struct proactor *p = proactor(l);
	struct ksync_op *op;

	/* The ring was never enabled: the kernel knows of none. */
	if (!p->tid) {
		while ((op = p->all))
			ksync_op_complete(p, op, -ECANCELED, 0);
		return 0;
	}
	if (enter(l))
		return only_own(p) ? 0 : -EBUSY;
	unhear(l, &l->wake);
	while (p->active) {
		for (op = p->all; op; op = op->next_)
			ksync_proactor_cancel(l, op);
		if (wait(l, loop_clock() + 10000000) > 0)
			dispatch(l);
	}
	return 0;
}

static int destroy(struct ksync_loop *l)
{
	int ret = drain(l);

	if (!ret)
		io_uring_queue_exit(&proactor(l)->ring);
	return ret;
}

static const struct loop_engine engine = {
	.enter = enter,
	.wait = wait,
	.dispatch = dispatch,
	.listen = hear,
	.unlisten = unhear,
	.await = ksync_proactor_await,
	.forget = ksync_proactor_forget,
	.destroy = destroy,
	.one_thread = true,
};

static int init_ring(struct proactor *p, uint32_t entries)
{
	static const uint32_t flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	struct io_uring_params params;
	size_t i;
	int ret = -EINVAL;

	for (i = 0; ret == -EINVAL && i < ARRAY_SIZE(flags); i++) {
		memset(&params, 0, sizeof(params));
		params.flags = flags[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
		params.cq_entries = 4 * entries;
		ret = io_uring_queue_init_params(entries, &p->ring, &params);
	}
	p->entries = params.sq_entries;
	return ret;
}

EXPORT int ksync_proactor_create(struct ksync_loop **l, uint32_t entries, uint32_t flags)
{
	struct proactor *p;
	int ret;

	if (entries > ENTRIES_MAX / 4 || flags & ~KSYNC_LOOP_SELF_PIPE)
		return -EINVAL;
	p = calloc(1, (sizeof(*p) + 63) & ~63UL);
	if (!p)
		return -ENOMEM;
	p->last = &p->first;
	ret = init_ring(p, entries ? entries : ENTRIES);
	if (ret) {
		free(p);
		return ret;
	}
	ret = ksync_loop_init(&p->loop, &engine, flags);
	if (ret) {
		io_uring_queue_exit(&p->ring);
		free(p);
		return ret;
	}
	*l = &p->loop;
	return 0;
}

/* kernel.io_uring_disabled, from Linux 6.6 on; or 0. */
static char disabled(void)
{
	int fd = NEGATIVE(open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC));
	char value = '0';

	if (fd < 0)
		return '0';
	if (NEGATIVE(read(fd, &value, 1)) != 1)
		value = '0';
	NEGATIVE(close(fd));
	return value;
}

EXPORT const char *ksync_proactor_refusal(int error)
{
	switch (error) {
	case -ENOSYS:
		return "There is no io_uring (Linux 5.1) here: use a reactor.";
	case -EPERM:
		if (disabled() != '0')
			return "It is off: set kernel.io_uring_disabled=0, or use a reactor.";
		return "A filter (seccomp) forbids it: allow io_uring_setup, or use a reactor.";
	case -ENOMEM:
		return "No memory may be locked for a ring: raise ulimit -l, or use a reactor.";
	case -EMFILE:
	case -ENFILE:
		return "There are too many open files: raise ulimit -n.";
	case -EINVAL:
		return "The kernel is too old, or a ring too large: ask for fewer entries.";
	}
	return "io_uring failed: use a reactor.";
}
