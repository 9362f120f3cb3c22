/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Schedulers of tasks: started, run, looked at and stopped.
 *
 * Functions return 0 or a negative errno, and do not change errno.  A child of
 * fork(2) has no scheduler: it calls nothing of this library.
 */
#ifndef KSYNC_SCHED_H
#define KSYNC_SCHED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ksync_sched;
struct ksync_task;
struct ksync_task_attr;

/**
 * enum ksync_model - what tasks run on
 * @KSYNC_MODEL_MN: many tasks on as many threads as there are CPUs, or more while
 *	some block
 * @KSYNC_MODEL_N1: all tasks on one thread: no two ever run at a time
 * @KSYNC_MODEL_11: each task is a thread of its own
 */
enum ksync_model {
	KSYNC_MODEL_MN,
	KSYNC_MODEL_N1,
	KSYNC_MODEL_11,
};

/*
 * One thread; what runs next is drawn from a random sequence that the seed gives, and
 * time is virtual: it stands still while anything can run, then jumps to the next
 * deadline.  The same seed gives the same run, as long as tasks do nothing that
 * depends on the world outside.  Not with KSYNC_MODEL_11.
 */
#define KSYNC_SCHED_SEEDED		1U
/* For tests: whenever a task has waited or yielded, another thread takes it on. */
#define KSYNC_SCHED_MIGRATE		2U
/*
 * When a task overflows its stack, say whose it was before the program ends of
 * SIGSEGV.  A handler of SIGSEGV is installed, and stays.
 */
#define KSYNC_SCHED_REPORT_OVERFLOW	4U
/* Do not write to standard error when all tasks wait for each other. */
#define KSYNC_SCHED_QUIET		8U

/**
 * struct ksync_sched_opts - how to start a scheduler; all zero is a good choice
 * @model: see there
 * @flags: KSYNC_SCHED_*
 * @procs: how many tasks may run at a time, with KSYNC_MODEL_MN; 0: one per CPU
 * @stack_size: of each task, in bytes; 0: 64 KiB.  Memory is used as it is touched
 * @seed: with KSYNC_SCHED_SEEDED
 */
struct ksync_sched_opts {
	enum ksync_model model;
	uint32_t flags;
	uint32_t procs;
	uint32_t reserved;
	size_t stack_size;
	uint64_t seed;
};

/**
 * struct ksync_sched_stats - what a scheduler did so far
 * @procs: how many tasks may run at a time
 * @threads: that it has made
 * @tasks: that have not ended
 * @steals: how often a thread took tasks that waited for another
 * @stolen: how many tasks these were
 * @migrations: tasks that went on in another thread
 * @handoffs: how often a thread that blocked gave its place to another
 * @retaken: how often the place was taken from it
 * @trace: KSYNC_SCHED_SEEDED: the same for the same choices
 * @ring_waits: waits for objects of libksync that an io_uring had
 * @carried: calls that a thread made in the place of a task
 */
struct ksync_sched_stats {
	uint64_t procs;
	uint64_t threads;
	uint64_t tasks;
	uint64_t steals;
	uint64_t stolen;
	uint64_t migrations;
	uint64_t handoffs;
	uint64_t retaken;
	uint64_t trace;
	uint64_t ring_waits;
	uint64_t carried;
};

/**
 * ksync_sched_start() - make a scheduler
 * @s: set to it
 * @opts: or NULL
 *
 * Return: 0; -EINVAL (@opts), -ENOMEM, -EAGAIN (no thread).
 */
int ksync_sched_start(struct ksync_sched **s, const struct ksync_sched_opts *opts);

/**
 * ksync_sched_run() - run a task, and wait for its end
 * @s: scheduler
 * @fn: the task's function
 * @arg: its argument
 * @result: set to what it returned; may be NULL
 *
 * Called by a plain thread.  Tasks that this one has spawned, and not joined, run on.
 *
 * Return: 0; -EDEADLK: every task of the scheduler waits, and no deadline, and no
 * ksync_sched_hold() says that anything could end that (a list of them is written to
 * standard error); -ENOMEM, -EINVAL (called by a task).
 */
int ksync_sched_run(struct ksync_sched *s, void *(*fn)(void *arg), void *arg,
		    void **result);

/**
 * ksync_sched_spawn() - ksync_task_spawn(), for plain threads
 * @s: scheduler
 * @t: set to the task, to be joined or detached; NULL: it is detached
 * @fn: its function
 * @arg: its argument
 * @attr: or NULL
 *
 * Return: as ksync_task_spawn().
 */
int ksync_sched_spawn(struct ksync_sched *s, struct ksync_task **t,
		      void *(*fn)(void *arg), void *arg,
		      const struct ksync_task_attr *attr);

/**
 * ksync_sched_hold() - somebody outside is going to wake tasks
 * @s: scheduler
 *
 * Until ksync_sched_release() tasks that all wait are no deadlock.
 */
void ksync_sched_hold(struct ksync_sched *s);
void ksync_sched_release(struct ksync_sched *s);

/**
 * ksync_sched_stop() - cancel all tasks, wait for their ends, and free it all
 * @s: scheduler
 *
 * Called by a plain thread, when no other uses @s.
 *
 * Return: 0; -EDEADLK: tasks that cannot be cancelled wait for ever; they are
 * forgotten where they are, and nothing of theirs is undone.  With KSYNC_MODEL_11
 * their threads, and @s, stay.  -EINVAL (called by a task).
 */
int ksync_sched_stop(struct ksync_sched *s);

/**
 * ksync_sched_dump() - list tasks, what they do and where they wait
 * @s: scheduler
 * @to: where to
 *
 * Tasks run meanwhile: what is said of each was true a moment ago.
 */
void ksync_sched_dump(struct ksync_sched *s, FILE *to);

/**
 * ksync_sched_stats() - counters
 * @s: scheduler
 * @out: set
 */
void ksync_sched_stats(struct ksync_sched *s, struct ksync_sched_stats *out);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_SCHED_H */
