/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Waiting by io_uring: SQEs that acquire, wait, lock, release and cancel.
 *
 * Not part of <ksync.h>, for it needs liburing; libksync itself does not.  The
 * module has KSYNC_FEATURE_URING where the kernel has io_uring.  What the result of
 * a command means is said in <linux/ksync.h>: 0 or a negative errno in cqe->res.
 *
 * Each function fills a whole SQE but for user_data: set that afterwards.  As with
 * liburing's own, the SQE must not be NULL.
 */
#ifndef KSYNC_URING_H
#define KSYNC_URING_H

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <liburing.h>
#include <ksync/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One command on a domain's descriptor; an argument of 16 bytes. */
static inline void ksync_prep_command_(struct io_uring_sqe *sqe, int fd,
				       uint32_t command, const void *arg)
{
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = command;
	memcpy((char *)sqe + offsetof(struct io_uring_sqe, cmd), arg, 16);
}

static inline void ksync_prep_(struct io_uring_sqe *sqe, uint32_t command,
			       const struct ksync_object *o, uint32_t flags,
			       uint32_t value, uint32_t bitset)
{
	const uint32_t arg[4] = { o->id, flags, value, bitset };

	ksync_prep_command_(sqe, ksync_fileno(o->domain), command, arg);
}

/**
 * ksync_prep_acquire() - take a unit of a sem, or wait for an event
 * @sqe: filled
 * @x: struct ksync_sem or struct ksync_event
 */
#define ksync_prep_acquire(sqe, x) \
	ksync_prep_(sqe, KSYNC_URING_ACQUIRE, &(x)->o, 0, 0, 0)

/**
 * ksync_prep_wait() - wait on a waitq while its word is @expected
 * @sqe: filled
 * @q: struct ksync_waitq
 * @expected: -EAGAIN if the word differs
 * @bitset: which wake-ups to hear, KSYNC_BITSET_ALL for all
 */
#define ksync_prep_wait(sqe, q, expected, bitset) \
	ksync_prep_(sqe, KSYNC_URING_WAIT, &(q)->o, 0, expected, bitset)

/**
 * ksync_prep_lock() - lock a mutex, spin or rwlock for writing, or be told when to
 * @sqe: filled
 * @x: the lock
 * @t: the calling task's own identity, from ksync_thread_attach()
 *
 * Only the thread itself can lock: -ESRCH with SQPOLL, or IOSQE_ASYNC.  -EAGAIN:
 * lock it, or submit this again.
 */
#define ksync_prep_lock(sqe, x, t) \
	ksync_prep_(sqe, KSYNC_URING_LOCK, &(x)->o, 0, (t)->handle, 0)

/**
 * ksync_prep_release() - post a sem, or set an event
 * @sqe: filled
 * @x: struct ksync_sem or struct ksync_event
 * @n: units; 1 for an event
 */
#define ksync_prep_release(sqe, x, n) \
	ksync_prep_(sqe, KSYNC_URING_RELEASE, &(x)->o, 0, n, 0)

/**
 * ksync_prep_cancel() - end a command that waits, which was submitted by this ring
 * @sqe: filled
 * @d: domain
 * @user_data: of the command, which ends with -ECANCELED
 */
static inline void ksync_prep_cancel(struct io_uring_sqe *sqe,
				     const struct ksync *d, uint64_t user_data)
{
	const struct ksync_uring_cancel arg = { 0, 0, user_data };

	ksync_prep_command_(sqe, ksync_fileno(d), KSYNC_URING_CANCEL, &arg);
}

/**
 * ksync_prep_deadline() - the command ends with -ETIMEDOUT then
 * @ring: that the SQE is from; made with IORING_SETUP_SQE128
 * @sqe: filled by ksync_prep_acquire(), ksync_prep_wait() or ksync_prep_lock()
 * @deadline: on CLOCK_MONOTONIC, in ns
 *
 * Return: 0; -EINVAL: the ring has no room for a deadline.
 */
static inline int ksync_prep_deadline(const struct io_uring *ring,
				      struct io_uring_sqe *sqe, uint64_t deadline)
{
	char *arg = (char *)sqe + offsetof(struct io_uring_sqe, cmd);
	const uint32_t flags = KSYNC_URING_DEADLINE;

	if (!(ring->flags & IORING_SETUP_SQE128))
		return -EINVAL;
	memcpy(arg + offsetof(struct ksync_uring, flags), &flags, sizeof(flags));
	memcpy(arg + offsetof(struct ksync_uring, deadline), &deadline,
	       sizeof(deadline));
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_URING_H */
