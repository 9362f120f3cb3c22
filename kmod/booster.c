// SPDX-License-Identifier: GPL-2.0
/*
 * Boosters: the life of what ceiling.c needs of a thread.
 *
 * A booster is made when a thread asks for its first ceiling cell, and ends with
 * the task, or with the program in it (execve).  Its preemption notifier is on a
 * list of the task, which only the task itself may change: so it is taken off in
 * the probe of death.c.  A task that outlives its domains keeps it; when the
 * module goes, the rest is taken off with the whole machine stopped.
 *
 *	CPU0 (preempted, run queue locked)	CPU1 (reaper)
 *	----					----
 *	irq_work_queue(kick)
 *	dies: no notifier any more		...
 *	kick: kthread_queue_work(work)		irq_work_sync(kick)
 *						kthread_flush_work(work)
 *						free
 */
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <uapi/linux/sched/types.h>

#include "ceiling.h"

static struct kthread_worker *worker;
static LIST_HEAD(boosters); /* attach_lock */

#ifdef CONFIG_PREEMPT_NOTIFIERS

static void resumed(struct preempt_notifier *n, int cpu)
{
	ksync_ceiling_resumed(container_of(n, struct ksync_booster, notifier));
}

/* The run queue is locked: nothing may be woken here. */
static void preempted(struct preempt_notifier *n, struct task_struct *next)
{
	struct ksync_booster *b = container_of(n, struct ksync_booster, notifier);

	/* A task that goes to sleep is not preempted. */
	if (!READ_ONCE(current->__state) && ksync_ceiling_holds(b))
		irq_work_queue(&b->kick);
}

static struct preempt_ops preempt_ops = {
	.sched_in = resumed,
	.sched_out = preempted,
};

static void watch(struct ksync_booster *b)
{
	preempt_notifier_init(&b->notifier, &preempt_ops);
	if (!ksync_lazy_ceiling)
		return;
	preempt_disable();
	preempt_notifier_register(&b->notifier);
	preempt_enable();
}

static void unlink_watch(struct ksync_booster *b)
{
	hlist_del_init(&b->notifier.link);
}

/*
 * This patches the scheduler's code, which costs all tasks a test and a branch
 * that is not taken when they are switched.
 */
static void watching_begin(void)
{
	if (ksync_lazy_ceiling)
		preempt_notifier_inc();
}

static void watching_end(void)
{
	if (ksync_lazy_ceiling)
		preempt_notifier_dec();
}

#else

static void watch(struct ksync_booster *b) {}
static void unlink_watch(struct ksync_booster *b) {}
static void watching_begin(void)
{
	ksync_lazy_ceiling = false;
}

static void watching_end(void) {}

#endif

static void settle_work(struct kthread_work *work)
{
	ksync_ceiling_settle(container_of(work, struct ksync_booster, work));
}

static void kick(struct irq_work *kick)
{
	struct ksync_booster *b = container_of(kick, struct ksync_booster, kick);

	kthread_queue_work(worker, &b->work);
}

/* The current task's, made if it has none. */
static struct ksync_booster *booster_get(struct ksync_thread *self)
{
	struct ksync_booster *b = self->booster;

	if (b)
		return b;
	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return NULL;
	/* What the program before execve() left is restored first. */
	kthread_flush_worker(worker);
	refcount_inc(&self->refs);
	b->thread = self;
	b->kick = IRQ_WORK_INIT_HARD(kick);
	kthread_init_work(&b->work, settle_work);
	rt_mutex_init(&b->lock);
	INIT_LIST_HEAD(&b->cells);
	list_add(&b->all, &boosters);
	WRITE_ONCE(self->booster, b);
	watch(b);
	return b;
}

/* All of them are looked at when the task is switched, with its run queue locked. */
static bool may_have_more(const struct ksync_booster *b)
{
	const struct list_head *at;
	u32 n = 0;

	list_for_each(at, &b->cells)
		n++;
	return n < KSYNC_THREAD_CEILINGS_MAX;
}

/**
 * ksync_booster_attach() - give the current task a ceiling cell
 * @d: domain
 * @self: its thread; attach_lock is held
 * @handle: its handle in @d
 *
 * Return: the cell, or an error: -EAGAIN: it has too many; -ENOSPC, -ENOMEM.
 */
