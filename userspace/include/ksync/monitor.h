/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A monitor, as Mesa has them: a lock, conditions to wait for inside of it, and
 * an invariant, which holds whenever nobody is inside (Lampson and Redell,
 * "Experience with Processes and Monitors in Mesa", CACM 23(2), 1980).
 *
 * A notify is a hint: whoever wakes up looks whether what it waits for is so,
 * and KSYNC_MONITOR_AWAIT() does not let that be forgotten.
 *
 * What Mesa left open is a process that dies inside, its data half-changed.
 * Here the monitor knows how to restore its invariant: the next one to come in
 * does that first, so that inside it holds for everybody.
 */
#ifndef KSYNC_MONITOR_H
#define KSYNC_MONITOR_H

#include <errno.h>
#include <ksync/annotations.h>
#include <ksync/cond.h>
#include <ksync/guard.h>
#include <ksync/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_monitor - this process's reference to a monitor
 * @mutex: whoever has it is inside
 * @repair: restores the invariant after a death inside: 0, or not 0 when it
 *	cannot; NULL when nobody can
 * @data: passed to @repair
 */
struct KSYNC_CAPABILITY("monitor") ksync_monitor {
	struct ksync_mutex mutex;
	int (*repair)(void *data);
	void *data;
};

/**
 * ksync_monitor_init() - make a new monitor, nobody inside
 * @m: set up
 * @d: domain
 * @repair: see struct ksync_monitor
 * @data: passed to @repair
 *
 * Return: 0; -ENOSPC (the domain's limit of objects), -ENOMEM.
 */
int ksync_monitor_init(struct ksync_monitor *m, struct ksync *d,
		       int (*repair)(void *data), void *data);

/**
 * ksync_monitor_open() - refer to a monitor that exists
 * @m: set up
 * @d: domain
 * @id: from ksync_monitor_id(), in this process or another
 * @repair: see struct ksync_monitor; in this process
 * @data: passed to @repair
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not a monitor).
 */
int ksync_monitor_open(struct ksync_monitor *m, struct ksync *d, uint32_t id,
		       int (*repair)(void *data), void *data);

/**
 * ksync_monitor_destroy() - end a monitor, for all processes
 * @m: useless from now on; its conditions are destroyed before
 *
 * Return: 0; -EBUSY (somebody waits to enter), -EBADF (destroyed already).
 */
int ksync_monitor_destroy(struct ksync_monitor *m);

/**
 * ksync_monitor_id() - the number by which other processes open it
 * @m: monitor
 */
static inline uint32_t ksync_monitor_id(const struct ksync_monitor *m)
{
	return ksync_mutex_id(&m->mutex);
}

int ksync_monitor_entered_(struct ksync_monitor *m,
			   const struct ksync_thread *t, int ret);

/**
 * ksync_monitor_enter() - enter, waiting until nobody is inside
 * @m: monitor
 *
 * Return: 0 (inside, and the invariant holds); otherwise outside:
 * -ENOTRECOVERABLE (somebody died inside, and the invariant could not be
 * restored), -EDEADLK (inside already, or waiting would close a cycle), or
 * another error of ksync_mutex_lock(), but -EOWNERDEAD.
 */
static inline int ksync_monitor_enter(struct ksync_monitor *m)
	ksync_locks_(m)
{
	int ret = ksync_mutex_lock(&m->mutex);

	return ret == -EOWNERDEAD ? ksync_monitor_entered_(m, NULL, ret) : ret;
}

/**
 * ksync_monitor_leave() - leave: the invariant holds again
 * @m: monitor
 *
 * Return: 0; as ksync_mutex_unlock().
 */
static inline int ksync_monitor_leave(struct ksync_monitor *m)
	ksync_unlocks_(m)
{
	return ksync_mutex_unlock(&m->mutex);
}

/**
 * ksync_monitor_wait_timed() - leave until notified, and enter again
 * @m: monitor, the caller inside, its invariant restored
 * @c: condition to wait for: any of the same domain
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: until when, on that clock; NULL waits for ever
 *
 * Others have been inside meanwhile: look again.  KSYNC_MONITOR_AWAIT() does.
 *
 * Return: 0; -ETIMEDOUT, or another error of ksync_cond_wait_timed(), but
 * -EOWNERDEAD; the caller is inside.  -ENOTRECOVERABLE: it is outside, as in
 * ksync_monitor_enter(), and leaving has no effect.
 */
int ksync_monitor_wait_timed(struct ksync_monitor *m, struct ksync_cond *c,
			     clockid_t clock, const struct timespec *abs)
	KSYNC_REQUIRES(*m);

/**
 * ksync_monitor_wait() - the same, however long it takes
 * @m: monitor, the caller inside
 * @c: condition to wait for
 *
 * Return: as ksync_monitor_wait_timed().
 */
int ksync_monitor_wait(struct ksync_monitor *m, struct ksync_cond *c)
	KSYNC_REQUIRES(*m);

/**
 * ksync_monitor_notify() - let one that waits look again
 * @m: monitor, the caller inside
 * @c: condition: the one of highest priority, then the one that came first
 *
 * Return: as ksync_cond_signal().
 */
static inline int ksync_monitor_notify(struct ksync_monitor *m,
				       struct ksync_cond *c)
	KSYNC_REQUIRES(*m)
{
	(void)m;
	return ksync_cond_signal(c);
}

/**
 * ksync_monitor_broadcast() - let all that wait look again
 * @m: monitor, the caller inside
 * @c: condition
 *
 * Return: as ksync_cond_broadcast().
 */
static inline int ksync_monitor_broadcast(struct ksync_monitor *m,
					  struct ksync_cond *c)
	KSYNC_REQUIRES(*m)
{
	(void)m;
	return ksync_cond_broadcast(c);
}

/**
 * KSYNC_MONITOR_AWAIT() - wait inside until something is so
 * @m: monitor, the caller inside
 * @c: condition that is notified when it may have become so
 * @expression: what to wait for; evaluated inside, again and again
 *
 * Return: 0 (it is so, and the caller inside), or as ksync_monitor_wait().
 */
#define KSYNC_MONITOR_AWAIT(m, c, expression)				\
	(__extension__ ({						\
		int ksync_err_ = 0;					\
									\
		while (!ksync_err_ && !(expression))			\
			ksync_err_ = ksync_monitor_wait((m), (c));	\
		ksync_err_;						\
	}))

/* The same for a task that says who it is; it cannot wait inside. */

static inline int ksync_monitor_enter_as(struct ksync_monitor *m,
					 const struct ksync_thread *t)
	ksync_locks_(m)
{
	int ret = ksync_mutex_lock_as(&m->mutex, t);

	return ret == -EOWNERDEAD ? ksync_monitor_entered_(m, t, ret) : ret;
}

static inline int ksync_monitor_leave_as(struct ksync_monitor *m,
					 const struct ksync_thread *t)
	ksync_unlocks_(m)
{
	return ksync_mutex_unlock_as(&m->mutex, t);
}

/* KSYNC_GUARD(guard, monitor, &m): inside to the end of the scope. */
KSYNC_DEFINE_GUARD_(monitor, ksync_monitor, has, ksync_monitor_enter,
		    ksync_monitor_leave)

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_MONITOR_H */
