// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The operations, and what becomes of their completions.
 *
 * What the kernel ends of a KSYNC_OP_MULTI for a reason of its own (it has no multishot,
 * or its queue of completions was full) is started again: its handler sees an end only
 * if it failed, was cancelled, or nothing more can come.
 */
#include <poll.h>
#include <string.h>
#include "proactor.h"

static int begin(struct ksync_loop *l, struct ksync_op *op, uint32_t may)
{
	struct proactor *p = proactor(l);

	if (!ksync_is_proactor(l) || op->flags & ~may)
		return -EINVAL;
	if (op->state_ & OP_ACTIVE)
		return -EBUSY;
	if (p->chain && p->length >= p->entries / 2)
		return -E2BIG;
	memset(op->sqe_, 0, sizeof(op->sqe_));
	op->res = 0;
	op->more = false;
	op->buffer = NULL;
	op->buffers_ = NULL;
	op->cancel_ = 0;
	return 0;
}

EXPORT int ksync_proactor_read(struct ksync_loop *l, struct ksync_op *op, int fd, void *buf,
			       size_t n, int64_t offset)
{
	int ret = begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	io_uring_prep_read(op_sqe(op), fd, buf, n > INT32_MAX ? INT32_MAX : n, offset);
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_write(struct ksync_loop *l, struct ksync_op *op, int fd,
				const void *buf, size_t n, int64_t offset)
{
	int ret = begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	io_uring_prep_write(op_sqe(op), fd, buf, n > INT32_MAX ? INT32_MAX : n, offset);
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_recv(struct ksync_loop *l, struct ksync_op *op, int fd, void *buf,
			       size_t n, int flags)
{
	int ret = begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	io_uring_prep_recv(op_sqe(op), fd, buf, n > INT32_MAX ? INT32_MAX : n, flags);
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_send(struct ksync_loop *l, struct ksync_op *op, int fd,
			       const void *buf, size_t n, int flags)
{
	int ret = begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	io_uring_prep_send(op_sqe(op), fd, buf, n > INT32_MAX ? INT32_MAX : n,
			   flags | MSG_NOSIGNAL);
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_accept(struct ksync_loop *l, struct ksync_op *op, int fd, int flags)
{
	int ret = begin(l, op, KSYNC_OP_LINK | KSYNC_OP_MULTI);

	if (ret)
		return ret;
	io_uring_prep_accept(op_sqe(op), fd, NULL, NULL, flags);
	if (op->flags & KSYNC_OP_MULTI && !proactor(l)->no_multi)
		op_sqe(op)->ioprio |= IORING_ACCEPT_MULTISHOT;
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_connect(struct ksync_loop *l, struct ksync_op *op, int fd,
				  const struct sockaddr *addr, socklen_t len)
{
	int ret = begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	io_uring_prep_connect(op_sqe(op), fd, addr, len);
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_close(struct ksync_loop *l, struct ksync_op *op, int fd)
{
	int ret = begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	io_uring_prep_close(op_sqe(op), fd);
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_poll(struct ksync_loop *l, struct ksync_op *op, int fd,
			       uint32_t events)
{
	int ret = events & ~(KSYNC_READABLE | KSYNC_WRITABLE) ? -EINVAL :
		  begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	io_uring_prep_poll_add(op_sqe(op), fd, events);
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_timeout(struct ksync_loop *l, struct ksync_op *op,
				  const struct timespec *abs)
{
	int ret = !abs || abs->tv_nsec < 0 || abs->tv_nsec >= 1000000000 ? -EINVAL :
		  begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	/* Negative times are refused by the kernel; they have passed. */
	op->time_[0] = abs->tv_sec < 0 ? 0 : abs->tv_sec;
	op->time_[1] = abs->tv_nsec;
	io_uring_prep_timeout(op_sqe(op), (struct __kernel_timespec *)op->time_, 0,
			      IORING_TIMEOUT_ABS);
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_command(struct ksync_loop *l, struct ksync_op *op, int fd,
				  uint32_t command, const void *arg, uint32_t cancel)
{
	struct io_uring_sqe *sqe = op_sqe(op);
	int ret = begin(l, op, KSYNC_OP_LINK);

	if (ret)
		return ret;
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = command;
	memcpy((char *)sqe + offsetof(struct io_uring_sqe, cmd), arg, 16);
	op->cancel_ = cancel;
	ksync_op_push(proactor(l), op);
	return 0;
}

EXPORT int ksync_proactor_recv_buffer(struct ksync_loop *l, struct ksync_op *op, int fd,
				      struct ksync_buffers *b)
{
	struct proactor *p = proactor(l);
	int ret = b->p != p ? -EINVAL : begin(l, op, KSYNC_OP_LINK | KSYNC_OP_MULTI);

	if (ret)
		return ret;
	io_uring_prep_recv(op_sqe(op), fd, NULL, 0, 0);
	op->buffers_ = b;
	/* There is none: the kernel would say so, too, when something comes. */
	if (ksync_buffer_choose(b, op))
		io_uring_prep_nop(op_sqe(op));
	else if (b->ring && op->flags & KSYNC_OP_MULTI && !p->no_multi)
		op_sqe(op)->ioprio |= IORING_RECV_MULTISHOT;
	ksync_op_push(p, op);
	return 0;
}

static bool is_multishot(struct ksync_op *op)
{
	return op_sqe(op)->ioprio & (op->buffers_ ? IORING_RECV_MULTISHOT :
				     IORING_ACCEPT_MULTISHOT);
}

/* An end that is not the operation's: start it again. */
static bool goes_on(struct proactor *p, struct ksync_op *op, int res)
{
	if (!(op->flags & KSYNC_OP_MULTI) || op->state_ & OP_CANCEL)
		return false;
	if (res == -EINVAL && is_multishot(op)) {
		p->no_multi = true;
		op_sqe(op)->ioprio = 0;
		return true;
	}
	return op->buffers_ ? res > 0 : res >= 0;
}

static void again(struct proactor *p, struct ksync_op *op)
{
	ksync_op_ended(p, op);
	if (op->buffers_ && ksync_buffer_choose(op->buffers_, op))
		io_uring_prep_nop(op_sqe(op));
	ksync_op_push(p, op);
}

/** ksync_op_complete() - the kernel has said something of it */
void ksync_op_complete(struct proactor *p, struct ksync_op *op, int res, uint32_t flags)
{
	bool more = flags & IORING_CQE_F_MORE, lacking;

	op->buffer = NULL;
	op->res = res;
	if (op->buffers_)
		ksync_buffer_taken(op->buffers_, op, flags);
	if (op_sqe(op)->opcode == IORING_OP_TIMEOUT && res == -ETIME)
		op->res = 0;
	if (!more && goes_on(p, op, op->res)) {
		lacking = op->res == -EINVAL;
		again(p, op);
		if (lacking)
			return;
		more = true;
	} else if (!more) {
		ksync_op_ended(p, op);
	}
	op->more = more;
	op->fn(&p->loop, op);
}
