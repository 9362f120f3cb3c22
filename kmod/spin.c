// SPDX-License-Identifier: GPL-2.0
/*
 * Spinlocks for user programs: wait in FIFO order by spinning, while that makes
 * sense.
 *
 * It makes sense while the owner runs on a CPU, and nothing else wants this
 * one.  Otherwise the waiter blocks as for a mutex, and boosts the owner.  The
 * spinning is done in the kernel, where it can be seen who runs.
 *
 * Those who spin form a queue.  Its head tries to become the leader; the leader
 * spins on the word.  Each taker lets the next one lead at once (pass_queue),
 * so that it is spinning when the word becomes free.
 */
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "core.h"

/*
 * While nobody owns the word somebody is on the way to it, who may be waiting
 * for this very CPU: give up after so many looks.
 */
#define PATIENCE 1000

static bool may_spin(const struct ksync_state *st, u32 *idle)
{
	struct ksync_thread *holder;
	bool running = true;

	if (need_resched() || signal_pending(current))
		return false;
	rcu_read_lock();
	holder = ksync_graph_holder(st);
	if (holder)
		running = ksync_task_running(holder->task);
	rcu_read_unlock();
	if (!holder && ++*idle > PATIENCE)
		return false;
	return running;
}

static void mark_head(struct ksync_state *st)
{
	struct ksync_waiter *head;

	head = list_first_entry_or_null(&st->spinners, struct ksync_waiter, spin);
	if (head)
		WRITE_ONCE(head->at_head, true);
}

/* Become the leader. */
static bool spin_queue(struct ksync_waiter *w)
{
	struct ksync_state *st = w->state;
	bool leads = false;
	u32 idle = 0;

	raw_spin_lock(&st->bucket->lock);
	list_add_tail(&w->spin, &st->spinners);
	mark_head(st);
	raw_spin_unlock(&st->bucket->lock);

	do {
		if (READ_ONCE(w->at_head) && !READ_ONCE(st->leader))
			leads = ksync_rtm_trylock(&st->queue);
		cpu_relax();
	} while (!leads && may_spin(st, &idle));

	raw_spin_lock(&st->bucket->lock);
	list_del_init(&w->spin);
	mark_head(st);
	raw_spin_unlock(&st->bucket->lock);
	return leads;
}

/* Looks at the word between two looks at the clock. */
#define CLOCK_LOOKS	64

/**
 * ksync_spin_front() - as the leader, see the word become free
 * @w: the leader
 *
 * Return: whether it did; if not, the leader has to block.
 */
bool ksync_spin_front(struct ksync_waiter *w)
{
	struct ksync_state *st = w->state;
	u32 holder, looks = 0, idle = 0;

	do {
		holder = READ_ONCE(st->obj.cell->word) & KSYNC_OWNER;
		if (!holder || holder == KSYNC_HANDOFF) {
			/* If somebody is faster, it counts from here. */
			if (!READ_ONCE(st->freed))
				smp_store_release(&st->freed, ktime_get_ns()); /* as in state.c */
			return true;
		}
		if (++looks % CLOCK_LOOKS == 0 && ksync_state_starves(st))
			return false;
		cpu_relax();
	} while (may_spin(st, &idle));
	return false;
}

const struct ksync_ops ksync_spin_ops = {
	.name = "spin",
	.kind = KSYNC_KIND_SPIN,
	.owned = true,
	.pass_queue = true,
	.take = ksync_word_arrive,
	.give = ksync_word_give,
	.spin_queue = spin_queue,
	.spin_front = ksync_spin_front,
};