struct ksync_held *ksync_booster_attach(struct ksync_domain *d, struct ksync_thread *self,
					u32 handle)
{
	struct ksync_held *h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);
	struct ksync_cell *cell;
	int ret = -ENOMEM;

	if (!h)
		return ERR_PTR(ret);
	h->booster = booster_get(self);
	if (h->booster)
		ret = may_have_more(h->booster) ?
			ksync_domain_slot_create(d, &h->id, &cell) : -EAGAIN;
	if (ret) {
		kfree(h);
		return ERR_PTR(ret);
	}
	h->domain = d;
	h->handle = handle;
	h->cell = (struct ksync_ceiling_cell *)cell;
	list_add_rcu(&h->in_booster, &h->booster->cells);
	ksync_ceiling_settle(h->booster);
	return h;
}

/** ksync_booster_cell() - its number */
u32 ksync_booster_cell(const struct ksync_held *h)
{
	return h->id;
}

/**
 * ksync_booster_detach() - the thread leaves a domain; attach_lock is held
 * @h: its cell there
 *
 * The notifier of a thread that lives on may write to the cell for a while yet.
 * But then the domain goes, and waits for that; only the dead return it.
 */
void ksync_booster_detach(struct ksync_held *h)
{
	list_del_rcu(&h->in_booster);
	if (h->booster->thread->dead)
		ksync_domain_slot_destroy(h->domain, h->id);
	ksync_ceiling_settle(h->booster);
	kfree_rcu(h, rcu);
}

/**
 * ksync_booster_forked() - lower a child that is not at the priority of its policy
 * @self: the current thread, with preemption off
 * @child: it has not run yet
 *
 * It may run for a moment until the worker gets to it; it cannot be changed here.
 */
void ksync_booster_forked(struct ksync_thread *self, struct task_struct *child)
{
	struct ksync_booster *b = self->booster;
	u32 i;

	if (!b)
		return;
	for (i = 0; i < ARRAY_SIZE(b->children); i++) {
		if (READ_ONCE(b->children[i]))
			continue;
		get_task_struct(child);
		/* With its reference: it is dropped by who takes it. */
		smp_store_release(&b->children[i], child);
		irq_work_queue(&b->kick);
		return;
	}
	WARN_ON_ONCE(1);
}

/** ksync_booster_exit() - the current task dies: any context */
void ksync_booster_exit(struct ksync_thread *self)
{
	struct ksync_booster *b = self->booster;

	if (!b)
		return;
	unlink_watch(b);
	/* After execve() the task goes on, at its own priority. */
	irq_work_queue(&b->kick);
}

/** ksync_booster_quiesce() - the worker has done all there was; may sleep */
void ksync_booster_quiesce(struct ksync_thread *t)
{
	struct ksync_booster *b = t->booster;

	if (!b)
		return;
	irq_work_sync(&b->kick);
	kthread_flush_work(&b->work);
}

/** ksync_booster_free() - of a quiet thread that is in no domain; attach_lock is held */
void ksync_booster_free(struct ksync_thread *t)
{
	struct ksync_booster *b = t->booster;

	if (!b)
		return;
	list_del(&b->all);
	WRITE_ONCE(t->booster, NULL);
	kfree(b);
	ksync_thread_put(t);
}

/* How many are taken off while the machine stands still. */
#define UNLINK_BATCH	64

static int unlink_batch(void *data)
{
	struct ksync_booster **next = data, *b = *next;
	u32 n;

	for (n = 0; n < UNLINK_BATCH && !list_entry_is_head(b, &boosters, all); n++) {
		unlink_watch(b);
		b = list_next_entry(b, all);
	}
	*next = b;
	return 0;
}

/** ksync_booster_free_all() - no domain is left: of tasks that live on */
void ksync_booster_free_all(void)
{
	struct ksync_booster *b, *next;

	if (list_empty(&boosters))
		return;
	/* No CPU is in a notifier, for these run with preemption off. */
	b = list_first_entry(&boosters, struct ksync_booster, all);
	while (!list_entry_is_head(b, &boosters, all))
		stop_machine(unlink_batch, &b, NULL);
	list_for_each_entry_safe(b, next, &boosters, all) {
		ksync_booster_quiesce(b->thread);
		ksync_booster_free(b->thread);
	}
}

/** ksync_booster_init() - start the worker */
int ksync_booster_init(void)
{
	const struct sched_attr highest = {
		.size = sizeof(highest),
		.sched_policy = SCHED_FIFO,
		.sched_priority = MAX_RT_PRIO - 1,
	};

	worker = kthread_create_worker(0, "ksync-ceiling");
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	sched_setattr_nocheck(worker->task, &highest);
	watching_begin();
	return 0;
}

/** ksync_booster_uninit() - no booster is left */
void ksync_booster_uninit(void)
{
	watching_end();
	kthread_destroy_worker(worker);
}
