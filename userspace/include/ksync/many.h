/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Waiting for any, or for all, of up to 128 objects of any kinds: semaphores,
 * events, locks, waitqs, condition variables.  What the wait is for is taken by
 * it, as by the object's own wait: a unit of a semaphore is gone, an event that
 * resets itself is unset, a lock is the caller's.
 *
 * Any: the first one in the order of the items that can be had now; if there is
 * none, the first one that comes to be.  One is taken, never two.  While it
 * sleeps the caller stands in the queue of each semaphore, event, waitq and cond,
 * by priority like others.  Of the locks that others have it lends its priority
 * to the owner of the first; the others it takes when it finds them free.
 *
 * All: nothing is taken before all can be.  Units and events are taken in one
 * step: no other task sees one gone and another one still there.  (Between being
 * woken for one of them and deciding, the caller keeps that one from those of lower
 * priority, who may try for it in vain.)  Locks are locked one by one before that
 * step, without waiting, and given back if one is missing ("try and back off", as
 * std::lock() of C++ does): so others may find one of them locked for a moment.
 * While the caller sleeps it holds nothing, so there is no order in which objects
 * have to be listed, and no deadlock among waits for all.  But others may use up
 * what it waits for: who waits for all may wait for long where others wait for
 * single ones.
 *
 * A condition variable: read ksync_cond_count() with the mutex locked and the
 * condition false, unlock, wait with that as expected, lock again and look:
 *
 *	ksync_mutex_lock(&m);
 *	while (!condition) {
 *		items[0].expected = ksync_cond_count(&c);
 *		ksync_mutex_unlock(&m);
 *		ksync_wait_any(items, n, NULL, &index);
 *		ksync_mutex_lock(&m);
 *	}
 *
 * The wait is over with the first signal after the count was read, whomever else
 * that signal woke.
 *
 * All objects have to be of one domain.  Clang's thread safety analysis does not see
 * which locks are taken here.
 */
#ifndef KSYNC_MANY_H
#define KSYNC_MANY_H

#include <sys/types.h>
#include <time.h>
#include <ksync/cond.h>
#include <ksync/event.h>
#include <ksync/mutex.h>
#include <ksync/rwlock.h>
#include <ksync/sem.h>
#include <ksync/spin.h>
#include <ksync/waitq.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_wait_item - one object of a wait
 * @o: the object: &sem.o, &event.o, &mutex.o, ...
 * @flags: KSYNC_LOCK_READ: an rwlock is to be read; else 0
 * @expected: waitq: as in ksync_waitq_wait(); cond: what ksync_cond_count() said
 * @result: set: 0; -EOWNERDEAD: this lock was taken, and its previous owner died
 */
struct ksync_wait_item {
	struct ksync_object *o;
	uint32_t flags;
	uint32_t expected;
	int result;
};

/* @t: NULL for the calling thread's own identity. */
int ksync_wait_many_(struct ksync_wait_item *w, unsigned int n,
		     struct ksync_event *alert, struct ksync_thread *t,
		     unsigned int flags, clockid_t clock,
		     const struct timespec *abs, unsigned int *index);

/**
 * ksync_wait_any() - wait until one of the items can be had, and take it
 * @w: items; one object may be listed twice
 * @n: how many, 1 to KSYNC_MANY_MAX
 * @alert: an event that ends the wait, if nothing can be had; or NULL
 * @index: set to the item that was taken; with an error to the item that it is
 *	about, or UINT_MAX; may be NULL
 *
 * What is there is taken without a system call.  A recursive mutex that the
 * caller has, and an rwlock that it reads, can be had.  A signal handler runs,
 * and the wait goes on.
 *
 * Return:
 * 0			item *@index was taken
 * -EOWNERDEAD		it was taken, a lock, and its previous owner died with it:
 *			see ksync_mutex_lock()
 * -ECANCELED		the alert was set; nothing was taken.  *@index is @n
 * -EINVAL		@n; unknown flags; objects of several domains; the alert
 *			is an item too; or as ksync_mutex_lock() of a ceiling
 * -EDEADLK		the caller has each of them, or would wait for itself
 * -EAGAIN		as ksync_rwlock_read_lock(), ksync_mutex_init_protect()
 * -ENOTRECOVERABLE, -EUCLEAN, -EBADF	item *@index cannot be had
 * -ENOSPC		the domain's limit of waiters: each item counts, and the
 *			alert; or of threads
 * -ENOMEM, -ESRCH	as ksync_mutex_lock()
 */
