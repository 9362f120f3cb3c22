/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Actors: threads and processes that do one step of a test at a time.
 *
 * They take their steps and hand back the results through futexes of their own,
 * never through what is under test.  All waiting is for a state and bounded:
 * see px_patience().
 */
#ifndef POSIX_ACTOR_H
#define POSIX_ACTOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum actor_kind { THREAD, PROCESS };

/**
 * struct actor - one thread or process
 * @turn: whose move it is
 * @kind: what it is
 * @thread: for pthread_cancel() and the like, if it is a thread
 * @tid: its number in /proc
 * @ret: what its last step returned
 */
struct actor {
	uint32_t turn;
	enum actor_kind kind;
	pthread_t thread;
	pid_t tid;
	int (*fn)(void *arg);
	void *arg;
	int ret;
};

/* Results of the harness; no pthread function returns such a number. */
#define ACTOR_STUCK	(-1001)
#define ACTOR_NO_SLEEP	(-1002)
#define CHILD_KILLED	1000	/* and the signal */

/* How many seconds anything may take. */
int px_patience(void);
bool px_may_rt(void);
/* Absolute time on @clock, @ms from now; the past is negative. */
struct timespec px_in(clockid_t clock, long ms);
/* As far in the future as the test is patient. */
struct timespec px_late(clockid_t clock);
bool px_passed(clockid_t clock, const struct timespec *when);

struct actor *actor_start(enum actor_kind kind);
/* Let it begin a step; returns when it has. */
void actor_post(struct actor *a, int (*fn)(void *arg), void *arg);
/* 0 once it sleeps in its step, ACTOR_NO_SLEEP if the step has ended. */
int actor_sleeps(struct actor *a);
bool actor_done(const struct actor *a);
/* 0 once one of the two has ended its step. */
int actor_either(const struct actor *a, const struct actor *b);
/* What the step returned, when it has; or ACTOR_STUCK. */
int actor_result(struct actor *a);
int actor_do(struct actor *a, int (*fn)(void *arg), void *arg);
/* The thread ends, by cancellation or by itself; what it returned. */
void *actor_join(struct actor *a);
#define ACTOR_NOT_JOINED ((void *)-77L)

/* 0 once the task sleeps, whoever it is. */
int px_asleep(pid_t tid);
/* 0 once *@value is @expected. */
int px_value(const uint32_t *value, uint32_t expected);

/* fork(): the child does the step and exits with its result (0 to 255). */
pid_t child_start(int (*fn)(void *arg), void *arg);
/* Its result, CHILD_KILLED + signal, or ACTOR_STUCK. */
int child_result(pid_t pid);
int child_do(int (*fn)(void *arg), void *arg);

#endif /* POSIX_ACTOR_H */
