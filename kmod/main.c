// SPDX-License-Identifier: GPL-2.0
/*
 * ksync: loading and unloading, limits, and the device node.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "core.h"

/* Per domain; they count from the next request on. */
unsigned int ksync_max_objects = 1 << 20;
module_param_named(max_objects, ksync_max_objects, uint, 0644);
MODULE_PARM_DESC(max_objects, "objects in one domain");

unsigned int ksync_max_threads = 1 << 16;
module_param_named(max_threads, ksync_max_threads, uint, 0644);
MODULE_PARM_DESC(max_threads, "threads attached to one domain");

unsigned int ksync_max_waiters = 1 << 16;
module_param_named(max_waiters, ksync_max_waiters, uint, 0644);
MODULE_PARM_DESC(max_waiters, "tasks waiting in one domain");

/*
 * A chain of owners is walked under a raw lock, and by the kernel's rt_mutex,
 * which gives up at 1024 with a task that never returns: stay below, with a
 * margin for locks of the kernel's own at the end of the chain.
 */
#define MAX_CHAIN 1000

static int set_max_chain(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, MAX_CHAIN);
}

static const struct kernel_param_ops max_chain_ops = {
	.set = set_max_chain,
	.get = param_get_uint,
};

unsigned int ksync_max_chain = MAX_CHAIN;
module_param_cb(max_chain, &max_chain_ops, &ksync_max_chain, 0644);
MODULE_PARM_DESC(max_chain, "longest chain of owners that a wait may join, 1 to 1000");

static int set_handle_max(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, KSYNC_HANDLE_MAX);
}

static const struct kernel_param_ops handle_max_ops = {
	.set = set_handle_max,
	.get = param_get_uint,
};

unsigned int ksync_handle_max = KSYNC_HANDLE_MAX;
module_param_cb(handle_max, &handle_max_ops, &ksync_handle_max, 0644);
MODULE_PARM_DESC(handle_max, "largest thread handle before numbers are used again");

unsigned int ksync_handoff_us = 1000;
module_param_named(handoff_us, ksync_handoff_us, uint, 0644);
MODULE_PARM_DESC(handoff_us, "adaptive locks: a waiter overtaken for so long is handed the lock, microseconds");

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
	ret = ksync_wait_init();
	if (ret)
		goto destroy_wq;
	ret = ksync_death_init();
	if (ret)
		goto exit_wait;
	ret = misc_register(&ksync_device);
	if (ret)
		goto exit_death;
	return 0;

exit_death:
	ksync_death_exit();
	ksync_thread_exit();
exit_wait:
	ksync_wait_exit();
destroy_wq:
	destroy_workqueue(ksync_wq);
	return ret;
}

static void __exit ksync_exit(void)
{
	misc_deregister(&ksync_device);
	ksync_death_exit();
	ksync_thread_exit();
	ksync_wait_exit();
	destroy_workqueue(ksync_wq);
}

module_init(ksync_init);
module_exit(ksync_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Kernel-backed synchronization for user programs");
