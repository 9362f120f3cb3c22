// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A loop that is run by a task waits so that other tasks go on.
 *
 * Many on many: it looks without waiting; and if nothing has come it waits in a block
 * section, by which its proc goes to another machine.
 *
 * All on one thread: nobody else would run the others.  If one is ready the loop does
 * not wait, and yields; if none is, the thread sleeps here instead of in its machine,
 * until the scheduler's next deadline, or until somebody outside makes a task ready, who
 * pokes the loop then (from_outside() in ready.c):
 *
 *	who makes a task ready		the loop
 *	puts it				sets sched->sleeper
 *	barrier			[E]	barrier			[N]
 *	reads sleeper: pokes		looks for tasks: does not wait
 *
 * E comes before N, and the loop finds the task; or after it, and the loop is poked.
 *
 * Virtual time passes when nothing can run.  Whether something comes by a descriptor
 * cannot be known; it gets a millisecond of real time before the next deadline.
 */
#include "loop.h"

#define PATIENCE	1000000ULL

static bool work(struct ksync_sched *s, struct machine *m)
{
	return load(&m->proc->next) || ksync_any_work(s);
}

static void set_sleeper(struct ksync_sched *s, struct ksync_loop *l)
{
	lock(&s->lock);
	store(&s->sleeper, l);
	s->poke = ksync_loop_poke;
	unlock(&s->lock);
}

/* Nothing has come, and the thread is the scheduler's only one. */
static int alone(struct ksync_loop *l, struct ksync_sched *s, struct machine *m,
		 uint64_t until)
{
	uint64_t next = load(&s->timers.next), patience;
	struct timespec then;
	int ret = 0;

	if (seeded(s) && next != NEVER) {
		patience = loop_clock() + PATIENCE;
		until = patience < until ? patience : until;
	} else if (next < until) {
		until = next;
	}
	/* The poke is for who sees the sleeper: asleep, set by the wait, is too late. */
	__atomic_store_n(&l->asleep, 1, __ATOMIC_SEQ_CST);
	set_sleeper(s, l);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* N */
	if (!work(s, m))
		ret = ksync_loop_sleep_fd(l, until);
	set_sleeper(s, NULL);
	store(&l->asleep, 0);
	if (ret || !seeded(s) || next == NEVER || load(&s->nready) || load(&l->jobs) ||
	    load(&l->stop) || ksync_loop_timers_next(l) <= loop_clock())
		return ret;
	then = (struct timespec){ .tv_sec = next / 1000000000, .tv_nsec = next % 1000000000 };
	ksync_task_sleep_until(&then);
	return 0;
}

/** ksync_loop_nap() - wait as who runs the loop has to */
int ksync_loop_nap(struct ksync_loop *l, uint64_t until)
{
	struct machine *m = ksync_machine_self();
	int ret;

	if (!m || !until)
		return ksync_loop_sleep_fd(l, until);
	/* Not worth a block section: what is posted just then is seen before it sleeps. */
	if (load(&l->jobs) || load(&l->stop))
		return l->engine->wait(l, 0);
	if (!hands_off(m->sched)) {
		ret = l->engine->wait(l, 0);
		return ret || work(m->sched, m) ? ret : alone(l, m->sched, m, until);
	}
	ret = m->pinned ? 0 : l->engine->wait(l, 0);
	if (ret)
		return ret;
	ksync_task_block_enter();
	ret = ksync_loop_sleep_fd(l, until);
	ksync_task_block_leave();
	return ret;
}
