// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Sleeping threads: the slow half of lock.h.  errno stays as it was. */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "internal.h"
#include "lock.h"

/* How often to look at a lock before sleeping; its holders do not keep it long. */
#define SPINS	64

/**
 * ksync_thread_wait() - sleep while a word is as seen
 * @word: changed before ksync_thread_wake()
 * @seen: what it was
 * @deadline: in ns of CLOCK_MONOTONIC, or NEVER
 *
 * Return: 0, maybe for no reason; -ETIMEDOUT.
 */
int ksync_thread_wait(uint32_t *word, uint32_t seen, uint64_t deadline)
{
	struct timespec abs = { .tv_sec = deadline / 1000000000,
				.tv_nsec = deadline % 1000000000 };
	int saved = *ksync_errno_location();
	int ret = 0;

	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen,
		    deadline == NEVER ? NULL : &abs, NULL,
		    FUTEX_BITSET_MATCH_ANY) < 0 &&
	    *ksync_errno_location() == ETIMEDOUT)
		ret = -ETIMEDOUT;
	*ksync_errno_location() = saved;
	return ret;
}

void ksync_thread_wake(uint32_t *word, int n)
{
	int saved = *ksync_errno_location();

	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0);
	*ksync_errno_location() = saved;
}

void ksync_lock_contended(uint32_t *l)
{
	int i;

	for (i = 0; i < SPINS; i++) {
		uint32_t none = 0;

		if (!__atomic_load_n(l, __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(l, &none, 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
		relax();
	}
	while (__atomic_exchange_n(l, 2, __ATOMIC_ACQUIRE))
		ksync_thread_wait(l, 2, NEVER);
}
