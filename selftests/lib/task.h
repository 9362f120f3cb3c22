/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks of the three sorts that ksync must serve.
 *
 *	TASK_THREAD	a thread of this process, made by pthread_create(): the
 *			library uses pthread keys, and libc serves none but the
 *			threads that it made
 *	TASK_BARE	clone(CLONE_VM) without a TLS of its own: shares memory
 *			and files and nothing else, and can be killed by itself.
 *			It may call raw_*() and the library's _as functions
 *	TASK_PROCESS	a child by fork()
 *
 * The last two are killed when the one that started them ends.
 */
#ifndef KSYNC_SELFTESTS_TASK_H
#define KSYNC_SELFTESTS_TASK_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

enum task_kind { TASK_THREAD, TASK_BARE, TASK_PROCESS };

/**
 * struct task - one of them; must not move while the task runs
 * @kind: of which sort
 * @fn: what it does
 * @arg: passed to @fn
 * @tid: 0 until it runs
 * @thread: TASK_THREAD
 * @stack: TASK_BARE
 */
struct task {
	enum task_kind kind;
	int (*fn)(void *arg);
	void *arg;
	uint32_t tid;
	pthread_t thread;
	void *stack;
};

/*
 * Run @fn, which returns 0 to 255 (an errno, say).  On return the task exists
 * and task_tid() is known.
 */
int task_start(struct task *t, enum task_kind kind, int (*fn)(void *arg),
	       void *arg);

/* Wait for its end. @status: what @fn returned, or minus the signal; or NULL. */
int task_join(struct task *t, int *status);

pid_t task_tid(const struct task *t);

/* Threads: SIGKILL and SIGSTOP go to the whole process. */
int task_kill(const struct task *t, int sig);

#endif /* KSYNC_SELFTESTS_TASK_H */
