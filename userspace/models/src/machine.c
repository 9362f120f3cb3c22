// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What a machine does: look for a task, run it until it leaves, and again.
 *
 * It looks at: the scheduler's queue, each 61st time, so that a proc that keeps itself
 * busy does not starve it; next and queue of its proc; the scheduler's queue; deadlines
 * that have passed; other procs' queues.  While it looks at others' it spins, as no
 * more than half of the busy ones do.  When it has found nothing it gives its proc
 * back, looks once more (see ready.c), and sleeps.
 */
#include <stdlib.h>
#include <unistd.h>
#include "internal.h"

#define GLOBAL_TURN	61
#define TIMERS_TURN	8

static uint32_t draw(struct proc *p)
{
	return ksync_random(&p->random) >> 32;
}

/* Timers are looked at now and then, and when the monitor says so. */
static void timers_turn(struct ksync_sched *s, struct proc *p)
{
	if (load(&s->timers.next) == NEVER)
		return;
	if (p->tick % TIMERS_TURN && !load(&p->look))
		return;
	store(&p->look, false);
	ksync_timers_run(s);
}

/* Without others' queues. */
static struct ksync_task *look(struct machine *m)
{
	struct ksync_sched *s = m->sched;
	struct proc *p = m->proc;
	struct ksync_task *t;

	if (unlikely(seeded(s)))
		return ksync_seeded_get(s);
	timers_turn(s, p);
	if (unlikely(p->tick % GLOBAL_TURN == 0)) {
		t = ksync_global_get(s, p, 1);
		if (t)
			return t;
	}
	t = ksync_runq_get(p);
	if (likely(t))
		return t;
	t = ksync_global_get(s, p, RUNQ / 2);
	if (t || !ksync_timers_due(s))
		return t;
	ksync_timers_run(s);
	return ksync_runq_get(p);
}

static struct ksync_task *steal_round(struct machine *m, bool even_next)
{
	struct ksync_sched *s = m->sched;
	struct proc *p = m->proc, *from;
	uint32_t i, first = draw(p);
	struct ksync_task *t = NULL;

	for (i = 0; i < s->nprocs && !t; i++) {
		from = &s->procs[(first + i) % s->nprocs];
		if (from != p)
			t = ksync_runq_steal(p, from, even_next);
	}
	return t;
}

static struct ksync_task *steal(struct machine *m)
{
	struct ksync_sched *s = m->sched;
	struct ksync_task *t = NULL;
	int round;

	if (s->nprocs == 1)
		return NULL;
	if (!m->spinning) {
		if (2 * load(&s->spinning) >= s->nprocs - load(&s->nidle))
			return NULL;
		m->spinning = true;
		__atomic_add_fetch(&s->spinning, 1, __ATOMIC_SEQ_CST);
	}
	for (round = 0; round < 4 && !t; round++)
		t = steal_round(m, round == 3);
	if (t)
		store(&s->futile, 0);
	return t;
}

/* It has found a task. If nobody looks any more, another one is to. */
static void stop_spinning(struct machine *m)
{
	m->spinning = false;
	if (!__atomic_sub_fetch(&m->sched->spinning, 1, __ATOMIC_SEQ_CST) &&
	    load(&m->sched->nidle))
		ksync_wake_one(m->sched);
}

/* Without a proc: get one, if there is. */
static bool regain(struct machine *m)
{
	struct ksync_sched *s = m->sched;

	lock(&s->lock);
	if (m->loose) {
		m->loose = false;
		s->loose--;
	}
	ksync_idle_proc(s, m);
	unlock(&s->lock);
	return m->proc;
}

/* Nothing was found. Return: true: look again. */
static bool give_up(struct machine *m)
{
	struct ksync_sched *s = m->sched;
	uint32_t futile = load(&s->futile);
	bool spun = m->spinning;

	ksync_proc_release(m);
	if (m->proc)
		return true;
	if (!spun)
		return false;
	m->spinning = false;
	__atomic_sub_fetch(&s->spinning, 1, __ATOMIC_SEQ_CST); /* F */
	if (futile < 10)
		store(&s->futile, futile + 1);
	if (!ksync_any_work(s) || !regain(m))
		return false;
	m->spinning = true;
	__atomic_add_fetch(&s->spinning, 1, __ATOMIC_SEQ_CST);
	return true;
}

