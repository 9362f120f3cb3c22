// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Procs without a machine, machines without a proc, and how they find each other:
 * all of it under the scheduler's lock.  A machine that sleeps is woken by writing to
 * its wake word; what it is to do then has been written to it before.
 */
#include <stdlib.h>
#include "internal.h"

#define ASLEEP	0U
#define WOKEN	1U	/* taken from the list of idle ones, or handed a task */
#define POKED	2U	/* the first deadline is another one */

static void push_proc(struct ksync_sched *s, struct proc *p)
{
	store(&p->machine, NULL);
	p->link = s->idle_procs;
	s->idle_procs = p;
	__atomic_store_n(&s->nidle, s->nidle + 1, __ATOMIC_RELEASE);
}

static struct proc *pop_proc(struct ksync_sched *s)
{
	struct proc *p = s->idle_procs;

	if (p) {
		s->idle_procs = p->link;
		store(&s->nidle, s->nidle - 1);
		if (s->monitor_asleep) {
			s->monitor_asleep = false;
			ksync_monitor_wake(s);
		}
	}
	return p;
}

static bool unlink_machine(struct ksync_sched *s, struct machine *m)
{
	struct machine **at;

	for (at = &s->idle_machines; *at; at = &(*at)->link) {
		if (*at == m) {
			*at = m->link;
			return true;
		}
	}
	return false;
}

void ksync_machine_poke(struct machine *m)
{
	uint32_t asleep = ASLEEP;

	if (__atomic_compare_exchange_n(&m->wake, &asleep, POKED, false,
					__ATOMIC_RELEASE, __ATOMIC_RELAXED))
		ksync_thread_wake(&m->wake, 1);
}

static void wake(struct machine *m)
{
	store_release(&m->wake, WOKEN);
	ksync_thread_wake(&m->wake, 1);
}

/**
 * ksync_machine_start() - a new machine, whose thread runs
 * @s: scheduler, locked
 * @out: set
 */
int ksync_machine_start(struct ksync_sched *s, struct machine **out)
{
	struct machine *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return -ENOMEM;
	m->sched = s;
	ret = -pthread_create(&m->thread, NULL, ksync_machine_main, m);
	if (ret) {
		free(m);
		return ret;
	}
	m->all = s->machines;
	s->machines = m;
	store(&s->nmachines, s->nmachines + 1);
	*out = m;
	return 0;
}

/**
 * ksync_machines_begin() - the first machine
 *
 * It is made when the scheduler starts, so that what cannot be had is said then: with one
 * machine all tasks are run, sooner or later.  It looks for work, finds none, and sleeps.
 */
int ksync_machines_begin(struct ksync_sched *s)
{
	struct proc *p;
	struct machine *m;
	int ret;

	lock(&s->lock);
	ret = ksync_machine_start(s, &m);
	if (!ret) {
		p = pop_proc(s);
		m->handed_proc = p;
		store(&p->machine, m);
	}
	unlock(&s->lock);
	if (!ret)
		wake(m);
	return ret;
}

/*
 * One that sleeps, or a new one; NULL.  Where all tasks are to run on one thread, that
 * may be on its way to sleep, with its proc given back: it finds what it is handed.
 */
static struct machine *get_machine(struct ksync_sched *s)
{
	struct machine *m = s->idle_machines;

	if (m)
		s->idle_machines = m->link;
	else if (!hands_off(s) && s->machines)
		m = s->machines;
	else if (ksync_machine_start(s, &m))
		m = NULL;
	return m;
}

/**
 * ksync_wake_proc() - have a machine run a proc
 * @s: scheduler, locked; unlocked when this returns
 * @p: proc, of no machine and not in the list of idle ones
 * @spinning: it is counted as one that looks for work
 */
void ksync_wake_proc(struct ksync_sched *s, struct proc *p, bool spinning)
{
	struct machine *m = get_machine(s);

	if (m) {
		m->handed_proc = p;
		store(&p->machine, m);
		m->spinning = spinning;
	} else {
		push_proc(s, p);
		if (spinning)
			__atomic_sub_fetch(&s->spinning, 1, __ATOMIC_SEQ_CST);
	}
	unlock(&s->lock);
	if (m)
		wake(m);
}

