// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Stacks, and the tasks at their tops.
 *
 * Stacks are carved out of slabs of address space, of which the kernel fills in what
 * is touched.  Each has room for a guard page at its low end; whether that is
 * protected depends on how many there are, see guard.c.  Free ones are kept: a few
 * with each proc, the others here, the last used one on top; of those that have not
 * been needed for a while the memory is given back, but for HOT of them.
 *
 * Tops of stacks are all alike, modulo their size, and would fall into the same few
 * sets of the caches.  So a stack begins up to 23 cache lines below its end, and still
 * a task that waits at no great depth has touched one page.
 *
 * What is in a slab stays mapped as long as the scheduler is there.  So who looks at a
 * task that has ended sees an old number, or zeroes, and no fault.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "internal.h"

#define SLAB_SIZE	(4UL << 20)
#define HOT		16384U
#define TRIM_BATCH	4096U
#define TRIM_PERIOD	100000000ULL
#define COLOURS		24

/** ksync_stack_class() - for a size in bytes; -EINVAL: too large */
int ksync_stack_class(size_t size)
{
	int class = 0;

	while (class < STACK_CLASSES && size > 1UL << (STACK_MIN_SHIFT + class))
		class++;
	return class < STACK_CLASSES ? class : -EINVAL;
}

static size_t stride(const struct stack_class *c)
{
	return c->size + GUARD_SIZE;
}

/** ksync_stack_top() - the task of the stack whose guard page begins at @low */
struct ksync_task *ksync_stack_top(const struct ksync_sched *s, uint32_t class, char *low)
{
	const struct stack_class *c = &s->classes[class];
	uintptr_t colour = (uintptr_t)low / GUARD_SIZE % COLOURS * 64;
	uintptr_t end = (uintptr_t)low + stride(c) - 64 - colour;

	return (struct ksync_task *)((end - sizeof(struct ksync_task)) & ~63UL);
}

