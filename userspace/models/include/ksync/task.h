/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Tasks: functions that wait without holding up a thread.
 *
 * Functions return 0 or a negative errno, and do not change errno.  Deadlines are
 * absolute, on CLOCK_MONOTONIC, or on the virtual clock of a seeded scheduler: see
 * ksync_task_now().
 *
 * A task may go on in another thread after each call that waits or yields.  Its
 * errno goes with it; thread-local variables do not.  Compilers remember the address
 * of errno, and of thread-local variables, across calls: use ksync_errno where a
 * function reads errno after it has waited, and ksync_local_*() for what belongs to
 * the task.  Nothing is preempted: a task runs until it waits, yields or ends.
 */
#ifndef KSYNC_TASK_H
#define KSYNC_TASK_H

#include <stdbool.h>
#include <ksync/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KSYNC_TASK_NAME_LEN	32
#define KSYNC_LOCAL_MAX		64

struct ksync_scope;

/**
 * struct ksync_task_attr - how to start a task; all zero is a good choice
 * @name: for ksync_sched_dump(), copied, cut to KSYNC_TASK_NAME_LEN - 1; or NULL
 * @stack_size: in bytes, rounded up to a power of two; 0: the scheduler's
 */
struct ksync_task_attr {
	const char *name;
	size_t stack_size;
	uint64_t reserved[2];
};

/**
 * ksync_task_spawn() - start a task
 * @t: set to it, to be joined or detached; NULL: it is detached
 * @fn: its function
 * @arg: its argument
 * @attr: or NULL
 *
 * Called by a task, and the new one belongs to the same scheduler.
 *
 * Return: 0; -ENOMEM, -EAGAIN (no thread), -EINVAL (@attr; not called by a task).
 */
int ksync_task_spawn(struct ksync_task **t, void *(*fn)(void *arg), void *arg,
		     const struct ksync_task_attr *attr);

/**
 * ksync_task_join() - wait for a task's end
 * @t: not detached; useless afterwards, if this returns 0
 * @result: set to what it returned; may be NULL
 *
 * Plain threads may call this, too.
 *
 * Return: 0; -ECANCELED (the caller is cancelled), -EBUSY (somebody joins it),
 * -EDEADLK (it is the caller).
 */
int ksync_task_join(struct ksync_task *t, void **result);

/**
 * ksync_task_join_timed() - the same, until a point in time
 * @t: task
 * @result: set to what it returned; may be NULL
 * @abs: deadline; NULL waits for ever
 *
 * Return: as ksync_task_join(); -ETIMEDOUT, -EINVAL (tv_nsec).
 */
int ksync_task_join_timed(struct ksync_task *t, void **result,
			  const struct timespec *abs);

/**
 * ksync_task_detach() - nobody will join it
 * @t: task; useless afterwards
 *
 * Return: 0; -EBUSY (somebody joins it).
 */
int ksync_task_detach(struct ksync_task *t);

/** ksync_task_self() - the calling task; NULL: a plain thread */
struct ksync_task *ksync_task_self(void);

/** ksync_task_name() - its name, or ""; @t has not ended, or not been joined yet */
const char *ksync_task_name(const struct ksync_task *t);

/** ksync_task_id() - its number, never used again in its scheduler */
uint64_t ksync_task_id(const struct ksync_task *t);

/** ksync_task_yield() - let others run first.  Plain threads: sched_yield() */
void ksync_task_yield(void);

/**
 * ksync_task_checkpoint() - yield, if the caller has run for long
 *
 * For loops that compute.  A load and a comparison, mostly; the scheduler asks after
 * about 10 ms.
 */
void ksync_task_checkpoint(void);

/**
 * ksync_task_sleep_until() - wait for a point in time
 * @abs: deadline
 *
 * Return: 0; -ECANCELED, -EINVAL (tv_nsec).
 */
int ksync_task_sleep_until(const struct timespec *abs);

/** ksync_task_now() - the time of the caller's deadlines */
void ksync_task_now(struct timespec *now);

