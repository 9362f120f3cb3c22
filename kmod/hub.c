// SPDX-License-Identifier: GPL-2.0
/*
 * Hubs: telling those that poll an object to look at it again.
 *
 * All descriptors of an object share its hub, and in it one wait queue.  While
 * somebody is hooked on that the hub is armed: the object looks to users as if
 * one more waited for it, so that whatever makes it available is done here, and
 * tells.
 *
 *	CPU0 (polls)				CPU1 (posts, unlocks, user space)
 *	----					----
 *	hook on the wait queue
 *	lock(bucket)
 *	arm: WAITERS, or		[A]	cmpxchg: n -> n + 1		[B]
 *	     cell->waiters, smp_mb()		or: word = new, full fence,
 *	read the word				read cell->waiters
 *	unlock(bucket)
 *
 * Either [B] comes first, and CPU0 sees what it did; or CPU1 has to come here:
 *
 *	CPU0 (polls)				CPU1 (posts, unlocks, here)
 *	----					----
 *	hook on the wait queue	[C]
 *	lock(bucket)				lock(bucket)
 *	arm, read the word			change the word
 *	unlock(bucket)				armed, and somebody hooked?	[D]
 *						unlock(bucket), wake them up
 *
 * Whose lock comes first: if CPU0's, [D] sees the arming and, by the lock, [C]; if
 * CPU1's, CPU0 sees the new word.  So [D] needs no barrier.  If nobody is hooked
 * [D] disarms; who is about to hook arms again.
 *
 * A hub stays armed after it has told: epoll asks once, and then leaves its hook
 * where it is; an edge-triggered one does not even ask again until it is woken.
 *
 * A hub is found by number under the bucket lock, and belongs to the number until
 * it is taken out of domain->hubs.  It is freed after that, and after whoever had
 * the lock then.
 */
#include <linux/poll.h>
#include <linux/slab.h>

#include "busted.h"
#include "hub.h"
#include "queue.h"
#include "watch.h"

/** ksync_hub_find() - under the bucket lock: the hub, if somebody polls the object */
struct ksync_hub *ksync_hub_find(const struct ksync_object *obj)
{
	struct ksync_hub *hub = xa_load(&obj->domain->hubs, obj->id);

	return hub && hub->armed ? hub : NULL;
}

/**
 * ksync_hub_arm() - under the bucket lock: from now on we are told
 * @hub: hub
 *
 * Armed or not, what users look at is written: it is in memory that they can write.
 */
void ksync_hub_arm(struct ksync_hub *hub)
{
	const struct ksync_object *obj = &hub->obj;

	if (!hub->armed)
		atomic_inc(&obj->domain->polled);
	hub->armed = true;
	if (obj->ops->owned) {
		ksync_word_set(obj, KSYNC_WAITERS); /* [A] */
		return;
	}
	ksync_queue_note(obj);
	if (obj->ops->arm)
		obj->ops->arm(obj);
	smp_mb(); /* [A] */
}

static void disarm(struct ksync_hub *hub)
{
	const struct ksync_object *obj = &hub->obj;

	if (!hub->armed)
		return;
	hub->armed = false;
	atomic_dec(&obj->domain->polled);
	if (obj->ops->owned) {
		ksync_watch_idle(obj);
		return;
	}
	ksync_queue_note(obj);
	ksync_queue_disarm(obj);
}

/*
 * What was made available may be gone to a waiter already, or be kept for one.
 * (What waitqs and conds are compared with is known to their descriptors.)
 */
static bool worth_a_look(const struct ksync_object *obj)
{
	return !obj->ops->release || ksync_queue_left(obj);
}

/** ksync_hub_collect_armed() - ksync_hub_collect(), where somebody polls something */
void ksync_hub_collect_armed(const struct ksync_object *obj, struct ksync_tell *t)
{
	struct ksync_hub *hub = ksync_hub_find(obj);

	if (!hub)
		return;
	if (!waitqueue_active(&hub->wq)) { /* [D] */
		disarm(hub);
		return;
	}
	if (t->hub || !worth_a_look(&hub->obj) || ksync_busted(KSYNC_FAULT_POLL_LOST))
		return;
	refcount_inc(&hub->refs);
	t->hub = hub;
}

static void hub_put(struct ksync_hub *hub)
{
	if (refcount_dec_and_test(&hub->refs))
		kfree(hub);
}

static __poll_t all_events(const struct ksync_hub *hub)
{
	const __poll_t in = EPOLLIN | EPOLLRDNORM, out = EPOLLOUT | EPOLLWRNORM;

	return hub->obj.ops->kind == KSYNC_KIND_RWLOCK ? in | out : in;
}

/**
 * ksync_hub_wake() - no lock held that is not a mutex: wake up who polls
 * @hub: hub
 * @mask: what may have happened
 *
 * One of those that are hooked exclusively (EPOLLEXCLUSIVE) is enough; unless what
 * concerns one does not concern another.
 */
