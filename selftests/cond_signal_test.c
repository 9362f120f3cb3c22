// SPDX-License-Identifier: GPL-2.0
/*
 * Signals of the other sort, and death, that come while a task waits on a cond
 * or, signalled, for the mutex.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/cond.h"
#include "lib/ksft.h"
#include "lib/sched.h"

FIXTURE(signals)
{
	struct cond_scene s;
	struct player *p;
};

FIXTURE_VARIANT(signals)
{
	uint32_t flags;
	int prio;
};

/*
 * Of normal priority it sleeps on when it is signalled, on the signaller's CPU; else
 * it is woken.
 */
FIXTURE_VARIANT_ADD(signals, adaptive_parked)
{
	.prio = 0,
};

FIXTURE_VARIANT_ADD(signals, adaptive_blocked)
{
	.prio = 10,
};

FIXTURE_VARIANT_ADD(signals, strict_parked)
{
	.flags = KSYNC_MUTEX_STRICT,
};

FIXTURE_VARIANT_ADD(signals, strict_blocked)
{
	.flags = KSYNC_MUTEX_STRICT,
	.prio = 10,
};

/* Handlers run in the player, which is a process of its own. */
static uint32_t *handled;

static void handler(int sig)
{
	(void)sig;
	__atomic_fetch_add(handled, 1, __ATOMIC_RELEASE);
}

static int step_catch(struct player *p)
{
	struct sigaction action = {
		.sa_handler = handler,
		.sa_flags = p->flags,
	};

	return sigaction(SIGUSR1, &action, NULL);
}

FIXTURE_SETUP(signals)
{
	handled = player_memory(sizeof(*handled));
	if (!variant->prio)
		ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, cond_scene_open(&self->s, variant->flags));
	self->p = cond_player(&self->s, TASK_PROCESS, variant->prio);
	ASSERT_NE(NULL, self->p);
}

FIXTURE_TEARDOWN(signals)
{
	cond_scene_close(&self->s);
}

/* The player waits with @flags, and catches signals with @sa_flags. */
static void begin(struct __test_metadata *_metadata, struct _test_data_signals *self,
		  uint32_t flags, int sa_flags)
{
	self->p->flags = sa_flags;
	ASSERT_EQ(0, player_do(self->p, step_catch, 0));
	self->p->flags = flags;
	ASSERT_EQ(0, cond_begin_wait(&self->s, self->p));
}

/* The wait is over, with @ret and the mutex, and nothing is left of it. */
static void end(struct __test_metadata *_metadata, struct _test_data_signals *self, int ret)
{
	EXPECT_EQ(0, cond_end_wait(&self->s, self->p, ret));
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
	EXPECT_EQ(0, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.cond, 0));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 0));
	EXPECT_EQ(0, player_end(self->p));
}

static void one_handler(struct __test_metadata *_metadata, struct _test_data_signals *self,
			uint32_t flags, int sa_flags, int ret)
{
	begin(_metadata, self, flags, sa_flags);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	end(_metadata, self, ret);
}

TEST_F(signals, interruptible_wait_ends_with_eintr)
{
	one_handler(_metadata, self, KSYNC_WAIT_INTERRUPTIBLE, 0, -EINTR);
}

TEST_F(signals, interruptible_wait_ends_with_eintr_in_spite_of_sa_restart)
{
	one_handler(_metadata, self, KSYNC_WAIT_INTERRUPTIBLE, SA_RESTART, -EINTR);
}

/* Spuriously, as one says. */
TEST_F(signals, other_wait_ends_with_0)
{
	one_handler(_metadata, self, 0, 0, 0);
}

TEST_F(signals, other_wait_ends_with_0_with_sa_restart)
{
	one_handler(_metadata, self, 0, SA_RESTART, 0);
}

/* The handler runs at once, the wait ends with the mutex: not before. */
TEST_F(signals, handler_runs_without_the_mutex)
{
	begin(_metadata, self, KSYNC_WAIT_INTERRUPTIBLE, 0);
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_EQ(0, self->s.cells[self->s.cond].waiters);
	/* And once more while it waits for the mutex. */
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 2));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_NE(self->p->done, self->p->posted);
	EXPECT_EQ(0, cond_unlock(&self->s));
	end(_metadata, self, -EINTR);
}

/* Signalled before, it returns 0, and takes no second signal. */
TEST_F(signals, signal_wins_over_a_handler)
{
	struct player *other;

	begin(_metadata, self, KSYNC_WAIT_INTERRUPTIBLE, 0);
	other = cond_waiter(&self->s, TASK_THREAD, 0);
	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_EQ(1, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, cond_end_wait(&self->s, self->p, 0));
	EXPECT_EQ(1, cond_signal(&self->s, 2));
	EXPECT_EQ(0, cond_end_wait(&self->s, other, 0));
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
}

