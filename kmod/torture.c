// SPDX-License-Identifier: GPL-2.0
/*
 * The torture of the module's own queued spinlock, on debug kernels.
 *
 *	echo 1 >/sys/module/ksync/parameters/torture_qlock
 *
 * lets kernel threads take one lock from all CPUs for half a second; the write
 * fails with EIO if two were ever inside at once, if an increment was lost or if
 * a thread never got in.  With 2 the threads do not take the lock at all: that
 * must fail.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "qlock.h"

#define THREADS_PER_CPU	2
#define RUN_JIFFIES	(HZ / 2)

/**
 * struct torture - one run
 * @lock: under test
 * @count: incremented under the lock, not atomically
 * @inside: who is inside
 * @overlaps: how often two were
 * @end: when to stop, jiffies
 * @start: opened when all threads are there
 */
struct torture {
	struct ksync_qlock lock;
	u64 count;
	int inside;
	atomic_t overlaps;
	unsigned long end;
	struct completion start;
};

/**
 * struct torturer - one thread
 * @t: the run
 * @rounds: how often it was inside
 * @task: with a reference, so that its end can be waited for
 */
struct torturer {
	struct torture *t;
	u64 rounds;
	struct task_struct *task;
};

static void be_inside(struct torture *t)
{
	int me = raw_smp_processor_id() + 1;

	if (READ_ONCE(t->inside))
		atomic_inc(&t->overlaps);
	WRITE_ONCE(t->inside, me);
	WRITE_ONCE(t->count, READ_ONCE(t->count) + 1);
	if (READ_ONCE(t->inside) != me)
		atomic_inc(&t->overlaps);
	WRITE_ONCE(t->inside, 0);
}

static int torture_locked(void *arg)
{
	struct torturer *self = arg;
	struct ksync_qnode node;

	wait_for_completion(&self->t->start);
	while (time_before(jiffies, READ_ONCE(self->t->end))) {
		ksync_qlock_lock(&self->t->lock, &node);
		be_inside(self->t);
		ksync_qlock_unlock(&self->t->lock, &node);
		self->rounds++;
		cond_resched();
	}
	return 0;
}

static int torture_busted(void *arg)
{
	struct torturer *self = arg;

	wait_for_completion(&self->t->start);
	while (time_before(jiffies, READ_ONCE(self->t->end))) {
		be_inside(self->t);
		self->rounds++;
		cond_resched();
	}
	return 0;
}

static int judge(const struct torture *t, const struct torturer *who, unsigned int n)
{
	u64 rounds = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!who[i].rounds)
			return -EIO;
		rounds += who[i].rounds;
	}
	return rounds != t->count || atomic_read(&t->overlaps) ? -EIO : 0;
}

static int run(int (*fn)(void *arg))
{
	static struct ksync_qlock lock = KSYNC_QLOCK_INIT("ksync_torture", &lock);
	const unsigned int n = THREADS_PER_CPU * num_online_cpus();
	struct torture t = { .lock = lock };
	struct torturer *who = kcalloc(n, sizeof(*who), GFP_KERNEL);
	unsigned int i, started;
	int ret = -ENOMEM;

	if (!who)
		return ret;
	init_completion(&t.start);
	for (started = 0; started < n; started++) {
		who[started].t = &t;
		who[started].task = kthread_create(fn, &who[started],
						   "ksync-torture/%u", started);
		if (IS_ERR(who[started].task))
			break;
		get_task_struct(who[started].task);
		wake_up_process(who[started].task);
	}
	t.end = jiffies + RUN_JIFFIES;
	complete_all(&t.start);
	schedule_timeout_uninterruptible(RUN_JIFFIES);
	for (i = 0; i < started; i++) {
		kthread_stop(who[i].task);
		put_task_struct(who[i].task);
	}
	if (started == n)
		ret = judge(&t, who, n);
	kfree(who);
	return ret;
}

static int set_torture(const char *val, const struct kernel_param *kp)
{
	unsigned int what;
	int ret = kstrtouint(val, 0, &what);

	if (ret)
		return ret;
	switch (what) {
	case 1:
		return run(torture_locked);
	case 2:
		return run(torture_busted);
	default:
		return -EINVAL;
	}
}

static const struct kernel_param_ops torture_ops = {
	.set = set_torture,
};

module_param_cb(torture_qlock, &torture_ops, NULL, 0200);
MODULE_PARM_DESC(torture_qlock, "1: torture the module's own lock; 2: the same without the lock, which must fail");
