// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Queues of tasks that are ready: one of 256 with each proc, and next, which is run
 * before it; and the scheduler's own, under its lock, for what has no proc or no room.
 *
 * A proc's queue is a ring.  Its owner alone puts, and moves tail; owner and thieves
 * take by moving head with a CAS.
 *
 *	owner puts			thief takes
 *	reads head (acquire)	[a]	reads head (acquire), then tail (acquire)  [c]
 *	writes the slot			reads the slots
 *	writes tail (release)	[b]	CAS head (release)			   [d]
 *
 * b-c: a thief that sees the new tail sees the slot, and the task.
 * d-a: an owner that sees room behind a head sees it after the thief has read the
 * slots: they may be overwritten.  A thief that has read slots which were overwritten
 * meanwhile had read an old head: its CAS fails, for head only grows (32 bits of it:
 * it would have to sleep through 2^32 takings).
 *
 * The next slot is exchanged and taken by CAS: a task that is found in it is ready,
 * even if it had been taken, had run and was put there again meanwhile.
 */
#include <sched.h>
#include "internal.h"

/* So often in a row may next be run before the queue is looked at. */
#define STREAK	64

/* How long a thief looks whether the owner of a next gets to it by itself. */
#define PATIENCE	40

bool ksync_runq_empty(const struct proc *p)
{
	return load_acquire(&p->head) == load_acquire(&p->tail);
}

/* No room: half of the queue, and @t, move to the scheduler's. */
static bool overflow(struct proc *p, struct ksync_task *t, struct ksync_sched *s,
		     uint32_t head)
{
	struct ksync_task *batch[RUNQ / 2 + 1];
	uint32_t i, n = RUNQ / 2;

	for (i = 0; i < n; i++)
		batch[i] = load(&p->queue[(head + i) % RUNQ]);
	if (!__atomic_compare_exchange_n(&p->head, &head, head + n, false,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return false;
	batch[n] = t;
	for (i = 0; i < n; i++)
		batch[i]->next = batch[i + 1];
	ksync_global_put(s, batch[0], batch[n], n + 1);
	return true;
}

/** ksync_runq_put() - put a task behind those of the caller's proc */
void ksync_runq_put(struct proc *p, struct ksync_task *t, struct ksync_sched *s)
{
	uint32_t head, tail = p->tail;

	do {
		head = load_acquire(&p->head); /* a */
		if (likely(tail - head < RUNQ)) {
			store(&p->queue[tail % RUNQ], t);
			store_release(&p->tail, tail + 1); /* b */
			return;
		}
	} while (!overflow(p, t, s, head));
}

/** ksync_runq_next() - run a task next on the caller's proc; what was next is put */
void ksync_runq_next(struct proc *p, struct ksync_task *t, struct ksync_sched *s)
{
	struct ksync_task *was = __atomic_exchange_n(&p->next, t, __ATOMIC_ACQ_REL);

	if (was)
		ksync_runq_put(p, was, s);
}

static struct ksync_task *take_next(struct proc *p)
{
	struct ksync_task *t = load(&p->next);

	if (t && __atomic_compare_exchange_n(&p->next, &t, NULL, false,
					     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return t;
	return NULL;
}

static struct ksync_task *take_first(struct proc *p)
{
	uint32_t head = load_acquire(&p->head);
	struct ksync_task *t;

	do {
		if (head == p->tail)
			return NULL;
		t = load(&p->queue[head % RUNQ]);
	} while (!__atomic_compare_exchange_n(&p->head, &head, head + 1, false,
					      __ATOMIC_RELEASE, __ATOMIC_ACQUIRE));
	return t;
}

/** ksync_runq_get() - take a task of the caller's proc, or NULL */
struct ksync_task *ksync_runq_get(struct proc *p)
{
	struct ksync_task *t;

	if (likely(p->streak < STREAK)) {
		t = take_next(p);
		if (t) {
			p->streak++;
			return t;
		}
	}
	p->streak = 0;
	t = take_first(p);
	return t ? t : take_next(p);
}

/*
 * Its owner does something else for long?  It may be that it does nothing because the
 * caller, just woken by it, has got its CPU: that is given back first.
 */
static struct ksync_task *steal_next(struct proc *from)
{
	struct ksync_task *t = load(&from->next);
	uint32_t tick = load(&from->tick);
	int i;

	if (!t)
		return NULL;
	sched_yield();
	for (i = 0; i < PATIENCE; i++) {
		relax();
		if (load(&from->tick) != tick || load(&from->next) != t)
			return NULL;
	}
	if (__atomic_compare_exchange_n(&from->next, &t, NULL, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return t;
	return NULL;
}

/**
 * ksync_runq_steal() - take half of another proc's tasks
 * @p: the caller's, empty
 * @from: other
 * @even_next: its next one, if there are no others
 *
 * Return: one of them, the others are @p's; NULL.
 */
struct ksync_task *ksync_runq_steal(struct proc *p, struct proc *from, bool even_next)
{
	uint32_t i, n, head, tail = p->tail;
	struct ksync_task *t;

	do {
		head = load_acquire(&from->head); /* c */
		n = load_acquire(&from->tail) - head;
		n -= n / 2;
		if (n > RUNQ / 2) /* head was old */
			n = 0;
		if (!n) {
			t = even_next ? steal_next(from) : NULL;
			n = !!t;
			goto out;
		}
		for (i = 0; i < n; i++) {
			t = load(&from->queue[(head + i) % RUNQ]);
			store(&p->queue[(tail + i) % RUNQ], t);
		}
	} while (!__atomic_compare_exchange_n(&from->head, &head, head + n, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)); /* d */
	store_release(&p->tail, tail + n - 1);
out:
	if (t) {
		store(&p->steals, p->steals + 1);
		store(&p->stolen, p->stolen + n);
	}
	return t;
}

/** ksync_global_put() - put @n tasks, linked by next, behind the scheduler's */
void ksync_global_put(struct ksync_sched *s, struct ksync_task *first,
		      struct ksync_task *last, uint32_t n)
{
	lock(&s->lock);
	last->next = NULL;
	*s->tail = first;
	s->tail = &last->next;
	store(&s->queued, s->queued + n);
	unlock(&s->lock);
}

static struct ksync_task *global_take(struct ksync_sched *s)
{
	struct ksync_task *t = s->head;

	s->head = t->next;
	if (!s->head)
		s->tail = &s->head;
	store(&s->queued, s->queued - 1);
	return t;
}

/**
 * ksync_global_get() - take tasks of the scheduler's queue: a proc's share
 * @s: scheduler
 * @p: the caller's, which gets all but the first
 * @max: but no more than these
 *
 * Return: the first; NULL.
 */
struct ksync_task *ksync_global_get(struct ksync_sched *s, struct proc *p, uint32_t max)
{
	struct ksync_task *t, *rest[RUNQ / 2];
	uint32_t i, n;

	if (!load(&s->queued))
		return NULL;
	lock(&s->lock);
	n = s->queued / s->nprocs + 1;
	n = n < max ? n : max;
	n = n < s->queued ? n : s->queued;
	t = n ? global_take(s) : NULL;
	for (i = 1; i < n; i++)
		rest[i - 1] = global_take(s);
	unlock(&s->lock);
	for (i = 1; i < n; i++)
		ksync_runq_put(p, rest[i - 1], s);
	return t;
}