static int map_slab(struct stack_class *c)
{
	struct stack_slab *slab = malloc(sizeof(*slab));
	uint32_t n = SLAB_SIZE / stride(c);

	if (!slab)
		return -ENOMEM;
	slab->n = n ? n : 1;
	slab->carved = 0;
	slab->guarded = 0;
	slab->base = mmap(NULL, slab->n * stride(c), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (slab->base == MAP_FAILED) {
		free(slab);
		return -ENOMEM;
	}
	/* Two pages of a stack are touched, not 2 MiB of them. */
	madvise(slab->base, slab->n * stride(c), MADV_NOHUGEPAGE);
	slab->link = c->slabs;
	store(&c->slabs, slab);
	return 0;
}

static char *pop(struct stack_class *c, int guarded)
{
	if (!c->pool[guarded].nfree)
		return NULL;
	c->pool[guarded].nfree--;
	if (c->pool[guarded].cold > c->pool[guarded].nfree)
		c->pool[guarded].cold = c->pool[guarded].nfree;
	if (c->pool[guarded].lowest > c->pool[guarded].nfree)
		c->pool[guarded].lowest = c->pool[guarded].nfree;
	return c->pool[guarded].free[c->pool[guarded].nfree];
}

/* A new one. @c is locked. */
static char *carve(struct stack_class *c, bool *guarded)
{
	struct stack_slab *slab = c->slabs;
	char *low;

	if (!slab || slab->carved == slab->n) {
		if (map_slab(c))
			return NULL;
		slab = c->slabs;
	}
	low = slab->base + slab->carved * stride(c);
	*guarded = ksync_guard_set(low);
	slab->guarded += *guarded;
	store_release(&slab->carved, slab->carved + 1);
	return low;
}

static struct ksync_task *from_class(struct ksync_sched *s, uint32_t class)
{
	struct stack_class *c = &s->classes[class];
	struct ksync_task *t;
	bool guarded = true;
	char *low;

	lock(&c->lock);
	low = pop(c, 1);
	if (!low) {
		low = pop(c, 0);
		guarded = false;
	}
	if (!low)
		low = carve(c, &guarded);
	unlock(&c->lock);
	if (!low)
		return NULL;
	t = ksync_stack_top(s, class, low);
	t->low = low + GUARD_SIZE;
	t->class = class;
	t->flags = guarded ? TASK_GUARDED : 0;
	ksync_stack_seal(t);
	return t;
}

/**
 * ksync_stack_get() - a task with a stack
 * @s: scheduler
 * @p: the caller's proc; or NULL
 * @size: of the stack; 0: the scheduler's
 */
struct ksync_task *ksync_stack_get(struct ksync_sched *s, struct proc *p, size_t size)
{
	int class = size ? ksync_stack_class(size) : (int)s->class;
	struct ksync_task *t;

	if (p && p->nfree && class == (int)s->class) {
		t = p->free;
		p->free = t->next;
		p->nfree--;
		return t;
	}
	return from_class(s, class);
}

/* @c is locked. Without room the stack is lost until the scheduler ends. */
static void push(struct stack_class *c, struct ksync_task *t)
{
	const int guarded = !!(t->flags & TASK_GUARDED);
	size_t room = c->pool[guarded].room;
	char **array;

	if (c->pool[guarded].nfree == room) {
		room = room ? 2 * room : 256;
		array = realloc(c->pool[guarded].free, room * sizeof(*array));
		if (!array)
			return;
		c->pool[guarded].free = array;
		c->pool[guarded].room = room;
	}
	c->pool[guarded].free[c->pool[guarded].nfree++] = t->low - GUARD_SIZE;
}

/** ksync_stack_put() - the task has ended, and nobody asks for it any more */
void ksync_stack_put(struct ksync_sched *s, struct proc *p, struct ksync_task *t)
{
	struct stack_class *c = &s->classes[t->class];
	uint32_t i;

	store(&t->state, TASK_FREE);
	if (p && t->class == s->class) {
		t->next = p->free;
		p->free = t;
		if (++p->nfree < CACHED_STACKS)
			return;
		lock(&c->lock);
		for (i = 0; i < CACHED_STACKS / 2; i++) {
			t = p->free;
			p->free = t->next;
			push(c, t);
		}
		p->nfree -= i;
		unlock(&c->lock);
		return;
	}
	lock(&c->lock);
	push(c, t);
	unlock(&c->lock);
}

/* Of the stacks that nobody wanted for a while, the ones used longest ago. */
static void trim(struct stack_class *c, int guarded)
{
	size_t cold = c->pool[guarded].cold, idle = c->pool[guarded].lowest;
	size_t keep = HOT * (1UL << 16) / c->size, end;

	c->pool[guarded].lowest = c->pool[guarded].nfree;
	if (idle < cold + keep)
		return;
	end = idle - keep;
	if (end > cold + TRIM_BATCH)
		end = cold + TRIM_BATCH;
	for (; cold < end; cold++)
		madvise(c->pool[guarded].free[cold] + GUARD_SIZE, c->size, MADV_DONTNEED);
	c->pool[guarded].cold = cold;
}

/** ksync_stack_trim() - give back memory; called when there is nothing else to do */
void ksync_stack_trim(struct ksync_sched *s)
{
	uint64_t now = 0;
	uint32_t i;

	for (i = 0; i < STACK_CLASSES; i++) {
		struct stack_class *c = &s->classes[i];

		if (!load(&c->slabs))
			continue;
		if (!now)
			now = ksync_clock(NULL);
		lock(&c->lock);
		if (now - c->trimmed >= TRIM_PERIOD) {
			c->trimmed = now;
			trim(c, 0);
			trim(c, 1);
		}
		unlock(&c->lock);
	}
}

/** ksync_stacks_each() - call a function for each task that has not ended */
void ksync_stacks_each(struct ksync_sched *s,
		       void (*fn)(struct ksync_task *t, void *arg), void *arg)
{
	struct stack_slab *slab;
	struct ksync_task *t;
	uint32_t i, n, class;

	for (class = 0; class < STACK_CLASSES; class++) {
		lock(&s->classes[class].lock);
		slab = s->classes[class].slabs;
		unlock(&s->classes[class].lock);
		for (; slab; slab = slab->link) {
			n = load_acquire(&slab->carved);
			for (i = 0; i < n; i++) {
				t = ksync_stack_top(s, class, slab->base +
						    i * stride(&s->classes[class]));
				if (load(&t->state) != TASK_FREE)
					fn(t, arg);
			}
		}
	}
}

/** ksync_stack_end() - unmap it all */
void ksync_stack_end(struct ksync_sched *s)
{
	struct stack_slab *slab;
	struct stack_class *c;

	for (c = s->classes; c < s->classes + STACK_CLASSES; c++) {
		while ((slab = c->slabs)) {
			c->slabs = slab->link;
			ksync_guard_forget(slab->guarded);
			munmap(slab->base, slab->n * stride(c));
			free(slab);
		}
		free(c->pool[0].free);
		free(c->pool[1].free);
	}
}
