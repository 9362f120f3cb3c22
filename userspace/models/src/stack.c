// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Stacks.
 *
 * A task has one from its first run to its end, not while it only is ready, or waits to
 * be joined: of many that are spawned and do little, a few stacks are used again and
 * again, and stay in the caches.
 *
 * Stacks are carved out of slabs of address space, of which the kernel fills in what
 * is touched.  Each has room for a guard page at its low end; whether that is
 * protected depends on how many there are, see guard.c.  Free ones are kept: a few
 * with each proc, the others here, the last used one on top; of those that have not
 * been needed for a while the memory is given back, but for HOT of them.
 *
 * Nobody can be told at a task's first run that there is no stack.  So there is one for
 * each task that was made (pool.c), and as many more as procs may keep, for each size:
 * however they are spread, a task that has none finds one.
 *
 * Tops of stacks are all alike, modulo their size, and would fall into the same few
 * sets of the caches.  So a stack begins up to 23 cache lines below its end, and still
 * a task that waits at no great depth has touched one page.
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

/** ksync_stack_begin() - sizes; there is no memory yet */
void ksync_stack_begin(struct ksync_sched *s)
{
	struct stack_class *c;
	size_t n;
	int i;

	for (i = 0; i < STACK_CLASSES; i++) {
		c = &s->classes[i];
		c->size = 1UL << (STACK_MIN_SHIFT + i);
		n = SLAB_SIZE / c->size / 2;
		c->keep = n < CACHED_STACKS ? n : CACHED_STACKS;
	}
}

static size_t stride(const struct stack_class *c)
{
	return c->size + GUARD_SIZE;
}

/* Where the stack begins whose guard page is at @low, and its seal ends: see guard.c. */
static char *top_of(const struct stack_class *c, char *low)
{
	uintptr_t colour = (uintptr_t)low / GUARD_SIZE % COLOURS * 64;

	return low + stride(c) - 64 - colour;
}

/* In the arrays of free ones, for all, so that none is lost. */
static int make_room(struct stack_class *c, size_t stacks)
{
	size_t room = 2 * c->room > stacks ? 2 * c->room : stacks;
	char **array;
	int i;

	if (stacks <= c->room)
		return 0;
	for (i = 0; i < 2; i++) {
		array = realloc(c->pool[i].free, room * sizeof(*array));
		if (!array)
			return -ENOMEM;
		c->pool[i].free = array;
	}
	c->room = room;
	return 0;
}

static int map_slab(struct stack_class *c)
{
	uint32_t n = SLAB_SIZE / stride(c) ? : 1;
	struct stack_slab *slab = malloc(sizeof(*slab));

	if (!slab || make_room(c, c->stacks + n))
		goto no_memory;
	slab->n = n;
	slab->carved = 0;
	slab->guarded = 0;
	slab->base = mmap(NULL, slab->n * stride(c), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (slab->base == MAP_FAILED)
		goto no_memory;
	/* Two pages of a stack are touched, not 2 MiB of them. */
	madvise(slab->base, slab->n * stride(c), MADV_NOHUGEPAGE);
	slab->link = NULL;
	if (c->last)
		c->last->link = slab;
	else
		store(&c->slabs, slab);
	c->last = slab;
	if (!c->carving)
		c->carving = slab;
	c->stacks += n;
	return 0;
no_memory:
	free(slab);
	return -ENOMEM;
}

/**
 * ksync_stack_reserve() - have stacks for @tasks tasks
 * @s: scheduler
 * @class: of them, locked
 */
int ksync_stack_reserve(struct ksync_sched *s, struct stack_class *c, size_t tasks)
{
	if (c == &s->classes[s->class])
		tasks += s->nprocs * c->keep;
	while (c->stacks < tasks)
		if (map_slab(c))
			return -ENOMEM;
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

/* A new one: there is one. @c is locked. */
static char *carve(struct stack_class *c, bool *guarded)
{
	struct stack_slab *slab = c->carving;
	char *low = slab->base + slab->carved * stride(c);

	*guarded = ksync_guard_set(low);
	slab->guarded += *guarded;
	if (++slab->carved == slab->n)
		c->carving = slab->link;
	return low;
}

static void own(struct ksync_task *t, const struct stack_class *c, char *low, bool guarded)
{
	t->low = low + GUARD_SIZE;
	t->top = top_of(c, low);
	t->flags = guarded ? TASK_GUARDED : 0;
}

static void take_from_class(struct stack_class *c, struct ksync_task *t)
{
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
	own(t, c, low, guarded);
	if (!guarded)
		ksync_stack_seal(t);
}

/* A guard page's address, and in its lowest bit whether it is protected. */
static char *kept(const struct ksync_task *t)
{
	return t->low - GUARD_SIZE + !!(t->flags & TASK_GUARDED);
}

/**
 * ksync_stack_take() - give a task a stack, for which there is one
 * @s: scheduler
 * @p: the caller's proc
 * @t: task
 */
void ksync_stack_take(struct ksync_sched *s, struct proc *p, struct ksync_task *t)
{
	struct stack_class *c = &s->classes[t->class];
	char *stack;
	bool guarded;

	if (unlikely(!p->nstacks || t->class != s->class)) {
		take_from_class(c, t);
		return;
	}
	stack = p->stacks[--p->nstacks];
	guarded = (uintptr_t)stack & 1;
	own(t, c, stack - guarded, guarded);
}

/* @c is locked. */
static void push(struct stack_class *c, char *stack)
{
	const int guarded = (uintptr_t)stack & 1;

	c->pool[guarded].free[c->pool[guarded].nfree++] = stack - guarded;
}

/* Those that were used longest ago. */
static void give_half(struct stack_class *c, struct proc *p)
{
	uint32_t i, half = (p->nstacks + 1) / 2;

	lock(&c->lock);
	for (i = 0; i < half; i++)
		push(c, p->stacks[i]);
	unlock(&c->lock);
	p->nstacks -= half;
	for (i = 0; i < p->nstacks; i++)
		p->stacks[i] = p->stacks[half + i];
}

/**
 * ksync_stack_give() - a task is off its stack for good
 * @s: scheduler
 * @p: the caller's proc, or NULL
 * @t: task
 */
void ksync_stack_give(struct ksync_sched *s, struct proc *p, struct ksync_task *t)
{
	struct stack_class *c = &s->classes[t->class];

	if (likely(p && t->class == s->class && c->keep)) {
		if (p->nstacks == c->keep)
			give_half(c, p);
		p->stacks[p->nstacks++] = kept(t);
		return;
	}
	lock(&c->lock);
	push(c, kept(t));
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
