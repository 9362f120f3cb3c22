/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waiting until the kernel reports a state: never for a time to pass.
 *
 * All of these look again and again, and give up after 60 s (longer on slow
 * kernels) with -ETIMEDOUT and a line that says what did not happen.
 */
#ifndef KSYNC_SELFTESTS_AWAIT_H
#define KSYNC_SELFTESTS_AWAIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When to give up, on CLOCK_MONOTONIC. */
uint64_t await_deadline(void);

/* @cond(@arg) is true. */
int await_true(bool (*cond)(const void *arg), const void *arg);
/* @n tasks wait on the object, says QUERY. */
int await_waiters(int fd, uint32_t id, uint32_t n);
/* The task sleeps. */
int await_asleep(pid_t tid);
/* It does, and has left its processor: before that the sleep is not counted. */
int await_switched(pid_t tid);
/* The task is stopped. */
int await_stopped(pid_t tid);
/* The task is dead: a zombie, or not there any more. */
int await_gone(pid_t tid);
/* The task runs at a priority; a waiter sleeps before it has boosted the owner. */
int await_prio(pid_t tid, int prio);
/* *@value == @expected; written by another task of the test. */
int await_value(const uint32_t *value, uint32_t expected);

#endif /* KSYNC_SELFTESTS_AWAIT_H */
