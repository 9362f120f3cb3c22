// SPDX-License-Identifier: GPL-2.0
/*
 * Unnamed semaphores.
 */
#include <limits.h>
#include <unistd.h>

#include "lib/px.h"

FIXTURE(sem)
{
	sem_t *sem;
	struct actor *a, *b;
};

FIXTURE_VARIANT(sem)
{
	int pshared;
};

FIXTURE_VARIANT_ADD(sem, private)
{
};

FIXTURE_VARIANT_ADD(sem, shared)
{
	.pshared = 1,
};

FIXTURE_SETUP(sem)
{
	self->sem = px_shared(sizeof(*self->sem));
	ASSERT_EQ(0, sem_init(self->sem, variant->pshared, 0));
	self->a = actor_start(variant->pshared ? PROCESS : THREAD);
	self->b = actor_start(variant->pshared ? PROCESS : THREAD);
}

FIXTURE_TEARDOWN(sem)
{
}

static int value(sem_t *sem)
{
	int v = -1000;

	return sem_getvalue(sem, &v) ? -2000 : v;
}

/* Calls that fail say so with -1 and errno. */
#define FAILS(error, call)						\
do {									\
	errno = 0;							\
	EXPECT_EQ(-1, call);						\
	EXPECT_EQ(error, errno);					\
} while (0)

/* sem_init, DESCRIPTION: the value is that given; sem_post adds one, sem_wait takes one. */
TEST_F(sem, counts)
{
	EXPECT_EQ(0, sem_destroy(self->sem));
	EXPECT_EQ(0, sem_init(self->sem, variant->pshared, 3));
	EXPECT_EQ(3, value(self->sem));
	EXPECT_EQ(0, sem_wait(self->sem));
	EXPECT_EQ(2, value(self->sem));
	EXPECT_EQ(0, sem_trywait(self->sem));
	EXPECT_EQ(1, value(self->sem));
	EXPECT_EQ(0, DO(self->a, step_sem_wait, self->sem));
	EXPECT_EQ(0, value(self->sem));
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(0, DO(self->a, step_sem_post, self->sem));
	EXPECT_EQ(2, value(self->sem));
}

/* sem_trywait, ERRORS: [EAGAIN] when the value is 0. */
TEST_F(sem, trywait_of_zero_is_eagain)
{
	FAILS(EAGAIN, sem_trywait(self->sem));
	EXPECT_EQ(EAGAIN, DO(self->a, step_sem_trywait, self->sem));
	EXPECT_EQ(0, value(self->sem));
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(0, sem_trywait(self->sem));
	FAILS(EAGAIN, sem_trywait(self->sem));
}

/* sem_wait, DESCRIPTION: blocks while the value is 0; sem_post wakes one. */
TEST_F(sem, wait_blocks_until_post)
{
	struct actor *first, *second;

	BLOCKS(self->a, step_sem_wait, self->sem);
	BLOCKS(self->b, step_sem_wait, self->sem);
	EXPECT_EQ(0, sem_post(self->sem));
	ASSERT_EQ(0, actor_either(self->a, self->b));
	first = actor_done(self->a) ? self->a : self->b;
	second = first == self->a ? self->b : self->a;
	ENDS(0, first);
	ASSERT_EQ(0, actor_sleeps(second));
	EXPECT_EQ(0, sem_post(self->sem));
	ENDS(0, second);
	EXPECT_EQ(0, value(self->sem));
}

/* sem_getvalue, DESCRIPTION: with waiters it is 0 or minus their number. */
TEST_F(sem, getvalue_with_waiters)
{
	int v;

	BLOCKS(self->a, step_sem_wait, self->sem);
	BLOCKS(self->b, step_sem_wait, self->sem);
	v = value(self->sem);
	EXPECT_TRUE(v == 0 || v == -2);
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(0, sem_post(self->sem));
	ENDS(0, self->a);
	ENDS(0, self->b);
	EXPECT_EQ(0, value(self->sem));
}

/* sem_timedwait, ERRORS: [ETIMEDOUT], and not early. */
TEST_F(sem, timedwait_times_out)
{
	const struct timespec t = px_in(CLOCK_REALTIME, 30);
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);

	FAILS(ETIMEDOUT, sem_timedwait(self->sem, &t));
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	FAILS(ETIMEDOUT, sem_timedwait(self->sem, &past));
	EXPECT_EQ(0, value(self->sem));
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(1, value(self->sem));
}

