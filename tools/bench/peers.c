// SPDX-License-Identifier: GPL-2.0
/*
 * Locks to compare with: glibc's robust mutex, a mutex of a raw futex, and the
 * spinlocks of Concurrency Kit.  And one that does not exclude, to see that the
 * bench notices.
 */
#include <ck_spinlock.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdalign.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

static alignas(64) pthread_mutex_t robust;
static alignas(64) uint32_t drepper;
static alignas(64) ck_spinlock_fas_t fas = CK_SPINLOCK_FAS_INITIALIZER;
static alignas(64) ck_spinlock_ticket_t ticket = CK_SPINLOCK_TICKET_INITIALIZER;
static alignas(64) ck_spinlock_mcs_t mcs;
static _Thread_local ck_spinlock_mcs_context_t mine;

static void init_nothing(void)
{
}

#define init_drepper	init_nothing
#define init_fas	init_nothing
#define init_ticket	init_nothing
#define init_mcs	init_nothing
#define init_busted	init_nothing

static void init_robust(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	must(-pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), "robust");
	must(-pthread_mutex_init(&robust, &attr), "pthread_mutex_init");
}

static int take_robust(void)
{
	return pthread_mutex_lock(&robust);
}

static int give_robust(void)
{
	return pthread_mutex_unlock(&robust);
}

/* Drepper, Futexes Are Tricky: mutex2. 0 is free, 1 is locked, 2 is waited for. */
static void wait_drepper(uint32_t seen)
{
	if (seen != 2)
		seen = __atomic_exchange_n(&drepper, 2, __ATOMIC_ACQUIRE);
	while (seen) {
		syscall(SYS_futex, &drepper, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
		seen = __atomic_exchange_n(&drepper, 2, __ATOMIC_ACQUIRE);
	}
}

static int take_drepper(void)
{
	uint32_t seen = 0;

	if (!__atomic_compare_exchange_n(&drepper, &seen, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		wait_drepper(seen);
	return 0;
}

static int give_drepper(void)
{
	if (__atomic_fetch_sub(&drepper, 1, __ATOMIC_RELEASE) != 1) {
		__atomic_store_n(&drepper, 0, __ATOMIC_RELEASE);
		syscall(SYS_futex, &drepper, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return 0;
}

static int take_fas(void)
{
	ck_spinlock_fas_lock(&fas);
	return 0;
}

static int give_fas(void)
{
	ck_spinlock_fas_unlock(&fas);
	return 0;
}

static int take_ticket(void)
{
	ck_spinlock_ticket_lock(&ticket);
	return 0;
}

static int give_ticket(void)
{
	ck_spinlock_ticket_unlock(&ticket);
	return 0;
}

static int take_mcs(void)
{
	ck_spinlock_mcs_lock(&mcs, &mine);
	return 0;
}

static int give_mcs(void)
{
	ck_spinlock_mcs_unlock(&mcs, &mine);
	return 0;
}

static int take_busted(void)
{
	return 0;
}

static int give_busted(void)
{
	return 0;
}

DEFINE_LOCK(robust, "mutex", "glibc-robust");
DEFINE_LOCK(drepper, "mutex", "raw-futex");
DEFINE_LOCK(fas, "spin", "ck-fas");
DEFINE_LOCK(ticket, "spin", "ck-ticket");
DEFINE_LOCK(mcs, "spin", "ck-mcs");
DEFINE_LOCK(busted, "mutex", "busted");
