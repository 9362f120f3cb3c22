// SPDX-License-Identifier: GPL-2.0
/*
 * ksync: loading and unloading, limits, and the device node.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "ceiling.h"
#include "many.h"
#include "proc.h"
#include "uring.h"

/**
 * struct bounds - a parameter that must lie between two values
 * @value: where it is kept
 * @min: least
 * @max: most
 */
struct bounds {
	unsigned int *value;
	unsigned int min;
	unsigned int max;
};

static int set_bounded(const char *val, const struct kernel_param *kp)
{
	const struct bounds *b = kp->arg;
	unsigned int n;
	int ret = kstrtouint(val, 0, &n);

	if (ret)
		return ret;
	if (n < b->min || n > b->max)
		return -EINVAL;
	WRITE_ONCE(*b->value, n);
	return 0;
}

static int get_bounded(char *buffer, const struct kernel_param *kp)
{
	const struct bounds *b = kp->arg;

	return sysfs_emit(buffer, "%u\n", *b->value);
}

static const struct kernel_param_ops bounded_ops = {
	.set = set_bounded,
	.get = get_bounded,
};

/* Limits are per domain, and count from the next request on. */
unsigned int ksync_max_objects = 1 << 20;
static struct bounds max_objects = { &ksync_max_objects, 0, 1 << 24 };
module_param_cb(max_objects, &bounded_ops, &max_objects, 0644);
MODULE_PARM_DESC(max_objects, "objects in one domain");

unsigned int ksync_max_threads = 1 << 16;
static struct bounds max_threads = { &ksync_max_threads, 0, INT_MAX };
module_param_cb(max_threads, &bounded_ops, &max_threads, 0644);
MODULE_PARM_DESC(max_threads, "threads attached to one domain");

unsigned int ksync_max_waiters = 1 << 16;
static struct bounds max_waiters = { &ksync_max_waiters, 0, INT_MAX };
module_param_cb(max_waiters, &bounded_ops, &max_waiters, 0644);
MODULE_PARM_DESC(max_waiters, "tasks waiting in one domain");

/*
 * A chain of owners is walked under a raw lock, and by the kernel's rt_mutex,
 * which gives up at 1024 with a task that never returns: stay below, with a
 * margin for locks of the kernel's own at the end of the chain.  Each owner may
 * be behind two rt_mutexes, the queue and the front.
 */
unsigned int ksync_max_chain = 500;
static struct bounds max_chain = { &ksync_max_chain, 1, 500 };
module_param_cb(max_chain, &bounded_ops, &max_chain, 0644);
MODULE_PARM_DESC(max_chain, "longest chain of owners that a wait may join, 1 to 500");

unsigned int ksync_handle_max = KSYNC_HANDLE_MAX;
static struct bounds handle_max = { &ksync_handle_max, 1, KSYNC_HANDLE_MAX };
module_param_cb(handle_max, &bounded_ops, &handle_max, 0644);
MODULE_PARM_DESC(handle_max, "largest thread handle before numbers are used again");

unsigned int ksync_handoff_us = 1000;
static struct bounds handoff_us = { &ksync_handoff_us, 0, USEC_PER_SEC };
module_param_cb(handoff_us, &bounded_ops, &handoff_us, 0644);
MODULE_PARM_DESC(handoff_us, "adaptive locks: a waiter overtaken for so long is handed the lock, microseconds");

bool ksync_lend_rt = true;
module_param_named(lend_rt, ksync_lend_rt, bool, 0644);
MODULE_PARM_DESC(lend_rt, "waiters of real-time priority lend it to who has what they wait for; N closes what PI futexes leave open, see ksync_security(7)");

bool ksync_lazy_ceiling = true;
module_param_named(lazy_ceiling, ksync_lazy_ceiling, bool, 0444);
MODULE_PARM_DESC(lazy_ceiling, "see preemptions of those who have a protect mutex, rather than have them call each time");

/* Frees what cannot be freed where it dies. */
struct workqueue_struct *ksync_wq;

static struct miscdevice ksync_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ksync",
	.fops = &ksync_fops,
	.mode = 0660,
};

static int __init ksync_init(void)
{
	int ret;

	ksync_wq = alloc_workqueue("ksync", WQ_UNBOUND, 0);
	if (!ksync_wq)
		return -ENOMEM;
	ret = ksync_state_init();
	if (ret)
		goto destroy_wq;
	ret = ksync_wait_init();
	if (ret)
		goto exit_state;
	ret = ksync_many_init();
	if (ret)
		goto exit_wait;
	ret = ksync_booster_init();
	if (ret)
		goto exit_many;
	ret = ksync_death_init();
	if (ret)
		goto exit_booster;
	ret = misc_register(&ksync_device);
	if (ret)
		goto exit_death;
	ksync_proc_init();
	return 0;

exit_death:
	ksync_death_exit();
	ksync_thread_exit();
exit_booster:
	ksync_booster_uninit();
exit_many:
	ksync_many_exit();
exit_wait:
	ksync_wait_exit();
exit_state:
	ksync_state_exit();
destroy_wq:
	destroy_workqueue(ksync_wq);
	return ret;
}

static void __exit ksync_exit(void)
{
	ksync_proc_exit();
	misc_deregister(&ksync_device);
	ksync_uring_exit();
	ksync_death_exit();
	ksync_thread_exit();
	ksync_booster_uninit();
	ksync_many_exit();
	ksync_wait_exit();
	ksync_state_exit();
	destroy_workqueue(ksync_wq);
}

module_init(ksync_init);
module_exit(ksync_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Kernel-backed synchronization for user programs");
