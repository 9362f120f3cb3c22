/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * The fast path of everything with an owner (mutex, spin, rwlock): one atomic
 * instruction each for lock and unlock, as <linux/ksync.h> lays down.  Programs
 * use ksync/mutex.h, ksync/spin.h and ksync/rwlock.h instead.
 */
#ifndef KSYNC_LOCK_H
#define KSYNC_LOCK_H

#include <sys/types.h>
#include <time.h>
#include <ksync/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Not to be taken by a compare-and-swap; READ is of rwlocks only. */
#define KSYNC_TAKEN_	(KSYNC_OWNER | KSYNC_OWNER_DIED | KSYNC_READ)

/*
 * The calling thread's identity in the domain that it used last; never NULL.
 * It lives in a page that the kernel wipes in a child of fork(): the child
 * finds serial 0, which matches no domain, and takes the slow path to a handle
 * of its own.  Nothing is registered and nothing runs at fork.
 */
extern __thread const struct ksync_thread *ksync_self_
	__attribute__((tls_model("initial-exec")));

/* The slow paths; @t is NULL for the calling thread's own identity. */
int ksync_lock_slow_(struct ksync_object *o, const struct ksync_thread *t,
		     unsigned int flags);
int ksync_lock_until_(struct ksync_object *o, const struct ksync_thread *t,
		      clockid_t clock, const struct timespec *abs);
int ksync_unlock_slow_(struct ksync_object *o, const struct ksync_thread *t);
int ksync_consistent_(struct ksync_object *o, const struct ksync_thread *t);

/*
 * The word is read first, and what says that others wait is kept: with waiters
 * too, a free lock is taken and released by one atomic instruction.
 */
static inline bool ksync_lock_fast_(struct ksync_object *o,
				    const struct ksync_thread *t)
{
	uint32_t seen = __atomic_load_n(&o->cell->word, __ATOMIC_RELAXED);

	return ksync_likely_(t->serial == o->serial) &&
	       ksync_likely_(!(seen & KSYNC_TAKEN_)) &&
	       ksync_likely_(ksync_cas_(&o->cell->word, &seen, seen | t->handle,
					__ATOMIC_ACQUIRE));
}

/* Unlocking a recursive mutex looks at the depth first: out of line. */
static inline bool ksync_unlock_fast_(struct ksync_object *o,
				      const struct ksync_thread *t)
{
	uint32_t seen = __atomic_load_n(&o->cell->word, __ATOMIC_RELAXED);
	uint32_t rest = seen ^ t->handle;

	return ksync_likely_(t->serial == o->serial) &&
	       ksync_likely_(!(o->attr & (KSYNC_MUTEX_RECURSIVE << 8))) &&
	       ksync_likely_(!rest || rest == (KSYNC_WAITERS | KSYNC_WOKEN)) &&
	       ksync_likely_(ksync_cas_(&o->cell->word, &seen, rest,
					__ATOMIC_RELEASE));
}

static inline int ksync_lock_(struct ksync_object *o, unsigned int flags)
{
	return ksync_lock_fast_(o, ksync_self_) ? 0 :
		ksync_lock_slow_(o, NULL, flags);
}

static inline int ksync_lock_as_(struct ksync_object *o,
				 const struct ksync_thread *t,
				 unsigned int flags)
{
	return ksync_lock_fast_(o, t) ? 0 : ksync_lock_slow_(o, t, flags);
}

static inline int ksync_lock_timed_(struct ksync_object *o, clockid_t clock,
				    const struct timespec *abs)
{
	return ksync_lock_fast_(o, ksync_self_) ? 0 :
		ksync_lock_until_(o, NULL, clock, abs);
}

static inline int ksync_lock_timed_as_(struct ksync_object *o,
				       const struct ksync_thread *t,
				       clockid_t clock,
				       const struct timespec *abs)
{
	return ksync_lock_fast_(o, t) ? 0 :
		ksync_lock_until_(o, t, clock, abs);
}

static inline int ksync_unlock_(struct ksync_object *o)
{
	return ksync_unlock_fast_(o, ksync_self_) ? 0 :
		ksync_unlock_slow_(o, NULL);
}

static inline int ksync_unlock_as_(struct ksync_object *o,
				   const struct ksync_thread *t)
{
	return ksync_unlock_fast_(o, t) ? 0 : ksync_unlock_slow_(o, t);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_LOCK_H */