static bool has_passed(const void *arg)
{
	return raw_deadline(CLOCK_MONOTONIC, 0) >= *(const uint64_t *)arg;
}

/* Signalled before, it returns 0, though its deadline passes and a handler runs. */
TEST_F(signals, signal_wins_over_the_deadline_and_a_handler)
{
	self->p->deadline = raw_deadline(CLOCK_MONOTONIC, 1500 * slow_factor());
	begin(_metadata, self, KSYNC_WAIT_INTERRUPTIBLE, 0);
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	ASSERT_EQ(0, await_true(has_passed, &self->p->deadline));
	ASSERT_EQ(0, player_await_asleep(self->p));
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_EQ(0, cond_unlock(&self->s));
	end(_metadata, self, 0);
}

/* A deadline that passes while the mutex is waited for after a handler. */
TEST_F(signals, timeout_holds_over_a_handler)
{
	self->p->deadline = raw_deadline(CLOCK_MONOTONIC, 1000 * slow_factor());
	begin(_metadata, self, KSYNC_WAIT_INTERRUPTIBLE, 0);
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	EXPECT_EQ(0, cond_unlock(&self->s));
	end(_metadata, self, -ETIMEDOUT);
}

TEST_F(signals, stop_ends_the_wait)
{
	NEEDS(GUARDED);
	begin(_metadata, self, 0, 0);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGSTOP));
	ASSERT_EQ(0, await_stopped(task_tid(&self->p->task)));
	EXPECT_EQ(0, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
	ASSERT_EQ(0, task_kill(&self->p->task, SIGCONT));
	end(_metadata, self, 0);
}

static void kill_it(struct __test_metadata *_metadata, struct _test_data_signals *self)
{
	int status;

	ASSERT_EQ(0, task_kill(&self->p->task, SIGKILL));
	ASSERT_EQ(0, task_join(&self->p->task, &status));
	EXPECT_EQ(-SIGKILL, status);
}

TEST_F(signals, killed_waiter_leaves)
{
	begin(_metadata, self, 0, 0);
	kill_it(_metadata, self);
	EXPECT_EQ(0, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
	EXPECT_EQ(0, cond_signal(&self->s, 1));
	EXPECT_EQ(0, raw_destroy(self->s.fd, self->s.cond));
	EXPECT_EQ(0, raw_destroy(self->s.fd, self->s.mutex));
}

/* Signalled, but killed before it has the mutex: the next one gets the signal. */
TEST_F(signals, killed_waiter_passes_the_signal_on)
{
	struct player *next;

	begin(_metadata, self, 0, 0);
	next = cond_waiter(&self->s, TASK_THREAD, 0);
	ASSERT_NE(NULL, next);
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	ASSERT_EQ(1, self->s.cells[self->s.cond].waiters);
	kill_it(_metadata, self);
	EXPECT_EQ(0, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, cond_end_wait(&self->s, next, 0));
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
}

/* The same, when a handler has run between the two. */
TEST_F(signals, killed_waiter_passes_the_signal_on_after_a_handler)
{
	struct player *next;

	begin(_metadata, self, 0, 0);
	next = cond_waiter(&self->s, TASK_THREAD, 0);
	ASSERT_NE(NULL, next);
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
	ASSERT_EQ(0, await_value(handled, 1));
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	kill_it(_metadata, self);
	EXPECT_EQ(0, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, cond_end_wait(&self->s, next, 0));
}

/* Timed out, it had no signal to pass on; nor has it after @handlers handlers. */
static void killed_after_the_deadline(struct __test_metadata *_metadata,
				      struct _test_data_signals *self, uint32_t handlers)
{
	struct player *next;
	uint32_t i;

	self->p->deadline = raw_deadline(CLOCK_MONOTONIC, 1000 * slow_factor());
	begin(_metadata, self, 0, 0);
	next = cond_waiter(&self->s, TASK_THREAD, 0);
	ASSERT_NE(NULL, next);
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	for (i = 1; i <= handlers; i++) {
		ASSERT_EQ(0, task_kill(&self->p->task, SIGUSR1));
		ASSERT_EQ(0, await_value(handled, i));
		ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	}
	kill_it(_metadata, self);
	EXPECT_EQ(1, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_end_wait(&self->s, next, 0));
}

TEST_F(signals, killed_after_the_deadline_passes_nothing_on)
{
	killed_after_the_deadline(_metadata, self, 0);
}

TEST_F(signals, killed_after_the_deadline_and_a_handler_passes_nothing_on)
{
	killed_after_the_deadline(_metadata, self, 1);
}

KSFT_MAIN
