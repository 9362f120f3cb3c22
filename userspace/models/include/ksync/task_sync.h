/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Objects of libksync, waited for by tasks: the task parks, and its processor goes on
 * with others.
 *
 * Each function does, and returns, what its namesake without "task_" does; deadlines
 * are as everywhere in <ksync/task.h>, absolute, on the caller's clock, and a task that
 * is cancelled gets -ECANCELED from what would make it wait; -EAGAIN also if a thread
 * is needed and there is none.  What is there is taken without a look at either.
 * Called by a plain thread they are their namesakes.  What does not wait (post, set,
 * reset, signal, wake, count down, init) is called as by threads.
 *
 * A program that includes this is linked with libksync, too.
 *
 * Where the module and io_uring are there, waits for semaphores, events, latches and
 * waitqs are commands of one ring a scheduler, and stand in the object's queue by the
 * priority of that ring's thread, which is that of who made it.  Without the module they
 * are waits for futexes by that ring, from Linux 6.7 on.  Where there is neither, or with
 * KSYNC_MODELS_RING=0 in the environment, and for barriers, threads wait in the tasks'
 * place: see ksync_task_call().  Such a wait goes to the end of the queue each 50 ms
 * (but not while cancellation is masked).
 *
 * Locks are owned by threads.  With KSYNC_MODEL_MN a task that has one is pinned to its
 * thread, which runs no other; with KSYNC_MODEL_N1, or seeded, the thread of all tasks
 * owns the lock, or one that locked it in the task's place.  So a task locks and unlocks
 * by these functions alone, and unlocks before it ends.  A cancelled task that waits
 * for a lock, or a cond, notices within 50 ms.
 */
#ifndef KSYNC_TASK_SYNC_H
#define KSYNC_TASK_SYNC_H

#include <ksync/barrier.h>
#include <ksync/cond.h>
#include <ksync/event.h>
#include <ksync/latch.h>
#include <ksync/mutex.h>
#include <ksync/rwlock.h>
#include <ksync/sem.h>
#include <ksync/spin.h>
#include <ksync/step.h>
#include <ksync/task_wait.h>
#include <ksync/waitq.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline bool ksync_task_has_ring_(void *domain)
{
	struct ksync_info info;

	return !ksync_info((struct ksync *)domain, &info) &&
	       info.features & KSYNC_FEATURE_URING;
}

struct ksync_task_steps_ {
	struct ksync_object *o;
	struct ksync_step_ step;
};

static inline int ksync_task_step_(void *steps, struct ksync_task_sleep_ *on, int slept)
{
	struct ksync_task_steps_ *s = (struct ksync_task_steps_ *)steps;
	int ret = ksync_step_(s->o, &s->step, slept);

	on->word = s->step.word;
	on->expected = s->step.expected;
	on->bitset = s->step.bitset;
	return ret;
}

/* What of an object a wait is about; the rest is the command's. */
static inline struct ksync_task_wait_
ksync_task_wait_of_(struct ksync_object *o,
		    int (*fn)(void *arg, const struct timespec *until), void *arg,
		    struct ksync_task_steps_ *steps)
{
	struct ksync_task_wait_ w;

	memset(&w, 0, sizeof(w));
	w.fn = fn;
	w.arg = arg;
	w.domain = o->domain;
	w.serial = o->serial;
	w.has_ring = ksync_task_has_ring_;
	w.id = o->id;
	w.cancel = KSYNC_URING_CANCEL;
	memset(steps, 0, sizeof(*steps));
	steps->o = o;
	w.step = ksync_task_step_;
	w.steps = steps;
	return w;
}

static inline int ksync_task_wait_for_(struct ksync_object *o,
				       int (*fn)(void *arg, const struct timespec *until),
				       const struct timespec *abs)
{
	struct ksync_task_steps_ steps;
	struct ksync_task_wait_ w = ksync_task_wait_of_(o, fn, o, &steps);

	if (!ksync_usable_(o))
		return -EBADF;
	w.fd = ksync_fileno(o->domain);
	w.command = KSYNC_URING_ACQUIRE;
	return ksync_task_wait_(&w, abs);
}

static inline int ksync_task_sem_call_(void *s, const struct timespec *until)
{
	return ksync_sem_wait_timed((struct ksync_sem *)s, CLOCK_MONOTONIC, until);
}

