/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A spinlock: waiters spin in FIFO order while the owner runs on a CPU, and
 * sleep, boosting it, while it does not.  For critical sections of a few
 * microseconds.  Owner death and deadlocks are reported as for a mutex, and
 * each function does and returns what its namesake in ksync/mutex.h does.
 */
#ifndef KSYNC_SPIN_H
#define KSYNC_SPIN_H

#include <ksync/annotations.h>
#include <ksync/lock.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_spin - this process's reference to a spinlock
 * @o: the object
 */
struct KSYNC_CAPABILITY("spin") ksync_spin {
	struct ksync_object o;
};

/* @flags is 0: there is no recursive spinlock. */
int ksync_spin_init(struct ksync_spin *s, struct ksync *d, unsigned int flags);
int ksync_spin_open(struct ksync_spin *s, struct ksync *d, uint32_t id);
int ksync_spin_destroy(struct ksync_spin *s);

static inline uint32_t ksync_spin_id(const struct ksync_spin *s)
{
	return s->o.id;
}

static inline int ksync_spin_lock(struct ksync_spin *s)
	ksync_locks_(s)
{
	return ksync_lock_(&s->o, 0);
}

static inline int ksync_spin_lock_interruptible(struct ksync_spin *s)
	ksync_locks_(s)
{
	return ksync_lock_(&s->o, KSYNC_WAIT_INTERRUPTIBLE);
}

static inline int ksync_spin_lock_try(struct ksync_spin *s)
	ksync_locks_(s)
{
	return ksync_lock_(&s->o, KSYNC_WAIT_TRY);
}

static inline int ksync_spin_lock_timed(struct ksync_spin *s, clockid_t clock,
					const struct timespec *abs)
	ksync_locks_(s)
{
	return ksync_lock_timed_(&s->o, clock, abs);
}

static inline int ksync_spin_unlock(struct ksync_spin *s)
	ksync_unlocks_(s)
{
	return ksync_unlock_(&s->o);
}

static inline int ksync_spin_consistent(struct ksync_spin *s)
	ksync_has_(s)
{
	return ksync_consistent_(&s->o, NULL);
}

static inline int ksync_spin_lock_as(struct ksync_spin *s,
				     const struct ksync_thread *t)
	ksync_locks_(s)
{
	return ksync_lock_as_(&s->o, t, 0);
}

static inline int ksync_spin_lock_interruptible_as(struct ksync_spin *s,
						   const struct ksync_thread *t)
	ksync_locks_(s)
{
	return ksync_lock_as_(&s->o, t, KSYNC_WAIT_INTERRUPTIBLE);
}

static inline int ksync_spin_lock_try_as(struct ksync_spin *s,
					 const struct ksync_thread *t)
	ksync_locks_(s)
{
	return ksync_lock_as_(&s->o, t, KSYNC_WAIT_TRY);
}

static inline int ksync_spin_lock_timed_as(struct ksync_spin *s,
					   const struct ksync_thread *t,
					   clockid_t clock,
					   const struct timespec *abs)
	ksync_locks_(s)
{
	return ksync_lock_timed_as_(&s->o, t, clock, abs);
}

static inline int ksync_spin_unlock_as(struct ksync_spin *s,
				       const struct ksync_thread *t)
	ksync_unlocks_(s)
{
	return ksync_unlock_as_(&s->o, t);
}

static inline int ksync_spin_consistent_as(struct ksync_spin *s,
					   const struct ksync_thread *t)
	ksync_has_(s)
{
	return ksync_consistent_(&s->o, t);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_SPIN_H */
