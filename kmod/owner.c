// SPDX-License-Identifier: GPL-2.0
/*
 * Owners: making a task the owner of an rt_mutex it never locked, and taking
 * that back.
 *
 * The word says who owns an object.  Once somebody waits, the module makes that
 * task the owner of the state's rt_mutex too, so that the kernel boosts it.
 * This is done only while nobody is blocked on the rt_mutex.  From then on the
 * rt_mutex is released by that task itself, in UNLOCK or when it dies; or the
 * ownership is taken back when the last waiter has left.
 *
 *	st->owner != NULL	registered: in owner->owned; may be taken back
 *	st->owner == NULL	nobody is, or who was is bound to release the
 *				rt_mutex: it must not be written
 */
#include <linux/lockdep.h>

#include "busted.h"
#include "core.h"
#include "trace.h"

/*
 * User code runs while an rt_mutex is owned.  lockdep would complain of a lock
 * held on return to user space, so it is told of a release after each
 * acquisition, and of an acquisition before each release.
 */
static void rtm_hide(struct rt_mutex *rtm)
{
	mutex_release(&rtm->dep_map, _RET_IP_);
}

static void rtm_show(struct rt_mutex *rtm)
{
	mutex_acquire(&rtm->dep_map, 0, 1, _RET_IP_);
}

/** ksync_rtm_lock() - 0, or -EINTR */
int ksync_rtm_lock(struct rt_mutex *rtm)
{
	int ret = rt_mutex_lock_interruptible(rtm);

	if (!ret)
		rtm_hide(rtm);
	return ret;
}

/** ksync_rtm_lock_short() - where the owner is bound to release it at once */
void ksync_rtm_lock_short(struct rt_mutex *rtm)
{
	rt_mutex_lock(rtm);
	rtm_hide(rtm);
}

bool ksync_rtm_trylock(struct rt_mutex *rtm)
{
	if (!rt_mutex_trylock(rtm))
		return false;
	rtm_hide(rtm);
	return true;
}

/** ksync_rtm_unlock() - by its owner, whoever made it that; any context */
void ksync_rtm_unlock(struct rt_mutex *rtm)
{
	rtm_show(rtm);
	rt_mutex_unlock(rtm);
}

static void rtm_write_owner(struct rt_mutex *rtm, struct task_struct *task)
{
	unsigned long flags;

	/* Interrupts off, as the kernel takes it. */
	raw_spin_lock_irqsave(&rtm->rtmutex.wait_lock, flags);
	WRITE_ONCE(rtm->rtmutex.owner, task);
	raw_spin_unlock_irqrestore(&rtm->rtmutex.wait_lock, flags);
}

static bool owner_add(struct ksync_state *st, struct ksync_thread *t, u32 handle)
{
	bool alive;

	lockdep_assert_held(&st->bucket->lock);
	raw_spin_lock(&t->lock);
	alive = !t->dead;
	if (alive) {
		list_add(&st->owned, &t->owned);
		st->owner_handle = handle;
		WRITE_ONCE(st->owner, t);
	}
	raw_spin_unlock(&t->lock);
	return alive;
}

static void owner_del(struct ksync_state *st)
{
	struct ksync_thread *t = st->owner;

	lockdep_assert_held(&st->bucket->lock);
	raw_spin_lock(&t->lock);
	list_del_init(&st->owned);
	WRITE_ONCE(st->owner, NULL);
	raw_spin_unlock(&t->lock);
}

/**
 * ksync_owner_set() - make the owner that a word names that of an rt_mutex
 * @st: state, under its bucket lock, without an owner
 * @rtm: its queue or front, unowned, with nobody blocked on it
 * @handle: from the word
 *
 * Return: whether the thread was alive; if so it stays until it has released
 * @rtm or ksync_owner_clear() is called.
 */
bool ksync_owner_set(struct ksync_state *st, struct rt_mutex *rtm, u32 handle)
{
	struct ksync_thread *t;
	bool alive;

	rcu_read_lock();
	t = ksync_thread_find(st->obj.domain, handle);
	alive = t && owner_add(st, t, handle);
	if (alive)
		rtm_write_owner(rtm, t->task);
	rcu_read_unlock();
	return alive;
}

/** ksync_owner_set_current() - the current task, which has locked st->queue */
void ksync_owner_set_current(struct ksync_state *st, struct ksync_thread *self,
			     u32 handle)
{
	/* A running task is not dead. */
	owner_add(st, self, handle);
}

static struct rt_mutex *owned_rtm(struct ksync_state *st)
{
	return st->leader ? &st->front : &st->queue;
}

/**
 * ksync_owner_clear() - under the bucket lock: take the ownership back
 * @st: has an owner, and nobody is blocked on what it owns
 */
void ksync_owner_clear(struct ksync_state *st)
{
	rtm_write_owner(owned_rtm(st), NULL);
	owner_del(st);
}

/**
 * ksync_owner_commit() - the owner is now bound to release what it owns
 * @st: state, under its bucket lock, owned by the current task
 *
 * Return: what it must release, after the lock, before it puts @st.
 */
struct rt_mutex *ksync_owner_commit(struct ksync_state *st)
{
	owner_del(st);
	refcount_inc(&st->refs);
	return owned_rtm(st);
}

static struct ksync_state *first_owned(struct ksync_thread *self)
{
	struct ksync_state *st;

	raw_spin_lock(&self->lock);
	st = list_first_entry_or_null(&self->owned, struct ksync_state, owned);
	if (st)
		refcount_inc(&st->refs);
	raw_spin_unlock(&self->lock);
	return st;
}

/*
 * The word of an object whose owner died: only a waiter may have it now.  A
 * reader never had it, and from whom it was taken has it no more.
 */
static void word_orphan(struct ksync_state *st)
{
	const u32 died = ksync_busted(KSYNC_FAULT_DEATH_AWAITED) ? 0 : KSYNC_OWNER_DIED;
	const u32 orphaned = KSYNC_HANDOFF | KSYNC_WAITERS | died;
	u32 *word = &st->obj.cell->word;
	u32 v = READ_ONCE(*word);

	if (st->side == KSYNC_SIDE_DRAIN || !st->owner_handle)
		return;
	do {
		if ((v & KSYNC_OWNER) != st->owner_handle)
			return;
	} while (!try_cmpxchg(word, &v, orphaned | (v & st->obj.ops->sticky)));
}

/**
 * ksync_owner_died() - release what the current task owns and others wait for
 * @self: its thread, dead: nothing is added to self->owned any more
 *
 * Preemption is off, see ksync_death_pause(): raw locks only, and nothing is
 * freed.  The last waiter may leave at any moment and take a state off the list;
 * hence the reference, and the second look under the bucket lock.
 *
 * Between two of them others may run.  Each is handed over by itself, and who
 * waits for those still owned goes on lending its priority.
 */
void ksync_owner_died(struct ksync_thread *self)
{
	struct task_struct *next;
	struct ksync_state *st;
	struct rt_mutex *rtm;

	while ((st = first_owned(self))) {
		rtm = NULL;
		next = NULL;
		raw_spin_lock(&st->bucket->lock);
		if (st->owner == self) {
			if (st->owner_handle)
				trace_owner_died(&st->obj);
			word_orphan(st);
			rtm = ksync_owner_commit(st);
			next = ksync_unpark_top(st);
		}
		raw_spin_unlock(&st->bucket->lock);
		if (rtm) {
			ksync_rtm_unlock(rtm);
			ksync_unpark_wake(&st->obj, next);
			ksync_thread_reap_state(st);
		}
		ksync_thread_reap_state(st);
		ksync_death_pause();
	}
}
