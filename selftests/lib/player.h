/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A player is a task that does what the test tells it to, one step after the
 * other: the test lets one player take a lock, posts to a second one that it
 * shall wait for it, looks at both, and asks for the results.
 *
 * All of it lives in shared memory, so that it is the same for threads, tasks
 * without a TLS of their own, and processes.
 */
#ifndef KSYNC_SELFTESTS_PLAYER_H
#define KSYNC_SELFTESTS_PLAYER_H

#include <stdint.h>
#include "raw.h"
#include "task.h"

struct player;

typedef int (*player_step)(struct player *p);

/**
 * struct player - a task and its next step
 * @task: who
 * @fd: the domain
 * @cells: its arena
 * @handle: of the task in that domain
 * @slot: its first slot cell, 0 as long as it has none: see reader.h
 * @step: what to do next, and its arguments:
 * @id: an object
 * @flags: KSYNC_WAIT_*
 * @deadline: absolute, in ns
 * @mutex: for step_cond_wait()
 * @futex: for the PI futex steps and step_hog()
 * @many, @items: for step_many()
 * @result: of the last step
 * @posted: number of the step that was posted last; a futex
 * @taken: number of the step that was begun last
 * @done: number of the step that has ended last
 */
struct player {
	struct task task;
	int fd;
	struct ksync_cell *cells;
	uint32_t handle;
	uint32_t slot;
	player_step step;
	uint32_t id;
	uint32_t flags;
	uint64_t deadline;
	uint32_t mutex;
	uint32_t *futex;
	struct ksync_many many;
	struct ksync_item items[KSYNC_MANY_MAX];
	int result;
	uint32_t posted;
	uint32_t taken;
	uint32_t done;
};

/* Memory that tasks of all kinds share, zeroed; never NULL. */
void *player_memory(size_t size);

/* A new player, attached to the domain; NULL if that failed. */
struct player *player_start(enum task_kind kind, int fd, struct ksync_cell *cells);

/* Let it begin a step. Arguments are set before; @id is the usual one. */
void player_post(struct player *p, player_step step, uint32_t id);

/* The result of what was posted; -ETIME if it does not come. */
int player_result(struct player *p);

/* Both. */
int player_do(struct player *p, player_step step, uint32_t id);

/* Wait until the step posted last has begun: 0 or -ETIMEDOUT. */
int player_await_taken(struct player *p);

/* Wait until the step posted last has begun and sleeps: 0 or -ETIMEDOUT. */
int player_await_asleep(struct player *p);

/* Let it return from its function and be awaited: 0, or an error. */
int player_end(struct player *p);

/* Steps. */
int step_lock(struct player *p);	/* LOCK without a deadline */
int step_lock_until(struct player *p);	/* LOCK with p->flags, p->deadline */
int step_lock_try(struct player *p);	/* LOCK, TRY */
int step_lock_fast(struct player *p);	/* in user space: 0 or -EBUSY */
int step_overtake(struct player *p);	/* the same past waiters: 0 or -EBUSY */
int step_unlock(struct player *p);	/* UNLOCK */
int step_unlock_any(struct player *p);	/* the same with ANY */
int step_consistent(struct player *p);	/* clear OWNER_DIED: 0 or -EPERM */
int step_acquire(struct player *p);	/* ACQUIRE without a deadline */
int step_acquire_until(struct player *p); /* ACQUIRE with p->flags, p->deadline */
int step_cond_wait(struct player *p);	/* COND_WAIT with p->mutex, flags, deadline */
int step_many(struct player *p);	/* MANY with p->many, p->items */
int step_futex_lock(struct player *p);	/* FUTEX_LOCK_PI, p->futex */
int step_futex_unlock(struct player *p);
int step_hog(struct player *p);		/* keep the CPU busy while *p->futex */

#endif /* KSYNC_SELFTESTS_PLAYER_H */
