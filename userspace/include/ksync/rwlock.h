/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A reader-writer lock: any number of readers, or one writer.
 *
 * Readers write to memory of their own alone, so that they do not slow each
 * other down.  A writer that waits for readers raises each of them to its
 * priority, readers that wait raise the writer, and among equal priorities
 * neither side starves: readers that wait go after one writer, a writer goes
 * after the readers that are in.  (Readers in slots: Dice and Kogan, BRAVO,
 * USENIX ATC 2019.  Phases: Brandenburg and Anderson, ECRTS 2009.)
 *
 * For short read sections, and writes that are rare: the first write after a
 * read looks at the slots of all threads of the domain.
 */
#ifndef KSYNC_RWLOCK_H
#define KSYNC_RWLOCK_H

#include <ksync/annotations.h>
#include <ksync/lock.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_rwlock - this process's reference to a reader-writer lock
 * @o: the object
 */
struct KSYNC_CAPABILITY("rwlock") ksync_rwlock {
	struct ksync_object o;
};

/* The slow paths; @t is NULL for the calling thread's own identity. */
int ksync_read_lock_slow_(struct ksync_object *o, struct ksync_thread *t,
			  unsigned int flags);
int ksync_read_lock_until_(struct ksync_object *o, struct ksync_thread *t,
			   clockid_t clock, const struct timespec *abs);
int ksync_read_left_(struct ksync_object *o, uint32_t handle);
int ksync_rwlock_unlock_slow_(struct ksync_object *o, struct ksync_thread *t);
int ksync_rwlock_downgrade_(struct ksync_object *o, struct ksync_thread *t);

/* The entries of a slot cell. */
static inline uint32_t *ksync_slot_(const struct ksync_object *o, uint32_t slot)
{
	return (uint32_t *)(o->cell - o->id + slot);
}

/*
 * Entry and word are both sequentially consistent: whoever writes the one sees
 * the other, as <linux/ksync.h> asks for.
 */
static inline uint32_t ksync_slot_set_(const struct ksync_object *o,
				       uint32_t *entry, uint32_t value)
{
	__atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&o->cell->word, __ATOMIC_SEQ_CST);
}

/*
 * Somebody may wait for the caller, which has left: a writer that has the word, or,
 * where nobody is on the way to it, one who waits for many locks.
 */
static inline bool ksync_drains_(uint32_t word)
{
	uint32_t owner = word & KSYNC_OWNER;

	return word & KSYNC_WAITERS &&
	       (owner ? owner <= KSYNC_HANDLE_MAX : !(word & KSYNC_WOKEN));
}

/*
 * A thread that holds no read lock uses the first entry of its first slot.
 * Returns 1 if it reads now, 0 if not, -1 if not and ksync_read_left_() is to be told.
 */
static inline int ksync_read_enter_(const struct ksync_object *o,
				    struct ksync_thread *t)
{
	uint32_t seen = __atomic_load_n(&o->cell->word, __ATOMIC_RELAXED);
	uint32_t *entry;

	if (!ksync_likely_(t->serial == o->serial) ||
	    !ksync_likely_(t->nslots && !t->held) ||
	    !ksync_likely_(seen == KSYNC_READ))
		return 0;
	entry = ksync_slot_(o, t->slot[0]);
	seen = ksync_slot_set_(o, entry, KSYNC_SLOT(o->id, 1));
	if (ksync_likely_(seen == KSYNC_READ)) {
		t->held = 1;
		return 1;
	}
	seen = ksync_slot_set_(o, entry, 0);
	return ksync_drains_(seen) ? -1 : 0;
}

/* Returns 1 if it does not read any more, -1 if ksync_read_left_() is to be told; 0. */
static inline int ksync_read_leave_(const struct ksync_object *o,
				    struct ksync_thread *t)
{
	uint32_t *entry, seen;

	if (!ksync_likely_(t->serial == o->serial) || !t->held)
		return 0;
	entry = ksync_slot_(o, t->slot[0]);
	if (*entry != KSYNC_SLOT(o->id, 1U))
		return 0;
	t->held--;
	seen = ksync_slot_set_(o, entry, 0);
	return ksync_drains_(seen) ? -1 : 1;
}

