// SPDX-License-Identifier: GPL-2.0
/*
 * Wait queues: sleep while a word of the program's has a value, as futex(2).
 */
#include <linux/sched/signal.h>

#include "busted.h"
#include "hub.h"
#include "queue.h"

/* For conds as well. The waker changes the word first: see queue.c. */
bool ksync_waitq_ready(const struct ksync_object *obj, u32 expected)
{
	return READ_ONCE(obj->cell->word) != expected &&
		!ksync_busted(KSYNC_FAULT_WAITQ_COMPARE);
}

bool ksync_waitq_shared(const struct ksync_object *obj)
{
	return true;
}

int ksync_waitq_use(const struct ksync_object *obj)
{
	return -EAGAIN;
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
	ret = ksync_queue_find(d, arg->id, KSYNC_KIND_WAITQ, &obj);
	if (ret)
		return ret;
	ret = ksync_waiter_init(&w, d);
	if (ret)
		return ret;
	w.bitset = arg->bitset;
	w.expected = arg->expected;
	ret = ksync_queue_wait(&w, &obj, arg->flags, arg->deadline);
	ksync_waiter_fini(&w, d);
	return ret;
}

/** ksync_waitq_wake() - KSYNC_IOC_WAKE */
int ksync_waitq_wake(struct ksync_domain *d, struct ksync_wake *arg)
{
	struct ksync_bucket *b = ksync_bucket(d, arg->id);
	struct ksync_state *gone;
	struct ksync_object obj;
	struct ksync_sweep s __uninitialized;
	int ret;

	if (arg->pad || !arg->bitset)
		return -EINVAL;
	ret = ksync_queue_find(d, arg->id, KSYNC_KIND_WAITQ, &obj);
	if (ret)
		return ret;

	arg->woken = 0;
	ksync_sweep_begin(&s, arg->bitset);
	while (s.more && arg->woken < arg->count && !fatal_signal_pending(current)) {
		raw_spin_lock(&b->lock);
		gone = ksync_sweep_batch(&s, ksync_state_find(b, d, arg->id),
					 arg->count - arg->woken);
		ksync_hub_collect(&obj, &s.tell);
		raw_spin_unlock(&b->lock);
		if (gone)
			ksync_state_put(gone);
		ksync_sweep_wake(&s, &obj);
		arg->woken += s.given;
		cond_resched();
	}
	return 0;
}

/* Move up to a batch of @max; who only looks does so. The locks are held. */
static struct ksync_state *move_batch(struct ksync_sweep *s, struct ksync_state *st,
				      struct ksync_state *to, u32 max, u32 *moved)
{
	struct ksync_state *gone = NULL;
	struct ksync_waiter *w;

	while (*moved < max && *moved < KSYNC_WAKE_BATCH && s->n < KSYNC_WAKE_BATCH && !gone) {
		w = ksync_waiter_top(st);
		if (w->look) {
			gone = ksync_sweep_out(s, w);
			continue;
		}
		gone = ksync_queue_leave(w);
		ksync_queue_enter(w, to);
		++*moved;
	}
	return gone;
}

/*
 * One step of a requeue: wake a batch, or when enough are woken move a batch.
 * Return: whether to go on; -EAGAIN, -EBADF.
 */
static int requeue_step(const struct ksync_object *from, const struct ksync_object *to,
			struct ksync_requeue *arg, struct ksync_sweep *s,
			struct ksync_state **spare)
{
	struct ksync_bucket *a = ksync_bucket(from->domain, from->id);
	struct ksync_bucket *b = ksync_bucket(to->domain, to->id);
	const bool first = s->end == U64_MAX;
	struct ksync_state *st, *gone = NULL;
	u32 moved = 0;
	int ret = 0;

	ksync_bucket_lock_both(a, b);
	s->given = 0;
	if (ksync_object_stale(from) || ksync_object_stale(to)) {
		ret = -EBADF;
		goto unlock;
	}
	if (first && arg->flags & KSYNC_REQUEUE_CMP &&
	    READ_ONCE(from->cell->word) != arg->expected) {
		ret = -EAGAIN;
		goto unlock;
	}
	ksync_hub_collect(from, &s->tell);
	st = ksync_state_find(a, from->domain, from->id);
	if (arg->woken < arg->wake)
		gone = ksync_sweep_batch(s, st, arg->wake - arg->woken);
	else if (st && arg->moved < arg->move)
		gone = move_batch(s, st, ksync_queue_state(to, KSYNC_SIDE_WORD, b, spare),
				  arg->move - arg->moved, &moved);
	ret = st && !gone && (s->n || moved);
unlock:
	ksync_bucket_unlock_both(a, b);
	if (gone)
		ksync_state_put(gone);
	arg->woken += s->given;
	arg->moved += moved;
	return ret;
}

/** ksync_waitq_requeue() - KSYNC_IOC_REQUEUE */
int ksync_waitq_requeue(struct ksync_domain *d, struct ksync_requeue *arg)
{
	struct ksync_object from, to;
	struct ksync_state *spare;
	struct ksync_sweep s __uninitialized;
	int ret;

	if (arg->flags & ~KSYNC_REQUEUE_CMP || arg->pad || arg->from == arg->to)
		return -EINVAL;
	ret = ksync_queue_find(d, arg->from, KSYNC_KIND_WAITQ, &from);
	if (!ret)
		ret = ksync_queue_find(d, arg->to, KSYNC_KIND_WAITQ, &to);
	if (ret)
		return ret;
	spare = ksync_state_alloc();
	if (!spare)
		return -ENOMEM;

	arg->woken = 0;
	arg->moved = 0;
	ksync_sweep_begin(&s, KSYNC_BITSET_ALL);
	do {
		ret = requeue_step(&from, &to, arg, &s, &spare);
		ksync_sweep_wake(&s, &from);
		cond_resched();
	} while (ret > 0 && !fatal_signal_pending(current));
	ksync_state_free(spare);
	return ret < 0 ? ret : 0;
}

const struct ksync_ops ksync_waitq_ops = {
	.name = "waitq",
	.kind = KSYNC_KIND_WAITQ,
	.ready = ksync_waitq_ready,
	.shared = ksync_waitq_shared,
	.use = ksync_waitq_use,
};
