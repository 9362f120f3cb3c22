// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own queued spinlock: see qlock.h.
 *
 *	CPU0 (has it)			CPU1 (comes)
 *	----				----
 *					node.granted = false
 *					prev = xchg(tail, node)		[A]
 *	next == NULL?
 *	cmpxchg(tail, me, NULL)		prev->next = node		[B]
 *	  fails: [A] has happened,
 *	  [B] will: wait for next
 *	store_release(next->granted)	load_acquire(granted)		[C]
 *
 * [A] is a full barrier: the node is ready before it can be seen.  [C] hands
 * over what CPU0 wrote under the lock, and is the last that CPU0 does to
 * CPU1's node, which lives on CPU1's stack.
 */
#include <linux/atomic.h>
#include <linux/preempt.h>
#include <linux/processor.h>

#include "qlock.h"

void ksync_qlock_lock(struct ksync_qlock *lock, struct ksync_qnode *node)
{
	struct ksync_qnode *prev;

	preempt_disable();
	lock_map_acquire(&lock->dep_map);
	node->next = NULL;
	node->granted = false;

	prev = xchg(&lock->tail, node);
	if (!prev)
		return;
	WRITE_ONCE(prev->next, node);
	smp_cond_load_acquire(&node->granted, VAL); /* [C] */
}

void ksync_qlock_unlock(struct ksync_qlock *lock, struct ksync_qnode *node)
{
	struct ksync_qnode *next = READ_ONCE(node->next);

	if (!next) {
		if (cmpxchg_release(&lock->tail, node, NULL) == node)
			goto out;
		next = smp_cond_load_relaxed(&node->next, VAL);
	}
	smp_store_release(&next->granted, true); /* [C] */
out:
	lock_map_release(&lock->dep_map);
	preempt_enable();
}
