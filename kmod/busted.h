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

#define KSYNC_FAULTS(x)							\
	/* Locks, lost: the leader, the first to wait, whom UNLOCK finds. */ \
	x(LOCK_LEADER, "lock-leader")					\
	x(LOCK_ARRIVAL, "lock-arrival")					\
	x(LOCK_GIVE_UP, "lock-give-up")					\
	/* A waiter takes what somebody has. */				\
	x(LOCK_STEAL, "lock-steal")					\
	/* Nobody is told of a death: with waiters, and without. */	\
	x(DEATH_AWAITED, "death-awaited")				\
	x(DEATH_ALONE, "death-alone")					\
	/* Who waits lends no priority. */				\
	x(NO_BOOST, "no-boost")						\
	/* A ceiling stays after the mutex is released. */		\
	x(NO_DEBOOST, "no-deboost")					\
	/* rwlock: a reader leaves unseen; a writer sees no readers. */	\
	x(DRAIN_LEAVE, "drain-leave")					\
	x(DRAIN_BLIND, "drain-blind")					\
	/* Queues: lost, by the waker and by a deadline; out of order. */ \
	x(QUEUE_WAKE, "queue-wake")					\
	x(QUEUE_TIMEOUT, "queue-timeout")				\
	x(QUEUE_FIFO, "queue-fifo")					\
	/* What is given is still there. */				\
	x(SEM_TWICE, "sem-twice")					\
	x(EVENT_TWICE, "event-twice")					\
	/* Manual reset: one is released, rather than all. */		\
	x(EVENT_ONE, "event-one")					\
	/* A word that has changed is taken for the old one. */		\
	x(WAITQ_COMPARE, "waitq-compare")				\
	/* cond: lost, when it is the waiter's turn, and by one that dies. */ \
	x(COND_TURN, "cond-turn")					\
	x(COND_KILLED, "cond-killed")					\
	/* Waits on many: given two things; a lock not given back; lost. */ \
	x(MANY_TWICE, "many-twice")					\
	x(MANY_KEEP, "many-keep")					\
	x(WATCH_LOST, "watch-lost")					\
	x(POLL_LOST, "poll-lost")

enum ksync_fault {
	KSYNC_FAULT_NONE,
#define KSYNC_FAULT_ENUM(id, name) KSYNC_FAULT_##id,
	KSYNC_FAULTS(KSYNC_FAULT_ENUM)
#undef KSYNC_FAULT_ENUM
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
