// SPDX-License-Identifier: GPL-2.0
/*
 * Waits by sleeping: how a task joins a queue, sleeps, and is taken out of it.
 *
 * What the waiter wants is a matter of its kind: ops->arrive() looks, with the
 * waiter queued already, and whoever grants it takes it out by a sweep.
 *
 * The cell counts the waiters, so that a wake-up that nobody waits for costs no
 * system call:
 *
 *	CPU0 (waits, here)		CPU1 (wakes, user space)
 *	----				----
 *	cell->waiters = n		word = new
 *	smp_mb()	[A]		full fence	[B]
 *	read word			read cell->waiters
 *
 * By [A] and [B] either CPU0 sees the new word, or CPU1 sees a waiter and comes
 * for the bucket lock, under which CPU0 did all this.
 *
 * A waker lets go of a waiter with a store-release of woken [C]: after it the
 * waiter may leave, and its stack with it.
 */
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "queue.h"
#include "trace.h"

/** ksync_queue_find() - as ksync_object_find(); -EINVAL if it is of another kind */
int ksync_queue_find(struct ksync_domain *d, u32 id, u8 kind, struct ksync_object *obj)
{
	int ret = ksync_object_find(d, id, obj);

	if (!ret && obj->ops->kind != kind)
		ret = -EINVAL;
	return ret;
}

/** ksync_queue_state() - the state of @obj, *@spare if it has none yet */
struct ksync_state *ksync_queue_state(const struct ksync_object *obj,
				      struct ksync_bucket *b, struct ksync_state **spare)
{
	struct ksync_state *st = ksync_state_find(b, obj->domain, obj->id);

	if (st)
		return st;
	st = *spare;
	*spare = NULL;
	st->bucket = b;
	st->obj = *obj;
	ksync_state_publish(st, b);
	return st;
}

/** ksync_queue_enter() - under the bucket lock: queue a waiter, and let users know */
void ksync_queue_enter(struct ksync_waiter *w, struct ksync_state *st)
{
	ksync_waiter_enqueue(w, st);
	WRITE_ONCE(st->obj.cell->waiters, st->nr);
}

/**
 * ksync_queue_leave() - under the bucket lock: take a waiter out
 * @w: waiter
 *
 * Return: its state if that has no waiter left: put it.
 */
struct ksync_state *ksync_queue_leave(struct ksync_waiter *w)
{
	struct ksync_state *st = w->state;
	bool last = ksync_waiter_dequeue(w);

	WRITE_ONCE(st->obj.cell->waiters, st->nr);
	if (!last)
		return NULL;
	if (st->obj.ops->idle)
		st->obj.ops->idle(&st->obj);
	return st;
}

/* -EBUSY: queued. Else what ops->arrive() says. */
static int join(struct ksync_waiter *w, const struct ksync_object *obj)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_state *spare = ksync_state_alloc(), *gone = NULL;
	int ret = -EBADF;

	if (!spare)
		return -ENOMEM;
	raw_spin_lock(&b->lock);
	if (!ksync_object_stale(obj)) {
		ksync_queue_enter(w, ksync_queue_state(obj, b, &spare));
		smp_mb(); /* [A] */
		ret = obj->ops->arrive(w);
		if (ret == -EBUSY)
			trace_contention_begin(obj, w->state->nr);
		else
			gone = ksync_queue_leave(w);
	}
	raw_spin_unlock(&b->lock);
	ksync_state_free(spare);
	ksync_state_free(gone);
	return ret;
}

static void sleep_until_broken(struct ksync_waiter *w)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (smp_load_acquire(&w->woken)) /* [C] */
			break;
		if (READ_ONCE(w->timer.fired) || signal_pending(current))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * ksync_queue_lock() - lock the bucket that a waiter is in, and return it
 * @w: the current task's waiter
 *
 * A requeue moves a waiter from bucket to bucket, under both locks.
 */
struct ksync_bucket *ksync_queue_lock(struct ksync_waiter *w)
{
	struct ksync_bucket *b;

	for (;;) {
		b = READ_ONCE(w->bucket);
		raw_spin_lock(&b->lock);
		if (b == w->bucket)
			return b;
		raw_spin_unlock(&b->lock);
	}
}

