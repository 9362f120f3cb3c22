// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <sched.h>
#include "proc.h"
#include "sched.h"
#include "sys.h"

static int set_policy(pid_t tid, int policy, int prio)
{
	struct sched_param param = { .sched_priority = prio };

	return sys(SYS_sched_setscheduler, tid, policy, &param);
}

int sched_attr(pid_t tid, const struct task_attr *attr)
{
	return sys(SYS_sched_setattr, tid, attr, 0);
}

int sched_fifo(pid_t tid, int prio)
{
	return set_policy(tid, SCHED_FIFO, prio);
}

int sched_other(pid_t tid)
{
	return set_policy(tid, SCHED_OTHER, 0);
}

int pin_cpu(pid_t tid, int cpu)
{
	cpu_set_t set;
	long ret;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ret = sys(SYS_sched_setaffinity, tid, sizeof(set), &set);
	return ret < 0 ? ret : 0;
}

int cpu_count(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sys(SYS_sched_getaffinity, 0, sizeof(set), &set) < 0)
		return 1;
	return CPU_COUNT(&set);
}

int effective_prio(pid_t tid)
{
	struct proc_stat stat;

	return proc_stat(tid, &stat) ? INT_MIN : stat.prio;
}
