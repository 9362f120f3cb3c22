// SPDX-License-Identifier: GPL-2.0
/*
 * MANY with KSYNC_MANY_ALL: waiting for all of many objects.
 *
 * Nothing is held while we sleep: we are in the queue of one that is missing, and
 * when it is there all are tried.  Locks are locked one after the other, without
 * waiting, and given back if another one cannot be had ("try and back off", as
 * std::lock() of C++ does).  They were ours for a moment, which harms nobody.  That
 * is not so with sems and events: a unit that is missing for a moment is a try
 * that fails though nobody took anything.  These are taken in one step, with the
 * buckets of all of them locked:
 *
 *	CPU0 (takes all)			CPU1 (user space)
 *	----					----
 *	lock all buckets
 *	arm all: WAITERS		[A]	post, set, take: fails, comes here
 *	all ready?			[B]
 *	all ready?			[C]	reset: event &= ~SET
 *	use all
 *
 * By [A] nothing but a reset changes them without a bucket lock.  What was there at
 * both [B] and [C] was there all the time between: that is when all were taken.  A
 * reset that comes later may be faster than the use: then nothing is taken.
 *
 * In a queue we only look: when it is our turn what is there stays there, kept from
 * those behind us, until we have decided.  If something else is missing we leave the
 * queue, and those behind us are served.  So we take nothing from anybody more
 * important, and are not passed by anybody less important while all is there.
 */
#include <linux/sort.h>
#include <linux/slab.h>

#include "many.h"
#include "queue.h"
#include "watch.h"

#define NOTHING		U32_MAX

/**
 * struct all - a wait for all
 * @c: the call
 * @held: a lock that was got by waiting for it; NOTHING
 * @at: the part in whose queue we look; NOTHING
 * @missing: what the last attempt failed for
 */
struct all {
	struct ksync_many_call *c;
	u32 held;
	u32 at;
	u32 missing;
};

/* One that waits, of those that do so one after the other, is counted while it does. */
static int enter(struct ksync_many_call *c, u32 i)
{
	int ret = ksync_waiter_count(c->domain, 1);

	if (ret)
		return ret;
	c->clock.prio = ksync_waiter_prio();
	ret = ksync_many_enter(c, i);
	if (!c->parts[i]->in)
		ksync_waiter_count(c->domain, -1);
	return ret;
}

static void leave(struct ksync_many_call *c, u32 i)
{
	if (!c->parts[i]->in)
		return;
	ksync_many_leave(c, i);
	ksync_waiter_count(c->domain, -1);
}

static int by_id(const void *a, const void *b, const void *parts)
{
	const struct ksync_part *const *p = parts;
	const u32 x = p[*(const u8 *)a]->item.id, y = p[*(const u8 *)b]->item.id;

	return x < y ? -1 : x > y;
}

/* By address; without the calls that sort() makes for each comparison (Shell, 1959). */
static void sort_pointers(struct ksync_bucket **b, u32 n)
{
	static const u8 gaps[] = { 57, 23, 10, 4, 1 };
	struct ksync_bucket *x;
	u32 g, i, k, gap;

	for (g = 0; g < ARRAY_SIZE(gaps); g++) {
		gap = gaps[g];
		for (i = gap; i < n; i++) {
			x = b[i];
			for (k = i; k >= gap && b[k - gap] > x; k -= gap)
				b[k] = b[k - gap];
			b[k] = x;
		}
	}
}

static void sort_buckets(struct ksync_many_call *c)
{
	struct ksync_part *p;
	u32 i, n = 0;

	for (i = 0; i < c->arg->count; i++) {
		p = c->parts[i];
		if (!ksync_part_owned(p))
			c->buckets[n++] = ksync_bucket(c->domain, p->obj.id);
	}
	sort_pointers(c->buckets, n);
	for (i = 0; i < n; i++)
		if (!i || c->buckets[i] != c->buckets[i - 1])
			c->buckets[c->nr_buckets++] = c->buckets[i];
}

/* -EINVAL: an item is there twice. */
static int sort_items(struct ksync_many_call *c)
{
	const u32 n = c->arg->count;
	bool sorted = true;
	u32 i;

	for (i = 0; i < n; i++) {
		c->order[i] = i;
		if (i && c->parts[i]->item.id < c->parts[i - 1]->item.id)
			sorted = false;
	}
	if (!sorted)
		sort_r(c->order, n, sizeof(*c->order), by_id, NULL, c->parts);
	for (i = 1; i < n; i++) {
		if (c->parts[c->order[i]]->item.id == c->parts[c->order[i - 1]]->item.id) {
			c->arg->index = max(c->order[i], c->order[i - 1]);
			return -EINVAL;
		}
	}
	sort_buckets(c);
	return 0;
}