static struct ksync_task *find(struct machine *m)
{
	struct ksync_task *t;

	for (;;) {
		t = m->handed;
		if (t) {
			m->handed = NULL;
			return t;
		}
		if (unlikely(load(&m->sched->stopping)))
			return NULL;
		if (likely(m->proc) || regain(m)) {
			t = look(m);
			if (!t)
				t = steal(m);
			if (likely(t)) {
				if (unlikely(m->spinning))
					stop_spinning(m);
				return t;
			}
			if (give_up(m))
				continue;
		}
		if (!ksync_machine_sleep(m))
			return NULL;
	}
}

/*
 * Another machine goes on with the proc.
 *
 * A task of this one may be ready, in the scheduler's queue, where execute() put it
 * because this machine has no proc.  A proc that became idle before that saw nothing
 * there; one that does later looks at the queue under the lock.
 */
static void give_proc_away(struct machine *m)
{
	struct ksync_sched *s = m->sched;
	struct proc *p = m->proc;
	bool tell;

	lock(&s->lock);
	if (p) {
		m->proc = NULL;
		store(&p->machine, NULL);
		ksync_proc_handoff(s, p);
		return;
	}
	if (m->loose)
		s->loose--;
	m->loose = false;
	tell = s->queued && s->nidle;
	ksync_check_quiet(s);
	unlock(&s->lock);
	if (tell)
		ksync_wake_one(s);
}

/* A task lives here that is not to run now: nobody else may. */
static struct ksync_task *find_pinned(struct machine *m)
{
	struct ksync_task *t;

	give_proc_away(m);
	if (!ksync_machine_sleep(m))
		return NULL;
	t = m->handed;
	m->handed = NULL;
	return t;
}

/* Nobody knows of it any more but the coroner. */
static void die(struct machine *m)
{
	struct ksync_sched *s = m->sched;
	struct machine **at;

	give_proc_away(m);
	lock(&s->lock);
	for (at = &s->machines; *at != m; at = &(*at)->all)
		;
	*at = m->all;
	unlock(&s->lock);
	ksync_machine_set_self(NULL);
}

/* Is it another machine that is to run it? Then it does, in this one's place. */
static bool goes_elsewhere(struct machine *m, struct ksync_task *t)
{
	if (t->pinned) {
		if (t->pinned == m)
			return false;
		ksync_hand_over(m, t, t->pinned);
		return true;
	}
	if (!(m->sched->flags & KSYNC_SCHED_MIGRATE) || t->machine != m)
		return false;
	ksync_hand_over(m, t, NULL);
	return !m->proc;
}

static void execute(struct machine *m, struct ksync_task *t)
{
	do {
		if (unlikely(!m->proc)) { /* taken while it ran */
			store(&t->state, TASK_READY);
			ksync_global_put(m->sched, t, t, 1);
			return;
		}
		if (unlikely(t->pinned || m->sched->flags & KSYNC_SCHED_MIGRATE) &&
		    goes_elsewhere(m, t))
			return;
		t = ksync_machine_run(m, t);
	} while (unlikely(t));
}

void *ksync_machine_main(void *arg)
{
	struct machine *m = arg;
	struct ksync_task *t;

	store(&m->tid, gettid());
	store(&m->busy, true);
#ifdef KSYNC_TSAN
	m->fiber = __tsan_get_current_fiber();
#endif
	ksync_machine_set_self(m);
	ksync_overflow_thread(m);
	if (!ksync_machine_sleep(m)) /* until it is told what it was made for */
		return NULL;
	while (!m->dies && (t = m->pinned ? find_pinned(m) : find(m)))
		execute(m, t);
	if (m->dies)
		die(m);
	return NULL;
}
