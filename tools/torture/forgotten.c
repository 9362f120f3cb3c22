// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that the kernel's scheduler has forgotten.
 *
 * A task of SCHED_DEADLINE that falls asleep for a lock with its runtime used up is
 * throttled until a timer fires.  If at that moment somebody waits for what it owns and
 * lends it a deadline, the timer does nothing (dl_task_timer(): a boosted task is not
 * throttled); and once the other has given up, the task is woken but not queued, for it
 * is throttled still, and no timer will come.  It stays runnable and never runs, cannot
 * even be killed.  Nothing of that is ksync's: throttled.c shows it with PI futexes.
 *
 * Another policy sets such a task going again.  What is found here cannot be a fault
 * of ksync's that is hidden: who waits for anything in it is not runnable.
 */
#include <sched.h>
#include "proc.h"
#include "sched.h"
#include "sys.h"
#include "torture.h"

#define FORGOTTEN_TIME	(3 * SEC)
#define PRIO_DEADLINE	-101 /* as /proc shows it, inherited ones included */

/**
 * struct sight - of a worker
 * @tid: who
 * @switches: how often it had been switched from
 * @since: it is runnable, and that has not changed
 */
struct sight {
	uint32_t tid;
	long switches;
	uint64_t since;
};

static bool waits_for_cpu(const struct slot *s, struct proc_stat *stat)
{
	return s->tid && !proc_stat(s->tid, stat) && stat->state == 'R' &&
	       stat->prio == PRIO_DEADLINE;
}

static void look(const struct slot *s, struct sight *seen)
{
	const uint64_t n = now(CLOCK_MONOTONIC);
	struct proc_stat stat;
	long switches;

	if (!waits_for_cpu(s, &stat)) {
		seen->tid = 0;
		return;
	}
	switches = proc_switches(s->tid);
	if (seen->tid != s->tid || seen->switches != switches) {
		*seen = (struct sight){ .tid = s->tid, .switches = switches, .since = n };
	} else if (n - seen->since > FORGOTTEN_TIME * watch_slow()) {
		figure_add(F_FORGOTTEN, 1);
		sched_other(s->tid);
		seen->tid = 0;
	}
}

/** forgotten_look() - by the stage, all the time: set those going that are forgotten */
void forgotten_look(void)
{
	static struct sight seen[WORKERS];
	int i;

	for (i = 0; i < WORKERS; i++)
		look(&scene->slot[i], &seen[i]);
}