/**
 * ksync_task_cancel() - ask a task to end
 * @t: task, not joined yet
 *
 * From now on whatever would make it wait returns -ECANCELED to it, and so does what
 * it waits for now; but not between ksync_task_cancel_disable() and
 * ksync_task_cancel_enable(), which may be nested.  What it has been given at that
 * moment it keeps: the wait returns 0 then.  A task that never waits can look at
 * ksync_task_cancelled().
 */
void ksync_task_cancel(struct ksync_task *t);
void ksync_task_cancel_disable(void);
void ksync_task_cancel_enable(void);
bool ksync_task_cancelled(void);

/**
 * ksync_task_block_enter() - the caller is going to block its thread
 *
 * Around system calls that may sleep: another thread takes the place of this one, so
 * that no other task is held up.  (With KSYNC_MODEL_N1, and seeded, there is no other
 * thread: nothing happens.)  Between the two calls the task must not wait for others
 * by this library.  Nothing happens either in a plain thread.
 */
void ksync_task_block_enter(void);
void ksync_task_block_leave(void);

/**
 * ksync_task_pin() - stay on this thread
 *
 * Until ksync_task_unpin(), which undoes one call of it, the task runs on this thread
 * and no other task does.  For what belongs to threads: a lock of libksync, or of
 * pthreads, is unlocked by the thread that locked it.
 */
void ksync_task_pin(void);
void ksync_task_unpin(void);

/** ksync_errno - errno, for functions that wait between two uses */
int *ksync_errno_location(void);
#define ksync_errno	(*ksync_errno_location())

/**
 * ksync_local_create() - a variable of which each task, and plain thread, has its own
 * @key: set
 * @destroy: is called when a task ends with a value that is not NULL; or NULL
 *
 * Return: 0; -EAGAIN: there are KSYNC_LOCAL_MAX already.
 */
int ksync_local_create(uint32_t *key, void (*destroy)(void *value));

/* The key may be given out again.  Nothing is destroyed. */
int ksync_local_delete(uint32_t key);

/* NULL to begin with. */
void *ksync_local_get(uint32_t key);

/* Return: 0; -EINVAL (no such key), -ENOMEM. */
int ksync_local_set(uint32_t key, void *value);

/* ksync_scope_begin(): the first error cancels the other tasks of the scope. */
#define KSYNC_SCOPE_CANCEL_ON_ERROR	1U

/**
 * struct ksync_scope - tasks that end before what follows
 *
 * Its members are the library's.
 */
struct ksync_scope {
	struct ksync_task *first_;
	struct ksync_task *owner_;
	uint64_t ticket_;
	uint32_t lock_;
	uint32_t flags_;
	uint32_t running_;
	int error_;
	bool waiting_;
	bool cancelled_;
};

/**
 * ksync_scope_begin() - open a scope
 * @scope: lives until ksync_scope_end() has returned
 * @flags: 0 or KSYNC_SCOPE_CANCEL_ON_ERROR
 *
 * Return: 0; -EINVAL (@flags; not called by a task).
 */
int ksync_scope_begin(struct ksync_scope *scope, uint32_t flags);

/**
 * ksync_scope_spawn() - start a task in it
 * @scope: open
 * @fn: its function: returns 0 or a negative errno
 * @arg: its argument
 * @attr: or NULL
 *
 * Called by the owner of the scope, and by tasks of it.
 *
 * Return: as ksync_task_spawn(); -ECANCELED: the scope is cancelled.
 */
int ksync_scope_spawn(struct ksync_scope *scope, int (*fn)(void *arg), void *arg,
		      const struct ksync_task_attr *attr);

/** ksync_scope_cancel() - cancel all its tasks, and spawn no more */
void ksync_scope_cancel(struct ksync_scope *scope);

/**
 * ksync_scope_end() - wait until all its tasks have ended
 * @scope: useless afterwards
 *
 * Always waits.  If the caller is cancelled meanwhile, its tasks are.
 *
 * Return: 0, or the first error that a task returned; -ECANCELED: the caller was
 * cancelled and no task returned an error before.
 */
int ksync_scope_end(struct ksync_scope *scope);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_TASK_H */
