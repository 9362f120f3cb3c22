// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring: rings of different sorts, commands of ours between others, and what
 * comes back.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fuzz.h"

#define ENTRIES 32

/**
 * struct ring - one of them
 * @uring: it
 * @big: its SQEs have 128 bytes
 * @polls: drivers have to agree to that, and ours does not
 * @ts: of timeouts
 */
struct ring {
	struct io_uring uring;
	bool big;
	bool polls;
	struct __kernel_timespec ts;
};

/* Of our commands; and then of io_uring's own. */
enum command { ACQUIRE, WAIT, LOCK, RELEASE, CANCEL, ODD, NOP, POLL, TIMEOUT, ASYNC_CANCEL };

void ring_free(struct exec *x, unsigned int i)
{
	if (!x->ring[i])
		return;
	io_uring_queue_exit(&x->ring[i]->uring);
	free(x->ring[i]);
	x->ring[i] = NULL;
}

/* A new one instead of the old. */
long call_ring(struct exec *x, const struct op *op, const uint64_t *a)
{
	static const unsigned int flags[] = {
		0, IORING_SETUP_SQE128, IORING_SETUP_SQE128 | IORING_SETUP_SINGLE_ISSUER |
		IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_SQE128 | IORING_SETUP_CQE32, IORING_SETUP_SQPOLL,
		IORING_SETUP_IOPOLL, IORING_SETUP_SQE128 | IORING_SETUP_COOP_TASKRUN |
		IORING_SETUP_TASKRUN_FLAG,
	};
	const unsigned int i = a[0] % 2;
	struct io_uring_params params = { .flags = flags[a[1] % 8], .sq_thread_idle = 1 };
	struct ring *r;
	int ret;

	(void)op;
	x->shape = a[1];
	ring_free(x, i);
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	ret = io_uring_queue_init_params(ENTRIES, &r->uring, &params);
	if (ret) {
		free(r);
		return ret;
	}
	r->big = params.flags & IORING_SETUP_SQE128;
	r->polls = params.flags & IORING_SETUP_IOPOLL;
	x->ring[i] = r;
	return 0;
}

static void prep_ours(struct exec *x, struct ring *r, struct io_uring_sqe *sqe, const uint64_t *a)
{
	const uint32_t nr[] = { 0x94, 0x95, 0x96, 0x97, 0x98, 0x80 + a[10] * 3 };
	struct ksync_uring arg = {
		.id = arg_id(x, a[0] % SLOTS, a[3]),
		.flags = a[4],
		.value = a[2] == LOCK ? arg_thread(x, a[0] % SLOTS, a[6]) : a[5] & 3,
		.bitset = a[2] == WAIT ? KSYNC_BITSET_ALL : a[7],
		.deadline = arg_deadline(a[8]),
	};
	const struct ksync_uring_cancel cancel = {
		.pad = a[7], .user_data = a[10] << 8 | a[5] | (1 + dice(&x->rng) % 3) << 32,
	};

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = x->fd[a[0] % SLOTS];
	sqe->cmd_op = _IO(KSYNC_IOC_MAGIC, nr[a[2]]);
	if (a[2] == ACQUIRE)
		arg.value = 0;
	if (a[2] == CANCEL)
		memcpy(sqe->cmd, &cancel, sizeof(cancel));
	else
		memcpy(sqe->cmd, &arg, r->big ? sizeof(arg) : 16);
}

static void prep_other(struct exec *x, struct ring *r, struct io_uring_sqe *sqe, const uint64_t *a)
{
	switch (a[2]) {
	case POLL:
		io_uring_prep_poll_add(sqe, x->fd[POLLED_FIRST + a[10] % POLLED], POLLIN);
		break;
	case TIMEOUT:
		r->ts.tv_nsec = 1000000;
		io_uring_prep_link_timeout(sqe, &r->ts, 0);
		break;
	case ASYNC_CANCEL:
		io_uring_prep_cancel64(sqe, (a[10] << 8) | (a[5] & 3), 0);
		break;
	default:
		io_uring_prep_nop(sqe);
	}
}

/* Put it into the queue. What it was is in the upper half of its user_data. */
long call_sqe(struct exec *x, const struct op *op, const uint64_t *a)
{
	static const uint8_t flags[] = { IOSQE_IO_LINK, IOSQE_ASYNC, IOSQE_IO_DRAIN,
		IOSQE_IO_HARDLINK, IOSQE_CQE_SKIP_SUCCESS, IOSQE_FIXED_FILE };
	struct ring *r = x->ring[a[1] % 2];
	const unsigned int slot = a[0] % SLOTS;
	struct io_uring_sqe *sqe;
	uint64_t tag = a[10] << 8 | (a[5] & 3);

	(void)op;
	x->shape = a[2] * 64 + a[9] + ((uint32_t)(a[3] >> 40) << 12);
	sqe = r ? io_uring_get_sqe(&r->uring) : NULL;
	if (!sqe)
		return 0;
	memset(sqe, 0, r->big ? 128 : 64);
	if (a[2] <= ODD) {
		prep_ours(x, r, sqe, a);
		if (slot < DOMAINS && x->fd[slot] >= 0 && a[2] < ODD && a[9] < 32)
			tag |= (a[2] + 1) << 32;
	} else {
		prep_other(x, r, sqe, a);
	}
	if (a[9] % 64 < 24)
		sqe->flags = flags[a[9] % 6];
	if (sqe->flags & IOSQE_FIXED_FILE || r->polls)
		tag &= 0xffffffff;
	sqe->user_data = tag;
	return 0;
}

static void reap(struct exec *x, struct ring *r)
{
	struct io_uring_cqe *cqe;
	uint32_t what;

	while (!io_uring_peek_cqe(&r->uring, &cqe)) {
		what = cqe->user_data >> 32;
		if (what)
			expect_cqe(x, what - 1, cqe->res);
		x->shape = what * 200 + (cqe->res < 0 ? -cqe->res : 0);
		x->gist = x->shape;
		io_uring_cqe_seen(&r->uring, cqe);
	}
}

/* What io_uring_submit() does before it calls the kernel, which is for SYS() to do. */
static unsigned int flush(struct io_uring_sq *sq)
{
	unsigned int tail = *sq->ktail;

	while (sq->sqe_head != sq->sqe_tail)
		sq->array[tail++ & sq->ring_mask] = sq->sqe_head++ & sq->ring_mask;
	io_uring_smp_store_release(sq->ktail, tail);
	return tail - io_uring_smp_load_acquire(sq->khead);
}

/* Submit all, and wait for some for a while. */
long call_enter(struct exec *x, const struct op *op, const uint64_t *a)
{
	struct ring *r = x->ring[a[0] % 2];
	struct __kernel_timespec ts = { 0, a[2] * 1000 };
	struct io_uring_getevents_arg arg = { .ts = (uintptr_t)&ts };
	unsigned int n, flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	long ret;

	(void)op;
	if (!r)
		return 0;
	n = flush(&r->uring.sq);
	if (r->uring.flags & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	ret = SYS(x, SYS_io_uring_enter, r->uring.ring_fd, n, a[1], flags, (long)&arg,
		  sizeof(arg));
	reap(x, r);
	return ret < 0 ? ret : 0;
}
