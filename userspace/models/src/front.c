// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Locks where all tasks are on one thread: who of them has which, and who waits.
 *
 * For libksync the thread is the owner of what any of its tasks locks.  So tasks sort
 * out among themselves here, first come, first served, before the lock itself is asked.
 * What the thread can have at once it takes.  If others have it, the thread must not
 * wait: a carrier locks it in the task's place, owns it, and unlocks it.
 *
 * A front is what is known of one lock, while a task has it or wants it: holders, with
 * the carrier that owns it for them, or none: the thread does; those on the way to it,
 * for whom a place is kept; and a queue.  All of it is the thread's, so there is no lock
 * here; only deadlines and cancellations, which are claims of tickets, are others'.
 *
 * A task that would close a cycle of tasks that wait here is refused.  What goes through
 * other processes, and carriers, is not seen: libksync sees threads.
 */
#include <stdlib.h>
#include "internal.h"

struct holder {
	struct ksync_task *task;
	struct carrier *carrier;
	uint32_t depth;
	bool reads;
	struct holder *next;
};

struct queued {
	struct ksync_task *task;
	struct ksync_ticket ticket;
	bool reads;
	bool here;
	struct queued *next;
};

struct front {
	const void *cell;
	struct holder *holders;
	struct queued *first;
	uint32_t coming;
	uint32_t back;	/* tasks that wait, in the queue or for a cond, and come back to it */
	bool writer_comes;
	struct front *next;
};

struct act {
	const struct ksync_task_lock_ *l;
	int op;
};

static int act(void *arg, const struct timespec *until)
{
	const struct act *a = arg;

	return a->l->fn(a->l->lock, a->op, until);
}

/* What does not wait: by who owns it. */
static int do_as(struct ksync_sched *s, struct carrier *c, const struct ksync_task_lock_ *l,
		 int op)
{
	struct act a = { l, op };
	const struct task_call call = { act, &a };

	return c ? ksync_carrier_finish(s, c, &call) : l->fn(l->lock, op, NULL);
}

static struct front *find(struct ksync_sched *s, const void *cell)
{
	struct front *f = s->waits.fronts;

	while (f && f->cell != cell)
		f = f->next;
	return f;
}

static struct front *find_or_make(struct ksync_sched *s, const void *cell)
{
	struct front *f = find(s, cell);

	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->cell = cell;
	f->next = s->waits.fronts;
	s->waits.fronts = f;
	return f;
}

/* Nobody knows of it any more. */
static void drop_unused(struct ksync_sched *s, struct front *f)
{
	struct front **at;

	if (f->holders || f->coming || f->back)
		return;
	for (at = &s->waits.fronts; *at != f; at = &(*at)->next)
		;
	*at = f->next;
	free(f);
}

static struct holder *holder_of(struct front *f, const struct ksync_task *t)
{
	struct holder *h = f ? f->holders : NULL;

	while (h && h->task != t)
		h = h->next;
	return h;
}

static bool may_come(const struct front *f, bool reads)
{
	if (!reads)
		return !f->holders && !f->coming;
	return !f->writer_comes && (!f->holders || f->holders->reads);
}

static void comes(struct front *f, bool reads)
{
	f->coming++;
	f->writer_comes = !reads;
}

/* The next ones, as many as can have it. */
static void admit(struct front *f)
{
	struct queued *q;

	while ((q = f->first) && may_come(f, q->reads)) {
		f->first = q->next;
		q->here = false;
		if (!ksync_claim(q->ticket, 0))
			continue;
		comes(f, q->reads);
		ksync_wake(q->task);
	}
}

/* Does one that @f's holders wait for, in the end, is @t? */
static bool leads_to(struct ksync_sched *s, const struct front *f,
		     const struct ksync_task *t, int depth)
{
	const struct front *g;
	const struct queued *q;
	const struct holder *h;

	for (h = f->holders; h; h = h->next) {
		if (h->task == t)
			return true;
		for (g = s->waits.fronts; g && depth; g = g->next)
			for (q = g->first; q; q = q->next)
				if (q->task == h->task && leads_to(s, g, t, depth - 1))
					return true;
	}
	return false;
}

static void dequeue(struct front *f, struct queued *q)
{
	struct queued **at;

	if (!q->here)
		return;
	for (at = &f->first; *at != q; at = &(*at)->next)
		;
	*at = q->next;
	admit(f);
}

