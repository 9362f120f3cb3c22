/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waits by sleeping, for what has no owner: waitq, sem, event, cond.
 */
#ifndef KSYNC_QUEUE_H
#define KSYNC_QUEUE_H

#include "core.h"

/* Tasks woken, and waiters looked at, in one go under the bucket lock. */
#define KSYNC_WAKE_BATCH	16U
#define KSYNC_SCAN_BATCH	64

/*
 * Whoever has one on the stack says __uninitialized: ksync_sweep_begin() does it, but
 * for @wake, which is long.
 */
/**
 * struct ksync_sweep - going through the waiters in order, in batches
 * @bitset: whom to wake
 * @prio: the last waiter looked at
 * @seq: the same
 * @end: waiters that came after the sweep began are not in it
 * @wake: to be woken once the lock is released
 * @n: how many
 * @given: how many of them were given what they wait for; the others look
 * @more: there may be more to look at
 * @tell: who polls, if the object may be available
 */
struct ksync_sweep {
	u32 bitset;
	int prio;
	u64 seq;
	u64 end;
	struct ksync_tell wake[KSYNC_WAKE_BATCH];
	u32 n;
	u32 given;
	bool more;
	struct ksync_tell tell;
};

int ksync_queue_find(struct ksync_domain *d, u32 id, u8 kind, struct ksync_object *obj);
struct ksync_state *ksync_queue_state(const struct ksync_object *obj, enum ksync_side side,
				      struct ksync_bucket *b, struct ksync_state **spare);
void ksync_queue_enter(struct ksync_waiter *w, struct ksync_state *st);
struct ksync_state *ksync_queue_leave(struct ksync_waiter *w);
struct ksync_bucket *ksync_queue_lock(struct ksync_waiter *w);
int ksync_queue_join(struct ksync_waiter *w, const struct ksync_object *obj);
void ksync_queue_quit(struct ksync_waiter *w);
u32 ksync_queue_note(const struct ksync_object *obj);
void ksync_queue_disarm(const struct ksync_object *obj);
bool ksync_queue_left(const struct ksync_object *obj);
bool ksync_queue_ours(const struct ksync_object *obj, u32 expected,
		      const struct ksync_waiter *w);
int ksync_queue_wait(struct ksync_waiter *w, const struct ksync_object *obj,
		     u32 flags, u64 deadline);

void ksync_sweep_begin(struct ksync_sweep *s, u32 bitset);
struct ksync_state *ksync_sweep_batch(struct ksync_sweep *s, struct ksync_state *st, u32 max);
struct ksync_state *ksync_sweep_serve(struct ksync_sweep *s, struct ksync_state *st, u32 max);
struct ksync_state *ksync_sweep_out(struct ksync_sweep *s, struct ksync_waiter *w);
struct ksync_waiter *ksync_sweep_next(struct ksync_sweep *s, struct ksync_state *st);
void ksync_sweep_wake(struct ksync_sweep *s, const struct ksync_object *obj);

/*
 * Under the bucket lock: what a waiter, queued still, gets comes from its own CPU: it is of
 * no use to spin for such a semaphore or event.  Nothing depends on it here, whoever else
 * writes it: at worst those that wait spin in vain, or sleep where they need not have.  A
 * command of io_uring sleeps on no CPU.
 */
static inline void ksync_queue_note_near(const struct ksync_waiter *w, u32 near)
{
	const struct ksync_object *obj = &w->state->obj;

	if (obj->ops->release && !w->uring && READ_ONCE(obj->cell->near) != near)
		WRITE_ONCE(obj->cell->near, near);
}

/* waitq.c */
bool ksync_waitq_ready(const struct ksync_object *obj, u32 expected);
bool ksync_waitq_shared(const struct ksync_object *obj);
int ksync_waitq_use(const struct ksync_object *obj);

#endif /* KSYNC_QUEUE_H */
