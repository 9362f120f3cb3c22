/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * An event: set or unset, and a queue of tasks that wait until it is set; what
 * NT programs know by that name.  One with manual reset stays set until it is
 * reset: whoever waits is released, and whoever comes later does not wait.  One
 * with auto reset is unset by the wait that it releases: each set lets one go.
 *
 * Whoever resets an event, looks whether there is something to do and waits if
 * not, is not missed by who puts something there and sets it:
 *
 *	waiting				setting
 *
 *	reset		acquire	A	what = something
 *	what == nothing ?		set		release	B
 *	  yes: wait		C
 *
 * A and B change the same word, so one comes first.  If B does, A reads what B
 * wrote (or what others made of it by read-modify-writes, which hand on B's
 * release), and the look behind A sees something.  If A does, the event is set
 * after it, and C returns.  So B has to write even if the event is set already:
 * a set that only looked could be overtaken by A.  A wait that returns has done
 * A's acquire too.
 *
 * And no set is missed by a task that goes to sleep:
 *
 *	setting				waiting (in the module)
 *
 *	CAS word -> SET		B	fetch_or: word -> word | WAITERS   D
 *	fails: RELEASE			without SET: sleep
 *
 * If B comes first, D returns SET.  If D does, B fails, and RELEASE takes the
 * lock under which D was done: it finds the waiter.
 */
#ifndef KSYNC_EVENT_H
#define KSYNC_EVENT_H

#include <errno.h>
#include <sys/types.h>
#include <time.h>
#include <ksync/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_event - this process's reference to an event
 * @o: the object
 */
struct ksync_event {
	struct ksync_object o;
};

/**
 * ksync_event_init() - make a new event, unset
 * @e: set up
 * @d: domain
 * @flags: 0, or KSYNC_EVENT_MANUAL: it stays set until it is reset
 *
 * Return: 0; -EINVAL (flags), -ENOSPC (the domain's limit of objects), -ENOMEM.
 */
int ksync_event_init(struct ksync_event *e, struct ksync *d,
		     unsigned int flags);

/**
 * ksync_event_open() - refer to an event that exists
 * @e: set up
 * @d: domain
 * @id: from ksync_event_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not an event).
 */
int ksync_event_open(struct ksync_event *e, struct ksync *d, uint32_t id);

/**
 * ksync_event_destroy() - end an event, for all processes
 * @e: useless from now on
 *
 * Return: 0; -EBUSY (somebody waits for it), -EBADF (destroyed already).
 */
int ksync_event_destroy(struct ksync_event *e);

/**
 * ksync_event_id() - the number by which other processes open it
 * @e: event
 */
static inline uint32_t ksync_event_id(const struct ksync_event *e)
{
	return e->o.id;
}

/* Auto reset: whose SET beside WAITERS is, the module knows. */
static inline bool ksync_event_take_(struct ksync_event *e)
{
	uint32_t seen = __atomic_load_n(&e->o.cell->word, __ATOMIC_ACQUIRE);

	if (!ksync_usable_(&e->o))
		return false;
	if (e->o.attr & (KSYNC_EVENT_MANUAL << 8))
		return seen & KSYNC_EVENT_SET;
	return seen == KSYNC_EVENT_SET &&
	       ksync_likely_(ksync_cas_(&e->o.cell->word, &seen, 0,
					__ATOMIC_ACQUIRE));
}

/* The slow paths. */
int ksync_event_set_slow_(struct ksync_event *e);
int ksync_event_wait_slow_(struct ksync_event *e);
int ksync_event_try_slow_(struct ksync_event *e);
int ksync_event_wait_until_(struct ksync_event *e, unsigned int flags,
			    clockid_t clock, const struct timespec *abs);

/**
 * ksync_event_set() - set it
 * @e: event
 *
 * Manual reset: all that wait now are released, even if it is reset at once.
 * Auto reset: the waiter of highest priority is, and among equals the first; if
 * nobody waits, the next one to wait does not.  Setting what is set does
 * nothing more.  A signal handler may call it.
 *
 * Return: 1 if it was set before, 0 if not; -EBADF (destroyed).
 */
static inline int ksync_event_set(struct ksync_event *e)
{
	uint32_t seen = __atomic_load_n(&e->o.cell->word, __ATOMIC_RELAXED);

	if (ksync_usable_(&e->o) && ksync_likely_(!(seen & KSYNC_WAITERS)) &&
	    ksync_likely_(ksync_cas_(&e->o.cell->word, &seen, KSYNC_EVENT_SET,
				     __ATOMIC_RELEASE)))
		return seen & KSYNC_EVENT_SET;
	return ksync_event_set_slow_(e);
}

/**
 * ksync_event_reset() - unset it
 * @e: event
 *
 * A signal handler may call it.
 *
 * Return: 1 if it was set before, 0 if not; -EBADF (destroyed).
 */
static inline int ksync_event_reset(struct ksync_event *e)
{
	if (!ksync_usable_(&e->o))
		return -EBADF;
	return __atomic_fetch_and(&e->o.cell->word, ~KSYNC_EVENT_SET,
				  __ATOMIC_ACQ_REL) & KSYNC_EVENT_SET;
}

/**
 * ksync_event_pulse() - release those that wait now, and leave it unset
 * @e: event
 *
 * Manual reset: all of them.  Auto reset: one, or nobody.  A task that is in
 * its wait but has been taken out of it for a moment (its signal handler runs,
 * or it is stopped, or traced) is missed, as by NT's; a program that can do
 * without pulse should.  A signal handler may call it.
 *
 * Return: 1 if it was set before, 0 if not; -EBADF (destroyed).
 */
int ksync_event_pulse(struct ksync_event *e);

/**
 * ksync_event_wait() - wait until it is set, as long as it takes
 * @e: event; unset by this if it has auto reset
 *
 * A signal handler runs, and the wait goes on.
 *
 * Return: 0; -ENOSPC (the domain's limit of waiters), -ENOMEM, -EBADF
 * (destroyed).
 */
static inline int ksync_event_wait(struct ksync_event *e)
{
	return ksync_event_take_(e) ? 0 :
		ksync_event_wait_slow_(e);
}

/**
 * ksync_event_wait_timed() - wait until it is set or a point in time
 * @e: event; unset by this if it has auto reset
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * If it is set, the time is not looked at.
 *
 * Return: as ksync_event_wait(); -ETIMEDOUT, -EINVAL (clock, tv_nsec).
 */
static inline int ksync_event_wait_timed(struct ksync_event *e,
					 clockid_t clock,
					 const struct timespec *abs)
{
	return ksync_event_take_(e) ? 0 :
		ksync_event_wait_until_(e, 0, clock, abs);
}

/**
 * ksync_event_wait_interruptible() - the same, unless a signal handler ran
 * @e: event; unset by this if it has auto reset
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * Return: as ksync_event_wait_timed(); -EINTR.
 */
static inline int ksync_event_wait_interruptible(struct ksync_event *e,
						 clockid_t clock,
						 const struct timespec *abs)
{
	return ksync_event_take_(e) ? 0 :
		ksync_event_wait_until_(e, KSYNC_WAIT_INTERRUPTIBLE, clock, abs);
}

/**
 * ksync_event_wait_try() - is it set?
 * @e: event; unset by this if it was set and has auto reset
 *
 * Return: 0 (it was); -EAGAIN (it was not), -EBADF (destroyed).
 */
static inline int ksync_event_wait_try(struct ksync_event *e)
{
	return ksync_event_take_(e) ? 0 : ksync_event_try_slow_(e);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_EVENT_H */
