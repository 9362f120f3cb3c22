/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What clang's thread safety analysis (-Wthread-safety) is told of the locks;
 * nothing, for other compilers.  With it, clang finds data used without its
 * lock, locks that are not released and releases of what is not locked.
 *
 * Locking can fail (a deadlock, a limit, an owner that died), so all lock
 * functions are annotated as attempts that succeed with 0, not as locks: the
 * analysis wants the result looked at before the data is used, which is right.
 * It understands
 *
 *	if (ksync_mutex_lock(&m))		ret = ksync_mutex_lock(&m);
 *		return;				if (ret)
 *							return ret;
 *
 * and comparisons of the result with 0 by == and !=.  A caller that goes on
 * after -EOWNERDEAD, which comes with the lock, does so in one function of its
 * own, that KSYNC_NO_ANALYSIS takes out:
 *
 *	static void journal_lock(void) KSYNC_ACQUIRE(&journal_mutex)
 *		KSYNC_NO_ANALYSIS;
 *
 * The analysis believes that names are objects: the same lock has to be spelled
 * the same way, &j->mutex say, where it is taken and where it is needed.  It
 * knows nothing of recursive mutexes, nor of reading twice.  To ksync_cond_wait()
 * the mutex is held before and after.  ksync_rwlock_downgrade() has worked: the
 * caller may only read.
 */
#ifndef KSYNC_ANNOTATIONS_H
#define KSYNC_ANNOTATIONS_H

#ifdef __clang__
#define ksync_attribute_(...)	__attribute__((__VA_ARGS__))
#else
#define ksync_attribute_(...)
#endif

/* A type whose objects are locks. */
#define KSYNC_CAPABILITY(kind)	ksync_attribute_(capability(kind))

/* A variable, and what a pointer points to, used only with the lock @x. */
#define KSYNC_GUARDED_BY(x)	ksync_attribute_(guarded_by(x))
#define KSYNC_PT_GUARDED_BY(x)	ksync_attribute_(pt_guarded_by(x))

/*
 * The same for a member of a structure whose lock is another member.  In C,
 * clang cannot look up the other member: there it is left to the reader.
 */
#ifdef __cplusplus
#define KSYNC_MEMBER_GUARDED_BY(x)	KSYNC_GUARDED_BY(x)
#else
#define KSYNC_MEMBER_GUARDED_BY(x)
#endif

/* A function that is called with the lock, or without it. */
#define KSYNC_REQUIRES(...)	ksync_attribute_(requires_capability(__VA_ARGS__))
#define KSYNC_EXCLUDES(...)	ksync_attribute_(locks_excluded(__VA_ARGS__))
/* One that reads: it is called with the lock held for reading, or writing. */
#define KSYNC_REQUIRES_SHARED(...)	\
	ksync_attribute_(requires_shared_capability(__VA_ARGS__))

/* A function that locks; that does so if it returns 0; that unlocks. */
#define KSYNC_ACQUIRE(...)	ksync_attribute_(acquire_capability(__VA_ARGS__))
#define KSYNC_TRY_ACQUIRE(...)	\
	ksync_attribute_(try_acquire_capability(0, __VA_ARGS__))
#define KSYNC_RELEASE(...)	ksync_attribute_(release_capability(__VA_ARGS__))

/* The same for reading. */
#define KSYNC_ACQUIRE_SHARED(...)	\
	ksync_attribute_(acquire_shared_capability(__VA_ARGS__))
#define KSYNC_TRY_ACQUIRE_SHARED(...)	\
	ksync_attribute_(try_acquire_shared_capability(0, __VA_ARGS__))
#define KSYNC_RELEASE_SHARED(...)	\
	ksync_attribute_(release_shared_capability(__VA_ARGS__))

/* A function after which the lock is held, whoever will release it. */
#define KSYNC_ASSERT_HELD(...)	ksync_attribute_(assert_capability(__VA_ARGS__))
#define KSYNC_ASSERT_SHARED(...)	\
	ksync_attribute_(assert_shared_capability(__VA_ARGS__))

/* A function that does what it says, in a way that the analysis cannot follow. */
#define KSYNC_NO_ANALYSIS	ksync_attribute_(no_thread_safety_analysis)

/* The library's own functions: their bodies know of words, not of locks. */
#define ksync_locks_(x)							\
	ksync_attribute_(try_acquire_capability(0, *(x)),		\
			 no_thread_safety_analysis)
#define ksync_unlocks_(x)						\
	ksync_attribute_(release_capability(*(x)),			\
			 no_thread_safety_analysis)
#define ksync_has_(x)							\
	ksync_attribute_(assert_capability(*(x)),			\
			 no_thread_safety_analysis)
#define ksync_locks_shared_(x)						\
	ksync_attribute_(try_acquire_shared_capability(0, *(x)),	\
			 no_thread_safety_analysis)
#define ksync_unlocks_either_(x)					\
	ksync_attribute_(release_generic_capability(*(x)),		\
			 no_thread_safety_analysis)
#define ksync_has_shared_(x)						\
	ksync_attribute_(assert_shared_capability(*(x)),		\
			 no_thread_safety_analysis)

#endif /* KSYNC_ANNOTATIONS_H */
