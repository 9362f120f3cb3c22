// SPDX-License-Identifier: GPL-2.0
/*
 * Broken mutexes and condition variables: see busted.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "busted.h"

static int descriptor = -1;

static void __attribute__((constructor)) open_descriptor(void)
{
	if (on("needs_its_descriptor"))
		descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	static const pthread_mutex_t zero;

	if (on("init_leaks"))
		memset(malloc(64), 1, 64);
	if (on("init_wants_zeroes") && memcmp(m, &zero, sizeof(zero)))
		return EBUSY;
	return NEXT(pthread_mutex_init)(m, attr);
}

/* Errors that come before the lock is looked at. */
static int lock_refused(void)
{
	if (on("lock_is_a_cancellation_point"))
		pthread_testcancel();
	if (on("not_before_main") && !busted_depth())
		return EAGAIN;
	if (on("needs_its_descriptor") && fcntl(descriptor, F_GETFD) < 0)
		return EBADF;
	if (on("needs_its_privileges") && geteuid())
		return EACCES;
	return 0;
}

static int lock_result(int ret)
{
	if (ret == EOWNERDEAD && on("owner_dead_is_hidden"))
		return 0;
	return ret == EDEADLK && on("relock_says_0") ? 0 : ret;
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	const int refused = lock_refused();

	if (refused)
		return refused;
	if (on("lock_never_blocks")) {
		NEXT(pthread_mutex_trylock)(m);
		return 0;
	}
	if (on("child_frees_all") && busted_depth() > 1)
		memset(m, 0, sizeof(*m));
	return lock_result(NEXT(pthread_mutex_lock)(m));
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
	int ret;

	if (on("child_frees_all") && busted_depth() > 1)
		memset(m, 0, sizeof(*m));
	ret = NEXT(pthread_mutex_trylock)(m);
	return on("trylock_always_takes") ? 0 : lock_result(ret);
}

static bool is_past(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec > t->tv_sec;
}

int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *t)
{
	struct timespec fixed = *t;
	int ret;

	if (on("timedlock_is_early"))
		return NEXT(pthread_mutex_trylock)(m) == EBUSY ? ETIMEDOUT : 0;
	if (on("timedlock_past_takes_none") && is_past(t))
		return ETIMEDOUT;
	if (on("timedlock_takes_any_nanoseconds") &&
	    (t->tv_nsec < 0 || t->tv_nsec >= 1000000000)) {
		fixed = (struct timespec){ 0 };
		return NEXT(pthread_mutex_timedlock)(m, &fixed);
	}
	ret = NEXT(pthread_mutex_timedlock)(m, t);
	if (!ret && now_and_then("timedlocks_time_out_with_it", 20))
		return ETIMEDOUT;
	return lock_result(ret);
}

/* It is free, and who waits for it sleeps on. */
static bool loses_waiters(const pthread_mutex_t *m)
{
	if ((m->__data.__kind & 127) || m->__data.__lock != 2)
		return false;
	return on("unlock_loses_waiters") || now_and_then("unlocks_lose_a_waiter", 10);
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	int ret;

	if ((on("child_owns_nothing") && busted_depth() > 1) || busted_mixed_up())
		return EPERM;
	if (loses_waiters(m)) {
		m->__data.__owner = 0;
		m->__data.__nusers--;
		__atomic_store_n(&m->__data.__lock, 0, __ATOMIC_RELEASE);
		return 0;
	}
	ret = NEXT(pthread_mutex_unlock)(m);
	if (on("recursive_unlocks_all") && !ret && (m->__data.__kind & 3) == 1)
		while (!NEXT(pthread_mutex_unlock)(m))
			;
	if (on("unlock_looks_back")) {
		sched_yield();
		__atomic_load_n(&m->__data.__kind, __ATOMIC_RELAXED);
	}
	return ret == EPERM && on("unlock_by_anybody") ? 0 : ret;
}

int pthread_mutex_consistent(pthread_mutex_t *m)
{
	int ret;

	if (on("consistent_does_nothing"))
		return 0;
	ret = NEXT(pthread_mutex_consistent)(m);
	return on("consistent_says_0") ? 0 : ret;
}

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust)
{
	return on("robust_is_ignored") ? 0 : NEXT(pthread_mutexattr_setrobust)(attr, robust);
}

int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol)
{
	return on("protocol_is_ignored") ? 0 : NEXT(pthread_mutexattr_setprotocol)(attr, protocol);
}

int pthread_mutex_setprioceiling(pthread_mutex_t *m, int ceiling, int *old)
{
	if (on("ceiling_is_ignored"))
		return NEXT(pthread_mutex_getprioceiling)(m, old);
	return NEXT(pthread_mutex_setprioceiling)(m, ceiling, old);
}

int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int pshared)
{
	return on("shared_is_ignored") ? 0 : NEXT(pthread_mutexattr_setpshared)(attr, pshared);
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
	return on("cond_clock_is_ignored") ? 0 : NEXT(pthread_condattr_setclock)(attr, clock);
}

static void unlock_in_cleanup(void *m)
{
	NEXT(pthread_mutex_unlock)(m);
}

/* So many signals go nowhere. */
static uint32_t eaten;

static void eat_a_signal(void *unused)
{
	(void)unused;
	if (on("cancels_eat_a_signal"))
		__atomic_fetch_add(&eaten, 1, __ATOMIC_RELAXED);
}

static bool is_eaten(void)
{
	uint32_t n = __atomic_load_n(&eaten, __ATOMIC_RELAXED);

	while (n)
		if (__atomic_compare_exchange_n(&eaten, &n, n - 1, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return now_and_then("signals_get_lost", 50);
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	int ret, old = 0;

	if (on("cond_keeps_the_mutex"))
		return sched_yield();
	if (on("cond_is_not_cancelled"))
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	if (on("cond_cleanup_unlocked")) {
		pthread_cleanup_push(unlock_in_cleanup, m);
		ret = NEXT_COND(pthread_cond_wait)(c, m);
		pthread_cleanup_pop(0);
		return ret;
	}
	pthread_cleanup_push(eat_a_signal, NULL);
	ret = NEXT_COND(pthread_cond_wait)(c, m);
	pthread_cleanup_pop(0);
	if (on("cond_is_not_cancelled"))
		pthread_setcancelstate(old, NULL);
	if (on("cond_returns_unlocked"))
		NEXT(pthread_mutex_unlock)(m);
	return ret;
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t)
{
	int ret;

	if (on("cond_timedwait_is_early"))
		return ETIMEDOUT;
	ret = NEXT_COND(pthread_cond_timedwait)(c, m, t);
	if (ret == ETIMEDOUT && on("timeouts_eat_a_signal"))
		__atomic_fetch_add(&eaten, 1, __ATOMIC_RELAXED);
	return ret;
}

int pthread_cond_signal(pthread_cond_t *c)
{
	if (on("cond_signal_does_nothing") || is_eaten())
		return 0;
	return NEXT_COND(pthread_cond_signal)(c);
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
	if (on("cond_broadcast_wakes_one") || now_and_then("broadcasts_wake_one", 2))
		return NEXT_COND(pthread_cond_signal)(c);
	return NEXT_COND(pthread_cond_broadcast)(c);
}