/* Wait for a place. Return: 0: it is counted as coming. */
static int queue(struct ksync_sched *s, struct front *f, bool reads, uint64_t deadline)
{
	struct queued q = { .task = ksync_task_self(), .reads = reads, .here = true };
	struct queued **at;
	int ret;

	if (leads_to(s, f, q.task, 64))
		return -EDEADLK;
	ret = ksync_wait_begin(&q.ticket, 0);
	if (ret)
		return ret;
	for (at = &f->first; *at; at = &(*at)->next)
		;
	*at = &q;
	f->back++; /* out of the queue long before it runs, if its claim was another's */
	ret = ksync_wait(deadline, "lock of a task");
	f->back--;
	if (ret < 0)
		dequeue(f, &q);
	return ret;
}

/* By the thread; or else, and always for an actor, by a carrier, which waits for it. */
static int take(struct ksync_sched *s, const struct ksync_task_lock_ *l, int op,
		uint64_t deadline, struct carrier **c)
{
	const bool reads = op == KSYNC_TASK_READ_ || op == KSYNC_TASK_READ_TRY_;
	struct act a = { l, op };
	const struct task_call call = { act, &a };
	const bool try = op == KSYNC_TASK_TRY_ || op == KSYNC_TASK_READ_TRY_;
	int ret = -EBUSY;

	*c = NULL;
	if (!ksync_task_self()->actor) {
		ret = l->fn(l->lock, reads ? KSYNC_TASK_READ_TRY_ : KSYNC_TASK_TRY_, NULL);
		if (ret != -EBUSY || try)
			return ret;
	}
	ret = ksync_carrier_get(s, c);
	if (ret)
		return ret;
	if (try)
		ret = ksync_carrier_finish(s, *c, &call);
	else
		ret = ksync_carrier_call(s, *c, &call, deadline, "lock");
	if (ret && ret != -EOWNERDEAD)
		ksync_carrier_put(s, *c);
	return ret;
}

static void add_holder(struct front *f, struct holder *h)
{
	h->next = f->holders;
	f->holders = h;
}

static void remove_holder(struct front *f, struct holder *h)
{
	struct holder **at;

	for (at = &f->holders; *at != h; at = &(*at)->next)
		;
	*at = h->next;
}

/* It has a place. */
static int come(struct ksync_sched *s, struct front *f, const struct ksync_task_lock_ *l,
		int op, uint64_t deadline)
{
	struct holder *h = malloc(sizeof(*h));
	struct carrier *c = NULL;
	int ret = h ? take(s, l, op, deadline, &c) : -ENOMEM;

	f->coming--;
	f->writer_comes = false;
	if (!ret || ret == -EOWNERDEAD) {
		*h = (struct holder){
			.task = ksync_task_self(),
			.carrier = c,
			.depth = 1,
			.reads = op == KSYNC_TASK_READ_ || op == KSYNC_TASK_READ_TRY_,
		};
		add_holder(f, h);
	} else {
		free(h);
	}
	admit(f);
	return ret;
}

/* It has it already: libksync says what that means. */
static int again(struct ksync_sched *s, struct holder *h, const struct ksync_task_lock_ *l,
		 int op)
{
	int ret = do_as(s, h->carrier, l, op);

	if (!ret || ret == -EOWNERDEAD)
		h->depth++;
	return ret;
}

/** ksync_front_lock() - lock, by the thread or a carrier */
int ksync_front_lock(struct ksync_sched *s, const struct ksync_task_lock_ *l, int op,
		     uint64_t deadline)
{
	const bool reads = op == KSYNC_TASK_READ_ || op == KSYNC_TASK_READ_TRY_;
	struct front *f = find_or_make(s, l->cell);
	struct holder *h = holder_of(f, ksync_task_self());
	int ret = 0;

	if (!f)
		return -ENOMEM;
	if (h)
		return again(s, h, l, op);
	if (!f->first && may_come(f, reads))
		comes(f, reads);
	else if (op == KSYNC_TASK_TRY_ || op == KSYNC_TASK_READ_TRY_)
		ret = -EBUSY;
	else
		ret = queue(s, f, reads, deadline);
	if (!ret)
		ret = come(s, f, l, op, deadline);
	drop_unused(s, f);
	return ret;
}

/* Its last lock is undone, or it has lost it. */
static void leave(struct ksync_sched *s, struct front *f, struct holder *h)
{
	remove_holder(f, h);
	if (h->carrier)
		ksync_carrier_put(s, h->carrier);
	free(h);
	admit(f);
	drop_unused(s, f);
}

/** ksync_front_unlock() - unlock, by who owns it */
int ksync_front_unlock(struct ksync_sched *s, const struct ksync_task_lock_ *l)
{
	struct front *f = find(s, l->cell);
	struct holder *h = holder_of(f, ksync_task_self());
	int ret;

	if (!h)
		return -EPERM;
	ret = do_as(s, h->carrier, l, KSYNC_TASK_UNLOCK_);
	if ((!ret || ret == -EUCLEAN) && !--h->depth)
		leave(s, f, h);
	return ret;
}

