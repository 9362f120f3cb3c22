// SPDX-License-Identifier: GPL-2.0
/*
 * Where waiting is kept: buckets, the states in them, waiters and deadlines.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "busted.h"
#include "core.h"

struct ksync_buckets ksync_buckets __read_mostly;

/** ksync_bucket_at() - all of them, one by one; NULL behind the last */
struct ksync_bucket *ksync_bucket_at(u32 i)
{
	return i < ksync_buckets.count ? &ksync_buckets.at[i] : NULL;
}

/** ksync_bucket_lock_both() - two buckets, or one twice */
void ksync_bucket_lock_both(struct ksync_bucket *a, struct ksync_bucket *b)
{
	if (a > b)
		swap(a, b);
	raw_spin_lock(&a->lock);
	if (a != b)
		raw_spin_lock_nested(&b->lock, SINGLE_DEPTH_NESTING);
}

/** ksync_bucket_unlock_both() - undoes that */
void ksync_bucket_unlock_both(struct ksync_bucket *a, struct ksync_bucket *b)
{
	raw_spin_unlock(&a->lock);
	if (a != b)
		raw_spin_unlock(&b->lock);
}

/* Where a state is in its bucket: those of one side of a domain are neighbours. */
struct state_key {
	const struct ksync_domain *d;
	enum ksync_side side;
	u32 id;
};

static int compare(const void *key, const struct rb_node *node)
{
	const struct ksync_state *st = rb_entry(node, struct ksync_state, node);
	const struct state_key *k = key;

	if (k->d != st->obj.domain)
		return k->d < st->obj.domain ? -1 : 1;
	if (k->side != st->side)
		return k->side < st->side ? -1 : 1;
	if (k->id != st->obj.id)
		return k->id < st->obj.id ? -1 : 1;
	return 0;
}

static bool state_before(struct rb_node *a, const struct rb_node *b)
{
	const struct ksync_state *st = rb_entry(a, struct ksync_state, node);
	const struct state_key key = { st->obj.domain, st->side, st->obj.id };

	return compare(&key, b) < 0;
}

/** ksync_state_search() - under the bucket lock: what there is of one side; or NULL */
struct ksync_state *ksync_state_search(struct ksync_bucket *b, const struct ksync_domain *d,
				       u32 id, enum ksync_side side)
{
	const struct state_key key = { d, side, id };
	struct rb_node *node;

	lockdep_assert_held(&b->lock);
	node = rb_find(&key, &b->states, compare);
	return node ? rb_entry(node, struct ksync_state, node) : NULL;
}

/**
 * ksync_state_next_watched() - go through what is watched, bucket by bucket
 * @b: bucket, locked
 * @d: domain
 * @id: the least number of an object
 *
 * Return: the first state of side WATCH in that bucket; NULL: there are no more.
 */
