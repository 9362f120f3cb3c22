// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Lines of tasks in front of locks: of those of a scheduler that hold no lock, one at a
 * time waits in the kernel for a lock, the others in the line for that one's place.  So
 * a thousand tasks that want one lock take no thousand threads.
 *
 * Who holds a lock already does not come here: its thread is its own anyway, and the
 * kernel must know what it waits for, to boost and to find cycles.  Those here hold
 * nothing, so nobody waits for them: no chain and no cycle goes through a line.
 *
 * Lines of all locks are one list in each of a few buckets; the first with a cell is
 * first of its line.  Whoever leaves as the first tells the next.  If that one has just
 * given up it is not told, and comes here by itself, as the first, and tells the next.
 */
#include "internal.h"

#define BUCKETS	64

static struct bucket {
	uint32_t lock;
	struct lined *first;
} buckets[BUCKETS];

static struct bucket *bucket_of(const struct lined *l)
{
	uint64_t hash = ((uintptr_t)l->cell ^ (uintptr_t)l->sched) * 0x9e3779b97f4a7c15ULL;

	return &buckets[hash >> 58];
}

/* The first of @l's line, in a list that is locked. */
static struct lined *first_of(struct lined *at, const struct lined *l)
{
	while (at && (at->cell != l->cell || at->sched != l->sched))
		at = at->next;
	return at;
}

/* At the end. Return: it is the first. */
static bool append(struct bucket *b, struct lined *l)
{
	struct lined **at;
	bool first;

	l->next = NULL;
	lock(&b->lock);
	first = !first_of(b->first, l);
	for (at = &b->first; *at; at = &(*at)->next)
		;
	*at = l;
	unlock(&b->lock);
	return first;
}

/**
 * ksync_line_enter() - line up, and wait to be the first
 * @l: cell and sched are set; lives until ksync_line_leave() if this returns 0
 * @deadline: on the task's clock
 *
 * Return: 0; -ETIMEDOUT, -ECANCELED.
 */
int ksync_line_enter(struct lined *l, uint64_t deadline)
{
	int said, ret = ksync_wait_begin(&l->ticket, 0);

	if (ret)
		return ret;
	if (append(bucket_of(l), l)) {
		if (!ksync_wait_abandon(l->ticket, &said) || said >= 0)
			return 0;
		ret = said; /* cancelled */
	} else {
		ret = ksync_wait(deadline, "line for a lock");
	}
	if (ret < 0)
		ksync_line_leave(l);
	return ret;
}

/** ksync_line_leave() - out of the line: if it was the first, the next one is now */
void ksync_line_leave(struct lined *l)
{
	struct bucket *b = bucket_of(l);
	struct ksync_ticket ticket = { NULL, 0 };
	struct lined **at, *next;
	bool first;

	lock(&b->lock);
	first = first_of(b->first, l) == l;
	for (at = &b->first; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	next = first ? first_of(b->first, l) : NULL;
	if (next)
		ticket = next->ticket;
	unlock(&b->lock);
	if (ticket.task && ksync_claim(ticket, 0))
		ksync_wake(ticket.task);
}