static inline int ksync_wait_any(struct ksync_wait_item *w, unsigned int n,
				 struct ksync_event *alert, unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, NULL, 0, CLOCK_MONOTONIC, NULL,
				index);
}

/**
 * ksync_wait_any_try() - the same, without waiting
 * @w: items
 * @n: how many
 * @index: as for ksync_wait_any()
 *
 * Return: as ksync_wait_any(); -EBUSY.
 */
static inline int ksync_wait_any_try(struct ksync_wait_item *w, unsigned int n,
				     unsigned int *index)
{
	return ksync_wait_many_(w, n, NULL, NULL, KSYNC_WAIT_TRY,
				CLOCK_MONOTONIC, NULL, index);
}

/**
 * ksync_wait_any_timed() - the same, waiting until a point in time
 * @w: items
 * @n: how many
 * @alert: an event, or NULL
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 * @index: as for ksync_wait_any()
 *
 * Return: as ksync_wait_any(); -ETIMEDOUT, -EINVAL (clock, tv_nsec).
 */
static inline int ksync_wait_any_timed(struct ksync_wait_item *w, unsigned int n,
				       struct ksync_event *alert, clockid_t clock,
				       const struct timespec *abs,
				       unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, NULL, 0, clock, abs, index);
}

/**
 * ksync_wait_any_interruptible() - the same, unless a signal handler ran
 * @w: items
 * @n: how many
 * @alert: an event, or NULL
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 * @index: as for ksync_wait_any()
 *
 * Return: as ksync_wait_any_timed(); -EINTR.
 */
static inline int ksync_wait_any_interruptible(struct ksync_wait_item *w,
					       unsigned int n,
					       struct ksync_event *alert,
					       clockid_t clock,
					       const struct timespec *abs,
					       unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, NULL, KSYNC_WAIT_INTERRUPTIBLE,
				clock, abs, index);
}

/**
 * ksync_wait_all() - wait until all items can be had, and take them
 * @w: items, of different objects
 * @n: how many, 1 to KSYNC_MANY_MAX
 * @alert: an event that ends the wait, if not all can be had; or NULL
 * @index: with an error set to the item that it is about, or UINT_MAX, else to 0;
 *	may be NULL
 *
 * A recursive mutex that the caller has, and an rwlock that it reads, are locked
 * once more.  A signal handler runs, and the wait goes on.
 *
 * Return:
 * 0			all were taken
 * -EOWNERDEAD		all were taken, and an owner died: see the items' results
 * -ECANCELED		the alert was set; nothing was taken.  *@index is @n
 * -EINVAL		as ksync_wait_any(); an object is listed twice
 * -EDEADLK		the caller has this one, or would wait for itself
 * others		as ksync_wait_any(); nothing was taken
 */
static inline int ksync_wait_all(struct ksync_wait_item *w, unsigned int n,
				 struct ksync_event *alert, unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, NULL, KSYNC_MANY_ALL, CLOCK_MONOTONIC, NULL,
				index);
}

/**
 * ksync_wait_all_try() - the same, without waiting
 * @w: items
 * @n: how many
 * @index: as for ksync_wait_all()
 *
 * Return: as ksync_wait_all(); -EBUSY.
 */
static inline int ksync_wait_all_try(struct ksync_wait_item *w, unsigned int n,
				     unsigned int *index)
{
	return ksync_wait_many_(w, n, NULL, NULL, KSYNC_MANY_ALL | KSYNC_WAIT_TRY,
				CLOCK_MONOTONIC, NULL, index);
}