static inline int ksync_task_sem_wait_timed(struct ksync_sem *s,
					    const struct timespec *abs)
{
	return ksync_sem_take_(s) ? 0 :
		ksync_task_wait_for_(&s->o, ksync_task_sem_call_, abs);
}

static inline int ksync_task_sem_wait(struct ksync_sem *s)
{
	return ksync_task_sem_wait_timed(s, NULL);
}

static inline int ksync_task_event_call_(void *e, const struct timespec *until)
{
	return ksync_event_wait_timed((struct ksync_event *)e, CLOCK_MONOTONIC, until);
}

static inline int ksync_task_event_wait_timed(struct ksync_event *e,
					      const struct timespec *abs)
{
	return ksync_event_take_(e) ? 0 :
		ksync_task_wait_for_(&e->o, ksync_task_event_call_, abs);
}

static inline int ksync_task_event_wait(struct ksync_event *e)
{
	return ksync_task_event_wait_timed(e, NULL);
}

struct ksync_task_waitq_wait_ {
	struct ksync_waitq *q;
	uint32_t expected;
	uint32_t bitset;
};

static inline int ksync_task_waitq_call_(void *arg, const struct timespec *until)
{
	const struct ksync_task_waitq_wait_ *w = (struct ksync_task_waitq_wait_ *)arg;

	return ksync_waitq_wait_timed(w->q, w->expected, w->bitset, CLOCK_MONOTONIC,
				      until);
}

static inline int ksync_task_waitq_wait_timed(struct ksync_waitq *q, uint32_t expected,
					      uint32_t bitset, const struct timespec *abs)
{
	struct ksync_task_waitq_wait_ call = { q, expected, bitset };
	struct ksync_task_steps_ steps;
	struct ksync_task_wait_ w = ksync_task_wait_of_(&q->o, ksync_task_waitq_call_,
							&call, &steps);

	if (!bitset)
		return -EINVAL;
	if (!ksync_usable_(&q->o))
		return -EBADF;
	if (__atomic_load_n(&q->o.cell->word, __ATOMIC_ACQUIRE) != expected)
		return -EAGAIN;
	w.fd = ksync_fileno(q->o.domain);
	w.command = KSYNC_URING_WAIT;
	w.value = expected;
	w.bitset = bitset;
	steps.step.expected = expected;
	steps.step.bitset = bitset;
	return ksync_task_wait_(&w, abs);
}

static inline int ksync_task_waitq_wait(struct ksync_waitq *q, uint32_t expected)
{
	return ksync_task_waitq_wait_timed(q, expected, KSYNC_BITSET_ALL, NULL);
}

static inline int ksync_task_latch_wait_timed(struct ksync_latch *l,
					      const struct timespec *abs)
{
	uint32_t seen;
	int ret = 0;

	while (!ksync_latch_is_open_(l) && (!ret || ret == -EAGAIN)) {
		if (!ksync_usable_(&l->o))
			return -EBADF;
		seen = __atomic_load_n(&l->o.cell->word, __ATOMIC_ACQUIRE);
		if (seen & KSYNC_LATCH_MAX)
			ret = ksync_task_waitq_wait_timed(&l->q, seen,
							  KSYNC_BITSET_ALL, abs);
		else if (!ksync_latch_is_open_(l))
			return -EBADF;
	}
	return ksync_latch_is_open_(l) ? 0 : ret;
}

static inline int ksync_task_latch_wait(struct ksync_latch *l)
{
	return ksync_task_latch_wait_timed(l, NULL);
}

static inline int ksync_task_barrier_call_(void *b, const struct timespec *until)
{
	return ksync_barrier_wait_timed((struct ksync_barrier *)b, CLOCK_MONOTONIC, until);
}

static inline int ksync_task_barrier_wait_timed(struct ksync_barrier *b,
						const struct timespec *abs)
{
	return ksync_task_call(ksync_task_barrier_call_, b, abs);
}

static inline int ksync_task_barrier_wait(struct ksync_barrier *b)
{
	return ksync_task_barrier_wait_timed(b, NULL);
}

