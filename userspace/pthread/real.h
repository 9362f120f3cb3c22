/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* The functions that ours stand before: REAL(pthread_mutex_lock)(mutex). */
#ifndef KSYNC_DROPIN_REAL_H
#define KSYNC_DROPIN_REAL_H

#include <semaphore.h>
#include <unistd.h>

#define REAL_FUNCTIONS(f) \
	f(pthread_mutex_init) f(pthread_mutex_destroy) f(pthread_mutex_lock) \
	f(pthread_mutex_trylock) f(pthread_mutex_timedlock) f(pthread_mutex_clocklock) \
	f(pthread_mutex_unlock) f(pthread_mutex_consistent) \
	f(pthread_mutex_getprioceiling) f(pthread_mutex_setprioceiling) \
	f(pthread_cond_init) f(pthread_cond_destroy) f(pthread_cond_wait) \
	f(pthread_cond_timedwait) f(pthread_cond_clockwait) f(pthread_cond_signal) \
	f(pthread_cond_broadcast) \
	f(pthread_rwlock_init) f(pthread_rwlock_destroy) f(pthread_rwlock_rdlock) \
	f(pthread_rwlock_tryrdlock) f(pthread_rwlock_timedrdlock) \
	f(pthread_rwlock_clockrdlock) f(pthread_rwlock_wrlock) \
	f(pthread_rwlock_trywrlock) f(pthread_rwlock_timedwrlock) \
	f(pthread_rwlock_clockwrlock) f(pthread_rwlock_unlock) \
	f(pthread_spin_init) f(pthread_spin_destroy) f(pthread_spin_lock) \
	f(pthread_spin_trylock) f(pthread_spin_unlock) \
	f(pthread_barrier_init) f(pthread_barrier_destroy) f(pthread_barrier_wait) \
	f(pthread_once) \
	f(sem_init) f(sem_destroy) f(sem_wait) f(sem_trywait) f(sem_timedwait) \
	f(sem_clockwait) f(sem_post) f(sem_getvalue) f(sem_open) f(sem_close) \
	f(sem_unlink) \
	f(pthread_create) f(_exit) f(close) f(dup2) f(dup3) f(close_range)

#define REAL_INDEX_(name)	REAL_INDEX_##name,
enum real_index { REAL_FUNCTIONS(REAL_INDEX_) };

#define REAL(name)	((__typeof__(name) *)real_function(REAL_INDEX_##name))

#endif /* KSYNC_DROPIN_REAL_H */
