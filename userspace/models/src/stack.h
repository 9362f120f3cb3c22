/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* Tasks and their stacks, by sizes; and how it is noticed that a stack was too small. */
#ifndef KSYNC_MODELS_STACK_H
#define KSYNC_MODELS_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_CLASSES	12	/* 16 KiB to 32 MiB */
#define STACK_MIN_SHIFT	14
#define CACHED_STACKS	64	/* with each proc */
#define CACHED_TASKS	64
#define GUARD_SIZE	4096UL

struct ksync_sched;
struct ksync_task;
struct machine;
struct proc;

struct stack_slab {
	struct stack_slab *link;
	char *base;
	uint32_t carved;
	uint32_t guarded;
	uint32_t n;
};

/* As many tasks as are made at a time. */
struct task_slab {
	struct task_slab *link;
	char *base;
	uint32_t carved;
};

/**
 * struct stack_class - stacks of one size, and tasks that have or will have one of them
 * @size: of each, without guard
 * @keep: how many of its own class a proc may keep
 * @slabs: mapped, up to @last; @carving: the first one that new ones are carved from
 * @stacks: in all slabs
 * @free: lower ends of free ones: those without guard [0], with [1]; there is @room
 * @nfree: of these
 * @cold: that have no memory, the first ones in the array
 * @lowest: least value of @nfree since the last trim
 * @task_slabs: the newest first
 * @tasks: carved; there is a stack for each of them
 * @free_tasks: by next
 */
struct stack_class {
	uint32_t lock;
	uint32_t keep;
	size_t size;
	struct stack_slab *slabs;
	struct stack_slab *last;
	struct stack_slab *carving;
	size_t stacks;
	size_t room;
	struct {
		char **free;
		size_t nfree;
		size_t cold;
		size_t lowest;
	} pool[2];
	uint64_t trimmed;
	struct task_slab *task_slabs;
	size_t tasks;
	struct ksync_task *free_tasks;
};

/* stack.c */
int ksync_stack_class(size_t size);
void ksync_stack_begin(struct ksync_sched *s);
int ksync_stack_reserve(struct ksync_sched *s, struct stack_class *c, size_t tasks);
void ksync_stack_take(struct ksync_sched *s, struct proc *p, struct ksync_task *t);
void ksync_stack_give(struct ksync_sched *s, struct proc *p, struct ksync_task *t);
void ksync_stack_trim(struct ksync_sched *s);
void ksync_stack_end(struct ksync_sched *s);

/* pool.c */
struct ksync_task *ksync_pool_get(struct ksync_sched *s, struct proc *p, size_t size);
void ksync_pool_put(struct ksync_sched *s, struct proc *p, struct ksync_task *t);
void ksync_pool_each(struct ksync_sched *s,
		     void (*fn)(struct ksync_task *t, void *arg), void *arg);
void ksync_pool_end(struct ksync_sched *s);

/* guard.c */
bool ksync_guard_set(char *low);
void ksync_guard_forget(uint32_t n);
void ksync_stack_check(const struct ksync_task *t, const void *sp);
void ksync_stack_seal(struct ksync_task *t);
int ksync_overflow_report(void);
void ksync_overflow_thread(struct machine *m);

#endif /* KSYNC_MODELS_STACK_H */