/* All of a kind of lock but what it is for readers. */
static inline int ksync_task_mutex_op_(void *lock, int op, const struct timespec *until)
{
	struct ksync_mutex *m = (struct ksync_mutex *)lock;

	switch (op) {
	case KSYNC_TASK_LOCK_:
		return ksync_lock_timed_(&m->o, CLOCK_MONOTONIC, until);
	case KSYNC_TASK_TRY_:
		return ksync_lock_(&m->o, KSYNC_WAIT_TRY);
	case KSYNC_TASK_UNLOCK_:
		return ksync_unlock_(&m->o);
	case KSYNC_TASK_CONSISTENT_:
		return ksync_consistent_(&m->o, NULL);
	}
	return -EINVAL;
}

static inline int ksync_task_rwlock_op_(void *lock, int op, const struct timespec *until)
	KSYNC_NO_ANALYSIS
{
	struct ksync_rwlock *l = (struct ksync_rwlock *)lock;

	switch (op) {
	case KSYNC_TASK_READ_:
		return ksync_rwlock_read_lock_timed(l, CLOCK_MONOTONIC, until);
	case KSYNC_TASK_READ_TRY_:
		return ksync_rwlock_read_lock_try(l);
	case KSYNC_TASK_UNLOCK_:
		return ksync_rwlock_unlock(l);
	case KSYNC_TASK_DOWNGRADE_:
		return ksync_rwlock_downgrade(l);
	}
	return ksync_task_mutex_op_(lock, op, until);
}

static inline struct ksync_task_lock_
ksync_task_lock_of_(int (*fn)(void *lock, int op, const struct timespec *until), void *lock,
		    const struct ksync_object *o)
{
	struct ksync_task_lock_ l;

	l.fn = fn;
	l.lock = lock;
	l.cell = o->cell;
	return l;
}

static inline int ksync_task_owned_(int (*fn)(void *lock, int op,
					      const struct timespec *until),
				    struct ksync_object *o, int op,
				    const struct timespec *abs)
{
	const struct ksync_task_lock_ l = ksync_task_lock_of_(fn, o, o);

	switch (op) {
	case KSYNC_TASK_UNLOCK_:
		return ksync_task_unlock_(&l);
	case KSYNC_TASK_CONSISTENT_:
	case KSYNC_TASK_DOWNGRADE_:
		return ksync_task_do_(&l, op);
	}
	return ksync_task_lock_(&l, op, abs);
}

static inline int ksync_task_mutex_lock_timed(struct ksync_mutex *m,
					      const struct timespec *abs)
	ksync_locks_(m)
{
	return ksync_task_owned_(ksync_task_mutex_op_, &m->o, KSYNC_TASK_LOCK_, abs);
}

static inline int ksync_task_mutex_lock(struct ksync_mutex *m)
	ksync_locks_(m)
{
	return ksync_task_mutex_lock_timed(m, NULL);
}

static inline int ksync_task_mutex_lock_try(struct ksync_mutex *m)
	ksync_locks_(m)
{
	return ksync_task_owned_(ksync_task_mutex_op_, &m->o, KSYNC_TASK_TRY_, NULL);
}

static inline int ksync_task_mutex_unlock(struct ksync_mutex *m)
	ksync_unlocks_(m)
{
	return ksync_task_owned_(ksync_task_mutex_op_, &m->o, KSYNC_TASK_UNLOCK_, NULL);
}

static inline int ksync_task_mutex_consistent(struct ksync_mutex *m)
	ksync_has_(m)
{
	return ksync_task_owned_(ksync_task_mutex_op_, &m->o, KSYNC_TASK_CONSISTENT_, NULL);
}

static inline int ksync_task_spin_lock_timed(struct ksync_spin *s,
					     const struct timespec *abs)
	ksync_locks_(s)
{
	return ksync_task_owned_(ksync_task_mutex_op_, &s->o, KSYNC_TASK_LOCK_, abs);
}

static inline int ksync_task_spin_lock(struct ksync_spin *s)
	ksync_locks_(s)
{
	return ksync_task_spin_lock_timed(s, NULL);
}

static inline int ksync_task_spin_lock_try(struct ksync_spin *s)
	ksync_locks_(s)
{
	return ksync_task_owned_(ksync_task_mutex_op_, &s->o, KSYNC_TASK_TRY_, NULL);
}

