// SPDX-License-Identifier: GPL-2.0
/*
 * fork() in a threaded program: what the child finds.
 *
 * XSH fork, DESCRIPTION: the child has one thread, a copy of the caller, and copies of
 * all synchronization objects in the state they were in.
 */
#include "lib/px.h"

FIXTURE(fork)
{
	pthread_mutex_t m;
	struct actor *a, *b;
};

FIXTURE_VARIANT(fork)
{
	struct mutex_sort sort;
};

FIXTURE_VARIANT_ADD(fork, normal)
{
};

FIXTURE_VARIANT_ADD(fork, adaptive)
{
	.sort = { .type = PTHREAD_MUTEX_ADAPTIVE_NP },
};

FIXTURE_SETUP(fork)
{
	ASSERT_EQ(0, mutex_make(&self->m, variant->sort));
	self->a = actor_start(THREAD);
	self->b = actor_start(THREAD);
}

FIXTURE_TEARDOWN(fork)
{
}

/* All steps here run in a child: 0 when it found what it should. */
static int own_is_held(void *arg)
{
	pthread_mutex_t *m = arg;

	if (pthread_mutex_trylock(m) != EBUSY)
		return 1;
	if (pthread_mutex_unlock(m))
		return 2;
	if (pthread_mutex_lock(m))
		return 3;
	return pthread_mutex_unlock(m) ? 4 : 0;
}

/* A mutex that the caller of fork() had: the child has it, and can unlock it. */
TEST_F(fork, own_mutex_is_the_childs)
{
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(0, child_do(own_is_held, &self->m));
	/* And the parent's is another one. */
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, &self->m));
}

static int others_is_busy(void *arg)
{
	return pthread_mutex_trylock(arg) == EBUSY ? 0 : 1;
}

/* One that another thread had: nobody's in the child, but not free. */
TEST_F(fork, mutex_of_another_thread_is_busy)
{
	EXPECT_EQ(0, DO(self->a, step_lock, &self->m));
	EXPECT_EQ(0, child_do(others_is_busy, &self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, &self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->m));
}

/* One that others waited for, as well: the waiters are not in the child. */
TEST_F(fork, waiters_are_not_copied)
{
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	BLOCKS(self->a, step_lock, &self->m);
	EXPECT_EQ(0, child_do(own_is_held, &self->m));
	EXPECT_EQ(0, actor_sleeps(self->a));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	ENDS(0, self->a);
}

