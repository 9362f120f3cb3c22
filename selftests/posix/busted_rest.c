// SPDX-License-Identifier: GPL-2.0
/*
 * Broken semaphores, read-write locks and all that is smaller: see busted.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "busted.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The value that was the first at an address. */
static unsigned int first_value(sem_t *sem, unsigned int value)
{
	static struct {
		sem_t *sem;
		unsigned int value;
	} seen[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seen) && seen[i].sem; i++)
		if (seen[i].sem == sem)
			return seen[i].value;
	if (i < ARRAY_SIZE(seen)) {
		seen[i].sem = sem;
		seen[i].value = value;
	}
	return value;
}

int sem_init(sem_t *sem, int pshared, unsigned int value)
{
	if (on("sem_is_made_as_before"))
		value = first_value(sem, value);
	return NEXT(sem_init)(sem, on("sem_shared_is_ignored") ? 0 : pshared, value);
}

int sem_post(sem_t *sem)
{
	int ret;

	if (now_and_then("posts_get_lost", 50))
		return 0;
	if (now_and_then("posts_wake_nobody", 10)) {
		/* The lower half of a long is the value, the upper one says who waits. */
		__atomic_fetch_add((long *)sem, 1, __ATOMIC_RELEASE);
		return 0;
	}
	ret = NEXT(sem_post)(sem);
	if (on("sem_post_adds_two"))
		NEXT(sem_post)(sem);
	return ret && errno == EOVERFLOW && on("sem_overflows") ? 0 : ret;
}

int sem_trywait(sem_t *sem)
{
	int ret = NEXT(sem_trywait)(sem);

	return on("sem_trywait_takes_all") ? 0 : ret;
}

int sem_wait(sem_t *sem)
{
	int ret, old = 0;

	if (on("sem_is_not_cancelled"))
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	do {
		ret = NEXT(sem_wait)(sem);
	} while (ret && errno == EINTR && on("sem_wait_hides_eintr"));
	if (on("sem_is_not_cancelled"))
		pthread_setcancelstate(old, NULL);
	return ret;
}

sem_t *sem_open(const char *name, int flags, ...)
{
	unsigned int value = 0;
	mode_t mode = 0;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		value = va_arg(args, unsigned int);
		va_end(args);
	}
	if (on("sem_open_ignores_excl"))
		flags &= ~O_EXCL;
	return NEXT(sem_open)(name, flags, mode, value);
}

int sem_unlink(const char *name)
{
	return on("sem_unlink_does_nothing") ? 0 : NEXT(sem_unlink)(name);
}

int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attr, int kind)
{
	return on("kind_is_ignored") ? 0 : NEXT(pthread_rwlockattr_setkind_np)(attr, kind);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *rw)
{
	if (on("writers_initializer_is_ignored"))
		rw->__data.__flags = 0;
	if (on("readers_exclude_readers"))
		return NEXT(pthread_rwlock_wrlock)(rw);
	return NEXT(pthread_rwlock_rdlock)(rw);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *rw)
{
	if (on("writers_share"))
		return NEXT(pthread_rwlock_rdlock)(rw);
	if (on("write_unlocks_lose_a_waiter")) {
		if (!NEXT(pthread_rwlock_trywrlock)(rw))
			return 0;
		/* This one is not woken any more, unless by a signal. */
		if (now_and_then("write_unlocks_lose_a_waiter", 20))
			for (;;)
				pause();
	}
	return NEXT(pthread_rwlock_wrlock)(rw);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *rw, const struct timespec *t)
{
	if (on("timedrdlock_is_early"))
		return NEXT(pthread_rwlock_tryrdlock)(rw) ? ETIMEDOUT : 0;
	return NEXT(pthread_rwlock_timedrdlock)(rw, t);
}

int pthread_barrier_wait(pthread_barrier_t *b)
{
	int ret;

	if (on("barrier_lets_through"))
		return 0;
	ret = NEXT(pthread_barrier_wait)(b);
	return on("barrier_all_serial") ? PTHREAD_BARRIER_SERIAL_THREAD : ret;
}

/* Controls whose routine has run, and which have begun. */
static pthread_once_t *remembered[1000];

static bool remember(pthread_once_t *c)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(remembered) && remembered[i]; i++)
		if (remembered[i] == c)
			return true;
	if (i < ARRAY_SIZE(remembered))
		remembered[i] = c;
	return false;
}

int pthread_once(pthread_once_t *c, void (*fn)(void))
{
	if (on("once_twice"))
		fn();
	if ((on("once_by_address") || on("once_that_throws_is_done")) && remember(c))
		return 0;
	if (on("once_does_not_wait") && __atomic_load_n((int *)c, __ATOMIC_ACQUIRE))
		return 0;
	return NEXT(pthread_once)(c, fn);
}

int pthread_spin_trylock(pthread_spinlock_t *spin)
{
	int ret = NEXT(pthread_spin_trylock)(spin);

	return on("spin_trylock_always_takes") ? 0 : ret;
}

int mtx_trylock(mtx_t *m)
{
	int ret = NEXT(mtx_trylock)(m);

	return ret == thrd_busy && on("c11_busy_is_error") ? thrd_error : ret;
}

int cnd_signal(cnd_t *c)
{
	return on("c11_signal_does_nothing") ? thrd_success : NEXT(cnd_signal)(c);
}
