// SPDX-License-Identifier: GPL-2.0
/*
 * The death of a thread, by exit or by execve; and the birth of its children.
 *
 * Tracepoints of the scheduler run these probes, in the dying task.  A probe
 * runs with preemption off, so everything below it takes raw locks only; it is on
 * for a moment after each lock that is handed over, of which there is any number.  What
 * the task owns and somebody waits for goes to the next waiter here; what it
 * owns and nobody waits for is found when somebody does, because its handle
 * leads to no thread any more.
 */
#include <linux/binfmts.h>
#include <linux/tracepoint.h>

#include "ceiling.h"
#include "thread.h"

/**
 * ksync_death_pause() - between two steps of a probe: others may have the CPU
 *
 * Tracepoints call their probes with preemption off, which also keeps the list of
 * probes, and this module, from going away meanwhile: it makes a reader of RCU.
 * rcu_read_lock() does that too, so that preemption may be on.  Where readers cannot
 * be preempted (no PREEMPT_RCU) it disables preemption itself, and nothing happens.
 *
 * Not traced, as what the tracepoint does is not: tracers want pairs.
 */
void ksync_death_pause(void)
{
	rcu_read_lock();
	preempt_enable_notrace();
	preempt_disable_notrace();
	rcu_read_unlock();
}

static void thread_die(void)
{
	struct ksync_thread *t;

	rcu_read_lock();
	t = ksync_thread_of(current);
	if (t && !refcount_inc_not_zero(&t->refs))
		t = NULL;
	rcu_read_unlock();
	if (!t)
		return;

	/*
	 *	CPU0 (dies)			CPU1 (comes to wait)
	 *	----				----
	 *	lock(thread)			lock(bucket)
	 *	dead = true			find the thread by its handle
	 *	unlock(thread)			lock(thread)
	 *	for each state in owned:	dead? then take over: EOWNERDEAD
	 *	  lock(bucket), release		else add the state to owned
	 *					unlock(thread), unlock(bucket)
	 *
	 * Whatever CPU1 adds, it adds before dead is set: CPU0 finds it.
	 */
	raw_spin_lock(&t->lock);
	WRITE_ONCE(t->dead, true);
	raw_spin_unlock(&t->lock);

	ksync_owner_died(t);
	ksync_booster_exit(t);
	ksync_thread_reap(t);
}

static void exit_probe(KSYNC_EXIT_PROBE_ARGS)
{
	thread_die();
}

static void exec_probe(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	thread_die();
}

/* Who is raised while it forks may have a child that is, too: see ceiling.c. */
static void fork_probe(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct ksync_thread *t;

	if (likely(child->prio == child->normal_prio))
		return;
	rcu_read_lock();
	t = ksync_thread_of(current);
	if (t)
		ksync_booster_forked(t, child);
	rcu_read_unlock();
}

/**
 * struct probe - a tracepoint to find by name and what to run there
 * @name: of the tracepoint
 * @fn: probe
 * @tp: found
 */
struct probe {
	const char *name;
	void *fn;
	struct tracepoint *tp;
};

static struct probe probes[] = {
	{ "sched_process_exit", exit_probe },
	{ "sched_process_exec", exec_probe },
	{ "sched_process_fork", fork_probe },
};

static void match_probe(struct tracepoint *tp, void *data)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tp = tp;
}

/** ksync_death_init() - -EOPNOTSUPP on a kernel without the tracepoints */
int ksync_death_init(void)
{
	size_t i;
	int ret;

	for_each_kernel_tracepoint(match_probe, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		ret = probes[i].tp ?
			tracepoint_probe_register(probes[i].tp, probes[i].fn, NULL) :
			-EOPNOTSUPP;
		if (ret)
			goto unregister;
	}
	return 0;

unregister:
	pr_err("ksync: cannot use tracepoint %s: owners could not be followed on this kernel (error %d)\n",
	       probes[i].name, ret);
	while (i--)
		tracepoint_probe_unregister(probes[i].tp, probes[i].fn, NULL);
	tracepoint_synchronize_unregister();
	return ret;
}

void ksync_death_exit(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		tracepoint_probe_unregister(probes[i].tp, probes[i].fn, NULL);
	tracepoint_synchronize_unregister();
}
