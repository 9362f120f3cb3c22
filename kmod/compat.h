/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels ksync is built for, and nothing else.
 * Included before every file by Kbuild; the only file that tests a version.
 */
#ifndef KSYNC_COMPAT_H
#define KSYNC_COMPAT_H

#include <linux/version.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "ksync needs Linux 6.1 or newer"
#endif

/* 6.3 made the flags of a mapping read-only outside their setters. */
static inline void ksync_vma_set_flags(struct vm_area_struct *vma,
				       unsigned long set, unsigned long clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/* 6.13 joined initialization and setting of the function. */
static inline void ksync_hrtimer_setup_on_stack(struct hrtimer *timer,
						enum hrtimer_restart (*fn)(struct hrtimer *),
						clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup_on_stack(timer, fn, clock, mode);
#else
	hrtimer_init_on_stack(timer, clock, mode);
	timer->function = fn;
#endif
}

static inline void ksync_hrtimer_setup(struct hrtimer *timer,
				       enum hrtimer_restart (*fn)(struct hrtimer *),
				       clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#endif
}

/* 6.16 gave the exit tracepoint a second argument. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define KSYNC_EXIT_PROBE_ARGS	void *data, struct task_struct *task, bool group_dead
#else
#define KSYNC_EXIT_PROBE_ARGS	void *data, struct task_struct *task
#endif

/* Is a task running on a CPU right now? Nobody else is, where there is but one. */
static inline bool ksync_task_running(struct task_struct *task)
{
#ifdef CONFIG_SMP
	return owner_on_cpu(task);
#else
	return false;
#endif
}

#endif /* KSYNC_COMPAT_H */
