// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Delays: futures that a timer settles.  The timer fires with the timers locked, so it
 * only makes the future ready; a task of the executor settles it.
 *
 * Armed is left once: by the timer, or by who disarms it.  One that never ends is not
 * armed: waiting for it alone is a deadlock.
 */
#include <stdlib.h>
#include "future.h"

struct delay {
	struct ksync_executed x;
	struct ksync_timer timer;
	uint32_t never;		/* not armed: until it is cancelled, by who writes 0 */
	int error;
};

static void fire(struct ksync_timer *timer)
{
	ksync_executor_ready(&container(timer, struct delay, timer)->x);
}

static void run(struct ksync_future *f)
{
	const struct outcome o = { .error = container(f, struct delay, x.f)->error };

	ksync_settle(f, &o);
}

/* A task of the executor does it, as it would be if the timer had fired. */
static void end_early(struct ksync_future *f)
{
	struct delay *d = container(f, struct delay, x.f);

	if (!__atomic_exchange_n(&d->never, 0, __ATOMIC_ACQ_REL) &&
	    !ksync_timer_disarm(&d->timer))
		return;
	d->error = -ECANCELED;
	ksync_executor_ready(&d->x);
}

static const struct future_kind delay_kind = {
	.cancel = end_early,
	.run = run,
	.stop = end_early,
};

EXPORT int ksync_future_delay(struct ksync_future **out, const struct timespec *abs,
			      struct ksync_sched *sched)
{
	struct ksync_sched *s = ksync_sched_of_caller(sched);
	struct delay *d;
	uint64_t when;
	int ret = ksync_deadline_ns(abs, &when);

	if (ret || !s)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	ksync_future_init(&d->x.f, &delay_kind, 2);
	d->x.sched = s;
	d->timer.fire = fire;
	d->timer.sched = s;
	d->never = when == NEVER;
	ret = ksync_executor_add(&d->x);
	if (ret)
		goto no;
	if (when != NEVER)
		ret = ksync_timer_arm(s, &d->timer, when);
	if (!ret) {
		*out = &d->x.f;
		return 0;
	}
	ksync_executor_remove(&d->x);
no:
	/* An executor that stops may be looking at it. */
	ksync_future_put(&d->x.f);
	ksync_future_put(&d->x.f);
	return ret;
}
