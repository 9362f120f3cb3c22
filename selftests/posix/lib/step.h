/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What actors do.  A step gets the object and returns what the function did;
 * those of semaphores return errno, those of C11 thrd_*.
 *
 * "soon" is a deadline that passes while the test looks on; "late" is one that
 * passes after its patience.
 */
#ifndef POSIX_STEP_H
#define POSIX_STEP_H

#include <pthread.h>
#include <stdint.h>

/* pthread_mutex_t */
int step_lock(void *m);
int step_trylock(void *m);
int step_unlock(void *m);
int step_timedlock_soon(void *m);
int step_timedlock_late(void *m);
int step_clocklock_soon(void *m);	/* CLOCK_MONOTONIC */
int step_consistent(void *m);
/* Lock, and end the thread. */
int step_lock_exit(void *m);
int step_exit(void *unused);

/* pthread_rwlock_t */
int step_rdlock(void *rw);
int step_wrlock(void *rw);
int step_tryrdlock(void *rw);
int step_trywrlock(void *rw);
int step_rwunlock(void *rw);
int step_timedrdlock_soon(void *rw);
int step_timedwrlock_soon(void *rw);
int step_timedrdlock_late(void *rw);
int step_timedwrlock_late(void *rw);
int step_clockrdlock_soon(void *rw);
int step_clockwrlock_soon(void *rw);

/* sem_t */
int step_sem_wait(void *sem);
int step_sem_trywait(void *sem);
int step_sem_post(void *sem);
int step_sem_timedwait_late(void *sem);
int step_sem_clockwait_late(void *sem);

/* pthread_spinlock_t, pthread_barrier_t */
int step_spin_trylock(void *spin);
int step_spin_lock(void *spin);
int step_spin_unlock(void *spin);
int step_barrier(void *b);

/**
 * struct queue - tickets behind a mutex and a condition variable
 * @tickets: a waiter takes one and goes
 * @waiting: how many are in their wait
 * @taken: how many were taken
 * @returns: how often a wait returned, spuriously too
 * @order: who took which, by a number the waiter has
 */
struct queue {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	uint32_t tickets;
	uint32_t waiting;
	uint32_t taken;
	uint32_t returns;
	int order[16];
};

/* Wait for a ticket and take it: with the mutex taken and released. */
int step_queue_wait(void *q);
int step_queue_timedwait_late(void *q);		/* the cond's CLOCK_REALTIME */
int step_queue_clockwait_late(void *q);		/* CLOCK_MONOTONIC */
/* Add tickets under the mutex. */
int queue_add(struct queue *q, uint32_t n);
int step_queue_signal(void *q);			/* one ticket, signal */
int step_queue_broadcast(void *q);		/* 16 tickets, broadcast */

/* With the mutex locked: a thread of its own waits for it, and gets it. 0 if it does. */
int step_with_a_thread(void *mutex);

#endif /* POSIX_STEP_H */
