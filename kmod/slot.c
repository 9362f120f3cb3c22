// SPDX-License-Identifier: GPL-2.0
/*
 * Slots: where a thread says which rwlocks it reads.
 *
 * A slot cell is an array of entries in the arena, written by its thread alone
 * and read by writers, here.  The domain keeps them by handle, so that a thread
 * finds its own without a search, and a writer walks all of them under RCU with
 * no lock held.  They end with their thread: a dead one reads nothing.
 *
 * A walk goes upwards and looks at each entry once.  It misses nobody who reads
 * when it begins and until it is over.  A thread has one entry for an rwlock,
 * and counts in it how often it has it: it could otherwise take the rwlock again
 * in an entry that was passed already, and then clear the one still ahead.
 * Whoever begins to read during the walk sees the writer in the word (drain.c).
 *
 * Like all of the arena, entries may say anything.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "rwlock.h"

/**
 * struct ksync_slot - one slot cell
 * @thread: whose; stays as long as this does, by RCU
 * @entries: in the arena
 * @id: of the cell
 * @rcu: freed after those who walk have passed
 */
struct ksync_slot {
	struct ksync_thread *thread;
	u32 *entries;
	u32 id;
	struct rcu_head rcu;
};

/* Slots looked at in one go. */
#define SCAN_BATCH	64

static unsigned long slot_index(u32 handle, u32 n)
{
	return (unsigned long)handle * KSYNC_THREAD_SLOTS_MAX + n;
}

/**
 * ksync_slot_add() - one more slot cell for a thread
 * @d: domain
 * @t: the current task's thread; attach_lock is held
 * @handle: its own
 * @id: set to the number of the cell
 *
 * Return: 0; -EAGAIN: it has as many as it may have; -ENOSPC, -ENOMEM.
 */
