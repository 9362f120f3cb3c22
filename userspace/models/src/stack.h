/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* Stacks of tasks, by sizes, and how it is noticed that one was too small. */
#ifndef KSYNC_MODELS_STACK_H
#define KSYNC_MODELS_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_CLASSES	12	/* 16 KiB to 32 MiB */
#define STACK_MIN_SHIFT	14
#define CACHED_STACKS	64
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

/**
 * struct stack_class - stacks of one size
 * @size: of each, without guard
 * @slabs: mapped, the newest first: the one that new ones are carved from
 * @free: lower ends of free ones: those without guard [0], with [1]
 * @nfree: of these
 * @cold: that have no memory, the first ones in the array
 * @lowest: least value of @nfree since the last trim
 */
struct stack_class {
	uint32_t lock;
	size_t size;
	struct stack_slab *slabs;
	struct {
		char **free;
		size_t nfree;
		size_t room;
		size_t cold;
		size_t lowest;
	} pool[2];
	uint64_t trimmed;
};

/* stack.c */
struct ksync_task *ksync_stack_get(struct ksync_sched *s, struct proc *p, size_t size);
void ksync_stack_put(struct ksync_sched *s, struct proc *p, struct ksync_task *t);
void ksync_stack_trim(struct ksync_sched *s);
void ksync_stack_end(struct ksync_sched *s);
struct ksync_task *ksync_stack_top(const struct ksync_sched *s, uint32_t class, char *low);
void ksync_stacks_each(struct ksync_sched *s,
		       void (*fn)(struct ksync_task *t, void *arg), void *arg);
int ksync_stack_class(size_t size);

/* guard.c */
bool ksync_guard_set(char *low);
void ksync_guard_forget(uint32_t n);
void ksync_stack_check(const struct ksync_task *t, const void *sp);
void ksync_stack_seal(struct ksync_task *t);
int ksync_overflow_report(void);
void ksync_overflow_thread(struct machine *m);

#endif /* KSYNC_MODELS_STACK_H */
