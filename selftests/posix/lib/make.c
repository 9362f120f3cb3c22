// SPDX-License-Identifier: GPL-2.0
#include <sched.h>
#include "make.h"

int mutex_make(pthread_mutex_t *m, struct mutex_sort sort)
{
	pthread_mutexattr_t attr;
	int ret;

	ret = pthread_mutexattr_init(&attr);
	if (!ret)
		ret = pthread_mutexattr_settype(&attr, sort.type);
	if (!ret)
		ret = pthread_mutexattr_setprotocol(&attr, sort.protocol);
	if (!ret)
		ret = pthread_mutexattr_setrobust(&attr, sort.robust);
	if (!ret)
		ret = pthread_mutexattr_setpshared(&attr, sort.pshared);
	if (!ret && sort.ceiling)
		ret = pthread_mutexattr_setprioceiling(&attr, sort.ceiling);
	if (!ret)
		ret = pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
	return ret;
}

int cond_make(pthread_cond_t *c, clockid_t clock, int pshared)
{
	pthread_condattr_t attr;
	int ret;

	ret = pthread_condattr_init(&attr);
	if (!ret)
		ret = pthread_condattr_setclock(&attr, clock);
	if (!ret)
		ret = pthread_condattr_setpshared(&attr, pshared);
	if (!ret)
		ret = pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
	return ret;
}

int rwlock_make(pthread_rwlock_t *rw, int kind, int pshared)
{
	pthread_rwlockattr_t attr;
	int ret;

	ret = pthread_rwlockattr_init(&attr);
	if (!ret)
		ret = pthread_rwlockattr_setkind_np(&attr, kind);
	if (!ret)
		ret = pthread_rwlockattr_setpshared(&attr, pshared);
	if (!ret)
		ret = pthread_rwlock_init(rw, &attr);
	pthread_rwlockattr_destroy(&attr);
	return ret;
}

int barrier_make(pthread_barrier_t *b, unsigned int count, int pshared)
{
	pthread_barrierattr_t attr;
	int ret;

	ret = pthread_barrierattr_init(&attr);
	if (!ret)
		ret = pthread_barrierattr_setpshared(&attr, pshared);
	if (!ret)
		ret = pthread_barrier_init(b, &attr, count);
	pthread_barrierattr_destroy(&attr);
	return ret;
}

int px_set_prio(int prio)
{
	struct sched_param p = { .sched_priority = prio };

	return pthread_setschedparam(pthread_self(), prio ? SCHED_FIFO : SCHED_OTHER, &p);
}
