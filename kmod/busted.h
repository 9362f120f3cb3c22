/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults that can be switched on, one at a time, for the torture to find: it proves
 * that it can.  They are compiled into modules for debug kernels only; elsewhere
 * ksync_busted() is false, and nothing is left of it.
 *
 *	echo NAME[:N] >/sys/module/ksync/parameters/fault	each Nth time
 *	echo none >/sys/module/ksync/parameters/fault
 *
 * A fault breaks what the module promises to its users, never the kernel: a task
 * that sleeps for ever because of it can be killed, and the module be unloaded.
 */
#ifndef KSYNC_BUSTED_H
#define KSYNC_BUSTED_H

#include <linux/compiler.h>
#include <linux/types.h>

enum ksync_fault {
	KSYNC_FAULT_NONE,
	/* Locks, lost: the leader, the first to wait, whom UNLOCK finds. */
	KSYNC_FAULT_LOCK_LEADER,
	KSYNC_FAULT_LOCK_ARRIVAL,
	KSYNC_FAULT_LOCK_GIVE_UP,
	/* A waiter takes what somebody has. */
	KSYNC_FAULT_LOCK_STEAL,
	/* Nobody is told of a death: with waiters, and without. */
	KSYNC_FAULT_DEATH_AWAITED,
	KSYNC_FAULT_DEATH_ALONE,
	/* Who waits lends no priority; a ceiling stays after the mutex is released. */
	KSYNC_FAULT_NO_BOOST,
	KSYNC_FAULT_NO_DEBOOST,
	/* rwlock: a reader leaves unseen; a writer sees no readers. */
	KSYNC_FAULT_DRAIN_LEAVE,
	KSYNC_FAULT_DRAIN_BLIND,
	/* Queues: lost, by the waker and by a deadline; out of order. */
	KSYNC_FAULT_QUEUE_WAKE,
	KSYNC_FAULT_QUEUE_TIMEOUT,
	KSYNC_FAULT_QUEUE_FIFO,
	/* What is given is still there; manual reset: one is released, rather than all. */
	KSYNC_FAULT_SEM_TWICE,
	KSYNC_FAULT_EVENT_TWICE,
	KSYNC_FAULT_EVENT_ONE,
	/* A word that has changed is taken for the old one. */
	KSYNC_FAULT_WAITQ_COMPARE,
	/* cond: lost, when it is the waiter's turn, and by one that dies. */
	KSYNC_FAULT_COND_TURN,
	KSYNC_FAULT_COND_KILLED,
	/* Waits on many: given two things; a lock not given back; lost; who polls, lost. */
	KSYNC_FAULT_MANY_TWICE,
	KSYNC_FAULT_MANY_KEEP,
	KSYNC_FAULT_WATCH_LOST,
	KSYNC_FAULT_POLL_LOST,
};

#ifdef KSYNC_BUSTED

extern int ksync_fault;
bool ksync_fault_now(void);

static inline bool ksync_busted(enum ksync_fault fault)
{
	return unlikely(READ_ONCE(ksync_fault) == fault) && ksync_fault_now();
}

#else

static inline bool ksync_busted(enum ksync_fault fault)
{
	return false;
}

#endif

#endif /* KSYNC_BUSTED_H */
