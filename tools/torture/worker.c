// SPDX-License-Identifier: GPL-2.0
/*
 * A worker: steps of its row, and between them what may happen to a program.
 *
 * Some workers have no TLS of their own: nothing here, and in the rows, uses errno
 * or anything else of libc that does.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include "sys.h"
#include "torture.h"

uint32_t dice(struct slot *me)
{
	me->seed ^= me->seed << 13;
	me->seed ^= me->seed >> 17;
	me->seed ^= me->seed << 5;
	return me->seed;
}

/* Once in so many times. */
bool chance(struct slot *me, uint32_t in)
{
	return !(dice(me) % in);
}

static void nap(uint32_t us)
{
	const struct timespec ts = { .tv_nsec = us * 1000L };

	sys(SYS_nanosleep, &ts, NULL);
}

static void burn(uint32_t times)
{
	while (times--)
		asm volatile("" ::: "memory");
}

/* Some time passes, none most often; or worse. */
void linger(struct slot *me)
{
	const uint32_t d = dice(me) % 64;

	if (d < 16)
		burn(dice(me) % 2000);
	else if (d < 26)
		sys(SYS_sched_yield);
	else if (d < 30)
		nap(dice(me) % 300);
	else if (d == 30)
		misfortune(me, true);
}

static void leave_by_exec(void)
{
	static const char *const argv[] = { "torture", "--gone", NULL };
	static const char *const envp[] = { NULL };

	sys(SYS_execve, "/proc/self/exe", argv, envp);
}

/* A child is another task: it owns nothing of what its parent has. */
static void be_child(void)
{
	struct ksync_thread self;
	union thing *t = &kit.thing[0];
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = ksync_thread_attach(kit.d, &self);
	if (ret)
		violate(WRONG_ANSWER, "a child cannot attach: answer", ret, 0);
	if (!ret && (t->o.attr & 0xff) == KSYNC_KIND_MUTEX) {
		ret = ksync_mutex_unlock_as(&t->mutex, &self);
		if (ret != -EPERM)
			violate(WRONG_ANSWER, "a child unlocks what its parent has", ret, 0);
	}
	_exit(0);
}

static void have_child(void)
{
	int pid, ret;

	pid = fork();
	if (!pid)
		be_child();
	if (pid < 0)
		return;
	figure_add(F_FORKS, 1);
	do {
		ret = sys(SYS_wait4, pid, NULL, 0, NULL);
	} while (ret == -EINTR);
}

/**
 * misfortune() - now and then: exit, exec, fork
 * @me: worker
 * @inside: of a section
 */
void misfortune(struct slot *me, bool inside)
{
	const uint32_t d = dice(me) % (inside ? 24 : 3000);

	if (scene->row->deathless || scene->calm)
		return;
	if (d == 0) {
		crew_doom(me);
		figure_add(F_EXECS, 1);
		leave_by_exec();
		violate(WRONG_ANSWER, "a worker cannot exec", 0, 0);
	} else if (d == 1) {
		__atomic_store_n(&me->doomed, TASK_DOOMED, __ATOMIC_SEQ_CST);
		figure_add(F_EXITS, 1);
		/* The task alone; where it is all of a process, that. */
		__atomic_store_n(&me->state, EXITED, __ATOMIC_SEQ_CST);
		sys(SYS_exit, 0);
	} else if (d == 2 && me->may_fork) {
		have_child();
	}
}

/**
 * tolerable() - was it got?
 * @me: worker
 * @ret: an answer of a wait
 *
 * Answers that nobody expects are violations.
 */
bool tolerable(struct slot *me, int ret)
{
	switch (ret) {
	case 0:
	case -EOWNERDEAD:
		return true;
	case -ETIMEDOUT:
		figure_add(F_TIMEOUTS, 1);
		return false;
	case -EINTR:
		figure_add(F_INTERRUPTED, 1);
		return false;
	case -EBUSY:
	case -EAGAIN:
		figure_add(F_REFUSED, 1);
		return false;
	case -EDEADLK:
		figure_add(F_DEADLOCKS, 1);
		return false;
	}
	/* A ceiling is not for who is above it. */
	if (ret != -EINVAL || (kit.thing[0].o.attr & 0xffff) !=
	    (KSYNC_KIND_MUTEX | KSYNC_MUTEX_PROTECT << 8))
		violate(WRONG_ANSWER, "a wait is answered so", ret, me - scene->slot);
	return false;
}

/** pick_deadline() - none, or one that is past, near, or far; on CLOCK_MONOTONIC */
const struct timespec *pick_deadline(struct slot *me, struct timespec *ts)
{
	const uint64_t n = now(CLOCK_MONOTONIC);

	switch (dice(me) % 6) {
	case 0:
		*ts = to_timespec(n - dice(me) % SEC);
		return ts;
	case 1:
	case 2:
		*ts = to_timespec(n + dice(me) % (3 * MSEC));
		return ts;
	case 3:
		*ts = to_timespec(n + SEC / 4);
		return ts;
	}
	return NULL;
}

static bool has_leave(const struct slot *me)
{
	return __atomic_load_n(&scene->pause, __ATOMIC_SEQ_CST) ||
	       !(__atomic_load_n(&scene->active, __ATOMIC_SEQ_CST) >> (me - scene->slot) & 1);
}

static void park(struct slot *me)
{
	uint32_t round;

	__atomic_store_n(&me->state, PARKED, __ATOMIC_SEQ_CST);
	for (;;) {
		round = __atomic_load_n(&scene->round, __ATOMIC_SEQ_CST);
		if (!has_leave(me))
			break;
		sys_futex_wait(&scene->round, round, NULL);
	}
	__atomic_store_n(&me->state, AT_WORK, __ATOMIC_SEQ_CST);
}

/** work() - all that a worker does; its slot is set up but for its identity */
void work(struct slot *me)
{
	int ret = ksync_thread_attach(kit.d, &me->self);

	if (ret)
		violate(WRONG_ANSWER, "a worker cannot attach: answer", ret, 0);
	__atomic_store_n(&me->pid, sys(SYS_getpid), __ATOMIC_SEQ_CST);
	__atomic_store_n(&me->tid, sys_gettid(), __ATOMIC_SEQ_CST);
	__atomic_store_n(&me->state, AT_WORK, __ATOMIC_SEQ_CST);
	while (!ret && !__atomic_load_n(&scene->over, __ATOMIC_RELAXED)) {
		if (has_leave(me))
			park(me);
		scene->row->step(me);
		__atomic_store_n(&me->progress, me->progress + 1, __ATOMIC_RELAXED);
		figure_add(F_OPERATIONS, 1);
		if (chance(me, 8))
			nap(dice(me) % 400);
		misfortune(me, false);
	}
}