/* Bounded by KSYNC_MANY_MAX; for lockdep, which counts, they are one lock. */
static void lock_buckets(struct ksync_many_call *c)
{
	u32 i;

	raw_spin_lock(&c->domain->many_lock);
	for (i = 0; i < c->nr_buckets; i++)
		raw_spin_lock_nest_lock(&c->buckets[i]->lock, &c->domain->many_lock);
}

static void unlock_buckets(struct ksync_many_call *c)
{
	u32 i = c->nr_buckets;

	while (i--)
		raw_spin_unlock(&c->buckets[i]->lock);
	raw_spin_unlock(&c->domain->many_lock);
}

/* What one step does with each item that is no lock, until one is missing. */
typedef int (*item_fn)(struct ksync_many_call *c, struct ksync_part *p);

static int for_items(struct all *a, item_fn fn)
{
	struct ksync_many_call *c = a->c;
	int ret = 0;
	u32 i;

	for (i = 0; i < c->arg->count && !ret; i++) {
		if (ksync_part_owned(c->parts[i]))
			continue;
		ret = fn(c, c->parts[i]);
		if (ret)
			a->missing = i;
	}
	return ret;
}

static int arm(struct ksync_many_call *c, struct ksync_part *p)
{
	if (ksync_object_stale(&p->obj))
		return -EBADF;
	p->taken = true;
	if (p->obj.ops->arm)
		p->obj.ops->arm(&p->obj);
	return 0;
}

static int disarm(struct ksync_many_call *c, struct ksync_part *p)
{
	if (p->taken)
		ksync_queue_disarm(&p->obj);
	p->taken = false;
	return 0;
}

static int ready(struct ksync_many_call *c, struct ksync_part *p)
{
	return p->obj.ops->ready(&p->obj, p->item.expected) ? 0 : -EBUSY;
}

static int ours(struct ksync_many_call *c, struct ksync_part *p)
{
	return ksync_queue_ours(&p->obj, p->item.expected, &c->clock) ? 0 : -EBUSY;
}

static bool event(const struct ksync_part *p)
{
	return p->obj.ops->kind == KSYNC_KIND_EVENT;
}

static int use_other(struct ksync_many_call *c, struct ksync_part *p)
{
	if (!event(p))
		p->obj.ops->use(&p->obj);
	return 0;
}

/*
 * Events go first: a user may have reset one since [C], and is told so.  Return:
 * -EBUSY: a->missing was, and nothing is taken yet.  If it is another one than the
 * first that we take, then both have it, for that one can not be given back.
 */
static int use_events(struct all *a)
{
	struct ksync_many_call *c = a->c;
	struct ksync_part *p;
	bool taken = false;
	u32 i;

	for (i = 0; i < c->arg->count; i++) {
		p = c->parts[i];
		if (!event(p))
			continue;
		if (p->obj.ops->use(&p->obj) && !taken) {
			a->missing = i;
			return -EBUSY;
		}
		taken = taken || !p->obj.ops->shared(&p->obj);
	}
	return 0;
}

/* All are there, and claimed. Return: -EBUSY: not any more, and not claimed. */
static int use_all(struct all *a)
{
	int ret = use_events(a);

	if (ret)
		atomic_set(&a->c->claim, 0);
	else
		for_items(a, use_other);
	return ret;
}

/* Take all that are no locks, in one step. Return: -ECANCELED: there is an alert. */
static int take_items(struct all *a)
{
	struct ksync_many_call *c = a->c;
	bool claimed;
	int ret;

	lock_buckets(c);
	ret = for_items(a, arm); /* [A] */
	if (!ret)
		ret = for_items(a, ours); /* [B] */
	if (!ret)
		ret = for_items(a, ready); /* [C] */
	if (!ret && atomic_cmpxchg(&c->claim, 0, KSYNC_CLAIM_ALL))
		ret = -ECANCELED;
	claimed = !ret;
	if (!ret)
		ret = use_all(a);
	for_items(a, disarm);
	unlock_buckets(c);
	/* Who came with the alert meanwhile has passed us over: look at it again. */
	if (claimed && ret)
		leave(c, c->arg->count);
	return ret;
}

static bool busy(const struct ksync_many_call *c, const struct ksync_part *p)
{
	const int ret = ksync_word_verdict(&p->obj, c->arg->thread);

	return ret == -EBUSY || ret == -EINPROGRESS;
}

/*
 * Is it worth a try?  If an item is missing no lock is touched.  A lock that
 * somebody has is then what to wait for: its owner can be lent our priority.
 */
