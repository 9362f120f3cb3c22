/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * How tasks wait for what only threads can wait for: objects of libksync, by an
 * io_uring or by threads that make the call in the task's place.
 *
 * This library is not linked with libksync: what it calls of that comes as functions
 * from <ksync/task_sync.h>, which is compiled into programs that have it anyway.  So
 * programs of tasks alone load, and need, nothing of it.
 */
#ifndef KSYNC_MODELS_WAIT_H
#define KSYNC_MODELS_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <ksync/task_wait.h>
#include "park.h"

/* How long a call may not notice that it is not wanted any more, in ns. */
#define KSYNC_SLICE	50000000ULL

struct ring;
struct carrier;
struct front;

/**
 * struct waits - what a scheduler has to wait with, made when it is first needed
 * @lock: protects @ring, @ring_state while it is made, and the lists of carriers
 * @ring: one for all tasks, with a thread
 * @ring_state: enum ring_state
 * @idle: carriers without a task, by link
 * @carriers: all, by all
 * @stopping: they end
 * @fronts: locks that tasks of one thread have or wait for; that thread's, see front.c
 */
struct waits {
	uint32_t lock;
	uint32_t ring_state;
	struct ring *ring;
	struct carrier *idle;
	struct carrier *carriers;
	bool stopping;
	struct front *fronts;
	uint64_t ring_waits;
	uint64_t carried;
};

enum ring_state {
	RING_UNKNOWN,
	RING_THERE,
	RING_NOT,
};

/**
 * struct task_call - something to do until a point in time
 * @fn: does it; -ETIMEDOUT: it was not done by then
 * @arg: its first argument
 */
struct task_call {
	int (*fn)(void *arg, const struct timespec *until);
	void *arg;
};

/* wait.c */
bool ksync_cancellable(const struct ksync_task *t);
int ksync_call_here(const struct task_call *call, uint64_t deadline, bool cancellable);
struct timespec ksync_to_timespec(uint64_t ns);
void ksync_waits_stop(struct ksync_sched *s);

/* ring.c */
bool ksync_ring_there(struct ksync_sched *s);
bool ksync_ring_has_futexes(struct ksync_sched *s);
int ksync_ring_wait(struct ksync_sched *s, const struct ksync_task_wait_ *w,
		    uint64_t deadline);
int ksync_ring_steps(struct ksync_sched *s, const struct ksync_task_wait_ *w,
		     uint64_t deadline);
void ksync_ring_stop(struct ksync_sched *s);

/* carrier.c */
int ksync_carrier_get(struct ksync_sched *s, struct carrier **out);
void ksync_carrier_put(struct ksync_sched *s, struct carrier *c);
int ksync_carrier_call(struct ksync_sched *s, struct carrier *c,
		       const struct task_call *call, uint64_t deadline,
		       const char *where);
int ksync_carrier_finish(struct ksync_sched *s, struct carrier *c,
			 const struct task_call *call);
void ksync_carrier_die(struct ksync_sched *s, struct carrier *c);
void ksync_carriers_stop(struct ksync_sched *s);

/**
 * struct lined - a task in the line in front of a lock; on its stack
 * @cell: of the lock
 * @sched: whose task it is
 * @ticket: by which it is told that it is the first
 */
struct lined {
	const void *cell;
	struct ksync_sched *sched;
	struct ksync_ticket ticket;
	struct lined *next;
};

/* line.c */
int ksync_line_enter(struct lined *l, uint64_t deadline);
void ksync_line_leave(struct lined *l);

/* front.c */
int ksync_front_lock(struct ksync_sched *s, const struct ksync_task_lock_ *l, int op,
		     uint64_t deadline);
int ksync_front_unlock(struct ksync_sched *s, const struct ksync_task_lock_ *l);
int ksync_front_do(struct ksync_sched *s, const struct ksync_task_lock_ *l, int op);
int ksync_front_cond_wait(struct ksync_sched *s, const struct ksync_task_cond_ *c,
			  uint64_t deadline);
void ksync_fronts_die(struct ksync_sched *s, const struct ksync_task *t);
void ksync_fronts_free(struct ksync_sched *s);

#endif /* KSYNC_MODELS_WAIT_H */
