// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a wait on many objects.
 *
 * Each object that nobody else waits for needs a state as long as we do.  Of the queues
 * that we leave, states come back.  All that is kept by the domain when the call is
 * over: to allocate, charge and set up what 64 objects need takes longer than to wait
 * for them.
 *
 * Who waits has the memory with it.  So there need be no more of it than threads that
 * run between two waits: one for each CPU.  It is freed when there has been no call for
 * a second, or when the next one is much smaller: who waits for little is not to keep
 * what others could use, and max_waiters is to bound the memory of all.
 */
#include <linux/slab.h>
#include <linux/smp.h>

#include "many.h"

/* How long memory is kept that nobody needs, in jiffies. */
#define KEEP_FOR	HZ

/* Sizes differ by so many items. */
#define ROUND_TO	4

/* For so many items at least, a memory is of use to any call that it is enough for. */
#define SMALL		16

static struct kmem_cache *part_cache;

/* With a constructor, what is written in full before it is read is not zeroed first. */
static void part_init(void *part)
{
}

int ksync_many_init(void)
{
	part_cache = kmem_cache_create("ksync_part", sizeof(struct ksync_part), 0,
				       SLAB_ACCOUNT, part_init);
	return part_cache ? 0 : -ENOMEM;
}

void ksync_many_exit(void)
{
	kmem_cache_destroy(part_cache);
}

static void memory_free(struct ksync_many_memory *m)
{
	if (!m)
		return;
	ksync_state_free_bulk(m->spares, m->nr_spares);
	kmem_cache_free_bulk(part_cache, m->max + 1, (void **)m->parts);
	kfree(m);
}

static struct ksync_many_memory *memory_alloc(u32 count)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	const u32 max = round_up(count, ROUND_TO), n = max + 1;
	struct ksync_many_memory *m;
	u32 i;

	m = kmalloc(struct_size(m, parts, n) + max * (sizeof(*m->spares) + sizeof(*m->order)),
		    gfp);
	if (!m)
		return NULL;
	m->max = max;
	m->used = false;
	m->nr_spares = 0;
	m->spares = (void *)(m->parts + n);
	m->order = (void *)(m->spares + max);
	if (!kmem_cache_alloc_bulk(part_cache, gfp, n, (void **)m->parts)) {
		kfree(m);
		return NULL;
	}
	for (i = 0; i < n; i++)
		ksync_waiter_setup(&m->parts[i]->own);
	return m;
}

/* Others may be there, too: whoever takes it out has it.  See tools/verify/kept.pml. */
static struct ksync_many_memory **kept_at(struct ksync_domain *d)
{
	return &d->many_kept[raw_smp_processor_id() % KSYNC_MANY_KEPT];
}

static bool fits(const struct ksync_many_memory *m, u32 count)
{
	return m->max >= count && (m->max <= SMALL || m->max / 4 <= count);
}

static struct ksync_many_memory *take_kept(struct ksync_domain *d, u32 count)
{
	struct ksync_many_memory **at = kept_at(d);
	struct ksync_many_memory *m = READ_ONCE(*at) ? xchg(at, NULL) : NULL;

	if (m && fits(m, count))
		return m;
	memory_free(m);
	return NULL;
}

/* Who waits for any of them is in all queues at once. */
static bool get_spares(struct ksync_many_memory *m, u32 wanted)
{
	const u32 have = m->nr_spares;

	if (have >= wanted)
		return true;
	if (!ksync_state_alloc_bulk(m->spares + have, wanted - have))
		return false;
	m->nr_spares = wanted;
	return true;
}

/**
 * ksync_many_alloc() - what a call needs
 * @c: its arguments are known
 *
 * Return: 0, or -ENOMEM; after 0, ksync_many_free() follows.
 */
int ksync_many_alloc(struct ksync_many_call *c)
{
	const u32 count = c->arg->count;
	struct ksync_many_memory *m = take_kept(c->domain, count) ?: memory_alloc(count);

	if (!m)
		return -ENOMEM;
	if (!get_spares(m, c->arg->flags & KSYNC_MANY_ALL ? 0 : count)) {
		memory_free(m);
		return -ENOMEM;
	}
	c->memory = m;
	c->parts = m->parts;
	c->order = m->order;
	return 0;
}

/** ksync_many_free() - undoes that; no part is in */
void ksync_many_free(struct ksync_many_call *c)
{
	struct ksync_domain *d = c->domain;
	struct ksync_many_memory *m = c->memory;

	m->used = true;
	if (cmpxchg(kept_at(d), NULL, m))
		memory_free(m);
	else
		queue_delayed_work(ksync_wq, &d->many_shrink, KEEP_FOR);
}

/* Return: whether it is still kept. */
static bool shrink_one(struct ksync_many_memory **at)
{
	struct ksync_many_memory *m = READ_ONCE(*at) ? xchg(at, NULL) : NULL;
	bool used;

	if (!m)
		return false;
	used = m->used;
	m->used = false;
	if (used && !cmpxchg(at, NULL, m))
		return true;
	memory_free(m);
	return false;
}

/* Once a second while there are calls: whose memory is out, comes here again. */
static void shrink(struct work_struct *work)
{
	struct ksync_domain *d = container_of(to_delayed_work(work), struct ksync_domain,
					      many_shrink);
	bool any = false;
	u32 i;

	for (i = 0; i < KSYNC_MANY_KEPT; i++)
		any |= shrink_one(&d->many_kept[i]);
	if (any)
		queue_delayed_work(ksync_wq, &d->many_shrink, KEEP_FOR);
}

/** ksync_many_open() - of a new domain, zeroed */
void ksync_many_open(struct ksync_domain *d)
{
	INIT_DEFERRABLE_WORK(&d->many_shrink, shrink);
}

/** ksync_many_release() - nobody is in a call, nor will be */
void ksync_many_release(struct ksync_domain *d)
{
	u32 i;

	cancel_delayed_work_sync(&d->many_shrink);
	for (i = 0; i < KSYNC_MANY_KEPT; i++)
		memory_free(d->many_kept[i]);
}