static inline bool ksync_read_lock_fast_(struct ksync_object *o,
					 struct ksync_thread *t)
{
	int entered = ksync_read_enter_(o, t);

	if (entered < 0)
		ksync_read_left_(o, t->handle);
	return entered > 0;
}

static inline int ksync_rwlock_unlock_(struct ksync_object *o,
				       struct ksync_thread *t,
				       struct ksync_thread *given)
{
	int left = ksync_read_leave_(o, t);

	if (left)
		return left > 0 ? 0 : ksync_read_left_(o, t->handle);
	return ksync_unlock_fast_(o, t) ? 0 :
		ksync_rwlock_unlock_slow_(o, given);
}

/* In a page of the thread's own: see ksync_self_. */
static inline struct ksync_thread *ksync_reader_(void)
{
	return (struct ksync_thread *)ksync_self_;
}

/**
 * ksync_rwlock_init() - make a new reader-writer lock, free
 * @l: set up
 * @d: domain
 * @flags: 0 or
 *	KSYNC_RWLOCK_STRICT	the lock is handed to the waiter of highest
 *				priority; otherwise a running thread may take it
 *				first, for a bounded time
 *
 * Return: 0; -EINVAL (flags), -ENOSPC (the domain's limit of objects),
 * -EOPNOTSUPP (the module has no rwlocks), -ENOMEM.
 */
int ksync_rwlock_init(struct ksync_rwlock *l, struct ksync *d,
		      unsigned int flags);

/**
 * ksync_rwlock_open() - refer to a reader-writer lock that exists
 * @l: set up
 * @d: domain
 * @id: from ksync_rwlock_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (another kind of object).
 */
int ksync_rwlock_open(struct ksync_rwlock *l, struct ksync *d, uint32_t id);

/**
 * ksync_rwlock_destroy() - end a reader-writer lock, for all processes
 * @l: useless from now on: locking it returns -EBADF
 *
 * Nobody may hold it, for reading neither.
 *
 * Return: 0; -EBUSY (somebody waits for it), -EBADF (destroyed already).
 */
int ksync_rwlock_destroy(struct ksync_rwlock *l);

/**
 * ksync_rwlock_id() - the number by which other processes open it
 * @l: lock
 */
static inline uint32_t ksync_rwlock_id(const struct ksync_rwlock *l)
{
	return l->o.id;
}

/**
 * ksync_rwlock_read_lock() - lock for reading, waiting as long as it takes
 * @l: lock
 *
 * Who has it for reading may lock it for reading again, even while a writer
 * waits.  A signal handler runs, and the wait goes on.
 *
 * Return:
 * 0			locked
 * -EOWNERDEAD		locked, and a writer died with it: what it protects may
 *			be half written.  Every reader is told, until a writer
 *			has called ksync_rwlock_consistent()
 * -EDEADLK		the caller has it for writing, or waiting would close a
 *			cycle
 * -EAGAIN		the caller has it for reading 255 times, or has 64
 *			locks of this domain for reading
 * -ENOTRECOVERABLE	a writer unlocked it without making it consistent
 * -EUCLEAN		its memory was overwritten
 * -ENOSPC		the domain's limit of waiters, threads, or objects: each
 *			thread that reads uses the place of one
 * -ENOMEM		no memory to wait with, or for an identity
 * -EBADF		destroyed
 * -ESRCH		as ksync_mutex_lock()
 */
static inline int ksync_rwlock_read_lock(struct ksync_rwlock *l)
	ksync_locks_shared_(l)
{
	return ksync_read_lock_fast_(&l->o, ksync_reader_()) ? 0 :
		ksync_read_lock_slow_(&l->o, NULL, 0);
}

/**
 * ksync_rwlock_read_lock_interruptible() - the same, unless a handler ran
 * @l: lock
 *
 * Return: as ksync_rwlock_read_lock(); -EINTR.
 */
