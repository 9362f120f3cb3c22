// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: slot cells, in which threads say what they read.
 *
 * They form a list that only grows, at its head, so that it can be walked without a
 * lock.  A cell whose owner is dead is given to the next one that asks.
 */
#include "futex.h"

/* How many cells of others to look at, for a dead owner, before a new one is made. */
#define LOOKS	8

static struct ksync_shadow *shadow_of(struct ksync *d, uint32_t id)
{
	return id && id < header_of(d)->max_objects ? &d->shadow[id] : NULL;
}

static uint32_t *entries_of(struct ksync *d, const struct ksync_shadow *s)
{
	return (uint32_t *)&d->cells[s - d->shadow];
}

/* The first slot cell after @s that is @tid's, or anybody's if that is 0. */
static struct ksync_shadow *walk(struct ksync *d, struct ksync_shadow *s, uint32_t tid)
{
	do {
		s = shadow_of(d, s ? load(&s->next) : load(&header_of(d)->slots));
	} while (s && tid && load(&s->tid) != tid);
	return s;
}

/** ksync_futex_slot_find() - the entry by which a thread reads an rwlock; or NULL */
uint32_t *ksync_futex_slot_find(struct ksync *d, uint32_t self, uint32_t id)
{
	struct ksync_shadow *s = NULL;
	uint32_t *entries, i, v;

	while ((s = walk(d, s, self))) {
		entries = entries_of(d, s);
		for (i = 0; i < KSYNC_SLOTS; i++) {
			v = load(&entries[i]);
			if (v >> 24 && (v & KSYNC_SLOT_ID) == id)
				return &entries[i];
		}
	}
	return NULL;
}

/*
 * As the library looks for one: the first cell that a thread got comes first.  It
 * is the last one in the list.
 */
uint32_t *ksync_futex_slot_free(struct ksync *d, uint32_t self)
{
	struct ksync_shadow *s = NULL;
	uint32_t *found = NULL, *entries, i;

	while ((s = walk(d, s, self))) {
		entries = entries_of(d, s);
		for (i = 0; i < KSYNC_SLOTS; i++) {
			if (!load(&entries[i])) {
				found = &entries[i];
				break;
			}
		}
	}
	return found;
}

/**
 * ksync_futex_slot_next() - look at everybody's entries
 * @d: domain
 * @entry: the one before, or NULL
 * @id: the rwlock in question
 * @tid: whose it is
 *
 * Return: the next entry that names it; or NULL.
 */
uint32_t *ksync_futex_slot_next(struct ksync *d, uint32_t *entry, uint32_t id, uint32_t *tid)
{
	struct ksync_shadow *s = NULL;
	uint32_t i = KSYNC_SLOTS, at, v;

	if (entry) {
		at = entry - (uint32_t *)d->cells;
		s = shadow_of(d, at / KSYNC_SLOTS);
		i = at % KSYNC_SLOTS + 1;
	}
	for (;; i++) {
		if (i >= KSYNC_SLOTS) {
			s = walk(d, s, 0);
			i = 0;
		}
		if (!s)
			return NULL;
		v = load(&entries_of(d, s)[i]);
		if (v >> 24 && (v & KSYNC_SLOT_ID) == id)
			break;
	}
	*tid = load(&s->tid);
	return &entries_of(d, s)[i];
}

static void clear(struct ksync *d, const struct ksync_shadow *s)
{
	uint32_t *entries = entries_of(d, s), i;

	for (i = 0; i < KSYNC_SLOTS; i++)
		store(&entries[i], 0);
}

/* With the domain's inner lock. The dead reader's locks are free of it. */
static struct ksync_shadow *reuse(struct ksync *d, uint32_t self, uint32_t looks)
{
	struct ksync_futex_header *h = header_of(d);
	struct ksync_shadow *s = shadow_of(d, h->cursor);

	while (looks--) {
		s = walk(d, s, 0);
		h->cursor = s ? s - d->shadow : 0;
		if (!s)
			return NULL;
		if (load(&s->tid) != self && ksync_futex_dead(load(&s->tid))) {
			clear(d, s);
			store(&s->tid, self);
			return s;
		}
	}
	return NULL;
}

static int make(struct ksync *d, uint32_t self, uint32_t *id)
{
	struct ksync_futex_header *h = header_of(d);
	int ret = ksync_futex_object_alloc(d, KSYNC_KIND_SLOT, id);

	if (ret)
		return ret;
	store(&d->shadow[*id].tid, self);
	store(&d->shadow[*id].next, h->slots);
	store(&h->slots, *id);
	return 0;
}

static int give(struct ksync *d, uint32_t self, uint32_t *id)
{
	struct ksync_shadow *s = NULL;
	int n = 0, ret = 0;

	while ((s = walk(d, s, self)))
		n++;
	if (n == KSYNC_THREAD_SLOTS_MAX)
		return -EAGAIN;
	s = reuse(d, self, LOOKS);
	if (!s)
		ret = make(d, self, id);
	if (ret == -ENOSPC) {
		s = reuse(d, self, UINT32_MAX);
		if (!s)
			s = reuse(d, self, UINT32_MAX);
	}
	if (s) {
		*id = s - d->shadow;
		ret = 0;
	}
	return ret;
}

/** ksync_futex_slot_attach() - KSYNC_IOC_ATTACH */
int ksync_futex_slot_attach(struct ksync *d, struct ksync_attach *arg)
{
	struct inner l;
	int ret = 0;

	if (arg->flags == (KSYNC_ATTACH_SLOT | KSYNC_ATTACH_CEILING) || arg->slot ||
	    arg->flags & ~(KSYNC_ATTACH_SLOT | KSYNC_ATTACH_CEILING))
		return -EINVAL;
	arg->thread = ksync_futex_self();
	if (arg->flags & KSYNC_ATTACH_CEILING)
		return -EOPNOTSUPP;
	if (arg->flags & KSYNC_ATTACH_SLOT) {
		ksync_futex_inner_lock(&l, &header_of(d)->inner);
		ret = give(d, arg->thread, &arg->slot);
		ksync_futex_inner_unlock(&l);
	}
	return ret;
}
