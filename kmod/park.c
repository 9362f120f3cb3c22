// SPDX-License-Identifier: GPL-2.0
/*
 * Waiters on their way from a cond to its mutex.
 *
 * Nobody but the waiter itself can block it on an rt_mutex.  But if all waiters
 * of a broadcast were woken for that, they would run only to block, one behind
 * the other.  So a waiter that is moved into the mutex's queue sleeps on,
 * parked, until there is something for it to do:
 *
 *   1	The word was left free, or to be handed over, and nobody else is on the
 *	way to it: the top waiter is unparked.  UNLOCK and owner death do this,
 *	a waiter on its way that gives up, and whoever moves a waiter to a free
 *	mutex.  Whoever gets the word leaves the rest parked: with WAITERS and
 *	without WOKEN in the word, its UNLOCK comes here.
 *   2	The top waiter is more important than the owner: it is unparked at once,
 *	to block, and boost.  Real-time waiters always: the owner's priority may
 *	sink without anybody knowing here.
 *   3	Somebody more important begins to wait for what a parked one owns: the
 *	walk of the wait-for graph finds it, and it is unparked to pass on the
 *	boost.
 *   4	The current task has the mutex, and the top waiter sleeps on another CPU:
 *	it is unparked to come meanwhile, and spins or blocks until the UNLOCK.
 *	To wake it there takes longer than most hold a mutex after a signal.
 *
 * So one wake-up is in flight for each mutex, one more comes while it is held,
 * and the owner is boosted by the most important waiter.  What nobody can see
 * here is a parked waiter whose priority is raised by others, with
 * sched_setscheduler(2) or over a PI futex: that counts from its turn on.
 *
 * The stage changes so:
 *
 *	ON_COND -> PARKED, UNPARKED, DROPPED	by who moves it, under the locks of
 *						both buckets		[A]
 *	PARKED -> UNPARKED			by anybody who unparks it, and by
 *						itself, with cmpxchg	[B]
 *
 *	CPU0 (moves or unparks)			CPU1 (waiter)
 *	----					----
 *	w->state = the mutex's, ...		load_acquire(stage)	[C]
 *	store_release(stage)	[A]		read w->state, ...
 *	or cmpxchg(stage)	[B]		gets the mutex, returns
 *
 * By [A], [B] and [C] the waiter sees what was done to it.  After [A] with
 * anything but PARKED, and after [B], its stack may be gone; while it is PARKED
 * it cannot leave without the mutex's bucket lock.  Its task is held by a
 * reference.
 */
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "busted.h"
#include "park.h"
#include "trace.h"

/**
 * ksync_unpark() - let a waiter go for its mutex
 * @t: its thread, parked when last seen
 *
 * Return: the task, which ksync_unpark_wake() wakes once no lock is held; NULL:
 * somebody else has unparked it.
 */
struct task_struct *ksync_unpark(struct ksync_thread *t)
{
	struct task_struct *task = get_task_struct(t->task);
	int stage = KSYNC_PARKED;

	if (try_cmpxchg(&t->stage, &stage, KSYNC_UNPARKED)) /* [B] */
		return task;
	put_task_struct(task);
	return NULL;
}

/* Rules 1 and 2, for the top waiter. */
static bool has_to_run(const struct ksync_waiter *w)
{
	const struct ksync_state *st = w->state;
	const int prio = ksync_prio(w->task);

	if (!st->leader && !st->owner)
		return true;
	if (rt_prio(min(prio, w->prio)))
		return true;
	/* Registered, it does not die without the bucket lock. */
	return st->owner && prio < ksync_prio(st->owner->task);
}

/* Rule 4, for the top waiter. */
static bool comes_meanwhile(const struct ksync_waiter *w)
{
	const struct ksync_state *st = w->state;

	return st->owner && st->owner->task == current && !st->leader &&
	       task_cpu(w->task) != raw_smp_processor_id();
}

/**
 * ksync_unpark_top() - under the bucket lock: unpark the top waiter if it is time
 * @st: state of what has an owner; the top waiter is also sent off if it is gone
 *
 * Return: whom ksync_unpark_wake() wakes once the lock is released; or NULL.
 */
struct task_struct *ksync_unpark_top(const struct ksync_state *st)
{
	const struct ksync_waiter *w = ksync_waiter_top(st);

	lockdep_assert_held(&st->bucket->lock);
	if (st->side == KSYNC_SIDE_GONE)
		return ksync_leave_next(st);
	if (!w || READ_ONCE(w->thread->stage) != KSYNC_PARKED)
		return NULL;
	if (!has_to_run(w) && !comes_meanwhile(w))
		return NULL;
	return ksync_unpark(w->thread);
}

/** ksync_unpark_wake() - no raw lock held; @task may be NULL */
void ksync_unpark_wake(const struct ksync_object *obj, struct task_struct *task)
{
	if (!task)
		return;
	trace_wake(obj, task);
	if (!ksync_busted(KSYNC_FAULT_COND_TURN))
		wake_up_process(task);
	put_task_struct(task);
}

/**
 * ksync_park() - under the bucket lock: a waiter of a cond has come to its mutex
 * @w: waiter, asleep, in the queue of the mutex
 *
 * Return: whom to wake, if it cannot sleep on; see ksync_unpark_top().
 */
struct task_struct *ksync_park(struct ksync_waiter *w)
{
	struct task_struct *task = w->task;

	lockdep_assert_held(&w->state->bucket->lock);
	if (!(ksync_waiter_top(w->state) == w && has_to_run(w)) && !ksync_graph_park(w))
		return ksync_unpark_top(w->state);
	get_task_struct(task);
	smp_store_release(&w->thread->stage, KSYNC_UNPARKED); /* [A] */
	return task;
}