TEST_F(fork, child_has_threads_of_its_own)
{
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	BLOCKS(self->a, step_lock, &self->m);
	EXPECT_EQ(0, child_do(step_with_a_thread, &self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	ENDS(0, self->a);
}

static int grandchild(void *arg)
{
	return child_do(own_is_held, arg) ? 11 : own_is_held(arg);
}

/* A child that forks again. */
TEST_F(fork, child_of_the_child)
{
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(0, child_do(grandchild, &self->m));
}

/* The same by a thread that is not the first. */
static int fork_in_thread(void *arg)
{
	return pthread_mutex_lock(arg) ? 21 : child_do(grandchild, arg);
}

TEST_F(fork, by_another_thread)
{
	EXPECT_EQ(0, DO(self->a, fork_in_thread, &self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, &self->m));
}

static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

/* The owner in the child is the child's thread, for types that know their owner, too. */
static int recursive_in_child(void *unused)
{
	(void)unused;
	if (pthread_mutex_trylock(&recursive))
		return 1;
	/* Three times now. */
	if (pthread_mutex_unlock(&recursive) || pthread_mutex_unlock(&recursive) ||
	    pthread_mutex_unlock(&recursive))
		return 2;
	return pthread_mutex_unlock(&recursive) == EPERM ? 0 : 3;
}

TEST(recursive_count_is_the_childs)
{
	EXPECT_EQ(0, pthread_mutex_lock(&recursive));
	EXPECT_EQ(0, pthread_mutex_lock(&recursive));
	EXPECT_EQ(0, child_do(recursive_in_child, NULL));
	EXPECT_EQ(0, pthread_mutex_unlock(&recursive));
	EXPECT_EQ(0, pthread_mutex_unlock(&recursive));
	EXPECT_EQ(EPERM, pthread_mutex_unlock(&recursive));
}

static int errorcheck_in_child(void *unused)
{
	(void)unused;
	if (pthread_mutex_lock(&errorcheck) != EDEADLK)
		return 1;
	if (pthread_mutex_unlock(&errorcheck))
		return 2;
	return pthread_mutex_unlock(&errorcheck) == EPERM ? 0 : 3;
}

TEST(errorcheck_is_the_childs)
{
	EXPECT_EQ(0, pthread_mutex_lock(&errorcheck));
	EXPECT_EQ(0, child_do(errorcheck_in_child, NULL));
	EXPECT_EQ(EDEADLK, pthread_mutex_lock(&errorcheck));
	EXPECT_EQ(0, pthread_mutex_unlock(&errorcheck));
}

/* The same if what it locked last is shared by processes. */
TEST(errorcheck_is_the_childs_after_a_shared_one)
{
	pthread_mutex_t *shared = px_shared(sizeof(*shared));

	ASSERT_EQ(0, mutex_make(shared, (struct mutex_sort){ .pshared = PTHREAD_PROCESS_SHARED }));
	EXPECT_EQ(0, pthread_mutex_lock(&errorcheck));
	EXPECT_EQ(0, pthread_mutex_lock(shared));
	EXPECT_EQ(0, pthread_mutex_unlock(shared));
	EXPECT_EQ(0, child_do(errorcheck_in_child, NULL));
	EXPECT_EQ(0, pthread_mutex_unlock(&errorcheck));
}

/* Whoever its owner is thought to be there, it is not free, and the parent's stays. */
TEST(typed_ones_are_busy_in_the_child)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, DO(a, step_lock, &recursive));
	EXPECT_EQ(0, DO(a, step_lock, &errorcheck));
	EXPECT_EQ(0, child_do(others_is_busy, &recursive));
	EXPECT_EQ(0, child_do(others_is_busy, &errorcheck));
	EXPECT_EQ(0, DO(a, step_unlock, &recursive));
	EXPECT_EQ(0, DO(a, step_unlock, &errorcheck));
	EXPECT_EQ(0, pthread_mutex_trylock(&recursive));
	EXPECT_EQ(0, pthread_mutex_trylock(&errorcheck));
}

static pthread_mutex_t inheriting;

TEST(pi_mutex_is_the_childs)
{
	MUTEX(&inheriting, .protocol = PTHREAD_PRIO_INHERIT);
	EXPECT_EQ(0, pthread_mutex_lock(&inheriting));
	EXPECT_EQ(0, child_do(own_is_held, &inheriting));
	EXPECT_EQ(0, pthread_mutex_unlock(&inheriting));
}

/* Unlocked ones of each sort work in the child, with the types' checks. */
static pthread_mutex_t sorts[12];

static int sorts_in_child(void *unused)
{
	struct actor *a = actor_start(THREAD);
	int i, ret;

	(void)unused;
	for (i = 0; i < 12; i++) {
		if (pthread_mutex_lock(&sorts[i]))
			return 1 + i;
		if (DO(a, step_trylock, &sorts[i]) != EBUSY)
			return 21 + i;
		ret = i % 3 == PTHREAD_MUTEX_NORMAL ? 0 : DO(a, step_unlock, &sorts[i]);
		if (i % 3 != PTHREAD_MUTEX_NORMAL && ret != EPERM)
			return 41 + i;
		actor_post(a, step_lock, &sorts[i]);
		if (actor_sleeps(a) || pthread_mutex_unlock(&sorts[i]) || actor_result(a))
			return 61 + i;
	}
	return 0;
}

TEST(unlocked_ones_of_each_sort)
{
	struct actor *a = actor_start(THREAD);
	int i;

	for (i = 0; i < 12; i++) {
		MUTEX(&sorts[i], .type = i % 3, .protocol = i / 3 % 2, .robust = i / 6);
		/* They have been waited for. */
		EXPECT_EQ(0, pthread_mutex_lock(&sorts[i]));
		BLOCKS(a, step_lock, &sorts[i]);
		EXPECT_EQ(0, pthread_mutex_unlock(&sorts[i]));
		ENDS(0, a);
		EXPECT_EQ(0, DO(a, step_unlock, &sorts[i]));
	}
	EXPECT_EQ(0, child_do(sorts_in_child, NULL));
}

/* A private robust one the parent holds: the child's death is not the owner's. */
static int exit_at_once(void *unused)
{
	(void)unused;
	return 0;
}

