/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls that return a negative errno and leave errno alone.
 *
 * Tasks without a TLS of their own share their parent's errno, so libc's
 * wrappers will not do for them.
 */
#ifndef KSYNC_SELFTESTS_SYS_H
#define KSYNC_SELFTESTS_SYS_H

#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__LP64__)

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall"
		     : "=a" (ret)
		     : "0" (nr), "D" (a), "S" (b), "d" (c), "r" (r10), "r" (r8), "r" (r9)
		     : "rcx", "r11", "memory");
	return ret;
}

#else

/* Elsewhere every task has to have its own TLS. */
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret = syscall(nr, a, b, c, d, e, f);

	return ret < 0 ? -errno : ret;
}

#endif

#define SYS_ARGS(nr, a, b, c, d, e, f, ...)				\
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* sys(number, up to six arguments) */
#define sys(nr, ...) SYS_ARGS(nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* Sleep while *@word == @expected, or until @timeout has passed. */
static inline long sys_futex_wait(uint32_t *word, uint32_t expected,
				  const struct timespec *timeout)
{
	return sys(SYS_futex, word, FUTEX_WAIT, expected, timeout);
}

static inline long sys_futex_wake(uint32_t *word)
{
	return sys(SYS_futex, word, FUTEX_WAKE, 1 << 30);
}

static inline pid_t sys_gettid(void)
{
	return sys(SYS_gettid);
}

#endif /* KSYNC_SELFTESTS_SYS_H */
