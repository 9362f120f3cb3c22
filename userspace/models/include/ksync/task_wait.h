/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Calls that may block a thread, made by tasks; and what <ksync/task_sync.h> is made
 * of.
 */
#ifndef KSYNC_TASK_WAIT_H
#define KSYNC_TASK_WAIT_H

#include <ksync/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ksync_task_call() - wait, while a function runs that may block its thread
 * @fn: the function; it may sleep until @until, on CLOCK_MONOTONIC, or for ever if that
 *	is NULL, and returns -ETIMEDOUT if it has to be called again
 * @arg: its first argument
 * @abs: deadline of the whole; NULL waits for ever
 *
 * @fn runs on a thread that the scheduler keeps for such calls, and no proc is held up
 * meanwhile, with any model.  It is called again each 50 ms, unless it returns earlier,
 * so that cancellation is noticed after so long; only once, if the caller has masked
 * that.  Called by a plain thread, @fn runs on that.
 *
 * Return: what @fn returned at last, -ETIMEDOUT if that was after the deadline; what it
 * has returned other than -ETIMEDOUT is never lost; -ECANCELED; -EINVAL (tv_nsec),
 * -EAGAIN (no thread), -ENOMEM.
 */
int ksync_task_call(int (*fn)(void *arg, const struct timespec *until), void *arg,
		    const struct timespec *abs);

/*
 * What follows is for <ksync/task_sync.h>.
 *
 * struct ksync_task_sleep_ - sleep while *@word == @expected, a shared futex
 */
struct ksync_task_sleep_ {
	uint32_t *word;
	uint32_t expected;
	uint32_t bitset;
};

/*
 * struct ksync_task_wait_ - a wait for an object that nobody owns
 * @fn: waits for it, @arg is its first argument
 * @domain: of the object, @serial its serial, @fd its descriptor
 * @has_ring: has @domain's module KSYNC_FEATURE_URING?
 * @command: of io_uring; 0: there is none for it; @cancel ends one
 * @id: object, @value and @bitset as in struct ksync_uring
 * @step: of a domain without module: see ksync_step_(), but that it sets @on; NULL: none;
 *	@steps is its first argument
 */
struct ksync_task_wait_ {
	int (*fn)(void *arg, const struct timespec *until);
	void *arg;
	void *domain;
	uint64_t serial;
	bool (*has_ring)(void *domain);
	int fd;
	uint32_t command;
	uint32_t cancel;
	uint32_t id;
	uint32_t value;
	uint32_t bitset;
	int (*step)(void *steps, struct ksync_task_sleep_ *on, int slept);
	void *steps;
};

int ksync_task_wait_(const struct ksync_task_wait_ *w, const struct timespec *abs);

/* What is done to a lock, by its ksync_task_lock_.fn. */
enum ksync_task_op_ {
	KSYNC_TASK_LOCK_,
	KSYNC_TASK_READ_,
	KSYNC_TASK_TRY_,
	KSYNC_TASK_READ_TRY_,
	KSYNC_TASK_UNLOCK_,
	KSYNC_TASK_CONSISTENT_,
	KSYNC_TASK_DOWNGRADE_
};

/*
 * struct ksync_task_lock_ - a lock that a thread owns
 * @fn: does one of the above to it
 * @lock: the lock, @cell its cell: the same for all that refer to it
 */
struct ksync_task_lock_ {
	int (*fn)(void *lock, int op, const struct timespec *until);
	void *lock;
	const void *cell;
};

int ksync_task_lock_(const struct ksync_task_lock_ *l, int op, const struct timespec *abs);
int ksync_task_unlock_(const struct ksync_task_lock_ *l);
int ksync_task_do_(const struct ksync_task_lock_ *l, int op);

/*
 * struct ksync_task_cond_ - a wait for a condition variable
 * @wait: waits for it with the mutex locked, as ksync_cond_wait_timed()
 */
struct ksync_task_cond_ {
	int (*wait)(void *cond, void *mutex, const struct timespec *until);
	void *cond;
	struct ksync_task_lock_ mutex;
};

int ksync_task_cond_wait_(const struct ksync_task_cond_ *c, const struct timespec *abs);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_TASK_WAIT_H */
