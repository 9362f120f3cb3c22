// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * From operations to the ring, and what is to be cancelled.
 *
 * An operation carries its SQE, so that a full ring is no error: it stays in a queue until
 * there is room.  A chain goes to the ring whole, for the kernel ends one where a
 * submission ends; so it is kept until its last operation is there, or the loop waits.
 *
 * Requests to cancel follow when all that was started is in the ring.  Until then they
 * are only marks, and one whose operation ends before is never made.
 */
#include <string.h>
#include "proactor.h"

static void submit(struct proactor *p)
{
	if (p->tid)
		io_uring_submit(&p->ring);
}

static void put(struct proactor *p, const struct ksync_op *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);

	memcpy(sqe, op->sqe_, sizeof(op->sqe_));
	sqe->user_data = (uintptr_t)op;
}

static bool room(struct proactor *p, uint32_t n)
{
	if (io_uring_sq_space_left(&p->ring) < n)
		submit(p);
	return io_uring_sq_space_left(&p->ring) >= n;
}

/* The length of the chain, or the one operation, that is first; 0: it goes on. */
static uint32_t length(const struct proactor *p, bool all)
{
	const struct ksync_op *op = p->first;
	uint32_t n = 1;

	for (; op->flags & KSYNC_OP_LINK; op = op->queued_, n++)
		if (!op->queued_)
			return all ? n : 0;
	return n;
}

static void ask_cancel(struct proactor *p, struct ksync_op *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring);
	const uint64_t arg[2] = { 0, (uintptr_t)op };

	if (op->cancel_) {
		memset(sqe, 0, sizeof(*sqe));
		sqe->opcode = IORING_OP_URING_CMD;
		sqe->fd = op_sqe(op)->fd;
		sqe->cmd_op = op->cancel_;
		memcpy((char *)sqe + offsetof(struct io_uring_sqe, cmd), arg, sizeof(arg));
	} else {
		io_uring_prep_cancel64(sqe, (uintptr_t)op, 0);
	}
	sqe->user_data = IGNORED;
}

static void list(struct proactor *p, struct ksync_op *op)
{
	op->state_ |= OP_LISTED;
	op->queued_ = p->cancels;
	p->cancels = op;
}

static void flush_cancels(struct proactor *p)
{
	struct ksync_op *op;

	while ((op = p->cancels) && room(p, 1)) {
		p->cancels = op->queued_;
		op->state_ &= ~OP_LISTED;
		ask_cancel(p, op);
	}
}

/** ksync_proactor_flush() - into the ring with them; @all: a chain that goes on, too */
void ksync_proactor_flush(struct proactor *p, bool all)
{
	struct ksync_op *op;
	uint32_t n;

	while (p->first) {
		n = length(p, all);
		if (!n || !room(p, n))
			return;
		while (n--) {
			op = p->first;
			p->first = op->queued_;
			if (!p->first)
				p->last = &p->first;
			op->state_ &= ~OP_QUEUED;
			if (!n)
				op_sqe(op)->flags &= ~IOSQE_IO_LINK;
			put(p, op);
			if (op->state_ & OP_CANCEL)
				list(p, op);
		}
	}
	if (all)
		p->chain = NULL;
	flush_cancels(p);
}

/** ksync_op_push() - start it */
void ksync_op_push(struct proactor *p, struct ksync_op *op)
{
	op->next_ = p->all;
	op->prev_ = NULL;
	if (p->all)
		p->all->prev_ = op;
	p->all = op;
	p->active++;
	op->ahead_ = p->chain;
	op->behind_ = NULL;
	if (p->chain)
		p->chain->behind_ = op;
	p->length = p->chain ? p->length + 1 : 1;
	p->chain = op->flags & KSYNC_OP_LINK ? op : NULL;
	if (op->flags & KSYNC_OP_LINK)
		op_sqe(op)->flags |= IOSQE_IO_LINK;
	if (!p->first && !op->ahead_ && !p->chain && io_uring_sq_space_left(&p->ring)) {
		op->state_ = OP_ACTIVE;
		put(p, op);
		return;
	}
	op->state_ = OP_ACTIVE | OP_QUEUED;
	op->queued_ = NULL;
	*p->last = op;
	p->last = &op->queued_;
	ksync_proactor_flush(p, false);
}

static void unlist(struct proactor *p, struct ksync_op *op)
{
	struct ksync_op **at = &p->cancels;

	while (*at != op)
		at = &(*at)->queued_;
	*at = op->queued_;
}

/** ksync_op_ended() - the kernel has done with it */
void ksync_op_ended(struct proactor *p, struct ksync_op *op)
{
	if (op->prev_)
		op->prev_->next_ = op->next_;
	else
		p->all = op->next_;
	if (op->next_)
		op->next_->prev_ = op->prev_;
	p->active--;
	if (op->ahead_)
		op->ahead_->behind_ = op->behind_;
	if (op->behind_)
		op->behind_->ahead_ = op->ahead_;
	if (op->state_ & OP_LISTED)
		unlist(p, op);
	if (p->chain == op)
		p->chain = NULL;
	op->state_ = 0;
}

/*
 * The kernel knows only the first of a chain that has not ended: that is whom it is asked
 * for, and the others end with it.
 */
EXPORT int ksync_proactor_cancel(struct ksync_loop *l, struct ksync_op *op)
{
	struct proactor *p = proactor(l);

	if (!ksync_is_proactor(l) || !(op->state_ & OP_ACTIVE))
		return -ENOENT;
	while (op->ahead_)
		op = op->ahead_;
	if (op->state_ & OP_CANCEL)
		return 0;
	op->state_ |= OP_CANCEL;
	if (op->state_ & OP_QUEUED) {
		/* It goes to the ring first, and is listed then. */
		ksync_proactor_flush(p, true);
		return 0;
	}
	list(p, op);
	return 0;
}