TEST(robust_of_the_parent_outlives_the_child)
{
	pthread_mutex_t *m = px_shared(sizeof(*m));
	struct actor *a = actor_start(THREAD);

	MUTEX(m, .robust = PTHREAD_MUTEX_ROBUST, .pshared = PTHREAD_PROCESS_SHARED);
	EXPECT_EQ(0, pthread_mutex_lock(m));
	EXPECT_EQ(0, child_do(exit_at_once, NULL));
	EXPECT_EQ(EBUSY, DO(a, step_trylock, m));
	EXPECT_EQ(0, pthread_mutex_unlock(m));
	EXPECT_EQ(0, DO(a, step_trylock, m));
}

static sem_t sem;

static int sem_in_child(void *unused)
{
	int v;

	(void)unused;
	if (sem_getvalue(&sem, &v) || v != 3)
		return 1;
	if (sem_wait(&sem) || sem_wait(&sem) || sem_wait(&sem) || !sem_trywait(&sem))
		return 2;
	return sem_post(&sem);
}

/* A private semaphore's value is copied, and from there on another. */
TEST(sem_value_is_copied)
{
	int v;

	ASSERT_EQ(0, sem_init(&sem, 0, 3));
	EXPECT_EQ(0, child_do(sem_in_child, NULL));
	EXPECT_EQ(0, sem_getvalue(&sem, &v));
	EXPECT_EQ(3, v);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static int read_hold_in_child(void *unused)
{
	(void)unused;
	if (pthread_rwlock_trywrlock(&rwlock) != EBUSY)
		return 1;
	if (pthread_rwlock_tryrdlock(&rwlock) || pthread_rwlock_unlock(&rwlock))
		return 2;
	if (pthread_rwlock_unlock(&rwlock))
		return 3;
	return pthread_rwlock_trywrlock(&rwlock);
}

static int write_hold_in_child(void *unused)
{
	(void)unused;
	if (pthread_rwlock_tryrdlock(&rwlock) != EBUSY)
		return 1;
	if (pthread_rwlock_unlock(&rwlock))
		return 2;
	return pthread_rwlock_trywrlock(&rwlock);
}

static int others_hold_in_child(void *unused)
{
	(void)unused;
	return pthread_rwlock_trywrlock(&rwlock) == EBUSY ? 0 : 1;
}

TEST(read_lock_is_the_childs)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, pthread_rwlock_rdlock(&rwlock));
	EXPECT_EQ(0, child_do(read_hold_in_child, NULL));
	EXPECT_EQ(EBUSY, DO(a, step_trywrlock, &rwlock));
	EXPECT_EQ(0, pthread_rwlock_unlock(&rwlock));
	EXPECT_EQ(0, DO(a, step_trywrlock, &rwlock));
}

TEST(write_lock_is_the_childs)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, pthread_rwlock_wrlock(&rwlock));
	EXPECT_EQ(0, child_do(write_hold_in_child, NULL));
	EXPECT_EQ(EBUSY, DO(a, step_tryrdlock, &rwlock));
	EXPECT_EQ(0, pthread_rwlock_unlock(&rwlock));
	EXPECT_EQ(0, DO(a, step_tryrdlock, &rwlock));
}

TEST(read_lock_of_another_thread_is_busy)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, DO(a, step_rdlock, &rwlock));
	EXPECT_EQ(0, child_do(others_hold_in_child, NULL));
}

static struct queue queue = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
};

static int cond_in_child(void *unused)
{
	struct actor *a = actor_start(THREAD);

	(void)unused;
	actor_post(a, step_queue_wait, &queue);
	if (actor_sleeps(a) || step_queue_signal(&queue))
		return 1;
	return actor_result(a);
}

/* A cond without waiters works in the child; with the parent's waiters it may not. */
TEST(cond_in_the_child)
{
	struct actor *a = actor_start(THREAD);

	BLOCKS(a, step_queue_wait, &queue);
	EXPECT_EQ(0, step_queue_signal(&queue));
	ENDS(0, a);
	EXPECT_EQ(0, child_do(cond_in_child, NULL));
	BLOCKS(a, step_queue_wait, &queue);
	EXPECT_EQ(0, step_queue_signal(&queue));
	ENDS(0, a);
}

PX_MAIN
