/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kill storm: tasks that are killed while they hold locks or wait, by the
 * hundred thousand; and what is left afterwards, which must be nothing.
 *
 *	storm.c		options, waves, the killer
 *	storm_task.c	what each task does until it is killed
 *	storm_check.c	what is looked at after each wave, and before and after all
 */
#ifndef KSYNC_STORM_H
#define KSYNC_STORM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <ksync.h>
#include "clock.h"

#define WAVE		64	/* tasks in one wave */
#define LOCKS		5
#define UNITS		4
#define SURVIVORS	2

/* What a task is about, for the figures; and whether it owns the guard's mark. */
enum doing { ELSEWHERE, WAITING, HOLDING };

/**
 * struct record - of one task, of this wave or a survivor
 * @seed: of its dice
 * @doing: enum doing
 * @taking, @held, @giving: units of the sem, and (bit 1) the event's token
 * @bare: it has no TLS of its own
 * @self: its identity
 */
struct record {
	uint32_t seed;
	uint32_t doing;
	uint32_t taking;
	uint32_t held;
	uint32_t giving;
	bool bare;
	struct ksync_thread self;
} __attribute__((aligned(64)));

/**
 * struct storm - what all tasks share
 * @d: domain
 * @adaptive, @strict, @under, @spin, @rwlock: the locks, inside[] in this order
 * @cond: its mutex is @under
 * @waitq, @sem, @event: what has no owner
 * @never: a sem without units
 * @inside: a mark in each lock: 0, or who is in there
 * @pause: survivors park: a futex
 * @parked: how many have
 * @wrong: the first thing that was wrong, a sentence; @value: with it
 * @record: of tasks, then of survivors
 */
struct storm {
	struct ksync *d;
	struct ksync_mutex adaptive, strict, under;
	struct ksync_spin spin;
	struct ksync_rwlock rwlock;
	struct ksync_cond cond;
	struct ksync_waitq waitq;
	struct ksync_sem sem;
	struct ksync_event event;
	struct ksync_sem never;
	uint32_t inside[LOCKS];
	uint32_t pause;
	uint32_t parked;
	uint32_t is_wrong;
	char wrong[160];
	long long value[2];
	struct record record[WAVE + SURVIVORS];
};

extern struct storm *storm;

/* The lock that inside[i] is of. */
struct ksync_object *storm_lock(unsigned int i);

/* Note what is wrong; the first counts. Any task. */
void wrong(const char *what, long long a, long long b);

/* storm_task.c: by a task, until it is killed; by a survivor, for ever. */
int storm_task(void *record);
int storm_survive(void *record);

/* storm_check.c */
void check_wave(unsigned int tasks);

/**
 * struct counts - of what the module and the kernel keep of tasks
 * @states, @tasks, @charged, @nodes: slab objects: ksync_state, task_struct,
 *	kmalloc-cg-* and radix_tree_node; -1: the kernel does not tell
 * @threads, @waiters, @objects: lines of /proc/ksync
 */
struct counts {
	long states, tasks, charged, nodes;
	long threads, waiters, objects;
};

/* Both settle: they wait until the numbers stand still, or are down to @want. */
void count_all(struct counts *c, const struct counts *want, long slack);
bool counts_within(const struct counts *c, const struct counts *want, long slack);
void counts_print(const char *when, const struct counts *c);

#endif /* KSYNC_STORM_H */
