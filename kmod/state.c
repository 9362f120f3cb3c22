// SPDX-License-Identifier: GPL-2.0
/*
 * States: what exists of an object only while somebody waits, as memory; and the timer
 * of those that are locks.
 *
 * Each is allocated before a bucket lock is taken and freed after it is released.  A
 * thread keeps two of those that it is the last to need, for its next waits; those of
 * waits on many are kept by the domain for a while: many_alloc.c.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "core.h"

static struct kmem_cache *state_cache;

static u64 starve_ns(void)
{
	return (u64)READ_ONCE(ksync_handoff_us) * NSEC_PER_USEC;
}

/** ksync_state_starves() - the word was left to the leader too long ago */
bool ksync_state_starves(const struct ksync_state *st)
{
	u64 freed = READ_ONCE(st->freed);

	return freed && ktime_get_ns() - freed >= starve_ns();
}

static void starve_start(struct ksync_state *st, u64 freed)
{
	hrtimer_start(&st->starve, ns_to_ktime(freed + starve_ns()), HRTIMER_MODE_ABS_HARD);
}

/*
 * The leader may be on its way for long: it is runnable, and waits for a CPU
 * that those who overtake it keep busy without ever entering the kernel, for
 * the word has WOKEN set.  Clear that, and the next unlock comes here and hands
 * the word over.  Interrupt context, no lock: a stale @handoff hands over once
 * too often, and WOKEN may always be clear.
 *
 * Starting a timer costs more than all else that an unlock does.  So it is not
 * stopped when the leader has got the word, nor when the state is given back to
 * be used again: it finds nothing to do, or what was left after it was started.
 *
 *	CPU0 (unlocks)				CPU1 (here)
 *	----					----
 *	freed = now				not queued any more
 *	smp_mb()	[A]			smp_mb()	[B]
 *	queued?					freed?
 *
 * By [A] and [B] one of the two starts it again.
 *
 * Whichever life of the state @freed is of, @left was written before in that life or a
 * later one.  That cell is there: it is freed a grace period after its last waiter
 * left, and an interrupt handler holds that up.
 */
static enum hrtimer_restart leader_starves(struct hrtimer *timer)
{
	struct ksync_state *st = container_of(timer, struct ksync_state, starve);
	u64 freed;

	smp_mb(); /* [B] */
	freed = smp_load_acquire(&st->freed); /* then @left */
	if (!freed || !READ_ONCE(st->nr))
		return HRTIMER_NORESTART;
	if (ktime_get_ns() - freed < starve_ns()) {
		starve_start(st, freed);
		return HRTIMER_NORESTART;
	}
	WRITE_ONCE(st->handoff, true);
	atomic_andnot(KSYNC_WOKEN, READ_ONCE(st->left));
	return HRTIMER_NORESTART;
}

/** ksync_state_freed() - under the bucket lock: the word is left to the leader */
void ksync_state_freed(struct ksync_state *st)
{
	lockdep_assert_held(&st->bucket->lock);
	if (!st->freed)
		smp_store_release(&st->freed, ktime_get_ns()); /* @left goes first */
	if (!st->timed) {
		ksync_hrtimer_setup(&st->starve, leader_starves, CLOCK_MONOTONIC,
				    HRTIMER_MODE_ABS_HARD);
		st->timed = true;
	}
	smp_mb(); /* [A] */
	if (!hrtimer_is_queued(&st->starve))
		starve_start(st, st->freed);
}

/* All but the timer, which may still be started. */
static void state_init(struct ksync_state *st)
{
	RB_CLEAR_NODE(&st->node);
	WRITE_ONCE(st->side, KSYNC_SIDE_WORD);
	refcount_set(&st->refs, 1);
	st->waiters = RB_ROOT_CACHED;
	st->readers = RB_ROOT_CACHED;
	st->phase = 1;
	WRITE_ONCE(st->nr, 0);
	rt_mutex_init(&st->queue);
	rt_mutex_init(&st->front);
	st->leader = NULL;
	WRITE_ONCE(st->owner, NULL);
	st->owner_handle = 0;
	INIT_LIST_HEAD(&st->owned);
	WRITE_ONCE(st->freed, 0);
	WRITE_ONCE(st->handoff, false);
	st->batch = 0;
	INIT_LIST_HEAD(&st->spinners);
}

