// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Waiting for a future: the record is on the waiter's stack, nothing is allocated, and
 * it is taken out of the ring in constant time after a timeout.
 */
#include "future.h"

static int result(const struct ksync_future *f, uint32_t state, void **value)
{
	if (unlikely(state & FUTURE_FAILED))
		return f->error;
	if (value)
		*value = f->value;
	return 0;
}

EXPORT bool ksync_future_ready(const struct ksync_future *f)
{
	return load_acquire(&f->state) & FUTURE_SETTLED;
}

EXPORT int ksync_future_try(const struct ksync_future *f, void **value)
{
	uint32_t state = load_acquire(&f->state);

	return state & FUTURE_SETTLED ? result(f, state, value) : -EINPROGRESS;
}

static int wait_for(struct ksync_future *f, void **value, const struct timespec *abs)
{
	struct ksync_ticket ticket;
	struct ksync_notify n;
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline), said;

	if (!ret)
		ret = ksync_wait_begin(&ticket, 0);
	if (ret)
		return ret;
	n.fn_ = NULL;
	n.arg_ = ticket.task;
	n.seq_ = ticket.seq;
	if (ksync_future_watch(f, &n)) {
		ret = ksync_wait(deadline, "future");
		if (ret) {
			ksync_future_unwatch(f, &n);
			return ret;
		}
	} else {
		/* A cancellation that came first has set the task's flag, for later. */
		ksync_wait_abandon(ticket, &said);
	}
	return result(f, load_acquire(&f->state), value);
}

EXPORT int ksync_await_timed(struct ksync_future *f, void **value,
			     const struct timespec *abs)
{
	uint32_t state = load_acquire(&f->state);

	if (likely(state & FUTURE_SETTLED))
		return result(f, state, value);
	return wait_for(f, value, abs);
}

EXPORT int ksync_await(struct ksync_future *f, void **value)
{
	return ksync_await_timed(f, value, NULL);
}