/* sem_timedwait, DESCRIPTION: no timeout for what can be had at once. */
TEST_F(sem, timedwait_past_takes_what_is_there)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);
	const struct timespec mono = px_in(CLOCK_MONOTONIC, -1000);

	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(0, sem_timedwait(self->sem, &past));
	EXPECT_EQ(0, sem_clockwait(self->sem, CLOCK_MONOTONIC, &mono));
	EXPECT_EQ(0, value(self->sem));
}

/* sem_timedwait, ERRORS: [EINVAL] for such tv_nsec when it would block. */
TEST_F(sem, timedwait_refuses_nanoseconds)
{
	struct timespec t = px_late(CLOCK_REALTIME);

	t.tv_nsec = 1000000000;
	FAILS(EINVAL, sem_timedwait(self->sem, &t));
	t.tv_nsec = -1;
	FAILS(EINVAL, sem_timedwait(self->sem, &t));
	FAILS(EINVAL, sem_clockwait(self->sem, CLOCK_MONOTONIC, &t));
}

/* sem_clockwait (glibc 2.30, Issue 8): on the clock named; others are [EINVAL]. */
TEST_F(sem, clockwait_times_out)
{
	struct timespec t = px_in(CLOCK_MONOTONIC, 30);

	FAILS(ETIMEDOUT, sem_clockwait(self->sem, CLOCK_MONOTONIC, &t));
	EXPECT_TRUE(px_passed(CLOCK_MONOTONIC, &t));
	t = px_in(CLOCK_REALTIME, 30);
	FAILS(ETIMEDOUT, sem_clockwait(self->sem, CLOCK_REALTIME, &t));
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	FAILS(EINVAL, sem_clockwait(self->sem, CLOCK_PROCESS_CPUTIME_ID, &t));
}

/* The same: they are woken by sem_post. */
TEST_F(sem, timed_waits_are_posted)
{
	BLOCKS(self->a, step_sem_timedwait_late, self->sem);
	EXPECT_EQ(0, sem_post(self->sem));
	ENDS(0, self->a);
	BLOCKS(self->a, step_sem_clockwait_late, self->sem);
	EXPECT_EQ(0, sem_post(self->sem));
	ENDS(0, self->a);
	EXPECT_EQ(0, value(self->sem));
}

/* sem_post, ERRORS: [EOVERFLOW] at SEM_VALUE_MAX, and the value stays. */
TEST_F(sem, post_at_the_maximum_is_eoverflow)
{
	EXPECT_EQ(0, sem_destroy(self->sem));
	EXPECT_EQ(0, sem_init(self->sem, variant->pshared, SEM_VALUE_MAX));
	EXPECT_EQ(SEM_VALUE_MAX, value(self->sem));
	FAILS(EOVERFLOW, sem_post(self->sem));
	EXPECT_EQ(SEM_VALUE_MAX, value(self->sem));
	EXPECT_EQ(0, sem_wait(self->sem));
	EXPECT_EQ(SEM_VALUE_MAX - 1, value(self->sem));
	EXPECT_EQ(0, sem_post(self->sem));
}

/* sem_init, ERRORS: [EINVAL] for a value beyond SEM_VALUE_MAX. */
TEST_F(sem, init_refuses_more_than_the_maximum)
{
	sem_t other;

	FAILS(EINVAL, sem_init(&other, variant->pshared, SEM_VALUE_MAX + 1U));
}

static sem_t *handler_sem;

static void nothing(int sig)
{
	(void)sig;
}

static void post_in_handler(int sig)
{
	(void)sig;
	sem_post(handler_sem);
}

static void on_signal(struct __test_metadata *_metadata, void (*handler)(int sig), int flags)
{
	const struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
}

static void send(struct actor *a)
{
	if (a->kind == THREAD)
		pthread_kill(a->thread, SIGUSR1);
	else
		kill(a->tid, SIGUSR1);
}

static int catch_and_wait(void *sem)
{
	const struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGUSR1, &sa, NULL);
	return step_sem_wait(sem);
}

static int catch_and_timedwait(void *sem)
{
	const struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGUSR1, &sa, NULL);
	return step_sem_timedwait_late(sem);
}

/* sem_wait, sem_timedwait, ERRORS: [EINTR] after a handler without SA_RESTART. */
TEST_F(sem, wait_is_interrupted)
{
	BLOCKS(self->a, catch_and_wait, self->sem);
	send(self->a);
	ENDS(EINTR, self->a);
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(1, value(self->sem));
}