static inline int ksync_rwlock_read_lock_interruptible(struct ksync_rwlock *l)
	ksync_locks_shared_(l)
{
	return ksync_read_lock_fast_(&l->o, ksync_reader_()) ? 0 :
		ksync_read_lock_slow_(&l->o, NULL, KSYNC_WAIT_INTERRUPTIBLE);
}

/**
 * ksync_rwlock_read_lock_try() - the same, unless a writer has it
 * @l: lock
 *
 * Return: as ksync_rwlock_read_lock(); -EBUSY.
 */
static inline int ksync_rwlock_read_lock_try(struct ksync_rwlock *l)
	ksync_locks_shared_(l)
{
	return ksync_read_lock_fast_(&l->o, ksync_reader_()) ? 0 :
		ksync_read_lock_slow_(&l->o, NULL, KSYNC_WAIT_TRY);
}

/**
 * ksync_rwlock_read_lock_timed() - the same, waiting until a point in time
 * @l: lock
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * A free lock is locked without looking at @clock and @abs.
 *
 * Return: as ksync_rwlock_read_lock(); -ETIMEDOUT, -EINVAL (clock, tv_nsec).
 */
static inline int ksync_rwlock_read_lock_timed(struct ksync_rwlock *l,
					       clockid_t clock,
					       const struct timespec *abs)
	ksync_locks_shared_(l)
{
	return ksync_read_lock_fast_(&l->o, ksync_reader_()) ? 0 :
		ksync_read_lock_until_(&l->o, NULL, clock, abs);
}

/**
 * ksync_rwlock_write_lock() - lock for writing, waiting as long as it takes
 * @l: lock
 *
 * Return: as ksync_mutex_lock(). -EDEADLK also if the caller has it for
 * reading: to write, unlock first. -EOWNERDEAD is told to each writer, until
 * one has called ksync_rwlock_consistent().
 */
static inline int ksync_rwlock_write_lock(struct ksync_rwlock *l)
	ksync_locks_(l)
{
	return ksync_lock_(&l->o, 0);
}

/** ksync_rwlock_write_lock_interruptible() - as ksync_mutex_lock_interruptible() */
static inline int ksync_rwlock_write_lock_interruptible(struct ksync_rwlock *l)
	ksync_locks_(l)
{
	return ksync_lock_(&l->o, KSYNC_WAIT_INTERRUPTIBLE);
}

/** ksync_rwlock_write_lock_try() - as ksync_mutex_lock_try() */
static inline int ksync_rwlock_write_lock_try(struct ksync_rwlock *l)
	ksync_locks_(l)
{
	return ksync_lock_(&l->o, KSYNC_WAIT_TRY);
}

/** ksync_rwlock_write_lock_timed() - as ksync_mutex_lock_timed() */
static inline int ksync_rwlock_write_lock_timed(struct ksync_rwlock *l,
						clockid_t clock,
						const struct timespec *abs)
	ksync_locks_(l)
{
	return ksync_lock_timed_(&l->o, clock, abs);
}

/**
 * ksync_rwlock_unlock() - undo one lock, of whichever sort
 * @l: lock
 *
 * A writer that unlocks after -EOWNERDEAD without ksync_rwlock_consistent()
 * makes the lock unrecoverable; a reader that unlocks does not.
 *
 * Return: 0; -EPERM (the caller does not hold it), -EUCLEAN (its memory was
 * overwritten while the caller had it for writing; it is unlocked), -EBADF,
 * -ESRCH.
 */
static inline int ksync_rwlock_unlock(struct ksync_rwlock *l)
	ksync_unlocks_either_(l)
{
	return ksync_rwlock_unlock_(&l->o, ksync_reader_(), NULL);
}

/**
 * ksync_rwlock_consistent() - what the lock protects is in order again
 * @l: lock, locked for writing with -EOWNERDEAD
 *
 * Return: 0; -EPERM (the caller has it not for writing), -EINVAL (nobody died).
 */
static inline int ksync_rwlock_consistent(struct ksync_rwlock *l)
	ksync_has_(l)
{
	return ksync_consistent_(&l->o, NULL);
}

