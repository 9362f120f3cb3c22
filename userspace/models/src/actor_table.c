// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The table of actors of this process: slots in chunks, which are made when needed and
 * never given back, and a list of those that are free.
 *
 * A slot's generation is raised when its actor ends, so an address is good while the
 * generation in it is the slot's.  One that has had the last generation is not used
 * again.
 */
#include <stdlib.h>
#include <string.h>
#include "actor_internal.h"

#define CHUNK_SHIFT	8
#define CHUNK		256U
#define CHUNKS		((INDEX_MASK + 1) >> CHUNK_SHIFT)

static struct actor *chunks[CHUNKS];
static uint32_t table_lock;
static uint32_t used;			/* slots that were ever given out */
static struct actor *free_slots;	/* by free */

/* @table_lock is locked. */
static struct actor *carve(void)
{
	struct actor *chunk, *a;

	/* The last index would be UNBOUNDED's bits; nobody needs it. */
	if (used >= INDEX_MASK)
		return NULL;
	chunk = chunks[used >> CHUNK_SHIFT];
	if (!chunk) {
		chunk = aligned_alloc(64, CHUNK * sizeof(*chunk));
		if (!chunk)
			return NULL;
		memset(chunk, 0, CHUNK * sizeof(*chunk));
		store_release(&chunks[used >> CHUNK_SHIFT], chunk);
	}
	a = &chunk[used % CHUNK];
	a->index = used;
	a->inbox = INBOX_CLOSED;
	store_release(&a->room, 1ULL << INDEX_BITS);
	used++;
	return a;
}

/** ksync_actor_get() - a slot, with a generation of its own; NULL: no memory, or room */
struct actor *ksync_actor_get(void)
{
	struct actor *a;

	lock(&table_lock);
	a = free_slots;
	if (a)
		free_slots = a->free;
	else
		a = carve();
	unlock(&table_lock);
	return a;
}

/** ksync_actor_put() - the actor has ended, and its generation was raised */
void ksync_actor_put(struct actor *a)
{
	if (load(&a->room) >> INDEX_BITS == GEN_MAX)
		return;
	lock(&table_lock);
	a->free = free_slots;
	free_slots = a;
	unlock(&table_lock);
}

/** ksync_actor_slot() - where an actor is, or was; NULL: there was none */
struct actor *ksync_actor_slot(uint64_t id)
{
	struct actor *chunk = load_acquire(&chunks[(id & INDEX_MASK) >> CHUNK_SHIFT]);

	return likely(chunk) ? &chunk[id % CHUNK] : NULL;
}

/** ksync_actor_lock() - lock it, if it is alive; NULL: it is not */
struct actor *ksync_actor_lock(uint64_t id)
{
	struct actor *a = ksync_actor_slot(id);

	if (!a || id_of(a) != id)
		return NULL;
	lock(&a->lock);
	if (a->alive && id_of(a) == id)
		return a;
	unlock(&a->lock);
	return NULL;
}

/**
 * ksync_actor_lock_both() - lock two that are not the same
 * @a: id of one
 * @b: id of the other
 * @x: set to that; NULL: it is dead, and neither is locked
 * @y: set to the other; NULL likewise
 *
 * Return: 0; -ESRCH.
 */
int ksync_actor_lock_both(uint64_t a, uint64_t b, struct actor **x, struct actor **y)
{
	const bool swap = (a & INDEX_MASK) > (b & INDEX_MASK);
	struct actor *one, *two = NULL;

	*x = NULL;
	*y = NULL;
	one = ksync_actor_lock(swap ? b : a);
	if (one)
		two = ksync_actor_lock(swap ? a : b);
	if (!two) {
		if (one)
			unlock(&one->lock);
		return -ESRCH;
	}
	*x = swap ? two : one;
	*y = swap ? one : two;
	return 0;
}

void ksync_actor_unlock_both(struct actor *x, struct actor *y)
{
	unlock(&x->lock);
	unlock(&y->lock);
}

/** ksync_actors_each() - call a function for each actor, which is locked and alive */
void ksync_actors_each(void (*fn)(struct actor *a, void *arg), void *arg)
{
	struct actor *a;
	uint32_t i, n;

	lock(&table_lock);
	n = used;
	unlock(&table_lock);
	for (i = 0; i < n; i++) {
		a = ksync_actor_slot(i);
		lock(&a->lock);
		if (a->alive)
			fn(a, arg);
		unlock(&a->lock);
	}
}
