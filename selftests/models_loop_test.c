// SPDX-License-Identifier: GPL-2.0
/*
 * What all loops do alike, on each kind: timers, signals, jobs from other threads, stop.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#include <ksync/proactor.h>
#include <ksync/reactor.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/slow.h"

FIXTURE(loop)
{
	struct ksync_loop *l;
};

FIXTURE_VARIANT(loop)
{
	enum ksync_backend backend;
	uint32_t flags;
	bool uring;
};

FIXTURE_VARIANT_ADD(loop, epoll)
{
	.backend = KSYNC_BACKEND_EPOLL,
};

FIXTURE_VARIANT_ADD(loop, epoll_self_pipe)
{
	.backend = KSYNC_BACKEND_EPOLL,
	.flags = KSYNC_LOOP_SELF_PIPE,
};

FIXTURE_VARIANT_ADD(loop, poll)
{
	.backend = KSYNC_BACKEND_POLL,
};

FIXTURE_VARIANT_ADD(loop, select)
{
	.backend = KSYNC_BACKEND_SELECT,
};

FIXTURE_VARIANT_ADD(loop, uring)
{
	.uring = true,
};

FIXTURE_VARIANT_ADD(loop, uring_self_pipe)
{
	.uring = true,
	.flags = KSYNC_LOOP_SELF_PIPE,
};

static int create(struct ksync_loop **l, bool uring, enum ksync_backend backend, uint32_t flags)
{
	return uring ? ksync_proactor_create(l, 0, flags) :
	       ksync_reactor_create(l, backend, flags);
}

FIXTURE_SETUP(loop)
{
	int ret = create(&self->l, variant->uring, variant->backend, variant->flags);

	if (variant->uring && (ret == -ENOSYS || ret == -EPERM))
		SKIP(_exit(255), "%s", ksync_proactor_refusal(ret));
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(loop)
{
	if (self->l)
		EXPECT_EQ(0, ksync_loop_destroy(self->l));
}

/* One look, without waiting. */
static int look(struct ksync_loop *l)
{
	const struct timespec past = { 0 };

	return ksync_loop_turn(l, &past);
}

#define LOOK()	ASSERT_EQ(0, look(self->l))

struct alarm {
	struct ksync_loop_timer t;
	int *order;
	int number;
	int calls;
	struct alarm *other;
};

static int called[200], ncalled;

static void note(struct ksync_loop *l, struct ksync_loop_timer *timer)
{
	struct alarm *a = (struct alarm *)timer;

	(void)l;
	a->calls++;
	if (ncalled < 200)
		called[ncalled++] = a->number;
}

#define TIMERS	100

TEST_F(loop, timers_in_their_order)
{
	struct alarm a[TIMERS] = { 0 };
	uint64_t base = now(CLOCK_MONOTONIC) - SEC;
	int i, last = -1;

	for (i = 0; i < TIMERS; i++) {
		/* Ten at a time: those in the order of their start. */
		struct timespec when = to_timespec(base + i * 37 % TIMERS / 10 * 1000);

		a[i].t.fn = note;
		a[i].number = i * 37 % TIMERS / 10 * 1000 + i;
		ASSERT_EQ(0, ksync_loop_timer_start(self->l, &a[i].t, &when));
	}
	for (i = 0; i < TIMERS; i += 3)
		EXPECT_TRUE(ksync_loop_timer_stop(self->l, &a[i].t));
	EXPECT_FALSE(ksync_loop_timer_stop(self->l, &a[0].t));
	LOOK();
	EXPECT_EQ(TIMERS - (TIMERS + 2) / 3, ncalled);
	for (i = 0; i < ncalled; i++) {
		EXPECT_LT(last, called[i]);
		EXPECT_NE(0, called[i] % 1000 % 3);
		last = called[i];
	}
}