void ksync_hub_wake(struct ksync_hub *hub, __poll_t mask)
{
	const bool alike = hub->obj.ops->release || hub->obj.ops->owned;

	__wake_up(&hub->wq, TASK_NORMAL, alike && !(mask & EPOLLHUP), poll_to_key(mask));
}

/** ksync_hub_tell() - the same, for what was collected */
void ksync_hub_tell(struct ksync_tell *t)
{
	struct ksync_hub *hub = t->hub;

	if (!hub)
		return;
	t->hub = NULL;
	ksync_hub_wake(hub, all_events(hub));
	hub_put(hub);
}

static struct ksync_hub *hub_alloc(const struct ksync_object *obj)
{
	struct ksync_hub *hub = kzalloc(sizeof(*hub), GFP_KERNEL_ACCOUNT);

	if (!hub)
		return NULL;
	hub->obj = *obj;
	init_waitqueue_head(&hub->wq);
	refcount_set(&hub->refs, 1);
	return hub;
}

static struct ksync_hub *hub_get(struct ksync_domain *d, u32 id)
{
	struct ksync_object obj;
	struct ksync_hub *hub;
	int ret;

	lockdep_assert_held(&d->lock);
	if (ksync_object_find(d, id, &obj))
		return ERR_PTR(-EBADF);
	hub = xa_load(&d->hubs, id);
	if (!hub) {
		hub = hub_alloc(&obj);
		ret = hub ? xa_insert(&d->hubs, id, hub, GFP_KERNEL_ACCOUNT) : -ENOMEM;
		if (ret) {
			kfree(hub);
			return ERR_PTR(ret);
		}
	}
	hub->fds++;
	return hub;
}

/** ksync_hub_open() - for one more descriptor of an object; -EBADF, -ENOMEM */
struct ksync_hub *ksync_hub_open(struct ksync_domain *d, u32 id)
{
	struct ksync_hub *hub;

	mutex_lock(&d->lock);
	hub = hub_get(d, id);
	mutex_unlock(&d->lock);
	return hub;
}

/** ksync_hub_close() - undoes that; nobody is hooked by that descriptor */
void ksync_hub_close(struct ksync_hub *hub)
{
	struct ksync_domain *d = hub->obj.domain;
	struct ksync_bucket *b = ksync_bucket(d, hub->obj.id);
	bool last;

	mutex_lock(&d->lock);
	last = !--hub->fds;
	if (last && !hub->dead) {
		xa_erase(&d->hubs, hub->obj.id);
		raw_spin_lock(&b->lock);
		disarm(hub);
		raw_spin_unlock(&b->lock);
	}
	mutex_unlock(&d->lock);
	if (last)
		hub_put(hub);
}

/**
 * ksync_hub_kill() - under the bucket lock and domain->lock: the object goes
 * @obj: object
 *
 * Return: its hub, for ksync_hub_killed(); or NULL.
 */
struct ksync_hub *ksync_hub_kill(const struct ksync_object *obj)
{
	struct ksync_hub *hub = xa_load(&obj->domain->hubs, obj->id);

	lockdep_assert_held(&obj->domain->lock);
	if (!hub)
		return NULL;
	WRITE_ONCE(hub->dead, true);
	if (hub->armed)
		atomic_dec(&obj->domain->polled);
	hub->armed = false;
	return hub;
}

/** ksync_hub_killed() - domain->lock is still held, which keeps the hub; no other */
void ksync_hub_killed(struct ksync_hub *hub)
{
	if (!hub)
		return;
	xa_erase(&hub->obj.domain->hubs, hub->obj.id);
	ksync_hub_wake(hub, all_events(hub) | EPOLLHUP);
}

/* It had this lock, by the word; or it may have read it: nobody knows any more. */
static bool concerned(const struct ksync_object *obj, u32 handle)
{
	const u32 word = READ_ONCE(obj->cell->word);

	return obj->ops->owned && ((word & KSYNC_OWNER) == handle || word & KSYNC_READ);
}

/**
 * ksync_hub_thread_died() - may sleep: tell of what a dead thread has
 * @d: domain
 * @handle: of the thread, which has no slots any more
 */
void ksync_hub_thread_died(struct ksync_domain *d, u32 handle)
{
	struct ksync_bucket *b;
	struct ksync_hub *hub;
	unsigned long id;

	smp_mb(); /* pairs with [A]: it is dead, has no slots: seen by who polls later */
	if (!atomic_read(&d->polled))
		return;
	mutex_lock(&d->lock);
	xa_for_each(&d->hubs, id, hub) {
		struct ksync_tell t = {};

		b = ksync_bucket(d, id);
		raw_spin_lock(&b->lock);
		if (concerned(&hub->obj, handle))
			ksync_hub_collect(&hub->obj, &t);
		raw_spin_unlock(&b->lock);
		ksync_hub_tell(&t);
		cond_resched();
	}
	mutex_unlock(&d->lock);
}
