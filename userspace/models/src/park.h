/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * How tasks and plain threads wait: what channels, futures and loops are built on.
 *
 * A wait is opened, made known to whoever may end it, and slept through:
 *
 *	struct ksync_ticket ticket;
 *	int ret = ksync_wait_begin(&ticket, 0);
 *
 *	if (ret)
 *		return ret;			-ECANCELED: nothing was opened
 *	lock(&o->lock);
 *	... put the ticket into o's queue ...
 *	unlock(&o->lock);
 *	ret = ksync_wait(NEVER, "o");		what the claim said; -ETIMEDOUT, -ECANCELED
 *	if (ret < 0)
 *		... take it out of the queue, under o->lock ...
 *
 * and whoever ends it does so in two steps:
 *
 *	if (ksync_claim(ticket, 0)) {		exactly one claim succeeds
 *		... copy the value to where the waiter wants it ...
 *		ksync_wake(ticket.task);	it returns from ksync_wait()
 *	}
 *
 * Between claim and wake the waiter waits on, whatever happens; afterwards it may be
 * gone.  Deadline and cancellation are claims as any other, so a value is never lost
 * to them: if they lose, the wait returns what the winner said.  A claim on a wait
 * that has ended fails, and may be tried at any time, for the memory of those that
 * wait is never given back while their scheduler is there: no lock is needed for
 * that.  (A queue that holds a ticket through 2^32 waits of one task could take a
 * later wait for it.)  A wait that was begun must be waited for.
 *
 * The wake-up may come before the waiter sleeps, and is not lost: of SAVED (set by the
 * scheduler once the task's registers are on its stack) and DONE (set by the waker)
 * the one that comes second puts the task where it will run.  So no lock has to be
 * held until the task sleeps.  A wake-up goes to the waker's runnext: it runs next
 * there, as soon as the waker waits.
 *
 * ksync_park() and ksync_ready() are the bare form, as Go's gopark() and goready():
 * nothing but ksync_ready() ends it, no deadline and no cancellation, and @commit runs
 * on the scheduler's stack when the task is already saved.  Who is to call
 * ksync_ready() must learn of the task from @commit, and calls it once.  If @commit
 * returns false the task goes on at once.
 */
#ifndef KSYNC_MODELS_PARK_H
#define KSYNC_MODELS_PARK_H

#include <stdbool.h>
#include <stdint.h>
#include "lock.h"

struct ksync_task;
struct ksync_sched;

/**
 * struct ksync_ticket - one wait of one task or thread
 * @task: who
 * @seq: which of its waits
 */
struct ksync_ticket {
	struct ksync_task *task;
	uint64_t seq;
};

/* Cancellation does not end this wait. */
#define KSYNC_PARK_MASKED	1U

/* Who calls, a task or a plain thread; NULL: no memory for a thread's. */
struct ksync_task *ksync_self_waiter(void);

int ksync_wait_begin(struct ksync_ticket *ticket, unsigned int flags);

/*
 * @deadline in ns of the caller's clock (ksync_now()), or NEVER; @where is a literal
 * for ksync_sched_dump().  Returns the claim's result, -32768 to 32767.
 */
int ksync_wait(uint64_t deadline, const char *where);
bool ksync_claim(struct ksync_ticket ticket, int result);
void ksync_wake(struct ksync_task *task);
/* Instead of ksync_wait(): see park.c. */
int ksync_wait_abandon(struct ksync_ticket ticket, int *result);

void ksync_park(bool (*commit)(struct ksync_task *t, void *arg), void *arg,
		const char *where);
void ksync_ready(struct ksync_task *t);

/* The time by the caller's clock: CLOCK_MONOTONIC, or a seeded scheduler's. */
uint64_t ksync_now(void);
/* From a timespec, NULL is NEVER. -EINVAL: tv_nsec. */
int ksync_deadline_ns(const struct timespec *abs, uint64_t *ns);

/**
 * struct ksync_timer - something to be done at a point in time
 * @when: on the scheduler's clock
 * @fire: called by some thread of the scheduler with the timers locked: it claims and
 *	wakes, and must not wait, or touch timers
 * @index: in the heap, plus one; 0: not armed
 * @sched: whose
 *
 * Once ksync_timer_disarm() has returned @fire does not run and will not.
 */
struct ksync_timer {
	uint64_t when;
	void (*fire)(struct ksync_timer *timer);
	uint32_t index;
	struct ksync_sched *sched;
};

int ksync_timer_arm(struct ksync_sched *s, struct ksync_timer *timer, uint64_t when);
bool ksync_timer_disarm(struct ksync_timer *timer);

#endif /* KSYNC_MODELS_PARK_H */