/**
 * ksync_rwlock_downgrade() - go on as a reader
 * @l: lock, locked for writing
 *
 * No other writer gets it in between.
 *
 * Return: 0; -EPERM (the caller has it not for writing), -EOWNERDEAD (it has to
 * be made consistent first), -EAGAIN, -ENOSPC or -ENOMEM (as
 * ksync_rwlock_read_lock(); the caller still writes), -EBADF, -ESRCH.
 */
static inline int ksync_rwlock_downgrade(struct ksync_rwlock *l)
	KSYNC_RELEASE(*l) KSYNC_ACQUIRE_SHARED(*l) KSYNC_NO_ANALYSIS
{
	return ksync_rwlock_downgrade_(&l->o, NULL);
}

/* The same for a task that says who it is: see ksync_thread_attach(). */

static inline int ksync_rwlock_read_lock_as(struct ksync_rwlock *l,
					    struct ksync_thread *t)
	ksync_locks_shared_(l)
{
	return ksync_read_lock_fast_(&l->o, t) ? 0 :
		ksync_read_lock_slow_(&l->o, t, 0);
}

static inline int
ksync_rwlock_read_lock_interruptible_as(struct ksync_rwlock *l,
					struct ksync_thread *t)
	ksync_locks_shared_(l)
{
	return ksync_read_lock_fast_(&l->o, t) ? 0 :
		ksync_read_lock_slow_(&l->o, t, KSYNC_WAIT_INTERRUPTIBLE);
}

static inline int ksync_rwlock_read_lock_try_as(struct ksync_rwlock *l,
						struct ksync_thread *t)
	ksync_locks_shared_(l)
{
	return ksync_read_lock_fast_(&l->o, t) ? 0 :
		ksync_read_lock_slow_(&l->o, t, KSYNC_WAIT_TRY);
}

static inline int ksync_rwlock_read_lock_timed_as(struct ksync_rwlock *l,
						  struct ksync_thread *t,
						  clockid_t clock,
						  const struct timespec *abs)
	ksync_locks_shared_(l)
{
	return ksync_read_lock_fast_(&l->o, t) ? 0 :
		ksync_read_lock_until_(&l->o, t, clock, abs);
}

static inline int ksync_rwlock_write_lock_as(struct ksync_rwlock *l,
					     const struct ksync_thread *t)
	ksync_locks_(l)
{
	return ksync_lock_as_(&l->o, t, 0);
}

static inline int
ksync_rwlock_write_lock_interruptible_as(struct ksync_rwlock *l,
					 const struct ksync_thread *t)
	ksync_locks_(l)
{
	return ksync_lock_as_(&l->o, t, KSYNC_WAIT_INTERRUPTIBLE);
}

static inline int ksync_rwlock_write_lock_try_as(struct ksync_rwlock *l,
						 const struct ksync_thread *t)
	ksync_locks_(l)
{
	return ksync_lock_as_(&l->o, t, KSYNC_WAIT_TRY);
}

static inline int ksync_rwlock_write_lock_timed_as(struct ksync_rwlock *l,
						   const struct ksync_thread *t,
						   clockid_t clock,
						   const struct timespec *abs)
	ksync_locks_(l)
{
	return ksync_lock_timed_as_(&l->o, t, clock, abs);
}

static inline int ksync_rwlock_unlock_as(struct ksync_rwlock *l,
					 struct ksync_thread *t)
	ksync_unlocks_either_(l)
{
	return ksync_rwlock_unlock_(&l->o, t, t);
}

static inline int ksync_rwlock_consistent_as(struct ksync_rwlock *l,
					     const struct ksync_thread *t)
	ksync_has_(l)
{
	return ksync_consistent_(&l->o, t);
}

static inline int ksync_rwlock_downgrade_as(struct ksync_rwlock *l,
					    struct ksync_thread *t)
	KSYNC_RELEASE(*l) KSYNC_ACQUIRE_SHARED(*l) KSYNC_NO_ANALYSIS
{
	return ksync_rwlock_downgrade_(&l->o, t);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_RWLOCK_H */