static void stop_at_five(struct ksync_loop *l, struct ksync_loop_timer *timer)
{
	struct alarm *a = (struct alarm *)timer;
	uint64_t due = *(uint64_t *)a->order + (a->calls + timer->missed) * timer->period;

	/* The time it is due at is a multiple of the period, whenever it is called. */
	if (now(CLOCK_MONOTONIC) < due)
		abort();
	a->calls += timer->missed + 1;
	if (a->calls >= 5) {
		ksync_loop_timer_stop(l, timer);
		ksync_loop_stop(l);
	}
}

TEST_F(loop, periodic_timers_do_not_drift)
{
	uint64_t start = now(CLOCK_MONOTONIC) + MSEC;
	struct timespec when = to_timespec(start);
	struct alarm a = { .t.fn = stop_at_five, .t.period = 2 * MSEC, .order = (int *)&start };

	ASSERT_EQ(0, ksync_loop_timer_start(self->l, &a.t, &when));
	ASSERT_EQ(0, ksync_loop_run(self->l));
	EXPECT_LE(5, a.calls);
	EXPECT_LE(start + 8 * MSEC, now(CLOCK_MONOTONIC));
	/* Late by many periods: it is called once, and told. */
	a.t.fn = note;
	a.calls = 0;
	a.t.period = SEC;
	start = now(CLOCK_MONOTONIC) - 10 * SEC - SEC / 2;
	when = to_timespec(start);
	ASSERT_EQ(0, ksync_loop_timer_start(self->l, &a.t, &when));
	LOOK();
	EXPECT_EQ(1, a.calls);
	EXPECT_EQ(10, a.t.missed);
	EXPECT_EQ(start + 11 * SEC, a.t.when_);
	EXPECT_TRUE(ksync_loop_timer_stop(self->l, &a.t));
}

static void start_again(struct ksync_loop *l, struct ksync_loop_timer *timer)
{
	const struct timespec past = { 0 };

	((struct alarm *)timer)->calls++;
	ksync_loop_timer_start(l, timer, &past);
}

static void stop_other(struct ksync_loop *l, struct ksync_loop_timer *timer)
{
	struct alarm *a = (struct alarm *)timer;

	a->calls++;
	ksync_loop_timer_stop(l, &a->other->t);
}

TEST_F(loop, timers_changed_by_timers)
{
	struct alarm a = { .t.fn = start_again }, b = { .t.fn = stop_other };
	struct alarm c = { .t.fn = note };
	const struct timespec past = { 0 }, worse = { .tv_nsec = -1 };

	b.other = &c;
	ASSERT_EQ(0, ksync_loop_timer_start(self->l, &a.t, &past));
	ASSERT_EQ(0, ksync_loop_timer_start(self->l, &b.t, &past));
	ASSERT_EQ(0, ksync_loop_timer_start(self->l, &c.t, &past));
	EXPECT_EQ(-EINVAL, ksync_loop_timer_start(self->l, &c.t, &worse));
	LOOK();
	EXPECT_EQ(1, a.calls); /* not for ever */
	EXPECT_EQ(1, b.calls);
	EXPECT_EQ(0, c.calls);
	LOOK();
	EXPECT_EQ(2, a.calls);
	EXPECT_EQ(1, b.calls);
}

/* Signals. */
static int heard[NSIG];
static pid_t from;

static void on_signal(struct ksync_loop *l, struct ksync_loop_signal *signal)
{
	heard[signal->signo]++;
	from = signal->pid;
	ksync_loop_stop(l);
}

