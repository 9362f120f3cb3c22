// SPDX-License-Identifier: GPL-2.0
/*
 * Priority ceilings: whoever has a mutex made with KSYNC_MUTEX_PROTECT runs at
 * no less than its ceiling (immediate priority ceiling protocol; Sha, Rajkumar,
 * Lehoczky, IEEE Transactions on Computers 39(9), 1990; POSIX's
 * PTHREAD_PRIO_PROTECT).
 *
 * Its priority matters only once somebody else wants the CPU.  So the thread
 * just writes into its ceiling cell what it has.  If it is preempted meanwhile,
 * a preemption notifier sees that, and a worker raises its priority, so that it
 * is back at once; the marks in the cell then bring it here when it unlocks.
 *
 *	CPU0 (has the mutex, user space)	CPU1 (worker, settle())
 *	----					----
 *	word = 0				word names CPU0's thread?
 *	xchg(held[i], 0)		[A]	cmpxchg(held[i], v, v|BOOSTED) [B]
 *	had BOOSTED: SETTLE			sets the priority
 *
 * By [A] and [B] either the worker finds the entry gone and leaves the priority
 * alone, or CPU0 sees the mark and comes for the lock, under which the worker
 * has finished.
 *
 * What the cell and the word say is the user's: the priority that they can get
 * is what CEILING was allowed to set, for threads attached to that domain.
 */
#include <linux/capability.h>
#include <linux/rculist.h>
#include <linux/sched/deadline.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>

#include "busted.h"
#include "ceiling.h"

/* Above every SCHED_FIFO priority. */
#define PRIO_DEADLINE	MAX_RT_PRIO

/* rt_priority is 0 where the policy has none. */
static u32 prio_of(const struct task_struct *task)
{
	if (READ_ONCE(task->policy) == SCHED_DEADLINE)
		return PRIO_DEADLINE;
	return READ_ONCE(task->rt_priority);
}

/* Nobody else has changed its priority since we did. */
static bool is_ours(const struct ksync_booster *b)
{
	const struct task_struct *task = b->thread->task;

	return b->ceiling && READ_ONCE(task->policy) == SCHED_FIFO &&
	       READ_ONCE(task->rt_priority) == b->ceiling;
}

static bool is_rt(unsigned int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* What the task runs at when it has no mutex; saved before it was raised [C]. */
static u32 base_prio(const struct ksync_booster *b)
{
	if (!smp_load_acquire(&b->ceiling)) /* [C] */
		return prio_of(b->thread->task);
	return is_rt(b->base.policy) ? b->base.prio : 0;
}

/* The ceiling of what an entry names, if it is what it should be, and ours. */
static u32 ceiling_of(const struct ksync_held *h, u32 entry)
{
	struct ksync_object obj;
	void *ceiling;

	if (!(entry & KSYNC_HELD) ||
	    ksync_object_find(h->domain, entry & KSYNC_SLOT_ID, &obj) ||
	    (READ_ONCE(obj.cell->word) & KSYNC_OWNER) != h->handle)
		return 0;
	ceiling = xa_load(&h->domain->ceilings, obj.id);
	return ceiling ? xa_to_value(ceiling) : 0;
}

/*
 * The highest ceiling above @base that the thread is entitled to; each entry
 * that gives one is marked.
 */
static u32 highest(const struct ksync_booster *b, u32 base)
{
	const struct ksync_held *h;
	u32 i, v, ceiling, max = 0;

	if (READ_ONCE(b->thread->dead))
		return 0;
	rcu_read_lock();
	list_for_each_entry_rcu(h, &b->cells, in_booster) {
		for (i = 0; i < KSYNC_CEILING_ENTRIES; i++) {
			v = READ_ONCE(h->cell->held[i]);
			ceiling = ceiling_of(h, v);
			if (ceiling > base &&
			    cmpxchg(&h->cell->held[i], v, v | KSYNC_BOOSTED) == v)
				max = max(max, ceiling);
		}
	}
	rcu_read_unlock();
	return max;
}

/* Under the lock of sched_setattr(): a policy and the priority of another one are refused. */
static void save(struct task_struct *task, struct ksync_base *base)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&task->pi_lock, flags);
	base->policy = task->policy;
	base->prio = task->rt_priority;
	base->nice = task_nice(task);
	base->reset_on_fork = task->sched_reset_on_fork;
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
}

/* A child made meanwhile starts as a normal task: nobody would take this back. */
static void set_fifo(struct task_struct *task, u32 prio)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = prio,
		.sched_flags = SCHED_FLAG_RESET_ON_FORK,
	};

	sched_setattr_nocheck(task, &attr);
}

static void set_base(struct task_struct *task, const struct ksync_base *base)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = base->policy,
		.sched_priority = is_rt(base->policy) ? base->prio : 0,
		.sched_nice = base->nice,
		.sched_flags = base->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0,
	};

	sched_setattr_nocheck(task, &attr);
}

static void raise_to(struct ksync_booster *b, u32 ceiling)
{
	if (!b->ceiling)
		save(b->thread->task, &b->base);
	smp_store_release(&b->ceiling, ceiling); /* [C] */
	set_fifo(b->thread->task, ceiling);
}