/**
 * ksync_state_alloc() - before the bucket lock is taken
 *
 * A walk of the wait-for graph may look at a state that was freed and allocated
 * again (the cache is SLAB_TYPESAFE_BY_RCU); it then asks whether the thread
 * that led it there still waits on it, and drops what it read if not.
 */
struct ksync_state *ksync_state_alloc(void)
{
	struct ksync_state *st = kmem_cache_alloc(state_cache, GFP_KERNEL_ACCOUNT);

	if (!st)
		return NULL;
	st->timed = false;
	state_init(st);
	return st;
}

/** ksync_state_alloc_bulk() - @n at a time: all or none */
bool ksync_state_alloc_bulk(struct ksync_state **st, u32 n)
{
	u32 i;

	if (!kmem_cache_alloc_bulk(state_cache, GFP_KERNEL_ACCOUNT | __GFP_NOWARN, n,
				   (void **)st))
		return false;
	for (i = 0; i < n; i++) {
		st[i]->timed = false;
		state_init(st[i]);
	}
	return true;
}

/** ksync_state_free_bulk() - of such whose timer was never used */
void ksync_state_free_bulk(struct ksync_state **st, u32 n)
{
	if (n)
		kmem_cache_free_bulk(state_cache, n, (void **)st);
}

/** ksync_state_free() - of one that was never published, or has no user left */
void ksync_state_free(struct ksync_state *st)
{
	if (!st)
		return;
	if (st->timed)
		hrtimer_cancel(&st->starve);
	kmem_cache_free(state_cache, st);
}

/**
 * ksync_state_take() - as ksync_state_alloc(), or one that was kept
 * @self: the current task's thread
 */
struct ksync_state *ksync_state_take(struct ksync_thread *self)
{
	struct ksync_state *st;
	u32 i;

	for (i = 0; i < KSYNC_KEPT; i++) {
		st = self->kept[i];
		if (st) {
			self->kept[i] = NULL;
			state_init(st);
			return st;
		}
	}
	return ksync_state_alloc();
}

/*
 * From now on the timer finds nothing to do.  If it is just at it, who frees the state
 * waits for that: what comes to be in the cell after us is not its to change.
 */
static bool timer_sleeps(struct ksync_state *st)
{
	WRITE_ONCE(st->freed, 0);
	smp_mb(); /* as [A]: either it sees that, or is seen here */
	return !st->timed || !data_race(hrtimer_callback_running(&st->starve));
}

/**
 * ksync_state_keep() - as ksync_state_free(), or keep it for the next wait
 * @self: the current task's thread
 * @st: may be NULL
 *
 * Who waits on a condition variable needs two, and gets two back; its timer may be
 * left started.
 */
void ksync_state_keep(struct ksync_thread *self, struct ksync_state *st)
{
	u32 i;

	for (i = 0; st && i < KSYNC_KEPT; i++) {
		if (!self->kept[i] && timer_sleeps(st)) {
			self->kept[i] = st;
			return;
		}
	}
	ksync_state_free(st);
}

/** ksync_state_drop_kept() - nobody looks at that thread any more; may sleep */
void ksync_state_drop_kept(struct ksync_thread *t)
{
	u32 i;

	for (i = 0; i < KSYNC_KEPT; i++) {
		ksync_state_free(t->kept[i]);
		t->kept[i] = NULL;
	}
}

/** ksync_state_put_kept() - as ksync_state_put(), and ksync_state_keep() */
void ksync_state_put_kept(struct ksync_thread *self, struct ksync_state *st)
{
	if (refcount_dec_and_test(&st->refs))
		ksync_state_keep(self, st);
}

/** ksync_state_put() - not under a raw lock */
void ksync_state_put(struct ksync_state *st)
{
	if (refcount_dec_and_test(&st->refs))
		ksync_state_free(st);
}

int ksync_state_init(void)
{
	state_cache = KMEM_CACHE(ksync_state, SLAB_ACCOUNT | SLAB_TYPESAFE_BY_RCU);
	return state_cache ? 0 : -ENOMEM;
}

void ksync_state_exit(void)
{
	kmem_cache_destroy(state_cache);
}