static int look(struct all *a)
{
	struct ksync_many_call *c = a->c;
	u32 i;

	if (!for_items(a, ready))
		return 0;
	for (i = 0; i < c->arg->count; i++) {
		if (ksync_part_owned(c->parts[i]) && i != a->held && busy(c, c->parts[i])) {
			a->missing = i;
			break;
		}
	}
	return -EBUSY;
}

/* All locks that are not ours yet, by id. */
static int try_locks(struct all *a)
{
	struct ksync_many_call *c = a->c;
	int ret = 0;
	u32 i, n;

	for (n = 0; n < c->arg->count && !ret; n++) {
		i = c->order[n];
		if (!ksync_part_owned(c->parts[i]) || i == a->held)
			continue;
		ret = ksync_many_try(c, i);
		c->parts[i]->taken = ksync_lock_got(ret);
		if (c->parts[i]->taken)
			ret = 0;
		else
			a->missing = i;
	}
	return ret;
}

static void undo_locks(struct all *a)
{
	struct ksync_many_call *c = a->c;
	u32 i;

	for (i = 0; i < c->arg->count; i++) {
		if (ksync_part_owned(c->parts[i]) && (c->parts[i]->taken || i == a->held))
			ksync_many_undo(c, i);
		c->parts[i]->taken = false;
	}
	a->held = NOTHING;
}

/* Return: 0: all are taken; -EBUSY: a->missing is not to be had; -ECANCELED. */
static int attempt(struct all *a)
{
	int ret = look(a);

	if (!ret)
		ret = try_locks(a);
	if (!ret)
		ret = take_items(a);
	if (ret)
		undo_locks(a);
	if (a->at != NOTHING)
		leave(a->c, a->at);
	a->at = NOTHING;
	return ret;
}

/* Be where what is missing comes to be. Return: -EBUSY: it may be there. */
static int wait_for_missing(struct all *a)
{
	struct ksync_many_call *c = a->c;
	const u32 i = a->missing;
	int ret;

	if (ksync_part_owned(c->parts[i])) {
		ret = ksync_many_sit(c, i);
		if (!ksync_lock_got(ret))
			return ret;
		a->held = i;
		return -EBUSY;
	}
	ret = enter(c, i);
	if (ret == -EBUSY) {
		a->at = i;
		return ksync_many_sleep(c);
	}
	return ret ? ret : -EBUSY;
}

/* The alert is looked at once it is clear that we have to wait. */
static int enter_alert(struct ksync_many_call *c)
{
	const u32 i = c->arg->count;

	if (!(c->arg->flags & KSYNC_MANY_ALERT) || c->parts[i]->in)
		return -EBUSY;
	return enter(c, i);
}

/* Return: 0, -ECANCELED: c->claim tells. Else why the wait is over. */
static int wait_for_all(struct all *a)
{
	struct ksync_many_call *c = a->c;
	int ret;

	for (;;) {
		ksync_many_heard(c);
		ret = attempt(a);
		/* The alert was claimed, and was not there after all. */
		if (ret == -ECANCELED && !atomic_read(&c->claim))
			continue;
		if (ret != -EBUSY)
			break;
		ret = enter_alert(c);
		if (ret == -EBUSY && !atomic_read(&c->claim))
			ret = wait_for_missing(a);
		else if (ret == -EBUSY)
			return 0;
		if (ksync_many_broken(ret) && ksync_many_go_on(c))
			ret = -EBUSY;
		if (ret != -EBUSY)
			break;
	}
	if (ret && ret != -ECANCELED)
		c->arg->index = a->missing;
	return ret;
}

static int conclude(struct ksync_many_call *c)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < c->arg->count; i++) {
		if (c->parts[i]->item.result)
			ret = c->parts[i]->item.result;
		if (c->parts[i]->item.flags & KSYNC_LOCK_READ)
			ksync_watch_pass(&c->parts[i]->obj);
	}
	return ret;
}

/** ksync_many_all() - take all items of a call, or the alert */
int ksync_many_all(struct ksync_many_call *c)
{
	struct all a = { .c = c, .held = NOTHING, .at = NOTHING };
	int ret;

	c->buckets = kmalloc_array(c->arg->count, sizeof(*c->buckets), GFP_KERNEL_ACCOUNT);
	if (!c->buckets)
		return -ENOMEM;
	ret = sort_items(c);
	if (!ret)
		ret = wait_for_all(&a);
	if (a.at != NOTHING)
		leave(c, a.at);
	leave(c, c->arg->count);
	kfree(c->buckets);

	switch (atomic_read(&c->claim)) {
	case 0:
		return ret;
	case KSYNC_CLAIM_ALL:
		c->arg->index = 0;
		return conclude(c);
	default:
		c->arg->index = c->arg->count;
		return 0;
	}
}
