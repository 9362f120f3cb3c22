/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queued spinlock: FIFO, and each waiter spins on a cache line of its own.
 *
 * The algorithm is that of Mellor-Crummey and Scott, "Algorithms for Scalable
 * Synchronization on Shared-Memory Multiprocessors", ACM TOCS 9(1), 1991.
 * Process context only: preemption is off while it is held, interrupts are not.
 */
#ifndef KSYNC_QLOCK_H
#define KSYNC_QLOCK_H

#include <linux/lockdep.h>
#include <linux/types.h>

struct ksync_qnode;

/**
 * struct ksync_qlock - the lock
 * @tail: who came last, NULL if nobody has or wants the lock
 * @dep_map: for lockdep
 */
struct ksync_qlock {
	struct ksync_qnode *tail;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map dep_map;
#endif
};

/**
 * struct ksync_qnode - one acquisition, on the stack of who makes it
 * @next: who came after
 * @granted: set by the predecessor
 */
struct ksync_qnode {
	struct ksync_qnode *next;
	bool granted;
} ____cacheline_aligned_in_smp;

/* Initializes a static lock; @key tells lockdep its class: the lock itself. */
#ifdef CONFIG_DEBUG_LOCK_ALLOC
#define KSYNC_QLOCK_INIT(name, key) { .dep_map = STATIC_LOCKDEP_MAP_INIT(name, key) }
#else
#define KSYNC_QLOCK_INIT(name, key) { .tail = NULL }
#endif

void ksync_qlock_lock(struct ksync_qlock *lock, struct ksync_qnode *node);
void ksync_qlock_unlock(struct ksync_qlock *lock, struct ksync_qnode *node);

#endif /* KSYNC_QLOCK_H */