int ksync_slot_add(struct ksync_domain *d, struct ksync_thread *t, u32 handle,
		   u32 *id)
{
	struct ksync_slot *slot;
	struct ksync_cell *cell;
	u32 n = 0;
	int ret;

	while (n < KSYNC_THREAD_SLOTS_MAX && xa_load(&d->slots, slot_index(handle, n)))
		n++;
	if (n == KSYNC_THREAD_SLOTS_MAX)
		return -EAGAIN;
	slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	if (!slot)
		return -ENOMEM;
	ret = ksync_domain_slot_create(d, &slot->id, &cell);
	if (ret)
		goto free_slot;
	slot->thread = t;
	slot->entries = (u32 *)cell;
	ret = xa_insert(&d->slots, slot_index(handle, n), slot, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto destroy_cell;
	*id = slot->id;
	return 0;

destroy_cell:
	ksync_domain_slot_destroy(d, slot->id);
free_slot:
	kfree(slot);
	return ret;
}

/** ksync_slot_drop_all() - a thread leaves a domain; attach_lock is held */
void ksync_slot_drop_all(struct ksync_domain *d, u32 handle)
{
	struct ksync_slot *slot;
	u32 n;

	for (n = 0; n < KSYNC_THREAD_SLOTS_MAX; n++) {
		slot = xa_erase(&d->slots, slot_index(handle, n));
		if (!slot)
			break;
		ksync_domain_slot_destroy(d, slot->id);
		kfree_rcu(slot, rcu);
	}
}

static bool names(u32 entry, u32 id)
{
	return entry >> 24 && (entry & KSYNC_SLOT_ID) == id;
}

/* The current task's own: nobody takes these away. */
static u32 *own_entries(struct ksync_domain *d, u32 handle, u32 n)
{
	struct ksync_slot *slot = xa_load(&d->slots, slot_index(handle, n));

	return slot ? slot->entries : NULL;
}

/**
 * ksync_slot_held() - the current task's entry for an rwlock
 * @d: domain
 * @handle: the current task's own
 * @id: rwlock
 *
 * Return: where it says that the task reads; NULL if it does not.
 */
u32 *ksync_slot_held(struct ksync_domain *d, u32 handle, u32 id)
{
	u32 *entries, n, i;

	for (n = 0; n < KSYNC_THREAD_SLOTS_MAX; n++) {
		entries = own_entries(d, handle, n);
		for (i = 0; entries && i < KSYNC_SLOTS; i++)
			if (names(READ_ONCE(entries[i]), id))
				return &entries[i];
	}
	return NULL;
}

/** ksync_slot_vacant() - a free entry of the current task; NULL if there is none */
u32 *ksync_slot_vacant(struct ksync_domain *d, u32 handle)
{
	u32 *entries, n, i;

	for (n = 0; n < KSYNC_THREAD_SLOTS_MAX; n++) {
		entries = own_entries(d, handle, n);
		for (i = 0; entries && i < KSYNC_SLOTS; i++)
			if (!(READ_ONCE(entries[i]) >> 24))
				return &entries[i];
	}
	return NULL;
}

/*
 * Does this slot's thread read?  The entry is read before the thread is found
 * alive: it was then in a cell that was still the thread's.
 */
static bool reads(const struct ksync_slot *slot, u32 entry, u32 id)
{
	if (!names(READ_ONCE(slot->entries[entry]), id))
		return false;
	smp_rmb(); /* see above */
	return ksync_thread_alive(slot->thread);
}

/* The same for slot @slot and those after it, up to SCAN_BATCH. */
static bool scan_batch(struct ksync_scan *s, struct ksync_slot *slot)
{
	u32 looked = 0;

	while (slot) {
		for (; s->entry < KSYNC_SLOTS; s->entry++)
			if (reads(slot, s->entry, s->id))
				return true;
		if (++looked == SCAN_BATCH)
			return true;
		s->entry = 0;
		slot = xa_find_after(&s->d->slots, &s->index, ULONG_MAX, XA_PRESENT);
	}
	return false;
}

/**
 * ksync_slot_scan() - find somebody who reads
 * @s: where to begin; where somebody was found
 *
 * May sleep.  Return: whether there is somebody; go on with s->entry + 1.
 */
bool ksync_slot_scan(struct ksync_scan *s)
{
	struct ksync_slot *slot;
	unsigned long at;
	bool more;

	do {
		at = s->index;
		rcu_read_lock();
		slot = xa_find(&s->d->slots, &s->index, ULONG_MAX, XA_PRESENT);
		if (s->index != at)
			s->entry = 0;
		more = scan_batch(s, slot);
		rcu_read_unlock();
		cond_resched();
	} while (more && s->entry == KSYNC_SLOTS);
	return more;
}

/**
 * ksync_slot_reader() - whether who was found reads still, under RCU
 * @s: as ksync_slot_scan() left it
 * @handle: set to the reader's
 *
 * Return: the reader, or NULL.
 */
struct ksync_thread *ksync_slot_reader(const struct ksync_scan *s, u32 *handle)
{
	struct ksync_slot *slot = xa_load(&s->d->slots, s->index);

	if (!slot || !reads(slot, s->entry, s->id))
		return NULL;
	*handle = s->index / KSYNC_THREAD_SLOTS_MAX;
	return slot->thread;
}

/**
 * ksync_slot_next() - what the first slot at or after *@index says is read
 * @d: domain
 * @index: where to begin; where the slot was found
 * @ids: KSYNC_SLOTS numbers, of rwlocks or of nothing
 * @n: set to how many
 *
 * Return: the handle of the slot's thread; 0: there is no such slot.  Go on with
 * *@index + 1.
 */
u32 ksync_slot_next(struct ksync_domain *d, unsigned long *index, u32 *ids, u32 *n)
{
	struct ksync_slot *slot;
	u32 i, entry;

	*n = 0;
	rcu_read_lock();
	slot = xa_find(&d->slots, index, ULONG_MAX, XA_PRESENT);
	for (i = 0; slot && i < KSYNC_SLOTS; i++) {
		entry = READ_ONCE(slot->entries[i]);
		if (entry >> 24)
			ids[(*n)++] = entry & KSYNC_SLOT_ID;
	}
	smp_rmb(); /* see reads() */
	if (slot && !ksync_thread_alive(slot->thread))
		*n = 0;
	rcu_read_unlock();
	return slot ? *index / KSYNC_THREAD_SLOTS_MAX : 0;
}

/** ksync_slot_index() - where the slots of a thread begin */
unsigned long ksync_slot_index(u32 handle)
{
	return slot_index(handle, 0);
}

/** ksync_slot_count() - how many threads read an rwlock; may sleep */
u32 ksync_slot_count(struct ksync_domain *d, u32 id)
{
	struct ksync_scan s = { .d = d, .id = id };
	u32 n = 0;

	for (; ksync_slot_scan(&s); s.entry++)
		n++;
	return n;
}
