// SPDX-License-Identifier: GPL-2.0
/*
 * The futex backend under stress: no wake-up is lost, nobody gets what another one
 * has, and all comes out even.
 *
 * Some of the tasks wait without a deadline: one lost wake-up, and the test hangs.
 * Others give up after some microseconds and come again, so that wake-ups meet
 * deadlines.  All of it once without signals, which would wake who was forgotten, and
 * once with signals all the time, which end interruptible waits.  How much is done
 * is counted beforehand, less on emulated processors.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include "lib/clock.h"
#include "lib/ksft.h"

#define TASKS	6

FIXTURE(stress)
{
	struct ksync *d;
	struct ksync_mutex m;
	struct ksync_cond c;
	struct ksync_rwlock l;
	struct ksync_sem s, room;
	struct ksync_event e, ack;
	struct ksync_waitq q, other;
	pthread_t task[TASKS];
	int nr;
	int rounds;
	uint32_t ended;
	bool send;
	/* What the objects protect. */
	uint64_t a, b;
	uint32_t wrong;
};

FIXTURE_VARIANT(stress)
{
	bool signals;
};

FIXTURE_VARIANT_ADD(stress, quiet) {
	.signals = false,
};

FIXTURE_VARIANT_ADD(stress, signalled) {
	.signals = true,
};

/* One task's own. */
struct task_arg {
	struct _test_data_stress *self;
	unsigned int nr;
	unsigned int seed;
};

static uint32_t signals;

/*
 * Signals come when a wait is about to sleep, above all: until then they were
 * blocked.  So others get on meanwhile.
 */
static void linger(int sig)
{
	const int saved = errno;

	(void)sig;
	if (__atomic_fetch_add(&signals, 1, __ATOMIC_RELAXED) % 8 == 0)
		sched_yield();
	errno = saved;
}

FIXTURE_SETUP(stress)
{
	const struct sigaction act = { .sa_handler = linger };

	self->rounds = in_guest() ? 500 : 2000;
	ASSERT_EQ(0, ksync_open(&self->d, KSYNC_OPEN_FUTEX));
	ASSERT_EQ(0, ksync_mutex_init(&self->m, self->d, 0));
	ASSERT_EQ(0, ksync_cond_init(&self->c, self->d, 0));
	ASSERT_EQ(0, ksync_rwlock_init(&self->l, self->d, 0));
	ASSERT_EQ(0, ksync_sem_init(&self->s, self->d, 0, 0));
	ASSERT_EQ(0, ksync_sem_init(&self->room, self->d, 2, 2));
	ASSERT_EQ(0, ksync_event_init(&self->e, self->d, 0));
	ASSERT_EQ(0, ksync_event_init(&self->ack, self->d, 0));
	ASSERT_EQ(0, ksync_waitq_init(&self->q, self->d, 0));
	ASSERT_EQ(0, ksync_waitq_init(&self->other, self->d, 0));
	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
}

FIXTURE_TEARDOWN(stress)
{
	ksync_close(self->d);
}

static void wrong(struct _test_data_stress *self)
{
	__atomic_fetch_add(&self->wrong, 1, __ATOMIC_RELAXED);
}

/* A deadline that is hit now and then. */
static struct timespec soon(struct task_arg *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += rand_r(&t->seed) % 50000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	return ts;
}

static bool again(int ret)
{
	return ret == -ETIMEDOUT || ret == -EINTR;
}

/* Nobody is joined before this has ended. */
static void *pester(void *arg)
{
	struct _test_data_stress *self = arg;
	int i;

	while (__atomic_load_n(&self->ended, __ATOMIC_ACQUIRE) != (uint32_t)self->nr) {
		for (i = 0; i < self->nr; i++)
			pthread_kill(self->task[i], SIGUSR1);
		sched_yield();
	}
	return NULL;
}

static void end(struct task_arg *t)
{
	__atomic_fetch_add(&t->self->ended, 1, __ATOMIC_RELEASE);
}

/* @nr tasks run @fn, and may be sent signals until they all have ended. */
static void run(struct __test_metadata *_metadata, struct _test_data_stress *self,
		bool send, void *(*fn)(void *arg), int nr)
{
	struct task_arg arg[TASKS];
	pthread_t pest;
	int i;

	self->nr = nr;
	for (i = 0; i < nr; i++) {
		arg[i] = (struct task_arg){ self, i, i + 1 };
		ASSERT_EQ(0, pthread_create(&self->task[i], NULL, fn, &arg[i]));
	}
	if (send) {
		ASSERT_EQ(0, pthread_create(&pest, NULL, pester, self));
		ASSERT_EQ(0, pthread_join(pest, NULL));
	}
	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, pthread_join(self->task[i], NULL));
	EXPECT_EQ(0U, self->wrong);
}

/* One way or another, by the task's number. */
static int lock(struct task_arg *t, struct ksync_mutex *m)
{
	struct timespec ts = soon(t);

	switch (t->nr % 3) {
	case 0:
		return ksync_mutex_lock(m);
	case 1:
		return ksync_mutex_lock_timed(m, CLOCK_MONOTONIC, &ts);
	default:
		return ksync_mutex_lock_interruptible(m);
	}
}

