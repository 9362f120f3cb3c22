// SPDX-License-Identifier: GPL-2.0
/*
 * Sweeps: going through those that wait in a queue, in order, to give them what they
 * wait for, and to take them out.  What they sleep in is in queue.c, and so is what
 * [C] pairs with.
 *
 * A bucket lock is held for a batch at a time.
 */
#include "busted.h"
#include "hub.h"
#include "many.h"
#include "queue.h"
#include "watch.h"

/** ksync_sweep_begin() - those that wait when the first batch is taken */
void ksync_sweep_begin(struct ksync_sweep *s, u32 bitset)
{
	s->bitset = bitset;
	s->prio = INT_MIN;
	s->seq = 0;
	s->end = U64_MAX;
	s->n = 0;
	s->given = 0;
	s->more = true;
	s->tell = (struct ksync_tell){};
}

/* The first waiter behind the last one looked at, in O(log n). */
static struct ksync_waiter *find_next(const struct ksync_sweep *s,
				      const struct ksync_state *st)
{
	struct rb_node *node = st->waiters.rb_root.rb_node;
	struct ksync_waiter *w, *next = NULL;

	while (node) {
		w = rb_entry(node, struct ksync_waiter, rb);
		if (w->prio > s->prio || (w->prio == s->prio && w->seq > s->seq)) {
			next = w;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return next;
}

static bool wants(struct ksync_sweep *s, const struct ksync_waiter *w)
{
	s->prio = w->prio;
	s->seq = w->seq;
	return w->bitset & s->bitset && w->seq < s->end;
}

static void wake_later(struct ksync_sweep *s, struct ksync_waiter *w)
{
	ksync_many_poke(w, &s->wake[s->n++]);
}

/*
 * Take a waiter out, and wake it if it was given something, or has to look.  It is
 * gone from where it was as soon as it sees woken.
 */
static struct ksync_state *take_out(struct ksync_sweep *s, struct ksync_waiter *w, bool given)
{
	struct ksync_state *gone;

	if (given)
		ksync_queue_note_near(w, task_cpu(w->task) == smp_processor_id());
	gone = ksync_queue_leave(w);
	s->given += given;
	if ((given || w->look) && !ksync_busted(KSYNC_FAULT_QUEUE_WAKE))
		wake_later(s, w);
	smp_store_release(&w->woken, true); /* [C] */
	return gone;
}

/**
 * ksync_sweep_out() - under the bucket lock: take a waiter out
 * @s: has room for one more task
 * @w: waiter
 *
 * It is given what it waits for; unless it only looks, or is part of a wait on
 * many that was given something else.
 *
 * Return: its state if no waiter is left.
 */
struct ksync_state *ksync_sweep_out(struct ksync_sweep *s, struct ksync_waiter *w)
{
	return take_out(s, w, !w->look && ksync_many_claim(w));
}

/**
 * ksync_sweep_batch() - under the bucket lock: take out waiters, in order
 * @s: sweep
 * @st: their state; may be NULL
 * @max: give to so many at most; looks at no more than a batch
 *
 * Return: the state if no waiter is left: put it after the lock. s->given were
 * given to: ksync_sweep_wake() wakes them. s->more tells whether to call again.
 */
struct ksync_state *ksync_sweep_batch(struct ksync_sweep *s, struct ksync_state *st, u32 max)
{
	struct ksync_state *gone = NULL;
	struct ksync_waiter *w;
	u32 looks;

	s->n = 0;
	s->given = 0;
	s->more = false;
	if (!st)
		return NULL;
	if (s->end == U64_MAX)
		s->end = st->bucket->seq;
	for (looks = 0; s->given < max && !gone; looks++) {
		w = find_next(s, st);
		if (!w)
			return NULL;
		s->more = true;
		if (looks == KSYNC_SCAN_BATCH || s->n == KSYNC_WAKE_BATCH)
			return NULL;
		if (wants(s, w))
			gone = ksync_sweep_out(s, w);
	}
	s->more = s->given < max && !gone;
	return gone;
}

/*
 * Taken before the waiter leaves: the last one takes WAITERS with it, and then users
 * may take again.  If a user was faster nobody is given anything; a wait on many
 * that was claimed in vain has to look again at all that it waits for.
 */
static struct ksync_state *serve_top(struct ksync_sweep *s, struct ksync_waiter *w)
{
	const struct ksync_object *obj = &w->state->obj;

	if (!ksync_many_claim(w))
		return take_out(s, w, false);
	if (!obj->ops->use(obj))
		return take_out(s, w, true);
	ksync_many_unclaim(w);
	if (w->many)
		wake_later(s, w);
	return NULL;
}

/**
 * ksync_sweep_serve() - under the bucket lock: give what is there to the top waiters
 * @s: s->n are to be woken by ksync_sweep_wake(); s->more: call again
 * @st: their state; may be NULL
 * @max: give to so many at most
 *
 * One that only looks is told, and stays: until it has decided, what is there is
 * kept from those behind it.
 *
 * Return: the state if no waiter is left: put it after the lock.
 */
struct ksync_state *ksync_sweep_serve(struct ksync_sweep *s, struct ksync_state *st, u32 max)
{
	struct ksync_state *gone = NULL;
	struct ksync_waiter *w;
	u32 looks;

	s->n = 0;
	s->given = 0;
	s->more = false;
	for (looks = 0; st && !gone && s->given < max; looks++) {
		if (!st->obj.ops->ready(&st->obj, 0))
			return NULL;
		s->more = looks == KSYNC_SCAN_BATCH || s->n == KSYNC_WAKE_BATCH;
		if (s->more)
			return NULL;
		w = ksync_waiter_top(st);
		if (w->look && !w->poked)
			wake_later(s, w);
		if (w->look)
			return NULL;
		gone = serve_top(s, w);
	}
	return gone;
}

/**
 * ksync_sweep_next() - under the bucket lock: the next waiter, left where it is
 * @s: sweep
 * @st: their state
 *
 * Return: NULL if none was found in a batch of looks; s->more tells whether to
 * call again.
 */
struct ksync_waiter *ksync_sweep_next(struct ksync_sweep *s, struct ksync_state *st)
{
	struct ksync_waiter *w = NULL;
	u32 looks;

	if (s->end == U64_MAX)
		s->end = st->bucket->seq;
	for (looks = 0; looks < KSYNC_SCAN_BATCH; looks++) {
		w = find_next(s, st);
		if (!w || wants(s, w))
			break;
	}
	s->more = w;
	return looks < KSYNC_SCAN_BATCH ? w : NULL;
}

/** ksync_sweep_wake() - no lock held: wake those of the last batch, and who polls */
void ksync_sweep_wake(struct ksync_sweep *s, const struct ksync_object *obj)
{
	u32 i;

	for (i = 0; i < s->n; i++)
		ksync_watch_tell(obj, &s->wake[i]);
	s->n = 0;
	ksync_hub_tell(&s->tell);
}
