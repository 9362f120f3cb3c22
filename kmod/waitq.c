// SPDX-License-Identifier: GPL-2.0
/*
 * Wait queues: sleep while a word of the program's has a value, as futex(2).
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

#include "core.h"
#include "trace.h"

/* Tasks woken, and waiters looked at, in one go under the bucket lock. */
#define WAKE_BATCH	16
#define SCAN_BATCH	64

static int waitq_find(struct ksync_domain *d, u32 id, struct ksync_object *obj)
{
	int ret = ksync_object_find(d, id, obj);

	if (!ret && obj->ops->kind != KSYNC_KIND_WAITQ)
		ret = -EINVAL;
	return ret;
}

/* Take a waiter out. Return: its state if that has no waiter left: put it. */
static struct ksync_state *leave(struct ksync_waiter *w)
{
	struct ksync_state *st = w->state;
	bool last = ksync_waiter_dequeue(w);

	WRITE_ONCE(st->obj.cell->waiters, st->nr);
	return last ? st : NULL;
}

static void enter(struct ksync_waiter *w, struct ksync_state *st)
{
	ksync_waiter_enqueue(w, st);
	WRITE_ONCE(st->obj.cell->waiters, st->nr);
}

/* The state of @obj, *@spare if it has none yet. */
static struct ksync_state *state_get(const struct ksync_object *obj,
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

/* 0: queued. */
static int waitq_join(struct ksync_waiter *w, const struct ksync_object *obj,
		      u32 expected)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_state *spare = ksync_state_alloc(), *gone = NULL;
	int ret = -EBADF;

	if (!spare)
		return -ENOMEM;
	raw_spin_lock(&b->lock);
	if (!ksync_object_stale(obj)) {
		ret = 0;
		enter(w, state_get(obj, b, &spare));
		smp_mb(); /* [A] */
		if (READ_ONCE(obj->cell->word) != expected) {
			ret = -EAGAIN;
			gone = leave(w);
		} else {
			trace_contention_begin(obj, w->state->nr);
		}
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

/* A requeue moves a waiter from bucket to bucket, under both locks. */
static struct ksync_bucket *lock_bucket_of(struct ksync_waiter *w)
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
static int waitq_leave(struct ksync_waiter *w, u32 flags)
{
	struct ksync_state *gone = NULL;
	struct ksync_bucket *b;
	int ret = 0;

	if (smp_load_acquire(&w->woken)) /* [C] */
		return 0;
	b = lock_bucket_of(w);
	if (!w->woken) {
		gone = leave(w);
		ret = ksync_waiter_broken(w, flags);
	}
	raw_spin_unlock(&b->lock);
	if (gone)
		ksync_state_put(gone);
	return ret;
}

#define WAIT_FLAGS (KSYNC_WAIT_INTERRUPTIBLE | KSYNC_WAIT_REALTIME)

/** ksync_waitq_wait() - KSYNC_IOC_WAIT */
int ksync_waitq_wait(struct ksync_domain *d, struct ksync_wait *arg)
{
	struct ksync_object obj;
	struct ksync_waiter w;
	int ret;

	if (arg->flags & ~WAIT_FLAGS || arg->pad || !arg->bitset ||
	    !ksync_deadline_valid(arg->deadline))
		return -EINVAL;
	ret = waitq_find(d, arg->id, &obj);
	if (ret)
		return ret;
	ret = ksync_waiter_init(&w, d);
	if (ret)
		return ret;
	w.bitset = arg->bitset;
	ret = waitq_join(&w, &obj, arg->expected);
	if (!ret) {
		ksync_waiter_start(&w, arg->flags, arg->deadline);
		sleep_until_broken(&w);
		ret = waitq_leave(&w, arg->flags);
		trace_contention_end(&obj, ret, w.since);
		if (ret == -ETIMEDOUT)
			trace_timeout(&obj);
	}
	ksync_waiter_fini(&w, d);
	return ret;
}

/**
 * struct sweep - going through the waiters in order, in batches
 * @bitset: whom to wake
 * @prio: the last waiter looked at
 * @seq: the same
 * @end: waiters that came after the sweep began are not in it
 * @tasks: taken out, to be woken once the lock is released
 * @n: how many
 * @more: there may be more to look at
 */
struct sweep {
	u32 bitset;
	int prio;
	u64 seq;
	u64 end;
	struct task_struct *tasks[WAKE_BATCH];
	u32 n;
	bool more;
};

static void sweep_begin(struct sweep *s, u32 bitset)
{
	s->bitset = bitset;
	s->prio = INT_MIN;
	s->seq = 0;
	s->end = U64_MAX;
	s->more = true;
}

/* The first waiter behind the last one looked at, in O(log n). */
static struct ksync_waiter *sweep_next(const struct sweep *s, const struct ksync_state *st)
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

static bool sweep_wants(struct sweep *s, const struct ksync_waiter *w)
{
	s->prio = w->prio;
	s->seq = w->seq;
	return w->bitset & s->bitset && w->seq < s->end;
}

/* The waiter is gone from its stack as soon as it sees woken. */
static struct ksync_state *sweep_take(struct sweep *s, struct ksync_waiter *w)
{
	struct ksync_state *gone = leave(w);

	s->tasks[s->n++] = get_task_struct(w->task);
	smp_store_release(&w->woken, true); /* [C] */
	return gone;
}

/* Take out up to @max, looking at no more than a batch; the lock is held. */
static struct ksync_state *sweep_batch(struct sweep *s, struct ksync_state *st, u32 max)
{
	struct ksync_state *gone = NULL;
	struct ksync_waiter *w;
	u32 looks;

	s->n = 0;
	s->more = false;
	if (!st)
		return NULL;
	if (s->end == U64_MAX)
		s->end = st->seq;
	for (looks = 0; s->n < max && !gone; looks++) {
		w = sweep_next(s, st);
		if (!w)
			return NULL;
		s->more = true;
		if (looks == SCAN_BATCH || s->n == WAKE_BATCH)
			return NULL;
		if (sweep_wants(s, w))
			gone = sweep_take(s, w);
	}
	s->more = s->n < max && !gone;
	return gone;
}

static void sweep_wake(struct sweep *s, const struct ksync_object *obj)
{
	u32 i;

	for (i = 0; i < s->n; i++) {
		trace_wake(obj, s->tasks[i]);
		wake_up_process(s->tasks[i]);
		put_task_struct(s->tasks[i]);
	}
}

/** ksync_waitq_wake() - KSYNC_IOC_WAKE */
int ksync_waitq_wake(struct ksync_domain *d, struct ksync_wake *arg)
{
	struct ksync_bucket *b = ksync_bucket(d, arg->id);
	struct ksync_state *gone;
	struct ksync_object obj;
	struct sweep s;
	int ret;

	if (arg->pad || !arg->bitset)
		return -EINVAL;
	ret = waitq_find(d, arg->id, &obj);
	if (ret)
		return ret;

	arg->woken = 0;
	sweep_begin(&s, arg->bitset);
	while (s.more && arg->woken < arg->count && !fatal_signal_pending(current)) {
		raw_spin_lock(&b->lock);
		gone = sweep_batch(&s, ksync_state_find(b, d, arg->id),
				   arg->count - arg->woken);
		raw_spin_unlock(&b->lock);
		if (gone)
			ksync_state_put(gone);
		sweep_wake(&s, &obj);
		arg->woken += s.n;
		cond_resched();
	}
	return 0;
}

static void lock_both(struct ksync_bucket *a, struct ksync_bucket *b)
{
	if (a > b)
		swap(a, b);
	raw_spin_lock(&a->lock);
	if (a != b)
		raw_spin_lock_nested(&b->lock, SINGLE_DEPTH_NESTING);
}

static void unlock_both(struct ksync_bucket *a, struct ksync_bucket *b)
{
	raw_spin_unlock(&a->lock);
	if (a != b)
		raw_spin_unlock(&b->lock);
}

/* Move up to a batch of @max; the locks are held. */
static struct ksync_state *move_batch(struct ksync_state *st, struct ksync_state *to,
				      u32 max, u32 *moved)
{
	struct ksync_state *gone = NULL;
	struct ksync_waiter *w;

	while (*moved < max && *moved < SCAN_BATCH && !gone) {
		w = ksync_waiter_top(st);
		gone = leave(w);
		enter(w, to);
		++*moved;
	}
	return gone;
}

/*
 * One step of a requeue: wake a batch, or when enough are woken move a batch.
 * Return: whether to go on; -EAGAIN, -EBADF.
 */
static int requeue_step(const struct ksync_object *from, const struct ksync_object *to,
			struct ksync_requeue *arg, struct sweep *s,
			struct ksync_state **spare)
{
	struct ksync_bucket *a = ksync_bucket(from->domain, from->id);
	struct ksync_bucket *b = ksync_bucket(to->domain, to->id);
	const bool first = s->end == U64_MAX;
	struct ksync_state *st, *gone = NULL;
	u32 moved = 0;
	int ret = 0;

	lock_both(a, b);
	s->n = 0;
	if (ksync_object_stale(from) || ksync_object_stale(to)) {
		ret = -EBADF;
		goto unlock;
	}
	if (first && arg->flags & KSYNC_REQUEUE_CMP &&
	    READ_ONCE(from->cell->word) != arg->expected) {
		ret = -EAGAIN;
		goto unlock;
	}
	st = ksync_state_find(a, from->domain, from->id);
	if (arg->woken < arg->wake)
		gone = sweep_batch(s, st, arg->wake - arg->woken);
	else if (st && arg->moved < arg->move)
		gone = move_batch(st, state_get(to, b, spare),
				  arg->move - arg->moved, &moved);
	ret = st && !gone && (s->n || moved);
unlock:
	unlock_both(a, b);
	if (gone)
		ksync_state_put(gone);
	arg->woken += s->n;
	arg->moved += moved;
	return ret;
}

/** ksync_waitq_requeue() - KSYNC_IOC_REQUEUE */
int ksync_waitq_requeue(struct ksync_domain *d, struct ksync_requeue *arg)
{
	struct ksync_object from, to;
	struct ksync_state *spare;
	struct sweep s;
	int ret;

	if (arg->flags & ~KSYNC_REQUEUE_CMP || arg->pad || arg->from == arg->to)
		return -EINVAL;
	ret = waitq_find(d, arg->from, &from);
	if (!ret)
		ret = waitq_find(d, arg->to, &to);
	if (ret)
		return ret;
	spare = ksync_state_alloc();
	if (!spare)
		return -ENOMEM;

	arg->woken = 0;
	arg->moved = 0;
	sweep_begin(&s, KSYNC_BITSET_ALL);
	do {
		ret = requeue_step(&from, &to, arg, &s, &spare);
		sweep_wake(&s, &from);
		cond_resched();
	} while (ret > 0 && !fatal_signal_pending(current));
	ksync_state_free(spare);
	return ret < 0 ? ret : 0;
}

const struct ksync_ops ksync_waitq_ops = {
	.name = "waitq",
	.kind = KSYNC_KIND_WAITQ,
};
