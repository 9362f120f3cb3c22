/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Guards: a lock that is held from a declaration to the end of its scope,
 * however that is left.
 *
 *	KSYNC_GUARD(guard, mutex, &journal->mutex);
 *
 *	if (guard.err)
 *		return guard.err;
 *
 * declares guard, a struct ksync_mutex_guard: the lock may have been refused,
 * and guard.err says so, in the terms of ksync_mutex_lock().  Leaving the scope
 * unlocks what was locked, and only that: after 0 and -EOWNERDEAD, not after
 * -EDEADLK, say.  After -EOWNERDEAD, with ksync_mutex_consistent() as usual.
 * Of a guard whose err is never looked at, clang says that it is not used.
 *
 * Leaving by return, break, goto or a C++ exception is leaving; longjmp(3),
 * exit(3) and pthread_exit(3) are not (the last one is, where the program is
 * compiled with -fexceptions).  A goto or a case label must not jump over the
 * declaration into its scope.
 *
 * This needs the cleanup attribute, which gcc and clang have, for C and for C++.
 */
#ifndef KSYNC_GUARD_H
#define KSYNC_GUARD_H

#include <errno.h>
#include <ksync/annotations.h>
#include <ksync/mutex.h>
#include <ksync/rwlock.h>
#include <ksync/spin.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * KSYNC_GUARD() - lock, to the end of the scope
 * @name: of the guard that is declared
 * @kind: mutex, spin, monitor (see ksync/monitor.h), rwlock_read or rwlock_write
 * @lock: pointer to one of that kind
 */
#define KSYNC_GUARD(name, kind, lock)					\
	struct ksync_##kind##_guard name				\
		__attribute__((cleanup(ksync_##kind##_guard_end_))) =	\
		ksync_##kind##_guard_begin_(lock)

/**
 * KSYNC_GUARD_AS() - the same for a task that says who it is
 * @name: of the guard that is declared
 * @kind: as for KSYNC_GUARD()
 * @lock: pointer to one of that kind
 * @thread: from ksync_thread_attach(); good for as long as the guard
 */
#define KSYNC_GUARD_AS(name, kind, lock, thread)			\
	struct ksync_##kind##_guard name				\
		__attribute__((cleanup(ksync_##kind##_guard_end_))) =	\
		ksync_##kind##_guard_begin_as_(lock, thread)

/*
 * What KSYNC_GUARD() needs of a kind; @held is has or has_shared.  The analysis
 * of ksync/annotations.h takes the lock as held, and looks neither at err nor
 * at the end of the scope.
 */
#define KSYNC_DEFINE_GUARD_(kind, type, held, take, give)		\
struct ksync_##kind##_guard {						\
	int err;							\
	struct type *lock;						\
	struct ksync_thread *thread;					\
};									\
									\
static inline struct ksync_##kind##_guard				\
ksync_##kind##_guard_begin_(struct type *lock)				\
	ksync_##held##_(lock)						\
{									\
	struct ksync_##kind##_guard g = { take(lock), lock, NULL };	\
									\
	return g;							\
}									\
									\
static inline struct ksync_##kind##_guard				\
ksync_##kind##_guard_begin_as_(struct type *lock,			\
			       struct ksync_thread *thread)		\
	ksync_##held##_(lock)						\
{									\
	struct ksync_##kind##_guard g = {				\
		take##_as(lock, thread), lock, thread			\
	};								\
									\
	return g;							\
}									\
									\
static inline void							\
ksync_##kind##_guard_end_(struct ksync_##kind##_guard *g)		\
	KSYNC_NO_ANALYSIS						\
{									\
	if (g->err && g->err != -EOWNERDEAD)				\
		return;							\
	if (g->thread)							\
		give##_as(g->lock, g->thread);				\
	else								\
		give(g->lock);						\
}

KSYNC_DEFINE_GUARD_(mutex, ksync_mutex, has, ksync_mutex_lock,
		    ksync_mutex_unlock)
KSYNC_DEFINE_GUARD_(spin, ksync_spin, has, ksync_spin_lock,
		    ksync_spin_unlock)
KSYNC_DEFINE_GUARD_(rwlock_read, ksync_rwlock, has_shared,
		    ksync_rwlock_read_lock, ksync_rwlock_unlock)
KSYNC_DEFINE_GUARD_(rwlock_write, ksync_rwlock, has,
		    ksync_rwlock_write_lock, ksync_rwlock_unlock)

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_GUARD_H */
