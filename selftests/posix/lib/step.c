// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <semaphore.h>
#include "actor.h"
#include "step.h"

#define SOON_MS 30

int step_lock(void *m)
{
	return pthread_mutex_lock(m);
}

int step_trylock(void *m)
{
	return pthread_mutex_trylock(m);
}

int step_unlock(void *m)
{
	return pthread_mutex_unlock(m);
}

int step_timedlock_soon(void *m)
{
	const struct timespec t = px_in(CLOCK_REALTIME, SOON_MS);

	return pthread_mutex_timedlock(m, &t);
}

int step_timedlock_late(void *m)
{
	const struct timespec t = px_late(CLOCK_REALTIME);

	return pthread_mutex_timedlock(m, &t);
}

int step_clocklock_soon(void *m)
{
	const struct timespec t = px_in(CLOCK_MONOTONIC, SOON_MS);

	return pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &t);
}

int step_consistent(void *m)
{
	return pthread_mutex_consistent(m);
}

int step_lock_exit(void *m)
{
	const int ret = pthread_mutex_lock(m);

	if (!ret)
		pthread_exit(NULL);
	return ret;
}

int step_rdlock(void *rw)
{
	return pthread_rwlock_rdlock(rw);
}

int step_wrlock(void *rw)
{
	return pthread_rwlock_wrlock(rw);
}

int step_tryrdlock(void *rw)
{
	return pthread_rwlock_tryrdlock(rw);
}

int step_trywrlock(void *rw)
{
	return pthread_rwlock_trywrlock(rw);
}

int step_rwunlock(void *rw)
{
	return pthread_rwlock_unlock(rw);
}

int step_timedrdlock_soon(void *rw)
{
	const struct timespec t = px_in(CLOCK_REALTIME, SOON_MS);

	return pthread_rwlock_timedrdlock(rw, &t);
}

int step_timedwrlock_soon(void *rw)
{
	const struct timespec t = px_in(CLOCK_REALTIME, SOON_MS);

	return pthread_rwlock_timedwrlock(rw, &t);
}

int step_timedrdlock_late(void *rw)
{
	const struct timespec t = px_late(CLOCK_REALTIME);

	return pthread_rwlock_timedrdlock(rw, &t);
}

int step_timedwrlock_late(void *rw)
{
	const struct timespec t = px_late(CLOCK_REALTIME);

	return pthread_rwlock_timedwrlock(rw, &t);
}

int step_clockrdlock_soon(void *rw)
{
	const struct timespec t = px_in(CLOCK_MONOTONIC, SOON_MS);

	return pthread_rwlock_clockrdlock(rw, CLOCK_MONOTONIC, &t);
}

int step_clockwrlock_soon(void *rw)
{
	const struct timespec t = px_in(CLOCK_MONOTONIC, SOON_MS);

	return pthread_rwlock_clockwrlock(rw, CLOCK_MONOTONIC, &t);
}

int step_sem_wait(void *sem)
{
	return sem_wait(sem) ? errno : 0;
}

int step_sem_trywait(void *sem)
{
	return sem_trywait(sem) ? errno : 0;
}

int step_sem_post(void *sem)
{
	return sem_post(sem) ? errno : 0;
}

int step_sem_timedwait_late(void *sem)
{
	const struct timespec t = px_late(CLOCK_REALTIME);

	return sem_timedwait(sem, &t) ? errno : 0;
}

int step_sem_clockwait_late(void *sem)
{
	const struct timespec t = px_late(CLOCK_MONOTONIC);

	return sem_clockwait(sem, CLOCK_MONOTONIC, &t) ? errno : 0;
}

int step_spin_trylock(void *spin)
{
	return pthread_spin_trylock(spin);
}

int step_spin_lock(void *spin)
{
	return pthread_spin_lock(spin);
}

int step_spin_unlock(void *spin)
{
	return pthread_spin_unlock(spin);
}

int step_barrier(void *b)
{
	return pthread_barrier_wait(b);
}

enum how { FOR_EVER, TIMED, CLOCK };

static int wait_once(struct queue *q, enum how how)
{
	struct timespec t;

	switch (how) {
	case TIMED:
		t = px_late(CLOCK_REALTIME);
		return pthread_cond_timedwait(&q->cond, &q->mutex, &t);
	case CLOCK:
		t = px_late(CLOCK_MONOTONIC);
		return pthread_cond_clockwait(&q->cond, &q->mutex, CLOCK_MONOTONIC, &t);
	default:
		return pthread_cond_wait(&q->cond, &q->mutex);
	}
}

static int queue_wait(struct queue *q, enum how how)
{
	int ret = pthread_mutex_lock(&q->mutex);

	if (ret)
		return ret;
	q->waiting++;
	while (!ret && !q->tickets) {
		ret = wait_once(q, how);
		q->returns++;
	}
	q->waiting--;
	if (!ret) {
		q->tickets--;
		q->taken++;
	}
	return pthread_mutex_unlock(&q->mutex) ? : ret;
}

int step_queue_wait(void *q)
{
	return queue_wait(q, FOR_EVER);
}

int step_queue_timedwait_late(void *q)
{
	return queue_wait(q, TIMED);
}

int step_queue_clockwait_late(void *q)
{
	return queue_wait(q, CLOCK);
}

int queue_add(struct queue *q, uint32_t n)
{
	int ret = pthread_mutex_lock(&q->mutex);

	if (ret)
		return ret;
	q->tickets += n;
	return pthread_mutex_unlock(&q->mutex);
}

int step_queue_signal(void *arg)
{
	struct queue *q = arg;

	return queue_add(q, 1) ? : pthread_cond_signal(&q->cond);
}

int step_queue_broadcast(void *arg)
{
	struct queue *q = arg;

	return queue_add(q, 16) ? : pthread_cond_broadcast(&q->cond);
}

int step_exit(void *unused)
{
	(void)unused;
	pthread_exit(NULL);
}

int step_with_a_thread(void *arg)
{
	pthread_mutex_t *m = arg;
	struct actor *a = actor_start(THREAD);

	actor_post(a, step_lock, m);
	if (actor_sleeps(a))
		return 1;
	if (pthread_mutex_unlock(m) || actor_result(a))
		return 2;
	if (pthread_mutex_trylock(m) != EBUSY)
		return 3;
	actor_post(a, step_unlock, m);
	return actor_result(a) ? 4 : 0;
}
