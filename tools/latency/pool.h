/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that do what they are told, each time something else. */
#ifndef KSYNC_LATENCY_POOL_H
#define KSYNC_LATENCY_POOL_H

#include <pthread.h>

typedef void (*pool_fn)(int i);

/* Have threads 0 to @n - 1 call @fn with their number; they are made if need be. */
void pool_run(int n, pool_fn fn);
/* Until all of them have returned. */
void pool_wait(void);
/* SCHED_FIFO from 1 on; 0: SCHED_OTHER. */
void pool_prio(int i, int prio);
pthread_t pool_thread(int i);
void pool_end(void);

#endif /* KSYNC_LATENCY_POOL_H */
