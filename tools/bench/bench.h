/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bench: ksync beside glibc's locks and futexes.
 *
 *	locks.c		the locks, each behind the same few functions
 *	uncontended.c	one thread locks and unlocks
 *	contended.c	threads count under one lock: throughput, longest wait
 *	rwlock.c	threads read and write: throughput, longest waits
 *	sem.c		semaphores and events, alone and between threads
 *	pingpong.c	two threads wake each other: waitq beside futex
 *	cond.c		the same, and broadcasts: condition variables
 *	barrier.c	threads meet at a barrier
 *	many.c		one wait for many objects beside poll()
 *	scale.c		a million objects: memory, making and ending them
 *	crowd.c		many waiters; many objects with a waiter each
 *	uring.c		a semaphore and an eventfd, by io_uring
 *	pthreads.c	a program of its own, of pthreads alone: plain and under
 *			ksync-run (in_turn)
 *	bench.c		options, time
 *
 * All candidates of a measurement take turns within each round, so that what
 * disturbs the machine disturbs them alike.  Each result is a line that starts
 * with "@ " and holds KEY=VALUE pairs; tools/bench/report reads these.  All
 * other lines are for whoever waits.
 */
#ifndef KSYNC_BENCH_H
#define KSYNC_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <tools.h>

/**
 * struct lock - a candidate
 * @name: in results
 * @init: before its first use
 * @lock: and
 * @unlock: of the one lock of this kind
 * @loop: lock and unlock so many times, inline where the library is
 */
struct lock {
	const char *name;
	void (*init)(void);
	int (*lock)(void);
	int (*unlock)(void);
	void (*loop)(long times);
};

extern const struct lock normal_lock, pi_lock, busy_lock;
extern const struct lock mutex_lock, mutex_as_lock, strict_lock, spin_lock;
extern const struct lock glibc_read_lock, glibc_write_lock;
extern const struct lock ksync_read_lock, ksync_write_lock;
extern const struct lock protect_lock, glibc_protect_lock;
extern const struct lock posix_lock, sem_lock, futex_lock;

/* What the options say. */
extern bool on_plain_memory;
extern int rounds;
extern double seconds;

double now(void);
struct ksync *domain(void);

/* The same objects over futex(2). */
struct ksync *futex_domain(void);

/* Make an object of a cell that is no arena's. */
void on_plain_cell(struct ksync_object *o, struct ksync_cell *cell,
		   uint32_t kind);

void bench_uncontended(void);
void bench_mutexes(void);
void bench_spins(void);
void bench_rwlocks(void);
void bench_sems(void);
void bench_pingpong(void);
void bench_conds(void);
void bench_barriers(void);
void bench_many(void);
void bench_scale(void);
void bench_waiters(void);
void bench_objects(void);
void bench_urings(void);

#endif /* KSYNC_BENCH_H */
