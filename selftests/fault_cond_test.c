// SPDX-License-Identifier: GPL-2.0
/*
 * Condition variables while memory is short and copies from and to user memory
 * fail: see fault_test.  However a wait ends, the mutex is owned again; no signal is
 * lost, and nobody waits for ever.
 */
#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cond.h"
#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/sys.h"

/* The test's helpers for conds look at this. */
static struct cond_scene scene_of(const struct fault_scene *s)
{
	return (struct cond_scene){
		.fd = s->fd,
		.cells = s->cells,
		.cond = s->id[0],
		.mutex = s->id[1],
		.self = s->self,
	};
}

static void cond_and_mutex(struct fault_scene *s)
{
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_COND, 0, &s->id[0]));
	WANT(s, 0, raw_create(s->fd, KSYNC_KIND_MUTEX, 0, &s->id[1]));
}

static void add_waiter(struct fault_scene *s, int i)
{
	struct cond_scene c = scene_of(s);

	s->partner[i] = cond_waiter(&c, TASK_THREAD, 0);
	WANT(s, false, !s->partner[i]);
}

static uint32_t on_cond(struct fault_scene *s)
{
	struct ksync_query q;

	WANT(s, 0, raw_query(s->fd, s->id[0], &q));
	return q.waiters;
}

/* Somebody new waits, is signalled and has the mutex. */
static void works(struct fault_scene *s, int ret)
{
	struct cond_scene c = scene_of(s);
	struct player *p = cond_waiter(&c, TASK_THREAD, 0);

	(void)ret;
	WANT(s, false, !p);
	if (s->wrong[0])
		return;
	WANT(s, 1, on_cond(s));
	WANT(s, 1, cond_signal(&c, 1));
	WANT(s, 0, cond_end_wait(&c, p, 0));
	WANT(s, 0, player_end(p));
	WANT(s, 0, on_cond(s));
	WANT(s, 0, cond_lock(&c));
	WANT(s, 0, cond_unlock(&c));
	WANT(s, 0, s->cells[s->id[1]].word);
}

/* To wait. */

static void enter_owner(struct fault_scene *s)
{
	WANT(s, 0, raw_attach(s->fd, &s->actor));
	WANT(s, 0, raw_lock(s->fd, s->id[1], s->actor, 0, KSYNC_NO_DEADLINE));
}

static int do_wait(struct fault_scene *s)
{
	return raw_cond_wait(s->fd, s->id[0], s->id[1], s->actor, 0, KSYNC_NO_DEADLINE);
}

/* Long ago: it locks the mutex again as soon as it has released it. */
static int do_wait_late(struct fault_scene *s)
{
	int ret = raw_cond_wait(s->fd, s->id[0], s->id[1], s->actor, 0, 1);

	s->got = ret;
	return ret == -ETIMEDOUT ? 0 : ret;
}

static void signal_it(struct fault_scene *s)
{
	struct cond_scene c = scene_of(s);

	s->got = cond_signal(&c, 1);
	WANT(s, true, s->got >= 0);
}

static void has_mutex(struct fault_scene *s, int ret)
{
	(void)ret;
	WANT(s, s->actor, s->cells[s->id[1]].word & KSYNC_OWNER);
	WANT(s, 0, raw_unlock(s->fd, s->id[1], s->actor));
}

static void waited(struct fault_scene *s, int ret)
{
	if (!ret)
		WANT(s, 1, s->got);
	works(s, ret);
}

FAULT_PATH(cond_wait, .prepare = cond_and_mutex, .enter = enter_owner, .act = do_wait,
	   .meanwhile = signal_it, .leave = has_mutex, .check = waited,
	   .errors = { -ENOMEM, -EFAULT });
FAULT_PATH(cond_wait_late, .prepare = cond_and_mutex, .enter = enter_owner,
	   .act = do_wait_late, .leave = has_mutex, .check = works,
	   .errors = { -ENOMEM, -EFAULT });

