// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: the inner lock of an object, or of the domain.
 *
 * It is a PI futex: who has it runs at the priority of who waits for it, and the
 * kernel tells when who had it was killed.  What it left behind may count one
 * waiter too many, which the next wake-up finds out (queue.c), or have lost an
 * object's number.
 */
#include <linux/futex.h>
#include <signal.h>
#include "futex.h"

/* A thread that had this TID before us, or is no more, left it locked. */
static bool take_over(struct inner *l)
{
	uint32_t v = load(l->word), owner = v & FUTEX_TID_MASK;

	if (owner == l->self)
		return true;
	return owner && ksync_futex_dead(owner) && cas(l->word, &v, (v & FUTEX_WAITERS) | l->self);
}

static bool lock_slow(struct inner *l)
{
	const int ret = ksync_futex_lock_pi(l->word, 0, KSYNC_NO_DEADLINE);

	if (!ret) {
		if (load(l->word) & FUTEX_OWNER_DIED)
			__atomic_fetch_and(l->word, ~FUTEX_OWNER_DIED, __ATOMIC_SEQ_CST);
		return true;
	}
	if (ret == -ESRCH || ret == -EPERM || ret == -EDEADLK)
		return take_over(l);
	ksync_futex_nap();
	return false;
}

/** ksync_futex_inner_lock() - block all signals, and lock */
void ksync_futex_inner_lock(struct inner *l, uint32_t *word)
{
	uint32_t v = 0;

	ksync_futex_block_signals(&l->mask);
	l->word = word;
	l->self = ksync_futex_self();
	if (__atomic_compare_exchange_n(word, &v, l->self, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (!lock_slow(l))
		;
}

/** ksync_futex_inner_unlock() - unlock, and let signals through that were let through before */
void ksync_futex_inner_unlock(struct inner *l)
{
	uint32_t v = l->self;

	if (!__atomic_compare_exchange_n(l->word, &v, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		ksync_futex_unlock_pi(l->word);
	ksync_futex_restore_signals(&l->mask);
}
