/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What threads of this library wait by: a futex, and a lock made of one.
 *
 * The lock is Drepper's third mutex ("Futexes Are Tricky", 2011): 0 free, 1 locked, 2
 * locked and somebody may sleep.  No task may wait or yield with one locked.
 */
#ifndef KSYNC_MODELS_LOCK_H
#define KSYNC_MODELS_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NEVER	UINT64_MAX

/* Sleep while *@word == @seen, until @deadline in ns of CLOCK_MONOTONIC. */
int ksync_thread_wait(uint32_t *word, uint32_t seen, uint64_t deadline);
void ksync_thread_wake(uint32_t *word, int n);
void ksync_lock_contended(uint32_t *lock);

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	asm volatile("isb" ::: "memory");
#endif
}

static inline void lock(uint32_t *l)
{
	uint32_t none = 0;

	if (!__atomic_compare_exchange_n(l, &none, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		ksync_lock_contended(l);
}

static inline void unlock(uint32_t *l)
{
	if (__atomic_exchange_n(l, 0, __ATOMIC_RELEASE) == 2)
		ksync_thread_wake(l, 1);
}

#endif /* KSYNC_MODELS_LOCK_H */
