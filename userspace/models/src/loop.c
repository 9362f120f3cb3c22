// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Event loops: turns, and how they are woken.
 *
 * A poke is an eventfd's, and made only if the loop sleeps:
 *
 *	who posts			the loop
 *	puts the job, or stop	[P]	asleep = 1		[A]
 *	reads asleep		[R]	looks for jobs and stop	[L]
 *	1: exchanges it for 0,		none: sleeps
 *	   and writes if it was 1	asleep = 0
 *
 * P, R, A and L are in one order of sequentially consistent operations: either L comes
 * after P and finds the job, or A before R, and the loop is poked.  Of many that post
 * while it sleeps the exchange lets one write.  A write that comes when the loop is awake
 * again makes it look once for nothing.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "loop.h"

static bool stopped(struct ksync_loop *l)
{
	return __atomic_load_n(&l->stop, __ATOMIC_SEQ_CST);
}

static bool has_jobs(struct ksync_loop *l)
{
	return __atomic_load_n(&l->jobs, __ATOMIC_SEQ_CST);
}

/** ksync_loop_poke() - have it look, if it sleeps; by anybody, also in signal handlers */
void ksync_loop_poke(struct ksync_loop *l)
{
	const uint64_t one = 1;

	if (__atomic_load_n(&l->asleep, __ATOMIC_SEQ_CST) && /* R */
	    __atomic_exchange_n(&l->asleep, 0, __ATOMIC_SEQ_CST))
		(void)NEGATIVE(write(l->event, &one, sizeof(one)));
}

static void woken(struct ksync_loop *l)
{
	uint64_t n;

	(void)NEGATIVE(read(l->event, &n, sizeof(n)));
}

/** ksync_loop_sleep_fd() - the engine's wait, if there is nothing to do */
int ksync_loop_sleep_fd(struct ksync_loop *l, uint64_t until)
{
	int ret;

	if (!until)
		return l->engine->wait(l, 0);
	__atomic_store_n(&l->asleep, 1, __ATOMIC_SEQ_CST); /* A */
	if (has_jobs(l) || stopped(l)) /* L */
		until = 0;
	ret = l->engine->wait(l, until);
	__atomic_store_n(&l->asleep, 0, __ATOMIC_RELAXED);
	return ret;
}

int ksync_loop_init(struct ksync_loop *l, const struct loop_engine *engine, uint32_t flags)
{
	int ret;

	l->engine = engine;
	l->flags = flags;
	l->signal_fd = -1;
	l->pipe_in = -1;
	l->now = loop_clock();
	l->event = NEGATIVE(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	if (l->event < 0)
		return l->event;
	l->wake.fn = woken;
	ret = engine->listen(l, &l->wake, l->event);
	if (ret)
		NEGATIVE(close(l->event));
	return ret;
}

/** ksync_loop_fini() - what is not the engine's */
void ksync_loop_fini(struct ksync_loop *l)
{
	NEGATIVE(close(l->event));
	ksync_ports_free(l);
	free(l->heap);
	free(l);
}

static int enter(struct ksync_loop *l)
{
	struct machine *m = ksync_machine_self();
	uint32_t free = 0;
	int ret;

	if (!__atomic_compare_exchange_n(&l->running, &free, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return -EBUSY;
	if (l->engine->one_thread)
		ksync_task_pin();
	ret = l->engine->enter ? l->engine->enter(l) : 0;
	if (ret) {
		if (l->engine->one_thread)
			ksync_task_unpin();
		store_release(&l->running, 0);
		return ret;
	}
	store(&l->runner, ksync_self_waiter());
	store_release(&l->machine, m && !hands_off(m->sched) ? m : NULL);
	return 0;
}

static void leave(struct ksync_loop *l)
{
	store(&l->runner, NULL);
	store(&l->machine, NULL);
	if (l->engine->one_thread)
		ksync_task_unpin();
	store_release(&l->running, 0);
}

static int turn(struct ksync_loop *l, uint64_t until)
{
	uint64_t next = ksync_loop_timers_next(l);
	int ret;

	if (next < until)
		until = next;
	if (until != NEVER && until <= loop_clock())
		until = 0;
	ret = ksync_loop_nap(l, until);
	l->now = loop_clock();
	if (ret < 0 && ret != -EINTR)
		return ret;
	if (ret > 0)
		l->engine->dispatch(l);
	ksync_loop_timers_run(l);
	ksync_loop_jobs_run(l);
	return 0;
}

EXPORT int ksync_loop_turn(struct ksync_loop *l, const struct timespec *abs)
{
	uint64_t until;
	int ret = ksync_deadline_ns(abs, &until);

	if (!ret)
		ret = enter(l);
	if (ret)
		return ret;
	ret = turn(l, until);
	leave(l);
	return ret;
}

EXPORT int ksync_loop_run(struct ksync_loop *l)
{
	int ret = enter(l);

	if (ret)
		return ret;
	while (!ret && !stopped(l)) {
		ret = turn(l, NEVER);
		/* Those that the turn has woken are before the next look. */
		if (ksync_machine_self() && !ksync_machine_self()->pinned)
			ksync_task_yield();
		if (!ret && ksync_task_cancelled())
			ret = -ECANCELED;
	}
	if (!ret)
		__atomic_store_n(&l->stop, 0, __ATOMIC_SEQ_CST);
	leave(l);
	return ret;
}

EXPORT void ksync_loop_stop(struct ksync_loop *l)
{
	__atomic_store_n(&l->stop, 1, __ATOMIC_SEQ_CST); /* P */
	ksync_loop_poke(l);
}

EXPORT uint64_t ksync_loop_now(const struct ksync_loop *l)
{
	return l->now;
}

EXPORT int ksync_loop_destroy(struct ksync_loop *l)
{
	int ret;

	if (load_acquire(&l->running))
		return -EBUSY;
	ksync_loop_signals_end(l);
	ret = l->engine->destroy(l);
	if (!ret)
		ksync_loop_fini(l);
	return ret;
}
