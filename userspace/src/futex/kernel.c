// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: what it asks of the kernel.  Futexes are shared ones: they
 * are known by the memfd and the place in it, whatever the process.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/time_types.h>
#include <signal.h>
#include <sys/syscall.h>
#include "futex.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2	13	/* from Linux 5.14 */
#endif

/* Where there are two, the one whose timespec has 64 bits. */
#ifdef SYS_futex_time64
#define FUTEX_NR	SYS_futex_time64
#else
#define FUTEX_NR	SYS_futex
#endif

#define NAP_NS		1000000
#define TICK_NS		NSEC_PER_SEC

static long futex(uint32_t *word, int op, uint32_t val, const void *timeout,
		  uint32_t *word2, uint32_t val3)
{
	return ksync_syscall(FUTEX_NR, (long)word, op, val, (long)timeout, (long)word2, val3);
}

static struct __kernel_timespec *to_timespec(uint64_t deadline, struct __kernel_timespec *ts)
{
	if (deadline == KSYNC_NO_DEADLINE)
		return NULL;
	ts->tv_sec = deadline / NSEC_PER_SEC;
	ts->tv_nsec = deadline % NSEC_PER_SEC;
	return ts;
}

/** ksync_futex_self() - the caller's TID */
uint32_t ksync_futex_self(void)
{
	return ksync_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/**
 * ksync_futex_wait() - sleep while *@word == @expected
 * @word: where
 * @expected: compared atomically against wake-ups
 * @bitset: which ones to hear
 * @flags: KSYNC_WAIT_REALTIME counts
 * @deadline: as in LOCK
 *
 * The kernel says 0 to those alone whom a wake-up took out of the queue, and says
 * that even if their time was over, or a signal was there.
 *
 * Return: 0 woken; -EAGAIN, -ETIMEDOUT, -EINTR.
 */
int ksync_futex_wait(uint32_t *word, uint32_t expected, uint32_t bitset, uint32_t flags,
		     uint64_t deadline)
{
	const int clock = flags & KSYNC_WAIT_REALTIME ? FUTEX_CLOCK_REALTIME : 0;
	struct __kernel_timespec ts;

	return futex(word, FUTEX_WAIT_BITSET | clock, expected, to_timespec(deadline, &ts),
		     NULL, bitset);
}

static uint32_t clamp(uint32_t n)
{
	return n > INT_MAX ? INT_MAX : n;
}

/** ksync_futex_wake() - wake at most @n; return how many. The kernel takes 0 for 1 */
int ksync_futex_wake(uint32_t *word, uint32_t n, uint32_t bitset)
{
	return n ? futex(word, FUTEX_WAKE_BITSET, clamp(n), NULL, NULL, bitset) : 0;
}

/** ksync_futex_sleepers() - how many sleep: those that would be moved, to where they are */
int ksync_futex_sleepers(uint32_t *word)
{
	return futex(word, FUTEX_REQUEUE, 0, (void *)(long)INT_MAX, word, 0);
}

/** ksync_futex_requeue() - return how many were woken or moved, woken ones first; -EAGAIN */
int ksync_futex_requeue(const struct ksync_requeue *arg, uint32_t *from, uint32_t *to)
{
	const int op = arg->flags & KSYNC_REQUEUE_CMP ? FUTEX_CMP_REQUEUE : FUTEX_REQUEUE;

	return futex(from, op, clamp(arg->wake), (void *)(long)clamp(arg->move), to,
		     arg->expected);
}

/* FUTEX_LOCK_PI counts on CLOCK_REALTIME: where there is nothing else, convert. */
static int lock_pi_old(uint32_t *word, uint64_t deadline)
{
	struct __kernel_timespec ts;
	uint64_t at;
	int ret;

	do {
		at = ksync_futex_now(0) < deadline ? deadline - ksync_futex_now(0) : 0;
		at += ksync_futex_now(KSYNC_WAIT_REALTIME);
		ret = futex(word, FUTEX_LOCK_PI, 0, to_timespec(at, &ts), NULL, 0);
	} while (ret == -ETIMEDOUT && ksync_futex_now(0) < deadline);
	return ret;
}

/**
 * ksync_futex_lock_pi() - lock a PI futex; signal handlers run, and it goes on
 * @word: where
 * @flags: KSYNC_WAIT_REALTIME counts
 * @deadline: as in LOCK
 *
 * Return: 0; -EDEADLK, -ETIMEDOUT; -ESRCH, -EPERM (there is no such owner, or it
 * is a thread of the kernel), -EAGAIN (it is about to end), -EINVAL (what the word
 * says is not what the kernel knows), -ENOMEM.
 */
int ksync_futex_lock_pi(uint32_t *word, uint32_t flags, uint64_t deadline)
{
	struct __kernel_timespec ts, *at = to_timespec(deadline, &ts);
	int ret;

	if (!at || flags & KSYNC_WAIT_REALTIME)
		return futex(word, FUTEX_LOCK_PI, 0, at, NULL, 0);
	ret = futex(word, FUTEX_LOCK_PI2, 0, at, NULL, 0);
	return ret == -ENOSYS ? lock_pi_old(word, deadline) : ret;
}

/** ksync_futex_trylock_pi() - -EAGAIN also if somebody has it: then WAITERS was set */
int ksync_futex_trylock_pi(uint32_t *word)
{
	return futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);
}

