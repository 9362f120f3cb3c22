/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What a future is, to the files that make them.
 *
 * Each kind of future begins with struct ksync_future, in the same memory: one
 * allocation for each.  Who is to settle it has a reference; so has what hangs on
 * another future, and whatever is queued.  References go from what is made to what it
 * was made from, which was there before: they have no cycles.
 *
 * Lock order: a future's lock, then what internal.h says, but for timers.lock; no two
 * futures' at a time, and none with executor.lock.
 */
#ifndef KSYNC_MODELS_FUTURE_H
#define KSYNC_MODELS_FUTURE_H

#include <ksync/future.h>
#include "internal.h"

#define container(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

/* Future.state; written under its lock. */
#define FUTURE_SETTLED	1U
#define FUTURE_FAILED	2U
#define FUTURE_KEEPS	4U	/* its value belongs to another, which it keeps */
#define FUTURE_ASKED	8U	/* to be cancelled */

/**
 * struct future_kind - what depends on who makes the result
 * @cancel: asks them; called once
 * @settled: the last callback has returned; or NULL
 * @run: do what is queued: by an executor, or at once
 * @stop: the executor's scheduler stops: end early
 * @free: give back what it has, but for itself
 */
struct future_kind {
	void (*cancel)(struct ksync_future *f);
	void (*settled)(struct ksync_future *f);
	void (*run)(struct ksync_future *f);
	void (*stop)(struct ksync_future *f);
	void (*free)(struct ksync_future *f);
};

/* Who waits for the end of a callback. */
struct remover {
	struct ksync_ticket ticket;
	struct remover *next;
};

/**
 * struct batch - a future's callbacks are being called; on the stack of who does it
 * @running: which; only compared
 * @who: ksync_trampoline_slot()
 * @removers: wait for its end
 */
struct batch {
	const struct ksync_notify *running;
	const void *who;
	struct remover *removers;
};

/**
 * struct ksync_future - what all futures have
 * @state: FUTURE_*; once settled, @value or @error and @destroy do not change
 * @lock: protects @state, @first, @batch, and what kinds say
 * @refs: references
 * @promises: of these one is shared by that many promises
 * @keeps: has a reference, FUTURE_KEEPS
 * @first: of those who wait, and callbacks: a ring
 * @link: in a trampoline's queue
 * @cancel_link: in that of those to cancel
 * @batch: NULL: no callback is being called
 */
struct ksync_future {
	uint32_t state;
	uint32_t lock;
	uint32_t refs;
	uint32_t promises;
	union {
		void *value;
		int error;
	};
	union {
		void (*destroy)(void *value);
		struct ksync_future *keeps;
	};
	struct ksync_notify *first;
	struct ksync_future *link;
	struct ksync_future *cancel_link;
	struct batch *batch;
	const struct future_kind *kind;
};

/**
 * struct outcome - how to settle a future
 * @error: if it is one
 * @value: else
 * @destroy: how to give @value back; or NULL
 * @keep: what @value belongs to, with a reference that the future takes; or NULL
 */
struct outcome {
	int error;
	void *value;
	void (*destroy)(void *value);
	struct ksync_future *keep;
};

/* future.c */
void ksync_future_init(struct ksync_future *f, const struct future_kind *kind,
		       uint32_t refs);
bool ksync_settle(struct ksync_future *f, const struct outcome *o);
void ksync_outcome_of(struct ksync_future *f, struct outcome *o);
bool ksync_future_watch(struct ksync_future *f, struct ksync_notify *n);
bool ksync_future_unwatch(struct ksync_future *f, struct ksync_notify *n);
void ksync_future_run_callbacks(struct ksync_future *f);
void ksync_future_destroy(struct ksync_future *f);
void ksync_future_ask(struct ksync_future *f);
void ksync_fail(struct ksync_future *f, int error);

/* trampoline.c */
struct trampoline;
struct trampoline **ksync_trampoline_slot(void);
void ksync_trampoline_run(struct ksync_future *f);
void ksync_trampoline_cancel(struct ksync_future *f);
void ksync_trampoline_free(struct ksync_future *f);

/**
 * struct ksync_executed - a future that a task of a scheduler settles
 * @sched: scheduler
 * @next: in the executor's list of those that are not ready, or queue of ready ones
 * @prev: in that list
 * @waits: it runs a function that may wait
 */
struct ksync_executed {
	struct ksync_future f;
	struct ksync_sched *sched;
	struct ksync_executed *next;
	struct ksync_executed **prev;
	bool waits;
};

/* executor.c */
struct ksync_sched *ksync_sched_of_caller(struct ksync_sched *given);
int ksync_spawn_detached(struct ksync_sched *s, void *(*fn)(void *arg), void *arg,
			 const struct ksync_task_attr *attr);
int ksync_executor_add(struct ksync_executed *x);
void ksync_executor_ready(struct ksync_executed *x);
void ksync_executor_remove(struct ksync_executed *x);

#endif /* KSYNC_MODELS_FUTURE_H */
