// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * waitq: what reaches the module.  Why a waker without waiters may stay out of
 * it is told in ksync/waitq.h.
 */
#include "internal.h"

KSYNC_EXPORT int ksync_waitq_init(struct ksync_waitq *q, struct ksync *d,
				  unsigned int flags)
{
	return ksync_object_create(&q->o, d, KSYNC_KIND_WAITQ, flags);
}

KSYNC_EXPORT int ksync_waitq_open(struct ksync_waitq *q, struct ksync *d,
				  uint32_t id)
{
	return ksync_object_open(&q->o, d, KSYNC_KIND_WAITQ, id);
}

KSYNC_EXPORT int ksync_waitq_destroy(struct ksync_waitq *q)
{
	return ksync_object_destroy(&q->o);
}

/* Acquire: who is told that the word differs sees what was written before. */
static bool differs(const struct ksync_waitq *q, uint32_t expected)
{
	return __atomic_load_n(&q->o.cell->word, __ATOMIC_ACQUIRE) != expected;
}

static int wait(struct ksync_waitq *q, struct ksync_wait *arg, clockid_t clock,
		const struct timespec *abs)
{
	uint64_t deadline;
	int ret;

	ret = ksync_deadline(clock, abs, &arg->flags, &deadline);
	if (ret)
		return ret;
	if (!arg->bitset)
		return -EINVAL;
	if (ksync_object_stale(&q->o))
		return -EBADF;
	if (differs(q, arg->expected))
		return -EAGAIN;
	arg->size = sizeof(*arg);
	arg->id = q->o.id;
	arg->deadline = deadline;
	return ksync_call_(q->o.domain, KSYNC_IOC_WAIT, arg);
}

KSYNC_EXPORT int ksync_waitq_wait(struct ksync_waitq *q, uint32_t expected)
{
	return ksync_waitq_wait_timed(q, expected, KSYNC_BITSET_ALL,
				      CLOCK_MONOTONIC, NULL);
}

KSYNC_EXPORT int ksync_waitq_wait_timed(struct ksync_waitq *q,
					uint32_t expected, uint32_t bitset,
					clockid_t clock,
					const struct timespec *abs)
{
	struct ksync_wait arg = { .expected = expected, .bitset = bitset };

	return wait(q, &arg, clock, abs);
}

KSYNC_EXPORT int ksync_waitq_wait_interruptible(struct ksync_waitq *q,
						uint32_t expected,
						uint32_t bitset,
						clockid_t clock,
						const struct timespec *abs)
{
	struct ksync_wait arg = {
		.expected = expected,
		.bitset = bitset,
		.flags = KSYNC_WAIT_INTERRUPTIBLE,
	};

	return wait(q, &arg, clock, abs);
}

KSYNC_EXPORT int ksync_waitq_wake_slow_(struct ksync_waitq *q, uint32_t n,
					uint32_t bitset)
{
	struct ksync_wake arg = {
		.size = sizeof(arg),
		.id = q->o.id,
		.count = n,
		.bitset = bitset,
	};
	int ret;

	if (ksync_object_stale(&q->o))
		return -EBADF;
	ret = ksync_call_(q->o.domain, KSYNC_IOC_WAKE, &arg);
	return ret ? ret : (int)arg.woken;
}

static int requeue(struct ksync_waitq *from, struct ksync_waitq *to,
		   struct ksync_requeue *arg)
{
	int ret;

	if (ksync_object_stale(&from->o) || ksync_object_stale(&to->o))
		return -EBADF;
	if (from->o.serial != to->o.serial)
		return -EINVAL;
	arg->size = sizeof(*arg);
	arg->from = from->o.id;
	arg->to = to->o.id;
	ret = ksync_call_(from->o.domain, KSYNC_IOC_REQUEUE, arg);
	return ret ? ret : (int)(arg->woken + arg->moved);
}

KSYNC_EXPORT int ksync_waitq_requeue(struct ksync_waitq *from,
				     struct ksync_waitq *to, uint32_t wake,
				     uint32_t move)
{
	struct ksync_requeue arg = { .wake = wake, .move = move };

	return requeue(from, to, &arg);
}

KSYNC_EXPORT int ksync_waitq_cmp_requeue(struct ksync_waitq *from,
					 struct ksync_waitq *to,
					 uint32_t expected, uint32_t wake,
					 uint32_t move)
{
	struct ksync_requeue arg = {
		.flags = KSYNC_REQUEUE_CMP,
		.expected = expected,
		.wake = wake,
		.move = move,
	};

	return requeue(from, to, &arg);
}
