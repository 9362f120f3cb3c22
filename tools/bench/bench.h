/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bench: ksync beside glibc's locks, futexes, eventfds, and the locks of
 * liburcu and Concurrency Kit.
 *
 *	locks.c		the locks, each behind the same few functions
 *	peers.c		... and those of others that glibc has not
 *	calls.c		what is called and never waits: to signal, set, wake, meet
 *	rwlocks.c	reader-writer locks
 *	uncontended.c	one thread locks and unlocks
 *	contended.c	threads count under one lock: throughput, longest wait
 *	rwlock.c	threads read and write: throughput, longest waits
 *	sem.c		semaphores and events, alone and between threads
 *	pingpong.c	two threads wake each other: waitq beside futex
 *	cond.c		the same, and broadcasts: condition variables
 *	barrier.c	threads meet at a barrier
 *	handoff.c	how long from unlocking to having the lock
 *	priority.c	how soon threads run, by priority, when they are woken
 *	chain.c		chains of owners that wait
 *	many.c		one wait for many objects beside poll()
 *	scale.c		a million objects: making and ending them
 *	crowd.c		many waiters; many objects with a waiter each
 *	memory.c	what an object takes of memory
 *	uring.c		a semaphore and an eventfd, by io_uring
 *	hist.c		histograms
 *	asleep.c	does a thread sleep?
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

#define COUNT(array)	((int)(sizeof(array) / sizeof(*(array))))
#define THREADS_MAX	16

/**
 * struct lock - a candidate
 * @name: in results
 * @kind: of those it is compared with
 * @init: before its first use
 * @enter: each thread, which is number @i, before it uses it; or NULL
 * @leave: each thread in the end; or NULL
 * @lock: and
 * @unlock: of the one lock of this kind
 * @loop: lock and unlock so many times, inline where the library is
 * @apart: each thread has one to itself, and nobody is excluded
 */
struct lock {
	const char *name;
	const char *kind;
	void (*init)(void);
	void (*enter)(int i);
	void (*leave)(void);
	int (*lock)(void);
	int (*unlock)(void);
	void (*loop)(long times);
	bool apart;
};

/* Of init_X(), take_X() and give_X(), which are inline in the loop. */
#define DEFINE_LOCK(symbol, of_kind, label, ...)		\
static void loop_##symbol(long times)				\
{								\
	while (times--)						\
		if (take_##symbol() || give_##symbol())		\
			errx(1, "%s fails", symbol##_lock.name);	\
}								\
								\
const struct lock symbol##_lock = {				\
	.name = label,						\
	.kind = of_kind,					\
	.init = init_##symbol,					\
	.lock = take_##symbol,					\
	.unlock = give_##symbol,				\
	.loop = loop_##symbol,					\
	__VA_ARGS__						\
}

extern const struct lock normal_lock, pi_lock, busy_lock;
extern const struct lock mutex_lock, mutex_as_lock, strict_lock, spin_lock;
extern const struct lock protect_lock, glibc_protect_lock, futex_lock;
extern const struct lock posix_lock, eventfd_sem_lock, sem_lock;
extern const struct lock robust_lock, drepper_lock, fas_lock, ticket_lock, mcs_lock;
extern const struct lock busted_lock, own_lock;
extern const struct lock glibc_read_lock, glibc_write_lock, ksync_read_lock, ksync_write_lock;
extern const struct lock ck_read_lock, ck_write_lock, br_read_lock, br_write_lock;
extern const struct lock memb_read_lock, qsbr_read_lock;
extern const struct lock eventfd_lock, event_lock, glibc_signal_lock, signal_lock;
extern const struct lock futex_wake_lock, wake_lock;
extern const struct lock glibc_meet_lock, ck_meet_lock, meet_lock;

/* How much is measured: as README says, with -q, and with -t. */
enum length { FULL, QUICK, TINY };

/* What the options say. */
extern enum length length;
extern bool on_plain_memory;
extern bool with_busted;
extern int rounds;
extern double seconds;

double now(void);
struct ksync *domain(void);

/* The same objects over futex(2). */
struct ksync *futex_domain(void);

/* The one of the two that can be had: what never waits is the same in both. */
struct ksync *any_domain(void);

/* Make an object of a cell that is no arena's. */
void on_plain_cell(struct ksync_object *o, struct ksync_cell *cell,
		   uint32_t kind);

/* There: become number @i of those who use it; it reads in the cell @i + 1 behind. */
void be_by_hand(int i);

/* As many as the length asks for: of a list that ends with 0. */
int at_most(int full, int quick, int tiny);

/* Does a thread of this process sleep? */
bool asleep(pid_t tid);

/* The calling thread's number; run by real-time priority, 0 is for not. */
pid_t my_tid(void);
void be_realtime(int priority);
void pin(int cpu);

void bench_uncontended(void);
void bench_instructions(void);
void bench_mutexes(void);
void bench_protects(void);
void bench_spins(void);
void bench_rwlocks(void);
void bench_sems(void);
void bench_pingpong(void);
void bench_conds(void);
void bench_barriers(void);
void bench_handoffs(void);
void bench_priorities(void);
void bench_chains(void);
void bench_many(void);
void bench_scale(void);
void bench_waiters(void);
void bench_objects(void);
void bench_memory(void);
void bench_urings(void);

#endif /* KSYNC_BENCH_H */
