// SPDX-License-Identifier: GPL-2.0
/*
 * Blocking on an rt_mutex, behind an owner: with an edge in the wait-for graph,
 * which is looked through before, and apart from the kernel's chain where that
 * leaves ksync.
 */
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>

#include "busted.h"
#include "core.h"
#include "trace.h"

/* How long a wait outside of the chain sleeps between two looks. */
#define APART_NS	NSEC_PER_MSEC

/*
 * The chain ahead leaves ksync and may come back to this task: stay out of it.
 * Nobody is boosted and nobody wakes us; so look again, now and then.
 */
static int block_apart(struct ksync_waiter *w, struct rt_mutex *rtm)
{
	ktime_t nap = ns_to_ktime(APART_NS);

	WRITE_ONCE(w->apart, true);
	while (!ksync_rtm_trylock(rtm)) {
		if (signal_pending(current))
			return -EINTR;
		set_current_state(TASK_INTERRUPTIBLE);
		schedule_hrtimeout(&nap, HRTIMER_MODE_REL);
	}
	WRITE_ONCE(w->apart, false);
	return 0;
}

static void note_boost(const struct ksync_waiter *w)
{
	struct ksync_thread *holder;

	if (!trace_boost_enabled())
		return;
	rcu_read_lock();
	holder = ksync_graph_holder(w->state);
	if (holder && ksync_prio(holder->task) > ksync_prio(current))
		trace_boost(&w->state->obj, holder->task, ksync_prio(current));
	rcu_read_unlock();
}

/**
 * ksync_block() - own an rt_mutex of the state that a waiter is in
 * @r: request; r->w is in the state
 * @rtm: one of its two
 * @spin: tried before blocking; NULL: not
 *
 * Return: 0; -EDEADLK; or why the wait was broken off.
 */
int ksync_block(struct ksync_request *r, struct rt_mutex *rtm,
		bool (*spin)(struct ksync_waiter *w))
{
	struct ksync_waiter *w = &r->w;
	int ret;

	/* Left free, as to one that was parked: there is nobody to wait for. */
	if (!spin && ksync_rtm_trylock(rtm)) {
		ksync_graph_unblock(r->self);
		return 0;
	}
	ret = ksync_graph_block(w);
	if (ret == -EDEADLK)
		return ret;
	if (ret == -EXDEV || ksync_busted(KSYNC_FAULT_NO_BOOST)) {
		ret = block_apart(w, rtm);
	} else if (!spin || !spin(w)) {
		note_boost(w);
		ret = ksync_rtm_lock(rtm);
	}
	ksync_graph_unblock(r->self);
	return ret ? ksync_waiter_broken(w, r->arg->flags) : 0;
}