static inline int ksync_task_spin_unlock(struct ksync_spin *s)
	ksync_unlocks_(s)
{
	return ksync_task_owned_(ksync_task_mutex_op_, &s->o, KSYNC_TASK_UNLOCK_, NULL);
}

static inline int ksync_task_spin_consistent(struct ksync_spin *s)
	ksync_has_(s)
{
	return ksync_task_owned_(ksync_task_mutex_op_, &s->o, KSYNC_TASK_CONSISTENT_, NULL);
}

static inline int ksync_task_rwlock_read_lock_timed(struct ksync_rwlock *l,
						    const struct timespec *abs)
	ksync_locks_shared_(l)
{
	return ksync_task_owned_(ksync_task_rwlock_op_, &l->o, KSYNC_TASK_READ_, abs);
}

static inline int ksync_task_rwlock_read_lock(struct ksync_rwlock *l)
	ksync_locks_shared_(l)
{
	return ksync_task_rwlock_read_lock_timed(l, NULL);
}

static inline int ksync_task_rwlock_read_lock_try(struct ksync_rwlock *l)
	ksync_locks_shared_(l)
{
	return ksync_task_owned_(ksync_task_rwlock_op_, &l->o, KSYNC_TASK_READ_TRY_, NULL);
}

static inline int ksync_task_rwlock_write_lock_timed(struct ksync_rwlock *l,
						     const struct timespec *abs)
	ksync_locks_(l)
{
	return ksync_task_owned_(ksync_task_rwlock_op_, &l->o, KSYNC_TASK_LOCK_, abs);
}

static inline int ksync_task_rwlock_write_lock(struct ksync_rwlock *l)
	ksync_locks_(l)
{
	return ksync_task_rwlock_write_lock_timed(l, NULL);
}

static inline int ksync_task_rwlock_write_lock_try(struct ksync_rwlock *l)
	ksync_locks_(l)
{
	return ksync_task_owned_(ksync_task_rwlock_op_, &l->o, KSYNC_TASK_TRY_, NULL);
}

static inline int ksync_task_rwlock_unlock(struct ksync_rwlock *l)
	ksync_unlocks_either_(l)
{
	return ksync_task_owned_(ksync_task_rwlock_op_, &l->o, KSYNC_TASK_UNLOCK_, NULL);
}

static inline int ksync_task_rwlock_consistent(struct ksync_rwlock *l)
	ksync_has_(l)
{
	return ksync_task_owned_(ksync_task_rwlock_op_, &l->o, KSYNC_TASK_CONSISTENT_, NULL);
}

static inline int ksync_task_rwlock_downgrade(struct ksync_rwlock *l)
	KSYNC_RELEASE(*l) KSYNC_ACQUIRE_SHARED(*l) KSYNC_NO_ANALYSIS
{
	return ksync_task_owned_(ksync_task_rwlock_op_, &l->o, KSYNC_TASK_DOWNGRADE_, NULL);
}

static inline int ksync_task_cond_call_(void *c, void *m, const struct timespec *until)
	KSYNC_NO_ANALYSIS
{
	return ksync_cond_wait_timed((struct ksync_cond *)c, (struct ksync_mutex *)m,
				     CLOCK_MONOTONIC, until);
}

/**
 * ksync_task_cond_wait_timed() - as ksync_cond_wait_timed()
 * @c: condition variable
 * @m: locked by the calling task, by ksync_task_mutex_lock()
 * @abs: deadline; NULL waits for ever
 *
 * Spurious wake-ups are frequent: each 50 ms, if the task may be cancelled.
 *
 * Return: as ksync_cond_wait_timed(); with the mutex locked also -ECANCELED.
 */
static inline int ksync_task_cond_wait_timed(struct ksync_cond *c, struct ksync_mutex *m,
					     const struct timespec *abs)
	KSYNC_REQUIRES(*m)
{
	struct ksync_task_cond_ w;

	w.wait = ksync_task_cond_call_;
	w.cond = c;
	w.mutex = ksync_task_lock_of_(ksync_task_mutex_op_, m, &m->o);
	return ksync_task_cond_wait_(&w, abs);
}

static inline int ksync_task_cond_wait(struct ksync_cond *c, struct ksync_mutex *m)
	KSYNC_REQUIRES(*m)
{
	return ksync_task_cond_wait_timed(c, m, NULL);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_TASK_SYNC_H */
