// SPDX-License-Identifier: GPL-2.0
/*
 * The wait-for graph: a wait that would close a cycle is refused.
 *
 * A thread waits for at most one object, and an object with an owner leads to
 * one thread: from any thread there is one path.  The last thread to close a
 * cycle walks it and finds itself.
 *
 * Edges are set under the graph lock and the walk is made under it.  Owners
 * change, and edges are cleared, without it.  The walk is right all the same:
 *
 *	CPU0 (walks)			CPU1 (thread B, waits for m)
 *	----				----
 *	lock(graph)			lock(graph), B->blocked = m, unlock
 *	A->blocked = l
 *	l's owner is B			...
 *	B->blocked is m			B stops waiting: B->blocked = NULL,
 *	m's owner is C			takes or releases whatever
 *	B->blocked is still m?		B->blocked = x needs the graph lock
 *	...
 *	C is A: a cycle
 *
 * No edge is set during the walk.  So a thread found blocked on m before and
 * after m's owner was read was blocked on it all the time between, and, being
 * blocked, released nothing: each hop was true at the moment of the last.
 * Conversely each thread on a true cycle had written its locks' words, or was
 * registered as their owner, before it took the graph lock to wait.
 *
 * A thread that waits for one of many objects has the edge of the lock in whose
 * queue it sits.  A cycle through it is none, for something else may get it out;
 * but rt_mutex must not see that cycle.  So whoever would close it stays out of the
 * chain, as with those that lead away from ksync, and the thread is made to look
 * again: it does not sit where that closes a cycle, and if there is nowhere else to
 * sit or to wait, it is the one that is refused.  (Where two that wait for one of
 * many locks each have all that the other waits for, nobody is.)
 *
 * UNLOCK with ANY takes a mutex from a thread that may be blocked: a cycle that it
 * has just opened may still be refused.  If it left waiters behind, they wait for
 * nobody, but rt_mutex sees them behind the former owner until they have departed: a
 * cycle through such a state is none, and who would close it stays out of the chain.
 *
 * The edge of a waiter that is moved from a cond to its mutex is set by who
 * moves it: it sleeps meanwhile, and releases nothing either.
 */
#include <linux/rcupdate.h>
#include <linux/rtmutex.h>
#include <linux/sched/rt.h>

#include "park.h"
#include "qlock.h"
#include "trace.h"

static struct ksync_qlock graph_lock = KSYNC_QLOCK_INIT("ksync_graph", &graph_lock);

/**
 * ksync_graph_holder() - who has what a state's waiters want, under RCU
 * @st: state
 *
 * While a waiter is on its way nobody is registered: then the word tells.  It
 * may lie; that costs its domain a wrong EDEADLK.  What rt_mutex sees are the
 * registered owners alone.  The word of an rwlock names the writer: readers who
 * are waited for are always registered.
 */
struct ksync_thread *ksync_graph_holder(const struct ksync_state *st)
{
	const enum ksync_side side = READ_ONCE(st->side);
	struct ksync_thread *t = READ_ONCE(st->owner);

	if (t || side == KSYNC_SIDE_DRAIN || side == KSYNC_SIDE_GONE)
		return t;
	return ksync_thread_find(st->obj.domain, READ_ONCE(st->obj.cell->word) & KSYNC_OWNER);
}

/**
 * struct hop - from a thread to the next one
 * @st: what the thread waits on; NULL: it does not wait
 * @holder: whom that waits for
 * @gone: @st was left behind: the thread is about to call again
 */
struct hop {
	struct ksync_state *st;
	struct ksync_thread *holder;
	bool gone;
};

static struct hop hop_from(const struct ksync_thread *t)
{
	struct hop hop = { .st = READ_ONCE(t->blocked) };

	if (!hop.st)
		return hop;
	smp_rmb(); /* the state is what t was blocked on: see ksync_state_alloc() */
	hop.holder = ksync_graph_holder(hop.st);
	hop.gone = READ_ONCE(hop.st->side) == KSYNC_SIDE_GONE;
	smp_rmb(); /* t was still blocked when its owner was read */
	return READ_ONCE(t->blocked) == hop.st ? hop : (struct hop){};
}

static void report_cycle(struct ksync_thread *self, u32 len)
{
	static u32 cycles;
	struct ksync_thread *t = self;
	struct hop hop;
	u32 i;

	if (!trace_deadlock_enabled())
		return;
	cycles++;
	for (i = 0; i < len; i++) {
		hop = hop_from(t);
		if (!hop.holder)
			return;
		trace_deadlock(cycles, i, len, t->task, &hop.st->obj, hop.holder->task);
		t = hop.holder;
	}
}

/*
 * Is somebody blocked on an rt_mutex that the waiting task owns, and the end of
 * the chain blocked on one that is not ours (a PI futex)?  Then the chain may
 * lead back here through that, where nothing can be seen.
 */
static bool leads_away(const struct ksync_thread *self, const struct ksync_thread *last)
{
	return READ_ONCE(last->task->pi_blocked_on) &&
	       !RB_EMPTY_ROOT(&self->task->pi_waiters.rb_root);
}

/*
 * Between the end of a walk and its own blocking a thread can be made part of a cycle
 * over a PI futex.  What rt_mutex then does to it needs a chain of rising priorities:
 * real-time ones, for all others are alike to it.  Where that is not to be risked,
 * such threads stay out of the chain, and lend nothing.
 */
