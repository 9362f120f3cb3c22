// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The only door to the module, and to what is in its place.
 *
 * Tasks made by clone(CLONE_VM) without a TLS of their own share their
 * parent's errno: libc's ioctl() would tell one what happened to the other.
 * So system calls are made by hand.
 */
#include <sys/syscall.h>
#include <unistd.h>
#include "internal.h"

#if defined(__x86_64__) && defined(__LP64__)

static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
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

#elif defined(__aarch64__)

static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 asm("x8") = nr;
	register long x0 asm("x0") = a;
	register long x1 asm("x1") = b;
	register long x2 asm("x2") = c;
	register long x3 asm("x3") = d;
	register long x4 asm("x4") = e;
	register long x5 asm("x5") = f;

	asm volatile("svc 0"
		     : "+r" (x0)
		     : "r" (x8), "r" (x1), "r" (x2), "r" (x3), "r" (x4), "r" (x5)
		     : "memory");
	return x0;
}

#else

/* Elsewhere, tasks that share an errno may see each other's. */
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	if (ret < 0) {
		ret = -errno;
		errno = saved;
	}
	return ret;
}

#endif

/**
 * ksync_syscall() - any system call
 * @nr: its number
 *
 * Return: what it returns, or a negative errno; errno is left alone.
 */
long ksync_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	return raw_syscall(nr, a, b, c, d, e, f);
}

/**
 * ksync_ioctl() - call the module
 * @fd: of the domain, or of an object
 * @cmd: KSYNC_IOC_*
 * @arg: its structure
 *
 * Return: 0 or a negative errno; errno is left alone.
 */
int ksync_ioctl(int fd, unsigned long cmd, void *arg)
{
	return raw_syscall(SYS_ioctl, fd, cmd, (long)arg, 0, 0, 0);
}

/**
 * ksync_call_() - call the module, or what is in its place
 * @d: domain
 * @cmd: KSYNC_IOC_*
 * @arg: its structure
 *
 * For the library, and its tests.  Return: as ksync_ioctl().
 */
KSYNC_EXPORT int ksync_call_(struct ksync *d, unsigned long cmd, void *arg)
{
	return d->shadow ? ksync_futex_call(d, cmd, arg) : ksync_ioctl(d->fd, cmd, arg);
}