static void restore(struct ksync_booster *b)
{
	if (is_ours(b) && !ksync_busted(KSYNC_FAULT_NO_DEBOOST))
		set_base(b->thread->task, &b->base);
	WRITE_ONCE(b->ceiling, 0);
}

/*
 * The child of a task that was raised while it made it:
 *
 *	CPU0 (fork)				CPU1 (worker)
 *	----					----
 *	copies itself, with its policy
 *						save(), set_fifo()
 *	child->prio = current->normal_prio
 *
 * The child runs at the ceiling, with the policy of before, and not to be reset.
 * What has the policy already is not changed by setting it: so give it one that
 * goes with its priority first.
 */
static void lower_child(struct task_struct *child)
{
	const int prio = READ_ONCE(child->prio);
	struct ksync_base base;

	if (!rt_prio(prio) || prio == READ_ONCE(child->normal_prio))
		return;
	save(child, &base);
	set_fifo(child, MAX_RT_PRIO - 1 - max(prio, 0));
	set_base(child, &base);
}

/*
 * Before a raise, which may be during the next fork.  So at most two wait for this:
 * one of the last raise, and one of the raise before, whose fork ended when the last
 * one had come through here.
 */
static void lower_children(struct ksync_booster *b)
{
	struct task_struct *child;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(b->children); i++) {
		child = xchg(&b->children[i], NULL);
		if (!child)
			continue;
		lower_child(child);
		put_task_struct(child);
	}
}

static void publish_prio(const struct ksync_booster *b, u32 prio)
{
	const struct ksync_held *h;

	rcu_read_lock();
	list_for_each_entry_rcu(h, &b->cells, in_booster)
		WRITE_ONCE(h->cell->prio, prio);
	rcu_read_unlock();
}

/** ksync_ceiling_settle() - give the task the priority that it is entitled to */
void ksync_ceiling_settle(struct ksync_booster *b)
{
	u32 base, ceiling;

	rt_mutex_lock(&b->lock);
	lower_children(b);
	/* Somebody else has set its priority meanwhile: that counts. */
	if (b->ceiling && !is_ours(b))
		WRITE_ONCE(b->ceiling, 0);
	base = base_prio(b);
	ceiling = highest(b, base);
	if (ceiling && ceiling != b->ceiling)
		raise_to(b, ceiling);
	else if (!ceiling && b->ceiling)
		restore(b);
	publish_prio(b, base);
	rt_mutex_unlock(&b->lock);
}

/** ksync_ceiling_holds() - does the cell say that it has any? preemption off */
bool ksync_ceiling_holds(const struct ksync_booster *b)
{
	const struct ksync_held *h;
	u32 i, any = 0;

	list_for_each_entry_rcu(h, &b->cells, in_booster, true)
		for (i = 0; i < KSYNC_CEILING_ENTRIES; i++)
			any |= READ_ONCE(h->cell->held[i]);
	return any;
}

/** ksync_ceiling_resumed() - the current task, preemption off */
void ksync_ceiling_resumed(const struct ksync_booster *b)
{
	publish_prio(b, base_prio(b));
}

static int set_ceiling(struct ksync_domain *d, const struct ksync_object *obj, u32 ceiling)
{
	void *old;

	if (ceiling > rlimit(RLIMIT_RTPRIO) && !capable(CAP_SYS_NICE))
		return -EPERM;
	old = xa_store(&d->ceilings, obj->id, xa_mk_value(ceiling), GFP_KERNEL_ACCOUNT);
	if (xa_is_err(old))
		return xa_err(old);
	WRITE_ONCE(obj->cell->limit, ceiling);
	return 0;
}

/** ksync_ceiling_set() - KSYNC_IOC_CEILING */
int ksync_ceiling_set(struct ksync_domain *d, struct ksync_ceiling *arg)
{
	struct ksync_object obj;
	void *was;
	int ret;

	if (arg->ceiling >= MAX_RT_PRIO)
		return -EINVAL;
	mutex_lock(&d->lock);
	ret = ksync_object_find(d, arg->id, &obj);
	if (ret)
		goto unlock;
	ret = -EINVAL;
	if (obj.ops->kind != KSYNC_KIND_MUTEX ||
	    !(KSYNC_TAG_FLAGS(obj.tag) & KSYNC_MUTEX_PROTECT))
		goto unlock;
	was = xa_load(&d->ceilings, obj.id);
	ret = arg->ceiling ? set_ceiling(d, &obj, arg->ceiling) : 0;
	if (!ret)
		arg->was = was ? xa_to_value(was) : 0;
unlock:
	mutex_unlock(&d->lock);
	return ret;
}

/** ksync_ceiling_drop() - the object is gone, its ceiling too */
void ksync_ceiling_drop(struct ksync_domain *d, u32 id)
{
	xa_erase(&d->ceilings, id);
}

/** ksync_ceiling_apply() - KSYNC_IOC_SETTLE */
int ksync_ceiling_apply(struct ksync_domain *d, struct ksync_settle *arg)
{
	struct ksync_thread *self = ksync_thread_current(d, arg->thread);

	if (!self)
		return -ESRCH;
	if (!self->booster)
		return -EINVAL;
	ksync_ceiling_settle(self->booster);
	return 0;
}