/* Woken wins over whatever else ended the sleep. */
static int give_up(struct ksync_waiter *w, u32 flags)
{
	struct ksync_state *gone = NULL;
	struct ksync_bucket *b;
	int ret = 0;

	if (smp_load_acquire(&w->woken)) /* [C] */
		return 0;
	b = ksync_queue_lock(w);
	if (!w->woken) {
		gone = ksync_queue_leave(w);
		ret = ksync_waiter_broken(w, flags);
	}
	raw_spin_unlock(&b->lock);
	if (gone)
		ksync_state_put(gone);
	return ret;
}

/**
 * ksync_queue_wait() - queue up for an object and sleep until taken out
 * @w: waiter, initialized, with what its kind looks at
 * @obj: waitq, sem or event
 * @flags: KSYNC_WAIT_INTERRUPTIBLE, KSYNC_WAIT_REALTIME
 * @deadline: absolute, in ns, or KSYNC_NO_DEADLINE
 *
 * Return: 0: taken out, or ops->arrive() said so at once; another answer of
 * arrive(); -EBADF, -ENOMEM; or why the wait was broken off.
 */
int ksync_queue_wait(struct ksync_waiter *w, const struct ksync_object *obj,
		     u32 flags, u64 deadline)
{
	int ret = join(w, obj);

	if (ret != -EBUSY)
		return ret;
	ksync_waiter_start(w, flags, deadline);
	sleep_until_broken(w);
	ret = give_up(w, flags);
	trace_contention_end(obj, ret, w->since);
	if (ret == -ETIMEDOUT)
		trace_timeout(obj);
	return ret;
}

/** ksync_sweep_begin() - those that wait when the first batch is taken */
void ksync_sweep_begin(struct ksync_sweep *s, u32 bitset)
{
	s->bitset = bitset;
	s->prio = INT_MIN;
	s->seq = 0;
	s->end = U64_MAX;
	s->n = 0;
	s->more = true;
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

/* The waiter is gone from its stack as soon as it sees woken. */
static struct ksync_state *take_out(struct ksync_sweep *s, struct ksync_waiter *w)
{
	struct ksync_state *gone = ksync_queue_leave(w);

	s->tasks[s->n++] = get_task_struct(w->task);
	smp_store_release(&w->woken, true); /* [C] */
	return gone;
}

/**
 * ksync_sweep_batch() - under the bucket lock: take out waiters, in order
 * @s: sweep
 * @st: their state; may be NULL
 * @max: at most so many; looks at no more than a batch
 *
 * Return: the state if no waiter is left: put it after the lock. s->n were taken
 * out: ksync_sweep_wake() wakes them. s->more tells whether to call again.
 */
struct ksync_state *ksync_sweep_batch(struct ksync_sweep *s, struct ksync_state *st, u32 max)
{
	struct ksync_state *gone = NULL;
	struct ksync_waiter *w;
	u32 looks;

	s->n = 0;
	s->more = false;
	if (!st)
		return NULL;
	if (s->end == U64_MAX)
		s->end = st->bucket->seq;
	for (looks = 0; s->n < max && !gone; looks++) {
		w = find_next(s, st);
		if (!w)
			return NULL;
		s->more = true;
		if (looks == KSYNC_SCAN_BATCH || s->n == KSYNC_WAKE_BATCH)
			return NULL;
		if (wants(s, w))
			gone = take_out(s, w);
	}
	s->more = s->n < max && !gone;
	return gone;
}

/**
 * ksync_sweep_top() - under the bucket lock: take out the top waiters
 * @s: s->n are to be woken by ksync_sweep_wake()
 * @st: their state; may be NULL if @n is 0
 * @n: how many; there are so many, and it is no more than KSYNC_WAKE_BATCH
 *
 * Return: the state if no waiter is left: put it after the lock.
 */
struct ksync_state *ksync_sweep_top(struct ksync_sweep *s, struct ksync_state *st, u32 n)
{
	struct ksync_state *gone = NULL;

	s->n = 0;
	while (s->n < n)
		gone = take_out(s, ksync_waiter_top(st));
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

/** ksync_sweep_wake() - no lock held: wake those of the last batch */
void ksync_sweep_wake(struct ksync_sweep *s, const struct ksync_object *obj)
{
	u32 i;

	for (i = 0; i < s->n; i++) {
		trace_wake(obj, s->tasks[i]);
		wake_up_process(s->tasks[i]);
		put_task_struct(s->tasks[i]);
	}
}