TEST_F(loop, signals)
{
	struct ksync_loop_signal usr1 = { .fn = on_signal, .signo = SIGUSR1 };
	struct ksync_loop_signal usr2 = { .fn = on_signal, .signo = SIGUSR2 };
	struct ksync_loop_signal twice = usr1, bad = { .fn = on_signal, .signo = SIGKILL };
	struct sigaction after;
	struct ksync_loop *l;

	ASSERT_EQ(0, ksync_loop_signal_start(self->l, &usr1));
	ASSERT_EQ(0, ksync_loop_signal_start(self->l, &usr2));
	EXPECT_EQ(-EEXIST, ksync_loop_signal_start(self->l, &twice));
	EXPECT_EQ(-EINVAL, ksync_loop_signal_start(self->l, &bad));
	if (variant->flags & KSYNC_LOOP_SELF_PIPE) {
		ASSERT_EQ(0, create(&l, variant->uring, variant->backend, variant->flags));
		EXPECT_EQ(-EBUSY, ksync_loop_signal_start(l, &twice));
		EXPECT_EQ(0, ksync_loop_destroy(l));
	}
	LOOK();
	EXPECT_EQ(0, heard[SIGUSR1]);
	ASSERT_EQ(0, kill(getpid(), SIGUSR1));
	ASSERT_EQ(0, ksync_loop_run(self->l));
	EXPECT_EQ(1, heard[SIGUSR1]);
	EXPECT_EQ(getpid(), from);
	ASSERT_EQ(0, kill(getpid(), SIGUSR2));
	ASSERT_EQ(0, ksync_loop_run(self->l));
	EXPECT_EQ(1, heard[SIGUSR1]);
	EXPECT_EQ(1, heard[SIGUSR2]);
	ksync_loop_signal_stop(self->l, &usr1);
	ASSERT_EQ(0, sigaction(SIGUSR1, NULL, &after));
	EXPECT_TRUE(after.sa_handler == SIG_DFL);
}

/* Jobs from other threads. */
#define POSTERS	3

struct job {
	struct ksync_loop_job job;
	int poster;
	long number;
	uint32_t free;
};

static struct ksync_loop *target;
static long jobs, done[POSTERS], disorder;

static void work(struct ksync_loop *l, struct ksync_loop_job *job)
{
	struct job *j = (struct job *)job;
	int i, all = 1;

	disorder += j->number != done[j->poster]++;
	for (i = 0; i < POSTERS; i++)
		all &= done[i] == jobs;
	if (all)
		ksync_loop_stop(l);
	__atomic_store_n(&j->free, 1, __ATOMIC_RELEASE);
}

static void *poster(void *arg)
{
	static struct job pool[POSTERS][64];
	struct job *j;
	long i;

	for (i = 0; i < jobs; i++) {
		j = &pool[(long)arg][i % 64];
		while (i >= 64 && !__atomic_load_n(&j->free, __ATOMIC_ACQUIRE))
			sched_yield();
		*j = (struct job){ .job.fn = work, .poster = (long)arg, .number = i };
		ksync_loop_post(target, &j->job);
		if (i % 100 == 0)
			usleep(1); /* so that the loop falls asleep now and then */
	}
	return NULL;
}

TEST_F(loop, jobs_under_stress)
{
	pthread_t threads[POSTERS];
	long i;

	jobs = slow_factor() > 1 ? 1000 : 20000;
	target = self->l;
	for (i = 0; i < POSTERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, poster, (void *)i));
	ASSERT_EQ(0, ksync_loop_run(self->l));
	for (i = 0; i < POSTERS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(jobs, done[i]);
	}
	EXPECT_EQ(0, disorder);
}

/* What came before it runs is not slept through. */
TEST_F(loop, posted_and_stopped_before_it_runs)
{
	struct job j = { .job.fn = work };

	jobs = 2;
	ksync_loop_post(self->l, &j.job);
	ASSERT_EQ(0, ksync_loop_turn(self->l, NULL));
	EXPECT_EQ(1, done[0]);
	ksync_loop_stop(self->l);
	ASSERT_EQ(0, ksync_loop_run(self->l));
}

static void *stopper(void *l)
{
	ksync_loop_stop(l);
	return NULL;
}

/* Whether it sleeps already or not: each stop ends one run. */
TEST_F(loop, stop_is_never_lost)
{
	int i, n = slow_factor() > 1 ? 50 : 300;
	pthread_t thread;

	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, stopper, self->l));
		ASSERT_EQ(0, ksync_loop_run(self->l));
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}
}

KSFT_MAIN
