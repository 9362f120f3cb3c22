/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the files of proactors share. */
#ifndef KSYNC_MODELS_PROACTOR_H
#define KSYNC_MODELS_PROACTOR_H

#include <liburing.h>
#include "loop.h"

/* Op.state_ */
#define OP_ACTIVE	1U	/* has not ended */
#define OP_CANCEL	2U	/* is to be cancelled */
#define OP_LISTED	4U	/* in the list of those for which the kernel is to be asked */
#define OP_QUEUED	8U	/* has not been given to the kernel */

/* User_data of requests to cancel: nobody waits for what they say. */
#define IGNORED		1ULL

/**
 * struct proactor - a proactor
 * @tid: the thread that runs it; 0: none has, and the ring is disabled
 * @entries: of the ring
 * @first: started, not given to the kernel, in order, by queued_; @last: where to append
 * @cancels: the kernel is to be asked to cancel these, by queued_
 * @all: that have not ended, by next_ and prev_, @active of them
 * @chain: the last one that was started, if it has KSYNC_OP_LINK, @length so far
 * @no_multi: the kernel lacks multishot accept, recv
 * @no_rings: it lacks rings of provided buffers
 */
struct proactor {
	struct ksync_loop loop;
	struct io_uring ring;
	pid_t tid;
	uint32_t entries;
	struct ksync_op *first;
	struct ksync_op **last;
	struct ksync_op *cancels;
	struct ksync_op *all;
	uint64_t active;
	struct ksync_op *chain;
	uint32_t length;
	uint32_t groups;
	bool no_multi;
	bool no_rings;
};

/**
 * struct ksync_buffers - buffers for what comes
 * @ring: shared with the kernel; NULL: @free are indexes of free ones, @nfree of them
 * @group: number
 */
struct ksync_buffers {
	struct proactor *p;
	struct io_uring_buf_ring *ring;
	char *base;
	uint32_t *free;
	uint32_t nfree;
	uint32_t n;
	uint32_t size;
	uint16_t group;
};

static inline struct proactor *proactor(struct ksync_loop *l)
{
	return (struct proactor *)l;
}

static inline struct io_uring_sqe *op_sqe(struct ksync_op *op)
{
	return (struct io_uring_sqe *)op->sqe_;
}

/* proactor.c */
bool ksync_is_proactor(const struct ksync_loop *l);

/* proactor_queue.c */
void ksync_op_push(struct proactor *p, struct ksync_op *op);
void ksync_proactor_flush(struct proactor *p, bool all);
void ksync_op_ended(struct proactor *p, struct ksync_op *op);

/* proactor_op.c */
void ksync_op_complete(struct proactor *p, struct ksync_op *op, int res, uint32_t flags);

/* proactor_buffer.c */
int ksync_buffer_choose(struct ksync_buffers *b, struct ksync_op *op);
void ksync_buffer_taken(struct ksync_buffers *b, struct ksync_op *op, uint32_t flags);

/* proactor_task.c */
ssize_t ksync_proactor_await(struct ksync_loop *l, const struct await *a);
void ksync_proactor_forget(struct ksync_loop *l, int fd);

#endif /* KSYNC_MODELS_PROACTOR_H */