/*
 * A signal handler breaks the wait off, and it goes on by locking the mutex: by an
 * argument that has to be written, and read again.
 *
 * The copies that deliver a signal fail as well. The kernel then has no other answer
 * than SIGSEGV, and the registers may be lost: the task that acts jumps out.
 */

static sigjmp_buf out;

static void ignore(int sig)
{
	(void)sig;
}

static void jump_out(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

static void cond_and_handlers(struct fault_scene *s)
{
	const struct sigaction usr1 = { .sa_handler = ignore, .sa_flags = SA_NODEFER };
	const struct sigaction segv = { .sa_handler = jump_out, .sa_flags = SA_NODEFER };

	cond_and_mutex(s);
	WANT(s, 0, sigaction(SIGUSR1, &usr1, NULL));
	WANT(s, 0, sigaction(SIGSEGV, &segv, NULL));
}

/* Who is to be interrupted is known before it waits. */
static void enter_interrupted(struct fault_scene *s)
{
	enter_owner(s);
	s->id[2] = sys_gettid();
}

/* What it was told is for this task alone: see below. */
static int do_wait_interrupted(struct fault_scene *s)
{
	if (sigsetjmp(out, 0))
		return -EFAULT;
	s->got = raw_cond_wait(s->fd, s->id[0], s->id[1], s->actor,
			       KSYNC_WAIT_INTERRUPTIBLE, KSYNC_NO_DEADLINE);
	return s->got == -EINTR ? 0 : s->got;
}

static void interrupt(struct fault_scene *s)
{
	WANT(s, 0, sys(SYS_tgkill, getpid(), s->id[2], SIGUSR1));
}

/* Who was not told whether it has the mutex can look. */
static void was_interrupted(struct fault_scene *s, int ret)
{
	if (!ret)
		WANT(s, -EINTR, s->got);
	if (ret != -EFAULT || s->cells[s->id[1]].word & KSYNC_OWNER)
		has_mutex(s, ret);
}

FAULT_PATH(cond_wait_interrupted, .prepare = cond_and_handlers,
	   .enter = enter_interrupted, .act = do_wait_interrupted, .meanwhile = interrupt,
	   .leave = was_interrupted, .check = works, .errors = { -ENOMEM, -EFAULT });

/* To signal. */

static void one_waits(struct fault_scene *s)
{
	cond_and_mutex(s);
	add_waiter(s, 0);
}

static void two_wait(struct fault_scene *s)
{
	one_waits(s);
	add_waiter(s, 1);
}

static int do_signal(struct fault_scene *s)
{
	uint32_t woken;

	return raw_cond_signal(s->fd, s->id[0], 1, &woken);
}

static int do_broadcast(struct fault_scene *s)
{
	uint32_t woken;

	return raw_cond_signal(s->fd, s->id[0], ~0U, &woken);
}

/* All were signalled, or none; those that were have the mutex in turn. */
static void signalled(struct fault_scene *s, uint32_t n, int ret)
{
	struct cond_scene c = scene_of(s);
	const uint32_t left = on_cond(s);
	uint32_t i;

	if (ret)
		WANT(s, true, left == 0 || left == n);
	else
		WANT(s, 0, left);
	WANT(s, left, cond_signal(&c, ~0U));
	for (i = 0; i < n && !s->wrong[0]; i++)
		WANT(s, 0, cond_end_wait(&c, s->partner[i], 0));
	works(s, ret);
}

static void one_signalled(struct fault_scene *s, int ret)
{
	signalled(s, 1, ret);
}

static void both_signalled(struct fault_scene *s, int ret)
{
	signalled(s, 2, ret);
}

FAULT_PATH(cond_signal, .prepare = one_waits, .act = do_signal, .check = one_signalled,
	   .errors = { -EFAULT });
FAULT_PATH(cond_broadcast, .prepare = two_wait, .act = do_broadcast,
	   .check = both_signalled, .errors = { -EFAULT });

FAULT_NO_LEAK();

KSFT_MAIN
