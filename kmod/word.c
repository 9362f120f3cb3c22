// SPDX-License-Identifier: GPL-2.0
/*
 * The word of a lock: what it says and what may be made of it.
 *
 * All of this runs under the bucket lock, beside user code that changes the
 * word by the protocol in the uapi header, or that writes what it likes.
 */
#include <linux/rcupdate.h>

#include "busted.h"
#include "core.h"
#include "hub.h"

/*
 * What a word means to a thread that wants it.
 *
 * Return: 0 free; -EOWNERDEAD free, its owner died; -EBUSY held; -EDEADLK held
 * by @handle; -EINPROGRESS on its way to a waiter; -ENOTRECOVERABLE; -EUCLEAN
 * no thread has ever had that number.
 */
static int verdict(const struct ksync_object *obj, u32 handle, u32 word)
{
	const u32 holder = word & KSYNC_OWNER;
	bool alive;

	if (!holder)
		return word & KSYNC_OWNER_DIED ? -EOWNERDEAD : 0;
	if (holder == handle)
		return -EDEADLK;
	if (holder == KSYNC_HANDOFF)
		return -EINPROGRESS;
	if (holder == KSYNC_NOTRECOVERABLE)
		return -ENOTRECOVERABLE;
	if (holder > READ_ONCE(obj->domain->handle_high))
		return -EUCLEAN;

	rcu_read_lock();
	alive = ksync_thread_find(obj->domain, holder);
	rcu_read_unlock();
	return alive ? -EBUSY : ksync_busted(KSYNC_FAULT_DEATH_ALONE) ? 0 : -EOWNERDEAD;
}

static u32 died_bit(int ret)
{
	return ret == -EOWNERDEAD ? KSYNC_OWNER_DIED : 0;
}

/**
 * ksync_word_idle() - what the word has where nobody waits for it: others may watch, or poll
 * @obj: object
 *
 * Return: WAITERS or 0
 */
u32 ksync_word_idle(const struct ksync_object *obj)
{
	return ksync_state_watched(obj) || ksync_hub_armed(obj) ? KSYNC_WAITERS : 0;
}

static int arrive(const struct ksync_object *obj, u32 handle, u32 mine,
		  const struct ksync_state *st)
{
	const u32 flags = st ? KSYNC_WAITERS | KSYNC_WOKEN : ksync_word_idle(obj);
	const u32 keep = flags | obj->ops->sticky;
	u32 *word = &obj->cell->word;
	u32 v = READ_ONCE(*word);
	int ret;

	do {
		ret = verdict(obj, handle, v);
		if (ret == -EINPROGRESS)
			return st ? -EBUSY : -EUCLEAN;
		if (ret && ret != -EOWNERDEAD)
			return ret;
	} while (!try_cmpxchg(word, &v, mine | died_bit(ret) | (v & keep)));
	return ret;
}

static int lead(const struct ksync_object *obj, u32 handle, u32 mine)
{
	u32 *word = &obj->cell->word;
	u32 v = READ_ONCE(*word);
	int ret;

	do {
		ret = verdict(obj, handle, v);
		if (ret == -EINPROGRESS)
			ret = v & KSYNC_OWNER_DIED ? -EOWNERDEAD : 0;
		else if (ret == -EBUSY && ksync_busted(KSYNC_FAULT_LOCK_STEAL))
			ret = 0;
		if (ret && ret != -EOWNERDEAD)
			return ret;
	} while (!try_cmpxchg(word, &v, mine | died_bit(ret) | (v & obj->ops->sticky)));
	return ret;
}

/**
 * ksync_word_arrive() - take the word if it is free
 * @obj: object
 * @handle: who wants it
 * @st: its state, NULL if nobody waits
 *
 * Return: a verdict; taken if 0 or -EOWNERDEAD. On its way to a waiter while
 * nobody waits is nonsense: -EUCLEAN.
 */
int ksync_word_arrive(const struct ksync_object *obj, u32 handle,
		      const struct ksync_state *st)
{
	return arrive(obj, handle, handle, st);
}

/**
 * ksync_word_lead() - take the word if it is free or being handed over
 * @obj: object
 * @handle: the leader's, or the only waiter's
 * @keep: WAITERS and WOKEN as they shall be afterwards
 *
 * Return: a verdict; taken if 0 or -EOWNERDEAD.
 */
int ksync_word_lead(const struct ksync_object *obj, u32 handle, u32 keep)
{
	return lead(obj, handle, handle | keep);
}

/**
 * ksync_word_arrive_read() - say in the word that there are readers
 * @obj: rwlock
 * @handle: who wants to read
 * @st: its state, NULL if nobody waits
 *
 * From now on no writer takes the word but under the bucket lock.
 *
 * Return: as ksync_word_arrive(), but that the word has no owner.
 */
int ksync_word_arrive_read(const struct ksync_object *obj, u32 handle,
			   const struct ksync_state *st)
{
	return arrive(obj, handle, KSYNC_READ, st);
}

/**
 * ksync_word_lead_read() - the same by a leader, or the only waiter
 * @obj: rwlock
 * @handle: who wants to read
 * @rest: what to leave to those behind: WAITERS, WOKEN, HANDOFF
 *
 * Return: as ksync_word_lead().
 */
int ksync_word_lead_read(const struct ksync_object *obj, u32 handle, u32 rest)
{
	return lead(obj, handle, KSYNC_READ | rest);
}

/** ksync_word_verdict() - what it means just now to one that wants it */
int ksync_word_verdict(const struct ksync_object *obj, u32 handle)
{
	return verdict(obj, handle, READ_ONCE(obj->cell->word));
}

/** ksync_word_shared() - readers may be in the slots */
bool ksync_word_shared(const struct ksync_object *obj)
{
	return READ_ONCE(obj->cell->word) & KSYNC_READ;
}

/** ksync_word_thread() - the handle that a word holds, 0 if it is that of no thread */
u32 ksync_word_thread(u32 word)
{
	u32 holder = word & KSYNC_OWNER;

	return holder <= KSYNC_HANDLE_MAX ? holder : 0;
}

/**
 * ksync_word_set() - set flags
 * @obj: whose word
 * @bits: WAITERS, WOKEN
 *
 * This and ksync_word_clear() must not fail and try again: an owner that locks
 * and unlocks in a loop changes the word faster than a handle is looked up, and
 * the bucket lock is held.
 *
 * Return: the handle that the word held, 0 if it was that of no thread.
 */
u32 ksync_word_set(const struct ksync_object *obj, u32 bits)
{
	return ksync_word_thread(atomic_fetch_or(bits, (atomic_t *)&obj->cell->word));
}

/** ksync_word_clear() - clear flags; see ksync_word_set() */
u32 ksync_word_clear(const struct ksync_object *obj, u32 bits)
{
	return ksync_word_thread(atomic_fetch_andnot(bits, (atomic_t *)&obj->cell->word));
}

/**
 * ksync_word_give() - what an unlock leaves where somebody waits, adaptively
 * @st: state
 *
 * Free for whoever comes first, and a waiter on its way; unless that waiter has
 * been overtaken for long enough.
 */
u32 ksync_word_give(const struct ksync_state *st)
{
	if (READ_ONCE(st->handoff))
		return KSYNC_HANDOFF | KSYNC_WAITERS;
	return KSYNC_WAITERS | KSYNC_WOKEN;
}
