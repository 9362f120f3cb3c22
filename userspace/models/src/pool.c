// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Tasks that are free, with each proc and with each class of stacks.
 *
 * A task belongs to a class for good, and there is a stack for each of a class: see
 * stack.c.  What was a task's memory stays one's as long as the scheduler is there.  So
 * who looks at a task that has ended sees an old number of a wait, and no fault.
 */
#include <stdlib.h>
#include <string.h>
#include "internal.h"

#define SLAB_TASKS	64
#define STRIDE		((sizeof(struct ksync_task) + 63) & ~63UL)

static int new_slab(struct stack_class *c)
{
	struct task_slab *slab = malloc(sizeof(*slab));

	if (!slab)
		return -ENOMEM;
	slab->base = aligned_alloc(64, SLAB_TASKS * STRIDE);
	if (!slab->base) {
		free(slab);
		return -ENOMEM;
	}
	memset(slab->base, 0, SLAB_TASKS * STRIDE);
	slab->carved = 0;
	slab->link = c->task_slabs;
	store(&c->task_slabs, slab);
	return 0;
}

/* A new one. @c is locked. */
static struct ksync_task *carve(struct ksync_sched *s, struct stack_class *c)
{
	struct task_slab *slab = c->task_slabs;
	struct ksync_task *t;

	if (ksync_stack_reserve(s, c, c->tasks + 1))
		return NULL;
	if (!slab || slab->carved == SLAB_TASKS) {
		if (new_slab(c))
			return NULL;
		slab = c->task_slabs;
	}
	t = (struct ksync_task *)(slab->base + slab->carved * STRIDE);
	t->class = c - s->classes;
	store_release(&slab->carved, slab->carved + 1);
	c->tasks++;
	return t;
}

/**
 * ksync_pool_get() - a task, for which there will be a stack
 * @s: scheduler
 * @p: the caller's proc; or NULL
 * @size: of the stack; 0: the scheduler's
 */
struct ksync_task *ksync_pool_get(struct ksync_sched *s, struct proc *p, size_t size)
{
	uint32_t class = size ? (uint32_t)ksync_stack_class(size) : s->class;
	struct stack_class *c = &s->classes[class];
	struct ksync_task *t;

	if (likely(p && p->nfree && class == s->class)) {
		t = p->free;
		p->free = t->next;
		p->nfree--;
		return t;
	}
	lock(&c->lock);
	t = c->free_tasks;
	if (t)
		c->free_tasks = t->next;
	else
		t = carve(s, c);
	unlock(&c->lock);
	return t;
}

/* @c is locked. */
static void push(struct stack_class *c, struct ksync_task *t)
{
	t->next = c->free_tasks;
	c->free_tasks = t;
}

/** ksync_pool_put() - the task has ended, and nobody asks for it any more */
void ksync_pool_put(struct ksync_sched *s, struct proc *p, struct ksync_task *t)
{
	struct stack_class *c = &s->classes[t->class];
	uint32_t i;

	store(&t->state, TASK_FREE);
	if (likely(p && t->class == s->class)) {
		t->next = p->free;
		p->free = t;
		if (likely(++p->nfree < CACHED_TASKS))
			return;
		lock(&c->lock);
		for (i = 0; i < CACHED_TASKS / 2; i++) {
			t = p->free;
			p->free = t->next;
			push(c, t);
		}
		unlock(&c->lock);
		p->nfree -= i;
		return;
	}
	lock(&c->lock);
	push(c, t);
	unlock(&c->lock);
}

/** ksync_pool_each() - call a function for each task that has not ended */
void ksync_pool_each(struct ksync_sched *s,
		     void (*fn)(struct ksync_task *t, void *arg), void *arg)
{
	struct task_slab *slab;
	struct stack_class *c;
	struct ksync_task *t;
	uint32_t i, n;

	for (c = s->classes; c < s->classes + STACK_CLASSES; c++) {
		lock(&c->lock);
		slab = c->task_slabs;
		unlock(&c->lock);
		for (; slab; slab = slab->link) {
			n = load_acquire(&slab->carved);
			for (i = 0; i < n; i++) {
				t = (struct ksync_task *)(slab->base + i * STRIDE);
				if (load(&t->state) != TASK_FREE)
					fn(t, arg);
			}
		}
	}
}

/** ksync_pool_end() - nobody looks at them any more */
void ksync_pool_end(struct ksync_sched *s)
{
	struct task_slab *slab;
	struct stack_class *c;

	for (c = s->classes; c < s->classes + STACK_CLASSES; c++) {
		while ((slab = c->task_slabs)) {
			c->task_slabs = slab->link;
			free(slab->base);
			free(slab);
		}
	}
}
