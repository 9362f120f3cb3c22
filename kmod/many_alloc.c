// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a wait on many objects: taken and given back in one go.
 *
 * Each object that nobody else waits for needs a state as long as we do.  There are as
 * many here, allocated together; those of the queues that we leave come back, and go
 * into the next round, or are freed together.
 */
#include <linux/slab.h>

#include "many.h"

/**
 * struct part_memory - a part and its waiter
 * @part: first
 * @w: any: its waiter. All: the first one's is that of the items, of which one at a
 *	time is waited for; the alert has its own
 */
struct part_memory {
	struct ksync_part part;
	struct ksync_waiter w;
};

static struct kmem_cache *part_cache;

/* With a constructor, what is written in full before it is read is not zeroed first. */
static void part_init(void *part)
{
}

int ksync_many_init(void)
{
	part_cache = kmem_cache_create("ksync_part", sizeof(struct part_memory), 0,
				       SLAB_ACCOUNT, part_init);
	return part_cache ? 0 : -ENOMEM;
}

void ksync_many_exit(void)
{
	kmem_cache_destroy(part_cache);
}

static u32 nr_spares(const struct ksync_many_call *c)
{
	return c->arg->flags & KSYNC_MANY_ALL ? 0 : c->arg->count;
}

static struct ksync_waiter *waiter_of(struct ksync_part *p)
{
	return &container_of(p, struct part_memory, part)->w;
}

static void parts_init(struct ksync_many_call *c)
{
	const bool all = c->arg->flags & KSYNC_MANY_ALL;
	struct ksync_part *p;
	u32 i;

	for (i = 0; i <= c->arg->count; i++) {
		p = c->parts[i];
		p->w = waiter_of(all && i < c->arg->count ? c->parts[0] : p);
		p->in = false;
		p->taken = false;
		p->hopeless = false;
	}
}

/**
 * ksync_many_alloc() - what a call needs
 * @c: its arguments are known
 *
 * Return: 0, or -ENOMEM; after 0, ksync_many_free() follows.
 */
int ksync_many_alloc(struct ksync_many_call *c)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	const u32 n = c->arg->count + 1;
	const u32 spares = nr_spares(c);

	c->parts = kmalloc(n * (sizeof(*c->parts) + sizeof(*c->order)) +
			   spares * sizeof(*c->spares), gfp);
	if (!c->parts)
		return -ENOMEM;
	c->spares = (void *)(c->parts + n);
	c->order = (void *)(c->spares + spares);
	if (!kmem_cache_alloc_bulk(part_cache, gfp, n, (void **)c->parts))
		goto free_parts;
	if (spares && !ksync_state_alloc_bulk(c->spares, spares))
		goto free_bulk;
	c->nr_spares = spares;
	parts_init(c);
	return 0;

free_bulk:
	kmem_cache_free_bulk(part_cache, n, (void **)c->parts);
free_parts:
	kfree(c->parts);
	return -ENOMEM;
}

/** ksync_many_free() - undoes that; no part is in */
void ksync_many_free(struct ksync_many_call *c)
{
	ksync_state_free_bulk(c->spares, c->nr_spares);
	kmem_cache_free_bulk(part_cache, c->arg->count + 1, (void **)c->parts);
	kfree(c->parts);
}

/** ksync_many_state() - as ksync_state_alloc(), for a part that is about to wait */
struct ksync_state *ksync_many_state(struct ksync_many_call *c)
{
	return c->nr_spares ? ksync_state_renew(c->spares[--c->nr_spares]) :
			      ksync_state_alloc();
}

/**
 * ksync_many_spare() - as ksync_state_free(), of a state that a part has left
 * @c: call
 * @st: may be NULL
 *
 * Not of a lock, which is watched: so its timer was never used, nor that of its lives
 * before, for what threads keep goes to locks and conds' own queues alone.
 */
void ksync_many_spare(struct ksync_many_call *c, struct ksync_state *st)
{
	if (st && c->nr_spares < nr_spares(c))
		c->spares[c->nr_spares++] = st;
	else
		ksync_state_free(st);
}
