// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Monitors: a mutex, and what to do when its owner died.
 *
 * The one that gets the mutex with -EOWNERDEAD restores the invariant before
 * anything else; if it dies over that, the next one does.  Unlocking a mutex
 * that was not made consistent makes it unrecoverable, which is what a monitor
 * without its invariant is.
 */
#include "internal.h"

static int restore(struct ksync_monitor *m, const struct ksync_thread *t)
{
	if (!m->repair || m->repair(m->data))
		return -ENOTRECOVERABLE;
	return ksync_consistent_(&m->mutex.o, t);
}

/* @ret is what locking returned: with -EOWNERDEAD, the mutex is the caller's. */
KSYNC_EXPORT int ksync_monitor_entered_(struct ksync_monitor *m,
					const struct ksync_thread *t, int ret)
{
	if (ret != -EOWNERDEAD)
		return ret;
	ret = restore(m, t);
	if (ret)
		ksync_unlock_slow_(&m->mutex.o, t);
	return ret;
}

KSYNC_EXPORT int ksync_monitor_wait_timed(struct ksync_monitor *m,
					  struct ksync_cond *c, clockid_t clock,
					  const struct timespec *abs)
{
	int ret = ksync_cond_wait_timed(c, &m->mutex, clock, abs);

	return ksync_monitor_entered_(m, NULL, ret);
}

KSYNC_EXPORT int ksync_monitor_wait(struct ksync_monitor *m,
				    struct ksync_cond *c)
{
	return ksync_monitor_entered_(m, NULL, ksync_cond_wait(c, &m->mutex));
}

KSYNC_EXPORT int ksync_monitor_init(struct ksync_monitor *m, struct ksync *d,
				    int (*repair)(void *data), void *data)
{
	m->repair = repair;
	m->data = data;
	return ksync_mutex_init(&m->mutex, d, 0);
}

KSYNC_EXPORT int ksync_monitor_open(struct ksync_monitor *m, struct ksync *d,
				    uint32_t id, int (*repair)(void *data),
				    void *data)
{
	m->repair = repair;
	m->data = data;
	return ksync_mutex_open(&m->mutex, d, id);
}

KSYNC_EXPORT int ksync_monitor_destroy(struct ksync_monitor *m)
{
	return ksync_mutex_destroy(&m->mutex);
}
