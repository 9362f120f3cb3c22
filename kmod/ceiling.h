/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that use priority ceilings: ceiling.c decides at which priority each
 * is to run, booster.c keeps them.
 */
#ifndef KSYNC_CEILING_H
#define KSYNC_CEILING_H

#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/preempt.h>

#include "core.h"

/**
 * struct ksync_held - a thread's ceiling cell in one domain
 * @in_booster: in booster->cells
 * @domain: where
 * @booster: whose
 * @handle: the thread's there
 * @id: of the cell
 * @cell: the user's memory
 * @rcu: read by notifiers
 */
struct ksync_held {
	struct list_head in_booster;
	struct ksync_domain *domain;
	struct ksync_booster *booster;
	u32 handle;
	u32 id;
	struct ksync_ceiling_cell *cell;
	struct rcu_head rcu;
};

/**
 * struct ksync_base - at which priority a task ran before it was raised
 * @policy: its scheduling policy
 * @prio: SCHED_FIFO, RR: its priority
 * @nice: the nice value
 * @reset_on_fork: its children start as normal tasks
 */
struct ksync_base {
	unsigned int policy;
	unsigned int prio;
	int nice;
	bool reset_on_fork;
};

/**
 * struct ksync_booster - what is kept of a thread that uses ceilings
 * @thread: with a reference
 * @notifier: called when the task is preempted
 * @kick: from the notifier, which can wake nobody, to ...
 * @work: ... the worker
 * @lock: protects what follows; taken by a worker of highest priority
 * @ceiling: the priority that the task was given, 0: none
 * @base: what it had before
 * @children: to be lowered, with references; filled without the lock by the task
 * @cells: struct ksync_held; RCU; written under attach_lock
 * @all: in the list of all; attach_lock
 */
struct ksync_booster {
	struct ksync_thread *thread;
#ifdef CONFIG_PREEMPT_NOTIFIERS
	struct preempt_notifier notifier;
#endif
	struct irq_work kick;
	struct kthread_work work;
	struct rt_mutex lock; /* the task's priority */
	u32 ceiling;
	struct ksync_base base;
	struct task_struct *children[2];
	struct list_head cells;
	struct list_head all;
};

/* ceiling.c */
void ksync_ceiling_settle(struct ksync_booster *b);
bool ksync_ceiling_holds(const struct ksync_booster *b);
void ksync_ceiling_resumed(const struct ksync_booster *b);
int ksync_ceiling_set(struct ksync_domain *d, struct ksync_ceiling *arg);
int ksync_ceiling_apply(struct ksync_domain *d, struct ksync_settle *arg);
void ksync_ceiling_drop(struct ksync_domain *d, u32 id);

/* booster.c */
int ksync_booster_init(void);
void ksync_booster_uninit(void);
struct ksync_held *ksync_booster_attach(struct ksync_domain *d, struct ksync_thread *self,
					u32 handle);
void ksync_booster_detach(struct ksync_held *h);
u32 ksync_booster_cell(const struct ksync_held *h);
void ksync_booster_forked(struct ksync_thread *self, struct task_struct *child);
void ksync_booster_exit(struct ksync_thread *self);
void ksync_booster_quiesce(struct ksync_thread *t);
void ksync_booster_free(struct ksync_thread *t);
void ksync_booster_free_all(void);

#endif /* KSYNC_CEILING_H */
