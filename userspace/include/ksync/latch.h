/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A latch: tasks wait until it has been counted down to 0.  Then it is open,
 * and stays so.  What each function does is what the C++20 standard
 * ([thread.latch]) says of std::latch, but for errors, which have no place
 * there.
 *
 * The waitq's word is what is left to count.  Waiters sleep through its
 * changes: only the last one wakes.  Should the task that opens it be killed in
 * the middle of that call, before it has woken the others, they sleep on, or
 * until their deadlines; whoever comes later finds the latch open.  Whoever
 * overwrites its memory can open it too early, or never.
 */
#ifndef KSYNC_LATCH_H
#define KSYNC_LATCH_H

#include <ksync/model.h>
#include <ksync/waitq.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KSYNC_LATCH_MAX		0x7fffffffU

/**
 * struct ksync_latch - this process's reference to a latch
 * @o: the object
 * @q: the same as a waitq
 */
struct ksync_latch {
	union {
		struct ksync_object o;
		struct ksync_waitq q;
	};
};

/**
 * ksync_latch_init() - make a new latch
 * @l: set up
 * @d: domain
 * @count: how often to count down until it opens, 0 to KSYNC_LATCH_MAX
 *
 * Return: 0; -EINVAL (@count), -ENOSPC (the domain's limit of objects),
 * -ENOMEM.
 */
int ksync_latch_init(struct ksync_latch *l, struct ksync *d, uint32_t count);

/**
 * ksync_latch_open() - refer to a latch that exists
 * @l: set up
 * @d: domain
 * @id: from ksync_latch_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not a latch).
 */
int ksync_latch_open(struct ksync_latch *l, struct ksync *d, uint32_t id);

/**
 * ksync_latch_destroy() - end a latch, for all processes
 * @l: useless from now on
 *
 * May be called once all waits have returned: it waits up to a second for the
 * call that opened the latch, if that is still on its way out.
 *
 * Return: 0; -EBUSY (somebody waits; or that call has not returned after a
 * second, or its task was killed), -EBADF (destroyed already).
 */
int ksync_latch_destroy(struct ksync_latch *l);

/**
 * ksync_latch_id() - the number by which other processes open it
 * @l: latch
 */
static inline uint32_t ksync_latch_id(const struct ksync_latch *l)
{
	return l->o.id;
}

/**
 * ksync_latch_count_down() - count, and let all go on when it reaches 0
 * @l: latch
 * @n: by how much; 0 does nothing
 *
 * It never sleeps.  A signal handler may call it.
 *
 * Return: 0; -EOVERFLOW (less than @n is left: nothing was counted), -EBADF.
 */
int ksync_latch_count_down(struct ksync_latch *l, uint32_t n);

int ksync_latch_wait_slow_(struct ksync_latch *l, clockid_t clock,
			   const struct timespec *abs);

/* The highest bit says that it is being opened. */
static inline bool ksync_latch_is_open_(const struct ksync_latch *l)
{
	const struct ksync_model_cell_ *c = ksync_model_cell_of_(&l->o);

	return !(__atomic_load_n(&c->word, __ATOMIC_ACQUIRE) & KSYNC_LATCH_MAX) &&
	       __atomic_load_n(&c->model, __ATOMIC_RELAXED) == KSYNC_MODEL_LATCH_;
}

/**
 * ksync_latch_wait_try() - look whether it is open
 * @l: latch
 *
 * Return: 0; -EAGAIN (not yet, or destroyed).
 */
static inline int ksync_latch_wait_try(const struct ksync_latch *l)
{
	return ksync_latch_is_open_(l) ? 0 : -EAGAIN;
}

/**
 * ksync_latch_wait() - wait until it is open
 * @l: latch
 *
 * What was done before the calls that counted it down is seen after this one.
 * A signal handler runs, and the wait goes on.
 *
 * Return: 0; -ENOSPC (the domain's limit of waiters), -ENOMEM, -EBADF.
 */
static inline int ksync_latch_wait(struct ksync_latch *l)
{
	return ksync_latch_is_open_(l) ? 0 :
		ksync_latch_wait_slow_(l, CLOCK_MONOTONIC, NULL);
}

/**
 * ksync_latch_wait_timed() - the same, until a point in time
 * @l: latch
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * An open latch lets pass without looking at @clock and @abs.
 *
 * Return: as ksync_latch_wait(); -ETIMEDOUT, -EINVAL (clock, tv_nsec).
 */
static inline int ksync_latch_wait_timed(struct ksync_latch *l, clockid_t clock,
					 const struct timespec *abs)
{
	return ksync_latch_is_open_(l) ? 0 :
		ksync_latch_wait_slow_(l, clock, abs);
}

/**
 * ksync_latch_arrive_and_wait() - count down and wait
 * @l: latch
 * @n: by how much
 *
 * Return: as ksync_latch_count_down(), then as ksync_latch_wait(): unlike
 * -EOVERFLOW and -EBADF, -ENOSPC and -ENOMEM mean that it was counted.
 */
static inline int ksync_latch_arrive_and_wait(struct ksync_latch *l, uint32_t n)
{
	int ret = ksync_latch_count_down(l, n);

	return ret ? ret : ksync_latch_wait(l);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_LATCH_H */