TEST_F(sem, timedwait_is_interrupted)
{
	BLOCKS(self->a, catch_and_timedwait, self->sem);
	send(self->a);
	ENDS(EINTR, self->a);
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(1, value(self->sem));
}

/* sigaction, SA_RESTART: sem_wait goes on. */
TEST_F(sem, wait_is_restarted)
{
	if (variant->pshared)
		SKIP(return, "for threads");
	on_signal(_metadata, nothing, SA_RESTART);
	BLOCKS(self->a, step_sem_wait, self->sem);
	send(self->a);
	EXPECT_EQ(0, actor_sleeps(self->a));
	EXPECT_EQ(0, sem_post(self->sem));
	ENDS(0, self->a);
}

/* sem_post, APPLICATION USAGE and XSH 2.4.3: it may be called in a signal handler. */
TEST_F(sem, post_in_a_signal_handler)
{
	handler_sem = self->sem;
	on_signal(_metadata, post_in_handler, 0);
	BLOCKS(self->a, step_sem_wait, self->sem);
	EXPECT_EQ(0, raise(SIGUSR1));
	ENDS(0, self->a);
	EXPECT_EQ(0, value(self->sem));
}

/* The same, in the thread that waits: it is given what its handler posted, or [EINTR]. */
TEST_F(sem, post_in_the_waiters_handler)
{
	int ret;

	if (variant->pshared)
		SKIP(return, "for threads");
	handler_sem = self->sem;
	on_signal(_metadata, post_in_handler, SA_RESTART);
	BLOCKS(self->a, step_sem_wait, self->sem);
	send(self->a);
	ret = actor_result(self->a);
	EXPECT_TRUE(ret == 0 || ret == EINTR);
	EXPECT_EQ(ret == EINTR, value(self->sem));
}

/* sem_destroy, sem_init: destroyed and made anew, right after the wait that a post ended. */
TEST_F(sem, destroy_and_make_again)
{
	int i;

	for (i = 0; i < 20; i++) {
		actor_post(self->a, step_sem_post, self->sem);
		EXPECT_EQ(0, sem_wait(self->sem));
		ENDS(0, self->a);
		EXPECT_EQ(0, sem_destroy(self->sem));
		memset(self->sem, 0xa5, sizeof(*self->sem));
		ASSERT_EQ(0, sem_init(self->sem, variant->pshared, 0));
	}
}

#define ROUNDS 10000

static int take_many(void *sem)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (sem_wait(sem))
			return errno;
	return 0;
}

/* No post is lost and none counts twice. */
TEST_F(sem, none_is_lost)
{
	int i, bad = 0;

	actor_post(self->a, take_many, self->sem);
	actor_post(self->b, take_many, self->sem);
	for (i = 0; i < 2 * ROUNDS + 5; i++)
		bad |= sem_post(self->sem);
	EXPECT_EQ(0, bad);
	ENDS(0, self->a);
	ENDS(0, self->b);
	EXPECT_EQ(5, value(self->sem));
}

struct by_prio {
	sem_t *sem;
	int prio;
	uint32_t *turn;
	int *order;
};

static int wait_by_prio(void *arg)
{
	struct by_prio *p = arg;
	int ret = px_set_prio(p->prio) ? : step_sem_wait(p->sem);

	p->order[__atomic_fetch_add(p->turn, 1, __ATOMIC_ACQ_REL)] = p->prio;
	return ret;
}

/* sem_post, DESCRIPTION: with SCHED_FIFO the highest priority is woken, of those the longest. */
TEST(post_wakes_by_priority)
{
	static const int prio[] = { 11, 13, 12, 13 };
	uint32_t turn = 0;
	struct by_prio p[4];
	struct actor *a[4];
	int order[4];
	sem_t sem;
	int i;

	NEED_RT;
	ASSERT_EQ(0, sem_init(&sem, 0, 0));
	for (i = 0; i < 4; i++) {
		p[i] = (struct by_prio){ &sem, prio[i], &turn, order };
		a[i] = actor_start(THREAD);
		BLOCKS(a[i], wait_by_prio, &p[i]);
	}
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, sem_post(&sem));
		ASSERT_EQ(0, px_value(&turn, i + 1));
		EXPECT_EQ(i < 2 ? 13 : 14 - i, order[i]);
		/* Of equals the first. */
		if (i == 0)
			EXPECT_EQ(0, px_value(&a[1]->turn, 3));
	}
}

PX_MAIN
