// SPDX-License-Identifier: GPL-2.0
/*
 * Objects shared by processes, of which one dies: killed, by exit, by exec.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/px.h"

FIXTURE(death)
{
	struct queue *q;
	pthread_mutex_t *m;
	struct actor *a, *b, *c;
};

FIXTURE_VARIANT(death)
{
	struct mutex_sort sort;
};

FIXTURE_VARIANT_ADD(death, normal)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .pshared = PTHREAD_PROCESS_SHARED },
};

FIXTURE_VARIANT_ADD(death, recursive)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .pshared = PTHREAD_PROCESS_SHARED,
		  .type = PTHREAD_MUTEX_RECURSIVE },
};

FIXTURE_VARIANT_ADD(death, pi)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .pshared = PTHREAD_PROCESS_SHARED,
		  .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_SETUP(death)
{
	self->q = px_shared(sizeof(*self->q));
	self->m = &self->q->mutex;
	ASSERT_EQ(0, mutex_make(self->m, variant->sort));
	ASSERT_EQ(0, cond_make(&self->q->cond, CLOCK_REALTIME, PTHREAD_PROCESS_SHARED));
	self->a = actor_start(PROCESS);
	self->b = actor_start(PROCESS);
	self->c = actor_start(PROCESS);
}

FIXTURE_TEARDOWN(death)
{
}

static int killed(struct actor *a)
{
	kill(a->tid, SIGKILL);
	return child_result(a->tid);
}

/* pthread_mutexattr_setrobust, DESCRIPTION: the owner's process is killed: [EOWNERDEAD]. */
TEST_F(death, killed_owner)
{
	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	EXPECT_EQ(CHILD_KILLED + SIGKILL, killed(self->a));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	EXPECT_EQ(EBUSY, DO(self->b, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, DO(self->b, step_lock, self->m));
}

/* The same, when others wait already: one is told, and the rest come after. */
TEST_F(death, killed_owner_with_waiters)
{
	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	BLOCKS(self->b, step_lock, self->m);
	EXPECT_EQ(CHILD_KILLED + SIGKILL, killed(self->a));
	ENDS(EOWNERDEAD, self->b);
	BLOCKS(self->c, step_lock, self->m);
	EXPECT_EQ(0, DO(self->b, step_consistent, self->m));
	EXPECT_EQ(0, DO(self->b, step_unlock, self->m));
	ENDS(0, self->c);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
}

/* A killed waiter is not in the way. */
TEST_F(death, killed_waiter)
{
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	BLOCKS(self->a, step_lock, self->m);
	BLOCKS(self->b, step_lock, self->m);
	EXPECT_EQ(CHILD_KILLED + SIGKILL, killed(self->a));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ENDS(0, self->b);
	EXPECT_EQ(0, DO(self->b, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

static int lock_and_exit(void *m)
{
	if (pthread_mutex_lock(m))
		return 1;
	_exit(42);
}

/* The same for a process that exits. */
TEST_F(death, exited_owner)
{
	EXPECT_EQ(42, child_do(lock_and_exit, self->m));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	EXPECT_EQ(0, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

static int lock_and_exec(void *arg)
{
	struct queue *q = arg;

	if (pthread_mutex_lock(&q->mutex))
		return 1;
	__atomic_store_n(&q->taken, 1, __ATOMIC_RELEASE);
	px_value(&q->waiting, 1);
	unsetenv("LD_PRELOAD");
	execl("/bin/cat", "cat", NULL);
	return 2;
}

/* And for one that becomes another program: it lives, the owner does not. */
TEST_F(death, owner_that_execs)
{
	int fd[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(fd));
	pid = fork();
	if (!pid) {
		dup2(fd[0], 0);
		close(fd[1]);
		_exit(lock_and_exec(self->q));
	}
	ASSERT_EQ(0, px_value(&self->q->taken, 1));
	BLOCKS(self->b, step_lock, self->m);
	__atomic_store_n(&self->q->waiting, 1, __ATOMIC_RELEASE);
	ENDS(EOWNERDEAD, self->b);
	EXPECT_EQ(0, kill(pid, 0));
	close(fd[0]);
	close(fd[1]);
	EXPECT_EQ(0, child_result(pid));
}

/* A killed waiter of a condition variable takes no signal and blocks nobody. */
TEST_F(death, killed_cond_waiter)
{
	BLOCKS(self->a, step_queue_wait, self->q);
	BLOCKS(self->b, step_queue_wait, self->q);
	EXPECT_EQ(CHILD_KILLED + SIGKILL, killed(self->a));
	BLOCKS(self->c, step_queue_wait, self->q);
	EXPECT_EQ(0, step_queue_broadcast(self->q));
	ENDS(0, self->b);
	ENDS(0, self->c);
}

/* A killed waiter of a semaphore takes nothing. */
TEST(killed_sem_waiter)
{
	sem_t *sem = px_shared(sizeof(*sem));
	struct actor *a, *b;
	int v;

	ASSERT_EQ(0, sem_init(sem, 1, 0));
	a = actor_start(PROCESS);
	b = actor_start(PROCESS);
	BLOCKS(a, step_sem_wait, sem);
	BLOCKS(b, step_sem_wait, sem);
	EXPECT_EQ(CHILD_KILLED + SIGKILL, killed(a));
	EXPECT_EQ(0, sem_post(sem));
	ENDS(0, b);
	EXPECT_EQ(0, sem_post(sem));
	EXPECT_EQ(0, sem_getvalue(sem, &v));
	EXPECT_EQ(1, v);
}

/* A mutex that is not robust stays locked when its owner's process is gone. */
TEST(not_robust_stays_locked)
{
	pthread_mutex_t *m = px_shared(sizeof(*m));
	struct actor *a;

	MUTEX(m, .pshared = PTHREAD_PROCESS_SHARED);
	a = actor_start(PROCESS);
	EXPECT_EQ(0, DO(a, step_lock, m));
	EXPECT_EQ(CHILD_KILLED + SIGKILL, killed(a));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(m));
	EXPECT_EQ(ETIMEDOUT, step_timedlock_soon(m));
}

PX_MAIN
