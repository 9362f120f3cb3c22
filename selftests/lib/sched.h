/* SPDX-License-Identifier: GPL-2.0 */
/* Priorities and processors of tasks; 0 or a negative errno. */
#ifndef KSYNC_SELFTESTS_SCHED_H
#define KSYNC_SELFTESTS_SCHED_H

#include <stdint.h>
#include <sys/types.h>

/* What sched_setattr(2) takes; glibc 2.36 has no name for it. */
struct task_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
};

#define ATTR_RESET_ON_FORK	1
#define POLICY_DEADLINE		6

int sched_attr(pid_t tid, const struct task_attr *attr);
int sched_fifo(pid_t tid, int prio);
int sched_other(pid_t tid);
int pin_cpu(pid_t tid, int cpu);
/* How many processors this test may use. */
int cpu_count(void);

/*
 * The priority that the task runs at, boosts included, as /proc shows it:
 * FIFO_SHOWN(p) for SCHED_FIFO priority p, NORMAL_PRIO for a task of nice 0.
 */
int effective_prio(pid_t tid);

#define FIFO_SHOWN(p)	(-1 - (p))
#define NORMAL_PRIO	20

#endif /* KSYNC_SELFTESTS_SCHED_H */