static bool must_not_join(const struct ksync_thread *self)
{
	return !READ_ONCE(ksync_lend_rt) && rt_prio(ksync_prio(self->task));
}

/**
 * struct trail - what a walk has seen
 * @cycle: how many threads are in the cycle; 0: there is none
 * @soft: the first thread met that may be got out by something else
 * @parked: the first thread that stops a boost: it is not blocked yet
 * @gone: a state was left behind: that hop is soon no more
 */
struct trail {
	u32 cycle;
	struct ksync_thread *soft;
	struct ksync_thread *parked;
	bool gone;
};

static bool stops_boost(const struct ksync_thread *t, const struct ksync_thread *self)
{
	return READ_ONCE(t->stage) == KSYNC_PARKED && ksync_prio(t->task) > ksync_prio(self->task);
}

/* Up to max_chain owners, and one more look: does the last of them wait? */
static int walk(struct ksync_thread *self, struct trail *trail)
{
	const u32 most = READ_ONCE(ksync_max_chain) + 1;
	struct ksync_thread *t = self;
	struct hop hop;
	u32 len;

	for (len = 1; len <= most; len++) {
		hop = hop_from(t);
		trail->gone |= hop.gone;
		if (!hop.holder && must_not_join(self))
			return -EXDEV;
		if (!hop.holder)
			return t != self && !hop.st && leads_away(self, t) ? -EXDEV : 0;
		t = hop.holder;
		if (t == self && (trail->soft || trail->gone))
			return -EXDEV;
		if (t == self) {
			trail->cycle = len;
			return -EDEADLK;
		}
		if (!trail->soft && READ_ONCE(t->soft))
			trail->soft = t;
		if (!trail->parked && stops_boost(t, self))
			trail->parked = t;
	}
	return -EDEADLK;
}

/*
 * Have a thread that sits in a queue look again.  While it is soft it is in its
 * call, where it expects this.
 */
static struct task_struct *unseat(struct ksync_thread *t)
{
	set_tsk_thread_flag(t->task, TIF_NOTIFY_SIGNAL);
	return get_task_struct(t->task);
}

/*
 * Set the edge and walk.  Whom to wake is put in *@next; with 0, before this is
 * done again.
 */
static int block(struct ksync_waiter *w, struct task_struct **next)
{
	struct ksync_thread *self = w->thread;
	struct ksync_qnode node;
	struct trail trail = {};
	int ret;

	*next = NULL;
	ksync_qlock_lock(&graph_lock, &node);
	rcu_read_lock();
	WRITE_ONCE(self->blocked, w->state);
	ret = walk(self, &trail);
	if (trail.cycle)
		report_cycle(self, trail.cycle);
	if (ret == -EDEADLK)
		WRITE_ONCE(self->blocked, NULL);
	else if (!ret && trail.parked)
		*next = ksync_unpark(trail.parked);
	else if (ret == -EXDEV && trail.soft && !self->soft)
		*next = unseat(trail.soft);
	rcu_read_unlock();
	ksync_qlock_unlock(&graph_lock, &node);
	return ret;
}

/**
 * ksync_graph_block() - the current task is going to wait
 * @w: its waiter
 *
 * Who is parked along the path is woken, to pass on the boost: see park.c.
 *
 * Return: 0: it may block behind the owner, and ksync_graph_unblock() follows.
 * -EDEADLK: it must not wait. -EXDEV: it may wait, but not as part of the chain;
 * ksync_graph_unblock() follows too.
 */
int ksync_graph_block(struct ksync_waiter *w)
{
	struct task_struct *next;
	int ret;

	do {
		ret = block(w, &next);
		ksync_unpark_wake(&w->state->obj, next);
	} while (!ret && next);
	return ret;
}

/**
 * ksync_graph_park() - a sleeping task is made to wait
 * @w: its waiter, whose bucket is locked
 *
 * Return: 0: done, and its stage is KSYNC_PARKED. Else it has to go by itself,
 * and to find out why.
 */
int ksync_graph_park(struct ksync_waiter *w)
{
	struct ksync_thread *t = w->thread;
	struct ksync_qnode node;
	struct trail trail = {};
	int ret;

	ksync_qlock_lock(&graph_lock, &node);
	rcu_read_lock();
	WRITE_ONCE(t->blocked, w->state);
	ret = walk(t, &trail);
	if (ret)
		WRITE_ONCE(t->blocked, NULL);
	else
		smp_store_release(&t->stage, KSYNC_PARKED); /* [A] in park.c */
	rcu_read_unlock();
	ksync_qlock_unlock(&graph_lock, &node);
	return ret;
}

/** ksync_graph_soften() - the current task waits, or does not, for something else too */
void ksync_graph_soften(struct ksync_thread *self, bool soft)
{
	struct ksync_qnode node;

	ksync_qlock_lock(&graph_lock, &node);
	WRITE_ONCE(self->soft, soft);
	ksync_qlock_unlock(&graph_lock, &node);
}

/** ksync_graph_unblock() - it waits no more */
void ksync_graph_unblock(struct ksync_thread *self)
{
	WRITE_ONCE(self->blocked, NULL);
}
