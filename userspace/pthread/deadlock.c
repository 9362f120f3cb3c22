// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A mutex of type NORMAL in a deadlock.
 *
 * The module refuses to let a thread wait for what would never be released, but the
 * program does not look at what it is told.  It has to wait as with any pthreads; and
 * it may be right, for with these another thread may unlock what this one has.  So
 * the mutex is watched, as one of two objects, until it is released.  The other one is
 * an event that nobody sets: without it the module would refuse that as well.
 *
 * A cycle can open elsewhere, and then there is an owner to lend a priority to: the
 * watch ends after a nap, and the mutex is waited for in turn again.
 */
#include "dropin.h"

static void report(struct pt_mutex *m, struct ksync_object *o)
{
	static bool reported;
	struct ksync_query q;

	if (__atomic_load_n(&reported, __ATOMIC_RELAXED) || ksync_object_query(o, &q) ||
	    !q.owner || __atomic_exchange_n(&reported, true, __ATOMIC_RELAXED))
		return;
	if (q.owner == mutex_self(o)->handle)
		tell("thread %d has the mutex at %p, and waits for another to unlock it",
		     q.owner_pid, (void *)m);
	else
		tell("deadlock: waiting for the mutex at %p of thread %d (%s), which waits for us",
		     (void *)m, q.owner_pid, q.owner_comm);
}

static int watch(struct ksync_object *o, const struct ksync_event *never,
		 const struct limit *l)
{
	struct ksync_item item = { .id = o->id, .flags = KSYNC_ITEM_WATCH };
	struct ksync_many arg = {
		.size = sizeof(arg),
		.count = 1,
		.items = (uintptr_t)&item,
		.deadline = nap_end(l),
		.flags = l->flags | KSYNC_MANY_ALERT,
		.thread = mutex_self(o)->handle,
		.alert = never->o.id,
	};

	return -ksync_ioctl(o->domain->fd, KSYNC_IOC_MANY, &arg);
}

/**
 * mutex_lock_released() - lock a mutex that cannot be waited for in turn
 * @m: mutex of type NORMAL or ADAPTIVE_NP, had by the caller, or by one that waits for it
 * @o: the ksync mutex
 * @l: for how long
 *
 * Return: as LOCK, positive; EDEADLK: it was not released, try in turn again.
 */
int mutex_lock_released(struct pt_mutex *m, struct ksync_object *o, const struct limit *l)
{
	struct ksync_event never;
	int ret;

	report(m, o);
	ret = -ksync_event_init(&never, o->domain, 0);
	if (ret)
		return nap(l) ? ETIMEDOUT : EDEADLK;
	ret = watch(o, &never, l);
	ksync_event_destroy(&never);
	return ret == ETIMEDOUT && !limit_passed(l) ? EDEADLK : ret;
}