/** ksync_wake_one() - let an idle proc look for work, if nobody does */
void ksync_wake_one(struct ksync_sched *s)
{
	uint32_t none = 0;
	struct proc *p;

	if (!__atomic_compare_exchange_n(&s->spinning, &none, 1, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return;
	lock(&s->lock);
	p = pop_proc(s);
	if (p) {
		ksync_wake_proc(s, p, true);
		return;
	}
	unlock(&s->lock);
	__atomic_sub_fetch(&s->spinning, 1, __ATOMIC_SEQ_CST);
}

/** ksync_any_work() - are tasks ready that anybody may run? */
bool ksync_any_work(struct ksync_sched *s)
{
	uint32_t i;

	for (i = 0; i < s->nprocs; i++)
		if (!ksync_runq_empty(&s->procs[i]))
			return true;
	return load(&s->queued) || load(&s->nready) || ksync_timers_due(s);
}

/**
 * ksync_proc_handoff() - give away a proc whose machine blocks
 * @s: scheduler, locked; unlocked when this returns
 * @p: proc, of no machine any more
 */
void ksync_proc_handoff(struct ksync_sched *s, struct proc *p)
{
	s->handoffs++;
	if (s->queued || load(&p->next) || !ksync_runq_empty(p) ||
	    (load(&s->timers.n) && !load(&s->timers.keeper))) {
		ksync_wake_proc(s, p, false);
		return;
	}
	push_proc(s, p);
	ksync_check_quiet(s);
	unlock(&s->lock);
	/* Others may have put tasks before they could see an idle proc. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* F, as in ready.c */
	if (!load(&s->spinning) && ksync_any_work(s))
		ksync_wake_one(s);
}

/**
 * ksync_hand_over() - another machine goes on in the caller's place
 * @m: the caller, has a proc
 * @t: that it runs first
 * @to: who; NULL: any
 *
 * m->proc is NULL afterwards; or not, if there is no other machine.
 */
void ksync_hand_over(struct machine *m, struct ksync_task *t, struct machine *to)
{
	struct ksync_sched *s = m->sched;

	lock(&s->lock);
	if (!to)
		to = get_machine(s);
	if (to) {
		to->handed = t;
		to->handed_proc = m->proc;
		store(&m->proc->machine, to);
		m->proc = NULL;
	}
	unlock(&s->lock);
	if (to)
		wake(to);
}

/** ksync_idle_proc() - get @m an idle proc; @s is locked */
struct proc *ksync_idle_proc(struct ksync_sched *s, struct machine *m)
{
	struct proc *p = pop_proc(s);

	if (p) {
		store(&p->machine, m);
		m->proc = p;
	}
	return p;
}

/** ksync_proc_release() - @m found nothing to do; m->proc remains if there is, now */
void ksync_proc_release(struct machine *m)
{
	struct ksync_sched *s = m->sched;

	lock(&s->lock);
	if (!s->queued && !s->nready) {
		push_proc(s, m->proc);
		m->proc = NULL;
	}
	unlock(&s->lock);
}

/* A new machine has got its proc before it runs; nobody wakes another for nothing. */
static bool take_handed(struct machine *m)
{
	if (load_acquire(&m->wake) != WOKEN)
		return false;
	store(&m->wake, ASLEEP);
	m->proc = m->handed_proc;
	m->handed_proc = NULL;
	return true;
}

/* Sleep in the list of idle ones until woken, or until there is a deadline to keep. */
static void sleep_listed(struct ksync_sched *s, struct machine *m)
{
	uint64_t until = ksync_timers_keep(s, m);
	uint32_t poked;

	while (!load_acquire(&m->wake)) {
		if (ksync_thread_wait(&m->wake, ASLEEP, until) == -ETIMEDOUT)
			break;
		poked = POKED;
		if (__atomic_compare_exchange_n(&m->wake, &poked, ASLEEP, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			until = ksync_timers_keep(s, m);
	}
	ksync_timers_leave(s, m);
}

/**
 * ksync_machine_sleep() - sleep until there is something to do
 * @m: the caller, without proc
 *
 * Return: false: the scheduler ends.
 */
bool ksync_machine_sleep(struct machine *m)
{
	struct ksync_sched *s = m->sched;
	uint32_t seen;
	bool listed;

	if (m->pinned) {
		while (load_acquire(&m->wake) != WOKEN && !load(&s->stopping))
			ksync_thread_wait(&m->wake, ASLEEP, NEVER);
		return take_handed(m);
	}
	lock(&s->lock);
	if (s->stopping) {
		unlock(&s->lock);
		return false;
	}
	if (m->handed_proc) { /* made for it */
		unlock(&s->lock);
		goto woken;
	}
	store(&m->wake, ASLEEP);
	m->link = s->idle_machines;
	s->idle_machines = m;
	ksync_check_quiet(s);
	unlock(&s->lock);
	ksync_stack_trim(s);
	sleep_listed(s, m);
	lock(&s->lock);
	listed = unlink_machine(s, m);
	unlock(&s->lock);
	if (listed) {
		store(&m->wake, ASLEEP);
		return !load(&s->stopping);
	}
woken:
	while ((seen = load_acquire(&m->wake)) != WOKEN)
		ksync_thread_wait(&m->wake, seen, NEVER);
	take_handed(m);
	return true;
}

/* Wake who waits for the end, or for one that will not come. */
static void tell_runners(struct ksync_sched *s, bool all_gone)
{
	struct runner *r, *next;

	for (r = s->runners; r; r = next) {
		next = r->link;
		if ((!all_gone || r->for_the_end) &&
		    ksync_claim(r->ticket, all_gone ? 0 : -EDEADLK))
			ksync_wake(r->ticket.task);
	}
}

/**
 * ksync_check_quiet() - has nobody anything to do, and will nobody have?
 * @s: scheduler, locked
 *
 * All that could make a task ready without being seen here has a proc, is loose, or
 * is pending.
 */
void ksync_check_quiet(struct ksync_sched *s)
{
	if (s->nidle != s->nprocs || s->loose || s->queued || s->nready ||
	    s->threads_running || s->threads_timed)
		return;
	if (s->pending || load(&s->timers.n))
		return;
	if (!ksync_tasks(s)) {
		tell_runners(s, true);
	} else if (s->runners) {
		s->deadlocked = true;
		tell_runners(s, false);
	}
}

/** ksync_machines_stop() - end them all; nothing is ready, and nothing will be */
void ksync_machines_stop(struct ksync_sched *s)
{
	struct machine *m;

	lock(&s->lock);
	store(&s->stopping, true);
	for (m = s->machines; m; m = m->all)
		wake(m);
	unlock(&s->lock);
}
