// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The monitor: a thread that looks at the procs each 10 ms, unless all are idle.
 *
 * A proc that has run nothing else since the last time: its task is asked to yield; its
 * next is offered to others; and if its machine sleeps in the kernel while tasks wait
 * for the proc, the proc is taken away.  Nobody is interrupted: a task that computes
 * and never calls this library keeps its proc.  A proc that has something to do and no
 * machine, because there was no memory for one, is given one when there is.
 *
 * With KSYNC_MODEL_11 there are no procs, and the monitor does no more than fire
 * timers.
 */
#include <stdio.h>
#include <string.h>
#include "internal.h"

#define PERIOD	10000000ULL

void ksync_monitor_wake(struct ksync_sched *s)
{
	__atomic_add_fetch(&s->monitor_wake, 1, __ATOMIC_RELEASE);
	ksync_thread_wake(&s->monitor_wake, 1);
}

/* By the third field of its stat: the second may contain anything, but its end. */
static bool sleeps_in_kernel(pid_t tid)
{
	char path[48], text[512], *at;
	bool sleeps = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	at = strrchr(text, ')');
	if (at && (at[2] == 'S' || at[2] == 'D'))
		sleeps = true;
	fclose(f);
	return sleeps;
}

static bool is_wanted(struct ksync_sched *s, struct proc *p)
{
	return load(&p->next) || !ksync_runq_empty(p) || load(&s->queued) ||
	       ksync_timers_due(s);
}

static void look_at(struct ksync_sched *s, struct proc *p)
{
	uint32_t tick = load(&p->tick);
	struct machine *m;

	store(&p->look, true);
	if (tick != p->seen_tick) {
		p->seen_tick = tick;
		store(&p->preempt, false);
		if (!ksync_runq_empty(p) && load(&s->nidle))
			ksync_wake_one(s);
		return;
	}
	lock(&s->lock);
	m = p->machine;
	if (!m || !is_wanted(s, p)) {
		unlock(&s->lock);
		return;
	}
	store(&p->preempt, true);
	if (s->can_retake && sleeps_in_kernel(load(&m->tid))) {
		ksync_proc_revoke(s, p);
		return;
	}
	unlock(&s->lock);
	if (load(&s->nidle))
		ksync_wake_one(s);
}

/* Is there something to do for a proc that has no machine? */
static bool is_left(struct ksync_sched *s)
{
	struct proc *p;

	for (p = s->procs; p < s->procs + s->nprocs; p++)
		if (!load(&p->machine) && (load(&p->next) || !ksync_runq_empty(p)))
			return true;
	return load(&s->queued) || (load(&s->timers.n) && !load(&s->timers.keeper));
}

/* Sleep on: until a proc is not idle any more. */
static bool all_idle(struct ksync_sched *s)
{
	bool idle;

	lock(&s->lock);
	idle = s->nidle == s->nprocs && !is_left(s);
	s->monitor_asleep = idle;
	unlock(&s->lock);
	return idle;
}

static void *watch(void *arg)
{
	struct ksync_sched *s = arg;
	uint32_t i, seen;

	for (;;) {
		seen = load_acquire(&s->monitor_wake);
		if (load(&s->stopping))
			return NULL;
		ksync_thread_wait(&s->monitor_wake, seen,
				  all_idle(s) ? NEVER : ksync_clock(NULL) + PERIOD);
		for (i = 0; i < s->nprocs; i++)
			look_at(s, &s->procs[i]);
		/* There was no memory for a machine: maybe now. */
		if (load(&s->nidle) && is_left(s))
			ksync_wake_one(s);
	}
}

static void *keep_timers(void *arg)
{
	struct ksync_sched *s = arg;
	uint32_t seen;

	for (;;) {
		seen = load_acquire(&s->monitor_wake);
		if (load(&s->stopping))
			return NULL;
		if (ksync_timers_due(s)) {
			/* Between taken out and fired, a timer counts, too. */
			ksync_sched_hold(s);
			ksync_timers_run(s);
			ksync_sched_release(s);
		}
		ksync_thread_wait(&s->monitor_wake, seen, load(&s->timers.next));
	}
}

int ksync_monitor_start(struct ksync_sched *s)
{
	int ret = 0;

	if (s->model == KSYNC_MODEL_11)
		ret = -pthread_create(&s->monitor, NULL, keep_timers, s);
	else if (hands_off(s))
		ret = -pthread_create(&s->monitor, NULL, watch, s);
	else
		return 0;
	s->has_monitor = !ret;
	return ret;
}

/* stopping is set. */
void ksync_monitor_stop(struct ksync_sched *s)
{
	if (!s->has_monitor)
		return;
	ksync_monitor_wake(s);
	pthread_join(s->monitor, NULL);
}
