// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The mutexes, condition variables and onces of C11: those of POSIX by other names. */
#include <threads.h>
#include "dropin.h"

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mtx is a mutex");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "a cnd is a cond");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "a once_flag is a once");

static int result(int error)
{
	switch (error) {
	case 0:
		return thrd_success;
	case EBUSY:
		return thrd_busy;
	case ENOMEM:
		return thrd_nomem;
	case ETIMEDOUT:
		return thrd_timedout;
	}
	return thrd_error;
}

KSYNC_EXPORT int mtx_init(mtx_t *mutex, int type)
{
	pthread_mutexattr_t attr;
	int ret;

	if (type & ~(mtx_timed | mtx_recursive))
		return thrd_error;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type & mtx_recursive ?
				  PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
	ret = pthread_mutex_init((pthread_mutex_t *)mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return result(ret);
}

KSYNC_EXPORT void mtx_destroy(mtx_t *mutex)
{
	pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

KSYNC_EXPORT int mtx_lock(mtx_t *mutex)
{
	return result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

KSYNC_EXPORT int mtx_trylock(mtx_t *mutex)
{
	return result(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

KSYNC_EXPORT int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict abs)
{
	return result(pthread_mutex_timedlock((pthread_mutex_t *)mutex, abs));
}

KSYNC_EXPORT int mtx_unlock(mtx_t *mutex)
{
	return result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

KSYNC_EXPORT int cnd_init(cnd_t *cond)
{
	return result(pthread_cond_init((pthread_cond_t *)cond, NULL));
}

KSYNC_EXPORT void cnd_destroy(cnd_t *cond)
{
	pthread_cond_destroy((pthread_cond_t *)cond);
}

KSYNC_EXPORT int cnd_signal(cnd_t *cond)
{
	return result(pthread_cond_signal((pthread_cond_t *)cond));
}

KSYNC_EXPORT int cnd_broadcast(cnd_t *cond)
{
	return result(pthread_cond_broadcast((pthread_cond_t *)cond));
}

KSYNC_EXPORT int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
	return result(pthread_cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex));
}

KSYNC_EXPORT int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
			       const struct timespec *restrict abs)
{
	return result(pthread_cond_timedwait((pthread_cond_t *)cond,
					     (pthread_mutex_t *)mutex, abs));
}

KSYNC_EXPORT void call_once(once_flag *flag, void (*routine)(void))
{
	pthread_once((pthread_once_t *)flag, routine);
}
