// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Tasks that become ready, and who is told.
 *
 * No task is left ready while a proc is idle and nobody looks for work.  Both sides
 * write, pass a full barrier, and read what the other writes:
 *
 *	who makes a task ready		a machine that stops looking
 *	puts it				counts itself out of spinning
 *	barrier			[E]	barrier (the same instruction)	[F]
 *	reads nidle and spinning	reads the queues again
 *
 * Either E comes first, and F's reads find the task; or the count is seen as 0, and a
 * machine is woken.  The first one to find work wakes the next, so one is enough.
 *
 * A next slot is the exception: its task is for the machine that put it there, which
 * is about to wait, mostly, and a thief would only break up two that take turns.  So a
 * machine is woken for it now and then: ever more rarely while those that were woken
 * found nothing to steal.  If the machine does not get to it after all, the monitor
 * sees that.
 */
#include "internal.h"

#define FUTILE_MAX	10

/* Somebody else is to look: a task was put into @p's queue, or its next slot. */
static void tell(struct ksync_sched *s, struct proc *p, bool only_next)
{
	if (s->nprocs == 1)
		return;
	if (only_next && p->skip) {
		p->skip--;
		return;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* E */
	if (likely(!load(&s->nidle)) || load(&s->spinning))
		return;
	if (only_next)
		p->skip = (1U << load(&s->futile)) - 1;
	ksync_wake_one(s);
}

/* A loop that sleeps for all: see loop_nap.c. It is there while the lock is held. */
static void poke_sleeper(struct ksync_sched *s)
{
	lock(&s->lock);
	if (s->sleeper)
		s->poke(s->sleeper);
	unlock(&s->lock);
}

static void from_outside(struct ksync_sched *s, struct ksync_task *t)
{
	if (seeded(s))
		ksync_seeded_put(s, t);
	else
		ksync_global_put(s, t, t, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* E */
	if (load(&s->nidle) && !load(&s->spinning))
		ksync_wake_one(s);
	if (unlikely(load(&s->sleeper)))
		poke_sleeper(s);
}

/**
 * ksync_make_ready() - a task that is saved, and nobody else knows of, will run
 * @t: task
 *
 * Called by anybody: next on the caller's proc, if it has one.
 */
void ksync_make_ready(struct ksync_task *t)
{
	struct machine *m = ksync_machine_self();
	struct ksync_sched *s = t->sched;
	struct proc *p = NULL;
	bool held = false, only;

	store(&t->state, TASK_READY);
	if (likely(m && m->sched == s)) {
		p = ksync_proc_hold(m, &held);
		if (unlikely(seeded(s))) {
			ksync_seeded_put(s, t);
		} else if (likely(p)) {
			ksync_runq_next(p, t, s);
			only = ksync_runq_empty(p);
			tell(s, p, only);
		}
		ksync_proc_unhold(m, held);
		if (p)
			return;
	}
	from_outside(s, t);
}