static void *mutex_body(void *arg)
{
	struct task_arg *t = arg;
	struct _test_data_stress *self = t->self;
	int i, ret;

	for (i = 0; i < self->rounds; i++) {
		do {
			ret = lock(t, &self->m);
		} while (again(ret));
		if (ret)
			wrong(self);
		self->a++;
		if (i % 64 == 0)
			sched_yield();	/* so that others come to wait */
		self->b++;
		if (ksync_mutex_unlock(&self->m))
			wrong(self);
	}
	end(t);
	return NULL;
}

TEST_F(stress, mutex)
{
	run(_metadata, self, variant->signals, mutex_body, TASKS);
	EXPECT_EQ((uint64_t)TASKS * self->rounds, self->a);
	EXPECT_EQ((uint64_t)TASKS * self->rounds, self->b);
	EXPECT_EQ(-EPERM, ksync_mutex_unlock(&self->m));
}

static int take(struct task_arg *t, struct ksync_sem *s)
{
	struct timespec ts = soon(t);

	if (t->nr % 4 < 2)
		return ksync_sem_wait(s);
	return ksync_sem_wait_timed(s, CLOCK_MONOTONIC, &ts);
}

/* Half of them post what the others take; there is room for two units. */
static void *sem_body(void *arg)
{
	struct task_arg *t = arg;
	struct _test_data_stress *self = t->self;
	struct ksync_sem *from = t->nr % 2 ? &self->room : &self->s;
	struct ksync_sem *to = t->nr % 2 ? &self->s : &self->room;
	int i, ret;

	for (i = 0; i < self->rounds; i++) {
		do {
			ret = take(t, from);
		} while (again(ret));
		if (ret || ksync_sem_post(to))
			wrong(self);
	}
	end(t);
	return NULL;
}

TEST_F(stress, sem)
{
	run(_metadata, self, variant->signals, sem_body, TASKS);
	EXPECT_EQ(0U, self->s.o.cell->word);
	EXPECT_EQ(2U, self->room.o.cell->word);
}

/* Nobody posts: what each adds to the count of waiters it takes off again. */
static void *past_body(void *arg)
{
	const struct timespec past = { 0 };
	struct task_arg *t = arg;
	int i;

	for (i = 0; i < 4 * t->self->rounds; i++)
		if (ksync_sem_wait_timed(&t->self->s, CLOCK_MONOTONIC, &past) != -ETIMEDOUT)
			wrong(t->self);
	end(t);
	return NULL;
}

TEST_F(stress, waiters_are_counted)
{
	run(_metadata, self, variant->signals, past_body, 4);
	EXPECT_EQ(0U, self->s.o.cell->waiters);
	EXPECT_EQ(0U, self->s.o.cell->word);
}

/* One token, which is an event that is set, goes back and forth between two sides. */
static void *event_body(void *arg)
{
	struct task_arg *t = arg;
	struct _test_data_stress *self = t->self;
	struct ksync_event *from = t->nr % 2 ? &self->ack : &self->e;
	struct ksync_event *to = t->nr % 2 ? &self->e : &self->ack;
	struct timespec ts;
	int i, ret;

	for (i = 0; i < self->rounds; i++) {
		do {
			ts = soon(t);
			ret = t->nr % 4 < 2 ? ksync_event_wait(from) :
				ksync_event_wait_timed(from, CLOCK_MONOTONIC, &ts);
		} while (again(ret));
		if (ret || __atomic_fetch_add(&self->a, 1, __ATOMIC_SEQ_CST) != self->b++)
			wrong(self);
		if (ksync_event_set(to))
			wrong(self);
	}
	end(t);
	return NULL;
}

TEST_F(stress, event)
{
	EXPECT_EQ(0, ksync_event_set(&self->e));
	run(_metadata, self, variant->signals, event_body, 4);
	EXPECT_EQ(4ULL * self->rounds, self->a);
	EXPECT_EQ(1U, self->e.o.cell->word + self->ack.o.cell->word);
}

/* A buffer of one; each change is signalled to all. */
static void *cond_body(void *arg)
{
	struct task_arg *t = arg;
	struct _test_data_stress *self = t->self;
	const uint64_t want = t->nr % 2;
	struct timespec ts;
	int i, ret;

	for (i = 0; i < self->rounds; i++) {
		if (ksync_mutex_lock(&self->m))
			wrong(self);
		while (self->a != want) {
			ts = soon(t);
			ret = t->nr % 4 < 2 ? ksync_cond_wait(&self->c, &self->m) :
				ksync_cond_wait_interruptible(&self->c, &self->m,
							      CLOCK_MONOTONIC, &ts);
			if (ret && !again(ret))
				wrong(self);
		}
		self->a = !want;
		if (ksync_cond_broadcast(&self->c) < 0 || ksync_mutex_unlock(&self->m))
			wrong(self);
	}
	end(t);
	return NULL;
}