/** ksync_futex_unlock_pi() - hand it over, or clear it if nobody waits */
int ksync_futex_unlock_pi(uint32_t *word)
{
	int ret;

	do {
		ret = futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	} while (ret == -EAGAIN);
	return ret;
}

/**
 * ksync_futex_dead() - is there no such thread any more?
 * @tid: below TID_END
 *
 * The kernel looks for the owner of a PI futex; this one is nobody else's.  It is
 * not a private one, whose owner would have to be of this process.  -EPERM: the
 * number is a kernel thread's by now.
 */
bool ksync_futex_dead(uint32_t tid)
{
	uint32_t word = tid;
	long ret = futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);

	return ret == -ESRCH || ret == -EPERM;
}

/** ksync_futex_now() - the time, on the clock that @flags say, in ns */
uint64_t ksync_futex_now(uint32_t flags)
{
	struct timespec ts;

	clock_gettime(flags & KSYNC_WAIT_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/** ksync_futex_tick() - @deadline, or the time to look whether somebody died, if that is sooner */
uint64_t ksync_futex_tick(uint32_t flags, uint64_t deadline)
{
	const uint64_t tick = ksync_futex_now(flags) + TICK_NS;

	return deadline < tick ? deadline : tick;
}

/** ksync_futex_nap() - sleep for a moment */
void ksync_futex_nap(void)
{
	struct timespec ts = { .tv_nsec = NAP_NS };

	ksync_syscall(SYS_nanosleep, (long)&ts, 0, 0, 0, 0, 0);
}

/** ksync_futex_block_signals() - all of them, libc's own included */
void ksync_futex_block_signals(uint64_t *before)
{
	const uint64_t all = ~0ULL;

	ksync_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)before,
		      sizeof(all), 0, 0);
}

/** ksync_futex_restore_signals() - those that were blocked before */
void ksync_futex_restore_signals(const uint64_t *before)
{
	ksync_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)before, 0, sizeof(*before), 0, 0);
}

/** ksync_futex_comm() - a thread's name, as /proc has it; @size is more than 0 */
int ksync_futex_comm(uint32_t tid, char *comm, size_t size)
{
	char path[32] = "/proc/", digits[10];
	size_t at = 6;
	int n = 0;
	long fd, got;

	do {
		digits[n++] = '0' + tid % 10;
		tid /= 10;
	} while (tid);
	while (n)
		path[at++] = digits[--n];
	memcpy(path + at, "/comm", sizeof("/comm"));
	fd = ksync_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return fd;
	got = ksync_syscall(SYS_read, fd, (long)comm, size, 0, 0, 0);
	ksync_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	if (got <= 0)
		return -ESRCH;
	comm[got - 1] = 0;	/* there is a newline, or no more room */
	return 0;
}
