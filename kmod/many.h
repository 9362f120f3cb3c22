/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waits on many objects: what those who serve waiters have to know of them.
 *
 * Such a wait has a waiter at several objects, and is given one thing: whoever
 * would serve one of its waiters has to claim it first.
 */
#ifndef KSYNC_MANY_H
#define KSYNC_MANY_H

#include <linux/sched/task.h>

#include "busted.h"
#include "core.h"

/* Instead of the index of a part: all of them. */
#define KSYNC_CLAIM_ALL		-1

/**
 * struct ksync_part - an item, or the alert, which is an item like others
 * @item: as asked for
 * @obj: which
 * @w: in its queue, or watching it: any: @own. All: that of the first part, for of the
 *	items one at a time is waited for; the alert has its own
 * @in: it is
 * @taken: all: this lock is ours already
 * @hopeless: any: waiting for this lock would close a cycle
 * @own: a waiter
 */
struct ksync_part {
	struct ksync_item item;
	struct ksync_object obj;
	struct ksync_waiter *w;
	bool in;
	bool taken;
	bool hopeless;
	struct ksync_waiter own;
};

/**
 * struct ksync_many_memory - what a call needs, and may leave for the next one
 * @max: for so many items, and an alert
 * @used: it was, since this was asked last
 * @nr_spares: how many of @spares there are
 * @spares: states, as new
 * @order: one byte an item
 * @parts: their waiters are set up, and in no queue
 */
struct ksync_many_memory {
	u32 max;
	bool used;
	u32 nr_spares;
	struct ksync_state **spares;
	u8 *order;
	struct ksync_part *parts[];
};

/**
 * struct ksync_many_call - one call of MANY
 * @domain: where
 * @arg: the call
 * @memory: where what follows is
 * @parts: the items, in their order, and the alert
 * @order: all: the same without the alert, by id
 * @buckets: all: those of the items that are no locks, by address
 * @nr_buckets: how many
 * @counted: any: so many parts are counted as waiters
 * @claim: 0; or what the wait was given: a part's index and 1, or CLAIM_ALL
 * @told: one of its waiters was poked
 * @again: what was claimed was not there: whom others passed over looks again
 * @locks: there are locks among the items: it may have to be got out of an rt_mutex
 * @clock: its deadline, while it sleeps
 * @r: its wait in the queue of a lock
 * @lock: that, as a call of LOCK
 */
struct ksync_many_call {
	struct ksync_domain *domain;
	struct ksync_many *arg;
	struct ksync_many_memory *memory;
	struct ksync_part **parts;
	u8 *order;
	struct ksync_bucket **buckets;
	u32 nr_buckets;
	u32 counted;
	atomic_t claim;
	bool told;
	bool again;
	bool locks;
	struct ksync_waiter clock;
	struct ksync_request r;
	struct ksync_lock lock;
};

/**
 * ksync_many_claim() - under the bucket lock: may a waiter be given something?
 * @w: a waiter, of any sort
 *
 * Once this has said yes to one part of a wait on many, no other is given to.
 */
static inline bool ksync_many_claim(struct ksync_waiter *w)
{
	if (w->many && ksync_busted(KSYNC_FAULT_MANY_TWICE))
		return true;
	return !w->many || !atomic_cmpxchg(&w->many->claim, 0, w->index + 1);
}

/* What was claimed was not there after all: all parts have to look again. */
static inline void ksync_many_unclaim(struct ksync_waiter *w)
{
	if (!w->many)
		return;
	atomic_set(&w->many->claim, 0);
	w->many->again = true;
}

/**
 * ksync_many_poke() - under the bucket lock: a waiter has to run
 * @w: a waiter, of any sort
 * @t: filled in; ksync_watch_tell() follows once the lock is released
 */
static inline void ksync_many_poke(struct ksync_waiter *w, struct ksync_tell *t)
{
	*t = (struct ksync_tell){};
	if (w->uring) {
		w->poked = true;
		t->uring = w;
		return;
	}
	if (w->many) {
		w->poked = true;
		smp_store_release(&w->many->told, true); /* [A] w->poked goes first */
		ksync_timer_break(&w->timer);
	}
	t->task = get_task_struct(w->task);
}

/* many.c: for many_all.c */
static inline bool ksync_part_owned(const struct ksync_part *p)
{
	return p->obj.ops->owned;
}

/* The items, and the alert if there is one. */
static inline u32 ksync_many_parts(const struct ksync_many_call *c)
{
	return c->arg->count + !!(c->arg->flags & KSYNC_MANY_ALERT);
}

static inline bool ksync_many_broken(int ret)
{
	return ret == -ERESTARTSYS || ret == -ERESTARTNOINTR;
}

int ksync_many_enter(struct ksync_many_call *c, u32 i);
void ksync_many_leave(struct ksync_many_call *c, u32 i);
int ksync_many_try(struct ksync_many_call *c, u32 i);
void ksync_many_undo(struct ksync_many_call *c, u32 i);
int ksync_many_sit(struct ksync_many_call *c, u32 i);
int ksync_many_sleep(struct ksync_many_call *c);
bool ksync_many_go_on(struct ksync_many_call *c);
bool ksync_many_heard(struct ksync_many_call *c);

/* many_alloc.c */
int ksync_many_init(void);
void ksync_many_exit(void);
int ksync_many_alloc(struct ksync_many_call *c);
void ksync_many_free(struct ksync_many_call *c);
void ksync_many_open(struct ksync_domain *d);
void ksync_many_release(struct ksync_domain *d);

/** ksync_many_state() - as ksync_state_alloc(), for a part that is about to wait */
static inline struct ksync_state *ksync_many_state(struct ksync_many_call *c)
{
	struct ksync_many_memory *m = c->memory;

	return m->nr_spares ? m->spares[--m->nr_spares] : ksync_state_alloc();
}

/**
 * ksync_many_spare() - as ksync_state_free(), of a state that a part has left
 * @c: call
 * @st: may be NULL
 *
 * Not of a lock, which is watched.  So nothing of it was used but what its waiters
 * have left as they found it, in all its lives since it was allocated: what threads
 * keep goes to locks and conds' own queues alone.  It is as new, and has no timer.
 */
static inline void ksync_many_spare(struct ksync_many_call *c, struct ksync_state *st)
{
	struct ksync_many_memory *m = c->memory;

	if (st && m->nr_spares < m->max)
		m->spares[m->nr_spares++] = st;
	else
		ksync_state_free(st);
}

/* many_items.c */
int ksync_many_read(struct ksync_many_call *c);
void ksync_many_write(struct ksync_many_call *c);

/* many_all.c */
int ksync_many_all(struct ksync_many_call *c);

#endif /* KSYNC_MANY_H */