TEST_F(stress, cond)
{
	run(_metadata, self, variant->signals, cond_body, 4);
	EXPECT_EQ(0U, self->a);
	EXPECT_EQ(0U, self->c.o.cell->waiters);
}

static void *wait_body(void *arg)
{
	struct task_arg *t = arg;
	struct _test_data_stress *self = t->self;
	int i;

	for (i = 0; i < self->rounds; i++) {
		if (ksync_mutex_lock(&self->m))
			wrong(self);
		self->a = 1;
		while (self->a)
			ksync_cond_wait(&self->c, &self->m);
		ksync_mutex_unlock(&self->m);
	}
	self->b = 1;
	end(t);
	return NULL;
}

/* Whoever finds the mutex free again finds the waiter counted, and signals it. */
static void *wake_body(void *arg)
{
	struct task_arg *t = arg;
	struct _test_data_stress *self = t->self;

	if (t->nr)
		return wait_body(arg);
	while (!__atomic_load_n(&self->b, __ATOMIC_ACQUIRE)) {
		if (ksync_mutex_lock_try(&self->m)) {
			sched_yield();
			continue;
		}
		if (self->a && !__atomic_load_n(&self->c.o.cell->waiters, __ATOMIC_RELAXED) &&
		    !self->send)
			wrong(self);
		self->a = 0;
		ksync_cond_signal(&self->c);
		ksync_mutex_unlock(&self->m);
	}
	end(t);
	return NULL;
}

TEST_F(stress, cond_counts_before_it_releases)
{
	self->send = variant->signals;	/* then waits end by themselves */
	run(_metadata, self, variant->signals, wake_body, 2);
}

static int enter(struct task_arg *t, bool write)
{
	struct ksync_rwlock *l = &t->self->l;
	struct timespec ts = soon(t);

	switch (t->nr % 3 + 3 * write) {
	case 0:
		return ksync_rwlock_read_lock(l);
	case 1:
		return ksync_rwlock_read_lock_timed(l, CLOCK_MONOTONIC, &ts);
	case 2:
		return ksync_rwlock_read_lock_interruptible(l);
	case 3:
		return ksync_rwlock_write_lock(l);
	case 4:
		return ksync_rwlock_write_lock_timed(l, CLOCK_MONOTONIC, &ts);
	default:
		return ksync_rwlock_write_lock_interruptible(l);
	}
}

/* Writers leave @a and @b equal; nobody may see them differ. */
static void *rwlock_body(void *arg)
{
	struct task_arg *t = arg;
	struct _test_data_stress *self = t->self;
	bool write;
	int i, ret;

	for (i = 0; i < self->rounds; i++) {
		write = i % 4 == 0;
		do {
			ret = enter(t, write);
		} while (again(ret));
		if (ret || __atomic_load_n(&self->a, __ATOMIC_RELAXED) !=
		    __atomic_load_n(&self->b, __ATOMIC_RELAXED))
			wrong(self);
		if (write)
			__atomic_store_n(&self->a, self->a + 1, __ATOMIC_RELAXED);
		if (i % 16 == 0)
			sched_yield();
		if (write)
			__atomic_store_n(&self->b, self->b + 1, __ATOMIC_RELAXED);
		if (ksync_rwlock_unlock(&self->l))
			wrong(self);
	}
	end(t);
	return NULL;
}

TEST_F(stress, rwlock)
{
	run(_metadata, self, variant->signals, rwlock_body, TASKS);
	EXPECT_EQ((uint64_t)TASKS * self->rounds / 4, self->a);
	EXPECT_EQ(self->a, self->b);
}

/*
 * A token goes round: the waitq's word says whose turn it is.  Those that time out
 * have been moved to another waitq and back, or not.
 */
static void *waitq_body(void *arg)
{
	struct task_arg *t = arg;
	struct _test_data_stress *self = t->self;
	struct timespec ts;
	uint32_t seen;
	int i;

	for (i = 0; i < self->rounds; i++) {
		while ((seen = *ksync_waitq_word(&self->q)) % 4 != t->nr) {
			ts = soon(t);
			if (t->nr % 2)
				ksync_waitq_wait(&self->q, seen);
			else
				ksync_waitq_wait_timed(&self->q, seen, KSYNC_BITSET_ALL,
						       CLOCK_MONOTONIC, &ts);
		}
		if (i % 8 == 0) {
			ksync_waitq_requeue(&self->q, &self->other, 0, UINT32_MAX);
			*ksync_waitq_word(&self->q) = seen + 1;
			ksync_waitq_requeue(&self->other, &self->q, 0, UINT32_MAX);
		} else {
			*ksync_waitq_word(&self->q) = seen + 1;
		}
		ksync_waitq_wake(&self->q, UINT32_MAX);
	}
	end(t);
	return NULL;
}

TEST_F(stress, waitq)
{
	run(_metadata, self, variant->signals, waitq_body, 4);
	EXPECT_EQ(4U * self->rounds, self->q.o.cell->word);
}

KSFT_MAIN
