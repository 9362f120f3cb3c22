// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Priority ceilings: what a thread writes into its ceiling cell, so that the
 * module knows at which priority it is to run.  See <linux/ksync.h>.
 */
#include "internal.h"

static struct ksync_ceiling_cell *cell_of(struct ksync_object *o,
					  const struct ksync_thread *t)
{
	return (struct ksync_ceiling_cell *)&o->domain->cells[t->ceiling - 1];
}

/* Its first protect mutex in this domain: get the cell. */
static int attach(struct ksync *d, const struct ksync_thread *t)
{
	struct ksync_attach arg = {
		.size = sizeof(arg),
		.flags = KSYNC_ATTACH_CEILING,
	};
	int ret = ksync_call_(d, KSYNC_IOC_ATTACH, &arg);

	if (ret)
		return ret;
	if (arg.thread != t->handle)
		return -ESRCH;
	if ((uint64_t)arg.slot * KSYNC_CELL_SIZE >= d->arena_size)
		return -EPROTO;
	/* The library's page, or memory that the task has for this. */
	((struct ksync_thread *)t)->ceiling = arg.slot + 1;
	return 0;
}

static int settle(struct ksync_object *o, const struct ksync_thread *t)
{
	struct ksync_settle arg = { .size = sizeof(arg), .thread = t->handle };

	return ksync_call_(o->domain, KSYNC_IOC_SETTLE, &arg);
}

static bool outranks(struct ksync_object *o, const struct ksync_ceiling_cell *c)
{
	return __atomic_load_n(&c->prio, __ATOMIC_RELAXED) >
	       __atomic_load_n(&o->cell->limit, __ATOMIC_RELAXED);
}

/**
 * ksync_ceiling_enter() - before a protect mutex is locked
 * @o: the mutex
 * @t: the caller, of this domain
 *
 * A preemption is seen by the module on this very CPU: that the compiler keeps
 * the order is enough.
 *
 * Return: 0; -EINVAL (the caller's priority is above the ceiling), -EAGAIN (it
 * has KSYNC_CEILING_ENTRIES such mutexes already), or as attach().
 */
int ksync_ceiling_enter(struct ksync_object *o, const struct ksync_thread *t)
{
	struct ksync_ceiling_cell *c;
	unsigned int i;
	int ret;

	if (!t->ceiling) {
		ret = attach(o->domain, t);
		if (ret)
			return ret;
	}
	c = cell_of(o, t);
	/* What the cell says is old if the priority was lowered since: ask. */
	if (outranks(o, c) && (settle(o, t) || outranks(o, c)))
		return -EINVAL;
	for (i = 0; i < KSYNC_CEILING_ENTRIES; i++) {
		if (__atomic_load_n(&c->held[i], __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&c->held[i], KSYNC_HELD | o->id, __ATOMIC_RELAXED);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		return 0;
	}
	return -EAGAIN;
}

/**
 * ksync_ceiling_settle() - it is locked: run at the ceiling
 * @o: the mutex
 * @t: the caller
 *
 * Nothing to do where the module sees by itself when that matters.
 *
 * Return: 0; -EINVAL (the caller's priority is above the ceiling).
 */
int ksync_ceiling_settle(struct ksync_object *o, const struct ksync_thread *t)
{
	if (o->domain->lazy_ceiling)
		return 0;
	settle(o, t);
	return outranks(o, cell_of(o, t)) ? -EINVAL : 0;
}

/**
 * ksync_ceiling_leave() - it is unlocked, or was not locked
 * @o: the mutex
 * @t: the caller
 */
void ksync_ceiling_leave(struct ksync_object *o, const struct ksync_thread *t)
{
	const uint32_t mine = KSYNC_HELD | o->id;
	struct ksync_ceiling_cell *c;
	unsigned int i;

	if (!t->ceiling)
		return;
	c = cell_of(o, t);
	for (i = 0; i < KSYNC_CEILING_ENTRIES; i++) {
		if ((__atomic_load_n(&c->held[i], __ATOMIC_RELAXED) & ~KSYNC_BOOSTED) != mine)
			continue;
		if (__atomic_exchange_n(&c->held[i], 0, __ATOMIC_SEQ_CST) & KSYNC_BOOSTED)
			settle(o, t);
		return;
	}
}
