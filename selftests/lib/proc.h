/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel reports of a task in /proc/TID/stat. */
#ifndef KSYNC_SELFTESTS_PROC_H
#define KSYNC_SELFTESTS_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct proc_stat - some fields of it
 * @state: R, S, D, T, Z, X, ...
 * @prio: field 18
 */
struct proc_stat {
	char state;
	long prio;
};

/* -ESRCH when there is no such task any more. */
int proc_stat(pid_t tid, struct proc_stat *out);

/* Has it left the processor? What /proc says of it may be said before that. */
bool proc_switched(pid_t tid);

/* How often it has gone to sleep by itself; -1 when there is no such task. */
long proc_sleeps(pid_t tid);
/* How often it has been switched from. */
long proc_switches(pid_t tid);

#endif /* KSYNC_SELFTESTS_PROC_H */