/**
 * ksync_wait_all_timed() - the same, waiting until a point in time
 * @w: items
 * @n: how many
 * @alert: an event, or NULL
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 * @index: as for ksync_wait_all()
 *
 * Return: as ksync_wait_all(); -ETIMEDOUT, -EINVAL (clock, tv_nsec).
 */
static inline int ksync_wait_all_timed(struct ksync_wait_item *w, unsigned int n,
				       struct ksync_event *alert, clockid_t clock,
				       const struct timespec *abs,
				       unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, NULL, KSYNC_MANY_ALL, clock, abs, index);
}

/**
 * ksync_wait_all_interruptible() - the same, unless a signal handler ran
 * @w: items
 * @n: how many
 * @alert: an event, or NULL
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 * @index: as for ksync_wait_all()
 *
 * Return: as ksync_wait_all_timed(); -EINTR.
 */
static inline int ksync_wait_all_interruptible(struct ksync_wait_item *w,
					       unsigned int n,
					       struct ksync_event *alert,
					       clockid_t clock,
					       const struct timespec *abs,
					       unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, NULL, KSYNC_MANY_ALL | KSYNC_WAIT_INTERRUPTIBLE,
				clock, abs, index);
}

/*
 * The same for a task that says who it is: see ksync_thread_attach().  It needs to
 * only where there are locks among the items.
 */

static inline int ksync_wait_any_as(struct ksync_wait_item *w, unsigned int n,
				    struct ksync_event *alert,
				    struct ksync_thread *t, unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, t, 0, CLOCK_MONOTONIC, NULL, index);
}

static inline int ksync_wait_any_try_as(struct ksync_wait_item *w, unsigned int n,
					struct ksync_thread *t,
					unsigned int *index)
{
	return ksync_wait_many_(w, n, NULL, t, KSYNC_WAIT_TRY,
				CLOCK_MONOTONIC, NULL, index);
}

static inline int ksync_wait_any_timed_as(struct ksync_wait_item *w, unsigned int n,
					  struct ksync_event *alert,
					  struct ksync_thread *t, clockid_t clock,
					  const struct timespec *abs,
					  unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, t, 0, clock, abs, index);
}

static inline int ksync_wait_any_interruptible_as(struct ksync_wait_item *w,
						  unsigned int n,
						  struct ksync_event *alert,
						  struct ksync_thread *t,
						  clockid_t clock,
						  const struct timespec *abs,
						  unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, t, KSYNC_WAIT_INTERRUPTIBLE,
				clock, abs, index);
}

static inline int ksync_wait_all_as(struct ksync_wait_item *w, unsigned int n,
				    struct ksync_event *alert,
				    struct ksync_thread *t, unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, t, KSYNC_MANY_ALL, CLOCK_MONOTONIC, NULL, index);
}

static inline int ksync_wait_all_try_as(struct ksync_wait_item *w, unsigned int n,
					struct ksync_thread *t,
					unsigned int *index)
{
	return ksync_wait_many_(w, n, NULL, t, KSYNC_MANY_ALL | KSYNC_WAIT_TRY,
				CLOCK_MONOTONIC, NULL, index);
}

static inline int ksync_wait_all_timed_as(struct ksync_wait_item *w, unsigned int n,
					  struct ksync_event *alert,
					  struct ksync_thread *t, clockid_t clock,
					  const struct timespec *abs,
					  unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, t, KSYNC_MANY_ALL, clock, abs, index);
}

static inline int ksync_wait_all_interruptible_as(struct ksync_wait_item *w,
						  unsigned int n,
						  struct ksync_event *alert,
						  struct ksync_thread *t,
						  clockid_t clock,
						  const struct timespec *abs,
						  unsigned int *index)
{
	return ksync_wait_many_(w, n, alert, t, KSYNC_MANY_ALL | KSYNC_WAIT_INTERRUPTIBLE,
				clock, abs, index);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_MANY_H */