struct ksync_state *ksync_state_next_watched(struct ksync_bucket *b,
					     const struct ksync_domain *d, u32 id)
{
	const struct state_key key = { d, KSYNC_SIDE_WATCH, id };
	struct rb_node *node = b->states.rb_node;
	struct ksync_state *st = NULL;

	lockdep_assert_held(&b->lock);
	while (node) {
		if (compare(&key, node) <= 0) {
			st = rb_entry(node, struct ksync_state, node);
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	if (st && (st->obj.domain != d || st->side != KSYNC_SIDE_WATCH))
		st = NULL;
	return st;
}

/** ksync_state_insert() - under the bucket lock: ksync_state_publish(), among others */
void ksync_state_insert(struct ksync_state *st, struct ksync_bucket *b)
{
	rb_add(&st->node, &b->states, state_before);
}

/** ksync_state_remove() - undoes that */
void ksync_state_remove(struct ksync_state *st)
{
	rb_erase(&st->node, &st->bucket->states);
}

/** ksync_state_published() - under the bucket lock, or by its only waiter: is it there? */
bool ksync_state_published(const struct ksync_state *st)
{
	return !RB_EMPTY_NODE(&st->node);
}

/**
 * ksync_timer_break() - get a task out of its wait on an rt_mutex, if it may be in one
 * @t: of its waiter; why was written before; a wake-up has to follow
 *
 * A task in rt_mutex_lock_interruptible() goes back to sleep unless a signal is
 * pending.  This flag counts as one, has no other effect, and is cleared on the
 * way back to user space.  (set_notify_signal() would do, but the wake-up it calls
 * is not exported.)
 */
void ksync_timer_break(struct ksync_timer *t)
{
	smp_mb__before_atomic(); /* whoever sees the flag sees the reason */
	if (t->notify)
		set_tsk_thread_flag(t->task, TIF_NOTIFY_SIGNAL);
}

static enum hrtimer_restart deadline_passed(struct hrtimer *timer)
{
	struct ksync_timer *t = container_of(timer, struct ksync_timer, timer);

	WRITE_ONCE(t->fired, true);
	ksync_timer_break(t);
	wake_up_process(t->task);
	return HRTIMER_NORESTART;
}

/**
 * ksync_waiter_count() - @n more wait, or -@n less
 * @d: domain
 * @n: how many
 *
 * What is refused was never counted: nobody else is refused for it.
 *
 * Return: 0, or -ENOSPC: too many.
 */
int ksync_waiter_count(struct ksync_domain *d, int n)
{
	int was = atomic_read(&d->waiters);

	do {
		if (n > 0 && (u32)was + n > READ_ONCE(ksync_max_waiters))
			return -ENOSPC;
	} while (!atomic_try_cmpxchg(&d->waiters, &was, was + n));
	return 0;
}

/** ksync_waiter_setup() - a waiter, but for whose it is */
void ksync_waiter_setup(struct ksync_waiter *w)
{
	memset(w, 0, sizeof(*w));
	w->bitset = KSYNC_BITSET_ALL;
	INIT_LIST_HEAD(&w->spin);
}

/** ksync_waiter_prio() - that of the current task, now */
int ksync_waiter_prio(void)
{
	return ksync_busted(KSYNC_FAULT_QUEUE_FIFO) ? MAX_RT_PRIO :
		min(ksync_prio(current), MAX_RT_PRIO);
}

/**
 * ksync_waiter_init() - the current task is going to wait
 * @w: on its stack
 * @d: the domain whose waiters count
 *
 * Return: 0, or -ENOSPC: too many waiters. After 0, ksync_waiter_fini() must be
 * called.
 */
int ksync_waiter_init(struct ksync_waiter *w, struct ksync_domain *d)
{
	int ret = ksync_waiter_count(d, 1);

	if (ret)
		return ret;
	ksync_waiter_setup(w);
	w->task = current;
	w->timer.task = current;
	w->prio = ksync_waiter_prio();
	w->since = ktime_get_ns();
	return 0;
}

/** ksync_deadline_valid() - whether the clocks can count to it */
bool ksync_deadline_valid(u64 deadline)
{
	return deadline <= KTIME_MAX || deadline == KSYNC_NO_DEADLINE;
}

/*
 * Deadlines that pass together are told of one after the other, in one interrupt.
 * On PREEMPT_RT only real-time tasks may make that long, as with the kernel's own
 * sleeps: those of others are told of by a thread, which can be preempted.
 */
static enum hrtimer_mode timer_mode(void)
{
	switch (READ_ONCE(current->policy)) {
	case SCHED_FIFO:
	case SCHED_RR:
	case SCHED_DEADLINE:
		return HRTIMER_MODE_ABS_HARD;
	default:
		return HRTIMER_MODE_ABS;
	}
}

/** ksync_waiter_start() - start the clock; w->timer.notify is set before */
void ksync_waiter_start(struct ksync_waiter *w, u32 flags, u64 deadline)
{
	const enum hrtimer_mode mode = timer_mode();
	struct ksync_timer *t = &w->timer;

	if (deadline == KSYNC_NO_DEADLINE)
		return;
	WRITE_ONCE(t->realtime, flags & KSYNC_WAIT_REALTIME);
	WRITE_ONCE(t->deadline, deadline);
	t->armed = true;
	ksync_hrtimer_setup_on_stack(&t->timer, deadline_passed,
				     flags & KSYNC_WAIT_REALTIME ? CLOCK_REALTIME :
				     CLOCK_MONOTONIC, mode);
	hrtimer_start(&t->timer, ns_to_ktime(deadline), mode);
}

/** ksync_waiter_stop() - the deadline does not matter any more; not under a raw lock */
void ksync_waiter_stop(struct ksync_waiter *w)
{
	if (!w->timer.armed)
		return;
	hrtimer_cancel(&w->timer.timer);
	destroy_hrtimer_on_stack(&w->timer.timer);
	w->timer.armed = false;
	w->timer.fired = false;
	WRITE_ONCE(w->timer.deadline, 0);
}

/** ksync_waiter_fini() - it waits no more; not under a raw lock */
void ksync_waiter_fini(struct ksync_waiter *w, struct ksync_domain *d)
{
	ksync_waiter_stop(w);
	atomic_dec(&d->waiters);
}

static bool before(const struct ksync_waiter *x, const struct ksync_waiter *y)
{
	if (x->prio != y->prio)
		return x->prio < y->prio;
	return x->seq < y->seq;
}

static bool waiter_before(struct rb_node *a, const struct rb_node *b)
{
	return before(rb_entry(a, struct ksync_waiter, rb),
		      rb_entry(b, struct ksync_waiter, rb));
}

static bool reader_before(struct rb_node *a, const struct rb_node *b)
{
	return before(rb_entry(a, struct ksync_waiter, rb_reader),
		      rb_entry(b, struct ksync_waiter, rb_reader));
}

/** ksync_waiter_insert() - under the bucket lock: ksync_waiter_enqueue(), among others */
void ksync_waiter_insert(struct ksync_waiter *w, struct ksync_state *st)
{
	rb_add_cached(&w->rb, &st->waiters, waiter_before);
	if (w->reader)
		rb_add_cached(&w->rb_reader, &st->readers, reader_before);
}

/** ksync_waiter_remove() - undoes that */
void ksync_waiter_remove(struct ksync_waiter *w, struct ksync_state *st)
{
	rb_erase_cached(&w->rb, &st->waiters);
	if (w->reader)
		rb_erase_cached(&w->rb_reader, &st->readers);
}

/** ksync_waiter_top_reader() - the same of those that want to read */
struct ksync_waiter *ksync_waiter_top_reader(const struct ksync_state *st)
{
	struct rb_node *first = rb_first_cached(&st->readers);

	return first ? rb_entry(first, struct ksync_waiter, rb_reader) : NULL;
}

/**
 * ksync_waiter_broken() - why the current task's wait was broken off
 * @w: waiter
 * @flags: KSYNC_WAIT_INTERRUPTIBLE
 *
 * Deadlines are absolute: a call that goes on after a signal starts over with
 * the arguments it had.  Work for the task that is not a signal (io_uring's,
 * say) breaks waits as well; then too the call is simply made again.
 */
int ksync_waiter_broken(const struct ksync_waiter *w, u32 flags)
{
	if (READ_ONCE(w->timer.fired))
		return -ETIMEDOUT;
	if (flags & KSYNC_WAIT_INTERRUPTIBLE && task_sigpending(current))
		return -ERESTARTSYS;
	return -ERESTARTNOINTR;
}

/* A bucket for each MiB, so that chains stay short; for each CPU, so that locks do. */
static u32 buckets_wanted(void)
{
	const unsigned long per_cpu = 256UL * num_possible_cpus();
	const unsigned long by_memory = totalram_pages() >> (20 - PAGE_SHIFT);

	return roundup_pow_of_two(min(max(per_cpu, by_memory), 1UL << 16));
}

int ksync_wait_init(void)
{
	struct ksync_buckets *all = &ksync_buckets;
	u32 i;

	all->count = buckets_wanted();
	all->at = kvcalloc(all->count, sizeof(*all->at), GFP_KERNEL);
	if (!all->at)
		return -ENOMEM;
	for (i = 0; i < all->count; i++) {
		raw_spin_lock_init(&all->at[i].lock);
		all->at[i].states = RB_ROOT;
	}
	all->shift = 64 - ilog2(all->count);
	all->factor = GOLDEN_RATIO_64 ^ (u64)get_random_u32() << 1;
	return 0;
}

void ksync_wait_exit(void)
{
	kvfree(ksync_buckets.at);
}