/** ksync_front_do() - make it consistent, or downgrade it */
int ksync_front_do(struct ksync_sched *s, const struct ksync_task_lock_ *l, int op)
{
	struct front *f = find(s, l->cell);
	struct holder *h = holder_of(f, ksync_task_self());
	int ret;

	if (!h)
		return -EPERM;
	ret = do_as(s, h->carrier, l, op);
	if (!ret && op == KSYNC_TASK_DOWNGRADE_) {
		h->reads = true;
		admit(f);
	}
	return ret;
}

struct cond_act {
	const struct ksync_task_cond_ *c;
	uint64_t deadline;
	uint32_t depth;
};

/* On a carrier: lock it as often as the thread had it. */
static int lock_again(void *arg, const struct timespec *until)
{
	const struct cond_act *a = arg;
	const struct ksync_task_lock_ *m = &a->c->mutex;
	uint32_t i;
	int ret = m->fn(m->lock, KSYNC_TASK_LOCK_, NULL);

	(void)until;
	for (i = 1; i < a->depth && (!ret || ret == -EOWNERDEAD); i++)
		m->fn(m->lock, KSYNC_TASK_LOCK_, NULL);
	return ret;
}

/*
 * A slice that passes is a spurious wake-up, as in owned.c: said by an errno that no
 * program sees.
 */
static int cond_wait(void *arg, const struct timespec *until)
{
	const struct cond_act *a = arg;
	int ret = a->c->wait(a->c->cond, a->c->mutex.lock, until);

	return ret == -ETIMEDOUT && ksync_clock(NULL) < a->deadline ? -ERESTART : ret;
}

static bool without_mutex(int ret)
{
	return ret == -EDEADLK || ret == -ENOTRECOVERABLE || ret == -EUCLEAN ||
	       ret == -EPERM || ret == -ESRCH;
}

/*
 * The thread cannot wait for a cond, so the mutex goes to a carrier.  It is free in
 * between, and what was signalled then is not known of: the program looks at its
 * condition again before it waits, as after any spurious wake-up.
 */
static int to_carrier(struct ksync_sched *s, struct front *f, struct holder *h,
		      struct cond_act *a)
{
	const struct task_call call = { lock_again, a };
	struct carrier *c;
	uint32_t i;
	int ret = ksync_carrier_get(s, &c);

	if (ret)
		return ret;
	a->depth = h->depth;
	for (i = 0; i < h->depth; i++)
		do_as(s, NULL, &a->c->mutex, KSYNC_TASK_UNLOCK_);
	h->carrier = c;
	admit(f);
	return ksync_carrier_finish(s, c, &call);
}

/**
 * ksync_front_cond_wait() - wait for a signal, by a carrier
 *
 * Meanwhile the task is no holder, and others come: who of the thread and the carriers
 * has the mutex, the mutex decides.
 */
int ksync_front_cond_wait(struct ksync_sched *s, const struct ksync_task_cond_ *c,
			  uint64_t deadline)
{
	struct front *f = find(s, c->mutex.cell);
	struct holder *h = holder_of(f, ksync_task_self());
	struct cond_act a = { .c = c, .deadline = seeded(s) ? NEVER : deadline };
	const struct task_call call = { cond_wait, &a };
	int ret;

	if (!h)
		return -EPERM;
	remove_holder(f, h);
	f->back++;
	if (h->carrier) {
		admit(f);
		ret = ksync_carrier_call(s, h->carrier, &call, deadline, "cond");
	} else {
		ret = to_carrier(s, f, h, &a);
	}
	f->back--;
	add_holder(f, h);
	if (without_mutex(ret))
		leave(s, f, h);
	return ret == -ERESTART ? 0 : ret;
}

static bool die_once(struct ksync_sched *s, const struct ksync_task *t)
{
	struct holder *h;
	struct front *f;

	for (f = s->waits.fronts; f; f = f->next) {
		h = holder_of(f, t);
		if (!h || !h->carrier)
			continue;
		ksync_carrier_die(s, h->carrier);
		h->carrier = NULL;
		leave(s, f, h);
		return true;
	}
	return false;
}

/** ksync_fronts_die() - an actor has ended: so do the carriers that own its locks */
void ksync_fronts_die(struct ksync_sched *s, const struct ksync_task *t)
{
	while (die_once(s, t))
		;
}

/** ksync_fronts_free() - tasks have ended without unlocking: forget that */
void ksync_fronts_free(struct ksync_sched *s)
{
	struct holder *h;
	struct front *f;

	while ((f = s->waits.fronts)) {
		while ((h = f->holders)) {
			f->holders = h->next;
			free(h);
		}
		s->waits.fronts = f->next;
		free(f);
	}
}
